//! Text to tokens. Never fails: what is no token is reported and passed over.

use super::ast::Span;
use crate::scenario::diagnostics::Problems;

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One of `( ) [ ] { } , :`.
    Mark(char),
    /// An identifier.
    Word(String),
    /// A number as written.
    Number(String),
    /// A string, escapes resolved.
    Text(String),
    /// A character.
    Character(char),
    /// The end of the text.
    End,
}

/// A token and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    /// What.
    pub(super) kind: Kind,
    /// Where.
    pub(super) span: Span,
}

/// All tokens of a text; the last one is [`Kind::End`].
pub(super) fn tokens(text: &str, problems: &mut Problems) -> Vec<Token> {
    let mut lexer = Lexer { text, at: 0, problems, tokens: Vec::new() };
    if text.starts_with('\u{feff}') {
        lexer.at = '\u{feff}'.len_utf8();
    }
    while lexer.token() {}
    lexer.tokens
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    problems: &'a mut Problems,
    tokens: Vec<Token>,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn skip_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let start = self.at;
        while self.peek().is_some_and(&wanted) {
            self.next();
        }
        &self.text[start..self.at]
    }

    fn push(&mut self, start: usize, kind: Kind) {
        self.tokens.push(Token { kind, span: Span::new(start, self.at) });
    }

    fn problem(&mut self, start: usize, message: &str, help: Option<&str>) {
        self.problems.add(Span::new(start, self.at), message, "here", help.map(Into::into));
    }

    /// Reads one token or passes over one stretch of space; false at the end.
    fn token(&mut self) -> bool {
        let start = self.at;
        let Some(first) = self.peek() else {
            self.push(start, Kind::End);
            return false;
        };
        match first {
            _ if first.is_whitespace() => {
                self.skip_while(char::is_whitespace);
            }
            '/' => self.comment(start),
            '#' => self.attribute(start),
            '(' | ')' | '[' | ']' | '{' | '}' | ',' | ':' => {
                self.next();
                self.push(start, Kind::Mark(first));
            }
            '=' | ';' => {
                self.next();
                let (meant, help) = if first == '=' {
                    (':', "a field is written `name: value`")
                } else {
                    (',', "entries are separated by commas")
                };
                self.problem(start, &format!("`{first}` does not belong here"), Some(help));
                self.push(start, Kind::Mark(meant));
            }
            '"' => {
                self.next();
                self.string(start);
            }
            '\'' => self.character(start),
            'r' if self.raw_string_begins() => self.raw_string(start),
            '_' | 'a'..='z' | 'A'..='Z' => {
                let word = self.skip_while(|c| c == '_' || c.is_ascii_alphanumeric());
                self.push(start, Kind::Word(word.to_owned()));
            }
            '0'..='9' | '+' | '-' | '.' => {
                self.next();
                self.skip_while(|c| c == '_' || c == '.' || c.is_ascii_alphanumeric());
                let number = self.text[start..self.at].to_owned();
                self.push(start, Kind::Number(number));
            }
            _ => {
                self.skip_while(|c| !c.is_whitespace() && !c.is_ascii());
                if self.at == start {
                    self.next();
                }
                let found = &self.text[start..self.at];
                let help = found.contains(['“', '”', '„', '«', '»']).then_some("texts are quoted with \"");
                self.problem(start, &format!("`{}` does not belong here", found.escape_debug()), help);
            }
        }
        true
    }

    fn comment(&mut self, start: usize) {
        if self.rest().starts_with("//") {
            self.skip_while(|c| c != '\n');
        } else if self.rest().starts_with("/*") {
            let mut depth = 0_u32;
            loop {
                if self.rest().starts_with("/*") {
                    depth += 1;
                    self.at += 2;
                } else if self.rest().starts_with("*/") {
                    depth -= 1;
                    self.at += 2;
                    if depth == 0 {
                        return;
                    }
                } else if self.next().is_none() {
                    self.problems.add(Span::new(start, start + 2), "this comment is never closed", "opened here", None);
                    return;
                }
            }
        } else {
            self.next();
            self.problem(start, "`/` does not belong here", Some("a comment begins with `//`"));
        }
    }

    /// `#![enable(..)]`: the extensions of RON change nothing here.
    fn attribute(&mut self, start: usize) {
        self.skip_while(|c| c != ']' && c != '\n');
        if self.peek() == Some(']') && self.text[start..].starts_with("#![") {
            self.next();
        } else {
            self.at = start + 1;
            self.problem(start, "`#` does not belong here", Some("a comment begins with `//`"));
        }
    }

    fn raw_string_begins(&self) -> bool {
        self.rest()[1..].trim_start_matches('#').starts_with('"')
    }

    fn raw_string(&mut self, start: usize) {
        self.next();
        let hashes = self.skip_while(|c| c == '#');
        self.next();
        let end = format!("\"{hashes}");
        if let Some(length) = self.rest().find(&end) {
            let content = self.rest()[..length].to_owned();
            self.at += length + end.len();
            self.push(start, Kind::Text(content));
        } else {
            self.unclosed(start);
        }
    }

    /// A string without an end reaches to the end of its line, so that the rest of the file can still be read.
    fn unclosed(&mut self, start: usize) {
        let opened = self.at;
        self.problems.add(
            Span::new(start, opened),
            "this text is never closed",
            "opened here",
            Some("add a `\"`".into()),
        );
        self.skip_while(|c| !matches!(c, '\n' | ',' | ')' | ']' | '}'));
        let content = self.text[opened..self.at].to_owned();
        self.push(start, Kind::Text(content));
    }

    fn string(&mut self, start: usize) {
        let opened = self.at;
        let mut content = String::new();
        loop {
            let here = self.at;
            match self.next() {
                None => {
                    self.at = opened;
                    return self.unclosed(start);
                }
                Some('"') => break,
                Some('\\') => {
                    if let Some(character) = self.escape(here) {
                        content.push(character);
                    }
                }
                Some(character) => content.push(character),
            }
        }
        self.push(start, Kind::Text(content));
    }

    /// What stands for a character after a backslash.
    fn escape(&mut self, start: usize) -> Option<char> {
        let character = match self.next() {
            Some('n') => Some('\n'),
            Some('r') => Some('\r'),
            Some('t') => Some('\t'),
            Some('0') => Some('\0'),
            Some(same @ ('\\' | '"' | '\'')) => Some(same),
            Some('x') => {
                let digits = self.rest().get(..2).unwrap_or("");
                let code = u8::from_str_radix(digits, 16).ok();
                code.map(|code| {
                    self.at += 2;
                    char::from(code)
                })
            }
            Some('u') if self.peek() == Some('{') => {
                let end = self.rest().find('}');
                let code = end.and_then(|end| u32::from_str_radix(self.rest().get(1..end)?, 16).ok());
                let character = code.and_then(char::from_u32);
                if let (Some(end), Some(_)) = (end, character) {
                    self.at += end + 1;
                }
                character
            }
            _ => None,
        };
        if character.is_none() && self.peek().is_some() {
            self.problem(start, "this is no escape", Some("write a backslash as `\\\\`"));
        }
        character
    }

    fn character(&mut self, start: usize) {
        self.next();
        let content = match self.next() {
            Some('\\') => self.escape(start + 1),
            other => other,
        };
        if let (Some(content), Some('\'')) = (content, self.peek()) {
            self.next();
            self.push(start, Kind::Character(content));
            return;
        }
        // Somebody used single quotes for a text, most likely.
        let line = self.text[start + 1..].lines().next().unwrap_or("");
        if let Some(length) = line.find('\'') {
            self.at = start + 1 + length + 1;
            let content = line[..length].to_owned();
            self.problem(start, "a text stands in double quotes", Some("write \"...\" instead of '...'"));
            self.push(start, Kind::Text(content));
        } else {
            self.at = start + 1;
            self.problem(start, "`'` does not belong here", None);
        }
    }
}
