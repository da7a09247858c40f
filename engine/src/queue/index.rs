//! The order of delivery, and the indexes by which a get finds a message without reading the queue.

use core::cmp::Reverse;
use core::ops::Bound;
use std::collections::BTreeSet;

use super::MessageNumber;
use crate::message::{CorrelationId, Message, MessageId, Priority};
use crate::mqi::Match;

const LOWEST: Priority = Priority::new(0).expect("0 is a priority");

/// Where a message stands in the order of delivery: highest priority first, then in the order of arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    priority: Reverse<Priority>,
    pub(super) number: MessageNumber,
}

impl Place {
    pub(super) const fn new(priority: Priority, number: MessageNumber) -> Self {
        Place { priority: Reverse(priority), number }
    }

    const FIRST: Place = Place::new(Priority::HIGHEST, MessageNumber(0));
    const LAST: Place = Place::new(LOWEST, MessageNumber(u64::MAX));
}

/// The messages that everybody may get, in the order of delivery: all, by message identifier, by correlation identifier.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    all: BTreeSet<Place>,
    by_message_id: BTreeSet<(MessageId, Place)>,
    by_correlation_id: BTreeSet<(CorrelationId, Place)>,
}

impl Index {
    pub(super) fn insert(&mut self, place: Place, message: &Message) {
        let descriptor = &message.descriptor;
        let new = self.all.insert(place)
            && self.by_message_id.insert((descriptor.message_id, place))
            && self.by_correlation_id.insert((descriptor.correlation_id, place));
        assert!(new, "message {} is in the index already", place.number);
    }

    pub(super) fn remove(&mut self, place: Place, message: &Message) {
        let descriptor = &message.descriptor;
        let was_there = self.all.remove(&place)
            && self.by_message_id.remove(&(descriptor.message_id, place))
            && self.by_correlation_id.remove(&(descriptor.correlation_id, place));
        assert!(was_there, "message {} is not in the index", place.number);
    }

    /// The number of messages in it; asserts that its three orders agree.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        assert_eq!(self.all.len(), self.by_message_id.len());
        assert_eq!(self.all.len(), self.by_correlation_id.len());
        self.all.len()
    }

    /// Whether the message is in all three orders.
    #[cfg(test)]
    pub(super) fn contains(&self, place: Place, message: &Message) -> bool {
        self.all.contains(&place)
            && self.by_message_id.contains(&(message.descriptor.message_id, place))
            && self.by_correlation_id.contains(&(message.descriptor.correlation_id, place))
    }

    /// The first message that fits and for which `accept` is true.
    pub(super) fn first(&self, selection: &Match, mut accept: impl FnMut(Place) -> bool) -> Option<Place> {
        match *selection {
            Match::Any => self.all.iter().copied().find(|&place| accept(place)),
            Match::MessageId(id) => {
                let range = self.by_message_id.range((id, Place::FIRST)..=(id, Place::LAST));
                range.map(|&(_, place)| place).find(|&place| accept(place))
            }
            Match::CorrelationId(id) => {
                let range = self.by_correlation_id.range((id, Place::FIRST)..=(id, Place::LAST));
                range.map(|&(_, place)| place).find(|&place| accept(place))
            }
        }
    }

    /// The messages after `place` (from the beginning if there is none), in the order of delivery.
    pub(super) fn after(&self, place: Option<Place>) -> impl Iterator<Item = Place> {
        let from = place.map_or(Bound::Unbounded, Bound::Excluded);
        self.all.range((from, Bound::Unbounded)).copied()
    }
}

/// Whether a get with this selection takes this message.
pub(super) fn fits(selection: &Match, message: &Message) -> bool {
    match selection {
        Match::Any => true,
        Match::MessageId(id) => message.descriptor.message_id == *id,
        Match::CorrelationId(id) => message.descriptor.correlation_id == *id,
    }
}
