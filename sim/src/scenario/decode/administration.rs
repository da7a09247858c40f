//! What an operator of a cell types: commands to messaging engines and to the HA manager.

use indoubt_engine::application_server::frame::AdministrationRequest;
use indoubt_engine::ha_manager::policy::PolicyChange;
use indoubt_engine::machine::StopMode;
use indoubt_engine::name::MessagingEngineName;

use crate::scenario::model::OperatorCommand;
use crate::scenario::syntax::ast::{Node, Span, Value};

use super::cell;
use super::context::{Context, Kind};
use super::fields::Fields;
use super::values::{list, map, text, word};

/// The commands.
pub(super) const COMMANDS: [&str; 7] = [
    "stop_engine",
    "start_engine",
    "enable_member",
    "disable_member",
    "activate_member",
    "deactivate_member",
    "change_policies",
];

/// A command of a cell's operator; the inner `None` after reporting what is wrong with it, the outer one if it is none.
pub(super) fn command(node: &Node, cx: &mut Context<'_>) -> Option<Option<OperatorCommand>> {
    let Value::Fields { name: Some(verb), fields } = &node.value else { return None };
    let verb = COMMANDS.into_iter().find(|known| *known == verb.text)?;
    let mut fields = Fields::new(node.span, fields, what(verb), cx.problems);
    if verb == "change_policies" {
        let remove = fields.or("remove_policies", Vec::new(), cx, |node, cx| list(node, cx, text));
        let mut save = Vec::new();
        let policies = if remove.is_empty() { fields.require("policies", cx) } else { fields.take("policies") };
        if let Some(node) = policies {
            map(node, cx, |name, key, node, cx| save.extend(cell::policy(name, key.span, node, cx)));
        }
        fields.finish(cx);
        let command = AdministrationRequest::ChangePolicies(PolicyChange { remove, save });
        return Some(Some(OperatorCommand::Administer { server: None, command }));
    }
    let server = fields.require("server", cx).and_then(|node| cx.find(Kind::ApplicationServer, node));
    let engine = fields.take("engine");
    let engine = engine_on(server.as_deref(), engine, fields.span(), cx);
    let mode = match verb {
        "stop_engine" => {
            let modes = [("IMMEDIATE", StopMode::Quiesce), ("FORCE", StopMode::Force)];
            fields.or("mode", StopMode::Quiesce, cx, word(&modes))
        }
        _ => StopMode::Quiesce,
    };
    fields.finish(cx);
    let (Some(server), Some(engine)) = (server, engine) else { return Some(None) };
    let command = match verb {
        "stop_engine" => AdministrationRequest::StopEngine(engine, mode),
        "start_engine" => AdministrationRequest::StartEngine(engine),
        "enable_member" => AdministrationRequest::EnableMember(engine),
        "disable_member" => AdministrationRequest::DisableMember(engine),
        "activate_member" => AdministrationRequest::ActivateMember(engine),
        _ => AdministrationRequest::DeactivateMember(engine),
    };
    Some(Some(OperatorCommand::Administer { server: Some(server), command }))
}

const fn what(verb: &'static str) -> &'static str {
    match verb.as_bytes() {
        b"change_policies" => "a change of policies",
        _ => "a command for an engine",
    }
}

/// The engine that is meant; where the server's cluster has one only, it need not be named.
fn engine_on(
    server: Option<&str>,
    node: Option<&Node>,
    span: Span,
    cx: &mut Context<'_>,
) -> Option<MessagingEngineName> {
    let engines = server.and_then(|server| cx.names.engines_of.get(server)).cloned().unwrap_or_default();
    match node {
        Some(node) => {
            let name = cx.name_text(node, "a messaging engine")?;
            if !engines.contains(&name) {
                cx.dangling(node.span, "messaging engine", &name, engines.iter().map(String::as_str));
                return None;
            }
            Some(name.into())
        }
        None => match engines.as_slice() {
            [only] => Some(only.as_str().into()),
            [] => None,
            _ => {
                cx.problem(span, "which engine? this server's cluster has several", "`engine` is missing in here");
                None
            }
        },
    }
}
