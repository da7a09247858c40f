//! What the documentation of the bus promises and permits.
//!
//! The table of IBM WebSphere Application Server, "Message reliability levels": what each level keeps when an engine stops,
//! when it fails, when a connection is lost and when resources run short; and, for reliable persistent messages in a data
//! store, what follows from writing them lazily.
//!
//! What happens to an engine concerns the messages that it can have: those of queues with a queue point on it, and those put
//! over a connection to it, which may be on its remote message points. What happens to an instance of it, those that this
//! instance had.

mod stalls;

use indoubt_engine::messaging_engine::reliability::Reliability;
use indoubt_ledger::contract::{
    Contract, Exclusive, Leniency, PROCESS_ENDED, PROCESS_PAUSED, PROCESS_RESUMED, Pause, Permission, Whom, Window,
};
use indoubt_ledger::history::{History, QueueIndex, Span};

use crate::scenario::model::{Cell, Cluster, MessageStore, MessagingEngine};

/// An application's connection to the bus is gone.
pub(super) const CONNECTION_LOST: &str = "connection_lost";

/// An engine serves.
pub(super) const STARTED: &str = "messaging_engine_started";

/// The connection of one engine to another is gone: of `engine1 to engine2`.
const ENGINE_CONNECTION_ENDED: &str = "engine_connection_ended";

/// An instance of an engine is to end its work, because its policy wants another one, or none.
const TAKEN_AWAY: &str = "deactivation_ordered";

/// What was sent one way to a destination, its subject, could not be taken.
const ONE_WAY_DISCARDED: &str = "one_way_discarded";

/// An engine serves no more.
const STOPPED: &str = "messaging_engine_stopped";

/// An engine cannot serve any more.
const FAILED: &str = "messaging_engine_failed";

/// An engine cannot serve any more, and no other instance could.
const FAILED_GLOBALLY: &str = "messaging_engine_failed_globally";

/// An engine owns its data store.
const LOCK_ACQUIRED: &str = "store_lock_acquired";

/// An engine knows that it owns its data store no more.
const LOCK_LOST: &str = "store_lock_lost";

/// Nonpersistent messages that were on their way to an engine when it failed are discarded.
const REMOTE_MESSAGES_DISCARDED: &str = "remote_messages_discarded";

/// The buffer for best effort messages is full.
const BEST_EFFORT_DISCARDED: &str = "best_effort_discarded";

/// An instance cannot reach the database of its data store, and gives up.
const STORE_UNREACHABLE: &str = "store_unreachable";

/// An instance has learned that another one has its data store, and gives up.
const STORE_TAKEN_OVER: &str = "store_taken_over";

/// An instance of an engine is in a state in which it has let go of its store: of the others the ledger does not hear.
const STATE: &str = "messaging_engine_state";

/// How old a change can be that a data store has not written yet: the latency that its dispatcher aims at is a second;
/// the rest is for the write itself.
const LAZY_WRITE_NS: u64 = 1_500_000_000;

/// With restricted long-running locks an owner looks after its ownership so often: so long two may believe that they are
/// it.
const OWNERSHIP_REFRESH_NS: u64 = 21_000_000_000;

/// An owner whose database or file server was out of reach, and then given to somebody else, learns of that when it next
/// uses it: with the first request that is refused, or not answered in time.
const UNKNOWING_OWNER_NS: u64 = 60_000_000_000;

/// How late after it was sent one way a message can come to its engine: then its connection is given up (JFAP heartbeat
/// interval and timeout).
const ON_THE_WAY_NS: u64 = 307_000_000_000;

/// One engine, and what is asked about it again and again.
struct Part<'c> {
    cell: &'c Cell,
    engine: &'c MessagingEngine,
    cluster: &'c Cluster,
    /// The queues that have a queue point on it.
    queues: Vec<QueueIndex>,
    /// When something was wrong with its message store.
    trouble: Vec<Span>,
}

/// Adds the cell's part.
pub(super) fn promise(cell: &Cell, history: &mut History, contract: &mut Contract) {
    refused_one_way(cell, history, contract);
    for (engine, cluster) in cell.engines() {
        let queues = queues_of(cell, engine, history);
        let part = Part { cell, engine, cluster, queues, trouble: stalls::of_store(engine, cell, history) };
        losses(&part, history, contract);
        on_the_way(&part, history, contract);
        lazy_writes(&part, history, contract);
        counts(&part, history, contract);
        stale_deliveries(&part, contract);
        contract.keepers.extend(part.queues.iter().map(|queue| (*queue, engine.name.to_string())));
        contract.exclusive.push(ownership(&part, history));
    }
    contract.taken_away.push(TAKEN_AWAY.to_owned());
    one_way(history, contract);
    contract.unknown_get_rule = "a message received in a session with automatic acknowledgement is gone when it is \
                                 served; if the connection is lost with it, so is the message"
        .to_owned();
}

/// The queues that have a queue point on an engine.
fn queues_of(cell: &Cell, engine: &MessagingEngine, history: &mut History) -> Vec<QueueIndex> {
    let localized = cell.bus.queues.iter().filter(|(_, queue)| queue.queue_points.contains(&engine.name));
    localized.map(|(name, _)| history.queue(name.as_str())).collect()
}

const LEVELS: &str = "WebSphere Application Server, Message reliability levels";

impl Part<'_> {
    fn name(&self) -> &str {
        self.engine.name.as_str()
    }

    fn named(&self) -> Whom {
        Whom::Named(self.name().to_owned())
    }

    fn owner(&self) -> Whom {
        Whom::OwnerOf(self.name().to_owned())
    }

    /// The permission, for the messages that the engine can have: on its queue points, and on its remote message points,
    /// if there are other engines.
    fn of_what_it_has(&self, permission: &Permission) -> Vec<Permission> {
        let mut both = vec![Permission { queues: Some(self.queues.clone()), ..permission.clone() }];
        if self.cell.engines().count() > 1 {
            both.push(Permission { through: Some(self.name().to_owned()), ..permission.clone() });
        }
        both
    }

    /// The events with which the instance in this server fails, and writes nothing more of what it has not written.
    /// Another one that starts while it has not failed has taken its store over: it stood still, or was out of reach. If it
    /// has stopped already and not closed its store, its server may end, or the store fail, which nothing else tells.
    fn failures_of(&self, server: &str) -> [(&'static str, Whom); 6] {
        let instance = || Whom::Instance { resource: self.name().to_owned(), process: server.to_owned() };
        let successor = Whom::Successor { resource: self.name().to_owned(), process: server.to_owned() };
        [
            (FAILED, instance()),
            (FAILED_GLOBALLY, instance()),
            (PROCESS_ENDED, instance()),
            (STARTED, successor),
            (STORE_UNREACHABLE, instance()),
            (STORE_TAKEN_OVER, instance()),
        ]
    }
}

const NONPERSISTENT: [Reliability; 3] =
    [Reliability::BestEffortNonpersistent, Reliability::ExpressNonpersistent, Reliability::ReliableNonpersistent];

fn of_levels(levels: &[Reliability], history: &mut History) -> Permission {
    let qualities = levels.iter().map(|level| history.quality(level.name())).collect();
    Permission { qualities: Some(qualities), ..Permission::default() }
}

fn losses(part: &Part<'_>, history: &mut History, contract: &mut Contract) {
    let mut permit = |levels: &[Reliability], event: &str, subject: Whom, rule: &str| {
        let (event, rule) = (event.to_owned(), format!("{rule} ({LEVELS})"));
        let permission = Permission { event, subject, rule, ..of_levels(levels, history) };
        contract.permitted_losses.extend(part.of_what_it_has(&permission));
    };
    let stops = "nonpersistent messages are discarded when their messaging engine stops";
    permit(&NONPERSISTENT, STOPPED, part.owner(), stops);
    for event in [FAILED, FAILED_GLOBALLY, PROCESS_ENDED] {
        let fails = "nonpersistent messages are discarded when their messaging engine fails";
        permit(&NONPERSISTENT, event, part.owner(), fails);
    }
    // An instance that was taken over while it stood still has failed, whether or not it knows.
    permit(
        &NONPERSISTENT,
        STARTED,
        part.named(),
        "nonpersistent messages are discarded when their messaging engine fails; another instance was started",
    );
    permit(
        &NONPERSISTENT[..1],
        BEST_EFFORT_DISCARDED,
        part.owner(),
        "best effort messages may be discarded when resources run short",
    );
}

/// Messages on the way to this engine from the others over which they were put. Whatever is above best effort is kept until
/// its receipt is confirmed; what is not persistent, only while the receiver does not fail.
fn on_the_way(part: &Part<'_>, history: &mut History, contract: &mut Contract) {
    for (other, _) in part.cell.engines().filter(|(other, _)| other.name != part.engine.name) {
        let of = |levels: &[Reliability], history: &mut History| Permission {
            queues: Some(part.queues.clone()),
            through: Some(other.name.to_string()),
            ..of_levels(levels, history)
        };
        contract.permitted_losses.push(Permission {
            event: ENGINE_CONNECTION_ENDED.to_owned(),
            subject: Whom::Named(format!("{} to {}", other.name, part.name())),
            rule: format!(
                "best effort messages are sent once from one engine to another; they may be discarded when that \
                 connection is lost ({LEVELS})"
            ),
            ..of(&NONPERSISTENT[..1], history)
        });
        contract.permitted_losses.push(Permission {
            event: REMOTE_MESSAGES_DISCARDED.to_owned(),
            subject: part.named(),
            rule: format!(
                "nonpersistent messages on the way to a messaging engine are discarded when it fails ({LEVELS})"
            ),
            ..of(&NONPERSISTENT, history)
        });
    }
}

/// Nobody is told that a destination refuses what was sent one way: it is full, say. Best effort messages may also be
/// refused by the engine that has the queue point, however late they come there; express messages wait for it to take them.
fn refused_one_way(cell: &Cell, history: &mut History, contract: &mut Contract) {
    let mut permit = |queue: &str, level: Reliability, within_ns: Option<u64>, rule: &str| {
        contract.permitted_losses.push(Permission {
            qualities: Some(vec![history.quality(level.name())]),
            queues: Some(vec![history.queue(queue)]),
            event: ONE_WAY_DISCARDED.to_owned(),
            subject: Whom::Named(queue.to_owned()),
            window: Window::After { within_ns },
            rule: rule.to_owned(),
            ..Permission::default()
        });
    };
    for queue in cell.bus.queues.keys().map(|name| name.as_str()) {
        permit(
            queue,
            Reliability::BestEffortNonpersistent,
            None,
            "best effort messages are discarded when their destination is full (WebSphere Application Server, \
             Understanding why best effort nonpersistent messages are being discarded)",
        );
        permit(
            queue,
            Reliability::ExpressNonpersistent,
            Some(ON_THE_WAY_NS),
            "express messages are sent one way: if their destination is full they are discarded, and their producer is \
             not told (Open Liberty's source)",
        );
    }
}

/// Best effort and express messages are sent one way by their producer, outside of a transaction.
fn one_way(history: &mut History, contract: &mut Contract) {
    for event in [CONNECTION_LOST, PROCESS_ENDED] {
        contract.permitted_losses.push(Permission {
            event: event.to_owned(),
            subject: Whom::Producer,
            rule: format!("best effort and express messages may be discarded when a connection is lost ({LEVELS})"),
            ..of_levels(&NONPERSISTENT[..2], history)
        });
    }
}

/// A data store writes reliable persistent messages lazily, and removes them lazily: what was sent just before a failure may
/// be lost, what was consumed may be there again; and what was sent or consumed while nothing could be written. A file
/// store writes them like assured ones: it permits neither.
fn lazy_writes(part: &Part<'_>, history: &mut History, contract: &mut Contract) {
    if !matches!(part.engine.message_store, MessageStore::DataStore { .. }) {
        return;
    }
    for server in &part.cluster.servers {
        let stalls = stalls::of_instance(&part.engine.name, &server.name, &part.trouble, history);
        for (event, subject) in part.failures_of(&server.name) {
            let permission = |rule: &str, history: &mut History| Permission {
                event: event.to_owned(),
                subject: subject.clone(),
                window: Window::After { within_ns: Some(LAZY_WRITE_NS) },
                stalls: stalls.clone(),
                rule: format!("{rule} ({LEVELS})"),
                ..of_levels(&[Reliability::ReliablePersistent], history)
            };
            let rule = "reliable persistent messages may be discarded when their messaging engine fails: a data store \
                        writes them a little later, or when it can again";
            contract.permitted_losses.extend(part.of_what_it_has(&permission(rule, history)));
            let rule = "the removal of reliable persistent messages is written to a data store a little later, or when it \
                        can be again; after a failure of the engine they may be there again";
            let queues = Some(part.queues.clone());
            contract.permitted_duplicates.push(Permission { queues, ..permission(rule, history) });
        }
        // What it gives out, and cannot write that it did, another instance may have delivered by then.
        contract.permitted_duplicates.push(Permission {
            queues: Some(part.queues.clone()),
            event: STARTED.to_owned(),
            subject: Whom::SuccessorOfGiver { resource: part.name().to_owned(), process: server.name.clone() },
            window: Window::Around { before_ns: None, after_ns: None },
            rule: "an instance that has lost its data store to another one goes on from memory until it learns of it, and \
                   gives out reliable persistent messages that the other one has delivered (WebSphere Application \
                   Server, Data store connection loss)"
                .to_owned(),
            ..of_levels(&[Reliability::ReliablePersistent], history)
        });
    }
}

/// An instance that stood still while another one took over its data store has in memory what was there before. From when
/// it goes on, and has lost the lock, to when it learns who owns the store, it gives its consumers messages that the other
/// one has delivered. None of that becomes final: it has nowhere to store it. Inferred: no page says so.
fn stale_deliveries(part: &Part<'_>, contract: &mut Contract) {
    if !matches!(part.engine.message_store, MessageStore::DataStore { .. }) {
        return;
    }
    contract.permitted_redeliveries.push(Permission {
        queues: Some(part.queues.clone()),
        event: LOCK_LOST.to_owned(),
        subject: part.named(),
        rule: "an instance that stood still while another one took its data store over gives out again what that one has \
               delivered, until it learns of it; it cannot commit that (WebSphere Application Server, Data store exclusive \
               access)"
            .to_owned(),
        ..Permission::default()
    });
}

/// Before 8.5, redelivery counts are not in the tables: they begin anew with each instance. From then on they are written
/// while the application goes on: the last one before a failure may be missing.
fn counts(part: &Part<'_>, history: &History, contract: &mut Contract) {
    let is_in_tables = part.cell.was_level.persists_redelivery_count();
    if let (MessageStore::DataStore { .. }, false) = (&part.engine.message_store, is_in_tables) {
        contract.permitted_resets.push(Permission {
            queues: Some(part.queues.clone()),
            event: STARTED.to_owned(),
            subject: part.named(),
            rule: "before 8.5 redelivery counts are not kept when an engine restarts".to_owned(),
            ..Permission::default()
        });
        return;
    }
    for server in &part.cluster.servers {
        let stalls = stalls::of_instance(&part.engine.name, &server.name, &part.trouble, history);
        for (event, subject) in part.failures_of(&server.name) {
            contract.permitted_resets.push(Permission {
                queues: Some(part.queues.clone()),
                event: event.to_owned(),
                subject,
                window: Window::After { within_ns: Some(LAZY_WRITE_NS) },
                stalls: stalls.clone(),
                rule: "the redelivery count is written to the message store after the rollback has been answered: the \
                       last one before a failure of the engine may be missing"
                    .to_owned(),
                ..Permission::default()
            });
        }
    }
}

/// One active instance of each engine. An instance that has lost the lock of its data store and tries to come back is no
/// owner meanwhile, however long it serves from memory: what it cannot store, it does not confirm.
fn ownership(part: &Part<'_>, history: &History) -> Exclusive {
    let Part { engine, cluster, trouble, .. } = part;
    let restricted = matches!(engine.message_store, MessageStore::DataStore { restrict_long_running_locks: true, .. });
    let (allowed_overlap_ns, rule) = if restricted {
        let rule = "with restricted long-running locks an owner notices that it has lost the store when it next refreshes \
                    its ownership (WebSphere Application Server, Restrict long running locks)";
        (OWNERSHIP_REFRESH_NS, rule)
    } else {
        (0, "the lock of its message store lets one instance of a messaging engine run at a time")
    };
    let unknowing = Leniency {
        during: stalls::extended(trouble, UNKNOWING_OWNER_NS),
        allowed_overlap_ns: UNKNOWING_OWNER_NS,
        rule: "an owner whose message store was out of reach, and was given to somebody else, learns of that when it next \
               uses it (WebSphere Application Server, Data store exclusive access, File store high availability)"
            .to_owned(),
    };
    let servers = cluster.servers.iter();
    let waking = Leniency {
        during: servers.flat_map(|server| stalls::wakings(&server.name, trouble, history)).collect(),
        allowed_overlap_ns: stalls::WAKING_NS,
        rule: "an owner that stood still while its message store was out of reach, and was given to somebody else, learns \
               of that as soon as it goes on (WebSphere Application Server, Data store exclusive access)"
            .to_owned(),
    };
    Exclusive {
        resource: Some(engine.name.to_string()),
        begins: vec![STARTED.to_owned()],
        ends: vec![STOPPED.to_owned(), FAILED.to_owned(), FAILED_GLOBALLY.to_owned()],
        finishes: vec![STATE.to_owned(), FAILED.to_owned(), FAILED_GLOBALLY.to_owned()],
        pauses: vec![
            Pause { begins: PROCESS_PAUSED.to_owned(), ends: PROCESS_RESUMED.to_owned() },
            Pause { begins: LOCK_LOST.to_owned(), ends: LOCK_ACQUIRED.to_owned() },
        ],
        allowed_overlap_ns,
        rule: rule.to_owned(),
        lenient: vec![unknowing, waking],
    }
}

#[cfg(test)]
mod tests;
