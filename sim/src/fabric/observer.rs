//! Who watches the world: the report, the ledger's reach, and the nemesis that strikes at a named step.

use indoubt_engine::event::Event;
use indoubt_engine::machine::{Ended, Incarnation};
use indoubt_engine::step::Step;
use indoubt_engine::time::Time;

use super::Fabric;
use super::process::ProcessId;

/// A change in the life of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It was started; its first input comes when its start duration is over.
    Started(Incarnation),
    /// It was killed; its host lives on.
    Killed,
    /// It ended of its own accord.
    Ended(Ended),
    /// Its host lost power.
    PoweredOff,
}

/// Told what happens, synchronously and in the order of execution.
///
/// No lock of the fabric is held during a call, so an observer may call any function of [`Fabric`]. If it kills the
/// process that passes a step, nothing that the process wrote after this step is executed. All times are true time.
pub trait Observer {
    /// A process passes a step.
    fn step(&self, fabric: &Fabric, at: Time, process: ProcessId, step: Step);
    /// A process reports an event.
    fn event(&self, fabric: &Fabric, at: Time, process: ProcessId, event: &Event);
    /// A process starts or ends.
    fn life(&self, fabric: &Fabric, at: Time, process: ProcessId, life: Life);
}
