//! Peer recovery: the members of a group finish what a failed member left in a structure.
//!
//! Triggered by the abnormal disconnection of a connector from a structure, which every other connector of that structure
//! is told (`CSQE008I`). All of them try to initiate; one wins, and all cooperate (IBM MQ for z/OS "Peer recovery",
//! csq82gs; reference A3.1):
//!
//! ```text
//! lock (one initiator) ─► still failed? ─► who can help? ─► phase 1: in-commit, in-backout ─► phase 2: in-flight
//!                                                             │ a share failed: CSQE015I        │
//!                                                             ▼                                 ▼
//!                                                     left for the restart          release the connection, unlock
//! ```
//!
//! Units of work in doubt are left alone in both phases: their entries stay locked until their coordinator, their group
//! or an operator resolves them. Every command names the unit of work it is for and does nothing if that unit no longer
//! holds the entry, so a recovery can be repeated from its beginning: that is what happens when its initiator dies.
//!
//! A restarting member recovers its own former life in the same way, for what its peers have not recovered or are not
//! there to recover. Different structures are recovered independently of each other.
//!
//! Work is shared out by unit of work in phase 1 and by entry in phase 2; a helper that fails or does not answer in
//! time has its share done by the initiator. How the product shares out is not documented.

mod initiator;
mod share;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::coupling_facility::command::{CommandRejected, Connector, ListAnswer};
use crate::coupling_facility::definition::ADMIN_STRUCTURE;
use crate::event::Event;
use crate::frame::Frame;
use crate::machine::{ConnectionId, Effects};
use crate::name::{QueueManagerName, StructureName};
use crate::queue_sharing::structures::Structures;
use crate::sysplex::frame::{GroupMessage, RecoveryPhase, ShareOutcome, SysplexFrame};

use initiator::{Initiator, InitiatorAwaiting};
pub(crate) use share::settle;
use share::{Assignment, Progress, Share, ShareAwaiting};

/// One recovery: of whom, in which structure.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecoveryKey {
    /// The structure.
    pub structure: StructureName,
    /// Who failed.
    pub failed: Connector,
}

/// What a recovery awaits from the coupling facility.
#[derive(Clone, Debug)]
pub struct RecoveryAwaiting {
    key: RecoveryKey,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Initiator(InitiatorAwaiting),
    /// Of a share with this number: one that was begun anew must not take the former one's answers for its own.
    Share(u64, ShareAwaiting),
}

/// What a recovery needs of the queue manager that runs it.
pub struct Context<'a, A> {
    /// Where commands go.
    pub structures: &'a mut Structures<A>,
    /// Where effects go.
    pub effects: &'a mut Effects,
    /// The connection to the image's system services, which pass on group messages.
    pub image: Option<ConnectionId>,
    /// Who recovers.
    pub me: &'a Connector,
    /// The members of the group.
    pub members: &'a [QueueManagerName],
}

impl<A> Context<'_, A> {
    fn tell(&mut self, to: &QueueManagerName, message: GroupMessage) {
        if let Some(image) = self.image {
            let frame = SysplexFrame::Group { from: self.me.name.clone(), to: to.clone(), message };
            self.effects.send(image, Frame::Sysplex(Box::new(frame)));
        }
    }
}

/// All recoveries in which one member takes part.
#[derive(Debug, Default)]
pub struct Recoveries {
    initiated: BTreeMap<RecoveryKey, Initiator>,
    shares: BTreeMap<u64, Share>,
    last_share: u64,
}

impl Recoveries {
    /// Whether nothing is to be recovered, as far as this member knows.
    pub fn is_idle(&self) -> bool {
        self.initiated.is_empty()
    }

    /// Whether a former life of this member is still to be recovered.
    pub fn concerns(&self, name: &QueueManagerName) -> bool {
        self.initiated.keys().any(|key| key.failed.name == *name)
    }

    /// A connector of a structure failed: event exit, or found so when connecting.
    pub fn failed_connection<A: From<RecoveryAwaiting>>(&mut self, key: RecoveryKey, context: &mut Context<'_, A>) {
        let initiators_gone: Vec<RecoveryKey> = self
            .initiated
            .iter()
            .filter(|(other, initiator)| other.structure == key.structure && initiator.waits_for(&key.failed))
            .map(|(other, _)| other.clone())
            .collect();
        let in_structure: Vec<RecoveryKey> =
            self.initiated.keys().filter(|other| other.structure == key.structure).cloned().collect();
        for other in in_structure {
            if let Some(initiator) = self.initiated.get_mut(&other) {
                initiator.member_failed(&key.failed.name);
            }
            self.begin_own_shares(other, context);
        }
        if let Entry::Vacant(vacant) = self.initiated.entry(key) {
            let key = vacant.key();
            if key.structure.as_str() != ADMIN_STRUCTURE && key.failed.name != context.me.name {
                let (structure, failed) = (key.structure.clone(), key.failed.clone());
                context.effects.report(Event::PeerFailureSeen { structure, failed });
            }
            let initiator = Initiator::new(key.clone(), context);
            vacant.insert(initiator);
        }
        for other in initiators_gone {
            if let Some(initiator) = self.initiated.get_mut(&other) {
                initiator.start_over(context);
            }
        }
    }

    /// The coupling facility answered.
    pub fn answered<A: From<RecoveryAwaiting>>(
        &mut self,
        awaiting: RecoveryAwaiting,
        answer: Result<ListAnswer, CommandRejected>,
        context: &mut Context<'_, A>,
    ) {
        let RecoveryAwaiting { key, what } = awaiting;
        match what {
            What::Initiator(what) => {
                let Some(initiator) = self.initiated.get_mut(&key) else { return };
                if initiator.answered(what, answer, context) {
                    self.initiated.remove(&key);
                } else {
                    self.begin_own_shares(key, context);
                }
            }
            What::Share(number, what) => {
                let Some(share) = self.shares.get_mut(&number) else { return };
                let progress = share.answered(what, answer, context);
                self.progressed(number, progress, context);
            }
        }
    }

    /// Another member sent a message about a recovery.
    pub fn group_message<A: From<RecoveryAwaiting>>(
        &mut self,
        from: &QueueManagerName,
        message: GroupMessage,
        context: &mut Context<'_, A>,
    ) {
        match message {
            GroupMessage::RecoverShare { structure, failed, phase, share, of } => {
                let key = RecoveryKey { structure, failed };
                let for_whom = Some(from.clone());
                self.begin_share(Assignment { key, phase, share, of, for_whom }, context);
            }
            GroupMessage::ShareDone { structure, failed, phase, share, outcome } => {
                let key = RecoveryKey { structure, failed };
                match (outcome, self.initiated.get_mut(&key)) {
                    (ShareOutcome::Declined, Some(initiator)) => {
                        initiator.take_back(phase, share);
                        self.begin_own_shares(key, context);
                    }
                    _ => self.share_ended(key, phase, share, outcome, context),
                }
            }
            GroupMessage::GroupResolved { .. } => {}
        }
    }

    /// Time passed: helpers that have not answered are not waited for, and recoveries initiated by others are looked
    /// after.
    pub fn look_again<A: From<RecoveryAwaiting>>(&mut self, context: &mut Context<'_, A>) {
        let keys: Vec<RecoveryKey> = self.initiated.keys().cloned().collect();
        for key in keys {
            let Some(initiator) = self.initiated.get_mut(&key) else { continue };
            initiator.look_again(context);
            self.begin_own_shares(key, context);
        }
    }

    /// The connection to the coupling facility is lost: others will recover, this member among the recovered.
    pub fn lose(&mut self) {
        self.initiated.clear();
        self.shares.clear();
    }

    /// Begins what the initiator of a recovery has to do itself.
    fn begin_own_shares<A: From<RecoveryAwaiting>>(&mut self, key: RecoveryKey, context: &mut Context<'_, A>) {
        let own = self.initiated.get_mut(&key).map(Initiator::take_own_shares).unwrap_or_default();
        for (phase, share, of) in own {
            self.begin_share(Assignment { key: key.clone(), phase, share, of, for_whom: None }, context);
        }
    }

    fn begin_share<A: From<RecoveryAwaiting>>(&mut self, assignment: Assignment, context: &mut Context<'_, A>) {
        let is_under_way = |work: &Share| {
            let Assignment { key, phase, share, of: _, for_whom } = work.assignment();
            *key == assignment.key
                && *phase == assignment.phase
                && *share == assignment.share
                && *for_whom == assignment.for_whom
        };
        if assignment.for_whom.is_none() && self.shares.values().any(is_under_way) {
            return;
        }
        self.last_share += 1;
        let number = self.last_share;
        let mut work = Share::new(number, assignment);
        let progress = work.start(context);
        self.shares.insert(number, work);
        self.progressed(number, progress, context);
    }

    fn progressed<A: From<RecoveryAwaiting>>(&mut self, number: u64, progress: Progress, context: &mut Context<'_, A>) {
        let outcome = match progress {
            Progress::Working => return,
            Progress::Finished => ShareOutcome::Done,
            Progress::Failed => ShareOutcome::Failed,
            Progress::Declined => ShareOutcome::Declined,
        };
        let Some(work) = self.shares.remove(&number) else { return };
        let Assignment { key, phase, share, for_whom, .. } = work.assignment().clone();
        match for_whom {
            Some(initiator) => {
                if work.items() > 0 {
                    context.effects.report(Event::PeerHelped {
                        structure: key.structure.clone(),
                        failed: key.failed.clone(),
                        items: work.items(),
                    });
                }
                let RecoveryKey { structure, failed } = key;
                let done = GroupMessage::ShareDone { structure, failed, phase, share, outcome };
                context.tell(&initiator, done);
            }
            None => {
                if let Some(initiator) = self.initiated.get_mut(&key) {
                    initiator.count(work.items());
                }
                self.share_ended(key, phase, share, outcome, context);
            }
        }
    }

    fn share_ended<A: From<RecoveryAwaiting>>(
        &mut self,
        key: RecoveryKey,
        phase: RecoveryPhase,
        share: u32,
        outcome: ShareOutcome,
        context: &mut Context<'_, A>,
    ) {
        let Some(initiator) = self.initiated.get_mut(&key) else { return };
        if initiator.share_ended(phase, share, outcome, context) {
            self.initiated.remove(&key);
        } else {
            self.begin_own_shares(key, context);
        }
    }
}
