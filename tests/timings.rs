//! How long failures of a messaging engine last, against what the product's documentation and logs say of it.
//!
//! Each claim is measured on the timelines of scenarios that stand in `scenarios/messaging-engine`, over several seeds.

#[allow(dead_code, reason = "each target uses what it needs of it")]
mod scenario_files;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use indoubt::run::{Happening, Keep, RunOutcome, RunRequest, run};
use indoubt::scenario::model::Scenario;
use indoubt_ledger::verdict::FindingKind;

/// The seeds of each measurement.
const SEEDS: u64 = 24;

/// A view round, an activation, opening a store and reconciling destinations.
const ACTIVATION: Duration = Duration::from_secs(3);

/// A timeline, with details, so that every event is there.
struct Course(RunOutcome);

impl Course {
    /// When the n-th happening comes that is wanted, from `from` on.
    fn nth(&self, from: Duration, nth: usize, wanted: impl Fn(&str, &Happening) -> bool) -> Option<Duration> {
        let at = |entry: &indoubt::run::TimelineEntry| Duration::from_nanos(entry.at.as_nanoseconds());
        let mut found = self.0.timeline.iter().filter(|entry| at(entry) >= from && wanted(&entry.who, &entry.what));
        found.nth(nth).map(at)
    }

    fn fault(&self, text: &str) -> Duration {
        let wanted =
            |_: &str, what: &Happening| matches!(what, Happening::Fault { text: found, .. } if found.starts_with(text));
        self.nth(Duration::ZERO, 0, wanted).unwrap_or_else(|| panic!("no fault: {text}"))
    }

    fn event_of(&self, process: &str, event: &str, from: Duration) -> Option<Duration> {
        let wanted = |who: &str, what: &Happening| {
            (process.is_empty() || who == process) && matches!(what, Happening::Event(found) if found.name() == event)
        };
        self.nth(from, 0, wanted)
    }

    #[track_caller]
    fn event(&self, process: &str, event: &str, from: Duration) -> Duration {
        let found = self.event_of(process, event, from);
        found.unwrap_or_else(|| panic!("seed {}: no {event} of {process} after {from:?}", self.0.seed))
    }
}

fn scenario(name: &str) -> Arc<Scenario> {
    let path = Path::new("scenarios/messaging-engine").join(name).with_extension("ron");
    scenario_files::read(&path).unwrap_or_else(|problems| panic!("{problems}"))
}

/// What `measure` finds in the runs of a scenario, in order of size.
fn measured(name: &str, measure: impl Fn(&Course) -> Duration) -> Vec<Duration> {
    let scenario = scenario(name);
    let once = |seed| {
        let request = RunRequest { scenario: scenario.clone(), seed, defect: None, keep: Keep::Detail };
        measure(&Course(run(&request).unwrap_or_else(|error| panic!("{error}"))))
    };
    let mut found: Vec<Duration> = (0..SEEDS).map(once).collect();
    found.sort();
    found
}

#[track_caller]
fn assert_within(found: &[Duration], least: Duration, most: Duration) {
    let (first, last) = (found[0], found[found.len() - 1]);
    assert!(least <= first && last <= most, "{first:?} to {last:?} instead of {least:?} to {most:?}");
}

/// That draws come from the whole of a range, and not from one end of it.
#[track_caller]
fn assert_spread(found: &[Duration], range: Duration) {
    let spread = found[found.len() - 1] - found[0];
    assert!(spread > range / 2, "all within {spread:?}; {range:?} are possible");
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A process that ends has its sockets closed: its peers know within moments.
#[test]
fn a_crashed_server_is_replaced_within_seconds() {
    let found = measured("file-store-failover", |course| {
        let fault = course.fault("server1 killed");
        course.event("server2", "messaging_engine_started", fault) - fault
    });
    assert_within(&found, Duration::ZERO, ACTIVATION);
}

/// A host without power says nothing: six heartbeats of 30 s must be missed.
#[test]
fn a_lost_host_is_noticed_after_six_missed_heartbeats() {
    let found = measured("standby-waits-for-the-lock", |course| {
        let fault = course.fault("node1 loses power");
        course.event("server2", "core_group_member_suspected", fault) - fault
    });
    assert_within(&found, seconds(150), seconds(181));
}

/// Five minutes until the database notices a dropped connection, two or three of which have passed when the standby asks:
/// it waits for what remains.
#[test]
fn a_standby_waits_for_the_lock_for_the_rest_of_the_sessions_time_out() {
    const KEEP_ALIVE: Duration = seconds(300);
    let scenario = "standby-waits-for-the-lock";
    let found = measured(scenario, |course| {
        let fault = course.fault("node1 loses power");
        let asked = course.event("server2", "store_lock_attempted", fault);
        let waited = course.event("server2", "store_lock_acquired", asked) - asked;
        let elapsed = asked - fault;
        // What the session said last was at most one refresh of the lock before.
        assert!(waited + elapsed <= KEEP_ALIVE + seconds(1), "waited {waited:?} after {elapsed:?}");
        assert!(waited + elapsed >= KEEP_ALIVE - seconds(21), "waited {waited:?} after {elapsed:?}");
        waited
    });
    assert_within(&found, seconds(99), seconds(121));
}

/// Up to 8.0, as a log of 7.0 shows: lock lost at the next refresh, given up 9 s later, the server ended at the next
/// is-alive check.
#[test]
fn at_7_0_a_lost_database_ends_the_server_at_the_next_is_alive_check() {
    let failed = |course: &Course| {
        let fault = course.fault("SIBDB killed");
        (fault, course.event("server1", "messaging_engine_failed", fault))
    };
    let until_failed = measured("database-outage-7-0", |course| {
        let (fault, failed) = failed(course);
        failed - fault
    });
    assert_within(&until_failed, seconds(9), seconds(30));
    assert_spread(&until_failed, seconds(20));
    let until_ended = measured("database-outage-7-0", |course| {
        let (_, failed) = failed(course);
        course.event("server1", "server_terminated", failed) - failed
    });
    assert_within(&until_ended, Duration::ZERO, seconds(121));
    assert_spread(&until_ended, seconds(120));
}

/// From 8.5 on, an engine that is to fail over tries for 15 minutes first, and is alive meanwhile.
#[test]
fn at_8_5_a_lost_database_is_tried_for_15_minutes_before_the_instance_is_disabled() {
    let lost = |course: &Course| course.event("server1", "store_lock_lost", course.fault("SIBDB killed"));
    let tried = measured("database-outage-8-5", |course| {
        let lost = lost(course);
        let failed = course.event("server1", "messaging_engine_failed", lost);
        let not_alive = course.event("server1", "member_not_alive", lost);
        assert!(not_alive >= failed, "not alive at {not_alive:?}, but it failed at {failed:?} only");
        assert!(not_alive <= failed + seconds(121), "failed at {failed:?}, noticed at {not_alive:?}");
        failed - lost
    });
    assert_within(&tried, seconds(900), seconds(901));
    let disabled_for = measured("database-outage-8-5", |course| {
        let disabled = course.event("server1", "group_member_disabled", lost(course));
        assert_eq!(course.event_of("server1", "server_terminated", disabled), None, "the server goes on");
        course.event("server1", "engine_reenabled", disabled) - disabled
    });
    assert_within(&disabled_for, seconds(30), seconds(31));
}

/// With restricted long-running locks, an owner that was taken over while it stood still learns of it when it goes on: the
/// ledger sees two owners until then, whatever lets it go on.
#[test]
fn two_owners_are_seen_whether_a_pause_ends_by_itself_or_with_the_faults() {
    let path = Path::new("scenarios/messaging-engine/hung-server-restricted-locks.ron");
    let text = std::fs::read_to_string(scenario_files::root().join(path)).expect("the scenario is there");
    let (pause, longer) = ("duration: \"300s\"", "duration: \"3000s\"");
    assert!(text.contains(pause), "the scenario pauses for five minutes");
    for text in [text.clone(), text.replace(pause, longer)] {
        let scenario =
            indoubt::scenario::parse(path, &text).unwrap_or_else(|problems| panic!("{}", problems.render(false)));
        let request = RunRequest { scenario: Arc::new(scenario), seed: 0, defect: None, keep: Keep::Report };
        let judgement = run(&request).unwrap_or_else(|error| panic!("{error}")).judgement;
        let overlaps = judgement.permitted.iter().filter(|group| group.kind == FindingKind::SplitBrain);
        assert_eq!(overlaps.map(|group| group.count).sum::<u64>(), 1, "{:?}", judgement.findings);
    }
}

/// A message-driven bean beside the engine is told by its server; one elsewhere looks again after its retry interval,
/// which began when the connection was lost.
#[test]
fn beans_beside_the_engine_are_called_at_once_and_others_after_their_retry_interval() {
    let outage = |course: &Course| {
        let fault = course.fault("server1 killed");
        let begins = |from_ns: u64| Duration::from_nanos(from_ns) + seconds(2) >= fault;
        let mut outages = course.0.judgement.outages.iter();
        let outage = outages.find(|outage| begins(outage.from_ns)).expect("the queue was not served meanwhile");
        Duration::from_nanos(outage.to_ns) - fault
    };
    assert_within(&measured("message-driven-beans-follow-the-engine", outage), Duration::ZERO, ACTIVATION);
    let elsewhere = measured("message-driven-beans-outside-the-bus-member", outage);
    assert_within(&elsewhere, seconds(30), seconds(30) + ACTIVATION);
}

/// Clients try again by themselves: at most their longest pause after the engine is back.
#[test]
fn clients_are_served_again_soon_after_their_engine_is() {
    const LONGEST_PAUSE: Duration = seconds(8);
    let found = measured("database-connection-lost-from-one-server", |course| {
        let fault = course.fault("link node1 <-> dbhost cut");
        let started = course.event("server2", "messaging_engine_started", fault);
        let outages = course.0.judgement.outages.iter().map(|outage| Duration::from_nanos(outage.to_ns));
        let over = outages.filter(|over| *over >= started).min().expect("the queue was not served meanwhile");
        over - started
    });
    assert_within(&found, Duration::ZERO, LONGEST_PAUSE + seconds(3));
}
