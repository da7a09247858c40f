//! The ledger's account: numbers, permitted losses and why, findings with their stories.

use std::collections::BTreeMap;

use indoubt_engine::time::{Duration, Time};
use indoubt_ledger::verdict::{Account, Finding, FindingKind, Judgement, Left, PermittedGroup};

use super::layout::{Align, Table, WIDTH, after, count, heading, moment, paragraph, wrap};

/// Of the story of one message, so many lines are shown at each end.
const STORY_LINES_AT_EACH_END: usize = 12;

/// So many findings of a run are told in full; the rest is counted.
const FINDINGS_IN_FULL: usize = 10;

/// `set_aside` tells where messages are that nobody could process.
pub(super) fn write(page: &mut String, judgement: &Judgement, set_aside: &str) {
    heading(page, "The ledger's account");
    numbers(page, &judgement.account, set_aside);
    left(page, &judgement.left);
    if !judgement.permitted.is_empty() {
        let mut kind = None;
        for group in &judgement.permitted {
            let title = match group.kind {
                FindingKind::Duplicated => "Permitted duplicates",
                FindingKind::Miscounted => "Redelivery counts that began again, as permitted",
                FindingKind::SplitBrain => "Permitted overlaps of owners",
                _ => "Permitted losses",
            };
            if kind.replace(group.kind) != Some(group.kind) {
                page.push_str(&format!("\n  {title}:\n"));
            }
            paragraph(page, 4, &permitted(group));
        }
    }
    if !judgement.expected.is_empty() {
        page.push_str("\n  Allowed by this scenario:\n");
        let mut by_rule: BTreeMap<(&str, &str), Vec<&Finding>> = BTreeMap::new();
        for expected in &judgement.expected {
            by_rule.entry((&expected.because, &expected.rule)).or_default().push(&expected.finding);
        }
        for ((because, rule), findings) in by_rule {
            paragraph(page, 4, &format!("After {because}: {rule}"));
            for finding in findings.iter().take(FINDINGS_IN_FULL) {
                paragraph(page, 6, &format!("{}: {}", finding.kind, finding.message));
            }
            if findings.len() > FINDINGS_IN_FULL {
                paragraph(page, 6, &format!("... and {} more.", findings.len() - FINDINGS_IN_FULL));
            }
        }
    }
    if !judgement.findings.is_empty() {
        heading(page, &format!("Violations: {}", judgement.findings.len()));
        for (index, finding) in judgement.findings.iter().take(FINDINGS_IN_FULL).enumerate() {
            if index > 0 {
                page.push('\n');
            }
            told(page, finding);
        }
        if judgement.findings.len() > FINDINGS_IN_FULL {
            page.push('\n');
            paragraph(page, 2, &format!("... and {} more.", judgement.findings.len() - FINDINGS_IN_FULL));
        }
    }
    if !judgement.unknown_reasons.is_empty() {
        heading(page, "What cannot be told");
        for reason in &judgement.unknown_reasons {
            paragraph(page, 2, reason);
        }
    }
}

/// How many of what, after what, and why. The events of the middleware have names that a scenario can use; those of the
/// world are told in words.
fn permitted(group: &PermittedGroup) -> String {
    let PermittedGroup { kind, rule, cause, count: number, .. } = group;
    if *kind == FindingKind::SplitBrain {
        let longest = group.longest_ns.map(|ns| format!(" ({} at most)", lasted(ns))).unwrap_or_default();
        return format!("{} of {cause}{longest}, because {rule}", count(*number, "overlap"));
    }
    let parts = match group.parts.as_slice() {
        [] => String::new(),
        [part] => format!(" of {} ({})", part.queue, part.quality),
        parts => {
            let parts = parts.iter().map(|part| format!("{} of {} ({})", part.count, part.queue, part.quality));
            format!(" ({})", parts.collect::<Vec<_>>().join(", "))
        }
    };
    format!("{}{parts} after {cause}, because {rule}", count(*number, "message"))
}

/// What is still there, by queue.
fn left(page: &mut String, left: &[Left]) {
    if left.is_empty() {
        return;
    }
    page.push_str("\n  Still on their queues:\n");
    for Left { queue, count: number, is_drained } in left {
        let nobody = if *is_drained { "" } else { ", which nobody empties" };
        paragraph(page, 4, &format!("{} of {queue}{nobody}", count(*number, "message")));
    }
}

fn lasted(ns: u64) -> String {
    after(Duration::from_nanos(ns)).trim_start_matches('+').to_owned()
}

fn numbers(page: &mut String, account: &Account, set_aside: &str) {
    let mut table = Table::new(&[Align::Left, Align::Right, Align::Left]);
    let mut row = |name: &str, number: u64, about: &str| table.row([name.into(), number.to_string(), about.into()]);
    row("sent", account.sent, "puts that applications tried");
    row("acknowledged", account.acknowledged, "applications were told that it is done");
    row("unknown", account.unknown, "applications do not know whether it is done");
    row("refused", account.refused, "refused or backed out");
    row("delivered", account.delivered, "messages consumed");
    row("duplicated", account.duplicated, "consumed again, or still there after it was consumed");
    row("lost", account.lost, "acknowledged, and nowhere");
    row("permitted", account.permitted, "acknowledged, and nowhere, as documented");
    if account.permitted_duplicates > 0 {
        row("dup. permitted", account.permitted_duplicates, "consumed again, or still there, as documented");
    }
    row("dead-lettered", account.dead_lettered, set_aside);
    row("expired", account.expired, "expired before anybody got them");
    row("remaining", account.remaining, "still on their queues");
    row("sent again", account.possible_duplicates, "by applications that did not know");
    table.write(page, 2);
}

fn told(page: &mut String, finding: &Finding) {
    let queue = finding.queue.as_ref().map(|queue| format!(" on {queue}")).unwrap_or_default();
    let at = moment(Time::from_nanoseconds(finding.at_ns));
    paragraph(page, 2, &format!("{}{queue}, {at}: {}", finding.kind.name().to_uppercase(), finding.message));
    let story: Vec<&str> = finding.detail.lines().collect();
    let ends = STORY_LINES_AT_EACH_END;
    for (index, line) in story.iter().enumerate() {
        if story.len() > 2 * ends && index == ends {
            page.push_str(&format!("      ... {} lines left out ...\n", story.len() - 2 * ends));
        }
        if story.len() > 2 * ends && (ends..story.len() - ends).contains(&index) {
            continue;
        }
        story_line(page, line);
    }
}

/// The columns of a story are the ledger's own: kept as they are while they fit.
fn story_line(page: &mut String, line: &str) {
    let line = line.trim_end();
    if line.chars().count() + 6 <= WIDTH {
        page.push_str(&format!("      {line}\n"));
        return;
    }
    let (head, what) = line.split_at(columns(line));
    let start = 6 + head.chars().count();
    for (index, part) in wrap(what, WIDTH.saturating_sub(start)).iter().enumerate() {
        if index == 0 {
            page.push_str(&format!("      {head}"));
        } else {
            page.push_str(&" ".repeat(start));
        }
        page.push_str(part);
        page.push('\n');
    }
}

/// Where a line of a story tells what happened, in bytes: behind time and name, if these leave room for it.
fn columns(line: &str) -> usize {
    let behind = |from: usize| {
        let gap = from + line.get(from..)?.find("  ")?;
        Some(gap + line[gap..].find(|character| character != ' ')?)
    };
    let time = line.find(|character| character != ' ').unwrap_or(0);
    behind(time).and_then(behind).filter(|start| *start + 40 <= WIDTH).unwrap_or(0)
}
