//! What is claimed of the sysplex.

use super::*;

/// A sysplex with QM01 on SYSA and QM02 on SYSB; QM01's connector, and its connection to its image.
fn two_members() -> (World, Connector, ConnectionId) {
    let mut world = World::new();
    let first = connector("QM01", 1);
    let (local, _) = world.address_space("qm01", "SYSA", &first);
    world.address_space("qm02", "SYSB", &connector("QM02", 1));
    (world, first, local)
}

#[test]
fn an_abend_is_told_to_peers_within_the_notification_time_and_restarted_in_place() {
    let (mut world, failed, local) = two_members();
    world.break_connection("qm01", local, Broken::Reset);
    world.run_until(world.now + Duration::from_millis(49));
    assert_eq!(world.reported(&Event::AddressSpaceEnded { connector: failed.clone() }), [(1, "SYSA")]);
    assert!(!world.is_told_of_failure("qm02", &failed));
    world.run_until(world.now + Duration::from_millis(2));
    assert!(world.is_told_of_failure("qm02", &failed));
    world.run_until(seconds(30));
    assert_eq!(world.started.len(), 1);
    assert_eq!((world.started[0].0.as_milliseconds() / 1000, world.started[0].1), (11, "SYSA"));
    assert_eq!(world.reported(&Event::RestartedInPlace { process: "qm01".into() }), [(11, "SYSA")]);
}

#[test]
fn an_end_in_good_order_is_not_a_failure() {
    let (mut world, _, local) = two_members();
    world.send("qm01", local, Frame::Sysplex(Box::new(SysplexFrame::Deregister)));
    world.run_until(seconds(2));
    world.break_connection("qm01", local, Broken::Reset);
    world.run_until(seconds(60));
    assert!(world.events.is_empty() && world.started.is_empty(), "{:?}", world.events);
}

#[test]
fn automatic_restart_gives_up_after_its_attempts() {
    let mut world = World::new();
    for life in 1..=4 {
        let (local, _) = world.address_space("qm01", "SYSA", &connector("QM01", life));
        world.break_connection("qm01", local, Broken::Reset);
        world.run_until(world.now + Duration::from_secs(20));
    }
    assert_eq!(world.started.len(), 3);
    assert_eq!(world.reported(&Event::RestartAttemptsExhausted { process: "qm01".into() }).len(), 1);
    // The interval over, it counts anew.
    world.run_until(seconds(400));
    let (local, _) = world.address_space("qm01", "SYSA", &connector("QM01", 5));
    world.break_connection("qm01", local, Broken::Reset);
    world.run_until(seconds(420));
    assert_eq!(world.started.len(), 4);
}

#[test]
fn an_element_that_was_started_by_hand_is_not_started_again() {
    let mut world = World::new();
    let (local, _) = world.address_space("qm01", "SYSA", &connector("QM01", 1));
    world.break_connection("qm01", local, Broken::Reset);
    world.run_until(seconds(5));
    world.address_space("qm01", "SYSA", &connector("QM01", 2));
    world.run_until(seconds(60));
    assert_eq!(world.started, []);
}

#[test]
fn a_dead_image_is_isolated_after_the_detection_interval_and_its_work_restarted_after_cleanup() {
    let (mut world, failed, _) = two_members();
    world.run_until(seconds(10));
    world.power_off("SYSA");
    // The last update was sent after nine seconds.
    world.run_until(seconds(93));
    assert!(world.events.is_empty(), "{:?}", world.events);
    assert!(!world.is_told_of_failure("qm02", &failed));
    world.run_until(seconds(95));
    assert_eq!(world.reported(&Event::StatusUpdateMissing { image: "SYSA".into() }), [(94, "SYSB"), (94, "SYSC")]);
    assert_eq!(world.reported(&Event::ImageIsolated { image: "SYSA".into() }), [(94, "CF01")]);
    world.run_until(seconds(108));
    assert!(!world.is_told_of_failure("qm02", &failed), "isolated is not partitioned");
    world.run_until(seconds(110));
    assert!(world.is_told_of_failure("qm02", &failed));
    world.run_until(seconds(130));
    assert_eq!(world.reported(&Event::ImagePartitioned { image: "SYSA".into() }), [(109, "SYSB")]);
    assert_eq!(world.started, [(world.started[0].0, "SYSB", "qm01".into())]);
    assert_eq!(
        world.reported(&Event::RestartedAcross { process: "qm01".into(), from: "SYSA".into() }),
        [(119, "SYSB")]
    );
    assert!(world.ended.is_empty());
}

#[test]
fn work_is_restarted_on_the_first_target_that_is_alive() {
    let mut world = World::new();
    world.address_space("qm01", "SYSA", &connector("QM01", 1));
    world.run_until(seconds(10));
    world.power_off("SYSB");
    world.run_until(seconds(300));
    world.power_off("SYSA");
    world.run_until(seconds(500));
    assert_eq!(world.reported(&Event::RestartedAcross { process: "qm01".into(), from: "SYSA".into() }).len(), 1);
    assert_eq!(world.started[0].1, "SYSC");
}

#[test]
fn members_are_known_even_if_signals_are_lost() {
    let mut world = World::new();
    world.lose_datagrams = 6;
    world.address_space("qm01", "SYSA", &connector("QM01", 1));
    world.run_until(seconds(30));
    assert_eq!(world.lose_datagrams, 0);
    world.power_off("SYSA");
    world.run_until(seconds(200));
    assert_eq!(world.started.len(), 1);
}

#[test]
fn an_image_that_was_only_stopped_ends_when_it_finds_itself_partitioned() {
    let mut world = World::new();
    let (_, coupling) = world.address_space("qm01", "SYSA", &connector("QM01", 1));
    world.run_until(seconds(10));
    world.processes.get_mut("SYSA").unwrap().paused_until = seconds(97);
    world.run_until(seconds(96));
    assert_eq!(world.answer("qm01", coupling, ListOperation::QueryDepths), Err(CommandRejected::Fenced));
    world.run_until(seconds(98));
    assert_eq!(world.ended, [("SYSA", Ended::Abnormally("partitioned out of the sysplex"))]);
    world.run_until(seconds(200));
    assert_eq!(world.ended.len(), 1);
    assert!(world.reported(&Event::StatusUpdateMissing { image: "SYSB".into() }).is_empty(), "it blames nobody else");
}

#[test]
fn an_image_that_was_stopped_for_a_short_while_goes_on_and_blames_nobody() {
    let mut world = World::new();
    for (from, to) in [(10, 94), (200, 280)] {
        world.run_until(seconds(from));
        world.processes.get_mut("SYSA").unwrap().paused_until = seconds(to) - Duration::from_millis(500);
    }
    world.run_until(seconds(500));
    assert!(world.events.is_empty(), "{:?}", world.events);
}

#[test]
fn when_the_sysplex_falls_apart_the_bigger_part_goes_on() {
    for alone in IMAGES {
        let mut world = World::new();
        world.run_until(seconds(10));
        for other in IMAGES.into_iter().filter(|other| *other != alone) {
            world.cut.push((alone, other));
        }
        world.run_until(seconds(300));
        assert_eq!(world.ended, [(alone, Ended::Abnormally("partitioned out of the sysplex"))]);
    }
}

#[test]
fn of_two_images_that_miss_each_other_exactly_one_goes_on() {
    let mut world = World::new();
    world.run_until(seconds(10));
    world.hand("SYSC", Input::Stop(StopMode::Quiesce));
    world.run_until(seconds(20));
    world.cut.push(("SYSA", "SYSB"));
    world.run_until(seconds(300));
    let ended: Vec<Node> = world.ended.iter().map(|(node, _)| *node).collect();
    assert_eq!(ended, ["SYSC", "SYSB"]);
}

#[test]
fn an_image_that_comes_back_early_has_its_former_load_partitioned_at_once() {
    let (mut world, failed, _) = two_members();
    world.run_until(seconds(10));
    world.power_off("SYSA");
    world.run_until(seconds(30));
    assert!(!world.is_told_of_failure("qm02", &failed));
    world.load("SYSA", Some(Box::new(image("SYSA"))), 2);
    world.run_until(seconds(31));
    assert!(world.is_told_of_failure("qm02", &failed));
    assert_eq!(world.reported(&Event::ImagePartitioned { image: "SYSA".into() }), [(30, "SYSB")]);
    world.run_until(seconds(300));
    assert!(world.started.is_empty() && world.ended.is_empty());
    assert!(world.reported(&Event::ImageIsolated { image: "SYSA".into() }).is_empty());
    let (_, coupling) = world.address_space("qm03", "SYSA", &connector("QM03", 1));
    assert!(matches!(world.answer("qm03", coupling, ListOperation::QueryDepths), Ok(ListAnswer::Depths(_))));
}

#[test]
fn an_image_that_leaves_in_good_order_waits_for_its_address_spaces_and_is_not_missed() {
    let mut world = World::new();
    let (local, _) = world.address_space("qm01", "SYSA", &connector("QM01", 1));
    world.hand("SYSA", Input::Stop(StopMode::Quiesce));
    world.run_until(seconds(20));
    assert_eq!(world.ended, []);
    world.send("qm01", local, Frame::Sysplex(Box::new(SysplexFrame::Deregister)));
    world.run_until(seconds(200));
    assert_eq!(world.ended, [("SYSA", Ended::Normally)]);
    assert!(world.events.is_empty(), "{:?}", world.events);
    world.load("SYSA", Some(Box::new(image("SYSA"))), 2);
    world.run_until(seconds(210));
    world.power_off("SYSA");
    world.run_until(seconds(400));
    assert_eq!(world.reported(&Event::StatusUpdateMissing { image: "SYSA".into() }).len(), 2, "watched again");
}

#[test]
fn a_lost_coupling_link_is_reported_by_another_image_and_told_to_address_spaces() {
    let (mut world, cut_off, _) = two_members();
    world.got("qm01");
    world.cut_coupling_link("SYSA");
    world.lose_datagrams = 0;
    world.run_until(seconds(10));
    let connectivity = |available| {
        let coupling_facility = "CF01".into();
        Frame::Sysplex(Box::new(SysplexFrame::CouplingConnectivity { coupling_facility, available }))
    };
    assert_eq!(world.got("qm01"), [connectivity(false)]);
    assert!(world.is_told_of_failure("qm02", &cut_off));
    let failures = |world: &World| world.reported(&Event::ConnectorFailed { connector: connector("QM01", 1) }).len();
    assert_eq!(failures(&world), 1);
    world.cut.clear();
    world.run_until(seconds(20));
    assert_eq!(world.got("qm01"), [connectivity(true)]);
    assert_eq!(world.reported(&Event::CouplingLinkLost { coupling_facility: "CF01".into() }), [(2, "SYSA")]);
    assert_eq!(world.reported(&Event::CouplingLinkRestored { coupling_facility: "CF01".into() }).len(), 1);
    // It comes back, and nothing that was said of the loss is said again.
    let (_, coupling) = world.address_space("qm01", "SYSA", &cut_off);
    world.run_until(seconds(60));
    assert!(matches!(world.answer("qm01", coupling, ListOperation::QueryDepths), Ok(ListAnswer::Depths(_))));
    assert_eq!(failures(&world), 1);
    // Not even if the signal arrives once more, at whoever acted on it.
    let again = SysplexFrame::LostConnectivity {
        image: "SYSA".into(),
        incarnation: Incarnation(1),
        coupling_facility: "CF01".into(),
        loss: 1,
        members: vec![cut_off],
    };
    let reporter = world.reporter.expect("one image has reported the loss");
    let frame = Frame::Sysplex(Box::new(again));
    world.arrive(reporter, LATENCY, Input::Datagram { from: "SYSA".into(), frame });
    world.run_until(seconds(70));
    assert_eq!(failures(&world), 1);
}

#[test]
fn a_lost_coupling_link_is_reported_even_if_the_first_signals_are_lost() {
    let (mut world, cut_off, _) = two_members();
    world.run_until(seconds(20));
    world.cut_coupling_link("SYSA");
    world.lose_datagrams = 8;
    world.run_until(seconds(40));
    assert!(world.is_told_of_failure("qm02", &cut_off));
}

#[test]
fn an_abend_during_a_lost_link_is_told_when_the_link_is_back() {
    let mut world = World::new();
    let failed = connector("QM01", 1);
    // Nobody else can tell.
    let (local, _) = world.address_space("qm01", "SYSA", &failed);
    world.address_space("qm02", "SYSB", &connector("QM02", 1));
    for other in ["SYSB", "SYSC"] {
        world.cut.push(("SYSA", other));
    }
    world.cut_coupling_link("SYSA");
    world.run_until(seconds(5));
    world.break_connection("qm01", local, Broken::Reset);
    world.run_until(seconds(8));
    assert!(!world.is_told_of_failure("qm02", &failed));
    world.cut.retain(|(_, to)| *to != "CF01");
    world.run_until(seconds(12));
    assert!(world.is_told_of_failure("qm02", &failed));
}

#[test]
fn group_messages_find_their_way_on_the_same_image_and_across() {
    let (mut world, _, local) = two_members();
    world.address_space("qm03", "SYSA", &connector("QM03", 1));
    for (node, to) in [("qm02", "QM02"), ("qm03", "QM03")] {
        let message = GroupMessage::ShareDone {
            structure: "APPLICATION1".into(),
            failed: connector("QM04", 1),
            phase: RecoveryPhase::One,
            share: 0,
            outcome: crate::sysplex::frame::ShareOutcome::Done,
        };
        let group = SysplexFrame::Group { from: "QM01".into(), to: to.into(), message };
        let frame = Frame::Sysplex(Box::new(group));
        world.got(node);
        world.send("qm01", local, frame.clone());
        world.run_until(world.now + Duration::from_millis(1));
        assert_eq!(world.got(node), [frame]);
    }
}
