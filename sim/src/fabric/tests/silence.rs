//! Silence: cuts, pauses, and who hears of it.

use indoubt_engine::machine::Broken;

use super::*;

#[test]
fn both_ends_give_up_when_the_path_is_cut_for_longer_than_their_silence() {
    let log = world(1, |fabric, log| async move {
        let pair = pair(&fabric, Talker::new("a", &log).silence(ms(1_000)), Talker::new("b", &log).silence(ms(3_000)));
        pair.connect(&fabric).await;
        fabric.sleep_until(at(ms(10))).await;
        pair.cut(&fabric);
        fabric.sleep(ms(10_000)).await;
        assert_eq!(fabric.lock().connections.len(), 0);
    });
    let (a, b) = (log.breaks("a"), log.breaks("b"));
    assert_eq!((a[0].1, a[0].0.as_milliseconds()), (Broken::Silence, 1_010));
    assert_eq!((b[0].1, b[0].0.as_milliseconds()), (Broken::Silence, 3_010));
}

#[test]
fn one_way_is_enough_for_both_to_fall_silent() {
    let log = world(1, |fabric, log| async move {
        let pair = pair(&fabric, Talker::new("a", &log), Talker::new("b", &log));
        pair.connect(&fabric).await;
        fabric.sleep_until(at(ms(10))).await;
        fabric.cut(pair.a, pair.b, LinkKind::Network);
        fabric.sleep(ms(10_000)).await;
    });
    assert_eq!(log.breaks("b")[0].1, Broken::Silence);
    // Who gives up first tells the other, if the way to it is whole.
    assert!(log.breaks("a").len() == 1 && log.breaks("b").len() == 1);
}

#[test]
fn a_cut_shorter_than_the_silence_breaks_nothing() {
    let log = world(1, |fabric, log| async move {
        let pair = pair(&fabric, Talker::new("a", &log), Talker::new("b", &log));
        pair.connect(&fabric).await;
        for round in 1..5 {
            fabric.sleep_until(at(ms(10_000 * round))).await;
            pair.cut(&fabric);
            fabric.sleep(ms(4_900)).await;
            fabric.heal_all();
        }
        fabric.sleep(ms(20_000)).await;
    });
    assert_eq!(log.breaks("a"), []);
    assert_eq!(log.breaks("b"), []);
}

#[test]
fn a_request_that_was_given_up_behind_a_cut_never_reaches_the_listener() {
    // The second cut begins while the request is on its way.
    for cut_after in [ms(0), us(20)] {
        let log = world(1, move |fabric, log| async move {
            let pair = pair(&fabric, Talker::new("a", &log).silence(ms(1_000)), Talker::new("b", &log));
            fabric.sleep(us(10)).await;
            if cut_after.is_zero() {
                pair.cut(&fabric);
            }
            fabric.start(pair.dialer);
            fabric.sleep(cut_after).await;
            pair.cut(&fabric);
            fabric.sleep_until(at(ms(5_000))).await;
            fabric.heal_all();
            fabric.sleep(ms(5_000)).await;
            assert_eq!(fabric.lock().connections.len(), 0);
        });
        assert_eq!(log.refusals("a").len(), 1, "the dialer gave up");
        assert_eq!(log.accepted("b"), [], "nobody asked any more when the cut was healed");
    }
}

#[test]
fn an_end_that_was_given_up_hears_it_when_it_can_be_reached_again() {
    let log = world(1, |fabric, log| async move {
        let pair = pair(&fabric, Talker::new("a", &log).silence(ms(1_000)), Talker::new("b", &log).silence(ms(60_000)));
        pair.connect(&fabric).await;
        fabric.sleep_until(at(ms(10))).await;
        pair.cut(&fabric);
        fabric.sleep_until(at(ms(5_000))).await;
        fabric.heal_all();
        fabric.sleep(ms(1_000)).await;
    });
    assert_eq!(log.breaks("a")[0].1, Broken::Silence);
    let b = log.breaks("b");
    assert_eq!(b.len(), 1);
    assert_eq!((b[0].1, b[0].0.as_milliseconds()), (Broken::Reset, 5_000));
}

#[test]
fn a_killed_process_behind_a_cut_is_noticed_when_the_cut_heals() {
    let log = world(1, |fabric, log| async move {
        let pair = pair(&fabric, Talker::new("a", &log), Talker::new("b", &log));
        pair.connect(&fabric).await;
        fabric.sleep_until(at(ms(10))).await;
        pair.cut(&fabric);
        fabric.kill(pair.listener);
        fabric.sleep_until(at(ms(1_000))).await;
        fabric.heal_all();
        fabric.sleep(ms(10_000)).await;
    });
    let breaks = log.breaks("a");
    assert_eq!((breaks[0].1, breaks[0].0.as_milliseconds()), (Broken::Reset, 1_000));
}

#[test]
fn a_paused_peer_is_silent_and_finds_out_when_it_resumes() {
    let log = world(1, |fabric, log| async move {
        let pair = pair(&fabric, Talker::new("a", &log), Talker::new("b", &log).silence(ms(60_000)));
        pair.connect(&fabric).await;
        fabric.sleep_until(at(ms(10))).await;
        fabric.pause(pair.listener);
        fabric.sleep_until(at(ms(20_000))).await;
        fabric.resume(pair.listener);
        fabric.sleep(ms(1_000)).await;
    });
    let (a, b) = (log.breaks("a"), log.breaks("b"));
    assert_eq!((a[0].1, a[0].0.as_milliseconds()), (Broken::Silence, 5_010));
    assert_eq!((b[0].1, b[0].0.as_milliseconds()), (Broken::Reset, 20_000));
}

#[test]
fn a_paused_process_handles_nothing_and_then_everything_in_order() {
    let log = world(1, |fabric, log| async move {
        let pair = pair(&fabric, Talker::new("a", &log).every(ms(10)), Talker::new("b", &log));
        pair.connect(&fabric).await;
        fabric.sleep_until(at(ms(1_000))).await;
        fabric.pause(pair.listener);
        fabric.sleep_until(at(ms(2_000))).await;
        fabric.resume(pair.listener);
        fabric.sleep_until(at(ms(3_000))).await;
    });
    let frames = log.pick("b", |input| matches!(input, Input::Frame { .. }).then_some(()));
    assert!(!frames.iter().any(|(time, ())| *time > at(ms(1_000)) && *time < at(ms(2_000))));
    let burst = frames.iter().filter(|(time, ())| *time >= at(ms(2_000)) && *time < at(ms(2_000) + us(300))).count();
    assert!(burst >= 98, "{burst}");
    let numbers = log.frames("b");
    assert!(numbers.iter().copied().eq(1..=numbers.len() as u32));
}

#[test]
fn a_paused_listener_is_connected_to_and_then_silent() {
    let log = world(1, |fabric, log| async move {
        let pair = pair(&fabric, Talker::new("a", &log), Talker::new("b", &log));
        fabric.sleep_until(at(ms(10))).await;
        fabric.pause(pair.listener);
        fabric.start(pair.dialer);
        fabric.sleep_until(at(ms(20_000))).await;
        fabric.resume(pair.listener);
        fabric.sleep(ms(1_000)).await;
    });
    assert_eq!(log.connected("a").len(), 1);
    let (a, b) = (log.breaks("a"), log.breaks("b"));
    assert_eq!((a.len(), a[0].1, a[0].0.as_milliseconds()), (1, Broken::Silence, 5_010));
    assert_eq!((b.len(), b[0].1, b[0].0.as_milliseconds()), (1, Broken::Reset, 20_000));
}

#[test]
fn silences_do_not_add_up() {
    let log = world(1, |fabric, log| async move {
        let pair = pair(&fabric, Talker::new("a", &log), Talker::new("b", &log));
        pair.connect(&fabric).await;
        // Five seconds after the first cut the path is cut again, but not for five seconds yet.
        for (from, to) in [(1_000, 4_000), (5_000, 9_000)] {
            fabric.sleep_until(at(ms(from))).await;
            pair.cut(&fabric);
            fabric.sleep_until(at(ms(to))).await;
            fabric.heal_all();
        }
        fabric.sleep(ms(10_000)).await;
    });
    assert_eq!(log.breaks("a"), []);
    assert_eq!(log.breaks("b"), []);
}
