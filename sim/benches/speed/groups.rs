//! What is measured, group by group.

use std::sync::Arc;

use indoubt::scenario::model::Scenario;
use indoubt::sweep::workers;
use indoubt_ledger::verdict::Verdict;

use crate::cpu::{Contender, Measured, cpu_of, memory as kibibytes, take_turns, wall_of};
use crate::table::{self, grouped, ratio, target, thousandths};
use crate::{fabric_frames, peers, scenarios as of};

/// Rounds of each group.
const ROUNDS: u32 = 7;

fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

fn contender(name: impl Into<String>, work: impl FnMut() -> u64 + 'static) -> Contender {
    (name.into(), Box::new(work))
}

fn spread(measured: &Measured, picoseconds: u64) -> String {
    let (least, most) = measured.spread();
    format!("{} to {}", grouped(least / picoseconds), grouped(most / picoseconds))
}

/// A delivered frame with 1 and with 64 conversations, against peers.
pub(crate) fn frames() {
    type Converse = fn(u64, u64) -> u64;
    let all: [(&str, Converse, u64); 5] = [
        ("bare event loop", peers::bare, 8_000_000),
        ("this fabric", fabric_frames::converse, 1_000_000),
        ("madsim TcpStream", peers::madsim_tcp, 600_000),
        ("madsim Endpoint", peers::madsim_endpoint, 400_000),
        ("turmoil", peers::on_turmoil, 24_000),
    ];
    let contenders = all.into_iter().flat_map(|(name, converse, calls)| {
        [1, 64].map(|conversations| {
            contender(format!("{name}, {conversations}"), move || converse(conversations, calls / 2 / conversations))
        })
    });
    let measured = take_turns(ROUNDS, contenders.collect());
    let mut rows = vec![row(["what, conversations", "ns/frame", "of all rounds", "of madsim TcpStream", "target"])];
    for (index, one) in measured.iter().enumerate() {
        // Contenders come in pairs; the peer with the same number of conversations is at the same place in its pair.
        let peer = &measured[4 + index % 2];
        let share = ratio(one.median(), peer.median());
        let judged = if one.name.starts_with("this fabric") {
            let absolute = target(one.median() <= 450_000, "450 ns");
            format!("{absolute}; {}", target(share <= 750, "0.75"))
        } else {
            String::new()
        };
        let nanoseconds = grouped(one.median() / 1_000);
        rows.push(vec![one.name.clone(), nanoseconds, spread(one, 1_000), thousandths(share), judged]);
    }
    table::print("CPU for each delivered frame", &rows);
}

/// What a look at a few seeds tells about a scenario.
fn look(scenario: &Arc<Scenario>, seeds: u64) -> u64 {
    let outcomes: Vec<_> = (0..seeds).map(|seed| of::one(scenario, seed)).collect();
    let frames = outcomes.iter().map(|outcome| outcome.frames).sum::<u64>() / seeds;
    let faults = outcomes.iter().map(|outcome| outcome.tape.len() as u64).sum::<u64>() / seeds;
    let passed = outcomes.iter().filter(|outcome| outcome.judgement.verdict == Verdict::Pass).count();
    let simulated = outcomes.iter().map(|outcome| outcome.simulated.as_millis()).sum::<u128>() / u128::from(seeds);
    println!(
        "{}: {frames} frames, {faults} faults and {simulated} ms simulated for each seed; {passed} of {seeds} seeds pass",
        scenario.name
    );
    frames
}

/// Frames for each CPU-second in the reference scenario, seeds for each CPU-second in the small one.
pub(crate) fn scenarios() {
    let (reference, small, cell) = (of::reference(), of::small(), of::cell());
    println!();
    look(&reference, 20);
    look(&small, 100);
    look(&cell, 20);
    let start = small.clone();
    let mut seed = 0;
    let mut next = move |count: u64| {
        seed += count;
        seed - count..seed
    };
    let (mut next_small, mut next_cell) = (next, next);
    let contenders = vec![
        contender("reference: a frame", move || next(40).map(|seed| of::one(&reference, seed).frames).sum()),
        contender("small: a seed", move || {
            next_small(1_000).for_each(|seed| drop(of::one(&small, seed)));
            1_000
        }),
        contender("cell: a seed", move || {
            next_cell(20).for_each(|seed| drop(of::one(&cell, seed)));
            20
        }),
        contender("start-up: an empty world", || fabric_frames::nothing(5_000)),
        contender("start-up: the small world, built", move || of::built_only(&start, 5_000)),
    ];
    let measured = take_turns(ROUNDS, contenders);
    let rate = |picoseconds: u64| 1_000_000_000_000 / picoseconds.max(1);
    let targets = [
        target(rate(measured[0].median()) >= 500_000, "500,000 (1,000,000 in the end)"),
        target(rate(measured[1].median()) >= 1_500, "1,500"),
        target(measured[2].median() <= 50_000_000_000, "50 ms"),
        String::new(),
        target(measured[4].median() <= 50_000_000, "50 us"),
    ];
    let mut rows = vec![row(["what", "ns each", "of all rounds", "each CPU-second", "target"])];
    for (one, target) in measured.iter().zip(targets) {
        let each = one.median();
        rows.push(vec![one.name.clone(), grouped(each / 1_000), spread(one, 1_000), grouped(rate(each)), target]);
    }
    table::print("Whole runs, judged by the ledger", &rows);
}

/// Whether the cost of a message depends on how many there are.
pub(crate) fn linear() {
    let contenders = [(1_000, 60), (10_000, 6), (100_000, 1)].map(|(messages, times): (u64, u64)| {
        let scenario = of::plain(messages);
        contender(grouped(messages), move || {
            for seed in 0..times {
                let outcome = of::one(&scenario, seed);
                assert_eq!(outcome.judgement.account.acknowledged, messages, "all were sent");
            }
            times * messages
        })
    });
    let measured = take_turns(3, contenders.into());
    let least = measured.iter().map(Measured::median).min().unwrap_or(0);
    let mut rows = vec![row(["messages", "ns/message", "of all rounds", "of the cheapest", "target"])];
    for one in &measured {
        let share = ratio(one.median(), least);
        let judged = target(share <= 1_300, "1.30");
        let nanoseconds = grouped(one.median() / 1_000);
        rows.push(vec![one.name.clone(), nanoseconds, spread(one, 1_000), thousandths(share), judged]);
    }
    table::print("CPU for each message, without faults", &rows);
}

/// The argument with which this program calls itself to measure memory in a process that has done nothing else.
pub(crate) const MEMORY_CHILD: &str = "--memory-child";

/// Memory after 10 and after 1,000 seeds of the small scenario.
pub(crate) fn memory() {
    let itself = std::env::current_exe().expect("a running program has a file");
    let output = std::process::Command::new(itself).arg(MEMORY_CHILD).output().expect("it starts again");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    let numbers: Vec<u64> = text.split_whitespace().filter_map(|number| number.parse().ok()).collect();
    let [after_10, after_1000, most] = numbers[..] else { panic!("three numbers: {text}") };
    let share = ratio(after_1000, after_10);
    let rows = [
        row(["what", "KiB", "target"]),
        vec!["after 10 seeds".to_owned(), grouped(after_10), String::new()],
        vec!["after 1,000 seeds".to_owned(), grouped(after_1000), target(share <= 1_050, "the same, to 5%")],
        vec!["at most".to_owned(), grouped(most), target(most <= 32 * 1_024, "32 MiB")],
    ];
    table::print("Memory, small scenario", &rows);
}

/// Three numbers on standard output: memory after 10 seeds, after 1,000, and the most ever, in KiB.
pub(crate) fn memory_child() {
    let small = of::small();
    for seed in 0..10 {
        of::one(&small, seed);
    }
    let after_10 = kibibytes("VmRSS");
    for seed in 10..1_000 {
        of::one(&small, seed);
    }
    println!("{after_10} {} {}", kibibytes("VmRSS"), kibibytes("VmHWM"));
}

/// Medians of one piece of work, done with one job and with two.
struct Jobs {
    wall: [u64; 2],
    cpu: [u64; 2],
}

impl Jobs {
    /// How many times faster two jobs are than one, in thousandths.
    fn speedup(&self) -> u64 {
        ratio(self.wall[0], self.wall[1])
    }
}

/// Lets pieces of work take turns, each with one job and with two; a piece is done `count` times.
fn with_one_and_two_jobs<const N: usize>(work: [&(dyn Fn(usize) + Sync); N], count: usize) -> [Jobs; N] {
    let mut walls = [const { [const { Vec::new() }; 2] }; N];
    let mut cpus = [const { [const { Vec::new() }; 2] }; N];
    for _ in 0..ROUNDS {
        for (piece, work) in work.iter().enumerate() {
            for jobs in [1, 2] {
                let mut wall = 0;
                let sweep = || workers::in_order(count, jobs, work, |_, ()| {});
                let cpu = cpu_of(|| wall = wall_of(sweep).as_micros());
                walls[piece][jobs - 1].push(u64::try_from(wall).unwrap_or(u64::MAX));
                cpus[piece][jobs - 1].push(u64::try_from(cpu.as_micros()).unwrap_or(u64::MAX));
            }
        }
    }
    let median = |numbers: &mut Vec<u64>| {
        numbers.sort_unstable();
        numbers[numbers.len() / 2]
    };
    std::array::from_fn(|piece| Jobs {
        wall: walls[piece].each_mut().map(median),
        cpu: cpus[piece].each_mut().map(median),
    })
}

/// Two jobs against one: on the wall, beside what the machine gives a second thread that shares nothing with the first,
/// and by what the second job adds to the CPU time of the same work.
pub(crate) fn jobs() {
    let reference = of::reference();
    let runs = |index: usize| {
        of::one(&reference, index as u64);
    };
    let alone = |_: usize| {
        std::hint::black_box(peers::bare(64, 30_000));
    };
    let [sweep, control] = with_one_and_two_jobs([&runs, &alone], 40);
    let line = |name: &str, numbers: [u64; 2], speedup: u64, judged: String| {
        let [one, two] = numbers.map(|microseconds| grouped(microseconds / 1_000));
        vec![name.to_owned(), one, two, thousandths(speedup), judged]
    };
    let unhindered = ratio(2 * sweep.cpu[0], sweep.cpu[1]);
    let rows = [
        row(["what", "one job, ms", "two jobs, ms", "speed-up", "target"]),
        line("wall", sweep.wall, sweep.speedup(), target(sweep.speedup() >= 1_800, "1.80")),
        line("wall, threads that share nothing", control.wall, control.speedup(), String::new()),
        line("CPU (speed-up if two cores were free)", sweep.cpu, unhindered, String::new()),
    ];
    table::print("Two jobs against one, reference scenario", &rows);
}
