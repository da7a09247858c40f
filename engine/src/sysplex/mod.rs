//! The sysplex.

pub mod definition;
pub mod frame;
