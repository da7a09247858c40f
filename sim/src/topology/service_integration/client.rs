//! The client with which an application talks to the bus: the provider's words as calls of a JMS client.
//!
//! An application that works without units of work has its messages acknowledged automatically; one that works with them
//! uses a transacted session, acknowledges what it has received, or takes part in two-phase transactions. A message-driven
//! bean works like a consumer with a transacted session. When a connection is lost that stood, it is noted in the history:
//! the contract of the lower reliability levels depends on it.

use std::sync::Arc;
use std::time::Duration;

use indoubt_engine::machine::Input;
use indoubt_engine::message::{CorrelationId, MessageId};
use indoubt_engine::messaging_engine::activation::ActivationSpecification;
use indoubt_engine::messaging_engine::client::{self, CallFailed, ConnectionFactory};
use indoubt_engine::messaging_engine::frame::{self, BusCall, BusReason, BusReply, OutgoingMessage};
use indoubt_engine::messaging_engine::message::BusMessage;
use indoubt_engine::messaging_engine::reliability::Reliability;
use indoubt_engine::name::{DestinationName, QueueName};
use indoubt_engine::unit_of_work::{Outcome, Xid};

use super::connection::Connection;
use super::contract::CONNECTION_LOST;
use super::plan::{endpoint, server_at};
use crate::fabric::Process;
use crate::scenario::model::{Activation, BusTarget, Cell, OperatorCommand, QualityOfService, SessionMode};
use crate::workload::Shared;
use crate::workload::history::Recorder;
use crate::workload::provider::{
    Destination, Failure, Fate, Operated, Outgoing, Pending, Provider, Received, Scope, Selection, Sharing, WayOut,
};

/// A connection to an engine of the bus.
pub(super) struct BusProvider {
    connection: Connection,
    shared: Arc<Shared>,
    recorder: Recorder,
    bus: String,
    session: SessionMode,
    /// Whether the loss of the connection that stood last is still to be noted.
    stands: bool,
}

impl BusProvider {
    /// The client of an application, which connects itself.
    pub(super) fn of_application(
        process: &Process,
        shared: &Arc<Shared>,
        cell: &Cell,
        target: &BusTarget,
        silence: Duration,
    ) -> Self {
        let factory = ConnectionFactory {
            provider_endpoints: target.bootstrap.iter().map(|server| endpoint(server)).collect(),
            bus: cell.bus.name.clone(),
            target: target.target.clone(),
            significance: target.significance,
            proximity: target.proximity,
            application: process.name().to_string(),
            silence,
        };
        let connection = Connection::of_application(process.clone(), factory);
        BusProvider::new(process, shared, cell, connection, target.session)
    }

    /// What delivers to a message-driven bean in this server: the container's transaction, and its server connects.
    pub(super) fn of_bean(
        process: &Process,
        shared: &Arc<Shared>,
        cell: &Cell,
        server: &str,
        activation: &Activation,
        silence: Duration,
    ) -> Self {
        let specification = ActivationSpecification {
            server: endpoint(server),
            bus: cell.bus.name.clone(),
            application: process.name().to_string(),
            target: activation.target.clone(),
            significance: activation.significance,
            driven: activation.driven,
            retry_interval: activation.retry_interval,
            silence,
        };
        let connection = Connection::of_bean(process.clone(), specification);
        BusProvider::new(process, shared, cell, connection, SessionMode::Transacted)
    }

    fn new(process: &Process, shared: &Arc<Shared>, cell: &Cell, connection: Connection, session: SessionMode) -> Self {
        BusProvider {
            connection,
            shared: shared.clone(),
            recorder: Recorder::new(process.clone(), shared.clone()),
            bus: cell.bus.name.to_string(),
            session,
            stands: false,
        }
    }

    async fn call(&mut self, call: BusCall) -> Result<Option<BusReply>, Failure> {
        let result = self.connection.call(call).await;
        self.note_loss();
        result.map_err(failure)
    }

    async fn done(&mut self, call: BusCall) -> Result<(), Failure> {
        self.call(call).await.map(drop)
    }

    /// Writes into the history that the connection is gone, once.
    fn note_loss(&mut self) {
        if self.stands && !self.connection.is_connected() {
            self.stands = false;
            self.recorder.disconnected();
            self.recorder.happened(CONNECTION_LOST, "the connection to the bus is lost");
        }
    }
}

impl Provider for BusProvider {
    fn connect(&mut self) -> Pending<'_, Result<(), Failure>> {
        Box::pin(async move {
            self.note_loss();
            match self.connection.connect().await {
                Ok(()) => {
                    self.stands = true;
                    if let Some((engine, endpoint)) = self.connection.connected_to() {
                        self.recorder.connected(engine.as_str(), server_at(endpoint));
                    }
                    Ok(())
                }
                Err(reason) => {
                    Err(failure(CallFailed { reason, fate: client::Fate::DidNotHappen, connection_lost: true }))
                }
            }
        })
    }

    fn is_connected(&self) -> bool {
        self.connection.is_connected()
    }

    fn should_leave(&self) -> bool {
        self.connection.should_leave()
    }

    fn owner(&self) -> &str {
        &self.bus
    }

    /// A consumer of the bus is made with its first receive.
    fn open<'a>(&'a mut self, _: &'a QueueName, _: Sharing) -> Pending<'a, Result<(), Failure>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn send(&mut self, outgoing: Outgoing, scope: Scope) -> Pending<'_, Result<(), Failure>> {
        Box::pin(async move {
            let facts = self.shared.queue(&self.bus, &outgoing.to.queue);
            let reliability = outgoing.quality.and_then(reliability);
            let effective = reliability.or_else(|| self::reliability(facts.default_quality));
            let is_acknowledged = effective.is_none_or(Reliability::is_acknowledged);
            let message = OutgoingMessage {
                correlation_id: correlation(&outgoing),
                reliability,
                priority: outgoing.priority,
                expiry: outgoing.expiry,
                reply_to: outgoing.reply_to.map(|to| DestinationName::from(to.queue.as_str())),
                payload: outgoing.payload,
            };
            self.done(BusCall::Send {
                destination: DestinationName::from(outgoing.to.queue.as_str()),
                message,
                scope: within(scope),
                one_way: scope == Scope::Outside && !is_acknowledged,
            })
            .await
        })
    }

    fn receive<'a>(
        &'a mut self,
        queue: &'a QueueName,
        _: Sharing,
        wait: Duration,
        selection: Selection,
        scope: Scope,
    ) -> Pending<'a, Result<Option<Received>, Failure>> {
        Box::pin(async move {
            let selection = match selection {
                Selection::Any | Selection::Id(_) => frame::Selection::Any,
                Selection::Correlation(id) => frame::Selection::Correlation(id),
            };
            let destination = DestinationName::from(queue.as_str());
            let scope = match (scope, self.session) {
                (Scope::Within, SessionMode::ClientAcknowledge) => frame::Scope::Acknowledged,
                (scope, _) => within(scope),
            };
            let call = BusCall::Receive { destination, selection, wait, scope };
            let result = self.connection.call(call).await;
            self.note_loss();
            match result {
                Ok(Some(BusReply::Received { message })) => Ok(Some(received(*message))),
                Err(failed) if failed.reason == BusReason::NoMessage => Ok(None),
                Err(failed) => Err(failure(failed)),
                Ok(other) => unreachable!("a receive is not answered by {other:?}"),
            }
        })
    }

    /// A queue browser locks nothing; the scenario's checks refuse whoever asks for it.
    fn browse_and_lock<'a>(&'a mut self, _: &'a QueueName) -> Pending<'a, Result<Option<Received>, Failure>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn commit(&mut self) -> Pending<'_, Result<(), Failure>> {
        Box::pin(self.done(match self.session {
            SessionMode::Transacted => BusCall::Commit,
            SessionMode::ClientAcknowledge => BusCall::Acknowledge,
        }))
    }

    fn back_out(&mut self) -> Pending<'_, Result<(), Failure>> {
        Box::pin(self.done(match self.session {
            SessionMode::Transacted => BusCall::Rollback,
            SessionMode::ClientAcknowledge => BusCall::Recover,
        }))
    }

    fn begin(&mut self, xid: Xid) -> Pending<'_, Result<(), Failure>> {
        Box::pin(self.done(BusCall::Begin { xid }))
    }

    fn prepare(&mut self, xid: Xid) -> Pending<'_, Result<(), Failure>> {
        Box::pin(self.done(BusCall::Prepare { xid }))
    }

    fn resolve(&mut self, xid: Xid, outcome: Outcome) -> Pending<'_, Result<(), Failure>> {
        Box::pin(self.done(BusCall::Resolve { xid, outcome }))
    }

    fn recover(&mut self, coordinator: String) -> Pending<'_, Result<Vec<Xid>, Failure>> {
        Box::pin(async move {
            match self.call(BusCall::RecoverIndoubt { coordinator }).await? {
                Some(BusReply::Indoubt { xids }) => Ok(xids),
                other => unreachable!("xa_recover is not answered by {other:?}"),
            }
        })
    }

    /// What operators of a cell do goes to application servers, not to an engine.
    fn operate<'a>(&'a mut self, _: &'a OperatorCommand, _: bool) -> Pending<'a, Result<Operated, Failure>> {
        Box::pin(std::future::ready(Ok(Operated::Refused)))
    }

    fn disconnect(&mut self) -> Pending<'_, ()> {
        Box::pin(async move {
            // Left in good order: nothing is lost with it.
            self.stands = false;
            self.recorder.disconnected();
            if self.connection.is_connected() && self.connection.call(BusCall::Close).await.is_err() {
                self.connection.abandon();
            }
        })
    }

    fn abandon(&mut self) {
        self.connection.abandon();
        self.note_loss();
    }

    fn take(&mut self, input: Input) {
        self.connection.take(input);
        self.note_loss();
    }
}

fn within(scope: Scope) -> frame::Scope {
    match scope {
        Scope::Outside => frame::Scope::Automatic,
        Scope::Within => frame::Scope::Transacted,
    }
}

/// The level that is asked for. What the connection factory makes of a delivery mode has been decided when the scenario
/// was read; persistence alone is a word of queue managers.
fn reliability(quality: QualityOfService) -> Option<Reliability> {
    match quality {
        QualityOfService::Reliability(reliability) => Some(reliability),
        QualityOfService::Persistence(_) => None,
    }
}

/// A messaging engine gives each message its identifier (JMSMessageID), which its sender learns only when it is told that
/// the message was sent. Whoever wants to find the answer in any case gives the request a correlation identifier
/// (JMSCorrelationID), which the answer takes over.
fn correlation(outgoing: &Outgoing) -> CorrelationId {
    match outgoing.id {
        Some(own) if outgoing.correlation == CorrelationId::default() => CorrelationId(own.0),
        _ => outgoing.correlation,
    }
}

/// What an answer to this message refers to.
fn identifier(message: &BusMessage) -> MessageId {
    if message.correlation_id == CorrelationId::default() { message.id } else { MessageId(message.correlation_id.0) }
}

fn received(message: BusMessage) -> Received {
    Received {
        id: identifier(&message),
        correlation: message.correlation_id,
        quality: QualityOfService::Reliability(message.reliability),
        priority: message.priority,
        backout_count: message.failed_deliveries,
        reply_to: message
            .reply_to
            .map(|destination| Destination { queue: QueueName::from(destination.as_str()), owner: None }),
        payload: message.payload,
    }
}

fn failure(failed: CallFailed) -> Failure {
    let fate = match (failed.reason, failed.fate) {
        (BusReason::RolledBack, client::Fate::DidNotHappen) => Fate::BackedOut,
        (_, client::Fate::DidNotHappen) => Fate::DidNotHappen,
        (_, client::Fate::Unknown) => Fate::Unknown,
    };
    let way_out = match failed.reason {
        // Full destinations and stores, a refused message, a transaction rolled back: the connection is good.
        BusReason::DestinationFull
        | BusReason::StoreFull
        | BusReason::ReliabilityTooHigh
        | BusReason::UnknownDestination
        | BusReason::NoMessage
        | BusReason::RolledBack => WayOut::Stay,
        BusReason::ConnectionLost
        | BusReason::NoMessagingEngine
        | BusReason::EngineNotStarted
        | BusReason::EngineQuiescing
        | BusReason::UnknownTransaction
        | BusReason::IncorrectCall
        | BusReason::StoreFailed => WayOut::Leave,
    };
    Failure { reason: format!("{:?}", failed.reason), fate, connection_lost: failed.connection_lost, way_out }
}

#[cfg(test)]
mod tests {
    use indoubt_engine::message::{Payload, Priority};
    use indoubt_engine::time::Time;

    use super::*;

    fn outgoing(id: Option<MessageId>, correlation: CorrelationId) -> Outgoing {
        Outgoing {
            to: Destination { queue: "PAYMENT.REQUEST".into(), owner: None },
            id,
            correlation,
            quality: None,
            priority: None,
            expiry: None,
            reply_to: None,
            payload: Payload { identity: 1, length: 8, digest: 0 },
        }
    }

    /// As an engine hands it out: with an identifier of the engine's making.
    fn delivered(correlation_id: CorrelationId) -> BusMessage {
        BusMessage {
            id: MessageId(99),
            correlation_id,
            reliability: Reliability::AssuredPersistent,
            priority: Priority::default(),
            expires: None,
            reply_to: None,
            failed_deliveries: 0,
            sent_at: Time::default(),
            payload: Payload { identity: 1, length: 8, digest: 0 },
        }
    }

    #[test]
    fn a_reply_refers_to_what_the_requester_called_its_request() {
        let request = delivered(correlation(&outgoing(Some(MessageId(7)), CorrelationId::default())));
        let answers = CorrelationId(received(request).id.0);
        let reply = delivered(correlation(&outgoing(None, answers)));
        assert_eq!(received(reply).correlation, CorrelationId(7));
    }

    #[test]
    fn a_reply_to_a_request_without_correlation_refers_to_its_message_identifier() {
        assert_eq!(received(delivered(CorrelationId::default())).id, MessageId(99));
    }
}
