//! For how long nobody got anything, and for how long applications could do nothing.

use super::*;
use crate::outage::Outage;

fn outages(tale: &Tale) -> Vec<Outage> {
    tale.judged().outages
}

/// Two messages, each got two milliseconds after its put was done; then a fault, one millisecond later.
fn usual_then_fault(t: &mut Tale) -> u64 {
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
        since = t.now + MS;
        t.put(3, None, Done);
        t.put(4, None, Done);
        t.now += 500 * MS;
        t.get(3, None);
        t.get(4, None);
    });
    let [outage] = outages(&told).try_into().expect("one queue, one fault");
    assert_eq!((outage.queue.as_str(), outage.fault.as_str()), ("ORDERS", "QM01 killed"));
    assert_eq!((outage.from_ns, outage.to_ns), (since, since + 505 * MS));
    assert_eq!((outage.waiting, outage.ended, outage.usual_ns), (2, true, 3 * MS));
    assert!(outage.is_unusual());
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
        t.fault("QM01 killed");
        fault_ns = t.now;
        t.now += 100 * MS;
        t.get(3, None);
    });
    let outage = &outages(&told)[0];
    assert_eq!((outage.from_ns, outage.lasted_ns()), (fault_ns, 102 * MS));
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
        t.put(3, None, Done);
        t.now += 50 * MS;
        t.get(3, None);
        t.put(4, None, Done);
        t.fault("QM02 killed");
        t.now += 70 * MS;
        t.get(4, None);
    });
    let lasted = |outage: &Outage| (outage.fault.clone(), outage.lasted_ns() / MS);
    let told: Vec<_> = outages(&told).iter().map(lasted).collect();
    assert_eq!(told, [("QM01 killed".to_owned(), 53), ("QM02 killed".to_owned(), 72)]);
}

#[test]
fn a_second_fault_does_not_cut_an_outage_in_two() {
    let told = tale(|t| {
        usual_then_fault(t);
        t.put(3, None, Done);
        t.now += 50 * MS;
        t.fault("QM02 killed");
        t.now += 70 * MS;
        t.get(3, None);
    });
    let [outage] = outages(&told).try_into().expect("one span");
    assert_eq!((outage.fault.as_str(), outage.lasted_ns() / MS), ("QM01 killed", 124));
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
                t.now += 80 * MS;
                t.get(3, None);
            }
        });
        outages(&told).iter().map(Outage::lasted_ns).max()
    };
    assert_eq!(got_once_more(false), Some(82 * MS));
    assert_eq!(got_once_more(true), None);
}

#[test]
fn puts_that_fail_are_work_that_waits() {
    let told = tale(|t| {
        usual_then_fault(t);
        t.put(3, None, Failed);
        t.now += 200 * MS;
        t.put(4, None, Done);
        t.get(4, None);
    });
    let outage = &outages(&told)[0];
    assert_eq!((outage.lasted_ns(), outage.waiting), (205 * MS, 1));
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
fn an_application_is_interrupted_until_a_call_succeeds_again() {
    let mut from_ns = 0;
    let told = tale(|t| {
        t.put(1, None, Failed);
        usual_then_fault_again(t);
        from_ns = t.now + MS;
        t.put(7, None, Failed);
        t.put(8, None, Unknown);
        t.now += 30 * MS;
        t.put(9, None, Done);
        t.get_nothing(Done);
        let at = t.tick();
        t.history.ended(at, t.consumer);
    });
    let told = told.judged().interruptions;
    let [producer, consumer] = told.try_into().expect("both were interrupted");
    assert_eq!((producer.process.as_str(), producer.from_ns), ("producer", from_ns));
    assert_eq!(producer.to_ns, Some(from_ns + 35 * MS));
    assert_eq!((consumer.process.as_str(), consumer.to_ns), ("consumer", None));
}

#[test]
fn a_call_that_hangs_before_it_succeeds_is_an_interruption_and_one_that_takes_long_is_none() {
    let hangs = |for_ns: u64| {
        let mut asked_ns = 0;
        let told = tale(|t| {
            usual_then_fault_again(t);
            let put = t.message(7, None);
            let put = t.invoke(t.producer, Operation::Put(put));
            asked_ns = t.now;
            t.now += for_ns - MS;
            let at = t.tick();
            t.history.complete(at, put, Done);
        });
        let of_producer = told.judged().interruptions.into_iter().next()?;
        Some((of_producer.from_ns - asked_ns, of_producer.to_ns? - asked_ns))
    };
    assert_eq!(hangs(300_000 * MS), Some((0, 300_000 * MS)));
    assert_eq!(hangs(1_001 * MS), Some((0, 1_001 * MS)));
    assert_eq!(hangs(1_000 * MS), None);
}

fn usual_then_fault_again(t: &mut Tale) {
    t.put(5, None, Done);
    t.get(5, None);
    t.fault("QM01 killed");
}

#[test]
fn a_get_that_waits_for_a_message_is_no_interruption() {
    let waits = |wait_ns: u64| {
        let told = tale(|t| {
            usual_then_fault(t);
            t.get_nothing(Failed);
            let get = Get { queue: t.queue, unit: None, reply_to: None, wait_ns };
            let call = t.invoke(t.consumer, Operation::Get(get));
            t.now += 500 * MS;
            let at = t.tick();
            t.history.complete(at, call, Done);
        });
        let [told] = told.judged().interruptions.try_into().expect("only the consumer's call failed");
        told.to_ns.expect("it was served again") - told.from_ns
    };
    // The call that failed counts, and then what the next one waited for longer than it wanted to.
    assert_eq!(waits(1_000 * MS), 2 * MS);
    assert_eq!(waits(100 * MS), 403 * MS);
}
