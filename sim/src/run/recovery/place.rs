//! Where something runs that runs in one of several processes.

use indoubt_engine::time::Time;

use super::story::{Progress, Story};

/// What it does there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It has not begun, or has ended in good order.
    Idle,
    /// It gets ready.
    Starts,
    /// It serves since then.
    Serves(Time),
    /// It does not serve, although its process runs.
    Failed,
    /// Its process stands still.
    StandsStill,
    /// Its process has ended.
    Gone,
}

impl State {
    /// Whether it is lost with its process.
    pub(super) fn is_there(self) -> bool {
        !matches!(self, State::Idle | State::Gone)
    }
}

/// A place.
pub(super) struct Place<'t> {
    /// The process in which it last served or began to start.
    pub(super) process: &'t str,
    pub(super) state: State,
    /// Since when it served before its process stood still.
    pub(super) served_before: Option<Time>,
    /// The fault or command from which what it does follows.
    pub(super) cause: Option<usize>,
    /// Whether what it does makes that good: not if it moves without need.
    pub(super) settles: bool,
    /// It was ordered to end.
    pub(super) withdrawn: bool,
    /// It was found to be active twice.
    pub(super) met: bool,
    /// Its story, while that is not at its end: a position among the stories.
    pub(super) story: Option<usize>,
    /// The last one that was.
    pub(super) last: Option<usize>,
}

impl<'t> Place<'t> {
    pub(super) fn new(process: &'t str) -> Self {
        Place {
            process,
            state: State::Idle,
            served_before: None,
            cause: None,
            settles: true,
            withdrawn: false,
            met: false,
            story: None,
            last: None,
        }
    }

    /// A story that has come to rest is at its end.
    pub(super) fn close(&mut self, stories: &mut [Story<'t>]) {
        if let Some(story) = self.story.filter(|story| stories[*story].progress != Progress::Goes) {
            stories[story].progress = Progress::Ended;
            self.last = self.story.take();
        }
    }

    /// Since when it serves, if it does.
    pub(super) fn served_since(&self) -> Option<Time> {
        match self.state {
            State::Serves(since) => Some(since),
            _ => None,
        }
    }
}
