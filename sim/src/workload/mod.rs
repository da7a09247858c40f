//! The applications: requesters, servers, producers, consumers, transaction coordinators, operators.
//!
//! Applications are scripts: each instance is one process of the fabric that calls a [`provider`] and gets what a real
//! client would get, failures and unknown outcomes included. No script knows which product it talks to. Everything that they ask for, are told and see goes into
//! the history from which the ledger judges.

pub mod back_off;
pub mod chance;
pub mod consumer;
pub mod coordinator;
pub mod decision_log;
pub mod history;
pub mod operator;
pub mod pace;
pub mod payload;
pub mod producer;
pub mod provider;
pub mod requester;
pub mod server;
pub mod session;
pub mod shared;
pub mod taker;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use indoubt_engine::machine::Input;

pub use shared::{Phase, Progress, Shared};

use crate::fabric::{Process, ProcessBody};
use crate::scenario::model::{Application, Place, Role, Syncpointing};
use provider::Provider;
use session::{Session, Start};

/// Makes the client with which the process of an application talks to its middleware, anew in each life.
pub type MakeProvider = Arc<dyn Fn(&Process, &Arc<Shared>) -> Box<dyn Provider> + Send + Sync>;

/// One instance of an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Its name, which is its process's: `requester.2`.
    pub name: String,
    /// Its number among all instances of the run; its payloads' identities derive from it.
    pub index: u32,
    /// Where it runs.
    pub place: Place,
}

/// What an instance of an application does with its life. Servers and consumers go on for ever; the others end when
/// their work is done.
#[must_use]
pub fn application_body(
    application: &Application,
    instance: Instance,
    shared: Arc<Shared>,
    provider: MakeProvider,
) -> ProcessBody {
    let application = Arc::new(application.clone());
    Arc::new(move |process| {
        let (application, instance, shared) = (application.clone(), instance.clone(), shared.clone());
        let provider = provider.clone();
        Box::pin(async move {
            let Some(start) = started(&process).await else { return };
            let session = |syncpoint: &Syncpointing| {
                let (process, shared) = (process.clone(), shared.clone());
                let provider = provider(&process, &shared);
                let connect = &application.connect;
                Session::new(process, &start, shared, instance.clone(), connect, syncpoint.clone(), provider)
            };
            match &application.role {
                Role::Requester(role) => requester::run(session(&role.syncpoint), role).await,
                Role::Server(role) => server::run(session(&role.syncpoint), role).await,
                Role::Producer(role) => producer::run(session(&role.syncpoint), role).await,
                Role::Consumer(role) => consumer::run(session(&role.syncpoint), role).await,
                Role::Operator(actions) => operator::run(session(&Syncpointing::None), actions).await,
            }
        })
    })
}

async fn started(process: &Process) -> Option<Start> {
    match process.next().await {
        Input::Started { incarnation, files } => Some(Start { incarnation, files }),
        _ => None,
    }
}
