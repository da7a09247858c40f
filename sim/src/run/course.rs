//! The course of a run, from the first start to the verdict.

use std::sync::{Arc, Mutex};

use indoubt_engine::event::Event;
use indoubt_engine::machine::Ended;
use indoubt_engine::name::ProcessName;
use indoubt_engine::step::Step;
use indoubt_engine::time::{Duration, Time};
use indoubt_ledger::audit::Audit;

use super::{Happening, RunOutcome, RunRequest, TimelineEntry, contract, recovery};
use crate::fabric::{Fabric, HostOptions, Life, Observer, ProcessId, ProcessOptions};
use crate::nemesis::{Agenda, Nemesis, Witness};
use crate::scenario::AUDITOR;
use crate::scenario::model::Scenario;
use crate::topology::audit::{AuditPlan, auditor_body};
use crate::topology::{self, Families, ProcessKind, World};
use crate::workload::Shared;

/// How often it is looked whether the work is done.
const LOOK: Duration = Duration::from_millis(100);

/// For how long nothing must have been put or got before it counts as quiet. Longer than any retry of the middleware.
const QUIET: Duration = Duration::from_secs(12);

/// How long applications are given to end what they are at. Longer than a get of theirs waits.
const ENDING_PATIENCE: Duration = Duration::from_secs(6);

/// How long the auditor tries to reach a system.
const AUDIT_PATIENCE: Duration = Duration::from_secs(30);

/// Everybody who is told what happens.
struct Director {
    world: Arc<World>,
    witness: Arc<Witness>,
    nemesis: Nemesis,
}

impl Observer for Director {
    fn step(&self, fabric: &Fabric, at: Time, process: ProcessId, step: Step) {
        self.witness.step(at, process, step);
        self.nemesis.step(fabric, process, step);
    }

    fn event(&self, fabric: &Fabric, at: Time, process: ProcessId, event: &Event) {
        self.witness.event(at, process, event);
        self.nemesis.event(fabric, process, event.name());
    }

    fn life(&self, fabric: &Fabric, at: Time, process: ProcessId, life: Life) {
        self.witness.life(at, process, life);
        // A host whose system services give up is in a wait state: nothing on it goes on.
        let system = self.world.built(process).is_some_and(|built| built.kind == ProcessKind::System);
        if system && matches!(life, Life::Ended(Ended::Abnormally(_))) {
            fabric.power_off(fabric.host_of(process));
        }
    }
}

pub(super) async fn take(fabric: Fabric, request: RunRequest) -> RunOutcome {
    #[cfg(feature = "defects")]
    indoubt_engine::defect::Defect::plant(request.defect);

    let scenario = request.scenario.clone();
    let families = topology::families(&scenario.topology);
    let shared = Arc::new(topology::shared(&families));
    let world = Arc::new(World::build(&fabric, &scenario, &families, &shared));
    let agenda = Arc::new(Agenda::default());
    let witness = Arc::new(Witness::new(request.keep, world.clone(), shared.clone(), &scenario.expect));
    let nemesis = Nemesis::new(&fabric, &scenario, world.clone(), agenda.clone(), witness.clone());
    let director = Arc::new(Director { world: world.clone(), witness: witness.clone(), nemesis });
    fabric.set_observer(director.clone());
    witness.begins(&fabric);

    work(&fabric, &scenario, &shared, &agenda, &director).await;
    director.nemesis.heal(&fabric);
    let healed_at = fabric.now();
    shared.begin_settling();
    settle(&fabric, &scenario, &shared).await;
    let audit = audit(&fabric, &families, &world, &witness, &shared, healed_at).await;

    let judgement = {
        let mut history = shared.history();
        let contract = contract::of(&scenario, &families, &mut history);
        indoubt_ledger::judge(&history, &audit, &contract)
    };
    let mut seen = std::mem::take(&mut *witness.seen());
    enter_commands(&mut seen.timeline, &shared);
    let unreached = scenario
        .expect
        .reach
        .iter()
        .filter(|name| !seen.events.contains_key(name.as_str()))
        .cloned()
        .chain(
            scenario
                .expect
                .reach_steps
                .iter()
                .filter(|step| !seen.steps.contains_key(step))
                .map(|step| step.name().to_owned()),
        )
        .collect();
    RunOutcome {
        recoveries: recovery::recoveries(&seen.timeline),
        timeline: seen.timeline,
        lanes: seen.lanes,
        events: seen.events.into_iter().collect(),
        steps: seen.steps.into_iter().collect(),
        unreached,
        dormant: director.nemesis.dormant(),
        fingerprint: fabric.fingerprint(),
        simulated: fabric.now().since(Time::START),
        frames: fabric.frames_delivered(),
        judgement,
        tape: director.nemesis.tape(),
        seed: request.seed,
        defect: request.defect,
        scenario,
    }
}

/// Operators write their commands into the history, as applications write what they do; they belong on the timeline too.
fn enter_commands(timeline: &mut Vec<TimelineEntry>, shared: &Shared) {
    for (at_ns, command) in shared.history().commands() {
        let at = Time::START + Duration::from_nanos(at_ns);
        let place = timeline.partition_point(|entry| entry.at < at);
        let what = Happening::Command { text: command.text.clone(), about: command.about.clone() };
        timeline.insert(place, TimelineEntry { at, who: command.by.clone(), what });
    }
}

/// Lets applications work and faults strike, until the work is done and no fault is to come, or the horizon is reached.
async fn work(fabric: &Fabric, scenario: &Scenario, shared: &Shared, agenda: &Agenda, director: &Director) {
    let horizon = Time::START + scenario.run.horizon;
    loop {
        let until = horizon.min(fabric.now() + LOOK);
        while let Some((at, task)) = agenda.next(fabric, until).await {
            director.nemesis.perform(fabric, at, task);
        }
        let done = shared.progress().is_complete() && agenda.is_empty();
        if done || fabric.now() >= horizon {
            return;
        }
    }
}

/// Lets applications go on in the healed world until it is quiet, for the settling time at most.
async fn settle(fabric: &Fabric, scenario: &Scenario, shared: &Shared) {
    let from = fabric.now();
    let until = from + scenario.run.settle;
    let longest_rest = scenario.workload.iter().map(|application| application.connect.rest()).max().unwrap_or_default();
    loop {
        let progress = shared.progress();
        let quiet_at = progress.last_activity.max(from) + QUIET + longest_rest;
        let now = fabric.now();
        let complete = progress.is_complete() && !shared.has_open_transactions();
        if now >= until || (complete && now >= quiet_at) {
            return;
        }
        let next = if complete { quiet_at } else { now + LOOK };
        fabric.sleep_until(next.min(until)).await;
    }
}

/// Puts the applications away, so that nobody holds a message for a reason, and takes stock.
async fn audit(
    fabric: &Fabric,
    families: &Families,
    world: &World,
    witness: &Witness,
    shared: &Arc<Shared>,
    healed_at: Time,
) -> Audit {
    shared.begin_ending();
    let until = fabric.now() + ENDING_PATIENCE;
    let applications = || world.processes().iter().filter(|built| built.kind == ProcessKind::Application);
    while applications().any(|built| fabric.is_running(built.id)) && fabric.now() < until {
        fabric.sleep_until(fabric.now() + LOOK).await;
    }
    witness.seen().auditing = true;
    for built in world.processes().iter().filter(|built| built.kind == ProcessKind::Application) {
        fabric.kill(built.id);
    }
    let host = fabric.add_host(HostOptions { name: AUDITOR.to_owned(), skew_ns: 0, drift_ppm: 0 });
    let result = Arc::new(Mutex::new(None));
    let plan = AuditPlan { healed_at, patience: AUDIT_PATIENCE, applications_ended: true };
    let options = ProcessOptions {
        name: ProcessName::from(AUDITOR),
        host,
        disk: None,
        start_duration: Duration::ZERO,
        lives_in: None,
    };
    let auditor = fabric.add_process(options, auditor_body(families.clone(), plan, shared.clone(), result.clone()));
    fabric.start(auditor);
    let longest: Duration = families.iter().map(|family| family.longest_audit(AUDIT_PATIENCE)).sum();
    let until = fabric.now() + longest + AUDIT_PATIENCE;
    loop {
        if let Some(audit) = result.lock().expect("a panic of the auditor ends the run").take() {
            return audit;
        }
        if fabric.now() >= until {
            return Audit {
                at_ns: fabric.now().as_nanoseconds(),
                healed_at_ns: healed_at.as_nanoseconds(),
                incomplete: vec!["the audit did not come to its end".to_owned()],
                ..Audit::default()
            };
        }
        fabric.sleep_until(fabric.now() + Duration::from_millis(10)).await;
    }
}
