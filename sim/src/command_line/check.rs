//! `indoubt check`: reads and validates, runs nothing.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::arguments::Format;
use super::status::Status;
use super::{BadInput, files, output};
use crate::scenario;

pub(super) fn check(paths: &[PathBuf], format: Format) -> Result<Status, BadInput> {
    let mut bad = false;
    for path in files::scenario_files(paths)? {
        let result = scenario::read(&path);
        match (&result, format) {
            (Ok(_), Format::Text) => output::print(&format!("ok  {}\n", path.display())),
            (Ok(_), Format::Json) => {
                output::print_json(&json!({ "path": path.display().to_string(), "ok": true, "diagnostics": [] }));
            }
            (Err(diagnostics), _) => {
                output::complain(format_args!("{}", diagnostics.render(output::colour()).trim_end()));
                if format == Format::Json {
                    let all = diagnostics.all().iter().map(|diagnostic| {
                        json!({
                            "line": diagnostic.line,
                            "column": diagnostic.column,
                            "text": diagnostic.text,
                            "message": diagnostic.message,
                            "help": diagnostic.help,
                        })
                    });
                    let all: Value = all.collect();
                    output::print_json(&json!({ "path": path.display().to_string(), "ok": false, "diagnostics": all }));
                }
            }
        }
        bad |= result.is_err();
    }
    Ok(if bad { Status::BadInput } else { Status::Holds })
}
