//! Follows a timeline: of each entry, which fault or command it comes of; of each failure, its story.

use std::collections::{BTreeMap, BTreeSet};

use indoubt_engine::event::{Event, Milestone, Remedy};
use indoubt_engine::time::{Duration, Time};

use super::place::{Place, State};
use super::story::Story;
use super::{Move, MoveKind};
use crate::run::{Happening, ProcessChange, TimelineEntry};

/// For so long after it goes on a process finds out what became of it while it stood still.
const AWAKENING: Duration = Duration::from_secs(1);

/// What an entry comes of.
#[derive(Clone, Copy, Default)]
pub(super) struct Origin {
    /// The fault or command, as a position in the timeline.
    pub(super) cause: Option<usize>,
    /// Whether that is made good by it.
    pub(super) settles: bool,
    /// Whether what serves, or was to serve, fails by it.
    pub(super) fails: bool,
}

impl Origin {
    fn of(cause: Option<usize>) -> Self {
        Origin { cause, settles: true, fails: false }
    }
}

/// A fault or command.
pub(super) struct Act<'t> {
    pub(super) position: usize,
    pub(super) at: Time,
    struck: &'t [String],
}

impl Act<'_> {
    pub(super) fn struck(&self, name: &str) -> bool {
        self.struck.iter().any(|struck| struck == name)
    }
}

/// A view that somebody installed.
#[derive(Clone, Copy)]
pub(super) struct View {
    position: usize,
    pub(super) at: Time,
    members: usize,
    pub(super) grew: bool,
    cause: Option<usize>,
}

/// What is known so far.
#[derive(Default)]
pub(super) struct Follower<'t> {
    pub(super) origins: Vec<Origin>,
    pub(super) acts: Vec<Act<'t>>,
    pub(super) commands: BTreeSet<usize>,
    /// The last act that struck somebody, or because of which it ended.
    struck: BTreeMap<&'t str, usize>,
    lives: BTreeMap<&'t str, u32>,
    still: BTreeSet<&'t str>,
    awake: BTreeMap<&'t str, Time>,
    /// Who was started again and has installed no view since.
    fresh: BTreeSet<&'t str>,
    /// Servers that belong to no core group: what others keep their data in.
    keepers: BTreeSet<&'t str>,
    /// Acts by which a process ended or stood still.
    downed: BTreeSet<usize>,
    pub(super) views: BTreeMap<&'t str, Vec<View>>,
    /// The act because of which somebody was last suspected, and because of which somebody had been away who returned.
    left: Option<usize>,
    returned: Option<usize>,
    /// What those work with who work with something that runs in one of several processes.
    works_with: BTreeMap<&'t str, &'t str>,
    pub(super) places: BTreeMap<&'t str, Place<'t>>,
    pub(super) stories: Vec<Story<'t>>,
}

impl<'t> Follower<'t> {
    pub(super) fn follow(timeline: &'t [TimelineEntry]) -> Self {
        let mut follower = Follower::default();
        for entry in timeline {
            if matches!(entry.what, Happening::Process(ProcessChange::Runs)) {
                follower.keepers.insert(&entry.who);
            }
        }
        for entry in timeline {
            if matches!(&entry.what, Happening::Event(event) if event.members().is_some()) {
                follower.keepers.remove(entry.who.as_str());
            }
        }
        for (position, entry) in timeline.iter().enumerate() {
            let origin = match &entry.what {
                Happening::Fault { struck, .. } => {
                    follower.act(position, entry.at, struck);
                    Origin::default()
                }
                Happening::Command { about, .. } => {
                    follower.command(position, entry, about);
                    Origin::default()
                }
                Happening::Process(change) => {
                    follower.process(entry, *change);
                    Origin::default()
                }
                Happening::Event(event) => follower.event(position, entry, event),
                Happening::Followed(_) | Happening::Healed(_) | Happening::Detail(_) => Origin::default(),
            };
            follower.origins.push(origin);
        }
        follower
    }

    /// The stories of what an act took down.
    pub(super) fn moves(&self, act: usize) -> Vec<Move> {
        self.stories.iter().filter(|story| story.act == act).filter_map(Story::told).collect()
    }

    fn act(&mut self, position: usize, at: Time, struck: &'t [String]) {
        if struck.is_empty() {
            return;
        }
        for place in self.places.values_mut() {
            place.close(&mut self.stories);
        }
        self.struck.extend(struck.iter().map(|name| (name.as_str(), position)));
        self.acts.push(Act { position, at, struck });
    }

    /// An operator types something. It strikes what runs in a process, and not the process.
    fn command(&mut self, position: usize, entry: &'t TimelineEntry, about: &'t [String]) {
        self.commands.insert(position);
        self.acts.push(Act { position, at: entry.at, struck: about });
        let stories = self.places.values().filter_map(|place| place.story);
        for story in stories {
            let story = &mut self.stories[story];
            if story.waits_for_leave() {
                story.pass(Milestone::Commanded, entry.at, &entry.who);
            }
        }
    }

    pub(super) fn act_at(&self, position: usize) -> Option<Time> {
        self.acts.iter().find(|act| act.position == position).map(|act| act.at)
    }

    /// Something became of a process.
    fn process(&mut self, entry: &'t TimelineEntry, change: ProcessChange) {
        let who = entry.who.as_str();
        match change {
            ProcessChange::Runs => {}
            ProcessChange::Starts(life) => {
                self.lives.insert(who, life);
                if life > 1 {
                    self.fresh.insert(who);
                    self.returned = self.struck.get(who).copied();
                }
            }
            ProcessChange::IsEnded | ProcessChange::Ends => {
                self.still.remove(who);
                let cause = self.cause_of(who);
                if let Some(cause) = cause {
                    self.struck.insert(who, cause);
                }
                let ended = change == ProcessChange::IsEnded;
                if ended {
                    self.downed.extend(cause);
                }
                for what in self.there(who) {
                    self.process_lost(what, cause, entry.at, ended, State::Gone);
                }
            }
            ProcessChange::StandsStill => {
                self.still.insert(who);
                let cause = self.struck.get(who).copied();
                self.downed.extend(cause);
                for what in self.there(who) {
                    self.process_lost(what, cause, entry.at, true, State::StandsStill);
                }
            }
            ProcessChange::GoesOn => {
                if self.still.remove(who) {
                    self.awake.insert(who, entry.at);
                    self.goes_on(who, entry.at);
                }
            }
        }
    }

    /// The act because of which somebody is as it is: what struck it, or what befell that which fails in it.
    pub(super) fn cause_of(&self, name: &str) -> Option<usize> {
        let open = self.places.values().filter_map(|place| place.story).map(|story| &self.stories[story]);
        let failed = open.filter(|story| story.from == name && story.goes() && story.kind == MoveKind::Failure);
        failed.map(|story| story.act).chain(self.struck.get(name).copied()).max()
    }

    /// The act that is blamed if something fails whose process was not struck: the last one since it began to serve that
    /// struck its process or what keeps data; any, if there is none.
    pub(super) fn blamed(&self, process: &str, served: Time) -> Option<usize> {
        let faults = self.acts.iter().filter(|act| !self.commands.contains(&act.position));
        let mut since = faults.filter(|act| act.at > served);
        let last = since.clone().next_back();
        let concerned = since.rfind(|act| act.struck(process) || self.keepers.iter().any(|keeper| act.struck(keeper)));
        concerned.or(last).map(|act| act.position)
    }

    /// Why a coordinator moves what serves: because of a command, or because of the view.
    pub(super) fn reason(&self, who: &str) -> Option<usize> {
        let view = self.views.get(who).and_then(|views| views.last());
        let command = self.commands.last().copied();
        command.filter(|command| view.is_none_or(|view| *command > view.position)).or(view.and_then(|view| view.cause))
    }

    fn event(&mut self, position: usize, entry: &'t TimelineEntry, event: &'t Event) -> Origin {
        if let Some((coordinator, life)) = event.coordinator()
            && self.lives.get(coordinator).is_some_and(|now| u64::from(*now) > life.max(1))
        {
            return Origin::of(self.struck.get(coordinator).copied());
        }
        if event.comes_of_work() {
            return Origin::default();
        }
        if let Some(what) = event.exclusive() {
            return self.exclusive(entry, event, what);
        }
        let who = entry.who.as_str();
        let about = event.subject().unwrap_or(who);
        if let Some(members) = event.members() {
            return Origin::of(self.view(position, entry, members));
        }
        if event.follows_view() {
            let view = self.views.get(who).and_then(|views| views.last());
            let cause = view.and_then(|view| view.cause);
            // Who takes an office beside somebody who still has it makes nothing good.
            let takes_over =
                view.is_some_and(|view| !view.grew) && cause.is_some_and(|cause| self.downed.contains(&cause));
            return Origin { settles: takes_over, ..Origin::of(cause) };
        }
        if let Some(what) = event.works_with() {
            let before = self.works_with.insert(who, what);
            let places = [Some(what), before].into_iter().flatten().filter_map(|what| self.places.get(what)?.cause);
            return Origin::of(places.chain(self.struck.get(who).copied()).max());
        }
        match event.milestone() {
            Some(Milestone::Noticed) => Origin::of(self.suspected(entry, about)),
            Some(Milestone::StoreBack) => {
                self.store_is_back(entry);
                Origin::of(self.cause_of(about))
            }
            _ => {
                let cause = self.cause_of(about);
                if event.remedy() == Some(Remedy::Returned) {
                    self.returned = cause;
                }
                // Who works with something follows it.
                let what = self.works_with.get(about).filter(|_| about == who);
                let followed = what.and_then(|what| self.places.get(what)?.cause);
                Origin::of(cause.max(followed))
            }
        }
    }

    /// Somebody is suspected.
    fn suspected(&mut self, entry: &'t TimelineEntry, member: &'t str) -> Option<usize> {
        let who = entry.who.as_str();
        // Who has just gone on finds that others have given it up.
        if self.awake.get(who).is_some_and(|awake| entry.at.since(*awake) < AWAKENING) {
            return self.struck.get(who).copied();
        }
        let cause = self.cause_of(member);
        self.left = cause.or(self.left);
        self.returned = None;
        for (what, place) in &mut self.places {
            if place.process == member {
                place.close(&mut self.stories);
            }
            match place.story.map(|story| &mut self.stories[story]) {
                Some(story) if story.from == member => story.suspect(entry.at, who),
                None if place.process == member && place.served_since().is_some() => {
                    let Some((cause, since)) =
                        cause.and_then(|cause| Some((cause, self.acts.iter().find(|act| act.position == cause)?.at)))
                    else {
                        continue;
                    };
                    let mut story = Story::new(cause, what, place.process, since);
                    story.kind = MoveKind::SecondInstance;
                    story.suspect(entry.at, who);
                    place.story = Some(self.stories.len());
                    place.cause = Some(story.act);
                    self.stories.push(story);
                }
                _ => {}
            }
        }
        cause
    }

    /// A view is installed: because of those who left, or if it has grown, of those who returned.
    fn view(&mut self, position: usize, entry: &'t TimelineEntry, members: usize) -> Option<usize> {
        let who = entry.who.as_str();
        let fresh = self.fresh.remove(who);
        let views = self.views.entry(who).or_default();
        let grew = fresh || views.last().is_some_and(|last| members > last.members);
        let own = self.struck.get(who).copied().filter(|_| fresh);
        let cause = if grew { own.or(self.returned).or(self.left) } else { self.left };
        views.push(View { position, at: entry.at, members, grew, cause });
        cause
    }

    /// What keeps data runs again: whoever waits for it.
    fn store_is_back(&mut self, entry: &'t TimelineEntry) {
        for place in self.places.values() {
            let Some(story) = place.story.map(|story| &mut self.stories[story]).filter(|story| story.goes()) else {
                continue;
            };
            let starts = place.state == State::Starts && !story.has_store();
            let waits = place.state == State::Failed && story.lost_store && story.attempt.is_none();
            if story.kind == MoveKind::Failure && (starts || waits) {
                story.pass(Milestone::StoreBack, entry.at, &entry.who);
            }
        }
    }
}
