//! Where something is to be active, and when.

use super::*;
use crate::contract::{Exclusive, PROCESS_ENDED, Pause, Placement};

/// An engine starts in server1 at 1 ms; this happens; then it is to be here half a second after the start of the run.
fn engine(owner: Option<&str>, then: impl FnOnce(&mut Tale)) -> Tale {
    tale(|t| {
        t.contract.exclusive.push(Exclusive {
            begins: vec!["engine_started".to_owned()],
            ends: vec!["engine_stopped".to_owned()],
            pauses: vec![Pause { begins: "paused".to_owned(), ends: "resumed".to_owned() }],
            ..Exclusive::default()
        });
        let (resource, owner) = ("ME1".to_owned(), owner.map(str::to_owned));
        t.contract.placements.push(Placement { resource, owner, at_ns: 500 * MS });
        t.event_by("server1", "engine_started", "ME1");
        then(t);
    })
}

fn nothing(_: &mut Tale) {}

fn moves(t: &mut Tale) {
    t.event_by("server1", "engine_stopped", "ME1");
    t.event_by("server2", "engine_started", "ME1");
}

#[test]
fn an_owner_that_is_not_the_one_that_was_to_be_is_misplaced() {
    engine(Some("server1"), nothing).passes();
    engine(Some("server2"), moves).passes();
    let judgement = engine(Some("server2"), nothing).judged();
    assert_eq!(judgement.findings.len(), 1);
    assert_eq!(judgement.findings[0].kind, FindingKind::Misplaced);
    assert_eq!(judgement.findings[0].message, "ME1 was active on server1 at 0.500000s, and was to be on server2");
    assert_eq!(engine(Some("server1"), moves).kinds(), ["misplaced"]);
}

#[test]
fn nobody_where_there_was_to_be_an_owner_and_an_owner_where_there_was_to_be_nobody_are_misplaced() {
    let ends = |t: &mut Tale| t.event(PROCESS_ENDED, "server1");
    engine(None, ends).passes();
    assert_eq!(engine(Some("server1"), ends).kinds(), ["misplaced"]);
    assert_eq!(engine(None, nothing).kinds(), ["misplaced"]);
    assert_eq!(engine(Some("server1"), |t| t.event("paused", "server1")).kinds(), ["misplaced"]);
}

#[test]
fn of_two_owners_one_is_misplaced() {
    let joins = |t: &mut Tale| t.event_by("server2", "engine_started", "ME1");
    assert_eq!(engine(Some("server1"), joins).kinds(), ["split_brain", "misplaced"]);
}

#[test]
fn only_the_moment_counts_that_was_said() {
    let moves_later = |t: &mut Tale| {
        t.wait_ms(1_000);
        moves(t);
    };
    engine(Some("server1"), moves_later).passes();
    assert_eq!(engine(Some("server2"), moves_later).kinds(), ["misplaced"]);
    engine(Some("server1"), |t| t.event_by("server2", "engine_started", "ME2")).passes();
}

#[test]
fn a_moment_after_the_end_of_the_run_cannot_be_judged() {
    let mut tale = engine(Some("server2"), nothing);
    tale.audit.at_ns = 400 * MS;
    tale.audit.healed_at_ns = 300 * MS;
    let judgement = tale.judged();
    assert_eq!(judgement.verdict, Verdict::Unknown, "{:?}", judgement.findings);
}
