//! Clocks and timers.

use std::sync::Arc;

use super::*;

/// What a process sees of its clock, before and after a sleep, and when (true time).
fn readings(skew_ns: i64, drift_ppm: i32, sleep: Duration) -> Vec<(Time, Time)> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let given = seen.clone();
    Fabric::run(1, move |fabric| async move {
        host(&fabric, "true");
        let place = fabric.add_host(HostOptions { name: "A".into(), skew_ns, drift_ppm });
        let body: ProcessBody = Arc::new(move |process| {
            let seen = given.clone();
            Box::pin(async move {
                process.next().await;
                seen.lock().unwrap().push((process.fabric().now(), process.now()));
                process.sleep(sleep).await;
                seen.lock().unwrap().push((process.fabric().now(), process.now()));
            })
        });
        spawn(&fabric, "a", place, body);
        fabric.sleep(sleep * 2 + ms(1)).await;
    })
    .unwrap();
    let seen = seen.lock().unwrap();
    seen.clone()
}

#[test]
fn a_sleep_shorter_than_a_millisecond_is_that_short() {
    let seen = readings(0, 0, us(30));
    let slept = seen[1].0.since(seen[0].0);
    assert!(slept >= us(30) && slept < us(31), "{slept:?}");
}

#[test]
fn a_fast_clock_ends_a_sleep_early() {
    let seen = readings(5_000_000, 100_000, ms(1_100));
    assert!(seen[0].1.since(seen[0].0) >= ms(5));
    let slept = seen[1].0.since(seen[0].0);
    assert!(slept >= ms(1_000) - us(1) && slept < ms(1_001), "{slept:?}");
    assert!(seen[1].1.since(seen[0].1) >= ms(1_100) && seen[1].1.since(seen[0].1) < ms(1_101));
}

#[test]
fn a_clock_that_is_behind_still_runs_from_the_start() {
    let seen = readings(-3_000_000_000, 0, ms(10));
    let slept = seen[1].0.since(seen[0].0);
    assert!(slept >= ms(10) && slept < ms(11), "{slept:?}");
}

struct Ticker {
    log: Log,
    fabric: Fabric,
    left: u32,
}

impl Machine for Ticker {
    fn handle(&mut self, now: Time, input: Input, effects: &mut Effects) {
        self.log.write(Seen { at: self.fabric.now(), who: "t", input: input.clone() });
        if let Input::Started { .. } = input {
            effects.push(Effect::SetTimer { timer: TimerId(2), at: now + us(50) });
            effects.push(Effect::SetTimer { timer: TimerId(3), at: now + us(10) });
            effects.push(Effect::CancelTimer { timer: TimerId(3) });
            effects.push(Effect::SetTimer { timer: TimerId(1), at: now + ms(1) });
        }
        if input == (Input::Timer { timer: TimerId(2) }) && self.left > 0 {
            self.left -= 1;
            // Set again and again: only the last one counts.
            effects.push(Effect::SetTimer { timer: TimerId(1), at: now + ms(2) });
            effects.push(Effect::SetTimer { timer: TimerId(2), at: now + us(50) });
        }
    }
}

#[test]
fn timers_are_exact_replaced_and_cancelled() {
    let log = world(1, |fabric, log| async move {
        let place = host(&fabric, "A");
        let body =
            machine_body(move |process| Ticker { log: log.clone(), fabric: process.fabric().clone(), left: 1_000 });
        spawn(&fabric, "t", place, body);
        fabric.sleep(ms(60)).await;
        let state = fabric.lock();
        assert!(state.processes[0].inbox.len() < 300, "cancelled timers pile up: {}", state.processes[0].inbox.len());
    });
    let fired = |timer| log.pick("t", |input| (*input == Input::Timer { timer: TimerId(timer) }).then_some(()));
    assert_eq!(fired(2).len(), 1_001);
    assert_eq!(fired(3).len(), 0);
    assert_eq!(fired(1).len(), 1);
    let (last_tick, last) = (fired(2)[999].0, fired(1)[0].0);
    assert!(last.since(last_tick) >= ms(2) - us(1) && last.since(last_tick) < ms(2) + us(1));
}
