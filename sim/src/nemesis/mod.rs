//! The nemesis: makes the faults of a scenario happen, and writes down what it did.
//!
//! A fault strikes at a time, when a step is passed or an event reported for the n-th time, or again and again at random.
//! Every fault draws from a stream of its own, so that removing one leaves the draws of the others alone. What really
//! happened is recorded as a tape: the same faults with their times and choices settled, which repeats the run.

mod agenda;
mod strike;
mod witness;

pub use agenda::Agenda;
pub use strike::Task;
pub use witness::Witness;

use std::sync::{Arc, Mutex, MutexGuard};

use indoubt_engine::step::Step;
use indoubt_engine::time::{Duration, Time};
use indoubt_ledger::history::Mended;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::fabric::{Fabric, ProcessId};
use crate::scenario::model::{Fault, FaultAction, Scenario, When};
use crate::scenario::words::ordinal;
use crate::scenario::{duration_to_text, fault_to_text};
use crate::topology::World;

/// A fault that waits for a step or an event.
struct Armed {
    fault: usize,
    process: Option<String>,
    on: Trigger,
    remaining: u32,
    after: Duration,
}

enum Trigger {
    Step(Step),
    Event(String),
}

struct State {
    armed: Vec<Armed>,
    streams: Vec<ChaCha8Rng>,
    tape: Vec<String>,
    /// Of each fault of the scenario, whether it has struck.
    struck: Vec<bool>,
    /// The time of faults is over.
    over: bool,
}

/// Makes faults happen in one run.
pub struct Nemesis {
    faults: Vec<Fault>,
    world: Arc<World>,
    agenda: Arc<Agenda>,
    witness: Arc<Witness>,
    state: Mutex<State>,
}

impl Nemesis {
    /// Arms the faults of a scenario and puts those with a time on the agenda.
    #[must_use]
    pub fn new(
        fabric: &Fabric,
        scenario: &Scenario,
        world: Arc<World>,
        agenda: Arc<Agenda>,
        witness: Arc<Witness>,
    ) -> Self {
        let mut streams: Vec<ChaCha8Rng> =
            (0..scenario.faults.len()).map(|fault| fabric.stream(&format!("nemesis/{fault}"))).collect();
        let mut armed = Vec::new();
        for (index, fault) in scenario.faults.iter().enumerate() {
            match &fault.when {
                When::At(at) => agenda.add(Time::START + *at, Task::Strike(index)),
                When::Between(from, to) => {
                    let at = Time::START + uniform(&mut streams[index], *from, *to);
                    agenda.add(at, Task::Strike(index));
                }
                When::Random { from, mean_interval, .. } => {
                    let at = Time::START + *from + exponential(&mut streams[index], *mean_interval);
                    agenda.add(at, Task::StrikeAgain(index));
                }
                When::Step { process, step, nth, after } => armed.push(Armed {
                    fault: index,
                    process: process.clone(),
                    on: Trigger::Step(*step),
                    remaining: *nth,
                    after: *after,
                }),
                When::Event { process, event, nth, after } => armed.push(Armed {
                    fault: index,
                    process: process.clone(),
                    on: Trigger::Event(event.clone()),
                    remaining: *nth,
                    after: *after,
                }),
            }
        }
        let state = Mutex::new(State {
            armed,
            streams,
            tape: Vec::new(),
            struck: vec![false; scenario.faults.len()],
            over: false,
        });
        Nemesis { faults: scenario.faults.clone(), world, agenda, witness, state }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("a panic in the nemesis ends the run")
    }

    /// A process passes a step: does a fault wait for it?
    pub fn step(&self, fabric: &Fabric, process: ProcessId, step: Step) {
        self.trigger(fabric, process, |armed| matches!(armed.on, Trigger::Step(waited) if waited == step));
    }

    /// A process reports an event: does a fault wait for it?
    pub fn event(&self, fabric: &Fabric, process: ProcessId, event: &str) {
        self.trigger(fabric, process, |armed| matches!(&armed.on, Trigger::Event(waited) if waited == event));
    }

    fn trigger(&self, fabric: &Fabric, process: ProcessId, waits: impl Fn(&Armed) -> bool) {
        let mut due = Vec::new();
        {
            let mut state = self.state();
            if state.over || state.armed.is_empty() {
                return;
            }
            let name = self.world.built(process).map_or("", |built| built.name.as_str());
            state.armed.retain_mut(|armed| {
                if !waits(armed) || armed.process.as_ref().is_some_and(|process| process != name) {
                    return true;
                }
                armed.remaining -= 1;
                if armed.remaining == 0 {
                    due.push((armed.fault, armed.after));
                }
                armed.remaining > 0
            });
        }
        for (fault, after) in due {
            if after.is_zero() {
                self.strike(fabric, fabric.now(), fault);
            } else {
                self.agenda.add(fabric.now() + after, Task::Strike(fault));
            }
        }
    }

    /// Does what the agenda says, which was due at `at`.
    pub fn perform(&self, fabric: &Fabric, at: Time, task: Task) {
        let over = self.state().over;
        match task {
            Task::Strike(fault) if !over => self.strike(fabric, at, fault),
            Task::StrikeAgain(fault) if !over => {
                self.strike(fabric, at, fault);
                if let When::Random { to, mean_interval, .. } = &self.faults[fault].when {
                    let next = fabric.now() + exponential(&mut self.state().streams[fault], *mean_interval);
                    if next < Time::START + *to {
                        self.agenda.add(next, Task::StrikeAgain(fault));
                    }
                }
            }
            Task::Strike(_) | Task::StrikeAgain(_) => {}
            task => strike::follow_up(fabric, &self.world, &self.agenda, &self.witness, task),
        }
    }

    /// A fault strikes that was due at `at`. The tape has that time and not the present, which is later by the inexactness
    /// of the world's timers: repeated, it must be due at the same time.
    fn strike(&self, fabric: &Fabric, at: Time, fault: usize) {
        let Fault { line, when, what } = &self.faults[fault];
        let what = settle(what, &mut self.state().streams[fault]);
        let when = match when {
            When::Step { .. } | When::Event { .. } => when.clone(),
            When::At(_) | When::Between(..) | When::Random { .. } => {
                When::At(Duration::from_nanos(at.as_nanoseconds()))
            }
        };
        let settled = Fault { line: *line, when, what };
        {
            let mut state = self.state();
            state.tape.push(fault_to_text(&settled));
            state.struck[fault] = true;
        }
        let aim = aimed_at(&settled.when);
        strike::strike(fabric, &self.world, &self.agenda, &self.witness, (&settled.what, &aim));
    }

    /// The time of faults is over: whatever is still broken is mended. Told only if something struck.
    pub fn heal(&self, fabric: &Fabric) {
        let struck = {
            let mut state = self.state();
            state.over = true;
            state.armed.clear();
            state.struck.contains(&true)
        };
        strike::heal(fabric, &self.world, &self.witness, self.agenda.clear());
        if struck {
            let text = "no more faults: what is broken is mended, what is down is started";
            self.witness.healed(fabric, text, Mended::Everything);
        }
    }

    /// Faults of the scenario that have not struck, as the scenario language writes them: the step or event that they
    /// wait for was not seen often enough, or chance did not bring them about.
    #[must_use]
    pub fn dormant(&self) -> Vec<String> {
        let state = self.state();
        let faults = self.faults.iter().zip(&state.struck);
        faults.filter(|(_, struck)| !**struck).map(|(fault, _)| fault_to_text(fault)).collect()
    }

    /// What happened, in the scenario language.
    #[must_use]
    pub fn tape(&self) -> Vec<String> {
        self.state().tape.clone()
    }
}

/// What a fault waited for, as the rest of a sentence that says what it does.
fn aimed_at(when: &When) -> String {
    let (process, what, nth, after) = match when {
        When::Step { process, step, nth, after } => (process, format!("step {}", step.name()), *nth, *after),
        When::Event { process, event, nth, after } => (process, event.clone(), *nth, *after),
        When::At(_) | When::Between(..) | When::Random { .. } => return String::new(),
    };
    let by = process.as_ref().map(|process| format!(" of {process}")).unwrap_or_default();
    let time = if nth == 1 { String::new() } else { format!(" ({})", ordinal(nth)) };
    if after.is_zero() {
        format!(" at {what}{by}{time}")
    } else {
        format!(", {} after {what}{by}{time}", duration_to_text(after))
    }
}

/// Draws what is left to chance in a fault.
fn settle(action: &FaultAction, stream: &mut ChaCha8Rng) -> FaultAction {
    let FaultAction::OneOf(choices) = action else { return action.clone() };
    let total: u64 = choices.iter().map(|(weight, _)| u64::from(*weight)).sum();
    let mut draw = stream.random_range(0..total.max(1));
    for (weight, choice) in choices {
        let weight = u64::from(*weight);
        if draw < weight {
            return settle(choice, stream);
        }
        draw -= weight;
    }
    choices.last().map_or_else(|| action.clone(), |(_, choice)| settle(choice, stream))
}

fn uniform(stream: &mut ChaCha8Rng, from: Duration, to: Duration) -> Duration {
    let from = nanoseconds(from);
    let to = nanoseconds(to).max(from + 1);
    Duration::from_nanos(stream.random_range(from..to))
}

/// An interval with an exponential distribution of this mean, without a floating-point number: the number of failures
/// before the first success of many small trials, 64 for a mean interval.
fn exponential(stream: &mut ChaCha8Rng, mean: Duration) -> Duration {
    const TRIALS: u64 = 64;
    let slice = (nanoseconds(mean) / TRIALS).max(1);
    let mut slices = 0;
    while slices < 20 * TRIALS && stream.random_range(0..TRIALS) != 0 {
        slices += 1;
    }
    Duration::from_nanos(slices * slice + stream.random_range(0..slice))
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX / 2)
}
