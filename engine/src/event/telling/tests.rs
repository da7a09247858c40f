//! Tests of what a report makes of events.

use super::*;
use crate::ha_manager::policy::GroupName;
use crate::machine::Incarnation;
use crate::messaging_engine::store::StoreFailure;

fn engine() -> MessagingEngineName {
    "CL.000-BUS".into()
}

fn group() -> GroupName {
    GroupName::of_messaging_engine(&"CL".into(), &"BUS".into(), &engine())
}

/// Every event by which the move of a messaging engine comes to a milestone, with that.
fn of_a_messaging_engine() -> Vec<(Event, Milestone)> {
    let (failure, why) = (StoreFailure::Locked, StoreFailure::Locked);
    vec![
        (Event::GroupMemberDisabled { group: group() }, Milestone::Noticed),
        (Event::StoreLockLost { engine: engine() }, Milestone::Noticed),
        (Event::StoreUnreachable { engine: engine() }, Milestone::Noticed),
        (Event::StoreTakenOver { engine: engine() }, Milestone::Noticed),
        (Event::FileStoreLost { engine: engine() }, Milestone::Noticed),
        (Event::FileStoreNotOpened { engine: engine(), why }, Milestone::Noticed),
        (Event::FileStoreFailed { engine: engine(), why }, Milestone::Noticed),
        (Event::SeveralActiveMembers { group: group(), active: 2 }, Milestone::Met),
        (Event::DeactivationOrdered { group: group(), member: "server1".into() }, Milestone::Withdrawn),
        (Event::MessagingEngineStopping { engine: engine() }, Milestone::Stopping),
        (Event::MessagingEngineStopped { engine: engine() }, Milestone::Stopped),
        (Event::MessagingEngineFailed { engine: engine(), failure }, Milestone::GaveUp),
        (Event::MessagingEngineFailedGlobally { engine: engine(), failure }, Milestone::FailedForGood),
        (Event::MemberNotAlive { group: group() }, Milestone::Condemned),
        (Event::ActivationOrdered { group: group(), member: "server1".into() }, Milestone::Ordered),
        (Event::MessagingEngineStarting { engine: engine() }, Milestone::Begun),
        (Event::MessagingEngineStartFailed { engine: engine(), failure }, Milestone::StartFailed),
        (Event::EngineReenabled { engine: engine() }, Milestone::Enabled),
        (Event::StoreLockAcquired { engine: engine() }, Milestone::StoreOwned),
        (Event::FileStoreLockAcquired { engine: engine() }, Milestone::StoreOwned),
        (Event::FileStoreRegained { engine: engine() }, Milestone::StoreOwned),
        (Event::MessagingEngineReconciling { engine: engine(), messages: 0, in_doubt: 0 }, Milestone::StoreRead),
        (Event::MessagingEngineStarted { engine: engine() }, Milestone::Serves),
    ]
}

#[test]
fn what_comes_to_a_milestone_says_what_it_is_about() {
    for (event, milestone) in of_a_messaging_engine() {
        assert_eq!(event.exclusive(), Some("CL.000-BUS"), "{event:?}");
        assert_eq!(event.milestone(), Some(milestone), "{event:?}");
    }
}

#[test]
fn what_concerns_all_that_runs_is_about_none_of_it() {
    let view = Event::ViewInstalled { members: 2, coordinator: "server1".into() };
    let suspected = Event::CoreGroupMemberSuspected { member: "server1".into(), why: "nothing heard" };
    let open = Event::DatabaseStarted { database: "SIBDB".into(), transactions: 0 };
    for (event, milestone) in [(view, Milestone::Agreed), (suspected, Milestone::Noticed), (open, Milestone::StoreBack)]
    {
        assert_eq!((event.exclusive(), event.milestone()), (None, Some(milestone)), "{event:?}");
    }
}

#[test]
fn a_process_that_runs_again_makes_less_good_than_service() {
    let started = Event::ServerStarted { incarnation: Incarnation(2) };
    assert_eq!(started.remedy(), Some(Remedy::Returned));
    assert_eq!(Event::MessagingEngineStarted { engine: engine() }.remedy(), Some(Remedy::Restored));
    assert_eq!(Event::MessagingEngineStopped { engine: engine() }.remedy(), None);
}
