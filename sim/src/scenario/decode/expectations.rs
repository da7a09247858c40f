//! Expectations, the length of the run, and what a failure file remembers.

use std::collections::BTreeSet;
use std::time::Duration;

use indoubt_engine::name::QueueName;
use indoubt_engine::step::Step;
use indoubt_ledger::verdict::FindingKind;

use crate::scenario::model::{ActiveAt, AllowedViolation, Expectations, Recorded, RunLength};
use crate::scenario::syntax::ast::{Node, Value};

use super::context::{Context, Kind, likely, one_of};
use super::fields::Fields;
use super::values::{duration, list, number, positive_duration, prose, text};

/// How long a run lasts if nothing is said.
pub(super) const RUN: RunLength = RunLength { horizon: Duration::from_secs(60), settle: Duration::from_secs(120) };

/// The `expect` section.
pub(super) fn expectations(node: &Node, cx: &mut Context<'_>) -> Option<Expectations> {
    let mut fields = Fields::of(node, "the expectations", cx)?;
    let mut expectations = Expectations::default();
    if let Some(node) = fields.take("reach") {
        list(node, cx, |node, cx| {
            reach(node, &mut expectations, cx);
            Some(())
        });
    }
    expectations.allow = fields.or("allow", Vec::new(), cx, |node, cx| list(node, cx, allowed));
    expectations.ordered = fields.or("ordered", Vec::new(), cx, |node, cx| list(node, cx, any_queue));
    expectations.active = fields.or("active", Vec::new(), cx, |node, cx| list(node, cx, active));
    expectations.recovery_time = fields.get("recovery_time", cx, positive_duration);
    fields.finish(cx);
    Some(expectations)
}

fn reach(node: &Node, expectations: &mut Expectations, cx: &mut Context<'_>) {
    let Some(name) = cx.name_text(node, "an event or step") else { return };
    if let Some(step) = Step::ALL.iter().find(|step| step.name() == name) {
        expectations.reach_steps.push(*step);
    } else if Expectations::is_event(&name) {
        expectations.reach.push(name);
    } else {
        let events = indoubt_engine::event::Event::ALL.iter().map(|(event, _)| *event);
        let all = events.chain(Step::ALL.iter().map(|step| step.name()));
        let meant = likely(&name, all.clone()).map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
        let dotted = name.contains('.');
        let shown = one_of(all.filter(|known| known.contains('.') == dotted));
        let message = format!("no event or step {name}{meant}");
        let help = format!("{}: {shown}", if dotted { "steps" } else { "events" });
        cx.problem_with_help(node.span, message, "no such event or step", help);
    }
}

fn any_queue(node: &Node, cx: &mut Context<'_>) -> Option<QueueName> {
    let name = cx.name_text(node, "a queue")?;
    let shared = cx.names.shared_queues.values().flatten();
    let all: Vec<String> = shared.chain(cx.names.private_queues.values().flatten()).cloned().collect();
    if all.contains(&name) {
        return Some(name.into());
    }
    cx.dangling(node.span, "queue", &name, all.iter().map(String::as_str));
    None
}

fn allowed(node: &Node, cx: &mut Context<'_>) -> Option<AllowedViolation> {
    let mut fields = Fields::of(node, "an allowed violation", cx)?;
    let kind = fields.require("kind", cx).and_then(|node| {
        let name = match &node.value {
            Value::Text(name) | Value::Word(name) => name.clone(),
            _ => {
                cx.unexpected(node, "a kind of violation", "out_of_order");
                return None;
            }
        };
        let kinds = FindingKind::ALL.iter().map(|kind| kind.name());
        if kinds.clone().any(|kind| kind == name) {
            return Some(name);
        }
        let meant = likely(&name, kinds.clone()).map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
        let message = format!("no kind of violation {}{meant}", name.escape_debug());
        cx.problem_with_help(node.span, message, "no such kind", format!("kinds: {}", one_of(kinds)));
        None
    });
    let queue_node = fields.take("queue");
    let queue = queue_node.map(|node| any_queue(node, cx));
    let because = fields.require("because", cx).and_then(|node| super::moments::event(node, cx));
    let rule = fields.require("rule", cx).and_then(|node| prose(node, cx));
    fields.finish(cx);
    let queue = match queue {
        Some(None) => return None,
        Some(found) => found,
        None => None,
    };
    Some(AllowedViolation { kind: kind?, queue, because: because?, rule: rule? })
}

/// Where a messaging engine is to be active, and when.
fn active(node: &Node, cx: &mut Context<'_>) -> Option<ActiveAt> {
    let mut fields = Fields::of(node, "where something is to be active", cx)?;
    let what_node = fields.require("what", cx);
    let what = what_node.and_then(|node| engine(node, cx));
    let on_node = fields.require("on", cx);
    let on = on_node.and_then(|node| match &node.value {
        Value::Word(word) if word == "NOWHERE" => Some(None),
        _ => cx.find(Kind::ApplicationServer, node).map(Some),
    });
    if let (Some(what), Some(Some(server)), Some(node)) = (&what, &on, on_node) {
        let engines = cx.names.engines_of.get(server).cloned().unwrap_or_default();
        if !engines.contains(what) {
            let has = format!("{server} has {}", one_of(engines.iter().map(String::as_str)));
            let message = format!("{what} never runs on {server}, which is in another cluster");
            cx.problem_with_help(node.span, message, "not of this cluster", has);
        }
    }
    let at = fields.require("at", cx).and_then(|node| positive_duration(node, cx));
    fields.finish(cx);
    Some(ActiveAt { what: what?, on: on?, at: at? })
}

fn engine(node: &Node, cx: &mut Context<'_>) -> Option<String> {
    let name = cx.name_text(node, "a messaging engine")?;
    let engines: BTreeSet<String> = cx.names.engines_of.values().flatten().cloned().collect();
    if engines.contains(&name) {
        return Some(name);
    }
    cx.dangling(node.span, "messaging engine", &name, engines.iter().map(String::as_str));
    None
}

/// The `run` section.
pub(super) fn run(node: &Node, cx: &mut Context<'_>) -> Option<RunLength> {
    let mut fields = Fields::of(node, "the length of the run", cx)?;
    let horizon = fields.or("horizon", RUN.horizon, cx, positive_duration);
    let settle = fields.or("settle", RUN.settle, cx, duration);
    fields.finish(cx);
    Some(RunLength { horizon, settle })
}

/// The `recorded` section of a failure file.
pub(super) fn recorded(node: &Node, cx: &mut Context<'_>) -> Option<Recorded> {
    let mut fields = Fields::of(node, "what was recorded", cx)?;
    let scenario = fields.require("scenario", cx).and_then(|node| text(node, cx));
    let seed = fields.require("seed", cx).and_then(|node| number(0..=u64::MAX)(node, cx));
    let fingerprint = fields.require("fingerprint", cx).and_then(|node| {
        let text = text(node, cx)?;
        let digits = text.len() == 16 && text.chars().all(|c| c.is_ascii_hexdigit());
        let value = u64::from_str_radix(&text, 16).ok().filter(|_| digits);
        if value.is_none() {
            cx.problem(node.span, "a fingerprint has 16 hexadecimal digits", "not a fingerprint");
        }
        value
    });
    let defect = fields.take("defect").filter(|node| node.value != Value::Nothing);
    let defect = match defect {
        None => None,
        Some(node) => {
            let name = text(node, cx)?;
            let names = indoubt_engine::defect::Defect::ALL.iter().map(|defect| defect.name());
            if !names.clone().any(|known| known == name) {
                cx.dangling(node.span, "defect", &name, names);
                return None;
            }
            Some(name)
        }
    };
    fields.finish(cx);
    Some(Recorded { scenario: scenario?, seed: seed?, fingerprint: fingerprint?, defect })
}
