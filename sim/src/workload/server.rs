//! A server application: gets requests, works, puts the replies, commits.
//!
//! A reply that cannot be put backs the unit of work out, so that the request is met again and, after enough backouts,
//! put aside ([`super::taker`]). Documented: IBM MQ, "Rolling back" and "Handling poison messages".

use super::session::Session;
use super::taker::{self, Taking};
use crate::scenario::model::Server;

/// Serves for ever.
pub async fn run(session: Session, role: &Server) {
    taker::run(session, Taking::server(role)).await;
}
