//! Whatever was killed and cut: healed and quiet, there is one view, one coordinator, one active member.

use proptest::prelude::*;

use super::world::{NAMES, World, definition};

#[derive(Clone, Copy, Debug)]
enum Blow {
    Kill(usize),
    Start(usize),
    Cut(usize, usize),
    OneWay(usize, usize),
    Heal,
    Wait(u64),
}

fn blow() -> impl Strategy<Value = Blow> {
    let one = 0..NAMES.len();
    prop_oneof![
        one.clone().prop_map(Blow::Kill),
        one.clone().prop_map(Blow::Start),
        (one.clone(), one.clone()).prop_map(|(a, b)| Blow::Cut(a, b)),
        (one.clone(), one).prop_map(|(a, b)| Blow::OneWay(a, b)),
        Just(Blow::Heal),
        (0..300u64).prop_map(Blow::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn in_the_end_one_view_one_coordinator_one_active_member(blows in prop::collection::vec(blow(), 1..25)) {
        let mut world = World::started(definition(&NAMES));
        for blow in blows {
            match blow {
                Blow::Kill(a) => world.kill(NAMES[a]),
                Blow::Start(a) => world.start(NAMES[a]),
                Blow::Cut(a, b) => world.cut(NAMES[a], NAMES[b]),
                Blow::OneWay(a, b) => world.cut_one_way(NAMES[a], NAMES[b]),
                Blow::Heal => world.heal(),
                Blow::Wait(seconds) => world.run(seconds),
            }
        }
        world.heal();
        for name in NAMES {
            world.start(name);
        }
        world.run(900);
        for name in NAMES {
            prop_assert_eq!(world.view(name), NAMES.to_vec(), "view of {}", name);
        }
        prop_assert_eq!(world.coordinators(), vec!["a1"]);
        prop_assert_eq!(world.active().len(), 1);
    }
}
