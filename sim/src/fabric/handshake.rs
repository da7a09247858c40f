//! How a connection comes about, or does not.
//!
//! The opener's request travels to the host that the address is routed to; the kernel there answers at once if somebody
//! listens. A live host on which nobody listens refuses after a round trip; a host that is off or cut off says nothing,
//! and the opener gives up after its own silence timeout. Left out: a limit to the backlog of a listener.

use indoubt_engine::machine::{ConnectionId, Input, Silence};
use indoubt_engine::name::Address;

use super::address::Destination;
use super::connection::{End, EndState, Side, StreamItem, Way};
use super::connections::ConnectionKey;
use super::inbox::Arrival;
use super::link::LinkId;
use super::process::ProcessId;
use super::state::State;
use crate::trace::Kind;

impl State {
    /// A process wants a connection.
    pub(super) fn connect(&mut self, process: ProcessId, id: ConnectionId, to: &Address, silence: Silence, now: u64) {
        let from = self.processes[process.index()].host;
        let opener = End { id, state: EndState::Connecting, ..End::nobody_s(process, from, silence) };
        let (kind, destination) = self.resolve(to, from, now);
        let (accepter, listens) = match destination {
            Destination::Listener { process, host, silence } => {
                (End { state: EndState::Expected, ..End::nobody_s(process, host, silence) }, true)
            }
            Destination::Deserted { process, host } => (End::nobody_s(process, host, silence), false),
            Destination::Unknown => {
                // The network itself answers.
                let at = now + 2 * self.links.default_latency(kind);
                let key = self.connections.add(
                    to.clone(),
                    [opener, End::nobody_s(process, from, silence)],
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
        end.since = now;
        let opener = connection.end(Side::Opener).process;
        self.watch_silence(key, now);
        self.trace.record(Kind::Accepted, now, process.0, u64::from(id.0), u64::from(opener.0));
        let from = self.processes[opener.index()].name.clone();
        Some(Input::Accepted { connection: id, at, from })
    }
}
