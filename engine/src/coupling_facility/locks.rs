//! The lock table of a structure.
//!
//! Locks belong to connectors and outlive them: a failed connector's locks stay held until a peer that has recovered it
//! takes them over (z/OS Sysplex Services Guide, "Serialized list structures"). One kind is different: the right to
//! recover a failed connector is free again when its holder fails, for then the recovery starts over.

use std::collections::BTreeMap;

use super::command::{Connector, ListAnswer, LockName};

/// Locks and their holders.
#[derive(Debug, Default)]
pub(super) struct Locks {
    holders: BTreeMap<LockName, Connector>,
}

impl Locks {
    /// Takes a lock if it is free. `is_active` tells whether a connector is in use.
    pub(super) fn lock(
        &mut self,
        lock: LockName,
        wanted_by: &Connector,
        is_active: impl Fn(&Connector) -> bool,
    ) -> ListAnswer {
        match self.holders.get(&lock) {
            Some(holder) if holder == wanted_by => return ListAnswer::Done,
            Some(holder) if matches!(lock, LockName::Tag(_)) || is_active(holder) => {
                return ListAnswer::HeldBy(holder.clone());
            }
            _ => {}
        }
        self.holders.insert(lock, wanted_by.clone());
        ListAnswer::Done
    }

    /// Takes a lock away from a connector that is no longer in use.
    pub(super) fn take_over(
        &mut self,
        lock: LockName,
        wanted_by: &Connector,
        from: &Connector,
        is_active: impl Fn(&Connector) -> bool,
    ) -> ListAnswer {
        match self.holders.get(&lock) {
            Some(holder) if holder == wanted_by => return ListAnswer::Done,
            Some(holder) if holder != from || is_active(holder) => return ListAnswer::HeldBy(holder.clone()),
            _ => {}
        }
        self.holders.insert(lock, wanted_by.clone());
        ListAnswer::Done
    }

    /// Gives a lock back.
    pub(super) fn unlock(&mut self, lock: &LockName, held_by: &Connector) -> ListAnswer {
        if self.holders.get(lock) != Some(held_by) {
            return ListAnswer::NotThere;
        }
        self.holders.remove(lock);
        ListAnswer::Done
    }

    /// Whether a connector holds any.
    pub(super) fn holds_any(&self, connector: &Connector) -> bool {
        self.holders.values().any(|holder| holder == connector)
    }
}
