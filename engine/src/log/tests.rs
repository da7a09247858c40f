//! Claims about the recovery log, checked against a disk that remembers what was appended and what was forced.

use proptest::prelude::*;

use super::*;

const LOG: File = File("log");
const SECTOR: usize = 512;

/// A record that is easily mistaken for another one when bytes of it are lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Change {
    Nothing,
    Put { number: u64, queue: String, urgent: bool },
    Commit(u32),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        Just(Change::Nothing),
        (any::<u64>(), "[A-Z.]{0,400}", any::<bool>()).prop_map(|(number, queue, urgent)| Change::Put {
            number,
            queue,
            urgent
        }),
        any::<u32>().prop_map(Change::Commit),
    ]
}

/// A disk with one file.
#[derive(Clone, Debug, Default)]
struct Disk {
    start: u64,
    bytes: Vec<u8>,
    /// A force that was asked for, with the end of the file at that moment.
    asked: Option<(ForceId, u64)>,
    forces: usize,
    steps: Vec<Step>,
}

impl Disk {
    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    fn execute(&mut self, effect: Effect) {
        match effect {
            Effect::Append { file: LOG, bytes } => self.bytes.extend_from_slice(&bytes),
            Effect::Force { file: LOG, request } => {
                assert_eq!(self.asked, None, "at most one force is in flight");
                self.asked = Some((request, self.end()));
                self.forces += 1;
            }
            Effect::DiscardBefore { file: LOG, offset } => {
                self.bytes.drain(..usize::try_from(offset - self.start).unwrap());
                self.start = offset;
            }
            Effect::CutFrom { file: LOG, offset } => {
                self.bytes.truncate(usize::try_from(offset - self.start).unwrap());
            }
            Effect::Step(step) => self.steps.push(step),
            other => panic!("a log does not ask for {other:?}"),
        }
    }

    fn execute_all(&mut self, effects: &mut Effects) {
        for effect in effects.drain() {
            self.execute(effect);
        }
    }

    fn stored(&self) -> StoredFile {
        StoredFile::Content { start: self.start, bytes: self.bytes.clone() }
    }

    /// Completes forces until none is asked for.
    fn settle<R, W>(&mut self, log: &mut RecoveryLog<R, W>) -> Vec<W> {
        let mut told = Vec::new();
        while let Some((request, _)) = self.asked.take() {
            let mut effects = Effects::new();
            told.extend(log.forced(request, &mut effects));
            self.execute_all(&mut effects);
        }
        told
    }

    /// The process starts again: in life `incarnation` it reads what is there.
    fn restart<R: Serialize + DeserializeOwned, W>(
        &mut self,
        incarnation: u32,
    ) -> Result<(RecoveryLog<R, W>, Replay<R>), LogUnreadable> {
        let mut effects = Effects::new();
        self.asked = None;
        let before = self.end();
        let (log, replay) = RecoveryLog::replay(LOG, Incarnation(incarnation), Some(&self.stored()), &mut effects)?;
        self.execute_all(&mut effects);
        assert_eq!(self.end(), log.end().offset(), "the disk ends where the log does");
        assert_eq!(before - self.end(), replay.cut_off);
        Ok((log, replay))
    }
}

type Log<R> = RecoveryLog<R, u32>;

/// A disk on which life 1 wrote these records, and where each of them ends.
fn written<R: Serialize>(records: &[R]) -> (Disk, Vec<Lsn>) {
    let mut disk = Disk::default();
    let mut log: Log<R> = Log::new(LOG, Incarnation(1));
    let mut effects = Effects::new();
    let ends = records.iter().map(|record| log.append(record, &mut effects)).collect();
    disk.execute_all(&mut effects);
    (disk, ends)
}

#[test]
fn a_file_that_was_never_written_and_an_empty_one_replay_as_nothing() {
    let empty = StoredFile::Content { start: 0, bytes: Vec::new() };
    for stored in [None, Some(&empty)] {
        let mut effects = Effects::new();
        let (log, replay) = Log::<Change>::replay(LOG, Incarnation(1), stored, &mut effects).unwrap();
        assert_eq!(replay, Replay { records: Vec::new(), cut_off: 0, count: 0 });
        assert_eq!(effects.as_slice(), []);
        assert!(log.is_durable(log.end()));
    }
}

#[test]
fn a_device_error_is_told() {
    let mut effects = Effects::new();
    let outcome = Log::<Change>::replay(LOG, Incarnation(2), Some(&StoredFile::Unreadable), &mut effects);
    assert_eq!(outcome.err(), Some(LogUnreadable::Device));
}

#[test]
fn requests_that_arrive_during_a_force_share_the_next() {
    let mut disk = Disk::default();
    let mut log: Log<u64> = Log::new(LOG, Incarnation(1));
    let mut effects = Effects::new();
    let mut ends = Vec::new();
    for waiter in 0..10 {
        let end = log.append(&u64::from(waiter), &mut effects);
        assert_eq!(log.force(end, waiter, &mut effects), None);
        ends.push(end);
    }
    disk.execute_all(&mut effects);
    let (request, _) = disk.asked.take().unwrap();
    assert_eq!(log.forced(request, &mut effects), [0]);
    assert!(log.is_durable(ends[0]) && !log.is_durable(ends[1]));
    disk.execute_all(&mut effects);
    assert_eq!(disk.settle(&mut log), (1..10).collect::<Vec<_>>());
    assert_eq!(disk.forces, 2);
    assert_eq!(log.force(ends[9], 99, &mut effects), Some(99), "already durable: need not wait");
}

#[test]
fn a_request_that_the_force_in_flight_covers_waits_for_that_one() {
    let mut disk = Disk::default();
    let mut log: Log<u64> = Log::new(LOG, Incarnation(1));
    let mut effects = Effects::new();
    let first = log.append(&1, &mut effects);
    let second = log.append(&2, &mut effects);
    assert_eq!(log.force(second, 2, &mut effects), None);
    assert_eq!(log.force(first, 1, &mut effects), None);
    disk.execute_all(&mut effects);
    assert_eq!(disk.settle(&mut log), [2, 1]);
    assert_eq!(disk.forces, 1);
}

#[test]
fn nothing_replayed_counts_as_durable_until_it_is_forced() {
    let (mut disk, ends) = written(&[1_u64, 2]);
    let (mut log, _): (Log<u64>, _) = disk.restart(2).unwrap();
    assert!(!log.is_durable(ends[0]));
    let mut effects = Effects::new();
    assert_eq!(log.force(log.end(), 7, &mut effects), None);
    disk.execute_all(&mut effects);
    assert_eq!(disk.settle(&mut log), [7]);
    assert!(log.is_durable(ends[1]));
}

/// A tail that was cut off comes back (a device that lost the cut): its records have the right addresses and checksums, and
/// lie exactly where a record of the newer life ends.
#[test]
fn records_of_an_older_life_behind_newer_ones_are_not_accepted() {
    let (old, ends) = written(&[10_u64, 11, 12, 13]);
    let mut disk = old.clone();
    disk.bytes.truncate(usize::try_from(ends[1].offset()).unwrap() - 1);
    let (mut log, replay): (Log<u64>, _) = disk.restart(2).unwrap();
    assert_eq!(replay.records, [10]);
    let mut effects = Effects::new();
    assert_eq!(log.append(&21, &mut effects), ends[1]);
    disk.execute_all(&mut effects);
    disk.bytes.extend_from_slice(&old.bytes[disk.bytes.len()..]);

    let (_, replay): (Log<u64>, _) = disk.restart(3).unwrap();
    assert_eq!(replay.records, [10, 21]);
    assert_eq!(replay.cut_off, old.end() - ends[1].offset());
}

#[test]
fn records_that_lie_at_another_address_are_not_accepted() {
    let (mut disk, ends) = written(&[1_u64, 2, 3]);
    let second = usize::try_from(ends[0].offset()).unwrap()..usize::try_from(ends[1].offset()).unwrap();
    disk.bytes.drain(second);
    let (_, replay): (Log<u64>, _) = disk.restart(2).unwrap();
    assert_eq!(replay.records, [1]);
}

/// Headers are damaged in ways that look like another header: one kind becomes another by one byte.
#[test]
fn every_value_of_every_byte_but_the_right_one_is_noticed() {
    let records = [1_u64, 300, 2];
    let (disk, ends) = written(&records);
    for at in 0..disk.bytes.len() {
        let whole = ends.iter().take_while(|end| end.offset() <= at as u64).count();
        for flip in 1..=u8::MAX {
            let mut disk = disk.clone();
            disk.bytes[at] ^= flip;
            let (_, replay): (Log<u64>, _) = disk.restart(2).unwrap();
            assert_eq!(replay.records, records[..whole], "byte {at} xor {flip}");
        }
    }
}

#[test]
fn a_length_beyond_the_bound_is_not_believed() {
    let (mut disk, _) = written(&[1_u64]);
    disk.bytes[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
    let (_, replay): (Log<u64>, _) = disk.restart(2).unwrap();
    assert_eq!(replay.count, 0);
}

/// Writes `before` values, a checkpoint of them, `after` more; values count up, so that every right replay is a prefix.
fn with_checkpoint(before: u64, after: u64) -> (Disk, Vec<Effect>, Log<u64>) {
    let mut disk = Disk::default();
    let mut log: Log<u64> = Log::new(LOG, Incarnation(1));
    let mut effects = Effects::new();
    for value in 0..before {
        log.append(&value, &mut effects);
    }
    disk.execute_all(&mut effects);
    log.checkpoint(0..before, &mut effects);
    let checkpoint = effects.drain().collect();
    for value in before..before + after {
        log.append(&value, &mut effects);
    }
    let mut all: Vec<Effect> = checkpoint;
    all.extend(effects.drain());
    (disk, all, log)
}

#[test]
fn after_a_checkpoint_the_older_part_is_given_up_and_replay_begins_at_it() {
    let (mut disk, effects, mut log) = with_checkpoint(100, 10);
    let begin = disk.end();
    effects.into_iter().for_each(|effect| disk.execute(effect));
    assert_eq!((disk.start, disk.steps.len()), (0, 0), "nothing is given up before the checkpoint is forced");
    disk.settle(&mut log);
    assert_eq!((disk.start, disk.steps.as_slice()), (begin, [Step::CheckpointWritten].as_slice()));
    let (_, replay): (Log<u64>, _) = disk.restart(2).unwrap();
    assert_eq!(replay.records, (0..110).collect::<Vec<_>>());
    assert_eq!(replay.count, 100 + 2 + 10, "the records before the checkpoint are not there any more");
}

#[test]
fn the_step_is_passed_before_the_discard() {
    let (mut disk, effects, mut log) = with_checkpoint(3, 0);
    effects.into_iter().for_each(|effect| disk.execute(effect));
    let mut effects = Effects::new();
    let _ = log.forced(disk.asked.unwrap().0, &mut effects);
    assert!(
        matches!(effects.as_slice(), [Effect::Step(Step::CheckpointWritten), Effect::DiscardBefore { .. }]),
        "{effects:?}"
    );
}

#[test]
fn a_checkpoint_during_a_force_is_forced_next_even_if_nobody_waits() {
    let (mut disk, _) = written::<u64>(&[]);
    let mut log: Log<u64> = Log::new(LOG, Incarnation(1));
    let mut effects = Effects::new();
    let end = log.append(&0, &mut effects);
    assert_eq!(log.force(end, 1, &mut effects), None);
    log.checkpoint([0], &mut effects);
    disk.execute_all(&mut effects);
    assert_eq!(disk.settle(&mut log), [1]);
    assert_eq!((disk.start, disk.forces), (end.offset(), 2));
}

#[test]
fn a_checkpoint_with_a_change_in_it_is_not_complete() {
    let mut bytes = Vec::new();
    for (kind, value) in [
        (Kind::CheckpointBegin, None),
        (Kind::CheckpointRecord, Some(7_u64)),
        (Kind::Record, Some(8)),
        (Kind::CheckpointEnd, None),
    ] {
        let lsn = Lsn(bytes.len() as u64);
        bytes = match value {
            Some(value) => frame::write(bytes, kind, lsn, Incarnation(1), &value),
            None => frame::write(bytes, kind, lsn, Incarnation(1), &()),
        };
    }
    let scan = replay::scan::<u64>(Lsn::START, &bytes, Incarnation(2));
    assert_eq!((scan.records, scan.count, scan.checkpoint), (vec![8], 3, None));
}

#[test]
fn a_large_checkpoint_is_written_in_pieces_and_a_crash_between_them_loses_nothing() {
    const LIVE: u64 = 10_000;
    let (disk, effects, _) = with_checkpoint(LIVE, 5);
    assert!(effects.len() > 5 + 3, "more than one write");
    for executed in 0..effects.len() {
        let mut disk = disk.clone();
        effects[..executed].iter().for_each(|effect| disk.execute(effect.clone()));
        let (mut log, replay): (Log<u64>, _) = disk.restart(2).unwrap();
        let replayed = replay.records.len() as u64;
        assert!(replayed >= LIVE && replay.records.iter().copied().eq(0..replayed));

        // What is left of the checkpoint does no harm to what comes after it.
        let mut effects = Effects::new();
        log.append(&replayed, &mut effects);
        disk.execute_all(&mut effects);
        let (_, replay): (Log<u64>, _) = disk.restart(3).unwrap();
        assert!(replay.records.into_iter().eq(0..=replayed));
    }
}

#[test]
fn a_damaged_checkpoint_is_not_an_empty_log() {
    let (mut disk, effects, mut log) = with_checkpoint(100, 10);
    effects.into_iter().for_each(|effect| disk.execute(effect));
    disk.settle(&mut log);
    disk.bytes[1000] ^= 1;
    assert_eq!(disk.restart::<u64, u32>(2).err(), Some(LogUnreadable::CheckpointDamaged));
}

#[test]
fn a_checkpoint_is_due_after_a_megabyte_or_twice_the_last_one() {
    let mut disk = Disk::default();
    let mut log: Log<Vec<u8>> = Log::new(LOG, Incarnation(1));
    let mut effects = Effects::new();
    let mut fill = |log: &mut Log<Vec<u8>>, bytes: usize| {
        log.append(&vec![7; bytes], &mut effects);
        disk.execute_all(&mut effects);
    };
    fill(&mut log, 900_000);
    assert!(!log.checkpoint_due());
    fill(&mut log, 100_000);
    assert!(log.checkpoint_due());

    let mut effects = Effects::new();
    log.checkpoint([vec![8; 3_000_000]], &mut effects);
    assert!(!log.checkpoint_due(), "one is being written");
    disk.execute_all(&mut effects);
    disk.settle(&mut log);
    assert!(!log.checkpoint_due());
    let (mut log, _): (Log<Vec<u8>>, _) = disk.restart(2).unwrap();
    let mut fill = |bytes: usize| {
        log.append(&vec![7; bytes], &mut effects);
        log.checkpoint_due()
    };
    assert!(!fill(5_900_000), "less than twice the last one, which replay knows as well");
    assert!(fill(200_000));
}

/// What a disk does to the bytes of a file.
#[derive(Clone, Debug)]
enum Damage {
    Truncated(prop::sample::Index),
    Byte(prop::sample::Index, u8),
    Sector(prop::sample::Index, u8),
    /// From here to the end of the sector; then the file ends.
    Torn(prop::sample::Index),
}

impl Damage {
    fn strategy() -> impl Strategy<Value = Damage> {
        let at = any::<prop::sample::Index>;
        prop_oneof![
            at().prop_map(Damage::Truncated),
            (at(), 1..=u8::MAX).prop_map(|(at, flip)| Damage::Byte(at, flip)),
            (at(), prop_oneof![Just(0), any::<u8>()]).prop_map(|(at, fill)| Damage::Sector(at, fill)),
            at().prop_map(Damage::Torn),
        ]
    }

    /// Damages the bytes; tells the first byte that is not what it was.
    fn apply(&self, bytes: &mut Vec<u8>) -> usize {
        let before = bytes.clone();
        match self {
            Damage::Truncated(at) => bytes.truncate(at.index(before.len() + 1)),
            Damage::Byte(at, flip) => bytes[at.index(before.len())] ^= flip,
            Damage::Sector(at, fill) => {
                let sector = at.index(before.len()) / SECTOR * SECTOR;
                bytes[sector..before.len().min(sector + SECTOR)].fill(*fill);
            }
            Damage::Torn(at) => {
                let at = at.index(before.len());
                bytes.truncate((at / SECTOR + 1) * SECTOR);
                bytes[at..].fill(0);
            }
        }
        let same = before.iter().zip(bytes.iter()).take_while(|(before, after)| before == after).count();
        assert!(same < before.len() || bytes.len() == before.len());
        same
    }
}

proptest! {
    #[test]
    fn what_was_appended_is_replayed_in_order(records in prop::collection::vec(change(), 0..30)) {
        let (mut disk, _) = written(&records);
        let (_, replay): (Log<Change>, _) = disk.restart(2).unwrap();
        prop_assert_eq!(replay.count, records.len() as u64);
        prop_assert_eq!(replay.records, records);
        prop_assert_eq!(replay.cut_off, 0);
    }

    #[test]
    fn damage_leaves_exactly_the_records_before_it(
        records in prop::collection::vec(change(), 1..30),
        damage in Damage::strategy(),
        more in prop::collection::vec(change(), 0..5),
    ) {
        let (mut disk, ends) = written(&records);
        let good = damage.apply(&mut disk.bytes);
        let whole = ends.iter().take_while(|end| end.offset() <= good as u64).count();
        let (mut log, replay): (Log<Change>, _) = disk.restart(2).unwrap();
        prop_assert_eq!(&replay.records, &records[..whole]);

        // The next life writes on, and the one after that finds both.
        let mut effects = Effects::new();
        for record in &more {
            log.append(record, &mut effects);
        }
        disk.execute_all(&mut effects);
        let (_, again): (Log<Change>, _) = disk.restart(3).unwrap();
        let expected: Vec<_> = replay.records.into_iter().chain(more).collect();
        prop_assert_eq!(again.records, expected);
        prop_assert_eq!(again.cut_off, 0);
    }

    #[test]
    fn damage_around_a_checkpoint_never_yields_a_state_that_never_was(
        before in 0_u64..60,
        after in 0_u64..20,
        damage in Damage::strategy(),
        is_settled: bool,
    ) {
        let (mut disk, effects, mut log) = with_checkpoint(before, after);
        effects.into_iter().for_each(|effect| disk.execute(effect));
        if is_settled {
            disk.settle(&mut log);
        }
        damage.apply(&mut disk.bytes);
        match disk.restart::<u64, u32>(2) {
            Ok((_, replay)) => {
                let replayed = replay.records.len() as u64;
                prop_assert!(replayed <= before + after);
                prop_assert!(replay.records.into_iter().eq(0..replayed));
                prop_assert!(disk.start == 0 || replayed >= before);
            }
            Err(why) => prop_assert!(why == LogUnreadable::CheckpointDamaged && disk.start > 0),
        }
    }

    /// Whoever is told of a force was promised no more than the medium has; everybody is told once, in the end.
    #[test]
    fn a_force_is_never_reported_early_and_nobody_is_forgotten(
        actions in prop::collection::vec(prop_oneof![
            3 => Just(Action::Append),
            3 => any::<prop::sample::Index>().prop_map(Action::Force),
            1 => Just(Action::Checkpoint),
            2 => Just(Action::Complete),
        ], 0..80),
    ) {
        let mut disk = Disk::default();
        let mut on_medium = 0;
        let mut log: RecoveryLog<u64, (usize, Lsn)> = RecoveryLog::new(LOG, Incarnation(1));
        let mut ends = vec![Lsn::START];
        let mut told = Vec::new();
        let mut asked = 0;
        for action in actions {
            let mut effects = Effects::new();
            let now_told = match action {
                Action::Append => {
                    ends.push(log.append(&(ends.len() as u64 - 1), &mut effects));
                    Vec::new()
                }
                Action::Force(which) => {
                    let lsn = ends[which.index(ends.len())];
                    asked += 1;
                    log.force(lsn, (asked, lsn), &mut effects).into_iter().collect()
                }
                Action::Checkpoint => {
                    log.checkpoint(0..ends.len() as u64 - 1, &mut effects);
                    Vec::new()
                }
                Action::Complete => match disk.asked.take() {
                    Some((request, end)) => {
                        on_medium = end;
                        log.forced(request, &mut effects)
                    }
                    None => Vec::new(),
                },
            };
            for &(_, lsn) in &now_told {
                prop_assert!(lsn.offset() <= on_medium, "told of {} with {} on the medium", lsn, on_medium);
                prop_assert!(log.is_durable(lsn));
            }
            prop_assert!(ends.iter().all(|&lsn| log.is_durable(lsn) == (lsn.offset() <= on_medium)));
            told.extend(now_told.into_iter().map(|(who, _)| who));
            disk.execute_all(&mut effects);

            // Power fails here: what is on the medium is enough for what was promised.
            let mut survivor = disk.clone();
            survivor.bytes.truncate(usize::try_from(on_medium - disk.start).unwrap());
            let (_, replay): (Log<u64>, _) = survivor.restart(2).unwrap();
            let promised = ends.iter().skip(1).filter(|lsn| lsn.offset() <= on_medium).count() as u64;
            prop_assert!(replay.records.into_iter().eq(0..promised));
        }
        told.extend(disk.settle(&mut log).into_iter().map(|(who, _)| who));
        told.sort_unstable();
        prop_assert_eq!(told, (1..=asked).collect::<Vec<_>>());
    }
}

#[derive(Clone, Debug)]
enum Action {
    Append,
    Force(prop::sample::Index),
    Checkpoint,
    Complete,
}

/// With the planted defect, damage is taken for content; without it, the same bytes are refused.
#[cfg(feature = "defects")]
mod planted {
    use super::*;
    use crate::defect::Defect;

    fn replayed(disk: &Disk, defect: Option<Defect>) -> Replay<Change> {
        Defect::plant(defect);
        let replay = disk.clone().restart::<Change, u32>(2).map(|(_, replay)| replay);
        Defect::plant(None);
        replay.unwrap()
    }

    fn put(number: u64) -> Change {
        Change::Put { number, queue: "APPLICATION.REQUEST".to_owned(), urgent: true }
    }

    #[test]
    fn a_torn_record_is_taken_for_another_one() {
        let (mut disk, ends) = written(&[put(1), put(u64::MAX)]);
        let torn = usize::try_from(ends[0].offset()).unwrap() + frame::HEADER_LENGTH + 3;
        disk.bytes[torn..].fill(0);
        assert_eq!(replayed(&disk, None).records, [put(1)]);
        let wrong = replayed(&disk, Some(Defect::ReplayIgnoresChecksum));
        assert_eq!(wrong.records.len(), 2);
        assert_ne!(wrong.records[1], put(u64::MAX));
    }

    #[test]
    fn a_record_that_does_not_decode_is_passed_over() {
        let (mut disk, ends) = written(&[Change::Commit(1), Change::Commit(2), Change::Commit(3)]);
        disk.bytes[usize::try_from(ends[0].offset()).unwrap() + frame::HEADER_LENGTH] = 0x7F;
        assert_eq!(replayed(&disk, None).records, [Change::Commit(1)]);
        let wrong = replayed(&disk, Some(Defect::ReplayIgnoresChecksum));
        assert_eq!(wrong.records, [Change::Commit(1), Change::Commit(3)]);
    }
}
