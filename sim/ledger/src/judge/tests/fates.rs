//! What becomes of single messages: accounted for, lost, duplicated, phantom, corrupted, out of order.

use super::*;
use crate::contract::{OrderWithin, Redelivered};

#[test]
fn a_message_consumed_once_passes() {
    let tale = tale(|t| {
        t.put(1, None, Done);
        t.get(1, None);
    });
    tale.passes();
    let account = tale.judged().account;
    assert_eq!((account.sent, account.acknowledged, account.delivered, account.remaining), (1, 1, 1, 0));
}

#[test]
fn an_acknowledged_message_that_is_nowhere_is_lost_and_its_story_is_told() {
    let tale = tale(|t| {
        let unit = t.producers_unit();
        t.put(1, Some(unit), Done);
        t.fault("QM01 killed");
        t.commit(t.producer, unit, Done);
    });
    let judgement = tale.judged();
    assert_eq!((judgement.verdict, judgement.account.lost), (Verdict::Fail, 1));
    let story = &judgement.findings[0].detail;
    for wanted in [
        "      0.001000s  producer  put of message 1 (persistent) to ORDERS, in unit of work 1 of producer",
        "      0.003000s  fault     QM01 killed",
        "      0.005000s  producer  commit of unit of work 1 of producer: ok",
        "    100.000000s  audit     message 1 is nowhere, and nobody ever got it",
    ] {
        assert!(story.lines().any(|line| line.trim() == wanted.trim()), "{story}");
    }
}

#[test]
fn what_remains_is_dead_lettered_or_has_expired_is_not_lost() {
    let dead_lettered = tale(|t| {
        t.put(1, None, Done);
        t.left_as(1, QueueRole::DeadLetter, Availability::Available);
    });
    dead_lettered.passes();
    assert_eq!(dead_lettered.judged().account.dead_lettered, 1);
    let expired = tale(|t| {
        let put = Put { expires_at_ns: Some(500 * MS), ..t.message(1, None) };
        t.call(t.producer, Operation::Put(put), Done);
    });
    expired.passes();
    assert_eq!(expired.judged().account.expired, 1);
    let not_yet = tale(|t| {
        let put = Put { expires_at_ns: Some(t.audit.at_ns + 1), ..t.message(1, None) };
        t.call(t.producer, Operation::Put(put), Done);
    });
    assert_eq!(not_yet.kinds(), ["lost"]);
    let remaining = tale(|t| {
        t.put(1, None, Done);
        t.left(1);
    });
    remaining.passes();
    assert_eq!(remaining.judged().account.remaining, 1);
}

#[test]
fn a_put_of_unknown_outcome_need_not_be_anywhere() {
    for completion in [Failed, Unknown] {
        tale(|t| t.put(1, None, completion)).passes();
    }
    tale(|t| {
        t.put(1, None, Unknown);
        t.get(1, None);
    })
    .passes();
    let backed_out_and_gone = tale(|t| {
        t.put(1, None, Unknown);
        let unit = t.consumers_unit();
        t.get(1, Some(unit));
        t.backout(t.consumer, unit);
    });
    assert_eq!(backed_out_and_gone.kinds(), ["lost"]);
}

#[test]
fn two_final_consumptions_are_a_duplicate() {
    let twice = tale(|t| {
        t.put(1, None, Done);
        t.get(1, None);
        t.get(1, None);
    });
    assert_eq!(twice.kinds(), ["duplicated"]);
    assert_eq!((twice.judged().account.duplicated, twice.judged().account.delivered), (1, 1));
}

#[test]
fn a_message_that_comes_again_or_stays_after_it_was_consumed_is_a_duplicate() {
    let again = tale(|t| {
        t.put(1, None, Done);
        t.get(1, None);
        let unit = t.consumers_unit();
        t.get(1, Some(unit));
        t.backout(t.consumer, unit);
    });
    assert_eq!(again.kinds(), ["duplicated"]);
    let stays = tale(|t| {
        t.contract.queues[0].drained = false;
        t.put(1, None, Done);
        t.get(1, None);
        t.left(1);
    });
    assert_eq!(stays.kinds(), ["duplicated"]);
}

#[test]
fn a_resend_that_arrives_too_is_a_possible_duplicate_and_no_violation() {
    let tale = tale(|t| {
        t.put(1, None, Unknown);
        let put = Put { origin: Origin::ResendOf(MessageIdentity(1)), ..t.message(2, None) };
        t.call(t.producer, Operation::Put(put), Done);
        t.get(1, None);
        t.get(2, None);
    });
    tale.passes();
    assert_eq!(tale.judged().account.possible_duplicates, 1);
}

#[test]
fn a_message_moved_to_a_backout_queue_is_counted_there_once() {
    let moved = |copy_is_left: bool| {
        tale(|t| {
            t.put(1, None, Done);
            let unit = t.consumers_unit();
            t.get(1, Some(unit));
            let put = Put { origin: Origin::MovedFrom(MessageIdentity(1)), ..t.message(2, Some(unit)) };
            t.call(t.consumer, Operation::Put(put), Done);
            t.commit(t.consumer, unit, Done);
            if copy_is_left {
                t.left_as(2, QueueRole::BackoutQueue, Availability::Available);
            }
        })
    };
    moved(true).passes();
    let account = moved(true).judged().account;
    assert_eq!((account.sent, account.acknowledged, account.delivered, account.dead_lettered), (1, 1, 0, 1));
    assert_eq!(moved(false).kinds(), ["lost", "torn"]);
}

#[test]
fn a_message_that_nobody_put_is_a_phantom() {
    assert_eq!(tale(|t| t.get(9, None)).kinds(), ["phantom"]);
    assert_eq!(tale(|t| t.left(9)).kinds(), ["phantom"]);
}

#[test]
fn content_that_changed_is_corrupted() {
    let arrived = |digest: u32| {
        tale(|t| {
            t.put(1, None, Done);
            let get = Get { queue: t.queue, unit: None, reply_to: None, wait_ns: 0 };
            let delivery = Delivery { message: MessageIdentity(1), digest, backout_count: 0 };
            t.call(t.consumer, Operation::Get(get), Completion::Delivered(delivery));
        })
    };
    assert_eq!(arrived(8).kinds(), ["corrupted"]);
    arrived(7).passes();
    let stored = tale(|t| {
        t.put(1, None, Done);
        t.left_as(1, QueueRole::Application, Availability::Available).digest = 8;
    });
    assert_eq!(stored.kinds(), ["corrupted"]);
}

#[test]
fn messages_that_change_places_on_an_ordered_queue_are_out_of_order() {
    let swapped = |ordered: bool, priority: u8| {
        tale(|t| {
            t.contract.queues[0].ordered = ordered.then(OrderPromise::default);
            t.put(1, None, Done);
            let put = Put { priority, ..t.message(2, None) };
            t.call(t.producer, Operation::Put(put), Done);
            t.get(2, None);
            t.get(1, None);
        })
    };
    assert_eq!(swapped(true, 0).kinds(), ["out_of_order"]);
    swapped(false, 0).passes();
    swapped(true, 9).passes();
}

#[test]
fn order_may_be_promised_among_messages_of_one_quality_only() {
    let swapped = |within: OrderWithin, same_quality: bool| {
        tale(|t| {
            t.contract.queues[0].ordered = Some(OrderPromise { within, ..OrderPromise::default() });
            t.put(1, None, Done);
            let quality = if same_quality { t.persistent } else { t.nonpersistent };
            let put = Put { quality, ..t.message(2, None) };
            t.call(t.producer, Operation::Put(put), Done);
            t.get(2, None);
            t.get(1, None);
        })
    };
    assert_eq!(swapped(OrderWithin::Priority, false).kinds(), ["out_of_order"]);
    assert_eq!(swapped(OrderWithin::PriorityAndQuality, true).kinds(), ["out_of_order"]);
    swapped(OrderWithin::PriorityAndQuality, false).passes();
}

#[test]
fn a_message_that_was_backed_out_may_lose_its_place_where_the_contract_says_so() {
    let overtaken = |redelivered: Redelivered, backed_out: bool| {
        tale(|t| {
            t.contract.queues[0].ordered = Some(OrderPromise { redelivered, ..OrderPromise::default() });
            t.put(1, None, Done);
            t.put(2, None, Done);
            if backed_out {
                let unit = t.consumers_unit();
                t.get(1, Some(unit));
                t.backout(t.consumer, unit);
            }
            t.get(2, None);
            t.get(1, None);
        })
    };
    assert_eq!(overtaken(Redelivered::KeepsItsPlace, true).kinds(), ["out_of_order"]);
    assert_eq!(overtaken(Redelivered::LosesItsPlace, false).kinds(), ["out_of_order"]);
    overtaken(Redelivered::LosesItsPlace, true).passes();
}

#[test]
fn an_expired_message_that_is_delivered_is_a_phantom() {
    let got_after = |ms: u64, clock_error_ms: u64| {
        tale(|t| {
            t.contract.clock_error_ns = clock_error_ms * MS;
            let mut put = t.message(1, None);
            put.expires_at_ns = Some(t.now + 100 * MS);
            t.call(t.producer, Operation::Put(put), Done);
            t.now += ms * MS;
            t.get(1, None);
        })
    };
    assert_eq!(got_after(100, 0).kinds(), ["phantom"]);
    got_after(50, 0).passes();
    got_after(100, 5).passes();
}
