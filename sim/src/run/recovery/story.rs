//! The story of one failure: what was passed on the way until it served again.

use indoubt_engine::event::Milestone;
use indoubt_engine::time::Time;

use super::{Move, MoveKind, Passed};

/// Whether a story goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// It does.
    Goes,
    /// It serves again where it was; unless it turns out soon that it does not.
    Rests,
    /// It does not.
    Ended,
}

/// Something that was passed.
#[derive(Clone, Copy)]
struct Mark<'t> {
    milestone: Milestone,
    at: Time,
    who: &'t str,
    times: u32,
}

/// A story.
pub(super) struct Story<'t> {
    /// The fault or command from which it follows.
    pub(super) act: usize,
    /// Where it ran.
    pub(super) from: &'t str,
    pub(super) kind: MoveKind,
    pub(super) progress: Progress,
    /// Since when others know that its process is not there.
    pub(super) suspected: Option<Time>,
    /// Where it is to start, or starts.
    pub(super) attempt: Option<&'t str>,
    /// When it ceased to serve again after this story.
    pub(super) lost_again: Option<Time>,
    /// It began with the loss of its data.
    pub(super) lost_store: bool,
    what: &'t str,
    since: Time,
    to: Option<&'t str>,
    marks: Vec<Mark<'t>>,
}

/// What belongs to an attempt to start somewhere.
const ATTEMPT: [Milestone; 5] =
    [Milestone::Ordered, Milestone::Begun, Milestone::StoreBack, Milestone::StoreOwned, Milestone::StoreRead];

impl<'t> Story<'t> {
    pub(super) fn new(act: usize, what: &'t str, from: &'t str, since: Time) -> Self {
        Story {
            act,
            from,
            kind: MoveKind::Failure,
            progress: Progress::Goes,
            suspected: None,
            attempt: None,
            lost_again: None,
            lost_store: false,
            what,
            since,
            to: None,
            marks: Vec::new(),
        }
    }

    pub(super) fn goes(&self) -> bool {
        self.progress == Progress::Goes
    }

    pub(super) fn has(&self, milestone: Milestone) -> bool {
        self.marks.iter().any(|mark| mark.milestone == milestone)
    }

    fn last(&self) -> Option<Milestone> {
        self.marks.last().map(|mark| mark.milestone)
    }

    fn last_at(&self) -> Time {
        self.marks.last().map_or(self.since, |mark| mark.at)
    }

    /// It comes to a milestone.
    pub(super) fn pass(&mut self, milestone: Milestone, at: Time, who: &'t str) {
        let at = at.max(self.last_at());
        self.marks.push(Mark { milestone, at, who, times: 1 });
    }

    /// Somebody notices it.
    pub(super) fn notice(&mut self, at: Time, who: &'t str) {
        if self.marks.is_empty() {
            self.pass(Milestone::Noticed, at, who);
        }
    }

    /// Others know that its process is not there.
    pub(super) fn suspect(&mut self, at: Time, who: &'t str) {
        if self.goes() {
            self.notice(at, who);
            self.suspected = self.suspected.or(Some(at));
        }
    }

    /// It was found to be beyond help where it is, or not alive, wherever that was. What is repeated is told once.
    pub(super) fn give_up(&mut self, milestone: Milestone, at: Time, who: &'t str) {
        let concerned = who == self.from || milestone == Milestone::Condemned;
        if concerned && self.attempt.is_none() && self.last() != Some(milestone) {
            self.pass(milestone, at, who);
        }
    }

    /// An attempt came to nothing, and is a part of what follows.
    fn drop_attempt(&mut self) {
        while self.last().is_some_and(|last| ATTEMPT.contains(&last)) {
            self.marks.pop();
        }
    }

    /// It is decided where it goes on. The views are those of who decided since others know of the failure, or since the
    /// last milestone; each with whether there were more members than before.
    pub(super) fn order(&mut self, at: Time, chosen: &'t str, views: &[(Time, bool)]) {
        self.drop_attempt();
        let first = views.first().filter(|_| self.suspected.is_some() && !self.has(Milestone::Agreed));
        let mut rest = views;
        if first.is_some() {
            let until = 1 + views[1..].iter().take_while(|(_, grew)| !grew).count();
            self.pass(Milestone::Agreed, views[until - 1].0, chosen);
            rest = &views[until..];
        }
        // It was the return of somebody that let it be decided.
        let grown = rest.last().filter(|(viewed_at, grew)| *grew && at.since(*viewed_at).as_secs() < 1);
        if let Some((viewed_at, _)) = grown {
            self.pass(Milestone::Available, *viewed_at, chosen);
        }
        self.pass(Milestone::Ordered, at, chosen);
        self.attempt = Some(chosen);
    }

    /// From when on the views count of who decides where it goes on.
    pub(super) fn views_since(&self) -> Time {
        let agreed = self.has(Milestone::Agreed);
        self.suspected.filter(|_| !agreed).unwrap_or_else(|| {
            let settled = self.marks.iter().rfind(|mark| !ATTEMPT.contains(&mark.milestone));
            settled.map_or(self.since, |mark| mark.at)
        })
    }

    /// It begins to start.
    pub(super) fn begin(&mut self, at: Time, who: &'t str) {
        self.pass(Milestone::Begun, at, who);
        self.attempt = Some(who);
        self.to = Some(who);
    }

    /// It could not start there.
    pub(super) fn fail_to_start(&mut self, at: Time, who: &'t str) {
        self.drop_attempt();
        self.attempt = None;
        match self.marks.last_mut() {
            Some(last) if last.milestone == Milestone::StartFailed && last.who == who => {
                last.at = at;
                last.times += 1;
            }
            _ => self.pass(Milestone::StartFailed, at, who),
        }
    }

    /// It serves again where it was.
    pub(super) fn rest(&mut self, milestone: Milestone, at: Time) {
        self.drop_attempt();
        self.attempt = None;
        self.pass(milestone, at, self.from);
        self.to = Some(self.from);
        self.progress = Progress::Rests;
    }

    /// It has its data back where it was. What keeps them may have had to come back first: that remains a part of it.
    pub(super) fn rest_with_store(&mut self, at: Time) {
        self.pass(Milestone::StoreOwned, at, self.from);
        self.to = Some(self.from);
        self.progress = Progress::Rests;
    }

    /// Whether the attempt to start has come to have its data.
    pub(super) fn has_store(&self) -> bool {
        let begun = self.marks.iter().rposition(|mark| mark.milestone == Milestone::Begun).unwrap_or(0);
        self.marks[begun..].iter().any(|mark| mark.milestone == Milestone::StoreOwned)
    }

    /// Whether it is left as it is until somebody allows a start: attempts failed, or it was stopped.
    pub(super) fn waits_for_leave(&self) -> bool {
        let left = matches!(self.last(), Some(Milestone::StartFailed | Milestone::Stopped));
        self.goes() && self.attempt.is_none() && left
    }

    /// It serves.
    pub(super) fn serve(&mut self, at: Time, who: &'t str) {
        self.pass(Milestone::Serves, at, who);
        self.to = Some(who);
        self.kind = MoveKind::Failure;
        self.progress = Progress::Ended;
    }

    /// It turns out that it does not serve after all.
    pub(super) fn resume(&mut self) {
        if self.progress == Progress::Rests {
            self.progress = Progress::Goes;
            self.to = None;
        }
    }

    /// It rested, and did not serve after all: for another reason.
    pub(super) fn forget_rest(&mut self) {
        self.marks.pop();
        self.to = None;
        self.progress = Progress::Goes;
    }

    /// Whether something came of it that is worth telling.
    fn is_told(&self) -> bool {
        let enough = |milestone: Milestone| {
            let beginning = [Milestone::Noticed, Milestone::Condemned, Milestone::Stopped, Milestone::Agreed];
            !beginning.contains(&milestone)
        };
        match self.kind {
            MoveKind::Failure => self.marks.iter().any(|mark| enough(mark.milestone)),
            MoveKind::SecondInstance => self.has(Milestone::Begun),
        }
    }

    /// As a report has it.
    pub(super) fn told(&self) -> Option<Move> {
        let passed = self.marks.iter().map(|mark| Passed {
            milestone: mark.milestone,
            at: mark.at,
            who: mark.who.to_owned(),
            times: mark.times,
        });
        self.is_told().then(|| Move {
            what: self.what.to_owned(),
            from: self.from.to_owned(),
            to: self.to.map(str::to_owned),
            since: self.since,
            kind: self.kind,
            milestones: passed.collect(),
            lost_again: self.lost_again,
        })
    }
}
