//! The manager of one process: its state, what it is offered, what it is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::decide::GroupMember;
use super::definition::CoreGroupDefinition;
use super::frame::{CoreGroupFrame, MemberReport, View, ViewId};
use super::is_alive::Watch;
use super::links::Link;
use super::policy::{GroupName, PolicySet};
use super::view::Agreement;
use crate::frame::Frame;
use crate::machine::{Broken, ConnectionId, Effect, Effects, Incarnation, Input, Offered, TimerId};
use crate::name::{Address, ProcessName};
use crate::time::Time;

/// What the manager asks of the process that hosts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupOrder {
    /// Make the local member active; [`HaManager::activated`] or [`HaManager::activation_failed`] is to follow.
    Activate(GroupName),
    /// Make the local member idle, also if it is still activating; [`HaManager::deactivated`] is to follow.
    Deactivate(GroupName),
    /// Say how the active member is: [`HaManager::alive`].
    AreYouAlive(GroupName),
    /// The active member is not alive, or has not said how it is until the next time. The host ends the process
    /// (HMGR0130I), or stops and disables the member, as its level does.
    NotAlive(GroupName),
    /// End the process.
    Terminate {
        /// Why.
        reason: &'static str,
    },
    /// The bulletin board has changed.
    BoardChanged,
}

/// How an active member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Well.
    Alive,
    /// Failed.
    NotAlive,
}

/// Why an operator's order was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotOperated {
    /// The group's policy is not No operation: its members are not to be operated by hand.
    Governed,
    /// The process is not in the view.
    NotInView,
}

/// The high availability manager of one process.
#[derive(Debug)]
pub struct HaManager {
    pub(super) definition: Arc<CoreGroupDefinition>,
    pub(super) own: ProcessName,
    pub(super) incarnation: Incarnation,
    pub(super) policies: PolicySet,
    pub(super) discovery_timer: TimerId,
    pub(super) view_timer: TimerId,
    pub(super) is_alive_timer: TimerId,
    pub(super) running: bool,
    pub(super) links: BTreeMap<ProcessName, Link>,
    /// Connections that peers have opened and have not greeted on yet.
    pub(super) incoming: BTreeMap<ConnectionId, ProcessName>,
    pub(super) departures: Vec<(ProcessName, Broken)>,
    /// Connected, but not to be in a view with, until the next discovery.
    pub(super) apart: BTreeSet<ProcessName>,
    pub(super) view: View,
    /// Somebody says that the view is no longer right, though its members are connected.
    pub(super) is_view_doubted: bool,
    /// A connection to a member of the view was lost, perhaps with frames on it.
    pub(super) was_link_lost: bool,
    pub(super) is_initialised: bool,
    /// It was told that there is nobody to begin with.
    pub(super) is_wait_told: bool,
    pub(super) agreement: Agreement,
    pub(super) round: u64,
    /// How often in a row a proposal was put off.
    pub(super) times_put_off: u32,
    /// Since when other views have had no place in the own one as a whole.
    pub(super) without_place_since: BTreeMap<ViewId, Time>,
    pub(super) promised: Option<(ProcessName, u64, BTreeSet<ProcessName>)>,
    pub(super) groups: BTreeMap<GroupName, GroupMember>,
    /// Groups whose local member is to be disabled as soon as it has ended its work.
    pub(super) to_be_disabled: BTreeSet<GroupName>,
    pub(super) posts: BTreeMap<String, String>,
    pub(super) reports: BTreeMap<ProcessName, MemberReport>,
    pub(super) orders_taken: BTreeMap<ProcessName, u64>,
    pub(super) orders_sent: BTreeMap<ProcessName, u64>,
    pub(super) pending: BTreeMap<(GroupName, ProcessName), u64>,
    /// What has been told once in this view.
    pub(super) told: BTreeSet<(GroupName, &'static str)>,
    /// Whom a coordinator that should have stepped back goes on to command (planted defect).
    pub(super) jurisdiction: Option<BTreeSet<ProcessName>>,
    pub(super) watched: BTreeMap<GroupName, Watch>,
    pub(super) board: BTreeMap<String, BTreeMap<ProcessName, String>>,
    pub(super) orders: Vec<GroupOrder>,
}

impl HaManager {
    /// How many timers it uses, from the first on.
    pub const TIMERS: u32 = 3;

    /// The manager of a process.
    #[must_use]
    pub fn new(definition: Arc<CoreGroupDefinition>, own: ProcessName, first_timer: TimerId) -> Self {
        let view = View { id: ViewId { number: 0, coordinator: own.clone() }, members: BTreeSet::from([own.clone()]) };
        HaManager {
            policies: definition.policies.clone(),
            definition,
            own,
            incarnation: Incarnation::default(),
            discovery_timer: first_timer,
            view_timer: TimerId(first_timer.0 + 1),
            is_alive_timer: TimerId(first_timer.0 + 2),
            running: false,
            links: BTreeMap::new(),
            incoming: BTreeMap::new(),
            departures: Vec::new(),
            apart: BTreeSet::new(),
            view,
            is_view_doubted: false,
            was_link_lost: false,
            is_initialised: false,
            is_wait_told: false,
            agreement: Agreement::Quiet,
            round: 0,
            times_put_off: 0,
            without_place_since: BTreeMap::new(),
            promised: None,
            groups: BTreeMap::new(),
            to_be_disabled: BTreeSet::new(),
            posts: BTreeMap::new(),
            reports: BTreeMap::new(),
            orders_taken: BTreeMap::new(),
            orders_sent: BTreeMap::new(),
            pending: BTreeMap::new(),
            told: BTreeSet::new(),
            jurisdiction: None,
            watched: BTreeMap::new(),
            board: BTreeMap::new(),
            orders: Vec::new(),
        }
    }

    /// The process has started: listens, looks for the others.
    pub fn started(&mut self, now: Time, incarnation: Incarnation, effects: &mut Effects) {
        self.running = true;
        self.incarnation = incarnation;
        if let Some(address) = self.own_address() {
            effects.push(Effect::Listen { address, silence: self.definition.heartbeats() });
        }
        self.is_initialised = self.definition.minimum_members_at_start <= 1;
        self.discover(now, effects);
    }

    /// Leaves in good order. The host is to have deactivated its members before.
    pub fn stop(&mut self, _now: Time, effects: &mut Effects) {
        self.running = false;
        if let Some(address) = self.own_address() {
            effects.push(Effect::StopListening { address });
        }
        for (_, link) in std::mem::take(&mut self.links) {
            send(&link, CoreGroupFrame::Leaving, effects);
            effects.push(Effect::Close { connection: link.connection });
        }
        for (connection, _) in std::mem::take(&mut self.incoming) {
            effects.push(Effect::Close { connection });
        }
        for timer in [self.discovery_timer, self.view_timer, self.is_alive_timer] {
            effects.push(Effect::CancelTimer { timer });
        }
    }

    /// Offers an input of the process.
    pub fn offer(&mut self, now: Time, input: Input, effects: &mut Effects) -> Offered {
        match input {
            Input::Connected { connection } if self.peer(connection).is_some() => self.greet(connection, effects),
            Input::Refused { connection, .. } if self.peer(connection).is_some() => self.refused(connection, effects),
            Input::Accepted { connection, at, from } if Some(&at) == self.own_address().as_ref() => {
                self.accepted(connection, from, effects);
            }
            Input::Frame { connection, frame: Frame::CoreGroup(frame) } => {
                self.take_up(now, connection, effects);
                if let Some(from) = self.peer(connection) {
                    self.take(now, from, *frame, effects);
                }
            }
            Input::Broken { connection, .. } if self.incoming.remove(&connection).is_some() => {}
            Input::Broken { connection, how } => match self.peer(connection) {
                Some(peer) => self.lost(now, &peer, how, effects),
                None => return Offered::Declined(Input::Broken { connection, how }),
            },
            Input::Datagram { from, frame: Frame::CoreGroup(frame) } => self.datagram(now, &from, &frame, effects),
            Input::Timer { timer } if timer == self.discovery_timer => {
                self.tell_of_wait(effects);
                self.discover(now, effects);
            }
            Input::Timer { timer } if timer == self.view_timer => self.view_time(now, effects),
            Input::Timer { timer } if timer == self.is_alive_timer => self.is_alive_time(now, effects),
            input => return Offered::Declined(input),
        }
        Offered::Taken
    }

    fn take(&mut self, now: Time, from: ProcessName, frame: CoreGroupFrame, effects: &mut Effects) {
        match frame {
            CoreGroupFrame::Discover { .. } => {}
            CoreGroupFrame::Hello { incarnation, revision } => self.hello(now, from, incarnation, revision, effects),
            CoreGroupFrame::Policies(set) => self.take_policies(now, set, effects),
            CoreGroupFrame::RequestView => self.view_requested(now, &from, effects),
            CoreGroupFrame::Propose { round } => self.proposed(now, from, round, effects),
            CoreGroupFrame::Agree { round, current, connected } => {
                self.agreed(now, from, round, current, connected, effects);
            }
            CoreGroupFrame::Disagree { round, current } => self.disagreed(now, from, round, &current, effects),
            CoreGroupFrame::Excluded => self.excluded(now, from, effects),
            CoreGroupFrame::Install { round, view } => self.told_to_install(now, &from, round, view, effects),
            CoreGroupFrame::Elsewhere(id) => self.is_elsewhere(now, &from, &id, effects),
            CoreGroupFrame::Report(report) => self.reported(now, from, report, effects),
            CoreGroupFrame::Order { view, group, order } => self.ordered(now, &from, &view, &group, order, effects),
            CoreGroupFrame::Operate { group, activate } => self.operated(now, &group, activate, effects),
            CoreGroupFrame::Leaving => self.lost(now, &from, Broken::Closed, effects),
        }
    }

    /// What the host is asked to do, in order.
    pub fn take_orders(&mut self) -> Vec<GroupOrder> {
        std::mem::take(&mut self.orders)
    }

    /// Members whose connection ended since last asked, and how: `Closed` is a stop in good order.
    pub fn take_departures(&mut self) -> Vec<(ProcessName, Broken)> {
        std::mem::take(&mut self.departures)
    }

    /// Whether there is a connection to a member.
    #[must_use]
    pub fn is_connected(&self, member: &ProcessName) -> bool {
        self.links.get(member).is_some_and(Link::is_up)
    }

    /// The view that this process has installed.
    #[must_use]
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Whether this process is the coordinator of its view.
    #[must_use]
    pub fn is_coordinator(&self) -> bool {
        self.view.id.coordinator == self.own
    }

    /// Whether a view with enough members has been seen: nothing is activated before.
    #[must_use]
    pub fn is_initialised(&self) -> bool {
        self.is_initialised
    }

    /// The bulletin board: by subject, what members of the view have posted.
    #[must_use]
    pub fn board(&self) -> &BTreeMap<String, BTreeMap<ProcessName, String>> {
        &self.board
    }

    /// Posts something on the bulletin board, or takes it off.
    pub fn post(&mut self, _now: Time, subject: String, value: Option<String>, effects: &mut Effects) {
        match value {
            Some(value) => self.posts.insert(subject, value),
            None => self.posts.remove(&subject),
        };
        self.report_to_view(effects);
        self.refresh_board();
    }

    pub(super) fn refresh_board(&mut self) {
        let mut board: BTreeMap<String, BTreeMap<ProcessName, String>> = BTreeMap::new();
        let others = self.reports.iter().filter(|(peer, _)| self.view.members.contains(*peer));
        let others = others.map(|(peer, report)| (peer, &report.posts));
        for (process, posts) in others.chain([(&self.own, &self.posts)]) {
            for (subject, value) in posts {
                board.entry(subject.clone()).or_default().insert(process.clone(), value.clone());
            }
        }
        if board != self.board {
            self.board = board;
            self.orders.push(GroupOrder::BoardChanged);
        }
    }

    fn own_address(&self) -> Option<Address> {
        self.definition.member(&self.own).map(|member| member.address.clone())
    }

    pub(super) fn tell(&self, to: &ProcessName, frame: CoreGroupFrame, effects: &mut Effects) {
        if let Some(link) = self.links.get(to) {
            send(link, frame, effects);
        }
    }
}

pub(super) fn send(link: &Link, frame: CoreGroupFrame, effects: &mut Effects) {
    effects.send(link.connection, Frame::CoreGroup(Box::new(frame)));
}
