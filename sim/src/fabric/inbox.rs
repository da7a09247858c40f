//! The inbox of a process: everything that will reach it, ordered by time and, at the same time, by origin.
//!
//! One madsim timer at a time wakes the process: a `Sleep` that is set to the earliest deadline and polled with the
//! process's own waker, without a task. (`madsim::time::sleep` would round up to 1 ms; a `Sleep` that is reset does not.)
//! A madsim timer cannot be cancelled, so those under way are remembered, and another one is made only if it is earlier.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BinaryHeap};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Waker};

use indoubt_engine::frame::Frame;
use indoubt_engine::machine::{ConnectionId, DeviceError, File, ForceId, StopMode, TimerId};
use madsim::time::{Instant, Sleep, TimeHandle};

use super::connection::{Side, StreamItem};
use super::connections::ConnectionKey;
use super::process::ProcessId;

/// Something that will reach a process.
pub(super) enum Arrival {
    /// The start duration is over.
    Started,
    /// An item of a connection, at this end.
    Stream { connection: ConnectionKey, to: Side, sequence: u32, item: StreamItem },
    /// Nothing was heard on a connection for too long, unless the epoch has changed.
    Silence { connection: ConnectionKey, to: Side, epoch: u32 },
    /// This end's next heartbeat is due, to a peer that may be gone.
    Heartbeat { connection: ConnectionKey, to: Side },
    /// An attempt to connect led nowhere.
    Unknown { connection: ConnectionId },
    /// A datagram.
    Datagram { from: ProcessId, frame: Frame },
    /// A timer, unless it was set again or cancelled since.
    Timer { timer: TimerId, generation: u32 },
    /// A force is complete.
    Forced { file: File, request: ForceId },
    /// A device could not do it.
    DeviceError { file: File, error: DeviceError },
    /// Somebody asks for an end in good order.
    Stop(StopMode),
}

struct Entry {
    at: u64,
    sequence: u64,
    arrival: Arrival,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    /// Reversed: the heap gives its greatest first.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.sequence).cmp(&(self.at, self.sequence))
    }
}

/// Virtual time, as madsim keeps it.
#[derive(Clone)]
pub(super) struct Timekeeper {
    handle: TimeHandle,
    start: Instant,
}

impl Timekeeper {
    pub(super) fn new(handle: TimeHandle) -> Self {
        let start = handle.now_instant() - handle.elapsed();
        Timekeeper { handle, start }
    }

    /// True time in nanoseconds.
    #[inline]
    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.handle.elapsed().as_nanos()).expect("a run is shorter than 584 years")
    }

    pub(super) fn instant(&self, at: u64) -> Instant {
        // No run comes near; an unreachable deadline must not overflow madsim's arithmetic.
        self.start + std::time::Duration::from_nanos(at.min(u64::MAX / 4))
    }

    /// A sleep until a true time, exact to madsim's 50 ns.
    pub(super) fn sleep_until(&self, at: u64) -> Sleep {
        let mut sleep = self.handle.sleep(std::time::Duration::ZERO);
        Pin::new(&mut sleep).reset(self.instant(at));
        sleep
    }
}

/// The inbox of one process.
#[derive(Default)]
pub(super) struct Inbox {
    heap: BinaryHeap<Entry>,
    timers: BTreeMap<TimerId, u32>,
    generation: u32,
    /// Timers in the heap that were cancelled or set again.
    stale: usize,
    /// Deadlines of the madsim timers under way, latest first.
    armed: Vec<u64>,
    sleep: Option<Sleep>,
    waker: Option<Waker>,
    /// The process waits for its next input.
    waiting: bool,
}

impl Inbox {
    /// Puts something in; `sequence` grows from call to call.
    #[inline]
    pub(super) fn push(&mut self, time: &Timekeeper, at: u64, sequence: u64, arrival: Arrival) {
        self.heap.push(Entry { at, sequence, arrival });
        if self.waiting {
            self.arm(time, at);
        }
    }

    /// Takes out what is due first. A timer that was cancelled is not due.
    #[inline]
    pub(super) fn pop(&mut self, now: u64) -> Option<Arrival> {
        while let Some(first) = self.heap.peek()
            && first.at <= now
        {
            let arrival = self.heap.pop().expect("it was there").arrival;
            if let Arrival::Timer { timer, generation } = arrival {
                if self.timers.get(&timer) != Some(&generation) {
                    self.stale -= 1;
                    continue;
                }
                self.timers.remove(&timer);
            }
            return Some(arrival);
        }
        None
    }

    /// The process runs: madsim timers up to now have fired.
    #[inline]
    pub(super) fn awake(&mut self, now: u64) {
        self.waiting = false;
        while self.armed.last().is_some_and(|deadline| *deadline <= now) {
            self.armed.pop();
        }
    }

    /// The process waits; whatever comes first wakes it.
    #[inline]
    pub(super) fn wait(&mut self, time: &Timekeeper, waker: &Waker) {
        match &mut self.waker {
            Some(known) if known.will_wake(waker) => {}
            unknown => *unknown = Some(waker.clone()),
        }
        self.waiting = true;
        if let Some(first) = self.heap.peek() {
            let at = first.at;
            self.arm(time, at);
        }
    }

    /// The process waits for nothing that is in here (it is paused): only [`Inbox::wake`] wakes it.
    pub(super) fn suspend(&mut self, waker: &Waker) {
        self.waker = Some(waker.clone());
        self.waiting = false;
    }

    /// Lets the process look.
    pub(super) fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }

    #[inline]
    fn arm(&mut self, time: &Timekeeper, at: u64) {
        if self.armed.last().is_some_and(|deadline| *deadline <= at) {
            return;
        }
        let Some(waker) = &self.waker else { return };
        let sleep = self.sleep.get_or_insert_with(|| time.sleep_until(at));
        let mut sleep = Pin::new(sleep);
        sleep.as_mut().reset(time.instant(at));
        if sleep.poll(&mut Context::from_waker(waker)).is_ready() {
            waker.wake_by_ref();
            self.waiting = false;
        } else {
            self.armed.push(at);
        }
    }

    /// Sets a timer, instead of one of the same number.
    pub(super) fn set_timer(&mut self, time: &Timekeeper, at: u64, sequence: u64, timer: TimerId) {
        self.generation = self.generation.wrapping_add(1);
        let generation = self.generation;
        if self.timers.insert(timer, generation).is_some() {
            self.one_more_stale();
        }
        self.push(time, at, sequence, Arrival::Timer { timer, generation });
    }

    /// Cancels a timer, if it is set.
    pub(super) fn cancel_timer(&mut self, timer: TimerId) {
        if self.timers.remove(&timer).is_some() {
            self.one_more_stale();
        }
    }

    /// Cancelled timers must not pile up until they would have been due.
    fn one_more_stale(&mut self) {
        self.stale += 1;
        if self.stale > 64 && self.stale > self.heap.len() / 2 {
            let timers = &self.timers;
            self.heap.retain(|entry| match entry.arrival {
                Arrival::Timer { timer, generation } => timers.get(&timer) == Some(&generation),
                _ => true,
            });
            self.stale = 0;
        }
    }

    /// How much is in here, cancelled timers included.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }
}
