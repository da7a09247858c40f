//! What each application did with its time: when it was at work of its own, and when it could do nothing.
//!
//! An application is **at work of its own** between a call that succeeded and its next call, while it runs: it works on
//! what it got, waits until its next work is due, or pauses after it backed something out by itself.
//!
//! It is **interrupted** from a call that fails or breaks, or from its end from outside, until its next call that succeeds;
//! a call that hangs for long before it succeeds has interrupted it too. Backing out, and making ready, are no service:
//! that they succeed ends no interruption, unless the application has nothing more to do then. An application that stands by, as it is to, is not interrupted any more.
//! The time that a get may wait for a message is no part of an interruption.

use super::points::Points;
use crate::contract::{PROCESS_PAUSED, PROCESS_RESUMED};
use crate::history::{
    Call, Completion, Get, LifeChange, Moment, Operation, ProcessIndex, Put, QueueIndex, WorldHappening,
};
use crate::index::Index;

/// A call that succeeds after as long as this has hung: longer than any call of a system that works.
pub(super) const HUNG_NS: u64 = 1_000_000_000;

/// No application pauses for longer before it tries again.
const LONGEST_PAUSE_NS: u64 = 30_000_000_000;

/// A time in which a consumer was at work of its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct OwnWork<'c> {
    /// From which queue, and which point of it, it had tried to get last.
    pub(super) queue: QueueIndex,
    pub(super) point: Option<&'c str>,
    pub(super) from_ns: u64,
    pub(super) to_ns: u64,
}

/// A time in which an application could do nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Idle {
    pub(super) from_ns: u64,
    /// `None`: it went on to the end.
    pub(super) to_ns: Option<u64>,
}

/// A time in which a producer could not connect.
#[derive(Clone, Copy, Debug)]
pub(super) struct CutOff<'c> {
    /// To which queue, and which point of it, it had tried to put last.
    pub(super) queue: QueueIndex,
    pub(super) point: Option<&'c str>,
    pub(super) from: Moment,
    /// When it was served again; `None`: never.
    pub(super) to_ns: Option<u64>,
}

/// What one application did with its time.
#[derive(Clone, Debug, Default)]
pub(super) struct Activity<'c> {
    pub(super) own_work: Vec<OwnWork<'c>>,
    pub(super) interrupted: Vec<Idle>,
    pub(super) cut_off: Vec<CutOff<'c>>,
    /// It stands by in the end.
    pub(super) stands_by: bool,
}

#[derive(Clone, Copy)]
enum Step<'h> {
    Invoked,
    Completed(&'h Call),
    Life(LifeChange),
    Paused,
    Resumed,
}

/// Of each process of the history, in its order.
pub(super) fn activities<'c>(index: &Index<'_>, points: &Points<'c>) -> Vec<Activity<'c>> {
    let history = index.history;
    let mut steps: Vec<(ProcessIndex, Moment, Step<'_>)> = Vec::with_capacity(history.calls.len() * 2);
    for call in &history.calls {
        steps.push((call.process, call.invoked, Step::Invoked));
        steps.extend(call.ended().map(|at| (call.process, at, Step::Completed(call))));
    }
    for (position, process) in history.processes.iter().enumerate() {
        let whose = history.process_at(position);
        steps.extend(process.life.iter().map(|(at, change)| (whose, *at, Step::Life(*change))));
    }
    for record in &history.world {
        let WorldHappening::Event { name, subject, .. } = &record.what else { continue };
        let step = match name.as_str() {
            PROCESS_PAUSED => Step::Paused,
            PROCESS_RESUMED => Step::Resumed,
            _ => continue,
        };
        steps.extend(history.known_process(subject).map(|process| (process, record.at, step)));
    }
    steps.sort_by_key(|(process, at, _)| (*process, *at));
    let mut activities = vec![Activity::default(); history.processes.len()];
    for of_one in steps.chunk_by(|one, other| one.0 == other.0) {
        let mut course = Course::new(index, points);
        for (_, at, step) in of_one {
            course.step(*at, *step);
        }
        activities[of_one[0].0.index()] = course.end();
    }
    let stuck = history.calls.iter().filter(|call| call.completed.is_none() && is_service(call));
    for call in stuck {
        let due_ns = due_ns(index, call, index.audit.at_ns);
        let process = &history.processes[call.process.index()];
        let ended = process.life.iter().any(|(at, change)| *change == LifeChange::Ended && *at > call.invoked);
        let interrupted = &mut activities[call.process.index()].interrupted;
        let told = interrupted.last().is_some_and(|last| last.to_ns.is_none());
        if !ended && !told && index.audit.at_ns.saturating_sub(due_ns) > HUNG_NS {
            interrupted.push(Idle { from_ns: due_ns, to_ns: None });
        }
    }
    activities
}

/// Whether the success of a call shows that its application is served.
fn is_service(call: &Call) -> bool {
    !matches!(call.operation, Operation::MakeReady | Operation::Backout { .. })
}

/// From when on an application waits for more than it has asked for: a get may wait until there is a message.
fn due_ns(index: &Index<'_>, call: &Call, ended_ns: u64) -> u64 {
    let Operation::Get(get) = call.operation else { return call.invoked.at_ns };
    let at_the_latest = call.invoked.at_ns.saturating_add(get.wait_ns).min(ended_ns);
    let there_since = match call.completed {
        // One that was got before may have been kept from others for a while.
        Some((_, Completion::Delivered(delivery))) => {
            let is_first =
                index.deliveries_of(delivery.message).first().is_some_and(|first| std::ptr::eq(first.call, call));
            let sent = index.find(delivery.message).map(|message| index.sent(message));
            sent.filter(|_| is_first).and_then(|sent| sent.visible_surely).map(|at| at.at_ns)
        }
        _ => None,
    };
    there_since.map_or(at_the_latest, |since| since.clamp(call.invoked.at_ns, at_the_latest))
}

/// What is known of a process while its history is read.
struct Course<'i, 'h, 'c> {
    index: &'i Index<'h>,
    points: &'i Points<'c>,
    activity: Activity<'c>,
    /// Since when it does nothing that is known, and whether it was served last.
    free_since: Option<u64>,
    is_served: bool,
    /// It was at work of its own when it was made to stand still.
    works_on: bool,
    interrupted_since: Option<u64>,
    /// When it could have gone on, if it has done nothing since.
    could_go_on_at: Option<u64>,
    stands_by: bool,
    /// Nobody is interrupted who has not begun.
    has_begun: bool,
    last_get: Option<(QueueIndex, Option<&'c str>)>,
    last_put: Option<(QueueIndex, Option<&'c str>)>,
    /// It takes whatever comes: what it puts comes of what it got.
    takes: bool,
    cannot_connect_since: Option<Moment>,
}

impl<'i, 'h, 'c> Course<'i, 'h, 'c> {
    fn new(index: &'i Index<'h>, points: &'i Points<'c>) -> Self {
        Course {
            index,
            points,
            activity: Activity::default(),
            free_since: None,
            is_served: false,
            works_on: false,
            interrupted_since: None,
            could_go_on_at: None,
            stands_by: false,
            has_begun: false,
            last_get: None,
            last_put: None,
            takes: false,
            cannot_connect_since: None,
        }
    }

    fn step(&mut self, at: Moment, step: Step<'_>) {
        match step {
            Step::Invoked => {
                self.own_work_ends(at);
                // It had nothing more to do.
                if let Some(since) = self.could_go_on_at.take()
                    && at.at_ns - since > LONGEST_PAUSE_NS
                {
                    self.served(since);
                }
            }
            Step::Completed(call) => self.completed(at, call),
            Step::Life(LifeChange::Ended) => {
                self.own_work_ends(at);
                self.connected(Some(at.at_ns));
                self.lost(at.at_ns);
            }
            Step::Life(LifeChange::StandsBy) => {
                self.own_work_ends(at);
                self.is_served = false;
                self.stands_by = true;
                self.served(at.at_ns);
            }
            Step::Life(LifeChange::Done) => {
                self.own_work_ends(at);
            }
            Step::Paused => self.works_on = self.own_work_ends(at),
            Step::Resumed => {
                if std::mem::take(&mut self.works_on) {
                    self.free_since = Some(at.at_ns);
                }
            }
            Step::Life(LifeChange::Started) => {}
        }
    }

    fn completed(&mut self, at: Moment, call: &Call) {
        match call.operation {
            Operation::Get(Get { queue, reply_to, .. }) => {
                self.last_get = Some((queue, self.points.of(queue, call)));
                self.takes |= reply_to.is_none();
            }
            Operation::Put(Put { queue, .. }) => self.last_put = Some((queue, self.points.of(queue, call))),
            _ => {}
        }
        let due_ns = due_ns(self.index, call, at.at_ns);
        self.has_begun |= is_service(call);
        match call.completed {
            Some((_, Completion::Ok | Completion::Delivered(_))) => {
                let late_ns = at.at_ns - due_ns;
                if late_ns > HUNG_NS && !self.stands_by {
                    self.interrupted_from(due_ns);
                    self.makes_ready_since(call);
                }
                if is_service(call) {
                    self.stands_by = false;
                    self.is_served = true;
                    // What a get waited for a message it would have waited in any case.
                    self.served(if late_ns > HUNG_NS { at.at_ns } else { call.invoked.at_ns + late_ns });
                }
                self.free_since = self.is_served.then_some(at.at_ns);
                self.could_go_on_at = Some(at.at_ns);
            }
            Some((_, Completion::Failed | Completion::Unknown)) => {
                self.lost(due_ns);
                self.makes_ready_since(call);
            }
            None => {}
        }
    }

    fn lost(&mut self, from_ns: u64) {
        self.is_served = false;
        self.stands_by = false;
        self.interrupted_from(from_ns);
    }

    fn interrupted_from(&mut self, from_ns: u64) {
        if self.has_begun {
            self.interrupted_since.get_or_insert(from_ns);
        }
    }

    fn makes_ready_since(&mut self, call: &Call) {
        // Until those to whom it connects first are up, there is nothing that could be out of service.
        if self.has_begun && matches!(call.operation, Operation::MakeReady) {
            self.cannot_connect_since.get_or_insert(call.invoked);
        }
    }

    fn connected(&mut self, to_ns: Option<u64>) {
        if let Some(from) = self.cannot_connect_since.take()
            && let Some((queue, point)) = self.last_put
            && !self.takes
        {
            self.activity.cut_off.push(CutOff { queue, point, from, to_ns });
        }
    }

    fn served(&mut self, at_ns: u64) {
        self.connected(Some(at_ns));
        if let Some(from_ns) = self.interrupted_since.take() {
            self.activity.interrupted.push(Idle { from_ns, to_ns: Some(at_ns.max(from_ns)) });
        }
    }

    /// Whether there was any.
    fn own_work_ends(&mut self, at: Moment) -> bool {
        let Some(from_ns) = self.free_since.take() else { return false };
        if let Some((queue, point)) = self.last_get
            && from_ns < at.at_ns
        {
            self.activity.own_work.push(OwnWork { queue, point, from_ns, to_ns: at.at_ns });
        }
        true
    }

    fn end(mut self) -> Activity<'c> {
        if let Some(from_ns) = self.interrupted_since.take() {
            self.activity.interrupted.push(Idle { from_ns, to_ns: None });
        }
        self.connected(None);
        self.activity.stands_by = self.stands_by;
        self.activity
    }
}
