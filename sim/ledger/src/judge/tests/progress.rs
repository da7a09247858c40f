//! What is kept, in doubt, held by two, stuck or late.

use super::*;

#[test]
fn a_message_left_behind_by_live_consumers_is_marooned() {
    let left = |lives: bool, waits: bool| {
        tale(|t| {
            t.put(1, None, Done);
            t.left(1);
            if waits {
                t.get_nothing(Done);
            }
            if !lives {
                let at = t.tick();
                t.history.ended(at, t.consumer);
            }
        })
    };
    assert_eq!(left(true, true).kinds(), ["marooned"]);
    left(true, false).passes();
    left(false, true).passes();
}

#[test]
fn a_message_held_by_the_dead_is_marooned() {
    let held = |state: HolderState| {
        tale(|t| {
            t.put(1, None, Done);
            t.left_as(1, QueueRole::Application, Availability::Held(holder(state)));
        })
    };
    assert_eq!(held(HolderState::Dead).kinds(), ["marooned"]);
    held(HolderState::Live).passes();
    let not_visible = tale(|t| {
        let unit = t.producers_unit();
        t.put(1, Some(unit), Done);
        t.commit(t.producer, unit, Done);
        t.left_as(1, QueueRole::Application, Availability::UncommittedPut(holder(HolderState::Live)));
    });
    assert_eq!(not_visible.kinds(), ["marooned"]);
    assert_eq!(tale(|t| t.audit.orphaned_locks.push("tag APP1".to_owned())).kinds(), ["marooned"]);
}

#[test]
fn a_unit_of_work_in_doubt_after_healing_is_unresolved() {
    let in_doubt = |resolved: bool| {
        tale(|t| {
            let unit = t.producers_unit();
            t.put(1, Some(unit), Done);
            t.commit(t.producer, unit, Unknown);
            if resolved {
                t.left(1);
            } else {
                t.left_as(1, QueueRole::Application, Availability::UncommittedPut(holder(HolderState::InDoubt)));
                t.audit.in_doubt.push(LeftInDoubt { text: "QM01.1.7".to_owned(), since_ns: 5 * MS, unit: Some(unit) });
            }
        })
    };
    assert_eq!(in_doubt(false).kinds(), ["unresolved"]);
    in_doubt(true).passes();
}

#[test]
fn an_old_owner_that_is_still_served_is_a_split_brain() {
    let owners = |act: bool, release: bool| {
        tale(|t| {
            let resource: ResourceIndex = t.history.resource("tag APP1");
            t.call(t.producer, Operation::Acquire { resource }, Done);
            if release {
                t.call(t.producer, Operation::Release { resource }, Unknown);
            }
            t.call(t.consumer, Operation::Acquire { resource }, Done);
            t.put(1, None, if act { Done } else { Unknown });
            t.get(1, None);
        })
    };
    assert_eq!(owners(true, false).kinds(), ["split_brain"]);
    owners(false, false).passes();
    owners(true, true).passes();
    let told = |owners: &[&str]| {
        let owners = owners.iter().map(|owner| (*owner).to_owned()).collect();
        tale(|t| t.audit.double_owners.push(DoubleOwner { what: "IMS1".to_owned(), owners }))
    };
    assert_eq!(told(&["MVS1", "MVS2"]).kinds(), ["split_brain"]);
}

#[test]
fn an_operation_that_never_ends_is_stuck() {
    let pending = |tell: fn(&mut Tale)| {
        tale(|t| {
            let put = t.message(1, None);
            t.invoke(t.producer, Operation::Put(put));
            tell(t);
        })
    };
    assert_eq!(pending(|_| ()).kinds(), ["stuck"]);
    pending(|t| {
        let at = t.tick();
        t.history.ended(at, t.producer);
    })
    .passes();
    pending(|t| t.audit.at_ns = t.audit.healed_at_ns + t.contract.patience_ns - 1).passes();
    let waiting = |wait_ns: u64| {
        tale(|t| {
            let get = Get { queue: t.queue, unit: None, reply_to: None, wait_ns };
            t.invoke(t.consumer, Operation::Get(get));
        })
    };
    assert_eq!(waiting(1).kinds(), ["stuck"]);
    waiting(99_999 * MS).passes();
}

#[test]
fn a_process_that_stopped_before_its_work_was_done_is_stuck() {
    let working = |done: bool| {
        tale(|t| {
            t.history.has_work(t.producer);
            t.put(1, None, Done);
            t.get(1, None);
            if done {
                let at = t.tick();
                t.history.done(at, t.producer);
            }
        })
    };
    assert_eq!(working(false).kinds(), ["stuck"]);
    working(true).passes();
}

#[test]
fn work_that_waited_longer_than_the_objective_is_late() {
    let served_after = |ms: u64, objective_ms: u64| {
        tale(|t| {
            t.contract.recovery_time_ns = Some(objective_ms * MS);
            t.put(1, None, Done);
            t.get(1, None);
            t.fault("QM01 killed");
            let asked = t.ask();
            t.put(2, None, Done);
            t.now += ms * MS;
            t.got(asked, 2);
        })
    };
    assert_eq!(served_after(500, 400).kinds(), ["late"]);
    served_after(300, 400).passes();
    let never_again = |drained: bool| {
        tale(|t| {
            t.contract.recovery_time_ns = Some(400 * MS);
            t.contract.queues[0].drained = drained;
            t.put(1, None, Done);
            t.get(1, None);
            t.fault("QM01 killed");
            t.put(2, None, Done);
            t.left(2);
        })
    };
    assert_eq!(never_again(true).kinds(), ["marooned", "late"]);
    never_again(false).passes();
    // Nothing waited: no outage, however long nobody got anything.
    tale(|t| {
        t.contract.recovery_time_ns = Some(400 * MS);
        t.put(1, None, Done);
        t.get(1, None);
        t.fault("QM01 killed");
        t.now += 5_000 * MS;
        t.put(2, None, Done);
        t.get(2, None);
    })
    .passes();
}
