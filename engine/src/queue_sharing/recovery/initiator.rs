//! The initiator of a recovery: the member that won the lock, or one that waits for it.

use std::collections::BTreeSet;

use crate::coupling_facility::command::{
    CommandRejected, ConnectionState, Connector, ListAnswer, ListOperation, LockName,
};
use crate::coupling_facility::definition::ADMIN_STRUCTURE;
use crate::defect::Defect;
use crate::event::Event;
use crate::name::QueueManagerName;
use crate::step::Step;
use crate::sysplex::frame::{GroupMessage, RecoveryPhase, ShareOutcome};

use super::{Context, RecoveryAwaiting, RecoveryKey, What};

#[derive(Clone, Debug)]
pub(super) enum InitiatorAwaiting {
    Lock,
    StillFailed,
    PeerState(QueueManagerName),
    Release,
    Unlock,
}

#[derive(Debug)]
enum State {
    /// Wants the lock.
    Locking,
    /// Another member holds the lock.
    Waiting { holder: Connector },
    /// Has the lock; is the connector still failed?
    Checking,
    /// Which members are connected to the structure?
    CountingPeers { unanswered: u32, active: Vec<QueueManagerName> },
    /// A phase is under way.
    Phase {
        phase: RecoveryPhase,
        helpers: Vec<QueueManagerName>,
        missing: BTreeSet<u32>,
        succeeded: bool,
        looked: bool,
    },
    /// Gives the connection back.
    Releasing,
    /// Gives the lock back.
    Unlocking,
}

#[derive(Debug)]
pub(super) struct Initiator {
    key: RecoveryKey,
    state: State,
    own_shares: Vec<(RecoveryPhase, u32, u32)>,
    /// Members that failed meanwhile: no use waiting for them.
    gone: BTreeSet<QueueManagerName>,
    again: bool,
    items: u32,
}

impl Initiator {
    pub(super) fn new<A: From<RecoveryAwaiting>>(key: RecoveryKey, context: &mut Context<'_, A>) -> Self {
        let (own_shares, gone) = (Vec::new(), BTreeSet::new());
        let mut initiator = Initiator { key, state: State::Locking, own_shares, gone, again: false, items: 0 };
        initiator.lock(context);
        initiator
    }

    /// Whether another member initiates, and it is this one.
    pub(super) fn waits_for(&self, connector: &Connector) -> bool {
        matches!(&self.state, State::Waiting { holder } if holder == connector)
    }

    /// The member that initiated has itself failed: somebody has to begin again.
    pub(super) fn start_over<A: From<RecoveryAwaiting>>(&mut self, context: &mut Context<'_, A>) {
        self.again = true;
        self.lock(context);
    }

    /// Counts what this member did in its own share.
    pub(super) fn count(&mut self, items: u32) {
        self.items += items;
    }

    /// Shares that this member is to do now: phase, which, of how many.
    pub(super) fn take_own_shares(&mut self) -> Vec<(RecoveryPhase, u32, u32)> {
        std::mem::take(&mut self.own_shares)
    }

    /// A helper declined its share: the initiator does it itself.
    pub(super) fn take_back(&mut self, of_phase: RecoveryPhase, share: u32) {
        if let State::Phase { phase, helpers, missing, .. } = &self.state
            && *phase == of_phase
            && missing.contains(&share)
        {
            self.own_shares.push((of_phase, share, shares(helpers)));
        }
    }

    /// A member failed. If it helps, the initiator does its share itself.
    pub(super) fn member_failed(&mut self, failed: &QueueManagerName) {
        self.gone.insert(failed.clone());
        if let State::Phase { phase, helpers, .. } = &self.state {
            let share = (1..).zip(helpers).find(|(_, helper)| *helper == failed).map(|(share, _)| share);
            if let Some(share) = share {
                self.take_back(*phase, share);
            }
        }
    }

    /// Takes an answer; tells whether the recovery is over for this member.
    pub(super) fn answered<A: From<RecoveryAwaiting>>(
        &mut self,
        what: InitiatorAwaiting,
        answer: Result<ListAnswer, CommandRejected>,
        context: &mut Context<'_, A>,
    ) -> bool {
        let Ok(answer) = answer else {
            // Not connected (any more): somebody else will do it.
            return true;
        };
        match (what, answer) {
            (InitiatorAwaiting::Lock, ListAnswer::HeldBy(holder)) => {
                self.state = State::Waiting { holder };
                false
            }
            (InitiatorAwaiting::Lock, _) => {
                self.state = State::Checking;
                let query = ListOperation::QueryConnection { name: self.key.failed.name.clone() };
                !self.command(query, InitiatorAwaiting::StillFailed, context)
            }
            (InitiatorAwaiting::StillFailed, ListAnswer::ConnectionState { state, unreleased }) => {
                // While it is failing it is not in the list yet.
                if state == ConnectionState::Failing || unreleased.contains(&self.key.failed.incarnation) {
                    self.begin(context)
                } else {
                    self.unlock(context)
                }
            }
            (InitiatorAwaiting::PeerState(peer), ListAnswer::ConnectionState { state, .. }) => {
                let State::CountingPeers { unanswered, active } = &mut self.state else { return false };
                *unanswered -= 1;
                if state == ConnectionState::Active {
                    active.push(peer);
                }
                if *unanswered == 0 {
                    let helpers = std::mem::take(active);
                    self.begin_phase(RecoveryPhase::One, helpers, context);
                }
                false
            }
            (InitiatorAwaiting::Release, _) => self.unlock(context),
            (InitiatorAwaiting::Unlock, _) => true,
            (InitiatorAwaiting::StillFailed | InitiatorAwaiting::PeerState(_), _) => self.unlock(context),
        }
    }

    /// Somebody's share of a phase ended; tells whether the recovery is over for this member.
    pub(super) fn share_ended<A: From<RecoveryAwaiting>>(
        &mut self,
        of_phase: RecoveryPhase,
        share: u32,
        outcome: ShareOutcome,
        context: &mut Context<'_, A>,
    ) -> bool {
        let State::Phase { phase, helpers, missing, succeeded, .. } = &mut self.state else { return false };
        if *phase != of_phase || !missing.remove(&share) {
            return false;
        }
        *succeeded &= outcome == ShareOutcome::Done;
        if !missing.is_empty() {
            return false;
        }
        let (succeeded, helpers) = (*succeeded, std::mem::take(helpers));
        match of_phase {
            RecoveryPhase::One | RecoveryPhase::Two if !succeeded => {
                context.effects.report(Event::PeerRecoveryDeferred {
                    structure: self.key.structure.clone(),
                    failed: self.key.failed.clone(),
                });
                self.unlock(context)
            }
            RecoveryPhase::One => {
                self.begin_phase(RecoveryPhase::Two, helpers, context);
                false
            }
            RecoveryPhase::Two => {
                context.effects.step(Step::RecoveryPhasesDone);
                self.release(context)
            }
        }
    }

    /// A second passed.
    pub(super) fn look_again<A: From<RecoveryAwaiting>>(&mut self, context: &mut Context<'_, A>) {
        match &mut self.state {
            State::Waiting { .. } => self.lock(context),
            State::Phase { phase, helpers, missing, looked, .. } => {
                // Helpers had their time. The initiator does what is missing itself; doing it twice does no harm.
                if *looked {
                    let of = shares(helpers);
                    self.own_shares = missing.iter().map(|&share| (*phase, share, of)).collect();
                }
                *looked = true;
            }
            State::Locking | State::Checking | State::CountingPeers { .. } | State::Releasing | State::Unlocking => {}
        }
    }

    fn begin<A: From<RecoveryAwaiting>>(&mut self, context: &mut Context<'_, A>) -> bool {
        if self.is_administrative() {
            // The admin structure holds descriptors, which belong to the application structures' recoveries.
            return self.release(context);
        }
        let (structure, failed) = (self.key.structure.clone(), self.key.failed.clone());
        if self.again {
            context.effects.report(Event::PeerRecoveryRestarted { structure, failed });
        } else if !self.is_own(context) {
            context.effects.report(Event::PeerRecoveryStarted { structure, failed });
        }
        context.effects.step(Step::RecoveryInitiated);
        if Defect::RecoveryReportedEarly.is_planted() {
            return self.release(context);
        }
        let peers: Vec<QueueManagerName> = context
            .members
            .iter()
            .filter(|&member| *member != context.me.name && *member != self.key.failed.name)
            .cloned()
            .collect();
        let unanswered = u32::try_from(peers.len()).expect("a group has at most 32 members");
        self.state = State::CountingPeers { unanswered, active: Vec::new() };
        if peers.is_empty() {
            self.begin_phase(RecoveryPhase::One, Vec::new(), context);
            return false;
        }
        let mut connected = true;
        for peer in peers {
            let query = ListOperation::QueryConnection { name: peer.clone() };
            connected &= self.command(query, InitiatorAwaiting::PeerState(peer), context);
        }
        !connected
    }

    fn begin_phase<A: From<RecoveryAwaiting>>(
        &mut self,
        phase: RecoveryPhase,
        mut helpers: Vec<QueueManagerName>,
        context: &mut Context<'_, A>,
    ) {
        helpers.retain(|helper| !self.gone.contains(helper));
        context.effects.step(match phase {
            RecoveryPhase::One => Step::RecoveryPhaseOne,
            RecoveryPhase::Two => Step::RecoveryPhaseTwo,
        });
        let of = shares(&helpers);
        for (share, helper) in (1..).zip(&helpers) {
            let RecoveryKey { structure, failed } = self.key.clone();
            context.tell(helper, GroupMessage::RecoverShare { structure, failed, phase, share, of });
        }
        self.own_shares = vec![(phase, 0, of)];
        self.state = State::Phase { phase, helpers, missing: (0..of).collect(), succeeded: true, looked: false };
    }

    fn release<A: From<RecoveryAwaiting>>(&mut self, context: &mut Context<'_, A>) -> bool {
        self.state = State::Releasing;
        if !self.is_administrative() {
            let (structure, failed) = (self.key.structure.clone(), self.key.failed.clone());
            context.effects.report(if self.is_own(context) {
                Event::RestartRecoveredShared { structure, items: self.items }
            } else {
                Event::PeerRecoveryEnded { structure, failed }
            });
        }
        let release = ListOperation::ReleaseConnection { connector: self.key.failed.clone() };
        !self.command(release, InitiatorAwaiting::Release, context)
    }

    fn lock<A: From<RecoveryAwaiting>>(&mut self, context: &mut Context<'_, A>) {
        self.state = State::Locking;
        let lock = self.lock_name();
        self.command(ListOperation::Lock { lock }, InitiatorAwaiting::Lock, context);
    }

    fn unlock<A: From<RecoveryAwaiting>>(&mut self, context: &mut Context<'_, A>) -> bool {
        self.state = State::Unlocking;
        let lock = self.lock_name();
        !self.command(ListOperation::Unlock { lock }, InitiatorAwaiting::Unlock, context)
    }

    fn lock_name(&self) -> LockName {
        LockName::PeerRecovery(self.key.structure.clone(), self.key.failed.clone())
    }

    fn is_administrative(&self) -> bool {
        self.key.structure.as_str() == ADMIN_STRUCTURE
    }

    fn is_own<A>(&self, context: &Context<'_, A>) -> bool {
        self.key.failed.name == context.me.name
    }

    fn command<A: From<RecoveryAwaiting>>(
        &self,
        operation: ListOperation,
        awaiting: InitiatorAwaiting,
        context: &mut Context<'_, A>,
    ) -> bool {
        let awaiting = RecoveryAwaiting { key: self.key.clone(), what: What::Initiator(awaiting) };
        context.structures.command(&self.key.structure, operation, awaiting.into(), context.effects).is_ok()
    }
}

/// Into how many shares the work of a phase is divided: one for each helper and one for the initiator.
fn shares(helpers: &[QueueManagerName]) -> u32 {
    u32::try_from(helpers.len()).expect("a group has at most 32 members") + 1
}
