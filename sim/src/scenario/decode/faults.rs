//! Faults: when and what.

use std::time::Duration;

use indoubt_engine::event::Event;
use indoubt_engine::step::Step;

use crate::scenario::model::{DiskFault, Fault, FaultAction, LinkQuality, Place, Topology, When};
use crate::scenario::syntax::ast::{Field, Node, Span, Value};

use super::context::{Context, Kind, likely, one_of};
use super::fields::Fields;
use super::topology::{link_ends, quality_fields};
use super::values::{count, duration, list, positive_duration, word, yes};

/// Forms of `when`.
const WHENS: [&str; 5] = ["at", "step", "event", "between", "random"];

/// Forms of `what`.
const ACTIONS: [&str; 10] =
    ["kill", "start", "stop_queue_manager", "power_off", "take_offline", "pause", "cut", "degrade", "disk", "one_of"];

/// At most so many random faults are to be expected of one entry.
const MOST_RANDOM: u128 = 10_000;

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

/// The parts of `name(..)`: either fields or values.
enum Parts<'t> {
    Fields(&'t [Field]),
    Items(&'t [Node]),
}

/// Takes `name(..)` apart and makes sure of the name.
fn call<'t>(
    node: &'t Node,
    noun: &str,
    known: &[&'static str],
    example: &str,
    cx: &mut Context<'_>,
) -> Option<(&'static str, Parts<'t>)> {
    let (name, parts) = match &node.value {
        Value::Fields { name: Some(name), fields } => (name, Parts::Fields(fields)),
        Value::Items { name: Some(name), items } => (name, Parts::Items(items)),
        Value::Damaged => return None,
        other => {
            let message = format!("{noun} is expected here, but this is {}", other.kind());
            let help = format!("for example {example}; one of: {}", one_of(known.iter().copied()));
            cx.problem_with_help(node.span, message, "not this", help);
            return None;
        }
    };
    if let Some(found) = known.iter().find(|known| **known == name.text) {
        return Some((found, parts));
    }
    match name.text.as_str() {
        "fail_coupling_facility" | "coupling_facility_failure" => {
            cx.not_modelled(name.span, "coupling facility failure is");
        }
        "backup_cfstruct" | "recover_cfstruct" => cx.not_modelled(name.span, "structure backup and recovery are"),
        other => {
            let meant = likely(other, known.iter().copied()).map(|meant| format!("; did you mean {meant}?"));
            let message = format!("{noun} is expected here, and {other} is none{}", meant.unwrap_or_default());
            cx.problem_with_help(name.span, message, "not known", format!("one of: {}", one_of(known.iter().copied())));
        }
    }
    None
}

/// Exactly one value without a name.
fn single<'t>(node: &Node, items: &'t [Node], cx: &mut Context<'_>) -> Option<&'t Node> {
    if let [only] = items {
        return Some(only);
    }
    cx.problem(node.span, "one value is expected in these parentheses", "not one");
    None
}

fn when(node: &Node, cx: &mut Context<'_>) -> Option<When> {
    let example = "at(\"3s\") or step(name: \"get.taken\", process: \"QM01\")";
    let (form, parts) = call(node, "a moment", &WHENS, example, cx)?;
    match (form, parts) {
        ("at", Parts::Items(items)) => Some(When::At(duration(single(node, items, cx)?, cx)?)),
        ("between", Parts::Items(items)) => {
            let [from, to] = items else {
                cx.problem(
                    node.span,
                    "a window has a beginning and an end: between(\"5s\", \"20s\")",
                    "not two values",
                );
                return None;
            };
            let (first, second) = (duration(from, cx), duration(to, cx));
            window(first?, second?, to.span, cx).map(|(from, to)| When::Between(from, to))
        }
        ("step", Parts::Items(items)) => {
            let step = step(single(node, items, cx)?, cx)?;
            Some(When::Step { process: None, step, nth: 1, after: Duration::ZERO })
        }
        ("event", Parts::Items(items)) => {
            let event = event(single(node, items, cx)?, cx)?;
            Some(When::Event { process: None, event, nth: 1, after: Duration::ZERO })
        }
        ("step" | "event", Parts::Fields(fields)) => {
            let mut fields =
                Fields::new(node.span, fields, if form == "step" { "a step" } else { "an event" }, cx.problems);
            let name = fields.require("name", cx);
            let process_node = fields.take("process");
            let process = process_node.map(|node| self::process(node, cx));
            let nth = fields.or("nth", 1, cx, count(1..=u32::MAX));
            let after = fields.or("after", Duration::ZERO, cx, duration);
            fields.finish(cx);
            let when = if form == "step" {
                let step = step(name?, cx)?;
                When::Step { process: flatten(process)?, step, nth, after }
            } else {
                let event = event(name?, cx)?;
                When::Event { process: flatten(process)?, event, nth, after }
            };
            Some(when)
        }
        ("random", Parts::Fields(fields)) => random(node, fields, cx),
        (form, _) => {
            let help = match form {
                "at" => "at(\"3s\")",
                "between" => "between(\"5s\", \"20s\")",
                _ => "random(from: \"5s\", to: \"60s\", mean_interval: \"10s\")",
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

/// What is there must be right, what is not there need not.
fn flatten(found: Option<Option<String>>) -> Option<Option<String>> {
    match found {
        None => Some(None),
        Some(None) => None,
        Some(Some(name)) => Some(Some(name)),
    }
}

fn window(from: Duration, to: Duration, span: Span, cx: &mut Context<'_>) -> Option<(Duration, Duration)> {
    if from >= to {
        cx.problem(span, "this window ends before it begins", "too early");
        return None;
    }
    Some((from, to))
}

fn random(node: &Node, fields: &[Field], cx: &mut Context<'_>) -> Option<When> {
    let mut fields = Fields::new(node.span, fields, "random", cx.problems);
    let from = fields.or("from", Duration::ZERO, cx, duration);
    let to_node = fields.require("to", cx);
    let to = to_node.and_then(|node| duration(node, cx));
    let mean_node = fields.require("mean_interval", cx);
    let mean_interval = mean_node.and_then(|node| positive_duration(node, cx));
    fields.finish(cx);
    let (to_node, to, mean_node, mean_interval) = (to_node?, to?, mean_node?, mean_interval?);
    let (from, to) = window(from, to, to_node.span, cx)?;
    if (to - from).as_nanos() / mean_interval.as_nanos() > MOST_RANDOM {
        cx.problem(mean_node.span, format!("that makes more than {MOST_RANDOM} faults"), "too often");
        return None;
    }
    Some(When::Random { from, to, mean_interval })
}

/// The name of a step.
pub(super) fn step(node: &Node, cx: &mut Context<'_>) -> Option<Step> {
    let name = cx.name_text(node, "a step")?;
    let found = Step::ALL.iter().find(|step| step.name() == name);
    if found.is_none() {
        let candidates = Step::ALL.iter().map(|step| step.name());
        let is_event = Event::ALL.iter().any(|(event, _)| *event == name);
        let meant = likely(&name, candidates.clone()).map(|meant| format!("; did you mean {meant}?"));
        let meant = if is_event { format!("; {name} is an event") } else { meant.unwrap_or_default() };
        cx.problem_with_help(
            node.span,
            format!("no step {name}{meant}"),
            "no such step",
            format!("steps: {}", one_of(candidates)),
        );
    }
    found.copied()
}

/// The name of an event.
pub(super) fn event(node: &Node, cx: &mut Context<'_>) -> Option<String> {
    let name = cx.name_text(node, "an event")?;
    if Event::ALL.iter().any(|(event, _)| *event == name) {
        return Some(name);
    }
    let candidates = Event::ALL.iter().map(|(event, _)| *event);
    let is_step = Step::ALL.iter().any(|step| step.name() == name);
    let meant = likely(&name, candidates.clone()).map(|meant| format!("; did you mean {meant}?"));
    let meant = if is_step { format!("; {name} is a step") } else { meant.unwrap_or_default() };
    cx.problem_with_help(
        node.span,
        format!("no event {name}{meant}"),
        "no such event",
        format!("events: {}", one_of(candidates)),
    );
    None
}

/// Any process: a queue manager, an image's system services, a coupling facility, an instance of an application.
fn process(node: &Node, cx: &mut Context<'_>) -> Option<String> {
    let name = cx.name_text(node, "a process")?;
    let single = cx.names.single.contains(&name) || cx.names.instances.contains(&name);
    match cx.names.kind_of(&name) {
        Some(Kind::QueueManager | Kind::Image | Kind::CouplingFacility) => return Some(name),
        Some(Kind::Application) if !single => {
            let help = format!("\"{name}.1\" is the first of them");
            cx.problem_with_help(
                node.span,
                format!("there are several instances of {name}; say which"),
                "which one?",
                help,
            );
            return None;
        }
        _ if single => return Some(name),
        _ => {}
    }
    let mut candidates: Vec<String> = cx.names.of(Kind::QueueManager).to_vec();
    candidates.extend(cx.names.single.iter().cloned());
    candidates.extend(cx.names.instances.iter().cloned());
    candidates.extend_from_slice(cx.names.of(Kind::Image));
    let looks =
        cx.names.of(Kind::QueueManager).first().is_some_and(|first| {
            name.len() == first.len() && name.get(..2).is_some_and(|start| first.starts_with(start))
        });
    let noun = if looks { "queue manager" } else { "process" };
    let candidates: Vec<&str> = candidates.iter().map(String::as_str).collect();
    cx.dangling(node.span, noun, &name, candidates);
    None
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
            let message = format!("{name} is an image: {verb} is for queue managers and applications");
            let help = format!("write power_off(\"{name}\") or take_offline(\"{name}\")");
            cx.problem_with_help(node.span, message, "an image", help);
            None
        }
        _ => Some(name),
    }
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
        ("stop_queue_manager", parts) => stop(node, parts, cx),
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
            Some(FaultAction::TakeOffline { image: image.into(), restart_after })
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
            let queue_manager = fields.require("queue_manager", cx).and_then(|node| cx.find(Kind::QueueManager, node));
            let fault = fields.require("fault", cx).and_then(|node| disk_fault(node, cx));
            let duration = fields.get("duration", cx, positive_duration);
            fields.finish(cx);
            Some(FaultAction::Disk { queue_manager: queue_manager?.into(), fault: fault?, duration })
        }
        (form, _) => {
            let help = match form {
                "pause" => "pause(process: \"QM01\", duration: \"20s\")",
                "cut" => "cut(from: \"SYSA\", to: \"CF01\", duration: \"30s\")",
                "degrade" => "degrade(from: \"SYSA\", to: \"SYSB\", loss: \"5%\", duration: \"30s\")",
                "disk" => "disk(queue_manager: \"QM01\", fault: tear_last_write)",
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
            let queue_manager = cx.find(Kind::QueueManager, only)?.into();
            Some(FaultAction::StopQueueManager { queue_manager, force: false, restart_after: None })
        }
        Parts::Fields(fields) => {
            let mut fields = Fields::new(node.span, fields, "stop_queue_manager", cx.problems);
            let queue_manager = fields.require("queue_manager", cx).and_then(|node| cx.find(Kind::QueueManager, node));
            let force = fields.or("mode", false, cx, word(&[("QUIESCE", false), ("FORCE", true)]));
            let restart_after = fields.get("restart_after", cx, duration);
            fields.finish(cx);
            Some(FaultAction::StopQueueManager { queue_manager: queue_manager?.into(), force, restart_after })
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
    let usual = if coupling { topology.coupling_link } else { topology.network };
    topology.links.iter().find(joins).map_or(usual, |link| link.quality)
}
