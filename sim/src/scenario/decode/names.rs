//! Which names a file defines, gathered before anything is decoded, so that order does not matter.
//!
//! Reports nothing about values (decoding does), only what is wrong with the names themselves.

use std::collections::BTreeMap;

use crate::scenario::AUDITOR;
use crate::scenario::diagnostics::Problems;
use crate::scenario::syntax::ast::{Field, Node, Span, Value};

use super::context::{Kind, Names};

/// Images of a sysplex, members of a queue-sharing group.
const MOST_SYSTEMS: usize = 32;

/// The name of the deployment manager's process.
pub(super) const DEPLOYMENT_MANAGER: &str = "dmgr";

/// The name of the process of a host's node agent.
pub(super) fn node_agent(host: &str) -> String {
    format!("{host}/nodeagent")
}

/// Gathers the names of a scenario; applications' instances are added by the workload.
pub(super) fn gather(tree: &Node, problems: &mut Problems) -> Names {
    let mut gatherer = Gatherer { names: Names::default(), first: BTreeMap::new(), problems };
    if let Some(topology) = field(tree, "topology") {
        gatherer.topology(topology);
        gatherer.cell(topology);
    }
    if let Some(Node { value: Value::List(applications), .. }) = field(tree, "workload") {
        for application in applications {
            if let Some(Node { value: Value::Text(name), span }) = field(application, "name") {
                gatherer.add(Kind::Application, name, *span);
                application_name(name, *span, gatherer.problems);
            }
        }
    }
    gatherer.names
}

/// A field's value, whatever stands around it.
pub(in crate::scenario) fn field<'t>(node: &'t Node, name: &str) -> Option<&'t Node> {
    let Value::Fields { fields, .. } = &node.value else { return None };
    fields.iter().find(|field: &&Field| field.name.text == name).map(|field| &field.value)
}

fn entries<'t>(node: &'t Node, name: &str) -> impl Iterator<Item = (&'t str, Span, &'t Node)> {
    let map = field(node, name).map(|node| &node.value);
    let entries = match map {
        Some(Value::Map(entries)) => entries.as_slice(),
        _ => &[],
    };
    entries.iter().filter_map(|(key, value)| match &key.value {
        Value::Text(text) => Some((text.as_str(), key.span, value)),
        _ => None,
    })
}

fn text<'t>(node: &'t Node, name: &str) -> Option<&'t str> {
    match field(node, name).map(|node| &node.value) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

struct Gatherer<'p> {
    names: Names,
    /// Who had a name first.
    first: BTreeMap<String, Kind>,
    problems: &'p mut Problems,
}

impl Gatherer<'_> {
    fn topology(&mut self, topology: &Node) {
        for (index, (name, span, _)) in entries(topology, "images").enumerate() {
            if index == MOST_SYSTEMS {
                self.problems.add(span, "a sysplex has at most 32 images", "one too many", None);
            }
            self.add(Kind::Image, name, span);
            system_name("an image", name, 8, span, self.problems);
        }
        for (name, span, _) in entries(topology, "hosts") {
            self.add(Kind::Host, name, span);
            application_name(name, span, self.problems);
        }
        for (name, span, _) in entries(topology, "coupling_facilities") {
            self.add(Kind::CouplingFacility, name, span);
            system_name("a coupling facility", name, 8, span, self.problems);
        }
        for (name, span, group) in entries(topology, "queue_sharing_groups") {
            self.add(Kind::Group, name, span);
            system_name("a queue-sharing group", name, 4, span, self.problems);
            let mut structures = Vec::new();
            for (structure, span, _) in entries(group, "cfstructs") {
                if structure != indoubt_engine::coupling_facility::definition::ADMIN_STRUCTURE {
                    system_name("a structure", structure, 12, span, self.problems);
                }
                structures.push(structure.to_owned());
            }
            let mut queues = Vec::new();
            let mut in_structure: BTreeMap<&str, u32> = BTreeMap::new();
            for (queue, span, definition) in entries(group, "qlocals") {
                queue_name(queue, span, self.problems);
                let count = in_structure.entry(text(definition, "cfstruct").unwrap_or("")).or_default();
                *count += 1;
                if *count == 513 {
                    self.problems.add(span, "a structure holds at most 512 shared queues", "one too many", None);
                }
                queues.push(queue.to_owned());
            }
            self.names.structures.insert(name.to_owned(), structures);
            self.names.shared_queues.insert(name.to_owned(), queues);
        }
        for (name, span, queue_manager) in entries(topology, "queue_managers") {
            self.add(Kind::QueueManager, name, span);
            system_name("a queue manager", name, 4, span, self.problems);
            let group = text(queue_manager, "qsgname");
            let mut queues = Vec::new();
            for (queue, span, _) in entries(queue_manager, "qlocals") {
                queue_name(queue, span, self.problems);
                let shared = group.and_then(|group| self.names.shared_queues.get(group));
                if let (Some(group), true) =
                    (group, shared.is_some_and(|shared| shared.iter().any(|name| name == queue)))
                {
                    let message = format!(
                        "{queue} is a shared queue of {group} already; {name} cannot have a private queue of that name"
                    );
                    self.problems.add(span, message, "defined twice", None);
                }
                queues.push(queue.to_owned());
            }
            self.names.private_queues.insert(name.to_owned(), queues);
            if let Some(group) = group {
                self.names.group_of.insert(name.to_owned(), group.to_owned());
                if self.names.members(group).count() == MOST_SYSTEMS + 1 {
                    self.problems.add(span, "a queue-sharing group has at most 32 members", "one too many", None);
                }
            }
            if let Some(image) = text(queue_manager, "image") {
                self.names.image_of.insert(name.to_owned(), image.to_owned());
            }
        }
    }

    /// Databases and file servers, a cell with its clusters and servers; each host of a server has a node agent.
    fn cell(&mut self, topology: &Node) {
        for (section, kind) in [("databases", Kind::Database), ("file_servers", Kind::FileServer)] {
            for (name, span, _) in entries(topology, section) {
                self.add(kind, name, span);
                application_name(name, span, self.problems);
            }
        }
        let Some(cell) = field(topology, "cell") else { return };
        let mut hosts: Vec<&str> = Vec::new();
        for (name, span, cluster) in entries(cell, "clusters") {
            self.add(Kind::Cluster, name, span);
            application_name(name, span, self.problems);
            for (name, span, server) in entries(cluster, "servers") {
                self.add(Kind::ApplicationServer, name, span);
                application_name(name, span, self.problems);
                if let Some(host) = text(server, "host").filter(|host| !hosts.contains(host)) {
                    hosts.push(host);
                }
            }
        }
        let without_agents = matches!(
            field(cell, "node_agents").map(|node| &node.value),
            Some(Value::Word(word)) if word == "NO"
        );
        if !without_agents {
            let agents = hosts.into_iter().map(node_agent);
            self.names.things.entry(Kind::NodeAgent).or_default().extend(agents);
        }
        if let Some(manager) = field(cell, "deployment_manager") {
            self.add(Kind::DeploymentManager, DEPLOYMENT_MANAGER, manager.span);
        }
        if let Some(bus) = field(cell, "bus") {
            self.names.bus = text(bus, "name").map(str::to_owned);
            self.names.destinations = entries(bus, "queues").map(|(name, ..)| name.to_owned()).collect();
        }
    }

    fn add(&mut self, kind: Kind, name: &str, span: Span) {
        if name == AUDITOR {
            let message = format!("{name} is the name of the process that takes stock at the end of a run");
            self.problems.add(span, message, "taken", None);
        }
        match self.first.get(name) {
            // Twice within one map: decoding the map says so.
            Some(first) if *first == kind && kind != Kind::Application => {}
            Some(first) => {
                let message = format!("{name} is the name of {} already", first.article());
                let help = "places, processes, groups and clusters need different names";
                self.problems.add(span, message, "taken", Some(help.into()));
            }
            None => {
                self.first.insert(name.to_owned(), kind);
                self.names.things.entry(kind).or_default().push(name.to_owned());
            }
        }
    }
}

/// Names that z/OS gives: capital letters, digits and `@ # $`, not beginning with a digit.
fn system_name(what: &str, name: &str, longest: usize, span: Span, problems: &mut Problems) {
    if name.chars().count() > longest {
        let message =
            format!("{} has {} characters: the name of {what} has at most {longest}", name, name.chars().count());
        problems.add(span, message, "too long", None);
        return;
    }
    let allowed = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || matches!(c, '@' | '#' | '$');
    if name.is_empty() || !name.chars().all(allowed) || name.starts_with(|c: char| c.is_ascii_digit()) {
        let message = format!("\"{}\" cannot be the name of {what}", name.escape_debug());
        let help = "capital letters, digits, @, # and $; not a digit first";
        problems.add(span, message, "not a name", Some(help.into()));
    }
}

fn queue_name(name: &str, span: Span, problems: &mut Problems) {
    if name.chars().count() > 48 {
        problems.add(
            span,
            format!("{name} is too long: the name of a queue has at most 48 characters"),
            "too long",
            None,
        );
        return;
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '/' | '_' | '%');
    if name.is_empty() || !name.chars().all(allowed) {
        let message = format!("\"{}\" cannot be the name of a queue", name.escape_debug());
        problems.add(span, message, "not a name", Some("letters, digits, `.`, `/`, `_` and `%`".into()));
    }
}

/// Names of a bus's destinations.
pub(super) fn destination_name(name: &str, span: Span, problems: &mut Problems) {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '/' | '_' | '%' | '-');
    if name.is_empty() || name.len() > 48 || !name.chars().all(allowed) {
        let message = format!("\"{}\" cannot be the name of a queue of a bus", name.escape_debug());
        let help = "1 to 48 letters, digits, `.`, `/`, `_`, `%` and `-`";
        problems.add(span, message, "not a name", Some(help.into()));
    } else if name.starts_with('_') {
        let message = format!("\"{name}\": names that begin with an underscore are the bus's own");
        problems.add(span, message, "reserved", None);
    }
}

/// Names that only the testbed knows: hosts and applications.
fn application_name(name: &str, span: Span, problems: &mut Problems) {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.is_empty() || name.len() > 32 || !name.chars().all(allowed) {
        let message = format!("\"{}\" cannot be the name of a host or application", name.escape_debug());
        problems.add(span, message, "not a name", Some("1 to 32 letters, digits, `-` and `_`".into()));
    }
}
