//! Whatever is done to a scenario file, it is read or refused with a place inside the file; never a panic.

use std::path::Path;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::files;
use crate::scenario::diagnostics::Diagnostics;
use crate::scenario::{from_bytes, parse};

static SOURCES: LazyLock<Vec<String>> =
    LazyLock::new(|| files().iter().map(|path| std::fs::read_to_string(path).expect("readable")).collect());

/// A way to spoil a text; the numbers are taken modulo its length.
#[derive(Clone, Debug)]
enum Mangle {
    Flip { at: usize, bit: u8 },
    Truncate { at: usize },
    DeleteToken { at: usize },
    DuplicateToken { at: usize },
    SwapTokens { one: usize, other: usize },
    Insert { at: usize, what: String },
}

fn mangle() -> impl Strategy<Value = Mangle> {
    let odd = prop_oneof![
        "[()\\[\\]{},:\"'#=;/*\\\\r]{1,4}",
        "\\PC{1,4}",
        Just("\u{0}".to_owned()),
        Just("99999999999999999999999".to_owned()),
        Just("-1".to_owned()),
        Just("\"-5s\"".to_owned()),
        Just("r#\"".to_owned()),
        Just("/*".to_owned()),
        Just("((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((".to_owned()),
    ];
    prop_oneof![
        (any::<usize>(), 0_u8..8).prop_map(|(at, bit)| Mangle::Flip { at, bit }),
        any::<usize>().prop_map(|at| Mangle::Truncate { at }),
        any::<usize>().prop_map(|at| Mangle::DeleteToken { at }),
        any::<usize>().prop_map(|at| Mangle::DuplicateToken { at }),
        (any::<usize>(), any::<usize>()).prop_map(|(one, other)| Mangle::SwapTokens { one, other }),
        (any::<usize>(), odd).prop_map(|(at, what)| Mangle::Insert { at, what }),
    ]
}

/// Where tokens lie, roughly: words, texts in quotes, single marks. Space is kept with what follows it.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let (mut quoted, mut word) = (false, false);
    for character in text.chars() {
        let letter = character.is_alphanumeric() || matches!(character, '_' | '.' | '-');
        let joins = quoted || (word && letter);
        if character == '"' {
            quoted = !quoted;
        }
        match tokens.last_mut() {
            Some(last) if joins || last.trim().is_empty() => last.push(character),
            _ => tokens.push(character.to_string()),
        }
        word = letter && !quoted;
    }
    tokens
}

fn apply(text: &[u8], mangle: &Mangle) -> Vec<u8> {
    if text.is_empty() {
        return Vec::new();
    }
    let mut bytes = text.to_vec();
    let length = bytes.len();
    match mangle {
        Mangle::Flip { at, bit } => bytes[at % length] ^= 1 << bit,
        Mangle::Truncate { at } => bytes.truncate(at % length),
        Mangle::Insert { at, what } => {
            let at = at % length;
            bytes.splice(at..at, what.bytes());
        }
        Mangle::DeleteToken { at } | Mangle::DuplicateToken { at } => {
            let mut tokens = tokens(&String::from_utf8_lossy(text));
            let at = at % tokens.len();
            if matches!(mangle, Mangle::DeleteToken { .. }) {
                tokens.remove(at);
            } else {
                tokens.insert(at, tokens[at].clone());
            }
            bytes = tokens.concat().into_bytes();
        }
        Mangle::SwapTokens { one, other } => {
            let mut tokens = tokens(&String::from_utf8_lossy(text));
            let count = tokens.len();
            tokens.swap(one % count, other % count);
            bytes = tokens.concat().into_bytes();
        }
    }
    bytes
}

/// Every diagnostic has a place that exists, and all of it can be drawn.
fn check(diagnostics: &Diagnostics, text: &str) -> Result<(), TestCaseError> {
    prop_assert!(!diagnostics.all().is_empty());
    let lines: Vec<&str> = text.split('\n').collect();
    for diagnostic in diagnostics.all() {
        let (Some(line), Some(column)) = (diagnostic.line, diagnostic.column) else {
            return Err(TestCaseError::fail(format!("no place: {diagnostic}")));
        };
        prop_assert!(line >= 1 && line as usize <= lines.len().max(1), "line {} of {}", line, lines.len());
        let length = lines[line as usize - 1].chars().count();
        prop_assert!(column >= 1 && column as usize <= length + 1, "column {} of {}", column, length);
        prop_assert!(!diagnostic.message.is_empty());
    }
    for colour in [false, true] {
        let rendered = diagnostics.render(colour);
        for diagnostic in diagnostics.all() {
            let start: String = diagnostic.message.split_whitespace().next().unwrap_or("").to_owned();
            prop_assert!(rendered.contains(&start), "{} is missing in\n{}", diagnostic.message, rendered);
        }
    }
    Ok(())
}

fn judge(bytes: &[u8]) -> Result<(), TestCaseError> {
    match String::from_utf8(bytes.to_vec()) {
        Ok(text) => match parse(Path::new("mangled.ron"), &text) {
            Ok(_) => Ok(()),
            Err(diagnostics) => check(&diagnostics, &text),
        },
        Err(_) => {
            let result = from_bytes(Path::new("mangled.ron"), bytes.to_vec());
            let Err(diagnostics) = result else { return Err(TestCaseError::fail("not UTF-8, yet read")) };
            check(&diagnostics, &String::from_utf8_lossy(bytes))
        }
    }
}

#[test]
fn every_family_is_mangled() {
    for section in ["queue_managers:", "cell:"] {
        assert!(SOURCES.iter().any(|source| source.contains(section)), "no scenario with {section}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_mangled_scenario_is_read_or_refused_with_a_place(
        which in any::<usize>(),
        mangles in proptest::collection::vec(mangle(), 1..5),
    ) {
        let mut bytes = SOURCES[which % SOURCES.len()].clone().into_bytes();
        for mangle in &mangles {
            bytes = apply(&bytes, mangle);
        }
        judge(&bytes)?;
    }

    #[test]
    fn any_bytes_are_refused_with_a_place(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        judge(&bytes)?;
    }

    #[test]
    fn any_text_of_brackets_and_words_is_refused_with_a_place(text in "([()\\[\\]{},:]|\"[a-z]{0,3}\"|[a-z]{1,3} |[0-9]|'|\\\\|/\\*|//|\n){0,60}") {
        judge(text.as_bytes())?;
    }
}

#[test]
fn every_truncation_of_the_example_is_refused() {
    let source = &SOURCES[0];
    for (at, _) in source.char_indices() {
        let text = &source[..at];
        match parse(Path::new("cut.ron"), text) {
            Err(diagnostics) => check(&diagnostics, text).unwrap_or_else(|error| panic!("cut at {at}: {error}")),
            Ok(_) => assert!(source[at..].trim().is_empty() || text.trim_end().ends_with(')'), "cut at {at}, yet read"),
        }
    }
}
