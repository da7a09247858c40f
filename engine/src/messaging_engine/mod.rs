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
