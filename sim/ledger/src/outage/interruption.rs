//! For how long single applications could do nothing.

use crate::history::Moment;
use crate::index::Index;

use super::activity::{Activity, Idle};

/// The longest span after the first cause of any in which an application could do nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interruption {
    /// The application (an instance of it).
    pub process: String,
    /// When it made the call that failed or hung, or when it was ended; nanoseconds since the start of the run.
    pub from_ns: u64,
    /// When a call succeeded again; `None` if none did.
    pub to_ns: Option<u64>,
    /// How many interruptions it had in all.
    pub of: u64,
}

/// For each application the longest interruption after this moment, those without one left out; in the order in which
/// applications came into the history.
pub(crate) fn interruptions(index: &Index<'_>, activities: &[Activity], first: Option<Moment>) -> Vec<Interruption> {
    let first_ns = first.map_or(0, |first| first.at_ns);
    let processes = index.history.processes.iter().zip(activities);
    let longest = processes.filter_map(|(process, activity)| {
        let after_first = activity.interrupted.iter().filter(|idle| idle.to_ns.is_none_or(|to_ns| to_ns > first_ns));
        let all: Vec<Idle> =
            after_first.map(|idle| Idle { from_ns: idle.from_ns.max(first_ns), to_ns: idle.to_ns }).collect();
        let lasted_ns = |idle: &Idle| idle.to_ns.map_or(u64::MAX, |to_ns| to_ns - idle.from_ns);
        // Of several as long as each other, the first.
        let longest = all.iter().rev().max_by_key(|idle| lasted_ns(idle))?;
        Some(Interruption {
            process: process.name.clone(),
            from_ns: longest.from_ns,
            to_ns: longest.to_ns,
            of: all.len() as u64,
        })
    });
    longest.collect()
}

/// Those who stand by in the end, as they are to.
pub(crate) fn standing_by(index: &Index<'_>, activities: &[Activity]) -> Vec<String> {
    let processes = index.history.processes.iter().zip(activities);
    processes.filter(|(_, activity)| activity.stands_by).map(|(process, _)| process.name.clone()).collect()
}
