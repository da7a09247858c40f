//! A messaging engine of a service integration bus.

pub mod activation;
pub mod client;
pub mod definition;
mod engine;
pub mod engine_frame;
pub mod frame;
pub mod message;
pub mod reliability;
pub mod store;

pub use engine::{EngineNotice, EngineState, Health, MessagingEngine};

use crate::machine::Silence;
use crate::time::Duration;

/// How long an answer to a heartbeat of the bus's protocol is waited for.
const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(7);

/// The heartbeats of the bus's protocol, at an interval such that a silence is noticed after `timeout`.
pub(crate) const fn heartbeats(timeout: Duration) -> Silence {
    Silence::Heartbeats { every: timeout.saturating_sub(HEARTBEAT_TIMEOUT), timeout }
}
