//! One instance of an engine on this server, and what the server remembers of it.

use super::definition::EngineInstanceDefinition;
use crate::machine::{Effects, Incarnation, TimerId};
use crate::messaging_engine::definition::IncarnationUuid;
use crate::messaging_engine::store::MessageStore;
use crate::messaging_engine::store::data_store::DataStore;
use crate::messaging_engine::store::file_store::FileStore;
use crate::messaging_engine::{EngineState, MessagingEngine};
use crate::name::ProcessName;
use crate::time::Time;

use super::definition::{ApplicationServerDefinition, StoreDefinition};

/// Timers that each instance has for itself.
const TIMERS: u32 = 1_000;

/// The first timer of an instance that belongs to its store; those before are the engine's.
const STORE_TIMERS: u32 = 500;

/// The first timer of the instance at this place in the server's list. Those below are the server's and its HA manager's.
pub(super) fn first_timer(place: usize) -> TimerId {
    let place = u32::try_from(place).expect("a server runs a handful of engines");
    TimerId((place + 1) * TIMERS)
}

#[derive(Debug)]
pub(super) struct Instance {
    pub(super) definition: EngineInstanceDefinition,
    pub(super) engine: MessagingEngine,
    /// How often it was started in this life of the server.
    starts: u32,
    /// How often it was enabled again without an administrator since it last ran.
    pub(super) reenabled: u32,
    /// When that happens next: its timer of the server.
    pub(super) reenable_timer: TimerId,
    /// Posted on the bulletin board as running here.
    pub(super) posted: bool,
}

impl Instance {
    /// An instance in this life of the server.
    pub(super) fn new(
        definition: &EngineInstanceDefinition,
        server: &ApplicationServerDefinition,
        (place, reenable_timer): (usize, TimerId),
        life: Incarnation,
        now: Time,
        effects: &mut Effects,
    ) -> Self {
        let first = first_timer(place);
        let first_of_store = TimerId(first.0 + STORE_TIMERS);
        let store: Box<dyn MessageStore> = match &definition.store {
            StoreDefinition::Data(data) => Box::new(DataStore::new(data.clone(), first_of_store)),
            StoreDefinition::File(file) => {
                let mut store = FileStore::new(file.clone(), life, first_of_store);
                store.announce(now, effects);
                Box::new(store)
            }
        };
        let engine =
            MessagingEngine::new(definition.engine.clone(), server.bus.clone(), server.process.clone(), first, store);
        Instance { definition: definition.clone(), engine, starts: 0, reenabled: 0, reenable_timer, posted: false }
    }

    /// Whether nothing of it is to be waited for when the server stops.
    pub(super) fn is_at_rest(&self) -> bool {
        matches!(self.engine.state(), EngineState::Joining | EngineState::Joined | EngineState::Failed)
    }

    /// A new `INC_UUID`: no two starts of an engine have the same.
    pub(super) fn next_incarnation(&mut self, server: &ProcessName, life: Incarnation) -> IncarnationUuid {
        self.starts += 1;
        IncarnationUuid(format!("{server}.{}.{}", life.0, self.starts))
    }
}
