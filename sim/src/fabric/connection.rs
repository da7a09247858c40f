//! Connections: like TCP, ordered and reliable while they last, and broken with the tail of the traffic unknown.
//!
//! A connection has two ends and a way in each direction. What travels on a way is numbered and handed over in that
//! order, whatever happens to it: what meets a cut waits (the kernel sends it again) and goes on when the cut is healed.
//! The end of a process is told to the peer by its kernel as the last thing on the way; a host without power tells
//! nothing. Left out: flow control, half-closed connections, simultaneous opening.

use std::collections::BTreeMap;

use indoubt_engine::frame::Frame;
use indoubt_engine::machine::{Broken, ConnectionId, Input, Refused, Silence};
use indoubt_engine::name::Address;

use super::connections::{ConnectionKey, FIRST_ACCEPTED};
use super::host::HostId;
use super::inbox::Arrival;
use super::link::LinkId;
use super::process::ProcessId;
use super::state::State;
use crate::trace::Kind;

/// One of the two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// The one that connected.
    Opener,
    /// The one that listened.
    Accepter,
}

impl Side {
    pub(super) const BOTH: [Side; 2] = [Side::Opener, Side::Accepter];

    pub(super) fn other(self) -> Side {
        match self {
            Side::Opener => Side::Accepter,
            Side::Accepter => Side::Opener,
        }
    }
}

/// What travels on a way.
pub(super) enum StreamItem {
    /// The opener asks for a connection.
    Open,
    /// It has it.
    Opened,
    /// A frame.
    Frame(Frame),
    /// The sender closed, after everything before this.
    Close,
    /// The sender's end is gone; nothing is behind this.
    Reset,
    /// A kernel that knows nothing of this connection answers: valid whatever was lost before it.
    Abort,
}

impl StreamItem {
    /// Whether nothing follows it, and the peer is told that.
    fn is_the_last(&self) -> bool {
        match self {
            StreamItem::Open | StreamItem::Opened | StreamItem::Frame(_) => false,
            StreamItem::Close | StreamItem::Reset | StreamItem::Abort => true,
        }
    }
}

/// How far an end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EndState {
    /// The opener waits for an answer.
    Connecting,
    /// The accepter has not heard of it yet.
    Expected,
    /// Frames can be sent.
    Open,
    /// Its process has nothing to do with it any more.
    Gone,
}

/// One end.
pub(super) struct End {
    pub(super) process: ProcessId,
    pub(super) host: HostId,
    /// The number under which the process knows it.
    pub(super) id: ConnectionId,
    pub(super) state: EndState,
    /// What makes it give up.
    pub(super) silence: Silence,
    /// Since when it is open.
    pub(super) since: u64,
    /// Since when it is gone.
    pub(super) left_at: u64,
    /// It has sent something that a peer which is gone has not received: its kernel goes on sending it.
    pub(super) unacknowledged: bool,
    /// Nothing can come from the peer at present.
    pub(super) silent: bool,
    /// Counts changes of `silent`.
    pub(super) epoch: u32,
}

impl End {
    /// An end that nobody holds (yet).
    pub(super) fn nobody_s(process: ProcessId, host: HostId, silence: Silence) -> Self {
        End {
            process,
            host,
            id: ConnectionId(0),
            state: EndState::Gone,
            silence,
            since: 0,
            left_at: 0,
            unacknowledged: false,
            silent: false,
            epoch: 0,
        }
    }
}

/// One direction.
pub(super) struct Way {
    pub(super) link: LinkId,
    /// When the last item arrives.
    last: u64,
    sent: u32,
    received: u32,
    /// Items that wait for a cut to be healed or for an item before them.
    waiting: BTreeMap<u32, StreamItem>,
    /// The last item is on the way, or waits.
    has_ended: bool,
}

impl Way {
    pub(super) fn new(link: LinkId, from: u64) -> Self {
        Way { link, last: from, sent: 0, received: 0, waiting: BTreeMap::new(), has_ended: false }
    }

    /// Whether the request for the connection has not reached the peer's host: when its opener gives up, nobody sends it
    /// again, and the listener never hears of it.
    fn holds_the_request(&self) -> bool {
        matches!(self.waiting.get(&0), Some(StreamItem::Open))
    }

    /// Nobody will send again what waits.
    pub(super) fn forget_waiting(&mut self) {
        if self.waiting.values().any(StreamItem::is_the_last) {
            self.has_ended = false;
        }
        self.waiting.clear();
    }
}

/// A connection.
pub(super) struct Connection {
    pub(super) generation: u32,
    pub(super) address: Address,
    ends: [End; 2],
    ways: [Way; 2],
}

impl Connection {
    pub(super) fn new(generation: u32, address: Address, ends: [End; 2], ways: [Way; 2]) -> Self {
        Connection { generation, address, ends, ways }
    }

    pub(super) fn end(&self, side: Side) -> &End {
        &self.ends[side as usize]
    }

    pub(super) fn end_mut(&mut self, side: Side) -> &mut End {
        &mut self.ends[side as usize]
    }

    /// The way on which this end sends.
    pub(super) fn way(&self, from: Side) -> &Way {
        &self.ways[from as usize]
    }

    pub(super) fn way_mut(&mut self, from: Side) -> &mut Way {
        &mut self.ways[from as usize]
    }

    /// Whether this end is open, its peer is gone, and nothing is on the way that says so.
    pub(super) fn is_orphan(&self, side: Side) -> bool {
        let other = side.other();
        self.end(side).state == EndState::Open && self.end(other).state == EndState::Gone && !self.way(other).has_ended
    }
}

impl State {
    /// Which end of a connection a process holds under a number.
    #[inline]
    fn side_of(&mut self, process: ProcessId, id: ConnectionId) -> Option<(ConnectionKey, Side)> {
        let key = self.processes[process.index()].connections.find(id)?;
        let side = if id.0 < FIRST_ACCEPTED { Side::Opener } else { Side::Accepter };
        Some((key, side))
    }

    /// Sends a frame, if the connection is open.
    pub(super) fn send_frame(&mut self, process: ProcessId, id: ConnectionId, frame: Frame, now: u64) {
        let Some((key, side)) = self.side_of(process, id) else { return };
        let connection = self.connections.get(key).expect("a connection that a process knows exists");
        if connection.is_orphan(side) {
            connection.end_mut(side).unacknowledged = true;
            self.answer_orphan(key, side, now);
        } else if connection.end(side).state == EndState::Open {
            self.send_item(key, side, StreamItem::Frame(frame), now);
        }
    }

    /// A process closes its end.
    pub(super) fn close(&mut self, process: ProcessId, id: ConnectionId, now: u64) {
        if let Some((key, side)) = self.side_of(process, id) {
            self.leave(key, side, Some(StreamItem::Close), now);
        }
    }

    /// Puts an item on the way, unless nobody is there to receive it.
    #[inline]
    pub(super) fn send_item(&mut self, key: ConnectionKey, from: Side, item: StreamItem, now: u64) {
        let Some(connection) = self.connections.get(key) else { return };
        if connection.end(from.other()).state == EndState::Gone {
            return;
        }
        let way = &mut connection.ways[from as usize];
        way.has_ended |= item.is_the_last();
        let sequence = way.sent;
        way.sent = way.sent.wrapping_add(1);
        if self.links.is_cut(way.link) {
            way.waiting.insert(sequence, item);
            return;
        }
        self.carry(key, from, sequence, item, now);
    }

    /// An item leaves now: when does it arrive?
    #[inline]
    fn carry(&mut self, key: ConnectionKey, from: Side, sequence: u32, item: StreamItem, now: u64) {
        let State { links, connections, processes, time, .. } = self;
        let Some(connection) = connections.get(key) else { return };
        let way = &mut connection.ways[from as usize];
        let transit = links.transit(way.link, now, || match &item {
            StreamItem::Frame(frame) => frame.length(),
            _ => 64,
        });
        let at = transit.max(way.last);
        way.last = at;
        let opens = matches!(item, StreamItem::Open);
        let to = from.other();
        let receiver = connection.end(to).process;
        self.sequence += 1;
        let arrival = Arrival::Stream { connection: key, to, sequence, item };
        processes[receiver.index()].inbox.push(time, at, self.sequence, arrival);
        if opens {
            // The listener's kernel answers, however busy the process is.
            self.send_item(key, to, StreamItem::Opened, at);
        }
    }

    /// Everything that waits on a way leaves now, in order.
    pub(super) fn carry_waiting(&mut self, key: ConnectionKey, from: Side, now: u64) {
        let Some(connection) = self.connections.get(key) else { return };
        let host = connection.end(from).host;
        let waiting = std::mem::take(&mut connection.way_mut(from).waiting);
        if !waiting.is_empty() && connection.end(from.other()).state == EndState::Gone {
            connection.end_mut(from).unacknowledged = true;
        }
        if self.hosts[host.index()].powered {
            for (sequence, item) in waiting {
                self.carry(key, from, sequence, item, now);
            }
        }
    }

    /// An end leaves: its process forgets it, the peer is told if there is a kernel to tell it.
    pub(super) fn leave(&mut self, key: ConnectionKey, side: Side, tell: Option<StreamItem>, now: u64) {
        let Some(connection) = self.connections.get(key) else { return };
        let end = connection.end_mut(side);
        if end.state == EndState::Gone {
            return;
        }
        let state = end.state;
        end.state = EndState::Gone;
        end.left_at = now;
        end.silent = false;
        end.epoch = end.epoch.wrapping_add(1);
        let (process, id) = (end.process, end.id);
        if state == EndState::Connecting && connection.ways[side as usize].holds_the_request() {
            connection.end_mut(side.other()).state = EndState::Gone;
        }
        if state != EndState::Expected {
            self.processes[process.index()].connections.remove(id);
        }
        let connection = self.connections.get(key).expect("it was there");
        if connection.end(side.other()).state == EndState::Gone {
            self.connections.remove(key);
        } else if let Some(item) = tell {
            self.send_item(key, side, item, now);
        }
    }

    /// An item has reached the host of this end: what the process hears of it, if anything.
    #[inline]
    pub(super) fn receive(
        &mut self,
        process: ProcessId,
        (key, to): (ConnectionKey, Side),
        (sequence, item): (u32, StreamItem),
        now: u64,
    ) -> Option<Input> {
        let from = to.other();
        let connection = self.connections.get(key)?;
        if connection.end(to).state == EndState::Gone {
            return None;
        }
        let id = connection.end(to).id;
        let open = connection.end(to).state == EndState::Open;
        let sender = connection.end(from).host;
        let opener_is_gone = connection.end(Side::Opener).state == EndState::Gone;
        let way = &mut connection.ways[from as usize];
        if self.links.is_cut(way.link) {
            // Lost on the way. Its sender will send it again, if there still is one.
            if matches!(item, StreamItem::Open) && opener_is_gone {
                self.connections.remove(key);
            } else if self.hosts[sender.index()].powered {
                way.waiting.insert(sequence, item);
            } else if item.is_the_last() {
                way.has_ended = false;
            }
            return None;
        }
        if sequence != way.received && !matches!(item, StreamItem::Abort) {
            way.waiting.insert(sequence, item);
            return None;
        }
        way.received = sequence.wrapping_add(1);
        if let Some(next) = way.waiting.remove(&way.received) {
            let sequence = way.received;
            self.sequence += 1;
            let arrival = Arrival::Stream { connection: key, to, sequence, item: next };
            self.processes[process.index()].inbox.push(&self.time, now, self.sequence, arrival);
        }
        match item {
            StreamItem::Frame(frame) => {
                if !open {
                    return None;
                }
                self.frames += 1;
                self.trace.record(Kind::Frame, now, process.0, u64::from(id.0), u64::from(sequence));
                Some(Input::Frame { connection: id, frame })
            }
            StreamItem::Open => self.accept(key, process, now),
            StreamItem::Opened => {
                connection_opened(self, key, to, now);
                self.watch_silence(key, now);
                self.trace.record(Kind::Connected, now, process.0, u64::from(id.0), 0);
                Some(Input::Connected { connection: id })
            }
            StreamItem::Close => {
                self.leave(key, to, None, now);
                Some(self.broken(process, id, Broken::Closed, now))
            }
            StreamItem::Reset | StreamItem::Abort => {
                self.leave(key, to, None, now);
                if open {
                    Some(self.broken(process, id, Broken::Reset, now))
                } else {
                    Some(self.refused(process, id, Refused::NobodyListens, now))
                }
            }
        }
    }

    pub(super) fn broken(&mut self, process: ProcessId, connection: ConnectionId, how: Broken, now: u64) -> Input {
        self.trace.record(Kind::Broken, now, process.0, u64::from(connection.0), how as u64);
        Input::Broken { connection, how }
    }

    pub(super) fn refused(&mut self, process: ProcessId, connection: ConnectionId, why: Refused, now: u64) -> Input {
        self.trace.record(Kind::Refused, now, process.0, u64::from(connection.0), why as u64);
        Input::Refused { connection, why }
    }
}

fn connection_opened(state: &mut State, key: ConnectionKey, side: Side, now: u64) {
    if let Some(connection) = state.connections.get(key) {
        let end = connection.end_mut(side);
        end.state = EndState::Open;
        end.since = now;
        // The peer has just been heard.
        end.silent = false;
        end.epoch = end.epoch.wrapping_add(1);
    }
}
