//! Orphans: open ends whose peer is gone and was not able to say so.
//!
//! A host that lost power forgets its connections. When it is back, its kernel answers whatever it gets on one of them with
//! a reset, but says nothing by itself: an end that sends nothing learns of it only by the silence that it counts. What an
//! end sends, and when, is its process's affair, but for heartbeats, which go at an interval from the opening of the
//! connection on, and what its kernel sends again because nobody has acknowledged it.
//!
//! A process that ends behind a cut leaves its last words to its kernel, which tries for some time to deliver them and then
//! forgets them too (Linux, tcp(7), `tcp_orphan_retries`). Left out: that unacknowledged data ends a connection
//! (`tcp_retries2`), and the steps in which retransmissions go; they meet a peer as soon as it can be reached.

use indoubt_engine::machine::Silence;

use super::connection::{EndState, Side, StreamItem};
use super::connections::ConnectionKey;
use super::draw::nanoseconds;
use super::inbox::Arrival;
use super::state::State;

/// How long a kernel tries to deliver what a process that is gone has left: 8 retransmissions.
const LAST_WORDS_NANOSECONDS: u64 = 100_000_000_000;

impl State {
    /// The peer of this end may be reached again, or for the first time: when does the end learn that it is gone, if it is?
    pub(super) fn reach_again(&mut self, key: ConnectionKey, side: Side, now: u64) {
        let Some(connection) = self.connections.get(key) else { return };
        let end = connection.end(side);
        // Whoever still tries to connect to a host on which nobody listens gets the answer now.
        let connects = end.state == EndState::Connecting;
        if !connects && !connection.is_orphan(side) {
            return;
        }
        let next_heartbeat = match end.silence {
            _ if connects || end.unacknowledged => now,
            Silence::Prompt { .. } | Silence::Lease { .. } => now,
            Silence::Heartbeats { every, .. } => {
                let every = nanoseconds(every).max(1);
                end.since.saturating_add((now.saturating_sub(end.since) / every + 1).saturating_mul(every))
            }
            Silence::KeepAlive { .. } => return,
        };
        if next_heartbeat == now {
            self.answer_orphan(key, side, now);
        } else {
            let process = end.process;
            self.push(process, next_heartbeat, Arrival::Heartbeat { connection: key, to: side });
        }
    }

    /// This end sends something: if its peer is gone and its kernel knows nothing of the connection, but lives and can be
    /// reached, that answers with a reset.
    pub(super) fn answer_orphan(&mut self, key: ConnectionKey, side: Side, now: u64) {
        let Some(connection) = self.connections.get(key) else { return };
        let peer = connection.end(side.other());
        let (there, back) = (connection.way(side).link, connection.way(side.other()).link);
        if !(connection.is_orphan(side) || connection.end(side).state == EndState::Connecting)
            || peer.state != EndState::Gone
            || !self.hosts[peer.host.index()].powered
            || self.links.is_cut(there)
            || self.links.is_cut(back)
        {
            return;
        }
        let reached = self.links.transit(there, now, || 64);
        self.send_item(key, side.other(), StreamItem::Abort, reached);
    }

    /// What a process that is long gone has left to its kernel is not sent any more.
    pub(super) fn forget_orphaned(&mut self, key: ConnectionKey, from: Side, now: u64) {
        let Some(connection) = self.connections.get(key) else { return };
        let (end, peer) = (connection.end(from), connection.end(from.other()));
        let is_tcp = match peer.silence {
            Silence::Heartbeats { .. } | Silence::KeepAlive { .. } => true,
            Silence::Prompt { .. } | Silence::Lease { .. } => false,
        };
        if end.state == EndState::Gone && is_tcp && now.saturating_sub(end.left_at) > LAST_WORDS_NANOSECONDS {
            connection.way_mut(from).forget_waiting();
        }
    }
}
