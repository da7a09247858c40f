//! Standard output and standard error. A reader who stops reading (`| head`) is no failure.

use std::fmt::Arguments;
use std::io::{IsTerminal, Write};

use serde_json::Value;

/// Writes text to standard output.
pub(super) fn print(text: &str) {
    if cfg!(test) {
        // Only the macros are captured by the test harness.
        print!("{text}");
        return;
    }
    let mut output = std::io::stdout().lock();
    let _ = output.write_all(text.as_bytes()).and_then(|()| output.flush());
}

/// Writes a JSON object to standard output, on one line.
pub(super) fn print_json(value: &Value) {
    print(&format!("{value}\n"));
}

/// Writes a line to standard error.
pub(super) fn complain(message: Arguments<'_>) {
    if cfg!(test) {
        eprintln!("{message}");
        return;
    }
    let _ = writeln!(std::io::stderr().lock(), "{message}");
}

/// Whether diagnostics may be coloured.
pub(super) fn colour() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}
