//! When a fault strikes: times, windows, steps, events.

use std::time::Duration;

use indoubt_engine::event::Event;
use indoubt_engine::step::Step;

use crate::scenario::model::When;
use crate::scenario::syntax::ast::{Field, Node, Span};

use super::calls::{Parts, call, single};
use super::context::{Context, Kind, likely, one_of};
use super::fields::Fields;
use super::values::{count, duration, positive_duration};

/// Forms of `when`.
const WHENS: [&str; 5] = ["at", "step", "event", "between", "random"];

/// At most so many random faults are to be expected of one entry.
const MOST_RANDOM: u128 = 10_000;

/// A moment.
pub(super) fn when(node: &Node, cx: &mut Context<'_>) -> Option<When> {
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
fn step(node: &Node, cx: &mut Context<'_>) -> Option<Step> {
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
pub(super) fn process(node: &Node, cx: &mut Context<'_>) -> Option<String> {
    let name = cx.name_text(node, "a process")?;
    let single = cx.names.single.contains(&name) || cx.names.instances.contains(&name);
    match cx.names.kind_of(&name) {
        Some(kind) if kind.is_process() && kind != Kind::Application => return Some(name),
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
    let mut candidates: Vec<String> = cx.names.servers();
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
