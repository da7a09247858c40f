//! The tree of a scenario's text, each node with its place.

/// A stretch of the text, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// From `start` up to, not including, `end`.
    #[must_use]
    pub const fn new(start: usize, end: usize) -> Self {
        Span { start, end }
    }

    /// From the start of this one to the end of the other.
    #[must_use]
    pub const fn to(self, other: Span) -> Self {
        Span { start: self.start, end: other.end }
    }
}

/// An identifier and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// As written.
    pub text: String,
    /// Where.
    pub span: Span,
}

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Where.
    pub span: Span,
    /// What.
    pub value: Value,
}

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `true`, `false`.
    Truth(bool),
    /// A number as written.
    Number(String),
    /// A string, its escapes resolved.
    Text(String),
    /// A character.
    Character(char),
    /// An identifier by itself: `YES`.
    Word(String),
    /// `None`.
    Nothing,
    /// `(a: 1)` or `name(a: 1)`, and `()`, which may as well be an empty [`Value::Items`].
    Fields {
        /// What stands before the bracket.
        name: Option<Word>,
        /// The fields, in order; a name may come twice.
        fields: Vec<Field>,
    },
    /// `(1, 2)` or `name(1, 2)`.
    Items {
        /// What stands before the bracket.
        name: Option<Word>,
        /// The values.
        items: Vec<Node>,
    },
    /// `[1, 2]`.
    List(Vec<Node>),
    /// `{ "a": 1 }`; a key may come twice.
    Map(Vec<(Node, Node)>),
    /// Something that could not be read; the mistake has been reported.
    Damaged,
}

/// `name: value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Name.
    pub name: Word,
    /// Value.
    pub value: Node,
}

impl Value {
    /// What it is, for a message.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Truth(_) => "a truth value",
            Value::Number(_) => "a number",
            Value::Text(_) => "a text in quotes",
            Value::Character(_) => "a character",
            Value::Word(_) => "a word",
            Value::Nothing => "None",
            Value::Fields { name: None, .. } => "fields in parentheses",
            Value::Items { name: None, .. } => "values in parentheses",
            Value::Fields { name: Some(_), .. } | Value::Items { name: Some(_), .. } => "a named value",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
            Value::Damaged => "something unreadable",
        }
    }
}
