//! Redelivery counts.

use super::*;

/// The message is delivered and backed out with the first count, then delivered with the second.
fn counted(first: u32, second: u32, restarted: bool, permitted: bool) -> Tale {
    tale(|t| {
        if permitted {
            t.contract.permitted_resets.push(Permission {
                queues: Some(vec![t.queue]),
                event: "engine_started".to_owned(),
                rule: "counts are kept in memory".to_owned(),
                ..Permission::default()
            });
        }
        t.put(1, None, Done);
        let unit = t.consumers_unit();
        deliver(t, first, Some(unit));
        t.backout(t.consumer, unit);
        if restarted {
            t.event("engine_started", "ME1");
        }
        deliver(t, second, None);
    })
}

fn deliver(t: &mut Tale, backout_count: u32, unit: Option<UnitIndex>) {
    let get = Get { queue: t.queue, unit, reply_to: None, wait_ns: 0 };
    let delivery = Delivery { message: MessageIdentity(1), digest: 7, backout_count };
    t.call(t.consumer, Operation::Get(get), Completion::Delivered(delivery));
}

#[test]
fn a_redelivery_count_that_goes_down_is_miscounted() {
    assert_eq!(counted(2, 1, false, false).kinds(), ["miscounted"]);
    counted(2, 3, false, false).passes();
    counted(2, 2, false, false).passes();
}

#[test]
fn counts_may_be_reset_where_the_contract_permits_it_after_its_event() {
    let permitted = counted(2, 0, true, true);
    permitted.passes();
    assert_eq!(permitted.judged().permitted[0].kind, FindingKind::Miscounted);
    assert_eq!(counted(2, 0, false, true).kinds(), ["miscounted"]);
    assert_eq!(counted(2, 0, true, false).kinds(), ["miscounted"]);
}
