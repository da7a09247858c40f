//! Text that fits: wrapping, columns, and how times and durations are written.

use indoubt_engine::time::{Duration, Time};

pub(crate) use crate::scenario::words::{count, length, ordinal};

/// Reports are read in terminals and in reviews side by side.
pub(crate) const WIDTH: usize = 80;

/// A moment of the run: `12.345s`.
pub(crate) fn moment(at: Time) -> String {
    let milliseconds = at.as_milliseconds();
    format!("{}.{:03}s", milliseconds / 1_000, milliseconds % 1_000)
}

/// A duration after something else, with three decimals so that a column of them can be compared: `+50.012ms`.
pub(crate) fn after(duration: Duration) -> String {
    let microseconds = duration.as_micros();
    let decimals = |number: u128| format!("{}.{:03}", number / 1_000, number % 1_000);
    match microseconds {
        0..1_000 => format!("+{microseconds}us"),
        1_000..1_000_000 => format!("+{}ms", decimals(microseconds)),
        _ => format!("+{}s", decimals(microseconds / 1_000)),
    }
}

/// Breaks text at spaces into lines of at most `width` characters; a word that is longer is broken, behind the last mark
/// that separates parts of a name if there is one.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(8);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in text.split_whitespace() {
        let mut word = word;
        let mut length = word.chars().count();
        if used > 0 && used + 1 + length > width {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        while length > width {
            let longest = word.char_indices().nth(width).map_or(word.len(), |(index, _)| index);
            let cut = word[..longest].rfind([',', '=', '.', '-', '/', '_']).map_or(longest, |mark| mark + 1);
            lines.push(word[..cut].to_owned());
            word = &word[cut..];
            length = word.chars().count();
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        line.push_str(word);
        used += length;
    }
    if used > 0 {
        lines.push(line);
    }
    lines
}

/// Where the text of a column stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    /// At its left edge.
    Left,
    /// At its right edge: numbers.
    Right,
}

/// Rows of aligned columns, two spaces apart; the last column is wrapped at the width of the page.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<Align>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(columns: &[Align]) -> Self {
        Table { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row; it may be shorter than the table is wide.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        assert!(N <= self.columns.len(), "a row of {N} cells in a table of {} columns", self.columns.len());
        self.rows.push(cells.to_vec());
    }

    /// Writes the rows, each indented.
    pub(crate) fn write(&self, page: &mut String, indent: usize) {
        let last = self.columns.len().saturating_sub(1);
        let widths: Vec<usize> = (0..last)
            .map(|column| {
                self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
            })
            .collect();
        for row in &self.rows {
            let mut line = " ".repeat(indent);
            for (column, cell) in row.iter().enumerate().take(last) {
                let gap = widths[column] - cell.chars().count();
                match self.columns[column] {
                    Align::Left => line.extend([cell.as_str(), &" ".repeat(gap + 2)]),
                    Align::Right => line.extend([" ".repeat(gap).as_str(), cell, "  "]),
                }
            }
            let start = line.chars().count();
            // A table whose other columns take the whole width still gets a readable last one, below.
            let (start, below) = if start + 32 > WIDTH { (indent + 4, true) } else { (start, false) };
            let mut lines = row.get(last).map(|cell| wrap(cell, WIDTH - start)).unwrap_or_default().into_iter();
            if !below && let Some(first) = lines.next() {
                line.push_str(&first);
            }
            page.push_str(line.trim_end());
            page.push('\n');
            for more in lines {
                page.push_str(&" ".repeat(start));
                page.push_str(&more);
                page.push('\n');
            }
        }
    }
}

/// A heading with a rule below it.
pub(crate) fn heading(page: &mut String, text: &str) {
    if !page.is_empty() {
        page.push('\n');
    }
    page.push_str(text);
    page.push('\n');
    page.push_str(&"-".repeat(text.chars().count()));
    page.push('\n');
}

/// A paragraph, indented and wrapped.
pub(crate) fn paragraph(page: &mut String, indent: usize, text: &str) {
    for line in wrap(text, WIDTH - indent) {
        page.push_str(&" ".repeat(indent));
        page.push_str(&line);
        page.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_take_the_unit_that_fits() {
        for (duration, text) in [
            (Duration::ZERO, "0s"),
            (Duration::from_nanos(17), "17ns"),
            (Duration::from_micros(150), "150us"),
            (Duration::from_micros(50_012), "50.012ms"),
            (Duration::from_millis(50), "50ms"),
            (Duration::from_millis(1_234), "1.234s"),
            (Duration::from_secs(85), "85s"),
            (Duration::from_nanos(1_999_999_999), "1.999s"),
        ] {
            assert_eq!(length(duration), text);
        }
    }

    #[test]
    fn ordinals_end_as_they_are_spoken() {
        let spoken = [1, 2, 3, 4, 11, 12, 13, 21, 102, 112].map(ordinal);
        assert_eq!(spoken, ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "102nd", "112th"]);
    }

    #[test]
    fn moments_have_milliseconds() {
        assert_eq!(moment(Time::from_nanoseconds(12_345_678_900)), "12.345s");
        assert_eq!(moment(Time::START), "0.000s");
    }

    #[test]
    fn columns_line_up_and_the_last_one_wraps() {
        let mut table = Table::new(&[Align::Right, Align::Left, Align::Left]);
        table.row(["1".into(), "a".into(), "word ".repeat(30)]);
        table.row(["100".into(), "longer".into(), "end".into()]);
        let mut page = String::new();
        table.write(&mut page, 2);
        let lines: Vec<&str> = page.lines().collect();
        assert!(lines[0].starts_with("    1  a       word word"), "{}", lines[0]);
        assert!(lines[1].starts_with("               word"), "{}", lines[1]);
        assert_eq!(lines.last().copied(), Some("  100  longer  end"));
    }

    proptest! {
        #[test]
        fn wrapping_keeps_every_word_and_the_width(text in "[a-zA-Zäß .]{0,300}", width in 8_usize..80) {
            let lines = wrap(&text, width);
            prop_assert!(lines.iter().all(|line| line.chars().count() <= width));
            let squeezed = |text: &str| text.split_whitespace().collect::<String>();
            prop_assert_eq!(squeezed(&lines.join(" ")), squeezed(&text));
        }
    }
}
