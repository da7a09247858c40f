//! Several managers in a small world in memory, whose links can be cut.

mod claims;
mod keeping;
mod membership;
mod merging;
mod monitoring;
#[cfg(feature = "defects")]
mod planted;
mod policies;
mod turmoil;
mod world;
