//! Each permission, just inside and just outside of what is documented: histories of one message, written by hand, under
//! the contract of a cell.

use std::path::Path;

use indoubt_ledger::audit::{Audit, Availability, LeftMessage, LeftQueue, QueueRole};
use indoubt_ledger::contract::PROCESS_STARTED;
use indoubt_ledger::history::{
    Completion, Delivery, Fault, Get, Healing, Lasts, Mended, MessageIdentity, Operation, Origin, ProcessIndex, Put,
    WorldHappening,
};
use indoubt_ledger::judge;
use indoubt_ledger::verdict::{FindingKind, Judgement};

use super::*;
use crate::scenario::parse;

mod instances;
mod messages;
mod several_engines;
mod stalls;

const SECOND: u64 = 1_000_000_000;

/// When the message is put, and acknowledged.
const PUT: u64 = 10 * SECOND;

/// When it is consumed, or a delivery of it is rolled back.
const GOT: u64 = 20 * SECOND;

const END: u64 = 2_000 * SECOND;

// The windows once more, as numbers of their own: whoever changes one changes what is promised.

/// How old a change can be that a data store has not written.
const UNWRITTEN: u64 = 1_500_000_000;

/// After what silence of its database an engine gives its session up.
const GIVEN_UP: u64 = 30 * SECOND;

/// A refresh of the ownership of a data store, and a second to do it.
const REFRESH: u64 = 21 * SECOND;

/// How long an owner may not know that the server of its store has given it to somebody else.
const UNKNOWING: u64 = 60 * SECOND;

const DATA_STORE: &str = r#"data_store(database: "SIBDB")"#;
const RESTRICTED: &str = r#"data_store(database: "SIBDB", restrict_long_running_locks: true)"#;
const FILE_STORE: &str = r#"file_store(file_server: "NAS01")"#;

/// The engine of the cell.
const ENGINE: &str = "cluster1.000-PAYMENTS";

/// A cell of this level with one engine, which keeps its messages here.
fn cell(was_level: &str, message_store: &str) -> Cell {
    cell_with(was_level, message_store, "", "")
}

/// A cell with these further clusters, and these properties of its queue.
fn cell_with(was_level: &str, message_store: &str, clusters: &str, queue: &str) -> Cell {
    let text = format!(
        r#"(
            about: "A cell.",
            topology: (
                hosts: {{ "node1": (), "node2": (), "dbhost": (), "nashost": (), "office": () }},
                databases: {{ "SIBDB": (host: "dbhost") }},
                file_servers: {{ "NAS01": (host: "nashost") }},
                cell: (
                    was_level: "{was_level}",
                    clusters: {{
                        "cluster1": (
                            servers: {{ "server1": (host: "node1"), "server2": (host: "node2") }},
                            message_store: {message_store},
                        ),
                        {clusters}
                    }},
                    bus: (name: "PAYMENTS", queues: {{ "REQUEST": (reliability: ASSURED_PERSISTENT{queue}) }}),
                ),
            ),
            workload: [
                producer(name: "branch", runs_on: ["office"], connect: bus(bootstrap: ["server1"]), queues: ["REQUEST"]),
            ],
        )"#
    );
    let scenario = parse(Path::new("cell.ron"), &text).map_err(|wrong| wrong.render(false)).expect("a cell");
    scenario.topology.cell.expect("there is one")
}

/// Something that happens beside the message: when, and what.
type Beside = (u64, WorldHappening);

fn event(at: u64, name: &str, subject: &str, by: &str) -> Beside {
    let (name, subject, by) = (name.to_owned(), subject.to_owned(), by.to_owned());
    (at, WorldHappening::Event { name, subject, by, text: String::new() })
}

fn started(at: u64, server: &str) -> Beside {
    event(at, STARTED, ENGINE, server)
}

fn of_engine(at: u64, name: &str) -> Beside {
    event(at, name, ENGINE, "server1")
}

fn of_process(at: u64, name: &str, process: &str) -> Beside {
    event(at, name, process, "")
}

fn fault(at: u64, fault: Fault) -> Beside {
    (at, WorldHappening::Fault(fault))
}

/// Something is wrong with a process or place from here on until it is mended.
fn trouble(at: u64, about: &str) -> Beside {
    fault(at, Fault::striking("trouble", vec![about.to_owned()]).lasting(Lasts::UntilMended))
}

fn mended(at: u64) -> Beside {
    (at, WorldHappening::Healed(Healing { text: "mended".to_owned(), what: Mended::Everything }))
}

/// What an application does with the message.
struct Step {
    at: u64,
    operation: Operation,
    completion: Completion,
}

/// One message at this level.
struct Tale {
    history: History,
    audit: Audit,
    put: Put,
    producer: ProcessIndex,
    consumer: ProcessIndex,
    steps: Vec<Step>,
    /// The engine and the server to which it is put.
    peer: (&'static str, &'static str),
    /// The server that gives it out.
    giver: &'static str,
}

impl Tale {
    /// It is put and acknowledged; nobody takes it.
    fn new(level: Reliability) -> Self {
        let mut history = History::new();
        let put = Put {
            queue: history.queue("REQUEST"),
            message: MessageIdentity(1),
            unit: None,
            quality: history.quality(level.name()),
            priority: 4,
            expires_at_ns: None,
            digest: 7,
            origin: Origin::New,
            reply_to: None,
        };
        let (producer, consumer) = (history.process("branch"), history.process("booking"));
        let steps = vec![Step { at: PUT, operation: Operation::Put(put), completion: Completion::Ok }];
        let audit = Audit { at_ns: END, healed_at_ns: END - SECOND, ..Audit::default() };
        Tale { history, audit, put, producer, consumer, steps, peer: (ENGINE, "server1"), giver: "server1" }
    }

    /// It is put over a connection to this engine in this server.
    fn through(self, engine: &'static str, server: &'static str) -> Self {
        Tale { peer: (engine, server), ..self }
    }

    /// Its consumer is connected to the engine in this server.
    fn given_by(self, giver: &'static str) -> Self {
        Tale { giver, ..self }
    }

    fn delivered(&mut self, at: u64, unit: Option<indoubt_ledger::history::UnitIndex>, backout_count: u32) {
        let get = Get { queue: self.put.queue, unit, reply_to: None, wait_ns: 0 };
        let delivery = Delivery { message: self.put.message, digest: self.put.digest, backout_count };
        self.steps.push(Step { at, operation: Operation::Get(get), completion: Completion::Delivered(delivery) });
    }

    /// It is consumed once, and is there again in the end.
    fn consumed_and_still_there(mut self) -> Self {
        self.delivered(GOT, None, 0);
        let message = LeftMessage {
            message: self.put.message,
            digest: self.put.digest,
            availability: Availability::Available,
            backout_count: 0,
            expired: false,
        };
        self.audit.queues =
            vec![LeftQueue { queue: self.put.queue, role: QueueRole::Application, messages: vec![message] }];
        self
    }

    /// It is consumed, and given out again later, in a unit of work that ends so.
    fn given_out_again(mut self, end: Completion) -> Self {
        self.delivered(GOT, None, 0);
        let unit = self.history.unit(self.consumer);
        self.delivered(END - 2 * SECOND, Some(unit), 0);
        self.steps.push(Step { at: END - SECOND, operation: Operation::Commit { unit }, completion: end });
        self
    }

    /// It is rolled back once, and consumed in the end as if it had never been delivered before.
    fn rolled_back_and_forgotten(mut self) -> Self {
        let unit = self.history.unit(self.consumer);
        self.delivered(GOT, Some(unit), 1);
        self.steps.push(Step { at: GOT, operation: Operation::Backout { unit }, completion: Completion::Ok });
        self.delivered(END - SECOND, None, 0);
        self
    }

    /// It is rolled back once, and nowhere in the end.
    fn rolled_back_and_gone(mut self) -> Self {
        let unit = self.history.unit(self.consumer);
        self.delivered(GOT, Some(unit), 0);
        self.steps.push(Step { at: GOT, operation: Operation::Backout { unit }, completion: Completion::Ok });
        self
    }

    fn judged(mut self, cell: &Cell, mut beside: Vec<Beside>) -> Judgement {
        beside.sort_by_key(|(at, _)| *at);
        self.history.connected(0, self.producer, self.peer.0, self.peer.1);
        self.history.connected(0, self.consumer, ENGINE, self.giver);
        let mut beside = beside.into_iter().peekable();
        for step in self.steps {
            while let Some((at, what)) = beside.next_if(|(at, _)| *at < step.at) {
                self.history.world(at, what);
            }
            let process = if matches!(step.operation, Operation::Put(_)) { self.producer } else { self.consumer };
            let call = self.history.invoke(step.at, process, step.operation);
            self.history.complete(step.at, call, step.completion);
        }
        for (at, what) in beside {
            self.history.world(at, what);
        }
        let mut contract = Contract::default();
        promise(cell, &mut self.history, &mut contract);
        judge(&self.history, &self.audit, &contract)
    }
}

/// Whether the loss of a message of this level is permitted.
#[track_caller]
fn may_be_lost(cell: &Cell, level: Reliability, beside: &[Beside]) -> bool {
    let judgement = Tale::new(level).judged(cell, beside.to_vec());
    let account = judgement.account;
    assert_eq!((account.acknowledged, account.lost + account.permitted), (1, 1), "{judgement:#?}");
    account.permitted == 1
}

/// Whether a message of this level may be there again after it was consumed.
#[track_caller]
fn may_come_again(cell: &Cell, level: Reliability, beside: &[Beside]) -> bool {
    let judgement = Tale::new(level).consumed_and_still_there().judged(cell, beside.to_vec());
    let account = judgement.account;
    assert_eq!(account.duplicated + account.permitted_duplicates, 1, "{judgement:#?}");
    account.permitted_duplicates == 1
}

/// Whether a redelivery count may begin anew.
#[track_caller]
fn may_forget_a_count(cell: &Cell, beside: &[Beside]) -> bool {
    let tale = Tale::new(Reliability::AssuredPersistent).rolled_back_and_forgotten();
    let judgement = tale.judged(cell, beside.to_vec());
    let permitted = judgement.permitted.iter().any(|group| group.kind == FindingKind::Miscounted);
    let found = judgement.findings.iter().any(|finding| finding.kind == FindingKind::Miscounted);
    assert_ne!(permitted, found, "{judgement:#?}");
    permitted
}

/// Whether these are permitted to have run the engine at the same time, as they did.
#[track_caller]
fn may_overlap(cell: &Cell, beside: &[Beside]) -> bool {
    let judgement = Tale::new(Reliability::AssuredPersistent).judged(cell, beside.to_vec());
    let permitted = judgement.permitted.iter().any(|group| group.kind == FindingKind::SplitBrain);
    let found = judgement.findings.iter().any(|finding| finding.kind == FindingKind::SplitBrain);
    assert_ne!(permitted, found, "{judgement:#?}");
    permitted
}

/// The levels at which an event permits the loss of a message, if it comes at this time.
#[track_caller]
fn levels_lost(cell: &Cell, beside: &[Beside]) -> Vec<Reliability> {
    Reliability::ALL.into_iter().filter(|level| may_be_lost(cell, *level, beside)).collect()
}

const NONPERSISTENT: [Reliability; 3] =
    [Reliability::BestEffortNonpersistent, Reliability::ExpressNonpersistent, Reliability::ReliableNonpersistent];
const BEST_EFFORT: Reliability = Reliability::BestEffortNonpersistent;
const LAZY: Reliability = Reliability::ReliablePersistent;
const ASSURED: Reliability = Reliability::AssuredPersistent;

/// Every way in which an instance stops writing what it has not written yet: it fails, its server ends, or another one has
/// its store.
fn interruptions_at(at: u64) -> Vec<Beside> {
    let others = [of_process(at, PROCESS_ENDED, "server1"), started(at, "server2")];
    [FAILED, FAILED_GLOBALLY].map(|name| of_engine(at, name)).into_iter().chain(others).collect()
}
