//! Several managers in a small world in memory, whose links can be cut.

mod claims;
mod policies;
mod turmoil;
mod world;
