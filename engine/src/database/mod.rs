//! A database server: what keeps the data stores of messaging engines.
//!
//! **In the product.** Any supported relational database (DB2, Oracle, ...) with one schema for each messaging engine. What
//! matters to an engine is that a transaction commits as a whole and survives, and that a table lock lives exactly as long
//! as the database believes in the session that holds it: a reset ends it at once, a silent client keeps it until the
//! database host's TCP keep-alive gives up. Documented: IBM WebSphere Application Server, "Data store exclusive access",
//! "Data store tables"; IBM Support, "Messaging engine fails to obtain a lock on the data store" (reduce the TCP keep-alive
//! of the database host).
//!
//! **Modelled.** [`DatabaseServer`]: schemas, tables of rows (key, bytes), transactions with exclusive table locks, first
//! come first served, with time-outs; a write-ahead log with group force, replayed at start; a limit of space; a kill of
//! sessions by an operator. Locks are not durable: nobody holds one after a restart or a failover. One connection stands
//! for a client's whole connection pool and carries any number of transactions, named by [`TransactionNumber`]; they live
//! and die together.
//!
//! **Left out.** SQL, columns and indexes; row locks: a transaction's changes are kept with the transaction until it
//! commits, so the last commit of a row wins. A change of a table that another transaction has locked is refused at once;
//! reading it is not (uncommitted changes are never seen). Replication between databases: to fail over is to restart
//! elsewhere with the same log.

mod definition;
pub mod frame;
mod locks;
mod server;
mod tables;

#[cfg(test)]
mod tests;

pub use definition::{Capacity, DatabaseDefinition};
pub use frame::TransactionNumber;
pub use server::{DatabaseServer, LOG};
