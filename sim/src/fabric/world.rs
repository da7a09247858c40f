//! One world for each run: begun on a fresh thread, taken down so that nothing of it is left.
//!
//! madsim seeds the standard library's hash maps only on a fresh thread, and thread-local state would leak from run to run
//! on a reused one. At the end all processes are killed and their tasks dropped, because a task that waits for a timer
//! is held by the timer, which is held by the task.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use indoubt_engine::time::Time;
use madsim::Config;
use madsim::plugin::{Simulator, simulator};
use madsim::rand::GlobalRng;
use madsim::runtime::{Handle, Runtime};
use madsim::time::TimeHandle;

use super::Fabric;
use super::inbox::{Inbox, Timekeeper};
use super::life::kill_node;
use super::state::State;

/// A world panicked: the testbed failed, not the system under test.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the world of seed {seed} panicked: {text}")]
pub struct WorldPanic {
    /// Of which run.
    pub seed: u64,
    /// What the panic said.
    pub text: String,
}

impl Simulator for Fabric {
    fn new(_rand: &GlobalRng, time: &TimeHandle, _config: &Config) -> Self {
        // madsim does not tell the seed here; `run` puts in the state that has it.
        Fabric { shared: Arc::new(Mutex::new(State::new(0, Timekeeper::new(time.clone())))) }
    }
}

impl Fabric {
    /// Runs `body` as the main task of a new world, on a fresh thread, and gives back what it returns.
    ///
    /// Tasks that `body` spawns itself, outside processes, should end before it does.
    ///
    /// # Errors
    /// If anything in the world panics, or nothing is left to happen while `body` waits.
    pub fn run<T, F>(seed: u64, body: impl FnOnce(Fabric) -> F + Send + 'static) -> Result<T, WorldPanic>
    where
        T: Send + 'static,
        F: Future<Output = T> + 'static,
    {
        // Detail for the caller's subscriber, if it has one of its own.
        let dispatch = tracing::dispatcher::get_default(Clone::clone);
        let run = move || {
            let _detail = tracing::dispatcher::set_default(&dispatch);
            let runtime = Runtime::with_seed_and_config(seed, Config::default());
            runtime.add_simulator::<Fabric>();
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                runtime.block_on(async move {
                    let fabric = Fabric::current();
                    {
                        let mut state = fabric.lock();
                        let time = state.time.clone();
                        *state = State::new(seed, time);
                    }
                    let value = body(fabric.clone()).await;
                    fabric.take_down().await;
                    value
                })
            }));
            outcome.map_err(|panic| WorldPanic { seed, text: text_of(panic.as_ref()) })
        };
        let thread = std::thread::Builder::new().name(format!("world {seed}")).spawn(run);
        match thread.map(std::thread::JoinHandle::join) {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(panic)) => Err(WorldPanic { seed, text: text_of(panic.as_ref()) }),
            Err(error) => Err(WorldPanic { seed, text: format!("no thread for it: {error}") }),
        }
    }

    /// The world that the current task belongs to.
    ///
    /// # Panics
    /// Outside of a world.
    #[must_use]
    pub fn current() -> Fabric {
        simulator::<Fabric>().as_ref().clone()
    }

    /// Drops everything that could keep the world alive.
    async fn take_down(&self) {
        let nodes: Vec<_> = {
            let mut state = self.lock();
            state.observer = None;
            for process in &mut state.processes {
                process.running = false;
                process.inbox = Inbox::default();
                process.body = None;
            }
            state.processes.iter().filter_map(|process| process.node).collect()
        };
        for node in nodes {
            Handle::current().resume(node);
            kill_node(Some(node));
        }
        while self.lock().bodies > 0 {
            madsim::task::yield_now().await;
        }
    }

    /// Waits for a while, in true time.
    pub async fn sleep(&self, duration: indoubt_engine::time::Duration) {
        let until: Time = self.now() + duration;
        self.sleep_until(until).await;
    }
}

/// What a panic said.
fn text_of(panic: &(dyn Any + Send)) -> String {
    match (panic.downcast_ref::<&'static str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (None, Some(text)) => text.clone(),
        (None, None) => "a panic without text".to_owned(),
    }
}
