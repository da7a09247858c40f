//! What an administrator and an application server say to each other (wsadmin, the MBeans of engines and HA manager).
//!
//! Documented: IBM WebSphere Application Server, "Starting a messaging engine", "Stopping a messaging engine", "HAManager
//! MBean".

use std::fmt;

use crate::ha_manager::policy::PolicyChange;
use crate::machine::StopMode;
use crate::messaging_engine::EngineState;
use crate::name::MessagingEngineName;

/// A command. Except for policies, it concerns the instance of an engine on the server that is asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AdministrationRequest {
    /// Starts an instance that was stopped by an administrator.
    StartEngine(MessagingEngineName),
    /// Stops an instance: [`StopMode::Quiesce`] is the product's mode *immediate*, [`StopMode::Force`] its *force*. The
    /// engine does not move.
    StopEngine(MessagingEngineName, StopMode),
    /// `enableMember`: a disabled instance may be activated again.
    EnableMember(MessagingEngineName),
    /// `disableMember`: the instance is not to be activated until it is enabled. An active one stops first, as when it is
    /// moved.
    DisableMember(MessagingEngineName),
    /// `activateMember`: for a policy of *No operation*.
    ActivateMember(MessagingEngineName),
    /// `deactivateMember`: for a policy of *No operation*.
    DeactivateMember(MessagingEngineName),
    /// A change of the core group's policies was saved and synchronized.
    ChangePolicies(PolicyChange),
    /// The instances on this server.
    DisplayEngines,
}

/// An instance of an engine on one server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EngineStatus {
    /// The engine.
    pub engine: MessagingEngineName,
    /// The state of the instance.
    pub state: EngineState,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AdministrationResponse {
    /// It is under way.
    Done,
    /// There is no such engine on this server, or the command makes no sense for it now.
    Refused(&'static str),
    /// The instances.
    Engines(Vec<EngineStatus>),
}

impl fmt::Display for AdministrationRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AdministrationRequest::StartEngine(engine) => write!(f, "start {engine}"),
            AdministrationRequest::StopEngine(engine, StopMode::Quiesce) => write!(f, "stop {engine}, mode immediate"),
            AdministrationRequest::StopEngine(engine, StopMode::Force) => write!(f, "stop {engine}, mode force"),
            AdministrationRequest::EnableMember(engine) => write!(f, "enableMember {engine}"),
            AdministrationRequest::DisableMember(engine) => write!(f, "disableMember {engine}"),
            AdministrationRequest::ActivateMember(engine) => write!(f, "activateMember {engine}"),
            AdministrationRequest::DeactivateMember(engine) => write!(f, "deactivateMember {engine}"),
            AdministrationRequest::ChangePolicies(change) => write!(f, "{change}"),
            AdministrationRequest::DisplayEngines => f.write_str("display the messaging engines"),
        }
    }
}

impl AdministrationRequest {
    /// The engine that it is about; `None` if it is about all of them.
    #[must_use]
    pub fn engine(&self) -> Option<&MessagingEngineName> {
        match self {
            AdministrationRequest::StartEngine(engine)
            | AdministrationRequest::StopEngine(engine, _)
            | AdministrationRequest::EnableMember(engine)
            | AdministrationRequest::DisableMember(engine)
            | AdministrationRequest::ActivateMember(engine)
            | AdministrationRequest::DeactivateMember(engine) => Some(engine),
            AdministrationRequest::ChangePolicies(_) | AdministrationRequest::DisplayEngines => None,
        }
    }

    /// Length on the wire, in bytes.
    #[must_use]
    pub fn length(&self) -> u32 {
        256
    }
}

impl AdministrationResponse {
    /// Length on the wire, in bytes.
    #[must_use]
    pub fn length(&self) -> u32 {
        256
    }
}
