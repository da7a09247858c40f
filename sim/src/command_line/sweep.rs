//! `indoubt sweep`: many seeds, all cores, a file for each failure, a summary.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use indoubt_ledger::verdict::Verdict;
use serde_json::{Value, json};

use super::arguments::{Format, SweepArguments};
use super::progress::Progress;
use super::run::broken;
use super::status::Status;
use super::{BadInput, Simulate, defects, files, output};
use crate::report::{self, in_shell};
use crate::run::{Keep, RunRequest};
use crate::scenario::model::Scenario;
use crate::sweep::{Brief, Ran, Shard, Sweep, Tally, workers};

pub(super) fn sweep(arguments: &SweepArguments, format: Format, simulate: Simulate<'_>) -> Result<Status, BadInput> {
    let defect = defects::if_named(arguments.defect.as_deref())?;
    let workers = workers_of(arguments.jobs)?;
    let scenarios = files::read_all(&arguments.paths)?;
    let shard = arguments.shard.unwrap_or(Shard::WHOLE);
    let seeds: Vec<u64> = arguments.seeds.iter().filter(|seed| shard.takes(*seed)).collect();
    let sweep = Sweep { scenarios, seeds, defect, workers };
    let failures = Failures { folder: &arguments.failures, sweep: &sweep };
    let mut unwritten = false;
    let mut progress = Progress::new(sweep.runs());
    let as_json = |outcome: &_| (format == Format::Json).then(|| report::json(outcome));
    let tallies = sweep.execute(simulate, as_json, |ran| {
        progress.step();
        match &ran.result {
            Ok((brief, json)) => {
                let file = failures.write(ran, brief).unwrap_or_else(|message| {
                    progress.suspend(|| output::complain(format_args!("error: {message}")));
                    unwritten = true;
                    None
                });
                let replay = failures.replay(ran, file.as_deref());
                progress.suspend(|| told(&sweep, ran, brief, json.as_ref(), file.as_deref(), &replay));
            }
            Err(error) => {
                let scenario = Arc::clone(&sweep.scenarios[ran.scenario]);
                let request = RunRequest { scenario, seed: ran.seed, defect, keep: Keep::Report };
                progress.suspend(|| broken(&request, error, format));
            }
        }
    });
    progress.finish();
    match format {
        Format::Text => output::print(&format!("\n{}", report::summary(&tallies))),
        Format::Json => output::print_json(&report::summary_json(&tallies)),
    }
    let status = tallies.iter().map(status).max().unwrap_or(Status::NothingProven);
    Ok(if unwritten { status.max(Status::TestbedFailed) } else { status })
}

/// How many workers are asked for.
pub(super) fn workers_of(jobs: Option<usize>) -> Result<usize, BadInput> {
    match jobs {
        Some(0) => Err(BadInput::because("--jobs 0: at least one is needed")),
        Some(jobs) => Ok(jobs),
        None => Ok(workers::all_cores()),
    }
}

fn status(tally: &Tally) -> Status {
    if tally.broken > 0 {
        Status::TestbedFailed
    } else if tally.failed > 0 {
        Status::Violation
    } else if tally.unknown > 0 || tally.is_vacuous() {
        Status::NothingProven
    } else {
        Status::Holds
    }
}

/// Tells of one run: in JSON of each, in text only of those that did not pass.
fn told(
    sweep: &Sweep,
    ran: &Ran<Option<Value>>,
    brief: &Brief,
    json: Option<&Value>,
    file: Option<&Path>,
    replay: &str,
) {
    if let Some(json) = json {
        let mut json = json.clone();
        json["replay"] = json!(replay);
        json["failure_file"] = json!(file.map(|file| file.display().to_string()));
        output::print_json(&json);
        return;
    }
    let word = match brief.verdict {
        Verdict::Pass => return,
        Verdict::Fail => "FAIL",
        Verdict::Unknown => "UNKNOWN",
    };
    let name = &sweep.scenarios[ran.scenario].name;
    let headline = brief.headline.as_deref().unwrap_or("no reason given");
    output::print(&format!("{word}  {name} seed {}: {headline}\n  {replay}\n", ran.seed));
}

/// The files that replay failing runs.
struct Failures<'a> {
    folder: &'a Path,
    sweep: &'a Sweep,
}

impl Failures<'_> {
    /// Writes the file of a run that failed.
    fn write<X>(&self, ran: &Ran<X>, brief: &Brief) -> Result<Option<PathBuf>, String> {
        let Some(text) = &brief.failure_file else { return Ok(None) };
        let path = self.folder.join(format!("{}-{}.ron", self.stem(ran.scenario), ran.seed));
        std::fs::create_dir_all(self.folder)
            .and_then(|()| std::fs::write(&path, text))
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        Ok(Some(path))
    }

    /// The scenario's name, with that of its folder before it if another one of this sweep is called the same.
    fn stem(&self, index: usize) -> String {
        let scenario: &Scenario = &self.sweep.scenarios[index];
        let namesakes = self.sweep.scenarios.iter().filter(|other| other.name == scenario.name).count();
        let folder = scenario.path.parent().and_then(Path::file_name);
        match folder {
            Some(folder) if namesakes > 1 => format!("{}-{}", folder.to_string_lossy(), scenario.name),
            _ => scenario.name.clone(),
        }
    }

    /// The line that does the run again.
    fn replay<X>(&self, ran: &Ran<X>, file: Option<&Path>) -> String {
        match file {
            Some(file) => format!("indoubt replay {}", in_shell(&file.display().to_string())),
            None => report::replay_line(&self.sweep.scenarios[ran.scenario], ran.seed, self.sweep.defect),
        }
    }
}
