//! How a connection comes about, or does not.
//!
//! The opener's request travels to the host that the address is routed to; the kernel there answers at once if somebody
//! listens. A live host on which nobody listens refuses after a round trip; a host that is off or cut off says nothing,
//! and the opener gives up after its own silence timeout. Left out: a limit to the backlog of a listener.

use indoubt_engine::machine::{ConnectionId, Input};
use indoubt_engine::name::Address;

use super::address::Destination;
use super::connection::{ConnectionKey, End, EndState, Side, StreamItem, Way};
use super::inbox::Arrival;
use super::link::LinkId;
use super::process::ProcessId;
use super::state::State;
use crate::trace::Kind;

impl State {
    /// A process wants a connection.
    pub(super) fn connect(&mut self, process: ProcessId, id: ConnectionId, to: &Address, silence: u64, now: u64) {
        let from = self.processes[process.index()].host;
        let opener = End { process, host: from, id, state: EndState::Connecting, silence, silent: false, epoch: 0 };
        let (kind, destination) = self.resolve(to, from, now);
        let (accepter, listens) = match destination {
            Destination::Listener { process, host, silence } => {
                (End { process, host, state: EndState::Expected, silence, ..placeholder(process, host) }, true)
            }
            Destination::Deserted { process, host } => (placeholder(process, host), false),
            Destination::Unknown => {
                // The network itself answers.
                let at = now + 2 * self.links.default_latency(kind);
                let key = self.connections.add(
                    to.clone(),
                    [opener, placeholder(process, from)],
                    [Way::new(LinkId::LOOPBACK, now), Way::new(LinkId::LOOPBACK, now)],
                );
                self.processes[process.index()].connections.open(id, key);
                return self.push(process, at, Arrival::Unknown { connection: id });
            }
        };
        let there = self.link(from, accepter.host, kind);
        let back = self.link(accepter.host, from, kind);
        let ways = [Way::new(there, now), Way::new(back, now)];
        let key = self.connections.add(to.clone(), [opener, accepter], ways);
        self.processes[process.index()].connections.open(id, key);
        if listens {
            self.send_item(key, Side::Opener, StreamItem::Open, now);
        } else {
            self.answer_orphan(key, Side::Opener, now);
        }
        self.watch_silence(key, now);
    }

    /// A request reaches the process that listened when it was sent.
    pub(super) fn accept(&mut self, key: ConnectionKey, process: ProcessId, now: u64) -> Option<Input> {
        let connection = self.connections.get(key)?;
        let at = connection.address.clone();
        if !self.listens(process, &at) {
            self.leave(key, Side::Accepter, Some(StreamItem::Reset), now);
            return None;
        }
        let id = self.processes[process.index()].connections.accept(key);
        let connection = self.connections.get(key)?;
        let end = connection.end_mut(Side::Accepter);
        end.id = id;
        end.state = EndState::Open;
        let opener = connection.end(Side::Opener).process;
        self.watch_silence(key, now);
        self.trace.record(Kind::Accepted, now, process.0, u64::from(id.0), u64::from(opener.0));
        let from = self.processes[opener.index()].name.clone();
        Some(Input::Accepted { connection: id, at, from })
    }

    /// The peer of this end is gone and its kernel knows nothing of the connection, but lives: the next thing that this
    /// end sends is answered by a reset.
    pub(super) fn answer_orphan(&mut self, key: ConnectionKey, side: Side, now: u64) {
        let Some(connection) = self.connections.get(key) else { return };
        let peer = connection.end(side.other());
        let (there, back) = (connection.way(side).link, connection.way(side.other()).link);
        if connection.end(side).state == EndState::Gone
            || connection.end(side).state == EndState::Expected
            || !self.hosts[peer.host.index()].powered
            || self.links.is_cut(there)
            || self.links.is_cut(back)
        {
            return;
        }
        if peer.state == EndState::Gone {
            let reached = self.links.transit(there, now, || 64);
            self.send_item(key, side.other(), StreamItem::Abort, reached);
        }
    }
}

/// An end that nobody holds.
fn placeholder(process: ProcessId, host: super::host::HostId) -> End {
    End { process, host, id: ConnectionId(0), state: EndState::Gone, silence: 0, silent: false, epoch: 0 }
}
