//! The syntax of scenario files: RON, read tolerantly.
//!
//! After a mistake the reader goes on at the next comma or closing bracket, so that one run reports all of them. What the
//! reader accepts without complaint is RON; a test holds it against the `ron` crate.

pub mod ast;
mod lexer;
mod parser;

use ast::Node;

use super::diagnostics::Problems;

/// The tree of a text, or `None` if there is nothing to make one of. Mistakes go to `problems`.
pub fn parse(text: &str, problems: &mut Problems) -> Option<Node> {
    let tokens = lexer::tokens(text, problems);
    parser::parse(text, &tokens, problems)
}
