//! The life of a process, and who is told.

use std::sync::Arc;

use indoubt_engine::event::Event;
use indoubt_engine::machine::{Broken, Ended, StopMode};
use indoubt_engine::step::Step;

use super::super::{Life, Observer};
use super::*;

/// Passes a step between two frames to "b" as soon as it is connected.
struct Stepper;

impl Machine for Stepper {
    fn handle(&mut self, _: Time, input: Input, effects: &mut Effects) {
        match input {
            Input::Started { .. } => {
                effects.connect("b".into(), prompt(ms(60_000)));
            }
            Input::Connected { connection } => {
                effects.send(connection, frame(1));
                effects.step(Step::ALL[0]);
                effects.send(connection, frame(2));
            }
            Input::Stop(_) => effects.push(Effect::End(Ended::Normally)),
            _ => {}
        }
    }
}

/// Acts when a step is passed, and writes down lives.
struct Watcher {
    act: fn(&Fabric, ProcessId),
    lives: Arc<Mutex<Vec<(ProcessId, Life)>>>,
}

impl Observer for Watcher {
    fn step(&self, fabric: &Fabric, _: Time, process: ProcessId, _: Step) {
        (self.act)(fabric, process);
    }
    fn event(&self, _: &Fabric, _: Time, _: ProcessId, _: &Event) {}
    fn life(&self, _: &Fabric, _: Time, process: ProcessId, life: Life) {
        self.lives.lock().unwrap().push((process, life));
    }
}

fn stepped(act: fn(&Fabric, ProcessId), later: fn(&Fabric, ProcessId)) -> (Log, Vec<Life>) {
    let lives = Arc::new(Mutex::new(Vec::new()));
    let given = lives.clone();
    let log = world(1, move |fabric, log| async move {
        fabric.set_observer(Arc::new(Watcher { act, lives: given }));
        let (a, b) = (host(&fabric, "A"), host(&fabric, "B"));
        spawn(&fabric, "b", b, Talker::new("b", &log).listens("b").silence(ms(60_000)).body());
        fabric.sleep(ms(1)).await;
        let stepper = spawn(&fabric, "a", a, machine_body(|_| Stepper));
        fabric.sleep_until(at(ms(1_000))).await;
        later(&fabric, stepper);
        fabric.sleep(ms(1_000)).await;
    });
    let lives = lives.lock().unwrap().iter().filter(|(process, _)| process.0 == 1).map(|(_, life)| *life).collect();
    (log, lives)
}

#[test]
fn a_kill_at_a_step_strikes_exactly_there() {
    let (log, lives) = stepped(Fabric::kill, |_, _| {});
    assert_eq!(log.frames("b"), [1]);
    assert_eq!(log.breaks("b")[0].1, Broken::Reset);
    assert_eq!(lives, [Life::Started(Incarnation(1)), Life::Killed]);
}

#[test]
fn a_power_failure_at_a_step_strikes_exactly_there() {
    let (log, lives) = stepped(|fabric, process| fabric.power_off(fabric.host_of(process)), |_, _| {});
    assert_eq!(log.frames("b"), [1]);
    assert_eq!(log.breaks("b"), []);
    assert_eq!(lives, [Life::Started(Incarnation(1)), Life::PoweredOff]);
}

#[test]
fn a_pause_at_a_step_stops_there_and_goes_on_after_it() {
    let (log, _) = stepped(Fabric::pause, Fabric::resume);
    assert_eq!(log.frames("b"), [1, 2]);
    let frames = log.pick("b", |input| matches!(input, Input::Frame { .. }).then_some(()));
    assert!(frames[0].0 < at(ms(10)) && frames[1].0 > at(ms(1_000)));
}

#[test]
fn a_process_killed_and_started_again_at_a_step_is_another_one() {
    let (log, lives) = stepped(
        |fabric, process| {
            if fabric.incarnation(process) == Incarnation(1) {
                fabric.kill(process);
                fabric.start(process);
            }
        },
        |_, _| {},
    );
    // One frame of the first life, two of the second.
    let mut frames = log.frames("b");
    frames.sort_unstable();
    assert_eq!(frames, [1, 1, 2]);
    assert_eq!(lives, [Life::Started(Incarnation(1)), Life::Killed, Life::Started(Incarnation(2))]);
}

#[test]
fn an_orderly_end_closes_connections() {
    let (log, lives) = stepped(|_, _| {}, |fabric, process| fabric.stop(process, StopMode::Quiesce));
    assert_eq!(log.frames("b"), [1, 2]);
    assert_eq!(log.breaks("b")[0].1, Broken::Closed);
    assert_eq!(lives, [Life::Started(Incarnation(1)), Life::Ended(Ended::Normally)]);
}

#[test]
fn a_start_takes_its_time_and_does_nothing_twice_or_without_power() {
    let log = world(1, |fabric, log| async move {
        let place = host(&fabric, "A");
        let options =
            ProcessOptions { name: "b".into(), host: place, disk: None, start_duration: ms(30), lives_in: None };
        let process = fabric.add_process(options, Talker::new("b", &log).body());
        assert_eq!(fabric.process_id(&"b".into()), Some(process));
        assert!(!fabric.is_running(process));
        fabric.start(process);
        fabric.start(process);
        fabric.sleep(ms(100)).await;
        fabric.power_off(place);
        assert!(!fabric.is_running(process));
        fabric.start(process);
        assert!(!fabric.is_running(process));
        fabric.power_on(place);
        fabric.start(process);
        fabric.sleep(ms(100)).await;
        assert!(fabric.is_running(process));
    });
    let started = log.pick("b", |input| match input {
        Input::Started { incarnation, .. } => Some(incarnation.0),
        _ => None,
    });
    assert_eq!(started.len(), 2);
    assert_eq!((started[0].1, started[0].0.as_milliseconds()), (1, 30));
    assert_eq!((started[1].1, started[1].0.as_milliseconds()), (2, 130));
}

#[test]
fn a_process_starts_another_on_its_own_host() {
    struct Starter;
    impl Machine for Starter {
        fn handle(&mut self, _: Time, input: Input, effects: &mut Effects) {
            if let Input::Started { .. } = input {
                effects.push(Effect::Start { process: "b".into() });
            }
        }
    }
    world(1, |fabric, log| async move {
        let (a, b) = (host(&fabric, "A"), host(&fabric, "B"));
        let other = add(&fabric, "b", b, Talker::new("b", &log).body());
        spawn(&fabric, "a", a, machine_body(|_| Starter));
        fabric.sleep(ms(1)).await;
        assert!(fabric.is_running(other));
        assert_eq!(fabric.host_of(other), a);
    });
}

#[test]
fn what_lives_in_a_process_starts_stands_still_and_ends_with_it() {
    let log = world(1, |fabric, log| async move {
        let place = host(&fabric, "A");
        let around = spawn(&fabric, "a", place, Talker::new("a", &log).body());
        let options =
            ProcessOptions { name: "b".into(), host: place, disk: None, start_duration: ms(5), lives_in: Some(around) };
        let inner = fabric.add_process(options, Talker::new("b", &log).body());
        fabric.start(inner);
        fabric.sleep(ms(10)).await;
        fabric.kill(around);
        assert!(!fabric.is_running(inner));
        fabric.start(inner);
        assert!(!fabric.is_running(inner), "there is nothing to live in");
        fabric.start(around);
        assert!(fabric.is_running(inner));
        fabric.pause(around);
        fabric.stop(inner, StopMode::Quiesce);
        fabric.sleep(ms(10)).await;
        fabric.resume(around);
        fabric.sleep(ms(10)).await;
        fabric.kill(inner);
        assert!(fabric.is_running(around), "what lives in it may end alone");
        fabric.power_off(place);
        fabric.power_on(place);
        fabric.start(around);
        assert!(fabric.is_running(inner));
    });
    let seen = log.pick("b", |input| match input {
        Input::Started { incarnation, .. } => Some(incarnation.0),
        Input::Stop(_) => Some(0),
        _ => None,
    });
    let times: Vec<(u64, u32)> = seen.iter().map(|(at, what)| (at.as_milliseconds(), *what)).collect();
    // Paused from 10 to 20 ms, before its second start was through.
    assert_eq!(times, [(5, 1), (20, 2), (20, 0)]);
}

#[test]
fn a_stop_never_overtakes_the_start() {
    let log = world(1, |fabric, log| async move {
        let place = host(&fabric, "A");
        let options =
            ProcessOptions { name: "b".into(), host: place, disk: None, start_duration: ms(30), lives_in: None };
        let process = fabric.add_process(options, Talker::new("b", &log).body());
        fabric.start(process);
        fabric.stop(process, StopMode::Force);
        fabric.sleep(ms(100)).await;
    });
    let inputs: Vec<_> = log.all().into_iter().map(|seen| seen.input).collect();
    assert!(matches!(inputs[..], [Input::Started { .. }, Input::Stop(StopMode::Force)]), "{inputs:?}");
}

#[test]
fn a_process_that_worked_finds_what_has_arrived_meanwhile_and_does_not_wait_for_more() {
    let log = world(1, |fabric, log| async move {
        let reader_log = log.clone();
        let reader: ProcessBody = Arc::new(move |process| {
            let log = reader_log.clone();
            Box::pin(async move {
                let mut effects = Effects::new();
                effects.push(Effect::Listen { address: "b".into(), silence: prompt(ms(60_000)) });
                process.perform(&mut effects);
                process.sleep(ms(50)).await;
                while let Some(input) = process.arrived().await {
                    log.write(Seen { at: process.now(), who: "b", input });
                }
                process.sleep(ms(1_000)).await;
            })
        });
        let (a, b) = (host(&fabric, "A"), host(&fabric, "B"));
        spawn(&fabric, "b", b, reader);
        fabric.sleep(us(10)).await;
        let mut talker = Talker::new("a", &log).connects("b");
        (talker.burst, talker.every) = (2, Some(ms(100)));
        spawn(&fabric, "a", a, talker.body());
        fabric.sleep(ms(500)).await;
    });
    assert_eq!(log.frames("b"), [1, 2]);
    assert!(log.all().iter().filter(|seen| seen.who == "b").all(|seen| seen.at.as_milliseconds() == 50));
}
