//! Connections to other engines.
//!
//! **In the product.** An engine connects to every other engine of its bus that it knows to run; an attempt that fails is
//! repeated (`sib.trm.retry`). Connections have the heartbeats of the bus's protocol. Documented: IBM WebSphere Application
//! Server, "Messaging engine communication", "sib.trm.retry"; CWSIT0028I and CWSIT0029I.
//!
//! **Modelled.** One connection in each direction: an engine sends its messages and requests over the one that it has
//! opened, and is answered there. Which engine runs where the host tells, from the HA manager's bulletin board.

use super::super::MessagingEngine;
use super::arrival::Peer;
use super::locks::Wanted;
use super::point::Far;
use crate::defect::Defect;
use crate::event::Event;
use crate::frame::Frame;
use crate::machine::{ConnectionId, Effect, Effects, Input};
use crate::messaging_engine::definition::IncarnationUuid;
use crate::messaging_engine::engine_frame::EngineFrame;
use crate::messaging_engine::heartbeats;
use crate::messaging_engine::store::ItemId;
use crate::name::{Address, MessagingEngineName};
use crate::time::{Duration, Time};

/// Heartbeat interval and timeout of the bus's protocol: after so long a silence a connection is given up.
const SILENCE: Duration = Duration::from_secs(307);

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Connecting,
    Greeted,
    Up,
}

/// A connection to another engine.
#[derive(Clone, Debug)]
pub(super) enum Link {
    /// It stands, or is being opened.
    Open { connection: ConnectionId, to: Address, progress: Progress },
    /// The last attempt failed.
    Waiting { to: Address, until: Time },
}

impl MessagingEngine {
    /// Where engines of the bus run: the host tells whenever it hears of a change.
    pub fn engines_run(
        &mut self,
        now: Time,
        engines: &std::collections::BTreeMap<MessagingEngineName, Address>,
        effects: &mut Effects,
    ) {
        self.running.clone_from(engines);
        self.running.remove(&self.definition.name);
        self.tend_links(now, effects);
        self.settle(now, effects);
    }

    /// Opens connections that are wanted, and gives up those that lead nowhere.
    pub(in super::super) fn tend_links(&mut self, now: Time, effects: &mut Effects) {
        if !self.stage.is_serving() {
            return;
        }
        let gone: Vec<MessagingEngineName> =
            self.work.remote.links.keys().filter(|engine| !self.running.contains_key(*engine)).cloned().collect();
        for engine in gone {
            self.give_up_link(&engine, effects);
        }
        for (engine, address) in self.running.clone() {
            let is_wanted = match self.work.remote.links.get(&engine) {
                None => true,
                Some(Link::Open { to, .. }) => *to != address,
                Some(Link::Waiting { to, until }) => *to != address || *until <= now,
            };
            if is_wanted {
                self.give_up_link(&engine, effects);
                let connection = effects.connect(address.clone(), heartbeats(SILENCE));
                let link = Link::Open { connection, to: address, progress: Progress::Connecting };
                self.work.remote.links.insert(engine, link);
            }
        }
    }

    pub(in super::super) fn next_attempt(&self) -> Option<Time> {
        let waiting = self.work.remote.links.values().filter_map(|link| match link {
            Link::Waiting { until, .. } => Some(*until),
            Link::Open { .. } => None,
        });
        waiting.min()
    }

    fn give_up_link(&mut self, engine: &MessagingEngineName, effects: &mut Effects) {
        if let Some(Link::Open { connection, progress, .. }) = self.work.remote.links.remove(engine) {
            effects.push(Effect::Close { connection });
            if progress == Progress::Up {
                self.link_lost(engine, effects);
            }
        }
    }

    fn link_lost(&mut self, engine: &MessagingEngineName, effects: &mut Effects) {
        effects.report(Event::EngineConnectionEnded { engine: self.definition.name.clone(), other: engine.clone() });
    }

    /// The connection to an engine, if it stands.
    pub(super) fn link_up(&self, engine: &MessagingEngineName) -> Option<ConnectionId> {
        match self.work.remote.links.get(engine) {
            Some(Link::Open { connection, progress: Progress::Up, .. }) => Some(*connection),
            _ => None,
        }
    }

    fn link_of(&self, connection: ConnectionId) -> Option<MessagingEngineName> {
        let mut links = self.work.remote.links.iter();
        let found = links.find(|(_, link)| matches!(link, Link::Open { connection: its, .. } if *its == connection));
        found.map(|(engine, _)| engine.clone())
    }

    /// Takes an input of a connection that this engine has opened to another one.
    pub(in super::super) fn offer_link(&mut self, now: Time, input: Input, effects: &mut Effects) -> Option<Input> {
        let (Input::Connected { connection }
        | Input::Refused { connection, .. }
        | Input::Broken { connection, .. }
        | Input::Frame { connection, .. }) = &input
        else {
            return Some(input);
        };
        let connection = *connection;
        let Some(engine) = self.link_of(connection) else { return Some(input) };
        match input {
            Input::Connected { .. } => {
                self.progress(&engine, Progress::Greeted);
                let hello = EngineFrame::Hello {
                    from: self.definition.name.clone(),
                    incarnation: self.incarnation.clone().unwrap_or(IncarnationUuid(String::new())),
                    to: engine,
                };
                send(connection, hello, effects);
            }
            Input::Refused { .. } | Input::Broken { .. } => self.link_broken(now, &engine, effects),
            Input::Frame { frame: Frame::BetweenEngines(frame), .. } => self.linked(now, &engine, *frame, effects),
            _ => {}
        }
        None
    }

    fn progress(&mut self, engine: &MessagingEngineName, to: Progress) {
        if let Some(Link::Open { progress, .. }) = self.work.remote.links.get_mut(engine) {
            *progress = to;
        }
    }

    fn link_broken(&mut self, now: Time, engine: &MessagingEngineName, effects: &mut Effects) {
        let Some(Link::Open { to, progress, .. }) = self.work.remote.links.remove(engine) else { return };
        let until = now + self.definition.connection_retry;
        self.work.remote.links.insert(engine.clone(), Link::Waiting { to, until });
        if progress == Progress::Up {
            self.link_lost(engine, effects);
        }
    }

    /// The engine at the other end of a connection that this one has opened says something.
    fn linked(&mut self, now: Time, engine: &MessagingEngineName, frame: EngineFrame, effects: &mut Effects) {
        match frame {
            EngineFrame::Welcome { incarnation } => {
                self.progress(engine, Progress::Up);
                effects.report(Event::EngineConnectionStarted {
                    engine: self.definition.name.clone(),
                    other: engine.clone(),
                });
                let before = self.work.remote.starts.insert(engine.clone(), incarnation.clone());
                let is_same_start = before.is_none_or(|before| before == incarnation);
                self.send_again(now, engine, is_same_start, effects);
                self.request_again(now, engine, effects);
            }
            EngineFrame::NotStarted => {
                if let Some(Link::Open { connection, .. }) = self.work.remote.links.get(engine) {
                    effects.push(Effect::Close { connection: *connection });
                }
                self.link_broken(now, engine, effects);
            }
            EngineFrame::Acknowledgement { destination, messages } => {
                self.acknowledged(now, engine, destination, &messages, effects);
            }
            EngineFrame::Delivery { request, destination, lock, message } => {
                let far = Far { destination, engine: engine.clone() };
                self.delivered(now, request, &far, lock, *message, effects);
            }
            EngineFrame::Nothing { request } => self.nothing_there(request, effects),
            EngineFrame::Accepted { destination, lock } => {
                self.acceptance_stored(now, &Far { destination, engine: engine.clone() }, lock, effects);
            }
            EngineFrame::DecisionExpected { destination, locks } => {
                self.decide(&Far { destination, engine: engine.clone() }, &locks, effects);
            }
            EngineFrame::Refused { destination, messages } => self.refused_there(now, engine, destination, &messages),
            _ => {}
        }
    }

    /// An engine that has opened a connection to this one says something.
    pub fn engine_frame(&mut self, now: Time, connection: ConnectionId, frame: EngineFrame, effects: &mut Effects) {
        if let EngineFrame::Hello { from, .. } = frame {
            self.greeted(connection, from, effects);
        } else if self.stage.is_serving()
            && let Some(peer) = self.peer_of(connection)
        {
            match frame {
                EngineFrame::Message { destination, message, after } => {
                    self.arrived(now, &peer, destination, *message, after, effects);
                }
                EngineFrame::Request { request, destination, selection, wait } => {
                    let wanted = Wanted { engine: peer, request, destination, selection, until: now + wait };
                    self.requested(now, wanted, effects);
                }
                EngineFrame::Cancel { request } => self.cancelled(&peer, request),
                EngineFrame::Accept { destination, lock } => {
                    self.accepted_there(now, Far { destination, engine: peer }, ItemId(lock), effects);
                }
                EngineFrame::Reject { destination, lock, is_failed_delivery } => {
                    let far = Far { destination, engine: peer };
                    self.rejected_there(now, &far, ItemId(lock), is_failed_delivery, effects);
                }
                _ => {}
            }
        }
        self.settle(now, effects);
    }

    fn greeted(&mut self, connection: ConnectionId, from: MessagingEngineName, effects: &mut Effects) {
        let Some(incarnation) = self.incarnation.clone().filter(|_| self.stage.is_serving()) else {
            return send(connection, EngineFrame::NotStarted, effects);
        };
        self.work.remote.wanted.retain(|wanted| wanted.engine != from);
        let peer = self.work.remote.peers.entry(from.clone()).or_insert_with(|| Peer::new(connection));
        // An older connection is of an earlier start, or has failed and nobody has noticed.
        if peer.connection != connection {
            effects.push(Effect::Close { connection: peer.connection });
            peer.begin_again(connection);
        }
        send(connection, EngineFrame::Welcome { incarnation }, effects);
        self.expect_decisions(&from, connection, effects);
    }

    fn peer_of(&self, connection: ConnectionId) -> Option<MessagingEngineName> {
        let mut peers = self.work.remote.peers.iter();
        peers.find(|(_, peer)| peer.connection == connection).map(|(engine, _)| engine.clone())
    }

    /// A connection that another engine has opened is gone. What is locked for that engine's consumers stays so: they
    /// may still have the messages, and nobody knows what becomes of them before it has connected again.
    pub(in super::super) fn peer_gone(&mut self, now: Time, connection: ConnectionId, effects: &mut Effects) {
        let Some(engine) = self.peer_of(connection) else { return };
        self.work.remote.wanted.retain(|wanted| wanted.engine != engine);
        if Defect::RemoteLockReleasedEarly.is_planted() {
            self.release_locks(now, &engine, effects);
        }
    }

    /// Ends all connections with other engines.
    pub(in super::super) fn drop_engines(&mut self, effects: &mut Effects) {
        for link in self.work.remote.links.values() {
            if let Link::Open { connection, .. } = link {
                effects.push(Effect::Close { connection: *connection });
            }
        }
        for peer in self.work.remote.peers.values() {
            effects.push(Effect::Close { connection: peer.connection });
        }
    }
}

/// Sends a frame to another engine.
pub(super) fn send(connection: ConnectionId, frame: EngineFrame, effects: &mut Effects) {
    effects.send(connection, Frame::BetweenEngines(Box::new(frame)));
}
