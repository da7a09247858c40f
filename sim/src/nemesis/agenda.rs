//! What is to be done at which time, in the order of time and of adding.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Mutex, MutexGuard};
use std::task::{Poll, Waker};

use indoubt_engine::time::Time;

use super::Task;
use crate::fabric::Fabric;

#[derive(Default)]
struct State {
    tasks: BTreeMap<(Time, u64), Task>,
    added: u64,
    waiting: Option<Waker>,
}

/// The agenda of a run.
#[derive(Default)]
pub struct Agenda {
    state: Mutex<State>,
}

impl Agenda {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("a panic in the nemesis ends the run")
    }

    /// Adds a task.
    pub fn add(&self, at: Time, task: Task) {
        let mut state = self.state();
        state.added += 1;
        let key = (at, state.added);
        state.tasks.insert(key, task);
        if let Some(waker) = state.waiting.take() {
            waker.wake();
        }
    }

    /// Whether nothing is to be done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.state().tasks.is_empty()
    }

    /// Takes everything off, in order.
    pub fn clear(&self) -> Vec<Task> {
        std::mem::take(&mut self.state().tasks).into_values().collect()
    }

    /// Waits for the next task that is due before `until`, and tells for when it was put on the agenda: it is taken off a
    /// little later, by as much as the world's timers are inexact. `None` when that time has come.
    pub async fn next(&self, fabric: &Fabric, until: Time) -> Option<(Time, Task)> {
        loop {
            let first = self.state().tasks.first_key_value().map(|(&(at, _), _)| at);
            if fabric.now() >= until {
                return None;
            }
            if first.is_some_and(|at| at <= fabric.now()) {
                return self.state().tasks.pop_first().map(|((at, _), task)| (at, task));
            }
            let wake_at = first.map_or(until, |at| at.min(until));
            let added = self.state().added;
            let mut sleep = pin!(fabric.sleep_until(wake_at));
            poll_fn(|context| {
                let mut state = self.state();
                if state.added != added {
                    return Poll::Ready(());
                }
                state.waiting = Some(context.waker().clone());
                drop(state);
                sleep.as_mut().poll(context)
            })
            .await;
            // What is added from now on must wake nobody: the world draws which of several tasks goes first, so one more
            // turn for somebody who does not wait would make another run of a tape that has everything on it from the start.
            self.state().waiting = None;
        }
    }
}
