//! Disks, alone and in a world.

use indoubt_engine::machine::{DeviceError, File, ForceId, StoredFile};
use rand_chacha::ChaCha8Rng;

use super::super::disk::Disk;
use super::super::{DiskFault, DiskOptions, draw};
use super::*;

const LOG: File = File("log");
const OTHER: File = File("other");
const OWNER: ProcessId = ProcessId(0);

fn stream(seed: u64) -> ChaCha8Rng {
    draw::stream(seed, "disk")
}

fn options(capacity: Option<u64>) -> DiskOptions {
    DiskOptions { name: "D".into(), force: Latency { base: ms(1), jitter: ms(1) }, capacity }
}

fn disk(seed: u64) -> Disk {
    Disk::new(&options(None), stream(seed))
}

fn content(disk: &Disk) -> (u64, Vec<u8>) {
    match disk.read(OWNER).into_iter().find(|(file, _)| *file == LOG) {
        Some((_, StoredFile::Content { start, bytes })) => (start, bytes),
        other => panic!("{other:?}"),
    }
}

/// Ten sectors' worth of bytes, none of them zero.
fn bytes() -> Vec<u8> {
    (0..5_120_u32).map(|position| (position % 250 + 1) as u8).collect()
}

#[test]
fn a_kill_loses_nothing_that_was_appended() {
    let mut disk = disk(1);
    disk.append(OWNER, LOG, &bytes()).unwrap();
    disk.writer_died(OWNER, 0);
    assert_eq!(content(&disk), (0, bytes()));
    // It has been written out: a power failure afterwards cannot take it.
    disk.power_failed(OWNER, 0);
    assert_eq!(content(&disk), (0, bytes()));
}

#[test]
fn a_power_failure_keeps_what_was_forced_and_scatters_the_rest() {
    let (mut shorter, mut holes, mut torn, mut whole) = (0, 0, 0, 0);
    for seed in 0..2_000 {
        let mut disk = disk(seed);
        disk.append(OWNER, LOG, &bytes()[..1_000]).unwrap();
        let forced = disk.force(OWNER, LOG, 0).unwrap();
        disk.append(OWNER, LOG, &bytes()[1_000..3_000]).unwrap();
        disk.power_failed(OWNER, forced);
        let (start, read) = content(&disk);
        assert_eq!(start, 0);
        assert_eq!(read[..1_000], bytes()[..1_000], "forced is forced");
        assert!(read.len() <= 3_000);
        // Each byte is what was written or a hole.
        assert!(read.iter().zip(bytes()).all(|(read, written)| *read == written || *read == 0));
        whole += u32::from(read == bytes()[..3_000]);
        shorter += u32::from(read.len() < 3_000);
        holes += u32::from(read.contains(&0));
        torn += u32::from(read.len() % 512 != 0 && read.len() != 1_000 && read.len() != 3_000);
    }
    assert!(shorter > 100 && holes > 100 && torn > 100 && whole > 5, "{shorter} {holes} {torn} {whole}");
}

#[test]
fn a_force_that_is_under_way_when_power_fails_promises_nothing() {
    let lost = (0..100).filter(|seed| {
        let mut disk = disk(*seed);
        disk.append(OWNER, LOG, &bytes()[..100]).unwrap();
        let forced = disk.force(OWNER, LOG, 0).unwrap();
        disk.power_failed(OWNER, forced - 1);
        content(&disk).1.len() < 100
    });
    assert!(lost.count() > 10);
}

#[test]
fn forces_of_one_file_complete_in_order_and_cover_what_was_written_before_them() {
    let mut disk = disk(1);
    let mut last = 0;
    for round in 0..100 {
        disk.append(OWNER, LOG, &[1; 10]).unwrap();
        let at = disk.force(OWNER, LOG, round * 100_000).unwrap();
        assert!(at >= last && at >= round * 100_000 + 1_000_000);
        last = at;
    }
    disk.power_failed(OWNER, last);
    assert_eq!(content(&disk).1.len(), 1_000);
}

#[test]
fn a_lost_force_was_acknowledged_and_is_gone_after_the_power_failure() {
    let lost = (0..100).filter(|seed| {
        let mut disk = disk(*seed);
        disk.append(OWNER, LOG, &[1; 100]).unwrap();
        disk.force(OWNER, LOG, 0).unwrap();
        disk.append(OWNER, LOG, &[2; 100]).unwrap();
        disk.force(OWNER, LOG, 5_000_000).unwrap();
        disk.fault(DiskFault::LoseForce, |_| true);
        disk.power_failed(OWNER, 10_000_000);
        let read = content(&disk).1;
        assert_eq!(read[..100], [1; 100], "only the last force is lost");
        read.len() < 200
    });
    assert!(lost.count() > 20);
}

#[test]
fn a_torn_write_is_shorter_than_it_was() {
    for seed in 0..100 {
        let mut disk = disk(seed);
        disk.append(OWNER, LOG, &[1; 100]).unwrap();
        disk.append(OWNER, LOG, &[2; 700]).unwrap();
        disk.fault(DiskFault::TearLastWrite, |_| true);
        assert_eq!(content(&disk).1.len(), 800, "not before its writer dies");
        disk.writer_died(OWNER, 0);
        let read = content(&disk).1;
        assert!(read.len() >= 100 && read.len() < 800);
        // Once is enough.
        disk.writer_died(OWNER, 0);
        assert_eq!(content(&disk).1, read);
        // At once, if the writer is dead.
        disk.append(OWNER, LOG, &[3; 700]).unwrap();
        disk.fault(DiskFault::TearLastWrite, |_| false);
        assert!(content(&disk).1.len() < read.len() + 700);
    }
}

#[test]
fn rot_changes_one_sector_and_no_length() {
    for seed in 0..200 {
        let mut disk = disk(seed);
        disk.append(OWNER, LOG, &bytes()).unwrap();
        disk.writer_died(OWNER, 0);
        disk.fault(DiskFault::RotTail, |_| false);
        let read = content(&disk).1;
        assert_eq!(read[..4_608], bytes()[..4_608]);
        assert_ne!(read[4_608..], bytes()[4_608..]);
        disk.fault(DiskFault::RotAt(600), |_| false);
        let again = content(&disk).1;
        assert_eq!(again[..512], bytes()[..512]);
        assert_ne!(again[512..1_024], bytes()[512..1_024]);
        assert_eq!(again[1_024..], read[1_024..]);
    }
}

#[test]
fn a_full_disk_takes_nothing_until_space_is_given_up() {
    let mut disk = Disk::new(&options(Some(1_000)), stream(1));
    disk.append(OWNER, LOG, &[1; 600]).unwrap();
    assert_eq!(disk.append(OWNER, OTHER, &[1; 600]), Err(DeviceError::Full));
    disk.discard_before(OWNER, LOG, 500);
    disk.append(OWNER, OTHER, &[1; 600]).unwrap();
    assert_eq!(content(&disk), (500, vec![1; 100]));
    disk.fault(DiskFault::Full, |_| true);
    assert_eq!(disk.append(OWNER, LOG, &[1]), Err(DeviceError::Full));
    disk.heal();
    disk.append(OWNER, LOG, &[1]).unwrap();
}

#[test]
fn a_cut_is_durable_and_a_force_before_it_does_not_cover_what_comes_after() {
    let lost = (0..100).filter(|seed| {
        let mut disk = disk(*seed);
        disk.append(OWNER, LOG, &[1; 100]).unwrap();
        let forced = disk.force(OWNER, LOG, 0).unwrap();
        disk.cut_from(OWNER, LOG, 40);
        disk.append(OWNER, LOG, &[2; 60]).unwrap();
        disk.power_failed(OWNER, forced);
        let read = content(&disk).1;
        assert_eq!(read[..40], [1; 40]);
        assert!(!read[40..].contains(&1), "what was cut off is gone for good");
        read.len() < 100
    });
    assert!(lost.count() > 10);
}

#[test]
fn files_of_two_processes_are_apart() {
    let mut disk = disk(1);
    disk.append(OWNER, LOG, &[1; 10]).unwrap();
    disk.append(ProcessId(1), LOG, &[2; 20]).unwrap();
    assert_eq!(content(&disk), (0, vec![1; 10]));
    assert_eq!(disk.read(ProcessId(1)), [(LOG, StoredFile::Content { start: 0, bytes: vec![2; 20] })]);
}

/// Appends and forces at every start, and logs what it sees.
struct Writer {
    log: Log,
    fabric: Fabric,
}

impl Machine for Writer {
    fn handle(&mut self, _: Time, input: Input, effects: &mut Effects) {
        self.log.write(Seen { at: self.fabric.now(), who: "w", input: input.clone() });
        if let Input::Started { .. } = input {
            effects.push(Effect::Append { file: LOG, bytes: vec![7; 10] });
            effects.push(Effect::Force { file: LOG, request: ForceId(1) });
        }
    }
}

#[test]
fn a_disk_outlives_process_and_host_and_tells_when_it_is_done() {
    let log = world(1, |fabric, log| async move {
        let (a, b) = (host(&fabric, "A"), host(&fabric, "B"));
        let disk = fabric.add_disk(options(None));
        let options = ProcessOptions {
            name: "w".into(),
            host: a,
            disk: Some(disk),
            start_duration: Duration::ZERO,
            lives_in: None,
        };
        let body = machine_body(move |process| Writer { log: log.clone(), fabric: process.fabric().clone() });
        let writer = fabric.add_process(options, body);
        fabric.start(writer);
        fabric.sleep(ms(5)).await;
        fabric.power_off(a);
        fabric.disk_fault(disk, DiskFault::Slow(ms(100)));
        fabric.start_on(writer, b);
        fabric.sleep(ms(1)).await;
        fabric.kill(writer);
        fabric.start(writer);
        fabric.sleep(ms(200)).await;
        fabric.kill(writer);
        fabric.disk_heal(disk);
        fabric.disk_fault(disk, DiskFault::Unreadable);
        fabric.start(writer);
        fabric.sleep(ms(10)).await;
        fabric.kill(writer);
        fabric.disk_heal(disk);
        fabric.disk_fault(disk, DiskFault::Full);
        fabric.start(writer);
        fabric.sleep(ms(10)).await;
    });
    let starts = log.pick("w", |input| match input {
        Input::Started { files, .. } => Some(files.clone()),
        _ => None,
    });
    let stored = |bytes| vec![(LOG, StoredFile::Content { start: 0, bytes: vec![7; bytes] })];
    assert_eq!(starts[0].1, []);
    assert_eq!(starts[1].1, stored(10), "forced before the power failure");
    assert_eq!(starts[2].1, stored(20), "left to the operating system by the kill");
    assert_eq!(starts[3].1, [(LOG, StoredFile::Unreadable)]);
    assert_eq!(starts[4].1, stored(40));
    let forced = log.pick("w", |input| matches!(input, Input::Forced { .. }).then_some(()));
    assert_eq!(forced.len(), 3, "{forced:?}");
    let took: Vec<_> = [(0, 0), (2, 1)].map(|(start, force)| forced[force].0.since(starts[start].0)).into();
    assert!(took[0] >= ms(1) - us(1) && took[0] <= ms(2) + us(1), "{took:?}");
    assert!(took[1] >= ms(101) - us(1) && took[1] <= ms(102) + us(1), "{took:?}");
    let errors = log.pick("w", |input| match input {
        Input::DeviceError { error, .. } => Some(*error),
        _ => None,
    });
    assert_eq!(errors.iter().map(|(_, error)| *error).collect::<Vec<_>>(), [DeviceError::Failed, DeviceError::Full]);
}
