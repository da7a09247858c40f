//! Durations and numbers in words, wherever people read them.

use std::time::Duration;

/// A duration in the unit that fits it, with at most three decimals: `85s`, `1.234s`, `50.012ms`, `150us`.
#[must_use]
pub fn length(duration: Duration) -> String {
    let nanoseconds = duration.as_nanos();
    // Rounded down to the microsecond first: nothing in a report depends on less.
    let microseconds = nanoseconds / 1_000;
    match microseconds {
        0 if nanoseconds > 0 => format!("{nanoseconds}ns"),
        0 => "0s".to_owned(),
        1..1_000 => format!("{microseconds}us"),
        1_000..1_000_000 => format!("{}ms", thousandths(microseconds)),
        _ => format!("{}s", thousandths(microseconds / 1_000)),
    }
}

fn thousandths(number: u128) -> String {
    let text = format!("{}.{:03}", number / 1_000, number % 1_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `1 message`, `2 messages`.
#[must_use]
pub fn count(number: u64, singular: &str) -> String {
    if number == 1 { format!("1 {singular}") } else { format!("{number} {singular}s") }
}

/// `1st`, `2nd`, `12th`, `23rd`.
#[must_use]
pub fn ordinal(number: u32) -> String {
    let suffix = match (number % 10, number % 100) {
        (1, tens) if tens != 11 => "st",
        (2, tens) if tens != 12 => "nd",
        (3, tens) if tens != 13 => "rd",
        _ => "th",
    };
    format!("{number}{suffix}")
}
