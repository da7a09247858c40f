//! An application server: the process in which instances of messaging engines live.
//!
//! **In the product.** Every server of a cluster that is a member of a bus holds the configuration of the cluster's
//! engines and creates an instance of each; the HA manager of the server joins the instance to the engine's HA group, and
//! the group's policy decides which one of them is activated. The server accepts clients of the bus (as a bootstrap server
//! for all, as the host of an engine for those it sends on), answers is-alive questions for its engines, and ends itself,
//! or disables an instance, when one is not alive. Documented: IBM WebSphere Application Server, "High availability of
//! messaging engines", "Service integration high availability and workload sharing configurations"; for failures of
//! engines, "Messaging engine failure behaviour"; for levels before 8.5, the technotes on CWSID0046E and HMGR0130I.
//!
//! **Modelled.** [`ApplicationServer`] puts together what is modelled elsewhere: [`HaManager`](crate::ha_manager), one
//! [`MessagingEngine`](crate::messaging_engine) with its store for each engine of the cluster, the choice of an engine
//! for a client (module `routing`), administration. What it adds is the rule between them: who tells whom, and what ends
//! the server.
//!
//! **Left out.** Everything else that runs in a server. Message-driven beans are processes of their own, which the world
//! has start, stand still and end with their server; the server tells them which engines run in it.

pub mod definition;
pub mod frame;
mod instance;
mod routing;
mod server;

#[cfg(test)]
mod tests;

pub use server::ApplicationServer;
