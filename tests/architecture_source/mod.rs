//! Rust source as far as "who names whom" needs it: paths, with comments and literals out of the way.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// One source file.
pub(crate) struct Source {
    /// Relative to the root of the repository.
    pub(crate) path: PathBuf,
    /// As it is.
    pub(crate) text: String,
    /// Every path named in it, in full: `use a::{b, c::d};` is `a::b` and `a::c::d`.
    pub(crate) names: BTreeSet<String>,
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the repository is there")
}

/// The source files below a folder of the repository, those of folders named in `left_out` not among them.
pub(crate) fn below(folder: &str, left_out: &[&str]) -> Vec<Source> {
    let mut files = Vec::new();
    collect(&root().join(folder), left_out, &mut files);
    assert!(!files.is_empty(), "no source below {folder}");
    files.sort();
    files
        .into_iter()
        .map(|file| {
            let text = fs::read_to_string(&file).expect("source is readable");
            let names = names(&text);
            let path = file.strip_prefix(root()).expect("below the root").to_owned();
            Source { path, text, names }
        })
        .collect()
}

fn collect(folder: &Path, left_out: &[&str], files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder is readable") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() {
            if !left_out.contains(&name) {
                collect(&path, left_out, files);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Every path named in a text.
pub(crate) fn names(text: &str) -> BTreeSet<String> {
    let tokens = tokens(text);
    let mut names = BTreeSet::new();
    let mut at = 0;
    while at < tokens.len() {
        if is_word(&tokens[at]) {
            at = path(&tokens, at, "", &mut names);
        } else {
            at += 1;
        }
    }
    names
}

/// Reads the path that begins at a word, with all that braces make of it; returns the index after it.
fn path(tokens: &[String], from: usize, prefix: &str, names: &mut BTreeSet<String>) -> usize {
    let is = |at: usize, token: &str| tokens.get(at).is_some_and(|found| found == token);
    let mut full = if prefix.is_empty() { tokens[from].clone() } else { format!("{prefix}::{}", tokens[from]) };
    let mut at = from + 1;
    while is(at, "::") {
        if is(at + 1, "{") {
            at += 2;
            while at < tokens.len() && !is(at, "}") {
                at = if is_word(&tokens[at]) { path(tokens, at, &full, names) } else { at + 1 };
            }
            return at + 1;
        }
        let Some(next) = tokens.get(at + 1).filter(|next| is_word(next)) else { break };
        full = format!("{full}::{next}");
        at += 2;
    }
    // The name that `as` gives is not a path of its own.
    if is(at, "as") && !prefix.is_empty() {
        at += 2;
    }
    names.insert(full);
    at
}

fn is_word(token: &str) -> bool {
    token.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// Words, `::` and single characters; comments, literals and white space left out.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if rest.starts_with("//") {
            rest = after(rest, "\n");
        } else if rest.starts_with("/*") {
            rest = after_block_comment(rest);
        } else if let Some(literal) = literal(rest) {
            rest = &rest[literal..];
        } else if is_word(rest) {
            let end = rest.find(|next: char| !next.is_alphanumeric() && next != '_').unwrap_or(rest.len());
            tokens.push(rest[..end].to_owned());
            rest = &rest[end..];
        } else if first == '\'' {
            // A lifetime: its name is no path.
            let end = rest[1..].find(|next: char| !next.is_alphanumeric() && next != '_').unwrap_or(rest.len() - 1);
            rest = &rest[1 + end..];
        } else {
            let length = if rest.starts_with("::") { 2 } else { first.len_utf8() };
            if !first.is_whitespace() {
                tokens.push(rest[..length].to_owned());
            }
            rest = &rest[length..];
        }
    }
    tokens
}

fn after<'a>(text: &'a str, end: &str) -> &'a str {
    text.find(end).map_or("", |at| &text[at + end.len()..])
}

fn after_block_comment(text: &str) -> &str {
    let mut depth = 0;
    let mut rest = text;
    loop {
        let Some(at) = rest.find(['/', '*']) else { return "" };
        rest = &rest[at..];
        if rest.starts_with("/*") {
            depth += 1;
            rest = &rest[2..];
        } else if rest.starts_with("*/") {
            depth -= 1;
            rest = &rest[2..];
            if depth == 0 {
                return rest;
            }
        } else {
            rest = &rest[1..];
        }
    }
}

/// How long the string or character at the beginning of a text is, if one is there.
fn literal(text: &str) -> Option<usize> {
    let prefix = ["br", "b", "r", "c", ""].into_iter().find(|prefix| {
        text.strip_prefix(prefix).is_some_and(|rest| {
            rest.starts_with(['"', '\'']) || (prefix.ends_with('r') && rest.trim_start_matches('#').starts_with('"'))
        })
    })?;
    let rest = &text[prefix.len()..];
    if prefix.ends_with('r') {
        let hashes = rest.len() - rest.trim_start_matches('#').len();
        let end = format!("\"{}", "#".repeat(hashes));
        let inner = &rest[hashes + 1..];
        return Some(inner.find(&end).map_or(text.len(), |at| prefix.len() + hashes + 1 + at + end.len()));
    }
    let quote = rest.chars().next()?;
    if quote == '\'' && prefix.is_empty() {
        // 'a' is a character, 'a is a lifetime.
        let mut inner = rest[1..].chars();
        let first = inner.next()?;
        if first != '\\' && inner.next() != Some('\'') {
            return None;
        }
    }
    let mut escaped = false;
    for (at, character) in rest.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if character == '\\' {
            escaped = true;
        } else if character == quote {
            return Some(prefix.len() + at + 1);
        }
    }
    Some(text.len())
}
