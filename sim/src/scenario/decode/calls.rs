//! Choices written `name(..)`: moments and faults.

use crate::scenario::syntax::ast::{Field, Node, Value};

use super::context::{Context, likely, one_of};

/// The parts of `name(..)`: either fields or values.
pub(super) enum Parts<'t> {
    Fields(&'t [Field]),
    Items(&'t [Node]),
}

/// Takes `name(..)` apart and makes sure of the name.
pub(super) fn call<'t>(
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
pub(super) fn single<'t>(node: &Node, items: &'t [Node], cx: &mut Context<'_>) -> Option<&'t Node> {
    if let [only] = items {
        return Some(only);
    }
    cx.problem(node.span, "one value is expected in these parentheses", "not one");
    None
}
