//! Partitions that can talk again: connections come up one by one, and a majority keeps its quorum meanwhile.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::world::{World, definition, process};
use crate::ha_manager::GroupOrder;
use crate::ha_manager::definition::CoreGroupDefinition;
use crate::ha_manager::policy::{Policy, PolicySet};
use crate::name::ProcessName;
use crate::time::{Duration, Time};

/// Node agents and the five servers of a cluster.
const NAMES: [&str; 8] = ["a1", "a2", "a3", "s1", "s2", "s3", "s4", "s5"];

fn with_quorum(names: &[&str]) -> CoreGroupDefinition {
    let own = Policy::one_of_n("own", &[("type", "WSAF_SIB"), ("WSAF_SIB_MESSAGING_ENGINE", "c.000-b")]);
    let mut definition = definition(names);
    definition.policies = PolicySet::with_default(vec![Policy { quorum: true, ..own }]);
    definition
}

/// Who of these was left out of a view that one of them installed since then, or told to end.
fn left_out(world: &World, of: &BTreeSet<ProcessName>, since: Time) -> Vec<String> {
    let views = world.views.iter().filter(|(at, name, view)| *at >= since && of.contains(name) && view.id.number > 0);
    let lacking = views.filter(|(_, _, view)| !of.is_subset(&view.members));
    let ended = world
        .orders
        .iter()
        .filter(|(at, name, order)| *at >= since && of.contains(name) && matches!(order, GroupOrder::Terminate { .. }));
    let lacking = lacking.map(|(at, name, view)| format!("{at:?} {name}: {:?}", view.members));
    lacking.chain(ended.map(|(at, name, order)| format!("{at:?} {name}: {order:?}"))).collect()
}

/// On which side of a partition each is, how links differ, and when they come back.
#[derive(Clone, Debug)]
struct Merge {
    sides: Vec<usize>,
    preferred_coordinators: Vec<usize>,
    starts: Vec<u64>,
    latencies: Vec<u64>,
    mended_after: Vec<u64>,
}

/// At least three of the five servers are on the first side.
fn sides() -> impl Strategy<Value = Vec<usize>> {
    let majority = prop::sample::subsequence((0..NAMES.len()).filter(|index| is_server(*index)).collect::<Vec<_>>(), 3);
    (prop::collection::vec(0..3usize, NAMES.len()), majority).prop_map(|(mut sides, majority)| {
        majority.into_iter().for_each(|server| sides[server] = 0);
        sides
    })
}

fn is_server(index: usize) -> bool {
    NAMES[index].starts_with('s')
}

fn merge() -> impl Strategy<Value = Merge> {
    let links = NAMES.len() * NAMES.len();
    (
        sides(),
        prop::collection::vec(0..NAMES.len(), 0..3),
        prop::collection::vec(0..60u64, NAMES.len()),
        prop::collection::vec(1..60u64, links),
        prop_oneof![
            prop::collection::vec(Just(0u64), links),
            prop::collection::vec(0..300u64, links),
            prop::collection::vec(0..20_000u64, links),
        ],
    )
        .prop_map(|(sides, preferred_coordinators, starts, latencies, mended_after)| Merge {
            sides,
            preferred_coordinators,
            starts,
            latencies,
            mended_after,
        })
}

impl Merge {
    fn side(&self, side: usize) -> Vec<&'static str> {
        NAMES.iter().zip(&self.sides).filter(|(_, of)| **of == side).map(|(name, _)| *name).collect()
    }

    fn links(&self) -> impl Iterator<Item = (usize, &'static str, &'static str)> {
        let pairs = (0..NAMES.len()).flat_map(|a| (a + 1..NAMES.len()).map(move |b| (a, b)));
        pairs.map(|(a, b)| (a * NAMES.len() + b, NAMES[a], NAMES[b]))
    }

    fn started(&self) -> World {
        let mut definition = with_quorum(&NAMES);
        definition.preferred_coordinators =
            self.preferred_coordinators.iter().map(|index| process(NAMES[*index])).collect();
        let mut world = World::new(definition);
        for (link, a, b) in self.links() {
            world.set_latency(a, b, Duration::from_millis(self.latencies[link]));
        }
        for second in 0..60 {
            for (name, _) in NAMES.iter().zip(&self.starts).filter(|(_, start)| **start == second) {
                world.start(name);
            }
            world.run(1);
        }
        world
    }

    fn part(&self, world: &mut World) {
        for (a, b) in [(0, 1), (0, 2), (1, 2)] {
            world.partition(&self.side(a), &self.side(b));
        }
        world.run(200);
        // Who was terminated for want of a quorum is started again by its node agent.
        for name in NAMES {
            world.start(name);
        }
        world.run(200);
    }

    fn mend(&self, world: &mut World) {
        let mut links: Vec<_> = self.links().map(|(link, a, b)| (self.mended_after[link], a, b)).collect();
        links.sort_unstable();
        let healing = world.now;
        for (after, a, b) in links {
            world.run_until(healing + Duration::from_millis(after));
            world.mend(a, b);
        }
        world.run(300);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_member_of_a_stable_majority_is_left_out_while_partitions_merge(merge in merge()) {
        let majority = merge.side(0).into_iter().map(process).collect();
        let mut world = merge.started();
        merge.part(&mut world);
        let active = world.active();
        prop_assert_eq!(active.len(), 1, "before: {:?}", active);
        let healing = world.now;
        merge.mend(&mut world);
        prop_assert_eq!(left_out(&world, &majority, healing), Vec::<String>::new(), "of {:?}", majority);
        prop_assert_eq!(world.active(), active);
        for name in NAMES {
            prop_assert_eq!(world.view(name), NAMES.to_vec(), "view of {}", name);
        }
    }
}
