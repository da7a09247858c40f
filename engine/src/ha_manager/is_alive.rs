//! Is-alive: each active member is asked every interval how it is.
//!
//! Documented: "Core group service settings", "Core group policy settings" (is alive timer): the policy's value, or else
//! the process's. A member that says that it is not alive, or has said nothing until it is asked again, has failed. What
//! becomes of it, and whether that is said with a message of its own (HMGR0130I), is its host's to decide.

use super::decide::MemberState;
use super::manager::{GroupOrder, HaManager, Health};
use super::policy::GroupName;
use crate::event::Event;
use crate::machine::{Effect, Effects};
use crate::time::{Duration, Time};

/// An active member under watch.
#[derive(Debug)]
pub(super) struct Watch {
    next: Time,
    interval: Duration,
    is_asked: bool,
}

impl HaManager {
    /// Watches those that are active, and those only.
    pub(super) fn watch(&mut self, now: Time, effects: &mut Effects) {
        let active = self.groups.iter().filter(|(_, member)| member.state == MemberState::Activated);
        let of_process = self.definition.is_alive_interval;
        let interval = |group: &GroupName| self.policies.is_alive_interval(group, of_process);
        let active = active.filter_map(|(group, _)| Some((group.clone(), interval(group)?)));
        let active: Vec<(GroupName, Duration)> = active.collect();
        let mut before = std::mem::take(&mut self.watched);
        self.watched = active
            .into_iter()
            .map(|(group, interval)| {
                let kept = before.remove(&group).filter(|watch| watch.interval == interval);
                (group, kept.unwrap_or(Watch { next: now + interval, interval, is_asked: false }))
            })
            .collect();
        self.set_is_alive_timer(effects);
    }

    fn set_is_alive_timer(&self, effects: &mut Effects) {
        let timer = self.is_alive_timer;
        effects.push(match self.watched.values().map(|watch| watch.next).min() {
            Some(at) => Effect::SetTimer { timer, at },
            None => Effect::CancelTimer { timer },
        });
    }

    pub(super) fn is_alive_time(&mut self, now: Time, effects: &mut Effects) {
        let mut hung = Vec::new();
        for (group, watch) in self.watched.iter_mut().filter(|(_, watch)| watch.next <= now) {
            watch.next = now + watch.interval;
            if watch.is_asked {
                watch.is_asked = false;
                hung.push(group.clone());
            } else {
                watch.is_asked = true;
                self.orders.push(GroupOrder::AreYouAlive(group.clone()));
            }
        }
        for group in hung {
            self.not_alive(group, effects);
        }
        self.set_is_alive_timer(effects);
    }

    /// How the local member is.
    pub fn alive(&mut self, _now: Time, group: &GroupName, health: Health, effects: &mut Effects) {
        let Some(watch) = self.watched.get_mut(group) else { return };
        watch.is_asked = false;
        if health == Health::NotAlive {
            self.not_alive(group.clone(), effects);
        }
    }

    fn not_alive(&mut self, group: GroupName, effects: &mut Effects) {
        effects.report(Event::MemberNotAlive { group: group.clone() });
        self.orders.push(GroupOrder::NotAlive(group));
    }
}
