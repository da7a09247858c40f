//! Making work final: one write to the store for each commit, and what follows when the store has answered.
//!
//! **In the product.** A transaction's messages and removals are written together; what must be on the medium is there
//! before the caller is told. When the store has no room, the transaction is rolled back. Documented: IBM WebSphere
//! Application Server, "Message reliability levels", "Message stores".
//!
//! A transaction waits under the ticket of its write; its phase says what for. Nothing that it sent is visible, and
//! nothing that it received is gone, before the store has answered.

use super::MessagingEngine;
use super::queue_point::ItemState;
use super::remote::Point;
use super::session::Busy;
use super::transaction::{Answer, IfRefused, Operation, Phase, Transaction, TransactionNumber};
use crate::defect::Defect;
use crate::event::Event;
use crate::machine::{ConnectionId, Effects};
use crate::messaging_engine::frame::{BusReason, BusReply};
use crate::messaging_engine::store::{Change, PreparedTransaction, StoredMessage, Ticket};
use crate::step::Step;
use crate::time::Time;
use crate::unit_of_work::Outcome;

impl MessagingEngine {
    /// Commits in one phase.
    pub(super) fn commit(
        &mut self,
        now: Time,
        number: TransactionNumber,
        step: Step,
        answer: Option<Answer>,
        effects: &mut Effects,
    ) {
        let transaction = &self.work.transactions[&number];
        assert_eq!(transaction.phase, Phase::Active, "only what is active can commit in one phase");
        let mut changes: Vec<Change> =
            transaction.sends.iter().map(|sent| Change::Add(self.stored_message(sent))).collect();
        let is_move = transaction.if_refused != IfRefused::DeliveryFailed;
        if is_move || !Defect::RedeliversCommittedWork.is_planted() {
            changes.extend(transaction.receives.iter().map(|received| self.removal(received)));
        }
        self.write(now, number, Phase::Committing, step, answer, changes, effects);
    }

    /// Phase one of two.
    pub(super) fn prepare(&mut self, now: Time, number: TransactionNumber, answer: Answer, effects: &mut Effects) {
        let transaction = &self.work.transactions[&number];
        assert_eq!(transaction.phase, Phase::Active, "only what is active can be prepared");
        let xid = transaction.xid.clone().expect("only a global transaction is prepared");
        // Nonpersistent messages would not survive anyway: their part is written with phase two.
        let adds = transaction.sends.iter().filter(|sent| self.is_persistent(sent));
        let removes = transaction.receives.iter().filter(|received| self.is_persistent(received));
        let change = Change::Prepare(PreparedTransaction {
            xid,
            adds: adds.map(|sent| self.stored_message(sent)).collect(),
            removes: removes.map(|received| received.item).collect(),
        });
        self.write(now, number, Phase::Preparing, Step::EnginePrepareStored, Some(answer), vec![change], effects);
    }

    /// Phase two.
    pub(super) fn resolve(
        &mut self,
        now: Time,
        number: TransactionNumber,
        outcome: Outcome,
        answer: Answer,
        effects: &mut Effects,
    ) {
        let transaction = &self.work.transactions[&number];
        assert_eq!(transaction.phase, Phase::Prepared, "phase two follows phase one");
        let xid = transaction.xid.clone().expect("only a global transaction is prepared");
        let mut changes = vec![Change::Resolve { xid, outcome }];
        if outcome == Outcome::Commit {
            let adds = transaction.sends.iter().filter(|sent| !self.is_persistent(sent));
            changes.extend(adds.map(|sent| Change::Add(self.stored_message(sent))));
            let removes = transaction.receives.iter().filter(|received| !self.is_persistent(received));
            changes.extend(removes.map(|received| self.removal(received)));
        }
        let phase = Phase::Resolving(outcome);
        self.write(now, number, phase, Step::EngineResolveStored, Some(answer), changes, effects);
    }

    /// Writes something that nobody waits for.
    pub(super) fn write_aside(&mut self, now: Time, changes: Vec<Change>, effects: &mut Effects) {
        if !changes.is_empty() {
            // No transaction is awaited under this ticket; if it is refused, the store remembers a little more than it
            // should, and what it remembers is found again in the same way.
            let _ = self.store.write(now, changes, effects);
        }
    }

    #[allow(clippy::too_many_arguments, reason = "what is written, for whom, and what follows belong together")]
    fn write(
        &mut self,
        now: Time,
        number: TransactionNumber,
        phase: Phase,
        step: Step,
        answer: Option<Answer>,
        changes: Vec<Change>,
        effects: &mut Effects,
    ) {
        if let Some(answer) = &answer
            && let Some(session) = self.work.sessions.get_mut(&answer.connection)
        {
            session.busy = Busy::Storing;
        }
        let transaction = self.transaction(number);
        transaction.phase = phase;
        transaction.step = Some(step);
        transaction.answer = answer;
        let ticket = if changes.is_empty() { None } else { self.store.write(now, changes, effects) };
        match ticket {
            Some(ticket) => {
                let before = self.work.awaited.insert(ticket, number);
                assert!(before.is_none(), "{ticket:?} was given twice");
            }
            None => self.stored(now, number, effects),
        }
    }

    pub(super) fn ticket_stored(&mut self, now: Time, ticket: Ticket, effects: &mut Effects) {
        if let Some(number) = self.work.awaited.remove(&ticket) {
            self.stored(now, number, effects);
        }
    }

    pub(super) fn ticket_refused(&mut self, now: Time, ticket: Ticket, effects: &mut Effects) {
        if let Some(number) = self.work.awaited.remove(&ticket) {
            effects.report(Event::MessageStoreFull { engine: self.definition.name.clone() });
            self.refused(now, number, effects);
        }
    }

    fn stored(&mut self, now: Time, number: TransactionNumber, effects: &mut Effects) {
        let transaction = self.transaction(number);
        if let Some(step) = transaction.step.take() {
            effects.step(step);
        }
        let answer = transaction.answer.take();
        match transaction.phase {
            Phase::Committing => {
                let locking = transaction.locking.take();
                let arrivals = transaction.arrivals.take().map(|arrivals| (arrivals, transaction.sends.clone()));
                self.end(now, number, Outcome::Commit, effects);
                self.answer(answer, effects);
                if let Some(locking) = locking {
                    self.locking_stored(*locking, effects);
                }
                if let Some((arrivals, sends)) = arrivals {
                    self.arrivals_stored(now, *arrivals, &sends, effects);
                }
            }
            Phase::Preparing => {
                transaction.phase = Phase::Prepared;
                let xid = transaction.xid.clone().expect("only a global transaction is prepared");
                effects.report(Event::EnginePrepared { engine: self.definition.name.clone(), xid });
                self.answer(answer, effects);
                self.resolve_if_asked(now, number, effects);
            }
            Phase::Resolving(outcome) => {
                if transaction.is_inherited
                    && let Some(xid) = transaction.xid.clone()
                {
                    let engine = self.definition.name.clone();
                    effects.report(Event::EngineInDoubtResolved { engine, xid, outcome });
                }
                self.end(now, number, outcome, effects);
                self.answer(answer, effects);
            }
            Phase::Active | Phase::Prepared => panic!("{number:?} waits for nothing"),
        }
    }

    fn refused(&mut self, now: Time, number: TransactionNumber, effects: &mut Effects) {
        let transaction = self.transaction(number);
        let connection = transaction.answer.take().map(|answer| answer.connection);
        let answer = connection.map(|connection| Answer { connection, reply: BusReply::Failed(BusReason::StoreFull) });
        if let Phase::Resolving(_) = transaction.phase {
            // Still in doubt: its coordinator is to try again.
            transaction.phase = Phase::Prepared;
            self.answer(answer, effects);
            self.resolve_if_asked(now, number, effects);
            return;
        }
        let arrivals = transaction.arrivals.take();
        let locking = transaction.locking.take();
        self.end(now, number, Outcome::Backout, effects);
        self.answer(answer, effects);
        if let Some(locking) = locking {
            self.locking_refused(*locking);
        }
        if let Some(arrivals) = arrivals {
            self.arrivals_refused(now, *arrivals, effects);
        }
    }

    /// Phase two had arrived before phase one was stored, from a coordinator that had come back.
    fn resolve_if_asked(&mut self, now: Time, number: TransactionNumber, effects: &mut Effects) {
        let early = &mut self.transaction(number).early_resolutions;
        if early.is_empty() {
            return;
        }
        let (connection, outcome) = early.remove(0);
        self.resolve(now, number, outcome, Answer { connection, reply: BusReply::Done }, effects);
    }

    /// Rolls back what is active.
    pub(super) fn roll_back(&mut self, now: Time, number: TransactionNumber, effects: &mut Effects) {
        assert_eq!(self.work.transactions[&number].phase, Phase::Active, "only what is active is rolled back");
        self.end(now, number, Outcome::Backout, effects);
    }

    /// A transaction has its outcome, and the store knows it: what it sent is available or was never there, what it
    /// received is gone or given back.
    fn end(&mut self, now: Time, number: TransactionNumber, outcome: Outcome, effects: &mut Effects) {
        let transaction = self.work.transactions.remove(&number).expect("a transaction ends once");
        if let Some(xid) = &transaction.xid {
            self.work.globals.remove(xid);
        }
        for &(connection, asked) in &transaction.early_resolutions {
            let is_so = asked == outcome;
            let reply = if is_so { BusReply::Done } else { BusReply::Failed(BusReason::UnknownTransaction) };
            self.answer(Some(Answer { connection, reply }), effects);
        }
        match outcome {
            Outcome::Commit => self.end_committed(transaction, effects),
            Outcome::Backout => self.end_rolled_back(now, transaction, effects),
        }
    }

    fn end_committed(&mut self, transaction: Transaction, effects: &mut Effects) {
        if transaction.if_refused == IfRefused::Blocked
            && let (Some(from), Some(to)) = (transaction.receives.first(), transaction.sends.first())
        {
            let exception_destination = match self.point(&to.destination) {
                Point::Remote(far) => far.destination,
                _ => to.destination.clone(),
            };
            effects.report(Event::ExceptionMessage { destination: from.destination.clone(), exception_destination });
        }
        for sent in transaction.sends {
            let point = self.work.queue_points.entry(sent.destination.clone()).or_default();
            point.change(sent.item, ItemState::Available);
            self.work.spill.arrived(&sent.destination, point, sent.item, &self.definition.spill_limits);
            self.work.refreshed.insert(sent.destination);
        }
        for received in transaction.receives {
            self.drop_item(&received);
        }
        self.discard_excess(effects);
    }

    fn end_rolled_back(&mut self, now: Time, transaction: Transaction, effects: &mut Effects) {
        for sent in &transaction.sends {
            self.give_back(sent, effects);
            self.drop_item(sent);
            // What it has blocked on a remote message point can go on.
            self.work.refreshed.insert(sent.destination.clone());
        }
        match transaction.if_refused {
            IfRefused::DeliveryFailed => self.fail_deliveries(now, transaction.receives, effects),
            IfRefused::Blocked => {
                for received in transaction.receives {
                    self.block(now, received, effects);
                }
            }
            IfRefused::Kept => {
                let locked_for = transaction.receives.iter().find_map(|it| match self.point(&it.destination) {
                    Point::Locks(far) => Some(far.engine),
                    _ => None,
                });
                for Operation { destination, item } in transaction.receives {
                    let state = match (&locked_for, self.point(&destination)) {
                        (Some(engine), Point::Queue) => ItemState::RemoteLocked(engine.clone()),
                        _ => ItemState::Available,
                    };
                    self.queue_point(&destination).change(item, state);
                }
            }
        }
    }

    /// Tells the client that waits; it may call again.
    fn answer(&mut self, answer: Option<Answer>, effects: &mut Effects) {
        let Some(Answer { connection, reply }) = answer else { return };
        if let Some(session) = self.work.sessions.get_mut(&connection) {
            session.busy = Busy::No;
        }
        self.reply(connection, reply, effects);
    }

    /// Takes a message off its queue point.
    pub(super) fn drop_item(&mut self, operation: &Operation) {
        let Operation { destination, item } = operation;
        let point = self.work.queue_points.get_mut(destination).expect("a message is on a queue point that was used");
        self.work.spill.leaves(point, *item);
        point.remove(*item);
        self.work.spill.look(destination, point, &self.definition.spill_limits);
        self.work.discardable.remove(*item);
    }

    /// # Panics
    /// If there is none.
    pub(super) fn transaction(&mut self, number: TransactionNumber) -> &mut Transaction {
        self.work.transactions.get_mut(&number).expect("a transaction lives until it has ended")
    }

    /// A call that asks for phase two while the store has not answered waits its turn.
    pub(super) fn resolve_later(&mut self, number: TransactionNumber, connection: ConnectionId, outcome: Outcome) {
        self.transaction(number).early_resolutions.push((connection, outcome));
        self.session(connection).busy = Busy::Storing;
    }

    fn is_persistent(&self, operation: &Operation) -> bool {
        self.work.queue_points[&operation.destination].message(operation.item).reliability.is_persistent()
    }

    fn stored_message(&self, operation: &Operation) -> StoredMessage {
        let Operation { destination, item } = operation;
        let message = self.work.queue_points[destination].message(*item).clone();
        StoredMessage { item: *item, destination: destination.clone(), message }
    }

    pub(super) fn removal(&self, operation: &Operation) -> Change {
        let Operation { destination, item } = operation;
        Change::Remove { item: *item, reliability: self.work.queue_points[destination].message(*item).reliability }
    }
}
