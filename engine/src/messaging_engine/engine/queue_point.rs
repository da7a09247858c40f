//! A queue point: the messages of one destination that one engine holds.
//!
//! **In the product.** A queue that is assigned to a bus member has a queue point on each messaging engine of that
//! member; every message is on exactly one of them. Messages are delivered by priority, then in the order of arrival; a
//! message that is given back takes its old place. States of a message: available, locked, remote locked, removing,
//! committing. Documented: IBM WebSphere Application Server, "Message points", "Message states".
//!
//! **Modelled.** Order, states and selection by correlation identifier, and the pause of a message whose delivery failed
//! too often and which has nowhere to go (blocked retry). The queue point decides nothing about durability, transactions
//! or connections: it is told which message changes how. Which messages of it are spilled it knows itself (`spilling`). Left
//! out: selectors on other properties.

use core::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::spilling::Spilling;
use super::transaction::TransactionNumber;
use crate::machine::ConnectionId;
use crate::message::{CorrelationId, Priority};
use crate::messaging_engine::definition::SpillLimits;
use crate::messaging_engine::frame::Selection;
use crate::messaging_engine::message::BusMessage;
use crate::messaging_engine::store::ItemId;
use crate::name::MessagingEngineName;
use crate::time::Time;

/// The state of a message on a queue point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ItemState {
    /// Can be received.
    Available,
    /// Failed too often and has nowhere to go: can be received again later. An administrator sees it as available.
    Blocked {
        /// From when on.
        until: Time,
    },
    /// Locked to a consumer that has not acknowledged it.
    Locked(ConnectionId),
    /// Locked to a consumer that is connected to another engine.
    RemoteLocked(MessagingEngineName),
    /// On a remote message point: sent, and its receipt not acknowledged yet.
    PendingAcknowledgement,
    /// Being received in a transaction.
    Removing(TransactionNumber),
    /// Being sent in a transaction.
    Committing(TransactionNumber),
}

/// Where a message stands in the order of delivery: highest priority first, then in the order of arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    priority: Reverse<Priority>,
    item: ItemId,
}

impl Place {
    const FIRST: Place = Place { priority: Reverse(Priority::HIGHEST), item: ItemId(0) };

    const fn of(item: ItemId, message: &BusMessage) -> Place {
        Place { priority: Reverse(message.priority), item }
    }
}

/// How far a message has come that is to be spilled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spill {
    /// It came while the queue point spilled.
    Due,
    /// The store has it, or will have.
    Handed,
}

#[derive(Clone, Debug)]
struct Held {
    message: BusMessage,
    state: ItemState,
}

/// What a search met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "expired messages that were met are to be removed"]
pub(super) struct Search {
    /// The message that fits, first in the order of delivery.
    pub(super) found: Option<ItemId>,
    /// Expired messages that lay before it and would have fitted.
    pub(super) expired: Vec<ItemId>,
}

/// A queue point.
#[derive(Clone, Debug, Default)]
pub(super) struct QueuePoint {
    messages: BTreeMap<ItemId, Held>,
    /// Exactly the messages that are [`ItemState::Available`].
    available: BTreeSet<Place>,
    /// The same by correlation identifier.
    by_correlation: BTreeSet<(CorrelationId, Place)>,
    /// Exactly the messages that are [`ItemState::Blocked`].
    blocked: BTreeSet<(Time, ItemId)>,
    /// Length of all messages.
    bytes: u64,
    spilling: Spilling,
    /// Messages that are, or are to be, in the store although they need not.
    spilled: BTreeMap<ItemId, Spill>,
}

impl QueuePoint {
    /// A message comes.
    ///
    /// # Panics
    /// If its number was used before.
    pub(super) fn insert(&mut self, item: ItemId, message: BusMessage, state: ItemState) {
        self.enter(item, &message, &state);
        self.bytes += u64::from(message.length());
        if self.spilling.is_due() && message.reliability.is_spilled() {
            self.spilled.insert(item, Spill::Due);
        }
        let before = self.messages.insert(item, Held { message, state });
        assert!(before.is_none(), "item {item:?} was used twice");
    }

    /// A message goes, whatever its state.
    ///
    /// # Panics
    /// If it is not there.
    pub(super) fn remove(&mut self, item: ItemId) -> BusMessage {
        let held = self.messages.remove(&item).unwrap_or_else(|| panic!("item {item:?} is not on the queue point"));
        self.leave(item, &held.message, &held.state);
        self.bytes -= u64::from(held.message.length());
        self.spilled.remove(&item);
        held.message
    }

    /// A message is final. Returns what the store is to have of it, if it came while the queue point spilled.
    pub(super) fn spill(&mut self, item: ItemId) -> Option<BusMessage> {
        let spill = self.spilled.get_mut(&item).filter(|spill| **spill == Spill::Due)?;
        *spill = Spill::Handed;
        Some(self.message(item).clone())
    }

    /// Whether the store has, or will have, a message that it need not.
    pub(super) fn is_spilled(&self, item: ItemId) -> bool {
        self.spilled.get(&item) == Some(&Spill::Handed)
    }

    /// Whether the message that was spilled just now is the first one.
    pub(super) fn begins_to_spill(&mut self) -> bool {
        self.spilling.begin()
    }

    /// Something has come or gone for good: whether there is so little on it now that memory will do again.
    pub(super) fn ends_to_spill(&mut self, limits: &SpillLimits) -> bool {
        self.spilling.look(self.messages.len() as u64, self.bytes, limits)
    }

    /// A message changes its state.
    ///
    /// # Panics
    /// If it is not there.
    pub(super) fn change(&mut self, item: ItemId, state: ItemState) {
        let mut held = self.messages.remove(&item).unwrap_or_else(|| panic!("item {item:?} is not on the queue point"));
        self.leave(item, &held.message, &held.state);
        self.enter(item, &held.message, &state);
        held.state = state;
        self.messages.insert(item, held);
    }

    /// A delivery of a message has failed. Returns how many have by now.
    ///
    /// # Panics
    /// If it is not there.
    pub(super) fn count_failed_delivery(&mut self, item: ItemId) -> u32 {
        let held = self.messages.get_mut(&item).unwrap_or_else(|| panic!("item {item:?} is not on the queue point"));
        held.message.failed_deliveries = held.message.failed_deliveries.saturating_add(1);
        held.message.failed_deliveries
    }

    /// The message that a receive would take at `now`. Takes logarithmic time, and as much for each expired message met.
    pub(super) fn first(&self, now: Time, selection: &Selection) -> Search {
        let mut search = Search::default();
        let mut accept = |place: &Place| {
            let is_expired = self.messages[&place.item].message.is_expired(now);
            if is_expired {
                search.expired.push(place.item);
            }
            !is_expired
        };
        let found = match *selection {
            Selection::Any => self.available.iter().copied().find(|place| accept(place)),
            Selection::Correlation(id) => self
                .by_correlation
                .range((id, Place::FIRST)..)
                .take_while(|(other, _)| *other == id)
                .map(|&(_, place)| place)
                .find(|place| accept(place)),
        };
        search.found = found.map(|place| place.item);
        search
    }

    /// Every available message that has expired.
    pub(super) fn expired(&self, now: Time) -> Vec<ItemId> {
        let is_expired = |place: &&Place| self.messages[&place.item].message.is_expired(now);
        self.available.iter().filter(is_expired).map(|place| place.item).collect()
    }

    /// When the next blocked message is to be offered again.
    pub(super) fn next_retry(&self) -> Option<Time> {
        self.blocked.first().map(|&(until, _)| until)
    }

    /// Offers blocked messages again whose pause is over. Returns whether there was any.
    pub(super) fn offer_blocked(&mut self, now: Time) -> bool {
        let due: Vec<ItemId> =
            self.blocked.iter().take_while(|(until, _)| *until <= now).map(|&(_, item)| item).collect();
        for &item in &due {
            self.change(item, ItemState::Available);
        }
        !due.is_empty()
    }

    /// How many messages are on it, whatever their states.
    pub(super) fn depth(&self) -> u32 {
        u32::try_from(self.messages.len()).unwrap_or(u32::MAX)
    }

    /// Whether a message is on it.
    pub(super) fn contains(&self, item: ItemId) -> bool {
        self.messages.contains_key(&item)
    }

    /// A message, in whatever state.
    ///
    /// # Panics
    /// If it is not there.
    pub(super) fn message(&self, item: ItemId) -> &BusMessage {
        &self.held(item).message
    }

    /// The state of a message.
    ///
    /// # Panics
    /// If it is not there.
    pub(super) fn state(&self, item: ItemId) -> &ItemState {
        &self.held(item).state
    }

    /// All messages in the order of arrival.
    pub(super) fn messages(&self) -> impl Iterator<Item = (ItemId, &BusMessage, &ItemState)> {
        self.messages.iter().map(|(&item, held)| (item, &held.message, &held.state))
    }

    fn held(&self, item: ItemId) -> &Held {
        self.messages.get(&item).unwrap_or_else(|| panic!("item {item:?} is not on the queue point"))
    }

    fn enter(&mut self, item: ItemId, message: &BusMessage, state: &ItemState) {
        let place = Place::of(item, message);
        match state {
            ItemState::Available => {
                self.available.insert(place);
                self.by_correlation.insert((message.correlation_id, place));
            }
            ItemState::Blocked { until } => {
                self.blocked.insert((*until, item));
            }
            ItemState::Locked(_)
            | ItemState::RemoteLocked(_)
            | ItemState::PendingAcknowledgement
            | ItemState::Removing(_)
            | ItemState::Committing(_) => {}
        }
    }

    fn leave(&mut self, item: ItemId, message: &BusMessage, state: &ItemState) {
        let place = Place::of(item, message);
        match state {
            ItemState::Available => {
                let was_there =
                    self.available.remove(&place) && self.by_correlation.remove(&(message.correlation_id, place));
                assert!(was_there, "an available message is in the index");
            }
            ItemState::Blocked { until } => {
                assert!(self.blocked.remove(&(*until, item)), "a blocked message is known as such");
            }
            ItemState::Locked(_)
            | ItemState::RemoteLocked(_)
            | ItemState::PendingAcknowledgement
            | ItemState::Removing(_)
            | ItemState::Committing(_) => {}
        }
    }
}
