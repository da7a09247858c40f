//! A connection to the bus as an application script uses it, driven by the inputs of its process.

use indoubt_engine::machine::{Effects, Input};
use indoubt_engine::messaging_engine::activation::{ActivationSpecification, EndpointActivation};
use indoubt_engine::messaging_engine::client::{
    Begun, BusClient, CallFailed, Completion, ConnectionFactory, Fate, Handled,
};
use indoubt_engine::messaging_engine::frame::{BusCall, BusReason, BusReply};
use indoubt_engine::name::{Address, MessagingEngineName};

use crate::fabric::Process;

/// Who makes the connection.
enum Maker {
    /// The application.
    Application(BusClient),
    /// The server of a message-driven bean.
    Server(Box<EndpointActivation>),
}

/// One connection of one process.
pub(super) struct Connection {
    process: Process,
    maker: Maker,
    effects: Effects,
}

impl Connection {
    /// A connection of an application's own, which does not stand yet.
    pub(super) fn of_application(process: Process, factory: ConnectionFactory) -> Self {
        Connection::new(process, Maker::Application(BusClient::new(factory)))
    }

    /// The connection of a message-driven bean, which does not stand yet.
    pub(super) fn of_bean(process: Process, specification: ActivationSpecification) -> Self {
        Connection::new(process, Maker::Server(Box::new(EndpointActivation::new(specification))))
    }

    fn new(process: Process, maker: Maker) -> Self {
        Connection { process, maker, effects: Effects::new() }
    }

    pub(super) fn is_connected(&self) -> bool {
        match &self.maker {
            Maker::Application(client) => client.is_connected(),
            Maker::Server(activation) => activation.is_connected(),
        }
    }

    /// To which engine it leads, and where the server listens that runs it.
    pub(super) fn connected_to(&self) -> Option<(&MessagingEngineName, &Address)> {
        match &self.maker {
            Maker::Application(client) => client.connected_to(),
            Maker::Server(activation) => activation.connected_to(),
        }
    }

    /// Whether work with this connection is to end: its engine is about to stop, or there is a better one.
    pub(super) fn should_leave(&self) -> bool {
        match &self.maker {
            Maker::Application(client) => client.is_quiescing(),
            Maker::Server(activation) => activation.should_leave(),
        }
    }

    /// Connects. An application tries once; a message-driven bean is connected sooner or later.
    pub(super) async fn connect(&mut self) -> Result<(), BusReason> {
        match &mut self.maker {
            Maker::Application(client) => client.connect(&mut self.effects),
            Maker::Server(activation) => activation.connect(self.process.now(), &mut self.effects),
        }
        if self.is_connected() {
            self.process.perform(&mut self.effects);
            return Ok(());
        }
        match self.completion().await {
            Completion::Connected { .. } => Ok(()),
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
        if !self.is_connected() {
            let reason = BusReason::ConnectionLost;
            return Err(CallFailed { reason, fate: Fate::DidNotHappen, connection_lost: true });
        }
        let begun = match &mut self.maker {
            Maker::Application(client) => client.call(call, &mut self.effects),
            Maker::Server(activation) => activation.call(call, &mut self.effects),
        };
        if begun == Begun::Complete {
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
            if let Handled::Completed(completion) = self.handle(input) {
                self.process.perform(&mut self.effects);
                return completion;
            }
        }
    }

    fn handle(&mut self, input: Input) -> Handled {
        match &mut self.maker {
            Maker::Application(client) => client.handle(input, &mut self.effects),
            Maker::Server(activation) => activation.handle(self.process.now(), input, &mut self.effects),
        }
    }

    /// Drops the connection without a word.
    pub(super) fn abandon(&mut self) {
        match &mut self.maker {
            Maker::Application(client) => client.abandon(&mut self.effects),
            Maker::Server(activation) => activation.abandon(&mut self.effects),
        }
        self.process.perform(&mut self.effects);
    }

    /// Takes an input that came while the process waited for something else.
    pub(super) fn take(&mut self, input: Input) {
        self.handle(input);
        self.process.perform(&mut self.effects);
    }
}
