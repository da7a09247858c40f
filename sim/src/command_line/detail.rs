//! What `tracing` says during a replay: each line with virtual time and process, no wall clock.
//!
//! The world writes steps at level DEBUG and frames at level TRACE, with the fields `process` and, where it is not the
//! moment at which the line is written, `at` (nanoseconds of virtual time). Nothing of it is part of the trace from which
//! the fingerprint comes.

use std::fmt::{self, Write};
use std::time::Duration;

use indoubt_engine::time::Time;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

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

/// Shows steps from `-vv` on, frames from `-vvv` on, on standard error.
pub(super) fn show(verbose: u8, lens: &Lens) {
    let level = match verbose {
        0 | 1 => return,
        2 => "debug",
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
        if !self.lens.shows(at, line.process.as_deref()) {
            return Ok(());
        }
        let process = line.process.as_deref().unwrap_or("-");
        let text = [line.message.as_str(), line.fields.as_str()].join(" ");
        // The column of a `Time` does not heed a width by itself.
        let at = (Time::START + at).to_string();
        writeln!(writer, "{at:>14}  {process:<12}  {}", text.trim())
    }
}

/// The fields of one event.
#[derive(Default)]
struct Line {
    at: Option<u64>,
    process: Option<String>,
    message: String,
    fields: String,
}

impl Visit for Line {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "at" { self.at = Some(value) } else { self.record_debug(field, &value) }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "process" { self.process = Some(value.to_owned()) } else { self.record_debug(field, &value) }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "process" => self.process = Some(format!("{value:?}")),
            "message" => self.message = format!("{value:?}"),
            name => {
                // Writing into a string cannot fail.
                let _ = write!(self.fields, "{}{name}={value:?}", if self.fields.is_empty() { "" } else { " " });
            }
        }
    }
}
