//! The servers that keep messages for others: databases and file servers.

use std::time::Duration;

use indoubt_engine::file_server::FileSystemKind;

use crate::scenario::model::Disk;
use crate::scenario::model::{Database, FileServer};
use crate::scenario::syntax::ast::{Node, Value};

use super::context::{Context, Kind, likely};
use super::fields::Fields;
use super::queue_managers::disk;
use super::values::{duration, positive_duration, size};

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
