//! Which defects were convicted, where, how soon, and whether the healthy twin was acquitted.

use indoubt_ledger::verdict::Verdict;
use serde_json::{Value, json};

use super::layout::{Align, Table, heading};
use crate::sweep::{Conviction, DefectPower, Twin};

/// The table of the defects.
#[must_use]
pub fn power(defects: &[DefectPower]) -> String {
    let mut page = String::new();
    heading(&mut page, "Planted defects");
    let mut table = Table::new(&[Align::Left, Align::Right, Align::Left, Align::Left]);
    table.row(["defect", "seeds", "twin", "convicted of, in scenario"].map(str::to_owned));
    for power in defects {
        match &power.conviction {
            None => table.row([power.defect.name().into(), "-".into(), "-".into(), "NOT CONVICTED".into()]),
            Some(conviction) => table.row([
                power.defect.name().into(),
                conviction.seeds_tried.to_string(),
                twin(conviction).into(),
                format!("{} in {} (seed {})", kinds(conviction).join(", "), conviction.scenario.name, conviction.seed),
            ]),
        }
    }
    table.write(&mut page, 2);
    let convicted = defects.iter().filter(|power| power.conviction.is_some()).count();
    page.push_str(&format!("\n{convicted} of {} defects convicted\n", defects.len()));
    page
}

fn kinds(conviction: &Conviction) -> Vec<&'static str> {
    conviction.kinds.iter().map(|kind| kind.name()).collect()
}

fn twin(conviction: &Conviction) -> &'static str {
    match conviction.twin {
        Twin::Judged(Verdict::Pass) => "pass",
        Twin::Judged(Verdict::Fail) => "FAIL",
        Twin::Judged(Verdict::Unknown) => "unknown",
        Twin::Broken(_) => "BROKEN",
    }
}

/// One line of the table as a JSON object.
#[must_use]
pub fn power_json(power: &DefectPower) -> Value {
    let conviction = power.conviction.as_ref();
    json!({
        "defect": power.defect.name(),
        "about": power.defect.about(),
        "convicted": conviction.is_some(),
        "scenario": conviction.map(|conviction| &conviction.scenario.name),
        "seed": conviction.map(|conviction| conviction.seed),
        "seeds_tried": conviction.map(|conviction| conviction.seeds_tried),
        "kinds": conviction.map(kinds),
        "twin": conviction.map(|conviction| twin(conviction).to_lowercase()),
    })
}
