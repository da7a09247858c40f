//! Messages that are kept, and of no use to anybody.

use crate::audit::{Availability, HolderState, QueueRole};
use crate::finding::{Draft, Subject};
use crate::index::{Index, Left, PutState};
use crate::verdict::FindingKind;

/// Messages that are kept, but that nobody who should can get: left behind by live consumers, held by the
/// dead, or where nobody reaches them.
pub(crate) fn marooned(index: &Index<'_>, is_drained: impl Fn(&Left<'_>) -> bool, drafts: &mut Vec<Draft>) {
    for left in index.all_left() {
        let Some(message) = index.find(left.left.message) else { continue };
        let sent = index.sent(message);
        let why = match &left.left.availability {
            _ if left.left.expired => continue,
            Availability::Available if left.role == QueueRole::Application && is_drained(left) => {
                "was left on its queue by live consumers".to_owned()
            }
            Availability::Available => continue,
            Availability::Unreachable { why } => format!("cannot be got: {why}"),
            Availability::Held(holder) if holder.state == HolderState::Dead => {
                format!("is held by {}, whose application is gone", holder.text)
            }
            Availability::UncommittedPut(holder)
                if holder.state != HolderState::InDoubt && sent.state == PutState::Acknowledged =>
            {
                format!("is not visible although {} was told to be committed", holder.text)
            }
            Availability::UncommittedPut(holder) if holder.state == HolderState::Dead => {
                format!("is kept as an uncommitted put of {}, whose application is gone", holder.text)
            }
            Availability::Held(_) | Availability::UncommittedPut(_) => continue,
        };
        drafts.push(Draft {
            kind: FindingKind::Marooned,
            at_ns: index.audit.at_ns,
            queue: Some(left.queue),
            message: format!("message {} {why}", sent.put.message),
            subject: Subject::Message(message),
        });
    }
}
