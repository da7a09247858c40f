//! What an engine does with the other engines of its bus: remote put and remote get.
//!
//! **In the product.** Each engine of a bus connects to every other one that runs. A message for a destination of which
//! the producer's engine has no queue point is put on a *remote message point* of that engine, `Q@engine`: kept there, in
//! its own message store, until the engine that has the queue point has stored it. A consumer whose engine has no queue
//! point gets its messages from one engine that has; they are *remotely locked* there until its engine says what became
//! of them. Documented: IBM WebSphere Application Server, "Remote message points", "Message states", "Workload sharing
//! with queue destinations".
//!
//! **Modelled.** Connections ([`link`]); which queue point a message is bound to ([`routing`]); streams, one for each
//! destination, reliability, priority and start of the sender: ordered, acknowledged, sent again after an interruption,
//! blocked by a message whose transaction is undecided ([`transmission`], [`arrival`]); remote get, where the consumer is
//! ([`consuming`]) and where the queue point is ([`locks`]).
//!
//! As in the product, everything that a stream must remember is an item of the message store: the messages of a remote
//! message point; at the receiving end, the header of the last message received over each stream. Message identifiers are
//! unique for ever and grow with the order of sending, so they are the streams' sequence numbers. Left out: the silence
//! and gap messages of the product's streams (connections keep the order, and after an interruption everything is sent
//! again that is not acknowledged), and removing the last headers of streams that ended.

pub(super) mod arrival;
mod consuming;
pub(super) mod link;
mod locks;
pub(super) mod point;
mod routing;
mod transmission;

use std::collections::BTreeMap;

use arrival::{Peer, StreamId};
use consuming::Request;
use link::Link;
use locks::Wanted;
pub(super) use point::Point;

use crate::machine::ConnectionId;
use crate::message::MessageId;
use crate::messaging_engine::definition::IncarnationUuid;
use crate::messaging_engine::store::ItemId;
use crate::name::{DestinationName, MessagingEngineName};

/// What an instance has in memory about other engines.
#[derive(Debug, Default)]
pub(super) struct Remote {
    /// Connections that this engine opens.
    links: BTreeMap<MessagingEngineName, Link>,
    /// Connections that other engines have opened.
    peers: BTreeMap<MessagingEngineName, Peer>,
    /// In which start each other engine was when it was last connected.
    starts: BTreeMap<MessagingEngineName, IncarnationUuid>,
    /// The last message received over each stream, and the item that says so.
    received: BTreeMap<StreamId, (ItemId, MessageId)>,
    /// How many messages were bound to a remote queue point.
    turn: usize,
    /// Receives that other engines are to serve.
    requests: BTreeMap<u64, Request>,
    /// The engine whose queue point each consumer uses.
    bound: BTreeMap<(ConnectionId, DestinationName), MessagingEngineName>,
    /// Receives of other engines' consumers that wait here.
    wanted: Vec<Wanted>,
}
