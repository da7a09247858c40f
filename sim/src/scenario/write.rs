//! Faults as text of the scenario language: what tapes are made of.

use std::fmt::Write;
use std::time::Duration;

use super::model::{DiskFault, Fault, FaultAction, LinkQuality, When};

/// A duration as scenario files write it, exact to the nanosecond.
#[must_use]
pub fn duration_to_text(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

/// An entry of a `faults` section. Reading it back gives the same fault (but for its line).
#[must_use]
pub fn fault_to_text(fault: &Fault) -> String {
    format!("(when: {}, what: {})", when_to_text(&fault.when), action_to_text(&fault.what))
}

fn quoted(duration: Duration) -> String {
    format!("\"{}\"", duration_to_text(duration))
}

fn when_to_text(when: &When) -> String {
    match when {
        When::At(at) => format!("at({})", quoted(*at)),
        When::Between(from, to) => format!("between({}, {})", quoted(*from), quoted(*to)),
        When::Random { from, to, mean_interval } => {
            format!("random(from: {}, to: {}, mean_interval: {})", quoted(*from), quoted(*to), quoted(*mean_interval))
        }
        When::Step { process, step, nth, after } => moment("step", step.name(), process.as_deref(), *nth, *after),
        When::Event { process, event, nth, after } => moment("event", event, process.as_deref(), *nth, *after),
    }
}

fn moment(form: &str, name: &str, process: Option<&str>, nth: u32, after: Duration) -> String {
    let mut text = format!("{form}(name: \"{name}\"");
    if let Some(process) = process {
        let _ = write!(text, ", process: \"{process}\"");
    }
    if nth != 1 {
        let _ = write!(text, ", nth: {nth}");
    }
    if !after.is_zero() {
        let _ = write!(text, ", after: {}", quoted(after));
    }
    text.push(')');
    text
}

fn action_to_text(action: &FaultAction) -> String {
    match action {
        FaultAction::Kill { process, restart_after } => subject("kill", "process", process, *restart_after),
        FaultAction::Start { process } => subject("start", "process", process, None),
        FaultAction::Stop { process, force, restart_after } => {
            let mode = if *force { "FORCE" } else { "QUIESCE" };
            let mut text = format!("stop(process: \"{process}\", mode: {mode}");
            restart(&mut text, *restart_after);
            text.push(')');
            text
        }
        FaultAction::PowerOff { place, restart_after } => subject("power_off", "place", place.name(), *restart_after),
        FaultAction::TakeOffline { place, restart_after } => {
            subject("take_offline", "image", place.name(), *restart_after)
        }
        FaultAction::Pause { process, duration } => {
            format!("pause(process: \"{process}\", duration: {})", quoted(*duration))
        }
        FaultAction::Cut { from, to, one_way, duration } => {
            let one_way = if *one_way { ", one_way: YES" } else { "" };
            let (from, to) = (from.name(), to.name());
            format!("cut(from: \"{from}\", to: \"{to}\"{one_way}, duration: {})", quoted(*duration))
        }
        FaultAction::Degrade { from, to, quality, duration } => {
            let (from, to) = (from.name(), to.name());
            format!(
                "degrade(from: \"{from}\", to: \"{to}\", {}, duration: {})",
                quality_to_text(quality),
                quoted(*duration)
            )
        }
        FaultAction::Disk { process, fault, duration } => {
            let mut text = format!("disk(process: \"{process}\", fault: {}", disk_to_text(*fault));
            if let Some(duration) = duration {
                let _ = write!(text, ", duration: {}", quoted(*duration));
            }
            text.push(')');
            text
        }
        FaultAction::OneOf(choices) => {
            let choices =
                choices.iter().map(|(weight, what)| format!("(weight: {weight}, what: {})", action_to_text(what)));
            format!("one_of([{}])", choices.collect::<Vec<_>>().join(", "))
        }
    }
}

fn subject(form: &str, field: &str, name: &str, restart_after: Option<Duration>) -> String {
    if restart_after.is_none() {
        return format!("{form}(\"{name}\")");
    }
    let mut text = format!("{form}({field}: \"{name}\"");
    restart(&mut text, restart_after);
    text.push(')');
    text
}

fn restart(text: &mut String, restart_after: Option<Duration>) {
    if let Some(after) = restart_after {
        let _ = write!(text, ", restart_after: {}", quoted(after));
    }
}

fn disk_to_text(fault: DiskFault) -> String {
    match fault {
        DiskFault::LoseForce => "lose_force".into(),
        DiskFault::TearLastWrite => "tear_last_write".into(),
        DiskFault::Slow(by) => format!("slow({})", quoted(by)),
        DiskFault::Full => "full".into(),
        DiskFault::RotTail => "rot_tail".into(),
    }
}

fn quality_to_text(quality: &LinkQuality) -> String {
    let least = quality.latency.base;
    let mut text = format!("latency: ({}, {})", quoted(least), quoted(least + quality.latency.jitter));
    for (field, share) in
        [("loss", quality.loss_ppm), ("duplication", quality.duplication_ppm), ("reordering", quality.reordering_ppm)]
    {
        let _ = write!(text, ", {field}: \"{}.{:04}%\"", share / 10_000, share % 10_000);
    }
    if let Some(bandwidth) = quality.bandwidth {
        let _ = write!(text, ", bandwidth: {bandwidth}");
    }
    text
}
