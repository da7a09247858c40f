//! A client's connection to the engine: its transaction, and what it has received and not acknowledged.
//!
//! **In the product.** A connection carries sessions; each session has at most one transaction. One session for each
//! connection is modelled. When a connection ends, for whatever reason, what was not committed is rolled back, what was
//! not acknowledged is unlocked, and both count as failed deliveries. A prepared transaction stays. Documented: IBM
//! WebSphere Application Server, "JMS connections and sessions", "Message states".

use super::MessagingEngine;
use super::stage::Stage;
use super::transaction::{Operation, Phase, TransactionNumber};
use crate::event::Event;
use crate::frame::Frame;
use crate::machine::{ConnectionId, Effects};
use crate::messaging_engine::frame::{BusReason, BusReply};
use crate::time::Time;
use crate::unit_of_work::Xid;

/// What a connection does just now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Busy {
    /// Nothing: it may call.
    #[default]
    No,
    /// Its receive waits.
    Waiting(u64),
    /// The store has not answered yet.
    Storing,
}

/// A connection of a client.
#[derive(Clone, Debug, Default)]
pub(super) struct Session {
    /// Who is at the other end, for whoever reads a dump of the engine.
    #[allow(dead_code, reason = "shown by Debug only")]
    pub(super) application: String,
    /// The local transaction, if one has begun.
    pub(super) local: Option<TransactionNumber>,
    /// The global transaction that the connection works in.
    pub(super) associated: Option<Xid>,
    /// Received and not acknowledged yet.
    pub(super) unacknowledged: Vec<Operation>,
    pub(super) busy: Busy,
}

impl MessagingEngine {
    pub(super) fn begin_session(&mut self, connection: ConnectionId, application: String, effects: &mut Effects) {
        let reply = match self.stage {
            Stage::Serving => {
                self.work.sessions.insert(connection, Session { application, ..Session::default() });
                BusReply::Connected { engine: self.definition.name.clone() }
            }
            Stage::Quiescing { .. } => BusReply::Failed(BusReason::EngineQuiescing),
            _ => BusReply::Failed(BusReason::EngineNotStarted),
        };
        effects.send(connection, Frame::BusReply(Box::new(reply)));
    }

    /// Rolls back what the connection left open.
    pub(super) fn end_session(&mut self, now: Time, connection: ConnectionId, effects: &mut Effects) {
        let Some(session) = self.work.sessions.remove(&connection) else { return };
        if let Busy::Waiting(waiter) = session.busy {
            self.work.waiting.remove(&waiter);
            self.cancel_request(waiter, effects);
        }
        let global = session.associated.and_then(|xid| self.work.globals.get(&xid).copied());
        let mut messages = session.unacknowledged.len();
        for number in session.local.into_iter().chain(global) {
            let transaction = &self.work.transactions[&number];
            // What is on its way to the store ends as the store says.
            if transaction.phase == Phase::Active {
                messages += transaction.sends.len() + transaction.receives.len();
                self.roll_back(now, number, effects);
            }
        }
        self.fail_deliveries(now, session.unacknowledged, effects);
        if messages > 0 {
            effects.report(Event::BusConnectionRolledBack {
                engine: self.definition.name.clone(),
                messages: u32::try_from(messages).unwrap_or(u32::MAX),
            });
        }
    }

    /// The transaction in which a transacted operation of this connection belongs; a local one begins with its first.
    pub(super) fn current_transaction(&mut self, connection: ConnectionId) -> TransactionNumber {
        let session = &self.work.sessions[&connection];
        if let Some(xid) = &session.associated {
            return self.work.globals[xid];
        }
        if let Some(number) = session.local {
            return number;
        }
        let number = self.begin_transaction(None);
        self.session(connection).local = Some(number);
        number
    }

    /// # Panics
    /// If there is no such session: the caller has looked.
    pub(super) fn session(&mut self, connection: ConnectionId) -> &mut Session {
        self.work.sessions.get_mut(&connection).expect("the session was looked up before")
    }
}
