//! Connections and links.

use std::sync::Arc;

use indoubt_engine::event::Event;
use indoubt_engine::machine::Broken;
use indoubt_engine::step::Step;

use super::super::{Life, Observer};
use super::*;

#[test]
fn a_killed_process_is_noticed_at_once() {
    let log = world(1, |fabric, log| async move {
        let pair = pair(&fabric, Talker::new("a", &log), Talker::new("b", &log));
        pair.connect(&fabric).await;
        fabric.sleep_until(at(ms(10))).await;
        fabric.kill(pair.listener);
        fabric.sleep(ms(100)).await;
        assert_eq!(fabric.lock().connections.len(), 0, "ended connections are reclaimed");
    });
    let breaks = log.breaks("a");
    assert_eq!(breaks.len(), 1);
    assert_eq!(breaks[0].1, Broken::Reset);
    assert!(breaks[0].0 >= at(ms(10)) + us(150) && breaks[0].0 < at(ms(11)), "{breaks:?}");
}

#[test]
fn a_host_without_power_is_noticed_only_by_its_silence() {
    let log = world(1, |fabric, log| async move {
        let pair = pair(&fabric, Talker::new("a", &log), Talker::new("b", &log));
        pair.connect(&fabric).await;
        fabric.sleep_until(at(ms(10))).await;
        fabric.power_off(pair.b);
        fabric.sleep(ms(6_000)).await;
        assert_eq!(fabric.lock().connections.len(), 0);
    });
    let breaks = log.breaks("a");
    assert_eq!(breaks.len(), 1);
    assert_eq!(breaks[0].1, Broken::Silence);
    assert!(breaks[0].0 >= at(ms(5_010)) && breaks[0].0 < at(ms(5_011)), "{breaks:?}");
}

#[test]
fn a_host_that_returns_within_the_silence_resets_its_old_connections() {
    let log = world(1, |fabric, log| async move {
        let pair = pair(&fabric, Talker::new("a", &log), Talker::new("b", &log));
        pair.connect(&fabric).await;
        fabric.sleep_until(at(ms(10))).await;
        fabric.power_off(pair.b);
        fabric.sleep_until(at(ms(1_000))).await;
        fabric.power_on(pair.b);
        fabric.sleep(ms(10_000)).await;
    });
    let breaks = log.breaks("a");
    assert_eq!(breaks.len(), 1);
    assert_eq!(breaks[0].1, Broken::Reset);
    assert!(breaks[0].0 > at(ms(1_000)) && breaks[0].0 < at(ms(1_001)), "{breaks:?}");
}

struct KillAtFirstStep;

impl Observer for KillAtFirstStep {
    fn step(&self, fabric: &Fabric, _: Time, process: ProcessId, _: Step) {
        fabric.kill(process);
    }
    fn event(&self, _: &Fabric, _: Time, _: ProcessId, _: &Event) {}
    fn life(&self, _: &Fabric, _: Time, _: ProcessId, _: Life) {}
}

#[test]
fn frames_sent_before_a_kill_arrive_before_the_reset_and_nothing_after_it() {
    let log = world(3, |fabric, log| async move {
        fabric.set_observer(Arc::new(KillAtFirstStep));
        fabric.set_default_link(LinkKind::Network, latency(us(100), ms(5)));
        let (a, b) = (host(&fabric, "A"), host(&fabric, "B"));
        spawn(&fabric, "b", b, Talker::new("b", &log).listens("b").body());
        let doomed: ProcessBody = Arc::new(|process| {
            Box::pin(async move {
                let mut effects = Effects::new();
                process.next().await;
                let connection = effects.connect("b".into(), prompt(ms(1_000)));
                process.perform(&mut effects);
                process.next().await;
                (1..=20).for_each(|number| effects.send(connection, frame(number)));
                effects.step(Step::ALL[0]);
                effects.send(connection, frame(21));
                process.perform(&mut effects);
                process.next().await;
                unreachable!("the dead hear nothing");
            })
        });
        fabric.sleep(us(10)).await;
        spawn(&fabric, "a", a, doomed);
        fabric.sleep(ms(500)).await;
    });
    assert_eq!(log.frames("b"), (1..=20).collect::<Vec<_>>());
    assert_eq!(log.breaks("b").len(), 1);
    assert!(matches!(log.all().last().unwrap().input, Input::Broken { how: Broken::Reset, .. }));
}

#[test]
fn a_connection_never_reorders_or_loses_whatever_its_links_do() {
    for seed in 0..30 {
        let log = world(seed, |fabric, log| async move {
            let lossy = LinkQuality { loss_ppm: 200_000, ..latency(us(100), ms(20)) };
            fabric.set_default_link(LinkKind::Network, lossy);
            let dialer = Talker::new("a", &log).every(ms(3)).silence(ms(60_000));
            let pair = pair(&fabric, dialer, Talker::new("b", &log).silence(ms(60_000)));
            pair.connect(&fabric).await;
            let mut stream = fabric.stream("test");
            for _ in 0..20 {
                fabric.sleep(us(crate::fabric::draw::below(&mut stream, 400_000))).await;
                fabric.cut(pair.a, pair.b, LinkKind::Network);
                fabric.sleep(us(crate::fabric::draw::below(&mut stream, 100_000))).await;
                fabric.heal_all();
            }
            fabric.sleep(ms(40_000)).await;
        });
        let frames = log.frames("b");
        assert!(frames.len() > 1_000, "{}", frames.len());
        assert!(frames.iter().copied().eq(1..=frames.len() as u32), "seed {seed}: {frames:?}");
        assert_eq!(log.breaks("b"), []);
    }
}

#[test]
fn deliveries_on_one_link_overlap_in_time() {
    let log = world(1, |fabric, log| async move {
        fabric.set_default_link(LinkKind::Network, latency(ms(10), Duration::ZERO));
        let pair = pair(&fabric, Talker::new("a", &log).burst(100), Talker::new("b", &log));
        pair.connect(&fabric).await;
        fabric.sleep(ms(100)).await;
    });
    let frames = log.pick("b", |input| matches!(input, Input::Frame { .. }).then_some(()));
    assert_eq!(frames.len(), 100);
    let sent = log.connected("a")[0];
    assert!(frames.iter().all(|(at, ())| at.since(sent) >= ms(10) - us(1) && at.since(sent) < ms(11)), "{frames:?}");
}

#[test]
fn a_narrow_link_makes_frames_wait_for_each_other() {
    let log = world(1, |fabric, log| async move {
        // A frame of 256 bytes takes 1 ms.
        let narrow = LinkQuality { bandwidth: Some(256_000), ..latency(ms(10), Duration::ZERO) };
        fabric.set_default_link(LinkKind::Network, narrow);
        let pair = pair(&fabric, Talker::new("a", &log).burst(100), Talker::new("b", &log));
        pair.connect(&fabric).await;
        fabric.sleep(ms(300)).await;
    });
    let frames = log.pick("b", |input| matches!(input, Input::Frame { .. }).then_some(()));
    let took = frames[99].0.since(frames[0].0);
    assert!(took >= ms(98) && took <= ms(100), "{took:?}");
}

#[test]
fn a_one_way_cut_is_one_way_and_what_met_it_arrives_after_healing() {
    let log = world(1, |fabric, log| async move {
        let slow = ms(20_000);
        let dialer = Talker::new("a", &log).every(ms(10)).silence(slow);
        let pair = pair(&fabric, dialer, Talker::new("b", &log).every(ms(10)).silence(slow));
        pair.connect(&fabric).await;
        fabric.sleep_until(at(ms(1_000))).await;
        fabric.cut(pair.a, pair.b, LinkKind::Network);
        fabric.sleep_until(at(ms(2_000))).await;
        fabric.heal(pair.a, pair.b, LinkKind::Network);
        fabric.sleep_until(at(ms(3_000))).await;
    });
    let during = |who| {
        let frames = log.pick(who, |input| matches!(input, Input::Frame { .. }).then_some(()));
        frames.iter().filter(|(time, ())| *time > at(ms(1_000)) && *time < at(ms(2_000))).count()
    };
    assert_eq!(during("b"), 0);
    assert!(during("a") >= 99);
    let frames = log.frames("b");
    assert!(frames.len() >= 295 && frames.iter().copied().eq(1..=frames.len() as u32));
}

#[test]
fn within_a_host_nothing_takes_longer_than_five_microseconds() {
    let log = world(1, |fabric, log| async move {
        let here = host(&fabric, "A");
        spawn(&fabric, "b", here, Talker::new("b", &log).listens("b").body());
        fabric.sleep(us(10)).await;
        spawn(&fabric, "a", here, Talker::new("a", &log).connects("b").burst(1).body());
        fabric.sleep(ms(1)).await;
    });
    let sent = log.connected("a")[0];
    let arrived = log.pick("b", |input| matches!(input, Input::Frame { .. }).then_some(()))[0].0;
    assert!(arrived.since(sent) > us(4) && arrived.since(sent) < us(6), "{:?}", arrived.since(sent));
}

#[test]
fn an_orderly_close_comes_after_everything_sent_and_leaves_no_trace() {
    let log = world(1, |fabric, log| async move {
        fabric.set_default_link(LinkKind::Network, latency(us(100), ms(5)));
        let (a, b) = (host(&fabric, "A"), host(&fabric, "B"));
        spawn(&fabric, "b", b, Talker::new("b", &log).listens("b").body());
        let closer: ProcessBody = Arc::new(|process| {
            Box::pin(async move {
                let mut effects = Effects::new();
                process.next().await;
                for _ in 0..100 {
                    let connection = effects.connect("b".into(), prompt(ms(1_000)));
                    process.perform(&mut effects);
                    process.next().await;
                    effects.send(connection, frame(1));
                    effects.push(Effect::Close { connection });
                    effects.send(connection, frame(2));
                    process.perform(&mut effects);
                }
                std::future::pending::<()>().await;
            })
        });
        fabric.sleep(us(10)).await;
        spawn(&fabric, "a", a, closer);
        fabric.sleep(ms(3_000)).await;
        assert_eq!(fabric.lock().connections.len(), 0);
    });
    assert_eq!(log.frames("b"), vec![1; 100]);
    assert!(log.breaks("b").iter().all(|(_, how)| *how == Broken::Closed));
    assert_eq!(log.breaks("b").len(), 100);
}

#[test]
fn what_is_on_the_way_when_a_cut_begins_arrives_after_it() {
    let log = world(1, |fabric, log| async move {
        fabric.set_default_link(LinkKind::Network, latency(ms(100), Duration::ZERO));
        let pair = pair(&fabric, Talker::new("a", &log).burst(5), Talker::new("b", &log));
        pair.connect(&fabric).await;
        // Connected after 200 ms, so the frames are on their way.
        fabric.sleep_until(at(ms(250))).await;
        fabric.cut(pair.a, pair.b, LinkKind::Network);
        fabric.sleep_until(at(ms(1_000))).await;
        fabric.heal_all();
        fabric.sleep(ms(1_000)).await;
    });
    assert_eq!(log.frames("b"), [1, 2, 3, 4, 5]);
    let frames = log.pick("b", |input| matches!(input, Input::Frame { .. }).then_some(()));
    assert_eq!(frames[0].0.as_milliseconds(), 1_100);
}
