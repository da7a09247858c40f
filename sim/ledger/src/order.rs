//! Order, where it is promised: messages of one producer and one priority (and one quality of service, if the contract
//! says so) are consumed as they were put.
//!
//! Only what is certain counts: the earlier message was there before the
//! later one was asked for, and was asked for (in the get that consumed it) only after the later one had been delivered.

use std::collections::BTreeMap;

use crate::contract::{Contract, OrderPromise, OrderWithin, Redelivered};
use crate::finding::{Draft, Subject};
use crate::index::{Consumption, Delivered, Index, MessageIndex};
use crate::verdict::FindingKind;

/// One thing taken from a queue, on the scale on which its history counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken<M> {
    /// From when on it was certainly there to be taken; `None` if no such moment is known.
    pub(crate) there_since: Option<M>,
    /// Not before this it was asked for.
    pub(crate) asked: M,
    /// At the latest then it was taken.
    pub(crate) taken: M,
}

/// Pairs (earlier, later) of a sequence in the order of puts, of which the later one was certainly taken first: at most one
/// for each earlier one.
pub(crate) fn inversions<M: Copy + Ord>(sequence: &[Taken<M>]) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    // Of those after the one looked at: the one that was taken first.
    let mut first_taken: Option<usize> = None;
    for (position, earlier) in sequence.iter().enumerate().rev() {
        let Some(later) = first_taken else {
            first_taken = Some(position);
            continue;
        };
        let was_there = earlier.there_since.is_some_and(|since| since < sequence[later].asked);
        if sequence[later].taken < earlier.asked && was_there {
            pairs.push((position, later));
        }
        if earlier.taken < sequence[later].taken {
            first_taken = Some(position);
        }
    }
    pairs.reverse();
    pairs
}

pub(crate) fn check(index: &Index<'_>, contract: &Contract, drafts: &mut Vec<Draft>) {
    let mut promises: Vec<Option<OrderPromise>> = vec![None; index.history.queues.len()];
    for queue in &contract.queues {
        promises[queue.queue.index()] = queue.ordered;
    }
    if promises.iter().all(Option::is_none) {
        return;
    }
    let mut sequences: BTreeMap<_, Vec<(MessageIndex, &Delivered<'_>)>> = BTreeMap::new();
    for (position, sent) in index.sent.iter().enumerate() {
        let Some(promise) = promises[sent.put.queue.index()] else { continue };
        let deliveries = index.deliveries(MessageIndex(position));
        let is_first_delivery = |place: usize| place == 0 && deliveries[0].delivery.backout_count == 0;
        let consumed = deliveries.iter().position(|delivered| delivered.consumption == Consumption::Final);
        if let Some(place) = consumed
            && (promise.redelivered == Redelivered::KeepsItsPlace || is_first_delivery(place))
        {
            let delivered = &deliveries[place];
            let quality = (promise.within == OrderWithin::PriorityAndQuality).then_some(sent.put.quality);
            let key = (sent.put.queue, sent.call.process, sent.put.priority, quality);
            sequences.entry(key).or_default().push((MessageIndex(position), delivered));
        }
    }
    for ((queue, process, ..), sequence) in sequences {
        let taken = |(message, delivered): &(MessageIndex, &Delivered<'_>)| Taken {
            there_since: index.sent(*message).visible_surely,
            asked: delivered.call.invoked,
            taken: delivered.completed,
        };
        let taken: Vec<_> = sequence.iter().map(taken).collect();
        for (earlier, later) in inversions(&taken) {
            let ((earlier, delivered), (later, _)) = (sequence[earlier], sequence[later]);
            drafts.push(Draft {
                kind: FindingKind::OutOfOrder,
                at_ns: delivered.completed.at_ns,
                queue: Some(queue),
                message: format!(
                    "message {} of {} was consumed after message {}, which was put later",
                    index.sent(earlier).put.message,
                    index.history.processes[process.index()].name,
                    index.sent(later).put.message
                ),
                subject: Subject::TwoMessages(earlier, later),
            });
        }
    }
}
