//! What is put before people and programs: the report of a run, its JSON, the summary of a sweep.
//!
//! All of it is a pure function of what came out of the runs; nothing here knows a product. Text is at most 80 columns
//! wide and without colour, so that it can be reviewed as a snapshot.

mod account;
mod json;
mod lanes;
pub(crate) mod layout;
mod moves;
mod outage;
mod power;
mod summary;
mod timeline;
mod topology;

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

use indoubt_engine::defect::Defect;
use indoubt_engine::time::Duration;
use indoubt_ledger::verdict::{Account, FindingKind, Judgement, Verdict};

use crate::run::RunOutcome;
use crate::scenario::model::Scenario;
use layout::{Align, Table, WIDTH, count, length, paragraph};

pub use json::{json, judgement_json};
pub use power::{power, power_json};
pub use summary::{summary, summary_json};
pub use timeline::describe;

/// The report of a run.
#[must_use]
pub fn render(outcome: &RunOutcome) -> String {
    let scenario = &outcome.scenario;
    let mut page = String::new();
    page.push_str(&scenario.name);
    page.push('\n');
    page.push_str(&"=".repeat(scenario.name.chars().count().clamp(1, WIDTH)));
    page.push('\n');
    paragraph(&mut page, 0, &scenario.about);
    for source in &scenario.documented {
        paragraph(&mut page, 2, &format!("see {source}"));
    }
    topology::write(&mut page, scenario);
    topology::write_workload(&mut page, scenario);
    timeline::write(&mut page, outcome);
    lanes::write(&mut page, outcome);
    timeline::write_recoveries(&mut page, outcome);
    timeline::write_dormant(&mut page, outcome);
    outage::write(&mut page, outcome);
    account::write(&mut page, &outcome.judgement, &topology::set_aside(scenario));
    timeline::write_reached(&mut page, outcome);
    layout::heading(&mut page, "Verdict");
    verdict(&mut page, outcome);
    page
}

fn verdict(page: &mut String, outcome: &RunOutcome) {
    let mut table = Table::new(&[Align::Left, Align::Left]);
    table.row(["verdict".into(), sentence(&outcome.judgement)]);
    if let Some(defect) = outcome.defect {
        table.row(["planted defect".into(), format!("{}: {}", defect.name(), defect.about())]);
    }
    table.row(["seed".into(), outcome.seed.to_string()]);
    table.row(["fingerprint".into(), fingerprint(outcome.fingerprint)]);
    table.row(["simulated".into(), format!("{}, {}", length(outcome.simulated), count(outcome.frames, "frame"))]);
    table.write(page, 2);
    // On a line of its own and never broken, so that it can be copied.
    page.push_str("  replay with:\n    ");
    page.push_str(&replay_line(&outcome.scenario, outcome.seed, outcome.defect));
    page.push('\n');
}

/// The verdict as a sentence.
fn sentence(judgement: &Judgement) -> String {
    match judgement.verdict {
        Verdict::Pass => {
            let harm = harm(judgement);
            let harm = if harm.is_empty() { harm } else { format!(" ({harm})") };
            format!("PASS: every promise was kept{harm}")
        }
        Verdict::Fail => format!("FAIL: {}", count(judgement.findings.len() as u64, "violation")),
        Verdict::Unknown => "UNKNOWN: it cannot be told whether every promise was kept".to_owned(),
    }
}

/// What was permitted and allowed to happen to messages all the same.
fn harm(judgement: &Judgement) -> String {
    let Account { permitted, permitted_duplicates, .. } = judgement.account;
    let mut harm = Vec::new();
    for (number, what) in [(permitted, FindingKind::Lost), (permitted_duplicates, FindingKind::Duplicated)] {
        if number > 0 {
            harm.push(format!("{number} {what} as permitted"));
        }
    }
    for kind in FindingKind::ALL {
        let number = judgement.expected.iter().filter(|expected| expected.finding.kind == *kind).count();
        if number > 0 {
            harm.push(format!("{number} {} as this scenario allows", kind.name().replace('_', " ")));
        }
    }
    harm.join(", ")
}

/// A judgement without a run: of a history that came from elsewhere.
#[must_use]
pub fn render_judgement(title: &str, judgement: &Judgement) -> String {
    let mut page = format!("{title}: {}\n", sentence(judgement));
    account::write(&mut page, judgement, "on dead-letter or backout queues");
    page
}

/// How fingerprints are written: 16 hexadecimal digits.
#[must_use]
pub fn fingerprint(fingerprint: u64) -> String {
    format!("{fingerprint:016x}")
}

/// The one line that does a run again.
#[must_use]
pub fn replay_line(scenario: &Scenario, seed: u64, defect: Option<Defect>) -> String {
    let mut line = format!("indoubt replay {}", in_shell(&scenario.path.display().to_string()));
    let recorded = scenario.recorded.as_ref();
    if recorded.is_none_or(|recorded| recorded.seed != seed) {
        line.push_str(&format!(" --seed {seed}"));
    }
    if let Some(defect) = defect
        && recorded.and_then(|recorded| recorded.defect.as_deref()) != Some(defect.name())
    {
        line.push_str(&format!(" --defect {}", defect.name()));
    }
    line
}

/// A word as a shell takes it.
pub(crate) fn in_shell(word: &str) -> String {
    let plain = |character: char| character.is_alphanumeric() || "/._-+=:@%,".contains(character);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Whole milliseconds, for programs.
fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
