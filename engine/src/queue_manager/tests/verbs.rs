//! Each verb and rule, on private and shared queues alike where they are alike.

use super::world::{
    App, Crash, Setup, World, descriptor, message, milliseconds, options, payload, priority, put_with, seconds, xid,
};
use crate::machine::StopMode;
use crate::message::{CorrelationId, MessageId, Payload, Persistence};
use crate::mqi::{
    BrowseLock, BrowsePosition, Command, ConnectOptions, Match, MqiAnswer, MqiCall, ObjectHandle, OpenFor,
    PutDescriptor, Reason, Syncpoint, TagUse, Wait,
};
use crate::queue_manager::definition::{ConnectivityLoss, SharedQueueManagerName};
use crate::unit_of_work::{Outcome, UnitOfWorkId};

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

#[test]
fn a_put_under_syncpoint_shows_when_it_commits() {
    for queue in BOTH {
        let (mut world, app, other) = with_apps();
        world.put(app, queue, Within, 1).unwrap();
        assert_eq!(world.get(other, queue, Outside).map(drop), Err(Reason::NoMessageAvailable));
        assert_eq!(world.get(app, queue, Within).map(drop), Err(Reason::NoMessageAvailable));
        world.call(app, MqiCall::Commit).unwrap();
        assert_eq!(world.get(other, queue, Outside).unwrap().payload, payload(1));
        world.put(app, queue, Within, 2).unwrap();
        world.call(app, MqiCall::Backout).unwrap();
        assert_eq!(world.get(other, queue, Outside).map(drop), Err(Reason::NoMessageAvailable));
    }
}

#[test]
fn a_get_that_is_backed_out_is_back_at_its_place_and_counted() {
    for queue in BOTH {
        let (mut world, app, other) = with_apps();
        for identity in 1..=3 {
            world.put(app, queue, Outside, identity).unwrap();
        }
        world.get(app, queue, Within).unwrap();
        assert_eq!(world.get(other, queue, Within).unwrap().payload.identity, 2);
        world.call(app, MqiCall::Backout).unwrap();
        assert_eq!(world.visible(queue), [(1, 1), (3, 0)]);
        world.call(other, MqiCall::Commit).unwrap();
        assert_eq!(world.visible(queue), [(1, 1), (3, 0)]);
        assert!(world.held().is_empty());
    }
}

#[test]
fn backout_counts_survive_a_restart_if_they_are_hardened() {
    let mut world = world();
    let app = world.application("QM01");
    for queue in ["PRIVATE", "HARD", "SHARED"] {
        world.put(app, queue, Outside, 1).unwrap();
        for _ in 0..2 {
            world.get(app, queue, Within).unwrap();
            world.call(app, MqiCall::Backout).unwrap();
        }
        assert_eq!(world.visible(queue), [(1, 2)]);
    }
    world.crash("QM01", Crash::Kill);
    world.run_for(seconds(1));
    world.start("QM01");
    world.run_for(seconds(1));
    assert_eq!(world.visible("PRIVATE"), [(1, 0)]);
    assert_eq!(world.visible("HARD"), [(1, 2)]);
    assert_eq!(world.visible("SHARED"), [(1, 2)]);
}

#[test]
fn a_get_in_flight_at_a_crash_counts_as_backed_out_where_counts_are_hardened() {
    for how in [Crash::Kill, Crash::PowerLoss] {
        let mut world = world();
        let app = world.application("QM01");
        world.put(app, "SHARED", Outside, 1).unwrap();
        world.get(app, "SHARED", Within).unwrap();
        world.crash("QM01", how);
        world.run_for(seconds(1));
        assert_eq!(world.visible("SHARED"), [(1, 1)]);
    }
}

#[test]
fn a_waiting_get_is_woken_by_a_put_a_commit_and_a_backout() {
    for queue in BOTH {
        let (mut world, app, other) = with_apps();
        let handle = world.open(app, queue, OpenFor::InputShared).unwrap();
        let wait = get_call(handle, Outside, Wait::Unlimited, Match::Any);
        world.send_call(app, wait.clone());
        world.run_for(seconds(1));
        world.put(other, queue, Outside, 1).unwrap();
        assert_eq!(message(world.wait(app)).unwrap().payload.identity, 1);
        world.send_call(app, wait.clone());
        world.put(other, queue, Within, 2).unwrap();
        world.run_for(seconds(1));
        assert_eq!(world.answer(app), None);
        world.call(other, MqiCall::Commit).unwrap();
        assert_eq!(message(world.wait(app)).unwrap().payload.identity, 2);
        world.put(other, queue, Outside, 3).unwrap();
        world.get(other, queue, Within).unwrap();
        world.send_call(app, wait.clone());
        world.run_for(seconds(1));
        assert_eq!(world.answer(app), None);
        world.call(other, MqiCall::Backout).unwrap();
        let got = message(world.wait(app)).unwrap();
        assert_eq!((got.payload.identity, got.descriptor.backout_count), (3, 1));
    }
}

#[test]
fn a_wait_interval_ends_with_2033() {
    for queue in BOTH {
        let (mut world, app, _) = with_apps();
        let handle = world.open(app, queue, OpenFor::InputShared).unwrap();
        let before = world.now;
        let got = world.get_from(app, handle, Outside, Wait::For(seconds(2)), Match::Any);
        assert_eq!(got.map(drop), Err(Reason::NoMessageAvailable));
        let waited = world.now.since(before);
        assert!(waited >= seconds(2) && waited < milliseconds(2001), "{waited:?}");
        assert!(world.queue_manager("QM01").units.is_empty());
    }
}

#[test]
fn of_several_waiters_one_gets_the_message_and_the_others_wait_on() {
    for (queue, members) in [("PRIVATE", ["QM01"; 3]), ("SHARED", ["QM01", "QM01", "QM02"])] {
        let mut world = world();
        let apps = members.map(|member| world.application(member));
        for app in apps {
            let handle = world.open(app, queue, OpenFor::InputShared).unwrap();
            world.send_call(app, get_call(handle, Outside, Wait::Unlimited, Match::Any));
        }
        let putter = world.application("QM01");
        for identity in 1..=3 {
            world.run_for(seconds(1));
            world.put(putter, queue, Outside, identity).unwrap();
            world.run_for(seconds(1));
            let answered = apps.iter().filter(|app| world.answer(**app).is_some()).count();
            assert_eq!(answered, 1, "{queue}: message {identity}");
        }
        assert!(world.identities(queue).is_empty());
    }
}

#[test]
fn a_get_by_message_or_correlation_identifier_passes_others_over() {
    for queue in BOTH {
        let (mut world, app, other) = with_apps();
        let handle = world.open(app, queue, OpenFor::InputShared).unwrap();
        for identity in 1..=3 {
            let (message_id, correlation_id) = (Some(MessageId(identity)), CorrelationId(10 * identity));
            let descriptor = PutDescriptor { message_id, correlation_id, ..descriptor() };
            let identity = u64::try_from(identity).unwrap();
            world.call(other, put_with(queue, Outside, identity, descriptor)).unwrap();
        }
        let mut get = |selection| world.get_from(app, handle, Outside, Wait::No, selection);
        assert_eq!(get(Match::MessageId(MessageId(2))).unwrap().payload.identity, 2);
        assert_eq!(get(Match::CorrelationId(CorrelationId(30))).unwrap().payload.identity, 3);
        assert_eq!(get(Match::MessageId(MessageId(2))).map(drop), Err(Reason::NoMessageAvailable));
        for selection in [Match::MessageId(MessageId(9)), Match::CorrelationId(CorrelationId(9))] {
            world.send_call(app, get_call(handle, Outside, Wait::For(seconds(10)), selection));
            world.run_for(seconds(1));
            assert_eq!(world.answer(app), None);
            let descriptor =
                PutDescriptor { message_id: Some(MessageId(9)), correlation_id: CorrelationId(9), ..descriptor() };
            world.call(other, put_with(queue, Outside, 9, descriptor)).unwrap();
            assert_eq!(message(world.wait(app)).unwrap().payload.identity, 9, "{queue} {selection:?}");
        }
    }
}

#[test]
fn priority_goes_first_then_arrival_not_commit() {
    for queue in BOTH {
        let (mut world, app, other) = with_apps();
        world.put(app, queue, Within, 1).unwrap();
        world.put(other, queue, Outside, 2).unwrap();
        let urgent = PutDescriptor { priority: Some(priority(5)), ..descriptor() };
        world.call(other, put_with(queue, Outside, 3, urgent)).unwrap();
        world.call(app, MqiCall::Commit).unwrap();
        let got: Vec<u64> = (0..3).map(|_| world.get(app, queue, Outside).unwrap().payload.identity).collect();
        assert_eq!(got, [3, 1, 2], "{queue}");
    }
}

#[test]
fn a_locked_browse_keeps_a_message_until_the_cursor_moves_or_the_handle_closes() {
    use BrowsePosition::{First, Next};
    for queue in BOTH {
        let (mut world, app, other) = with_apps();
        for identity in 1..=2 {
            world.put(app, queue, Outside, identity).unwrap();
        }
        let handle = world.open(app, queue, OpenFor::Browse).unwrap();
        assert_eq!(browse(&mut world, app, handle, First, BrowseLock::Unlocked), Ok(1));
        assert_eq!(browse(&mut world, app, handle, First, BrowseLock::Locked), Ok(1));
        assert_eq!(world.get(other, queue, Within).unwrap().payload.identity, 2);
        world.call(other, MqiCall::Backout).unwrap();
        assert_eq!(browse(&mut world, app, handle, Next, BrowseLock::Locked), Ok(2));
        world.run_for(milliseconds(1));
        assert_eq!(world.visible(queue), [(1, 0)]);
        let waiter = world.open(other, queue, OpenFor::InputShared).unwrap();
        world.get_from(other, waiter, Outside, Wait::No, Match::Any).unwrap();
        world.send_call(other, get_call(waiter, Outside, Wait::Unlimited, Match::Any));
        world.run_for(seconds(1));
        assert_eq!(world.answer(other), None);
        world.call(app, MqiCall::Close { handle }).unwrap();
        assert_eq!(message(world.wait(other)).unwrap().payload.identity, 2);
    }
}

#[test]
fn a_browse_lock_ends_with_its_connection_or_its_queue_manager() {
    let mut world = world();
    let app = world.application("QM01");
    world.put(app, "SHARED", Outside, 1).unwrap();
    let handle = world.open(app, "SHARED", OpenFor::Browse).unwrap();
    browse(&mut world, app, handle, BrowsePosition::First, BrowseLock::Locked).unwrap();
    assert_eq!(world.held().len(), 1);
    world.hang_up(app);
    world.run_for(seconds(1));
    assert_eq!(world.visible("SHARED"), [(1, 0)]);
    let app = world.application("QM01");
    let handle = world.open(app, "SHARED", OpenFor::Browse).unwrap();
    browse(&mut world, app, handle, BrowsePosition::First, BrowseLock::Locked).unwrap();
    world.crash("QM01", Crash::Kill);
    world.run_for(seconds(1));
    assert_eq!(world.visible("SHARED"), [(1, 0)], "a browse is no backout");
}

#[test]
fn an_expired_message_is_removed_by_the_get_that_meets_it() {
    for queue in BOTH {
        let (mut world, app, _) = with_apps();
        let soon = PutDescriptor { expiry: Some(seconds(1)), ..descriptor() };
        world.call(app, put_with(queue, Outside, 1, soon)).unwrap();
        world.put(app, queue, Outside, 2).unwrap();
        world.run_for(seconds(2));
        assert_eq!(world.identities(queue), [1, 2], "it is still there");
        assert_eq!(world.get(app, queue, Outside).unwrap().payload.identity, 2);
        world.run_for(seconds(1));
        assert_eq!(world.happened("expired"), 1);
        assert!(world.identities(queue).is_empty() && world.held().is_empty());
    }
}

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
fn disconnect_commits_and_a_broken_connection_backs_out() {
    for queue in BOTH {
        let (mut world, app, other) = with_apps();
        world.put(app, queue, Within, 1).unwrap();
        world.call(app, MqiCall::Disconnect).unwrap();
        world.put(other, queue, Within, 2).unwrap();
        world.hang_up(other);
        world.run_for(seconds(1));
        assert_eq!(world.identities(queue), [1]);
        assert_eq!(world.happened("connection_backed_out"), 1);
        assert!(world.held().is_empty() && world.queue_manager("QM01").units.is_empty());
    }
}

#[test]
fn an_application_that_hangs_up_at_any_moment_leaves_nothing_behind() {
    for queue in BOTH {
        for after in 0..60_u64 {
            let (mut world, app, _) = with_apps();
            world.put(app, queue, Outside, 1).unwrap();
            let handle = world.open(app, queue, OpenFor::InputShared).unwrap();
            world.put(app, queue, Within, 2).unwrap();
            world.send_call(app, get_call(handle, Within, Wait::Unlimited, Match::Any));
            world.run_for(crate::time::Duration::from_micros(after));
            world.hang_up(app);
            world.run_for(seconds(1));
            assert_eq!(world.identities(queue), [1], "{queue} after {after}");
            assert!(world.held().is_empty() && world.queue_manager("QM01").units.is_empty());
        }
    }
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
fn quiesce_lets_work_end_and_force_backs_it_out() {
    for (mode, left) in [(StopMode::Quiesce, vec![1]), (StopMode::Force, vec![])] {
        let (mut world, app, waiter) = with_apps();
        let idle = world.raw_application("QM01");
        world.put(app, "SHARED", Within, 1).unwrap();
        let handle = world.open(waiter, "SHARED2", OpenFor::InputShared).unwrap();
        world.send_call(waiter, get_call(handle, Outside, Wait::Unlimited, Match::Any));
        world.run_for(seconds(1));
        world.stop("QM01", mode);
        world.run_for(seconds(1));
        assert!(!world.is_up("QM01"));
        if mode == StopMode::Quiesce {
            assert_eq!(world.wait(waiter).map(drop), Err(Reason::QueueManagerQuiescing));
            assert_eq!(world.put(waiter, "SHARED", Outside, 2), Err(Reason::QueueManagerQuiescing));
            assert_eq!(world.open(waiter, "SHARED", OpenFor::Output), Err(Reason::QueueManagerQuiescing));
            let connect = MqiCall::Connect(options("QM01"));
            assert_eq!(world.call(idle, connect).map(drop), Err(Reason::QueueManagerQuiescing));
            world.call(app, MqiCall::Commit).unwrap();
            assert!(world.runs("QM01"), "an application is still connected");
            for app in [app, waiter, idle] {
                world.hang_up(app);
            }
            world.run_for(seconds(1));
        }
        assert!(!world.runs("QM01"));
        assert_eq!(world.happened("queue_manager_stopped"), 1);
        assert_eq!(world.identities("SHARED"), left);
        assert!(world.held().is_empty() && world.descriptors().is_empty());
        world.run_for(seconds(2));
        assert_eq!(world.happened("peer_failure_seen"), 0, "an end in good order is no failure");
    }
}

#[test]
fn a_connection_tag_is_in_use_until_its_holder_is_recovered() {
    let mut world = world();
    let tagged = |member: &str, tag_use, name: &str| ConnectOptions {
        application: name.into(),
        tag: Some(("TAG".into(), tag_use)),
        ..options(member)
    };
    let holder = world.connect_as("QM01", tagged("QM01", TagUse::Serialize, "A")).unwrap();
    let wanted = |world: &mut World, member| world.connect_as(member, tagged(member, TagUse::Serialize, "B"));
    assert_eq!(wanted(&mut world, "QM01").map(drop), Err(Reason::ConnectionTagInUse));
    assert_eq!(wanted(&mut world, "QM02").map(drop), Err(Reason::ConnectionTagInUse));
    world.put(holder, "SHARED", Within, 1).unwrap();
    world.crash("QM01", Crash::Kill);
    assert_eq!(wanted(&mut world, "QM02").map(drop), Err(Reason::ConnectionTagInUse), "not recovered");
    world.run_for(seconds(2));
    let heir = wanted(&mut world, "QM02").unwrap();
    assert_eq!(world.happened("tag_taken_over"), 1);
    world.start("QM01");
    world.run_for(seconds(2));
    assert_eq!(wanted(&mut world, "QM01").map(drop), Err(Reason::ConnectionTagInUse));
    world.hang_up(heir);
    world.run_for(seconds(1));
    let holder = world.connect_as("QM01", tagged("QM01", TagUse::Restrict, "A")).unwrap();
    world.connect_as("QM01", tagged("QM01", TagUse::Restrict, "A")).unwrap();
    let other = world.connect_as("QM01", tagged("QM01", TagUse::Restrict, "B"));
    assert_eq!(other.map(drop), Err(Reason::ConnectionTagInUse));
    world.hang_up(holder);
    world.run_for(seconds(1));
    assert_eq!(wanted(&mut world, "QM02").map(drop), Err(Reason::ConnectionTagInUse), "it has a second user");
}

#[test]
fn two_phases_commit_or_back_out_at_once_or_after_a_restart() {
    for (outcome, expected) in [(Outcome::Commit, ALL), (Outcome::Backout, NOTHING)] {
        for crash in [None, Some(Crash::Kill), Some(Crash::PowerLoss)] {
            let mut world = world();
            let mut app = world.application("QM01");
            prepare(&mut world, app);
            world.run_for(seconds(1));
            if let Some(how) = crash {
                world.crash("QM01", how);
                world.run_for(seconds(2));
                assert_eq!(world.held().len(), 3, "peers leave it alone");
                world.start("QM01");
                world.run_for(seconds(3));
                assert_eq!(world.happened("restart_kept_in_doubt"), 1);
                app = world.application("QM01");
            }
            assert_eq!(in_doubt(&mut world, app), 1);
            resolve(&mut world, app, outcome).unwrap();
            assert_eq!(in_doubt(&mut world, app), 0);
            assert_eq!(resolve(&mut world, app, outcome), Err(Reason::UnitOfWorkNotAvailable));
            assert_eq!(settled(&mut world), expected);
        }
    }
}

#[test]
fn what_was_not_prepared_is_rolled_back_by_its_own_connection() {
    let (mut world, app, other) = with_apps();
    world.call(app, MqiCall::Begin { xid: xid(7) }).unwrap();
    world.put(app, "SHARED", Within, 1).unwrap();
    assert_eq!(world.call(app, MqiCall::Begin { xid: xid(8) }).map(drop), Err(Reason::UnitOfWorkInProgress));
    assert_eq!(world.call(app, MqiCall::Prepare { xid: xid(8) }).map(drop), Err(Reason::UnitOfWorkNotAvailable));
    assert_eq!(in_doubt(&mut world, other), 0);
    resolve(&mut world, app, Outcome::Backout).unwrap();
    assert!(world.identities("SHARED").is_empty() && world.held().is_empty());
}

#[test]
fn a_group_unit_of_work_is_resolved_through_another_member() {
    for (outcome, expected) in [(Outcome::Commit, ALL), (Outcome::Backout, NOTHING)] {
        for owner_is_up in [true, false] {
            let mut world = world();
            let app = world.connect_as("QM01", options("QSG1")).unwrap();
            prepare(&mut world, app);
            if owner_is_up {
                world.hang_up(app);
            } else {
                world.crash("QM01", Crash::PowerLoss);
            }
            world.run_for(seconds(2));
            let by_name = world.application("QM02");
            assert_eq!(in_doubt(&mut world, by_name), 0, "dispositions do not see each other");
            let other = world.connect_as("QM02", options("QSG1")).unwrap();
            assert_eq!(in_doubt(&mut world, other), 1);
            let answer = resolve(&mut world, other, outcome);
            assert!(answer.is_ok() || (owner_is_up && answer == Err(Reason::UnitOfWorkNotAvailable)), "{answer:?}");
            assert_eq!(in_doubt(&mut world, other), 0);
            world.run_for(seconds(1));
            assert!(world.held().is_empty());
            assert_eq!(world.identities("SHARED2"), expected[1]);
            if !owner_is_up {
                world.start("QM01");
                world.run_for(seconds(2));
            }
            assert_eq!(settled(&mut world), expected, "owner up: {owner_is_up}");
        }
    }
}

fn resolve_by_hand(member: &str, unit_of_work: UnitOfWorkId, outcome: Outcome) -> MqiCall {
    let queue_manager = Some(member.into());
    MqiCall::Command(Command::ResolveIndoubt { unit_of_work, outcome, queue_manager })
}

#[test]
fn an_operator_resolves_by_hand_what_an_inactive_member_holds() {
    let mut world = world();
    let app = world.application("QM01");
    prepare(&mut world, app);
    let operator = world.application("QM02");
    let display = MqiCall::Command(Command::DisplayIndoubt { queue_manager: Some("QM01".into()) });
    assert_eq!(world.call(operator, display.clone()).map(drop), Err(Reason::QueueManagerActive));
    let unit = world.held()[0].owner.clone();
    let commit = resolve_by_hand("QM01", unit.clone(), Outcome::Commit);
    assert_eq!(world.call(operator, commit.clone()).map(drop), Err(Reason::QueueManagerActive));
    world.crash("QM01", Crash::PowerLoss);
    world.run_for(seconds(2));
    let Ok(MqiAnswer::Threads { threads }) = world.call(operator, display) else { panic!("displayed") };
    assert_eq!((threads.len(), &threads[0].unit_of_work), (1, &unit));
    world.call(operator, commit.clone()).unwrap();
    assert!(world.held().is_empty());
    assert_eq!((world.identities("SHARED"), world.identities("SHARED2")), (vec![2], vec![3]));
    assert_eq!(world.call(operator, commit).map(drop), Err(Reason::UnitOfWorkNotAvailable));
    // The private part is decided at home.
    world.start("QM01");
    world.run_for(seconds(2));
    let operator = world.application("QM01");
    world.call(operator, resolve_by_hand("QM01", unit, Outcome::Commit)).unwrap();
    assert_eq!(settled(&mut world), ALL);
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

#[test]
fn the_loss_of_the_coupling_facility_ends_the_queue_manager_unless_it_is_tolerated() {
    let mut world = world();
    world.cut_coupling_link("QM01");
    world.run_for(seconds(3));
    assert!(!world.runs("QM01"));
    let mut world = World::new(Setup { connectivity_loss: ConnectivityLoss::Tolerate, ..Setup::default() });
    let (app, waiter) = (world.application("QM01"), world.application("QM01"));
    world.put(app, "SHARED", Within, 1).unwrap();
    world.put(app, "PRIVATE", Within, 1).unwrap();
    let handle = world.open(waiter, "SHARED", OpenFor::InputShared).unwrap();
    world.send_call(waiter, get_call(handle, Outside, Wait::Unlimited, Match::Any));
    world.run_for(seconds(1));
    world.cut_coupling_link("QM01");
    world.run_for(seconds(3));
    assert_eq!(world.wait(waiter).map(drop), Err(Reason::CouplingFacilityNotAvailable));
    assert!(world.held().is_empty(), "peers backed it out");
    assert_eq!(world.call(app, MqiCall::Commit).map(drop), Err(Reason::BackedOut));
    assert_eq!(world.put(app, "SHARED", Outside, 2), Err(Reason::CouplingFacilityNotAvailable));
    world.put(app, "PRIVATE", Outside, 2).unwrap();
    world.mend_coupling_link();
    world.run_for(seconds(5));
    world.put(app, "SHARED", Outside, 3).unwrap();
    assert_eq!((world.identities("SHARED"), world.identities("PRIVATE")), (vec![3], vec![2]));
}

#[test]
fn a_checkpoint_is_all_that_a_restart_needs() {
    let (mut world, app, other) = with_apps();
    world.put(app, "PRIVATE", Outside, 1).unwrap();
    world.put(app, "PRIVATE", Within, 2).unwrap();
    let owner = world.connect_as("QM01", options("QM01")).unwrap();
    prepare(&mut world, owner);
    let handle = world.open(other, "PRIVATE2", OpenFor::InputShared).unwrap();
    let mut grown = 0;
    while world.log_size("QM01") >= grown {
        grown = world.log_size("QM01");
        world.put(other, "PRIVATE2", Outside, 3).unwrap();
        world.get_from(other, handle, Outside, Wait::No, Match::Any).unwrap();
    }
    world.put(other, "PRIVATE2", Outside, 5).unwrap();
    world.crash("QM01", Crash::PowerLoss);
    world.run_for(seconds(2));
    world.start("QM01");
    world.run_for(seconds(2));
    assert_eq!((world.identities("PRIVATE"), world.identities("PRIVATE2")), (vec![1], vec![5]));
    let app = world.application("QM01");
    resolve(&mut world, app, Outcome::Commit).unwrap();
    assert_eq!(settled(&mut world), [vec![2], vec![3], vec![1, 4]]);
}

#[test]
fn nonpersistent_messages_survive_on_shared_queues_only() {
    let mut world = world();
    let app = world.application("QM01");
    for queue in ["VOLATILE", "SHARED.VOLATILE"] {
        world.put(app, queue, Outside, 1).unwrap();
    }
    world.crash("QM01", Crash::Kill);
    world.run_for(seconds(1));
    world.start("QM01");
    world.run_for(seconds(1));
    assert_eq!((world.identities("VOLATILE"), world.identities("SHARED.VOLATILE")), (vec![], vec![1]));
}
