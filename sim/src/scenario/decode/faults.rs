//! Faults: what goes wrong.

use std::time::Duration;

use crate::scenario::model::{DiskFault, Fault, FaultAction, LinkQuality, Place, Topology};
use crate::scenario::syntax::ast::{Node, Span, Value};

use super::calls::{Parts, call, single};
use super::context::{Context, Kind};
use super::fields::Fields;
use super::moments::{process, when};
use super::topology::{link_ends, quality_fields};
use super::values::{count, duration, list, positive_duration, word, yes};

/// Forms of `what`.
const ACTIONS: [&str; 10] =
    ["kill", "start", "stop", "power_off", "take_offline", "pause", "cut", "degrade", "disk", "one_of"];

/// A fault and where its parts stand, for the checks that follow.
pub(in crate::scenario) struct Placed {
    pub(in crate::scenario) fault: Fault,
    pub(in crate::scenario) when: Span,
    pub(in crate::scenario) what: Span,
}

/// The `faults` section.
pub(super) fn faults(node: &Node, source: &str, topology: &Topology, cx: &mut Context<'_>) -> Option<Vec<Placed>> {
    let (mut counted, mut line) = (0, 1_u32);
    list(node, cx, |node, cx| {
        let mut fields = Fields::of(node, "a fault", cx)?;
        let when_node = fields.require("when", cx);
        let when = when_node.and_then(|node| when(node, cx));
        let what_node = fields.require("what", cx);
        let what = what_node.and_then(|node| action(node, topology, 0, cx));
        fields.finish(cx);
        let newlines = source[counted..node.span.start].matches('\n').count();
        counted = node.span.start;
        line = line.saturating_add(u32::try_from(newlines).unwrap_or(u32::MAX));
        let fault = Fault { line, when: when?, what: what? };
        Some(Placed { fault, when: when_node?.span, what: what_node?.span })
    })
}

/// A process that can end and start by itself: a queue manager or an application.
fn mortal(node: &Node, verb: &str, cx: &mut Context<'_>) -> Option<String> {
    let name = process(node, cx)?;
    match cx.names.kind_of(&name) {
        Some(Kind::CouplingFacility) => {
            cx.not_modelled(node.span, "coupling facility failure is");
            None
        }
        Some(Kind::Image) => {
            let message = format!("{name} is an image: {verb} is for servers and applications");
            let help = format!("write power_off(\"{name}\") or take_offline(\"{name}\")");
            cx.problem_with_help(node.span, message, "an image", help);
            None
        }
        _ => Some(name),
    }
}

/// A server process that can be asked to end in good order.
fn stoppable(node: &Node, cx: &mut Context<'_>) -> Option<String> {
    let name = mortal(node, "stop", cx)?;
    if cx.names.single.contains(&name) || cx.names.instances.contains(&name) {
        let help = format!("write kill(\"{name}\")");
        cx.problem_with_help(
            node.span,
            format!("{name} is an application: nobody stops it in good order"),
            "an application",
            help,
        );
        return None;
    }
    Some(name)
}

/// A process that keeps something on a disk of its own.
fn with_disk(node: &Node, cx: &mut Context<'_>) -> Option<String> {
    let name = cx.name_text(node, "a process with a disk")?;
    let kinds = [Kind::QueueManager, Kind::Database, Kind::FileServer];
    if kinds.into_iter().any(|kind| cx.names.of(kind).contains(&name)) {
        return Some(name);
    }
    let candidates: Vec<String> = kinds.into_iter().flat_map(|kind| cx.names.of(kind).to_vec()).collect();
    cx.dangling(node.span, "process with a disk", &name, candidates.iter().map(String::as_str));
    None
}

fn action(node: &Node, topology: &Topology, depth: u32, cx: &mut Context<'_>) -> Option<FaultAction> {
    let (form, parts) = call(node, "a fault", &ACTIONS, "kill(\"QM01\")", cx)?;
    match (form, parts) {
        ("kill", parts) => {
            let (process, restart_after) =
                subject(node, parts, "kill", "process", cx, |node, cx| mortal(node, "kill", cx))?;
            Some(FaultAction::Kill { process, restart_after })
        }
        ("start", parts) => {
            let target = |node: &Node, cx: &mut Context<'_>| mortal(node, "start", cx);
            let process = match parts {
                Parts::Items(items) => target(single(node, items, cx)?, cx)?,
                Parts::Fields(fields) => {
                    let mut fields = Fields::new(node.span, fields, "start", cx.problems);
                    let process = fields.require("process", cx).and_then(|node| target(node, cx));
                    fields.finish(cx);
                    process?
                }
            };
            Some(FaultAction::Start { process })
        }
        ("stop", parts) => stop(node, parts, cx),
        ("power_off", parts) => {
            let (place, restart_after) = subject(node, parts, "power_off", "place", cx, |node, cx| {
                let place = cx.find_place(node)?;
                if matches!(place, Place::CouplingFacility(_)) {
                    cx.not_modelled(node.span, "coupling facility failure is");
                    return None;
                }
                Some(place)
            })?;
            Some(FaultAction::PowerOff { place, restart_after })
        }
        ("take_offline", parts) => {
            let target = |node: &Node, cx: &mut Context<'_>| cx.find(Kind::Image, node);
            let (image, restart_after) = subject(node, parts, "take_offline", "image", cx, target)?;
            Some(FaultAction::TakeOffline { place: Place::Image(image.into()), restart_after })
        }
        ("one_of", Parts::Items(items)) => one_of_several(node, items, topology, depth, cx),
        ("pause", Parts::Fields(fields)) => {
            let mut fields = Fields::new(node.span, fields, "pause", cx.problems);
            let process = fields.require("process", cx).and_then(|node| {
                let name = process(node, cx)?;
                if cx.names.kind_of(&name) == Some(Kind::CouplingFacility) {
                    cx.not_modelled(node.span, "a paused coupling facility is");
                    return None;
                }
                Some(name)
            });
            let duration = fields.require("duration", cx).and_then(|node| positive_duration(node, cx));
            fields.finish(cx);
            Some(FaultAction::Pause { process: process?, duration: duration? })
        }
        ("cut", Parts::Fields(fields)) => {
            let mut fields = Fields::new(node.span, fields, "cut", cx.problems);
            let ends = link_ends(&mut fields, cx);
            let one_way = fields.or("one_way", false, cx, yes);
            let duration = fields.require("duration", cx).and_then(|node| positive_duration(node, cx));
            fields.finish(cx);
            let (from, to) = ends?;
            Some(FaultAction::Cut { from, to, one_way, duration: duration? })
        }
        ("degrade", Parts::Fields(fields)) => {
            let mut fields = Fields::new(node.span, fields, "degrade", cx.problems);
            let ends = link_ends(&mut fields, cx);
            let default =
                ends.as_ref().map_or(LinkQuality::default(), |(from, to)| quality_between(topology, from, to));
            let quality = quality_fields(&mut fields, default, cx);
            let duration = fields.require("duration", cx).and_then(|node| positive_duration(node, cx));
            if ends.is_some() && quality == default {
                let help = "say what gets worse: latency, loss, duplication, reordering or bandwidth";
                cx.problem_with_help(node.span, "this leaves the link as it is", "no difference", help);
            }
            fields.finish(cx);
            let (from, to) = ends?;
            Some(FaultAction::Degrade { from, to, quality, duration: duration? })
        }
        ("disk", Parts::Fields(fields)) => {
            let mut fields = Fields::new(node.span, fields, "disk", cx.problems);
            let process = fields.require("process", cx).and_then(|node| with_disk(node, cx));
            let fault = fields.require("fault", cx).and_then(|node| disk_fault(node, cx));
            let duration = fields.get("duration", cx, positive_duration);
            fields.finish(cx);
            Some(FaultAction::Disk { process: process?, fault: fault?, duration })
        }
        (form, _) => {
            let help = match form {
                "pause" => "pause(process: \"QM01\", duration: \"20s\")",
                "cut" => "cut(from: \"SYSA\", to: \"CF01\", duration: \"30s\")",
                "degrade" => "degrade(from: \"SYSA\", to: \"SYSB\", loss: \"5%\", duration: \"30s\")",
                "disk" => "disk(process: \"QM01\", fault: tear_last_write)",
                _ => "one_of([kill(\"QM01\"), (weight: 3, what: kill(\"QM02\"))])",
            };
            cx.problem_with_help(
                node.span,
                format!("{form} is not written like this"),
                "the wrong form",
                format!("write {help}"),
            );
            None
        }
    }
}

/// `kill("QM01")` or `kill(process: "QM01", restart_after: "5s")`.
fn subject<T>(
    node: &Node,
    parts: Parts<'_>,
    what: &'static str,
    field: &'static str,
    cx: &mut Context<'_>,
    decode: impl Fn(&Node, &mut Context<'_>) -> Option<T>,
) -> Option<(T, Option<Duration>)> {
    match parts {
        Parts::Items(items) => Some((decode(single(node, items, cx)?, cx)?, None)),
        Parts::Fields(fields) => {
            let mut fields = Fields::new(node.span, fields, what, cx.problems);
            let target = fields.require(field, cx).and_then(|node| decode(node, cx));
            let restart_after = fields.get("restart_after", cx, duration);
            fields.finish(cx);
            Some((target?, restart_after))
        }
    }
}

fn stop(node: &Node, parts: Parts<'_>, cx: &mut Context<'_>) -> Option<FaultAction> {
    match parts {
        Parts::Items(items) => {
            let only = single(node, items, cx)?;
            let process = stoppable(only, cx)?;
            Some(FaultAction::Stop { process, force: false, restart_after: None })
        }
        Parts::Fields(fields) => {
            let mut fields = Fields::new(node.span, fields, "stop", cx.problems);
            let process = fields.require("process", cx).and_then(|node| stoppable(node, cx));
            let force = fields.or("mode", false, cx, word(&[("QUIESCE", false), ("FORCE", true)]));
            let restart_after = fields.get("restart_after", cx, duration);
            fields.finish(cx);
            Some(FaultAction::Stop { process: process?, force, restart_after })
        }
    }
}

fn one_of_several(
    node: &Node,
    items: &[Node],
    topology: &Topology,
    depth: u32,
    cx: &mut Context<'_>,
) -> Option<FaultAction> {
    let entries = single(node, items, cx)?;
    if depth > 0 {
        cx.problem(node.span, "one_of cannot stand inside another one_of", "nested");
        return None;
    }
    let Value::List(all) = &entries.value else {
        cx.unexpected(entries, "a list of faults", "[kill(\"QM01\"), (weight: 3, what: kill(\"QM02\"))]");
        return None;
    };
    let choices = list(entries, cx, |node, cx| match &node.value {
        Value::Fields { name: None, .. } => {
            let mut fields = Fields::of(node, "a weighted fault", cx)?;
            let weight = fields.or("weight", 1, cx, count(1..=1000));
            let what = fields.require("what", cx).and_then(|node| action(node, topology, depth + 1, cx));
            fields.finish(cx);
            Some((weight, what?))
        }
        _ => Some((1, action(node, topology, depth + 1, cx)?)),
    })?;
    if all.is_empty() {
        cx.problem(entries.span, "one_of needs something to choose from", "empty");
        return None;
    }
    (choices.len() == all.len()).then_some(FaultAction::OneOf(choices))
}

fn disk_fault(node: &Node, cx: &mut Context<'_>) -> Option<DiskFault> {
    if let Value::Items { name: Some(name), items } = &node.value
        && name.text == "slow"
    {
        return Some(DiskFault::Slow(positive_duration(single(node, items, cx)?, cx)?));
    }
    let choices = [
        ("lose_force", Some(DiskFault::LoseForce)),
        ("tear_last_write", Some(DiskFault::TearLastWrite)),
        ("slow", None),
        ("full", Some(DiskFault::Full)),
        ("rot_tail", Some(DiskFault::RotTail)),
    ];
    let fault = word(&choices)(node, cx)?;
    if fault.is_none() {
        cx.problem_with_help(node.span, "how much slower?", "no duration", "write slow(\"5ms\")");
    }
    fault
}

/// What the link between two places is like when nothing is wrong.
fn quality_between(topology: &Topology, from: &Place, to: &Place) -> LinkQuality {
    let joins = |link: &&crate::scenario::model::Link| {
        (&link.from, &link.to) == (from, to) || (&link.from, &link.to) == (to, from)
    };
    let coupling = [from, to].iter().any(|place| matches!(place, Place::CouplingFacility(_)));
    let usual = if coupling { topology.sysplex.coupling_link } else { topology.network };
    topology.links.iter().find(joins).map_or(usual, |link| link.quality)
}
