//! Limits, names and what is displayed.

use super::super::world::{Setup, World, descriptor, options, payload, put_with};
use super::{BOTH, browse, get_call, with_apps};
use crate::message::{Payload, Persistence};
use crate::mqi::Syncpoint::{Outside, Within};
use crate::mqi::{
    BrowseLock, BrowsePosition, Command, Match, MqiAnswer, MqiCall, ObjectHandle, OpenFor, PutDescriptor, Reason, Wait,
};
use crate::queue_manager::definition::SharedQueueManagerName;

#[test]
fn limits_and_refusals() {
    let (mut world, app, other) = with_apps();
    for queue in ["SMALL", "SHARED.SMALL"] {
        world.put(app, queue, Within, 1).unwrap();
        world.put(other, queue, Outside, 2).unwrap();
        assert_eq!(world.put(other, queue, Outside, 3), Err(Reason::QueueFull));
        let long = MqiCall::Put1 {
            queue: queue.into(),
            queue_manager: None,
            syncpoint: Outside,
            descriptor: descriptor(),
            payload: Payload { length: 1001, ..payload(4) },
        };
        assert_eq!(world.call(other, long).map(drop), Err(Reason::MessageTooBigForQueue));
        world.call(app, MqiCall::Backout).unwrap();
        world.put(other, queue, Outside, 3).unwrap();
    }
    let persistent = PutDescriptor { persistence: Some(Persistence::Persistent), ..descriptor() };
    let refused = world.call(app, put_with("SHARED.VOLATILE", Outside, 1, persistent));
    assert_eq!(refused.map(drop), Err(Reason::PersistentNotAllowed));
    world.put(app, "SHARED.VOLATILE", Outside, 1).unwrap();
    let alone = world.open(app, "PRIVATE", OpenFor::InputExclusive).unwrap();
    assert_eq!(world.open(other, "PRIVATE", OpenFor::InputShared), Err(Reason::ObjectInUse));
    world.call(app, MqiCall::Close { handle: alone }).unwrap();
    let shared = world.open(other, "PRIVATE", OpenFor::InputShared).unwrap();
    assert_eq!(world.open(app, "PRIVATE", OpenFor::InputExclusive), Err(Reason::ObjectInUse));
    world.open(app, "ALONE", OpenFor::InputShared).unwrap();
    assert_eq!(world.open(other, "ALONE", OpenFor::InputShared), Err(Reason::ObjectInUse));
    assert_eq!(world.open(app, "NO.SUCH.QUEUE", OpenFor::Output), Err(Reason::UnknownObjectName));
    let output = world.open(app, "PRIVATE", OpenFor::Output).unwrap();
    let browser = world.open(app, "PRIVATE", OpenFor::Browse).unwrap();
    let get = |handle| get_call(handle, Outside, Wait::No, Match::Any);
    assert_eq!(world.call(app, get(output)).map(drop), Err(Reason::NotOpenForInput));
    assert_eq!(world.call(app, get(browser)).map(drop), Err(Reason::NotOpenForInput));
    assert_eq!(world.call(app, get(ObjectHandle(99))).map(drop), Err(Reason::HandleError));
    let refused = browse(&mut world, app, output, BrowsePosition::First, BrowseLock::Unlocked);
    assert_eq!(refused, Err(Reason::NotOpenForBrowse));
    let put_on = MqiCall::Put { handle: shared, syncpoint: Outside, descriptor: descriptor(), payload: payload(1) };
    assert_eq!(world.call(other, put_on).map(drop), Err(Reason::NotOpenForOutput));
    assert_eq!(world.call(app, MqiCall::Close { handle: ObjectHandle(99) }).map(drop), Err(Reason::HandleError));
    assert_eq!(world.connect_as("QM01", options("QM09")).map(drop), Err(Reason::QueueManagerNameError));
}

#[test]
fn a_unit_of_work_takes_no_more_than_its_limit() {
    for queue in BOTH {
        let (mut world, app, _) = with_apps();
        for identity in 0..12 {
            world.put(app, queue, Within, identity).unwrap();
        }
        assert_eq!(world.put(app, queue, Within, 12), Err(Reason::SyncpointLimitReached));
        assert_eq!(world.get(app, queue, Within).map(drop), Err(Reason::SyncpointLimitReached));
        world.put(app, queue, Outside, 13).unwrap();
        world.call(app, MqiCall::Commit).unwrap();
        assert_eq!(world.identities(queue).len(), 13);
    }
}

#[test]
fn a_full_structure_refuses_puts() {
    let mut world = World::new(Setup { structure_entries: 3, ..Setup::default() });
    let app = world.application("QM01");
    for identity in 1..=3 {
        world.put(app, "SHARED", Outside, identity).unwrap();
    }
    assert_eq!(world.put(app, "SHARED", Outside, 4), Err(Reason::StorageMediumFull));
    world.get(app, "SHARED", Outside).unwrap();
    world.put(app, "SHARED", Outside, 4).unwrap();
}

#[test]
fn another_members_name_is_ignored_only_if_so_defined() {
    for (setting, expected) in [
        (SharedQueueManagerName::Use, Err(Reason::UnknownObjectQueueManager)),
        (SharedQueueManagerName::Ignore, Ok(())),
    ] {
        let mut world = World::new(Setup { shared_queue_manager_name: setting, ..Setup::default() });
        let app = world.application("QM01");
        let mut open = |queue: &str, name: &str| {
            let (queue, queue_manager) = (queue.into(), Some(name.into()));
            world.call(app, MqiCall::Open { queue, queue_manager, open_for: OpenFor::Output }).map(drop)
        };
        assert_eq!(open("SHARED", "QM02"), expected);
        assert_eq!(open("PRIVATE", "QM02"), Err(Reason::UnknownObjectQueueManager));
        assert_eq!(open("SHARED", "QM09"), Err(Reason::UnknownObjectQueueManager));
        assert_eq!((open("SHARED", "QM01"), open("SHARED", "QSG1")), (Ok(()), Ok(())));
    }
}

#[test]
fn a_blank_reply_to_queue_manager_is_filled_in() {
    for queue in BOTH {
        let (mut world, app, _) = with_apps();
        let reply = PutDescriptor { reply_to_queue: Some("REPLY".into()), ..descriptor() };
        world.call(app, put_with(queue, Outside, 1, reply.clone())).unwrap();
        let named = PutDescriptor { reply_to_queue_manager: Some("QSG1".into()), ..reply };
        world.call(app, put_with(queue, Outside, 2, named)).unwrap();
        world.put(app, queue, Outside, 3).unwrap();
        let mut filled = || world.get(app, queue, Outside).unwrap().descriptor.reply_to_queue_manager;
        assert_eq!((filled(), filled(), filled()), (Some("QM01".into()), Some("QSG1".into()), None));
    }
}

#[test]
fn queues_are_displayed_with_what_is_not_committed() {
    let (mut world, app, other) = with_apps();
    for queue in BOTH {
        world.put(app, queue, Outside, 1).unwrap();
        world.put(app, queue, Within, 2).unwrap();
    }
    let answer = world.call(other, MqiCall::Command(Command::DisplayQueues));
    let Ok(MqiAnswer::Queues { queues }) = answer else { panic!("{answer:?}") };
    for queue in BOTH {
        let status = queues.iter().find(|status| status.queue.as_str() == queue).unwrap();
        assert_eq!((status.current_depth, status.uncommitted), (2, 1), "{queue}");
    }
}
