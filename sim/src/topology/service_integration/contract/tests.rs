//! Each permission, just inside and just outside of what is documented: histories of one message, written by hand, under
//! the contract of a cell.

use std::path::Path;

use indoubt_ledger::audit::{Audit, Availability, LeftMessage, LeftQueue, QueueRole};
use indoubt_ledger::history::{
    Completion, Delivery, Fault, Get, MessageIdentity, Operation, Origin, ProcessIndex, Put, WorldHappening,
};
use indoubt_ledger::judge;
use indoubt_ledger::verdict::{FindingKind, Judgement};

use super::*;
use crate::scenario::parse;

const SECOND: u64 = 1_000_000_000;

/// When the message is put, and acknowledged.
const PUT: u64 = 10 * SECOND;

/// When it is consumed, or a delivery of it is rolled back.
const GOT: u64 = 20 * SECOND;

const END: u64 = 2_000 * SECOND;

// The windows once more, as numbers of their own: whoever changes one changes what is promised.

/// How old a change can be that a data store has not written.
const UNWRITTEN: u64 = 1_500_000_000;

/// For how long an engine tries to have its data store back.
const FROM_MEMORY: u64 = 15 * 60 * SECOND;

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
                    }},
                    bus: (name: "PAYMENTS", queues: {{ "REQUEST": (reliability: ASSURED_PERSISTENT) }}),
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

/// A fault of the database, long before anything else.
fn trouble(about: &str) -> Beside {
    fault(0, Fault::striking("trouble", vec![about.to_owned()]))
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
        Tale { history, audit, put, producer, consumer, steps }
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

    /// It is rolled back once, and consumed in the end as if it had never been delivered before.
    fn rolled_back_and_forgotten(mut self) -> Self {
        let unit = self.history.unit(self.consumer);
        self.delivered(GOT, Some(unit), 1);
        self.steps.push(Step { at: GOT, operation: Operation::Backout { unit }, completion: Completion::Ok });
        self.delivered(END - SECOND, None, 0);
        self
    }

    fn judged(mut self, cell: &Cell, mut beside: Vec<Beside>) -> Judgement {
        beside.sort_by_key(|(at, _)| *at);
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

#[test]
fn what_each_event_permits_to_be_lost_is_the_table_of_reliability_levels() {
    // Long after the put, so that nothing is lazy any more.
    let at = PUT + 100 * SECOND;
    let one_way = vec![BEST_EFFORT, Reliability::ExpressNonpersistent];
    let table: Vec<(Beside, Vec<Reliability>)> = vec![
        (of_engine(at, STOPPED), NONPERSISTENT.to_vec()),
        (of_engine(at, FAILED), NONPERSISTENT.to_vec()),
        (of_process(at, PROCESS_ENDED, "server1"), NONPERSISTENT.to_vec()),
        // It does not run the engine.
        (of_process(at, PROCESS_ENDED, "server2"), vec![]),
        (started(at, "server2"), NONPERSISTENT.to_vec()),
        (event(at, CONNECTION_LOST, "branch", "branch"), one_way.clone()),
        (of_process(at, PROCESS_ENDED, "branch"), one_way.clone()),
        // The connection of somebody who has only consumed.
        (event(at, CONNECTION_LOST, "booking", "booking"), vec![]),
        (event(at, ENGINE_CONNECTION_ENDED, "", "server1"), one_way),
        (event(at, "best_effort_discarded", "", "server1"), vec![BEST_EFFORT]),
        (event(at, "best_effort_discarded", "", "server2"), vec![]),
        (of_engine(at, "messaging_engine_starting"), vec![]),
    ];
    for store in [DATA_STORE, FILE_STORE] {
        let cell = cell("8.5", store);
        for (beside, lost) in &table {
            let beside = [started(0, "server1"), beside.clone()];
            assert_eq!(levels_lost(&cell, &beside), *lost, "{store}: {beside:?}");
        }
    }
}

#[test]
fn nothing_is_permitted_by_what_came_before_the_message() {
    for store in [DATA_STORE, FILE_STORE] {
        let cell = cell("8.5", store);
        for name in [STOPPED, FAILED, FAILED_GLOBALLY] {
            let before = [started(0, "server1"), of_engine(PUT - 1, name)];
            assert_eq!(levels_lost(&cell, &before), [], "{store}: {name}");
        }
        let before = [started(0, "server1"), event(PUT - 1, CONNECTION_LOST, "branch", "branch")];
        assert_eq!(levels_lost(&cell, &before), [], "{store}");
    }
}

#[test]
fn another_engine_s_failure_permits_nothing() {
    let cell = cell("8.5", DATA_STORE);
    let other = event(PUT + 1, FAILED, "cluster2.000-PAYMENTS", "server1");
    assert_eq!(levels_lost(&cell, &[started(0, "server1"), other]), []);
}

#[test]
fn a_file_store_that_cannot_be_read_has_lost_all_but_assured_messages() {
    let at = PUT + 100 * SECOND;
    let beside = [started(0, "server1"), of_engine(at, FAILED_GLOBALLY)];
    let lost: Vec<Reliability> = NONPERSISTENT.into_iter().chain([LAZY]).collect();
    assert_eq!(levels_lost(&cell("8.5", FILE_STORE), &beside), lost);
    // A data store has written it by then.
    assert_eq!(levels_lost(&cell("8.5", DATA_STORE), &beside), NONPERSISTENT);
}

/// Every way in which an instance stops writing what it has not written yet.
fn interruptions_at(at: u64) -> Vec<Beside> {
    let ends = [PROCESS_ENDED, PROCESS_PAUSED].map(|name| of_process(at, name, "server1"));
    [FAILED, FAILED_GLOBALLY].map(|name| of_engine(at, name)).into_iter().chain(ends).collect()
}

#[test]
fn a_data_store_may_lose_what_it_has_not_written_for_a_second_and_a_half() {
    let cell = cell("8.5", DATA_STORE);
    let lost = |level, beside: Beside| may_be_lost(&cell, level, &[started(0, "server1"), beside]);
    for beside in interruptions_at(PUT + UNWRITTEN) {
        assert!(lost(LAZY, beside.clone()), "{beside:?}");
        assert!(!lost(ASSURED, beside.clone()), "{beside:?}");
    }
    for beside in interruptions_at(PUT + UNWRITTEN + 1) {
        assert!(!lost(LAZY, beside.clone()), "{beside:?}");
    }
    // A stop in good order writes everything.
    assert!(!lost(LAZY, of_engine(PUT + 1, STOPPED)));
}

#[test]
fn a_data_store_may_give_again_what_was_consumed_a_second_and_a_half_before() {
    let cell = cell("8.5", DATA_STORE);
    let again = |level, beside: Beside| may_come_again(&cell, level, &[started(0, "server1"), beside]);
    for beside in interruptions_at(GOT + UNWRITTEN) {
        assert!(again(LAZY, beside.clone()), "{beside:?}");
        assert!(!again(ASSURED, beside.clone()), "{beside:?}");
    }
    for beside in interruptions_at(GOT + UNWRITTEN + 1) {
        assert!(!again(LAZY, beside.clone()), "{beside:?}");
    }
}

#[test]
fn a_file_store_writes_nothing_lazily() {
    let cell = cell("8.5", FILE_STORE);
    for beside in interruptions_at(PUT + 1) {
        if matches!(&beside.1, WorldHappening::Event { name, .. } if name != FAILED_GLOBALLY) {
            let beside = [started(0, "server1"), beside];
            assert!(!may_be_lost(&cell, LAZY, &beside), "{beside:?}");
        }
    }
    for beside in interruptions_at(GOT + 1) {
        let beside = [started(0, "server1"), beside];
        assert!(!may_come_again(&cell, LAZY, &beside), "{beside:?}");
    }
}

#[test]
fn what_waits_for_a_store_in_trouble_may_be_lost_however_late() {
    let cell = cell("8.5", DATA_STORE);
    let late = of_engine(PUT + 600 * SECOND, FAILED);
    let lost = |faults: Beside| may_be_lost(&cell, LAZY, &[faults, started(0, "server1"), late.clone()]);
    assert!(lost(trouble("SIBDB")));
    assert!(lost(trouble("dbhost")));
    assert!(lost(fault(0, Fault::hampering("SIBDB's disk is slow", vec!["SIBDB".to_owned()]))));
    // Whom a fault is about is not to be found in what it is called.
    assert!(!lost(fault(0, Fault::striking("SIBDB, dbhost", vec!["SIBDB2".to_owned(), "dbhost-2".to_owned()]))));
    assert!(!lost(fault(0, Fault::without_effect("SIBDB to be killed, but it is down already"))));
    // The store is not where the engine runs, nor is it another store.
    for other in ["server1", "node1", "NAS01", "nashost"] {
        assert!(!lost(trouble(other)), "{other}");
    }
}

#[test]
fn an_engine_without_its_data_store_goes_on_from_memory_for_fifteen_minutes() {
    let cell = cell("8.5", DATA_STORE);
    let lost = |level, at| may_be_lost(&cell, level, &[started(0, "server1"), of_engine(at, LOCK_LOST)]);
    assert!(lost(LAZY, PUT - SECOND), "taken while it had no store");
    assert!(lost(LAZY, PUT + FROM_MEMORY));
    assert!(!lost(LAZY, PUT + FROM_MEMORY + 1));
    assert!(!lost(ASSURED, PUT + 1));
    let again = |level, at| may_come_again(&cell, level, &[started(0, "server1"), of_engine(at, LOCK_LOST)]);
    assert!(again(LAZY, GOT + FROM_MEMORY));
    assert!(!again(LAZY, GOT + FROM_MEMORY + 1));
    assert!(!again(ASSURED, GOT + 1));
}

#[test]
fn before_8_5_redelivery_counts_begin_anew_with_an_instance() {
    let beside = [started(0, "server1"), started(GOT + 100 * SECOND, "server2")];
    for (level, forgotten) in [("6.1", true), ("7.0", true), ("8.0", true), ("8.5", false)] {
        assert_eq!(may_forget_a_count(&cell(level, DATA_STORE), &beside), forgotten, "{level}");
    }
    // No instance, no reason.
    assert!(!may_forget_a_count(&cell("7.0", DATA_STORE), &[started(0, "server1")]));
}

#[test]
fn the_last_count_before_a_failure_may_be_missing() {
    for store in [DATA_STORE, FILE_STORE] {
        let cell = cell("8.5", store);
        for beside in interruptions_at(GOT + UNWRITTEN) {
            assert!(may_forget_a_count(&cell, &[started(0, "server1"), beside.clone()]), "{store}: {beside:?}");
        }
        for beside in interruptions_at(GOT + UNWRITTEN + 1) {
            assert!(!may_forget_a_count(&cell, &[started(0, "server1"), beside.clone()]), "{store}: {beside:?}");
        }
    }
    let late = of_engine(GOT + 600 * SECOND, FAILED);
    let beside = |about| [trouble(about), started(0, "server1"), late.clone()];
    assert!(may_forget_a_count(&cell("8.5", DATA_STORE), &beside("SIBDB")));
    assert!(!may_forget_a_count(&cell("8.5", DATA_STORE), &beside("NAS01")));
    assert!(may_forget_a_count(&cell("8.5", FILE_STORE), &beside("NAS01")));
}

/// Two instances that run for this long at once.
fn overlap(ns: u64) -> [Beside; 3] {
    [started(0, "server1"), started(SECOND, "server2"), of_engine(SECOND + ns, FAILED)]
}

fn with(first: Beside, then: [Beside; 3]) -> Vec<Beside> {
    [first].into_iter().chain(then).collect()
}

#[test]
fn two_instances_never_run_at_once_while_locks_hold() {
    for store in [DATA_STORE, FILE_STORE] {
        assert!(!may_overlap(&cell("8.5", store), &overlap(1)), "{store}");
    }
}

#[test]
fn with_restricted_locks_they_do_until_the_next_refresh() {
    let cell = cell("8.5", RESTRICTED);
    assert!(may_overlap(&cell, &overlap(REFRESH)));
    assert!(!may_overlap(&cell, &overlap(REFRESH + 1)));
}

#[test]
fn after_trouble_with_the_store_they_do_until_the_old_one_next_uses_it() {
    for (store, server, other) in [(DATA_STORE, "SIBDB", "NAS01"), (FILE_STORE, "NAS01", "SIBDB")] {
        let cell = cell("8.5", store);
        assert!(may_overlap(&cell, &with(trouble(server), overlap(UNKNOWING))), "{store}");
        assert!(!may_overlap(&cell, &with(trouble(server), overlap(UNKNOWING + 1))), "{store}");
        assert!(!may_overlap(&cell, &with(trouble(other), overlap(1))), "{store}");
    }
}

#[test]
fn who_has_lost_the_lock_or_stands_still_is_no_owner_meanwhile() {
    let cell = cell("8.5", DATA_STORE);
    for (pauses, resumes) in [
        (of_engine(SECOND, LOCK_LOST), of_engine(600 * SECOND, LOCK_ACQUIRED)),
        (of_process(SECOND, PROCESS_PAUSED, "server1"), of_process(600 * SECOND, PROCESS_RESUMED, "server1")),
    ] {
        let away = [started(0, "server1"), pauses, started(2 * SECOND, "server2")];
        let judged = |beside: &[Beside]| Tale::new(ASSURED).judged(&cell, beside.to_vec());
        let judgement = judged(&away);
        let is_split = |judgement: &Judgement| judgement.findings.iter().any(|one| one.kind == FindingKind::SplitBrain);
        assert!(!is_split(&judgement), "{judgement:#?}");
        let back: Vec<Beside> = away.into_iter().chain([resumes]).collect();
        assert!(is_split(&judged(&back)), "both are owners from then on");
    }
}
