//! A private queue: the messages of a local queue with `QSGDISP(QMGR)`.
//!
//! **In the product.** Messages of a private queue lie in buffer pools and page sets of their queue manager. Those of a
//! unit of work that has not ended are invisible but count in `CURDEPTH`; a get that is backed out puts the message back
//! at its old place with a higher `BackoutCount`. Messages of equal priority are delivered in the order of arrival, that
//! is of the puts, not of the commits: a late committer inserts before what others have put since. An expired message
//! stays, and counts, until a get or a browse meets it. Sources: IBM
//! MQ, "Priority" (q026260), "Messages that are backed out" (q023090), "Expired messages on z/OS" (q097500), and the
//! description of `MQGMO_LOCK` among the get-message options.
//!
//! **Modelled.** Order, visibility, indexes by message and correlation identifier (`INDXTYPE`, here always both), browse
//! cursors and locks, expiry when met, depth.
//!
//! **Left out.** Page sets and buffer pools: the queue lies in memory and is rebuilt from the log at restart, to which the
//! queue manager writes everything that must survive. The expiry scan (`EXPRYINT`), triggering, message groups, selectors,
//! and gets of the message under the cursor.
//!
//! The queue decides nothing about durability, units of work or applications; it is told which message changes how, and
//! asserts that this is possible.

mod index;
mod state;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use index::{Index, Place};
pub use state::{BrowserId, MessageNumber, MessageState};

use crate::message::{Message, Persistence, Priority};
use crate::mqi::{BrowseLock, BrowsePosition, Match};
use crate::queue_manager::definition::{DeliverySequence, QueueDefinition};
use crate::time::Time;
use crate::unit_of_work::UnitOfWorkId;

/// A private queue.
#[derive(Clone, Debug)]
pub struct PrivateQueue {
    /// `Some` if every message is taken to have this priority (`MSGDLVSQ(FIFO)`).
    only_priority: Option<Priority>,
    messages: BTreeMap<MessageNumber, Stored>,
    /// Exactly the messages that are [`MessageState::Available`].
    available: Index,
    uncommitted: u32,
    browsers: BTreeMap<BrowserId, Browser>,
}

#[derive(Clone, Debug)]
struct Stored {
    message: Message,
    state: MessageState,
}

/// An open handle that has browsed.
#[derive(Clone, Copy, Debug, Default)]
struct Browser {
    /// The message browsed last; `None` before the first.
    cursor: Option<Place>,
    /// The message that it keeps from others.
    locked: Option<MessageNumber>,
}

/// What a search met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "expired messages that were met are to be removed"]
pub struct Search {
    /// The message that fits.
    pub found: Option<MessageNumber>,
    /// Expired messages that lay before it and would have fitted: to be removed, with [`PrivateQueue::take`] outside any
    /// unit of work.
    pub expired: Vec<MessageNumber>,
    /// A message that the browsing handle kept from others until now: a get that waits may want it.
    pub unlocked: Option<MessageNumber>,
}

impl PrivateQueue {
    /// An empty queue.
    #[must_use]
    pub fn new(definition: &QueueDefinition) -> Self {
        PrivateQueue {
            only_priority: match definition.delivery_sequence {
                DeliverySequence::Priority => None,
                DeliverySequence::Fifo => Some(definition.default_priority),
            },
            messages: BTreeMap::new(),
            available: Index::default(),
            uncommitted: 0,
            browsers: BTreeMap::new(),
        }
    }

    // ---- Puts

    /// A put under syncpoint: the message is there and counts, but nobody sees it.
    pub fn put_uncommitted(&mut self, number: MessageNumber, message: Message, unit: UnitOfWorkId) {
        self.insert(number, message, MessageState::UncommittedPut(unit));
        self.uncommitted += 1;
    }

    /// The unit of work of a put commits: the message is available, at the place of its arrival.
    pub fn commit_put(&mut self, number: MessageNumber) {
        let stored = stored_mut(&mut self.messages, number);
        assert!(matches!(stored.state, MessageState::UncommittedPut(_)), "message {number} is not an uncommitted put");
        stored.state = MessageState::Available;
        self.available.insert(place(self.only_priority, number, &stored.message), &stored.message);
        self.uncommitted -= 1;
    }

    /// The unit of work of a put is backed out: the message was never there.
    pub fn remove_put(&mut self, number: MessageNumber) -> Message {
        let stored = self.remove(number);
        assert!(matches!(stored.state, MessageState::UncommittedPut(_)), "message {number} is not an uncommitted put");
        self.uncommitted -= 1;
        stored.message
    }

    /// A put outside syncpoint: the message is available at once.
    pub fn put_committed(&mut self, number: MessageNumber, message: Message) {
        self.available.insert(place(self.only_priority, number, &message), &message);
        self.insert(number, message, MessageState::Available);
    }

    // ---- Gets

    /// The message that a get would take at `now`: visible, fitting, not expired; of these the first in the order of
    /// delivery. `reader` is the handle of the get, if it browses too: it sees the message that it has locked itself.
    ///
    /// Takes logarithmic time, and as much again for each expired message met.
    pub fn first(&self, now: Time, selection: &Match, reader: Option<BrowserId>) -> Search {
        let mut search = Search::default();
        let own = reader
            .and_then(|reader| self.browsers.get(&reader)?.locked)
            .map(|number| (number, self.stored(number)))
            .filter(|(_, stored)| index::fits(selection, &stored.message))
            .map(|(number, stored)| (self.place(number), stored));

        let mut found = self.available.first(selection, |place| {
            if own.is_some_and(|(own, _)| own < place) {
                // The own locked message comes first, unless it has expired.
                return true;
            }
            self.is_deliverable(place, now, &mut search.expired)
        });
        if let Some((own, stored)) = own
            && found.is_none_or(|place| own < place)
        {
            if !stored.message.is_expired(now) {
                found = Some(own);
            } else {
                search.expired.push(own.number);
                found = self
                    .available
                    .first(selection, |place| place > own && self.is_deliverable(place, now, &mut search.expired));
            }
        }
        search.found = found.map(|place| place.number);
        search
    }

    /// A get takes a message that [`first`](Self::first) found, or an expired one is removed.
    ///
    /// Within a unit of work, the message stays, counts, and is seen by nobody until that ends; outside (`None`), it is
    /// gone. Returns `None`, and changes nothing, if there is no such message or it belongs to a unit of work already.
    pub fn take(&mut self, number: MessageNumber, unit: Option<UnitOfWorkId>) -> Option<Message> {
        let stored = self.messages.get_mut(&number)?;
        let place = place(self.only_priority, number, &stored.message);
        match stored.state {
            MessageState::Available => self.available.remove(place, &stored.message),
            MessageState::Locked(browser) => {
                let browser = self.browsers.get_mut(&browser).expect("who holds a lock is known");
                assert_eq!(browser.locked.take(), Some(number), "a lock and its holder agree");
            }
            MessageState::UncommittedPut(_) | MessageState::UncommittedGet(_) => return None,
        }
        match unit {
            Some(unit) => {
                stored.state = MessageState::UncommittedGet(unit);
                self.uncommitted += 1;
                Some(stored.message.clone())
            }
            None => Some(self.remove(number).message),
        }
    }

    /// The unit of work of a get commits: the message is gone.
    pub fn commit_get(&mut self, number: MessageNumber) -> Message {
        let stored = self.remove(number);
        assert!(matches!(stored.state, MessageState::UncommittedGet(_)), "message {number} is not an uncommitted get");
        self.uncommitted -= 1;
        stored.message
    }

    /// The unit of work of a get is backed out: the message is available again at its old place. Returns its backout
    /// count, which is one higher than before.
    pub fn backout_get(&mut self, number: MessageNumber) -> u32 {
        let stored = stored_mut(&mut self.messages, number);
        assert!(matches!(stored.state, MessageState::UncommittedGet(_)), "message {number} is not an uncommitted get");
        stored.state = MessageState::Available;
        stored.message.descriptor.backout_count += 1;
        self.available.insert(place(self.only_priority, number, &stored.message), &stored.message);
        self.uncommitted -= 1;
        stored.message.descriptor.backout_count
    }

    /// Sets the backout count of a message, whatever its state: at restart, from what the log says of it (`HARDENBO`).
    pub fn set_backout_count(&mut self, number: MessageNumber, backout_count: u32) {
        stored_mut(&mut self.messages, number).message.descriptor.backout_count = backout_count;
    }

    // ---- Browsing

    /// Moves the handle's cursor to the first message, or to the next after it, that is visible and not expired; the
    /// lock that the handle held ends, whether or not a message is found, and the message found is locked if asked for.
    ///
    /// A message that was committed behind the cursor is not seen until the cursor begins anew. If none is found, the
    /// cursor stays (`Next`) or is before the first message (`First`).
    pub fn browse(&mut self, browser: BrowserId, position: BrowsePosition, lock: BrowseLock, now: Time) -> Search {
        let mut search = Search { unlocked: self.unlock(browser), ..Search::default() };
        let from = match position {
            BrowsePosition::First => None,
            BrowsePosition::Next => self.browsers.get(&browser).and_then(|browser| browser.cursor),
        };
        let found = self.available.after(from).find(|&place| self.is_deliverable(place, now, &mut search.expired));
        let locked = match (lock, found) {
            (BrowseLock::Locked, Some(place)) => {
                let stored = stored_mut(&mut self.messages, place.number);
                stored.state = MessageState::Locked(browser);
                self.available.remove(place, &stored.message);
                Some(place.number)
            }
            _ => None,
        };
        self.browsers.insert(browser, Browser { cursor: found.or(from), locked });
        search.found = found.map(|place| place.number);
        search
    }

    /// The handle is closed, or its connection has ended: its cursor and its lock are gone. Returns the message that it
    /// had kept from others.
    pub fn close_browser(&mut self, browser: BrowserId) -> Option<MessageNumber> {
        let unlocked = self.unlock(browser);
        self.browsers.remove(&browser);
        unlocked
    }

    fn unlock(&mut self, browser: BrowserId) -> Option<MessageNumber> {
        let number = self.browsers.get_mut(&browser)?.locked.take()?;
        let stored = stored_mut(&mut self.messages, number);
        assert_eq!(stored.state, MessageState::Locked(browser), "a lock and its holder agree");
        stored.state = MessageState::Available;
        self.available.insert(place(self.only_priority, number, &stored.message), &stored.message);
        Some(number)
    }

    // ---- State

    /// `CURDEPTH`: all messages, those of units of work that have not ended and expired ones included.
    #[must_use]
    pub fn depth(&self) -> u32 {
        u32::try_from(self.messages.len()).unwrap_or(u32::MAX)
    }

    /// `UNCOM`: messages that belong to units of work that have not ended.
    #[must_use]
    pub fn uncommitted(&self) -> u32 {
        self.uncommitted
    }

    /// Whether a put must be refused (`MAXDEPTH`).
    #[must_use]
    pub fn is_full(&self, definition: &QueueDefinition) -> bool {
        self.depth() >= definition.maximum_depth
    }

    /// A message, in whatever state.
    #[must_use]
    pub fn message(&self, number: MessageNumber) -> Option<&Message> {
        self.messages.get(&number).map(|stored| &stored.message)
    }

    /// The state of a message.
    #[must_use]
    pub fn state(&self, number: MessageNumber) -> Option<&MessageState> {
        self.messages.get(&number).map(|stored| &stored.state)
    }

    /// All messages in the order of arrival, with their states: what a checkpoint writes and an audit reads.
    pub fn messages(&self) -> impl Iterator<Item = (MessageNumber, &Message, &MessageState)> {
        self.messages.iter().map(|(&number, stored)| (number, &stored.message, &stored.state))
    }

    /// Restart: nonpersistent messages are gone. Returns how many.
    pub fn discard_nonpersistent(&mut self) -> u32 {
        let doomed: Vec<MessageNumber> = self
            .messages()
            .filter(|(_, message, _)| message.descriptor.persistence == Persistence::Nonpersistent)
            .map(|(number, ..)| number)
            .collect();
        for &number in &doomed {
            if self.stored(number).state.is_uncommitted() {
                self.uncommitted -= 1;
                self.remove(number);
            } else {
                self.take(number, None);
            }
        }
        u32::try_from(doomed.len()).unwrap_or(u32::MAX)
    }

    /// Each message is in one state, and counters, index and locks say the same.
    #[cfg(test)]
    fn assert_consistent(&self) {
        let count = |is: fn(&MessageState) -> bool| self.messages.values().filter(|stored| is(&stored.state)).count();
        assert_eq!(self.available.len(), count(|state| *state == MessageState::Available));
        assert_eq!(self.uncommitted as usize, count(MessageState::is_uncommitted));
        for (&number, stored) in &self.messages {
            let is_indexed = self.available.contains(self.place(number), &stored.message);
            assert_eq!(is_indexed, stored.state == MessageState::Available, "message {number}");
        }
        let locks = self.browsers.iter().filter_map(|(&browser, at)| Some((at.locked?, browser)));
        for (number, browser) in locks.clone() {
            assert_eq!(self.stored(number).state, MessageState::Locked(browser), "message {number}");
        }
        assert_eq!(locks.count(), count(|state| matches!(state, MessageState::Locked(_))));
    }

    fn insert(&mut self, number: MessageNumber, message: Message, state: MessageState) {
        let before = self.messages.insert(number, Stored { message, state });
        assert!(before.is_none(), "message number {number} was used twice");
    }

    fn remove(&mut self, number: MessageNumber) -> Stored {
        self.messages.remove(&number).unwrap_or_else(|| panic!("message {number} is not on the queue"))
    }

    fn stored(&self, number: MessageNumber) -> &Stored {
        self.messages.get(&number).unwrap_or_else(|| panic!("message {number} is not on the queue"))
    }

    fn place(&self, number: MessageNumber) -> Place {
        place(self.only_priority, number, &self.stored(number).message)
    }

    /// Whether the message at this place has not expired; otherwise notes that it was met.
    fn is_deliverable(&self, place: Place, now: Time, expired: &mut Vec<MessageNumber>) -> bool {
        let is_expired = self.stored(place.number).message.is_expired(now);
        if is_expired {
            expired.push(place.number);
        }
        !is_expired
    }
}

fn stored_mut(messages: &mut BTreeMap<MessageNumber, Stored>, number: MessageNumber) -> &mut Stored {
    messages.get_mut(&number).unwrap_or_else(|| panic!("message {number} is not on the queue"))
}

fn place(only_priority: Option<Priority>, number: MessageNumber, message: &Message) -> Place {
    Place::new(only_priority.unwrap_or(message.descriptor.priority), number)
}
