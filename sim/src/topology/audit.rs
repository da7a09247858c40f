//! The auditor: an application that takes stock when the world has healed and the others have had their settling time.
//!
//! Each family takes stock of its own systems, one after another; what they say is put together here.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use indoubt_engine::machine::Input;
use indoubt_engine::time::Time;
use indoubt_engine::unit_of_work::{Outcome, Xid};
use indoubt_ledger::audit::{Audit, Availability, Holder, HolderState, LeftMessage};
use indoubt_ledger::history::{MessageIdentity, QueueIndex};

use super::Families;
use crate::fabric::{Process, ProcessBody};
use crate::workload::Shared;
use crate::workload::shared::{LogSays, PartKind, QueueFacts};

/// How stock is to be taken.
#[derive(Clone, Debug)]
pub struct AuditPlan {
    /// When the world was healed, true time.
    pub healed_at: Time,
    /// How long the auditor tries to reach a system, and waits for units of work to end.
    pub patience: Duration,
    /// Whether all other applications have ended: then nobody has a reason to hold a message.
    pub applications_ended: bool,
}

/// A process that audits once and leaves the result behind.
#[must_use]
pub fn auditor_body(
    families: Families,
    plan: AuditPlan,
    shared: Arc<Shared>,
    result: Arc<Mutex<Option<Audit>>>,
) -> ProcessBody {
    Arc::new(move |process| {
        let (families, plan, shared, result) = (families.clone(), plan.clone(), shared.clone(), result.clone());
        Box::pin(async move {
            let Input::Started { .. } = process.next().await else { return };
            let audit = audit(&families, &process, &plan, &shared).await;
            *result.lock().expect("nobody panics while the result is written") = Some(audit);
        })
    })
}

async fn audit(families: &Families, process: &Process, plan: &AuditPlan, shared: &Shared) -> Audit {
    let mut whole = Audit { healed_at_ns: plan.healed_at.as_nanoseconds(), ..Audit::default() };
    for family in families.iter() {
        let part = family.audit(process, plan, shared).await;
        whole.queues.extend(part.queues);
        whole.in_doubt.extend(part.in_doubt);
        whole.orphaned_locks.extend(part.orphaned_locks);
        whole.double_owners.extend(part.double_owners);
        whole.incomplete.extend(part.incomplete);
    }
    whole.at_ns = process.fabric().now().as_nanoseconds();
    whole
}

/// What was found on each queue.
pub type Found = BTreeMap<QueueIndex, (Arc<QueueFacts>, Vec<LeftMessage>)>;

/// What a transaction in doubt put and got cannot be browsed. That it is there is what being in doubt means: its
/// application's record tells which messages these are. A message got for good, by the coordinator's decision, does not
/// count as left. `text` says who holds it.
pub fn hold_in_doubt(text: &str, xid: &Xid, shared: &Shared, queues: &mut Found) {
    let Some(transaction) = shared.transaction(xid) else { return };
    let committed = shared.decision(xid) == Some(LogSays::Decided(Outcome::Commit));
    let holder = Holder { text: text.to_owned(), state: HolderState::InDoubt };
    for part in transaction.parts {
        let (availability, backout_count) = match part.kind {
            PartKind::Put => (Availability::UncommittedPut(holder.clone()), 0),
            PartKind::Got { .. } if committed => continue,
            PartKind::Got { backout_count } => (Availability::Held(holder.clone()), backout_count),
        };
        let (_, messages) = queues.entry(part.queue.index).or_insert_with(|| (part.queue, Vec::new()));
        let message = MessageIdentity(part.payload.identity);
        if messages.iter().all(|left| left.message != message) {
            let digest = part.payload.digest;
            messages.push(LeftMessage { message, digest, availability, backout_count, expired: false });
        }
    }
}
