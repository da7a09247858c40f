//! A message store for tests: it keeps what it was to keep, and does what a test tells it to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::machine::{Effect, Effects, File, ForceId, Input, Offered, TimerId};
use crate::messaging_engine::definition::IncarnationUuid;
use crate::messaging_engine::reliability::Reliability;
use crate::messaging_engine::store::{
    Change, Contents, ItemId, MessageStore, PreparedTransaction, SpillChange, StoreEvent, StoreFailure, StoredMessage,
    Ticket,
};
use crate::time::Time;
use crate::unit_of_work::{Outcome, Xid};

pub(super) const MEDIUM: File = File("medium");
/// An input with which a test makes the engine look at what it has put into [`Shelf::injected`].
pub(super) const NUDGE: Input = Input::Timer { timer: TimerId(999) };

/// What outlives an instance.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    pub(super) messages: BTreeMap<ItemId, StoredMessage>,
    pub(super) prepared: BTreeMap<Xid, PreparedTransaction>,
    /// Written although it need not be.
    pub(super) spilled: BTreeMap<ItemId, StoredMessage>,
    next_item: u64,
    /// Written, but not on the medium yet: gone in a crash.
    staged: BTreeMap<u64, Vec<Change>>,
    next_ticket: u64,
    /// How many of the next writes are refused.
    pub(super) refusals: u32,
    pub(super) open_fails: Option<StoreFailure>,
    pub(super) injected: Vec<StoreEvent>,
    pub(super) opened_by: Vec<IncarnationUuid>,
}

impl Shelf {
    /// The medium has taken a write.
    pub(super) fn apply(&mut self, ticket: u64) {
        for change in self.staged.remove(&ticket).unwrap_or_default() {
            match change {
                Change::Add(message) => self.add(message),
                Change::Remove { item, .. } => {
                    self.messages.remove(&item);
                }
                Change::CountFailedDelivery { item, failed_deliveries, .. } => {
                    if let Some(stored) = self.messages.get_mut(&item) {
                        stored.message.failed_deliveries = failed_deliveries;
                    }
                }
                Change::Prepare(prepared) => {
                    self.prepared.insert(prepared.xid.clone(), prepared);
                }
                Change::Resolve { xid, outcome } => {
                    let prepared = self.prepared.remove(&xid).expect("only what is prepared is resolved");
                    if outcome == Outcome::Commit {
                        prepared.adds.into_iter().for_each(|message| self.add(message));
                        prepared.removes.iter().for_each(|item| {
                            assert!(self.messages.remove(item).is_some(), "{item:?} was there until now");
                        });
                    }
                }
            }
        }
    }

    fn add(&mut self, stored: StoredMessage) {
        if stored.message.reliability.is_persistent() {
            self.next_item = self.next_item.max(stored.item.0 + 1);
            let before = self.messages.insert(stored.item, stored);
            assert!(before.is_none(), "an item number is used once");
        }
    }

    fn contents(&self) -> Contents {
        let prepared = self.prepared.values().flat_map(|it| it.adds.iter().map(|added| added.item.0 + 1));
        Contents {
            messages: self.messages.values().cloned().collect(),
            prepared: self.prepared.values().cloned().collect(),
            next_item: prepared.max().unwrap_or_default().max(self.next_item),
        }
    }
}

/// One instance's hold on the shelf.
#[derive(Debug)]
pub(super) struct FakeStore {
    shelf: Arc<Mutex<Shelf>>,
    events: Vec<StoreEvent>,
    /// What is written when there is time: lost in a crash, kept by an orderly stop.
    lazy: Vec<Change>,
    refused: Vec<u64>,
    closing: Option<u64>,
}

impl FakeStore {
    pub(super) fn new(shelf: Arc<Mutex<Shelf>>) -> Self {
        FakeStore { shelf, events: Vec::new(), lazy: Vec::new(), refused: Vec::new(), closing: None }
    }

    fn stage(&mut self, changes: Vec<Change>, effects: &mut Effects) -> u64 {
        let mut shelf = self.shelf.lock().unwrap();
        shelf.next_ticket += 1;
        let ticket = shelf.next_ticket;
        if shelf.refusals > 0 {
            shelf.refusals -= 1;
            self.refused.push(ticket);
        } else {
            shelf.staged.insert(ticket, changes);
            effects.push(Effect::Append { file: MEDIUM, bytes: ticket.to_le_bytes().to_vec() });
        }
        effects.push(Effect::Force { file: MEDIUM, request: ForceId(u32::try_from(ticket).unwrap()) });
        ticket
    }
}

impl MessageStore for FakeStore {
    fn open(&mut self, _now: Time, incarnation: &IncarnationUuid, _effects: &mut Effects) {
        let mut shelf = self.shelf.lock().unwrap();
        shelf.opened_by.push(incarnation.clone());
        shelf.staged.clear();
        shelf.spilled.clear();
        self.events.push(match shelf.open_fails {
            Some(failure) => StoreEvent::OpenFailed(failure),
            None => StoreEvent::Opened(shelf.contents()),
        });
    }

    fn offer(&mut self, _now: Time, input: Input, _effects: &mut Effects) -> Offered {
        match input {
            Input::Forced { file: MEDIUM, request } => {
                let number = u64::from(request.0);
                self.events.push(if self.closing == Some(number) {
                    StoreEvent::Closed
                } else if self.refused.contains(&number) {
                    StoreEvent::Refused(Ticket(number))
                } else {
                    StoreEvent::Stored(Ticket(number))
                });
                Offered::Taken
            }
            NUDGE => Offered::Taken,
            other => Offered::Declined(other),
        }
    }

    fn write(&mut self, _now: Time, changes: Vec<Change>, effects: &mut Effects) -> Option<Ticket> {
        let must_wait = changes.iter().any(|change| match change {
            Change::Add(stored) => stored.message.reliability == Reliability::AssuredPersistent,
            Change::Remove { reliability, .. } | Change::CountFailedDelivery { reliability, .. } => {
                *reliability == Reliability::AssuredPersistent
            }
            Change::Prepare(_) | Change::Resolve { .. } => true,
        });
        self.lazy.extend(changes);
        if !must_wait {
            return None;
        }
        let changes = core::mem::take(&mut self.lazy);
        Some(Ticket(self.stage(changes, effects)))
    }

    fn spill(&mut self, _now: Time, changes: Vec<SpillChange>, _effects: &mut Effects) {
        let spilled = &mut self.shelf.lock().unwrap().spilled;
        for change in changes {
            match change {
                SpillChange::Add(stored) => {
                    assert!(stored.message.reliability.is_spilled(), "only what may be kept in memory is spilled");
                    assert!(spilled.insert(stored.item, stored).is_none(), "a message is spilled once");
                }
                SpillChange::Remove(item) => {
                    assert!(spilled.remove(&item).is_some(), "{item:?} was spilled until now");
                }
            }
        }
    }

    fn close(&mut self, _now: Time, effects: &mut Effects) {
        let changes = core::mem::take(&mut self.lazy);
        self.closing = Some(self.stage(changes, effects));
    }

    fn abandon(&mut self, _effects: &mut Effects) {
        self.events.clear();
    }

    fn take_events(&mut self) -> Vec<StoreEvent> {
        let mut events = core::mem::take(&mut self.events);
        events.append(&mut self.shelf.lock().unwrap().injected);
        events
    }

    fn is_available(&self) -> bool {
        true
    }
}
