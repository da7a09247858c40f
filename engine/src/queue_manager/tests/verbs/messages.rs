//! Puts, gets, waits and browses.

use super::super::world::{Crash, descriptor, message, milliseconds, payload, priority, put_with, seconds};
use super::{BOTH, browse, get_call, with_apps, world};
use crate::message::{CorrelationId, MessageId};
use crate::mqi::Syncpoint::{Outside, Within};
use crate::mqi::{BrowseLock, BrowsePosition, Match, MqiCall, OpenFor, PutDescriptor, Reason, Wait};

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
fn a_get_under_the_cursor_takes_the_locked_message_before_anybody_else_sees_it() {
    let (mut world, app, other) = with_apps();
    let waiter = world.open(other, "SHARED", OpenFor::InputShared).unwrap();
    world.put(app, "SHARED", Outside, 1).unwrap();
    let handle = world.open(app, "SHARED", OpenFor::InputShared).unwrap();
    assert_eq!(browse(&mut world, app, handle, BrowsePosition::First, BrowseLock::Locked), Ok(1));
    world.send_call(other, get_call(waiter, Outside, Wait::Unlimited, Match::Any));
    world.run_for(seconds(1));
    let got = world.get_from(app, handle, Within, Wait::No, Match::Any).unwrap();
    assert_eq!((got.payload.identity, got.descriptor.backout_count), (1, 0));
    world.run_for(seconds(1));
    assert_eq!(world.happened("spurious_transition"), 0, "whoever waits is not told of it");
    assert_eq!(world.answer(other), None);
    world.call(app, MqiCall::Backout).unwrap();
    assert_eq!(message(world.wait(other)).unwrap().payload.identity, 1);
}

#[test]
fn a_get_of_another_message_gives_the_locked_one_to_whoever_waits() {
    let (mut world, app, other) = with_apps();
    let waiter = world.open(other, "SHARED", OpenFor::InputShared).unwrap();
    world.put(app, "SHARED", Outside, 1).unwrap();
    let handle = world.open(app, "SHARED", OpenFor::InputShared).unwrap();
    assert_eq!(browse(&mut world, app, handle, BrowsePosition::First, BrowseLock::Locked), Ok(1));
    world.send_call(other, get_call(waiter, Outside, Wait::Unlimited, Match::Any));
    world.run_for(seconds(1));
    let another = Match::CorrelationId(CorrelationId(7));
    assert_eq!(world.get_from(app, handle, Within, Wait::No, another).err(), Some(Reason::NoMessageAvailable));
    assert_eq!(message(world.wait(other)).unwrap().payload.identity, 1);
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
