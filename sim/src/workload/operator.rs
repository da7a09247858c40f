//! An operator who types commands at given times.
//!
//! What a command does is the business of the family to whose systems it is typed; here is when it is typed, how often it
//! is typed again, and how an operator decides what is in doubt: by what the coordinator's log says, as documentation asks
//! for, or against it, as happens.

use std::time::Duration;

use indoubt_engine::time::Time;
use indoubt_engine::unit_of_work::{Outcome, Xid};

use super::provider::Operated;
use super::session::Session;
use super::shared::{InstanceProgress, LogSays, Shared};
use crate::scenario::model::{Decision, OperatorAction, OperatorCommand};

/// How often a command that could not be carried out is typed again.
const ATTEMPTS: u32 = 60;

/// Before it is.
const AGAIN: Duration = Duration::from_secs(1);

/// Types all commands. An operator who comes back types no command to servers again that was typed before; what is in
/// doubt is looked for again, whoever looked before.
pub async fn run(mut session: Session, actions: &[OperatorAction]) {
    let mut actions: Vec<&OperatorAction> = actions.iter().collect();
    actions.sort_by_key(|action| action.at);
    let typed = session.shared().progress_of(session.name()).done;
    for (number, action) in (1..).zip(actions) {
        if number <= typed && matches!(action.command, OperatorCommand::Administer { .. }) {
            continue;
        }
        let due = Time::START + action.at;
        session.sleep(due.since(session.true_time())).await;
        carry_out(&mut session, &action.command).await;
        // Nobody waits for an operator: as much is wanted as is done.
        let progress = InstanceProgress { wanted: number, done: number, awaited: 0 };
        session.shared().set_progress(session.name(), progress);
        session.leave().await;
    }
}

async fn carry_out(session: &mut Session, command: &OperatorCommand) {
    for attempt in 1..=ATTEMPTS {
        session.ready().await;
        if attempt == 1 {
            session.recorder().command(command.to_string(), command.about());
        }
        match session.provider().operate(command, attempt == ATTEMPTS).await {
            Ok(Operated::Done) => return session.calm(),
            Ok(Operated::NotYet) => session.sleep(AGAIN).await,
            Ok(Operated::Refused) => {
                return session.recorder().command(format!("{command}: refused"), command.about());
            }
            Err(failed) => session.after(failed).await,
        }
    }
}

/// What an operator decides of a unit of work of this transaction. `None` while the coordinator is just deciding.
#[must_use]
pub fn decide(shared: &Shared, xid: Option<&Xid>, decision: Decision, is_last_attempt: bool) -> Option<Outcome> {
    let by_log = || {
        let says = xid.and_then(|xid| shared.decision(xid));
        match says {
            None => Some(Outcome::Backout),
            Some(LogSays::Decided(outcome)) => Some(outcome),
            // A coordinator that has been silent for that long has written nothing.
            Some(LogSays::Undecided) => is_last_attempt.then_some(Outcome::Backout),
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
