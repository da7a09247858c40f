//! Remote get, where the consumer is.
//!
//! **In the product.** A consumer of a queue that its engine has no queue point of gets messages from one engine that has,
//! chosen when it begins. What it has consumed for good is accepted there, anything else rejected. Documented: IBM
//! WebSphere Application Server, "Workload sharing with queue destinations", "Message states".
//!
//! An acceptance is an item of the message store, part of the consumer's transaction like a message that it sends, and
//! kept until the other engine has stored what it says. Left out: reading ahead.

use super::super::MessagingEngine;
use super::super::delivery::Waiter;
use super::super::queue_point::ItemState;
use super::super::session::Busy;
use super::super::transaction::{Answer, Operation};
use super::arrival::header;
use super::link::send;
use super::point::{Far, Point};
use crate::machine::{ConnectionId, Effects};
use crate::messaging_engine::engine_frame::EngineFrame;
use crate::messaging_engine::frame::{BusReason, BusReply, Scope};
use crate::messaging_engine::message::BusMessage;
use crate::messaging_engine::store::ItemId;
use crate::name::{DestinationName, MessagingEngineName};
use crate::step::Step;
use crate::time::{Duration, Time};

/// For how much longer than the receive waits its engine waits for the other one's answer.
const GRACE: Duration = Duration::from_secs(5);

/// A receive that another engine is to serve.
#[derive(Clone, Debug)]
pub(super) struct Request {
    engine: MessagingEngineName,
    until: Time,
}

impl MessagingEngine {
    pub(in super::super) fn receive_far(&mut self, now: Time, mut waiter: Waiter, effects: &mut Effects) {
        let connection = waiter.connection;
        let Some(engine) = self.far_queue_point(connection, &waiter.destination) else {
            return self.fail(connection, BusReason::UnknownDestination, effects);
        };
        if self.stage != super::super::stage::Stage::Serving {
            return self.fail(connection, BusReason::NoMessage, effects);
        }
        let until = waiter.deadline;
        waiter.deadline = until + GRACE;
        let number = self.work.next_waiter;
        self.work.next_waiter += 1;
        self.session(connection).busy = Busy::Waiting(number);
        self.work.waiting.insert(number, waiter);
        self.work.remote.requests.insert(number, Request { engine, until });
        self.send_request(now, number, effects);
    }

    /// The engine whose queue point a consumer uses: the same one as long as that runs.
    fn far_queue_point(
        &mut self,
        connection: ConnectionId,
        destination: &DestinationName,
    ) -> Option<MessagingEngineName> {
        let queue_points = self.destination(destination)?.queue_points.clone();
        let key = (connection, destination.clone());
        let bound = self.work.remote.bound.get(&key).filter(|engine| self.running.contains_key(*engine));
        if let Some(engine) = bound {
            return Some(engine.clone());
        }
        let running = queue_points.iter().filter(|engine| self.running.contains_key(*engine));
        let running: Vec<&MessagingEngineName> = running.collect();
        let chosen = if running.is_empty() {
            queue_points.first()?.clone()
        } else {
            running[self.work.remote.turn % running.len()].clone()
        };
        self.work.remote.turn += 1;
        self.work.remote.bound.insert(key, chosen.clone());
        Some(chosen)
    }

    fn send_request(&mut self, now: Time, number: u64, effects: &mut Effects) {
        let Some(Request { engine, until }) = self.work.remote.requests.get(&number).cloned() else { return };
        let Some(link) = self.link_up(&engine) else { return };
        let Some(waiter) = self.work.waiting.get(&number) else { return };
        let wait = until.since(now);
        let (destination, selection) = (waiter.destination.clone(), waiter.selection);
        send(link, EngineFrame::Request { request: number, destination, selection, wait }, effects);
    }

    /// The connection stands again: the other engine has forgotten what was asked.
    pub(super) fn request_again(&mut self, now: Time, engine: &MessagingEngineName, effects: &mut Effects) {
        let open = self.work.remote.requests.iter().filter(|(_, request)| request.engine == *engine);
        let open: Vec<u64> = open.map(|(&number, _)| number).collect();
        open.into_iter().for_each(|number| self.send_request(now, number, effects));
    }

    /// A receive waits no longer.
    pub(in super::super) fn cancel_request(&mut self, number: u64, effects: &mut Effects) {
        if let Some(Request { engine, .. }) = self.work.remote.requests.remove(&number)
            && let Some(link) = self.link_up(&engine)
        {
            send(link, EngineFrame::Cancel { request: number }, effects);
        }
    }

    /// There was nothing for a receive.
    pub(super) fn nothing_there(&mut self, number: u64, effects: &mut Effects) {
        if self.work.remote.requests.remove(&number).is_some() {
            self.end_waiter(number, BusReason::NoMessage, effects);
        }
    }

    /// A message for a consumer, locked at the other engine.
    pub(super) fn delivered(
        &mut self,
        now: Time,
        number: u64,
        far: &Far,
        lock: u64,
        message: BusMessage,
        effects: &mut Effects,
    ) {
        let is_wanted = self.work.remote.requests.remove(&number).is_some();
        let Some(waiter) = self.work.waiting.remove(&number).filter(|_| is_wanted) else {
            return self.reject(far, lock, false, effects);
        };
        let Waiter { connection, scope, .. } = waiter;
        let mut acceptance = header(&message);
        acceptance.payload.identity = lock;
        let operation = Operation { destination: far.accepting(), item: self.next_item() };
        let reply = BusReply::Received { message: Box::new(message) };
        self.session(connection).busy = Busy::No;
        effects.step(Step::EngineReceiveLocked);
        if scope == Scope::Acknowledged {
            self.queue_point(&operation.destination).insert(operation.item, acceptance, ItemState::Locked(connection));
            self.session(connection).unacknowledged.push(operation);
            return self.reply(connection, reply, effects);
        }
        let number = match scope {
            Scope::Transacted => self.current_transaction(connection),
            Scope::Automatic | Scope::Acknowledged => self.begin_transaction(None),
        };
        self.queue_point(&operation.destination).insert(operation.item, acceptance, ItemState::Committing(number));
        self.transaction(number).sends.push(operation);
        if scope == Scope::Transacted {
            self.reply(connection, reply, effects);
        } else {
            self.commit(now, number, Step::EngineReceiveStored, Some(Answer { connection, reply }), effects);
        }
    }

    fn reject(&self, far: &Far, lock: u64, is_failed_delivery: bool, effects: &mut Effects) {
        // If the connection is gone, the other engine asks when it stands again.
        if let Some(link) = self.link_up(&far.engine) {
            let destination = far.destination.clone();
            send(link, EngineFrame::Reject { destination, lock, is_failed_delivery }, effects);
        }
    }

    /// An acceptance that is not to be: the message is given back. Returns whether it was one.
    pub(in super::super) fn give_back(&mut self, operation: &Operation, effects: &mut Effects) -> bool {
        let Point::Accepting(far) = self.point(&operation.destination) else { return false };
        let lock = self.work.queue_points[&operation.destination].message(operation.item).payload.identity;
        self.reject(&far, lock, true, effects);
        true
    }

    /// Tells an engine which messages of its queue point are consumed for good.
    pub(in super::super) fn send_acceptances(&mut self, far: &Far, effects: &mut Effects) {
        let Some(link) = self.link_up(&far.engine) else { return };
        let point = far.accepting();
        let decided = self.queue_point(&point).messages().filter(|(.., state)| **state == ItemState::Available);
        let decided: Vec<(ItemId, u64)> = decided.map(|(item, it, _)| (item, it.payload.identity)).collect();
        for (item, lock) in decided {
            send(link, EngineFrame::Accept { destination: far.destination.clone(), lock }, effects);
            self.queue_point(&point).change(item, ItemState::PendingAcknowledgement);
        }
    }

    fn acceptance(&mut self, far: &Far, lock: u64) -> Option<(ItemId, bool)> {
        let found = self.queue_point(&far.accepting()).messages().find(|(_, it, _)| it.payload.identity == lock);
        found.map(|(item, _, state)| (item, *state == ItemState::PendingAcknowledgement))
    }

    /// The other engine has stored an acceptance.
    pub(super) fn acceptance_stored(&mut self, now: Time, far: &Far, lock: u64, effects: &mut Effects) {
        if let Some((item, true)) = self.acceptance(far, lock) {
            self.forget(now, &far.accepting(), &[item], effects);
        }
    }

    /// The other engine asks for decisions: what is not known here was never consumed.
    pub(super) fn decide(&mut self, far: &Far, locks: &[u64], effects: &mut Effects) {
        for &lock in locks {
            if self.acceptance(far, lock).is_none() {
                self.reject(far, lock, false, effects);
            }
        }
    }
}
