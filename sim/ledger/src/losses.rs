//! Messages that are missing although nobody is known to have taken them: permitted or lost.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::contract::{Contract, PermittedLoss};
use crate::history::{Get, MessageIdentity, Moment, Operation, QueueIndex, WorldHappening};
use crate::index::{Index, MessageIndex};

/// The rule under which a get outside syncpoint takes a message with it when its outcome is unknown.
pub(crate) const TAKEN_BY_UNKNOWN_GET: &str = "a get outside syncpoint removes the message when it is served; if its \
                                               reply is lost, so is the message (MQGMO_NO_SYNCPOINT)";
/// What stands for the event of that rule.
pub(crate) const UNKNOWN_GET: &str = "get of unknown outcome";

/// The contract's permitted losses, with the last time at which the event of each was seen.
pub(crate) struct PermittedLosses<'c> {
    rules: Vec<(&'c PermittedLoss, Moment)>,
    /// For how long after its application gave it up a call may still be served.
    pub(crate) patience_ns: u64,
}

impl<'c> PermittedLosses<'c> {
    pub(crate) fn new(contract: &'c Contract, index: &Index<'_>) -> Self {
        let last = |loss: &PermittedLoss| {
            let matches = |what: &WorldHappening| match what {
                WorldHappening::Event { name, subject, .. } => {
                    *name == loss.event && loss.subject.as_ref().is_none_or(|wanted| wanted == subject)
                }
                WorldHappening::Fault(_) | WorldHappening::Healed(_) => false,
            };
            index.history.world.iter().rfind(|record| matches(&record.what)).map(|record| record.at)
        };
        let rules = contract.permitted_losses.iter().filter_map(|loss| last(loss).map(|at| (loss, at))).collect();
        PermittedLosses { rules, patience_ns: contract.patience_ns }
    }

    /// The rule that permits the loss of this message: its event came after the last sign of life.
    pub(crate) fn rule(&self, index: &Index<'_>, message: MessageIndex) -> Option<&'c PermittedLoss> {
        let sent = index.sent(message);
        let last_seen = index.deliveries(message).iter().map(|delivered| delivered.call.invoked).max();
        let since = last_seen.unwrap_or(sent.call.invoked);
        let permits = |loss: &PermittedLoss, at: Moment| {
            at > since
                && !(loss.nonpersistent_only && sent.put.persistent)
                && loss.queues.as_ref().is_none_or(|queues| queues.contains(&sent.put.queue))
        };
        self.rules.iter().find(|(loss, at)| permits(loss, *at)).map(|(loss, _)| *loss)
    }
}

/// Of the messages that are missing, those that gets of unknown outcome can have taken: each get at most one.
pub(crate) fn taken_by_unknown_gets(
    index: &Index<'_>,
    patience_ns: u64,
    mut missing: Vec<MessageIndex>,
) -> Vec<MessageIndex> {
    // Until when each can have been served: a request that its application gave up may still be on its way.
    let mut gets: BTreeMap<(QueueIndex, Option<MessageIdentity>), Vec<u64>> = BTreeMap::new();
    for call in &index.history.calls {
        if let Operation::Get(Get { queue, unit: None, reply_to, .. }) = call.operation
            && call.is_unknown()
        {
            let until_ns = call.ended().map_or(u64::MAX, |ended| ended.at_ns.saturating_add(patience_ns));
            gets.entry((queue, reply_to)).or_default().push(until_ns);
        }
    }
    if gets.is_empty() {
        return Vec::new();
    }
    gets.values_mut().for_each(|until_ns| until_ns.sort_unstable());
    // The later a get can have been served, the more messages it can have taken; the later a message came, the fewer gets
    // can have taken it. So the latest message takes the latest get: this matches as many as can be.
    let visible = |message: MessageIndex| index.sent(message).visible_from;
    missing.sort_by_key(|message| Reverse(visible(*message)));
    let mut taken = Vec::new();
    for message in missing {
        let put = index.sent(message).put;
        let visible_ns = visible(message).map_or(0, |from| from.at_ns);
        let mut take = |wanted: Option<MessageIdentity>| {
            let candidates = gets.get_mut(&(put.queue, wanted));
            candidates.is_some_and(|candidates| candidates.pop_if(|until_ns| *until_ns >= visible_ns).is_some())
        };
        if (put.reply_to.is_some() && take(put.reply_to)) || take(None) {
            taken.push(message);
        }
    }
    taken
}
