//! The message points of an engine besides its queue points, and what they are called.
//!
//! They are kept in the message store like queue points, under names of their own: the product shows a remote message
//! point as `Q@engine`.

use crate::messaging_engine::definition::BusDefinition;
use crate::name::{DestinationName, MessagingEngineName};

const RECEIVED: &str = "_SYSTEM.Received.";
const LOCKS: &str = "_SYSTEM.Remote.Lock.";
const ACCEPTING: &str = "_SYSTEM.Acceptance.";

/// A queue on another engine, or as another engine uses it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) struct Far {
    pub(in super::super) destination: DestinationName,
    pub(in super::super) engine: MessagingEngineName,
}

/// What a name in the message store stands for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) enum Point {
    /// A queue point of this engine.
    Queue,
    /// A remote message point: messages for a queue point of that engine.
    Remote(Far),
    /// The last message of each stream that came from that engine.
    Received(Far),
    /// Locks for that engine's consumers on messages of the queue point here.
    Locks(Far),
    /// Acceptances of messages of that engine's queue point.
    Accepting(Far),
}

impl Far {
    fn name(&self, prefix: &str) -> DestinationName {
        DestinationName::from(format!("{prefix}{}@{}", self.destination, self.engine))
    }

    pub(in super::super) fn remote_point(&self) -> DestinationName {
        self.name("")
    }

    pub(in super::super) fn received(&self) -> DestinationName {
        self.name(RECEIVED)
    }

    pub(in super::super) fn locks(&self) -> DestinationName {
        self.name(LOCKS)
    }

    pub(in super::super) fn accepting(&self) -> DestinationName {
        self.name(ACCEPTING)
    }

    fn parse(name: &str, bus: &BusDefinition) -> Option<Far> {
        bus.engines.iter().find_map(|engine| {
            let destination = name.strip_suffix(engine.as_str())?.strip_suffix('@')?;
            Some(Far { destination: DestinationName::from(destination), engine: engine.clone() })
        })
    }
}

/// The beginning of the names of one kind of points, and the kind.
type Named = (&'static str, fn(Far) -> Point);

impl Point {
    /// What a name stands for.
    pub(in super::super) fn parse(name: &DestinationName, bus: &BusDefinition) -> Point {
        if bus.destinations.contains_key(name) {
            return Point::Queue;
        }
        let name = name.as_str();
        let kinds: [Named; 4] =
            [(RECEIVED, Point::Received), (LOCKS, Point::Locks), (ACCEPTING, Point::Accepting), ("", Point::Remote)];
        let of_kind =
            |(prefix, point): Named| name.strip_prefix(prefix).and_then(|rest| Far::parse(rest, bus)).map(point);
        kinds.into_iter().find_map(of_kind).unwrap_or(Point::Queue)
    }
}
