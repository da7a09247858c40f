//! Random histories of two applications on two members, with crashes at random effects and restarts, against a model
//! that knows only which units of work happened.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::world::{App, Crash, Node, Setup, World, milliseconds, seconds};
use crate::mqi::{MqiCall, Reason, Syncpoint};
use crate::queue_manager::definition::ConnectivityLoss;

const QUEUES: [&str; 3] = ["SHARED", "SHARED2", "PRIVATE"];
const MEMBERS: [Node; 2] = ["QM01", "QM02"];

#[derive(Clone, Debug)]
enum Deed {
    Put { by: usize, queue: usize, syncpoint: Syncpoint },
    Get { by: usize, queue: usize, syncpoint: Syncpoint },
    Commit { by: usize },
    Backout { by: usize },
    Crash { member: usize, after: u64, how: Crash },
    Restart { member: usize },
    Pass { milliseconds: u64 },
}

fn deed() -> impl Strategy<Value = Deed> {
    let syncpoint = || prop_oneof![3 => Just(Syncpoint::Within), 1 => Just(Syncpoint::Outside)];
    prop_oneof![
        6 => (0..2_usize, 0..3_usize, syncpoint()).prop_map(|(by, queue, syncpoint)| Deed::Put { by, queue, syncpoint }),
        5 => (0..2_usize, 0..3_usize, syncpoint()).prop_map(|(by, queue, syncpoint)| Deed::Get { by, queue, syncpoint }),
        4 => (0..2_usize).prop_map(|by| Deed::Commit { by }),
        1 => (0..2_usize).prop_map(|by| Deed::Backout { by }),
        2 => (0..2_usize, 0..40_u64, prop_oneof![Just(Crash::Kill), Just(Crash::PowerLoss)])
            .prop_map(|(member, after, how)| Deed::Crash { member, after, how }),
        2 => (0..2_usize).prop_map(|member| Deed::Restart { member }),
        1 => (1..200_u64).prop_map(|milliseconds| Deed::Pass { milliseconds }),
    ]
}

/// What a unit of work did: message identities by queue.
#[derive(Clone, Debug, Default)]
struct Unit {
    puts: Vec<(usize, u64)>,
    gets: Vec<(usize, u64)>,
}

#[derive(Debug, Default)]
struct Model {
    happened: Vec<Unit>,
    perhaps: Vec<Unit>,
    /// Gets outside syncpoint, by queue, that took nobody knows what.
    took_something: [usize; 3],
}

impl Model {
    /// Whether this is what may be on the queues in the end.
    fn allows(&self, found: &[Vec<u64>; 3]) -> bool {
        (0..1_u32 << self.perhaps.len()).any(|choice| {
            let chosen = self.perhaps.iter().enumerate().filter(|(number, _)| choice & (1 << number) != 0);
            let units: Vec<&Unit> = self.happened.iter().chain(chosen.map(|(_, unit)| unit)).collect();
            (0..3).all(|queue| {
                let on = |(of, identity): &(usize, u64)| (*of == queue).then_some(*identity);
                let mut left: BTreeSet<u64> = units.iter().flat_map(|unit| unit.puts.iter().filter_map(on)).collect();
                let once = units.iter().flat_map(|unit| unit.gets.iter().filter_map(on)).all(|got| left.remove(&got));
                let there: BTreeSet<u64> = found[queue].iter().copied().collect();
                once && there.len() == found[queue].len()
                    && there.is_subset(&left)
                    && left.len() - there.len() <= self.took_something[queue]
            })
        })
    }
}

struct Player {
    app: Option<App>,
    unit: Unit,
}

fn play(deeds: &[Deed], connectivity_loss: ConnectivityLoss) -> Result<(), TestCaseError> {
    let mut world = World::new(Setup { connectivity_loss, ..Setup::default() });
    let mut model = Model::default();
    let mut players = MEMBERS.map(|_| Player { app: None, unit: Unit::default() });
    let mut identity = 0;
    for deed in deeds {
        let (Deed::Put { by, .. } | Deed::Get { by, .. } | Deed::Commit { by } | Deed::Backout { by }) = *deed else {
            match *deed {
                Deed::Crash { member, after, how } => {
                    let performed = world.performed.get(MEMBERS[member]).copied().unwrap_or_default();
                    world.crash_before = Some((MEMBERS[member], performed + after, how));
                }
                Deed::Restart { member } if !world.runs(MEMBERS[member]) => world.start(MEMBERS[member]),
                Deed::Pass { milliseconds: passing } => world.run_for(milliseconds(passing)),
                _ => {}
            }
            continue;
        };
        let player = &mut players[by];
        let app = match player.app {
            Some(app) => app,
            None if world.is_up(MEMBERS[by]) => {
                let Ok(app) = world.connect_as(MEMBERS[by], super::world::options(MEMBERS[by])) else { continue };
                player.app = Some(app);
                app
            }
            None => continue,
        };
        identity += 1;
        let mut alone = Unit::default();
        let outcome = match *deed {
            Deed::Put { queue, syncpoint, .. } => {
                // The private queue is that of the first member.
                let queue = if by == 0 { queue } else { queue % 2 };
                let unit = if syncpoint == Syncpoint::Within { &mut player.unit } else { &mut alone };
                let answer = world.put(app, QUEUES[queue], syncpoint, identity);
                if answer.is_ok() || (answer == Err(Reason::ConnectionBroken) && syncpoint == Syncpoint::Outside) {
                    unit.puts.push((queue, identity));
                }
                answer
            }
            Deed::Get { queue, syncpoint, .. } => {
                let queue = if by == 0 { queue } else { queue % 2 };
                let unit = if syncpoint == Syncpoint::Within { &mut player.unit } else { &mut alone };
                match world.get(app, QUEUES[queue], syncpoint) {
                    Ok(message) => {
                        unit.gets.push((queue, message.payload.identity));
                        Ok(())
                    }
                    Err(reason) => {
                        if syncpoint == Syncpoint::Outside && reason == Reason::ConnectionBroken {
                            model.took_something[queue] += 1;
                        }
                        Err(reason)
                    }
                }
            }
            Deed::Commit { .. } => world.call(app, MqiCall::Commit).map(drop),
            _ => world.call(app, MqiCall::Backout).map(drop),
        };
        let broken = outcome == Err(Reason::ConnectionBroken);
        let is_commit = matches!(deed, Deed::Commit { .. });
        if is_commit || broken || matches!(deed, Deed::Backout { .. }) {
            let unit = std::mem::take(&mut player.unit);
            match (is_commit, broken) {
                (true, false) => {
                    prop_assert_eq!(outcome, Ok(()));
                    model.happened.push(unit);
                }
                (true, true) if unit.puts.is_empty() && unit.gets.is_empty() => {}
                (true, true) => model.perhaps.push(unit),
                (false, _) => {}
            }
        }
        if broken {
            player.app = None;
            model.perhaps.extend((!alone.puts.is_empty()).then_some(alone));
        } else {
            model.happened.push(alone);
        }
    }
    world.crash_before = None;
    for player in &players {
        if let Some(app) = player.app {
            world.hang_up(app);
        }
    }
    world.run_for(seconds(3));
    for member in MEMBERS {
        if !world.runs(member) {
            world.start(member);
        }
    }
    world.run_for(seconds(6));
    let found = QUEUES.map(|queue| world.identities(queue));
    prop_assert!(model.allows(&found), "found {found:?}, but {model:#?}");
    prop_assert!(world.held().is_empty() && world.descriptors().is_empty());
    prop_assert_eq!(world.recovery_locks_held(), 0);
    for member in MEMBERS {
        prop_assert!(world.queue_manager(member).units.is_empty());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_message_is_lost_or_doubled_whoever_crashes_when(
        deeds in prop::collection::vec(deed(), 1..40),
        tolerates in any::<bool>(),
    ) {
        let loss = if tolerates { ConnectivityLoss::Tolerate } else { ConnectivityLoss::Terminate };
        play(&deeds, loss)?;
    }
}
