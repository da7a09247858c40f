//! A consumer: gets messages, works on them, commits. It may browse with a lock first, or want the queue for itself
//! alone ([`super::taker`]).

use super::session::Session;
use super::taker::{self, Taking};
use crate::scenario::model::Consumer;

/// Consumes for ever.
pub async fn run(session: Session, role: &Consumer) {
    taker::run(session, Taking::consumer(role)).await;
}
