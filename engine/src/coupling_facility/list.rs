//! Keyed lists: the put lists of shared queues, and where each entry is.
//!
//! Each shared queue is one list. The key of an entry says in which range it lies (uncommitted or committed), then 9
//! minus its priority, then its arrival: commit changes the range and nothing else, so equal priorities come in the
//! order in which they were put, not committed (US patent 6862595, claims 1 and 2; IBM MQ, "Retrieving messages from a
//! queue": q025870). A get moves an entry onto a get list and remembers where it was, so that it can be put back.
//!
//! Secondary keys (message and correlation identifier) find an entry without reading the list.

use std::collections::{BTreeMap, BTreeSet};

use super::command::{BrowseCursor, Connector, EntryStatus, ListHeader, QueueDepth};
use super::get_list::HeldEntries;
use crate::message::{CorrelationId, Message, MessageId};
use crate::mqi::Match;
use crate::name::QueueName;
use crate::unit_of_work::{EntryId, UnitOfWorkId};

/// A shared queue, as the structure numbers them: no names are compared when entries move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct QueueIndex(usize);

/// Where an entry stands in the committed range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    inverted_priority: u8,
    entry: EntryId,
}

impl Key {
    const FIRST: Key = Key { inverted_priority: 0, entry: EntryId(0) };

    fn of(entry: EntryId, message: &Message) -> Self {
        Key { inverted_priority: 9 - message.descriptor.priority.get(), entry }
    }
}

/// On which header, and in which range, an entry lies: exactly one at any time.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    Uncommitted(UnitOfWorkId),
    Committed,
    OnGetList(UnitOfWorkId),
}

#[derive(Debug)]
struct Entry {
    queue: QueueIndex,
    message: Box<Message>,
    place: Place,
}

#[derive(Debug)]
struct PutList {
    name: QueueName,
    committed: BTreeSet<Key>,
    by_message_id: BTreeSet<(MessageId, Key)>,
    by_correlation_id: BTreeSet<(CorrelationId, Key)>,
    uncommitted: u32,
    on_get_lists: u32,
}

impl PutList {
    fn new(name: QueueName) -> Self {
        PutList {
            name,
            committed: BTreeSet::new(),
            by_message_id: BTreeSet::new(),
            by_correlation_id: BTreeSet::new(),
            uncommitted: 0,
            on_get_lists: 0,
        }
    }

    fn first(&self, selection: Match) -> Option<Key> {
        match selection {
            Match::Any => self.committed.first().copied(),
            Match::MessageId(wanted) => {
                let (found, key) = *self.by_message_id.range((wanted, Key::FIRST)..).next()?;
                (found == wanted).then_some(key)
            }
            Match::CorrelationId(wanted) => {
                let (found, key) = *self.by_correlation_id.range((wanted, Key::FIRST)..).next()?;
                (found == wanted).then_some(key)
            }
        }
    }

    fn remove(&mut self, key: Key, message: &Message) {
        let there = self.committed.remove(&key)
            && self.by_message_id.remove(&(message.descriptor.message_id, key))
            && self.by_correlation_id.remove(&(message.descriptor.correlation_id, key));
        assert!(there, "a committed entry has its key in every index");
    }
}

/// An entry has come into the committed range: what monitoring needs to know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) struct Appeared {
    /// Where.
    pub(super) queue: QueueIndex,
    /// Its correlation identifier.
    pub(super) correlation_id: CorrelationId,
    /// Whether the committed range was empty before.
    pub(super) list_was_empty: bool,
    /// Whether there was no other one with this correlation identifier.
    pub(super) sublist_was_empty: bool,
}

/// The entry is not there, or another unit of work holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotHeld;

/// All lists of a structure.
#[derive(Debug, Default)]
pub(super) struct Lists {
    entries: BTreeMap<EntryId, Entry>,
    put_lists: Vec<PutList>,
    by_name: BTreeMap<QueueName, QueueIndex>,
    held: HeldEntries,
    last_entry: u64,
}

impl Lists {
    /// The number of a queue; its list is there from its first use.
    pub(super) fn queue(&mut self, name: &QueueName) -> QueueIndex {
        if let Some(&index) = self.by_name.get(name) {
            return index;
        }
        let index = QueueIndex(self.put_lists.len());
        self.put_lists.push(PutList::new(name.clone()));
        self.by_name.insert(name.clone(), index);
        index
    }

    /// The name of a queue.
    pub(super) fn name(&self, queue: QueueIndex) -> &QueueName {
        &self.put_lists[queue.0].name
    }

    /// Writes an entry: into the uncommitted range if a unit of work owns it, else where a get sees it.
    pub(super) fn write(
        &mut self,
        queue: QueueIndex,
        owner: Option<UnitOfWorkId>,
        message: Box<Message>,
    ) -> (EntryId, Option<Appeared>) {
        self.last_entry += 1;
        let entry = EntryId(self.last_entry);
        let (place, appeared) = match owner {
            Some(owner) => {
                self.held.hold(&owner.queue_manager, entry);
                self.put_lists[queue.0].uncommitted += 1;
                (Place::Uncommitted(owner), None)
            }
            None => (Place::Committed, Some(self.show(queue, entry, &message))),
        };
        self.entries.insert(entry, Entry { queue, message, place });
        (entry, appeared)
    }

    fn show(&mut self, queue: QueueIndex, entry: EntryId, message: &Message) -> Appeared {
        let list = &mut self.put_lists[queue.0];
        let correlation_id = message.descriptor.correlation_id;
        let appeared = Appeared {
            queue,
            correlation_id,
            list_was_empty: list.committed.is_empty(),
            sublist_was_empty: list.first(Match::CorrelationId(correlation_id)).is_none(),
        };
        let key = Key::of(entry, message);
        let new = list.committed.insert(key);
        assert!(new, "an entry lies on one header only");
        list.by_message_id.insert((message.descriptor.message_id, key));
        list.by_correlation_id.insert((correlation_id, key));
        appeared
    }

    /// Whether there is a committed entry that matches.
    pub(super) fn is_there(&self, queue: QueueIndex, selection: Match) -> bool {
        self.put_lists[queue.0].first(selection).is_some()
    }

    /// Moves the first committed entry that matches to the get list of its new owner.
    pub(super) fn take(
        &mut self,
        queue: QueueIndex,
        selection: Match,
        owner: UnitOfWorkId,
    ) -> Option<(EntryId, Box<Message>)> {
        let key = self.put_lists[queue.0].first(selection)?;
        let entry = self.entries.get_mut(&key.entry).expect("a key in a list belongs to an entry");
        assert!(entry.place == Place::Committed, "a get takes nothing but committed entries");
        let list = &mut self.put_lists[queue.0];
        list.remove(key, &entry.message);
        list.on_get_lists += 1;
        self.held.hold(&owner.queue_manager, key.entry);
        entry.place = Place::OnGetList(owner);
        Some((key.entry, entry.message.clone()))
    }

    /// The first committed entry behind the cursor.
    pub(super) fn browse(&self, queue: QueueIndex, after: Option<BrowseCursor>) -> Option<(EntryId, Box<Message>)> {
        let committed = &self.put_lists[queue.0].committed;
        let key = match after {
            None => committed.first(),
            Some(BrowseCursor { inverted_priority, entry: EntryId(entry) }) => {
                committed.range(Key { inverted_priority, entry: EntryId(entry.saturating_add(1)) }..).next()
            }
        }?;
        let entry = &self.entries[&key.entry];
        assert!(entry.place == Place::Committed, "a browse reads nothing but committed entries");
        Some((key.entry, entry.message.clone()))
    }

    /// Moves a put of this unit of work into the committed range, at the place of its arrival.
    pub(super) fn commit_put(&mut self, id: EntryId, owner: &UnitOfWorkId) -> Result<Appeared, NotHeld> {
        let entry = self.entries.get(&id).ok_or(NotHeld)?;
        match &entry.place {
            Place::Uncommitted(holder) if holder == owner => {}
            _ => return Err(NotHeld),
        }
        let mut entry = self.entries.remove(&id).expect("it was there a moment ago");
        self.held.let_go(&owner.queue_manager, id);
        self.put_lists[entry.queue.0].uncommitted -= 1;
        entry.place = Place::Committed;
        let appeared = self.show(entry.queue, id, &entry.message);
        self.entries.insert(id, entry);
        Ok(appeared)
    }

    /// Deletes an entry that this unit of work holds: a get that commits, a put that backs out.
    pub(super) fn delete(&mut self, id: EntryId, owner: &UnitOfWorkId) -> Result<Box<Message>, NotHeld> {
        let entry = self.entries.get(&id).ok_or(NotHeld)?;
        let list = &mut self.put_lists[entry.queue.0];
        match &entry.place {
            Place::Uncommitted(holder) if holder == owner => list.uncommitted -= 1,
            Place::OnGetList(holder) if holder == owner => list.on_get_lists -= 1,
            _ => return Err(NotHeld),
        }
        self.held.let_go(&owner.queue_manager, id);
        Ok(self.entries.remove(&id).expect("it was there a moment ago").message)
    }

    /// Moves an entry from the get list of its owner back to its place.
    pub(super) fn give_back(
        &mut self,
        id: EntryId,
        owner: &UnitOfWorkId,
        count_backout: bool,
    ) -> Result<Appeared, NotHeld> {
        let entry = self.entries.get(&id).ok_or(NotHeld)?;
        match &entry.place {
            Place::OnGetList(holder) if holder == owner => {}
            _ => return Err(NotHeld),
        }
        let mut entry = self.entries.remove(&id).expect("it was there a moment ago");
        self.held.let_go(&owner.queue_manager, id);
        self.put_lists[entry.queue.0].on_get_lists -= 1;
        if count_backout {
            let count = &mut entry.message.descriptor.backout_count;
            *count = count.saturating_add(1);
        }
        entry.place = Place::Committed;
        let appeared = self.show(entry.queue, id, &entry.message);
        self.entries.insert(id, entry);
        Ok(appeared)
    }

    /// What the units of work of a queue manager hold, those of lives later than the connector's left out; by arrival.
    pub(super) fn held_by(&self, connector: &Connector) -> Vec<EntryStatus> {
        let status = |entry: EntryId| {
            let Entry { queue, place, .. } = &self.entries[&entry];
            let queue = self.name(*queue);
            let (owner, header) = match place {
                Place::Uncommitted(owner) => (owner, ListHeader::Put(queue.clone())),
                Place::OnGetList(owner) => (owner, ListHeader::Get(owner.queue_manager.clone())),
                Place::Committed => unreachable!("a committed entry is held by nobody"),
            };
            (owner.incarnation <= connector.incarnation).then(|| EntryStatus {
                entry,
                owner: owner.clone(),
                header,
                queue: queue.clone(),
            })
        };
        self.held.of(&connector.name).filter_map(status).collect()
    }

    /// How many entries each queue has, in alphabetical order.
    /// How many messages a queue holds, those of units of work that have not ended included (`CURDEPTH`).
    pub(super) fn depth(&self, queue: QueueIndex) -> u32 {
        let list = &self.put_lists[queue.0];
        u32::try_from(list.committed.len()).unwrap_or(u32::MAX) + list.uncommitted + list.on_get_lists
    }

    pub(super) fn depths(&self) -> Vec<QueueDepth> {
        self.by_name
            .iter()
            .map(|(name, index)| {
                let list = &self.put_lists[index.0];
                QueueDepth {
                    queue: name.clone(),
                    committed: u32::try_from(list.committed.len()).expect("a structure counts its entries in 32 bits"),
                    uncommitted_puts: list.uncommitted,
                    on_get_lists: list.on_get_lists,
                }
            })
            .collect()
    }

    /// Every entry is on exactly one header, and every count and index agrees with the entries.
    #[cfg(test)]
    pub(super) fn check(&self) {
        let mut held = 0;
        let mut counts = vec![(0_usize, 0_u32, 0_u32); self.put_lists.len()];
        for (id, Entry { queue, message, place }) in &self.entries {
            let list = &self.put_lists[queue.0];
            let key = Key::of(*id, message);
            let visible = *place == Place::Committed;
            assert_eq!(list.committed.contains(&key), visible);
            assert_eq!(list.by_message_id.contains(&(message.descriptor.message_id, key)), visible);
            assert_eq!(list.by_correlation_id.contains(&(message.descriptor.correlation_id, key)), visible);
            match place {
                Place::Committed => counts[queue.0].0 += 1,
                Place::Uncommitted(_) => counts[queue.0].1 += 1,
                Place::OnGetList(_) => counts[queue.0].2 += 1,
            }
            if let Place::Uncommitted(owner) | Place::OnGetList(owner) = place {
                assert!(self.held.of(&owner.queue_manager).any(|held| held == *id));
                held += 1;
            }
        }
        assert_eq!(self.held.len(), held);
        for (list, counted) in self.put_lists.iter().zip(counts) {
            assert_eq!((list.committed.len(), list.uncommitted, list.on_get_lists), counted);
            assert_eq!((list.by_message_id.len(), list.by_correlation_id.len()), (counted.0, counted.0));
        }
    }

    /// All messages in the structure, by arrival.
    #[cfg(test)]
    pub(super) fn messages(&self) -> impl Iterator<Item = (EntryId, &Message)> {
        self.entries.iter().map(|(id, entry)| (*id, &*entry.message))
    }
}
