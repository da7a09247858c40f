//! The witness: sees every step, event and life of a run, and writes down what a report, a sweep and the ledger need.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use indoubt_engine::event::{Event, Weight};
use indoubt_engine::machine::Ended;
use indoubt_engine::step::Step;
use indoubt_engine::time::Time;
use indoubt_ledger::contract::{PROCESS_ENDED, PROCESS_PAUSED, PROCESS_RESUMED, PROCESS_STARTED};
use indoubt_ledger::history::{Fault, FaultEffect, FaultNumber, Healing, Mended, WorldHappening};

use crate::fabric::{Fabric, Life, ProcessId};
use crate::run::{Happening, Keep, Lanes, ProcessChange, TimelineEntry};
use crate::scenario::model::Expectations;
use crate::topology::{ProcessKind, World};
use crate::workload::Shared;

/// What was seen so far.
#[derive(Debug, Default)]
pub struct Seen {
    /// Faults, detections, recoveries.
    pub timeline: Vec<TimelineEntry>,
    /// What ran in one of several processes, and where.
    pub lanes: Lanes,
    /// How often each event was reported.
    pub events: BTreeMap<&'static str, u64>,
    /// How often each step was passed.
    pub steps: BTreeMap<Step, u64>,
    /// The applications are being put away for the audit: their ends are nobody's fault.
    pub auditing: bool,
}

/// The witness of one run.
pub struct Witness {
    keep: Keep,
    world: Arc<World>,
    shared: Arc<Shared>,
    /// Events of no great weight that the ledger must know all the same: the scenario allows something because of them.
    allowing: Vec<String>,
    /// Events that the scenario exists for: a report tells them, whatever their weight.
    reached: Vec<String>,
    seen: Mutex<Seen>,
}

impl Witness {
    /// Has seen nothing yet.
    #[must_use]
    pub fn new(keep: Keep, world: Arc<World>, shared: Arc<Shared>, expectations: &Expectations) -> Self {
        let allowing = expectations.allow.iter().map(|allowed| allowed.because.clone()).collect();
        let reached = expectations.reach.clone();
        Witness { keep, world, shared, allowing, reached, seen: Mutex::new(Seen::default()) }
    }

    /// What was seen.
    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().expect("a panic of the witness ends the run")
    }

    fn name(&self, process: ProcessId) -> String {
        self.world.built(process).map_or_else(|| "auditor".to_owned(), |built| built.name.clone())
    }

    fn note(&self, at: Time, who: String, what: Happening) {
        self.seen().timeline.push(TimelineEntry { at, who, what });
    }

    /// The run begins: everybody runs whom applications work with.
    pub fn begins(&self, fabric: &Fabric) {
        for built in self.world.processes().iter().filter(|built| built.kind != ProcessKind::Application) {
            self.note(fabric.now(), built.name.clone(), Happening::Process(ProcessChange::Runs));
        }
    }

    /// A fault struck.
    pub fn fault(&self, fabric: &Fabric, fault: Fault) -> FaultNumber {
        let at = fabric.now();
        let struck = if fault.effect == FaultEffect::Struck { fault.about.clone() } else { Vec::new() };
        self.note(at, "nemesis".to_owned(), Happening::Fault { text: fault.text.clone(), struck });
        self.shared.history().fault(at.as_nanoseconds(), fault)
    }

    /// What follows a fault of this subject, later.
    pub fn followed(&self, fabric: &Fabric, subject: &str, text: &str) {
        let at = fabric.now();
        let happening = WorldHappening::Event {
            name: "fault_followed".to_owned(),
            subject: subject.to_owned(),
            by: String::new(),
            text: text.to_owned(),
        };
        self.shared.history().world(at.as_nanoseconds(), happening);
        self.note(at, "nemesis".to_owned(), Happening::Followed(text.to_owned()));
    }

    /// A fault ended.
    pub fn healed(&self, fabric: &Fabric, text: &str, what: Mended) {
        let at = fabric.now();
        let healing = Healing { text: text.to_owned(), what };
        self.shared.history().world(at.as_nanoseconds(), WorldHappening::Healed(healing));
        self.note(at, "nemesis".to_owned(), Happening::Healed(text.to_owned()));
    }

    /// A process stands still from now on, or goes on.
    pub fn paused(&self, fabric: &Fabric, process: &str, goes_on: bool) {
        let name = if goes_on { PROCESS_RESUMED } else { PROCESS_PAUSED };
        let (subject, by) = (process.to_owned(), process.to_owned());
        let text = if goes_on { "goes on" } else { "stands still" };
        let happening = WorldHappening::Event { name: name.to_owned(), subject, by, text: text.to_owned() };
        let at = fabric.now();
        self.shared.history().world(at.as_nanoseconds(), happening);
        let change = if goes_on { ProcessChange::GoesOn } else { ProcessChange::StandsStill };
        self.note(at, process.to_owned(), Happening::Process(change));
        let mut seen = self.seen();
        if goes_on { seen.lanes.goes_on(at, process) } else { seen.lanes.stands_still(at, process) }
    }

    /// A process passed a step.
    pub fn step(&self, at: Time, process: ProcessId, step: Step) {
        *self.seen().steps.entry(step).or_default() += 1;
        if self.keep == Keep::Detail {
            self.note(at, self.name(process), Happening::Detail(format!("step {step}: {}", step.about())));
        }
    }

    /// A process reported an event.
    pub fn event(&self, at: Time, process: ProcessId, event: &Event) {
        *self.seen().events.entry(event.name()).or_default() += 1;
        self.seen().lanes.event(at, &self.name(process), event);
        if event.stands_by() {
            let mut history = self.shared.history();
            let index = history.process(&self.name(process));
            history.stands_by(at.as_nanoseconds(), index);
        }
        let headline = event.weight() != Weight::Detail;
        let judged = headline || event.excuses() || self.allowing.iter().any(|name| name == event.name());
        let reached = self.reached.iter().any(|name| name == event.name());
        let told = headline || reached || event.milestone().is_some() || self.keep != Keep::Report;
        if !judged && !told {
            return;
        }
        let who = self.name(process);
        if judged {
            let subject = event.contract_subject().unwrap_or_else(|| who.clone());
            let (name, by) = (event.name().to_owned(), who.clone());
            let happening = WorldHappening::Event { name, subject, by, text: event.to_string() };
            self.shared.history().world(at.as_nanoseconds(), happening);
        }
        if told {
            self.note(at, who, Happening::Event(event.clone()));
        }
    }

    /// A process started or ended.
    pub fn life(&self, at: Time, process: ProcessId, life: Life) {
        if self.seen().auditing {
            return;
        }
        let Some(built) = self.world.built(process) else { return };
        let change = match life {
            Life::Started(incarnation) => ProcessChange::Starts(incarnation.0),
            Life::Killed | Life::PoweredOff => ProcessChange::IsEnded,
            Life::Ended(_) => ProcessChange::Ends,
        };
        self.note(at, built.name.clone(), Happening::Process(change));
        let at_ns = at.as_nanoseconds();
        let mut history = self.shared.history();
        match (built.kind, life) {
            (ProcessKind::Application, Life::Started(incarnation)) => {
                if incarnation.0 > 1 {
                    let index = history.process(&built.name);
                    history.started(at_ns, index);
                }
            }
            (ProcessKind::Application, Life::Killed | Life::PoweredOff | Life::Ended(Ended::Abnormally(_))) => {
                let index = history.process(&built.name);
                history.ended(at_ns, index);
            }
            (ProcessKind::Application, Life::Ended(_)) => {}
            (ProcessKind::System | ProcessKind::Server, Life::Started(incarnation)) => {
                if incarnation.0 > 1 {
                    let (name, subject, by) = (PROCESS_STARTED.to_owned(), built.name.clone(), String::new());
                    history.world(at_ns, WorldHappening::Event { name, subject, by, text: "runs again".to_owned() });
                }
            }
            (ProcessKind::System | ProcessKind::Server, life) => {
                self.seen().lanes.ended(at, &built.name);
                let text = match life {
                    Life::Ended(Ended::Normally) => "ended in good order".to_owned(),
                    Life::Ended(Ended::Abnormally(reason)) => format!("ended itself: {reason}"),
                    Life::Killed => "was killed".to_owned(),
                    _ => "went down with its host".to_owned(),
                };
                let (name, subject, by) = (PROCESS_ENDED.to_owned(), built.name.clone(), String::new());
                history.world(at_ns, WorldHappening::Event { name, subject, by, text });
            }
        }
        drop(history);
        if self.keep == Keep::Detail {
            self.note(at, built.name.clone(), Happening::Detail(format!("{life:?}")));
        }
    }
}
