//! What every decoder needs: where mistakes go, and which names there are.

use std::collections::{BTreeMap, BTreeSet};

use crate::scenario::diagnostics::Problems;
use crate::scenario::model::Place;
use crate::scenario::syntax::ast::{Node, Span, Value};

/// Names longer than this are not compared, in characters.
const LONGEST_COMPARED: usize = 64;

/// The state of decoding.
pub(super) struct Context<'p> {
    /// Mistakes.
    pub(super) problems: &'p mut Problems,
    /// What the file defines.
    pub(super) names: Names,
}

/// What a name can be the name of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Image,
    Host,
    CouplingFacility,
    Group,
    QueueManager,
    Database,
    FileServer,
    Cluster,
    ApplicationServer,
    NodeAgent,
    DeploymentManager,
    Application,
}

impl Kind {
    /// With its article.
    pub(super) const fn article(self) -> &'static str {
        match self {
            Kind::Image => "an image",
            Kind::Host => "a host",
            Kind::CouplingFacility => "a coupling facility",
            Kind::Group => "a queue-sharing group",
            Kind::QueueManager => "a queue manager",
            Kind::Database => "a database",
            Kind::FileServer => "a file server",
            Kind::Cluster => "a cluster",
            Kind::ApplicationServer => "an application server",
            Kind::NodeAgent => "a node agent",
            Kind::DeploymentManager => "a deployment manager",
            Kind::Application => "an application",
        }
    }

    /// Whether there is a process of each name of this kind.
    pub(super) const fn is_process(self) -> bool {
        !matches!(self, Kind::Host | Kind::Group | Kind::Cluster)
    }

    /// Without it.
    pub(super) fn noun(self) -> &'static str {
        self.article().split_once(' ').map_or("", |(_, noun)| noun)
    }
}

/// Every name the file defines. A name is used once: processes, images and hosts share one space of names.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// In the order of the file for each kind.
    pub(super) things: BTreeMap<Kind, Vec<String>>,
    /// Structures, by group.
    pub(super) structures: BTreeMap<String, Vec<String>>,
    /// Shared queues, by group.
    pub(super) shared_queues: BTreeMap<String, Vec<String>>,
    /// Private queues, by queue manager.
    pub(super) private_queues: BTreeMap<String, Vec<String>>,
    /// Group, by queue manager.
    pub(super) group_of: BTreeMap<String, String>,
    /// Image, by queue manager.
    pub(super) image_of: BTreeMap<String, String>,
    /// The bus.
    pub(super) bus: Option<String>,
    /// Its queues.
    pub(super) destinations: Vec<String>,
    /// Clusters that are no members of it. Known once the cell is decoded, as are its engines.
    pub(super) outside_bus: BTreeSet<String>,
    /// Its engines, by server that may run them. Known once the cell is decoded.
    pub(super) engines_of: BTreeMap<String, Vec<String>>,
    /// Instances of applications where there are several: `server.2`. The application's own name is among the things.
    pub(super) instances: BTreeSet<String>,
    /// Applications of which there is exactly one, so that the name is the process's.
    pub(super) single: BTreeSet<String>,
}

impl Names {
    /// All names of a kind.
    pub(super) fn of(&self, kind: Kind) -> &[String] {
        self.things.get(&kind).map_or(&[], Vec::as_slice)
    }

    /// The middleware's processes.
    pub(super) fn servers(&self) -> Vec<String> {
        let kinds = [
            Kind::QueueManager,
            Kind::ApplicationServer,
            Kind::Database,
            Kind::FileServer,
            Kind::NodeAgent,
            Kind::DeploymentManager,
        ];
        kinds.into_iter().flat_map(|kind| self.of(kind).to_vec()).collect()
    }

    /// What kind of thing a name is, if it is one.
    pub(super) fn kind_of(&self, name: &str) -> Option<Kind> {
        self.things.iter().find(|(_, names)| names.iter().any(|known| known == name)).map(|(kind, _)| *kind)
    }

    /// The members of a group, in the order of the file.
    pub(super) fn members<'a>(&'a self, group: &'a str) -> impl Iterator<Item = &'a str> {
        let all = self.of(Kind::QueueManager).iter().map(String::as_str);
        all.filter(move |name| self.group_of.get(*name).is_some_and(|of| of == group))
    }

    /// Every queue that a queue manager knows.
    pub(super) fn queues_of<'a>(&'a self, queue_manager: &str) -> impl Iterator<Item = &'a str> {
        let private = self.private_queues.get(queue_manager).into_iter().flatten();
        let group = self.group_of.get(queue_manager);
        let shared = group.and_then(|group| self.shared_queues.get(group)).into_iter().flatten();
        private.chain(shared).map(String::as_str)
    }
}

impl Context<'_> {
    /// Reports a mistake.
    pub(super) fn problem(&mut self, span: Span, message: impl Into<String>, label: &str) {
        self.problems.add(span, message, label, None);
    }

    /// Reports a mistake, with advice.
    pub(super) fn problem_with_help(
        &mut self,
        span: Span,
        message: impl Into<String>,
        label: &str,
        help: impl Into<String>,
    ) {
        self.problems.add(span, message, label, Some(help.into()));
    }

    /// Reports something documented that is not there yet.
    pub(super) fn not_modelled(&mut self, span: Span, subject: &str) {
        self.problem(span, format!("{subject} not modelled yet"), "not modelled");
    }

    /// Reports that a value is not what belongs there.
    pub(super) fn unexpected(&mut self, node: &Node, wanted: &str, example: &str) {
        if node.value != Value::Damaged {
            let message = format!("{wanted} is expected here, but this is {}", node.value.kind());
            self.problem_with_help(node.span, message, "not this", format!("for example {example}"));
        }
    }

    /// Reports a name that nothing has.
    pub(super) fn dangling<'a>(
        &mut self,
        span: Span,
        noun: &str,
        name: &str,
        candidates: impl IntoIterator<Item = &'a str>,
    ) {
        if self.problems.any_syntax() {
            // What defines it may be in a part that could not be read.
            return;
        }
        let candidates: Vec<&str> = candidates.into_iter().collect();
        let meant = likely(name, candidates.iter().copied());
        let meant = meant.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
        let other = self.names.kind_of(name).map(|kind| format!("; {name} is {}", kind.article())).unwrap_or_default();
        let message = format!("no {noun} {name}{}", if other.is_empty() { meant } else { other });
        let help = if candidates.is_empty() {
            format!("there is no {noun} at all")
        } else {
            format!("there {}: {}", if candidates.len() == 1 { "is" } else { "are" }, one_of(candidates))
        };
        self.problem_with_help(span, message, &format!("no such {noun}"), help);
    }

    /// A name that must be that of an existing thing of this kind.
    pub(super) fn find(&mut self, kind: Kind, node: &Node) -> Option<String> {
        let name = self.name_text(node, kind.article())?;
        if self.names.of(kind).contains(&name) {
            return Some(name);
        }
        let candidates = self.names.of(kind).to_vec();
        self.dangling(node.span, kind.noun(), &name, candidates.iter().map(String::as_str));
        None
    }

    /// A messaging engine of the cell, by its name.
    pub(super) fn messaging_engine(&mut self, node: &Node) -> Option<String> {
        let name = self.name_text(node, "a messaging engine")?;
        let mut engines: Vec<String> = self.names.engines_of.values().flatten().cloned().collect();
        engines.sort();
        engines.dedup();
        if engines.contains(&name) {
            return Some(name);
        }
        self.dangling(node.span, "messaging engine", &name, engines.iter().map(String::as_str));
        None
    }

    /// A cluster that is a member of the bus.
    pub(super) fn bus_member(&mut self, node: &Node) -> Option<String> {
        let name = self.find(Kind::Cluster, node)?;
        if self.names.outside_bus.contains(&name) {
            self.problem(node.span, format!("{name} is no member of the bus: it has no engine"), "not on the bus");
            return None;
        }
        Some(name)
    }

    /// An image, host or coupling facility.
    pub(super) fn find_place(&mut self, node: &Node) -> Option<Place> {
        let name = self.name_text(node, "an image, host or coupling facility")?;
        match self.names.kind_of(&name) {
            Some(Kind::Image) => Some(Place::Image(name.into())),
            Some(Kind::Host) => Some(Place::Host(name)),
            Some(Kind::CouplingFacility) => Some(Place::CouplingFacility(name.into())),
            _ => {
                let mut candidates = self.names.of(Kind::Image).to_vec();
                candidates.extend_from_slice(self.names.of(Kind::Host));
                candidates.extend_from_slice(self.names.of(Kind::CouplingFacility));
                let noun = "image, host or coupling facility";
                self.dangling(node.span, noun, &name, candidates.iter().map(String::as_str));
                None
            }
        }
    }

    /// The text of a node that names something.
    pub(super) fn name_text(&mut self, node: &Node, wanted: &str) -> Option<String> {
        match &node.value {
            Value::Text(text) => Some(text.clone()),
            Value::Word(word) => {
                let message = format!("the name of {wanted} stands in quotes");
                self.problem_with_help(node.span, message, "quotes are missing", format!("write \"{word}\""));
                None
            }
            _ => {
                self.unexpected(node, &format!("the name of {wanted}"), "\"NAME\"");
                None
            }
        }
    }
}

/// The candidate that was probably meant.
pub(in crate::scenario) fn likely<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = written.chars().count();
    if length > LONGEST_COMPARED {
        return None;
    }
    let written = written.to_lowercase();
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let distance = strsim::damerau_levenshtein(&written, &candidate.to_lowercase());
        let bound = (length.max(candidate.chars().count()) / 3).max(1);
        if distance <= bound && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// A list for a message; long ones are cut.
pub(super) fn one_of<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    const MOST: usize = 40;
    let mut names = names.into_iter();
    let mut text: Vec<&str> = names.by_ref().take(MOST).collect();
    if names.next().is_some() {
        text.push("..");
    }
    text.join(", ")
}
