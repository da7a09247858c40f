//! For how long nobody got anything from a queue, and to what that is put down.

use super::*;
use crate::outage::{Beginning, Outage};

pub(super) fn outages(tale: &Tale) -> Vec<Outage> {
    tale.judged().outages
}

/// Two messages, each got two milliseconds after its put was done; then a fault, one millisecond later.
pub(super) fn usual_then_fault(t: &mut Tale) -> u64 {
    for message in 1..=2 {
        t.put(message, None, Done);
        t.get(message, None);
    }
    t.fault("QM01 killed");
    t.now
}

#[test]
fn an_outage_lasts_from_the_first_work_that_waits_to_the_next_message_got() {
    let mut since = 0;
    let told = tale(|t| {
        usual_then_fault(t);
        t.now += 40 * MS;
        let asked = t.ask();
        since = t.now + MS;
        t.put(3, None, Done);
        t.put(4, None, Done);
        t.now += 500 * MS;
        t.got(asked, 3);
        t.get(4, None);
    });
    let [outage] = outages(&told).try_into().expect("one queue, one fault");
    assert_eq!((outage.queue.as_str(), outage.cause.text.as_str()), ("ORDERS", "QM01 killed"));
    assert_eq!((outage.from_ns, outage.to_ns), (since, since + 504 * MS));
    assert_eq!((outage.waiting_first, outage.waiting, outage.ended, outage.usual_ns), (1, 2, true, 3 * MS));
}

#[test]
fn work_that_waited_when_the_fault_struck_waits_from_then_on() {
    let mut fault_ns = 0;
    let told = tale(|t| {
        t.put(1, None, Done);
        t.get(1, None);
        t.put(2, None, Done);
        t.now += 10 * MS;
        t.get(2, None);
        t.put(3, None, Done);
        let asked = t.ask();
        t.fault("QM01 killed");
        fault_ns = t.now;
        t.now += 100 * MS;
        t.got(asked, 3);
    });
    let outage = &outages(&told)[0];
    assert_eq!((outage.from_ns, outage.lasted_ns()), (fault_ns, 101 * MS));
}

#[test]
fn ordinary_service_after_a_fault_is_no_outage() {
    let told = tale(|t| {
        usual_then_fault(t);
        for message in 3..=5 {
            t.put(message, None, Done);
            t.get(message, None);
        }
    });
    assert_eq!(outages(&told), []);
}

#[test]
fn each_outage_is_put_down_to_the_fault_before_it() {
    let told = tale(|t| {
        usual_then_fault(t);
        let asked = t.ask();
        t.put(3, None, Done);
        t.now += 50 * MS;
        t.got(asked, 3);
        let asked = t.ask();
        t.put(4, None, Done);
        t.fault("QM02 killed");
        t.now += 70 * MS;
        t.got(asked, 4);
    });
    let lasted = |outage: &Outage| (outage.cause.text.clone(), outage.lasted_ns() / MS);
    let told: Vec<_> = outages(&told).iter().map(lasted).collect();
    assert_eq!(told, [("QM01 killed".to_owned(), 52), ("QM02 killed".to_owned(), 71)]);
}

#[test]
fn a_second_fault_does_not_cut_an_outage_in_two() {
    let told = tale(|t| {
        usual_then_fault(t);
        let asked = t.ask();
        t.put(3, None, Done);
        t.now += 50 * MS;
        t.fault("QM02 killed");
        t.now += 70 * MS;
        t.got(asked, 3);
    });
    let [outage] = outages(&told).try_into().expect("one span");
    assert_eq!((outage.cause.text.as_str(), outage.lasted_ns() / MS), ("QM01 killed", 123));
    assert!(outage.cause.is_direct);
    assert_eq!(outage.meanwhile.iter().map(|cause| cause.text.as_str()).collect::<Vec<_>>(), ["QM02 killed"]);
}

#[test]
fn a_message_that_was_got_and_backed_out_waits_on() {
    let got_once_more = |committed: bool| {
        let told = tale(|t| {
            usual_then_fault(t);
            let unit = t.consumers_unit();
            t.put(3, None, Done);
            t.get(3, Some(unit));
            if committed {
                t.commit(t.consumer, unit, Done);
            } else {
                let asked = t.ask();
                t.now += 80 * MS;
                t.got(asked, 3);
            }
        });
        outages(&told).iter().map(Outage::lasted_ns).max()
    };
    assert_eq!(got_once_more(false), Some(81 * MS));
    assert_eq!(got_once_more(true), None);
}

#[test]
fn puts_that_fail_are_work_that_waits() {
    let told = tale(|t| {
        usual_then_fault(t);
        let asked = t.ask();
        t.put(3, None, Failed);
        t.now += 200 * MS;
        t.put(4, None, Done);
        t.got(asked, 4);
    });
    let outage = &outages(&told)[0];
    assert_eq!((outage.lasted_ns(), outage.waiting_first, outage.waiting), (204 * MS, 0, 1));
    assert_eq!(outage.beginning, Beginning::PutFailed);
    let never_again = tale(|t| {
        usual_then_fault(t);
        t.put(3, None, Failed);
        t.now += 200 * MS;
        t.put(4, None, Unknown);
    });
    let outage = &outages(&never_again)[0];
    assert_eq!((outage.lasted_ns(), outage.ended, outage.waiting), (203 * MS, false, 0));
}

#[test]
fn a_queue_with_nothing_on_it_has_no_outage() {
    let told = tale(|t| {
        usual_then_fault(t);
        t.now += 5_000 * MS;
        t.get_nothing(Unknown);
    });
    assert_eq!(outages(&told), []);
    let before = tale(|t| {
        t.put(1, None, Done);
        t.now += 5_000 * MS;
        t.get(1, None);
        t.fault("QM01 killed");
    });
    assert_eq!(outages(&before), []);
}

#[test]
fn a_put_that_hangs_is_work_that_waits() {
    let mut asked_ns = 0;
    let told = tale(|t| {
        usual_then_fault(t);
        let unit = t.producers_unit();
        let asked = t.ask();
        let put = t.message(3, Some(unit));
        let put = t.invoke(t.producer, Operation::Put(put));
        asked_ns = t.now;
        t.now += 300_000 * MS;
        let at = t.tick();
        t.history.complete(at, put, Done);
        t.commit(t.producer, unit, Done);
        t.got(asked, 3);
        t.audit.at_ns = 900_000 * MS;
    });
    let [outage] = outages(&told).try_into().expect("one");
    assert_eq!((outage.from_ns, outage.lasted_ns() / MS), (asked_ns, 300_004));
    assert_eq!((outage.beginning, outage.waiting_first, outage.waiting), (Beginning::PutHung, 0, 1));
}

#[test]
fn each_of_several_outages_after_one_fault_is_told() {
    let told = tale(|t| {
        usual_then_fault(t);
        for (message, wait_ms) in [(3, 500), (4, 200)] {
            let asked = t.ask();
            t.put(message, None, Done);
            t.now += wait_ms * MS;
            t.got(asked, message);
        }
    });
    let lasted: Vec<_> = outages(&told).iter().map(|outage| outage.lasted_ns() / MS).collect();
    assert_eq!(lasted, [502, 202]);
    let direct: Vec<_> = outages(&told).iter().map(|outage| outage.cause.is_direct).collect();
    assert_eq!(direct, [true, false], "somebody got a message between the fault and the second one");
}

#[test]
fn a_consumer_at_work_of_its_own_serves_the_queue_and_one_that_was_killed_does_not() {
    let works = |killed: bool| {
        let told = tale(|t| {
            usual_then_fault(t);
            t.put(3, None, Done);
            t.put(4, None, Done);
            t.get(3, None);
            if killed {
                let at = t.tick();
                t.history.ended(at, t.consumer);
            }
            t.now += 5_000 * MS;
            t.get(4, None);
        });
        outages(&told).iter().map(|outage| outage.lasted_ns() / MS).max()
    };
    assert_eq!(works(false), None);
    assert_eq!(works(true), Some(5_002));
}

#[test]
fn a_consumer_at_work_does_not_excuse_a_put_that_fails() {
    let told = tale(|t| {
        usual_then_fault(t);
        t.put(3, None, Done);
        t.get(3, None);
        t.put(4, None, Failed);
        t.now += 5_000 * MS;
        t.put(5, None, Done);
        t.get(5, None);
    });
    assert_eq!(outages(&told)[0].lasted_ns() / MS, 5_003);
}

#[test]
fn a_consumer_that_has_to_connect_again_is_not_at_work_of_its_own() {
    let told = tale(|t| {
        usual_then_fault(t);
        t.put(3, None, Done);
        t.put(4, None, Done);
        t.get(3, None);
        let connect = t.invoke(t.consumer, Operation::MakeReady);
        t.now += 700 * MS;
        let at = t.tick();
        t.history.complete(at, connect, Done);
        t.get(4, None);
    });
    assert_eq!(outages(&told)[0].lasted_ns() / MS, 701);
}

#[test]
fn each_point_of_a_queue_has_outages_of_its_own() {
    let told = tale(|t| {
        let other = t.history.process("other");
        let points = ["one", "two"];
        t.contract.keepers.extend(points.map(|point| (t.queue, point.to_owned())));
        // The one who consumes at a point is connected to it, and the producer to that for which a message is.
        let at_point = |t: &mut Tale, process, message, point| {
            for connected in [t.producer, process] {
                t.history.connected(t.now, connected, point, "server");
            }
            let put = t.message(message, None);
            let put = t.invoke(t.producer, Operation::Put(put));
            let at = t.tick();
            t.history.complete(at, put, Done);
            let get = Get { queue: t.queue, unit: None, reply_to: None, wait_ns: 0 };
            t.invoke(process, Operation::Get(get))
        };
        for (message, point, process) in [(1, "one", t.consumer), (2, "two", other)] {
            let get = at_point(t, process, message, point);
            t.got(get, message);
        }
        t.fault("QM01 killed");
        let (consumer, mut next) = (t.consumer, 10);
        let waits = at_point(t, other, 3, "two");
        for _ in 0..10 {
            let get = at_point(t, consumer, next, "one");
            t.got(get, next);
            next += 1;
        }
        t.got(waits, 3);
    });
    let [outage] = outages(&told).try_into().expect("one point had one");
    assert_eq!((outage.point.as_deref(), outage.lasted_ns() / MS), (Some("two"), 41));
}

#[test]
fn a_producer_that_cannot_connect_is_demand_for_the_queue_that_it_put_to_last() {
    let told = tale(|t| {
        usual_then_fault(t);
        let asked = t.ask();
        let at = t.tick();
        t.history.ended(at, t.producer);
        for _ in 0..10 {
            t.call(t.producer, Operation::MakeReady, Failed);
            t.now += 10 * MS;
        }
        t.call(t.producer, Operation::MakeReady, Done);
        t.put(3, None, Done);
        t.got(asked, 3);
    });
    let [outage] = outages(&told).try_into().expect("one");
    assert_eq!((outage.beginning, outage.lasted_ns() / MS), (Beginning::NotConnected, 124));
    let [producer] = told.judged().interruptions.try_into().expect("only the producer");
    assert_eq!(producer.to_ns, Some(told.now - MS));
}

#[test]
fn where_nothing_is_known_of_what_is_usual_a_tenth_of_a_second_is_no_outage() {
    let lasts = |ms: u64| {
        let told = tale(|t| {
            t.fault("QM01 killed");
            let asked = t.ask();
            t.put(1, None, Done);
            t.now += ms * MS;
            t.got(asked, 1);
        });
        outages(&told).first().map(|outage| (outage.lasted_ns() / MS, outage.usual_ns))
    };
    assert_eq!(lasts(98), None);
    assert_eq!(lasts(99), Some((101, 0)));
}

#[test]
fn what_a_unit_of_work_in_doubt_keeps_to_itself_does_not_wait() {
    let told = tale(|t| {
        let other = t.history.process("other");
        usual_then_fault(t);
        let unit = t.consumers_unit();
        t.put(3, None, Done);
        t.get(3, Some(unit));
        t.invoke(t.consumer, Operation::Commit { unit });
        let at = t.tick();
        t.history.ended(at, t.consumer);
        for message in 4..=9 {
            t.now += 400 * MS;
            t.put(message, None, Done);
            t.get_by(other, message, None);
            let get = Get { queue: t.queue, unit: None, reply_to: None, wait_ns: 400 * MS };
            let get = t.invoke(other, Operation::Get(get));
            t.now += 400 * MS;
            let at = t.tick();
            t.history.complete(at, get, Done);
        }
        let at = t.tick();
        t.history.resolved(at, unit, UnitOutcome::BackedOut);
        t.get_by(other, 3, None);
    });
    assert_eq!(outages(&told), []);
}

#[test]
fn messages_of_one_unit_of_work_that_is_long_in_good_order_do_not_wait_before_its_commit() {
    let told = tale(|t| {
        usual_then_fault(t);
        let unit = t.producers_unit();
        let asked = t.ask();
        for message in 3..=9 {
            t.put(message, Some(unit), Done);
            t.now += 300 * MS;
        }
        t.commit(t.producer, unit, Done);
        t.got(asked, 3);
    });
    assert_eq!(outages(&told), []);
}

#[test]
fn a_producer_that_has_not_begun_is_no_demand() {
    let told = tale(|t| {
        t.call(t.producer, Operation::MakeReady, Failed);
        t.now += 400 * MS;
        t.call(t.producer, Operation::MakeReady, Done);
        usual_then_fault(t);
        let asked = t.ask();
        t.put(3, None, Done);
        t.now += 50 * MS;
        t.got(asked, 3);
    });
    let told: Vec<_> = outages(&told).iter().map(|outage| outage.usual_ns / MS).collect();
    assert_eq!(told, [3]);
}
