//! What a report makes of events: whom and what they are about, where a recovery has come to, what belongs to a first
//! start.
//!
//! Reports are made from these answers alone, so that none of them knows a product.

mod milestone;
#[cfg(test)]
mod tests;

use super::{Event, Weight};
use crate::messaging_engine::EngineState;
use crate::name::MessagingEngineName;

pub use milestone::Milestone;

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
    /// Its process stands still, whatever it was doing.
    StandsStill,
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
            LaneState::StandsStill => "stands still",
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

/// By what a failure is made good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Remedy {
    /// What failed serves again, or what it left behind is settled.
    Restored,
    /// Somebody else has taken its office.
    Replaced,
    /// Its process runs again.
    Returned,
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
            | Event::FileStoreLockAcquired { engine }
            | Event::FileStoreClosed { engine }
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
            Event::ViewInstalled { .. } => return Some(Milestone::Agreed),
            Event::CoreGroupMemberSuspected { .. } => return Some(Milestone::Noticed),
            Event::DatabaseStarted { .. } => return Some(Milestone::StoreBack),
            _ => {}
        }
        self.exclusive()?;
        match self {
            Event::SeveralActiveMembers { .. } => Some(Milestone::Met),
            Event::DeactivationOrdered { .. } => Some(Milestone::Withdrawn),
            Event::MessagingEngineStopping { .. } => Some(Milestone::Stopping),
            Event::MessagingEngineStopped { .. } => Some(Milestone::Stopped),
            Event::MessagingEngineFailed { .. } => Some(Milestone::GaveUp),
            Event::MessagingEngineFailedGlobally { .. } => Some(Milestone::FailedForGood),
            Event::MemberNotAlive { .. } => Some(Milestone::Condemned),
            Event::ActivationOrdered { .. } => Some(Milestone::Ordered),
            Event::MessagingEngineStarting { .. } => Some(Milestone::Begun),
            Event::MessagingEngineStartFailed { .. } => Some(Milestone::StartFailed),
            Event::EngineReenabled { .. } => Some(Milestone::Enabled),
            Event::StoreLockAcquired { .. } | Event::FileStoreLockAcquired { .. } | Event::FileStoreRegained { .. } => {
                Some(Milestone::StoreOwned)
            }
            Event::MessagingEngineReconciling { .. } => Some(Milestone::StoreRead),
            Event::MessagingEngineStarted { .. } => Some(Milestone::Serves),
            // A group without a majority ends its member; that member's own end is what counts.
            Event::QuorumLost { .. } => None,
            _ if self.weight() == Weight::Detection => Some(Milestone::Noticed),
            _ => None,
        }
    }

    /// By what a failure is made good with it, if it tells of a recovery.
    #[must_use]
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Event::CoordinatorElected {} => Some(Remedy::Replaced),
            Event::ServerStarted { .. } | Event::DatabaseStarted { .. } => Some(Remedy::Returned),
            _ => (self.weight() == Weight::Recovery).then_some(Remedy::Restored),
        }
    }

    /// Who is ordered to begin, or to end.
    #[must_use]
    pub fn ordered(&self) -> Option<&str> {
        match self {
            Event::ActivationOrdered { member, .. } | Event::DeactivationOrdered { member, .. } => {
                Some(member.as_str())
            }
            _ => None,
        }
    }

    /// How many are in the view that its reporter has installed.
    #[must_use]
    pub const fn members(&self) -> Option<usize> {
        match self {
            Event::ViewInstalled { members, .. } => Some(*members),
            _ => None,
        }
    }

    /// Whether it tells of what a view means for its reporter.
    #[must_use]
    pub const fn follows_view(&self) -> bool {
        matches!(self, Event::CoordinatorElected {} | Event::CoordinatorLost {})
    }

    /// What its reporter works with from now on, if that runs in one of several processes and the event is not about it.
    #[must_use]
    pub fn works_with(&self) -> Option<&str> {
        match self {
            Event::EndpointConnected { engine } | Event::EndpointConnectedNotPreferred { engine } => {
                Some(engine.as_str())
            }
            _ => None,
        }
    }

    /// For whom work in doubt is settled by it, and in which life that one had begun the work.
    #[must_use]
    pub fn coordinator(&self) -> Option<(&str, u64)> {
        match self {
            Event::EngineInDoubtResolved { xid, .. } => Some((&xid.coordinator, xid.life())),
            _ => None,
        }
    }

    /// Whether it comes of the work that is done, and not of a failure.
    #[must_use]
    pub const fn comes_of_work(&self) -> bool {
        matches!(
            self,
            Event::SpillingBegan { .. }
                | Event::SpillingEnded { .. }
                | Event::ExceptionMessage { .. }
                | Event::MessageStoreFull { .. }
                | Event::StructureFull { .. }
                | Event::DeliveryFailed { .. }
                | Event::MessageBlocked { .. }
                | Event::DestinationFull { .. }
                | Event::BestEffortDiscarded { .. }
                | Event::EnginePrepared { .. }
        )
    }

    /// Names of events that whoever judges a run has to know although they weigh little: contracts name them. Messages may
    /// be missing because of them although nothing failed, or an instance has let go of everything.
    pub const EXCUSING: [&str; 5] = [
        "best_effort_discarded",
        "one_way_discarded",
        "engine_connection_ended",
        "remote_messages_discarded",
        "messaging_engine_state",
    ];

    /// Whether whoever judges a run has to know it, however little it weighs. Of the states of an instance, only those in
    /// which it has no message store.
    #[must_use]
    pub fn excuses(&self) -> bool {
        match self {
            Event::MessagingEngineState { state, .. } => {
                matches!(state, EngineState::Joined | EngineState::Stopped | EngineState::Failed)
            }
            other => Self::EXCUSING.contains(&other.name()),
        }
    }

    /// Whom it concerns, as a contract names it; `None`: its reporter.
    #[must_use]
    pub fn contract_subject(&self) -> Option<String> {
        match self {
            Event::EngineConnectionEnded { engine, other } => Some(format!("{engine} to {other}")),
            Event::RemoteMessagesDiscarded { engine, .. } | Event::MessagingEngineState { engine, .. } => {
                Some(engine.to_string())
            }
            Event::OneWayDiscarded { destination, .. } => Some(destination.to_string()),
            _ => self.takes_away().map(str::to_owned).or_else(|| self.messaging_engine().map(ToString::to_string)),
        }
    }

    /// What is taken away with it on purpose from where it serves.
    #[must_use]
    pub fn takes_away(&self) -> Option<&str> {
        match self {
            Event::DeactivationOrdered { group, .. } => group.messaging_engine(),
            _ => None,
        }
    }

    /// Whether its reporter, who works for nobody but itself, waits from now on as it is to, until it is needed.
    #[must_use]
    pub const fn stands_by(&self) -> bool {
        matches!(self, Event::EndpointStandsBy {})
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
