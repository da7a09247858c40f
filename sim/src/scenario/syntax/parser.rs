//! Tokens to a tree. Never fails: after a mistake it goes on at the next comma or closing bracket.

use super::ast::{Field, Node, Span, Value, Word};
use super::lexer::{Kind, Token};
use crate::scenario::diagnostics::Problems;

/// Deeper nesting than this is refused; a scenario needs about ten.
const DEEPEST: usize = 64;

/// The tree of a text.
pub(super) fn parse(text: &str, tokens: &[Token], problems: &mut Problems) -> Option<Node> {
    let mut parser = Parser { text, tokens, at: 0, problems, open: Vec::new() };
    if parser.peek() == &Kind::End {
        let span = Span::new(0, text.len().min(1));
        parser.problems.add(span, "the file is empty", "a scenario begins with `(`", None);
        return None;
    }
    let node = parser.value();
    if parser.peek() != &Kind::End && !parser.problems.any_syntax() {
        let span = parser.span();
        parser.syntax(span, "the scenario ends before this", "what is this?", Some("one bracket too many, perhaps"));
    }
    Some(node)
}

struct Parser<'a> {
    text: &'a str,
    tokens: &'a [Token],
    at: usize,
    problems: &'a mut Problems,
    /// What closes the brackets that are open.
    open: Vec<char>,
}

/// What stands between two commas.
enum Entry {
    Named(Field),
    /// `"name": value`, which belongs into a map.
    Keyed(Node, Node),
    Plain(Node),
}

impl Parser<'_> {
    fn token(&self) -> &Token {
        // The last token is the end, and `advance` never goes past it.
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn peek(&self) -> &Kind {
        &self.token().kind
    }

    fn span(&self) -> Span {
        self.token().span
    }

    fn follows(&self) -> Option<&Kind> {
        self.tokens.get(self.at + 1).map(|token| &token.kind)
    }

    fn advance(&mut self) {
        if self.at + 1 < self.tokens.len() {
            self.at += 1;
        }
    }

    fn syntax(&mut self, span: Span, message: &str, label: &str, help: Option<&str>) {
        self.problems.add_syntax(span, message, label, help.map(Into::into));
    }

    fn found(&self) -> String {
        let span = self.span();
        match self.peek() {
            Kind::End => "the end of the file".into(),
            _ => {
                let text: String = self.text[span.start..span.end].chars().take(40).collect();
                format!("`{}`", text.escape_debug())
            }
        }
    }

    fn damaged(&self, span: Span) -> Node {
        Node { span, value: Value::Damaged }
    }

    fn value(&mut self) -> Node {
        let span = self.span();
        match self.peek().clone() {
            Kind::Number(number) => self.leaf(span, Value::Number(number)),
            Kind::Text(text) => self.leaf(span, Value::Text(text)),
            Kind::Character(character) => self.leaf(span, Value::Character(character)),
            Kind::Word(word) => {
                self.advance();
                self.word(Word { text: word, span })
            }
            Kind::Mark('(') => self.parentheses(None),
            Kind::Mark('[') => {
                let (entries, span) = self.entries(']');
                let mut items = Vec::new();
                for entry in entries {
                    match entry {
                        Entry::Plain(node) => items.push(node),
                        Entry::Named(Field { name: Word { span, .. }, .. }) | Entry::Keyed(Node { span, .. }, _) => self
                            .syntax(
                                span,
                                "a list holds values, not fields",
                                "a field",
                                Some("fields stand in parentheses: `(name: value)`, maps in braces: `{ \"name\": value }`"),
                            ),
                    }
                }
                Node { span, value: Value::List(items) }
            }
            Kind::Mark('{') => self.map(),
            _ => {
                let message = format!("a value is missing before {}", self.found());
                self.syntax(span, &message, "a value is expected here", None);
                self.damaged(span)
            }
        }
    }

    fn leaf(&mut self, span: Span, value: Value) -> Node {
        self.advance();
        Node { span, value }
    }

    fn word(&mut self, word: Word) -> Node {
        if self.peek() == &Kind::Mark('(') {
            let node = self.parentheses(Some(word.clone()));
            if word.text == "Some"
                && let Value::Items { items, .. } = &node.value
                && let [inner] = items.as_slice()
            {
                return inner.clone();
            }
            return node;
        }
        let value = match word.text.as_str() {
            "true" => Value::Truth(true),
            "false" => Value::Truth(false),
            "None" => Value::Nothing,
            _ => Value::Word(word.text),
        };
        Node { span: word.span, value }
    }

    fn parentheses(&mut self, name: Option<Word>) -> Node {
        let (entries, brackets) = self.entries(')');
        let span = name.as_ref().map_or(brackets, |name| name.span.to(brackets));
        let (mut fields, mut keyed, mut items) = (Vec::new(), Vec::new(), Vec::new());
        for entry in entries {
            match entry {
                Entry::Named(field) => fields.push(field),
                Entry::Keyed(key, value) => keyed.push((key, value)),
                Entry::Plain(node) => items.push(node),
            }
        }
        if let Some((key, _)) = keyed.first() {
            let help = "a map stands in braces: { \"SYSA\": (..) }; the name of a field has no quotes";
            self.syntax(key.span, "a name in quotes and a colon inside parentheses", "a key of a map?", Some(help));
            if fields.is_empty() && items.is_empty() {
                return Node { span, value: Value::Map(keyed) };
            }
            for (key, value) in keyed {
                if let Value::Text(text) = key.value {
                    fields.push(Field { name: Word { text, span: key.span }, value });
                }
            }
        }
        if let (Some(_), Some(item)) = (fields.first(), items.iter().find(|item| item.value != Value::Damaged)) {
            let help = "give every value in these parentheses its name, or none of them";
            self.syntax(
                item.span,
                "a value without a name among fields with names",
                "which field is this?",
                Some(help),
            );
            if name.is_some() {
                return self.damaged(span);
            }
        }
        let value = if fields.is_empty() && !items.is_empty() {
            Value::Items { name, items }
        } else {
            Value::Fields { name, fields }
        };
        Node { span, value }
    }

    fn map(&mut self) -> Node {
        let (entries, span) = self.bracketed('}', |parser| {
            let key = match parser.peek().clone() {
                Kind::Word(word) => {
                    let span = parser.span();
                    let message = format!("the key `{word}` needs quotes");
                    let help = format!("write \"{word}\"");
                    parser.syntax(span, &message, "a key of a map", Some(&help));
                    parser.leaf(span, Value::Text(word))
                }
                _ => parser.value(),
            };
            if key.value == Value::Damaged {
                return None;
            }
            if parser.peek() == &Kind::Mark(':') {
                parser.advance();
                let value = parser.value();
                return Some((key, value));
            }
            let message = format!("a `:` is missing before {}", parser.found());
            parser.syntax(parser.span(), &message, "expected here", Some("a map is written { \"name\": (..), .. }"));
            let value = parser.damaged(key.span);
            Some((key, value))
        });
        Node { span, value: Value::Map(entries.into_iter().flatten().collect()) }
    }

    fn entries(&mut self, close: char) -> (Vec<Entry>, Span) {
        self.bracketed(close, |parser| {
            let span = parser.span();
            match (parser.peek().clone(), parser.follows()) {
                (Kind::Word(word), Some(Kind::Mark(':'))) => {
                    parser.advance();
                    parser.advance();
                    let value = parser.value();
                    Entry::Named(Field { name: Word { text: word, span }, value })
                }
                (Kind::Text(text), Some(Kind::Mark(':'))) => {
                    parser.advance();
                    parser.advance();
                    let value = parser.value();
                    Entry::Keyed(Node { span, value: Value::Text(text) }, value)
                }
                _ => Entry::Plain(parser.value()),
            }
        })
    }

    /// What stands between a bracket and the one that closes it, separated by commas.
    fn bracketed<T>(&mut self, close: char, mut entry: impl FnMut(&mut Self) -> T) -> (Vec<T>, Span) {
        let opened = self.span();
        self.advance();
        let mut entries = Vec::new();
        if self.open.len() >= DEEPEST {
            self.syntax(opened, "brackets are nested too deeply", "too deep", None);
            self.skip_to_matching();
            return (entries, opened.to(self.span()));
        }
        self.open.push(close);
        let end = loop {
            match *self.peek() {
                Kind::Mark(mark) if mark == close => {
                    let span = self.span();
                    self.advance();
                    break span;
                }
                Kind::End => {
                    let message = format!("this bracket is never closed: a `{close}` is missing");
                    self.syntax(opened, &message, "opened here", None);
                    break self.span();
                }
                Kind::Mark(mark @ (')' | ']' | '}')) => {
                    let span = self.span();
                    if self.open.iter().rev().skip(1).any(|outer| *outer == mark) {
                        let message = format!("a `{close}` is missing before this `{mark}`");
                        self.syntax(span, &message, "closes an outer bracket", None);
                        break span;
                    }
                    let message = format!("this `{mark}` closes nothing: a `{close}` is expected");
                    self.syntax(span, &message, "closes nothing", None);
                    self.advance();
                    // Taken for the bracket that was meant.
                    break span;
                }
                Kind::Mark(',') => {
                    self.syntax(self.span(), "nothing stands before this comma", "remove it", None);
                    self.advance();
                    continue;
                }
                _ => {}
            }
            let before = self.at;
            entries.push(entry(self));
            match *self.peek() {
                Kind::Mark(',') => self.advance(),
                Kind::Mark(')' | ']' | '}') | Kind::End => {}
                _ if self.at == before => {
                    // The mistake is reported; go on behind it.
                    self.skip_to_comma();
                }
                _ => {
                    let span = self.span();
                    let message = format!("a comma is missing before {}", self.found());
                    self.syntax(span, &message, "expected before this", None);
                    if !self.begins_entry() {
                        self.skip_to_comma();
                    }
                }
            }
        };
        self.open.pop();
        (entries, opened.to(end))
    }

    fn begins_entry(&self) -> bool {
        !matches!(self.peek(), Kind::Mark(':'))
    }

    /// Passes over everything up to a comma (included) or closing bracket (not included) of this level.
    fn skip_to_comma(&mut self) {
        let mut depth = 0_usize;
        loop {
            match *self.peek() {
                Kind::End => return,
                Kind::Mark(',') if depth == 0 => {
                    self.advance();
                    return;
                }
                Kind::Mark('(' | '[' | '{') => depth += 1,
                Kind::Mark(')' | ']' | '}') => {
                    if depth == 0 {
                        return;
                    }
                    depth -= 1;
                }
                _ => {}
            }
            self.advance();
        }
    }

    /// Passes over everything up to the bracket that closes the one just passed.
    fn skip_to_matching(&mut self) {
        let mut depth = 1_usize;
        while depth > 0 {
            match *self.peek() {
                Kind::End => return,
                Kind::Mark('(' | '[' | '{') => depth += 1,
                Kind::Mark(')' | ']' | '}') => depth -= 1,
                _ => {}
            }
            self.advance();
        }
    }
}
