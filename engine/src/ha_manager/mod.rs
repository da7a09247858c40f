//! Core groups and the high availability manager (HAManager).
//!
//! **In the product.** A core group is the domain within which a singleton, such as a messaging engine, can fail over.
//! Its members (deployment manager, node agents, application servers) hold a full mesh of connections, agree on *views*
//! (who can talk to whom), and in each view elect a *coordinator*, which keeps the state of *high availability groups*
//! and activates their members as *policies* say. Documented: IBM WebSphere Application Server Network Deployment, "Core
//! groups (high availability domains)", "Core group coordinator", "Core group discovery and failure detection
//! protocols", "High availability groups", "High availability group policies".
//!
//! **Modelled.** Discovery and failure detection (`links.rs`), views by agreement (`view.rs`, `membership.rs`),
//! the coordinator (`coordinator.rs`), policies ([`policy`], [`mod@decide`], [`assistance`]), is-alive (`is_alive.rs`), the
//! bulletin board, and the node agent's monitoring policy ([`member`]).
//!
//! **Left out.** Core group bridges, more than one coordinator, the product's retransmission within a view (connections
//! are reliable here; what was ordered in an old view is ignored in the next one, which starts from the state that all
//! members report in it).

pub mod assistance;
mod coordinator;
pub mod decide;
pub mod definition;
pub mod frame;
mod groups;
mod is_alive;
mod links;
mod manager;
pub mod member;
mod membership;
pub mod policy;
mod view;

#[cfg(test)]
mod tests;

pub use manager::{GroupOrder, HaManager, Health, NotOperated};
