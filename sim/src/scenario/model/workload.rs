//! What applications of several roles have in common, and what operators type.

use indoubt_engine::application_server::frame::AdministrationRequest;
use indoubt_engine::message::Persistence;
use indoubt_engine::message::Priority;
use indoubt_engine::messaging_engine::reliability::Reliability;
use indoubt_engine::name::QueueManagerName;
use indoubt_engine::unit_of_work::Outcome;
use std::fmt;
use std::time::Duration;

/// How fast work is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Closed loop: the next one this long after the last one is done.
    Closed {
        /// Pause.
        think_time: Duration,
    },
    /// Open loop: one at every interval, whatever became of the last one. (A requester then has several outstanding.)
    Open {
        /// Between the starts.
        interval: Duration,
    },
}

/// What an application does when it cannot know whether a put or commit worked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenUnknown {
    /// Leaves it at that and goes on with the next one.
    GiveUp,
    /// Sends the same content again, marked as a possible duplicate.
    SendAgain,
}

/// How hard the middleware is asked to try to keep a message, in the words of the family that is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QualityOfService {
    /// Of a queue manager.
    Persistence(Persistence),
    /// Of a service integration bus.
    Reliability(Reliability),
}

impl QualityOfService {
    /// Whether it is to survive at least an orderly stop.
    #[must_use]
    pub const fn is_persistent(self) -> bool {
        match self {
            QualityOfService::Persistence(persistence) => matches!(persistence, Persistence::Persistent),
            QualityOfService::Reliability(reliability) => reliability.is_persistent(),
        }
    }

    /// What the history calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            QualityOfService::Persistence(Persistence::Persistent) => "persistent",
            QualityOfService::Persistence(Persistence::Nonpersistent) => "nonpersistent",
            QualityOfService::Reliability(reliability) => reliability.name(),
        }
    }
}

/// How messages are made.
#[derive(Clone, Debug)]
pub struct MessageTemplate {
    /// Bytes, uniformly between the two.
    pub size: (u32, u32),
    /// `None` for the queue's default.
    pub quality: Option<QualityOfService>,
    /// Priorities with weights; empty for the queue's default.
    pub priorities: Vec<(Priority, u32)>,
    /// Expiry.
    pub expiry: Option<Duration>,
}

/// Within a unit of work, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Syncpointing {
    /// Outside syncpoint.
    None,
    /// One-phase: `MQCMIT`.
    OnePhase,
    /// Two-phase under the application's own transaction coordinator (a CICS region, say), which keeps a log of its
    /// decisions on a disk of its host.
    TwoPhase,
}

/// What an operator types.
#[derive(Clone, Debug)]
pub struct OperatorAction {
    /// When.
    pub at: Duration,
    /// What.
    pub command: OperatorCommand,
}

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperatorCommand {
    /// `DISPLAY THREAD(*) TYPE(INDOUBT) QMNAME(name)`, and then `RESOLVE INDOUBT .. QMNAME(name)` for each of them.
    ResolveIndoubt {
        /// The member on which they ran.
        queue_manager: QueueManagerName,
        /// The decision.
        outcome: Decision,
    },
    /// A command of wsadmin to an application server; `None`: to all of them, as a change of the configuration is
    /// synchronized to all nodes.
    Administer {
        /// The server.
        server: Option<String>,
        /// The command.
        command: AdministrationRequest,
    },
}

impl OperatorCommand {
    /// Whom it is about: processes, and what runs in them. Empty if it is about everybody.
    #[must_use]
    pub fn about(&self) -> Vec<String> {
        match self {
            OperatorCommand::ResolveIndoubt { queue_manager, .. } => vec![queue_manager.to_string()],
            OperatorCommand::Administer { server, command } => {
                command.engine().map(ToString::to_string).into_iter().chain(server.clone()).collect()
            }
        }
    }
}

impl fmt::Display for OperatorCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OperatorCommand::ResolveIndoubt { queue_manager, outcome } => {
                write!(f, "RESOLVE INDOUBT for {queue_manager}, {outcome}")
            }
            OperatorCommand::Administer { server: Some(server), command } => write!(f, "{command} on {server}"),
            OperatorCommand::Administer { server: None, command } => write!(f, "{command}"),
        }
    }
}

/// What an operator decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Always this.
    Always(Outcome),
    /// What the coordinator decided, read from its log (presumed abort if it says nothing).
    AsCoordinator,
    /// The opposite of it.
    AgainstCoordinator,
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Decision::Always(Outcome::Commit) => "ACTION(COMMIT)",
            Decision::Always(Outcome::Backout) => "ACTION(BACKOUT)",
            Decision::AsCoordinator => "as the coordinator decided",
            Decision::AgainstCoordinator => "against what the coordinator decided",
        })
    }
}
