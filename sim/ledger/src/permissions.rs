//! Which permission of a contract covers what happened to a message: whether its event came, to whom, and when.

use crate::contract::{PROCESS_ENDED, PROCESS_PAUSED, PROCESS_RESUMED, Permission, Whom, Window};
use crate::history::{History, LifeChange, Moment, Peer, Span, WorldHappening};
use crate::index::{Index, MessageIndex, Sent};
use crate::ownership::Ownership;

/// An event, with its names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event<'h> {
    pub(crate) at: Moment,
    pub(crate) name: &'h str,
    pub(crate) subject: &'h str,
    pub(crate) by: &'h str,
    pub(crate) text: &'h str,
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

/// A permission, and the event by which it permits what happened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Excuse<'c, 'h> {
    pub(crate) permission: &'c Permission,
    pub(crate) event: Event<'h>,
}

impl Excuse<'_, '_> {
    /// What permits it, in words that follow *after*.
    pub(crate) fn cause(&self) -> String {
        let Event { name, subject, by, text, .. } = self.event;
        let is_of_process = [PROCESS_ENDED, PROCESS_PAUSED, PROCESS_RESUMED].contains(&name);
        match &self.permission.subject {
            Whom::Producer if name == PROCESS_ENDED => "the end of their producer".to_owned(),
            Whom::Producer => format!("{name} of their producer"),
            Whom::Consumer => format!("{name} of their consumer"),
            _ if is_of_process && !text.is_empty() => format!("{} {text}", self.event.process()),
            _ if is_of_process => format!("{name} of {}", self.event.process()),
            _ if !by.is_empty() && by != subject => format!("{name} on {by}"),
            _ => name.to_owned(),
        }
    }
}

/// The events of a history, with the ends of applications, in order.
pub(crate) fn events(history: &History) -> Vec<Event<'_>> {
    let told = history.world.iter().filter_map(|record| match &record.what {
        WorldHappening::Event { name, subject, by, text } => Some(Event { at: record.at, name, subject, by, text }),
        WorldHappening::Fault(_) | WorldHappening::Healed(_) | WorldHappening::Command(_) => None,
    });
    let ends = history.processes.iter().flat_map(|process| {
        let ends = process.life.iter().filter(|(_, change)| *change == LifeChange::Ended);
        let (name, subject, by) = (PROCESS_ENDED, process.name.as_str(), process.name.as_str());
        ends.map(move |(at, _)| Event { at: *at, name, subject, by, text: "" })
    });
    let mut events: Vec<Event<'_>> = told.chain(ends).collect();
    events.sort_by_key(|event| event.at);
    events
}

/// A time in which something happened to a message that must be explained.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Harm<'h> {
    /// After this...
    pub(crate) after: Moment,
    /// ... and before this; `None`: the audit.
    pub(crate) before: Option<Moment>,
    /// When what may be undone was acknowledged, nanoseconds.
    pub(crate) acknowledged_ns: u64,
    /// Who gave the message out at the end of that time, if somebody did.
    pub(crate) giver: Option<&'h Peer>,
}

/// Permissions of one sort, each with its events.
pub(crate) struct Permissions<'c, 'o, 'h> {
    rules: Vec<(&'c Permission, Vec<Event<'h>>)>,
    ownership: &'o Ownership<'h>,
}

impl<'c, 'o, 'h> Permissions<'c, 'o, 'h> {
    /// Those of the permissions whose events were seen at all.
    pub(crate) fn new(permissions: &'c [Permission], events: &[Event<'h>], ownership: &'o Ownership<'h>) -> Self {
        let of = |permission: &'c Permission| {
            let is_meant = |event: &&Event<'h>| {
                event.name == permission.event
                    && match &permission.subject {
                        Whom::Named(name) => event.concerns(name),
                        Whom::OwnerOf(resource) => ownership.is_run_by(resource, event.process(), event.at),
                        Whom::Instance { resource, process } => {
                            event.process() == process && ownership.is_run_by(resource, process, event.at)
                        }
                        Whom::Successor { resource, process } | Whom::SuccessorOfGiver { resource, process } => {
                            event.subject == resource
                                && event.process() != process
                                && ownership.is_run_by(resource, process, event.at)
                        }
                        Whom::Anybody | Whom::Producer | Whom::Consumer => true,
                    }
            };
            (permission, events.iter().filter(is_meant).copied().collect::<Vec<_>>())
        };
        let rules = permissions.iter().map(of).filter(|(_, events)| !events.is_empty()).collect();
        Permissions { rules, ownership }
    }

    /// What covers this harm to this message: of all that does, the event that came first, since after that there was
    /// nothing left to harm; of those at the same time, the one whose permission comes first.
    pub(crate) fn covering(&self, index: &Index<'_>, message: MessageIndex, harm: Harm<'_>) -> Option<Excuse<'c, 'h>> {
        let about = self.rules.iter().filter(|(permission, _)| is_about(permission, index, message));
        let excuses = about.filter_map(|(permission, events)| {
            let in_time = in_window(permission, harm, events);
            let event = in_time.iter().find(|event| self.has_role(index, message, permission, event, harm))?;
            Some(Excuse { permission, event: *event })
        });
        excuses.min_by_key(|excuse| excuse.event.at.at_ns)
    }

    fn has_role(
        &self,
        index: &Index<'_>,
        message: MessageIndex,
        permission: &Permission,
        event: &Event<'_>,
        harm: Harm<'_>,
    ) -> bool {
        let name_of = |process: crate::history::ProcessIndex| index.history.processes[process.index()].name.as_str();
        let put = index.sent(message).call;
        let deliveries = index.deliveries(message);
        let had_it = |resource: &str, process: &str| {
            let peer = index.history.peer_of(put);
            peer.is_some_and(|peer| peer.resource == resource && peer.process == process)
                || self.ownership.was_the_last(resource, process, event.at, harm.after)
        };
        match &permission.subject {
            Whom::Anybody | Whom::Named(_) => true,
            Whom::OwnerOf(resource) => had_it(resource, event.process()),
            Whom::Instance { resource, process } | Whom::Successor { resource, process } => had_it(resource, process),
            Whom::SuccessorOfGiver { resource, process } => {
                harm.giver.is_some_and(|giver| giver.resource == *resource && giver.process == *process)
                    && harm.before.is_some_and(|given| self.ownership.is_one_run(resource, process, event.at, given))
            }
            Whom::Producer => event.concerns(name_of(put.process)) && deliveries.is_empty(),
            Whom::Consumer => deliveries.iter().any(|delivered| event.concerns(name_of(delivered.call.process))),
        }
    }
}

/// Whether messages like this one are meant.
pub(crate) fn is_about(permission: &Permission, index: &Index<'_>, message: MessageIndex) -> bool {
    let Sent { put, call, .. } = index.sent(message);
    permission.qualities.as_ref().is_none_or(|qualities| qualities.contains(&put.quality))
        && permission.queues.as_ref().is_none_or(|queues| queues.contains(&put.queue))
        && permission
            .through
            .as_ref()
            .is_none_or(|resource| index.history.peer_of(call).is_some_and(|peer| peer.resource == *resource))
}

/// Those events that came at the right time.
fn in_window<'e, 'h>(permission: &Permission, harm: Harm<'_>, events: &'e [Event<'h>]) -> &'e [Event<'h>] {
    let (from, within_ns) = match permission.window {
        Window::After { within_ns } => (events.partition_point(|event| event.at <= harm.after), within_ns),
        Window::Around { before_ns, after_ns } => {
            let earliest_ns = before_ns.map_or(0, |before_ns| harm.after.at_ns.saturating_sub(before_ns));
            (events.partition_point(|event| event.at.at_ns < earliest_ns), after_ns)
        }
    };
    let latest_ns = within_ns.map_or(u64::MAX, |within_ns| {
        let usual_ns = harm.acknowledged_ns.saturating_add(within_ns);
        let waited = |stall: &&Span| stall.from_ns <= usual_ns && harm.acknowledged_ns <= stall.to_ns;
        permission.stalls.iter().filter(waited).map(|stall| stall.to_ns).fold(usual_ns, u64::max)
    });
    let to = events
        .partition_point(|event| event.at.at_ns <= latest_ns && harm.before.is_none_or(|before| event.at < before));
    &events[from..to.max(from)]
}
