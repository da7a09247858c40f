//! `indoubt power`: whether the ledger convicts each planted defect.

use indoubt_engine::defect::Defect;
use indoubt_ledger::verdict::Verdict;

use super::arguments::{Format, PowerArguments};
use super::progress::Progress;
use super::status::Status;
use super::sweep::workers_of;
use super::{BadInput, Simulate, defects, files, output};
use crate::report;
use crate::sweep::{DefectPower, Power, Twin};

pub(super) fn power(arguments: &PowerArguments, format: Format, simulate: Simulate<'_>) -> Result<Status, BadInput> {
    defects::available()?;
    let mut wanted = arguments.defect.iter().map(|name| defects::named(name)).collect::<Result<Vec<Defect>, _>>()?;
    if wanted.is_empty() {
        wanted = Defect::ALL.to_vec();
    }
    let workers = workers_of(arguments.jobs)?;
    let power =
        Power { scenarios: files::read_all(&arguments.paths)?, seeds: arguments.seeds.iter().collect(), workers };
    let mut progress = Progress::new(wanted.len());
    let mut found = Vec::new();
    for defect in wanted {
        let one = power.of(defect, simulate);
        progress.step();
        if format == Format::Json {
            progress.suspend(|| output::print_json(&report::power_json(&one)));
        }
        found.push(one);
    }
    progress.finish();
    if format == Format::Text {
        output::print(&report::power(&found));
    }
    Ok(found.iter().map(status).max().unwrap_or(Status::NothingProven))
}

/// A defect that nobody convicts proves nothing; a twin that does not pass is a finding about the healthy system.
fn status(power: &DefectPower) -> Status {
    match power.conviction.as_ref().map(|conviction| &conviction.twin) {
        None => Status::NothingProven,
        Some(Twin::Broken(_)) => Status::TestbedFailed,
        Some(Twin::Judged(Verdict::Pass)) => Status::Holds,
        Some(Twin::Judged(verdict)) => Status::of(*verdict),
    }
}
