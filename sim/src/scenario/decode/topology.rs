//! Systems: images, hosts, coupling facilities, links, failure management, automatic restart.

use std::time::Duration;

use indoubt_engine::sysplex::definition::FailureManagement;

use crate::scenario::model::{
    AutomaticRestart, Cell, ClockError, CouplingFacility, Database, FileServer, Host, Image, Latency, Link,
    LinkQuality, Place, Sysplex, Topology,
};
use crate::scenario::syntax::ast::Node;

use super::context::{Context, Kind};
use super::fields::Fields;
use super::values::{
    between, count, duration, interval, list, map, positive_duration, share, signed, signed_nanoseconds, size, word,
};
use super::{cell, groups, queue_managers, stores};

/// Coupling links are short: 3 to 4 us.
const COUPLING_LINK: LinkQuality = LinkQuality {
    latency: Latency { base: Duration::from_micros(3), jitter: Duration::from_micros(1) },
    loss_ppm: 0,
    duplication_ppm: 0,
    reordering_ppm: 0,
    bandwidth: None,
};

/// Sections of the topology that describe systems of another family than a sysplex. Where there is one of these, there
/// need be no image and no queue manager.
const OTHER_FAMILIES: &[&str] = &["cell"];

/// The `topology` section.
pub(super) fn topology(node: &Node, cx: &mut Context<'_>) -> Option<Topology> {
    let mut fields = Fields::of(node, "the topology", cx)?;
    let mut topology =
        Topology { sysplex: Sysplex { coupling_link: COUPLING_LINK, ..Sysplex::default() }, ..Topology::default() };
    // Without a section of any other family it is a sysplex that is described, perhaps badly.
    let is_sysplex = !OTHER_FAMILIES.iter().any(|section| fields.written(section).is_some());
    let images = if is_sysplex { fields.require("images", cx) } else { fields.take("images") };
    if let Some(node) = images {
        map(node, cx, |name, _, node, cx| {
            let clock = clocked(node, "an image", cx);
            topology.sysplex.images.push(Image { name: name.into(), clock });
        });
    }
    if let Some(node) = fields.take("hosts") {
        map(node, cx, |name, _, node, cx| {
            let clock = clocked(node, "a host", cx);
            topology.hosts.push(Host { name: name.into(), clock });
        });
    }
    if let Some(node) = fields.take("coupling_facilities") {
        map(node, cx, |name, _, node, cx| {
            topology.sysplex.coupling_facilities.extend(coupling_facility(name, node, cx));
        });
    }
    if let Some(node) = fields.take("queue_sharing_groups") {
        map(node, cx, |name, key, node, cx| {
            topology.sysplex.queue_sharing_groups.extend(groups::group(name, key.span, node, cx));
        });
    }
    let queue_managers = if is_sysplex { fields.require("queue_managers", cx) } else { fields.take("queue_managers") };
    if let Some(node) = queue_managers {
        map(node, cx, |name, _, node, cx| {
            topology.sysplex.queue_managers.extend(queue_managers::queue_manager(name, node, cx));
        });
        if is_sysplex && cx.names.of(Kind::QueueManager).is_empty() && !cx.problems.any_syntax() {
            cx.problem(node.span, "there is no queue manager", "none in here");
        }
    }
    topology.sysplex.failure_management = fields.or("sfm", FailureManagement::default(), cx, failure_management);
    if let Some(node) = fields.take("arm") {
        let alone: Vec<String> = topology
            .sysplex
            .queue_managers
            .iter()
            .filter(|manager| manager.group.is_none())
            .map(|manager| manager.name.to_string())
            .collect();
        map(node, cx, |name, key, node, cx| {
            let known = cx.find(Kind::QueueManager, key).is_some();
            if alone.iter().any(|alone| alone == name) {
                let message =
                    format!("automatic restart of {name}, which is in no queue-sharing group, is not modelled yet");
                cx.problem(key.span, message, "give it a qsgname, or a restart_after in the fault");
            }
            let policy = automatic_restart(name, node, cx);
            topology.sysplex.automatic_restart.extend(policy.filter(|_| known));
        });
    }
    let (databases, file_servers) = stores(&mut fields, cx);
    if let Some(node) = fields.take("cell") {
        topology.cell = cell::cell(node, cx).map(|cell| Cell { databases, file_servers, ..cell });
    }
    topology.network =
        fields.or("network", LinkQuality::default(), cx, |node, cx| quality(node, LinkQuality::default(), cx));
    topology.sysplex.coupling_link =
        fields.or("coupling_link", COUPLING_LINK, cx, |node, cx| quality(node, COUPLING_LINK, cx));
    let qualities = (topology.network, topology.sysplex.coupling_link);
    topology.links =
        fields.or("links", Vec::new(), cx, |node, cx| list(node, cx, |node, cx| link(node, qualities, cx)));
    fields.not_modelled(&["db2", "db2_groups"], "Db2 is", cx);
    fields.not_modelled(&["channels", "shared_channels"], "channels are", cx);
    fields.not_modelled(&["clusters"], "queue manager clusters are", cx);
    fields.finish(cx);
    Some(topology)
}

/// Databases and file servers.
fn stores(fields: &mut Fields<'_>, cx: &mut Context<'_>) -> (Vec<Database>, Vec<FileServer>) {
    let (mut databases, mut file_servers) = (Vec::new(), Vec::new());
    if let Some(node) = fields.take("databases") {
        map(node, cx, |name, _, node, cx| databases.extend(stores::database(name, node, cx)));
    }
    if let Some(node) = fields.take("file_servers") {
        map(node, cx, |name, _, node, cx| file_servers.extend(stores::file_server(name, node, cx)));
    }
    (databases, file_servers)
}

fn clocked(node: &Node, what: &'static str, cx: &mut Context<'_>) -> ClockError {
    let Some(mut fields) = Fields::of(node, what, cx) else { return ClockError::default() };
    let clock = fields.or("clock", ClockError::default(), cx, |node, cx| {
        let mut fields = Fields::of(node, "a clock", cx)?;
        let skew_ns = fields.or("skew", 0, cx, signed_nanoseconds);
        let drift_ppm = fields.or("drift_ppm", 0, cx, signed(-10_000..=10_000));
        fields.finish(cx);
        Some(ClockError { skew_ns, drift_ppm })
    });
    fields.finish(cx);
    clock
}

fn coupling_facility(name: &str, node: &Node, cx: &mut Context<'_>) -> Option<CouplingFacility> {
    let mut fields = Fields::of(node, "a coupling facility", cx)?;
    let facility = CouplingFacility {
        name: name.into(),
        command_time: fields.or("command_time", Duration::from_micros(10), cx, duration),
        signal_delay: fields.or("signal_delay", Duration::from_micros(20), cx, duration),
        spurious_signal_every: fields.or("spurious_signal_every", 16, cx, count(0..=1_000_000)),
    };
    fields.not_modelled(&["duplexed_with", "duplex"], "duplexing is", cx);
    fields.finish(cx);
    Some(facility)
}

fn failure_management(node: &Node, cx: &mut Context<'_>) -> Option<FailureManagement> {
    let mut fields = Fields::of(node, "failure management (sfm)", cx)?;
    let default = FailureManagement::default();
    let detection = fields.take("interval");
    let management = FailureManagement {
        status_interval: fields.or("status_interval", default.status_interval, cx, interval),
        failure_detection_interval: detection
            .and_then(|node| positive_duration(node, cx))
            .unwrap_or(default.failure_detection_interval),
        isolate_time: fields.or("isolatetime", default.isolate_time, cx, duration),
        cleanup_interval: fields.or("cleanup", default.cleanup_interval, cx, duration),
        abend_notification: fields.or("abend_notification", default.abend_notification, cx, duration),
        link_loss_detection: fields.or("link_loss_detection", default.link_loss_detection, cx, duration),
    };
    if management.failure_detection_interval <= management.status_interval {
        let span = detection.map_or(fields.span(), |node| node.span);
        let message = "the failure detection interval must be longer than the status interval: every image would be \
                       taken for dead between two of its updates";
        cx.problem(span, message, "too short");
    }
    fields.not_modelled(&["ssumlimit", "connfail", "weight", "prompt"], "this part of SFM is", cx);
    fields.finish(cx);
    Some(management)
}

/// `TERMTYPE`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TermType {
    /// In place and, if the image is gone, elsewhere.
    All,
    /// In place only.
    Element,
}

fn automatic_restart(name: &str, node: &Node, cx: &mut Context<'_>) -> Option<AutomaticRestart> {
    let mut fields = Fields::of(node, "a restart policy", cx)?;
    let targets = fields.take("target_system");
    let term_type =
        fields.or("termtype", TermType::All, cx, word(&[("ALLTERM", TermType::All), ("ELEMTERM", TermType::Element)]));
    let own_image = cx.names.image_of.get(name).cloned();
    let target_systems = match (targets, term_type) {
        (Some(node), TermType::Element) => {
            let message = "a policy with termtype: ELEMTERM restarts in place only, so it has no target_system";
            cx.problem(node.span, message, "contradicts termtype");
            Vec::new()
        }
        (Some(node), TermType::All) => list(node, cx, |node, cx| {
            let image = cx.find(Kind::Image, node)?;
            if own_image.as_ref() == Some(&image) {
                let message = format!("{image} is where {name} runs anyway; target_system names other images");
                cx.problem(node.span, message, "its own image");
            }
            Some(image.into())
        })?,
        (None, TermType::Element) => Vec::new(),
        (None, TermType::All) => {
            let others = cx.names.of(Kind::Image).iter().filter(|image| Some(*image) != own_image.as_ref());
            others.map(|image| image.as_str().into()).collect()
        }
    };
    let (restart_attempts, attempt_interval) =
        fields.or("restart_attempts", (3, Duration::from_secs(300)), cx, |node, cx| {
            use crate::scenario::syntax::ast::Value;
            match &node.value {
                Value::Items { name: None, items } if items.len() == 2 => {
                    Some((count(0..=1000)(&items[0], cx)?, positive_duration(&items[1], cx)?))
                }
                Value::Number(_) => Some((count(0..=1000)(node, cx)?, Duration::from_secs(300))),
                _ => {
                    cx.unexpected(node, "how many restarts within which time", "(3, \"300s\")");
                    None
                }
            }
        });
    let delay = fields.or("delay", Duration::from_secs(10), cx, duration);
    fields.finish(cx);
    Some(AutomaticRestart {
        queue_manager: name.into(),
        in_place: true,
        target_systems,
        restart_attempts,
        attempt_interval,
        delay,
    })
}

/// What a link is like, starting from what it is like if nothing is said.
pub(super) fn quality_fields(fields: &mut Fields<'_>, default: LinkQuality, cx: &mut Context<'_>) -> LinkQuality {
    LinkQuality {
        latency: fields.or("latency", default.latency, cx, latency),
        loss_ppm: fields.or("loss", default.loss_ppm, cx, share),
        duplication_ppm: fields.or("duplication", default.duplication_ppm, cx, share),
        reordering_ppm: fields.or("reordering", default.reordering_ppm, cx, share),
        bandwidth: fields.get("bandwidth", cx, bandwidth).or(default.bandwidth),
    }
}

fn bandwidth(node: &Node, cx: &mut Context<'_>) -> Option<u64> {
    let bytes = size(node, cx)?;
    if bytes < 1024 {
        cx.problem(node.span, "a link carries at least 1KB for each second", "too little");
        return None;
    }
    Some(bytes)
}

fn quality(node: &Node, default: LinkQuality, cx: &mut Context<'_>) -> Option<LinkQuality> {
    let mut fields = Fields::of(node, "the quality of a link", cx)?;
    let quality = quality_fields(&mut fields, default, cx);
    fields.finish(cx);
    Some(quality)
}

/// `"500us"` or `("400us", "600us")`.
pub(super) fn latency(node: &Node, cx: &mut Context<'_>) -> Option<Latency> {
    let (least, most) = between(duration)(node, cx)?;
    Some(Latency { base: least, jitter: most.saturating_sub(least) })
}

fn link(node: &Node, (network, coupling): (LinkQuality, LinkQuality), cx: &mut Context<'_>) -> Option<Link> {
    let mut fields = Fields::of(node, "a link", cx)?;
    let ends = link_ends(&mut fields, cx);
    let is_coupling = matches!(&ends, Some((from, to)) if is_coupling_facility(from) || is_coupling_facility(to));
    let quality = quality_fields(&mut fields, if is_coupling { coupling } else { network }, cx);
    fields.finish(cx);
    let (from, to) = ends?;
    Some(Link { from, to, quality })
}

fn is_coupling_facility(place: &Place) -> bool {
    matches!(place, Place::CouplingFacility(_))
}

/// The two ends of a link, `from` and `to`.
pub(super) fn link_ends(fields: &mut Fields<'_>, cx: &mut Context<'_>) -> Option<(Place, Place)> {
    let from = fields.require("from", cx).map(|node| (node, cx.find_place(node)));
    let to = fields.require("to", cx).map(|node| (node, cx.find_place(node)));
    let ((_, Some(from)), (node, Some(to))) = (from?, to?) else { return None };
    if from == to {
        cx.problem(node.span, "a link has two different ends", "the same as `from`");
        return None;
    }
    let linked = match (&from, &to) {
        (Place::CouplingFacility(_), Place::Image(_)) | (Place::Image(_), Place::CouplingFacility(_)) => true,
        _ => !is_coupling_facility(&from) && !is_coupling_facility(&to),
    };
    if !linked {
        let message = "coupling links lead from images to coupling facilities; there is no link between these two";
        cx.problem(node.span, message, "not linked");
        return None;
    }
    Some((from, to))
}
