//! The story of a message or a unit of work: who did what with it, when, and which faults came in between.
//!
//! One line for each happening: `12.345678s  who  what`.

use std::fmt::Write as _;

use crate::audit::Availability;
use crate::finding::Subject;
use crate::history::{
    Call, Completion, MessageIdentity, Moment, Operation, Origin, ProcessIndex, UnitIndex, UnitOutcome, WorldHappening,
};
use crate::index::{Index, MessageIndex};
use crate::ownership::Overlap;

/// A time in seconds with six digits.
pub(crate) fn seconds(at_ns: u64) -> String {
    format!("{}.{:06}s", at_ns / 1_000_000_000, at_ns % 1_000_000_000 / 1_000)
}

/// How many lines of one sort a story has at most.
const LINES: usize = 24;

/// Lines of a story, in any order until they are told.
#[derive(Default)]
struct Lines(Vec<(Moment, String, String)>);

const THE_END: u32 = u32::MAX;

impl Lines {
    fn tell(mut self) -> String {
        self.0.sort();
        self.0.dedup();
        let width = self.0.iter().map(|(_, who, _)| who.len()).max().unwrap_or(0);
        let mut text = String::new();
        for (at, who, what) in self.0 {
            let _ = writeln!(text, "{:>14}  {who:<width$}  {what}", seconds(at.at_ns));
        }
        text.truncate(text.trim_end().len());
        text
    }

    fn push(&mut self, at: Moment, who: &str, what: String) {
        self.0.push((at, who.to_owned(), what));
    }
}

/// Tells it.
pub(crate) fn tell(index: &Index<'_>, subject: Subject, at_ns: u64) -> String {
    let mut lines = Lines::default();
    match subject {
        Subject::Message(message) => {
            message_lines(index, message, &mut lines);
            left_lines(index, index.sent(message).put.message, &mut lines);
            between(index, &mut lines, at_ns);
        }
        Subject::TwoMessages(one, other) => {
            message_lines(index, one, &mut lines);
            message_lines(index, other, &mut lines);
            between(index, &mut lines, at_ns);
        }
        Subject::Stranger(identity) => {
            delivery_lines(index, identity, &mut lines);
            left_lines(index, identity, &mut lines);
        }
        Subject::Unit(unit) => {
            unit_lines(index, unit, &mut lines);
            for (_, call) in index.calls_of(unit).iter().take(LINES) {
                match (call.operation, call.completed) {
                    (Operation::Put(put), _) => {
                        delivery_lines(index, put.message, &mut lines);
                        left_lines(index, put.message, &mut lines);
                    }
                    (Operation::Get(_), Some((_, Completion::Delivered(delivery)))) => {
                        delivery_lines(index, delivery.message, &mut lines);
                        left_lines(index, delivery.message, &mut lines);
                    }
                    _ => {}
                }
            }
            between(index, &mut lines, at_ns);
        }
        Subject::Process { process, since_ns } => {
            process_lines(index, process, since_ns, &mut lines);
            world_lines(index, since_ns, at_ns, &mut lines);
        }
        Subject::World { from_ns, to_ns } => world_lines(index, from_ns, to_ns, &mut lines),
        Subject::Overlap(overlap) => overlap_lines(index, &overlap, &mut lines),
    }
    lines.tell()
}

fn process_name<'i>(index: &'i Index<'_>, process: ProcessIndex) -> &'i str {
    &index.history.processes[process.index()].name
}

fn unit_suffix(index: &Index<'_>, unit: Option<UnitIndex>) -> String {
    unit.map_or_else(|| ", outside syncpoint".to_owned(), |unit| format!(", in {}", index.history.unit_name(unit)))
}

fn call_lines(index: &Index<'_>, call: &Call, lines: &mut Lines) {
    let queue = |queue: crate::history::QueueIndex| &index.history.queues[queue.index()];
    let what = match call.operation {
        Operation::MakeReady => return,
        Operation::Put(put) => {
            let kind = &index.history.qualities[put.quality.index()];
            let origin = match put.origin {
                Origin::New => String::new(),
                Origin::ResendOf(first) => format!(", sent again for message {first}"),
                Origin::MovedFrom(first) => format!(", moved here as message {first} was"),
            };
            let unit = unit_suffix(index, put.unit);
            format!("put of message {} ({kind}) to {}{unit}{origin}", put.message, queue(put.queue))
        }
        Operation::Get(get) => match call.completed {
            Some((_, Completion::Delivered(delivery))) => {
                let backed_out = match delivery.backout_count {
                    0 => String::new(),
                    count => format!(", backout count {count}"),
                };
                let (message, unit) = (delivery.message, unit_suffix(index, get.unit));
                format!("get of message {message} from {}{unit}{backed_out}", queue(get.queue))
            }
            _ => format!("get from {}{}", queue(get.queue), unit_suffix(index, get.unit)),
        },
        Operation::Commit { unit } => format!("commit of {}", index.history.unit_name(unit)),
        Operation::Backout { unit } => format!("backout of {}", index.history.unit_name(unit)),
        Operation::Acquire { resource } => format!("acquisition of {}", index.history.resources[resource.index()]),
        Operation::Release { resource } => format!("release of {}", index.history.resources[resource.index()]),
    };
    let who = process_name(index, call.process);
    match call.completed {
        Some((at, Completion::Delivered(_))) => lines.push(at, who, what),
        Some((at, completion)) => {
            let told = match completion {
                Completion::Ok if matches!(call.operation, Operation::Get(_)) => "nothing there",
                Completion::Ok | Completion::Delivered(_) => "ok",
                Completion::Failed => "failed",
                Completion::Unknown => "outcome unknown",
            };
            lines.push(call.invoked, who, what.clone());
            lines.push(at, who, format!("{what}: {told}"));
        }
        None => lines.push(call.invoked, who, format!("{what}: never completed")),
    }
}

/// How a unit of work ended.
fn unit_end_lines(index: &Index<'_>, unit: UnitIndex, lines: &mut Lines) {
    let mut asked = false;
    for (_, call) in index.calls_of(unit) {
        if matches!(call.operation, Operation::Commit { .. } | Operation::Backout { .. }) {
            call_lines(index, call, lines);
            asked = true;
        }
    }
    let record = index.history.units[unit.index()];
    let who = process_name(index, record.process);
    if let Some((at, outcome)) = record.resolved {
        let outcome = match outcome {
            UnitOutcome::Committed => "committed",
            UnitOutcome::BackedOut => "backed out",
        };
        lines.push(at, who, format!("learns that {} is {outcome}", index.history.unit_name(unit)));
    } else if !asked && let Some((_, last)) = index.calls_of(unit).last() {
        let at = last.ended().unwrap_or(last.invoked);
        lines.push(at, who, format!("{} was never asked to end", index.history.unit_name(unit)));
    }
    for (at, change) in &index.history.processes[record.process.index()].life {
        let first = index.calls_of(unit).first().map(|(_, call)| call.invoked);
        let last =
            index.calls_of(unit).last().map(|(_, call)| call.ended().unwrap_or(Moment { sequence: THE_END, ..*at }));
        let pending = index.calls_of(unit).iter().any(|(_, call)| call.completed.is_none());
        if *change == crate::history::LifeChange::Ended && Some(*at) > first && (Some(*at) < last || pending || !asked)
        {
            lines.push(*at, who, "ended from outside".to_owned());
            break;
        }
    }
}

fn unit_lines(index: &Index<'_>, unit: UnitIndex, lines: &mut Lines) {
    for (_, call) in index.calls_of(unit).iter().take(LINES) {
        call_lines(index, call, lines);
    }
    unit_end_lines(index, unit, lines);
}

fn message_lines(index: &Index<'_>, message: MessageIndex, lines: &mut Lines) {
    let sent = index.sent(message);
    call_lines(index, sent.call, lines);
    if let Some(unit) = sent.put.unit {
        unit_end_lines(index, unit, lines);
    }
    delivery_lines(index, sent.put.message, lines);
}

fn delivery_lines(index: &Index<'_>, identity: MessageIdentity, lines: &mut Lines) {
    for delivered in index.deliveries_of(identity).iter().take(LINES) {
        call_lines(index, delivered.call, lines);
        if let Some(unit) = delivered.get.unit {
            unit_end_lines(index, unit, lines);
        }
    }
}

fn left_lines(index: &Index<'_>, identity: MessageIdentity, lines: &mut Lines) {
    let end = Moment { at_ns: index.audit.at_ns, sequence: THE_END };
    let left = index.left_of(identity);
    for left in left {
        let queue = &index.history.queues[left.queue.index()];
        let how = match &left.left.availability {
            _ if left.left.expired => "expired".to_owned(),
            Availability::Available => "available".to_owned(),
            Availability::UncommittedPut(holder) => format!("uncommitted, put by {}", holder.text),
            Availability::Held(holder) => format!("held by {}", holder.text),
            Availability::Unreachable { why } => format!("out of reach, {why}"),
        };
        lines.push(end, "audit", format!("message {identity} is on {queue}: {how}"));
    }
    if left.is_empty() {
        let consumed = !index.deliveries_of(identity).is_empty();
        let what = if consumed { "is on no queue" } else { "is nowhere, and nobody ever got it" };
        lines.push(end, "audit", format!("message {identity} {what}"));
    }
}

/// What the world did while the lines so far happened.
fn between(index: &Index<'_>, lines: &mut Lines, at_ns: u64) {
    if let Some(from_ns) = lines.0.iter().map(|(at, ..)| at.at_ns).min() {
        world_lines(index, from_ns, at_ns, lines);
    }
}

/// Faults first: if there is more than a story can hold, events are left out, the last ones.
fn world_lines(index: &Index<'_>, from_ns: u64, to_ns: u64, lines: &mut Lines) {
    let world = &index.history.world;
    let from = world.partition_point(|record| record.at.at_ns < from_ns);
    let to = world.partition_point(|record| record.at.at_ns <= to_ns).max(from);
    let (mut faults, mut events, mut left_out) = (0, 0, 0);
    for record in &world[from..to] {
        let (count, who, what) = match &record.what {
            WorldHappening::Fault(fault) => (&mut faults, "fault", fault.text.clone()),
            WorldHappening::Healed(healing) => (&mut faults, "healed", healing.text.clone()),
            WorldHappening::Command(command) => (&mut faults, command.by.as_str(), command.text.clone()),
            WorldHappening::Event { name, subject, by, text } => {
                let text = if text.is_empty() { name.clone() } else { text.clone() };
                let who = if by.is_empty() { subject } else { by };
                (&mut events, if who.is_empty() { "world" } else { who.as_str() }, text)
            }
        };
        *count += 1;
        if *count <= LINES {
            lines.push(record.at, who, what);
        } else {
            left_out += 1;
        }
    }
    if left_out > 0 {
        let end = Moment { at_ns: to_ns, sequence: THE_END };
        lines.push(end, "world", format!("{left_out} more faults and events, left out"));
    }
}

/// Since when each was an owner, until when both were, and what the world did in that time.
fn overlap_lines(index: &Index<'_>, overlap: &Overlap, lines: &mut Lines) {
    let moment = |at_ns, sequence| Moment { at_ns, sequence };
    for (owner, since_ns) in &overlap.owners {
        lines.push(moment(*since_ns, 0), owner, format!("is an active owner of {} from here on", overlap.resource));
    }
    let what = if overlap.goes_on { "still has two owners" } else { "no longer has two owners" };
    lines.push(moment(overlap.to_ns, THE_END), "ledger", format!("{} {what}", overlap.resource));
    world_lines(index, overlap.from_ns, overlap.to_ns, lines);
}

/// What a process did since a time, the last of it.
fn process_lines(index: &Index<'_>, process: ProcessIndex, since_ns: u64, lines: &mut Lines) {
    let from = index.history.calls.partition_point(|call| call.invoked.at_ns < since_ns);
    let is_told = |call: &&Call| call.process == process && !matches!(call.operation, Operation::MakeReady);
    let mine: Vec<&Call> = index.history.calls[from..].iter().filter(is_told).collect();
    for call in &mine[mine.len().saturating_sub(LINES)..] {
        call_lines(index, call, lines);
    }
    for (at, change) in &index.history.processes[process.index()].life {
        if at.at_ns >= since_ns {
            lines.push(*at, process_name(index, process), format!("{change:?}").to_lowercase());
        }
    }
}
