//! What `tracing` says during a replay: each line with virtual time and process, no wall clock.
//!
//! The world writes steps, events and faults at level DEBUG, inputs and effects (every frame among them) at level TRACE,
//! with the fields `time` (nanoseconds of virtual time) and `process` or `host`. Nothing of it is part of the trace from
//! which the fingerprint comes.

use std::fmt::{self, Write};
use std::time::Duration;

use indoubt_engine::time::Time;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::arguments::Format;

/// Which part of the detail is shown.
#[derive(Clone, Debug, Default)]
pub(super) struct Lens {
    /// Only up to this time.
    pub(super) until: Option<Duration>,
    /// Only of these processes; empty for all.
    pub(super) processes: Vec<String>,
}

impl Lens {
    /// Whether a line of this moment and process is shown. What belongs to no process is always shown.
    pub(super) fn shows(&self, at: Duration, process: Option<&str>) -> bool {
        let soon_enough = self.until.is_none_or(|until| at <= until);
        let wanted = |process: &str| self.processes.iter().any(|wanted| wanted == process);
        soon_enough && (self.processes.is_empty() || process.is_none_or(wanted))
    }
}

/// Shows every frame from `-vvv` on, on standard error; in JSON, where there is no timeline, steps and events from `-vv`
/// on.
pub(super) fn show(verbose: u8, format: Format, lens: &Lens) {
    let level = match (verbose, format) {
        (0 | 1, _) | (2, Format::Text) => return,
        (2, Format::Json) => "debug",
        _ => "trace",
    };
    let installed = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(format!("indoubt={level},indoubt_engine={level}")))
        .with_writer(std::io::stderr)
        .event_format(VirtualTime { lens: lens.clone() })
        .try_init();
    assert!(installed.is_ok(), "nobody else in this process subscribes to tracing");
}

struct VirtualTime {
    lens: Lens,
}

impl<S, N> FormatEvent<S, N> for VirtualTime
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut line = Line::default();
        event.record(&mut line);
        let now = || madsim::time::TimeHandle::try_current().map_or(Duration::ZERO, |handle| handle.elapsed());
        let at = line.at.map_or_else(now, Duration::from_nanos);
        if !self.lens.shows(at, line.place()) {
            return Ok(());
        }
        let place = line.place().unwrap_or("-");
        // A field called like the message is what the message is about: said once.
        let about = line.fields.strip_prefix(&line.message).and_then(|rest| rest.strip_prefix('='));
        let text = [line.message.as_str(), about.unwrap_or(&line.fields)].join(" ");
        // The column of a `Time` does not heed a width by itself.
        let at = (Time::START + at).to_string();
        writeln!(writer, "{at:>14}  {place:<12}  {}", text.trim())
    }
}

/// The fields of one event.
#[derive(Default)]
struct Line {
    at: Option<u64>,
    process: Option<String>,
    host: Option<String>,
    message: String,
    fields: String,
}

impl Line {
    /// Whose line it is: the process's, or the host's if no process is named.
    fn record_place(&mut self, field: &Field, name: String) {
        if field.name() == "process" {
            self.process = Some(name);
        } else {
            self.host = Some(name);
        }
    }

    fn place(&self) -> Option<&str> {
        self.process.as_deref().or(self.host.as_deref())
    }
}

impl Visit for Line {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "time" { self.at = Some(value) } else { self.record_debug(field, &value) }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "process" | "host" => self.record_place(field, value.to_owned()),
            _ => self.record_debug(field, &value),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "process" | "host" => self.record_place(field, format!("{value:?}")),
            "message" => self.message = format!("{value:?}"),
            name => {
                // Writing into a string cannot fail.
                let _ = write!(self.fields, "{}{name}={value:?}", if self.fields.is_empty() { "" } else { " " });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn shown(lens: Lens) -> String {
        let page = Page::default();
        let writer = page.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(move || writer.clone())
            .event_format(VirtualTime { lens })
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::debug!(time = 1_000_000_000_u64, process = %"QM01", step = %"get.taken", "step");
            tracing::debug!(time = 2_000_000_000_u64, host = %"SYSA", "power off");
            tracing::trace!(time = 3_000_000_000_u64, process = "QM02", "frame");
        });
        let bytes = page.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_line_has_virtual_time_and_process() {
        let lines = shown(Lens::default());
        let lines: Vec<&str> = lines.lines().collect();
        assert_eq!(
            lines,
            [
                "     1.000000s  QM01          step get.taken",
                "     2.000000s  SYSA          power off",
                "     3.000000s  QM02          frame",
            ]
        );
    }

    #[test]
    fn a_lens_leaves_out_what_is_later_or_of_others() {
        let until = Lens { until: Some(Duration::from_secs(2)), processes: Vec::new() };
        assert_eq!(shown(until).lines().count(), 2);
        let of = Lens { until: None, processes: vec!["QM02".to_owned(), "SYSA".to_owned()] };
        assert_eq!(shown(of).lines().count(), 2);
    }
}
