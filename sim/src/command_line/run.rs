//! `indoubt run`: one run of each scenario, with a report.

use serde_json::json;

use super::arguments::{Format, RunArguments};
use super::status::Status;
use super::{BadInput, Simulate, defects, files, output};
use crate::report;
use crate::run::{Keep, RunRequest};

pub(super) fn run(arguments: &RunArguments, format: Format, simulate: Simulate<'_>) -> Result<Status, BadInput> {
    let defect = defects::if_named(arguments.defect.as_deref())?;
    let scenarios = files::read_all(&arguments.paths)?;
    let mut status = Status::Holds;
    for (index, scenario) in scenarios.into_iter().enumerate() {
        let seed = arguments.seed.or(scenario.recorded.as_ref().map(|recorded| recorded.seed)).unwrap_or(0);
        let request = RunRequest { scenario, seed, defect, keep: Keep::Report };
        if index > 0 && format == Format::Text {
            output::print("\n");
        }
        status = status.max(one(&request, format, simulate));
    }
    Ok(status)
}

fn one(request: &RunRequest, format: Format, simulate: Simulate<'_>) -> Status {
    match simulate(request) {
        Ok(outcome) => {
            match format {
                Format::Text => output::print(&report::render(&outcome)),
                Format::Json => output::print_json(&report::json(&outcome)),
            }
            Status::of(outcome.judgement.verdict)
        }
        Err(error) => {
            broken(request, &error, format);
            Status::TestbedFailed
        }
    }
}

/// Tells that the testbed itself failed, and how to see it again.
pub(super) fn broken(request: &RunRequest, error: &str, format: Format) {
    let scenario = &request.scenario;
    let replay = report::replay_line(scenario, request.seed, request.defect);
    output::complain(format_args!(
        "TESTBED FAILED  {} seed {}: {error}\n  replay with: {replay}",
        scenario.name, request.seed
    ));
    if format == Format::Json {
        output::print_json(&json!({
            "scenario": scenario.name,
            "path": scenario.path.display().to_string(),
            "seed": request.seed,
            "verdict": "error",
            "error": error,
            "replay": replay,
        }));
    }
}
