//! A connection to the bus as an application script uses it, driven by the inputs of its process.

use indoubt_engine::machine::{Effects, Input};
use indoubt_engine::messaging_engine::client::{
    Begun, BusClient, CallFailed, Completion, ConnectionFactory, Fate, Handled,
};
use indoubt_engine::messaging_engine::frame::{BusCall, BusReason, BusReply};
use indoubt_engine::name::MessagingEngineName;

use crate::fabric::Process;

/// One connection of one process.
pub(super) struct Connection {
    process: Process,
    client: BusClient,
    effects: Effects,
}

impl Connection {
    /// A connection that does not stand yet.
    pub(super) fn new(process: Process, factory: ConnectionFactory) -> Self {
        Connection { process, client: BusClient::new(factory), effects: Effects::new() }
    }

    pub(super) fn is_connected(&self) -> bool {
        self.client.is_connected()
    }

    pub(super) fn is_quiescing(&self) -> bool {
        self.client.is_quiescing()
    }

    /// Connects, once.
    pub(super) async fn connect(&mut self) -> Result<MessagingEngineName, BusReason> {
        self.client.connect(&mut self.effects);
        match self.completion().await {
            Completion::Connected { engine } => Ok(engine),
            Completion::NotConnected(reason) => Err(reason),
            other => unreachable!("the end of a connect is not {other:?}"),
        }
    }

    /// Makes a call and waits for its end. `None`: it was sent one way, and there is no answer.
    ///
    /// A client library reads its connection while the application works: if the connection has ended by now, the call
    /// was not made, and the application knows.
    pub(super) async fn call(&mut self, call: BusCall) -> Result<Option<BusReply>, CallFailed> {
        while let Some(input) = self.process.arrived().await {
            self.take(input);
        }
        if !self.client.is_connected() {
            let reason = BusReason::ConnectionLost;
            return Err(CallFailed { reason, fate: Fate::DidNotHappen, connection_lost: true });
        }
        if self.client.call(call, &mut self.effects) == Begun::Complete {
            self.process.perform(&mut self.effects);
            return Ok(None);
        }
        match self.completion().await {
            Completion::Answered(reply) => Ok(Some(reply)),
            Completion::Failed(failed) => Err(failed),
            other => unreachable!("the end of a call is not {other:?}"),
        }
    }

    async fn completion(&mut self) -> Completion {
        loop {
            self.process.perform(&mut self.effects);
            let input = self.process.next().await;
            if let Handled::Completed(completion) = self.client.handle(input, &mut self.effects) {
                self.process.perform(&mut self.effects);
                return completion;
            }
        }
    }

    /// Drops the connection without a word.
    pub(super) fn abandon(&mut self) {
        self.client.abandon(&mut self.effects);
        self.process.perform(&mut self.effects);
    }

    /// Takes an input that came while the process waited for something else.
    pub(super) fn take(&mut self, input: Input) {
        self.client.handle(input, &mut self.effects);
        self.process.perform(&mut self.effects);
    }
}
