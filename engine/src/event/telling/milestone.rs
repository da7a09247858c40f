//! Milestones: where something that runs in one of several processes has come to on its way from a failure to service.

/// Where the move of something that runs in one of several processes has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Milestone {
    /// Somebody noticed that it does not serve any more.
    Noticed,
    /// It gave its data up itself: another process may do better.
    GaveUp,
    /// It failed, and no other process would do better.
    FailedForGood,
    /// Those who watch over it found that it is not alive.
    Condemned,
    /// It was found to be active twice.
    Met,
    /// It is to end where it is.
    Withdrawn,
    /// It lets work end.
    Stopping,
    /// It has ended in good order.
    Stopped,
    /// Those who are left agree on who is left.
    Agreed,
    /// Somebody is there again who may run it.
    Available,
    /// It is decided where it goes on.
    Ordered,
    /// It begins to start there.
    Begun,
    /// It could not start there.
    StartFailed,
    /// A process that must not run it may do so again.
    Enabled,
    /// An operator who was waited for gave a command.
    Commanded,
    /// What keeps its data runs again.
    StoreBack,
    /// What it keeps its data in is its own.
    StoreOwned,
    /// It has read what it needs of that.
    StoreRead,
    /// Its process goes on after it had stood still, and so does it.
    WentOn,
    /// It serves.
    Serves,
}

impl Milestone {
    /// What a program calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Milestone::Noticed => "noticed",
            Milestone::GaveUp => "gave_up",
            Milestone::FailedForGood => "failed_for_good",
            Milestone::Condemned => "condemned",
            Milestone::Met => "met",
            Milestone::Withdrawn => "withdrawn",
            Milestone::Stopping => "stopping",
            Milestone::Stopped => "stopped",
            Milestone::Agreed => "agreed",
            Milestone::Available => "available",
            Milestone::Ordered => "ordered",
            Milestone::Begun => "begun",
            Milestone::StartFailed => "start_failed",
            Milestone::Enabled => "enabled",
            Milestone::Commanded => "commanded",
            Milestone::StoreBack => "store_back",
            Milestone::StoreOwned => "store_owned",
            Milestone::StoreRead => "store_read",
            Milestone::WentOn => "went_on",
            Milestone::Serves => "serves",
        }
    }

    /// What a report says of the time until this process passed it.
    #[must_use]
    pub fn about(self, process: &str) -> String {
        let text = match self {
            Milestone::Noticed => "until its failure was noticed",
            Milestone::GaveUp => "until the engine gave up its store (CWSID0046E)",
            Milestone::FailedForGood => "until the engine had an error that no other server would mend (CWSID0029E)",
            Milestone::Condemned => "until an is-alive check found that it was not alive",
            Milestone::Met => "until it was found active twice",
            Milestone::Withdrawn => "until it was to end there",
            Milestone::Stopping => "until it let work end",
            Milestone::Stopped => "until it had stopped",
            Milestone::Agreed => "until the others agreed on a new view",
            Milestone::Available => "until a server was there that may run it",
            Milestone::Ordered => "until another instance was chosen",
            Milestone::Begun => "until that one began to start",
            Milestone::StartFailed => return format!("until {process} gave up its start (CWSID0039E)"),
            Milestone::Enabled => return format!("until it was enabled again on {process}"),
            Milestone::Commanded => "until an operator gave a command",
            Milestone::StoreBack => "until the database was open again",
            Milestone::StoreOwned => "until it had the lock of its message store",
            Milestone::StoreRead => "until it had read what the store holds",
            Milestone::WentOn => return format!("until {process} went on"),
            Milestone::Serves => "until it accepted work",
        };
        text.to_owned()
    }
}
