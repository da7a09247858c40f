//! The coupling facility.

pub mod command;
pub mod definition;
