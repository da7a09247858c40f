//! What all applications of one run share: the history they write, what they know of queues, how far the work is.
//!
//! None of it is memory of the simulated applications; it belongs to the testbed and outlives them. An instance that was
//! killed takes up its work again where its progress says, as a batch job does at its last checkpoint.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use indoubt_engine::message::{Payload, Persistence, Priority};
use indoubt_engine::name::QueueName;
use indoubt_engine::time::Time;
use indoubt_engine::unit_of_work::{Outcome, Xid};
use indoubt_ledger::history::{History, QueueIndex, UnitIndex};

use crate::scenario::model::QualityOfService;

/// In which order a queue hands its messages out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryOrder {
    /// Those of a higher priority first.
    Priority,
    /// As they came: every message counts as of the default priority.
    Fifo,
}

/// A queue, or destination, as its family describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueDescription {
    /// Who must be asked for it by this name ([`super::provider::Provider::owner`]); `None`: whoever has no queue of its
    /// own with this name.
    pub owner: Option<String>,
    /// Its name, as applications say it.
    pub name: QueueName,
    /// What the history calls it; unique in a run.
    pub history_name: String,
    /// How messages are kept of which nothing is said.
    pub default_quality: QualityOfService,
    /// The priority of messages of which nothing is said.
    pub default_priority: Priority,
    /// In which order it hands them out.
    pub order: DeliveryOrder,
    /// An application that honours it moves a message with so many backouts to the backout queue.
    pub backout_threshold: Option<u32>,
    /// The backout queue.
    pub backout_queue: Option<QueueName>,
}

/// What applications and the history have to know of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueFacts {
    /// Its name.
    pub name: QueueName,
    /// What the history calls it: a shared queue by its name, a private one as `QM01/ORDERS`.
    pub history_name: String,
    /// In the history.
    pub index: QueueIndex,
    /// How messages are kept of which nothing is said.
    pub default_quality: QualityOfService,
    /// The priority of messages of which nothing is said.
    pub default_priority: Priority,
    /// In which order it hands them out.
    pub order: DeliveryOrder,
    /// A message whose backout count has come to this goes to the backout queue.
    pub backout_threshold: Option<u32>,
    /// The backout queue.
    pub backout_queue: Option<QueueName>,
}

impl QueueFacts {
    fn new(history: &mut History, queue: QueueDescription) -> Arc<Self> {
        Arc::new(QueueFacts {
            index: history.queue(&queue.history_name),
            name: queue.name,
            history_name: queue.history_name,
            default_quality: queue.default_quality,
            default_priority: queue.default_priority,
            order: queue.order,
            backout_threshold: queue.backout_threshold,
            backout_queue: queue.backout_queue,
        })
    }
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// New work is offered.
    Working,
    /// No new work: what is under way is finished, late replies are collected, servers and consumers go on.
    Settling,
    /// Everybody ends the unit of work at hand, disconnects and does nothing more.
    Ending,
}

/// How far an instance that has a certain amount of work to offer is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InstanceProgress {
    /// Requests, or units of work, it is to make.
    pub wanted: u32,
    /// How many of them it has made or, not knowing the outcome, given up.
    pub done: u32,
    /// Replies that it still hopes for.
    pub awaited: u32,
}

/// How far all of them are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The sum of what is wanted.
    pub wanted: u64,
    /// The sum of what is done.
    pub done: u64,
    /// The sum of the replies still hoped for.
    pub awaited: u64,
    /// When a message was last put, or got, by anybody; true time.
    pub last_activity: Time,
}

impl Progress {
    /// Whether all work was offered and every reply is there. Servers may still have something to do.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.done >= self.wanted && self.awaited == 0
    }
}

/// What a coordinator's log says of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogSays {
    /// Phase one has begun, the coordinator is about to decide.
    Undecided,
    /// This.
    Decided(Outcome),
}

/// A put or get of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionPart {
    /// The queue.
    pub queue: Arc<QueueFacts>,
    /// What was put or got.
    pub payload: Payload,
    /// Put, or got with this backout count.
    pub kind: PartKind,
}

/// Put or got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartKind {
    /// Put.
    Put,
    /// Got, having been backed out so many times before.
    Got {
        /// As the message said when it was got.
        backout_count: u32,
    },
}

/// A transaction of an application's own coordinator, as the history knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// The unit of work.
    pub unit: UnitIndex,
    /// What was done in it; empty when it is known to have ended.
    pub parts: Vec<TransactionPart>,
}

/// What all applications of one run share.
#[derive(Debug)]
pub struct Shared {
    history: Mutex<History>,
    /// Queues for which their owner must be asked.
    owned_queues: BTreeMap<String, BTreeMap<QueueName, Arc<QueueFacts>>>,
    /// Queues that everybody knows.
    common_queues: BTreeMap<QueueName, Arc<QueueFacts>>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    progress: BTreeMap<String, InstanceProgress>,
    numbers: BTreeMap<u32, u32>,
    decisions: BTreeMap<Xid, LogSays>,
    transactions: BTreeMap<Xid, Transaction>,
    last_activity: Time,
}

impl Shared {
    /// A run about to begin with these queues.
    #[must_use]
    pub fn new(queues: Vec<QueueDescription>) -> Self {
        let mut history = History::new();
        let mut owned_queues: BTreeMap<String, BTreeMap<_, _>> = BTreeMap::new();
        let mut common_queues = BTreeMap::new();
        for queue in queues {
            let (owner, name) = (queue.owner.clone(), queue.name.clone());
            let facts = QueueFacts::new(&mut history, queue);
            match owner {
                Some(owner) => owned_queues.entry(owner).or_default().insert(name, facts),
                None => common_queues.insert(name, facts),
            };
        }
        Shared {
            history: Mutex::new(history),
            owned_queues,
            common_queues,
            state: Mutex::new(State {
                phase: Phase::Working,
                progress: BTreeMap::new(),
                numbers: BTreeMap::new(),
                decisions: BTreeMap::new(),
                transactions: BTreeMap::new(),
                last_activity: Time::START,
            }),
        }
    }

    /// Whether the end of some coordinated transaction is not known to have been told.
    #[must_use]
    pub fn has_open_transactions(&self) -> bool {
        self.state().transactions.values().any(|transaction| !transaction.parts.is_empty())
    }

    /// The history so far. Not to be held across an await.
    pub fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().expect("a panic while the history is written ends the run")
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("a panic while the state is written ends the run")
    }

    /// The queue that is meant when this owner is given this name.
    #[must_use]
    pub fn queue(&self, owner: &str, queue: &QueueName) -> Arc<QueueFacts> {
        let owned = self.owned_queues.get(owner).and_then(|queues| queues.get(queue));
        match owned.or_else(|| self.common_queues.get(queue)) {
            Some(facts) => facts.clone(),
            None => {
                let unknown = QueueDescription {
                    owner: None,
                    name: queue.clone(),
                    history_name: queue.to_string(),
                    default_quality: QualityOfService::Persistence(Persistence::Nonpersistent),
                    default_priority: Priority::default(),
                    order: DeliveryOrder::Priority,
                    backout_threshold: None,
                    backout_queue: None,
                };
                QueueFacts::new(&mut self.history(), unknown)
            }
        }
    }

    /// Where the run stands.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.state().phase
    }

    /// From now on no new work is offered.
    pub fn begin_settling(&self) {
        self.state().phase = Phase::Settling;
    }

    /// From now on every application stops where it can do so in good order, so that it can be ended without leaving
    /// anything in doubt. A server that waits for a message takes up to five seconds to notice.
    pub fn begin_ending(&self) {
        self.state().phase = Phase::Ending;
    }

    /// The number of the next payload of an instance, from 1; never the same twice, also across restarts.
    #[must_use]
    pub fn next_number(&self, instance: u32) -> u32 {
        let mut state = self.state();
        let number = state.numbers.entry(instance).or_default();
        *number = number.checked_add(1).expect("an instance makes fewer than 2^32 payloads");
        *number
    }

    /// How far an instance is; the entry is made if it is not there.
    #[must_use]
    pub fn progress_of(&self, instance: &str) -> InstanceProgress {
        self.state().progress.get(instance).copied().unwrap_or_default()
    }

    /// Sets how far an instance is.
    pub fn set_progress(&self, instance: &str, progress: InstanceProgress) {
        let mut state = self.state();
        match state.progress.get_mut(instance) {
            Some(known) => *known = progress,
            None => {
                state.progress.insert(instance.to_owned(), progress);
            }
        }
    }

    /// How far all instances are.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let state = self.state();
        let mut sum = Progress { last_activity: state.last_activity, ..Progress::default() };
        for one in state.progress.values() {
            sum.wanted += u64::from(one.wanted);
            sum.done += u64::from(one.done);
            sum.awaited += u64::from(one.awaited);
        }
        sum
    }

    /// A message was put or got just now.
    pub fn active(&self, now: Time) {
        self.state().last_activity = now;
    }

    /// What the log of a transaction's coordinator says; `None`: nothing, so that abort is presumed.
    #[must_use]
    pub fn decision(&self, xid: &Xid) -> Option<LogSays> {
        self.state().decisions.get(xid).copied()
    }

    /// The coordinator's log says this now.
    pub fn set_decision(&self, xid: Xid, says: LogSays) {
        self.state().decisions.insert(xid, says);
    }

    /// The transaction that a coordinator knows under this name.
    #[must_use]
    pub fn transaction(&self, xid: &Xid) -> Option<Transaction> {
        self.state().transactions.get(xid).cloned()
    }

    /// A coordinator begins a transaction.
    pub fn begin_transaction(&self, xid: Xid, unit: UnitIndex) {
        self.state().transactions.insert(xid, Transaction { unit, parts: Vec::new() });
    }

    /// Something was put or got in a transaction.
    pub fn add_to_transaction(&self, xid: &Xid, part: TransactionPart) {
        if let Some(transaction) = self.state().transactions.get_mut(xid) {
            transaction.parts.push(part);
        }
    }

    /// A transaction has ended, and the middleware has said so.
    pub fn end_transaction(&self, xid: &Xid) {
        if let Some(transaction) = self.state().transactions.get_mut(xid) {
            transaction.parts = Vec::new();
        }
    }

    /// Transactions of a coordinator in which phase one had begun and no decision was seen.
    #[must_use]
    pub fn undecided(&self, coordinator: &str) -> Vec<Xid> {
        let state = self.state();
        let open = state.decisions.iter().filter(|(_, says)| **says == LogSays::Undecided);
        open.map(|(xid, _)| xid.clone()).filter(|xid| xid.coordinator == coordinator).collect()
    }
}
