//! What a sweep came to.

use serde_json::{Value, json};

use super::layout::{Align, Table, count, heading, length, paragraph};
use super::milliseconds;
use crate::sweep::{Percentiles, Tally};

/// The summary of a sweep.
#[must_use]
pub fn summary(tallies: &[Tally]) -> String {
    let mut page = String::new();
    heading(&mut page, "Summary");
    let mut table = Table::new(&[Align::Right, Align::Right, Align::Right, Align::Right, Align::Right, Align::Left]);
    table.row(["seeds", "pass", "fail", "unknown", "broken", "scenario"].map(str::to_owned));
    for tally in tallies {
        let vacuous = if tally.is_vacuous() { " (VACUOUS)" } else { "" };
        table.row([
            tally.runs().to_string(),
            tally.passed.to_string(),
            tally.failed.to_string(),
            tally.unknown.to_string(),
            tally.broken.to_string(),
            format!("{}{vacuous}", tally.scenario.name),
        ]);
    }
    table.write(&mut page, 2);
    times(&mut page, "Recovery time, from a fault to the end of its recovery", tallies, Tally::recovery_times);
    times(&mut page, "Outage, the longest one of each run", tallies, Tally::outages);
    for tally in tallies {
        details(&mut page, tally);
    }
    page.push('\n');
    paragraph(&mut page, 0, &total(tallies));
    page
}

fn times(page: &mut String, title: &str, tallies: &[Tally], of: impl Fn(&Tally) -> Option<Percentiles>) {
    let mut table = Table::new(&[Align::Right, Align::Right, Align::Right, Align::Right, Align::Right, Align::Left]);
    table.row(["count", "p50", "p90", "p99", "max", "scenario"].map(str::to_owned));
    let mut any = false;
    for tally in tallies {
        let Some(times) = of(tally) else { continue };
        any = true;
        table.row([
            times.count.to_string(),
            length(times.p50),
            length(times.p90),
            length(times.p99),
            length(times.max),
            tally.scenario.name.clone(),
        ]);
    }
    if any {
        heading(page, title);
        table.write(page, 2);
    }
}

fn details(page: &mut String, tally: &Tally) {
    if tally.reached.is_empty() && tally.kinds.is_empty() && tally.permitted == 0 {
        return;
    }
    heading(page, &tally.scenario.name);
    let mut table = Table::new(&[Align::Right, Align::Left]);
    for (kind, (runs, first)) in &tally.kinds {
        table.row([runs.to_string(), format!("runs with a violation: {kind} (first with seed {first})")]);
    }
    for reached in &tally.reached {
        let text = if reached.runs == 0 { "NEVER REACHED:" } else { "runs reached" };
        table.row([reached.runs.to_string(), format!("{text} {}", reached.name)]);
    }
    if tally.permitted > 0 {
        table.row([tally.permitted.to_string(), "messages lost as permitted".into()]);
    }
    table.write(page, 2);
}

/// The verdict of a sweep in a sentence.
fn total(tallies: &[Tally]) -> String {
    let sum = |of: fn(&Tally) -> u64| tallies.iter().map(of).sum::<u64>();
    let vacuous = tallies.iter().filter(|tally| tally.is_vacuous()).count() as u64;
    let mut parts =
        vec![format!("{} passed", sum(|tally| tally.passed)), format!("{} failed", sum(|tally| tally.failed))];
    if sum(|tally| tally.unknown) > 0 {
        parts.push(format!("{} unknown", sum(|tally| tally.unknown)));
    }
    if sum(|tally| tally.broken) > 0 {
        parts.push(format!("{} broken (the testbed itself failed)", sum(|tally| tally.broken)));
    }
    if vacuous > 0 {
        parts.push(format!("{} vacuous", count(vacuous, "scenario")));
    }
    format!("{} in {}: {}", count(sum(Tally::runs), "run"), count(tallies.len() as u64, "scenario"), parts.join(", "))
}

/// The summary of a sweep as a JSON object.
#[must_use]
pub fn summary_json(tallies: &[Tally]) -> Value {
    let percentiles = |times: Option<Percentiles>| {
        times.map(|times| {
            json!({
                "count": times.count,
                "p50_ms": milliseconds(times.p50),
                "p90_ms": milliseconds(times.p90),
                "p99_ms": milliseconds(times.p99),
                "max_ms": milliseconds(times.max),
            })
        })
    };
    let scenarios: Vec<Value> = tallies
        .iter()
        .map(|tally| {
            let reached = tally.reached.iter().map(|reached| (reached.name.clone(), json!(reached.runs)));
            let kinds = tally
                .kinds
                .iter()
                .map(|(kind, (runs, first))| (kind.name().to_owned(), json!({ "runs": runs, "first_seed": first })));
            json!({
                "scenario": tally.scenario.name,
                "seeds": tally.runs(),
                "pass": tally.passed,
                "fail": tally.failed,
                "unknown": tally.unknown,
                "broken": tally.broken,
                "vacuous": tally.is_vacuous(),
                "recovery": percentiles(tally.recovery_times()),
                "outage": percentiles(tally.outages()),
                "reached": reached.collect::<Value>(),
                "violations": kinds.collect::<Value>(),
                "permitted": tally.permitted,
                "delivered": tally.delivered,
            })
        })
        .collect();
    json!({ "summary": {
        "seeds": tallies.iter().map(Tally::runs).sum::<u64>(),
        "pass": tallies.iter().map(|tally| tally.passed).sum::<u64>(),
        "fail": tallies.iter().map(|tally| tally.failed).sum::<u64>(),
        "unknown": tallies.iter().map(|tally| tally.unknown).sum::<u64>(),
        "broken": tallies.iter().map(|tally| tally.broken).sum::<u64>(),
        "vacuous": tallies.iter().filter(|tally| tally.is_vacuous()).count(),
        "scenarios": scenarios,
    } })
}
