//! Spilling: messages that need not be stored are written all the same when there are too many of them for memory.
//!
//! **In the product.** Express and reliable nonpersistent messages are kept in memory (storage strategy *store maybe*).
//! A message point that holds too many messages, on average over its last changes, or too many bytes of them at any
//! moment, begins to spill: whatever of these levels is sent to it from then on is also written to the message store,
//! so that memory can do without it. It ends when the point is nearly empty again. All messages of the point count,
//! whatever their reliability and state; those that were there before are not written. Nobody waits for it. It is no
//! persistence: everything spilled is purged from the store when the engine starts. Known from the source of Liberty's
//! message store.
//!
//! **Modelled.** When it begins and ends ([`Spilling`]), and what is handed to the store: what has committed, and that it
//! is gone again. A message that the store cannot take is kept in memory, and nobody is told.
//!
//! **Left out.** Memory that runs out: a spilled message stays in memory too, so that its delivery reads nothing, and
//! needs no store that can be reached.

use super::MessagingEngine;
use super::queue_point::QueuePoint;
use crate::event::Event;
use crate::machine::Effects;
use crate::messaging_engine::definition::SpillLimits;
use crate::messaging_engine::store::{ItemId, SpillChange, StoredMessage};
use crate::name::DestinationName;
use crate::time::Time;

/// Over so many looks the number of messages is averaged, the older ones counting less and less: a burst that is soon
/// consumed is not worth a write.
const LOOKS: u64 = 20;

/// Whether a message point spills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spilling {
    /// Memory will do.
    Not {
        /// The average number of messages at the last looks, times [`LOOKS`].
        average_times_looks: u64,
    },
    /// What comes is to be written; nothing has come yet that is not written anyway.
    Due,
    /// What comes is written.
    Begun,
}

impl Default for Spilling {
    fn default() -> Self {
        Spilling::Not { average_times_looks: 0 }
    }
}

impl Spilling {
    /// Whether what comes now is to be written.
    pub(super) const fn is_due(self) -> bool {
        matches!(self, Spilling::Due | Spilling::Begun)
    }

    /// Looks at a message point that holds so much, after something has come or gone for good. Returns whether it has
    /// ended to spill.
    pub(super) fn look(&mut self, messages: u64, bytes: u64, limits: &SpillLimits) -> bool {
        if let Spilling::Not { average_times_looks } = self {
            let sum = *average_times_looks + messages;
            let average = sum / LOOKS;
            *average_times_looks = sum - average;
            if average >= limits.upper_messages || bytes >= limits.upper_bytes {
                *self = Spilling::Due;
            }
            return false;
        }
        if messages > limits.lower_messages || bytes > limits.lower_bytes {
            return false;
        }
        let before =
            core::mem::replace(self, Spilling::Not { average_times_looks: limits.lower_messages * (LOOKS - 1) });
        before == Spilling::Begun
    }

    /// Something is written. Returns whether it is the first.
    pub(super) fn begin(&mut self) -> bool {
        let is_first = *self == Spilling::Due;
        if is_first {
            *self = Spilling::Begun;
        }
        is_first
    }
}

/// What is to be told of spilling when the engine has done everything else: the store writes it when it likes.
#[derive(Debug, Default)]
pub(super) struct SpillWork {
    changes: Vec<SpillChange>,
    told: Vec<Event>,
}

impl SpillWork {
    /// A message on this message point has become final.
    pub(super) fn arrived(&mut self, point: &DestinationName, at: &mut QueuePoint, item: ItemId, limits: &SpillLimits) {
        if let Some(message) = at.spill(item) {
            let destination = point.clone();
            if at.begins_to_spill() {
                self.told.push(Event::SpillingBegan { destination: destination.clone() });
            }
            self.changes.push(SpillChange::Add(StoredMessage { item, destination, message }));
        }
        self.look(point, at, limits);
    }

    /// A message is about to leave this message point.
    pub(super) fn leaves(&mut self, at: &QueuePoint, item: ItemId) {
        if at.is_spilled(item) {
            self.changes.push(SpillChange::Remove(item));
        }
    }

    /// A message has left this message point.
    pub(super) fn look(&mut self, point: &DestinationName, at: &mut QueuePoint, limits: &SpillLimits) {
        if at.ends_to_spill(limits) {
            self.told.push(Event::SpillingEnded { destination: point.clone() });
        }
    }
}

impl MessagingEngine {
    /// Hands to the store what is spilled, and what was.
    pub(super) fn spill(&mut self, now: Time, effects: &mut Effects) {
        if !self.work.spill.changes.is_empty() {
            let changes = core::mem::take(&mut self.work.spill.changes);
            self.store.spill(now, changes, effects);
        }
        self.work.spill.told.drain(..).for_each(|event| effects.report(event));
    }
}
