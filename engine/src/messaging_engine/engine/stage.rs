//! Where an instance stands in its life: the states that it shows, the stages that it passes, what it tells its host.
//!
//! **In the product.** The states are those of the engine's MBean and of CWSID0016I. Documented: IBM WebSphere Application
//! Server, "Messaging engine states". What is modelled of the life itself, and what is not, is said in `life_cycle.rs`.

use core::fmt;

use crate::messaging_engine::store::StoreFailure;
use crate::time::Time;

/// The state of an instance, as the product names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EngineState {
    /// Has not joined its HA group yet.
    Joining,
    /// On standby: joined, not activated.
    Joined,
    /// Activated; takes its store and reconciles its destinations.
    Starting,
    /// Accepts work.
    Started,
    /// Stops because an administrator wants it; stays active.
    Stopping,
    /// Stops because the HA manager deactivates it.
    StoppingMember,
    /// Active, but stopped.
    Stopped,
    /// An error has ended its work.
    Failed,
}

impl fmt::Display for EngineState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// What an instance answers to the is-alive check of the HA manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Health {
    /// All is well, or no other server would do better.
    Alive,
    /// A local error: another server might do better.
    NotAlive,
}

/// What an instance tells its host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EngineNotice {
    /// It is activated and, because its initial state is stopped, waits for an administrator.
    ActivatedStopped,
    /// It accepts work: the activation is complete.
    Started,
    /// It could not start (CWSID0039E). With a local failure it is on standby again, and its member is to be disabled;
    /// with a global one it stays where it is and must not be failed over.
    StartFailed {
        /// Why.
        failure: StoreFailure,
        /// Whether no other server would do better.
        global: bool,
    },
    /// It was to be activated, and refuses: a common mode error holds until its server restarts (CWSID0027E).
    ActivationRefused,
    /// It has stopped as an administrator asked, perhaps while it was starting; it is active, and stays so.
    Stopped,
    /// It has stopped as the HA manager asked, and is on standby.
    Deactivated,
    /// It has stopped serving: local error (CWSID0046E).
    LocalError {
        /// Which.
        failure: StoreFailure,
    },
    /// It has stopped serving: common mode error (CWSID0029E).
    GlobalError {
        /// Which.
        failure: StoreFailure,
    },
}

/// What comes after a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// An administrator stopped it.
    Stopped,
    /// The HA manager deactivated it.
    Standby,
}

/// Where an instance stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Joining,
    Standby,
    /// The store is being opened.
    Opening,
    /// The store is there; destinations are being reconciled.
    Reconciling {
        until: Time,
    },
    Serving,
    /// Work in progress may end.
    Quiescing {
        until: Time,
        then: Then,
    },
    /// Serves no more; the store is being closed.
    Closing {
        then: Then,
    },
    Stopped,
    FailedLocally,
    FailedGlobally,
}

impl Stage {
    pub(super) const fn state(self) -> EngineState {
        match self {
            Stage::Joining => EngineState::Joining,
            Stage::Standby => EngineState::Joined,
            Stage::Opening | Stage::Reconciling { .. } => EngineState::Starting,
            Stage::Serving => EngineState::Started,
            Stage::Quiescing { then: Then::Stopped, .. } | Stage::Closing { then: Then::Stopped } => {
                EngineState::Stopping
            }
            Stage::Quiescing { then: Then::Standby, .. } | Stage::Closing { then: Then::Standby } => {
                EngineState::StoppingMember
            }
            Stage::Stopped => EngineState::Stopped,
            Stage::FailedLocally | Stage::FailedGlobally => EngineState::Failed,
        }
    }

    /// When it is to be looked at again.
    pub(super) const fn due(self) -> Option<Time> {
        match self {
            Stage::Reconciling { until } | Stage::Quiescing { until, .. } => Some(until),
            _ => None,
        }
    }

    /// Whether sessions are served, if only to their end.
    pub(super) const fn is_serving(self) -> bool {
        matches!(self, Stage::Serving | Stage::Quiescing { .. })
    }
}
