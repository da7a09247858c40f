//! `indoubt judge`: the ledger's judgement of a history that comes from elsewhere.

use std::fs::File;
use std::io::{BufReader, stdin};
use std::path::Path;

use indoubt_ledger::jsonl::{HistoryError, QueueHistoryOptions};
use indoubt_ledger::judge_queue_history;
use indoubt_ledger::verdict::Judgement;
use serde_json::json;

use super::arguments::{Format, JudgeArguments};
use super::status::Status;
use super::{BadInput, output};
use crate::report;

pub(super) fn judge(arguments: &JudgeArguments, format: Format) -> Result<Status, BadInput> {
    let options = QueueHistoryOptions { ordered: arguments.ordered };
    let judged: Vec<Result<Judgement, BadInput>> =
        arguments.paths.iter().map(|path| judge_one(path, options)).collect();
    let judged = judged.into_iter().collect::<Result<Vec<Judgement>, BadInput>>()?;
    let mut status = Status::Holds;
    for (path, judgement) in arguments.paths.iter().zip(&judged) {
        let path = path.display().to_string();
        match format {
            Format::Text => output::print(&report::render_judgement(&path, judgement)),
            Format::Json => {
                let mut object = report::judgement_json(judgement);
                object["history"] = json!(path);
                output::print_json(&object);
            }
        }
        status = status.max(Status::of(judgement.verdict));
    }
    Ok(status)
}

fn judge_one(path: &Path, options: QueueHistoryOptions) -> Result<Judgement, BadInput> {
    let judged = if path == Path::new("-") {
        judge_queue_history(stdin().lock(), options)
    } else {
        File::open(path).map_err(HistoryError::from).and_then(|file| judge_queue_history(BufReader::new(file), options))
    };
    judged.map_err(|error| BadInput::because(format_args!("{}: {error}", path.display())))
}
