//! Silence: how an end of a connection notices that nothing comes from its peer any more.
//!
//! In the real products both ends exchange heartbeats or keep-alives and give up when nothing was heard for a timeout.
//! Idle connections carry no heartbeat frames here: the world knows when a peer becomes unable to answer and counts the
//! timeout from then; when the peer can answer again in time, the count is dropped. Which peers cannot answer depends on
//! who does ([`Silence`](indoubt_engine::machine::Silence)): nobody does when its host is off or the path is cut in either
//! direction, a process that is paused answers no heartbeats, but its kernel answers a keep-alive. An end that gives up
//! tells its peer, which hears it when it can be reached; what becomes of an end that nobody tells is in `orphan.rs`.

use indoubt_engine::machine::{Broken, Input, Refused};

use super::connection::{EndState, Side, StreamItem};
use super::connections::ConnectionKey;
use super::draw::nanoseconds;
use super::inbox::Arrival;
use super::process::ProcessId;
use super::state::State;

impl State {
    /// Whether nothing can come from the peer of this end at present.
    fn peer_is_silent(&mut self, key: ConnectionKey, side: Side) -> bool {
        let Some(connection) = self.connections.get(key) else { return false };
        let (own, peer) = (connection.end(side), connection.end(side.other()));
        // The peer's kernel opens connections, but only the peer itself answers heartbeats.
        let asleep = own.state == EndState::Open
            && peer.state != EndState::Gone
            && own.silence.is_broken_by_the_process()
            && self.processes[peer.process.index()].paused;
        asleep
            || connection.is_orphan(side)
            || !self.hosts[peer.host.index()].powered
            || self.links.is_cut(connection.way(side).link)
            || self.links.is_cut(connection.way(side.other()).link)
    }

    /// Something changed that may have silenced one of the ends of a connection, or given it back its voice.
    pub(super) fn watch_silence(&mut self, key: ConnectionKey, now: u64) {
        for side in Side::BOTH {
            let silent = self.peer_is_silent(key, side);
            let Some(connection) = self.connections.get(key) else { return };
            let end = connection.end_mut(side);
            if !matches!(end.state, EndState::Open | EndState::Connecting) || end.silent == silent {
                continue;
            }
            end.silent = silent;
            end.epoch = end.epoch.wrapping_add(1);
            if silent {
                let arrival = Arrival::Silence { connection: key, to: side, epoch: end.epoch };
                let (process, at) = (end.process, now.saturating_add(nanoseconds(end.silence.timeout())));
                self.push(process, at, arrival);
            }
        }
    }

    /// The same for all connections.
    pub(super) fn watch_all_silences(&mut self, now: u64) {
        for key in self.connections.keys() {
            self.watch_silence(key, now);
        }
    }

    /// The timeout of an end is over: it gives up, unless the peer was heard since.
    pub(super) fn give_up(
        &mut self,
        process: ProcessId,
        (key, side): (ConnectionKey, Side),
        epoch: u32,
        now: u64,
    ) -> Option<Input> {
        let end = self.connections.get(key)?.end(side);
        if end.state == EndState::Gone || !end.silent || end.epoch != epoch {
            return None;
        }
        let (id, state) = (end.id, end.state);
        self.leave(key, side, Some(StreamItem::Reset), now);
        if state == EndState::Connecting {
            Some(self.refused(process, id, Refused::NoAnswer, now))
        } else {
            Some(self.broken(process, id, Broken::Silence, now))
        }
    }
}
