//! Remote get, where the queue point is: messages that are locked for consumers of other engines.
//!
//! **In the product.** A message that is sent to a consumer of another engine is in the state *remote lock* until that
//! engine has said what became of it. If that engine is stopped, the lock stays until it runs again. Documented: IBM
//! WebSphere Application Server, "Message states" (remote lock).
//!
//! A lock is an item of the message store, written before the message is sent, so it outlives this engine too. Other
//! engines are asked for their decisions when they connect.

use super::super::MessagingEngine;
use super::super::queue_point::ItemState;
use super::super::transaction::{IfRefused, Locking, Operation};
use super::arrival::header;
use super::link::send;
use super::point::{Far, Point};
use crate::event::Event;
use crate::machine::{ConnectionId, Effects};
use crate::messaging_engine::engine_frame::EngineFrame;
use crate::messaging_engine::frame::Selection;
use crate::messaging_engine::store::ItemId;
use crate::name::{DestinationName, MessagingEngineName};
use crate::step::Step;
use crate::time::Time;

/// A receive of another engine's consumer.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) engine: MessagingEngineName,
    pub(super) request: u64,
    pub(super) destination: DestinationName,
    pub(super) selection: Selection,
    pub(super) until: Time,
}

impl MessagingEngine {
    pub(super) fn requested(&mut self, now: Time, wanted: Wanted, effects: &mut Effects) {
        if !self.has_queue_point(&wanted.destination) {
            return self.nothing(&wanted, effects);
        }
        self.serve_waiting(now, effects);
        if self.lock(now, &wanted, effects) {
            return;
        }
        if wanted.until <= now {
            return self.nothing(&wanted, effects);
        }
        self.work.remote.wanted.push(wanted);
    }

    fn nothing(&self, wanted: &Wanted, effects: &mut Effects) {
        if let Some(peer) = self.work.remote.peers.get(&wanted.engine) {
            send(peer.connection, EngineFrame::Nothing { request: wanted.request }, effects);
        }
    }

    pub(super) fn cancelled(&mut self, engine: &MessagingEngineName, request: u64) {
        self.work.remote.wanted.retain(|wanted| wanted.engine != *engine || wanted.request != request);
    }

    /// Serves consumers of other engines from what has become available.
    pub(in super::super) fn serve_wanted(&mut self, now: Time, destination: &DestinationName, effects: &mut Effects) {
        let all = core::mem::take(&mut self.work.remote.wanted);
        for wanted in all {
            if wanted.destination != *destination || !self.lock(now, &wanted, effects) {
                self.work.remote.wanted.push(wanted);
            }
        }
    }

    /// Ends receives of other engines' consumers whose time is over.
    pub(in super::super) fn end_wanted(&mut self, now: Time, effects: &mut Effects) {
        let all = core::mem::take(&mut self.work.remote.wanted);
        let (over, rest): (Vec<Wanted>, Vec<Wanted>) = all.into_iter().partition(|wanted| wanted.until <= now);
        self.work.remote.wanted = rest;
        over.iter().for_each(|wanted| self.nothing(wanted, effects));
    }

    pub(in super::super) fn next_wanted(&self) -> Option<Time> {
        self.work.remote.wanted.iter().map(|wanted| wanted.until).min()
    }

    /// Locks the first message that fits, if there is one; it is sent when the lock is stored.
    fn lock(&mut self, now: Time, wanted: &Wanted, effects: &mut Effects) -> bool {
        let Wanted { engine, request, destination, selection, .. } = wanted;
        let search = self.queue_point(destination).first(now, selection);
        self.expire(now, destination, search.expired, effects);
        let Some(item) = search.found else { return false };
        let number = self.begin_transaction(None);
        let mut header = header(self.queue_point(destination).message(item));
        header.payload.identity = item.0;
        self.queue_point(destination).change(item, ItemState::RemoteLocked(engine.clone()));
        let locks = Far { destination: destination.clone(), engine: engine.clone() }.locks();
        let lock = self.next_item();
        self.queue_point(&locks).insert(lock, header, ItemState::Committing(number));
        let transaction = self.transaction(number);
        transaction.sends.push(Operation { destination: locks, item: lock });
        transaction.locking = Some(Box::new(Locking::Lock {
            engine: engine.clone(),
            request: *request,
            message: Operation { destination: destination.clone(), item },
            lock,
        }));
        self.commit(now, number, Step::EngineRemoteLocked, None, effects);
        true
    }

    /// A lock, or its end, is stored.
    pub(in super::super) fn locking_stored(&mut self, locking: Locking, effects: &mut Effects) {
        let (engine, frame) = match locking {
            Locking::Lock { engine, request, message: Operation { destination, item }, lock } => {
                let message = Box::new(self.queue_point(&destination).message(item).clone());
                (engine, EngineFrame::Delivery { request, destination, lock: lock.0, message })
            }
            Locking::Accept { engine, destination, lock } => {
                (engine, EngineFrame::Accepted { destination, lock: lock.0 })
            }
        };
        if let Some(peer) = self.work.remote.peers.get(&engine) {
            send(peer.connection, frame, effects);
        }
    }

    pub(in super::super) fn locking_refused(&mut self, locking: Locking) {
        if let Locking::Lock { message: Operation { destination, item }, .. } = locking {
            self.queue_point(&destination).change(item, ItemState::Available);
        }
    }

    /// The message of a lock that stands.
    fn locked(&self, far: &Far, lock: ItemId) -> Option<ItemId> {
        let locks = self.work.queue_points.get(&far.locks())?;
        let stands = locks.contains(lock) && *locks.state(lock) == ItemState::Available;
        stands.then(|| ItemId(locks.message(lock).payload.identity))
    }

    /// The consumer's engine says that a message is consumed for good.
    pub(super) fn accepted_there(&mut self, now: Time, far: Far, lock: ItemId, effects: &mut Effects) {
        let locks = far.locks();
        let is_known = self.queue_point(&locks).contains(lock);
        let Some(item) = self.locked(&far, lock) else {
            if !is_known {
                self.locking_stored(
                    Locking::Accept { engine: far.engine, destination: far.destination, lock },
                    effects,
                );
            }
            return;
        };
        let number = self.begin_transaction(None);
        self.queue_point(&locks).change(lock, ItemState::Removing(number));
        self.queue_point(&far.destination).change(item, ItemState::Removing(number));
        let transaction = self.transaction(number);
        transaction.if_refused = IfRefused::Kept;
        transaction.receives.push(Operation { destination: locks, item: lock });
        transaction.receives.push(Operation { destination: far.destination.clone(), item });
        transaction.locking =
            Some(Box::new(Locking::Accept { engine: far.engine, destination: far.destination, lock }));
        self.commit(now, number, Step::EngineRemoteAccepted, None, effects);
    }

    /// The consumer's engine gives a message back.
    pub(super) fn rejected_there(
        &mut self,
        now: Time,
        far: &Far,
        lock: ItemId,
        is_failed_delivery: bool,
        effects: &mut Effects,
    ) {
        let Some(item) = self.locked(far, lock) else { return };
        let operation = Operation { destination: far.locks(), item: lock };
        let removal = self.removal(&operation);
        self.write_aside(now, vec![removal], effects);
        self.drop_item(&operation);
        let message = Operation { destination: far.destination.clone(), item };
        if is_failed_delivery {
            self.fail_deliveries(now, vec![message], effects);
        } else {
            self.queue_point(&far.destination).change(item, ItemState::Available);
            self.work.refreshed.insert(far.destination.clone());
        }
    }

    /// Everything that is locked for consumers of an engine.
    fn locks_of(&self, engine: &MessagingEngineName) -> Vec<(Far, Vec<ItemId>)> {
        let points = self.work.queue_points.iter().filter_map(|(name, point)| match self.point(name) {
            Point::Locks(far) if far.engine == *engine => Some((far, point)),
            _ => None,
        });
        let items = points.map(|(far, point)| {
            let standing = point.messages().filter(|(.., state)| **state == ItemState::Available);
            (far, standing.map(|(item, ..)| item).collect())
        });
        items.filter(|(_, locks): &(Far, Vec<ItemId>)| !locks.is_empty()).collect()
    }

    /// The planted defect: what is locked for consumers of an engine is given back, without that engine's decision.
    pub(super) fn release_locks(&mut self, now: Time, engine: &MessagingEngineName, effects: &mut Effects) {
        for (far, locks) in self.locks_of(engine) {
            for lock in locks {
                self.rejected_there(now, &far, lock, false, effects);
            }
        }
    }

    /// An engine has connected: what became of the messages that are locked for its consumers?
    pub(super) fn expect_decisions(
        &self,
        engine: &MessagingEngineName,
        connection: ConnectionId,
        effects: &mut Effects,
    ) {
        for (far, locks) in self.locks_of(engine) {
            effects.report(Event::RemoteLocksStand {
                destination: far.destination.clone(),
                engine: engine.clone(),
                messages: u32::try_from(locks.len()).unwrap_or(u32::MAX),
            });
            let locks = locks.into_iter().map(|lock| lock.0).collect();
            send(connection, EngineFrame::DecisionExpected { destination: far.destination, locks }, effects);
        }
    }

    /// Locks what was locked, when the store has been read.
    pub(in super::super) fn reconstitute_locks(&mut self) {
        let names: Vec<DestinationName> = self.work.queue_points.keys().cloned().collect();
        for name in names {
            let Point::Locks(far) = self.point(&name) else { continue };
            let locks: Vec<(ItemId, ItemId)> = self.work.queue_points[&name]
                .messages()
                .map(|(lock, header, _)| (lock, ItemId(header.payload.identity)))
                .collect();
            for (lock, item) in locks {
                let queue_point = self.queue_point(&far.destination);
                if queue_point.contains(item) && *queue_point.state(item) == ItemState::Available {
                    queue_point.change(item, ItemState::RemoteLocked(far.engine.clone()));
                } else {
                    self.queue_point(&name).remove(lock);
                }
            }
        }
    }
}
