//! The queue manager.
pub mod definition;
