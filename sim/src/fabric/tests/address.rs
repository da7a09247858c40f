//! Addresses and how connections come about.

use std::collections::BTreeSet;

use indoubt_engine::machine::Refused;

use super::*;

#[test]
fn nobody_listens_is_told_after_a_round_trip() {
    let log = world(1, |fabric, log| async move {
        let pair = pair(&fabric, Talker::new("a", &log), Talker::new("b", &log));
        fabric.declare_address("b".into(), LinkKind::Network, ms(1_000));
        fabric.sleep(ms(10)).await;
        fabric.kill(pair.listener);
        fabric.start(pair.dialer);
        fabric.sleep(ms(100)).await;
        let lost = Talker::new("lost", &log).connects("nowhere").body();
        spawn(&fabric, "lost", pair.a, lost);
        fabric.sleep(ms(100)).await;
        assert_eq!(fabric.lock().connections.len(), 0);
    });
    let refusals = log.refusals("a");
    assert_eq!((refusals.len(), refusals[0].1), (1, Refused::NobodyListens));
    assert!(refusals[0].0 > at(ms(10) + us(300)) && refusals[0].0 < at(ms(10) + us(600)));
    let refusals = log.refusals("lost");
    assert_eq!((refusals.len(), refusals[0].1), (1, Refused::NobodyListens));
}

#[test]
fn a_host_that_is_off_gives_no_answer_while_the_route_is_stale() {
    let log = world(1, |fabric, log| async move {
        let pair = pair(&fabric, Talker::new("a", &log).silence(ms(500)), Talker::new("b", &log));
        fabric.declare_address("b".into(), LinkKind::Network, ms(1_000));
        fabric.sleep_until(at(ms(10))).await;
        fabric.power_off(pair.b);
        fabric.start(pair.dialer);
        fabric.sleep_until(at(ms(1_100))).await;
        fabric.kill(pair.dialer);
        fabric.start(pair.dialer);
        fabric.sleep(ms(5_000)).await;
        assert_eq!(fabric.lock().connections.len(), 0);
    });
    let refusals = log.refusals("a");
    assert_eq!(refusals.len(), 2);
    assert_eq!((refusals[0].1, refusals[0].0.as_milliseconds()), (Refused::NoAnswer, 510));
    assert_eq!((refusals[1].1, refusals[1].0.as_milliseconds()), (Refused::NobodyListens, 1_100));
}

#[test]
fn a_host_that_comes_back_refuses_who_still_tries() {
    let log = world(1, |fabric, log| async move {
        let pair = pair(&fabric, Talker::new("a", &log), Talker::new("b", &log));
        fabric.declare_address("b".into(), LinkKind::Network, ms(10_000));
        fabric.sleep_until(at(ms(10))).await;
        fabric.power_off(pair.b);
        fabric.start(pair.dialer);
        fabric.sleep_until(at(ms(1_000))).await;
        fabric.power_on(pair.b);
        fabric.sleep(ms(10_000)).await;
    });
    let refusals = log.refusals("a");
    assert_eq!((refusals[0].1, refusals[0].0.as_milliseconds()), (Refused::NobodyListens, 1_000));
}

#[test]
fn a_request_waits_for_a_cut_as_long_as_its_opener_does() {
    for (healed, connects) in [(ms(1_000), true), (ms(6_000), false)] {
        let log = world(1, move |fabric, log| async move {
            let pair = pair(&fabric, Talker::new("a", &log), Talker::new("b", &log));
            fabric.sleep_until(at(ms(10))).await;
            pair.cut(&fabric);
            fabric.start(pair.dialer);
            fabric.sleep_until(at(healed)).await;
            fabric.heal_all();
            fabric.sleep(ms(10_000)).await;
        });
        assert_eq!(log.connected("a").len(), usize::from(connects));
        let refusals = log.refusals("a");
        assert_eq!(refusals.len(), usize::from(!connects));
        assert!(refusals.iter().all(|(time, why)| (*why, time.as_milliseconds()) == (Refused::NoAnswer, 5_010)));
    }
}

#[test]
fn an_address_moves_with_its_process() {
    let log = world(1, |fabric, log| async move {
        let pair = pair(&fabric, Talker::new("a", &log), Talker::new("b", &log));
        let other = host(&fabric, "C");
        fabric.sleep_until(at(ms(10))).await;
        fabric.power_off(pair.b);
        fabric.start_on(pair.listener, other);
        assert_eq!(fabric.host_of(pair.listener), other);
        fabric.sleep(ms(1)).await;
        fabric.start(pair.dialer);
        fabric.sleep(ms(10)).await;
    });
    assert_eq!(log.connected("a").len(), 1);
}

#[test]
fn the_members_of_a_group_share_its_address() {
    let log = world(1, |fabric, log| async move {
        let (a, b, c) = (host(&fabric, "A"), host(&fabric, "B"), host(&fabric, "C"));
        spawn(&fabric, "b", b, Talker::new("b", &log).listens("group").body());
        spawn(&fabric, "c", c, Talker::new("c", &log).listens("group").body());
        fabric.sleep(ms(1)).await;
        for number in 0..20 {
            spawn(&fabric, &format!("a{number}"), a, Talker::new("a", &log).connects("group").body());
        }
        fabric.sleep(ms(10)).await;
        fabric.power_off(b);
        for number in 20..30 {
            spawn(&fabric, &format!("a{number}"), a, Talker::new("a", &log).connects("group").body());
        }
        fabric.sleep(ms(10)).await;
    });
    let accepted = |who| log.pick(who, |input| matches!(input, Input::Accepted { .. }).then_some(())).len();
    assert!(accepted("b") >= 4 && accepted("c") >= 14, "{} {}", accepted("b"), accepted("c"));
    assert_eq!(log.connected("a").len(), 30);
}

#[test]
fn numbers_of_connections_never_collide() {
    let log = world(1, |fabric, log| async move {
        let (a, b) = (host(&fabric, "A"), host(&fabric, "B"));
        let both = |who, other| Talker::new(who, &log).listens(who).connects(other).body();
        let first = spawn(&fabric, "a", a, both("a", "b"));
        fabric.sleep(ms(1)).await;
        spawn(&fabric, "b", b, both("b", "a"));
        fabric.sleep(ms(1)).await;
        fabric.kill(first);
        fabric.start(first);
        fabric.sleep(ms(10)).await;
    });
    let ids: Vec<_> = log
        .pick("b", |input| match input {
            Input::Connected { connection } | Input::Accepted { connection, .. } => Some(*connection),
            _ => None,
        })
        .into_iter()
        .map(|(_, connection)| connection)
        .collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 2);
}

#[test]
fn an_address_that_moved_leads_some_to_the_host_it_left_for_a_while() {
    let log = world(1, |fabric, log| async move {
        let pair = pair(&fabric, Talker::new("x", &log), Talker::new("b", &log));
        let other = host(&fabric, "C");
        fabric.declare_address("b".into(), LinkKind::Network, ms(1_000));
        fabric.sleep_until(at(ms(10))).await;
        fabric.power_off(pair.b);
        fabric.start_on(pair.listener, other);
        fabric.sleep(ms(1)).await;
        let dial = |name| Talker::new(name, &log).connects("b").silence(ms(500)).body();
        for number in 0..20 {
            spawn(&fabric, &format!("early{number}"), pair.a, dial("early"));
        }
        fabric.sleep(ms(1_500)).await;
        for number in 0..20 {
            spawn(&fabric, &format!("late{number}"), pair.a, dial("late"));
        }
        fabric.sleep(ms(1_500)).await;
    });
    let refused = log.refusals("early");
    assert!(refused.len() >= 4 && refused.iter().all(|(_, why)| *why == Refused::NoAnswer), "{refused:?}");
    assert_eq!(log.connected("early").len() + refused.len(), 20);
    assert_eq!(log.connected("late").len(), 20);
}
