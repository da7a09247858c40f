//! CPU time, time on the wall and memory of this process, and rounds of measurements that take turns.

use std::time::{Duration, Instant};

/// The kernel's clock tick: `sysconf(_SC_CLK_TCK)` is 100 on every Linux of today.
const TICK: Duration = Duration::from_millis(10);

/// CPU time of the whole process so far, in user and in kernel mode, exact to two ticks.
pub(crate) fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("the kernel tells a process about itself");
    // The name of the program may hold blanks; it ends with the last parenthesis.
    let (_, fields) = stat.rsplit_once(')').expect("the name stands in parentheses");
    let ticks: u32 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|field| field.parse::<u32>().expect("utime and stime are numbers"))
        .sum();
    TICK * ticks
}

/// CPU time that `work` takes.
pub(crate) fn cpu_of(work: impl FnOnce()) -> Duration {
    let before = cpu_time();
    work();
    cpu_time() - before
}

/// Time on the wall that `work` takes.
#[expect(clippy::disallowed_methods, reason = "measures the real world; no run is near")]
pub(crate) fn wall_of(work: impl FnOnce()) -> Duration {
    let before = Instant::now();
    work();
    before.elapsed()
}

/// A line of `/proc/self/status` in KiB: `VmRSS`, `VmHWM`.
pub(crate) fn memory(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("the kernel tells a process about itself");
    let found = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':'));
    let number = found.and_then(|rest| rest.split_whitespace().next()).and_then(|number| number.parse().ok());
    number.expect("the kernel writes this line for every process")
}

/// What was measured of one contender: picoseconds for each thing it did, one number for each round.
pub(crate) struct Measured {
    pub(crate) name: String,
    rounds: Vec<u64>,
}

impl Measured {
    /// The median of the rounds, in picoseconds.
    pub(crate) fn median(&self) -> u64 {
        let mut sorted = self.rounds.clone();
        sorted.sort_unstable();
        sorted[sorted.len() / 2]
    }

    /// The least and the most of the rounds, in picoseconds.
    pub(crate) fn spread(&self) -> (u64, u64) {
        let least = self.rounds.iter().min().copied().unwrap_or(0);
        (least, self.rounds.iter().max().copied().unwrap_or(0))
    }
}

/// One that is measured: its name, and its work, which returns how many things it did.
pub(crate) type Contender = (String, Box<dyn FnMut() -> u64>);

/// Lets all contenders take turns, so many rounds; the CPU time of each for one of the things it does.
pub(crate) fn take_turns(rounds: u32, contenders: Vec<Contender>) -> Vec<Measured> {
    let (names, mut works): (Vec<String>, Vec<_>) = contenders.into_iter().unzip();
    let mut all: Vec<Measured> = names.into_iter().map(|name| Measured { name, rounds: Vec::new() }).collect();
    for _ in 0..rounds {
        for (work, measured) in works.iter_mut().zip(&mut all) {
            let mut things = 0;
            let took = cpu_of(|| things = work());
            let each = took.as_nanos() * 1_000 / u128::from(things.max(1));
            measured.rounds.push(u64::try_from(each).unwrap_or(u64::MAX));
        }
    }
    all
}
