//! Policies of a core group that nothing can come of: engines that several of them match equally well, changes of policies
//! that are not there, an is-alive interval that holds for nobody.
//!
//! Judged are the policies as they are when the run begins and after each change that an operator makes, in the order of
//! time.

use std::mem::discriminant;

use indoubt_engine::application_server::frame::AdministrationRequest;
use indoubt_engine::ha_manager::policy::{IsAlive, Match, PolicyChange, PolicySet};

use crate::scenario::decode::{field, likely};
use crate::scenario::diagnostics::Problems;
use crate::scenario::model::{Cell, OperatorAction, OperatorCommand, Role, Scenario};
use crate::scenario::syntax::ast::{Node, Span, Value};

pub(super) fn check(scenario: &Scenario, tree: &Node, problems: &mut Problems) {
    let Some(cell) = &scenario.topology.cell else { return };
    let Some(written) = field(tree, "topology").and_then(|node| field(node, "cell")) else { return };
    let mut set = cell.policy_set();
    let mut is_core_group_asked = leaves_it_to_the_core_group(cell, &set);
    tie(scenario, cell, &set, field(written, "policies").unwrap_or(written).span, problems);
    for (change, span) in changes(scenario, tree) {
        impossible_change(&set, change, span, problems);
        set = set.changed(change);
        is_core_group_asked |= leaves_it_to_the_core_group(cell, &set);
        tie(scenario, cell, &set, span, problems);
    }
    let interval = field(written, "core_group").and_then(|node| field(node, "is_alive"));
    if let Some(interval) = interval.filter(|_| !is_core_group_asked) {
        let message = "no engine is asked at this interval: the policies that govern them have their own";
        let help = "the Default SIBus Policy asks every 120s; make a policy for the engine, with is_alive or without";
        problems.add(interval.span, message, "holds for nobody", Some(help.into()));
    }
}

/// Every change of policies that operators make, in the order of time, and where it is written.
fn changes<'s>(scenario: &'s Scenario, tree: &Node) -> Vec<(&'s PolicyChange, Span)> {
    let Some(Node { value: Value::List(workload), .. }) = field(tree, "workload") else { return Vec::new() };
    let mut found: Vec<(&OperatorAction, Span)> = Vec::new();
    for (application, node) in scenario.workload.iter().zip(workload) {
        if let Role::Operator(actions) = &application.role
            && let Some(Node { value: Value::List(nodes), .. }) = field(node, "actions")
            && nodes.len() == actions.len()
        {
            found.extend(actions.iter().zip(nodes.iter().map(|node| field(node, "command").unwrap_or(node).span)));
        }
    }
    found.sort_by_key(|(action, _)| action.at);
    let change = |(action, span): (&'s OperatorAction, Span)| match &action.command {
        OperatorCommand::Administer { command: AdministrationRequest::ChangePolicies(change), .. } => {
            Some((change, span))
        }
        _ => None,
    };
    found.into_iter().filter_map(change).collect()
}

fn impossible_change(set: &PolicySet, change: &PolicyChange, span: Span, problems: &mut Problems) {
    for name in &change.remove {
        if set.policies.iter().all(|policy| policy.name != *name) {
            let meant = likely(name, set.policies.iter().map(|policy| policy.name.as_str()));
            let meant = meant.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
            problems.add(span, format!("there is no policy {name} at this time{meant}"), "nothing to remove", None);
        }
    }
    for policy in change.save.iter().filter(|policy| !change.remove.contains(&policy.name)) {
        let before = set.policies.iter().find(|old| old.name == policy.name);
        if before.is_some_and(|old| discriminant(&old.kind) != discriminant(&policy.kind)) {
            let message = format!("the type of a policy cannot be changed: {} has another one by now", policy.name);
            let help = "name it in remove_policies as well: then it is made anew";
            problems.add(span, message, "not possible", Some(help.into()));
        }
    }
}

/// Engines that nobody activates, since the product leaves it undefined which policy governs them; a scenario may be about
/// that.
fn tie(scenario: &Scenario, cell: &Cell, set: &PolicySet, span: Span, problems: &mut Problems) {
    if scenario.expect.reach.iter().any(|event| event == "ambiguous_policy") {
        return;
    }
    for (engine, cluster) in cell.engines() {
        let best = set.best_matches(&cell.group(engine, cluster));
        if let [first, second, ..] = best[..] {
            let (engine, first, second) = (&engine.name, &first.name, &second.name);
            let message = format!("{first} and {second} match {engine} equally well: no policy governs it");
            let help = "give one of them more match_criteria, or the name of the other, to take its place";
            problems.add(span, message, "a tie", Some(help.into()));
        }
    }
}

/// Whether there is an engine that is asked as often as the core group says.
fn leaves_it_to_the_core_group(cell: &Cell, set: &PolicySet) -> bool {
    cell.engines().any(|(engine, cluster)| {
        let governed = set.best_match(&cell.group(engine, cluster));
        matches!(governed, Match::Governed(policy) if policy.is_alive == IsAlive::ProcessValue)
    })
}
