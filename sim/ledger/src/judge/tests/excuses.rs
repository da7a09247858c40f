//! Which event excuses a loss, of those that could: the one that happened to whoever had the message, and the first of them.

use super::*;
use crate::contract::{Exclusive, Leniency, PROCESS_ENDED, PROCESS_STARTED, Pause};
use crate::history::{Healing, Lasts, Mended, Span};

fn engine(t: &mut Tale) {
    let names = |name: &str| vec![name.to_owned()];
    t.contract.exclusive.push(Exclusive {
        begins: names("engine_started"),
        ends: vec!["engine_stopped".to_owned(), "engine_failed".to_owned()],
        finishes: vec!["store_closed".to_owned(), "engine_failed".to_owned()],
        pauses: vec![Pause { begins: "paused".to_owned(), ends: "resumed".to_owned() }],
        allowed_overlap_ns: u64::MAX,
        ..Exclusive::default()
    });
}

fn permission(event: &str, subject: Whom) -> Permission {
    Permission { event: event.to_owned(), subject, rule: "documented".to_owned(), ..Permission::default() }
}

fn owner() -> Whom {
    Whom::OwnerOf("ME1".to_owned())
}

fn instance(process: &str) -> Whom {
    Whom::Instance { resource: "ME1".to_owned(), process: process.to_owned() }
}

fn causes(tale: &Tale) -> Vec<String> {
    tale.judged().permitted.into_iter().map(|group| group.cause).collect()
}

#[test]
fn a_loss_is_put_down_to_the_first_event_that_excuses_it_whatever_the_order_of_the_rules() {
    let tale = tale(|t| {
        engine(t);
        for event in ["engine_stopped", PROCESS_ENDED] {
            t.contract.permitted_losses.push(permission(event, owner()));
        }
        t.event_by("server1", "engine_started", "ME1");
        t.put(1, None, Done);
        let at = t.tick();
        let (name, subject, by) = (PROCESS_ENDED.to_owned(), "server1".to_owned(), String::new());
        t.history.world(at, WorldHappening::Event { name, subject, by, text: "was killed".to_owned() });
        t.event_by("server2", "engine_started", "ME1");
        t.put(2, None, Done);
        t.event_by("server2", "engine_stopped", "ME1");
    });
    assert_eq!(causes(&tale), ["engine_stopped on server2", "server1 was killed"]);
    let judgement = tale.judged();
    let parts: Vec<_> = judgement.permitted.iter().flat_map(|group| &group.parts).collect();
    assert!(parts.iter().all(|part| part.queue == "ORDERS" && part.quality == "persistent" && part.count == 1));
    assert_eq!(parts.len(), 2);
}

#[test]
fn what_stands_still_or_is_being_finished_is_run_all_the_same() {
    let ended_after = |before: &[&str]| {
        tale(|t| {
            engine(t);
            t.contract.permitted_losses.push(permission(PROCESS_ENDED, owner()));
            t.event_by("server1", "engine_started", "ME1");
            t.put(1, None, Done);
            before.iter().for_each(|event| t.event_by("server1", event, "ME1"));
            t.event(PROCESS_ENDED, "server1");
        })
        .kinds()
    };
    assert!(ended_after(&["paused"]).is_empty());
    assert!(ended_after(&["engine_stopped"]).is_empty());
    assert_eq!(ended_after(&["engine_stopped", "store_closed"]), ["lost"]);
    assert_eq!(ended_after(&["engine_failed"]), ["lost"]);
}

#[test]
fn an_instance_had_only_what_was_there_before_another_began_or_what_was_put_to_it() {
    let lost = |connected_to: Option<&str>, failed: &str| {
        tale(|t| {
            engine(t);
            t.contract.permitted_losses.push(permission("engine_failed", owner()));
            t.event_by("server1", "engine_started", "ME1");
            t.event_by("server2", "engine_started", "ME1");
            if let Some(server) = connected_to {
                let at = t.tick();
                t.history.connected(at, t.producer, "ME1", server);
            }
            t.put(1, None, Done);
            t.event_by(failed, "engine_failed", "ME1");
        })
        .kinds()
    };
    assert!(lost(None, "server2").is_empty());
    assert_eq!(lost(None, "server1"), ["lost"]);
    assert!(lost(Some("server1"), "server1").is_empty());
    assert_eq!(lost(Some("server2"), "server1"), ["lost"]);
}

#[test]
fn a_rule_about_what_was_put_through_something_is_about_nothing_else() {
    let lost = |then: &dyn Fn(&mut Tale)| {
        tale(|t| {
            let through = Some("ME1".to_owned());
            t.contract.permitted_losses.push(Permission { through, ..permission("link_lost", Whom::Anybody) });
            then(t);
            t.put(1, None, Done);
            t.event("link_lost", "");
        })
        .kinds()
    };
    let connected = |t: &mut Tale, engine: &str| {
        let at = t.tick();
        t.history.connected(at, t.producer, engine, "server1");
    };
    assert!(lost(&|t| connected(t, "ME1")).is_empty());
    assert_eq!(lost(&|t| connected(t, "ME2")), ["lost"]);
    assert_eq!(lost(&|_| {}), ["lost"]);
    assert_eq!(
        lost(&|t| {
            connected(t, "ME1");
            let at = t.tick();
            t.history.disconnected(at, t.producer);
        }),
        ["lost"]
    );
}

#[test]
fn what_waits_in_a_stall_can_be_lost_until_its_end() {
    // The put is acknowledged at 2 ms; the event comes at `at_ms`.
    let lost = |stall: (u64, u64), at_ms: u64| {
        tale(|t| {
            let stalls = vec![Span { from_ns: stall.0 * MS, to_ns: stall.1 * MS }];
            let window = Window::After { within_ns: Some(10 * MS) };
            let rule = Permission { stalls, window, ..permission("engine_failed", Whom::Anybody) };
            t.contract.permitted_losses.push(rule);
            t.put(1, None, Done);
            t.now = (at_ms - 1) * MS;
            t.event("engine_failed", "ME1");
        })
        .kinds()
    };
    assert!(lost((12, 100), 100).is_empty());
    assert_eq!(lost((12, 100), 101), ["lost"]);
    assert_eq!(lost((13, 100), 100), ["lost"], "it was written before");
    assert!(lost((0, 100), 100).is_empty());
    assert_eq!(lost((0, 1), 20), ["lost"], "the stall was over");
}

#[test]
fn two_owners_are_allowed_for_longer_only_while_that_is_excused() {
    let overlap = |during: (u64, u64)| {
        tale(|t| {
            engine(t);
            t.contract.exclusive[0].allowed_overlap_ns = 0;
            t.contract.exclusive[0].lenient.push(Leniency {
                during: vec![Span { from_ns: during.0 * MS, to_ns: during.1 * MS }],
                allowed_overlap_ns: 10 * MS,
                rule: "out of reach".to_owned(),
            });
            t.event_by("server1", "engine_started", "ME1");
            t.event_by("server2", "engine_started", "ME1");
            t.wait_ms(9);
            t.event_by("server1", "engine_failed", "ME1");
        })
    };
    let excused = overlap((2, 12));
    excused.passes();
    assert_eq!(excused.judged().permitted[0].rule, "out of reach");
    assert_eq!(overlap((3, 100)).kinds(), ["split_brain"]);
    assert_eq!(overlap((0, 11)).kinds(), ["split_brain"]);
}

#[test]
fn trouble_lasts_until_that_fault_is_mended_or_the_process_runs_again() {
    let mut history = History::new();
    let about = |name: &str| vec![name.to_owned()];
    let cut = history.fault(1, Fault::striking("cut", about("dbhost")).lasting(Lasts::UntilMended));
    let slow = history.fault(2, Fault::hampering("slow", about("DB")).lasting(Lasts::UntilMended));
    history.fault(3, Fault::striking("killed", about("DB")));
    history.fault(4, Fault::hampering("will forget", about("DB")).lasting(Lasts::NoTime));
    history.fault(4, Fault::striking("killed", about("elsewhere")));
    let healed = |what| WorldHappening::Healed(Healing { text: String::new(), what });
    history.world(5, healed(Mended::Nothing));
    history.world(6, healed(Mended::Fault(slow)));
    history.world(7, healed(Mended::Fault(cut)));
    let started = |subject: &str| WorldHappening::Event {
        name: PROCESS_STARTED.to_owned(),
        subject: subject.to_owned(),
        by: String::new(),
        text: String::new(),
    };
    history.world(8, started("elsewhere"));
    history.world(9, started("DB"));
    history.fault(10, Fault::hampering("full", about("DB")).lasting(Lasts::UntilMended));
    history.world(11, healed(Mended::Everything));
    history.fault(12, Fault::striking("killed", about("DB")));
    history.fault(13, Fault::striking("paused", about("DB")).lasting(Lasts::UntilMendedOrRestarted));
    history.world(14, started("DB"));
    history.fault(15, Fault::striking("killed", about("DB")));
    let span = |from_ns, to_ns| Span { from_ns, to_ns };
    let troubled = history.troubled(&["dbhost", "DB"]);
    let ended = [span(1, 7), span(2, 6), span(3, 9), span(10, 11), span(12, 14), span(13, 14)];
    assert_eq!(troubled, [ended.as_slice(), &[span(15, u64::MAX)]].concat());
    assert_eq!(Span::merged(troubled), [span(1, 9), span(10, 11), span(12, 14), span(15, u64::MAX)]);
    assert_eq!(history.troubled(&["dbhost"]), [span(1, 7)]);
}

#[test]
fn who_gives_out_what_another_has_delivered_since_it_began_is_excused_while_it_runs() {
    let given = |giver: &str, failed: bool| {
        tale(|t| {
            engine(t);
            let subject = Whom::SuccessorOfGiver { resource: "ME1".to_owned(), process: "server1".to_owned() };
            let window = Window::Around { before_ns: None, after_ns: None };
            t.contract.permitted_duplicates.push(Permission { window, ..permission("engine_started", subject) });
            t.event_by("server1", "engine_started", "ME1");
            t.put(1, None, Done);
            t.event_by("server2", "engine_started", "ME1");
            t.get(1, None);
            if failed {
                t.event_by("server1", "engine_failed", "ME1");
            }
            let at = t.tick();
            t.history.connected(at, t.consumer, "ME1", giver);
            t.get(1, None);
        })
        .kinds()
    };
    assert!(given("server1", false).is_empty());
    assert_eq!(given("server2", false), ["duplicated"]);
    assert_eq!(given("server1", true), ["duplicated"]);
}

#[test]
fn what_somebody_has_got_is_not_lost_with_the_connection_of_its_producer() {
    let lost = |delivered: bool| {
        tale(|t| {
            t.contract.permitted_losses.push(permission("connection_broken", Whom::Producer));
            t.put(1, None, Done);
            if delivered {
                let unit = t.consumers_unit();
                t.get(1, Some(unit));
                t.backout(t.consumer, unit);
            }
            t.event("connection_broken", "producer");
        })
        .kinds()
    };
    assert!(lost(false).is_empty());
    assert_eq!(lost(true), ["lost"]);
}

#[test]
fn the_instance_named_must_be_the_one_that_failed() {
    let failed = |server: &str| {
        tale(|t| {
            engine(t);
            t.contract.permitted_losses.push(permission("engine_failed", instance("server1")));
            t.event_by(server, "engine_started", "ME1");
            t.put(1, None, Done);
            t.event_by(server, "engine_failed", "ME1");
        })
        .kinds()
    };
    assert!(failed("server1").is_empty());
    assert_eq!(failed("server2"), ["lost"]);
}
