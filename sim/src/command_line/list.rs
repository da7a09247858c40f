//! `indoubt list`: scenarios, and what a scenario can name.

use std::path::{Path, PathBuf};

use indoubt_engine::defect::Defect;
use indoubt_engine::event::Event;
use indoubt_engine::step::Step;
use serde_json::{Value, json};

use super::arguments::{Format, Topic};
use super::status::Status;
use super::{BadInput, catalogue, files, output};
use crate::report::layout::{Align, Table, paragraph};
use crate::scenario;

struct Listed {
    name: String,
    about: String,
    path: Option<PathBuf>,
}

impl Listed {
    fn new(name: &str, about: &str) -> Listed {
        Listed { name: name.to_owned(), about: about.to_owned(), path: None }
    }
}

pub(super) fn list(topic: Topic, format: Format) -> Result<Status, BadInput> {
    let listed = match topic {
        Topic::Scenarios => scenarios()?,
        Topic::Faults => catalogue::FAULTS.iter().map(|(name, about)| Listed::new(name, about)).collect(),
        Topic::Expectations => catalogue::EXPECTATIONS.iter().map(|(name, about)| Listed::new(name, about)).collect(),
        Topic::Steps => Step::ALL.iter().map(|step| Listed::new(step.name(), step.about())).collect(),
        Topic::Events => Event::ALL.iter().map(|(name, about)| Listed::new(name, about)).collect(),
        Topic::Defects => Defect::ALL.iter().map(|defect| Listed::new(defect.name(), defect.about())).collect(),
    };
    match format {
        Format::Text => output::print(&text(&listed)),
        Format::Json => output::print_json(&as_json(&listed)),
    }
    Ok(Status::Holds)
}

fn text(listed: &[Listed]) -> String {
    let mut page = String::new();
    let mut table = Table::new(&[Align::Left, Align::Left]);
    for one in listed {
        match &one.path {
            // Paths are too long for a column.
            Some(path) => {
                page.push_str(&format!("{}\n", path.display()));
                paragraph(&mut page, 4, &one.about);
            }
            None => table.row([one.name.clone(), one.about.clone()]),
        }
    }
    table.write(&mut page, 0);
    page
}

fn as_json(listed: &[Listed]) -> Value {
    let object = |one: &Listed| match &one.path {
        Some(path) => json!({ "name": one.name, "about": one.about, "path": path.display().to_string() }),
        None => json!({ "name": one.name, "about": one.about }),
    };
    listed.iter().map(object).collect()
}

fn scenarios() -> Result<Vec<Listed>, BadInput> {
    let folder = Path::new("scenarios");
    if !folder.is_dir() {
        return Err(BadInput::because("there is no folder ./scenarios here"));
    }
    let one = |path: PathBuf| {
        let (name, about) = match scenario::read(&path) {
            Ok(scenario) => (scenario.name, scenario.about),
            Err(_) => {
                let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
                (name, "has mistakes: see `indoubt check`".to_owned())
            }
        };
        Listed { name, about, path: Some(path) }
    };
    Ok(files::scenario_files(&[folder.to_path_buf()])?.into_iter().map(one).collect())
}
