//! How each fault strikes, what follows it, and how everything is mended in the end.

use indoubt_engine::machine::StopMode;
use indoubt_engine::time::{Duration, Time};
use indoubt_ledger::history::{Fault, FaultNumber, Lasts, Mended};

use super::{Agenda, Witness};
use crate::fabric::{DiskFault as Damage, Fabric, HostId, LinkKind};
use crate::scenario::duration_to_text;
use crate::scenario::model::{DiskFault, FaultAction, Place};
use crate::topology::{Built, ProcessKind, World};

/// How often it is looked whether a stop in good order has come to its end.
const LOOK: Duration = Duration::from_millis(100);

/// How long a place that is taken offline waits for its servers to stop.
const OFFLINE_PATIENCE: Duration = Duration::from_secs(60);

/// Something on the agenda.
#[derive(Clone, Debug)]
pub enum Task {
    /// A fault strikes.
    Strike(usize),
    /// A random fault strikes, and draws when it will again.
    StrikeAgain(usize),
    /// A process is started.
    Start(String),
    /// A place gets its power back, and what is at home there starts.
    PowerOn(Place),
    /// A process goes on that stood still by this fault.
    Resume(String, FaultNumber),
    /// A cut ends.
    Heal {
        /// The end from which nothing came.
        from: HostId,
        /// The end at which nothing arrived.
        to: HostId,
        /// Which of the links between them.
        kind: LinkKind,
        /// The link, as it is told; empty for the second direction of a cut.
        text: String,
        /// Which cut it.
        fault: FaultNumber,
    },
    /// A link is as it was that was bad by this fault.
    Restore(Place, Place, FaultNumber),
    /// A disk works again that did not by this fault.
    MendDisk(String, FaultNumber),
    /// A place that is taken offline: have its servers stopped?
    GoOffline {
        /// Which.
        place: Place,
        /// When whatever still runs is no longer waited for.
        until: Time,
        /// It comes back this long after it was switched off.
        restart_after: Option<Duration>,
    },
    /// A place that is taken offline: have its system services ended?
    SwitchOff {
        /// Which.
        place: Place,
        /// When whatever still runs is no longer waited for.
        until: Time,
        /// It comes back this long after it was switched off.
        restart_after: Option<Duration>,
    },
}

fn after(text: &str, duration: Option<Duration>) -> String {
    duration.map_or_else(|| text.to_owned(), |duration| format!("{text} for {}", duration_to_text(duration)))
}

/// A fault strikes. `aim` is the step or event that it was aimed at, as the rest of a sentence; empty if it was none.
pub(super) fn strike(
    fabric: &Fabric,
    world: &World,
    agenda: &Agenda,
    witness: &Witness,
    (action, aim): (&FaultAction, &str),
) {
    let now = fabric.now();
    let tell = |mut fault: Fault| {
        fault.text.push_str(aim);
        witness.fault(fabric, fault)
    };
    match action {
        FaultAction::Kill { process, restart_after } => {
            let built = known(world, process);
            if fabric.is_running(built.id) {
                tell(Fault::striking(format!("{process} killed"), struck_with(fabric, world, built)));
                end(fabric, built);
            } else {
                tell(Fault::without_effect(format!("{process} to be killed, but it is down already")));
            }
            if let Some(duration) = restart_after {
                agenda.add(now + *duration, Task::Start(process.clone()));
            }
        }
        FaultAction::Start { process } => start(fabric, world, witness, process),
        FaultAction::Stop { process, force, restart_after } => {
            let built = known(world, process);
            let (mode, how) = if *force { (StopMode::Force, "by force") } else { (StopMode::Quiesce, "in good order") };
            let text = format!("{process} asked to stop {how}");
            if fabric.is_running(built.id) {
                tell(Fault::striking(text, struck_with(fabric, world, built)));
                fabric.stop(built.id, mode);
            } else {
                tell(Fault::without_effect(format!("{text}, but it is down already")));
            }
            if let Some(duration) = restart_after {
                agenda.add(now + *duration, Task::Start(process.clone()));
            }
        }
        FaultAction::PowerOff { place, restart_after } => {
            let host = host_of(world, place);
            let text = after(&format!("{} loses power", place.name()), *restart_after);
            if fabric.is_powered(host) {
                tell(Fault::striking(text, struck_at(fabric, world, place)));
                fabric.power_off(host);
            } else {
                tell(Fault::without_effect(format!("{text}, but has none already")));
            }
            if let Some(duration) = restart_after {
                agenda.add(now + *duration, Task::PowerOn(place.clone()));
            }
        }
        FaultAction::TakeOffline { place, restart_after } => {
            let place = place.clone();
            let text = after(&format!("{} is taken offline in good order", place.name()), *restart_after);
            if !fabric.is_powered(host_of(world, &place)) {
                tell(Fault::without_effect(format!("{text}, but it has no power")));
                return;
            }
            tell(Fault::striking(text, struck_at(fabric, world, &place)));
            for built in at_home(fabric, world, &place).filter(|built| built.kind == ProcessKind::Server) {
                fabric.stop(built.id, StopMode::Quiesce);
            }
            let until = now + OFFLINE_PATIENCE;
            agenda.add(now + LOOK, Task::GoOffline { place, until, restart_after: *restart_after });
        }
        FaultAction::Pause { process, duration } => {
            let text = after(&format!("{process} paused"), Some(*duration));
            let built = known(world, process);
            if !fabric.is_running(built.id) {
                tell(Fault::without_effect(format!("{text}, but it is down")));
                return;
            }
            let struck = Fault::striking(text, struck_with(fabric, world, built));
            let fault = tell(struck.lasting(Lasts::UntilMendedOrRestarted));
            for built in paused_with(world, process) {
                witness.paused(fabric, &built.name, false);
                fabric.pause(built.id);
            }
            agenda.add(now + *duration, Task::Resume(process.clone(), fault));
        }
        FaultAction::Cut { from, to, one_way, duration } => {
            let (one, other) = (host_of(world, from), host_of(world, to));
            let kind = world.link_kind(from, to);
            let arrow = if *one_way { "->" } else { "<->" };
            let text = format!("link {} {arrow} {}", from.name(), to.name());
            let struck = struck_at_ends(fabric, world, from, to);
            let struck = Fault::striking(after(&format!("{text} cut"), Some(*duration)), struck);
            let fault = tell(struck.lasting(Lasts::UntilMended));
            fabric.cut(one, other, kind);
            agenda.add(now + *duration, Task::Heal { from: one, to: other, kind, text, fault });
            if !one_way {
                fabric.cut(other, one, kind);
                let text = String::new();
                agenda.add(now + *duration, Task::Heal { from: other, to: one, kind, text, fault });
            }
        }
        FaultAction::Degrade { from, to, quality, duration } => {
            let (one, other) = (host_of(world, from), host_of(world, to));
            let text = after(&format!("link {} <-> {} bad", from.name(), to.name()), Some(*duration));
            let struck = Fault::striking(text, struck_at_ends(fabric, world, from, to));
            let fault = tell(struck.lasting(Lasts::UntilMended));
            fabric.set_link(one, other, world.link_kind(from, to), *quality);
            agenda.add(now + *duration, Task::Restore(from.clone(), to.clone(), fault));
        }
        FaultAction::Disk { process, fault, duration } => {
            let built = known(world, process);
            let disk = built.disk.expect("a validated scenario strikes disks that there are");
            let (damage, text, ends) = match fault {
                DiskFault::LoseForce => (Damage::LoseForce, "will lose what was forced last, if power fails", false),
                DiskFault::TearLastWrite => (Damage::TearLastWrite, "tears its last write", true),
                DiskFault::Slow(delay) => (Damage::Slow(*delay), "is slow", false),
                DiskFault::Full => (Damage::Full, "is full", false),
                DiskFault::RotTail => (Damage::RotTail, "has a rotten last sector", true),
            };
            let end = if ends { format!(", and {process} ends") } else { String::new() };
            let text = after(&format!("{} of {process} {text}{end}", world.disk_word(disk)), *duration);
            // A disk that is slow, or will forget, stops nobody; a failure to come is a fault of its own.
            let harmless = matches!(fault, DiskFault::Slow(_) | DiskFault::LoseForce) || !fabric.is_running(built.id);
            let lasts = match fault {
                DiskFault::Slow(_) | DiskFault::Full => Lasts::UntilMended,
                DiskFault::TearLastWrite | DiskFault::RotTail => Lasts::UntilRestarted,
                DiskFault::LoseForce => Lasts::NoTime,
            };
            let told = if harmless { Fault::hampering } else { Fault::striking };
            let number = tell(told(text, struck_with(fabric, world, built)).lasting(lasts));
            fabric.disk_fault(disk, damage);
            if ends {
                fabric.kill(built.id);
            }
            if let Some(duration) = duration {
                agenda.add(now + *duration, Task::MendDisk(process.clone(), number));
            }
        }
        FaultAction::OneOf(_) => unreachable!("the choice is made before a fault strikes"),
    }
}

pub(super) fn follow_up(fabric: &Fabric, world: &World, agenda: &Agenda, witness: &Witness, task: Task) {
    let now = fabric.now();
    match task {
        Task::Strike(_) | Task::StrikeAgain(_) => unreachable!("the nemesis strikes itself"),
        Task::Start(process) => start(fabric, world, witness, &process),
        Task::PowerOn(place) => {
            witness.healed(fabric, &format!("{} has power again", place.name()), Mended::Nothing);
            power_on(fabric, world, &place);
        }
        Task::Resume(process, fault) => {
            if paused_with(world, &process).any(|built| fabric.is_paused(built.id)) {
                witness.healed(fabric, &format!("{process} goes on"), Mended::Fault(fault));
            } else {
                witness.followed(fabric, &process, &format!("{process} was to go on, but has ended since"));
            }
            for built in paused_with(world, &process) {
                witness.paused(fabric, &built.name, true);
                fabric.resume(built.id);
            }
        }
        Task::Heal { from, to, kind, text, fault } => {
            fabric.heal(from, to, kind);
            if !text.is_empty() {
                witness.healed(fabric, &format!("{text} works again"), Mended::Fault(fault));
            }
        }
        Task::Restore(from, to, fault) => {
            restore(fabric, world, &from, &to);
            let text = format!("link {} <-> {} as it was", from.name(), to.name());
            witness.healed(fabric, &text, Mended::Fault(fault));
        }
        Task::MendDisk(owner, fault) => {
            if let Some(disk) = world.process(&owner).and_then(|built| built.disk) {
                fabric.disk_heal(disk);
                let text = format!("{} of {owner} works again", world.disk_word(disk));
                witness.healed(fabric, &text, Mended::Fault(fault));
            }
        }
        Task::GoOffline { place, until, restart_after } => {
            let stopping = at_home(fabric, world, &place)
                .any(|built| built.kind == ProcessKind::Server && fabric.is_running(built.id));
            if stopping && now < until {
                agenda.add(now + LOOK, Task::GoOffline { place, until, restart_after });
                return;
            }
            for built in at_home(fabric, world, &place) {
                match built.kind {
                    ProcessKind::System => fabric.stop(built.id, StopMode::Quiesce),
                    ProcessKind::Server | ProcessKind::Application => fabric.kill(built.id),
                }
            }
            agenda.add(now + LOOK, Task::SwitchOff { place, until, restart_after });
        }
        Task::SwitchOff { place, until, restart_after } => {
            let ending = at_home(fabric, world, &place).any(|built| fabric.is_running(built.id));
            if ending && now < until {
                agenda.add(now + LOOK, Task::SwitchOff { place, until, restart_after });
                return;
            }
            fabric.power_off(host_of(world, &place));
            witness.followed(fabric, place.name(), &format!("{} is offline", place.name()));
            if let Some(duration) = restart_after {
                agenda.add(now + duration, Task::PowerOn(place));
            }
        }
    }
}

/// Mends whatever is broken and starts whatever is down. `pending` is what would have followed faults later.
pub(super) fn heal(fabric: &Fabric, world: &World, witness: &Witness, pending: Vec<Task>) {
    fabric.heal_all();
    for task in pending {
        match task {
            Task::Restore(from, to, _) => restore(fabric, world, &from, &to),
            // Whoever stands still goes on now instead: the history has to know, since an owner is one again.
            Task::Resume(process, _) => {
                for built in paused_with(world, &process).filter(|built| fabric.is_running(built.id)) {
                    witness.paused(fabric, &built.name, true);
                }
            }
            _ => {}
        }
    }
    for built in world.processes() {
        if let Some(disk) = built.disk {
            fabric.disk_heal(disk);
        }
        fabric.resume(built.id);
    }
    for (_, host) in world.places() {
        fabric.power_on(host);
    }
    for built in world.processes() {
        start_at_home(fabric, world, built);
    }
}

fn known<'w>(world: &'w World, process: &str) -> &'w Built {
    world.process(process).expect("a validated scenario names processes that there are")
}

fn host_of(world: &World, place: &Place) -> HostId {
    world.host(place).expect("a validated scenario names places that there are")
}

/// Whom the end of a process strikes.
fn struck_with(fabric: &Fabric, world: &World, built: &Built) -> Vec<String> {
    match built.kind {
        ProcessKind::System => struck_at(fabric, world, &built.home),
        ProcessKind::Server | ProcessKind::Application => vec![built.name.clone()],
    }
}

/// Whom the end of a place strikes: what runs there, and everybody who lives on what it holds.
fn struck_at(fabric: &Fabric, world: &World, place: &Place) -> Vec<String> {
    let dependents = world.dependents(place).unwrap_or_default();
    let lives_on_it = |built: &&Built| dependents.contains(&built.home) && built.kind != ProcessKind::Application;
    let elsewhere = world.processes().iter().filter(lives_on_it);
    let struck = at_home(fabric, world, place).chain(elsewhere).map(|built| built.name.clone());
    std::iter::once(place.name().to_owned()).chain(struck).collect()
}

/// Whom a fault of the link between two places strikes. A place on which others live is not worse for losing one.
fn struck_at_ends(fabric: &Fabric, world: &World, from: &Place, to: &Place) -> Vec<String> {
    let ends = [from, to].into_iter().filter(|place| world.dependents(place).is_none());
    ends.flat_map(|place| struck_at(fabric, world, place)).collect()
}

/// A process ends; the end of a system is that of its host.
fn end(fabric: &Fabric, built: &Built) {
    match built.kind {
        ProcessKind::System => fabric.power_off(fabric.host_of(built.id)),
        ProcessKind::Server | ProcessKind::Application => fabric.kill(built.id),
    }
}

fn start(fabric: &Fabric, world: &World, witness: &Witness, process: &str) {
    let built = known(world, process);
    let powered = fabric.is_powered(host_of(world, &built.home));
    if fabric.is_running(built.id) {
        witness.followed(fabric, process, &format!("{process} was to be started, but it runs already, or is about to"));
    } else if powered {
        witness.healed(fabric, &format!("{process} is being started"), Mended::Nothing);
        start_at_home(fabric, world, built);
    } else {
        witness.followed(fabric, process, &format!("{process} was to be started, but its host has no power"));
    }
}

fn start_at_home(fabric: &Fabric, world: &World, built: &Built) {
    // An application whose work is done has ended; only what was ended by others is started again.
    if let Some(host) = world.host(&built.home) {
        fabric.start_on(built.id, host);
    }
}

fn power_on(fabric: &Fabric, world: &World, place: &Place) {
    let Some(host) = world.host(place) else { return };
    fabric.power_on(host);
    for built in world.processes().iter().filter(|built| built.home == *place) {
        start_at_home(fabric, world, built);
    }
}

fn restore(fabric: &Fabric, world: &World, from: &Place, to: &Place) {
    if let (Some(one), Some(other)) = (world.host(from), world.host(to)) {
        fabric.set_link(one, other, world.link_kind(from, to), world.link(from, to));
    }
}

/// Processes that run on a place's host now.
fn at_home<'a>(fabric: &'a Fabric, world: &'a World, place: &Place) -> impl Iterator<Item = &'a Built> {
    let host = world.host(place);
    world.processes().iter().filter(move |built| Some(fabric.host_of(built.id)) == host)
}

/// Who stands still when a process does: a system takes everything on its host with it.
fn paused_with<'a>(world: &'a World, process: &str) -> impl Iterator<Item = &'a Built> {
    let paused = world.process(process);
    world.processes().iter().filter(move |built| {
        paused.is_some_and(|paused| {
            built.id == paused.id || (paused.kind == ProcessKind::System && built.home == paused.home)
        })
    })
}
