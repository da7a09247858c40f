//! An administrator with wsadmin: connects to whichever application server a command is for.

use std::sync::Arc;
use std::time::Duration;

use indoubt_engine::application_server::frame::{AdministrationRequest, AdministrationResponse};
use indoubt_engine::frame::Frame;
use indoubt_engine::machine::{Effect, Effects, Input, Silence};
use indoubt_engine::name::QueueName;
use indoubt_engine::unit_of_work::{Outcome, Xid};

use super::plan::endpoint;
use crate::fabric::Process;
use crate::scenario::model::{Cell, OperatorCommand};
use crate::workload::provider::{
    Failure, Fate, Operated, Outgoing, Pending, Provider, Received, Scope, Selection, Sharing, WayOut,
};

/// How long an administrator waits for a server that does not answer.
const PATIENCE: Silence = Silence::Prompt { timeout: Duration::from_secs(30) };

/// An administrator of the cell. Not a client of the bus: what clients do is refused.
pub(super) struct Administrator {
    process: Process,
    bus: String,
    cell: Arc<Cell>,
    effects: Effects,
}

impl Administrator {
    pub(super) fn new(process: &Process, cell: &Arc<Cell>) -> Self {
        Administrator {
            process: process.clone(),
            bus: cell.bus.name.to_string(),
            cell: cell.clone(),
            effects: Effects::new(),
        }
    }

    /// The same, for whoever has the cell only for a while.
    pub(super) fn of(process: &Process, cell: &Cell) -> Self {
        Administrator::new(process, &Arc::new(cell.clone()))
    }

    /// One request, over a connection of its own. `None`: the server cannot be reached.
    pub(super) async fn ask(&mut self, server: &str, request: AdministrationRequest) -> Option<AdministrationResponse> {
        let connection = self.effects.connect(endpoint(server), PATIENCE);
        let mut request = Some(request);
        loop {
            self.process.perform(&mut self.effects);
            match self.process.next().await {
                Input::Connected { connection: opened } if opened == connection => {
                    let request = request.take().expect("a connection opens once");
                    self.effects.send(connection, Frame::AdministrationRequest(Box::new(request)));
                }
                Input::Frame { connection: from, frame: Frame::AdministrationResponse(response) }
                    if from == connection =>
                {
                    self.effects.push(Effect::Close { connection });
                    self.process.perform(&mut self.effects);
                    return Some(*response);
                }
                Input::Refused { connection: gone, .. } | Input::Broken { connection: gone, .. }
                    if gone == connection =>
                {
                    return None;
                }
                _ => {}
            }
        }
    }

    async fn administer(&mut self, command: &OperatorCommand) -> Operated {
        let OperatorCommand::Administer { server, command } = command else { return Operated::Refused };
        // A change of the configuration is synchronized to every server; those that are down read it when they start.
        let servers: Vec<String> = match server {
            Some(server) => vec![server.clone()],
            None => self.cell.servers().map(|(server, _)| server.name.clone()).collect(),
        };
        let mut operated = Operated::NotYet;
        for server in servers {
            match self.ask(&server, command.clone()).await {
                Some(AdministrationResponse::Refused(_)) => operated = Operated::Refused,
                Some(_) if operated == Operated::NotYet => operated = Operated::Done,
                Some(_) | None => {}
            }
        }
        operated
    }
}

fn refused<T>() -> Result<T, Failure> {
    Err(Failure {
        reason: "an administrator is no client of the bus".to_owned(),
        fate: Fate::DidNotHappen,
        connection_lost: false,
        way_out: WayOut::Stay,
    })
}

fn at_once<'a, T: Send + 'a>(value: T) -> Pending<'a, T> {
    Box::pin(std::future::ready(value))
}

impl Provider for Administrator {
    fn connect(&mut self) -> Pending<'_, Result<(), Failure>> {
        at_once(Ok(()))
    }

    fn is_connected(&self) -> bool {
        true
    }

    fn should_leave(&self) -> bool {
        false
    }

    fn owner(&self) -> &str {
        &self.bus
    }

    fn open<'a>(&'a mut self, _: &'a QueueName, _: Sharing) -> Pending<'a, Result<(), Failure>> {
        at_once(refused())
    }

    fn send(&mut self, _: Outgoing, _: Scope) -> Pending<'_, Result<(), Failure>> {
        at_once(refused())
    }

    fn receive<'a>(
        &'a mut self,
        _: &'a QueueName,
        _: Sharing,
        _: Duration,
        _: Selection,
        _: Scope,
    ) -> Pending<'a, Result<Option<Received>, Failure>> {
        at_once(refused())
    }

    fn browse_and_lock<'a>(&'a mut self, _: &'a QueueName) -> Pending<'a, Result<Option<Received>, Failure>> {
        at_once(refused())
    }

    fn commit(&mut self) -> Pending<'_, Result<(), Failure>> {
        at_once(refused())
    }

    fn back_out(&mut self) -> Pending<'_, Result<(), Failure>> {
        at_once(refused())
    }

    fn begin(&mut self, _: Xid) -> Pending<'_, Result<(), Failure>> {
        at_once(refused())
    }

    fn prepare(&mut self, _: Xid) -> Pending<'_, Result<(), Failure>> {
        at_once(refused())
    }

    fn resolve(&mut self, _: Xid, _: Outcome) -> Pending<'_, Result<(), Failure>> {
        at_once(refused())
    }

    fn recover(&mut self, _: String) -> Pending<'_, Result<Vec<Xid>, Failure>> {
        at_once(refused())
    }

    fn operate<'a>(&'a mut self, command: &'a OperatorCommand, _: bool) -> Pending<'a, Result<Operated, Failure>> {
        Box::pin(async move { Ok(self.administer(command).await) })
    }

    fn disconnect(&mut self) -> Pending<'_, ()> {
        at_once(())
    }

    fn abandon(&mut self) {}

    fn take(&mut self, _: Input) {}
}
