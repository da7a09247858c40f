//! Fields in parentheses, taken one after the other; what nobody took is unknown.

use std::collections::BTreeSet;

use crate::scenario::diagnostics::Problems;
use crate::scenario::syntax::ast::{Field, Node, Span, Value};

use super::context::{Context, likely, one_of};

/// The fields of one value.
pub(super) struct Fields<'t> {
    /// What the value is, for messages: "a queue manager".
    what: &'static str,
    span: Span,
    fields: Vec<(&'t Field, bool)>,
    known: Vec<&'static str>,
}

impl<'t> Fields<'t> {
    /// The fields of a value without a name: `(a: 1)`.
    pub(super) fn of(node: &'t Node, what: &'static str, cx: &mut Context<'_>) -> Option<Self> {
        match &node.value {
            Value::Fields { name: None, fields } => Some(Fields::new(node.span, fields, what, cx.problems)),
            Value::Damaged => None,
            Value::Fields { name: Some(name), fields } => {
                let message = format!("{what} is written `(..)`, without a name before it");
                cx.problems.add(name.span, message, "remove this", None);
                Some(Fields::new(node.span, fields, what, cx.problems))
            }
            other => {
                let message = format!("{what} is written as fields in parentheses, but this is {}", other.kind());
                cx.problems.add(
                    node.span,
                    message,
                    "fields are expected here",
                    Some("write `(name: value, ..)`".into()),
                );
                None
            }
        }
    }

    /// The fields of any value whose parentheses hold fields.
    pub(super) fn new(span: Span, fields: &'t [Field], what: &'static str, problems: &mut Problems) -> Self {
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        for field in fields {
            if !seen.insert(&field.name.text) {
                let message = format!("`{}` is given twice", field.name.text);
                problems.add(field.name.span, message, "once more here", Some("remove one of the two".into()));
            }
        }
        let fields = fields.iter().map(|field| (field, false)).collect();
        Fields { what, span, fields, known: Vec::new() }
    }

    /// Where the whole value stands.
    pub(super) fn span(&self) -> Span {
        self.span
    }

    /// The value of a field, if it is written.
    pub(super) fn take(&mut self, name: &'static str) -> Option<&'t Node> {
        self.known.push(name);
        let mut first = None;
        for (field, taken) in &mut self.fields {
            if field.name.text == name {
                *taken = true;
                first = first.or(Some(&field.value));
            }
        }
        first
    }

    /// The value of a field as written, without counting it as known.
    pub(super) fn written(&self, name: &str) -> Option<&'t Node> {
        self.fields.iter().find(|(field, _)| field.name.text == name).map(|(field, _)| &field.value)
    }

    /// The value of a field that must be there.
    pub(super) fn require(&mut self, name: &'static str, cx: &mut Context<'_>) -> Option<&'t Node> {
        let node = self.take(name);
        if node.is_none() && !cx.problems.any_syntax() && !self.nearly(name) {
            let message = format!("{} needs `{name}`", self.what);
            cx.problems.add(self.span, message, "missing in here", None);
        }
        node
    }

    /// Whether a field is there whose name was probably meant to be this one: it is reported as unknown anyway.
    fn nearly(&self, name: &str) -> bool {
        self.fields.iter().any(|(field, _)| likely(&field.name.text, [name]).is_some())
    }

    /// A decoded field, or nothing.
    pub(super) fn get<T>(
        &mut self,
        name: &'static str,
        cx: &mut Context<'_>,
        decode: impl FnOnce(&'t Node, &mut Context<'_>) -> Option<T>,
    ) -> Option<T> {
        let node = self.take(name)?;
        decode(node, cx)
    }

    /// A decoded field, or its default.
    pub(super) fn or<T>(
        &mut self,
        name: &'static str,
        default: T,
        cx: &mut Context<'_>,
        decode: impl FnOnce(&'t Node, &mut Context<'_>) -> Option<T>,
    ) -> T {
        self.get(name, cx, decode).unwrap_or(default)
    }

    /// Refuses fields of things that are documented but not modelled yet.
    pub(super) fn not_modelled(&mut self, names: &[&str], subject: &str, cx: &mut Context<'_>) {
        for (field, taken) in &mut self.fields {
            if names.contains(&field.name.text.as_str()) {
                *taken = true;
                cx.not_modelled(field.name.span, subject);
            }
        }
    }

    /// Reports what nobody took.
    pub(super) fn finish(self, cx: &mut Context<'_>) {
        let mut known = self.known;
        known.sort_unstable();
        known.dedup();
        for (field, _) in self.fields.iter().filter(|(_, taken)| !taken) {
            let name = &field.name.text;
            let likely = likely(name, known.iter().copied());
            let meant = likely.map(|likely| format!("; did you mean `{likely}`?")).unwrap_or_default();
            let message = format!("{} has no field `{name}`{meant}", self.what);
            let help = format!("its fields: {}", one_of(known.iter().copied()));
            cx.problems.add(field.name.span, message, "unknown field", Some(help));
        }
    }
}
