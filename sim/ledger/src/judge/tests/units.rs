//! Units of work: backed out, of unknown outcome, torn.

use super::*;

#[test]
fn a_get_that_is_backed_out_does_not_consume() {
    let backed_out = |again: bool| {
        tale(|t| {
            t.put(1, None, Done);
            let unit = t.consumers_unit();
            t.get(1, Some(unit));
            t.backout(t.consumer, unit);
            if again {
                t.get(1, None);
            }
        })
    };
    assert_eq!(backed_out(false).kinds(), ["lost"]);
    backed_out(true).passes();
}

#[test]
fn a_message_in_a_get_whose_commit_is_unknown_may_be_gone_or_come_again() {
    for again in [false, true] {
        tale(|t| {
            t.put(1, None, Done);
            let unit = t.consumers_unit();
            t.get(1, Some(unit));
            t.commit(t.consumer, unit, Unknown);
            if again {
                t.get(1, None);
            }
        })
        .passes();
    }
}

#[test]
fn a_message_that_was_refused_or_backed_out_is_a_phantom_if_seen() {
    let refused = tale(|t| {
        t.put(1, None, Failed);
        t.get(1, None);
    });
    assert_eq!(refused.kinds(), ["phantom"]);
    let backed_out = |seen: bool| {
        tale(|t| {
            let unit = t.producers_unit();
            t.put(1, Some(unit), Done);
            t.backout(t.producer, unit);
            if seen {
                t.get(1, None);
            }
        })
    };
    assert_eq!(backed_out(true).kinds(), ["phantom"]);
    backed_out(false).passes();
    assert_eq!(backed_out(false).judged().account.refused, 1);
    let never_committed = tale(|t| {
        let unit = t.producers_unit();
        t.put(1, Some(unit), Done);
        let at = t.tick();
        t.history.ended(at, t.producer);
        t.left(1);
    });
    assert_eq!(never_committed.kinds(), ["phantom"]);
}

#[test]
fn an_uncommitted_put_that_is_visible_is_a_phantom() {
    let visible = |before: bool| {
        tale(|t| {
            let unit = t.producers_unit();
            t.put(1, Some(unit), Done);
            if before {
                t.get(1, None);
            }
            t.commit(t.producer, unit, Done);
            if !before {
                t.get(1, None);
            }
        })
    };
    assert_eq!(visible(true).kinds(), ["phantom"]);
    visible(false).passes();
    // While the commit is under way it may be seen.
    tale(|t| {
        let unit = t.producers_unit();
        t.put(1, Some(unit), Done);
        let commit = t.invoke(t.producer, Operation::Commit { unit });
        t.get(1, None);
        let at = t.tick();
        t.history.complete(at, commit, Done);
    })
    .passes();
}

#[test]
fn a_message_overtaken_while_it_was_backed_out_is_out_of_order() {
    let overtaken = tale(|t| {
        t.put(1, None, Done);
        t.put(2, None, Done);
        let unit = t.consumers_unit();
        t.get(1, Some(unit));
        let other = t.history.process("other consumer");
        t.get_by(other, 2, None);
        t.backout(t.consumer, unit);
        t.get(1, None);
    });
    assert_eq!(overtaken.kinds(), ["out_of_order"]);
}

#[test]
fn a_message_that_was_committed_late_is_not_out_of_order() {
    tale(|t| {
        let unit = t.producers_unit();
        t.put(1, Some(unit), Done);
        t.put(2, None, Done);
        t.get(2, None);
        t.commit(t.producer, unit, Done);
        t.get(1, None);
    })
    .passes();
}

#[test]
fn what_a_coordinator_decides_counts() {
    let resolved = |outcome: UnitOutcome, left: bool| {
        tale(|t| {
            let unit = t.producers_unit();
            t.put(1, Some(unit), Done);
            t.commit(t.producer, unit, Unknown);
            let at = t.tick();
            t.history.resolved(at, unit, outcome);
            if left {
                t.left(1);
            }
        })
    };
    assert_eq!(resolved(UnitOutcome::Committed, false).kinds(), ["lost"]);
    resolved(UnitOutcome::Committed, true).passes();
    assert_eq!(resolved(UnitOutcome::BackedOut, true).kinds(), ["phantom"]);
    resolved(UnitOutcome::BackedOut, false).passes();
}

#[test]
fn a_unit_of_work_that_took_effect_in_part_is_torn() {
    let unit_with = |seen: &[u64], completion: Completion| {
        tale(|t| {
            let unit = t.producers_unit();
            t.put(1, Some(unit), Done);
            t.put(2, Some(unit), Done);
            t.commit(t.producer, unit, completion);
            for message in seen {
                t.get(*message, None);
            }
        })
    };
    assert_eq!(unit_with(&[1], Unknown).kinds(), ["torn"]);
    assert_eq!(unit_with(&[1], Done).kinds(), ["lost", "torn"]);
    assert_eq!(unit_with(&[1], Failed).kinds(), ["phantom", "torn"]);
    unit_with(&[], Unknown).passes();
    unit_with(&[1, 2], Unknown).passes();
    unit_with(&[1, 2], Done).passes();
    unit_with(&[], Failed).passes();
}

#[test]
fn a_get_and_a_put_of_one_unit_stand_or_fall_together() {
    let served = |again: bool, reply: bool| {
        tale(|t| {
            t.put(1, None, Done);
            let unit = t.consumers_unit();
            t.get(1, Some(unit));
            let put = t.message(2, Some(unit));
            t.call(t.consumer, Operation::Put(put), Done);
            t.commit(t.consumer, unit, Unknown);
            if again {
                t.get(1, None);
            }
            if reply {
                t.get_by(t.producer, 2, None);
            }
        })
    };
    served(false, true).passes();
    served(true, false).passes();
    assert_eq!(served(true, true).kinds(), ["torn"]);
    assert_eq!(served(false, false).kinds(), ["torn"]);
}
