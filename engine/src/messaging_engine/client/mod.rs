//! One connection of an application to the bus: the client's half.
//!
//! In the product this is the messaging client with its *provider endpoints*: bootstrap servers, tried in order, one of
//! which names the server that runs a suitable engine; the client then connects there. Calls are synchronous, so at most
//! one is outstanding; a message that is sent one way has no answer and counts as sent when it has left. The client does
//! not reconnect: when the connection is lost, the application gets an exception and must connect anew. What became of the
//! outstanding call depends on the call:
//!
//! - transacted work, and a receive that is not acknowledged yet, has certainly not happened: the engine, or its next
//!   instance, rolls it back;
//! - a send or receive outside a transaction, an acknowledgement, a commit, and both phases of a global transaction may
//!   or may not have happened ([`Fate::Unknown`]).
//!
//! A message that was sent one way may be lost with the connection: that is the contract of its reliability.
//!
//! Where the documentation is silent: when the engine that a bootstrap server named cannot be reached, the next bootstrap
//! server is asked.
//!
//! Documented: IBM WebSphere Application Server, "How JMS applications connect to a messaging engine on a bus", "JFAP
//! heartbeat interval and timeout".

#[cfg(test)]
mod tests;

use super::frame::{BusCall, BusReason, BusReply, ConnectionProximity, Scope, Target, TargetSignificance};
use crate::frame::Frame;
use crate::machine::{ConnectionId, Effect, Effects, Input};
use crate::messaging_engine::heartbeats;
use crate::name::{Address, BusName, MessagingEngineName};
use crate::time::Duration;

/// What can be said of a call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fate {
    /// It certainly had no effect, or its effect is certainly rolled back.
    DidNotHappen,
    /// It may or may not have had its effect.
    Unknown,
}

/// Why a call failed and what that means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallFailed {
    /// The reason.
    pub reason: BusReason,
    /// What became of it.
    pub fate: Fate,
    /// Whether the connection is gone with it.
    pub connection_lost: bool,
}

/// The end of something the application waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Completion {
    /// The connection stands.
    Connected {
        /// The engine that answered.
        engine: MessagingEngineName,
    },
    /// No bootstrap server led to an engine that would have it.
    NotConnected(BusReason),
    /// The call worked.
    Answered(BusReply),
    /// The call failed.
    Failed(CallFailed),
}

/// What a client makes of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handled {
    /// The application's connect or call has come to its end.
    Completed(Completion),
    /// It was for this client; nothing to tell the application yet.
    Taken,
    /// It is somebody else's.
    NotMine(Input),
}

/// What becomes of a call that has just begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a message that is sent one way has no answer"]
pub enum Begun {
    /// The answer comes with an input.
    Outstanding,
    /// There will be no answer: as far as the application can know, it is done.
    Complete,
}

/// A connection factory: where and to whom a client connects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionFactory {
    /// *Provider endpoints*: bootstrap servers, tried in order.
    pub provider_endpoints: Vec<Address>,
    /// The bus.
    pub bus: BusName,
    /// Which engines will do.
    pub target: Target,
    /// Whether another one will do.
    pub significance: TargetSignificance,
    /// How near.
    pub proximity: ConnectionProximity,
    /// Who asks.
    pub application: String,
    /// How long a silence may last before a connection is given up: heartbeat interval and its timeout.
    pub silence: Duration,
}

impl ConnectionFactory {
    /// Heartbeat interval (300 s) and timeout (7 s) of the product's connections.
    pub const DEFAULT_SILENCE: Duration = Duration::from_secs(307);

    /// Any engine of a bus, with the product's defaults.
    #[must_use]
    pub fn new(provider_endpoints: Vec<Address>, bus: BusName, application: String) -> Self {
        ConnectionFactory {
            provider_endpoints,
            bus,
            target: Target::Any,
            significance: TargetSignificance::default(),
            proximity: ConnectionProximity::default(),
            application,
            silence: Self::DEFAULT_SILENCE,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Disconnected,
    /// The network connection to the bootstrap server with this place in the list is being opened.
    OpeningBootstrap {
        connection: ConnectionId,
        endpoint: usize,
    },
    /// The bootstrap server is asked.
    Bootstrapping {
        connection: ConnectionId,
        endpoint: usize,
    },
    /// The network connection to the server that runs the engine is being opened.
    OpeningEngine {
        connection: ConnectionId,
        endpoint: usize,
        engine: MessagingEngineName,
    },
    /// The engine is asked for a connection.
    Connecting {
        connection: ConnectionId,
        endpoint: usize,
    },
    Connected {
        connection: ConnectionId,
        outstanding: Option<Outstanding>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Outstanding {
    if_broken: Fate,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Phase two.
    Resolve,
    /// The end of the connection.
    Close,
    Other,
}

/// The client's half of one connection.
#[derive(Clone, Debug)]
pub struct BusClient {
    factory: ConnectionFactory,
    state: State,
    quiescing: bool,
    /// The engine to which a bootstrap server has led last, and the server that runs it.
    led_to: Option<Box<(MessagingEngineName, Address)>>,
}

impl BusClient {
    /// A client that is not connected yet.
    ///
    /// # Panics
    /// If there is no provider endpoint.
    #[must_use]
    pub fn new(factory: ConnectionFactory) -> Self {
        assert!(!factory.provider_endpoints.is_empty(), "there is at least one provider endpoint");
        BusClient { factory, state: State::Disconnected, quiescing: false, led_to: None }
    }

    /// The engine to which it is connected, and where its server listens.
    #[must_use]
    pub fn connected_to(&self) -> Option<(&MessagingEngineName, &Address)> {
        let (engine, server) = self.led_to.as_deref().filter(|_| self.is_connected())?;
        Some((engine, server))
    }

    /// Whether calls can be made.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        matches!(self.state, State::Connected { .. })
    }

    /// Whether the engine has told that it is about to stop: the application is to end its work and leave.
    #[must_use]
    pub fn is_quiescing(&self) -> bool {
        self.quiescing
    }

    /// Begins to connect: every bootstrap server in order, until one names an engine that takes the connection.
    ///
    /// # Panics
    /// If it is connected, or connecting, already.
    pub fn connect(&mut self, effects: &mut Effects) {
        assert_eq!(self.state, State::Disconnected, "connects only when it is not connected");
        self.open(0, effects);
    }

    /// Begins a call.
    ///
    /// # Panics
    /// If it is not connected or another call is outstanding: the interface is synchronous.
    pub fn call(&mut self, call: BusCall, effects: &mut Effects) -> Begun {
        let State::Connected { connection, outstanding } = &mut self.state else {
            panic!("a call needs a connection");
        };
        assert!(outstanding.is_none(), "one call at a time");
        let is_one_way = matches!(call, BusCall::Send { one_way: true, .. });
        if !is_one_way {
            *outstanding = Some(Outstanding { if_broken: fate_if_broken(&call), kind: kind_of(&call) });
        }
        effects.send(*connection, Frame::BusCall(Box::new(call)));
        if is_one_way { Begun::Complete } else { Begun::Outstanding }
    }

    /// Drops the connection without a word, as an application that ends abnormally does.
    pub fn abandon(&mut self, effects: &mut Effects) {
        if let Some(connection) = self.connection() {
            effects.push(Effect::Close { connection });
        }
        self.forget();
    }

    /// Takes an input of the process.
    ///
    /// # Panics
    /// If what arrives is no answer to what was asked.
    pub fn handle(&mut self, input: Input, effects: &mut Effects) -> Handled {
        let Some(mine) = self.connection() else { return Handled::NotMine(input) };
        match input {
            Input::Connected { connection } if connection == mine => self.opened(effects),
            Input::Refused { connection, .. } if connection == mine => {
                self.try_next(BusReason::NoMessagingEngine, effects)
            }
            Input::Broken { connection, .. } if connection == mine => self.broken(effects),
            Input::Frame { connection, frame: Frame::BusReply(reply) } if connection == mine => {
                self.replied(*reply, effects)
            }
            other => Handled::NotMine(other),
        }
    }

    fn connection(&self) -> Option<ConnectionId> {
        match self.state {
            State::Disconnected => None,
            State::OpeningBootstrap { connection, .. }
            | State::Bootstrapping { connection, .. }
            | State::OpeningEngine { connection, .. }
            | State::Connecting { connection, .. }
            | State::Connected { connection, .. } => Some(connection),
        }
    }

    fn forget(&mut self) {
        self.state = State::Disconnected;
        self.quiescing = false;
    }

    fn open(&mut self, endpoint: usize, effects: &mut Effects) {
        let address = self.factory.provider_endpoints[endpoint].clone();
        let connection = effects.connect(address, heartbeats(self.factory.silence));
        self.state = State::OpeningBootstrap { connection, endpoint };
    }

    fn opened(&mut self, effects: &mut Effects) -> Handled {
        match &self.state {
            &State::OpeningBootstrap { connection, endpoint } => {
                let call = BusCall::Bootstrap {
                    bus: self.factory.bus.clone(),
                    target: self.factory.target.clone(),
                    significance: self.factory.significance,
                    proximity: self.factory.proximity,
                };
                effects.send(connection, Frame::BusCall(Box::new(call)));
                self.state = State::Bootstrapping { connection, endpoint };
            }
            State::OpeningEngine { connection, endpoint, engine } => {
                let (connection, endpoint) = (*connection, *endpoint);
                let call = BusCall::Connect { application: self.factory.application.clone(), engine: engine.clone() };
                effects.send(connection, Frame::BusCall(Box::new(call)));
                self.state = State::Connecting { connection, endpoint };
            }
            State::Disconnected | State::Bootstrapping { .. } | State::Connecting { .. } | State::Connected { .. } => {}
        }
        Handled::Taken
    }

    /// The bootstrap server tried last did not lead to an engine: on to the next one, or give up.
    fn try_next(&mut self, reason: BusReason, effects: &mut Effects) -> Handled {
        let (State::OpeningBootstrap { endpoint, .. }
        | State::Bootstrapping { endpoint, .. }
        | State::OpeningEngine { endpoint, .. }
        | State::Connecting { endpoint, .. }) = self.state
        else {
            return Handled::Taken;
        };
        if endpoint + 1 < self.factory.provider_endpoints.len() {
            self.quiescing = false;
            self.open(endpoint + 1, effects);
            return Handled::Taken;
        }
        self.forget();
        Handled::Completed(Completion::NotConnected(reason))
    }

    fn broken(&mut self, effects: &mut Effects) -> Handled {
        match self.state {
            State::Disconnected => Handled::Taken,
            State::Connected { outstanding, .. } => self.lost(outstanding),
            _ => self.try_next(BusReason::NoMessagingEngine, effects),
        }
    }

    fn lost(&mut self, outstanding: Option<Outstanding>) -> Handled {
        self.forget();
        match outstanding {
            // Nobody waits for an answer; the next call finds no connection.
            None => Handled::Taken,
            Some(call) => Handled::Completed(Completion::Failed(CallFailed {
                reason: BusReason::ConnectionLost,
                fate: call.if_broken,
                connection_lost: true,
            })),
        }
    }

    fn replied(&mut self, reply: BusReply, effects: &mut Effects) -> Handled {
        match (reply, &mut self.state) {
            (BusReply::Quiescing, _) => {
                self.quiescing = true;
                Handled::Taken
            }
            (BusReply::Terminated, State::Connected { connection, outstanding }) => {
                effects.push(Effect::Close { connection: *connection });
                let outstanding = outstanding.take();
                self.lost(outstanding)
            }
            (BusReply::Redirect { server, engine }, &mut State::Bootstrapping { connection, endpoint }) => {
                effects.push(Effect::Close { connection });
                self.led_to = Some(Box::new((engine.clone(), server.clone())));
                let connection = effects.connect(server, heartbeats(self.factory.silence));
                self.state = State::OpeningEngine { connection, endpoint, engine };
                Handled::Taken
            }
            (BusReply::Connected { engine }, &mut State::Connecting { connection, .. }) => {
                self.state = State::Connected { connection, outstanding: None };
                Handled::Completed(Completion::Connected { engine })
            }
            (BusReply::Failed(reason), &mut State::Bootstrapping { connection, .. })
            | (BusReply::Failed(reason), &mut State::Connecting { connection, .. }) => {
                effects.push(Effect::Close { connection });
                self.try_next(reason, effects)
            }
            (BusReply::Terminated, State::Bootstrapping { connection, .. } | State::Connecting { connection, .. }) => {
                effects.push(Effect::Close { connection: *connection });
                self.try_next(BusReason::NoMessagingEngine, effects)
            }
            (reply, State::Connected { connection, outstanding }) => {
                let connection = *connection;
                let Some(call) = outstanding.take() else {
                    panic!("an answer without a call: {reply:?}");
                };
                Handled::Completed(self.completed(connection, call, reply, effects))
            }
            (reply, State::Bootstrapping { .. } | State::Connecting { .. }) => {
                panic!("{reply:?} is no answer while connecting")
            }
            // From a server that was given up in the meantime.
            (_, State::Disconnected | State::OpeningBootstrap { .. } | State::OpeningEngine { .. }) => Handled::Taken,
        }
    }

    fn completed(
        &mut self,
        connection: ConnectionId,
        call: Outstanding,
        reply: BusReply,
        effects: &mut Effects,
    ) -> Completion {
        let BusReply::Failed(reason) = reply else {
            if call.kind == Kind::Close {
                effects.push(Effect::Close { connection });
                self.forget();
            }
            return Completion::Answered(reply);
        };
        let fate = fate_of_failure(call, reason);
        let is_lost = matches!(reason, BusReason::ConnectionLost | BusReason::EngineNotStarted);
        if is_lost || call.kind == Kind::Close {
            effects.push(Effect::Close { connection });
            self.forget();
        }
        Completion::Failed(CallFailed { reason, fate, connection_lost: is_lost })
    }
}

/// What a failure that the engine told says of the call's effect: it had none, unless the store failed in the middle.
///
/// Phase two that the store could not take is not undone: the transaction is still in doubt.
fn fate_of_failure(call: Outstanding, reason: BusReason) -> Fate {
    match reason {
        BusReason::StoreFailed | BusReason::ConnectionLost => call.if_broken,
        BusReason::StoreFull if call.kind == Kind::Resolve => Fate::Unknown,
        _ => Fate::DidNotHappen,
    }
}

fn fate_if_broken(call: &BusCall) -> Fate {
    match call {
        BusCall::Send { scope: Scope::Automatic, .. }
        | BusCall::Receive { scope: Scope::Automatic, .. }
        | BusCall::Acknowledge
        | BusCall::Commit
        | BusCall::Prepare { .. }
        | BusCall::Resolve { .. } => Fate::Unknown,
        // Rollback among them: what it was to roll back is rolled back whether or not the call arrived.
        BusCall::Send { .. }
        | BusCall::Receive { .. }
        | BusCall::Recover
        | BusCall::Rollback
        | BusCall::Begin { .. }
        | BusCall::Bootstrap { .. }
        | BusCall::WatchLocalEngines { .. }
        | BusCall::Connect { .. }
        | BusCall::RecoverIndoubt { .. }
        | BusCall::Inspect
        | BusCall::Close => Fate::DidNotHappen,
    }
}

fn kind_of(call: &BusCall) -> Kind {
    match call {
        BusCall::Resolve { .. } => Kind::Resolve,
        BusCall::Close => Kind::Close,
        _ => Kind::Other,
    }
}
