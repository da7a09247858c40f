//! An operator who types commands at given times.
//!
//! `RESOLVE INDOUBT` for units of work of a member that is not active: first `DISPLAY THREAD(*) TYPE(INDOUBT)`, then each
//! of them. The operator may decide by what the coordinator's log says, as the product's documentation asks for, or
//! against it, as happens.

use std::time::Duration;

use indoubt_engine::mqi::client::CallFailed;
use indoubt_engine::mqi::{IndoubtThread, Reason};
use indoubt_engine::name::QueueManagerName;
use indoubt_engine::time::Time;
use indoubt_engine::unit_of_work::Outcome;

use super::session::Session;
use super::shared::LogSays;
use crate::scenario::model::{Decision, OperatorAction, OperatorCommand};

/// How often a command that could not be carried out is typed again.
const ATTEMPTS: u32 = 60;

/// Before it is.
const AGAIN: Duration = Duration::from_secs(1);

/// Types all commands.
pub async fn run(mut session: Session, actions: &[OperatorAction]) {
    let mut actions: Vec<&OperatorAction> = actions.iter().collect();
    actions.sort_by_key(|action| action.at);
    for action in actions {
        let due = Time::START + action.at;
        session.sleep(due.since(session.true_time())).await;
        match &action.command {
            OperatorCommand::ResolveIndoubt { queue_manager, outcome } => {
                resolve_all(&mut session, queue_manager, *outcome).await;
            }
        }
        session.leave().await;
    }
}

async fn resolve_all(session: &mut Session, member: &QueueManagerName, decision: Decision) {
    for attempt in 1..=ATTEMPTS {
        session.ready().await;
        match resolve_once(session, member, decision, attempt == ATTEMPTS).await {
            Ok(true) => return session.calm(),
            Ok(false) => session.sleep(AGAIN).await,
            // The member is active: its units of work are its own business.
            Err(failed) if failed.reason == Reason::QueueManagerActive => return,
            Err(failed) => session.after(failed).await,
        }
    }
}

/// Whether nothing is left to be decided.
async fn resolve_once(
    session: &mut Session,
    member: &QueueManagerName,
    decision: Decision,
    last_attempt: bool,
) -> Result<bool, CallFailed> {
    let elsewhere = (session.queue_manager() != member).then(|| member.clone());
    let threads = session.connection().display_indoubt(elsewhere.clone()).await?;
    let mut all = true;
    for thread in threads {
        match decide(session, &thread, decision, last_attempt) {
            Some(outcome) => {
                session.connection().resolve_indoubt(thread.unit_of_work, outcome, elsewhere.clone()).await?;
            }
            None => all = false,
        }
    }
    Ok(all)
}

/// `None` while the coordinator is just deciding.
fn decide(session: &Session, thread: &IndoubtThread, decision: Decision, last_attempt: bool) -> Option<Outcome> {
    let by_log = || {
        let says = thread.xid.as_ref().and_then(|xid| session.shared().decision(xid));
        match says {
            None => Some(Outcome::Backout),
            Some(LogSays::Decided(outcome)) => Some(outcome),
            // A coordinator that has been silent for that long has written nothing.
            Some(LogSays::Undecided) => last_attempt.then_some(Outcome::Backout),
        }
    };
    match decision {
        Decision::Always(outcome) => Some(outcome),
        Decision::AsCoordinator => by_log(),
        Decision::AgainstCoordinator => by_log().map(|outcome| match outcome {
            Outcome::Commit => Outcome::Backout,
            Outcome::Backout => Outcome::Commit,
        }),
    }
}
