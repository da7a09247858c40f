//! Each verb and rule, on private and shared queues alike where they are alike.

mod coordinated;
mod ends;
mod messages;
mod rules;

use super::world::{App, Setup, World, message, seconds, xid};
use crate::mqi::{BrowseLock, BrowsePosition, Match, MqiAnswer, MqiCall, ObjectHandle, Reason, Syncpoint, Wait};
use crate::unit_of_work::Outcome;
use Syncpoint::{Outside, Within};

const BOTH: [&str; 2] = ["PRIVATE", "SHARED"];

fn world() -> World {
    World::new(Setup::default())
}

fn with_apps() -> (World, App, App) {
    let mut world = world();
    let (app, other) = (world.application("QM01"), world.application("QM01"));
    (world, app, other)
}

fn get_call(handle: ObjectHandle, syncpoint: Syncpoint, wait: Wait, selection: Match) -> MqiCall {
    MqiCall::Get { handle, syncpoint, wait, selection }
}

fn browse(
    world: &mut World,
    app: App,
    handle: ObjectHandle,
    position: BrowsePosition,
    lock: BrowseLock,
) -> Result<u64, Reason> {
    message(world.call(app, MqiCall::Browse { handle, position, lock })).map(|message| message.payload.identity)
}

fn resolve(world: &mut World, app: App, outcome: Outcome) -> Result<(), Reason> {
    world.call(app, MqiCall::Resolve { xid: xid(7), outcome }).map(drop)
}

fn in_doubt(world: &mut World, app: App) -> usize {
    match world.call(app, MqiCall::Recover { coordinator: "CICS".into() }) {
        Ok(MqiAnswer::Indoubt { xids }) => xids.len(),
        other => panic!("{other:?}"),
    }
}

/// One put on each of two shared queues and a private one, and a get, prepared.
fn prepare(world: &mut World, app: App) {
    world.put(app, "SHARED", Outside, 1).unwrap();
    world.call(app, MqiCall::Begin { xid: xid(7) }).unwrap();
    world.get(app, "SHARED", Within).unwrap();
    for (queue, identity) in [("SHARED", 2), ("SHARED2", 3), ("PRIVATE", 4)] {
        world.put(app, queue, Within, identity).unwrap();
    }
    world.call(app, MqiCall::Prepare { xid: xid(7) }).unwrap();
}

fn settled(world: &mut World) -> [Vec<u64>; 3] {
    world.run_for(seconds(1));
    assert_eq!((world.held(), world.descriptors()), (vec![], vec![]));
    ["SHARED", "SHARED2", "PRIVATE"].map(|queue| world.identities(queue))
}

const ALL: [&[u64]; 3] = [&[2], &[3], &[4]];
const NOTHING: [&[u64]; 3] = [&[1], &[], &[]];
