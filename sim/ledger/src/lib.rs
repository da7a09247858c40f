//! From a history of what applications were told and saw to a verdict.
//!
//! A pure function: [`judge`] takes the [history] of a run, the [audit] of what was left and the [contract],
//! and returns a [judgement](verdict). It knows neither the middleware nor the world it ran in, and
//! it is a crate of its own so that the compiler keeps it that way.

mod account;
mod atomicity;
pub mod audit;
pub mod contract;
mod copies;
mod finding;
pub mod history;
mod index;
pub mod jsonl;
mod judge;
mod liveness;
mod losses;
mod marooned;
mod order;
pub mod outage;
mod ownership;
mod permissions;
mod placement;
mod queue_account;
mod queue_history;
mod story;
pub mod verdict;

pub use judge::judge;
pub use queue_account::judge_queue_history;
