//! The history of a run: what applications asked for, what they were told and saw, and what the world did meanwhile.
//!
//! The form is the one that Jepsen made common: an operation is *invoked* and completes as *ok*, *fail* (certainly did
//! nothing) or *unknown* (the connection broke around it, say). Two things cannot be expressed: a completion without its
//! invocation, and a completion of one operation with the outcome of another.
//!
//! Records are small and of fixed size, names are kept once: a run has up to 100,000 messages.

use std::collections::BTreeMap;
use std::fmt;

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

/// The identity of a payload. Unique for each put: content that is sent again, or moved to another queue, travels under
/// an identity of its own (see [`Origin`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageIdentity(pub u64);

impl fmt::Display for MessageIdentity {
    /// The upper half tells who made it, the lower half counts what it made: `3.17`. Where the upper half is not used it
    /// is left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 >> 32, self.0 & 0xffff_ffff) {
            (0, number) => write!(f, "{number}"),
            (maker, number) => write!(f, "{maker}.{number}"),
        }
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

/// Where the content of a put comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// Made for this put.
    #[default]
    New,
    /// Sent again, because what became of the first put is unknown. If both arrive, the application made a duplicate; it
    /// is counted, and is no violation.
    ResendOf(MessageIdentity),
    /// Taken from another queue and put here in the same unit of work: a server that honours a backout threshold. The
    /// copy is not another message to account for; it tells where the first one went.
    MovedFrom(MessageIdentity),
}

/// A put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Put {
    /// To which queue.
    pub queue: QueueIndex,
    /// What.
    pub message: MessageIdentity,
    /// Under syncpoint in this unit of work; `None` for a put that is final by itself.
    pub unit: Option<UnitIndex>,
    /// Whether the message survives a restart of a queue manager.
    pub persistent: bool,
    /// `MQMD.Priority`, 0 to 9: order is promised among messages of one priority only.
    pub priority: u8,
    /// When it expires, nanoseconds since the start of the run; `None` for never.
    pub expires_at_ns: Option<u64>,
    /// Digest of the content.
    pub digest: u32,
    /// Where the content comes from.
    pub origin: Origin,
    /// The request that it answers, if it is a reply.
    pub reply_to: Option<MessageIdentity>,
}

/// A get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Get {
    /// From which queue.
    pub queue: QueueIndex,
    /// Under syncpoint in this unit of work; `None` for a get that is final by itself.
    pub unit: Option<UnitIndex>,
    /// The request whose reply it asks for, if it asks for a certain message (get by correlation identifier).
    pub reply_to: Option<MessageIdentity>,
    /// How long it may wait for a message, in nanoseconds.
    pub wait_ns: u64,
}

/// What an application asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `MQPUT`.
    Put(Put),
    /// `MQGET`, destructive.
    Get(Get),
    /// Commits a unit of work. With a coordinator of the application's own, both phases: invoked when the first begins.
    Commit {
        /// Which.
        unit: UnitIndex,
    },
    /// Backs a unit of work out.
    Backout {
        /// Which.
        unit: UnitIndex,
    },
    /// Takes what only one process may have.
    Acquire {
        /// What.
        resource: ResourceIndex,
    },
    /// Gives it up, or notices that it is lost (the connection broke): from its invocation on the process no longer acts
    /// as the holder.
    Release {
        /// What.
        resource: ResourceIndex,
    },
}

/// A message as a get returned it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Which.
    pub message: MessageIdentity,
    /// Digest of the content as it arrived.
    pub digest: u32,
    /// `MQMD.BackoutCount` as it arrived.
    pub backout_count: u32,
}

/// How an operation ended, as far as its application knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// It was done. For a get: there was nothing to get.
    Ok,
    /// A get that returned a message.
    Delivered(Delivery),
    /// It certainly did nothing; a commit that certainly backed out.
    Failed,
    /// Done or not done: nobody told.
    Unknown,
}

/// How a unit of work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnitOutcome {
    /// Puts became visible, gets are final.
    Committed,
    /// Puts vanished, gets are undone.
    BackedOut,
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

/// What the world did.
#[derive(Clone, Debug)]
pub(crate) struct WorldRecord {
    pub(crate) at: Moment,
    pub(crate) what: WorldHappening,
}

/// What the world did: faults are told in stories, events permit losses and are what `reach` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorldHappening {
    /// A fault struck.
    Fault(String),
    /// A fault ended.
    Healed(String),
    /// A domain event.
    Event {
        /// Its name, as a contract names it.
        name: String,
        /// Whom it concerns: a queue manager, a structure, a unit of work. Empty if nobody in particular.
        subject: String,
        /// As it is told in a story.
        text: String,
    },
}

/// A change in the life of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LifeChange {
    /// It was ended from outside; it will see the end of nothing that is pending.
    Ended,
    /// It runs again.
    Started,
    /// It has done all its work.
    Done,
}

#[derive(Clone, Debug)]
pub(crate) struct Process {
    pub(crate) name: String,
    pub(crate) has_work: bool,
    pub(crate) life: Vec<(Moment, LifeChange)>,
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
    process_names: BTreeMap<String, ProcessIndex>,
    queue_names: BTreeMap<String, QueueIndex>,
    resource_names: BTreeMap<String, ResourceIndex>,
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
        self.processes.push(Process { name: name.to_owned(), has_work: false, life: Vec::new() });
        self.units_of_process.push(0);
        self.process_names.insert(name.to_owned(), process);
        process
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

    pub(crate) fn queue_at(&self, position_in_queues: usize) -> QueueIndex {
        debug_assert!(position_in_queues < self.queues.len(), "there is such a queue");
        QueueIndex(position(position_in_queues))
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
