//! Receives: who gets which message, and receives that wait.
//!
//! **In the product.** A consumer receives from the queue point of the engine that it is connected to. Receives that wait
//! are served in the order in which they came. What a receive locks is final when its transaction commits, when it is
//! acknowledged, or at once if it is acknowledged automatically: then the removal is stored before the message is handed
//! over. Documented: IBM WebSphere Application Server, "Message states", "Message points".
//!
//! **Left out.** Read ahead. Consumers without a queue point on their engine are in `remote/consuming.rs`.

use super::MessagingEngine;
use super::queue_point::ItemState;
use super::remote::Point;
use super::session::Busy;
use super::transaction::{Answer, Operation};
use crate::machine::{ConnectionId, Effects};
use crate::messaging_engine::frame::{BusReason, BusReply, Scope, Selection};
use crate::name::DestinationName;
use crate::step::Step;
use crate::time::{Duration, Time};

/// A receive that waits for a message.
#[derive(Clone, Debug)]
pub(super) struct Waiter {
    pub(super) deadline: Time,
    pub(super) connection: ConnectionId,
    pub(super) destination: DestinationName,
    pub(super) selection: Selection,
    pub(super) scope: Scope,
}

impl MessagingEngine {
    #[allow(clippy::too_many_arguments, reason = "the fields of the call")]
    pub(super) fn receive(
        &mut self,
        now: Time,
        connection: ConnectionId,
        destination: DestinationName,
        selection: Selection,
        wait: Duration,
        scope: Scope,
        effects: &mut Effects,
    ) {
        if let Some(reason) = self.new_work_refused(connection, scope) {
            return self.fail(connection, reason, effects);
        }
        let waiter = Waiter { deadline: now + wait, connection, destination, selection, scope };
        if !self.has_queue_point(&waiter.destination) {
            return self.receive_far(now, waiter, effects);
        }
        // An earlier receive that waits for what has just become available comes first.
        self.serve_waiting(now, effects);
        if self.deliver(now, &waiter, effects) {
            return;
        }
        if wait.is_zero() || !self.stage_takes_waiters() {
            return self.fail(connection, BusReason::NoMessage, effects);
        }
        let number = self.work.next_waiter;
        self.work.next_waiter += 1;
        self.session(connection).busy = Busy::Waiting(number);
        self.work.waiting.insert(number, waiter);
    }

    fn stage_takes_waiters(&self) -> bool {
        self.stage == super::stage::Stage::Serving
    }

    /// Serves waiting receives from what has become available. Returns whether anything had.
    pub(super) fn serve_waiting(&mut self, now: Time, effects: &mut Effects) -> bool {
        if !self.stage.is_serving() || self.work.refreshed.is_empty() {
            return false;
        }
        for destination in core::mem::take(&mut self.work.refreshed) {
            match self.point(&destination) {
                Point::Queue => {}
                Point::Remote(far) => {
                    self.transmit(now, &far, effects);
                    continue;
                }
                Point::Accepting(far) => {
                    self.send_acceptances(&far, effects);
                    continue;
                }
                Point::Received(_) | Point::Locks(_) => continue,
            }
            let waiting = self.work.waiting.iter().filter(|(_, waiter)| waiter.destination == destination);
            let waiting: Vec<(u64, Waiter)> = waiting.map(|(&number, waiter)| (number, waiter.clone())).collect();
            for (number, waiter) in waiting {
                if self.deliver(now, &waiter, effects) {
                    self.work.waiting.remove(&number);
                }
            }
            self.serve_wanted(now, &destination, effects);
        }
        true
    }

    /// Ends receives whose time is over.
    pub(super) fn end_waiting(&mut self, now: Time, effects: &mut Effects) {
        let over = self.work.waiting.iter().filter(|(_, waiter)| waiter.deadline <= now);
        let over: Vec<u64> = over.map(|(&number, _)| number).collect();
        for number in over {
            self.end_waiter(number, BusReason::NoMessage, effects);
        }
    }

    /// Ends all receives that wait.
    pub(super) fn end_all_waiting(&mut self, reason: BusReason, effects: &mut Effects) {
        let all: Vec<u64> = self.work.waiting.keys().copied().collect();
        for number in all {
            self.end_waiter(number, reason, effects);
        }
    }

    pub(super) fn end_waiter(&mut self, number: u64, reason: BusReason, effects: &mut Effects) {
        let Some(waiter) = self.work.waiting.remove(&number) else { return };
        self.cancel_request(number, effects);
        self.session(waiter.connection).busy = Busy::No;
        self.fail(waiter.connection, reason, effects);
    }

    /// Gives a receive the first message that fits, if there is one.
    fn deliver(&mut self, now: Time, waiter: &Waiter, effects: &mut Effects) -> bool {
        let Waiter { connection, destination, selection, scope, .. } = waiter;
        let connection = *connection;
        let search = self.queue_point(destination).first(now, selection);
        self.expire(now, destination, search.expired, effects);
        let Some(item) = search.found else { return false };
        let reply = BusReply::Received { message: Box::new(self.queue_point(destination).message(item).clone()) };
        let operation = Operation { destination: destination.clone(), item };
        self.session(connection).busy = Busy::No;
        match scope {
            Scope::Acknowledged => {
                self.queue_point(destination).change(item, ItemState::Locked(connection));
                self.session(connection).unacknowledged.push(operation);
                effects.step(Step::EngineReceiveLocked);
                self.reply(connection, reply, effects);
            }
            Scope::Transacted => {
                let number = self.current_transaction(connection);
                self.queue_point(destination).change(item, ItemState::Removing(number));
                self.transaction(number).receives.push(operation);
                effects.step(Step::EngineReceiveLocked);
                self.reply(connection, reply, effects);
            }
            Scope::Automatic => {
                let number = self.begin_transaction(None);
                self.queue_point(destination).change(item, ItemState::Removing(number));
                self.transaction(number).receives.push(operation);
                effects.step(Step::EngineReceiveLocked);
                let answer = Answer { connection, reply };
                self.commit(now, number, Step::EngineReceiveStored, Some(answer), effects);
            }
        }
        true
    }
}
