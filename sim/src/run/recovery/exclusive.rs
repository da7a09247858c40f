//! What becomes of that which runs in one of several processes: where it is, when it is lost, what it comes to.

use indoubt_engine::event::{Event, Milestone, Weight};
use indoubt_engine::time::Time;

use super::MoveKind;
use super::follower::{Act, Follower, Origin};
use super::place::{Place, State};
use super::story::{Progress, Story};
use crate::run::TimelineEntry;

impl<'t> Follower<'t> {
    /// What is in a process.
    pub(super) fn there(&self, who: &str) -> Vec<&'t str> {
        let there = self.places.iter().filter(|(_, place)| place.process == who && place.state.is_there());
        there.map(|(what, _)| *what).collect()
    }

    /// A process is gone or stands still, and something with it.
    pub(super) fn process_lost(
        &mut self,
        what: &'t str,
        cause: Option<usize>,
        at: Time,
        by_others: bool,
        state: State,
    ) {
        let Some(place) = self.places.get(what) else { return };
        let served = place.served_since();
        if by_others || served.is_some() {
            // Who ends it all the same after it was struck has not served since then.
            let since = cause.and_then(|cause| self.act_at(cause)).filter(|_| by_others).unwrap_or(at);
            self.lose(what, cause, since);
        }
        if let Some(place) = self.places.get_mut(what) {
            place.state = state;
            place.served_before = served;
        }
    }

    /// A process goes on, and something in it that nobody else has begun to serve in the meantime.
    pub(super) fn goes_on(&mut self, who: &'t str, at: Time) {
        for place in self.places.values_mut() {
            let own = place.process == who && place.state == State::StandsStill;
            let Some(story) = place.story.map(|story| &mut self.stories[story]) else {
                if own {
                    place.state = place.served_before.map_or(State::Failed, State::Serves);
                }
                continue;
            };
            let still_own = story.from == who && !story.has(Milestone::StoreOwned) && story.goes();
            match place.served_before {
                Some(served) if still_own => {
                    story.rest(Milestone::WentOn, at);
                    place.process = who;
                    place.state = State::Serves(served);
                }
                _ if own => place.state = State::Failed,
                _ => {}
            }
        }
    }

    /// Something does not serve any more since then.
    fn lose(&mut self, what: &'t str, cause: Option<usize>, since: Time) {
        let Some(place) = self.places.get_mut(what) else { return };
        let mut suspected = None;
        place.close(&mut self.stories);
        if let Some(open) = place.story.take() {
            let open = &mut self.stories[open];
            open.progress = Progress::Ended;
            if open.kind == MoveKind::SecondInstance {
                suspected = open.suspected;
            }
        }
        if let Some(last) = place.last.take() {
            self.stories[last].lost_again.get_or_insert(since);
        }
        place.cause = cause;
        place.settles = true;
        place.state = State::Failed;
        place.withdrawn = false;
        if let Some(act) = cause {
            let mut story = Story::new(act, what, place.process, since);
            story.suspected = suspected.map(|suspected| suspected.max(since));
            place.story = Some(self.stories.len());
            self.stories.push(story);
        }
    }

    /// Something that runs in one of several processes came to something.
    pub(super) fn exclusive(&mut self, entry: &'t TimelineEntry, event: &'t Event, what: &'t str) -> Origin {
        let (who, at) = (entry.who.as_str(), entry.at);
        let place = self.places.entry(what).or_insert_with(|| Place::new(who));
        let by_place = place.process == who;
        let served = place.served_since();
        let fails = by_place && event.weight() == Weight::Detection;
        match event.milestone() {
            Some(
                milestone @ (Milestone::Noticed | Milestone::GaveUp | Milestone::FailedForGood | Milestone::Condemned),
            ) => {
                self.failed(what, milestone, at, who);
            }
            Some(Milestone::Met) => place.met = true,
            Some(Milestone::Withdrawn) => {
                if let Some(story) = place.story.map(|story| &mut self.stories[story])
                    && story.kind == MoveKind::SecondInstance
                {
                    story.progress = Progress::Ended;
                    place.story = None;
                } else if event.ordered() == Some(place.process) && served.is_some() && place.story.is_none() {
                    place.withdrawn = true;
                    let reason = self.reason(who);
                    self.without_need(what, reason);
                }
            }
            Some(Milestone::Stopping) if by_place && served.is_some() => self.stops(what, at),
            Some(Milestone::Stopped) => {
                if let Some(story) = place.story.map(|story| &mut self.stories[story]) {
                    story.give_up(Milestone::Stopped, at, who);
                }
                if by_place {
                    place.state = State::Idle;
                }
            }
            Some(Milestone::Ordered) => self.ordered(what, at, who, event.ordered().unwrap_or(who)),
            Some(milestone) => self.starts(what, milestone, at, who),
            None => {}
        }
        let place = &self.places[what];
        Origin { cause: place.cause, settles: place.settles, fails }
    }

    /// It fails, or somebody notices it.
    fn failed(&mut self, what: &'t str, milestone: Milestone, at: Time, who: &'t str) {
        let place = &self.places[what];
        let by_place = place.process == who;
        if by_place && let Some(served) = place.served_since() {
            let blamed = self.blamed(who, served);
            match place.story.map(|story| &mut self.stories[story]) {
                Some(story) if story.progress == Progress::Rests && Some(story.act) >= blamed => {
                    story.resume();
                    if let Some(place) = self.places.get_mut(what) {
                        place.state = State::Failed;
                    }
                }
                story => {
                    // It does not serve where it went on, but that is another story.
                    if let Some(story) = story.filter(|story| story.progress == Progress::Rests) {
                        story.forget_rest();
                    }
                    let cause = blamed;
                    let since = cause.and_then(|cause| self.act_at(cause)).unwrap_or(at);
                    self.lose(what, cause, since);
                }
            }
            if let Some(story) = self.places[what].story {
                self.stories[story].lost_store = true;
            }
        }
        let Some(story) = self.places[what].story.map(|story| &mut self.stories[story]) else { return };
        if !story.goes() || story.kind == MoveKind::SecondInstance {
            return;
        }
        if milestone == Milestone::Noticed {
            story.notice(at, who);
        } else {
            story.give_up(milestone, at, who);
        }
    }

    /// It moves although nothing failed: what it does follows from this, and makes nothing good.
    fn without_need(&mut self, what: &'t str, reason: Option<usize>) {
        if let Some(place) = self.places.get_mut(what) {
            place.cause = reason;
            place.settles = false;
        }
    }

    /// What serves lets its work end.
    fn stops(&mut self, what: &'t str, at: Time) {
        let place = &self.places[what];
        let served = place.served_since();
        let process = place.process;
        let struck = |act: &&Act<'_>| served.is_some_and(|served| act.at > served) && act.struck(process);
        let struck = self.acts.iter().rfind(struck).map(|act| act.position);
        let commanded = place.cause.filter(|cause| self.commands.contains(cause) && place.withdrawn);
        let met = place.cause.filter(|_| place.met);
        let (cause, since) = match (place.withdrawn, commanded, met) {
            (false, ..) => (struck, struck.and_then(|act| self.act_at(act))),
            (true, Some(command), _) => (Some(command), self.act_at(command)),
            (true, None, Some(cause)) => (Some(cause), Some(at)),
            // It is brought back to where it is to be.
            (true, None, None) => (None, None),
        };
        if cause.is_some() {
            self.lose(what, cause, since.unwrap_or(at));
        } else if let Some(place) = self.places.get_mut(what) {
            place.close(&mut self.stories);
            if let Some(last) = place.last.take() {
                self.stories[last].lost_again.get_or_insert(at);
            }
            place.state = State::Idle;
        }
    }

    /// It is decided where it goes on.
    fn ordered(&mut self, what: &'t str, at: Time, who: &'t str, chosen: &'t str) {
        let place = &self.places[what];
        let (needed, withdrawn) = (place.story, place.withdrawn);
        let story = needed.map(|story| &mut self.stories[story]).filter(|story| story.goes());
        let Some(story) = story else {
            // Where it was ordered to end first, that says why.
            if !withdrawn {
                let reason = self.reason(who);
                self.without_need(what, reason);
            }
            return;
        };
        let since = story.views_since();
        let views = self.views.get(who).map_or(&[][..], |views| views.as_slice());
        let views: Vec<(Time, bool)> =
            views.iter().filter(|view| view.at >= since).map(|view| (view.at, view.grew)).collect();
        story.order(at, chosen, &views);
        let act = story.act;
        if let Some(place) = self.places.get_mut(what) {
            place.cause = Some(act);
            place.settles = true;
        }
    }

    /// It comes a step further on its way to service.
    fn starts(&mut self, what: &'t str, milestone: Milestone, at: Time, who: &'t str) {
        let Some(place) = self.places.get_mut(what) else { return };
        if milestone == Milestone::Begun {
            place.close(&mut self.stories);
        }
        let mut story = place.story.map(|story| &mut self.stories[story]);
        let second = story.as_ref().is_some_and(|story| story.kind == MoveKind::SecondInstance);
        match milestone {
            Milestone::Begun => {
                if let Some(story) = story.as_mut().filter(|story| story.goes()) {
                    story.begin(at, who);
                }
                if !second {
                    place.process = who;
                    place.state = State::Starts;
                }
            }
            Milestone::StartFailed => {
                if let Some(story) = story.as_mut().filter(|story| story.attempt == Some(who)) {
                    story.fail_to_start(at, who);
                }
                if !second && place.process == who {
                    place.state = State::Failed;
                }
            }
            Milestone::Enabled => {
                if let Some(story) = story.filter(|story| story.waits_for_leave()) {
                    story.pass(milestone, at, who);
                }
            }
            Milestone::StoreOwned | Milestone::StoreRead => {
                let Some(story) = story.filter(|story| story.goes()) else { return };
                if story.attempt == Some(who) {
                    story.pass(milestone, at, who);
                } else if milestone == Milestone::StoreOwned
                    && (story.from, place.process) == (who, who)
                    && story.attempt.is_none()
                    && !second
                {
                    // It has back what it had lost, and goes on where it was.
                    story.rest_with_store(at);
                    place.state = State::Serves(at);
                }
            }
            Milestone::Serves => {
                if let Some(story) = story.filter(|story| story.goes()) {
                    story.serve(at, who);
                    place.last = place.story.take();
                }
                (place.process, place.state) = (who, State::Serves(at));
                (place.withdrawn, place.met) = (false, false);
            }
            _ => {}
        }
    }
}
