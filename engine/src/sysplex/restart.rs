//! Automatic restart management: which element is started again, and how often.
//!
//! z/OS MVS Setting Up a Sysplex, "Automatic restart management": an element that ends without having deregistered is
//! restarted in place; if its system leaves the sysplex, on another one. After `RESTART_ATTEMPTS` within the interval it
//! is given up. Left out: restart groups, levels, pacing, timeouts.

use std::collections::BTreeMap;

use super::definition::RestartPolicy;
use crate::name::{ImageName, ProcessName};
use crate::time::{Duration, Time};

/// What the policy says of a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// The element is not to be restarted here.
    No,
    /// It has been restarted too often.
    Exhausted,
    /// It is to be started after this long.
    After(Duration),
}

/// The policy, and what has been tried.
#[derive(Debug)]
pub(super) struct Restarts {
    policies: BTreeMap<ProcessName, RestartPolicy>,
    attempts: BTreeMap<ProcessName, Vec<Time>>,
}

impl Restarts {
    /// Nothing tried yet.
    pub(super) fn new(policies: &[RestartPolicy]) -> Self {
        let policies = policies.iter().map(|policy| (policy.process.clone(), policy.clone())).collect();
        Restarts { policies, attempts: BTreeMap::new() }
    }

    /// An element ended on this image.
    pub(super) fn in_place(&mut self, now: Time, process: &ProcessName) -> Decision {
        match self.policies.get(process) {
            Some(policy) if policy.in_place => self.attempt(now, process),
            _ => Decision::No,
        }
    }

    /// The image of an element is gone; `is_alive` tells of the others, this one (`here`) included.
    pub(super) fn across(
        &mut self,
        now: Time,
        process: &ProcessName,
        here: &ImageName,
        is_alive: impl Fn(&ImageName) -> bool,
    ) -> Decision {
        let targets = self.policies.get(process).map(|policy| &policy.target_systems);
        let first_alive = targets.and_then(|targets| targets.iter().find(|target| is_alive(target)));
        if first_alive == Some(here) { self.attempt(now, process) } else { Decision::No }
    }

    fn attempt(&mut self, now: Time, process: &ProcessName) -> Decision {
        let policy = &self.policies[process];
        if policy.restart_attempts == 0 {
            return Decision::No;
        }
        let attempts = self.attempts.entry(process.clone()).or_default();
        attempts.retain(|&attempt| now.since(attempt) < policy.attempt_interval);
        if attempts.len() >= policy.restart_attempts as usize {
            return Decision::Exhausted;
        }
        attempts.push(now);
        Decision::After(policy.delay)
    }
}
