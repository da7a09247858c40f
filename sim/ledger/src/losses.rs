//! Messages that are missing although nobody is known to have taken them: permitted or lost.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::contract::{Contract, Permission};
use crate::history::{Get, MessageIdentity, Moment, Operation, QueueIndex};
use crate::index::{Index, MessageIndex};
use crate::ownership::Ownership;
use crate::permissions::{self, Event, Excuse, Harm, Permissions};

/// What stands for the event of the rule under which such a get takes a message with it.
pub(crate) const UNKNOWN_GET: &str = "get of unknown outcome";

/// The permissions of a contract that the checks ask for, each with the events that were seen.
pub(crate) struct Permitted<'c, 'o, 'h> {
    losses: Permissions<'c, 'o, 'h>,
    pub(crate) duplicates: Permissions<'c, 'o, 'h>,
    pub(crate) redeliveries: Permissions<'c, 'o, 'h>,
    pub(crate) resets: Permissions<'c, 'o, 'h>,
    pub(crate) contract: &'c Contract,
}

impl<'c, 'o, 'h> Permitted<'c, 'o, 'h> {
    pub(crate) fn new(contract: &'c Contract, events: &[Event<'h>], ownership: &'o Ownership<'h>) -> Self {
        let of = |permissions: &'c [Permission]| Permissions::new(permissions, events, ownership);
        Permitted {
            losses: of(&contract.permitted_losses),
            duplicates: of(&contract.permitted_duplicates),
            redeliveries: of(&contract.permitted_redeliveries),
            resets: of(&contract.permitted_resets),
            contract,
        }
    }

    /// The rule that permits the loss of this message: its event came after the last sign of life, and soon enough after
    /// the message was acknowledged.
    pub(crate) fn loss(&self, index: &Index<'_>, message: MessageIndex) -> Option<Excuse<'c, 'h>> {
        let last_seen = index.deliveries(message).iter().map(|delivered| delivered.call.invoked).max();
        let after = last_seen.unwrap_or(index.sent(message).call.invoked);
        let acknowledged_ns = there_at_the_latest(index, message).at_ns;
        self.losses.covering(index, message, Harm { after, before: None, acknowledged_ns, giver: None })
    }

    /// Whether some rule would permit the loss of messages like this one, had its event happened.
    pub(crate) fn might_be_lost(&self, index: &Index<'_>, message: MessageIndex) -> bool {
        self.contract.permitted_losses.iter().any(|permission| permissions::is_about(permission, index, message))
    }
}

/// When a message was there for certain: when its put, or the commit of it, was acknowledged, or its outcome learned;
/// else when it was first delivered.
fn there_at_the_latest(index: &Index<'_>, message: MessageIndex) -> Moment {
    let sent = index.sent(message);
    let resolved = sent.put.unit.and_then(|unit| index.history.units[unit.index()].resolved).map(|(at, _)| at);
    let delivered = index.deliveries(message).first().map(|delivered| delivered.completed);
    let known = sent.visible_surely.or(resolved).or(delivered).or(sent.call.ended());
    known.unwrap_or(sent.call.invoked)
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
