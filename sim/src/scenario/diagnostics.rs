//! What is wrong with a scenario file: each mistake with its place, all of them at once.

use std::fmt;
use std::path::{Path, PathBuf};

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource};

use super::syntax::ast::Span;

/// After so many mistakes the rest is left out: most of them follow from the first.
const MOST: usize = 100;

/// After so many mistakes nothing is added: the file is something else.
const ENOUGH: usize = 10 * MOST;

/// Lines longer than this are cut in excerpts, in characters.
const LONGEST_LINE: usize = 300;

/// Mistakes as they are found, in any order.
#[derive(Debug, Default)]
pub struct Problems {
    found: Vec<Problem>,
    syntax: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Problem {
    span: Span,
    message: String,
    label: String,
    help: Option<String>,
}

impl Problems {
    /// Adds a mistake: where, what is wrong, a word for the place, and advice.
    pub fn add(&mut self, span: Span, message: impl Into<String>, label: impl Into<String>, help: Option<String>) {
        if self.found.len() >= ENOUGH {
            return;
        }
        let problem = Problem { span, message: message.into(), label: label.into(), help };
        if !self.found.contains(&problem) {
            self.found.push(problem);
        }
    }

    /// Adds a mistake of syntax, after which the tree may lack parts: what they defined must not be missed.
    pub fn add_syntax(
        &mut self,
        span: Span,
        message: impl Into<String>,
        label: impl Into<String>,
        help: Option<String>,
    ) {
        self.syntax = true;
        self.add(span, message, label, help);
    }

    /// Whether parts of the tree may be missing.
    #[must_use]
    pub fn any_syntax(&self) -> bool {
        self.syntax
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Line, from 1; `None` if it is about the file as a whole (it cannot be read).
    pub line: Option<u32>,
    /// Column in characters, from 1.
    pub column: Option<u32>,
    /// The offending text as it stands in the file.
    pub text: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it, or what was probably meant.
    pub help: Option<String>,
    span: Span,
    label: String,
}

/// All that is wrong with a file, in the order of its text.
#[derive(Clone, Debug)]
pub struct Diagnostics {
    path: PathBuf,
    source: String,
    all: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Puts mistakes into order and finds their lines and columns.
    pub(super) fn new(path: &Path, source: &str, problems: Problems) -> Self {
        let mut found = problems.found;
        found.sort_by_key(|problem| (problem.span.start, problem.span.end));
        found.truncate(MOST);
        let mut all = Vec::with_capacity(found.len());
        for problem in found {
            let span = clip(source, problem.span);
            let (line, column) = position(source, span.start);
            all.push(Diagnostic {
                line: Some(line),
                column: Some(column),
                text: source[span.start..span.end].to_owned(),
                message: problem.message,
                help: problem.help,
                span,
                label: problem.label,
            });
        }
        Diagnostics { path: path.to_owned(), source: source.to_owned(), all }
    }

    /// For a file that cannot be read at all.
    pub(super) fn without_place(path: &Path, message: String) -> Self {
        let only = Diagnostic {
            line: None,
            column: None,
            text: String::new(),
            message,
            help: None,
            span: Span::default(),
            label: String::new(),
        };
        Diagnostics { path: path.to_owned(), source: String::new(), all: vec![only] }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Every mistake; never empty.
    #[must_use]
    pub fn all(&self) -> &[Diagnostic] {
        &self.all
    }

    /// A report for a person: each mistake with an excerpt of the text, in colour or plain.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let theme = if colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
        let handler = GraphicalReportHandler::new_themed(theme).with_links(false).with_width(110).with_context_lines(1);
        let mut report = String::new();
        for diagnostic in &self.all {
            let excerpt = Excerpt::of(self, diagnostic);
            let before = report.len();
            if handler.render_report(&mut report, &excerpt).is_err() {
                report.truncate(before);
                report.push_str(&format!("{}: {}\n", self.path.display(), diagnostic));
            }
        }
        let count = self.all.len();
        let name = self.path.display();
        match count {
            1 => report.push_str(&format!("{name}: 1 mistake\n")),
            MOST => report.push_str(&format!("{name}: {MOST} mistakes or more\n")),
            _ => report.push_str(&format!("{name}: {count} mistakes\n")),
        }
        report
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, "{line}:{column}: ")?;
        }
        f.write_str(&self.message)?;
        if let Some(help) = &self.help {
            write!(f, " ({help})")?;
        }
        Ok(())
    }
}

/// One line for each mistake: `file:line:column: message (help)`.
impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.all.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{}:{diagnostic}", self.path.display())?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

/// A span inside the text, on boundaries of characters, and on one line as far as an excerpt is concerned.
fn clip(source: &str, span: Span) -> Span {
    let mut start = span.start.min(source.len());
    while !source.is_char_boundary(start) {
        start -= 1;
    }
    let mut end = span.end.clamp(start, source.len());
    while !source.is_char_boundary(end) {
        end -= 1;
    }
    // At the end of the file, point at the last thing that is there.
    if start == source.len() && !source.is_empty() {
        let last = source.trim_end().char_indices().last();
        if let Some((index, character)) = last {
            (start, end) = (index, index + character.len_utf8());
        }
    }
    // Of several lines, the first will do.
    let first = source[start..end].find('\n').map_or(end, |length| start + length);
    Span::new(start, first)
}

fn position(source: &str, at: usize) -> (u32, u32) {
    let before = &source[..at];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
}

/// A diagnostic in the form that [`miette`] draws.
#[derive(Debug)]
struct Excerpt {
    message: String,
    help: Option<String>,
    source: Option<NamedSource<String>>,
    label: Option<LabeledSpan>,
}

impl Excerpt {
    fn of(all: &Diagnostics, diagnostic: &Diagnostic) -> Self {
        let (message, help) = (diagnostic.message.clone(), diagnostic.help.clone());
        let Some(line) = diagnostic.line else {
            return Excerpt { message, help, source: None, label: None };
        };
        let line_start = all.source[..diagnostic.span.start].rfind('\n').map_or(0, |newline| newline + 1);
        let length = all.source[line_start..].lines().next().map_or(0, |line| line.chars().count());
        if length > LONGEST_LINE {
            let help = Some(format!(
                "{}:{line}:{}: `{}`{}",
                all.path.display(),
                diagnostic.column.unwrap_or(1),
                diagnostic.text.chars().take(LONGEST_LINE).collect::<String>(),
                help.map(|help| format!("; {help}")).unwrap_or_default()
            ));
            return Excerpt { message, help, source: None, label: None };
        }
        let span = (diagnostic.span.start, diagnostic.span.end - diagnostic.span.start);
        Excerpt {
            message,
            help,
            source: Some(NamedSource::new(all.path.display().to_string(), all.source.clone())),
            label: Some(LabeledSpan::new_with_span(Some(diagnostic.label.clone()), span)),
        }
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Excerpt {}

impl miette::Diagnostic for Excerpt {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        self.source.as_ref().map(|source| source as &dyn miette::SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.label.clone().map(|label| Box::new(std::iter::once(label)) as Box<dyn Iterator<Item = LabeledSpan>>)
    }
}
