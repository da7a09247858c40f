//! What a report makes of events: whom and what they are about, where a recovery has come to, what belongs to a first
//! start.
//!
//! Reports are made from these answers alone, so that none of them knows a product.

use super::{Event, Weight};
use crate::messaging_engine::EngineState;
use crate::name::MessagingEngineName;

/// The state of something that has an instance in each of several processes and runs in one of them, as a report draws
/// it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LaneState {
    /// Its process does not run.
    Down,
    /// It makes itself known, and cannot be chosen yet.
    Joining,
    /// It stands by.
    Joined,
    /// It was chosen and gets ready.
    Starting,
    /// It serves.
    Started,
    /// It ends its work.
    Stopping,
    /// It does not serve, although it was chosen.
    Stopped,
    /// It must not be chosen.
    Disabled,
    /// It cannot serve.
    Failed,
}

impl LaneState {
    /// What a report calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            LaneState::Down => "down",
            LaneState::Joining => "joining",
            LaneState::Joined => "joined (standby)",
            LaneState::Starting => "starting",
            LaneState::Started => "started",
            LaneState::Stopping => "stopping",
            LaneState::Stopped => "stopped",
            LaneState::Disabled => "disabled",
            LaneState::Failed => "failed",
        }
    }
}

/// What an event says of the first start of a topology.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstStart<'e> {
    /// Somebody is on the way.
    Underway,
    /// Its reporter is ready for work.
    Ready,
    /// This, which runs in one of several processes, serves in its reporter.
    Serves(&'e str),
    /// All members of a group agree on something.
    Agreed,
}

/// Where the move of something that runs in one of several processes has come to, in the order in which it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Milestone {
    /// Somebody noticed that it does not serve any more.
    Noticed,
    /// Those who watch over it found that it is not alive.
    Condemned,
    /// Those who are left agree on who is left.
    Agreed,
    /// It is decided where it goes on.
    Ordered,
    /// It begins to start there.
    Begun,
    /// What it keeps its data in is its own.
    StoreOwned,
    /// It has read what it needs of that.
    StoreRead,
    /// It serves.
    Serves,
}

impl Milestone {
    /// All of them.
    pub const ALL: [Milestone; 8] = [
        Milestone::Noticed,
        Milestone::Condemned,
        Milestone::Agreed,
        Milestone::Ordered,
        Milestone::Begun,
        Milestone::StoreOwned,
        Milestone::StoreRead,
        Milestone::Serves,
    ];

    /// What a program calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Milestone::Noticed => "noticed",
            Milestone::Condemned => "condemned",
            Milestone::Agreed => "agreed",
            Milestone::Ordered => "ordered",
            Milestone::Begun => "begun",
            Milestone::StoreOwned => "store_owned",
            Milestone::StoreRead => "store_read",
            Milestone::Serves => "serves",
        }
    }

    /// What a report says of the time until then.
    #[must_use]
    pub const fn about(self) -> &'static str {
        match self {
            Milestone::Noticed => "until its failure was noticed",
            Milestone::Condemned => "until an is-alive check found that it was not alive",
            Milestone::Agreed => "until the others agreed on a new view",
            Milestone::Ordered => "until another instance was chosen",
            Milestone::Begun => "until that one began to start",
            Milestone::StoreOwned => "until it had the lock of its message store",
            Milestone::StoreRead => "until it had read what the store holds",
            Milestone::Serves => "until it accepted work",
        }
    }
}

impl Event {
    /// What it says of the first start of a topology, if it may belong to one at all: a run begins with these, and a
    /// report tells them in a line.
    #[must_use]
    pub fn first_start(&self) -> Option<FirstStart<'_>> {
        match self {
            Event::QueueManagerStarting { incarnation } | Event::ServerStarted { incarnation } => {
                (incarnation.0 == 1).then_some(FirstStart::Underway)
            }
            Event::QueueManagerReady { incarnation } => (incarnation.0 == 1).then_some(FirstStart::Ready),
            Event::DatabaseStarted { .. } => Some(FirstStart::Ready),
            Event::ViewInstalled { .. } => Some(FirstStart::Agreed),
            Event::MessagingEngineStarted { engine } => Some(FirstStart::Serves(engine.as_str())),
            Event::CoordinatorElected {}
            | Event::CoordinatorLost {}
            | Event::ActivationOrdered { .. }
            | Event::GroupMemberActivated { .. }
            | Event::StoreLockAcquired { .. }
            | Event::FileStoreLockAcquired { .. }
            | Event::FileStoreOpened { .. }
            | Event::MessagingEngineStarting { .. } => Some(FirstStart::Underway),
            _ => None,
        }
    }

    /// Whether each of several processes tells it alike, so that a report needs it once.
    #[must_use]
    pub const fn is_told_alike(&self) -> bool {
        matches!(self, Event::ViewInstalled { .. } | Event::CoreGroupMemberSuspected { .. })
    }

    /// What it is about, if that is something that runs in one of several processes: its events are one story, wherever
    /// they happen.
    #[must_use]
    pub fn exclusive(&self) -> Option<&str> {
        match self {
            Event::ActivationOrdered { group, .. }
            | Event::DeactivationOrdered { group, .. }
            | Event::GroupMemberActivated { group }
            | Event::GroupMemberDisabled { group }
            | Event::GroupMemberEnabled { group }
            | Event::SeveralActiveMembers { group, .. }
            | Event::QuorumLost { group }
            | Event::MemberNotAlive { group } => group.messaging_engine(),
            Event::StoreLockWaiting { engine }
            | Event::StoreLockAcquired { engine }
            | Event::StoreLockLost { engine }
            | Event::StoreLockRefused { engine }
            | Event::StoreUnreachable { engine }
            | Event::StoreOfAnotherEngine { engine, .. }
            | Event::StoreTakenOver { engine }
            | Event::StoreTakeover { engine }
            | Event::SpilledMessagesPurged { engine, .. }
            | Event::FileStoreLocked { engine }
            | Event::FileStoreUnreachable { engine }
            | Event::FileStoreNotOpened { engine, .. }
            | Event::FileStoreOpened { engine, .. }
            | Event::FileStoreLost { engine }
            | Event::FileStoreRegained { engine }
            | Event::FileStoreFailed { engine, .. }
            | Event::MessagingEngineReconciling { engine, .. }
            | Event::MessagingEngineStartRefused { engine }
            | Event::MessagingEngineFailedGlobally { engine, .. }
            | Event::EngineKeptInDoubt { engine, .. }
            | Event::EngineInDoubtResolved { engine, .. }
            | Event::EngineReenabled { engine } => Some(engine.as_str()),
            _ => self.messaging_engine().map(MessagingEngineName::as_str),
        }
    }

    /// Whom or what it concerns besides its reporter: events of one name that concern different ones are not alike.
    #[must_use]
    pub fn concerns(&self) -> Option<&str> {
        match self {
            Event::ActivationOrdered { member: process, .. }
            | Event::DeactivationOrdered { member: process, .. }
            | Event::CoreGroupMemberConnected { member: process }
            | Event::CoreGroupMemberSuspected { member: process, .. }
            | Event::ServerRestarted { process }
            | Event::DatabaseSessionExpired { session: process }
            | Event::DatabaseSessionKilled { session: process } => Some(process.as_str()),
            Event::ExceptionMessage { destination, .. }
            | Event::MessageBlocked { destination }
            | Event::SpillingBegan { destination }
            | Event::SpillingEnded { destination } => Some(destination.as_str()),
            _ => self.exclusive(),
        }
    }

    /// Where the move of something that runs in one of several processes has come to by it; of what, says
    /// [`exclusive`](Event::exclusive), except for what concerns all of them.
    #[must_use]
    pub fn milestone(&self) -> Option<Milestone> {
        match self {
            Event::ViewInstalled { .. } => Some(Milestone::Agreed),
            Event::ActivationOrdered { .. } => Some(Milestone::Ordered),
            Event::MessagingEngineStarting { .. } => Some(Milestone::Begun),
            Event::StoreLockAcquired { .. } | Event::FileStoreLockAcquired { .. } | Event::FileStoreRegained { .. } => {
                Some(Milestone::StoreOwned)
            }
            Event::MessagingEngineReconciling { .. } => Some(Milestone::StoreRead),
            Event::MessagingEngineStarted { .. } => Some(Milestone::Serves),
            Event::CoreGroupMemberSuspected { .. } => Some(Milestone::Noticed),
            Event::MemberNotAlive { .. } => Some(Milestone::Condemned),
            _ if self.weight() == Weight::Detection && self.exclusive().is_some() => Some(Milestone::Noticed),
            _ => None,
        }
    }

    /// Whether messages may be missing because of it, although nothing failed: a contract can name it.
    #[must_use]
    pub const fn excuses(&self) -> bool {
        matches!(
            self,
            Event::BestEffortDiscarded { .. }
                | Event::OneWayDiscarded { .. }
                | Event::EngineConnectionEnded { .. }
                | Event::RemoteMessagesDiscarded { .. }
        )
    }

    /// What a contract knows it by, if that is not its reporter: the messaging engine, or the destination that took no
    /// message.
    #[must_use]
    pub fn resource(&self) -> Option<&str> {
        match self {
            Event::OneWayDiscarded { destination, .. } => Some(destination.as_str()),
            _ => self.messaging_engine().map(MessagingEngineName::as_str),
        }
    }

    /// The state in which its reporter's instance of something is from now on, and of what.
    #[must_use]
    pub fn lane(&self) -> Option<(&str, LaneState)> {
        match self {
            Event::MessagingEngineState { engine, state } => {
                let state = match state {
                    EngineState::Joining => LaneState::Joining,
                    EngineState::Joined => LaneState::Joined,
                    EngineState::Starting => LaneState::Starting,
                    EngineState::Started => LaneState::Started,
                    EngineState::Stopping | EngineState::StoppingMember => LaneState::Stopping,
                    EngineState::Stopped => LaneState::Stopped,
                    EngineState::Failed => LaneState::Failed,
                };
                Some((engine.as_str(), state))
            }
            Event::GroupMemberDisabled { group } => Some((group.messaging_engine()?, LaneState::Disabled)),
            Event::GroupMemberEnabled { group } => Some((group.messaging_engine()?, LaneState::Joined)),
            _ => None,
        }
    }

    /// The messaging engine that it is about, if it is about one: what instances of it do is one story, wherever they run.
    #[must_use]
    pub fn messaging_engine(&self) -> Option<&MessagingEngineName> {
        match self {
            Event::MessagingEngineStarting { engine }
            | Event::MessagingEngineStarted { engine }
            | Event::MessagingEngineStartFailed { engine, .. }
            | Event::MessagingEngineStopping { engine }
            | Event::MessagingEngineStopped { engine }
            | Event::MessagingEngineFailed { engine, .. }
            | Event::MessagingEngineFailedGlobally { engine, .. }
            | Event::StoreLockAcquired { engine }
            | Event::StoreLockLost { engine } => Some(engine),
            _ => None,
        }
    }

    /// Whom it is about, if that is not its reporter: the member that failed, the image that is silent, the owner of the
    /// unit of work.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        match self {
            Event::PeerFailureSeen { failed: connector, .. }
            | Event::PeerRecoveryStarted { failed: connector, .. }
            | Event::PeerRecoveryRestarted { failed: connector, .. }
            | Event::PeerRecoveryEnded { failed: connector, .. }
            | Event::PeerRecoveryDeferred { failed: connector, .. }
            | Event::PeerHelped { failed: connector, .. }
            | Event::AddressSpaceEnded { connector }
            | Event::ConnectorFailed { connector } => Some(connector.name.as_str()),
            Event::ImageIsolated { image }
            | Event::StatusUpdateMissing { image }
            | Event::ImagePartitioned { image } => Some(image.as_str()),
            Event::RestartedInPlace { process }
            | Event::RestartedAcross { process, .. }
            | Event::RestartAttemptsExhausted { process } => Some(process.as_str()),
            Event::PeerCommitted { unit_of_work, .. }
            | Event::PeerBackedOut { unit_of_work, .. }
            | Event::PeerBackedOutGet { unit_of_work, .. }
            | Event::PeerBackedOutPut { unit_of_work, .. }
            | Event::PeerLeftInDoubt { unit_of_work, .. }
            | Event::GroupResolved { unit_of_work, .. }
            | Event::ResolvedByCommand { unit_of_work, .. } => Some(unit_of_work.queue_manager.as_str()),
            Event::FileLockReleased { holder, .. } => Some(holder.process.as_str()),
            Event::CoreGroupMemberSuspected { member, .. } => Some(member.as_str()),
            Event::ServerRestarted { process }
            | Event::DatabaseSessionExpired { session: process }
            | Event::DatabaseSessionKilled { session: process } => Some(process.as_str()),
            _ => None,
        }
    }
}
