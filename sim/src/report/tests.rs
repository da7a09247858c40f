//! Tests of the report on outcomes written by hand.

use std::sync::Arc;

use indoubt_engine::defect::Defect;
use indoubt_engine::event::{Event, Milestone};
use indoubt_engine::time::{Duration, Time};
use indoubt_ledger::outage::{Beginning, Cause, CauseKind, Outage};
use indoubt_ledger::verdict::FindingKind;

use super::layout::WIDTH;
use super::samples::{expected, failing, passing, scenario, unknown};
use super::*;
use crate::run::{Happening, Move, MoveKind, Passed, TimelineEntry};
use crate::sweep::{Brief, Conviction, DefectPower, Tally, Twin};

fn assert_fits(page: &str) {
    for line in page.lines() {
        assert!(line.chars().count() <= WIDTH, "{} columns: {line}", line.chars().count());
        assert_eq!(line.trim_end(), line, "no spaces at the end of a line");
        assert!(!line.contains('\u{1b}'), "no colour");
    }
}

#[test]
fn a_report_is_reviewed_as_it_is_printed() {
    insta::assert_snapshot!("passing", render(&passing(7)));
    insta::assert_snapshot!("failing", render(&failing(12)));
}

#[test]
fn reports_fit_into_eighty_columns() {
    let mut long = failing(1);
    long.judgement.findings[0].message = "word ".repeat(60);
    long.judgement.findings[0].detail = format!("{}\n", "x".repeat(200)).repeat(60);
    long.timeline[4].what = Happening::Fault { text: "a very long fault ".repeat(20), struck: Vec::new() };
    long.judgement.outages[0].queue = "A.QUEUE.WITH.A.NAME.AS.LONG.AS.NAMES.OF.QUEUES.GET".to_owned();
    long.timeline[5].who = "a-process-with-a-name-that-is-as-long-as-names-get.12".to_owned();
    for outcome in [passing(1), failing(u64::MAX), unknown(3), long] {
        let page = render(&outcome);
        let replay = replay_line(&outcome.scenario, outcome.seed, outcome.defect);
        // The replay line alone may be longer: it is to be copied.
        assert_fits(&page.replace(&replay, "replay"));
    }
}

#[test]
fn many_events_alike_are_one_line_and_their_number() {
    let page = render(&passing(1));
    assert_eq!(page.matches("peer returned a message").count(), 1);
    assert!(page.contains("... 5 more like it, the last one at 1.260s"), "{page}");
}

#[test]
fn the_first_starts_are_one_line() {
    let page = render(&passing(1));
    assert!(page.contains("QM01, QM02 ready for work") && !page.contains("life 1"), "{page}");
}

#[test]
fn what_several_processes_tell_alike_is_one_line() {
    let mut outcome = passing(1);
    let suspects = |who: &str, milliseconds| TimelineEntry {
        at: Time::START + Duration::from_millis(milliseconds),
        who: who.to_owned(),
        what: Happening::Event(Event::CoreGroupMemberSuspected { member: "server1".into(), why: "nothing heard" }),
    };
    let later = [suspects("server2", 2_000), suspects("server3", 2_001), suspects("server2", 9_000)];
    outcome.timeline.extend(later);
    let page = render(&outcome).split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(page.matches("suspects server1: nothing heard").count(), 2, "{page}");
    assert_eq!(page.matches("(in 2 processes)").count(), 1, "{page}");
}

#[test]
fn what_serves_in_one_of_several_processes_is_told_with_the_first_starts() {
    let mut outcome = passing(1);
    let view = Event::ViewInstalled { members: 2, coordinator: "server1".into() };
    let started = Event::MessagingEngineStarted { engine: "CL.000-BUS".into() };
    for (who, event) in [("server1", view.clone()), ("server2", view), ("server1", started)] {
        let entry = TimelineEntry { at: Time::START, who: who.to_owned(), what: Happening::Event(event) };
        outcome.timeline.insert(0, entry);
    }
    let page = render(&outcome);
    assert!(page.contains("CL.000-BUS in server1 ready for work"), "{page}");
    assert_eq!(page.matches("new view of 2 members").count(), 1, "{page}");
}

#[test]
fn the_parts_of_an_outage_add_up() {
    let mut outcome = passing(1);
    let at = |milliseconds| Time::START + Duration::from_millis(milliseconds);
    outcome.recoveries[0].moves = vec![moved(vec![(Milestone::Noticed, at(1_213)), (Milestone::Serves, at(1_243))])];
    let page = render(&outcome);
    assert!(page.contains("CL.000-BUS from server1 to server2, after the fault at 1.203s:"), "{page}");
    for part in ["10.000ms  until its", "30.000ms  until it accepted", "38.000ms  until an appl", "78.000ms  in all"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let moved = &json(&outcome)["recoveries"][0]["moves"][0];
    assert_eq!((&moved["milestones"]["serves_ms"], &moved["used_again_ms"]), (&1_243.into(), &1_281.into()));
}

fn moved(milestones: Vec<(Milestone, Time)>) -> Move {
    let (from, to) = ("server1".to_owned(), Some("server2".to_owned()));
    let since = Time::START + Duration::from_millis(1_203);
    let passed = |(milestone, at)| Passed { milestone, at, who: "server2".to_owned(), times: 1 };
    let milestones = milestones.into_iter().map(passed).collect();
    let kind = MoveKind::Failure;
    Move { what: "CL.000-BUS".to_owned(), from, to, since, kind, milestones, lost_again: None }
}

#[test]
fn what_is_lost_once_more_is_not_used_again_after_that() {
    let mut outcome = passing(1);
    let at = |milliseconds| Time::START + Duration::from_millis(milliseconds);
    let mut story = moved(vec![(Milestone::Noticed, at(1_213)), (Milestone::Serves, at(1_243))]);
    story.lost_again = Some(at(1_280));
    outcome.recoveries[0].moves = vec![story];
    let page = render(&outcome);
    assert!(page.contains("40.000ms  in all"), "{page}");
    assert!(!page.contains("until an appl"), "{page}");
}

#[test]
fn what_went_on_after_it_had_stood_still_is_told_so() {
    let mut outcome = passing(1);
    let at = |milliseconds| Time::START + Duration::from_millis(milliseconds);
    let mut story = moved(vec![(Milestone::WentOn, at(1_303))]);
    story.milestones[0].who = "server1".to_owned();
    story.to = Some("server1".to_owned());
    outcome.recoveries[0].moves = vec![story];
    let page = render(&outcome);
    assert!(page.contains("CL.000-BUS in server1, after the fault at 1.203s:"), "{page}");
    assert!(page.contains("100.000ms  until server1 went on and still owned its store"), "{page}");
    assert!(page.contains("100.000ms  in all"), "{page}");
}

#[test]
fn an_instance_beside_one_that_serves_is_no_failover() {
    let mut outcome = passing(1);
    let at = |milliseconds| Time::START + Duration::from_millis(milliseconds);
    let mut story = moved(vec![(Milestone::Noticed, at(1_213)), (Milestone::Begun, at(1_243))]);
    story.kind = MoveKind::SecondInstance;
    outcome.recoveries[0].moves = vec![story];
    let page = render(&outcome);
    assert!(page.contains("a second instance of CL.000-BUS was tried on server2, after"), "{page}");
    assert!(page.contains("and did not come to serve: server1 went on serving"), "{page}");
    assert!(!page.contains("in all"), "{page}");
}

#[test]
fn what_served_on_for_a_while_is_measured_from_when_it_did_not() {
    let mut outcome = passing(1);
    let at = |milliseconds| Time::START + Duration::from_millis(milliseconds);
    let mut story = moved(vec![(Milestone::Ordered, at(1_213)), (Milestone::Serves, at(1_220))]);
    story.since = at(1_210);
    outcome.recoveries[0].moves = vec![story];
    outcome.judgement.outages.clear();
    let page = render(&outcome);
    assert!(page.contains("away from 1.210s on, after"), "{page}");
    assert!(page.contains("10.000ms  in all"), "{page}");
}

#[test]
fn what_went_wrong_after_it_served_again_is_no_part_of_its_move() {
    let mut outcome = passing(1);
    let at = |milliseconds| Time::START + Duration::from_millis(milliseconds);
    outcome.recoveries[0].moves = vec![moved(vec![(Milestone::Noticed, at(1_213)), (Milestone::Serves, at(1_220))])];
    outcome.judgement.outages[0].from_ns = at(1_221).as_nanoseconds();
    let page = render(&outcome);
    assert!(page.contains("17.000ms  in all"), "{page}");
    assert!(!page.contains("until an appl"), "{page}");
}

#[test]
fn what_several_faults_at_once_took_down_is_told_once() {
    let mut outcome = passing(1);
    let at = |milliseconds| Time::START + Duration::from_millis(milliseconds);
    outcome.recoveries[0].moves = vec![moved(vec![(Milestone::Noticed, at(1_213)), (Milestone::Serves, at(1_243))])];
    let again = outcome.recoveries[0].clone();
    outcome.recoveries.push(again);
    assert_eq!(render(&outcome).matches("CL.000-BUS from server1 to server2").count(), 1);
}

#[test]
fn the_lines_of_a_story_keep_their_columns_when_they_are_wrapped() {
    let mut outcome = failing(1);
    outcome.judgement.findings[0].detail = format!("     1.100000s  branch.2  {}", "word ".repeat(30));
    let page = render(&outcome);
    let story: Vec<&str> = page.lines().skip_while(|line| !line.contains("branch.2  word")).take(2).collect();
    assert_eq!(story[0].find("word"), story[1].find("word"), "{page}");
}

#[test]
fn details_are_left_to_the_replay() {
    assert!(!render(&passing(1)).contains("only a replay shows"));
}

#[test]
fn long_stories_keep_their_beginning_and_end() {
    let mut outcome = failing(1);
    outcome.judgement.findings[0].detail = (0..100).map(|line| format!("line {line}\n")).collect();
    let page = render(&outcome);
    for (text, there) in [("line 0\n", true), ("line 11\n", true), ("line 50\n", false), ("line 99\n", true)] {
        assert_eq!(page.contains(text), there, "{text}");
    }
    assert!(page.contains("76 lines left out"), "{page}");
}

#[test]
fn an_outage_beyond_the_objective_is_marked() {
    let mut outcome = passing(1);
    assert!(render(&outcome).contains("Recovery objective 10s: kept."));
    outcome.judgement.outages[0].to_ns += 11_000_000_000;
    assert!(render(&outcome).contains("Recovery objective 10s: MISSED by 1 outage."));
}

#[test]
fn an_outage_says_how_it_began_and_to_what_it_is_put_down() {
    let told = |change: fn(&mut Outage)| {
        let mut outcome = passing(1);
        change(&mut outcome.judgement.outages[0]);
        render(&outcome).split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let page = told(|outage| {
        outage.beginning = Beginning::PutHung;
        outage.cause.kind = CauseKind::TakenAway;
        outage.cause.is_direct = false;
        outage.point = Some("CL.000-BUS".to_owned());
    });
    assert!(page.contains("PAYMENT.REQUEST on CL.000-BUS: no message was got from 1.203s"), "{page}");
    assert!(page.contains("although a put was asked for, and hung, and 3 messages were there in the end"), "{page}");
    assert!(page.contains("Last planned move before it, at 1.203s: QM01 killed."), "{page}");
    let page = told(|outage| {
        outage.beginning = Beginning::PutFailed;
        outage.waiting = 1;
        outage.cause.kind = CauseKind::Command;
        outage.meanwhile = (2..=6)
            .map(|second| Cause { at_ns: second * 1_000_000_000, text: format!("fault {second}"), ..Cause::default() })
            .collect();
    });
    let expected = "although puts were tried and failed. Command at 1.203s: QM01 killed. While it lasted, at 2.000s: \
                    fault 2; at 3.000s: fault 3; at 4.000s: fault 4; and 2 more.";
    assert!(page.contains(expected), "{page}");
}

#[test]
fn uneven_service_after_an_outage_is_counted_and_not_told() {
    let mut outcome = passing(1);
    let outages = &mut outcome.judgement.outages;
    let mut after = outages[0].clone();
    (after.from_ns, after.to_ns) = (outages[0].to_ns, outages[0].to_ns + 7_000_000);
    outages.push(after.clone());
    assert_eq!(render(&outcome).matches("no message was got").count(), 2);
    outcome.judgement.outages[1].cause.is_direct = false;
    let page = render(&outcome);
    assert_eq!(page.matches("no message was got").count(), 1);
    assert!(page.contains("PAYMENT.REQUEST: 1 shorter one."), "{page}");
}

#[test]
fn an_interruption_is_the_longest_of_so_many_and_who_stands_by_is_named() {
    let mut outcome = passing(1);
    outcome.judgement.interruptions[0].of = 3;
    outcome.judgement.standing_by = vec!["booking.3".to_owned(), "booking.4".to_owned()];
    let page = render(&outcome);
    assert!(page.contains("to 1.264s, longest of 3"), "{page}");
    assert!(page.contains("Stand by in the end, as they are to: booking.3, booking.4."), "{page}");
}

#[test]
fn the_replay_line_says_what_the_file_does_not_record() {
    let mut scenario = Scenario::clone(&scenario());
    let line = |scenario: &Scenario, seed, defect| replay_line(scenario, seed, defect);
    assert_eq!(line(&scenario, 3, None), "indoubt replay scenarios/queue-sharing/peer-recovery.ron --seed 3");
    scenario.path = "failures/it's mine.ron".into();
    scenario.recorded = Some(crate::scenario::model::Recorded {
        scenario: "x".to_owned(),
        seed: 3,
        fingerprint: 1,
        defect: Some(Defect::ListSignalLost.name().to_owned()),
    });
    assert_eq!(line(&scenario, 3, Some(Defect::ListSignalLost)), r"indoubt replay 'failures/it'\''s mine.ron'");
    assert_eq!(
        line(&scenario, 4, Some(Defect::PeerCommitsInFlight)),
        r"indoubt replay 'failures/it'\''s mine.ron' --seed 4 --defect peer-commits-in-flight"
    );
}

#[test]
fn json_has_what_programs_rely_on() {
    let value = json(&failing(12));
    assert_eq!(value["scenario"], "peer-recovery");
    assert_eq!(value["seed"], 12);
    assert_eq!(value["fingerprint"], "0123456789abcdef");
    assert_eq!(value["verdict"], "fail");
    assert_eq!(value["simulated_ms"], 14_020);
    let violation = &value["violations"][0];
    assert_eq!((&violation["kind"], &violation["at_ms"]), (&"lost".into(), &14_020.into()));
    assert!(violation["message"].is_string() && violation["detail"].is_string());
    for (field, number) in [
        ("sent", 121),
        ("acknowledged", 120),
        ("unknown", 1),
        ("refused", 0),
        ("delivered", 119),
        ("duplicated", 0),
        ("lost", 1),
        ("permitted", 1),
        ("dead_lettered", 0),
        ("expired", 0),
        ("remaining", 0),
    ] {
        assert_eq!(value["ledger"][field], number, "{field}");
    }
    assert_eq!(json(&passing(1))["verdict"], "pass");
    assert!(!json(&passing(1)).to_string().contains('\n'));
}

#[test]
fn documented_violations_are_told_apart() {
    let mut outcome = passing(1);
    outcome.judgement.expected = vec![expected(FindingKind::OutOfOrder, "get_backed_out")];
    let page = render(&outcome);
    assert!(page.contains("    After get_backed_out: a rule\n      out_of_order: as documented\n"), "{page}");
    assert!(page.contains("PASS") && !page.contains("Violations"));
    assert_eq!(json(&outcome)["expected"][0]["because"], "get_backed_out");
}

#[test]
fn a_summary_counts_and_names_what_was_never_reached() {
    let mut tally = Tally::new(scenario());
    for outcome in [passing(0), passing(1), failing(2), unknown(3)] {
        tally.add(outcome.seed, Ok(&Brief::of(&outcome)));
    }
    tally.add(4, Err("panicked"));
    let page = summary(std::slice::from_ref(&tally));
    assert_fits(&page);
    insta::assert_snapshot!("summary", page);
    let value = &summary_json(&[tally])["summary"];
    let counts = ["seeds", "pass", "fail", "unknown", "broken", "vacuous"].map(|field| value[field].as_u64());
    assert_eq!(counts, [5, 2, 1, 1, 1, 1].map(Some));
    assert_eq!(value["scenarios"][0]["reached"]["peer_backed_out_get"], 4);
    assert_eq!(value["scenarios"][0]["recovery"]["p50_ms"], 61);
    assert_eq!(value["scenarios"][0]["violations"]["lost"]["first_seed"], 2);
}

#[test]
fn the_table_of_defects_shows_who_was_not_convicted() {
    let conviction = Conviction {
        scenario: Arc::clone(&scenario()),
        seed: 3,
        seeds_tried: 4,
        kinds: vec![FindingKind::Lost, FindingKind::Torn],
        twin: Twin::Judged(Verdict::Pass),
    };
    let page = power(&[
        DefectPower { defect: Defect::CommitForgetsSharedPart, conviction: Some(conviction) },
        DefectPower { defect: Defect::ListSignalLost, conviction: None },
    ]);
    assert_fits(&page);
    insta::assert_snapshot!("power", page);
}
