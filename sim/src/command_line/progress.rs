//! How far a sweep is: a bar on a terminal, a plain line at each tenth elsewhere.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

use super::output;

/// Fewer runs than this need no plain lines.
const WORTH_TELLING: usize = 100;

/// Progress on standard error.
pub(super) struct Progress {
    total: usize,
    done: usize,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Of so many runs.
    pub(super) fn new(total: usize) -> Progress {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(total as u64);
            if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} runs, {eta} left") {
                bar.set_style(style);
            }
            bar
        });
        Progress { total, done: 0, bar }
    }

    /// One run is done.
    pub(super) fn step(&mut self) {
        self.done += 1;
        match &self.bar {
            Some(bar) => bar.inc(1),
            None if self.total >= WORTH_TELLING && is_tenth(self.done, self.total) => {
                output::complain(format_args!("{} of {} runs", self.done, self.total));
            }
            None => {}
        }
    }

    /// Writes something without tearing the bar.
    pub(super) fn suspend(&self, write: impl FnOnce()) {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// The last run is done.
    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn is_tenth(done: usize, total: usize) -> bool {
    done * 10 / total > (done - 1) * 10 / total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_ten_tenths_and_the_last_is_the_end() {
        for total in [100, 101, 999, 1_000] {
            let tenths: Vec<usize> = (1..=total).filter(|done| is_tenth(*done, total)).collect();
            assert_eq!((tenths.len(), tenths.last()), (10, Some(&total)));
        }
    }
}
