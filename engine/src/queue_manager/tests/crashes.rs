//! A queue manager is stopped between any two effects of a unit of work; afterwards all of it happened, or nothing.

use super::world::{Answer, App, Crash, Node, Setup, World, milliseconds, options, seconds, xid};
use crate::mqi::{MqiAnswer, MqiCall, OpenFor, Reason, Syncpoint, Wait};
use crate::queue_manager::unit::Stage;
use crate::unit_of_work::{Disposition, Outcome};

/// What an application does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Put(&'static str, u64),
    Get(&'static str),
    PutOutside(&'static str, u64),
    GetOutside(&'static str),
    Begin,
    Commit,
    Backout,
    Prepare,
    Resolve(Outcome),
}

/// What a script is to come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meant {
    All,
    Nothing,
}

struct Script {
    name: &'static str,
    acts: Vec<Act>,
    meant: Meant,
    /// Contents of SHARED, SHARED2 and PRIVATE when all of it happened.
    all: [Vec<u64>; 3],
}

const QUEUES: [&str; 3] = ["SHARED", "SHARED2", "PRIVATE"];

fn nothing() -> [Vec<u64>; 3] {
    [vec![1, 2], vec![11], vec![21, 22]]
}

fn both_parts() -> Vec<Act> {
    use Act::{Get, Put};
    vec![Put("SHARED", 101), Put("SHARED2", 102), Get("SHARED"), Get("SHARED2"), Put("PRIVATE", 103), Get("PRIVATE")]
}

fn with(mut acts: Vec<Act>, end: &[Act]) -> Vec<Act> {
    acts.extend_from_slice(end);
    acts
}

fn coordinated(acts: Vec<Act>, outcome: Outcome) -> Vec<Act> {
    let acts = with(vec![Act::Begin], &acts);
    with(acts, &[Act::Prepare, Act::Resolve(outcome)])
}

fn scripts() -> Vec<Script> {
    use Act::{Backout, Commit, Get, GetOutside, Put, PutOutside};
    let both = || [vec![2, 101], vec![102], vec![22, 103]];
    let private = || [vec![1, 2], vec![11], vec![22, 103]];
    let shared = || [vec![2, 101], vec![102], vec![21, 22]];
    let only_private = || vec![Put("PRIVATE", 103), Get("PRIVATE")];
    let only_shared = || vec![Put("SHARED", 101), Get("SHARED"), Put("SHARED2", 102), Get("SHARED2")];
    let script = |name, acts, meant, all| Script { name, acts, meant, all };
    vec![
        script("commit of both parts", with(both_parts(), &[Commit]), Meant::All, both()),
        script("commit of a private part", with(only_private(), &[Commit]), Meant::All, private()),
        script("commit of a shared part", with(only_shared(), &[Commit]), Meant::All, shared()),
        script("backout", with(both_parts(), &[Backout]), Meant::Nothing, both()),
        script("prepare and commit", coordinated(both_parts(), Outcome::Commit), Meant::All, both()),
        script("prepare and backout", coordinated(both_parts(), Outcome::Backout), Meant::Nothing, both()),
        script(
            "prepare and commit of a private part",
            coordinated(only_private(), Outcome::Commit),
            Meant::All,
            private(),
        ),
        script(
            "prepare and commit of a shared part",
            coordinated(only_shared(), Outcome::Commit),
            Meant::All,
            shared(),
        ),
        script(
            "put on a shared queue",
            vec![PutOutside("SHARED", 101)],
            Meant::All,
            [vec![1, 2, 101], vec![11], vec![21, 22]],
        ),
        script(
            "put on a private queue",
            vec![PutOutside("PRIVATE", 103)],
            Meant::All,
            [vec![1, 2], vec![11], vec![21, 22, 103]],
        ),
        script("get from a shared queue", vec![GetOutside("SHARED")], Meant::All, [vec![2], vec![11], vec![21, 22]]),
        script("get from a private queue", vec![GetOutside("PRIVATE")], Meant::All, [vec![1, 2], vec![11], vec![22]]),
    ]
}

/// How far a script came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Told {
    /// The last act was begun, and with it the outcome asked for.
    end_begun: bool,
    /// The last act was answered ok.
    end_ok: bool,
    prepare_begun: bool,
    prepare_ok: bool,
}

fn act(world: &mut World, app: App, act: Act) -> Answer {
    let done = |answer: Result<(), Reason>| answer.map(|()| MqiAnswer::Done);
    match act {
        Act::Put(queue, identity) => done(world.put(app, queue, Syncpoint::Within, identity)),
        Act::PutOutside(queue, identity) => done(world.put(app, queue, Syncpoint::Outside, identity)),
        Act::Get(queue) => done(world.get(app, queue, Syncpoint::Within).map(drop)),
        Act::GetOutside(queue) => {
            let handle = world.open(app, queue, OpenFor::InputShared)?;
            let (syncpoint, wait) = (Syncpoint::Outside, Wait::No);
            world.call(app, MqiCall::Get { handle, syncpoint, wait, selection: crate::mqi::Match::Any })
        }
        Act::Begin => world.call(app, MqiCall::Begin { xid: xid(7) }),
        Act::Commit => world.call(app, MqiCall::Commit),
        Act::Backout => world.call(app, MqiCall::Backout),
        Act::Prepare => world.call(app, MqiCall::Prepare { xid: xid(7) }),
        Act::Resolve(outcome) => world.call(app, MqiCall::Resolve { xid: xid(7), outcome }),
    }
}

fn play(world: &mut World, app: App, script: &Script) -> Told {
    let mut told = Told { end_begun: false, end_ok: false, prepare_begun: false, prepare_ok: false };
    let last = script.acts.len() - 1;
    for (number, &next) in script.acts.iter().enumerate() {
        told.end_begun |= number == last;
        told.prepare_begun |= next == Act::Prepare;
        match act(world, app, next) {
            Ok(_) => {
                told.end_ok |= number == last;
                told.prepare_ok |= next == Act::Prepare;
            }
            Err(Reason::ConnectionBroken) => break,
            Err(other) => panic!("{next:?} failed: {other}"),
        }
    }
    told
}

/// With which name the application connects, and who is up.
#[derive(Clone, Copy, Debug)]
struct Cast {
    members: usize,
    disposition: Disposition,
}

fn stage(cast: Cast) -> (World, App) {
    let mut world = World::new(Setup { members: cast.members, ..Setup::default() });
    let loader = world.application("QM01");
    for (queue, identities) in QUEUES.into_iter().zip(nothing()) {
        for identity in identities {
            world.put(loader, queue, Syncpoint::Outside, identity).unwrap();
        }
    }
    world.call(loader, MqiCall::Disconnect).unwrap();
    world.hang_up(loader);
    let name = match cast.disposition {
        Disposition::QueueManager => "QM01",
        Disposition::Group => "QSG1",
    };
    let app = world.connect_as("QM01", options(name)).unwrap();
    world.run_for(milliseconds(1));
    world.performed.clear();
    (world, app)
}

fn contents(world: &mut World) -> [Vec<u64>; 3] {
    QUEUES.map(|queue| world.identities(queue))
}

/// Everybody who is to be up is up, and nothing moves any more: is everything as it has to be?
fn judge(world: &mut World, script: &Script, told: Told, disposition: Disposition, how: &str) {
    let name = match disposition {
        Disposition::QueueManager => "QM01",
        Disposition::Group => "QSG1",
    };
    let about = format!("{}, {how}, {told:?}", script.name);
    assert!(world.is_up("QM01"), "{about}: up again; {:?}", world.ended);
    let app = world.connect_as("QM01", options(name)).unwrap();
    let recovered = world.call(app, MqiCall::Recover { coordinator: "CICS".into() });
    let Ok(MqiAnswer::Indoubt { xids }) = recovered else { panic!("{about}: {recovered:?}") };
    let mut expected = None;
    if !xids.is_empty() {
        assert_eq!(xids, [xid(7)], "{about}");
        assert!(told.prepare_begun && !told.end_ok, "{about}: in doubt");
        // Nothing of it is visible, and nothing it took is back.
        let visible = contents(world);
        for (visible, (before, after)) in visible.iter().zip(nothing().iter().zip(&script.all)) {
            let kept: Vec<u64> = before.iter().copied().filter(|identity| after.contains(identity)).collect();
            assert_eq!(*visible, kept, "{about}: in doubt");
        }
        let outcome = match script.meant {
            Meant::All if told.prepare_ok => Outcome::Commit,
            Meant::All | Meant::Nothing => Outcome::Backout,
        };
        world.call(app, MqiCall::Resolve { xid: xid(7), outcome }).unwrap_or_else(|why| panic!("{about}: {why}"));
        expected = Some(match outcome {
            Outcome::Commit => script.all.clone(),
            Outcome::Backout => nothing(),
        });
    } else if told.prepare_ok {
        assert!(told.end_begun, "{about}: a prepared unit of work was forgotten");
    }
    world.hang_up(app);
    world.run_for(seconds(2));
    let found = contents(world);
    match (expected, script.meant) {
        (Some(expected), _) => assert_eq!(found, expected, "{about}: resolved"),
        (None, Meant::Nothing) => assert_eq!(found, nothing(), "{about}"),
        (None, Meant::All) if told.end_ok => assert_eq!(found, script.all, "{about}: told ok"),
        (None, Meant::All) if !told.end_begun => assert_eq!(found, nothing(), "{about}: never asked for"),
        (None, Meant::All) => assert!(found == script.all || found == nothing(), "{about}: {found:?}"),
    }
    if told.prepare_ok && told.end_begun && xids.is_empty() && script.meant == Meant::All {
        assert_eq!(found, script.all, "{about}: the decision stands");
    }
    let counts: Vec<u32> = QUEUES[..2].iter().flat_map(|queue| world.visible(queue)).map(|(_, count)| count).collect();
    assert!(counts.iter().all(|&count| count <= 1), "{about}: backout counts {counts:?}");
    nothing_is_left(world, &about);
}

fn nothing_is_left(world: &mut World, about: &str) {
    let held = world.held();
    assert!(held.is_empty(), "{about}: held {held:?}");
    let descriptors = world.descriptors();
    assert!(descriptors.is_empty(), "{about}: left over {descriptors:?}");
    assert_eq!(world.recovery_locks_held(), 0, "{about}: locks");
    for member in ["QM01", "QM02", "QM03"] {
        if !world.is_up(member) {
            continue;
        }
        let queue_manager = world.queue_manager(member);
        assert!(queue_manager.units.is_empty(), "{about}: {member} has {:?}", queue_manager.units);
        let sharing = queue_manager.sharing.as_ref().unwrap();
        assert!(sharing.recoveries.is_idle(), "{about}: {member} recovers");
        let uncommitted: u32 = queue_manager.queues.values().map(crate::queue::PrivateQueue::uncommitted).sum();
        assert_eq!(uncommitted, 0, "{about}: {member}");
    }
}

/// Plays the script with a crash before effect `k` of the queue manager. `None` if it has no such effect.
fn crashed_at(cast: Cast, script: &Script, k: u64, how: Crash) -> Option<(World, Told)> {
    let (mut world, app) = stage(cast);
    world.crash_before = Some(("QM01", k, how));
    let told = play(&mut world, app, script);
    if world.crash_before.is_some() {
        assert!(told.end_ok, "{}: without a crash it works", script.name);
        return None;
    }
    Some((world, told))
}

/// Every script, crash point and way to crash.
fn every_crash(cast: Cast, mut afterwards: impl FnMut(World, Told, &Script, &str)) {
    let mut crashes = 0;
    for script in scripts() {
        for how in [Crash::Kill, Crash::PowerLoss] {
            for k in 0.. {
                let Some((world, told)) = crashed_at(cast, &script, k, how) else { break };
                crashes += 1;
                afterwards(world, told, &script, &format!("{how:?} before effect {k}"));
            }
        }
    }
    assert!(crashes > 300, "{crashes} crashes are too few to be all");
}

fn no_entries_but_in_doubt(world: &mut World, about: &str) {
    let in_doubt = world.descriptors();
    for entry in world.held() {
        assert!(in_doubt.iter().any(|descriptor| descriptor.id == entry.owner), "{about}: peers left {entry:?}");
    }
}

const DISPOSITIONS: [Disposition; 2] = [Disposition::QueueManager, Disposition::Group];

#[test]
fn peers_recover_and_then_it_restarts() {
    for disposition in DISPOSITIONS {
        every_crash(Cast { members: 3, disposition }, |mut world, told, script, how| {
            world.run_for(seconds(3));
            no_entries_but_in_doubt(&mut world, &format!("{}, {how}", script.name));
            world.start("QM01");
            world.run_for(seconds(4));
            judge(&mut world, script, told, disposition, how);
        });
    }
}

#[test]
fn it_restarts_before_peers_do_anything() {
    for disposition in DISPOSITIONS {
        every_crash(Cast { members: 2, disposition }, |mut world, told, script, how| {
            world.start("QM01");
            world.run_for(seconds(4));
            judge(&mut world, script, told, disposition, how);
        });
    }
}

#[test]
fn it_restarts_and_has_no_peers() {
    for disposition in DISPOSITIONS {
        every_crash(Cast { members: 1, disposition }, |mut world, told, script, how| {
            world.run_for(seconds(1));
            world.start("QM01");
            world.run_for(seconds(4));
            judge(&mut world, script, told, disposition, how);
        });
    }
}

/// A second crash, of `victim`, before each effect that it performs after the first one.
fn second_crash(victim: Node, cast: Cast, stride: usize, restart_first: bool) {
    let mut crashes = 0;
    for script in scripts() {
        for k in (0..).step_by(stride) {
            if crashed_at(cast, &script, k, Crash::PowerLoss).is_none() {
                break;
            }
            for j in 0.. {
                let Some((mut world, told)) = crashed_at(cast, &script, k, Crash::PowerLoss) else { break };
                world.performed.clear();
                world.crash_before = Some((victim, j, Crash::PowerLoss));
                if restart_first {
                    world.start("QM01");
                }
                world.run_for(milliseconds(900));
                if world.crash_before.take().is_some() {
                    break;
                }
                crashes += 1;
                world.run_for(seconds(2));
                for member in ["QM01", "QM02", "QM03"].into_iter().take(cast.members) {
                    if !world.runs(member) {
                        world.start(member);
                    }
                }
                world.run_for(seconds(5));
                let how = format!("power loss before effect {k}, then {victim} before its effect {j}");
                judge(&mut world, &script, told, cast.disposition, &how);
            }
        }
    }
    assert!(crashes > 100, "{crashes} crashes are too few to be all");
}

#[test]
fn the_recovering_peer_fails_too() {
    second_crash("QM02", Cast { members: 3, disposition: Disposition::QueueManager }, 3, false);
}

#[test]
fn the_only_recovering_peer_fails_too() {
    second_crash("QM02", Cast { members: 2, disposition: Disposition::Group }, 3, false);
}

#[test]
fn it_fails_again_while_it_restarts() {
    second_crash("QM01", Cast { members: 1, disposition: Disposition::QueueManager }, 3, true);
}

#[test]
fn what_a_live_queue_manager_holds_in_doubt_is_all_there() {
    let (mut world, app) = stage(Cast { members: 2, disposition: Disposition::QueueManager });
    for next in with(vec![Act::Begin], &with(both_parts(), &[Act::Prepare])) {
        act(&mut world, app, next).unwrap();
    }
    assert_eq!(world.held().len(), 4);
    assert_eq!(world.queue_manager("QM01").units.values().filter(|work| work.stage == Stage::Prepared).count(), 1);
}

#[cfg(feature = "defects")]
#[test]
fn these_tests_convict_planted_defects() {
    use crate::defect::Defect;
    for defect in [
        Defect::AcknowledgedBeforeForce,
        Defect::CommitForgetsSharedPart,
        Defect::PeerBacksOutInCommit,
        Defect::PeerCommitsInFlight,
        Defect::PeerTouchesInDoubt,
        Defect::GetNotRemovedAtCommit,
        Defect::UncommittedPutVisible,
        Defect::BackoutLosesMessage,
        Defect::RecoveryReportedEarly,
    ] {
        Defect::plant(Some(defect));
        let convicted = [peers_recover_and_then_it_restarts, it_restarts_and_has_no_peers]
            .into_iter()
            .any(|test| std::panic::catch_unwind(test).is_err());
        Defect::plant(None);
        assert!(convicted, "{defect:?} is acquitted");
    }
}
