//! What is in the files: damage, and the store's contents against a naive model over every kind of interruption.

use super::super::kept::{Found, Kept};
use super::super::record::{LogRecord, write};
use super::*;
use crate::messaging_engine::definition::IncarnationUuid;
use crate::messaging_engine::store::spill::tests::spill;

fn files() -> (EngineUuid, Vec<u8>, Vec<u8>) {
    let (engine, start) = (EngineUuid("A1".into()), IncarnationUuid("1".into()));
    let mut kept = Kept::default();
    kept.apply(&LogRecord { sequence: 1, changes: vec![add(1), add(2)] });
    let permanent = kept.permanent(&engine, &start).bytes;
    let mut log = Vec::new();
    // The first record is in the permanent store already: its checkpoint was not finished.
    for (sequence, change) in [(1, add(1)), (2, add(3)), (3, remove(2))] {
        write(&LogRecord { sequence, changes: vec![change] }, &mut log);
    }
    (engine, log, permanent)
}

#[test]
fn a_log_that_still_holds_what_is_in_the_permanent_store_counts_it_once() {
    let (engine, log, permanent) = files();
    let Ok(Found::Kept(kept)) = Kept::read(&engine, &log, &permanent) else { panic!("it is whole") };
    assert_eq!(items(&kept.contents()), [1, 3]);
}

#[test]
fn damage_to_any_byte_is_found() {
    let (engine, log, permanent) = files();
    for at in 0..log.len() {
        let mut damaged = log.clone();
        damaged[at] ^= 0x10;
        assert!(Kept::read(&engine, &damaged, &permanent).is_err(), "byte {at} of the log");
    }
    for at in 0..permanent.len() {
        let mut damaged = permanent.clone();
        damaged[at] ^= 0x10;
        assert!(Kept::read(&engine, &log, &damaged).is_err(), "byte {at} of the permanent store");
    }
    assert!(Kept::read(&engine, &log, &[]).is_err(), "a permanent store that has vanished");
}

/// What happens to a store.
#[derive(Clone, Debug)]
enum Happening {
    Write(Vec<Change>),
    /// So many messages are spilled, and of them so many removed again.
    Spill(u64, u64),
    KillHolder,
    PowerOffHolder,
    CloseAndReopen,
    ServerFails {
        power_is_lost: bool,
        during: Vec<Change>,
    },
    ShortCut(Vec<Change>),
}

fn change() -> impl Strategy<Value = Change> {
    let reliability = || prop::sample::select(Reliability::ALL.to_vec());
    let item = 0_u64..12;
    prop_oneof![
        4 => (item.clone(), reliability()).prop_map(|(item, reliability)| Change::Add(message(item, reliability))),
        2 => item.clone().prop_map(remove),
        1 => (item.clone(), 1_u32..5).prop_map(|(item, failed_deliveries)| Change::CountFailedDelivery {
            item: ItemId(item),
            reliability: Reliability::ReliablePersistent,
            failed_deliveries,
        }),
        1 => (0_u64..3, prop::collection::vec((item.clone(), reliability()), 0..3), prop::collection::vec(item, 0..3))
            .prop_map(|(number, adds, removes)| Change::Prepare(PreparedTransaction {
                xid: xid(number),
                adds: adds.into_iter().map(|(item, reliability)| message(item + 100, reliability)).collect(),
                removes: removes.into_iter().map(ItemId).collect(),
            })),
        1 => (0_u64..3, any::<bool>()).prop_map(|(number, commits)| Change::Resolve {
            xid: xid(number),
            outcome: if commits { Outcome::Commit } else { Outcome::Backout },
        }),
    ]
}

fn happening() -> impl Strategy<Value = Happening> {
    let changes = || prop::collection::vec(change(), 1..5);
    prop_oneof![
        6 => changes().prop_map(Happening::Write),
        2 => (1..150_u64, 0..150_u64).prop_map(|(adds, removes)| Happening::Spill(adds, removes.min(adds))),
        1 => Just(Happening::KillHolder),
        1 => Just(Happening::PowerOffHolder),
        1 => Just(Happening::CloseAndReopen),
        2 => (any::<bool>(), changes())
            .prop_map(|(power_is_lost, during)| Happening::ServerFails { power_is_lost, during }),
        1 => changes().prop_map(Happening::ShortCut),
    ]
}

/// The store as one would write it down on paper.
#[derive(Clone, Debug, Default)]
struct Paper {
    messages: Vec<StoredMessage>,
    prepared: Vec<PreparedTransaction>,
}

impl Paper {
    fn write(&mut self, changes: &[Change]) {
        for change in changes {
            match change {
                Change::Add(stored) => self.add(stored),
                Change::Remove { item, .. } => self.messages.retain(|stored| stored.item != *item),
                Change::CountFailedDelivery { item, failed_deliveries, .. } => {
                    for stored in self.messages.iter_mut().filter(|stored| stored.item == *item) {
                        stored.message.failed_deliveries = *failed_deliveries;
                    }
                }
                Change::Prepare(transaction) => {
                    let mut transaction = transaction.clone();
                    transaction.adds.retain(|stored| stored.message.reliability.is_persistent());
                    self.prepared.retain(|other| other.xid != transaction.xid);
                    self.prepared.push(transaction);
                }
                Change::Resolve { xid, outcome } => {
                    let Some(at) = self.prepared.iter().position(|transaction| transaction.xid == *xid) else {
                        continue;
                    };
                    let transaction = self.prepared.remove(at);
                    if *outcome == Outcome::Commit {
                        self.messages.retain(|stored| !transaction.removes.contains(&stored.item));
                        transaction.adds.iter().for_each(|stored| self.add(stored));
                    }
                }
            }
        }
        self.messages.sort_by_key(|stored| stored.item);
        self.prepared.sort_by(|one, other| one.xid.cmp(&other.xid));
    }

    fn add(&mut self, stored: &StoredMessage) {
        if stored.message.reliability.is_persistent() {
            self.messages.retain(|other| other.item != stored.item);
            self.messages.push(stored.clone());
        }
    }

    fn expect(&self, contents: &Contents) {
        assert_eq!(contents.messages, self.messages);
        assert_eq!(contents.prepared, self.prepared);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_store_holds_what_was_stored_whatever_happens(happenings in prop::collection::vec(happening(), 1..40)) {
        let small = |process| FileStoreDefinition { checkpoint_interval: 600, ..definition(process) };
        let mut world = World::new(NFS4, None, vec![small("server1"), small("server2")]);
        let mut paper = Paper::default();
        let (mut holder, mut other) = (0, 1);
        world.opened(holder);
        let (mut next_item, mut next_spill) = (0, 1000);
        for happening in happenings {
            match happening {
                Happening::Write(changes) => {
                    paper.write(&changes);
                    if let Some(ticket) = world.begin_write(holder, changes) {
                        prop_assert_eq!(world.events(holder), [StoreEvent::Stored(ticket)]);
                    }
                    continue;
                }
                Happening::Spill(adds, removes) => {
                    world.spill(holder, (next_spill..next_spill + adds).map(|item| spill(item, 100)).collect());
                    let removed = (next_spill..next_spill + removes).map(|item| SpillChange::Remove(ItemId(item)));
                    world.spill(holder, removed.collect());
                    next_spill += adds;
                    prop_assert_eq!(world.events(holder), []);
                    continue;
                }
                Happening::ShortCut(changes) => {
                    world.cut(holder);
                    paper.write(&changes);
                    world.begin_write(holder, changes);
                    world.pass(seconds(30));
                    world.heal(holder);
                    world.events(holder);
                    continue;
                }
                Happening::ServerFails { power_is_lost, during } => {
                    paper.write(&during);
                    world.slow_disk = true;
                    let ticket = world.begin_write(holder, during);
                    world.stop_server(power_is_lost);
                    world.slow_disk = false;
                    world.pass(seconds(7));
                    world.start_server();
                    world.pass(seconds(7));
                    let mut expected = vec![StoreEvent::Lost, StoreEvent::Regained];
                    expected.extend(ticket.map(StoreEvent::Stored));
                    prop_assert_eq!(world.events(holder), expected);
                    continue;
                }
                Happening::KillHolder => {
                    world.kill(holder);
                    world.restart(holder, false);
                }
                Happening::PowerOffHolder => {
                    world.power_off(holder);
                    world.pass(seconds(90));
                    world.restart(holder, true);
                }
                Happening::CloseAndReopen => {
                    world.close(holder);
                    prop_assert_eq!(world.events(holder), [StoreEvent::Closed]);
                }
            }
            core::mem::swap(&mut holder, &mut other);
            let contents = world.opened(holder);
            paper.expect(&contents);
            prop_assert!(contents.next_item > next_item || next_item == 0);
            next_item = contents.next_item;
        }
        world.close(holder);
        paper.expect(&world.opened(other));
    }
}
