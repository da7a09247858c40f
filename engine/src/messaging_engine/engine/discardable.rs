//! The discardable data buffer: where best effort messages live.
//!
//! **In the product.** Best effort nonpersistent messages are kept in a memory buffer of fixed size and nowhere else;
//! when a new one finds no room, older ones that are in no active transaction are discarded. Documented: IBM WebSphere
//! Application Server, "Controlling the memory buffers used by a messaging engine"
//! (`sib.msgstore.discardableDataBufferSize`).

use std::collections::BTreeMap;

use crate::messaging_engine::message::BusMessage;
use crate::messaging_engine::reliability::Reliability;
use crate::messaging_engine::store::ItemId;
use crate::name::DestinationName;

/// `sib.msgstore.discardableDataBufferSize`, in bytes: the default of the product's message store.
const DISCARDABLE_DATA_BUFFER_SIZE: u64 = 1_280_000;

/// What lies in the buffer.
#[derive(Clone, Debug, Default)]
pub(super) struct DiscardableBuffer {
    messages: BTreeMap<ItemId, (DestinationName, u32)>,
    bytes: u64,
}

impl DiscardableBuffer {
    /// Notes a message that came, if it belongs here.
    pub(super) fn insert(&mut self, item: ItemId, destination: &DestinationName, message: &BusMessage) {
        if message.reliability == Reliability::BestEffortNonpersistent {
            self.messages.insert(item, (destination.clone(), message.length()));
            self.bytes += u64::from(message.length());
        }
    }

    /// Notes that a message is gone.
    pub(super) fn remove(&mut self, item: ItemId) {
        if let Some((_, length)) = self.messages.remove(&item) {
            self.bytes -= u64::from(length);
        }
    }

    /// Which messages must go for the buffer to keep its size: the oldest first, of those that may be discarded.
    pub(super) fn excess(&self, may_go: impl Fn(&DestinationName, ItemId) -> bool) -> Vec<(DestinationName, ItemId)> {
        let mut bytes = self.bytes;
        let mut doomed = Vec::new();
        for (&item, (destination, length)) in &self.messages {
            if bytes <= DISCARDABLE_DATA_BUFFER_SIZE {
                break;
            }
            if may_go(destination, item) {
                bytes -= u64::from(*length);
                doomed.push((destination.clone(), item));
            }
        }
        doomed
    }
}
