//! A core group member of its own: a node agent or a deployment manager.
//!
//! Documented: IBM WebSphere Application Server Network Deployment, "Monitoring policy settings": a node agent starts a
//! server of its node again that has ended, if the policy has automatic restart, at most so many times in a row. Modelled:
//! it notices by its core group connection (a server that stops says so first, so that a crash can be told from a stop).
//! Left out: killing a server that hangs (ping timeout), starting servers when the node agent itself starts.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::definition::CoreGroupDefinition;
use super::manager::HaManager;
use crate::event::Event;
use crate::machine::{Broken, Effect, Effects, Ended, Input, Machine, Offered, TimerId};
use crate::name::ProcessName;
use crate::time::{Duration, Time};

/// How a node agent watches one server of its node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MonitoringPolicy {
    /// The server.
    pub process: ProcessName,
    /// How long after its end it is started again. Undocumented; what it stands for is the ping interval.
    pub restart_delay: Duration,
    /// How long a started server may take to be connected before it is started once more.
    pub start_timeout: Duration,
    /// How often it is started in a row (the product's default is 3).
    pub maximum_startup_attempts: u32,
}

impl MonitoringPolicy {
    /// Automatic restart of a server with default times.
    #[must_use]
    pub fn new(process: ProcessName) -> Self {
        MonitoringPolicy {
            process,
            restart_delay: Duration::from_secs(10),
            start_timeout: Duration::from_secs(300),
            maximum_startup_attempts: 3,
        }
    }
}

/// A node agent or a deployment manager: manager of its own, no groups.
#[derive(Debug)]
pub struct CoreGroupMember {
    manager: HaManager,
    monitored: Vec<MonitoringPolicy>,
    attempts: BTreeMap<ProcessName, u32>,
}

impl CoreGroupMember {
    const FIRST_MONITOR: u32 = HaManager::TIMERS;

    /// A member that monitors these servers of its node.
    #[must_use]
    pub fn new(definition: Arc<CoreGroupDefinition>, own: ProcessName, monitored: Vec<MonitoringPolicy>) -> Self {
        CoreGroupMember { manager: HaManager::new(definition, own, TimerId(0)), monitored, attempts: BTreeMap::new() }
    }

    /// Its manager.
    #[must_use]
    pub fn manager(&self) -> &HaManager {
        &self.manager
    }

    fn monitor(&mut self, now: Time, effects: &mut Effects) {
        for (process, how) in self.manager.take_departures() {
            let Some(index) = self.monitored.iter().position(|policy| policy.process == process) else { continue };
            // Connected until now: the row of attempts begins anew.
            self.attempts.insert(process, 0);
            if how == Broken::Reset {
                self.set_timer(index, now + self.monitored[index].restart_delay, effects);
            }
        }
    }

    fn set_timer(&self, index: usize, at: Time, effects: &mut Effects) {
        let index = u32::try_from(index).expect("a node has few servers");
        effects.push(Effect::SetTimer { timer: TimerId(Self::FIRST_MONITOR + index), at });
    }

    fn restart(&mut self, now: Time, timer: TimerId, effects: &mut Effects) {
        let index = timer.0.saturating_sub(Self::FIRST_MONITOR) as usize;
        let Some(policy) = self.monitored.get(index) else { return };
        let attempts = self.attempts.entry(policy.process.clone()).or_default();
        if self.manager.is_connected(&policy.process) || *attempts >= policy.maximum_startup_attempts {
            return;
        }
        *attempts += 1;
        effects.report(Event::ServerRestarted { process: policy.process.clone() });
        effects.push(Effect::Start { process: policy.process.clone() });
        self.set_timer(index, now + policy.start_timeout, effects);
    }
}

impl Machine for CoreGroupMember {
    fn handle(&mut self, now: Time, input: Input, effects: &mut Effects) {
        match self.manager.offer(now, input, effects) {
            Offered::Taken => {}
            Offered::Declined(Input::Started { incarnation, .. }) => self.manager.started(now, incarnation, effects),
            Offered::Declined(Input::Stop(_)) => {
                self.manager.stop(now, effects);
                effects.push(Effect::End(Ended::Normally));
            }
            Offered::Declined(Input::Timer { timer }) => self.restart(now, timer, effects),
            Offered::Declined(_) => {}
        }
        self.monitor(now, effects);
        // It joins no group, so the only orders are about a board that it does not read.
        let _ = self.manager.take_orders();
    }
}
