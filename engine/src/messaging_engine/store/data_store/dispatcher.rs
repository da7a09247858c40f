//! What is to be written: at once, or later by the persistent dispatcher.
//!
//! **In the product.** A message's storage strategy follows from its reliability: best effort is never stored, express
//! and reliable nonpersistent only when memory runs short, reliable persistent eventually, assured persistent always. The
//! persistent dispatcher writes what is to be stored eventually within a target latency, in batches; a delete is as late
//! as an add, so a message consumed just before the engine dies comes back.
//!
//! **Modelled.** Late changes wait by item, so that an add and its remove meet and neither is written. One batch is on
//! its way at a time; what is to be waited for meanwhile shares the next. A batch for which there is no room is taken
//! apart, so that only those changes are refused that do not fit. A late change that does not fit waits for the next
//! round. That goes for a store that is being closed too: a stop in good order keeps what is reliable persistent, so it
//! takes until there is room, or until somebody forces it.

use std::collections::{BTreeMap, VecDeque};

use super::definition::DispatcherDefinition;
use super::rows::Tables;
use crate::database::frame::Statement;
use crate::defect::Defect;
use crate::messaging_engine::definition::IncarnationUuid;
use crate::messaging_engine::reliability::Reliability;
use crate::messaging_engine::store::{Change, ItemId, PreparedTransaction, StoreEvent, StoredMessage, Ticket};
use crate::time::Time;
use crate::unit_of_work::{Outcome, Xid};

/// Item numbers are set aside in blocks of this many, so that a number is never given out again.
const BLOCK: u64 = 1 << 20;

/// A change of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RowWrite {
    Add(StoredMessage),
    Remove(ItemId),
    Count(ItemId, u32),
    Prepare(PreparedTransaction),
    Forget(Xid),
    Reserve(u64),
}

/// Changes that are written together.
#[derive(Clone, Debug)]
struct Group {
    /// Whoever waits for it; `None` for late changes.
    ticket: Option<Ticket>,
    writes: Vec<RowWrite>,
    /// Transactions that it resolves, in case that it is refused.
    resolves: Vec<PreparedTransaction>,
}

/// Everything on its way to the tables.
#[derive(Debug)]
pub(super) struct Dispatcher {
    definition: DispatcherDefinition,
    persists_redelivery_count: bool,
    late: BTreeMap<ItemId, RowWrite>,
    /// When the late changes are due.
    due: Option<Time>,
    timer_set: bool,
    queue: VecDeque<Group>,
    in_flight: Vec<Group>,
    /// The number of the batch in flight, else of the last one stored.
    batch: u64,
    /// So many groups at the front of the queue go one by one.
    one_by_one: usize,
    prepared: BTreeMap<Xid, PreparedTransaction>,
    reserved: u64,
}

impl Dispatcher {
    pub(super) fn new(definition: DispatcherDefinition, persists_redelivery_count: bool) -> Self {
        Dispatcher {
            definition,
            persists_redelivery_count,
            late: BTreeMap::new(),
            due: None,
            timer_set: false,
            queue: VecDeque::new(),
            in_flight: Vec::new(),
            batch: 0,
            one_by_one: 0,
            prepared: BTreeMap::new(),
            reserved: 0,
        }
    }

    /// Forgets everything: the store is closed.
    pub(super) fn clear(&mut self) {
        *self = Dispatcher::new(self.definition, self.persists_redelivery_count);
    }

    /// Item numbers from which on none was ever given out, given those set aside so far; sets aside the next ones.
    pub(super) fn reserve(&mut self, before: u64) -> u64 {
        self.reserved = before + BLOCK;
        self.reserved
    }

    /// What was in doubt when the store was opened.
    pub(super) fn opened(&mut self, prepared: &[PreparedTransaction]) {
        self.prepared = prepared.iter().map(|transaction| (transaction.xid.clone(), transaction.clone())).collect();
    }

    /// Late changes and changes in the queue.
    pub(super) fn unwritten(&self) -> usize {
        self.late.len() + self.queue.iter().chain(&self.in_flight).map(|group| group.writes.len()).sum::<usize>()
    }

    /// Takes changes. `None` if nobody is to wait for them; otherwise whether they count as stored already (which only a
    /// defect says).
    pub(super) fn write(&mut self, now: Time, changes: Vec<Change>, ticket: Ticket) -> Option<bool> {
        let is_forced = changes.iter().any(|change| match change {
            Change::Add(StoredMessage { message, .. }) => message.reliability == Reliability::AssuredPersistent,
            Change::Remove { reliability, .. } => *reliability == Reliability::AssuredPersistent,
            Change::CountFailedDelivery { reliability, .. } => {
                self.persists_redelivery_count && *reliability == Reliability::AssuredPersistent
            }
            Change::Prepare(_) | Change::Resolve { .. } => true,
        });
        let is_transaction = changes.iter().any(|change| matches!(change, Change::Prepare(_) | Change::Resolve { .. }));
        let lies = is_forced && !is_transaction && Defect::LazyWriteAcknowledged.is_planted();
        if is_forced && !lies {
            self.write_now(changes, ticket);
        } else {
            self.write_late(now, changes);
        }
        is_forced.then_some(lies)
    }

    fn write_late(&mut self, now: Time, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Add(message) => {
                    self.use_item(message.item);
                    if message.message.reliability.is_persistent() {
                        self.late.insert(message.item, RowWrite::Add(message));
                    }
                }
                Change::Remove { item, reliability } if reliability.is_persistent() => {
                    let before = self.late.remove(&item);
                    if !matches!(before, Some(RowWrite::Add(_))) {
                        self.late.insert(item, RowWrite::Remove(item));
                    }
                }
                Change::CountFailedDelivery { item, reliability, failed_deliveries }
                    if reliability.is_persistent() && self.persists_redelivery_count =>
                {
                    let count = self.counted(item, failed_deliveries);
                    self.late.insert(item, count);
                }
                _ => {}
            }
        }
        if !self.late.is_empty() {
            self.due.get_or_insert(now + self.definition.latency);
        }
    }

    /// The change that says how many deliveries have failed: of a message whose add still waits, that add.
    fn counted(&mut self, item: ItemId, failed_deliveries: u32) -> RowWrite {
        match self.late.remove(&item) {
            Some(RowWrite::Add(mut message)) => {
                message.message.failed_deliveries = failed_deliveries;
                RowWrite::Add(message)
            }
            _ => RowWrite::Count(item, failed_deliveries),
        }
    }

    fn write_now(&mut self, changes: Vec<Change>, ticket: Ticket) {
        let mut group = Group { ticket: Some(ticket), writes: Vec::new(), resolves: Vec::new() };
        let is_kept = |message: &StoredMessage| message.message.reliability.is_persistent();
        for change in changes {
            match change {
                Change::Add(message) => {
                    self.use_item(message.item);
                    if is_kept(&message) {
                        group.writes.push(RowWrite::Add(message));
                    }
                }
                Change::Remove { item, reliability } if reliability.is_persistent() => self.remove(item, &mut group),
                Change::CountFailedDelivery { item, reliability, failed_deliveries }
                    if reliability.is_persistent() && self.persists_redelivery_count =>
                {
                    let count = self.counted(item, failed_deliveries);
                    group.writes.push(count);
                }
                Change::Remove { .. } | Change::CountFailedDelivery { .. } => {}
                Change::Prepare(mut transaction) => {
                    // What it removes must be in the tables before it: a backout after a failure gives it back.
                    let late = transaction.removes.iter().filter_map(|item| self.late.remove(item));
                    group.writes.extend(late);
                    for message in &transaction.adds {
                        let item = message.item;
                        self.use_item(item);
                    }
                    transaction.adds.retain(is_kept);
                    self.prepared.insert(transaction.xid.clone(), transaction.clone());
                    group.writes.push(RowWrite::Prepare(transaction));
                }
                Change::Resolve { xid, outcome } => {
                    if let Some(transaction) = self.prepared.remove(&xid) {
                        group.resolves.push(transaction.clone());
                        if outcome == Outcome::Commit {
                            group.writes.extend(transaction.adds.into_iter().map(RowWrite::Add));
                            for item in transaction.removes {
                                self.remove(item, &mut group);
                            }
                        }
                    }
                    group.writes.push(RowWrite::Forget(xid));
                }
            }
        }
        self.queue.push_back(group);
    }

    fn remove(&mut self, item: ItemId, group: &mut Group) {
        if !matches!(self.late.remove(&item), Some(RowWrite::Add(_))) {
            group.writes.push(RowWrite::Remove(item));
        }
    }

    /// Sets more item numbers aside before they run out.
    fn use_item(&mut self, item: ItemId) {
        if item.0 + BLOCK / 2 >= self.reserved {
            self.reserved = item.0 + BLOCK;
            let writes = vec![RowWrite::Reserve(self.reserved)];
            self.queue.push_back(Group { ticket: None, writes, resolves: Vec::new() });
        }
    }

    /// Puts late changes into the queue: if they are due at `now`, or so many that they fill a batch.
    pub(super) fn flush(&mut self, now: Time) {
        let is_due = self.due.is_some_and(|due| due <= now) || self.late.len() >= self.definition.batch;
        if !is_due {
            return;
        }
        self.due = None;
        let mut late = core::mem::take(&mut self.late).into_values();
        loop {
            let writes: Vec<RowWrite> = late.by_ref().take(self.definition.batch.max(1)).collect();
            if writes.is_empty() {
                break;
            }
            self.queue.push_back(Group { ticket: None, writes, resolves: Vec::new() });
        }
    }

    /// When the dispatcher's timer is to run out, if that is not set already.
    pub(super) fn wanted_timer(&mut self) -> Option<Time> {
        let due = self.due.filter(|_| !self.timer_set)?;
        self.timer_set = true;
        Some(due)
    }

    pub(super) fn timer_ran_out(&mut self) {
        self.timer_set = false;
    }

    /// The statements of the next batch, or of the one in flight again, if there is one.
    pub(super) fn next_batch(&mut self, tables: &Tables, incarnation: &IncarnationUuid) -> Option<Vec<Statement>> {
        if self.in_flight.is_empty() {
            let first = self.queue.pop_front()?;
            let mut size = first.writes.len();
            self.in_flight.push(first);
            if self.one_by_one > 0 {
                self.one_by_one -= 1;
            } else {
                while let Some(next) = self.queue.front()
                    && size + next.writes.len() <= self.definition.batch
                {
                    size += next.writes.len();
                    self.in_flight.extend(self.queue.pop_front());
                }
            }
            self.batch += 1;
        }
        let [require, number] = tables.number_batch(incarnation, self.batch);
        let mut statements = vec![require];
        for write in self.in_flight.iter().flat_map(|group| &group.writes) {
            tables.write(write, self.persists_redelivery_count, &mut statements);
        }
        statements.push(number);
        Some(statements)
    }

    /// The batch in flight has committed.
    pub(super) fn stored(&mut self) -> Vec<StoreEvent> {
        self.in_flight.drain(..).filter_map(|group| group.ticket).map(StoreEvent::Stored).collect()
    }

    /// There was no room for the batch in flight.
    pub(super) fn refused(&mut self, now: Time) -> Vec<StoreEvent> {
        // It has not committed: its number is free.
        self.batch -= 1;
        let mut groups = core::mem::take(&mut self.in_flight);
        if groups.len() > 1 {
            self.one_by_one += groups.len();
            groups.into_iter().rev().for_each(|group| self.queue.push_front(group));
            return Vec::new();
        }
        let Some(group) = groups.pop() else { return Vec::new() };
        if let Some(ticket) = group.ticket {
            for write in group.writes {
                if let RowWrite::Prepare(transaction) = write {
                    self.prepared.remove(&transaction.xid);
                }
            }
            self.prepared.extend(group.resolves.into_iter().map(|transaction| (transaction.xid.clone(), transaction)));
            return vec![StoreEvent::Refused(ticket)];
        }
        if group.writes.len() > 1 {
            self.one_by_one += group.writes.len();
            for write in group.writes.into_iter().rev() {
                self.queue.push_front(Group { ticket: None, writes: vec![write], resolves: Vec::new() });
            }
        } else {
            self.wait_for_room(now, group.writes);
        }
        Vec::new()
    }

    fn wait_for_room(&mut self, now: Time, writes: Vec<RowWrite>) {
        for write in writes {
            let (RowWrite::Add(StoredMessage { item, .. }) | RowWrite::Count(item, _)) = write else { continue };
            match (self.late.remove(&item), write) {
                // What was never written need not be removed.
                (Some(RowWrite::Remove(_)), RowWrite::Add(_)) => {}
                (Some(RowWrite::Count(_, failed)), RowWrite::Add(mut message)) => {
                    message.message.failed_deliveries = failed;
                    self.late.insert(item, RowWrite::Add(message));
                }
                (Some(newer), _) => {
                    self.late.insert(item, newer);
                }
                (None, write) => {
                    self.late.insert(item, write);
                }
            }
        }
        if !self.late.is_empty() {
            self.due.get_or_insert(now + self.definition.latency);
        }
    }
}
