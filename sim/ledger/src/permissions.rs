//! Which permission of a contract covers what happened to a message: whether its event came, to whom, and when.

use crate::contract::{PROCESS_ENDED, Permission, Whom, Window};
use crate::history::{History, LifeChange, Moment, Put, WorldHappening};
use crate::index::{Index, MessageIndex};
use crate::ownership::Ownership;

/// An event, with its names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event<'h> {
    pub(crate) at: Moment,
    pub(crate) name: &'h str,
    pub(crate) subject: &'h str,
    pub(crate) by: &'h str,
}

impl<'h> Event<'h> {
    /// The process that an event is about: who reported it, or else its subject.
    pub(crate) fn process(&self) -> &'h str {
        if self.by.is_empty() { self.subject } else { self.by }
    }

    fn concerns(&self, name: &str) -> bool {
        self.subject == name || self.by == name
    }
}

/// The events of a history, with the ends of applications, in order.
pub(crate) fn events(history: &History) -> Vec<Event<'_>> {
    let told = history.world.iter().filter_map(|record| match &record.what {
        WorldHappening::Event { name, subject, by, .. } => Some(Event { at: record.at, name, subject, by }),
        WorldHappening::Fault(_) | WorldHappening::Healed(_) | WorldHappening::Command(_) => None,
    });
    let ends = history.processes.iter().flat_map(|process| {
        let ends = process.life.iter().filter(|(_, change)| *change == LifeChange::Ended);
        ends.map(|(at, _)| Event { at: *at, name: PROCESS_ENDED, subject: &process.name, by: &process.name })
    });
    let mut events: Vec<Event<'_>> = told.chain(ends).collect();
    events.sort_by_key(|event| event.at);
    events
}

/// A time in which something happened to a message that must be explained.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Harm {
    /// After this...
    pub(crate) after: Moment,
    /// ... and before this; `None`: the audit.
    pub(crate) before: Option<Moment>,
    /// When what may be undone was acknowledged, nanoseconds.
    pub(crate) acknowledged_ns: u64,
}

/// Permissions of one sort, each with its events.
pub(crate) struct Permissions<'c, 'h> {
    rules: Vec<(&'c Permission, Vec<Event<'h>>)>,
}

impl<'c, 'h> Permissions<'c, 'h> {
    /// Those of the permissions whose events were seen at all.
    pub(crate) fn new(permissions: &'c [Permission], events: &[Event<'h>], ownership: &Ownership<'_>) -> Self {
        let of = |permission: &'c Permission| {
            let is_meant = |event: &&Event<'h>| {
                event.name == permission.event
                    && match &permission.subject {
                        Whom::Named(name) => event.concerns(name),
                        Whom::OwnerOf(resource) => ownership.is_owner(resource, event.process(), event.at),
                        Whom::Anybody | Whom::Producer | Whom::Consumer => true,
                    }
            };
            (permission, events.iter().filter(is_meant).copied().collect::<Vec<_>>())
        };
        Permissions { rules: permissions.iter().map(of).filter(|(_, events)| !events.is_empty()).collect() }
    }

    /// The first permission that covers this harm to this message.
    pub(crate) fn covering(&self, index: &Index<'_>, message: MessageIndex, harm: Harm) -> Option<&'c Permission> {
        let put = &index.sent(message).put;
        let covers = |(permission, events): &&(&'c Permission, Vec<Event<'h>>)| {
            is_about(permission, put)
                && in_window(permission.window, harm, events)
                    .iter()
                    .any(|event| has_role(index, message, permission, event))
        };
        self.rules.iter().find(covers).map(|(permission, _)| *permission)
    }
}

/// Whether messages like this one are meant.
pub(crate) fn is_about(permission: &Permission, put: &Put) -> bool {
    permission.qualities.as_ref().is_none_or(|qualities| qualities.contains(&put.quality))
        && permission.queues.as_ref().is_none_or(|queues| queues.contains(&put.queue))
}

/// Those events that came at the right time.
fn in_window<'e, 'h>(window: Window, harm: Harm, events: &'e [Event<'h>]) -> &'e [Event<'h>] {
    let (from, within_ns) = match window {
        Window::After { within_ns } => (events.partition_point(|event| event.at <= harm.after), within_ns),
        Window::Around { before_ns, after_ns } => {
            let earliest_ns = before_ns.map_or(0, |before_ns| harm.after.at_ns.saturating_sub(before_ns));
            (events.partition_point(|event| event.at.at_ns < earliest_ns), after_ns)
        }
    };
    let latest_ns = within_ns.map_or(u64::MAX, |within_ns| harm.acknowledged_ns.saturating_add(within_ns));
    let to = events
        .partition_point(|event| event.at.at_ns <= latest_ns && harm.before.is_none_or(|before| event.at < before));
    &events[from..to.max(from)]
}

fn has_role(index: &Index<'_>, message: MessageIndex, permission: &Permission, event: &Event<'_>) -> bool {
    let name_of = |process: crate::history::ProcessIndex| index.history.processes[process.index()].name.as_str();
    match permission.subject {
        Whom::Anybody | Whom::Named(_) | Whom::OwnerOf(_) => true,
        Whom::Producer => event.concerns(name_of(index.sent(message).call.process)),
        Whom::Consumer => {
            index.deliveries(message).iter().any(|delivered| event.concerns(name_of(delivered.call.process)))
        }
    }
}
