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
const STARTED: &str = "messaging_engine_started";

/// The connection between two engines is gone.
const ENGINE_CONNECTION_ENDED: &str = "engine_connection_ended";

/// An engine serves no more.
const STOPPED: &str = "messaging_engine_stopped";

/// An engine cannot serve any more.
const FAILED: &str = "messaging_engine_failed";

/// With restricted long-running locks an owner looks after its ownership so often: so long two may believe that they are
/// it.
const OWNERSHIP_REFRESH_NS: u64 = 21_000_000_000;

/// Adds the cell's part.
pub(super) fn promise(cell: &Cell, history: &mut History, contract: &mut Contract) {
    for (engine, cluster) in cell.engines() {
        let queues = queues_of(cell, engine, cluster, history);
        losses(engine, &exposed(cell, &queues, history), history, contract);
        lazy_writes(engine, &queues, history, contract);
        counts(cell, engine, &queues, contract);
        contract.exclusive.push(ownership(engine));
    }
    contract.unknown_get_rule = "a message received in a session with automatic acknowledgement is gone when it is \
                                 served; if the connection is lost with it, so is the message"
        .to_owned();
}

/// The queues that have a queue point on an engine.
fn queues_of(cell: &Cell, engine: &MessagingEngine, _: &Cluster, history: &mut History) -> Vec<QueueIndex> {
    let localized = cell.bus.queues.iter().filter(|(_, queue)| queue.queue_points.contains(&engine.name));
    localized.map(|(name, _)| history.queue(name.as_str())).collect()
}

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
            rule: format!("{rule} (WebSphere Application Server, Message reliability levels)"),
        });
    };
    let nonpersistent =
        [Reliability::BestEffortNonpersistent, Reliability::ExpressNonpersistent, Reliability::ReliableNonpersistent];
    let one_way = [Reliability::BestEffortNonpersistent, Reliability::ExpressNonpersistent];
    let lazily = [Reliability::ReliablePersistent];
    permit(
        &nonpersistent,
        STOPPED,
        Whom::Named(name.to_owned()),
        "nonpersistent messages are discarded when their messaging engine stops",
    );
    for (event, subject) in [(FAILED, Whom::Named(name.to_owned())), (PROCESS_ENDED, Whom::OwnerOf(name.to_owned()))] {
        permit(
            &nonpersistent,
            event,
            subject.clone(),
            "nonpersistent messages are discarded when their messaging engine fails",
        );
        permit(
            &lazily,
            event,
            subject,
            "reliable persistent messages may be discarded when their messaging engine fails",
        );
    }
    // An instance that was taken over while it stood still has failed, whether or not it knows.
    permit(
        &nonpersistent,
        STARTED,
        Whom::Named(name.to_owned()),
        "nonpersistent messages are discarded when their messaging engine fails; another instance was started",
    );
    permit(
        &one_way,
        CONNECTION_LOST,
        Whom::Producer,
        "best effort and express messages may be discarded when a connection is lost",
    );
    permit(
        &one_way,
        PROCESS_ENDED,
        Whom::Producer,
        "best effort and express messages may be discarded when a connection is lost",
    );
    permit(
        &one_way,
        ENGINE_CONNECTION_ENDED,
        Whom::Anybody,
        "best effort and express messages are sent once from one engine to another; they may be discarded when that \
         connection is lost",
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
        Whom::Named(name.to_owned()),
        "best effort messages may be discarded when resources run short",
    );
}

/// A data store removes reliable persistent messages as lazily as it writes them: what was consumed just before a failure
/// may be there again.
fn lazy_writes(engine: &MessagingEngine, queues: &[QueueIndex], history: &mut History, contract: &mut Contract) {
    if !matches!(engine.message_store, MessageStore::DataStore { .. }) {
        return;
    }
    let name = engine.name.to_string();
    for (event, subject) in [(FAILED, Whom::Named(name.clone())), (PROCESS_ENDED, Whom::OwnerOf(name.clone()))] {
        contract.permitted_duplicates.push(Permission {
            qualities: Some(vec![history.quality(Reliability::ReliablePersistent.name())]),
            queues: Some(queues.to_vec()),
            event: event.to_owned(),
            subject,
            window: Window::default(),
            rule: "the removal of reliable persistent messages is written to a data store lazily; after a failure of \
                   the engine they may be there again"
                .to_owned(),
        });
    }
}

/// Before 8.5, redelivery counts are not in the tables: they begin anew with each instance.
fn counts(cell: &Cell, engine: &MessagingEngine, queues: &[QueueIndex], contract: &mut Contract) {
    if !cell.was_level.persists_redelivery_count() {
        contract.permitted_resets.push(Permission {
            queues: Some(queues.to_vec()),
            event: STARTED.to_owned(),
            subject: Whom::Named(engine.name.to_string()),
            rule: "before 8.5 redelivery counts are not kept when an engine restarts".to_owned(),
            ..Permission::default()
        });
    }
}

/// One active instance of each engine.
fn ownership(engine: &MessagingEngine) -> Exclusive {
    let restricted = matches!(engine.message_store, MessageStore::DataStore { restrict_long_running_locks: true, .. });
    Exclusive {
        resource: Some(engine.name.to_string()),
        begins: vec![STARTED.to_owned()],
        ends: vec![STOPPED.to_owned(), FAILED.to_owned()],
        pauses: vec![PROCESS_PAUSED.to_owned()],
        resumes: vec![PROCESS_RESUMED.to_owned()],
        allowed_overlap_ns: if restricted { OWNERSHIP_REFRESH_NS } else { 0 },
        rule: "with restricted long-running locks an owner notices that it has lost the store when it next refreshes \
               its ownership (WebSphere Application Server, Restrict long running locks)"
            .to_owned(),
    }
}
