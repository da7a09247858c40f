//! Applications: where they run, to whom they connect, what they do.

use std::time::Duration;

use indoubt_engine::messaging_engine::reliability::ReliabilityMapping;
use indoubt_engine::unit_of_work::Outcome;

use crate::scenario::model::{
    Application, BusTarget, Connect, ConnectTarget, Decision, OperatorAction, OperatorCommand, Place, Role,
    SessionMode, Site, Syncpointing, Topology,
};
use crate::scenario::syntax::ast::{Field, Node, Span, Value};

use super::administration;
use super::bus;
use super::context::{Context, Kind, likely, one_of};
use super::fields::Fields;
use super::queue_managers::silence;
use super::roles;
use super::values::{count, interval, list, text};

/// What an application can be.
const ROLES: [&str; 5] = ["requester", "server", "producer", "consumer", "operator"];

/// The heartbeat timeout of the bus's connections, on top of their heartbeat interval.
const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(7);

/// To whom an application can connect.
const TARGETS: [&str; 7] =
    ["local", "local_group", "client", "client_group", "bus", "activation_specification", "administration"];

/// The `workload` section. Fills in the names of instances, which faults refer to.
pub(super) fn workload(node: &Node, topology: &Topology, cx: &mut Context<'_>) -> Option<Vec<Application>> {
    let applications = list(node, cx, |node, cx| application(node, topology, cx))?;
    if applications.is_empty()
        && !cx.problems.any_syntax()
        && matches!(&node.value, Value::List(items) if items.is_empty())
    {
        cx.problem(node.span, "there is no application: nothing would happen", "none in here");
    }
    for application in &applications {
        let processes = application.processes();
        if processes.len() == 1 {
            cx.names.single.insert(application.name.clone());
        } else {
            cx.names.instances.extend(processes.into_iter().map(|(name, _)| name));
        }
    }
    Some(applications)
}

/// What the decoders of roles need to know of the application around them.
pub(super) struct Around<'a> {
    /// What there is.
    pub(super) topology: &'a Topology,
    /// Queue managers that it may find itself connected to.
    pub(super) members: Vec<String>,
    /// Whether it is a client of the bus.
    pub(super) on_bus: bool,
    /// What its connection factory makes of the delivery mode of its messages, if it is.
    pub(super) mapping: ReliabilityMapping,
}

fn application(node: &Node, topology: &Topology, cx: &mut Context<'_>) -> Option<Application> {
    let (role, fields) = match &node.value {
        Value::Fields { name: Some(role), fields } => (role, fields),
        Value::Damaged => return None,
        _ => {
            let message = format!("an application is expected here, but this is {}", node.value.kind());
            let help = format!("for example requester(name: \"branch\", ..); one of: {}", one_of(ROLES));
            cx.problem_with_help(node.span, message, "not an application", help);
            return None;
        }
    };
    let Some(kind) = ROLES.into_iter().find(|known| *known == role.text) else {
        let meant = likely(&role.text, ROLES).map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
        let message = format!("no kind of application {}{meant}", role.text);
        cx.problem_with_help(role.span, message, "not known", format!("one of: {}", one_of(ROLES)));
        return None;
    };
    let mut fields = Fields::new(node.span, fields, what(kind), cx.problems);
    let name = fields.require("name", cx).and_then(|node| text(node, cx));
    let instances = fields.or("instances", 1, cx, count(1..=1000));
    let places = Places { runs_on: fields.take("runs_on"), runs_in: fields.take("runs_in") };
    let connect = connect(&mut fields, places, topology, cx);
    let around = Around {
        topology,
        members: connect.as_ref().map(|found| found.members.clone()).unwrap_or_default(),
        on_bus: connect.as_ref().is_some_and(|found| {
            matches!(found.connect.target, ConnectTarget::Bus(_) | ConnectTarget::ActivationSpecification(_))
        }),
        mapping: match connect.as_ref().map(|found| &found.connect.target) {
            Some(ConnectTarget::Bus(target)) => target.mapping,
            _ => ReliabilityMapping::default(),
        },
    };
    // Without knowing to whom it connects there is no telling which queues it can name.
    let around = connect.is_some().then_some(&around);
    let role = match kind {
        "requester" => roles::requester(&mut fields, around, cx).map(Role::Requester),
        "server" => roles::server(&mut fields, around, cx).map(Role::Server),
        "producer" => roles::producer(&mut fields, around, cx).map(Role::Producer),
        "consumer" => roles::consumer(&mut fields, around, cx).map(Role::Consumer),
        _ => operator(&mut fields, cx).map(Role::Operator),
    };
    fields.not_modelled(&["selector"], "message selectors are", cx);
    fields.finish(cx);
    let Connected { connect, runs_on, .. } = connect?;
    let is_operator = matches!(role, Some(Role::Operator(_)));
    if let (ConnectTarget::Bus(BusTarget { session: SessionMode::ClientAcknowledge, .. }), Some(role)) =
        (&connect.target, &role)
        && !matches!(role, Role::Consumer(consumer) if consumer.syncpoint == Syncpointing::OnePhase)
    {
        let message =
            "CLIENT_ACKNOWLEDGE is for consumers with syncpoint: YES: nothing is sent, no coordinator decides";
        cx.problem_with_help(node.span, message, "not in this session mode", "leave `session` out");
    }
    if let (ConnectTarget::ActivationSpecification(_), Some(role)) = (&connect.target, &role) {
        bus::check_bean(node, role, cx);
    }
    if connect.target == ConnectTarget::Administration && !is_operator {
        let message = "only an operator administrates; whoever sends or receives messages connects to the bus";
        cx.problem_with_help(node.span, message, "no messages this way", "write connect: bus()");
    }
    Some(Application { name: name?, instances, runs_on, connect, role: role? })
}

fn what(kind: &str) -> &'static str {
    match kind {
        "requester" => "a requester",
        "server" => "a server",
        "producer" => "a producer",
        "consumer" => "a consumer",
        _ => "an operator",
    }
}

/// To whom, from where, and what that makes of it.
struct Connected {
    connect: Connect,
    runs_on: Vec<Site>,
    members: Vec<String>,
}

/// Where an application says that it runs.
#[derive(Clone, Copy)]
struct Places<'a> {
    runs_on: Option<&'a Node>,
    /// Message-driven beans: in which servers.
    runs_in: Option<&'a Node>,
}

fn connect(
    fields: &mut Fields<'_>,
    Places { runs_on, runs_in }: Places<'_>,
    topology: &Topology,
    cx: &mut Context<'_>,
) -> Option<Connected> {
    let target_node = fields.require("connect", cx);
    let target = target_node.and_then(|node| target(node, cx));
    let retry_node = fields.take("retry");
    let retry = retry_node.and_then(|node| interval(node, cx)).unwrap_or(Duration::from_millis(500));
    let limit_node = fields.take("retry_limit");
    let retry_limit = limit_node.and_then(|node| interval(node, cx)).unwrap_or(Duration::from_secs(8).max(retry));
    if let (Some(node), true) = (limit_node, retry_limit < retry) {
        cx.problem(node.span, "retry_limit must not be shorter than retry", "too short");
    }
    let tag_node = fields.take("conntag");
    let tag = tag_node.and_then(|node| text(node, cx));
    let heartbeat = fields.or("hbint", Duration::from_secs(300), cx, interval);
    let places = runs_on.map(|node| (node.span, list(node, cx, place_to_run)));
    let target = target?;
    let silence = match &target {
        ConnectTarget::Bus(_) | ConnectTarget::ActivationSpecification(_) => heartbeat + HEARTBEAT_TIMEOUT,
        _ => silence(heartbeat),
    };
    let image_of = |name: &str| {
        let queue_manager =
            topology.sysplex.queue_managers.iter().find(|queue_manager| queue_manager.name.as_str() == name)?;
        Some(queue_manager.image.clone())
    };
    let members = match &target {
        ConnectTarget::LocalQueueManager(name) | ConnectTarget::QueueManager(name) => vec![name.to_string()],
        ConnectTarget::LocalGroup(group) | ConnectTarget::Group(group) => {
            cx.names.members(group.as_str()).map(str::to_owned).collect()
        }
        ConnectTarget::Bus(_) | ConnectTarget::ActivationSpecification(_) | ConnectTarget::Administration => Vec::new(),
    };
    let is_queue_manager = matches!(
        target,
        ConnectTarget::LocalQueueManager(_)
            | ConnectTarget::LocalGroup(_)
            | ConnectTarget::QueueManager(_)
            | ConnectTarget::Group(_)
    );
    if let (Some(node), false) = (tag_node, is_queue_manager) {
        let message = "a connection tag serialises connections to queue managers of a queue-sharing group";
        cx.problem(node.span, message, "not on a bus");
    }
    let is_local = matches!(target, ConnectTarget::LocalQueueManager(_) | ConnectTarget::LocalGroup(_));
    if let (Some(node), Some(_), false) =
        (tag_node, &tag, members.iter().all(|name| cx.names.group_of.contains_key(name)))
    {
        let message = "a connection tag serialises within a queue-sharing group, and this queue manager is in none";
        cx.problem(node.span, message, "no group");
    }
    if matches!(target, ConnectTarget::ActivationSpecification(_)) {
        for node in [retry_node, limit_node].into_iter().flatten() {
            let message = "how often a bean's connection is tried is said by its activation specification";
            let help = "write activation_specification(retry_interval: \"30s\")";
            cx.problem_with_help(node.span, message, "not here", help);
        }
        if let Some(node) = runs_on {
            let message = "a message-driven bean runs in application servers";
            cx.problem_with_help(node.span, message, "not in a server", "write runs_in: [\"server1\"]");
            return None;
        }
        let runs_on = bus::servers_of_bean(fields, runs_in, topology, cx)?;
        let (retry, retry_limit) = bus::BEAN_PAUSES;
        let connect = Connect { target, retry, retry_limit, tag: None, silence };
        return Some(Connected { connect, runs_on, members });
    }
    if let Some(node) = runs_in {
        let message = "only message-driven beans, with connect: activation_specification(), run in application servers";
        cx.problem_with_help(node.span, message, "not in a server", "write runs_on, with a host");
    }
    let runs_on: Vec<Place> = match places {
        Some((span, places)) => {
            let places = places?;
            refuse_repetition(&places, cx);
            if places.is_empty() {
                cx.problem(span, "an application runs somewhere", "nowhere");
            }
            places
                .into_iter()
                .filter(|(span, place)| !is_local || hosted(&target, place, *span, &members, image_of, cx))
                .map(|(_, place)| place)
                .collect()
        }
        None if is_local => {
            let mut places: Vec<Place> = Vec::new();
            for image in members.iter().filter_map(|name| image_of(name)) {
                if !places.contains(&Place::Image(image.clone())) {
                    places.push(Place::Image(image));
                }
            }
            places
        }
        None => {
            let help = "client applications run on hosts or images";
            cx.problems.add(fields.span(), "this application needs `runs_on`", "missing in here", Some(help.into()));
            return None;
        }
    };
    // With local bindings and the group's name, only members on the application's images come into question.
    let members = match &target {
        ConnectTarget::LocalGroup(_) => {
            let near = |name: &String| image_of(name).is_some_and(|image| runs_on.contains(&Place::Image(image)));
            members.into_iter().filter(near).collect()
        }
        _ => members,
    };
    let runs_on = runs_on.into_iter().map(|place| Site { place, within: None }).collect();
    let connect = Connect { target, retry, retry_limit, tag: tag.map(Into::into), silence };
    Some(Connected { connect, runs_on, members })
}

fn place_to_run(node: &Node, cx: &mut Context<'_>) -> Option<(Span, Place)> {
    let place = cx.find_place(node)?;
    if matches!(place, Place::CouplingFacility(_)) {
        cx.problem(node.span, "no application runs on a coupling facility", "not here");
        return None;
    }
    Some((node.span, place))
}

/// A place is named once; `instances` says how many there are on each.
fn refuse_repetition(places: &[(Span, Place)], cx: &mut Context<'_>) {
    for (index, (span, place)) in places.iter().enumerate() {
        if places[..index].iter().any(|(_, earlier)| earlier == place) {
            cx.problem_with_help(*span, "this place is named already", "twice", "instances: 2 starts two on each");
        }
    }
}

/// With local bindings, application and queue manager are on the same image.
fn hosted(
    target: &ConnectTarget,
    place: &Place,
    span: Span,
    members: &[String],
    image_of: impl Fn(&str) -> Option<indoubt_engine::name::ImageName>,
    cx: &mut Context<'_>,
) -> bool {
    if let Place::Image(image) = place
        && members.iter().any(|name| image_of(name).as_ref() == Some(image))
    {
        return true;
    }
    // A queue manager whose own definition is wrong is reported there.
    if members.iter().any(|name| image_of(name).is_none()) {
        return true;
    }
    let name = match place {
        Place::Image(name) => name.to_string(),
        Place::Host(name) => name.clone(),
        Place::CouplingFacility(name) => name.to_string(),
    };
    let (message, help) = match target {
        ConnectTarget::LocalQueueManager(queue_manager) => {
            let image = image_of(queue_manager.as_str());
            (
                format!("local bindings to {queue_manager} are not possible from {name}"),
                image.map(|image| {
                    format!("{queue_manager} runs on {image}; from elsewhere: client(\"{queue_manager}\")")
                }),
            )
        }
        ConnectTarget::LocalGroup(group) | ConnectTarget::Group(group) => (
            format!("no member of {group} runs on {name}, so local bindings are not possible there"),
            Some(format!("from elsewhere: client_group(\"{group}\")")),
        ),
        ConnectTarget::QueueManager(_)
        | ConnectTarget::Bus(_)
        | ConnectTarget::ActivationSpecification(_)
        | ConnectTarget::Administration => return true,
    };
    cx.problems.add(span, message, "not the same image", help);
    false
}

fn target(node: &Node, cx: &mut Context<'_>) -> Option<ConnectTarget> {
    let example = "local(\"QM01\"), local_group(\"QSG1\"), client(\"QM01\"), client_group(\"QSG1\"), bus(), \
                   activation_specification() or administration()";
    match call_of(node) {
        Some(("bus", fields)) => return bus::client(node, fields, cx).map(ConnectTarget::Bus),
        Some(("activation_specification", fields)) => {
            return bus::activation(node, fields, cx).map(ConnectTarget::ActivationSpecification);
        }
        Some(("administration", [])) => {
            if cx.names.bus.is_none() && !cx.problems.any_syntax() {
                cx.problem(node.span, "there is no cell to administrate", "no cell");
            }
            return Some(ConnectTarget::Administration);
        }
        _ => {}
    }
    let Value::Items { name: Some(how), items } = &node.value else {
        cx.unexpected(node, "to whom the application connects", example);
        return None;
    };
    let [target] = items.as_slice() else {
        cx.problem_with_help(
            node.span,
            "one name stands in these parentheses",
            "not one name",
            format!("for example {example}"),
        );
        return None;
    };
    match how.text.as_str() {
        "local" => {
            one_queue_manager(target, "local_group", cx).map(|name| ConnectTarget::LocalQueueManager(name.into()))
        }
        "client" => one_queue_manager(target, "client_group", cx).map(|name| ConnectTarget::QueueManager(name.into())),
        "local_group" => one_group(target, "local", cx).map(|name| ConnectTarget::LocalGroup(name.into())),
        "client_group" => one_group(target, "client", cx).map(|name| ConnectTarget::Group(name.into())),
        other => {
            let meant = match other {
                "group" => Some("client_group"),
                "queue_manager" => Some("client"),
                _ => likely(other, TARGETS),
            };
            let meant = meant.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
            let message = format!("{other} is no way to connect{meant}");
            cx.problem_with_help(how.span, message, "not known", format!("for example {example}"));
            None
        }
    }
}

/// The name and fields of `name(field: ..)`, also of `name()`.
fn call_of(node: &Node) -> Option<(&str, &[Field])> {
    match &node.value {
        Value::Fields { name: Some(name), fields } => Some((&name.text, fields)),
        Value::Items { name: Some(name), items } if items.is_empty() => Some((&name.text, &[])),
        _ => None,
    }
}

fn one_queue_manager(node: &Node, instead: &str, cx: &mut Context<'_>) -> Option<String> {
    if let Value::Text(name) = &node.value
        && cx.names.kind_of(name) == Some(Kind::Group)
    {
        let message = format!("{name} is a queue-sharing group; did you mean {instead}(\"{name}\")?");
        cx.problem(node.span, message, "not a queue manager");
        return None;
    }
    cx.find(Kind::QueueManager, node)
}

fn one_group(node: &Node, instead: &str, cx: &mut Context<'_>) -> Option<String> {
    if let Value::Text(name) = &node.value
        && cx.names.kind_of(name) == Some(Kind::QueueManager)
    {
        let message = format!("{name} is a queue manager; did you mean {instead}(\"{name}\")?");
        cx.problem(node.span, message, "not a group");
        return None;
    }
    cx.find(Kind::Group, node)
}

fn operator(fields: &mut Fields<'_>, cx: &mut Context<'_>) -> Option<Vec<OperatorAction>> {
    let node = fields.require("actions", cx)?;
    list(node, cx, |node, cx| {
        let mut fields = Fields::of(node, "an operator's action", cx)?;
        let at = fields.require("at", cx).and_then(|node| super::values::duration(node, cx));
        let command = fields.require("command", cx).and_then(|node| command(node, cx));
        fields.finish(cx);
        Some(OperatorAction { at: at?, command: command? })
    })
}

fn command(node: &Node, cx: &mut Context<'_>) -> Option<OperatorCommand> {
    if let Some(command) = administration::command(node, cx) {
        return command;
    }
    let example = "resolve_indoubt(qmname: \"QM01\", action: AS_COORDINATOR), stop_engine(server: \"server1\")";
    let Value::Fields { name: Some(verb), fields } = &node.value else {
        cx.unexpected(node, "a command", example);
        return None;
    };
    if verb.text != "resolve_indoubt" {
        let known = administration::COMMANDS.into_iter().chain(["resolve_indoubt"]);
        let meant = likely(&verb.text, known).map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
        let message = format!("no command {}{meant}", verb.text);
        cx.problem_with_help(verb.span, message, "not known", format!("for example {example}"));
        return None;
    }
    let mut fields = Fields::new(node.span, fields, "RESOLVE INDOUBT", cx.problems);
    let queue_manager = fields.require("qmname", cx).and_then(|node| cx.find(Kind::QueueManager, node));
    let choices = [
        ("COMMIT", Decision::Always(Outcome::Commit)),
        ("BACKOUT", Decision::Always(Outcome::Backout)),
        ("AS_COORDINATOR", Decision::AsCoordinator),
        ("AGAINST_COORDINATOR", Decision::AgainstCoordinator),
    ];
    let outcome = fields.require("action", cx).and_then(|node| super::values::word(&choices)(node, cx));
    fields.finish(cx);
    Some(OperatorCommand::ResolveIndoubt { queue_manager: queue_manager?.into(), outcome: outcome? })
}
