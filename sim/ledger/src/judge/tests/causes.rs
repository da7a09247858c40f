//! To what an outage is put down.

use super::outages::outages;
use super::*;
use crate::outage::CauseKind;

#[test]
fn an_outage_is_put_down_to_who_matters_to_the_queue() {
    let mut who = "nobody";
    let mut told_after = |struck: &[(&'static str, &'static str)]| -> &'static str {
        let told = tale(|t| {
            t.contract.keepers.push((t.queue, "ENGINE".to_owned()));
            t.contract.exclusive.push(crate::contract::Exclusive {
                begins: vec!["started".to_owned()],
                ends: vec!["stopped".to_owned()],
                ..Default::default()
            });
            t.history.process("stranger");
            t.event_by("server1", "started", "ENGINE");
            t.event_by("server3", "started", "OTHER");
            t.put(1, None, Done);
            t.get(1, None);
            let asked = t.ask();
            for (text, about) in struck {
                t.now += MS;
                let fault = Fault::striking(*text, vec![(*about).to_owned()]);
                t.history.world(t.now, WorldHappening::Fault(fault));
            }
            t.put(2, None, Done);
            t.now += 500 * MS;
            t.got(asked, 2);
        });
        let [outage] = outages(&told).try_into().expect("one outage");
        who = struck.iter().find(|(text, _)| *text == outage.cause.text).expect("one of them").1;
        who
    };
    assert_eq!(told_after(&[("a", "server1"), ("b", "stranger")]), "server1");
    assert_eq!(told_after(&[("a", "server1"), ("b", "server3"), ("c", "dbhost")]), "server1");
    assert_eq!(told_after(&[("a", "dbhost"), ("b", "stranger")]), "dbhost");
    assert_eq!(told_after(&[("a", "server1"), ("b", "consumer")]), "consumer");
    assert_eq!(told_after(&[("a", "stranger")]), "stranger");
}

#[test]
fn a_fault_without_effect_is_no_cause_and_a_command_and_a_planned_move_are() {
    let cause_of = |what: fn() -> WorldHappening| {
        let told = tale(|t| {
            t.contract.taken_away.push("deactivated".to_owned());
            t.put(1, None, Done);
            t.get(1, None);
            let asked = t.ask();
            let at = t.tick();
            t.history.world(at, what());
            t.put(2, None, Done);
            t.now += 500 * MS;
            t.got(asked, 2);
        });
        outages(&told).first().map(|outage| (outage.cause.kind, outage.cause.text.clone()))
    };
    assert_eq!(cause_of(|| WorldHappening::Fault(Fault::without_effect("killed, but it is down"))), None);
    let command = || WorldHappening::Command(Command { by: "op".into(), text: "STOP".into(), about: Vec::new() });
    assert_eq!(cause_of(command), Some((CauseKind::Command, "STOP".to_owned())));
    let moved = || WorldHappening::Event {
        name: "deactivated".into(),
        subject: "ENGINE".into(),
        by: String::new(),
        text: "moves".into(),
    };
    assert_eq!(cause_of(moved), Some((CauseKind::TakenAway, "moves".to_owned())));
}

#[test]
fn causes_of_one_instant_are_told_together() {
    let told = tale(|t| {
        t.put(1, None, Done);
        t.get(1, None);
        let asked = t.ask();
        let at = t.tick();
        for link in ["a", "b", "c", "d", "e"] {
            t.history.world(at, WorldHappening::Fault(Fault::striking(format!("{link} cut"), Vec::new())));
        }
        t.put(2, None, Done);
        t.now += 500 * MS;
        t.got(asked, 2);
    });
    assert_eq!(outages(&told)[0].cause.text, "a cut, b cut, c cut and 2 more");
}
