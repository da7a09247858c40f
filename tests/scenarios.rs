//! One test for each scenario file, found by itself: a sweep over a few seeds, judged as `indoubt sweep` judges.
//!
//! Every run must pass, and everything that the scenario exists for must be seen in at least one of them. The seeds:
//!
//! - by default a small fixed range, the same for everybody;
//! - `INDOUBT_SEEDS=A..B`: from A to before B;
//! - `MADSIM_TEST_SEED` and `MADSIM_TEST_NUM`, with madsim's meaning: the first seed, and how many (one, if only the
//!   first seed is given).
//!
//! `cargo test --test scenarios peer` sweeps the scenarios whose names contain `peer`.

#[allow(dead_code, reason = "each target uses what it needs of it")]
mod scenario_files;

use std::env;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use indoubt::report;
use indoubt::run::{Keep, RunRequest, run};
use indoubt::scenario::model::Scenario;
use indoubt::sweep::{SeedRange, Sweep, Tally};
use indoubt_ledger::verdict::Verdict;
use libtest_mimic::{Arguments, Failed, Trial};

/// What is swept if nobody says otherwise.
const BY_DEFAULT: SeedRange = SeedRange { first: 0, end: 32 };

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let seeds = match Seeds::from(|name| env::var(name).ok()) {
        Ok(seeds) => seeds,
        Err(complaint) => {
            eprintln!("error: {complaint}");
            return ExitCode::from(2);
        }
    };
    let sweeps = scenario_files::paths().into_iter().map(|path| {
        let name = scenario_files::name(&path);
        Trial::test(name, move || sweep(&path, seeds))
    });
    let trials = sweeps.chain(tests_of_the_choice_of_seeds()).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Which seeds, and how much their sweep has to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seeds {
    range: SeedRange,
    /// A single seed is asked for in order to see that run again: it need not show everything.
    may_be_vacuous: bool,
}

impl Seeds {
    fn from(variable: impl Fn(&str) -> Option<String>) -> Result<Seeds, String> {
        let number = |name: &str| {
            let parse = |text: String| text.parse::<u64>().map_err(|_| format!("{name}={text} is no number"));
            variable(name).map(parse).transpose()
        };
        let range = if let Some(text) = variable("INDOUBT_SEEDS") {
            text.parse::<SeedRange>().map_err(|error| format!("INDOUBT_SEEDS={text}: {error}"))?
        } else {
            match (number("MADSIM_TEST_SEED")?, number("MADSIM_TEST_NUM")?) {
                (None, None) => BY_DEFAULT,
                (_, Some(0)) => return Err("MADSIM_TEST_NUM=0: there is nothing to run".to_owned()),
                (first, count) => {
                    let first = first.unwrap_or(BY_DEFAULT.first);
                    let end = first.checked_add(count.unwrap_or(1)).ok_or("seeds end at the largest number")?;
                    SeedRange { first, end }
                }
            }
        };
        let may_be_vacuous = range.end - range.first < BY_DEFAULT.end - BY_DEFAULT.first;
        Ok(Seeds { range, may_be_vacuous })
    }
}

fn sweep(path: &Path, seeds: Seeds) -> Result<(), Failed> {
    let scenario = scenario_files::read(path)?;
    let mut first_bad = None;
    let tallies = Sweep {
        scenarios: vec![Arc::clone(&scenario)],
        seeds: seeds.range.iter().collect(),
        defect: None,
        // The tests of several scenarios run side by side as it is.
        workers: 1,
    }
    .execute(
        |request| run(request).map_err(|error| error.to_string()),
        |_| (),
        |ran| {
            let passed = matches!(&ran.result, Ok((brief, ())) if brief.verdict == Verdict::Pass);
            if !passed && first_bad.is_none() {
                first_bad = Some(ran.seed);
            }
        },
    );
    let [tally] = tallies.as_slice() else { panic!("one scenario, one tally") };
    if let Some(seed) = first_bad {
        return Err(format!("{}\n{}", summary(tally), one_run(&scenario, seed)).into());
    }
    if tally.is_vacuous() && !seeds.may_be_vacuous {
        let missing: Vec<&str> =
            tally.reached.iter().filter(|reached| reached.runs == 0).map(|reached| reached.name.as_str()).collect();
        let missing = missing.join(", ");
        return Err(format!("seeds {}: every run passed, but none showed: {missing}", seeds.range).into());
    }
    Ok(())
}

fn summary(tally: &Tally) -> String {
    report::summary(std::slice::from_ref(tally))
}

/// The report of the first run that did not pass, which ends with the line that replays it.
fn one_run(scenario: &Arc<Scenario>, seed: u64) -> String {
    let request = RunRequest { scenario: Arc::clone(scenario), seed, defect: None, keep: Keep::Report };
    match run(&request) {
        Ok(outcome) => report::render(&outcome),
        Err(error) => format!("{error}\n  replay with:\n    {}", report::replay_line(scenario, seed, None)),
    }
}

fn tests_of_the_choice_of_seeds() -> Vec<Trial> {
    fn chosen(variables: &'static [(&str, &str)]) -> Result<Seeds, String> {
        Seeds::from(|asked| variables.iter().find(|(name, _)| *name == asked).map(|(_, value)| (*value).to_owned()))
    }
    fn range(variables: &'static [(&str, &str)]) -> Option<(u64, u64)> {
        chosen(variables).ok().map(|seeds| (seeds.range.first, seeds.range.end))
    }
    let default = Some((BY_DEFAULT.first, BY_DEFAULT.end));
    let claims = [
        ("none said", range(&[]), default),
        ("how many", range(&[("MADSIM_TEST_NUM", "500")]), Some((0, 500))),
        ("the one", range(&[("MADSIM_TEST_SEED", "7")]), Some((7, 8))),
        ("from and how many", range(&[("MADSIM_TEST_SEED", "7"), ("MADSIM_TEST_NUM", "3")]), Some((7, 10))),
        ("a range", range(&[("INDOUBT_SEEDS", "5..9"), ("MADSIM_TEST_SEED", "7")]), Some((5, 9))),
        ("none at all", range(&[("MADSIM_TEST_NUM", "0")]), None),
        ("no number", range(&[("MADSIM_TEST_SEED", "x")]), None),
        ("no range", range(&[("INDOUBT_SEEDS", "9..5")]), None),
        ("past the end", range(&[("MADSIM_TEST_SEED", "18446744073709551615")]), None),
    ];
    let vacuity = [
        ("a single seed need not show everything", chosen(&[("MADSIM_TEST_SEED", "7")]), true),
        ("a sweep must", chosen(&[("MADSIM_TEST_NUM", "500")]), false),
        ("the default must", chosen(&[]), false),
    ];
    let ranges = claims.into_iter().map(|(claim, found, expected)| {
        let wrong = (found != expected).then(|| format!("{found:?} instead of {expected:?}"));
        (claim, wrong)
    });
    let vacuities = vacuity.into_iter().map(|(claim, found, expected)| {
        let wrong = (found.as_ref().map(|seeds| seeds.may_be_vacuous) != Ok(expected)).then(|| format!("{found:?}"));
        (claim, wrong)
    });
    ranges
        .chain(vacuities)
        .map(|(claim, wrong)| {
            Trial::test(format!("seeds/{}", claim.replace(' ', "-")), || wrong.map_or(Ok(()), |text| Err(text.into())))
        })
        .collect()
}
