//! Reads a queue history: JSON lines, one operation's invocation or completion each.
//!
//! The form is the one in which Jepsen writes histories, reduced to what a queue needs: `process`, `type` (`invoke`, `ok`,
//! `fail`, `info`), `f` (`enqueue`, `dequeue`, `drain`), `value`, and optionally `time_ms` and `queue`; other fields are
//! ignored. Whoever tests a real system in a lab can write it. What the lines mean together is not looked at here.

use std::io::BufRead;

use serde_json::{Map, Value};
use thiserror::Error;

/// What is asked of a queue history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueHistoryOptions {
    /// Whether messages of one producer must be consumed in the order in which they were put.
    pub ordered: bool,
}

/// A queue history that cannot be read.
#[derive(Debug, Error)]
pub enum HistoryError {
    /// It could not be read at all.
    #[error("the history cannot be read: {0}")]
    Read(#[from] std::io::Error),
    /// A line is wrong.
    #[error("line {line}: {what}")]
    Line {
        /// Counted from 1.
        line: u64,
        /// What is wrong with it.
        what: String,
    },
}

/// `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Invoke,
    Ok,
    Fail,
    Info,
}

/// `f`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Enqueue,
    Dequeue,
    Drain,
}

impl Function {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Function::Enqueue => "enqueue",
            Function::Dequeue => "dequeue",
            Function::Drain => "drain",
        }
    }
}

/// A line that is well-formed by itself.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// Counted from 1.
    pub(crate) number: u64,
    /// A number or a string, as JSON text, so that `1` and `"1"` are two.
    pub(crate) process: String,
    pub(crate) phase: Phase,
    pub(crate) function: Function,
    /// `None` if the field is missing.
    pub(crate) value: Option<Value>,
    pub(crate) time_ms: Option<u64>,
    pub(crate) queue: Option<String>,
}

impl Line {
    pub(crate) fn error(&self, what: impl Into<String>) -> HistoryError {
        HistoryError::Line { line: self.number, what: what.into() }
    }
}

/// Reads all lines and hands them on, one after the other. Blank lines are skipped.
pub(crate) fn read(
    mut reader: impl BufRead,
    mut each: impl FnMut(Line) -> Result<(), HistoryError>,
) -> Result<(), HistoryError> {
    let mut bytes = Vec::new();
    let mut number = 0;
    loop {
        bytes.clear();
        if reader.read_until(b'\n', &mut bytes)? == 0 {
            return Ok(());
        }
        number += 1;
        let error = |what: String| HistoryError::Line { line: number, what };
        let text = std::str::from_utf8(&bytes).map_err(|_| error("not UTF-8".to_owned()))?;
        let text = if number == 1 { text.trim_start_matches('\u{feff}') } else { text };
        if !text.trim().is_empty() {
            each(parse(number, text).map_err(error)?)?;
        }
    }
}

fn parse(number: u64, text: &str) -> Result<Line, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| {
        // The position within the text would name line 1 of it.
        let column = error.column();
        let what = error.to_string();
        let what = what.split(" at line ").next().unwrap_or_default();
        format!("not JSON: {what} (column {column})")
    })?;
    let Value::Object(mut fields) = value else {
        return Err("an object is expected".to_owned());
    };
    let process = match fields.remove("process") {
        Some(process @ (Value::Number(_) | Value::String(_))) => process.to_string(),
        Some(other) => return Err(format!("`process` is a number or a string, not {other}")),
        None => return Err("`process` is missing".to_owned()),
    };
    let phase = match name(&fields, "type")? {
        "invoke" => Phase::Invoke,
        "ok" => Phase::Ok,
        "fail" => Phase::Fail,
        "info" => Phase::Info,
        other => return Err(format!("`type` is `invoke`, `ok`, `fail` or `info`, not {other:?}")),
    };
    let function = match name(&fields, "f")? {
        "enqueue" => Function::Enqueue,
        "dequeue" => Function::Dequeue,
        "drain" => Function::Drain,
        other => return Err(format!("`f` is `enqueue`, `dequeue` or `drain`, not {other:?}")),
    };
    let queue = match fields.remove("queue") {
        None | Some(Value::Null) => None,
        Some(Value::String(queue)) => Some(queue),
        Some(other) => return Err(format!("`queue` is a string, not {other}")),
    };
    let time_ms = match fields.remove("time_ms") {
        None | Some(Value::Null) => None,
        Some(Value::Number(time)) => Some(milliseconds(&time)?),
        Some(other) => return Err(format!("`time_ms` is a number, not {other}")),
    };
    let value = fields.remove("value");
    if let Some(value) = &value {
        exact(value)?;
    }
    Ok(Line { number, process, phase, function, value, time_ms, queue })
}

fn name<'f>(fields: &'f Map<String, Value>, field: &str) -> Result<&'f str, String> {
    match fields.get(field) {
        Some(Value::String(name)) => Ok(name),
        Some(other) => Err(format!("`{field}` is a string, not {other}")),
        None => Err(format!("`{field}` is missing")),
    }
}

/// Whole milliseconds; a fraction is cut off, it serves only to tell the story.
fn milliseconds(time: &serde_json::Number) -> Result<u64, String> {
    let whole = time.as_u64().or_else(|| time.as_f64().filter(|time| *time >= 0.0).map(|time| time as u64));
    // Nanoseconds must fit, too.
    whole.filter(|whole| *whole <= u64::MAX / 1_000_000).ok_or_else(|| format!("`time_ms` cannot be {time}"))
}

/// Refuses numbers that JSON readers round: two different ones might be taken for the same message.
fn exact(value: &Value) -> Result<(), String> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Number(number) if number.is_f64() => match number.as_f64() {
            Some(number) if number.abs() < EXACT => Ok(()),
            _ => Err(format!("`value` {number} is too large to be told from its neighbours; write it as a string")),
        },
        Value::Array(values) => values.iter().try_for_each(exact),
        Value::Object(fields) => fields.values().try_for_each(exact),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}
