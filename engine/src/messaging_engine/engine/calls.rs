//! What a client can ask of its engine.
//!
//! **In the product.** One call is outstanding on a connection at a time; what is sent one way has no answer. An engine
//! that stops lets work in progress end and refuses new work.
//!
//! **Modelled.** What would begin new work while the engine stops is refused: a connection, a send or receive that belongs
//! to no open transaction, the begin of a global transaction. Everything that ends work is served.

use super::MessagingEngine;
use super::queue_point::ItemState;
use super::remote::Point;
use super::session::Busy;
use super::stage::Stage;
use super::transaction::{Answer, Operation, Phase};
use crate::frame::Frame;
use crate::machine::{ConnectionId, Effects};
use crate::messaging_engine::frame::{BusCall, BusReason, BusReply, InspectedMessage, MessageState, Scope};
use crate::step::Step;
use crate::time::Time;
use crate::unit_of_work::{Outcome, Xid};

impl MessagingEngine {
    pub(super) fn dispatch(&mut self, now: Time, connection: ConnectionId, call: BusCall, effects: &mut Effects) {
        let is_one_way = matches!(call, BusCall::Send { one_way: true, .. });
        let refusal = match self.work.sessions.get(&connection) {
            None => Some(BusReason::EngineNotStarted),
            Some(session) if session.busy != Busy::No && !is_one_way => Some(BusReason::IncorrectCall),
            Some(_) => None,
        };
        if let Some(reason) = refusal {
            if !is_one_way {
                effects.send(connection, Frame::BusReply(Box::new(BusReply::Failed(reason))));
            }
            return;
        }
        match call {
            BusCall::Bootstrap { .. } | BusCall::Connect { .. } | BusCall::WatchLocalEngines { .. } => {
                self.fail(connection, BusReason::IncorrectCall, effects)
            }
            BusCall::Send { destination, message, scope, one_way } => {
                self.send(now, connection, &destination, message, scope, one_way, effects);
            }
            BusCall::Receive { destination, selection, wait, scope } => {
                self.receive(now, connection, destination, selection, wait, scope, effects);
            }
            BusCall::Acknowledge => self.acknowledge(now, connection, effects),
            BusCall::Recover => {
                let unacknowledged = core::mem::take(&mut self.session(connection).unacknowledged);
                self.fail_deliveries(now, unacknowledged, effects);
                effects.step(Step::EngineRolledBack);
                self.reply(connection, BusReply::Done, effects);
            }
            BusCall::Commit => self.commit_local(now, connection, effects),
            BusCall::Rollback => self.roll_back_current(now, connection, effects),
            BusCall::Begin { xid } => self.begin_global(connection, xid, effects),
            BusCall::Prepare { xid } => self.prepare_global(now, connection, &xid, effects),
            BusCall::Resolve { xid, outcome } => self.resolve_global(now, connection, &xid, outcome, effects),
            BusCall::RecoverIndoubt { coordinator } => {
                let xids = self.indoubt().filter(|xid| xid.coordinator == coordinator).cloned().collect();
                self.reply(connection, BusReply::Indoubt { xids }, effects);
            }
            BusCall::Inspect => self.reply(connection, self.inspect(), effects),
            BusCall::Close => {
                self.end_session(now, connection, effects);
                effects.send(connection, Frame::BusReply(Box::new(BusReply::Done)));
            }
        }
    }

    pub(super) fn fail(&self, connection: ConnectionId, reason: BusReason, effects: &mut Effects) {
        self.reply(connection, BusReply::Failed(reason), effects);
    }

    /// Why new work of this kind is refused just now.
    pub(super) fn new_work_refused(&self, connection: ConnectionId, scope: Scope) -> Option<BusReason> {
        let session = &self.work.sessions[&connection];
        let belongs_to_open = scope == Scope::Transacted && (session.local.is_some() || session.associated.is_some());
        (self.stage != Stage::Serving && !belongs_to_open).then_some(BusReason::EngineQuiescing)
    }

    fn acknowledge(&mut self, now: Time, connection: ConnectionId, effects: &mut Effects) {
        let unacknowledged = core::mem::take(&mut self.session(connection).unacknowledged);
        let number = self.begin_transaction(None);
        for received in unacknowledged {
            let Operation { destination, item } = &received;
            // What another engine has delivered is accepted there: a message to it.
            if matches!(self.point(destination), Point::Accepting(_)) {
                self.queue_point(destination).change(*item, ItemState::Committing(number));
                self.transaction(number).sends.push(received);
            } else {
                self.queue_point(destination).change(*item, ItemState::Removing(number));
                self.transaction(number).receives.push(received);
            }
        }
        let answer = Answer { connection, reply: BusReply::Done };
        self.commit(now, number, Step::EngineAcknowledgeStored, Some(answer), effects);
    }

    fn commit_local(&mut self, now: Time, connection: ConnectionId, effects: &mut Effects) {
        let session = self.session(connection);
        if session.associated.is_some() {
            return self.fail(connection, BusReason::IncorrectCall, effects);
        }
        let Some(number) = session.local.take() else { return self.reply(connection, BusReply::Done, effects) };
        effects.step(Step::EngineCommitBegun);
        let answer = Answer { connection, reply: BusReply::Done };
        self.commit(now, number, Step::EngineCommitStored, Some(answer), effects);
    }

    fn roll_back_current(&mut self, now: Time, connection: ConnectionId, effects: &mut Effects) {
        let session = self.session(connection);
        let number = match session.associated.take() {
            Some(xid) => self.work.globals.get(&xid).copied(),
            None => session.local.take(),
        };
        if let Some(number) = number {
            self.roll_back(now, number, effects);
            effects.step(Step::EngineRolledBack);
        }
        self.reply(connection, BusReply::Done, effects);
    }

    fn begin_global(&mut self, connection: ConnectionId, xid: Xid, effects: &mut Effects) {
        let is_known = self.work.globals.contains_key(&xid);
        let session = &self.work.sessions[&connection];
        if is_known || session.local.is_some() || session.associated.is_some() {
            return self.fail(connection, BusReason::IncorrectCall, effects);
        }
        if self.stage != Stage::Serving {
            return self.fail(connection, BusReason::EngineQuiescing, effects);
        }
        self.begin_transaction(Some(xid.clone()));
        self.session(connection).associated = Some(xid);
        self.reply(connection, BusReply::Done, effects);
    }

    fn prepare_global(&mut self, now: Time, connection: ConnectionId, xid: &Xid, effects: &mut Effects) {
        let Some(&number) = self.work.globals.get(xid) else {
            return self.fail(connection, BusReason::UnknownTransaction, effects);
        };
        let session = self.session(connection);
        if session.associated.as_ref() != Some(xid) {
            return self.fail(connection, BusReason::IncorrectCall, effects);
        }
        session.associated = None;
        self.prepare(now, number, Answer { connection, reply: BusReply::Done }, effects);
    }

    fn resolve_global(
        &mut self,
        now: Time,
        connection: ConnectionId,
        xid: &Xid,
        outcome: Outcome,
        effects: &mut Effects,
    ) {
        let Some(&number) = self.work.globals.get(xid) else {
            return self.fail(connection, BusReason::UnknownTransaction, effects);
        };
        match self.work.transactions[&number].phase {
            Phase::Prepared => {
                self.resolve(now, number, outcome, Answer { connection, reply: BusReply::Done }, effects);
            }
            Phase::Preparing | Phase::Resolving(_) => self.resolve_later(number, connection, outcome),
            Phase::Active => {
                let is_own = self.work.sessions[&connection].associated.as_ref() == Some(xid);
                if is_own && outcome == Outcome::Backout {
                    self.roll_back_current(now, connection, effects);
                } else {
                    self.fail(connection, BusReason::IncorrectCall, effects);
                }
            }
            Phase::Committing => panic!("a global transaction does not commit in one phase"),
        }
    }

    /// What is in doubt. A transaction whose phase one, or two, is on its way to the store counts.
    fn indoubt(&self) -> impl Iterator<Item = &Xid> {
        let globals = self.work.globals.iter();
        globals.filter(|(_, number)| self.work.transactions[number].is_in_doubt()).map(|(xid, _)| xid)
    }

    fn inspect(&self) -> BusReply {
        let xid = |number| self.work.transactions.get(number).and_then(|it| it.xid.clone());
        let mut messages = Vec::new();
        for (destination, queue_point) in &self.work.queue_points {
            let far = match self.point(destination) {
                Point::Queue => None,
                Point::Remote(far) => Some(far),
                Point::Received(_) | Point::Locks(_) | Point::Accepting(_) => continue,
            };
            messages.extend(queue_point.messages().map(|(_, message, state)| InspectedMessage {
                destination: far.as_ref().map_or(destination, |far| &far.destination).clone(),
                message: message.clone(),
                state: match state {
                    ItemState::Available | ItemState::Blocked { .. } if let Some(far) = &far => {
                        MessageState::PendingSend(far.engine.clone())
                    }
                    ItemState::Available | ItemState::Blocked { .. } => MessageState::Available,
                    ItemState::PendingAcknowledgement => {
                        let far = far.as_ref().expect("only what is for another engine awaits its acknowledgement");
                        MessageState::PendingAcknowledgement(far.engine.clone())
                    }
                    ItemState::Locked(_) => MessageState::Locked,
                    ItemState::RemoteLocked(engine) => MessageState::RemoteLocked(engine.clone()),
                    ItemState::Removing(number) => MessageState::Removing(xid(number)),
                    ItemState::Committing(number) => MessageState::Committing(xid(number)),
                },
            }));
        }
        BusReply::Inspected { messages, indoubt: self.indoubt().cloned().collect() }
    }
}
