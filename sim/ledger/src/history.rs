//! The history of a run: what applications asked for, what they were told and saw, and what the world did meanwhile.
//!
//! The form is the one that Jepsen made common: an operation is *invoked* and completes as *ok*, *fail* (certainly did
//! nothing) or *unknown* (the connection broke around it, say). Two things cannot be expressed: a completion without its
//! invocation, and a completion of one operation with the outcome of another.
//!
//! Records are small and of fixed size, names are kept once: a run has up to 100,000 messages.

mod happenings;
mod operation;
mod world;

use std::collections::BTreeMap;

pub use operation::{Completion, Delivery, Get, MessageIdentity, Operation, Origin, Put, UnitOutcome};
pub(crate) use world::WorldRecord;
pub use world::{Command, Fault, FaultEffect, FaultNumber, Healing, Lasts, Mended, Span, Told, WorldHappening};

/// An application (an instance of it), for as long as the run lasts; a new life after a crash is the same process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessIndex(u32);

/// A queue, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueIndex(u32);

/// One unit of work of one application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitIndex(u32);

/// Something that only one process may have at a time: a connection tag, exclusive input from a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceIndex(u32);

/// A quality of service, by name: the ledger compares names, and knows of no order among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QualityIndex(u32);

/// An operation that was invoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationIndex(u32);

impl ProcessIndex {
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

impl QueueIndex {
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

impl UnitIndex {
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

impl ResourceIndex {
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

impl QualityIndex {
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A point of the history: true time, and a sequence number that orders what happened at the same nanosecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment {
    /// Nanoseconds since the start of the run.
    pub at_ns: u64,
    /// Position in the history; strictly increasing.
    pub sequence: u32,
}

/// An operation with its completion.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) process: ProcessIndex,
    pub(crate) invoked: Moment,
    pub(crate) operation: Operation,
    pub(crate) completed: Option<(Moment, Completion)>,
}

impl Call {
    /// When it was over for certain, for its application.
    pub(crate) fn ended(&self) -> Option<Moment> {
        self.completed.map(|(at, _)| at)
    }

    pub(crate) fn is_ok(&self) -> bool {
        matches!(self.completed, Some((_, Completion::Ok | Completion::Delivered(_))))
    }

    pub(crate) fn is_unknown(&self) -> bool {
        matches!(self.completed, None | Some((_, Completion::Unknown)))
    }
}

/// One unit of work.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unit {
    pub(crate) process: ProcessIndex,
    /// Counts the process's units of work from 1.
    pub(crate) number: u32,
    pub(crate) resolved: Option<(Moment, UnitOutcome)>,
}

/// A change in the life of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LifeChange {
    /// It was ended from outside; it will see the end of nothing that is pending.
    Ended,
    /// It runs again.
    Started,
    /// It waits, as it is to, until it is needed again.
    StandsBy,
    /// It has done all its work.
    Done,
}

#[derive(Clone, Debug)]
pub(crate) struct Process {
    pub(crate) name: String,
    pub(crate) has_work: bool,
    pub(crate) life: Vec<(Moment, LifeChange)>,
    /// To whom it was connected from when on; `None`: to nobody.
    pub(crate) connections: Vec<(Moment, Option<Peer>)>,
}

/// What a process is connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    /// A messaging engine, say.
    pub(crate) resource: String,
    /// The process that ran it.
    pub(crate) process: String,
}

impl Process {
    /// Whether it runs at the end of the history.
    pub(crate) fn lives(&self) -> bool {
        !matches!(self.life.last(), Some((_, LifeChange::Ended)))
    }

    pub(crate) fn is_done(&self) -> bool {
        self.life.iter().any(|(_, change)| *change == LifeChange::Done)
    }
}

/// The history of one run.
#[derive(Clone, Debug, Default)]
pub struct History {
    pub(crate) calls: Vec<Call>,
    pub(crate) units: Vec<Unit>,
    pub(crate) world: Vec<WorldRecord>,
    pub(crate) processes: Vec<Process>,
    pub(crate) queues: Vec<String>,
    pub(crate) resources: Vec<String>,
    pub(crate) qualities: Vec<String>,
    process_names: BTreeMap<String, ProcessIndex>,
    queue_names: BTreeMap<String, QueueIndex>,
    resource_names: BTreeMap<String, ResourceIndex>,
    quality_names: BTreeMap<String, QualityIndex>,
    units_of_process: Vec<u32>,
    last_ns: u64,
    next_sequence: u32,
}

fn position(length: usize) -> u32 {
    u32::try_from(length).expect("a history has less than 2^32 entries")
}

impl History {
    /// An empty history.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The process of this name.
    pub fn process(&mut self, name: &str) -> ProcessIndex {
        if let Some(process) = self.process_names.get(name) {
            return *process;
        }
        let process = ProcessIndex(position(self.processes.len()));
        let process_record =
            Process { name: name.to_owned(), has_work: false, life: Vec::new(), connections: Vec::new() };
        self.processes.push(process_record);
        self.units_of_process.push(0);
        self.process_names.insert(name.to_owned(), process);
        process
    }

    /// The process of this name, if there is one.
    pub(crate) fn known_process(&self, name: &str) -> Option<ProcessIndex> {
        self.process_names.get(name).copied()
    }

    /// The queue of this name. Private queues of the same name on different queue managers are different queues: give
    /// them different names (`QM01/ORDERS`).
    pub fn queue(&mut self, name: &str) -> QueueIndex {
        if let Some(queue) = self.queue_names.get(name) {
            return *queue;
        }
        let queue = QueueIndex(position(self.queues.len()));
        self.queues.push(name.to_owned());
        self.queue_names.insert(name.to_owned(), queue);
        queue
    }

    /// The resource of this name.
    pub fn resource(&mut self, name: &str) -> ResourceIndex {
        if let Some(resource) = self.resource_names.get(name) {
            return *resource;
        }
        let resource = ResourceIndex(position(self.resources.len()));
        self.resources.push(name.to_owned());
        self.resource_names.insert(name.to_owned(), resource);
        resource
    }

    /// The quality of service of this name, as its family of products calls it (`persistent`).
    pub fn quality(&mut self, name: &str) -> QualityIndex {
        if let Some(quality) = self.quality_names.get(name) {
            return *quality;
        }
        let quality = QualityIndex(position(self.qualities.len()));
        self.qualities.push(name.to_owned());
        self.quality_names.insert(name.to_owned(), quality);
        quality
    }

    /// A new unit of work of this process.
    pub fn unit(&mut self, process: ProcessIndex) -> UnitIndex {
        let unit = UnitIndex(position(self.units.len()));
        let number = &mut self.units_of_process[process.index()];
        *number += 1;
        self.units.push(Unit { process, number: *number, resolved: None });
        unit
    }

    /// How many operations were invoked so far.
    #[must_use]
    pub fn operations(&self) -> usize {
        self.calls.len()
    }

    /// A process asks for something.
    ///
    /// # Panics
    /// If time runs backwards.
    pub fn invoke(&mut self, at_ns: u64, process: ProcessIndex, operation: Operation) -> OperationIndex {
        let invoked = self.moment(at_ns);
        let index = OperationIndex(position(self.calls.len()));
        self.calls.push(Call { process, invoked, operation, completed: None });
        index
    }

    /// A process learns how an operation ended. An operation that never completes is unknown.
    ///
    /// # Panics
    /// If it had ended before, if something else than a get returns a message, or if time runs backwards.
    pub fn complete(&mut self, at_ns: u64, operation: OperationIndex, completion: Completion) {
        let completed = self.moment(at_ns);
        let call = &mut self.calls[operation.0 as usize];
        assert!(call.completed.is_none(), "an operation completes once");
        assert!(
            matches!(call.operation, Operation::Get(_)) || !matches!(completion, Completion::Delivered(_)),
            "only a get returns a message"
        );
        call.completed = Some((completed, completion));
    }

    /// The application learned, or decided, how a unit of work ended whose commit had an unknown outcome.
    ///
    /// # Panics
    /// If time runs backwards.
    pub fn resolved(&mut self, at_ns: u64, unit: UnitIndex, outcome: UnitOutcome) {
        let at = self.moment(at_ns);
        self.units[unit.index()].resolved = Some((at, outcome));
    }

    /// The process has a finite amount of work: it is stuck if it is not [done](History::done) in the end.
    pub fn has_work(&mut self, process: ProcessIndex) {
        self.processes[process.index()].has_work = true;
    }

    /// The process has done all its work.
    ///
    /// # Panics
    /// If time runs backwards.
    pub fn done(&mut self, at_ns: u64, process: ProcessIndex) {
        self.life(at_ns, process, LifeChange::Done);
    }

    /// The process was ended from outside: it never sees the end of what is pending, and holds nothing any more.
    ///
    /// # Panics
    /// If time runs backwards.
    pub fn ended(&mut self, at_ns: u64, process: ProcessIndex) {
        self.life(at_ns, process, LifeChange::Ended);
    }

    /// The process runs again.
    ///
    /// # Panics
    /// If time runs backwards.
    pub fn started(&mut self, at_ns: u64, process: ProcessIndex) {
        self.life(at_ns, process, LifeChange::Started);
    }

    /// The process waits from now on, as it is to, until it is needed again: nobody withholds service from it.
    ///
    /// # Panics
    /// If time runs backwards.
    pub fn stands_by(&mut self, at_ns: u64, process: ProcessIndex) {
        self.life(at_ns, process, LifeChange::StandsBy);
    }

    /// The world did something.
    ///
    /// # Panics
    /// If time runs backwards.
    pub fn world(&mut self, at_ns: u64, what: WorldHappening) {
        let at = self.moment(at_ns);
        self.world.push(WorldRecord { at, what });
    }

    pub(crate) fn unit_at(&self, position_in_units: usize) -> UnitIndex {
        debug_assert!(position_in_units < self.units.len(), "there is such a unit of work");
        UnitIndex(position(position_in_units))
    }

    pub(crate) fn process_at(&self, position_in_processes: usize) -> ProcessIndex {
        debug_assert!(position_in_processes < self.processes.len(), "there is such a process");
        ProcessIndex(position(position_in_processes))
    }

    pub(crate) fn unit_name(&self, unit: UnitIndex) -> String {
        let Unit { process, number, .. } = self.units[unit.index()];
        format!("unit of work {number} of {}", self.processes[process.index()].name)
    }

    fn life(&mut self, at_ns: u64, process: ProcessIndex, change: LifeChange) {
        let at = self.moment(at_ns);
        self.processes[process.index()].life.push((at, change));
    }

    fn moment(&mut self, at_ns: u64) -> Moment {
        assert!(at_ns >= self.last_ns, "a history is recorded in the order of time");
        self.last_ns = at_ns;
        let moment = Moment { at_ns, sequence: self.next_sequence };
        self.next_sequence = self.next_sequence.checked_add(1).expect("a history has less than 2^32 entries");
        moment
    }
}
