//! Values that occur everywhere: durations, sizes, counts, words with a meaning.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::scenario::syntax::ast::{Node, Value};

use super::context::{Context, likely, one_of};

/// Nothing in a scenario lasts longer: 1,000 hours.
pub(super) const LONGEST: Duration = Duration::from_secs(3_600_000);

/// Nothing in a scenario is bigger: 1 TB.
const BIGGEST: u64 = 1 << 40;

/// A text in quotes.
pub(super) fn text(node: &Node, cx: &mut Context<'_>) -> Option<String> {
    match &node.value {
        Value::Text(text) => Some(text.clone()),
        _ => {
            cx.unexpected(node, "a text in quotes", "\"text\"");
            None
        }
    }
}

/// Prose: line breaks and indentation count as one space.
pub(super) fn prose(node: &Node, cx: &mut Context<'_>) -> Option<String> {
    let text = text(node, cx)?;
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() {
        cx.problem(node.span, "this text is empty", "say something");
        return None;
    }
    Some(text)
}

/// `"30s"`, `"200us"`, `"1m 30s"`.
pub(super) fn duration(node: &Node, cx: &mut Context<'_>) -> Option<Duration> {
    let text = match &node.value {
        Value::Text(text) => text,
        Value::Number(number) => {
            let message = format!("a duration needs a unit: \"{number}s\" or \"{number}ms\"?");
            cx.problem_with_help(node.span, message, "no unit", "durations are texts: \"30s\", \"200us\", \"1m 30s\"");
            return None;
        }
        _ => {
            cx.unexpected(node, "a duration", "\"30s\", \"200us\", \"1m 30s\"");
            return None;
        }
    };
    match humantime::parse_duration(text) {
        Ok(duration) if duration <= LONGEST => Some(duration),
        Ok(_) => {
            cx.problem(node.span, format!("\"{text}\" is longer than 1000 hours, which no scenario needs"), "too long");
            None
        }
        Err(error) => {
            let message = format!("\"{}\" is no duration: {error}", text.escape_debug());
            cx.problem_with_help(node.span, message, "not a duration", "durations: \"30s\", \"200us\", \"1m 30s\"");
            None
        }
    }
}

/// A duration that is not zero.
pub(super) fn positive_duration(node: &Node, cx: &mut Context<'_>) -> Option<Duration> {
    let value = duration(node, cx)?;
    if value.is_zero() {
        cx.problem(node.span, "this duration must be longer than zero", "zero");
        return None;
    }
    Some(value)
}

/// A duration between two of something that is done again and again: at least 1 ms, or a run would never end.
pub(super) fn interval(node: &Node, cx: &mut Context<'_>) -> Option<Duration> {
    let value = duration(node, cx)?;
    if value < Duration::from_millis(1) {
        cx.problem(node.span, "this interval must be at least 1ms", "too short");
        return None;
    }
    Some(value)
}

/// A duration that may begin with a minus sign, in nanoseconds.
pub(super) fn signed_nanoseconds(node: &Node, cx: &mut Context<'_>) -> Option<i64> {
    let Value::Text(text) = &node.value else {
        cx.unexpected(node, "a duration, perhaps with a minus sign", "\"-20ms\"");
        return None;
    };
    let (sign, rest) = text.strip_prefix('-').map_or((1, text.as_str()), |rest| (-1, rest));
    let inner = Node { span: node.span, value: Value::Text(rest.to_owned()) };
    let nanoseconds = i64::try_from(duration(&inner, cx)?.as_nanos()).ok()?;
    Some(sign * nanoseconds)
}

/// `"64MB"`, with K = 1024; a bare number is bytes.
pub(super) fn size(node: &Node, cx: &mut Context<'_>) -> Option<u64> {
    let text = match &node.value {
        Value::Text(text) | Value::Number(text) => text.trim(),
        _ => {
            cx.unexpected(node, "a size", "\"63KB\"");
            return None;
        }
    };
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor: Option<u64> = match unit.trim().to_ascii_uppercase().as_str() {
        "" | "B" => Some(1),
        "K" | "KB" | "KIB" => Some(1 << 10),
        "M" | "MB" | "MIB" => Some(1 << 20),
        "G" | "GB" | "GIB" => Some(1 << 30),
        "T" | "TB" | "TIB" => Some(1 << 40),
        _ => None,
    };
    let number = number.replace('_', "").parse::<u64>().ok();
    let (Some(number), Some(factor)) = (number, factor) else {
        let message = format!("\"{}\" is no size", text.escape_debug());
        cx.problem_with_help(
            node.span,
            message,
            "not a size",
            "sizes: \"512B\", \"63KB\", \"64MB\", \"1GB\" (K is 1024)",
        );
        return None;
    };
    match number.checked_mul(factor) {
        Some(size) if size <= BIGGEST => Some(size),
        _ => {
            cx.problem(
                node.span,
                format!("\"{}\" is bigger than 1 TB, which no scenario needs", text.escape_debug()),
                "too big",
            );
            None
        }
    }
}

/// `"0.1%"`, in parts per million.
pub(super) fn share(node: &Node, cx: &mut Context<'_>) -> Option<u32> {
    let help = "shares are written \"0.1%\", with at most four digits behind the point";
    let Value::Text(text) = &node.value else {
        cx.unexpected(node, "a share", "\"0.1%\"");
        return None;
    };
    let parsed = text.trim().strip_suffix('%').and_then(|number| {
        let (whole, part) = number.trim().split_once('.').unwrap_or((number.trim(), ""));
        let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
        if whole.is_empty() || whole.len() > 3 || part.len() > 4 || !digits(whole) || !digits(part) {
            return None;
        }
        let whole = whole.parse::<u32>().ok()?;
        let part = format!("{part:0<4}").parse::<u32>().ok()?;
        Some(whole * 10_000 + part)
    });
    match parsed {
        Some(share) if share <= 900_000 => Some(share),
        Some(_) => {
            cx.problem_with_help(node.span, "a share may be 90% at most", "too much", "a link that is gone is `cut`");
            None
        }
        None => {
            cx.problem_with_help(node.span, format!("\"{}\" is no share", text.escape_debug()), "not a share", help);
            None
        }
    }
}

/// A whole number within a range.
pub(super) fn number(range: RangeInclusive<u64>) -> impl Fn(&Node, &mut Context<'_>) -> Option<u64> {
    move |node, cx| {
        let Value::Number(text) = &node.value else {
            cx.unexpected(node, "a whole number", "3");
            return None;
        };
        match whole(text) {
            Some(number) if range.contains(&number) => Some(number),
            Some(_) => {
                let message = format!("{text} is out of range: {} to {}", range.start(), range.end());
                cx.problem(node.span, message, "out of range");
                None
            }
            None => {
                cx.problem(node.span, format!("{text} is no whole number that fits here"), "not a whole number");
                None
            }
        }
    }
}

fn whole(text: &str) -> Option<u64> {
    let text = text.strip_prefix('+').unwrap_or(text).replace('_', "");
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// A whole number within a range, of 32 bits.
pub(super) fn count(range: RangeInclusive<u32>) -> impl Fn(&Node, &mut Context<'_>) -> Option<u32> {
    let wide = u64::from(*range.start())..=u64::from(*range.end());
    move |node, cx| number(wide.clone())(node, cx).and_then(|number| u32::try_from(number).ok())
}

/// A whole number with a sign.
pub(super) fn signed(range: RangeInclusive<i32>) -> impl Fn(&Node, &mut Context<'_>) -> Option<i32> {
    move |node, cx| {
        let Value::Number(text) = &node.value else {
            cx.unexpected(node, "a whole number", "-20");
            return None;
        };
        match text.strip_prefix('+').unwrap_or(text).parse::<i32>() {
            Ok(number) if range.contains(&number) => Some(number),
            _ => {
                let message = format!("{text} is no whole number from {} to {}", range.start(), range.end());
                cx.problem(node.span, message, "out of range");
                None
            }
        }
    }
}

/// `YES` or `NO`, as the product writes it; `true` and `false` mean the same.
pub(super) fn yes(node: &Node, cx: &mut Context<'_>) -> Option<bool> {
    match &node.value {
        Value::Truth(truth) => Some(*truth),
        _ => word(&[("YES", true), ("NO", false)])(node, cx),
    }
}

/// One of several words.
pub(super) fn word<T: Clone>(choices: &[(&'static str, T)]) -> impl Fn(&Node, &mut Context<'_>) -> Option<T> {
    let choices = choices.to_vec();
    move |node, cx| {
        let names = || choices.iter().map(|(name, _)| *name);
        let (written, quoted) = match &node.value {
            Value::Word(word) => (word.clone(), false),
            Value::Text(text) => (text.clone(), true),
            Value::Truth(truth) => (truth.to_string(), false),
            Value::Damaged => return None,
            other => {
                let message = format!("one of {} is expected here, but this is {}", one_of(names()), other.kind());
                cx.problem(node.span, message, "not this");
                return None;
            }
        };
        let exact = choices.iter().find(|(name, _)| *name == written);
        match exact {
            Some((_, value)) if !quoted => Some(value.clone()),
            Some((name, _)) => {
                let help = format!("write {name}");
                cx.problem_with_help(node.span, format!("{name} stands here without quotes"), "quotes", help);
                None
            }
            None => {
                let meant = likely(&written, names()).map(|meant| format!("; did you mean {meant}?"));
                let message = format!("{} does not belong here{}", written.escape_debug(), meant.unwrap_or_default());
                cx.problem_with_help(node.span, message, "not known here", format!("one of: {}", one_of(names())));
                None
            }
        }
    }
}

/// One value for both ends, or `(least, most)`.
pub(super) fn between<T: PartialOrd + Clone>(
    decode: impl Fn(&Node, &mut Context<'_>) -> Option<T>,
) -> impl Fn(&Node, &mut Context<'_>) -> Option<(T, T)> {
    move |node, cx| match &node.value {
        Value::Items { name: None, items } => {
            let [least, most] = items.as_slice() else {
                cx.problem(node.span, "two values are expected here: the least and the most", "not two");
                return None;
            };
            let (first, second) = (decode(least, cx), decode(most, cx));
            let (first, second) = (first?, second?);
            if first > second {
                cx.problem(node.span, "the first value must not be more than the second", "the wrong way round");
                return None;
            }
            Some((first, second))
        }
        _ => decode(node, cx).map(|value| (value.clone(), value)),
    }
}

/// `[..]`; what cannot be decoded is left out (and reported).
pub(super) fn list<'t, T>(
    node: &'t Node,
    cx: &mut Context<'_>,
    mut decode: impl FnMut(&'t Node, &mut Context<'_>) -> Option<T>,
) -> Option<Vec<T>> {
    match &node.value {
        Value::List(items) => Some(items.iter().filter_map(|item| decode(item, cx)).collect()),
        _ => {
            cx.unexpected(node, "a list", "[.., ..]");
            None
        }
    }
}

/// `{ "NAME": value }`; calls `decode` with each name and value.
pub(super) fn map<'t>(
    node: &'t Node,
    cx: &mut Context<'_>,
    mut decode: impl FnMut(&str, &'t Node, &'t Node, &mut Context<'_>),
) {
    match &node.value {
        Value::Map(entries) => {
            let mut seen: BTreeSet<&str> = BTreeSet::new();
            for (key, value) in entries {
                let Value::Text(name) = &key.value else {
                    cx.unexpected(key, "a name in quotes", "\"NAME\"");
                    continue;
                };
                if !seen.insert(name) {
                    cx.problem(key.span, format!("{} is defined twice", name.escape_debug()), "once more here");
                    continue;
                }
                decode(name, key, value, cx);
            }
        }
        // `()` is what somebody writes who has nothing to say.
        Value::Fields { name: None, fields } if fields.is_empty() => {}
        _ => cx.unexpected(node, "a map", "{ \"NAME\": (..) }"),
    }
}
