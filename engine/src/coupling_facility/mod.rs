//! The coupling facility.
//!
//! A coupling facility is a processor of its own, without disks, that keeps shared structures for the images of a
//! sysplex and executes commands on them (z/OS MVS Programming: Sysplex Services Guide). It knows nothing of queue
//! managers' lives: that a connector has failed it learns from the z/OS image on which it ran, or from the image that
//! partitioned that one out of the sysplex.
//!
//! Modelled: keyed list structures with put lists, get lists, unit-of-work descriptors, a lock table, list monitoring,
//! connection states with failed-persistent connections, and isolation of images. Left out: failure of a structure,
//! duplexing, rebuild, altering the size of a structure, lock and cache structures.
//!
//! One module for each idea: `structure` composes `capacity`, `list` with `get_list`, `descriptors`,
//! `locks`, `monitoring` and `connections`; `machine` adds sessions, `isolation` and the time that commands and
//! signals take (`delay`).

pub mod command;
pub mod definition;

mod capacity;
mod connections;
pub(crate) mod delay;
mod descriptors;
mod get_list;
mod isolation;
mod list;
mod locks;
mod machine;
mod monitoring;
mod structure;

#[cfg(test)]
mod tests;

pub use machine::CouplingFacility;
