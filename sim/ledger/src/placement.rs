//! Whether what must have one active owner had the one that it was to have, at the moments for which that was said.

use crate::contract::{Contract, Placement};
use crate::finding::{Draft, Subject};
use crate::index::Index;
use crate::ownership::Ownership;
use crate::story::seconds;
use crate::verdict::FindingKind;

/// Another owner, several, or none where there was to be one: violations. Returned is what cannot be told, because the
/// run was over by then.
pub(crate) fn check(
    index: &Index<'_>,
    contract: &Contract,
    ownership: &Ownership<'_>,
    drafts: &mut Vec<Draft>,
) -> Vec<String> {
    let mut untold = Vec::new();
    for Placement { resource, owner, at_ns } in &contract.placements {
        if *at_ns > index.audit.at_ns {
            let (at, end) = (seconds(*at_ns), seconds(index.audit.at_ns));
            untold.push(format!("where {resource} is to be active at {at} cannot be told: stock was taken at {end}"));
            continue;
        }
        let owners = ownership.owners_at(resource, *at_ns);
        if owners.iter().copied().eq(owner.as_deref()) {
            continue;
        }
        let was = match owners.len() {
            0 => "nowhere".to_owned(),
            _ => format!("on {}", owners.into_iter().collect::<Vec<_>>().join(" and ")),
        };
        let wanted = owner.as_ref().map_or_else(|| "nowhere".to_owned(), |owner| format!("on {owner}"));
        drafts.push(Draft {
            kind: FindingKind::Misplaced,
            at_ns: *at_ns,
            queue: None,
            message: format!("{resource} was active {was} at {}, and was to be {wanted}", seconds(*at_ns)),
            subject: Subject::World {
                from_ns: ownership.changed_before(resource, *at_ns).unwrap_or_default(),
                to_ns: *at_ns,
            },
        });
    }
    untold
}
