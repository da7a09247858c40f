//! How fast it is: ratios to peers measured in the same run, and the targets beside them.
//!
//! `cargo bench --bench speed` measures everything; `cargo bench --bench speed -- frames scenarios` only these groups:
//! `frames`, `scenarios`, `linear`, `memory`, `jobs`. Nothing here passes or fails: what was measured, where and when is
//! written down in `BENCHMARKS.md`.
//!
//! CPU time is counted, not time on the wall, and the contenders of a group take turns, round after round, so that
//! whatever else the machine does hits all alike; the median of the rounds counts.

mod cpu;
mod fabric_frames;
mod groups;
mod peers;
mod scenarios;
mod table;

/// What can be measured, and how.
const GROUPS: [(&str, fn()); 5] = [
    ("frames", groups::frames),
    ("scenarios", groups::scenarios),
    ("linear", groups::linear),
    ("memory", groups::memory),
    ("jobs", groups::jobs),
];

fn main() {
    // Cargo adds an option of its own.
    let asked: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [only] = asked.as_slice()
        && only == groups::MEMORY_CHILD
    {
        return groups::memory_child();
    }
    for name in &asked {
        if !GROUPS.iter().any(|(known, _)| known == name) {
            eprintln!("no group {name}; there are: frames, scenarios, linear, memory, jobs");
            std::process::exit(2);
        }
    }
    for (name, measure) in GROUPS {
        if asked.is_empty() || asked.iter().any(|asked| asked == name) {
            measure();
        }
    }
}
