//! List monitoring.
//!
//! A connector registers its interest in a queue, or in the messages of a queue with one correlation identifier
//! (sublist monitoring). The structure signals transitions from empty to not empty, not messages: a put to a list that
//! is not empty signals nothing, and everybody interested gets the signal of the one put that does. They race; losers
//! find nothing. Only the committed range counts. The notification vector may over-indicate (z/OS Sysplex Services
//! Guide, "Monitoring a list structure").

use std::collections::{BTreeMap, BTreeSet};

use super::list::{Appeared, QueueIndex};
use crate::machine::ConnectionId;
use crate::message::CorrelationId;

/// To whom a transition of which list or sublist is to be signalled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Signal {
    /// Who monitors.
    pub(super) connection: ConnectionId,
    /// The list.
    pub(super) queue: QueueIndex,
    /// The sublist, if it is one.
    pub(super) correlation_id: Option<CorrelationId>,
}

/// Who monitors what.
#[derive(Debug, Default)]
pub(super) struct Monitors {
    lists: BTreeMap<QueueIndex, BTreeSet<ConnectionId>>,
    sublists: BTreeMap<(QueueIndex, CorrelationId), BTreeSet<ConnectionId>>,
}

impl Monitors {
    /// Starts to monitor; to start again changes nothing.
    pub(super) fn start(&mut self, connection: ConnectionId, queue: QueueIndex, correlation_id: Option<CorrelationId>) {
        match correlation_id {
            None => self.lists.entry(queue).or_default().insert(connection),
            Some(correlation_id) => self.sublists.entry((queue, correlation_id)).or_default().insert(connection),
        };
    }

    /// Stops monitoring.
    pub(super) fn stop(&mut self, connection: ConnectionId, queue: QueueIndex, correlation_id: Option<CorrelationId>) {
        match correlation_id {
            None => {
                if let Some(monitors) = self.lists.get_mut(&queue) {
                    monitors.remove(&connection);
                }
            }
            Some(correlation_id) => {
                let sublist = (queue, correlation_id);
                if let Some(monitors) = self.sublists.get_mut(&sublist) {
                    monitors.remove(&connection);
                    // Correlation identifiers are used once; queues are few.
                    if monitors.is_empty() {
                        self.sublists.remove(&sublist);
                    }
                }
            }
        }
    }

    /// Whoever monitored on this connection no longer does.
    pub(super) fn stop_all(&mut self, connection: ConnectionId) {
        for monitors in self.lists.values_mut() {
            monitors.remove(&connection);
        }
        self.sublists.retain(|_, monitors| {
            monitors.remove(&connection);
            !monitors.is_empty()
        });
    }

    /// An entry has come into the committed range: whom to signal, in the order of connections.
    pub(super) fn appeared(&self, appeared: Appeared, signals: &mut Vec<Signal>) {
        let Appeared { queue, correlation_id, list_was_empty, sublist_was_empty } = appeared;
        if list_was_empty && let Some(monitors) = self.lists.get(&queue) {
            signals.extend(monitors.iter().map(|&connection| Signal { connection, queue, correlation_id: None }));
        }
        if sublist_was_empty && let Some(monitors) = self.sublists.get(&(queue, correlation_id)) {
            let signal = |&connection| Signal { connection, queue, correlation_id: Some(correlation_id) };
            signals.extend(monitors.iter().map(signal));
        }
    }
}
