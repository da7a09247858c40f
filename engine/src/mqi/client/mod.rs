//! One connection of an application to a queue manager: the client's half of the message queue interface.
//!
//! In the real product this is the MQI library (for a client connection: with its `CONNAME` list of one or more
//! addresses, tried in order). Calls are synchronous, so at most one is outstanding. When the connection breaks, the
//! outstanding call fails with 2009 (MQRC_CONNECTION_BROKEN); whether it took effect depends on the call:
//!
//! - what was within a unit of work has certainly not happened: the queue manager, its restart or a peer backs it out;
//! - a put or get outside syncpoint, a commit, a prepare, a phase two and a disconnect with uncommitted work may or may
//!   not have happened: the application cannot know ([`Fate::Unknown`]).
//!
//! Left out: automatic client reconnection (`MQCNO_RECONNECT`); reconnecting is the application's own rule here.
//!
//! Documented: IBM MQ, "2009 (07D9) (RC2009): MQRC_CONNECTION_BROKEN", "MQCNO - Connect options", `CONNAME` in "DEFINE
//! CHANNEL".

#[cfg(test)]
mod tests;

use super::{Command, ConnectOptions, MqiAnswer, MqiCall, MqiReply, Reason, Syncpoint};
use crate::frame::Frame;
use crate::machine::{ConnectionId, Effect, Effects, Incarnation, Input, Silence};
use crate::name::{Address, QueueManagerName};
use crate::time::Duration;

/// What can be said of a call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fate {
    /// It certainly had no effect, or its effect is certainly backed out.
    DidNotHappen,
    /// It may or may not have had its effect.
    Unknown,
}

/// Why a call failed and what that means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallFailed {
    /// The reason code.
    pub reason: Reason,
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
        /// The queue manager that answered.
        queue_manager: QueueManagerName,
        /// Which life of it.
        incarnation: Incarnation,
    },
    /// No address of the list led to a queue manager that would have it.
    NotConnected(Reason),
    /// The call worked.
    Answered(MqiAnswer),
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

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Disconnected,
    /// The network connection to the address with this place in the list is being opened.
    Opening {
        connection: ConnectionId,
        address: usize,
    },
    /// `MQCONNX` is on its way.
    Connecting {
        connection: ConnectionId,
        address: usize,
    },
    Connected {
        connection: ConnectionId,
        outstanding: Option<Outstanding>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Outstanding {
    if_broken: Fate,
    effect_on_unit: EffectOnUnit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EffectOnUnit {
    None,
    Adds,
    Ends,
    Disconnects,
}

/// The client's half of one connection.
#[derive(Clone, Debug)]
pub struct Client {
    addresses: Vec<Address>,
    silence: Duration,
    options: ConnectOptions,
    state: State,
    quiescing: bool,
    /// Puts or gets under syncpoint have worked since the last unit of work ended: a disconnect would commit them.
    uncommitted: bool,
}

impl Client {
    /// A client that is not connected yet.
    ///
    /// # Panics
    /// If there is no address.
    #[must_use]
    pub fn new(addresses: Vec<Address>, silence: Duration, options: ConnectOptions) -> Self {
        assert!(!addresses.is_empty(), "a CONNAME holds at least one address");
        Client { addresses, silence, options, state: State::Disconnected, quiescing: false, uncommitted: false }
    }

    /// Whether calls can be made.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        matches!(self.state, State::Connected { .. })
    }

    /// Whether the queue manager has told that it quiesces: the application is to end its unit of work and disconnect.
    #[must_use]
    pub fn is_quiescing(&self) -> bool {
        self.quiescing
    }

    /// Begins to connect: every address of the list in order, until one has a queue manager that takes the connection.
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
    pub fn call(&mut self, call: MqiCall, effects: &mut Effects) {
        let uncommitted = self.uncommitted;
        let State::Connected { connection, outstanding } = &mut self.state else {
            panic!("a call needs a connection");
        };
        assert!(outstanding.is_none(), "one call at a time");
        *outstanding =
            Some(Outstanding { if_broken: fate_if_broken(&call, uncommitted), effect_on_unit: effect_on_unit(&call) });
        effects.send(*connection, Frame::MqiCall(Box::new(call)));
    }

    /// Drops the connection without a word, as an application that ends abnormally does: uncommitted work is backed out
    /// by the queue manager.
    pub fn abandon(&mut self, effects: &mut Effects) {
        if let Some(connection) = self.connection() {
            effects.push(Effect::Close { connection });
        }
        self.forget();
    }

    /// Takes an input of the process.
    pub fn handle(&mut self, input: Input, effects: &mut Effects) -> Handled {
        let Some(mine) = self.connection() else { return Handled::NotMine(input) };
        match input {
            Input::Connected { connection } if connection == mine => self.opened(effects),
            Input::Refused { connection, .. } if connection == mine => {
                self.try_next(Reason::QueueManagerNotAvailable, effects)
            }
            Input::Broken { connection, .. } if connection == mine => self.broken(effects),
            Input::Frame { connection, frame: Frame::MqiReply(reply) } if connection == mine => {
                self.replied(*reply, effects)
            }
            other => Handled::NotMine(other),
        }
    }

    fn connection(&self) -> Option<ConnectionId> {
        match self.state {
            State::Disconnected => None,
            State::Opening { connection, .. }
            | State::Connecting { connection, .. }
            | State::Connected { connection, .. } => Some(connection),
        }
    }

    fn forget(&mut self) {
        self.state = State::Disconnected;
        self.quiescing = false;
        self.uncommitted = false;
    }

    fn open(&mut self, address: usize, effects: &mut Effects) {
        let silence = Silence::Prompt { timeout: self.silence };
        let connection = effects.connect(self.addresses[address].clone(), silence);
        self.state = State::Opening { connection, address };
    }

    fn opened(&mut self, effects: &mut Effects) -> Handled {
        if let State::Opening { connection, address } = self.state {
            effects.send(connection, Frame::MqiCall(Box::new(MqiCall::Connect(self.options.clone()))));
            self.state = State::Connecting { connection, address };
        }
        Handled::Taken
    }

    /// The address tried last did not do: on to the next one, or give up.
    fn try_next(&mut self, reason: Reason, effects: &mut Effects) -> Handled {
        let (State::Opening { address, .. } | State::Connecting { address, .. }) = self.state else {
            return Handled::Taken;
        };
        if address + 1 < self.addresses.len() {
            self.open(address + 1, effects);
            return Handled::Taken;
        }
        self.forget();
        Handled::Completed(Completion::NotConnected(reason))
    }

    fn broken(&mut self, effects: &mut Effects) -> Handled {
        match self.state {
            State::Disconnected => Handled::Taken,
            State::Opening { .. } | State::Connecting { .. } => {
                self.try_next(Reason::QueueManagerNotAvailable, effects)
            }
            State::Connected { outstanding, .. } => {
                self.forget();
                match outstanding {
                    // Nobody waits for an answer; the next call finds no connection.
                    None => Handled::Taken,
                    Some(call) => Handled::Completed(Completion::Failed(CallFailed {
                        reason: Reason::ConnectionBroken,
                        fate: call.if_broken,
                        connection_lost: true,
                    })),
                }
            }
        }
    }

    fn replied(&mut self, reply: MqiReply, effects: &mut Effects) -> Handled {
        match (reply, &mut self.state) {
            (MqiReply::Quiescing, _) => {
                self.quiescing = true;
                Handled::Taken
            }
            (MqiReply::Ok(answer), State::Connecting { connection, .. }) => match answer {
                MqiAnswer::Connected { queue_manager, incarnation } => {
                    self.state = State::Connected { connection: *connection, outstanding: None };
                    self.uncommitted = false;
                    Handled::Completed(Completion::Connected { queue_manager, incarnation })
                }
                other => panic!("a queue manager answers MQCONNX with Connected, not with {other:?}"),
            },
            (MqiReply::Failed(reason), State::Connecting { connection, .. }) => {
                effects.push(Effect::Close { connection: *connection });
                // A name that is wrong here, or a tag held elsewhere, is no better at the next address.
                let another_may_do = matches!(
                    reason,
                    Reason::QueueManagerNotAvailable | Reason::QueueManagerQuiescing | Reason::QueueManagerStopping
                );
                if another_may_do {
                    return self.try_next(reason, effects);
                }
                self.forget();
                Handled::Completed(Completion::NotConnected(reason))
            }
            (reply, State::Connected { connection, outstanding }) => {
                let connection = *connection;
                let Some(call) = outstanding.take() else {
                    panic!("an answer without a call: {reply:?}");
                };
                Handled::Completed(self.completed(connection, call, reply, effects))
            }
            // From a queue manager that was given up in the meantime.
            (_, State::Disconnected | State::Opening { .. }) => Handled::Taken,
        }
    }

    fn completed(
        &mut self,
        connection: ConnectionId,
        call: Outstanding,
        reply: MqiReply,
        effects: &mut Effects,
    ) -> Completion {
        match reply {
            MqiReply::Ok(answer) => {
                match call.effect_on_unit {
                    EffectOnUnit::None => {}
                    EffectOnUnit::Adds => self.uncommitted = true,
                    EffectOnUnit::Ends => self.uncommitted = false,
                    EffectOnUnit::Disconnects => {
                        effects.push(Effect::Close { connection });
                        self.forget();
                    }
                }
                Completion::Answered(answer)
            }
            MqiReply::Failed(reason) => {
                let connection_lost = reason == Reason::ConnectionBroken;
                if connection_lost || call.effect_on_unit == EffectOnUnit::Disconnects {
                    effects.push(Effect::Close { connection });
                    self.forget();
                }
                if reason == Reason::BackedOut {
                    self.uncommitted = false;
                }
                Completion::Failed(CallFailed { reason, fate: fate_of_failure(call, reason), connection_lost })
            }
            MqiReply::Quiescing => unreachable!("a notice is no answer"),
        }
    }
}

/// What a failure that the queue manager told says of the call's effect.
///
/// A failed call has no effect, with these exceptions: a call that ends a unit of work is only certain to have failed
/// when the queue manager says that it is backed out, or that it never knew it; and when the link to the coupling
/// facility is lost, the queue manager itself does not know what became of the command that was on its way.
fn fate_of_failure(call: Outstanding, reason: Reason) -> Fate {
    match (call.effect_on_unit, reason) {
        (
            _,
            Reason::BackedOut
            | Reason::UnitOfWorkNotAvailable
            | Reason::UnitOfWorkInProgress
            | Reason::EnvironmentError,
        ) => Fate::DidNotHappen,
        (EffectOnUnit::Ends | EffectOnUnit::Disconnects, _) => call.if_broken,
        (_, Reason::ConnectionBroken | Reason::CouplingFacilityNotAvailable) => call.if_broken,
        _ => Fate::DidNotHappen,
    }
}

fn fate_if_broken(call: &MqiCall, uncommitted: bool) -> Fate {
    match call {
        MqiCall::Put { syncpoint: Syncpoint::Outside, .. }
        | MqiCall::Put1 { syncpoint: Syncpoint::Outside, .. }
        | MqiCall::Get { syncpoint: Syncpoint::Outside, .. }
        | MqiCall::Commit
        | MqiCall::Prepare { .. }
        | MqiCall::Resolve { .. }
        | MqiCall::Command(Command::ResolveIndoubt { .. } | Command::StopQueueManager(_)) => Fate::Unknown,
        MqiCall::Disconnect if uncommitted => Fate::Unknown,
        // Backout among them: the unit of work is backed out whether or not the call arrived; that is the caller's
        // to conclude.
        MqiCall::Put { .. }
        | MqiCall::Put1 { .. }
        | MqiCall::Get { .. }
        | MqiCall::Disconnect
        | MqiCall::Backout
        | MqiCall::Connect(_)
        | MqiCall::Open { .. }
        | MqiCall::Browse { .. }
        | MqiCall::Close { .. }
        | MqiCall::Begin { .. }
        | MqiCall::Recover { .. }
        | MqiCall::Command(Command::DisplayIndoubt { .. } | Command::DisplayQueues) => Fate::DidNotHappen,
    }
}

fn effect_on_unit(call: &MqiCall) -> EffectOnUnit {
    match call {
        MqiCall::Put { syncpoint: Syncpoint::Within, .. }
        | MqiCall::Put1 { syncpoint: Syncpoint::Within, .. }
        | MqiCall::Get { syncpoint: Syncpoint::Within, .. } => EffectOnUnit::Adds,
        MqiCall::Commit | MqiCall::Backout | MqiCall::Prepare { .. } | MqiCall::Resolve { .. } => EffectOnUnit::Ends,
        MqiCall::Disconnect => EffectOnUnit::Disconnects,
        _ => EffectOnUnit::None,
    }
}
