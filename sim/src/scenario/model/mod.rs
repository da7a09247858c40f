//! What a scenario says, once it is known to make sense.
//!
//! Read and checked by the modules beside this one; nothing here can dangle: every name that refers to something refers
//! to something that exists.

mod application;
mod cell;
mod expectations;
mod faults;
mod place;
mod sysplex;
mod workload;

pub use application::*;
pub use cell::*;
pub use expectations::*;
pub use faults::*;
pub use place::*;
pub use sysplex::*;
pub use workload::*;

use std::path::PathBuf;
use std::time::Duration;

/// A whole scenario file.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The file's name without folder and extension: `peer-recovery`.
    pub name: String,
    /// Where it was read from.
    pub path: PathBuf,
    /// The text as read: a failure file is this text with another `faults` section and the seed.
    pub source: String,
    /// What it shows, in one or a few sentences.
    pub about: String,
    /// Where the behaviour is documented.
    pub documented: Vec<String>,
    /// Who there is.
    pub topology: Topology,
    /// What the applications do.
    pub workload: Vec<Application>,
    /// What goes wrong.
    pub faults: Vec<Fault>,
    /// What is to be true of every run, and of a sweep.
    pub expect: Expectations,
    /// How long it runs.
    pub run: RunLength,
    /// Present in a failure file: the run it was written for.
    pub recorded: Option<Recorded>,
}

/// What a failure file remembers of the run that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The scenario file it came from.
    pub scenario: String,
    /// Seed.
    pub seed: u64,
    /// Fingerprint of the failing run, 16 hexadecimal digits.
    pub fingerprint: u64,
    /// The defect that was planted, if one was.
    pub defect: Option<String>,
}

/// How long a run lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunLength {
    /// When faults end and the world heals at the latest, if the workload is not done before.
    pub horizon: Duration,
    /// How long applications keep working after healing, at most, before the audit.
    pub settle: Duration,
}

/// Systems and what connects them: what all families share, and a part for each family.
#[derive(Clone, Debug, Default)]
pub struct Topology {
    /// Hosts in the network.
    pub hosts: Vec<Host>,
    /// Network between all hosts and images, unless a link says otherwise.
    pub network: LinkQuality,
    /// Exceptions for pairs.
    pub links: Vec<Link>,
    /// A sysplex with its queue managers; empty if the scenario has none.
    pub sysplex: Sysplex,
    /// A cell of application servers with its bus.
    pub cell: Option<Cell>,
}
