//! Determinism, and the way a world begins and ends.

use rand::Rng;

use super::*;

/// A world in which a bit of everything happens.
fn busy(seed: u64) -> (u64, u64) {
    Fabric::run(seed, |fabric| async move {
        let quality = LinkQuality { loss_ppm: 50_000, ..latency(us(100), ms(3)) };
        fabric.set_default_link(LinkKind::Network, quality);
        let log = Log::default();
        let dialer = Talker::new("a", &log).burst(10).every(ms(5));
        let pair = pair(&fabric, dialer, Talker::new("b", &log).every(ms(7)));
        pair.connect(&fabric).await;
        fabric.sleep(ms(200)).await;
        fabric.cut(pair.a, pair.b, LinkKind::Network);
        fabric.sleep(ms(200)).await;
        fabric.heal_all();
        fabric.pause(pair.dialer);
        fabric.sleep(ms(200)).await;
        fabric.resume(pair.dialer);
        fabric.kill(pair.listener);
        fabric.start(pair.listener);
        fabric.sleep(ms(200)).await;
        (fabric.fingerprint(), fabric.frames_delivered())
    })
    .unwrap()
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_seed_another() {
    assert_eq!(busy(1), busy(1));
    assert_ne!(busy(1).0, busy(2).0);
    assert!(busy(1).1 > 50);
}

#[test]
fn detail_that_is_written_changes_nothing() {
    let plain = busy(1);
    let lines = Arc::new(Mutex::new(0_usize));
    let counter = lines.clone();
    let writer = move || {
        *counter.lock().unwrap() += 1;
        std::io::sink()
    };
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(writer).without_time().finish();
    // As long as there is only one subscriber, tracing asks the thread that meets a place first, perhaps another test's,
    // whether detail is wanted there, and remembers the answer. With two it asks the subscribers.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let detailed = tracing::subscriber::with_default(subscriber, || {
        tracing::callsite::rebuild_interest_cache();
        busy(1)
    });
    assert_eq!(plain, detailed);
    assert!(*lines.lock().unwrap() > 100);
}

#[test]
fn a_panic_comes_back_as_an_error_with_the_seed() {
    let panic = Fabric::run(7, |_| async { panic!("out of order") }).map(|(): ()| ()).unwrap_err();
    assert_eq!((panic.seed, panic.text.as_str()), (7, "out of order"));
    let panic = Fabric::run(8, |fabric| async move {
        let place = host(&fabric, "A");
        spawn(&fabric, "a", place, machine_body(|_| -> Talker { panic!("in a process") }));
        fabric.sleep(ms(1)).await;
    });
    assert_eq!(panic.unwrap_err().text, "in a process");
}

#[test]
fn streams_differ_by_purpose_and_seed_only() {
    let draw = |seed, purpose: &'static str| {
        Fabric::run(seed, move |fabric| async move { fabric.stream(purpose).next_u64() }).unwrap()
    };
    assert_eq!(draw(1, "x"), draw(1, "x"));
    assert_ne!(draw(1, "x"), draw(1, "y"));
    assert_ne!(draw(1, "x"), draw(2, "x"));
}

#[test]
fn nothing_of_a_world_is_left_when_it_is_over() {
    let weak = Fabric::run(1, |fabric| async move {
        let log = Log::default();
        let pair = pair(&fabric, Talker::new("a", &log).every(ms(5)), Talker::new("b", &log));
        pair.connect(&fabric).await;
        fabric.sleep(ms(20)).await;
        fabric.pause(pair.listener);
        fabric.sleep(ms(20)).await;
        std::sync::Arc::downgrade(&fabric.shared)
    })
    .unwrap();
    assert!(weak.upgrade().is_none());
}
