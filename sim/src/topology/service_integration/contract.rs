//! What the documentation of the bus promises and permits.
//!
//! The table of IBM WebSphere Application Server, "Message reliability levels": what each level keeps when an engine stops,
//! when it fails, when a connection is lost and when resources run short; and, for reliable persistent messages in a data
//! store, what follows from writing them lazily.

use indoubt_engine::messaging_engine::reliability::Reliability;
use indoubt_ledger::contract::{
    Contract, Exclusive, PROCESS_ENDED, PROCESS_PAUSED, PROCESS_RESUMED, Permission, Whom, Window,
};
use indoubt_ledger::history::{History, QueueIndex};

use crate::scenario::model::{Cell, Cluster, MessageStore, MessagingEngine};

/// An application's connection to the bus is gone.
pub(super) const CONNECTION_LOST: &str = "connection_lost";

/// An engine serves.
pub(super) const STARTED: &str = "messaging_engine_started";

/// The connection between two engines is gone.
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

/// How old a change can be that a data store has not written yet: the latency that its dispatcher aims at is a second;
/// the rest is for the write itself.
const LAZY_WRITE_NS: u64 = 1_500_000_000;

/// With restricted long-running locks an owner looks after its ownership so often: so long two may believe that they are
/// it.
const OWNERSHIP_REFRESH_NS: u64 = 21_000_000_000;

/// An owner whose database or file server was out of reach, and then given to somebody else, learns of that when it next
/// uses it: with the first request that is refused, or not answered in time.
const UNKNOWING_OWNER_NS: u64 = 60_000_000_000;

/// For how long an engine tries to have its data store back (`jdbcConnectionRetryMaximumDuration`).
const RETRY_NS: u64 = 900_000_000_000;

/// How late after it was sent one way a message can come to its engine: then its connection is given up (JFAP heartbeat
/// interval and timeout).
const ON_THE_WAY_NS: u64 = 307_000_000_000;

/// Adds the cell's part.
pub(super) fn promise(cell: &Cell, history: &mut History, contract: &mut Contract) {
    refused_one_way(cell, history, contract);
    for (engine, cluster) in cell.engines() {
        let queues = queues_of(cell, engine, history);
        losses(engine, &exposed(cell, &queues, history), history, contract);
        lazy_writes(cell, (engine, cluster), &queues, history, contract);
        counts(cell, (engine, cluster), &queues, history, contract);
        stale_deliveries(engine, &queues, contract);
        contract.keepers.extend(queues.iter().map(|queue| (*queue, engine.name.to_string())));
        contract.exclusive.push(ownership(engine, cell, history));
    }
    contract.taken_away.push(TAKEN_AWAY.to_owned());
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

/// The queues whose messages an engine may hold: in a bus of several engines also those that only others have a queue point
/// of, on its remote message points.
fn exposed(cell: &Cell, localized: &[QueueIndex], history: &mut History) -> Vec<QueueIndex> {
    if cell.engines().count() == 1 {
        return localized.to_vec();
    }
    cell.bus.queues.keys().map(|name| history.queue(name.as_str())).collect()
}

fn losses(engine: &MessagingEngine, queues: &[QueueIndex], history: &mut History, contract: &mut Contract) {
    let name = engine.name.as_str();
    let mut permit = |levels: &[Reliability], event: &str, subject: Whom, rule: &str| {
        contract.permitted_losses.push(Permission {
            qualities: Some(levels.iter().map(|level| history.quality(level.name())).collect()),
            queues: Some(queues.to_vec()),
            event: event.to_owned(),
            subject,
            window: Window::default(),
            rule: format!("{rule} ({LEVELS})"),
        });
    };
    let nonpersistent =
        [Reliability::BestEffortNonpersistent, Reliability::ExpressNonpersistent, Reliability::ReliableNonpersistent];
    let one_way = [Reliability::BestEffortNonpersistent, Reliability::ExpressNonpersistent];
    permit(
        &nonpersistent,
        STOPPED,
        Whom::Named(name.to_owned()),
        "nonpersistent messages are discarded when their messaging engine stops",
    );
    for (event, subject) in failures(name) {
        permit(
            &nonpersistent,
            event,
            subject,
            "nonpersistent messages are discarded when their messaging engine fails",
        );
    }
    // An instance that was taken over while it stood still has failed, whether or not it knows.
    permit(
        &nonpersistent,
        STARTED,
        Whom::Named(name.to_owned()),
        "nonpersistent messages are discarded when their messaging engine fails; another instance was started",
    );
    for event in [CONNECTION_LOST, PROCESS_ENDED] {
        permit(
            &one_way,
            event,
            Whom::Producer,
            "best effort and express messages may be discarded when a connection is lost",
        );
    }
    permit(
        &one_way[..1],
        ENGINE_CONNECTION_ENDED,
        Whom::Anybody,
        "best effort messages are sent once from one engine to another; they may be discarded when that connection is \
         lost",
    );
    permit(
        &nonpersistent,
        "remote_messages_discarded",
        Whom::Anybody,
        "nonpersistent messages on the way to a messaging engine are discarded when it fails",
    );
    permit(
        &one_way[..1],
        "best_effort_discarded",
        Whom::OwnerOf(name.to_owned()),
        "best effort messages may be discarded when resources run short",
    );
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

/// The events with which an instance of an engine fails.
fn failures(engine: &str) -> [(&'static str, Whom); 3] {
    let named = || Whom::Named(engine.to_owned());
    [(FAILED, named()), (FAILED_GLOBALLY, named()), (PROCESS_ENDED, Whom::OwnerOf(engine.to_owned()))]
}

/// The events after which an instance of an engine writes nothing more of what it has not written yet. Its server may end
/// when it has stopped already and has not closed its store; one that stands still may have been taken over when it goes
/// on.
fn interruptions(engine: &MessagingEngine, cluster: &Cluster) -> Vec<(&'static str, Whom)> {
    let engine = || Whom::Named(engine.name.to_string());
    let servers = cluster
        .servers
        .iter()
        .flat_map(|server| [PROCESS_ENDED, PROCESS_PAUSED].map(|event| (event, Whom::Named(server.name.clone()))));
    [(FAILED, engine()), (FAILED_GLOBALLY, engine())].into_iter().chain(servers).collect()
}

/// A data store writes reliable persistent messages lazily, and removes them lazily: what was sent just before a failure may
/// be lost, what was consumed may be there again. A file store writes them like assured ones: it permits neither.
fn lazy_writes(
    cell: &Cell,
    (engine, cluster): (&MessagingEngine, &Cluster),
    queues: &[QueueIndex],
    history: &mut History,
    contract: &mut Contract,
) {
    if !matches!(engine.message_store, MessageStore::DataStore { .. }) {
        // Short of that: a store that cannot be read any more has lost what it had.
        contract.permitted_losses.push(Permission {
            qualities: Some(vec![history.quality(Reliability::ReliablePersistent.name())]),
            queues: Some(queues.to_vec()),
            event: FAILED_GLOBALLY.to_owned(),
            subject: Whom::Named(engine.name.to_string()),
            window: Window::default(),
            rule: format!("reliable persistent messages may be discarded when their messaging engine fails ({LEVELS})"),
        });
        return;
    }
    let within_ns = unwritten_for(engine, cell, history);
    for (event, subject) in interruptions(engine, cluster) {
        let permission = Permission {
            qualities: Some(vec![history.quality(Reliability::ReliablePersistent.name())]),
            queues: Some(queues.to_vec()),
            event: event.to_owned(),
            subject,
            window: Window::After { within_ns },
            rule: String::new(),
        };
        let rule = "reliable persistent messages may be discarded when their messaging engine fails: a data store writes \
                    them a little later";
        contract.permitted_losses.push(Permission { rule: format!("{rule} ({LEVELS})"), ..permission.clone() });
        let rule = "the removal of reliable persistent messages is written to a data store a little later; after a failure \
                    of the engine they may be there again";
        contract.permitted_duplicates.push(Permission { rule: format!("{rule} ({LEVELS})"), ..permission });
    }
    // Whoever has lost its tables goes on from memory for as long as it tries to have them back; nothing below assured
    // persistent waits for that. It may have lost them some time before it notices.
    let noticed_ns = if within_ns.is_none() { UNKNOWING_OWNER_NS } else { OWNERSHIP_REFRESH_NS };
    let permission = Permission {
        qualities: Some(vec![history.quality(Reliability::ReliablePersistent.name())]),
        queues: Some(queues.to_vec()),
        event: LOCK_LOST.to_owned(),
        subject: Whom::Named(engine.name.to_string()),
        window: Window::Around { before_ns: Some(RETRY_NS), after_ns: Some(noticed_ns) },
        rule: "an engine that has lost its data store goes on from memory while it tries to have it back; reliable \
               persistent messages that it takes or gives meanwhile may be discarded, or come again (WebSphere \
               Application Server, Data store connection loss)"
            .to_owned(),
    };
    contract.permitted_losses.push(permission.clone());
    contract.permitted_duplicates.push(permission);
}

/// An instance that stood still while another one took over its data store has in memory what was there before. From when
/// it goes on, and has lost the lock, to when it learns who owns the store, it gives its consumers messages that the other
/// one has delivered. None of that becomes final: it has nowhere to store it. Inferred: no page says so.
fn stale_deliveries(engine: &MessagingEngine, queues: &[QueueIndex], contract: &mut Contract) {
    if !matches!(engine.message_store, MessageStore::DataStore { .. }) {
        return;
    }
    contract.permitted_redeliveries.push(Permission {
        qualities: None,
        queues: Some(queues.to_vec()),
        event: LOCK_LOST.to_owned(),
        subject: Whom::Named(engine.name.to_string()),
        window: Window::After { within_ns: None },
        rule: "an instance that stood still while another one took its data store over gives out again what that one has \
               delivered, until it learns of it; it cannot commit that (WebSphere Application Server, Data store exclusive \
               access)"
            .to_owned(),
    });
}

/// For how long a change may be on its way to the message store; `None`: for as long as the store's server likes, because
/// something happened to it, and who gets no answer cannot write.
fn unwritten_for(engine: &MessagingEngine, cell: &Cell, history: &History) -> Option<u64> {
    (!was_troubled(engine, cell, history)).then_some(LAZY_WRITE_NS)
}

/// Whether something happened to the server of an engine's message store, its host or a link of that.
fn was_troubled(engine: &MessagingEngine, cell: &Cell, history: &History) -> bool {
    let (server, host) = match &engine.message_store {
        MessageStore::DataStore { database, .. } => {
            let host = cell.databases.iter().find(|known| known.name == *database).map(|known| known.host.as_str());
            (database, host)
        }
        MessageStore::FileStore { file_server, .. } => {
            let known = cell.file_servers.iter().find(|known| known.name == *file_server);
            (file_server, known.map(|known| known.host.as_str()))
        }
    };
    history.faults().any(|fault| fault.troubles(server) || host.is_some_and(|host| fault.troubles(host)))
}

/// Before 8.5, redelivery counts are not in the tables: they begin anew with each instance. From then on they are written
/// while the application goes on: the last one before a failure may be missing.
fn counts(
    cell: &Cell,
    (engine, cluster): (&MessagingEngine, &Cluster),
    queues: &[QueueIndex],
    history: &History,
    contract: &mut Contract,
) {
    let queues = Some(queues.to_vec());
    if let (MessageStore::DataStore { .. }, false) = (&engine.message_store, cell.was_level.persists_redelivery_count())
    {
        contract.permitted_resets.push(Permission {
            queues: queues.clone(),
            event: STARTED.to_owned(),
            subject: Whom::Named(engine.name.to_string()),
            rule: "before 8.5 redelivery counts are not kept when an engine restarts".to_owned(),
            ..Permission::default()
        });
    }
    for (event, subject) in interruptions(engine, cluster) {
        contract.permitted_resets.push(Permission {
            qualities: None,
            queues: queues.clone(),
            event: event.to_owned(),
            subject,
            window: Window::After { within_ns: unwritten_for(engine, cell, history) },
            rule:
                "the redelivery count is written to the message store after the rollback has been answered: the last \
                   one before a failure of the engine may be missing"
                    .to_owned(),
        });
    }
}

/// One active instance of each engine. An instance that has lost the lock of its data store and tries to come back is no
/// owner meanwhile, however long it serves from memory: what it cannot store, it does not confirm.
fn ownership(engine: &MessagingEngine, cell: &Cell, history: &History) -> Exclusive {
    let restricted = matches!(engine.message_store, MessageStore::DataStore { restrict_long_running_locks: true, .. });
    let (allowed_overlap_ns, rule) = if was_troubled(engine, cell, history) {
        let rule = "an owner whose message store was out of reach, and was given to somebody else, learns of that when it \
                    next uses it (WebSphere Application Server, Data store exclusive access, File store high availability)";
        (UNKNOWING_OWNER_NS, rule)
    } else if restricted {
        let rule = "with restricted long-running locks an owner notices that it has lost the store when it next refreshes \
                    its ownership (WebSphere Application Server, Restrict long running locks)";
        (OWNERSHIP_REFRESH_NS, rule)
    } else {
        (0, "the lock of its message store lets one instance of a messaging engine run at a time")
    };
    Exclusive {
        resource: Some(engine.name.to_string()),
        begins: vec![STARTED.to_owned()],
        ends: vec![STOPPED.to_owned(), FAILED.to_owned(), FAILED_GLOBALLY.to_owned()],
        pauses: vec![PROCESS_PAUSED.to_owned(), LOCK_LOST.to_owned()],
        resumes: vec![PROCESS_RESUMED.to_owned(), LOCK_ACQUIRED.to_owned()],
        allowed_overlap_ns,
        rule: rule.to_owned(),
    }
}

#[cfg(test)]
mod tests;
