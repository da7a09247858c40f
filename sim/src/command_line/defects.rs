//! `--defect NAME`.

use indoubt_engine::defect::Defect;

use super::BadInput;

/// The defect of this name.
pub(super) fn named(name: &str) -> Result<Defect, BadInput> {
    let found = Defect::ALL.iter().copied().find(|defect| defect.name() == name);
    let defect = found.ok_or_else(|| BadInput::because(unknown(name)))?;
    available()?;
    Ok(defect)
}

/// The defect of this name, if one is named.
pub(super) fn if_named(name: Option<&str>) -> Result<Option<Defect>, BadInput> {
    name.map(named).transpose()
}

/// Whether this build can plant defects at all.
pub(super) fn available() -> Result<(), BadInput> {
    if cfg!(feature = "defects") {
        return Ok(());
    }
    Err(BadInput::because(
        "this build cannot plant defects: they are compiled in with the cargo feature `defects` (cargo run --features \
         defects -- ...)",
    ))
}

fn unknown(name: &str) -> String {
    let near = Defect::ALL
        .iter()
        .map(|defect| defect.name())
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .min()
        .filter(|(distance, _)| *distance <= 6);
    let hint =
        near.map_or_else(|| "see `indoubt list defects`".to_owned(), |(_, near)| format!("did you mean {near}?"));
    format!("no defect `{name}`: {hint}")
}
