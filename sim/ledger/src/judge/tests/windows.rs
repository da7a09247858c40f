//! Losses that are permitted only near an event, and only to whom it concerns.

use super::*;
use crate::contract::{Exclusive, PROCESS_ENDED};

fn permits(t: &mut Tale, event: &str, subject: Whom, window: Window) {
    t.contract.permitted_losses.push(Permission {
        qualities: Some(vec![t.nonpersistent]),
        event: event.to_owned(),
        subject,
        window,
        rule: "documented".to_owned(),
        ..Permission::default()
    });
}

fn put(t: &mut Tale, message: u64) {
    let put = Put { quality: t.nonpersistent, ..t.message(message, None) };
    t.call(t.producer, Operation::Put(put), Done);
}

const WITHIN_A_SECOND: Window = Window::After { within_ns: Some(1_000 * MS) };

/// The message is acknowledged, the engine fails this much later.
fn fails_after(ms: u64, window: Window) -> Tale {
    tale(|t| {
        permits(t, "engine_failed", Whom::Named("ME1".to_owned()), window);
        put(t, 1);
        t.wait_ms(ms - 1);
        t.event("engine_failed", "ME1");
    })
}

#[test]
fn a_lazy_write_is_lost_only_with_a_failure_within_the_write_latency() {
    let permitted = fails_after(1_000, WITHIN_A_SECOND);
    permitted.passes();
    assert_eq!(permitted.judged().account.permitted, 1);
    assert_eq!(fails_after(1_001, WITHIN_A_SECOND).kinds(), ["lost"]);
    fails_after(1_001, Window::After { within_ns: None }).passes();
}

#[test]
fn an_earlier_failure_in_time_permits_a_loss_although_a_later_one_would_not() {
    let tale = tale(|t| {
        permits(t, "engine_failed", Whom::Anybody, WITHIN_A_SECOND);
        put(t, 1);
        t.event("engine_failed", "ME1");
        t.wait_ms(60_000);
        t.event("engine_failed", "ME1");
    });
    tale.passes();
}

#[test]
fn the_window_opens_when_the_commit_is_acknowledged() {
    let fails = |after_ms: u64| {
        tale(|t| {
            permits(t, "engine_failed", Whom::Anybody, WITHIN_A_SECOND);
            let unit = t.producers_unit();
            let put = Put { quality: t.nonpersistent, ..t.message(1, Some(unit)) };
            t.call(t.producer, Operation::Put(put), Done);
            t.wait_ms(5_000);
            t.commit(t.producer, unit, Done);
            t.wait_ms(after_ms);
            t.event("engine_failed", "ME1");
        })
    };
    fails(900).passes();
    assert_eq!(fails(1_100).kinds(), ["lost"]);
}

#[test]
fn a_loss_told_in_spite_of_a_rule_says_that_nothing_happened_in_time() {
    let finding = fails_after(2_000, WITHIN_A_SECOND).judged().findings.remove(0);
    let wanted = "nonpersistent and acknowledged, and nothing that permits its loss happened in time";
    assert!(finding.message.ends_with(wanted), "{}", finding.message);
}

#[test]
fn a_shortage_may_come_before_or_after_the_message() {
    let short = |before_ms: Option<u64>, after_ms: Option<u64>| {
        tale(|t| {
            permits(
                t,
                "buffer_full",
                Whom::Anybody,
                Window::Around { before_ns: Some(100 * MS), after_ns: Some(50 * MS) },
            );
            if let Some(ms) = before_ms {
                t.event("buffer_full", "ME1");
                t.wait_ms(ms);
            }
            put(t, 1);
            if let Some(ms) = after_ms {
                t.wait_ms(ms);
                t.event("buffer_full", "ME1");
            }
        })
    };
    short(Some(90), None).passes();
    short(None, Some(40)).passes();
    assert_eq!(short(Some(200), None).kinds(), ["lost"]);
    assert_eq!(short(None, Some(60)).kinds(), ["lost"]);
    assert_eq!(short(None, None).kinds(), ["lost"]);
}

#[test]
fn a_broken_connection_permits_only_the_loss_of_its_own_messages() {
    let broken = |of: &str| {
        tale(|t| {
            permits(t, "connection_broken", Whom::Producer, Window::default());
            put(t, 1);
            t.event_by(of, "connection_broken", "ME1");
        })
    };
    broken("producer").passes();
    assert_eq!(broken("consumer").kinds(), ["lost"]);
}

#[test]
fn the_end_of_a_producers_process_is_an_event_of_its_own() {
    let ended = |ended: bool| {
        tale(|t| {
            permits(t, PROCESS_ENDED, Whom::Producer, Window::default());
            put(t, 1);
            let at = t.tick();
            t.history.ended(at, if ended { t.producer } else { t.consumer });
        })
    };
    ended(true).passes();
    assert_eq!(ended(false).kinds(), ["lost"]);
}

#[test]
fn the_end_of_a_server_permits_losses_of_the_engine_that_it_ran() {
    let ended = |server: &str| {
        tale(|t| {
            t.contract.exclusive.push(Exclusive {
                begins: vec!["engine_started".to_owned()],
                ends: vec!["engine_stopped".to_owned()],
                ..Exclusive::default()
            });
            permits(t, PROCESS_ENDED, Whom::OwnerOf("ME1".to_owned()), Window::default());
            t.event_by("server1", "engine_started", "ME1");
            t.event_by("server2", "engine_started", "ME2");
            t.event_by("server3", "engine_started", "ME1");
            t.event_by("server3", "engine_stopped", "ME1");
            t.contract.exclusive[0].allowed_overlap_ns = 1_000 * MS;
            put(t, 1);
            t.event(PROCESS_ENDED, server);
        })
    };
    ended("server1").passes();
    assert_eq!(ended("server2").kinds(), ["lost"]);
    assert_eq!(ended("server3").kinds(), ["lost"]);
}

#[test]
fn a_message_that_nobody_reaches_is_marooned() {
    let left = |availability: Availability| {
        tale(|t| {
            t.put(1, None, Done);
            t.contract.queues[0].drained = false;
            t.left_as(1, QueueRole::Application, availability);
        })
    };
    let unreachable = left(Availability::Unreachable { why: "messaging engine ME1 is stopped".to_owned() });
    assert_eq!(unreachable.kinds(), ["marooned"]);
    let finding = unreachable.judged().findings.remove(0);
    assert_eq!(finding.message, "message 1 cannot be got: messaging engine ME1 is stopped");
    assert!(
        finding.detail.contains("is on ORDERS: out of reach, messaging engine ME1 is stopped"),
        "{}",
        finding.detail
    );
    assert_eq!(left(Availability::Held(holder(HolderState::Dead))).kinds(), ["marooned"]);
    left(Availability::Available).passes();
}
