//! Applications against a scripted queue manager: what they do about each answer, and about none.

mod fake;

use std::future::Future;
use std::sync::{Arc, Mutex};

use indoubt_engine::event::Event;
use indoubt_engine::machine::Incarnation;
use indoubt_engine::message::Persistence;
use indoubt_engine::mqi::Reason;
use indoubt_engine::name::{ProcessName, QueueManagerName, QueueName, QueueSharingGroupName};
use indoubt_engine::queue_manager::definition::SharedQueueManagerName;
use indoubt_engine::queue_manager::definition::{QueueDefinition, QueuePlace};
use indoubt_engine::step::Step;
use indoubt_engine::time::{Duration, Time};
use indoubt_engine::unit_of_work::Outcome;

use indoubt_ledger::contract::Contract;
use indoubt_ledger::judge;
use indoubt_ledger::verdict::{FindingKind, Judgement, Verdict};

use super::{Instance, Shared, application_body, payload};
use crate::fabric::{
    DiskId, DiskOptions, Fabric, HostId, HostOptions, Life, Observer, ProcessBody, ProcessId, ProcessOptions,
    machine_body,
};
use crate::scenario::model::{
    Application, Connect, ConnectTarget, Consumer, Decision, Disk, Latency, MessageTemplate, OperatorAction,
    OperatorCommand, Pace, Place, Producer, QualityOfService, Queue, QueueManager, QueueSharingGroup, Requester, Role,
    Server, Site, Syncpointing, Sysplex, Topology, WhenUnknown,
};
use crate::topology::audit::{AuditPlan, auditor_body};
use crate::topology::{families, shared};
use fake::{FakeQueueManager, Kind, Mishap, Store};

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

fn queue(threshold: Option<u32>) -> Queue {
    Queue {
        definition: QueueDefinition { place: QueuePlace::Shared("APPLICATION1".into()), ..QueueDefinition::default() },
        backout_threshold: threshold,
        backout_queue: threshold.map(|_| QueueName::from("ASIDE")),
    }
}

fn topology() -> Topology {
    let names = ["REQUEST", "REPLY", "ASIDE"];
    let disk = Disk { force: Latency { base: MILLISECOND, jitter: Duration::ZERO }, capacity: None };
    let manager = |name: &str| QueueManager {
        name: name.into(),
        image: "SYSA".into(),
        group: Some("QSG1".into()),
        queues: [].into(),
        dead_letter_queue: None,
        maximum_uncommitted_messages: 10_000,
        shared_queue_manager_name: SharedQueueManagerName::Use,
        client_silence: 30 * SECOND,
        start_duration: SECOND,
        retry_interval: SECOND,
        log_disk: disk,
    };
    let sysplex = Sysplex {
        queue_sharing_groups: vec![QueueSharingGroup {
            name: "QSG1".into(),
            coupling_facility: "CF01".into(),
            structures: [].into(),
            queues: names.iter().map(|name| ((*name).into(), queue((*name == "REQUEST").then_some(3)))).collect(),
            group_unit_of_recovery: true,
        }],
        queue_managers: vec![manager("QM01"), manager("QM02")],
        ..Sysplex::default()
    };
    Topology { sysplex, ..Topology::default() }
}

struct World {
    fabric: Fabric,
    host: HostId,
    disk: DiskId,
    store: Arc<Mutex<Store>>,
    shared: Arc<Shared>,
    applications: u32,
}

impl World {
    fn run<T: Send + 'static, F: Future<Output = T> + 'static>(script: impl FnOnce(World) -> F + Send + 'static) -> T {
        let world = |fabric: Fabric| {
            let host = fabric.add_host(HostOptions { name: "SYSA".into(), skew_ns: 0, drift_ppm: 0 });
            let force = Latency { base: MILLISECOND, jitter: Duration::ZERO };
            let disk = fabric.add_disk(DiskOptions { name: "disk".into(), force, capacity: None });
            let shared = Arc::new(shared(&families(&topology())));
            script(World { fabric, host, disk, store: Arc::default(), shared, applications: 0 })
        };
        Fabric::run(1, world).unwrap()
    }

    fn process(&self, name: &str, body: ProcessBody) -> ProcessId {
        let options = ProcessOptions {
            name: ProcessName::from(name),
            host: self.host,
            disk: Some(self.disk),
            start_duration: MILLISECOND,
            lives_in: None,
        };
        let process = self.fabric.add_process(options, body);
        self.fabric.start(process);
        process
    }

    fn queue_manager(&self, name: &'static str) -> ProcessId {
        let store = self.store.clone();
        self.process(name, machine_body(move |_| FakeQueueManager::new(name, &[name, "QSG1"], store.clone())))
    }

    fn application(&mut self, name: &str, role: Role) -> ProcessId {
        let application = Application {
            name: name.into(),
            instances: 1,
            runs_on: vec![Site { place: Place::Host("SYSA".into()), within: None }],
            connect: Connect {
                target: ConnectTarget::Group(QueueSharingGroupName::from("QSG1")),
                retry: 100 * MILLISECOND,
                retry_limit: 2 * SECOND,
                tag: None,
                silence: 30 * SECOND,
            },
            role,
        };
        let instance = Instance { name: name.into(), index: self.applications, place: Place::Host("SYSA".into()) };
        self.applications += 1;
        let provider = |site| families(&topology())[0].provider(&application.connect, site);
        let provider = provider(&application.runs_on[0]).unwrap();
        self.process(name, application_body(&application, instance, self.shared.clone(), provider))
    }

    fn kill_at(&self, step: Step) {
        let (struck, shared) = (Mutex::new(false), self.shared.clone());
        self.fabric.set_observer(Arc::new(KillAt { step, struck, shared }));
    }

    fn mishap(&self, kind: Kind, nth: u32, mishap: Mishap) {
        self.store.lock().unwrap().mishaps.insert((kind, nth), mishap);
    }

    async fn until(&self, seconds: u64) {
        self.fabric.sleep_until(Time::START + Duration::from_secs(seconds)).await;
    }

    fn left_on(&self, queue: &str) -> usize {
        self.store.lock().unwrap().identities(queue).len()
    }

    /// Takes stock and judges. Nothing was done to the store but by the applications, so that only they can be at fault:
    /// what they recorded must be what happened.
    async fn judge(&self) -> Judgement {
        let result = Arc::new(Mutex::new(None));
        let plan = AuditPlan { healed_at: Time::START, patience: SECOND, applications_ended: false };
        self.process("auditor", auditor_body(families(&topology()), plan, self.shared.clone(), result.clone()));
        self.fabric.sleep_until(self.fabric.now() + 10 * SECOND).await;
        let audit = result.lock().unwrap().take().unwrap();
        judge(&self.shared.history(), &audit, &Contract::default())
    }

    async fn acquitted(&self) {
        let judgement = self.judge().await;
        assert_eq!(judgement.verdict, Verdict::Pass, "{judgement:#?}");
    }

    /// How many operations of the history match all of these fragments of their debugging output.
    fn operations(&self, fragments: &[&str]) -> usize {
        let text = format!("{:?}", self.shared.history());
        text.split("Call {").skip(1).filter(|call| fragments.iter().all(|fragment| call.contains(fragment))).count()
    }
}

fn requester(count: u32, pace: Pace, syncpoint: Syncpointing, when_unknown: WhenUnknown) -> Role {
    Role::Requester(Requester {
        request_queue: "REQUEST".into(),
        reply_queue: "REPLY".into(),
        reply_owner: Some("QSG1".to_owned()),
        count,
        pace,
        message: template(),
        syncpoint,
        reply_wait: 5 * SECOND,
        when_unknown,
    })
}

fn template() -> MessageTemplate {
    MessageTemplate {
        size: (100, 2_000),
        quality: Some(QualityOfService::Persistence(Persistence::Persistent)),
        priorities: vec![],
        expiry: None,
    }
}

fn closed() -> Pace {
    Pace::Closed { think_time: 10 * MILLISECOND }
}

fn server(syncpoint: Syncpointing, poison_every: u32) -> Role {
    Role::Server(Server {
        request_queue: "REQUEST".into(),
        also_put: vec![],
        reply: true,
        quality: None,
        reply_size: (50, 60),
        processing_time: (MILLISECOND, 3 * MILLISECOND),
        syncpoint,
        batch: 1,
        backout_percent: 0,
        poison_every,
        honours_backout_threshold: true,
    })
}

fn producer(count: u32, syncpoint: Syncpointing, when_unknown: WhenUnknown) -> Role {
    Role::Producer(Producer {
        queues: vec!["REQUEST".into()],
        count,
        batch: 2,
        pace: closed(),
        message: template(),
        syncpoint,
        backout_percent: 0,
        when_unknown,
    })
}

#[test]
fn every_request_gets_its_reply() {
    for pace in [closed(), Pace::Open { interval: 10 * MILLISECOND }] {
        for syncpoint in [Syncpointing::None, Syncpointing::OnePhase, Syncpointing::TwoPhase] {
            World::run(move |mut world| async move {
                world.queue_manager("QM01");
                world.application("server", server(syncpoint.clone(), 0));
                world.application("requester", requester(20, pace, syncpoint, WhenUnknown::GiveUp));
                world.until(20).await;
                let progress = world.shared.progress();
                assert_eq!((progress.done, progress.awaited), (20, 0));
                assert!(progress.is_complete());
                assert_eq!((world.left_on("REQUEST"), world.left_on("REPLY")), (0, 0));
                assert_eq!(world.operations(&["Delivered"]), 40);
                world.acquitted().await;
            });
        }
    }
}

#[test]
fn a_commit_whose_answer_is_lost_is_recorded_as_unknown() {
    World::run(|mut world| async move {
        world.queue_manager("QM01");
        world.mishap(Kind::Commit, 2, Mishap::BreakAfter);
        world.application("producer", producer(5, Syncpointing::OnePhase, WhenUnknown::GiveUp));
        world.until(20).await;
        assert_eq!(world.operations(&["Commit", "Unknown"]), 1);
        assert_eq!(world.operations(&["Commit", "Ok"]), 4);
        assert_eq!(world.left_on("REQUEST"), 10);
        assert_eq!(world.shared.progress().done, 5);
        world.acquitted().await;
    });
}

#[test]
fn what_may_be_lost_is_sent_again_and_says_so() {
    World::run(|mut world| async move {
        world.queue_manager("QM01");
        world.mishap(Kind::Commit, 2, Mishap::BreakAfter);
        world.application("producer", producer(5, Syncpointing::OnePhase, WhenUnknown::SendAgain));
        world.until(20).await;
        assert_eq!(world.left_on("REQUEST"), 12);
        assert_eq!(world.operations(&["Put(", "ResendOf"]), 2);
        let judgement = world.judge().await;
        assert_eq!((judgement.verdict, judgement.account.possible_duplicates), (Verdict::Pass, 2));
    });
}

#[test]
fn a_unit_of_work_that_was_certainly_backed_out_is_done_again() {
    for (kind, mishap) in [
        (Kind::Put, Mishap::BreakAfter),
        (Kind::Put, Mishap::Refuse(Reason::StorageMediumFull)),
        (Kind::Put, Mishap::Refuse(Reason::QueueManagerQuiescing)),
        (Kind::Commit, Mishap::Refuse(Reason::BackedOut)),
    ] {
        World::run(move |mut world| async move {
            world.queue_manager("QM01");
            world.mishap(kind, 4, mishap);
            world.application("producer", producer(5, Syncpointing::OnePhase, WhenUnknown::SendAgain));
            world.until(20).await;
            assert_eq!(world.operations(&["completed: Some", "Failed"]), 1, "{kind:?} {mishap:?}");
            assert_eq!(world.operations(&["ResendOf"]), 0);
            let expected = if kind == Kind::Commit { 12 } else { 10 };
            assert!(world.left_on("REQUEST") <= expected);
            assert_eq!(world.shared.progress().done, 5);
            world.acquitted().await;
        });
    }
}

#[test]
fn every_reason_leads_somewhere() {
    for reason in Reason::ALL.iter().copied() {
        for kind in [Kind::Put, Kind::Get, Kind::Commit, Kind::Prepare, Kind::Resolve] {
            for syncpoint in [Syncpointing::None, Syncpointing::OnePhase, Syncpointing::TwoPhase] {
                World::run(move |mut world| async move {
                    world.queue_manager("QM01");
                    for nth in [3, 4, 9] {
                        world.mishap(kind, nth, Mishap::Refuse(reason));
                    }
                    world.application("server", server(syncpoint.clone(), 0));
                    world.application("requester", requester(6, closed(), syncpoint, WhenUnknown::SendAgain));
                    world.until(60).await;
                    assert_eq!(world.shared.progress().done, 6, "{reason} at {kind:?}");
                    assert_eq!(world.store.lock().unwrap().in_doubt(), 0, "{reason} at {kind:?}");
                    world.acquitted().await;
                });
            }
        }
    }
}

#[test]
fn reconnects_to_another_member_of_the_group() {
    World::run(|mut world| async move {
        let managers = [world.queue_manager("QM01"), world.queue_manager("QM02")];
        world.application("producer", producer(200, Syncpointing::OnePhase, WhenUnknown::SendAgain));
        world.until(1).await;
        let first = world.store.lock().unwrap().connects.clone();
        let used = usize::from(first[0] == QueueManagerName::from("QM02"));
        world.fabric.kill(managers[used]);
        world.until(30).await;
        assert_eq!(world.shared.progress().done, 200);
        let connects = world.store.lock().unwrap().connects.clone();
        assert_eq!(connects.len(), 2);
        assert_ne!(connects[0], connects[1]);
        world.fabric.start(managers[used]);
        world.until(31).await;
        world.acquitted().await;
    });
}

#[test]
fn a_requester_whose_put_is_unknown_still_gets_the_reply() {
    World::run(|mut world| async move {
        world.queue_manager("QM01");
        world.mishap(Kind::Put, 1, Mishap::BreakAfter);
        world.application("server", server(Syncpointing::OnePhase, 0));
        world.application("requester", requester(3, closed(), Syncpointing::None, WhenUnknown::GiveUp));
        world.until(20).await;
        assert_eq!(world.operations(&["Put(", "Unknown"]), 1);
        assert_eq!((world.left_on("REPLY"), world.shared.progress().awaited), (0, 0));
        world.acquitted().await;
    });
}

#[test]
fn poison_goes_to_the_backout_queue_after_its_threshold() {
    World::run(|mut world| async move {
        world.queue_manager("QM01");
        world.application("server", server(Syncpointing::OnePhase, 4));
        world.application("producer", producer(4, Syncpointing::OnePhase, WhenUnknown::GiveUp));
        world.until(60).await;
        assert_eq!((world.left_on("REQUEST"), world.left_on("ASIDE")), (0, 2));
        assert_eq!(world.operations(&["Put(", "MovedFrom"]), 2);
        assert_eq!(world.operations(&["Backout", "Ok"]), 6);
        let judgement = world.judge().await;
        assert_eq!((judgement.verdict, judgement.account.dead_lettered), (Verdict::Pass, 2));
    });
}

#[test]
fn browsing_first_takes_each_message_once() {
    World::run(|mut world| async move {
        world.queue_manager("QM01");
        let consumer = Consumer {
            queue: "REQUEST".into(),
            batch: 2,
            processing_time: (MILLISECOND, MILLISECOND),
            syncpoint: Syncpointing::OnePhase,
            backout_percent: 20,
            poison_every: 0,
            honours_backout_threshold: false,
            browse_first: true,
            exclusive: true,
        };
        world.application("consumer", Role::Consumer(consumer));
        world.application("producer", producer(10, Syncpointing::OnePhase, WhenUnknown::GiveUp));
        world.until(60).await;
        assert_eq!(world.left_on("REQUEST"), 0);
        let delivered = world.operations(&["Delivered"]);
        assert!(delivered > 20, "some were backed out: {delivered}");
        assert_eq!(world.operations(&["Commit", "Unknown"]), 0);
        world.acquitted().await;
    });
}

#[test]
fn a_phase_two_whose_answer_is_lost_is_told_again() {
    for mishap in [Mishap::BreakBefore, Mishap::BreakAfter] {
        World::run(move |mut world| async move {
            world.queue_manager("QM01");
            world.mishap(Kind::Resolve, 2, mishap);
            world.application("producer", producer(5, Syncpointing::TwoPhase, WhenUnknown::SendAgain));
            world.until(20).await;
            world.acquitted().await;
            let store = world.store.lock().unwrap();
            assert_eq!((store.in_doubt(), store.resolved.len()), (0, 5));
            assert!(store.resolved.iter().all(|(_, outcome)| *outcome == Outcome::Commit));
            assert_eq!(store.identities("REQUEST").len(), 10);
        });
    }
}

#[test]
fn a_prepare_whose_answer_is_lost_is_backed_out() {
    World::run(|mut world| async move {
        world.queue_manager("QM01");
        world.mishap(Kind::Prepare, 2, Mishap::BreakAfter);
        world.application("producer", producer(5, Syncpointing::TwoPhase, WhenUnknown::SendAgain));
        world.until(20).await;
        world.acquitted().await;
        let store = world.store.lock().unwrap();
        let backed_out = store.resolved.iter().filter(|(_, outcome)| *outcome == Outcome::Backout).count();
        assert_eq!((store.in_doubt(), backed_out, store.resolved.len()), (0, 1, 6));
        assert_eq!(store.identities("REQUEST").len(), 10);
    });
}

/// Kills a process when it passes a step for the first time.
struct KillAt {
    step: Step,
    struck: Mutex<bool>,
    shared: Arc<Shared>,
}

impl Observer for KillAt {
    fn step(&self, fabric: &Fabric, _at: Time, process: ProcessId, step: Step) {
        if step == self.step && !std::mem::replace(&mut *self.struck.lock().unwrap(), true) {
            fabric.kill(process);
        }
    }

    fn event(&self, _fabric: &Fabric, _at: Time, _process: ProcessId, _event: &Event) {}

    fn life(&self, fabric: &Fabric, at: Time, process: ProcessId, life: Life) {
        let mut history = self.shared.history();
        let process = history.process(fabric.process_name(process).as_str());
        match life {
            Life::Started(Incarnation(1)) | Life::Ended(_) => {}
            Life::Started(_) => history.started(at.as_nanoseconds(), process),
            Life::Killed | Life::PoweredOff => history.ended(at.as_nanoseconds(), process),
        }
    }
}

#[test]
fn a_coordinator_that_dies_after_its_decision_commits_when_it_is_back() {
    World::run(|mut world| async move {
        world.queue_manager("QM01");
        world.kill_at(Step::CoordinatorDecided);
        let producer = world.application("producer", producer(5, Syncpointing::TwoPhase, WhenUnknown::SendAgain));
        world.until(5).await;
        assert!(!world.fabric.is_running(producer));
        assert_eq!(world.store.lock().unwrap().in_doubt(), 1);
        world.fabric.start(producer);
        world.until(20).await;
        world.acquitted().await;
        let store = world.store.lock().unwrap();
        assert_eq!(store.in_doubt(), 0);
        assert_eq!(store.resolved[0].1, Outcome::Commit);
        assert!(format!("{:?}", world.shared.history()).contains(", Committed))"));
    });
}

#[test]
fn what_is_in_doubt_is_unresolved_and_not_lost() {
    World::run(|mut world| async move {
        world.queue_manager("QM01");
        world.kill_at(Step::CoordinatorDecided);
        world.application("server", server(Syncpointing::TwoPhase, 0));
        world.application("producer", producer(1, Syncpointing::OnePhase, WhenUnknown::SendAgain));
        world.until(5).await;
        assert_eq!(world.store.lock().unwrap().in_doubt(), 1);
        let judgement = world.judge().await;
        let kinds: Vec<_> = judgement.findings.iter().map(|finding| finding.kind).collect();
        assert_eq!(kinds, [FindingKind::Unresolved], "{judgement:#?}");
    });
}

#[test]
fn an_operator_resolves_by_the_coordinators_log() {
    for (decision, outcome) in
        [(Decision::AsCoordinator, Outcome::Commit), (Decision::AgainstCoordinator, Outcome::Backout)]
    {
        World::run(move |mut world| async move {
            world.queue_manager("QM01");
            world.kill_at(Step::CoordinatorDecided);
            world.application("producer", producer(5, Syncpointing::TwoPhase, WhenUnknown::SendAgain));
            let command = OperatorCommand::ResolveIndoubt { queue_manager: "QM02".into(), outcome: decision };
            world.application("operator", Role::Operator(vec![OperatorAction { at: 10 * SECOND, command }]));
            world.until(9).await;
            assert_eq!(world.store.lock().unwrap().in_doubt(), 1);
            world.until(12).await;
            let store = world.store.lock().unwrap();
            assert_eq!(store.resolved.iter().map(|(_, outcome)| *outcome).collect::<Vec<_>>(), [outcome]);
        });
    }
}

#[test]
fn settling_stops_new_work() {
    World::run(|mut world| async move {
        world.queue_manager("QM01");
        world.application("producer", producer(1_000_000, Syncpointing::OnePhase, WhenUnknown::GiveUp));
        world.until(2).await;
        world.shared.begin_settling();
        world.until(4).await;
        let done = world.shared.progress().done;
        assert!(done > 10);
        world.until(6).await;
        assert_eq!(world.shared.progress().done, done);
    });
}

#[test]
fn ending_leaves_nothing_in_doubt() {
    World::run(|mut world| async move {
        world.queue_manager("QM01");
        let server = world.application("server", server(Syncpointing::TwoPhase, 0));
        let role = producer(1_000_000, Syncpointing::TwoPhase, WhenUnknown::GiveUp);
        let producer = world.application("producer", role);
        world.until(2).await;
        world.shared.begin_ending();
        world.until(10).await;
        let operations = world.shared.history().operations();
        world.fabric.kill(server);
        world.fabric.kill(producer);
        assert_eq!(world.store.lock().unwrap().in_doubt(), 0);
        world.acquitted().await;
        assert_eq!(world.shared.history().operations(), operations);
    });
}

#[test]
fn the_audit_finds_what_is_left_and_says_what_it_could_not_see() {
    World::run(|mut world| async move {
        world.queue_manager("QM01");
        world.application("producer", producer(3, Syncpointing::OnePhase, WhenUnknown::GiveUp));
        world.until(5).await;
        let result = Arc::new(Mutex::new(None));
        let plan = AuditPlan { healed_at: Time::START + SECOND, patience: 2 * SECOND, applications_ended: true };
        world.process("auditor", auditor_body(families(&topology()), plan, world.shared.clone(), result.clone()));
        world.until(20).await;
        let audit = result.lock().unwrap().take().unwrap();
        assert_eq!(audit.incomplete, Vec::<String>::new(), "QM02 is away, but has nothing of its own");
        let found: Vec<u64> =
            audit.queues.iter().flat_map(|queue| &queue.messages).map(|message| message.message.0).collect();
        assert_eq!(found, (1..=6).map(|number| payload::identity(0, number)).collect::<Vec<_>>());
    });
}
