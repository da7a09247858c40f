//! For how long applications could do nothing.

use super::outages::usual_then_fault;
use super::*;

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

#[test]
fn a_hung_get_succeeds_when_it_succeeds_and_counts_from_when_its_message_was_there() {
    let told = tale(|t| {
        usual_then_fault(t);
        let asked = t.ask();
        t.now += 3_000 * MS;
        t.put(3, None, Done);
        t.now += 5_000 * MS;
        t.got(asked, 3);
    });
    let [consumer] = told.judged().interruptions.try_into().expect("only the consumer");
    assert_eq!((consumer.to_ns, consumer.to_ns.map(|to| to - consumer.from_ns)), (Some(told.now), Some(5_001 * MS)));
}

#[test]
fn who_stands_by_as_it_is_to_is_interrupted_no_more() {
    let told = tale(|t| {
        usual_then_fault(t);
        t.get_nothing(Failed);
        t.now += 20 * MS;
        let at = t.tick();
        t.history.stands_by(at, t.consumer);
        let connect = t.invoke(t.consumer, Operation::MakeReady);
        t.now += 7_000 * MS;
        let at = t.tick();
        t.history.complete(at, connect, Done);
    });
    let judged = told.judged();
    assert_eq!(judged.standing_by, ["consumer"]);
    let [consumer] = judged.interruptions.try_into().expect("its call failed");
    assert_eq!((consumer.to_ns.map(|to| to - consumer.from_ns), consumer.of), (Some(22 * MS), 1));
}

#[test]
fn backing_out_and_connecting_end_no_interruption() {
    let mut from_ns = 0;
    let told = tale(|t| {
        usual_then_fault(t);
        let unit = t.producers_unit();
        t.put(3, Some(unit), Failed);
        from_ns = t.now - MS;
        t.backout(t.producer, unit);
        t.call(t.producer, Operation::MakeReady, Done);
        t.now += 50 * MS;
        t.put(4, None, Done);
    });
    let [producer] = told.judged().interruptions.try_into().expect("only the producer");
    assert_eq!((producer.from_ns, producer.to_ns), (from_ns, Some(told.now)));
}

#[test]
fn who_has_nothing_more_to_do_is_interrupted_no_more() {
    let lasted = |pause_ms: u64| {
        let told = tale(|t| {
            usual_then_fault(t);
            let unit = t.producers_unit();
            t.put(3, Some(unit), Failed);
            t.backout(t.producer, unit);
            t.now += pause_ms * MS;
            t.put(4, None, Done);
        });
        let [producer] = told.judged().interruptions.try_into().expect("only the producer");
        producer.to_ns.map(|to_ns| (to_ns - producer.from_ns) / MS)
    };
    assert_eq!(lasted(20_000), Some(20_005));
    assert_eq!(lasted(40_000), Some(3));
}
