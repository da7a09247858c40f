//! Unit tests.

use super::*;
use crate::coupling_facility::command::{BrowseCursor, ConnectionState, EntryStatus, ListHeader, LockName, QueueDepth};
use crate::unit_of_work::{DescriptorState, Disposition, SharedOperation, SharedOperationKind, UnitOfWorkDescriptor};

fn monitor(correlation: Option<u128>) -> ListOperation {
    ListOperation::Monitor { queue: queue("Q"), correlation_id: correlation.map(CorrelationId), on: true }
}

fn transition(correlation: Option<u128>) -> CouplingResponse {
    let correlation_id = correlation.map(CorrelationId);
    CouplingResponse::Transition { structure: application(), queue: queue("Q"), correlation_id }
}

fn failed(structure: StructureName, name: &str, life: u32) -> CouplingResponse {
    CouplingResponse::FailedConnection { structure, connector: connector(name, life) }
}

fn in_state(state: ConnectionState, unreleased: &[u32]) -> ListAnswer {
    ListAnswer::ConnectionState { state, unreleased: unreleased.iter().copied().map(Incarnation).collect() }
}

#[test]
fn equal_priorities_come_in_the_order_of_puts_not_of_commits() {
    let mut world = World::new();
    let a = world.connect("QM01", 1, "SYSA");
    let early = world.put(a, Some(unit("QM01", 1, 1)), message(1, 5, 0));
    world.put(a, None, message(2, 5, 0));
    world.put(a, None, message(3, 9, 0));
    let commit = ListOperation::CommitPut { entry: early, owner: unit("QM01", 1, 1) };
    assert_eq!(world.command(a, commit), ListAnswer::Done);
    let mut order = Vec::new();
    while let Some((_, message)) = world.get(a, Match::Any, unit("QM01", 1, 2)) {
        order.push(message.payload.identity);
    }
    assert_eq!(order, [3, 1, 2]);
}

#[test]
fn a_get_never_sees_an_uncommitted_put() {
    let mut world = World::new();
    let a = world.connect("QM01", 1, "SYSA");
    world.put(a, Some(unit("QM01", 1, 1)), message(1, 5, 7));
    for selection in [Match::Any, Match::MessageId(MessageId(1)), Match::CorrelationId(CorrelationId(7))] {
        assert_eq!(world.get(a, selection, unit("QM01", 1, 1)), None);
    }
    assert_eq!(world.command(a, ListOperation::Browse { queue: queue("Q"), after: None }), ListAnswer::NothingThere);
}

#[test]
fn a_returned_entry_is_back_at_its_place_with_a_higher_backout_count() {
    let mut world = World::new();
    let a = world.connect("QM01", 1, "SYSA");
    let first = world.put(a, None, message(1, 5, 0));
    world.put(a, None, message(2, 5, 0));
    let owner = unit("QM01", 1, 1);
    for (backout_count, count_backout) in [(0, false), (0, true), (1, true), (2, false)] {
        let (entry, message) = world.get(a, Match::Any, owner.clone()).unwrap();
        assert_eq!((entry, message.descriptor.backout_count), (first, backout_count));
        let back = ListOperation::Return { entry, owner: owner.clone(), count_backout };
        assert_eq!(world.command(a, back.clone()), ListAnswer::Done);
        assert_eq!(world.command(a, back), ListAnswer::NotThere, "and only once");
    }
}

#[test]
fn a_command_for_another_unit_of_work_touches_nothing() {
    let mut world = World::new();
    let a = world.connect("QM01", 1, "SYSA");
    let put = world.put(a, Some(unit("QM01", 1, 1)), message(1, 5, 0));
    world.put(a, None, message(2, 5, 0));
    let (got, _) = world.get(a, Match::Any, unit("QM01", 1, 1)).unwrap();
    for owner in [unit("QM01", 1, 2), unit("QM01", 2, 1), unit("QM02", 1, 1)] {
        for entry in [put, got] {
            let commit = ListOperation::CommitPut { entry, owner: owner.clone() };
            assert_eq!(world.command(a, commit), ListAnswer::NotThere);
            let back = ListOperation::Return { entry, owner: owner.clone(), count_backout: true };
            assert_eq!(world.command(a, back), ListAnswer::NotThere);
            assert_eq!(world.command(a, ListOperation::Delete { entry, owner: owner.clone() }), ListAnswer::NotThere);
        }
    }
    // Nor does the owner's own command if it does not fit: a got entry is not a put, nor the other way round.
    let owner = unit("QM01", 1, 1);
    let commit = ListOperation::CommitPut { entry: got, owner: owner.clone() };
    assert_eq!(world.command(a, commit), ListAnswer::NotThere);
    let back = ListOperation::Return { entry: put, owner, count_backout: true };
    assert_eq!(world.command(a, back), ListAnswer::NotThere);
    let depth = QueueDepth { queue: queue("Q"), committed: 0, uncommitted_puts: 1, on_get_lists: 1 };
    assert_eq!(world.command(a, ListOperation::QueryDepths), ListAnswer::Depths(vec![depth]));
    world.facility.check();
}

#[test]
fn browsing_walks_the_committed_range_in_the_order_of_keys() {
    let mut world = World::new();
    let a = world.connect("QM01", 1, "SYSA");
    for (identity, priority) in [(1, 0), (2, 9), (3, 9), (4, 4)] {
        world.put(a, None, message(identity, priority, 0));
    }
    let (mut after, mut seen) = (None, Vec::new());
    while let ListAnswer::Entry { entry, message } =
        world.command(a, ListOperation::Browse { queue: queue("Q"), after })
    {
        seen.push(message.payload.identity);
        after = Some(BrowseCursor { inverted_priority: 9 - message.descriptor.priority.get(), entry });
    }
    assert_eq!(seen, [2, 3, 4, 1]);
}

#[test]
fn either_entries_or_elements_make_a_structure_full() {
    // A message of 464 bytes takes two elements.
    for (entries, elements, fit) in [(3, 100, 3), (100, 7, 3), (100, 8, 4)] {
        let mut world = World::with(StructureDefinition { entries, elements }, 0);
        let a = world.connect("QM01", 1, "SYSA");
        let write = || ListOperation::Write {
            queue: queue("Q"),
            range: KeyRange::Committed,
            owner: None,
            message: message(1, 5, 0),
            maximum_depth: u32::MAX,
        };
        for _ in 0..fit {
            assert!(matches!(world.command(a, write()), ListAnswer::Written { .. }));
        }
        assert_eq!(world.command(a, write()), ListAnswer::Full);
        let owner = unit("QM01", 1, 1);
        let (entry, _) = world.get(a, Match::Any, owner.clone()).unwrap();
        assert_eq!(world.command(a, ListOperation::Delete { entry, owner }), ListAnswer::Done);
        assert!(matches!(world.command(a, write()), ListAnswer::Written { .. }), "room is given back");
        world.facility.check();
    }
}

#[test]
fn an_answer_takes_the_command_time_and_commands_overlap() {
    let mut world = World::new();
    let a = world.connect("QM01", 1, "SYSA");
    world.sent.clear();
    let begun = world.now;
    world.send(a, application(), ListOperation::QueryDepths);
    world.now = begun + Duration::from_micros(4);
    world.send(a, application(), ListOperation::QueryDepths);
    assert!(world.sent.is_empty());
    world.settle();
    let times: Vec<Time> = world.sent.iter().map(|(at, _, _)| *at).collect();
    assert_eq!(times, [begun + COMMAND_TIME, begun + Duration::from_micros(14)]);
}

#[test]
fn a_transition_is_signalled_to_everybody_who_monitors_once_the_list_was_empty() {
    let mut world = World::new();
    let a = world.connect("QM01", 1, "SYSA");
    let b = world.connect("QM02", 1, "SYSB");
    assert_eq!(world.command(a, monitor(None)), ListAnswer::Monitoring { not_empty: false });
    assert_eq!(world.command(b, monitor(None)), ListAnswer::Monitoring { not_empty: false });
    let put = world.put(b, Some(unit("QM02", 1, 1)), message(1, 5, 0));
    assert_eq!((world.responses(a), world.responses(b)), (vec![], vec![]), "an uncommitted put signals nothing");
    world.command(b, ListOperation::CommitPut { entry: put, owner: unit("QM02", 1, 1) });
    assert_eq!((world.responses(a), world.responses(b)), (vec![transition(None)], vec![transition(None)]));
    world.put(b, None, message(2, 5, 0));
    assert_eq!(world.responses(a), [], "the list was not empty");
    assert_eq!(world.command(a, monitor(None)), ListAnswer::Monitoring { not_empty: true });
    while world.get(a, Match::Any, unit("QM01", 1, 1)).is_some() {}
    let back = ListOperation::Return { entry: put, owner: unit("QM01", 1, 1), count_backout: true };
    world.command(a, back);
    assert_eq!(world.responses(b), [transition(None)], "a message that comes back counts");
}

#[test]
fn a_sublist_is_monitored_by_itself() {
    let mut world = World::new();
    let a = world.connect("QM01", 1, "SYSA");
    world.put(a, None, message(1, 5, 1));
    assert_eq!(world.command(a, monitor(Some(2))), ListAnswer::Monitoring { not_empty: false });
    world.put(a, None, message(2, 5, 3));
    assert_eq!(world.responses(a), []);
    world.put(a, None, message(3, 5, 2));
    assert_eq!(world.responses(a), [transition(Some(2))]);
    world.put(a, None, message(4, 5, 2));
    assert_eq!(world.responses(a), []);
    let off = ListOperation::Monitor { queue: queue("Q"), correlation_id: Some(CorrelationId(2)), on: false };
    assert_eq!(world.command(a, off), ListAnswer::Monitoring { not_empty: true });
    while world.get(a, Match::Any, unit("QM01", 1, 1)).is_some() {}
    world.put(a, None, message(5, 5, 2));
    assert_eq!(world.responses(a), []);
}

#[test]
fn every_nth_transition_is_signalled_twice() {
    let mut world = World::with(StructureDefinition { entries: 100, elements: 600 }, 3);
    let a = world.connect("QM01", 1, "SYSA");
    world.command(a, monitor(None));
    let mut signals = Vec::new();
    for identity in 0..6 {
        world.put(a, None, message(identity, 5, 0));
        while world.get(a, Match::Any, unit("QM01", 1, 1)).is_some() {}
        signals.push(world.responses(a).len());
    }
    assert_eq!(signals, [1, 1, 2, 1, 1, 2]);
}

#[cfg(feature = "defects")]
#[test]
fn the_planted_defect_loses_every_list_signal() {
    let mut world = World::new();
    let a = world.connect("QM01", 1, "SYSA");
    world.command(a, monitor(None));
    crate::defect::Defect::plant(Some(crate::defect::Defect::ListSignalLost));
    world.put(a, None, message(1, 5, 0));
    crate::defect::Defect::plant(None);
    assert_eq!(world.responses(a), []);
}

#[test]
fn nothing_is_commanded_without_a_connection() {
    let mut world = World::new();
    let stranger = world.open();
    let depths = || ListOperation::QueryDepths;
    assert_eq!(world.try_command(stranger, application(), depths()), Err(CommandRejected::NotConnected));
    let attached = world.attach("QM01", 1, "SYSA");
    assert_eq!(world.try_command(attached, application(), depths()), Err(CommandRejected::NotConnected));
    let nowhere = world.try_command(attached, "NOWHERE".into(), ListOperation::Connect);
    assert_eq!(nowhere, Err(CommandRejected::NoSuchStructure));
}

#[test]
fn a_broken_connection_is_not_a_failed_connector() {
    let mut world = World::new();
    let a = world.connect("QM01", 1, "SYSA");
    let b = world.connect("QM02", 1, "SYSB");
    world.cut(a);
    world.settle();
    assert_eq!(world.responses(b), []);
    let state = ListOperation::QueryConnection { name: "QM01".into() };
    assert_eq!(world.command(b, state), in_state(ConnectionState::Active, &[]));
    let again = world.attach("QM01", 1, "SYSA");
    assert!(matches!(world.command(again, ListOperation::QueryDepths), ListAnswer::Depths(_)));
}

#[test]
fn a_failed_connector_is_told_to_its_peers_and_its_work_stays() {
    let mut world = World::new();
    let image = world.attach_image("SYSA", 1);
    let a = world.connect("QM01", 1, "SYSA");
    let b = world.connect("QM02", 1, "SYSB");
    let put = world.put(a, Some(unit("QM01", 1, 1)), message(1, 5, 0));
    world.put(a, None, message(2, 5, 0));
    let (got, _) = world.get(a, Match::Any, unit("QM01", 1, 2)).unwrap();
    world.request(image, CouplingRequest::ConnectorFailed { connector: connector("QM01", 1) });
    let state = || ListOperation::QueryConnection { name: "QM01".into() };
    world.send(b, application(), state());
    // Its next life comes too early.
    let second = world.open();
    world.request(second, CouplingRequest::Attach { image: "SYSA".into(), connector: connector("QM01", 2) });
    world.send(second, application(), ListOperation::Connect);
    world.settle();
    let answer = |response: CouplingResponse| match response {
        CouplingResponse::Answer { answer, .. } => Some(answer),
        _ => None,
    };
    let to_b = world.responses(b);
    assert_eq!(to_b[1..], [failed(application(), "QM01", 1), failed(admin(), "QM01", 1)]);
    assert_eq!(answer(to_b[0].clone()), Some(Ok(in_state(ConnectionState::Failing, &[]))));
    let to_second = world.responses(second).into_iter().filter_map(answer).collect::<Vec<_>>();
    assert_eq!(to_second, [Ok(ListAnswer::ConnectionStillFailing)]);
    assert_eq!(world.events, [Event::ConnectorFailed { connector: connector("QM01", 1) }]);

    assert_eq!(world.command(b, state()), in_state(ConnectionState::FailedPersistent, &[1]));
    let late = world.try_command(a, application(), ListOperation::QueryDepths);
    assert_eq!(late, Err(CommandRejected::NotConnected));

    // The new life is told of its own former one; what that held stays listed as its.
    let connected = world.command(second, ListOperation::Connect);
    assert_eq!(connected, ListAnswer::Connected { failed: vec![connector("QM01", 1)] });
    assert_eq!(world.command(b, state()), in_state(ConnectionState::Active, &[1]), "active, and not yet recovered");
    let late = world.try_command(a, application(), ListOperation::Connect);
    assert_eq!(late, Err(CommandRejected::NotConnected), "a former life does not come back");
    world.put(second, Some(unit("QM01", 2, 1)), message(3, 5, 0));
    let held = vec![
        EntryStatus { entry: put, owner: unit("QM01", 1, 1), header: ListHeader::Put(queue("Q")), queue: queue("Q") },
        EntryStatus {
            entry: got,
            owner: unit("QM01", 1, 2),
            header: ListHeader::Get("QM01".into()),
            queue: queue("Q"),
        },
    ];
    let list = ListOperation::ListHeld { connector: connector("QM01", 1) };
    assert_eq!(world.command(b, list), ListAnswer::Entries(held));
    let release = ListOperation::ReleaseConnection { connector: connector("QM01", 1) };
    assert_eq!(world.command(b, release.clone()), ListAnswer::Done);
    assert_eq!(world.command(b, release), ListAnswer::NotThere);
    assert_eq!(world.command(b, state()), in_state(ConnectionState::Active, &[]));
}

#[test]
fn the_same_life_may_come_back_and_nobody_else_sees_its_work_as_left_behind() {
    let mut world = World::new();
    let image = world.attach_image("SYSA", 1);
    let a = world.connect("QM01", 1, "SYSA");
    let b = world.connect("QM02", 1, "SYSB");
    world.put(a, Some(unit("QM01", 1, 1)), message(1, 5, 0));
    world.request(image, CouplingRequest::ConnectorFailed { connector: connector("QM01", 1) });
    world.settle();
    assert_eq!(world.command(a, ListOperation::Connect), ListAnswer::Connected { failed: vec![] });
    let list = || ListOperation::ListHeld { connector: connector("QM01", 1) };
    assert_eq!(world.command(b, list()), ListAnswer::Entries(vec![]));
    assert!(matches!(world.command(a, list()), ListAnswer::Entries(held) if held.len() == 1));
}

#[test]
fn a_disconnect_in_good_order_leaves_nothing_and_tells_nobody() {
    let mut world = World::new();
    let a = world.connect("QM01", 1, "SYSA");
    let b = world.connect("QM02", 1, "SYSB");
    assert_eq!(world.command(a, ListOperation::Disconnect), ListAnswer::Done);
    assert_eq!(world.responses(b), []);
    let state = ListOperation::QueryConnection { name: "QM01".into() };
    assert_eq!(world.command(b, state), in_state(ConnectionState::Undefined, &[]));
    let late = world.try_command(a, application(), ListOperation::QueryDepths);
    assert_eq!(late, Err(CommandRejected::NotConnected));
}

#[test]
fn a_disconnect_that_leaves_something_held_counts_as_a_failure() {
    let mut world = World::new();
    let a = world.connect("QM01", 1, "SYSA");
    let b = world.connect("QM02", 1, "SYSB");
    world.put(a, Some(unit("QM01", 1, 1)), message(1, 5, 0));
    assert_eq!(world.command(a, ListOperation::Disconnect), ListAnswer::Done);
    assert_eq!(world.responses(b), [failed(application(), "QM01", 1)]);
}

#[test]
fn a_tag_stays_held_by_a_failed_connector_and_the_right_to_recover_does_not() {
    let mut world = World::new();
    let image = world.attach_image("SYSA", 1);
    let a = world.connect("QM01", 1, "SYSA");
    let b = world.connect("QM02", 1, "SYSB");
    let tag = || LockName::Tag("PAYROLL".to_owned());
    let right = || LockName::PeerRecovery(application(), connector("QM03", 1));
    for lock in [tag(), right()] {
        assert_eq!(world.admin(a, ListOperation::Lock { lock: lock.clone() }), ListAnswer::Done);
        assert_eq!(world.admin(a, ListOperation::Lock { lock: lock.clone() }), ListAnswer::Done);
        let held = ListAnswer::HeldBy(connector("QM01", 1));
        assert_eq!(world.admin(b, ListOperation::Lock { lock: lock.clone() }), held);
        let take = ListOperation::TakeOverLock { lock: lock.clone(), from: connector("QM01", 1) };
        assert_eq!(world.admin(b, take), held, "its holder is alive");
        assert_eq!(world.admin(b, ListOperation::Unlock { lock }), ListAnswer::NotThere);
    }
    world.request(image, CouplingRequest::ConnectorFailed { connector: connector("QM01", 1) });
    world.settle();
    assert_eq!(world.admin(b, ListOperation::Lock { lock: right() }), ListAnswer::Done);
    let held = ListAnswer::HeldBy(connector("QM01", 1));
    assert_eq!(world.admin(b, ListOperation::Lock { lock: tag() }), held);
    let other = ListOperation::TakeOverLock { lock: tag(), from: connector("QM01", 2) };
    assert_eq!(world.admin(b, other), held);
    let take = ListOperation::TakeOverLock { lock: tag(), from: connector("QM01", 1) };
    assert_eq!(world.admin(b, take), ListAnswer::Done);
    assert_eq!(world.admin(b, ListOperation::Unlock { lock: tag() }), ListAnswer::Done);
}

#[test]
fn an_isolated_image_commands_nothing_until_its_next_load() {
    let mut world = World::new();
    let zombie = world.attach_image("SYSA", 1);
    let survivor = world.attach_image("SYSB", 1);
    let a = world.connect("QM01", 1, "SYSA");
    let b = world.connect("QM02", 1, "SYSB");
    for _ in 0..2 {
        let isolate = CouplingRequest::Isolate { image: "SYSA".into(), incarnation: Incarnation(1) };
        world.request(survivor, isolate);
    }
    world.settle();
    assert_eq!(world.events, [Event::ImageIsolated { image: "SYSA".into() }]);
    assert!(world.responses(b).is_empty(), "isolated is not partitioned: {:?}", world.responses(b));
    let write = world.try_command(a, application(), ListOperation::QueryDepths);
    assert_eq!(write, Err(CommandRejected::Fenced));
    world.request(zombie, CouplingRequest::ConnectorFailed { connector: connector("QM02", 1) });
    world.settle();
    assert_eq!(world.responses(zombie), [CouplingResponse::Fenced]);
    let back = world.open();
    world.request(back, CouplingRequest::Attach { image: "SYSA".into(), connector: connector("QM01", 1) });
    world.settle();
    assert_eq!(world.responses(back), [CouplingResponse::Fenced]);

    world.attach_image("SYSA", 2);
    let late = CouplingRequest::Isolate { image: "SYSA".into(), incarnation: Incarnation(1) };
    world.request(survivor, late);
    world.connect("QM01", 2, "SYSA");
    let write = world.try_command(a, application(), ListOperation::QueryDepths);
    assert_eq!(write, Err(CommandRejected::Fenced), "the former load's connections stay fenced");
}

#[test]
fn connectors_of_an_image_fail_when_it_is_partitioned_and_only_if_it_is_isolated() {
    let mut world = World::new();
    let survivor = world.attach_image("SYSB", 1);
    world.attach_image("SYSA", 1);
    world.connect("QM01", 1, "SYSA");
    let b = world.connect("QM02", 1, "SYSB");
    let partitioned = || CouplingRequest::Partitioned { image: "SYSA".into(), incarnation: Incarnation(1) };
    world.request(survivor, partitioned());
    world.settle();
    assert!(world.events.is_empty(), "it could still command: {:?}", world.events);
    world.request(survivor, CouplingRequest::Isolate { image: "SYSA".into(), incarnation: Incarnation(1) });
    for _ in 0..2 {
        world.request(survivor, partitioned());
    }
    world.settle();
    assert_eq!(
        world.events,
        [Event::ImageIsolated { image: "SYSA".into() }, Event::ConnectorFailed { connector: connector("QM01", 1) }]
    );
    assert_eq!(world.responses(b).len(), 2, "once for each structure");
}

#[test]
fn the_next_load_of_an_image_fails_what_was_connected_from_the_former() {
    let mut world = World::new();
    world.attach_image("SYSA", 1);
    world.connect("QM01", 1, "SYSA");
    let b = world.connect("QM02", 1, "SYSB");
    world.attach_image("SYSA", 2);
    assert_eq!(world.responses(b), [failed(application(), "QM01", 1), failed(admin(), "QM01", 1)]);
}

#[test]
fn a_descriptor_lives_until_its_operations_are_settled_and_longer_with_a_private_part() {
    let mut world = World::new();
    let a = world.connect("QM01", 1, "SYSA");
    let operation = |structure: &str| SharedOperation {
        structure: structure.into(),
        queue: queue("Q"),
        entry: EntryId(1),
        kind: SharedOperationKind::Get,
    };
    let descriptor = |sequence, has_private_part| UnitOfWorkDescriptor {
        id: unit("QM01", 1, sequence),
        state: DescriptorState::InCommit,
        disposition: Disposition::QueueManager,
        xid: None,
        operations: vec![operation("APPLICATION1"), operation("APPLICATION2")],
        has_private_part,
    };
    for (sequence, has_private_part) in [(1, false), (2, true)] {
        let descriptor = Box::new(descriptor(sequence, has_private_part));
        assert_eq!(world.admin(a, ListOperation::WriteDescriptor { descriptor }), ListAnswer::Done);
    }
    let strike = |sequence, structure: &str| ListOperation::StrikeOperations {
        unit_of_work: unit("QM01", 1, sequence),
        structure: structure.into(),
    };
    for sequence in [1, 2] {
        for structure in ["APPLICATION1", "APPLICATION2"] {
            assert_eq!(world.admin(a, strike(sequence, structure)), ListAnswer::Done);
            world.facility.check();
        }
    }
    assert_eq!(world.admin(a, strike(1, "APPLICATION1")), ListAnswer::NotThere);
    let left = UnitOfWorkDescriptor { operations: vec![], ..descriptor(2, true) };
    let read = |name: &str| ListOperation::ReadDescriptors { queue_manager: Some(name.into()) };
    assert_eq!(world.admin(a, read("QM01")), ListAnswer::Descriptors(vec![left.clone()]));
    assert_eq!(world.admin(a, read("QM02")), ListAnswer::Descriptors(vec![]));
    let delete = ListOperation::DeleteDescriptor { unit_of_work: left.id };
    assert_eq!(world.admin(a, delete.clone()), ListAnswer::Done);
    assert_eq!(world.admin(a, delete), ListAnswer::NotThere);
    world.facility.check();
}

#[test]
fn a_descriptor_that_does_not_fit_leaves_the_earlier_one() {
    let mut world = World::with(StructureDefinition { entries: 10, elements: 1 }, 0);
    let a = world.connect("QM01", 1, "SYSA");
    let descriptor = |operations| UnitOfWorkDescriptor {
        id: unit("QM01", 1, 1),
        state: DescriptorState::InDoubt,
        disposition: Disposition::Group,
        xid: None,
        operations: vec![
            SharedOperation {
                structure: application(),
                queue: queue("Q"),
                entry: EntryId(1),
                kind: SharedOperationKind::Put,
            };
            operations
        ],
        has_private_part: false,
    };
    let mut write =
        |operations| world.admin(a, ListOperation::WriteDescriptor { descriptor: Box::new(descriptor(operations)) });
    assert_eq!((write(3), write(4)), (ListAnswer::Done, ListAnswer::Full));
    let all = ListOperation::ReadDescriptors { queue_manager: None };
    assert_eq!(world.admin(a, all), ListAnswer::Descriptors(vec![descriptor(3)]));
    world.facility.check();
}

#[test]
fn a_queue_manager_may_attach_before_its_image() {
    let mut world = World::new();
    // The first load of all.
    let a = world.connect("QM01", 1, "SYSA");
    world.attach_image("SYSA", 1);
    assert!(matches!(world.command(a, ListOperation::QueryDepths), ListAnswer::Depths(_)));
    // A load after one that was isolated.
    let survivor = world.attach_image("SYSB", 1);
    world.request(survivor, CouplingRequest::Isolate { image: "SYSA".into(), incarnation: Incarnation(1) });
    world.request(survivor, CouplingRequest::Partitioned { image: "SYSA".into(), incarnation: Incarnation(1) });
    world.settle();
    world.connect("QM01", 2, "SYSA");
    let second = world.connect("QM01", 2, "SYSA");
    world.attach_image("SYSA", 2);
    assert!(matches!(world.command(second, ListOperation::QueryDepths), ListAnswer::Depths(_)));
    assert_eq!(world.events.len(), 2, "one isolation, one failure: {:?}", world.events);
    let late = world.try_command(a, application(), ListOperation::QueryDepths);
    assert_eq!(late, Err(CommandRejected::Fenced));
}

#[test]
fn a_queue_is_full_by_all_its_messages_and_leaves_room_in_the_structure() {
    let mut world = World::new();
    let a = world.connect("QM01", 1, "SYSA");
    // One got, one uncommitted, one visible.
    world.put(a, None, message(1, 5, 0));
    world.get(a, Match::Any, unit("QM01", 1, 1)).unwrap();
    world.put(a, Some(unit("QM01", 1, 1)), message(2, 5, 0));
    world.put(a, None, message(3, 5, 0));
    let write = |name: &str, maximum_depth| ListOperation::Write {
        queue: queue(name),
        range: KeyRange::Committed,
        owner: None,
        message: message(4, 5, 0),
        maximum_depth,
    };
    assert_eq!(world.command(a, write("Q", 3)), ListAnswer::QueueFull);
    assert!(matches!(world.command(a, write("OTHER", 3)), ListAnswer::Written { .. }));
    assert!(matches!(world.command(a, write("Q", 4)), ListAnswer::Written { .. }));
    world.facility.check();
}
