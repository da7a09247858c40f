//! What can be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::sweep::{SeedRange, Shard};

/// Deterministic simulation testbed for high-availability messaging topologies.
#[derive(Debug, Parser)]
#[command(
    name = "indoubt",
    version,
    about,
    after_help = "Exit status: 0 holds; 1 a violation was found; 2 bad input or usage; 3 the testbed itself failed \
                  (a panic, another fingerprint than recorded); 4 nothing was proven (a sweep that never reached what \
                  its scenario exists for, or a history that leaves the question open)."
)]
pub(super) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(super) verb: Verb,
    /// Results as text, or as JSON: one object on each line of standard output.
    #[arg(long, value_enum, default_value_t = Format::Text, global = true)]
    pub(super) format: Format,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Run scenarios, each with one seed, and print a report of each
    Run(RunArguments),
    /// Run scenarios with many seeds on all cores, and print a summary
    Sweep(SweepArguments),
    /// Do a run again, with as much detail as asked for
    Replay(ReplayArguments),
    /// Read and validate scenarios, run nothing
    Check {
        /// Scenario files, or folders that hold some.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
    },
    /// List scenarios, or what a scenario can name
    List {
        /// Of what.
        #[arg(value_enum, default_value_t = Topic::Scenarios)]
        topic: Topic,
    },
    /// Judge histories that come from elsewhere (JSON lines)
    Judge(JudgeArguments),
    /// Plant each defect in turn, and show that the ledger convicts it
    Power(PowerArguments),
}

/// `indoubt run`.
#[derive(Debug, Args)]
pub(super) struct RunArguments {
    /// Scenario files, or folders that hold some.
    #[arg(required = true, value_name = "SCENARIO")]
    pub(super) paths: Vec<PathBuf>,
    /// The seed; by default 0, or the one recorded in a failure file.
    #[arg(long)]
    pub(super) seed: Option<u64>,
    /// Break the middleware on purpose (`indoubt list defects`).
    #[arg(long, value_name = "NAME")]
    pub(super) defect: Option<String>,
}

/// `indoubt sweep`.
#[derive(Debug, Args)]
pub(super) struct SweepArguments {
    /// Scenario files, or folders that hold some.
    #[arg(required = true, value_name = "PATH")]
    pub(super) paths: Vec<PathBuf>,
    /// Seeds from A to before B, or a single one.
    #[arg(long, value_name = "A..B", default_value = "0..100")]
    pub(super) seeds: SeedRange,
    /// Worker threads; by default one for each core.
    #[arg(long, value_name = "N")]
    pub(super) jobs: Option<usize>,
    /// Run only the seeds that leave the remainder I when divided by N; I counts from 0 to N-1.
    #[arg(long, value_name = "I/N")]
    pub(super) shard: Option<Shard>,
    /// Where to write a file for each failing run that replays it.
    #[arg(long, value_name = "DIR", default_value = "failures")]
    pub(super) failures: PathBuf,
    /// Break the middleware on purpose (`indoubt list defects`).
    #[arg(long, value_name = "NAME")]
    pub(super) defect: Option<String>,
}

/// `indoubt replay`.
#[derive(Debug, Args)]
pub(super) struct ReplayArguments {
    /// A failure file, or a scenario together with --seed.
    #[arg(value_name = "FAILURE|SCENARIO")]
    pub(super) path: PathBuf,
    /// The seed; a failure file records its own.
    #[arg(long)]
    pub(super) seed: Option<u64>,
    /// More detail: -v what machines report, -vv the steps of protocols too, -vvv every frame.
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
    /// Show detail only up to this virtual time (`12s`, `1500ms`).
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(super) until: Option<std::time::Duration>,
    /// Show detail only of this process; may be given several times.
    #[arg(long, value_name = "NAME")]
    pub(super) process: Vec<String>,
    /// Break the middleware on purpose; by default the defect that the failure file records.
    #[arg(long, value_name = "NAME")]
    pub(super) defect: Option<String>,
}

/// `indoubt judge`.
#[derive(Debug, Args)]
pub(super) struct JudgeArguments {
    /// History files; `-` is standard input.
    #[arg(required = true, value_name = "HISTORY")]
    pub(super) paths: Vec<PathBuf>,
    /// Messages of one producer must be consumed in the order in which they were put.
    #[arg(long)]
    pub(super) ordered: bool,
}

/// `indoubt power`.
#[derive(Debug, Args)]
pub(super) struct PowerArguments {
    /// Scenario files, or folders that hold some.
    #[arg(value_name = "PATH", default_value = "scenarios")]
    pub(super) paths: Vec<PathBuf>,
    /// Seeds to try before a defect counts as not convicted.
    #[arg(long, value_name = "A..B", default_value = "0..100")]
    pub(super) seeds: SeedRange,
    /// Worker threads; by default one for each core.
    #[arg(long, value_name = "N")]
    pub(super) jobs: Option<usize>,
    /// Only these defects; may be given several times.
    #[arg(long, value_name = "NAME")]
    pub(super) defect: Vec<String>,
}

/// What can be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Topic {
    /// Scenario files under ./scenarios.
    Scenarios,
    /// What can go wrong.
    Faults,
    /// Steps of protocols at which a fault can strike.
    Steps,
    /// What a run can report, and `reach` can name.
    Events,
    /// What a scenario can expect.
    Expectations,
    /// Defects that can be planted.
    Defects,
}
