//! `RESOLVE INDOUBT` for units of work of a member that is not active: first `DISPLAY THREAD(*) TYPE(INDOUBT)`, then
//! each of them.

use indoubt_engine::mqi::client::CallFailed;
use indoubt_engine::name::QueueManagerName;

use super::connection::Connection;
use crate::scenario::model::OperatorCommand;
use crate::workload::Shared;
use crate::workload::operator::decide;

/// Types a command at the queue manager of this connection. Whether nothing is left to be decided.
pub(super) async fn operate(
    connection: &mut Connection,
    here: &QueueManagerName,
    shared: &Shared,
    command: &OperatorCommand,
    is_last_attempt: bool,
) -> Result<bool, CallFailed> {
    // The scenario's checks refuse commands for systems of another family.
    let OperatorCommand::ResolveIndoubt { queue_manager: member, outcome: decision } = command else {
        return Ok(true);
    };
    let elsewhere = (here != member).then(|| member.clone());
    let threads = connection.display_indoubt(elsewhere.clone()).await?;
    let mut all = true;
    for thread in threads {
        match decide(shared, thread.xid.as_ref(), *decision, is_last_attempt) {
            Some(outcome) => connection.resolve_indoubt(thread.unit_of_work, outcome, elsewhere.clone()).await?,
            None => all = false,
        }
    }
    Ok(all)
}
