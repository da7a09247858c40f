//! One member's share of one phase of a recovery.
//!
//! Phase 1 finishes units of work whose descriptor says in-commit or in-backout, one after the other: their entries in
//! this structure, then the descriptor's mention of them. Phase 2 backs out what is still held and belongs to no unit of
//! work in doubt: an uncommitted put is deleted, a message on the get list goes back to its place on the queue with its
//! backout count raised (a message locked by a browse goes back as it was).

use std::collections::VecDeque;

use crate::coupling_facility::command::{CommandRejected, EntryStatus, ListAnswer, ListHeader, ListOperation};
use crate::defect::Defect;
use crate::event::Event;
use crate::name::QueueManagerName;
use crate::step::Step;
use crate::sysplex::frame::RecoveryPhase;
use crate::unit_of_work::{
    DescriptorState, Outcome, SharedOperation, SharedOperationKind, UnitOfWorkDescriptor, UnitOfWorkId,
};

use super::{Context, RecoveryAwaiting, RecoveryKey, What};

#[derive(Clone, Copy, Debug)]
pub(super) enum ShareAwaiting {
    Descriptors,
    Entries,
    Settled,
    Struck,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Working,
    Finished,
    Failed,
    Declined,
}

/// One thing to be done.
#[derive(Debug)]
enum Item {
    Unit { id: UnitOfWorkId, outcome: Outcome, operations: Vec<SharedOperation> },
    Entry(EntryStatus),
}

/// What a member has to do.
#[derive(Clone, Debug)]
pub(super) struct Assignment {
    pub(super) key: RecoveryKey,
    pub(super) phase: RecoveryPhase,
    /// Item numbers that leave this remainder ...
    pub(super) share: u32,
    /// ... when divided by this number.
    pub(super) of: u32,
    /// The initiator, if it is another member.
    pub(super) for_whom: Option<QueueManagerName>,
}

#[derive(Debug)]
pub(super) struct Share {
    number: u64,
    assignment: Assignment,
    descriptors: Option<Vec<UnitOfWorkDescriptor>>,
    entries: Option<Vec<EntryStatus>>,
    waiting: VecDeque<Item>,
    current: Option<Item>,
    unanswered: u32,
    items: u32,
}

/// The command that gives a shared operation its outcome. Does nothing if the unit of work no longer holds the entry.
pub(crate) fn settle(operation: &SharedOperation, owner: &UnitOfWorkId, outcome: Outcome) -> ListOperation {
    let entry = operation.entry;
    let owner = owner.clone();
    match (operation.kind, outcome) {
        (SharedOperationKind::Put, Outcome::Commit) => ListOperation::CommitPut { entry, owner },
        (SharedOperationKind::Put, Outcome::Backout) | (SharedOperationKind::Get, Outcome::Commit) => {
            ListOperation::Delete { entry, owner }
        }
        (SharedOperationKind::Get, Outcome::Backout) => ListOperation::Return { entry, owner, count_backout: true },
    }
}

impl Share {
    pub(super) fn new(number: u64, assignment: Assignment) -> Self {
        let Assignment { share, of, .. } = assignment;
        assert!(share < of, "a share is one of several: {share} of {of}");
        Share {
            number,
            assignment,
            descriptors: None,
            entries: None,
            waiting: VecDeque::new(),
            current: None,
            unanswered: 0,
            items: 0,
        }
    }

    pub(super) fn assignment(&self) -> &Assignment {
        &self.assignment
    }

    /// How much was done.
    pub(super) fn items(&self) -> u32 {
        self.items
    }

    pub(super) fn start<A: From<RecoveryAwaiting>>(&mut self, context: &mut Context<'_, A>) -> Progress {
        let key = &self.assignment.key;
        let descriptors = ListOperation::ReadDescriptors { queue_manager: Some(key.failed.name.clone()) };
        let entries = ListOperation::ListHeld { connector: key.failed.clone() };
        let Context { structures, effects, .. } = context;
        let read = structures.admin_command(descriptors, self.awaiting(ShareAwaiting::Descriptors), effects);
        let sent = read
            .and_then(|()| structures.command(&key.structure, entries, self.awaiting(ShareAwaiting::Entries), effects));
        if sent.is_ok() { Progress::Working } else { Progress::Declined }
    }

    pub(super) fn answered<A: From<RecoveryAwaiting>>(
        &mut self,
        what: ShareAwaiting,
        answer: Result<ListAnswer, CommandRejected>,
        context: &mut Context<'_, A>,
    ) -> Progress {
        match (what, answer) {
            (ShareAwaiting::Descriptors, Ok(ListAnswer::Descriptors(descriptors))) => {
                self.descriptors = Some(descriptors);
                self.plan(context)
            }
            (ShareAwaiting::Entries, Ok(ListAnswer::Entries(entries))) => {
                self.entries = Some(entries);
                self.plan(context)
            }
            (ShareAwaiting::Settled, Ok(_)) => {
                self.unanswered -= 1;
                if self.unanswered > 0 { Progress::Working } else { self.settled(context) }
            }
            (ShareAwaiting::Struck, Ok(_)) => {
                context.effects.step(Step::RecoveryUnitFinished);
                self.next(context)
            }
            (_, _) => Progress::Failed,
        }
    }

    /// Once both lists are here: what is this member's share of them?
    fn plan<A: From<RecoveryAwaiting>>(&mut self, context: &mut Context<'_, A>) -> Progress {
        let (Some(descriptors), Some(entries)) = (&self.descriptors, &self.entries) else { return Progress::Working };
        let Assignment { key: RecoveryKey { structure, failed }, phase, share, of, .. } = &self.assignment;
        let is_mine = |number: u64| number % u64::from(*of) == u64::from(*share);
        let left_behind = descriptors.iter().filter(|descriptor| descriptor.id.incarnation <= failed.incarnation);
        match phase {
            RecoveryPhase::One => {
                for descriptor in left_behind {
                    let mine = is_mine(descriptor.id.sequence);
                    let operations: Vec<_> = descriptor
                        .operations
                        .iter()
                        .filter(|operation| operation.structure == *structure)
                        .cloned()
                        .collect();
                    if !mine || operations.is_empty() {
                        continue;
                    }
                    let Some(decided) = descriptor.state.outcome() else { continue };
                    let outcome = if Defect::PeerBacksOutInCommit.is_planted() { Outcome::Backout } else { decided };
                    self.waiting.push_back(Item::Unit { id: descriptor.id.clone(), outcome, operations });
                }
            }
            RecoveryPhase::Two => {
                let described: Vec<&UnitOfWorkDescriptor> = left_behind.collect();
                if *share == 0 {
                    for descriptor in &described {
                        if descriptor.state == DescriptorState::InDoubt
                            && descriptor.operations.iter().any(|operation| operation.structure == *structure)
                        {
                            context.effects.report(Event::PeerLeftInDoubt {
                                structure: structure.clone(),
                                unit_of_work: descriptor.id.clone(),
                            });
                        }
                    }
                }
                for entry in entries {
                    let mine = is_mine(entry.entry.0);
                    // Whatever is described is not in flight. If it is no longer in doubt either, it was resolved after
                    // phase 1, and whoever did that settles it.
                    let untouchable = described.iter().any(|descriptor| {
                        let in_doubt = descriptor.state == DescriptorState::InDoubt;
                        descriptor.id == entry.owner && !(in_doubt && Defect::PeerTouchesInDoubt.is_planted())
                    });
                    if mine && !untouchable {
                        self.waiting.push_back(Item::Entry(entry.clone()));
                    }
                }
            }
        }
        self.next(context)
    }

    fn next<A: From<RecoveryAwaiting>>(&mut self, context: &mut Context<'_, A>) -> Progress {
        let Some(item) = self.waiting.pop_front() else { return Progress::Finished };
        self.items += 1;
        let commands: Vec<ListOperation> = match &item {
            Item::Unit { id, outcome, operations } => {
                operations.iter().map(|operation| settle(operation, id, *outcome)).collect()
            }
            Item::Entry(status) => vec![back_out(status)],
        };
        self.current = Some(item);
        for command in commands {
            self.unanswered += 1;
            let awaiting = self.awaiting(ShareAwaiting::Settled);
            let structure = &self.assignment.key.structure;
            if context.structures.command(structure, command, awaiting, context.effects).is_err() {
                return Progress::Failed;
            }
        }
        Progress::Working
    }

    /// The current item's entries are settled.
    fn settled<A: From<RecoveryAwaiting>>(&mut self, context: &mut Context<'_, A>) -> Progress {
        let structure = self.assignment.key.structure.clone();
        match self.current.take().expect("an answer belongs to the current item") {
            Item::Unit { id, outcome, .. } => {
                let (structure_of, unit_of_work) = (structure.clone(), id.clone());
                context.effects.report(match outcome {
                    Outcome::Commit => Event::PeerCommitted { structure: structure_of, unit_of_work },
                    Outcome::Backout => Event::PeerBackedOut { structure: structure_of, unit_of_work },
                });
                let strike = ListOperation::StrikeOperations { unit_of_work: id, structure };
                let awaiting = self.awaiting(ShareAwaiting::Struck);
                match context.structures.admin_command(strike, awaiting, context.effects) {
                    Ok(()) => Progress::Working,
                    Err(_) => Progress::Failed,
                }
            }
            Item::Entry(status) => {
                let EntryStatus { owner: unit_of_work, queue, header, .. } = status;
                context.effects.report(match header {
                    ListHeader::Get(_) => Event::PeerBackedOutGet { structure, queue, unit_of_work },
                    ListHeader::Put(_) => Event::PeerBackedOutPut { structure, queue, unit_of_work },
                });
                context.effects.step(Step::RecoveryEntryBackedOut);
                self.next(context)
            }
        }
    }

    fn awaiting<A: From<RecoveryAwaiting>>(&self, awaiting: ShareAwaiting) -> A {
        let what = What::Share(self.number, awaiting);
        RecoveryAwaiting { key: self.assignment.key.clone(), what }.into()
    }
}

/// The command that backs out one entry of a unit of work in flight.
fn back_out(status: &EntryStatus) -> ListOperation {
    let (entry, owner) = (status.entry, status.owner.clone());
    if Defect::PeerCommitsInFlight.is_planted() {
        return match status.header {
            ListHeader::Get(_) => ListOperation::Delete { entry, owner },
            ListHeader::Put(_) => ListOperation::CommitPut { entry, owner },
        };
    }
    match status.header {
        ListHeader::Get(_) => ListOperation::Return { entry, count_backout: !owner.is_browse_lock(), owner },
        ListHeader::Put(_) => ListOperation::Delete { entry, owner },
    }
}
