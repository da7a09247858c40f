//! Datagrams.

use std::sync::Arc;

use super::*;

/// Sends `count` datagrams, one each millisecond, over a link of this quality, and gives back the numbers that arrive.
fn send(seed: u64, count: u32, quality: LinkQuality) -> Vec<u32> {
    let log = world(seed, move |fabric, log| async move {
        fabric.set_default_link(LinkKind::Network, quality);
        let (a, b) = (host(&fabric, "A"), host(&fabric, "B"));
        spawn(&fabric, "b", b, Talker::new("b", &log).listens("b").body());
        fabric.sleep(us(10)).await;
        let sender: ProcessBody = Arc::new(move |process| {
            Box::pin(async move {
                let mut effects = Effects::new();
                process.next().await;
                effects.push(Effect::Datagram { to: "nobody".into(), frame: frame(0) });
                for number in 1..=count {
                    effects.push(Effect::Datagram { to: "b".into(), frame: frame(number) });
                    process.perform(&mut effects);
                    process.sleep(ms(1)).await;
                }
            })
        });
        spawn(&fabric, "a", a, sender);
        fabric.sleep(ms(u64::from(count) + 1_000)).await;
    });
    let datagrams = log.pick("b", |input| match input {
        Input::Datagram { frame, from } => {
            assert_eq!(from.as_str(), "a");
            number(frame)
        }
        _ => None,
    });
    datagrams.into_iter().map(|(_, number)| number).collect()
}

#[test]
fn on_a_good_link_all_arrive_once_and_in_order() {
    assert!(send(1, 200, latency(us(100), us(100))).into_iter().eq(1..=200));
}

#[test]
fn loss_loses() {
    let arrived = send(1, 1_000, LinkQuality { loss_ppm: 300_000, ..latency(us(100), us(100)) });
    assert!((600..800).contains(&arrived.len()), "{}", arrived.len());
}

#[test]
fn duplication_duplicates() {
    let mut arrived = send(1, 1_000, LinkQuality { duplication_ppm: 300_000, ..latency(us(100), us(100)) });
    assert!((1_200..1_400).contains(&arrived.len()), "{}", arrived.len());
    arrived.sort_unstable();
    arrived.dedup();
    assert!(arrived.into_iter().eq(1..=1_000));
}

#[test]
fn reordering_lets_later_ones_overtake() {
    let mut arrived = send(1, 1_000, LinkQuality { reordering_ppm: 300_000, ..latency(ms(2), Duration::ZERO) });
    assert!(!arrived.is_sorted());
    arrived.sort_unstable();
    assert!(arrived.into_iter().eq(1..=1_000));
}
