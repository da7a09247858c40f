//! How long it took: from each fault to its detection and to the last recovery that followed.

use indoubt_engine::event::Weight;

use super::{Happening, Recovery, TimelineEntry};

/// For each entry of a timeline the fault from which it follows, as a position in the timeline: the last one that struck
/// whom the entry is about.
pub(crate) fn causes(timeline: &[TimelineEntry]) -> Vec<Option<usize>> {
    let mut faults: Vec<(usize, &[String])> = Vec::new();
    let mut causes = Vec::with_capacity(timeline.len());
    for (position, entry) in timeline.iter().enumerate() {
        causes.push(match &entry.what {
            Happening::Fault { struck, .. } => {
                faults.push((position, struck));
                None
            }
            Happening::Event(event) => {
                let about = event.subject().unwrap_or(&entry.who);
                let cause = faults.iter().rfind(|(_, struck)| struck.iter().any(|name| name == about));
                cause.map(|(fault, _)| *fault)
            }
            Happening::Followed(_) | Happening::Healed(_) | Happening::Detail(_) => None,
        });
    }
    causes
}

/// For each fault of a timeline: when it was first noticed and when the last recovery from it was complete. What the
/// healing at the end of the run brought about does not count.
pub(super) fn recoveries(timeline: &[TimelineEntry]) -> Vec<Recovery> {
    let healing = timeline.iter().rposition(|entry| matches!(entry.what, Happening::Healed(_)));
    let timeline = &timeline[..healing.unwrap_or(timeline.len())];
    let causes = causes(timeline);
    let mut recoveries = Vec::new();
    for (position, fault) in timeline.iter().enumerate() {
        let Happening::Fault { text, .. } = &fault.what else { continue };
        let mut recovery = Recovery { fault: text.clone(), at: fault.at, detected: None, recovered: None };
        for (entry, cause) in timeline.iter().zip(&causes).skip(position) {
            let (true, Happening::Event(event)) = (*cause == Some(position), &entry.what) else { continue };
            match event.weight() {
                Weight::Detection => recovery.detected = recovery.detected.or(Some(entry.at)),
                Weight::Recovery => recovery.recovered = Some(entry.at),
                Weight::Headline | Weight::Detail => {}
            }
        }
        recoveries.push(recovery);
    }
    recoveries
}

#[cfg(test)]
mod tests {
    use indoubt_engine::coupling_facility::command::Connector;
    use indoubt_engine::event::Event;
    use indoubt_engine::machine::Incarnation;
    use indoubt_engine::time::{Duration, Time};

    use super::*;

    fn entry(milliseconds: u64, who: &str, what: Happening) -> TimelineEntry {
        TimelineEntry { at: Time::START + Duration::from_millis(milliseconds), who: who.to_owned(), what }
    }

    fn fault(milliseconds: u64, struck: &[&str]) -> TimelineEntry {
        let struck: Vec<String> = struck.iter().map(|&name| name.to_owned()).collect();
        entry(milliseconds, "nemesis", Happening::Fault { text: struck.join(" "), struck })
    }

    fn failed(name: &str) -> Connector {
        Connector { name: name.into(), incarnation: Incarnation(1) }
    }

    fn seen(milliseconds: u64, name: &str) -> TimelineEntry {
        let event = Event::PeerFailureSeen { structure: "APP1".into(), failed: failed(name) };
        entry(milliseconds, "QM03", Happening::Event(event))
    }

    fn ended(milliseconds: u64, name: &str) -> TimelineEntry {
        let event = Event::PeerRecoveryEnded { structure: "APP1".into(), failed: failed(name) };
        entry(milliseconds, "QM03", Happening::Event(event))
    }

    fn ready(milliseconds: u64, who: &str) -> TimelineEntry {
        entry(milliseconds, who, Happening::Event(Event::QueueManagerReady { incarnation: Incarnation(2) }))
    }

    fn times(timeline: &[TimelineEntry]) -> Vec<(Option<u64>, Option<u64>)> {
        let milliseconds = |at: Option<Time>| at.map(Time::as_milliseconds);
        let recoveries = recoveries(timeline);
        recoveries.iter().map(|recovery| (milliseconds(recovery.detected), milliseconds(recovery.recovered))).collect()
    }

    #[test]
    fn what_follows_is_put_down_to_the_fault_that_struck_its_subject() {
        let timeline = [
            fault(10, &["QM01"]),
            fault(20, &["SYSB", "QM02"]),
            seen(30, "QM01"),
            seen(40, "QM02"),
            ended(50, "QM02"),
            ended(60, "QM01"),
            ready(70, "QM02"),
        ];
        assert_eq!(times(&timeline), [(Some(30), Some(60)), (Some(40), Some(70))]);
    }

    #[test]
    fn a_fault_without_effect_takes_nothing_from_an_earlier_one() {
        let timeline = [fault(10, &["QM01"]), fault(20, &[]), seen(30, "QM01"), ended(40, "QM01")];
        assert_eq!(times(&timeline), [(Some(30), Some(40)), (None, None)]);
    }

    #[test]
    fn the_next_fault_of_the_same_begins_a_recovery_of_its_own() {
        let timeline =
            [fault(10, &["QM01"]), seen(20, "QM01"), fault(30, &["QM01"]), seen(40, "QM01"), ready(50, "QM01")];
        assert_eq!(times(&timeline), [(Some(20), None), (Some(40), Some(50))]);
    }

    #[test]
    fn what_healing_brings_about_is_no_recovery() {
        let healed = entry(30, "nemesis", Happening::Healed("everything".to_owned()));
        assert_eq!(times(&[fault(10, &["QM01"]), seen(20, "QM01"), healed, ready(40, "QM01")]), [(Some(20), None)]);
    }
}
