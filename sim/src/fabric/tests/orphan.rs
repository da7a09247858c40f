//! Ends whose peer is gone and could not say so: when they learn of it.

use indoubt_engine::machine::Broken;

use super::*;

fn heartbeats(every: Duration) -> Silence {
    Silence::Heartbeats { every, timeout: ms(60_000) }
}

fn keep_alive() -> Silence {
    Silence::KeepAlive { timeout: ms(300_000) }
}

/// How and when, in milliseconds, the only connection of `who` broke.
fn the_break(log: &Log, who: &str) -> Option<(u64, Broken)> {
    let breaks = log.breaks(who);
    assert!(breaks.len() <= 1, "{breaks:?}");
    breaks.first().map(|(at, how)| (at.as_milliseconds(), *how))
}

/// The listener's host is without power from 10 ms to 1,000 ms; how the dialer learns of it.
fn after_a_restart(dialer: impl FnOnce(Talker) -> Talker + Send + 'static) -> Option<(u64, Broken)> {
    let log = world(1, |fabric, log| async move {
        let pair = pair(&fabric, dialer(Talker::new("a", &log)), Talker::new("b", &log));
        pair.connect(&fabric).await;
        fabric.sleep_until(at(ms(10))).await;
        fabric.power_off(pair.b);
        fabric.sleep_until(at(ms(1_000))).await;
        fabric.power_on(pair.b);
        fabric.sleep(ms(400_000)).await;
        assert_eq!(fabric.lock().connections.len(), 0);
    });
    the_break(&log, "a")
}

#[test]
fn a_restarted_host_answers_the_next_heartbeat_with_a_reset() {
    assert_eq!(after_a_restart(|a| a.notices_by(heartbeats(ms(30_000)))), Some((30_000, Broken::Reset)));
    assert_eq!(after_a_restart(|a| a.notices_by(heartbeats(ms(700)))), Some((1_400, Broken::Reset)));
}

#[test]
fn an_end_that_sends_nothing_learns_of_a_restart_only_by_its_keep_alive() {
    assert_eq!(after_a_restart(|a| a.notices_by(keep_alive())), Some((300_010, Broken::Silence)));
}

#[test]
fn a_restarted_host_resets_whoever_sends_to_it() {
    let sends_later = after_a_restart(|a| a.notices_by(keep_alive()).every(ms(3_000)));
    assert_eq!(sends_later, Some((3_000, Broken::Reset)));
    let has_sent_before = after_a_restart(|a| a.notices_by(keep_alive()).every(ms(600)));
    assert_eq!(has_sent_before, Some((1_000, Broken::Reset)), "its kernel has tried all the while");
}

#[test]
fn a_restarted_host_tells_who_holds_a_lease_and_whoever_waits_at_a_link_that_notices() {
    let lease = Silence::Lease { timeout: ms(300_000) };
    assert_eq!(after_a_restart(move |a| a.notices_by(lease)), Some((1_000, Broken::Reset)));
    assert_eq!(after_a_restart(|a| a.notices_by(prompt(ms(300_000)))), Some((1_000, Broken::Reset)));
}

#[test]
fn a_host_that_was_restarted_behind_a_cut_is_noticed_when_the_cut_heals() {
    for (silence, noticed) in [(prompt(ms(60_000)), 5_000), (heartbeats(ms(8_000)), 8_000)] {
        let log = world(1, move |fabric, log| async move {
            let pair = pair(&fabric, Talker::new("a", &log).notices_by(silence), Talker::new("b", &log));
            pair.connect(&fabric).await;
            fabric.sleep_until(at(ms(10))).await;
            pair.cut(&fabric);
            fabric.power_off(pair.b);
            fabric.sleep_until(at(ms(1_000))).await;
            fabric.power_on(pair.b);
            fabric.sleep_until(at(ms(5_000))).await;
            fabric.heal_all();
            fabric.sleep(ms(100_000)).await;
        });
        assert_eq!(the_break(&log, "a"), Some((noticed, Broken::Reset)), "{silence:?}");
    }
}

#[test]
fn a_process_that_stands_still_is_silent_to_heartbeats_and_not_to_its_kernel() {
    let paused = |silence: Silence| {
        let log = world(1, move |fabric, log| async move {
            let pair = pair(&fabric, Talker::new("a", &log), Talker::new("b", &log).notices_by(silence));
            pair.connect(&fabric).await;
            fabric.sleep_until(at(ms(10))).await;
            fabric.pause(pair.dialer);
            fabric.sleep_until(at(ms(1_000_000))).await;
            fabric.resume(pair.dialer);
            fabric.sleep(ms(1_000)).await;
        });
        the_break(&log, "b")
    };
    assert_eq!(paused(heartbeats(ms(30_000))), Some((60_010, Broken::Silence)));
    assert_eq!(paused(prompt(ms(60_000))), Some((60_010, Broken::Silence)));
    assert_eq!(paused(keep_alive()), None);
    assert_eq!(paused(Silence::Lease { timeout: ms(90_000) }), None);
}

#[test]
fn a_host_without_power_behind_a_process_that_stood_still_is_silent_to_all() {
    let log = world(1, |fabric, log| async move {
        let pair = pair(&fabric, Talker::new("a", &log), Talker::new("b", &log).notices_by(keep_alive()));
        pair.connect(&fabric).await;
        fabric.sleep_until(at(ms(10))).await;
        fabric.pause(pair.dialer);
        fabric.sleep_until(at(ms(20_000))).await;
        fabric.power_off(pair.a);
        fabric.sleep(ms(400_000)).await;
    });
    assert_eq!(the_break(&log, "b"), Some((320_000, Broken::Silence)));
}

/// The dialer is killed behind a cut that begins at 10 ms and ends then; how the listener learns of it.
fn killed_behind_a_cut(silence: Silence, until: Duration) -> Option<(u64, Broken)> {
    let log = world(1, move |fabric, log| async move {
        let pair = pair(&fabric, Talker::new("a", &log), Talker::new("b", &log).notices_by(silence));
        pair.connect(&fabric).await;
        fabric.sleep_until(at(ms(10))).await;
        pair.cut(&fabric);
        fabric.kill(pair.dialer);
        fabric.sleep_until(at(until)).await;
        fabric.heal_all();
        fabric.sleep(ms(400_000)).await;
        assert_eq!(fabric.lock().connections.len(), 0);
    });
    the_break(&log, "b")
}

#[test]
fn a_kernel_delivers_the_end_of_a_process_for_a_hundred_seconds_and_then_forgets_it() {
    let slow = Silence::Heartbeats { every: ms(70_000), timeout: ms(600_000) };
    assert_eq!(killed_behind_a_cut(keep_alive(), ms(99_000)), Some((99_000, Broken::Reset)));
    assert_eq!(killed_behind_a_cut(keep_alive(), ms(101_000)), Some((300_010, Broken::Silence)));
    assert_eq!(killed_behind_a_cut(slow, ms(99_000)), Some((99_000, Broken::Reset)));
    assert_eq!(killed_behind_a_cut(slow, ms(101_000)), Some((140_000, Broken::Reset)), "the next heartbeat");
    let lease = Silence::Lease { timeout: ms(300_000) };
    assert_eq!(killed_behind_a_cut(lease, ms(101_000)), Some((101_000, Broken::Reset)), "its kernel gives files back");
}
