//! What an endpoint knows of the engines in its own server.
//!
//! In the product the resource adapter is in the server and is called when an engine starts or stops there; here the
//! endpoint is a process beside the server, and asks it.

use crate::frame::Frame;
use crate::machine::{ConnectionId, Effect, Effects, Input, TimerId};
use crate::messaging_engine::frame::{BusCall, BusReply, LocalEngines};
use crate::messaging_engine::heartbeats;
use crate::name::{Address, BusName};
use crate::time::{Duration, Time};

/// Asks again a server that did not listen.
const AGAIN_TIMER: TimerId = TimerId(1);

/// After how long: a server that is there and does not listen yet has just been started.
const AGAIN: Duration = Duration::from_secs(1);

/// What an input was.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Watched {
    /// Another set of engines runs.
    Changed {
        /// There is one among them that did not run before.
        started: bool,
    },
    Taken,
    NotMine(Input),
}

/// The watch over the engines of one server.
#[derive(Debug)]
pub(super) struct Watch {
    server: Address,
    bus: BusName,
    silence: Duration,
    connection: Option<ConnectionId>,
    engines: Option<LocalEngines>,
}

impl Watch {
    pub(super) fn new(server: Address, bus: BusName, silence: Duration) -> Self {
        Watch { server, bus, silence, connection: None, engines: None }
    }

    /// What the server has told; `None`: nothing yet.
    pub(super) fn engines(&self) -> Option<&LocalEngines> {
        self.engines.as_ref()
    }

    /// Begins to watch, if it does not watch already.
    pub(super) fn begin(&mut self, effects: &mut Effects) {
        if self.connection.is_none() {
            self.connection = Some(effects.connect(self.server.clone(), heartbeats(self.silence)));
        }
    }

    pub(super) fn handle(&mut self, now: Time, input: Input, effects: &mut Effects) -> Watched {
        match input {
            Input::Timer { timer: AGAIN_TIMER } => {
                self.begin(effects);
                Watched::Taken
            }
            Input::Connected { connection } if self.is(connection) => {
                let call = BusCall::WatchLocalEngines { bus: self.bus.clone() };
                effects.send(connection, Frame::BusCall(Box::new(call)));
                Watched::Taken
            }
            Input::Refused { connection, .. } | Input::Broken { connection, .. } if self.is(connection) => {
                self.connection = None;
                effects.push(Effect::SetTimer { timer: AGAIN_TIMER, at: now + AGAIN });
                Watched::Taken
            }
            Input::Frame { connection, frame: Frame::BusReply(reply) } if self.is(connection) => match *reply {
                BusReply::LocalEngines(engines) => {
                    let before = self.engines.replace(engines.clone()).unwrap_or_default();
                    Watched::Changed { started: !engines.running.is_subset(&before.running) }
                }
                other => panic!("{other:?} is nothing to tell whom watches engines"),
            },
            other => Watched::NotMine(other),
        }
    }

    fn is(&self, connection: ConnectionId) -> bool {
        self.connection == Some(connection)
    }
}
