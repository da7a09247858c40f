//! What an instance makes of the contents of its store when it starts.
//!
//! **In the product.** Messages are restored to their queue points; those that were being received or sent in a prepared
//! transaction stay so until its coordinator resolves it; everything else that was in progress never happened, or is
//! available again. Nonpersistent messages are gone. Documented: IBM WebSphere Application Server, "Message states",
//! "Resolving in-doubt transactions", "Message reliability levels".

use super::MessagingEngine;
use super::queue_point::ItemState;
use super::remote::Point;
use super::transaction::{Operation, Phase, Transaction, TransactionNumber};
use crate::defect::Defect;
use crate::event::Event;
use crate::machine::Effects;
use crate::messaging_engine::store::{Change, Contents, PreparedTransaction, StoredMessage};
use crate::time::Time;
use crate::unit_of_work::{Outcome, Xid};

impl MessagingEngine {
    /// Rebuilds queue points and transactions in doubt.
    pub(super) fn reconstitute(&mut self, now: Time, contents: Contents, effects: &mut Effects) {
        self.work = super::Work {
            next_item: contents.next_item,
            message_id_base: self.message_id_base(),
            ..super::Work::default()
        };
        for stored in contents.messages {
            assert_survives(&stored);
            self.work.next_item = self.work.next_item.max(stored.item.0 + 1);
            self.queue_point(&stored.destination).insert(stored.item, stored.message, ItemState::Available);
        }
        for prepared in contents.prepared {
            if Defect::InDoubtRolledBackAtFailover.is_planted() {
                let _ = self.store.write(
                    now,
                    vec![Change::Resolve { xid: prepared.xid, outcome: Outcome::Backout }],
                    effects,
                );
                continue;
            }
            self.keep_in_doubt(prepared, effects);
        }
        self.reconstitute_streams();
        self.reconstitute_locks();
        let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        effects.report(Event::MessagingEngineReconciling {
            engine: self.definition.name.clone(),
            messages: self.depth_of_all(),
            in_doubt: count(self.work.globals.len()),
        });
    }

    fn depth_of_all(&self) -> u32 {
        let points = self.work.queue_points.iter();
        let of_messages = points.filter(|(name, _)| matches!(self.point(name), Point::Queue | Point::Remote(_)));
        of_messages.fold(0, |sum, (_, point)| sum.saturating_add(point.depth()))
    }

    fn keep_in_doubt(&mut self, prepared: PreparedTransaction, effects: &mut Effects) {
        let number = self.begin_transaction(Some(prepared.xid.clone()));
        let mut transaction = Transaction::new(Some(prepared.xid.clone()));
        transaction.phase = Phase::Prepared;
        transaction.is_inherited = true;
        for added in prepared.adds {
            assert_survives(&added);
            self.work.next_item = self.work.next_item.max(added.item.0 + 1);
            transaction.sends.push(Operation { destination: added.destination.clone(), item: added.item });
            self.queue_point(&added.destination).insert(added.item, added.message, ItemState::Committing(number));
        }
        for item in prepared.removes {
            let points = &mut self.work.queue_points;
            let found = points.iter_mut().find(|(_, point)| point.contains(item));
            // A message that is to be removed and is not there has been removed.
            let Some((destination, point)) = found else { continue };
            point.change(item, ItemState::Removing(number));
            transaction.receives.push(Operation { destination: destination.clone(), item });
        }
        self.work.transactions.insert(number, transaction);
        effects.report(Event::EngineKeptInDoubt { engine: self.definition.name.clone(), xid: prepared.xid });
    }

    /// A new transaction; a global one is found by its name from now on.
    pub(super) fn begin_transaction(&mut self, xid: Option<Xid>) -> TransactionNumber {
        let number = TransactionNumber(self.work.next_transaction);
        self.work.next_transaction += 1;
        if let Some(xid) = &xid {
            let before = self.work.globals.insert(xid.clone(), number);
            assert!(before.is_none(), "{xid} was begun twice");
        }
        self.work.transactions.insert(number, Transaction::new(xid));
        number
    }

    /// Message identifiers are unique for ever: the upper half is a digest (FNV-1a) of engine and incarnation, the lower
    /// half counts.
    fn message_id_base(&self) -> u128 {
        let incarnation = self.incarnation.as_ref().map_or("", |it| it.0.as_str());
        let text = self.definition.uuid.0.bytes().chain([b'/']).chain(incarnation.bytes());
        let digest = text
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
        u128::from(digest) << 64
    }
}

/// What is not persistent does not survive: the store never had it, or had it spilled and has purged it.
fn assert_survives(stored: &StoredMessage) {
    let is_purged = !Defect::SpilledMessagesNotPurged.is_planted();
    let reliability = stored.message.reliability;
    assert!(reliability.is_persistent() || !is_purged, "{:?} is {reliability} and still there", stored.item);
}
