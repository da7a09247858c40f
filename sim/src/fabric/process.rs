//! Processes: what runs on a host, and the handle that a running body holds.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use indoubt_engine::machine::{Effects, Incarnation, Input, Machine};
use indoubt_engine::name::ProcessName;
use indoubt_engine::time::{Duration, Time};
use rand_chacha::ChaCha8Rng;

use super::Fabric;
use super::disk::DiskId;
use super::draw::nanoseconds;
use super::host::HostId;
use super::perform::Next;

/// A process of the world, in the order of [`Fabric::add_process`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId(pub u32);

impl ProcessId {
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a process does with its life: called once for each life, with the handle of that life.
pub type ProcessBody = Arc<dyn Fn(Process) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// What a new process is like.
#[derive(Clone, Debug)]
pub struct ProcessOptions {
    /// Its name: stable and unique.
    pub name: ProcessName,
    /// The host on which [`Fabric::start`] starts it, until [`Fabric::start_on`] moves it.
    pub host: HostId,
    /// Where its files lie. They are its own, even if other processes have files of the same names on the same disk.
    pub disk: Option<DiskId>,
    /// From the start to the first input.
    pub start_duration: Duration,
    /// The process in which it lives, on the same host: it starts, stands still, goes on and ends with that one.
    pub lives_in: Option<ProcessId>,
}

/// The handle that the body of a process holds: one life of one process.
#[derive(Clone)]
pub struct Process {
    fabric: Fabric,
    id: ProcessId,
    incarnation: Incarnation,
}

impl Process {
    pub(super) fn new(fabric: Fabric, id: ProcessId, incarnation: Incarnation) -> Self {
        Process { fabric, id, incarnation }
    }

    /// The name of the process.
    #[must_use]
    pub fn name(&self) -> ProcessName {
        self.fabric.process_name(self.id)
    }

    /// Which process this is.
    #[must_use]
    pub fn id(&self) -> ProcessId {
        self.id
    }

    /// Which life of the process this is.
    #[must_use]
    pub fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    /// The host on which it runs.
    #[must_use]
    pub fn host(&self) -> HostId {
        self.fabric.host_of(self.id)
    }

    /// The name of the host on which it runs.
    #[must_use]
    pub fn host_name(&self) -> String {
        self.fabric.host_name(self.host())
    }

    /// What the host's clock shows.
    #[must_use]
    pub fn now(&self) -> Time {
        let state = self.fabric.lock();
        Time::from_nanoseconds(state.reading(self.id, state.time.now()))
    }

    /// The next input; the first is [`Input::Started`]. Never comes if the process is dead.
    pub async fn next(&self) -> Input {
        self.next_timed().await.1
    }

    /// The next input, and what the host's clock shows when it comes.
    async fn next_timed(&self) -> (Time, Input) {
        loop {
            let next = poll_fn(|context| match self.fabric.lock().next(self.id, self.incarnation, context.waker()) {
                Some(next) => Poll::Ready(next),
                None => Poll::Pending,
            });
            match next.await {
                Next::Input(now, input) => return (now, input),
                Next::Unfinished(effects) => self.fabric.perform(self.id, self.incarnation, effects.into_iter()),
            }
        }
    }

    /// The next input, if it is there already.
    pub async fn arrived(&self) -> Option<Input> {
        loop {
            let next =
                poll_fn(|context| Poll::Ready(self.fabric.lock().next(self.id, self.incarnation, context.waker())));
            match next.await {
                Some(Next::Input(_, input)) => return Some(input),
                Some(Next::Unfinished(effects)) => {
                    self.fabric.perform(self.id, self.incarnation, effects.into_iter());
                }
                None => return None,
            }
        }
    }

    /// Executes effects in order and leaves the buffer empty. If an observer of a step kills the process, the rest is not
    /// executed; if it pauses the process, the rest is executed when it is resumed and asks for its next input.
    ///
    /// # Panics
    /// If it writes without having a disk, or starts a process that does not exist.
    pub fn perform(&self, effects: &mut Effects) {
        if !effects.as_slice().is_empty() {
            self.fabric.perform(self.id, self.incarnation, effects.drain());
        }
    }

    /// Waits as long as the host's clock says, exactly to less than a microsecond. Does not end if the process is dead.
    pub async fn sleep(&self, duration: Duration) {
        let sleep = {
            let state = self.fabric.lock();
            let until = state.reading(self.id, state.time.now()).saturating_add(nanoseconds(duration));
            let host = &state.hosts[state.processes[self.id.index()].host.index()];
            state.time.sleep_until(host.clock.when(state.clock_base, until))
        };
        sleep.await;
    }

    /// A random stream of this process, one for each purpose and life.
    #[must_use]
    pub fn stream(&self, purpose: &str) -> ChaCha8Rng {
        self.fabric.stream(&format!("process/{}/{}/{purpose}", self.name(), self.incarnation.0))
    }

    /// The world.
    #[must_use]
    pub fn fabric(&self) -> &Fabric {
        &self.fabric
    }
}

/// The one loop that drives every machine: a new machine for each life, made by `make`.
pub fn machine_body<M: Machine + Send + 'static>(make: impl Fn(&Process) -> M + Send + Sync + 'static) -> ProcessBody {
    Arc::new(move |process| {
        let mut machine = make(&process);
        Box::pin(async move {
            let mut effects = Effects::new();
            loop {
                let (now, input) = process.next_timed().await;
                machine.handle(now, input, &mut effects);
                process.perform(&mut effects);
            }
        })
    })
}
