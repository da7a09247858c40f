//! What engines tell, and what the HA manager hears of it: who is active, who has failed, who is disabled and enabled
//! again.

use super::{ApplicationServer, Course};
use crate::application_server::routing;
use crate::event::Event;
use crate::ha_manager::decide::MemberState;
use crate::machine::{Effect, Effects, StopMode, TimerId};
use crate::messaging_engine::EngineNotice;

impl ApplicationServer {
    /// The HA manager has seen a second member, and told it of the groups here: instances that made themselves known
    /// stand by from now on.
    pub(super) fn join_groups(&mut self, effects: &mut Effects) {
        if self.ha_manager.is_initialised() {
            for instance in &mut self.instances {
                instance.engine.joined(effects);
            }
        }
    }

    /// An instance that is not alive is stopped and disabled.
    pub(super) fn disable(&mut self, place: usize, effects: &mut Effects) {
        let instance = &mut self.instances[place];
        instance.engine.deactivate(self.now, StopMode::Force, effects);
        self.unpost(place, effects);
        let instance = &mut self.instances[place];
        self.ha_manager.activation_failed(self.now, &instance.definition.group, effects);
        self.plan_reenable(place, effects);
    }

    pub(super) fn plan_reenable(&mut self, place: usize, effects: &mut Effects) {
        let Some(automatic) = self.definition.automatic_reenable else { return };
        let instance = &mut self.instances[place];
        if automatic.count.is_none_or(|count| instance.reenabled < count) {
            instance.reenabled += 1;
            effects.push(Effect::SetTimer { timer: instance.reenable_timer, at: self.now + automatic.period });
        }
    }

    /// It may be time to enable an instance again, if nobody has done so meanwhile.
    pub(super) fn reenable(&mut self, timer: TimerId, effects: &mut Effects) {
        let Some(instance) = self.instances.iter().find(|instance| instance.reenable_timer == timer) else { return };
        let (engine, group) = (instance.definition.engine.name.clone(), instance.definition.group.clone());
        if self.ha_manager.state(&group) == Some(MemberState::Disabled) {
            effects.report(Event::EngineReenabled { engine });
            self.ha_manager.enable(self.now, &group, effects);
        }
    }

    /// What an engine tells.
    pub(super) fn noticed(&mut self, place: usize, notice: EngineNotice, effects: &mut Effects) {
        let group = self.instances[place].definition.group.clone();
        match notice {
            EngineNotice::Started => {
                let instance = &mut self.instances[place];
                instance.reenabled = 0;
                instance.posted = true;
                let subject = routing::subject(&instance.definition.engine.name);
                self.ha_manager.activated(self.now, &group, effects);
                self.ha_manager.post(self.now, subject, Some(String::from("started")), effects);
                self.tell_watchers(effects);
            }
            // Active as far as the HA manager is concerned; an administrator decides when it starts.
            EngineNotice::ActivatedStopped => self.ha_manager.activated(self.now, &group, effects),
            // Likewise, also if it was still starting.
            EngineNotice::Stopped => {
                self.unpost(place, effects);
                self.ha_manager.activated(self.now, &group, effects);
            }
            EngineNotice::LocalError { .. } => {
                self.unpost(place, effects);
                self.ha_manager.failed_here(self.now, &group, effects);
            }
            // Not failed over: the member keeps its place until its server restarts.
            EngineNotice::GlobalError { .. }
            | EngineNotice::StartFailed { global: true, .. }
            | EngineNotice::ActivationRefused => {
                self.unpost(place, effects);
                self.ha_manager.failed_everywhere(self.now, &group, effects);
            }
            EngineNotice::StartFailed { global: false, .. } => {
                self.ha_manager.activation_failed(self.now, &group, effects);
                self.plan_reenable(place, effects);
            }
            EngineNotice::Deactivated => {
                self.unpost(place, effects);
                match self.course {
                    Course::Running => self.ha_manager.deactivated(self.now, &group, effects),
                    Course::Stopping | Course::Ended => self.ha_manager.leave(self.now, &group, effects),
                }
            }
        }
    }

    pub(super) fn unpost(&mut self, place: usize, effects: &mut Effects) {
        let instance = &mut self.instances[place];
        if std::mem::take(&mut instance.posted) {
            let subject = routing::subject(&instance.definition.engine.name);
            self.ha_manager.post(self.now, subject, None, effects);
            self.tell_watchers(effects);
        }
    }
}
