//! Queue-sharing groups, their structures, and queues of either kind.

use std::collections::BTreeMap;

use indoubt_engine::coupling_facility::definition::{ADMIN_STRUCTURE, LARGEST_MESSAGE, StructureDefinition};
use indoubt_engine::message::{Persistence, Priority};
use indoubt_engine::name::{QueueName, StructureName};
use indoubt_engine::queue_manager::definition::{ConnectivityLoss, DeliverySequence, QueueDefinition, QueuePlace};

use crate::scenario::model::{Queue, QueueSharingGroup, Structure};
use crate::scenario::syntax::ast::{Node, Span};

use super::context::{Context, Kind};
use super::fields::Fields;
use super::values::{count, map, size, word, yes};

/// Size of a structure if nothing is said: 64 MB.
const STRUCTURE_SIZE: u64 = 64 << 20;

/// Size of the admin structure if nothing is said: 16 MB.
const ADMIN_SIZE: u64 = 16 << 20;

/// A queue-sharing group.
pub(super) fn group(name: &str, key: Span, node: &Node, cx: &mut Context<'_>) -> Option<QueueSharingGroup> {
    let mut fields = Fields::of(node, "a queue-sharing group", cx)?;
    let coupling_facility = match fields.take("coupling_facility") {
        Some(node) => cx.find(Kind::CouplingFacility, node),
        None => only_coupling_facility(fields.span(), cx),
    };
    let mut structures = BTreeMap::new();
    if let Some(node) = fields.take("cfstructs") {
        map(node, cx, |name, _, node, cx| {
            structures.extend(structure(name, node, cx).map(|structure| (StructureName::from(name), structure)));
        });
    }
    structures.entry(ADMIN_STRUCTURE.into()).or_insert(Structure {
        capacity: StructureDefinition::of_size(ADMIN_SIZE),
        connectivity_loss: ConnectivityLoss::Terminate,
        recover: true,
    });
    let mut queues = BTreeMap::new();
    if let Some(node) = fields.take("qlocals") {
        map(node, cx, |queue_name, key, node, cx| {
            let queue = queue(Home::Shared { group: name, structures: &structures }, queue_name, key.span, node, cx);
            queues.extend(queue.map(|queue| (QueueName::from(queue_name), queue)));
        });
    }
    let group_unit_of_recovery = fields.or("groupur", false, cx, word(&[("ENABLED", true), ("DISABLED", false)]));
    fields.not_modelled(&["igq", "intra_group_queuing"], "intra-group queuing is", cx);
    fields.not_modelled(&["db2"], "Db2 is", cx);
    fields.not_modelled(&["channels"], "shared channels are", cx);
    fields.finish(cx);
    if cx.names.members(name).next().is_none() && !cx.problems.any_syntax() {
        let help = format!("a queue manager joins with qsgname: \"{name}\"");
        cx.problem_with_help(key, format!("no queue manager is a member of {name}"), "without members", help);
    }
    Some(QueueSharingGroup {
        name: name.into(),
        coupling_facility: coupling_facility?.into(),
        structures,
        queues,
        group_unit_of_recovery,
    })
}

/// Where there is one coupling facility only, it need not be named.
fn only_coupling_facility(span: Span, cx: &mut Context<'_>) -> Option<String> {
    if let [only] = cx.names.of(Kind::CouplingFacility) {
        return Some(only.clone());
    }
    if !cx.problems.any_syntax() {
        cx.problem(span, "a queue-sharing group needs `coupling_facility`", "missing in here");
    }
    None
}

fn structure(name: &str, node: &Node, cx: &mut Context<'_>) -> Option<Structure> {
    let mut fields = Fields::of(node, "a structure", cx)?;
    let is_admin = name == ADMIN_STRUCTURE;
    let default = if is_admin { ADMIN_SIZE } else { STRUCTURE_SIZE };
    let whole = fields.take("size");
    let entries = fields.get("entries", cx, count(1..=100_000_000));
    let elements = fields.get("elements", cx, count(1..=1_000_000_000));
    let capacity = match (whole, entries, elements) {
        (Some(node), None, None) => StructureDefinition::of_size(size(node, cx).unwrap_or(default)),
        (None, Some(entries), Some(elements)) => StructureDefinition { entries, elements },
        (None, Some(entries), None) => StructureDefinition { entries, elements: entries.saturating_mul(6) },
        (None, None, Some(elements)) => StructureDefinition { entries: (elements / 6).max(1), elements },
        (None, None, None) => StructureDefinition::of_size(default),
        (Some(node), _, _) => {
            cx.problem(node.span, "a structure has either a `size` or `entries` and `elements`", "not both");
            StructureDefinition::of_size(default)
        }
    };
    let level_node = fields.take("cflevel");
    let level = level_node.and_then(|node| count(1..=5)(node, cx));
    let connectivity_loss = fields.or(
        "cfconlos",
        ConnectivityLoss::Terminate,
        cx,
        word(&[("TERMINATE", ConnectivityLoss::Terminate), ("TOLERATE", ConnectivityLoss::Tolerate)]),
    );
    let recover = fields.or("recover", is_admin, cx, yes);
    if let (Some(node), Some(level)) = (level_node, level) {
        if recover && level < 3 {
            cx.problem(node.span, "RECOVER(YES) needs CFLEVEL 3 or higher", "too low");
        }
        if connectivity_loss == ConnectivityLoss::Tolerate && level < 5 {
            cx.problem(node.span, "CFCONLOS(TOLERATE) needs CFLEVEL 5", "too low");
        }
    }
    fields.not_modelled(&["duplex", "duplexing"], "duplexing is", cx);
    fields.not_modelled(&["recauto", "backup", "backup_interval"], "structure backup and recovery are", cx);
    let offload = [
        "offload", "dsgroup", "dsblock", "dsbufs", "offld1th", "offld1sz", "offld2th", "offld2sz", "offld3th",
        "offld3sz",
    ];
    fields.not_modelled(&offload, "offloading (messages above 63 KB) is", cx);
    fields.finish(cx);
    Some(Structure { capacity, connectivity_loss, recover })
}

/// Where a queue is defined.
#[derive(Clone, Copy)]
pub(super) enum Home<'a> {
    /// Under a group.
    Shared { group: &'a str, structures: &'a BTreeMap<StructureName, Structure> },
    /// Under a queue manager.
    Private { queue_manager: &'a str },
}

/// A local queue.
pub(super) fn queue(home: Home<'_>, name: &str, key: Span, node: &Node, cx: &mut Context<'_>) -> Option<Queue> {
    let mut fields = Fields::of(node, "a queue", cx)?;
    let cfstruct = fields.take("cfstruct");
    let (place, may_be_persistent) = match (home, cfstruct) {
        (Home::Private { .. }, None) => (Some(QueuePlace::Private), true),
        (Home::Private { queue_manager }, Some(node)) => {
            let message = format!("a queue of {queue_manager} is private and lies in no structure");
            let help = "define shared queues under their queue-sharing group";
            cx.problem_with_help(node.span, message, "a private queue", help);
            (None, true)
        }
        (Home::Shared { group, .. }, None) => {
            only_structure(group, key, name, cx);
            (None, true)
        }
        (Home::Shared { group, structures }, Some(node)) => {
            let found = find_structure(group, node, cx);
            let recover =
                found.as_ref().and_then(|name| structures.get(name)).is_none_or(|structure| structure.recover);
            (found.map(QueuePlace::Shared), recover)
        }
    };
    let shared = matches!(home, Home::Shared { .. });
    let default = QueueDefinition::default();
    let persistence_node = fields.take("defpsist");
    let default_persistence =
        persistence_node.and_then(|node| persistence(node, cx)).unwrap_or(Persistence::Nonpersistent);
    if let (Some(node), Persistence::Persistent, false) = (persistence_node, default_persistence, may_be_persistent) {
        let message = format!("{name} cannot hold persistent messages: its structure has recover: NO");
        let help = "give the structure recover: YES, or the queue defpsist: NO";
        cx.problem_with_help(node.span, message, "not in this structure", help);
    }
    let length_node = fields.take("maxmsgl");
    let maximum = if shared { LARGEST_MESSAGE } else { default.maximum_message_length };
    let maximum_message_length =
        length_node.and_then(|node| size(node, cx).map(|size| (node, size))).map_or(maximum, |(node, size)| {
            if size == 0 || size > 100 << 20 {
                cx.problem(node.span, "MAXMSGL is 1 byte to 100 MB", "out of range");
                maximum
            } else if shared && size > u64::from(LARGEST_MESSAGE) {
                cx.not_modelled(node.span, "messages above 63 KB on a shared queue are");
                maximum
            } else {
                u32::try_from(size).unwrap_or(maximum)
            }
        });
    let definition = QueueDefinition {
        place: place.clone().unwrap_or(QueuePlace::Private),
        default_persistence,
        default_priority: fields.or("defprty", Priority::default(), cx, priority),
        delivery_sequence: fields.or(
            "msgdlvsq",
            DeliverySequence::Priority,
            cx,
            word(&[("PRIORITY", DeliverySequence::Priority), ("FIFO", DeliverySequence::Fifo)]),
        ),
        maximum_depth: fields.or("maxdepth", default.maximum_depth, cx, count(0..=999_999_999)),
        maximum_message_length,
        harden_backout: fields.or("hardenbo", shared, cx, yes) || shared,
        share: fields.or("share", true, cx, yes),
    };
    let backout_threshold = fields.get("bothresh", cx, count(0..=999_999_999)).filter(|threshold| *threshold > 0);
    let backout_queue = fields.get("boqname", cx, |node, cx| backout_queue(home, name, node, cx));
    fields.not_modelled(&["triggering", "trigtype", "trigger", "initq", "process"], "triggering is", cx);
    fields.not_modelled(&["cluster", "clusnl", "defbind"], "queue manager clusters are", cx);
    fields.not_modelled(&["npmclass"], "NPMCLASS is", cx);
    fields.not_modelled(&["usage"], "transmission queues are", cx);
    fields.finish(cx);
    place?;
    Some(Queue { definition, backout_threshold, backout_queue })
}

fn only_structure(group: &str, key: Span, queue: &str, cx: &mut Context<'_>) {
    let structures = cx.names.structures.get(group).cloned().unwrap_or_default();
    let help = structures.first().map_or("define one in cfstructs".to_owned(), |name| format!("cfstruct: \"{name}\"?"));
    cx.problem_with_help(key, format!("{queue} is shared, so it needs `cfstruct`"), "in which structure?", help);
}

fn find_structure(group: &str, node: &Node, cx: &mut Context<'_>) -> Option<StructureName> {
    let name = cx.name_text(node, "a structure")?;
    if name == ADMIN_STRUCTURE {
        cx.problem(node.span, format!("{ADMIN_STRUCTURE} holds no queues"), "the admin structure");
        return None;
    }
    let structures = cx.names.structures.get(group).cloned().unwrap_or_default();
    if structures.contains(&name) {
        return Some(name.into());
    }
    let candidates = structures.iter().map(String::as_str).filter(|name| *name != ADMIN_STRUCTURE);
    cx.dangling(node.span, &format!("structure of {group}"), &name, candidates);
    None
}

/// `BOQNAME` must be a queue that applications can put to from wherever they got the message.
fn backout_queue(home: Home<'_>, own: &str, node: &Node, cx: &mut Context<'_>) -> Option<QueueName> {
    let name = cx.name_text(node, "a queue")?;
    if name == own {
        cx.problem(node.span, format!("{own} cannot be its own backout queue"), "itself");
        return None;
    }
    match home {
        Home::Private { queue_manager } => {
            let candidates: Vec<String> = cx.names.queues_of(queue_manager).map(str::to_owned).collect();
            if candidates.contains(&name) {
                return Some(name.into());
            }
            cx.dangling(node.span, "queue", &name, candidates.iter().map(String::as_str));
        }
        Home::Shared { group, .. } => {
            let shared = cx.names.shared_queues.get(group).cloned().unwrap_or_default();
            if shared.contains(&name) {
                return Some(name.into());
            }
            let members: Vec<String> = cx.names.members(group).map(str::to_owned).collect();
            let with = members.iter().filter(|member| cx.names.queues_of(member).any(|queue| queue == name)).count();
            if with > 0 && with == members.len() {
                return Some(name.into());
            }
            if let Some(without) =
                members.iter().find(|member| with > 0 && !cx.names.queues_of(member).any(|q| q == name))
            {
                let message = format!("{name} is not defined on {without}, where messages of {own} can be got as well");
                cx.problem_with_help(node.span, message, "not everywhere", "make it a shared queue");
                return None;
            }
            cx.dangling(node.span, "queue", &name, shared.iter().map(String::as_str).filter(|queue| *queue != own));
        }
    }
    None
}

/// `YES` or `NO`.
pub(super) fn persistence(node: &Node, cx: &mut Context<'_>) -> Option<Persistence> {
    yes(node, cx).map(|yes| if yes { Persistence::Persistent } else { Persistence::Nonpersistent })
}

/// 0 to 9.
pub(super) fn priority(node: &Node, cx: &mut Context<'_>) -> Option<Priority> {
    let number = count(0..=9)(node, cx)?;
    u8::try_from(number).ok().and_then(Priority::new)
}
