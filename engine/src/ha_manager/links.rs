//! Discovery and failure detection: the full mesh of connections.
//!
//! Of each pair the member with the smaller name opens the connection; the other one says by datagram that it is there.
//! Unconnected members are tried again every discovery interval. A socket that closes is noticed at once; otherwise a
//! member is suspected when nothing was heard of it for the heartbeat period times the missed heartbeats, which the world
//! counts for us. Documented: "Core group discovery and failure detection protocols".

use super::frame::CoreGroupFrame;
use super::manager::{HaManager, send};
use crate::event::Event;
use crate::frame::Frame;
use crate::machine::{Broken, ConnectionId, Effect, Effects, Incarnation};
use crate::name::ProcessName;
use crate::time::Time;

/// A connection to another member, or one that is being opened.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) connection: ConnectionId,
    /// The peer's life, once it has greeted: only then is the connection used.
    incarnation: Option<Incarnation>,
    /// The peer has said that it is there while the connection was being opened: if this attempt came too early, the next
    /// one will not.
    announced: bool,
}

impl Link {
    /// Whether both ends have greeted, as far as this one knows.
    pub(super) fn is_up(&self) -> bool {
        self.incarnation.is_some()
    }
}

impl HaManager {
    pub(super) fn peer(&self, connection: ConnectionId) -> Option<ProcessName> {
        self.links.iter().find(|(_, link)| link.connection == connection).map(|(peer, _)| peer.clone())
    }

    /// Tries all members that are not connected, and gives those another chance that are kept apart.
    pub(super) fn discover(&mut self, now: Time, effects: &mut Effects) {
        let definition = self.definition.clone();
        for member in &definition.members {
            if member.process == self.own || self.links.contains_key(&member.process) {
                continue;
            }
            if self.own < member.process {
                self.open(&member.process, effects);
            } else {
                let frame = CoreGroupFrame::Discover { incarnation: self.incarnation };
                let frame = Frame::CoreGroup(Box::new(frame));
                effects.push(Effect::Datagram { to: member.address.clone(), frame });
            }
        }
        effects.push(Effect::SetTimer { timer: self.discovery_timer, at: now + definition.discovery_interval });
        self.apart.clear();
        self.consider_view(now, effects);
    }

    /// Tells once in a life that a discovery interval has passed and nobody was there to begin with.
    pub(super) fn tell_of_wait(&mut self, effects: &mut Effects) {
        if self.running && !self.is_initialised && !std::mem::replace(&mut self.is_wait_told, true) {
            effects.report(Event::SecondMemberAwaited {});
        }
    }

    fn open(&mut self, peer: &ProcessName, effects: &mut Effects) {
        let Some(address) = self.definition.member(peer).map(|member| member.address.clone()) else { return };
        let connection = effects.connect(address, self.definition.heartbeats());
        self.links.insert(peer.clone(), Link { connection, incarnation: None, announced: false });
    }

    pub(super) fn datagram(&mut self, now: Time, from: &ProcessName, frame: &CoreGroupFrame, effects: &mut Effects) {
        let CoreGroupFrame::Discover { incarnation } = frame else { return };
        if !self.running || self.own >= *from {
            return;
        }
        match self.links.get_mut(from) {
            None => self.open(from, effects),
            // What we hold is a connection to an earlier life, whose end we have not noticed yet.
            Some(link) if link.incarnation.is_some_and(|known| known < *incarnation) => {
                effects.push(Effect::Close { connection: link.connection });
                self.lost(now, from, Broken::Reset, effects);
                self.open(from, effects);
            }
            Some(link) => link.announced = true,
        }
    }

    /// A connection that a peer has opened counts when the peer has greeted: one that it gave up before it came about
    /// must not cost the one that it uses.
    pub(super) fn accepted(&mut self, connection: ConnectionId, from: ProcessName, effects: &mut Effects) {
        if !self.running || self.definition.member(&from).is_none() || from == self.own {
            effects.push(Effect::Close { connection });
            return;
        }
        self.incoming.insert(connection, from);
        self.greet(connection, effects);
    }

    /// The peer greets on a connection that it has opened: from now on this is the one. It would not have opened it if
    /// it knew of another.
    pub(super) fn take_up(&mut self, now: Time, connection: ConnectionId, effects: &mut Effects) {
        let Some(from) = self.incoming.remove(&connection) else { return };
        if let Some(old) = self.links.get(&from) {
            effects.push(Effect::Close { connection: old.connection });
            self.lost(now, &from, Broken::Reset, effects);
        }
        self.links.insert(from, Link { connection, incarnation: None, announced: false });
    }

    pub(super) fn greet(&mut self, connection: ConnectionId, effects: &mut Effects) {
        let hello = CoreGroupFrame::Hello { incarnation: self.incarnation, revision: self.policies.revision };
        effects.send(connection, Frame::CoreGroup(Box::new(hello)));
    }

    pub(super) fn refused(&mut self, connection: ConnectionId, effects: &mut Effects) {
        let Some(peer) = self.peer(connection) else { return };
        let announced = self.links.remove(&peer).is_some_and(|link| link.announced);
        if announced {
            self.open(&peer, effects);
        }
    }

    pub(super) fn hello(
        &mut self,
        now: Time,
        from: ProcessName,
        incarnation: Incarnation,
        revision: u32,
        effects: &mut Effects,
    ) {
        let Some(link) = self.links.get_mut(&from) else { return };
        link.incarnation = Some(incarnation);
        if revision < self.policies.revision {
            send(link, CoreGroupFrame::Policies(self.policies.clone()), effects);
        }
        effects.report(Event::CoreGroupMemberConnected { member: from.clone() });
        self.report_to(&from, effects);
        self.consider_view(now, effects);
    }

    pub(super) fn lost(&mut self, now: Time, peer: &ProcessName, how: Broken, effects: &mut Effects) {
        let Some(link) = self.links.remove(peer) else { return };
        if link.is_up() {
            self.departures.push((peer.clone(), how));
        }
        self.reports.remove(peer);
        self.apart.remove(peer);
        if self.view.members.contains(peer) {
            self.was_link_lost = true;
            let why = match how {
                Broken::Reset => "connection reset",
                Broken::Silence => "nothing heard",
                Broken::Closed => "stopped",
            };
            effects.report(Event::CoreGroupMemberSuspected { member: peer.clone(), why });
        }
        self.answer_lost(now, peer, effects);
        self.consider_view(now, effects);
    }
}
