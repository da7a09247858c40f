//! Two members work at random, one fails at any point, and recovery, itself interrupted at any point, leaves the structure
//! clean: every unit of work happened wholly or not at all, and no message is lost or doubled.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::coupling_facility::command::{ConnectionState, ListHeader};
use crate::unit_of_work::{DescriptorState, Disposition, SharedOperation, SharedOperationKind, UnitOfWorkDescriptor};

/// A unit of work as a member runs it: its puts and gets, then its outcome.
#[derive(Clone, Debug)]
struct Plan {
    /// A put, or a get.
    operations: Vec<bool>,
    commits: bool,
}

fn plans() -> impl Strategy<Value = Vec<Plan>> {
    let plan = (prop::collection::vec(any::<bool>(), 1..4), any::<bool>())
        .prop_map(|(operations, commits)| Plan { operations, commits });
    prop::collection::vec(plan, 1..4)
}

/// A member at work: each call of [`Member::step`] sends one command.
struct Member {
    name: &'static str,
    connection: ConnectionId,
    plans: Vec<Plan>,
    unit: usize,
    phase: Phase,
    operations: Vec<(SharedOperation, u64)>,
    next_identity: u64,
}

#[derive(Clone, Copy)]
enum Phase {
    Working(usize),
    Settling(usize),
    Forgetting,
}

/// What the outside knows of units of work.
#[derive(Default)]
struct History {
    /// Put outside any unit of work, before everything.
    visible: BTreeSet<u64>,
    /// Of each unit of work that has reached its descriptor: whether it commits, its puts and its gets.
    decided: BTreeMap<UnitOfWorkId, (bool, Vec<(SharedOperation, u64)>)>,
    /// How often a get of a message was backed out.
    backed_out: BTreeMap<u64, u32>,
}

impl Member {
    fn id(&self) -> UnitOfWorkId {
        unit(self.name, 1, self.unit as u64)
    }

    /// Sends the next command; `false` when all is done.
    fn step(&mut self, world: &mut World, history: &mut History) -> bool {
        let Some(plan) = self.plans.get(self.unit).cloned() else { return false };
        let id = self.id();
        match self.phase {
            Phase::Working(at) if at < plan.operations.len() => {
                self.work(world, plan.operations[at], id);
                self.phase = Phase::Working(at + 1);
            }
            Phase::Working(_) => {
                let descriptor = Box::new(UnitOfWorkDescriptor {
                    id: id.clone(),
                    state: if plan.commits { DescriptorState::InCommit } else { DescriptorState::InBackout },
                    disposition: Disposition::QueueManager,
                    xid: None,
                    operations: self.operations.iter().map(|(operation, _)| operation.clone()).collect(),
                    has_private_part: false,
                });
                let answer = world.admin(self.connection, ListOperation::WriteDescriptor { descriptor });
                assert_eq!(answer, ListAnswer::Done);
                history.decided.insert(id, (plan.commits, self.operations.clone()));
                self.phase = Phase::Settling(0);
            }
            Phase::Settling(at) if at < self.operations.len() => {
                let answer = world.command(self.connection, settle(&self.operations[at].0, &id, plan.commits));
                assert_eq!(answer, ListAnswer::Done, "nobody else settles the work of a living member");
                self.phase = Phase::Settling(at + 1);
            }
            Phase::Settling(_) => {
                let strike = ListOperation::StrikeOperations { unit_of_work: id, structure: application() };
                assert_eq!(world.admin(self.connection, strike), ListAnswer::Done);
                self.phase = Phase::Forgetting;
            }
            Phase::Forgetting => {
                self.unit += 1;
                self.operations.clear();
                self.phase = Phase::Working(0);
            }
        }
        true
    }

    fn work(&mut self, world: &mut World, is_put: bool, id: UnitOfWorkId) {
        let operation = |entry, kind| SharedOperation { structure: application(), queue: queue("Q"), entry, kind };
        if is_put {
            self.next_identity += 1;
            let entry = world.put(self.connection, Some(id), message(self.next_identity, 5, 0));
            self.operations.push((operation(entry, SharedOperationKind::Put), self.next_identity));
        } else if let Some((entry, message)) = world.get(self.connection, Match::Any, id) {
            self.operations.push((operation(entry, SharedOperationKind::Get), message.payload.identity));
        }
    }
}

fn settle(operation: &SharedOperation, owner: &UnitOfWorkId, commits: bool) -> ListOperation {
    let (entry, owner) = (operation.entry, owner.clone());
    match (operation.kind, commits) {
        (SharedOperationKind::Put, true) => ListOperation::CommitPut { entry, owner },
        (SharedOperationKind::Get, false) => ListOperation::Return { entry, owner, count_backout: true },
        (SharedOperationKind::Put, false) | (SharedOperationKind::Get, true) => ListOperation::Delete { entry, owner },
    }
}

/// What a recovery still has to do, as the structures tell; the first of it is done. `false` when nothing is left.
fn recover_one(world: &mut World, by: ConnectionId, failed: &Connector) -> bool {
    let read = ListOperation::ReadDescriptors { queue_manager: Some(failed.name.clone()) };
    let ListAnswer::Descriptors(descriptors) = world.admin(by, read) else { panic!("descriptors are answered") };
    if let Some(descriptor) = descriptors.first() {
        let commits = descriptor.state == DescriptorState::InCommit;
        for operation in &descriptor.operations {
            // Done already, by the failed one or by an earlier attempt, is as good.
            if world.command(by, settle(operation, &descriptor.id, commits)) == ListAnswer::Done {
                return true;
            }
        }
        let unit_of_work = descriptor.id.clone();
        world.admin(by, ListOperation::StrikeOperations { unit_of_work, structure: application() });
        return true;
    }
    let list = ListOperation::ListHeld { connector: failed.clone() };
    let ListAnswer::Entries(held) = world.command(by, list) else { panic!("entries are answered") };
    let Some(first) = held.first() else { return false };
    let (entry, owner) = (first.entry, first.owner.clone());
    let answer = match first.header {
        ListHeader::Put(_) => world.command(by, ListOperation::Delete { entry, owner }),
        ListHeader::Get(_) => world.command(by, ListOperation::Return { entry, owner, count_backout: true }),
    };
    assert_eq!(answer, ListAnswer::Done);
    true
}

proptest! {
    #[test]
    fn whatever_fails_whenever_recovery_leaves_the_structure_clean(
        first in plans(),
        second in plans(),
        turns in prop::collection::vec(any::<bool>(), 0..40),
        recoverers in prop::collection::vec(any::<bool>(), 0..20),
        backlog in 0..4_u64,
    ) {
        let mut world = World::new();
        let mut history = History::default();
        let image = world.attach_image("SYSA", 1);
        let member = |world: &mut World, name, image, plans| Member {
            name,
            connection: world.connect(name, 1, image),
            plans,
            unit: 0,
            phase: Phase::Working(0),
            operations: Vec::new(),
            next_identity: if name == "QM01" { 1000 } else { 2000 },
        };
        let mut failing = member(&mut world, "QM01", "SYSA", first);
        let mut living = member(&mut world, "QM02", "SYSB", second);
        for identity in 0..backlog {
            world.put(living.connection, None, message(identity, 5, 0));
            history.visible.insert(identity);
        }

        for is_first in turns {
            let member = if is_first { &mut failing } else { &mut living };
            member.step(&mut world, &mut history);
            world.facility.check();
        }

        // The failure, and a recovery by its peer and its own next life in turns, each time from the start.
        let failed = connector("QM01", 1);
        world.request(image, CouplingRequest::ConnectorFailed { connector: failed.clone() });
        world.settle();
        let lost = world.try_command(failing.connection, application(), ListOperation::QueryDepths);
        prop_assert_eq!(lost, Err(CommandRejected::NotConnected));
        let again = world.connect("QM01", 2, "SYSA");
        // Gets in flight at the failure are backed out as well.
        let in_flight: Vec<u64> = match failing.phase {
            Phase::Working(_) => failing.operations.iter()
                .filter(|(operation, _)| operation.kind == SharedOperationKind::Get)
                .map(|(_, identity)| *identity).collect(),
            _ => Vec::new(),
        };
        for by_peer in recoverers {
            recover_one(&mut world, if by_peer { living.connection } else { again }, &failed);
            living.step(&mut world, &mut history);
            world.facility.check();
        }
        while recover_one(&mut world, again, &failed) {}
        prop_assert_eq!(
            world.command(living.connection, ListOperation::ReleaseConnection { connector: failed.clone() }),
            ListAnswer::Done
        );
        while living.step(&mut world, &mut history) {}
        world.facility.check();

        // Nothing is held, nobody is failed, and every message is where the decided units of work say.
        for name in ["QM01", "QM02"] {
            let list = ListOperation::ListHeld { connector: connector(name, 9) };
            prop_assert_eq!(world.command(again, list), ListAnswer::Entries(vec![]));
            let state = ListOperation::QueryConnection { name: name.into() };
            let active = ListAnswer::ConnectionState { state: ConnectionState::Active, unreleased: Vec::new() };
            prop_assert_eq!(world.command(again, state), active);
        }
        let all = ListOperation::ReadDescriptors { queue_manager: None };
        prop_assert_eq!(world.admin(again, all), ListAnswer::Descriptors(vec![]));
        for (commits, operations) in history.decided.values() {
            for (operation, identity) in operations {
                match (operation.kind, commits) {
                    (SharedOperationKind::Put, true) => { history.visible.insert(*identity); }
                    (SharedOperationKind::Get, false) => *history.backed_out.entry(*identity).or_default() += 1,
                    _ => {}
                }
            }
        }
        for (commits, operations) in history.decided.values() {
            for (operation, identity) in operations {
                if operation.kind == SharedOperationKind::Get && *commits {
                    prop_assert!(history.visible.remove(identity), "a message is got for good once");
                }
            }
        }
        for identity in in_flight {
            *history.backed_out.entry(identity).or_default() += 1;
        }
        let mut left = BTreeSet::new();
        while let Some((_, message)) = world.get(again, Match::Any, unit("QM01", 2, 1)) {
            let identity = message.payload.identity;
            prop_assert!(left.insert(identity), "no message is there twice");
            prop_assert_eq!(message.descriptor.backout_count, history.backed_out.get(&identity).copied().unwrap_or(0));
        }
        prop_assert_eq!(left, history.visible);
    }
}
