//! What keeps messages: databases and file servers, and the message stores of engines in them.

use std::time::Duration;

use indoubt_engine::file_server::FileSystemKind;
use indoubt_engine::messaging_engine::definition::WasLevel;

use crate::scenario::model::Disk;
use crate::scenario::model::{Database, FileServer, MessageStore};
use crate::scenario::syntax::ast::{Node, Value};

use super::context::{Context, Kind, likely};
use super::fields::Fields;
use super::queue_managers::disk;
use super::values::{count, duration, positive_duration, size, text, yes};

/// TCP keep-alive of most operating systems: two hours without a word before the first probe.
const KEEP_ALIVE: Duration = Duration::from_secs(7_200);

/// Start of a database server, with crash recovery.
const DATABASE_START: Duration = Duration::from_secs(10);

/// Start of a file server.
const FILE_SERVER_START: Duration = Duration::from_secs(5);

/// Lease of a lock of NFS version 4: 90 s is what servers commonly give.
const LEASE: Duration = Duration::from_secs(90);

/// How long a cluster file system takes to expel a silent node and to recover its locks.
const NODE_RECOVERY: Duration = Duration::from_secs(60);

/// A database server.
pub(super) fn database(name: &str, node: &Node, cx: &mut Context<'_>) -> Option<Database> {
    let mut fields = Fields::of(node, "a database", cx)?;
    let host = fields.require("host", cx).and_then(|node| cx.find(Kind::Host, node));
    let database = Database {
        name: name.to_owned(),
        host: host.clone().unwrap_or_default(),
        keep_alive: fields.or("keep_alive", KEEP_ALIVE, cx, positive_duration),
        start_duration: fields.or("start_duration", DATABASE_START, cx, duration),
        capacity: fields.get("capacity", cx, size),
        disk: store_disk(&mut fields, cx),
    };
    fields.finish(cx);
    host.map(|_| database)
}

/// A file server.
pub(super) fn file_server(name: &str, node: &Node, cx: &mut Context<'_>) -> Option<FileServer> {
    let mut fields = Fields::of(node, "a file server", cx)?;
    let host = fields.require("host", cx).and_then(|node| cx.find(Kind::Host, node));
    let kind = fields.or("file_system", FileSystemKind::Nfs4 { lease: LEASE }, cx, file_system);
    let server = FileServer {
        name: name.to_owned(),
        host: host.clone().unwrap_or_default(),
        kind,
        start_duration: fields.or("start_duration", FILE_SERVER_START, cx, duration),
        capacity: fields.get("capacity", cx, size),
        disk: store_disk(&mut fields, cx),
    };
    fields.finish(cx);
    host.map(|_| server)
}

fn store_disk(fields: &mut Fields<'_>, cx: &mut Context<'_>) -> Disk {
    fields.or("disk", super::queue_managers::DISK, cx, disk)
}

fn file_system(node: &Node, cx: &mut Context<'_>) -> Option<FileSystemKind> {
    let example = "nfs4(lease: \"90s\"), nfs3() or cluster(recovery: \"60s\")";
    let Value::Fields { name: Some(kind), fields } = &node.value else {
        cx.unexpected(node, "a kind of file system", example);
        return None;
    };
    let mut fields = Fields::new(node.span, fields, "a file system", cx.problems);
    let kind = match kind.text.as_str() {
        "nfs4" => FileSystemKind::Nfs4 { lease: fields.or("lease", LEASE, cx, positive_duration) },
        "nfs3" => FileSystemKind::Nfs3,
        "cluster" => {
            FileSystemKind::ClusterFileSystem { recovery: fields.or("recovery", NODE_RECOVERY, cx, positive_duration) }
        }
        other => {
            let meant = likely(other, ["nfs4", "nfs3", "cluster"]);
            let meant = meant.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
            let message = format!("{other} is no kind of file system{meant}");
            cx.problem_with_help(kind.span, message, "not known", format!("for example {example}"));
            return None;
        }
    };
    fields.finish(cx);
    Some(kind)
}

/// Where the engines of a cluster keep their messages.
pub(super) fn message_store(node: &Node, was_level: WasLevel, cx: &mut Context<'_>) -> Option<MessageStore> {
    let example = "data_store(database: \"SIBDB\") or file_store(file_server: \"NAS01\")";
    let Value::Fields { name: Some(kind), fields } = &node.value else {
        cx.unexpected(node, "a message store", example);
        return None;
    };
    match kind.text.as_str() {
        "data_store" => {
            let mut fields = Fields::new(node.span, fields, "a data store", cx.problems);
            let database = fields.require("database", cx).and_then(|node| cx.find(Kind::Database, node));
            let schema = fields.get("schema", cx, schema);
            let restrict_node = fields.take("restrict_long_running_locks");
            let restrict_long_running_locks = restrict_node.and_then(|node| yes(node, cx)).unwrap_or(false);
            if let (Some(node), true) = (restrict_node, restrict_long_running_locks && !was_level.stops_engine_only()) {
                let message =
                    format!("restricted long-running locks need level 8.5; this cell is {}", was_level.name());
                cx.problem(node.span, message, "not at this level");
            }
            let failover_on_connection_loss = fields.get("failover_on_connection_loss", cx, yes);
            let initial_wait = fields.get("initial_wait", cx, positive_duration);
            let reenable_period = fields.get("reenable_period", cx, positive_duration);
            let reenable_count = fields.get("reenable_count", cx, count(0..=100_000));
            fields.finish(cx);
            Some(MessageStore::DataStore {
                database: database?,
                schema,
                restrict_long_running_locks,
                failover_on_connection_loss,
                initial_wait,
                reenable_period,
                reenable_count,
            })
        }
        "file_store" => {
            let mut fields = Fields::new(node.span, fields, "a file store", cx.problems);
            let file_server = fields.require("file_server", cx).and_then(|node| cx.find(Kind::FileServer, node));
            let soft_timeout = fields.get("soft_timeout", cx, positive_duration);
            fields.finish(cx);
            Some(MessageStore::FileStore { file_server: file_server?, soft_timeout })
        }
        other => {
            let meant = likely(other, ["data_store", "file_store"]);
            let meant = meant.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
            let message = format!("{other} is no message store{meant}");
            cx.problem_with_help(kind.span, message, "not known", format!("for example {example}"));
            None
        }
    }
}

/// The name of a schema. That another engine has it is no mistake of the scenario's author, who may mean just that.
fn schema(node: &Node, cx: &mut Context<'_>) -> Option<String> {
    let name = text(node, cx)?;
    if name.trim().is_empty() {
        cx.problem(node.span, "a schema has a name", "none in here");
        return None;
    }
    Some(name)
}
