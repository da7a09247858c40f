//! Failure management: status updates of this image, and what the absence of another's leads to.

use super::{Phase, Task, ZosImage};
use crate::coupling_facility::command::CouplingRequest;
use crate::event::Event;
use crate::machine::{Effect, Effects, Ended, Incarnation};
use crate::name::ImageName;
use crate::sysplex::coupling_links::CouplingLink;
use crate::sysplex::frame::SysplexFrame;
use crate::sysplex::restart::Decision;
use crate::sysplex::status::Heard;
use crate::time::{Duration, Time};

/// An image that finds itself out of the sysplex loads a wait state (0A2).
const PARTITIONED_OUT: &str = "partitioned out of the sysplex";

/// One image partitions the dead one and tells the others: they take turns, by name, in case that one is gone too.
const TURN: Duration = Duration::from_millis(100);

impl ZosImage {
    pub(super) fn update_status(&mut self, now: Time, effects: &mut Effects) {
        self.last_update = now;
        let image = self.definition.name.clone();
        self.signal_all(&SysplexFrame::StatusUpdate { image, incarnation: self.incarnation }, effects);
        if self.members_to_repeat > 0 {
            self.members_to_repeat -= 1;
            self.signal_all(&self.members(), effects);
        }
        self.ask_to_report_losses(now, effects);
        self.tasks.push(now + self.definition.failure_management.status_interval, Task::UpdateStatus);
    }

    pub(super) fn check_status(&mut self, now: Time, image: ImageName, effects: &mut Effects) {
        let times = self.definition.failure_management;
        let Some(deadline) = self.others.deadline(&image, times.failure_detection_interval) else { return };
        if deadline > now {
            self.tasks.push(deadline, Task::CheckStatus(image));
            return;
        }
        let Some(incarnation) = self.others.missing(&image) else { return };
        effects.report(Event::StatusUpdateMissing { image: image.clone() });
        // When the sysplex falls apart both parts miss each other, and whichever isolates the other first goes on. The
        // smaller one waits for the bigger one, as system weights would decide (`WEIGHT` in the SFM policy).
        let some_updates = 2 * times.status_interval;
        let bigger = self.others.is_in_the_bigger_part(&self.definition.name, now, some_updates);
        let wait = if bigger { Duration::ZERO } else { some_updates };
        self.tasks.push(now + times.isolate_time + wait, Task::Isolate(image, incarnation));
    }

    pub(super) fn isolate(&mut self, now: Time, image: ImageName, incarnation: Incarnation, effects: &mut Effects) {
        let times = self.definition.failure_management;
        // Without a coupling facility to do it, an image cannot be isolated, and counts as possibly alive.
        if !self.links.is_empty() && !self.links.iter().any(CouplingLink::is_attached) {
            self.tasks.push(now + times.status_interval, Task::Isolate(image, incarnation));
            return;
        }
        if !self.others.isolated(&image, incarnation) {
            return;
        }
        self.isolated.insert(image.clone(), incarnation);
        let request = CouplingRequest::Isolate { image: image.clone(), incarnation };
        self.links.iter().for_each(|link| link.request(&request, effects));
        let earlier_names = self.others.alive().filter(|(name, _)| **name < self.definition.name).count();
        let turn = TURN * u32::try_from(earlier_names).expect("a sysplex has at most 32 images");
        self.tasks.push(now + times.cleanup_interval + turn, Task::Partition(image, incarnation));
    }

    /// An image is out of the sysplex: its connectors have failed, what ran there may be restarted here. `false` if that
    /// was known.
    #[must_use]
    pub(super) fn partition(
        &mut self,
        now: Time,
        image: &ImageName,
        incarnation: Incarnation,
        effects: &mut Effects,
    ) -> bool {
        if !self.others.partitioned(image, incarnation) {
            return false;
        }
        self.partitioned.insert(image.clone(), incarnation);
        let request = CouplingRequest::Partitioned { image: image.clone(), incarnation };
        self.links.iter().for_each(|link| link.request(&request, effects));
        let here = &self.definition.name;
        for process in self.others.elements_of(image, incarnation) {
            let is_alive = |image: &ImageName| image == here || self.others.is_alive(image);
            if let Decision::After(delay) = self.restarts.across(now, &process, here, is_alive) {
                self.tasks.push(now + delay, Task::RestartAcross(process, image.clone(), incarnation));
            }
        }
        true
    }

    pub(super) fn status_update(
        &mut self,
        now: Time,
        image: ImageName,
        incarnation: Incarnation,
        effects: &mut Effects,
    ) {
        let was_watched = self.others.is_alive(&image);
        let heard = self.others.heard(now, &image, incarnation);
        match heard {
            Heard::Nothing => {}
            Heard::Zombie => {
                let zombie = SysplexFrame::Partitioned { image: image.clone(), incarnation };
                self.signal(&image, zombie, effects);
            }
            Heard::New | Heard::Again { .. } => {
                // The coupling facility has failed what was connected from the former load when the new one attached,
                // and what ran there is started with the image: there is nothing to restart across.
                let first_alive = self.others.alive().map(|(name, _)| name).find(|name| **name != image);
                if matches!(heard, Heard::Again { .. }) && first_alive.is_none_or(|name| self.definition.name < *name) {
                    effects.report(Event::ImagePartitioned { image: image.clone() });
                }
                self.signal(&image, self.members(), effects);
            }
        }
        if !was_watched
            && let Some(at) =
                self.others.deadline(&image, self.definition.failure_management.failure_detection_interval)
        {
            self.tasks.push(at, Task::CheckStatus(image));
        }
    }

    pub(super) fn end_partitioned(&mut self, effects: &mut Effects) {
        self.phase = Phase::Down;
        effects.push(Effect::End(Ended::Abnormally(PARTITIONED_OUT)));
    }
}
