//! `indoubt replay`: the same run again, with as much detail as asked for.

use indoubt_engine::time::Time;
use serde_json::json;

use super::arguments::{Format, ReplayArguments};
use super::detail::{self, Lens};
use super::run::broken;
use super::status::Status;
use super::{BadInput, Simulate, defects, files, output};
use crate::report;
use crate::run::{Happening, Keep, RunOutcome, RunRequest};
use crate::scenario::model::Recorded;

pub(super) fn replay(arguments: &ReplayArguments, format: Format, simulate: Simulate<'_>) -> Result<Status, BadInput> {
    let scenario = files::read(&arguments.path)?;
    let recorded = scenario.recorded.clone();
    let seed = arguments
        .seed
        .or(recorded.as_ref().map(|recorded| recorded.seed))
        .ok_or_else(|| BadInput::because(format_args!("{} records no seed: say --seed N", arguments.path.display())))?;
    let planted = arguments.defect.as_deref().or(recorded.as_ref().and_then(|recorded| recorded.defect.as_deref()));
    let defect = defects::if_named(planted)?;
    let lens = Lens { until: arguments.until, processes: arguments.process.clone() };
    detail::show(arguments.verbose, format, &lens);
    let keep = if arguments.verbose > 0 { Keep::Detail } else { Keep::Report };
    let request = RunRequest { scenario, seed, defect, keep };
    let outcome = match simulate(&request) {
        Ok(outcome) => outcome,
        Err(error) => {
            broken(&request, &error, format);
            return Ok(Status::TestbedFailed);
        }
    };
    // A fingerprint is that of one seed with one defect: another one is another run.
    let same_run =
        |recorded: &Recorded| recorded.seed == seed && recorded.defect.as_deref() == defect.map(|defect| defect.name());
    let recorded = recorded.filter(same_run).map(|recorded| recorded.fingerprint);
    match format {
        Format::Text => {
            // With every frame, everything has been shown in its place already.
            if (1..=2).contains(&arguments.verbose) {
                output::print(&detailed_timeline(&outcome, arguments.verbose, &lens));
            }
            output::print(&report::render(&outcome));
            if recorded == Some(outcome.fingerprint) {
                output::print("  the fingerprint is the one recorded\n");
            }
        }
        Format::Json => {
            let mut object = report::json(&outcome);
            object["recorded_fingerprint"] = json!(recorded.map(report::fingerprint));
            object["same_as_recorded"] = json!(recorded.map(|recorded| recorded == outcome.fingerprint));
            output::print_json(&object);
        }
    }
    let status = Status::of(outcome.judgement.verdict);
    match recorded {
        Some(recorded) if recorded != outcome.fingerprint => {
            another_fingerprint(&request, &outcome, recorded, simulate);
            Ok(status.max(Status::TestbedFailed))
        }
        _ => Ok(status),
    }
}

/// Says loudly that this is not the run that was recorded, and finds out which of the two reasons it has.
fn another_fingerprint(request: &RunRequest, outcome: &RunOutcome, recorded: u64, simulate: Simulate<'_>) {
    let again = simulate(request).map(|outcome| outcome.fingerprint);
    let likely = if again == Ok(outcome.fingerprint) {
        "A second run just now has the same fingerprint as the first: the run is deterministic, but the code or the file \
         has changed since it was recorded. The faults are those of the tape; the rest may differ."
    } else {
        "A second run just now differs from the first: THE TESTBED IS NOT DETERMINISTIC. Nothing that it says can be \
         relied on until this is repaired."
    };
    let rule = "*".repeat(80);
    let mut banner = format!(
        "{rule}\nTHIS IS NOT THE RUN THAT WAS RECORDED\n  recorded fingerprint  {}\n  fingerprint now       {}\n",
        report::fingerprint(recorded),
        report::fingerprint(outcome.fingerprint)
    );
    if let Ok(again) = again {
        banner.push_str(&format!("  once more             {}\n", report::fingerprint(again)));
    }
    report::layout::paragraph(&mut banner, 0, likely);
    banner.push_str(&rule);
    output::complain(format_args!("{banner}"));
}

/// What was kept of the run, one line each; steps only if asked for.
fn detailed_timeline(outcome: &RunOutcome, verbose: u8, lens: &Lens) -> String {
    let mut page = String::new();
    for entry in &outcome.timeline {
        // What became of a process is among the details.
        let told = match entry.what {
            Happening::Process(_) => false,
            Happening::Detail(_) => verbose >= 2,
            _ => true,
        };
        if !told {
            continue;
        }
        let since_start = entry.at.since(Time::START);
        let everybody = matches!(
            entry.what,
            Happening::Fault { .. } | Happening::Command { .. } | Happening::Followed(_) | Happening::Healed(_)
        );
        if lens.shows(since_start, if everybody { None } else { Some(&entry.who) }) {
            page.push_str(&format!(
                "{:>14}  {:<12}  {}\n",
                entry.at.to_string(),
                entry.who,
                report::describe(&entry.what)
            ));
        }
    }
    if !page.is_empty() {
        page.push('\n');
    }
    page
}
