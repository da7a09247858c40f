//! From a history of what applications were told and saw to a verdict.

pub mod verdict;
