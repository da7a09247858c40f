//! An application's own transaction coordinator: two-phase commit with presumed abort, as a CICS region or an XA
//! transaction manager does it.
//!
//! begin, work, prepare, force the decision, tell the resource manager (phase two), forget. A transaction of which the
//! log says nothing was backed out. When the coordinator is started again, when its connection has broken, and now and
//! then while the end of a transaction is not known to have been told, it asks whom it is connected to which of its
//! transactions are in doubt there and resolves each of them as its log says.
//!
//! Left out: several resource managers in one transaction, heuristic outcomes reported back, log keypoints.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use indoubt_engine::machine::{DeviceError, Effect, Effects, Ended, File, ForceId, Incarnation, Input};
use indoubt_engine::step::Step;
use indoubt_engine::time::Time;
use indoubt_engine::unit_of_work::{Outcome, Xid};
use indoubt_ledger::history::{UnitIndex, UnitOutcome};

use super::decision_log::{self, Record};
use super::history::Recorder;
use super::provider::{Failure, Provider};
use super::session::Start;
use super::shared::{LogSays, Shared};
use crate::fabric::Process;

/// How often it asks again while a transaction may be in doubt somewhere.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// How phase one and the decision ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decided {
    /// Committed, and the resource manager knows it.
    Committed,
    /// Committed; the resource manager is to be told again.
    CommittedNotTold,
    /// Backed out.
    BackedOut,
}

/// The disk of the coordinator's process.
struct OwnDisk {
    process: Process,
    next_force: u32,
}

impl OwnDisk {
    /// Has an effect of the process executed.
    fn perform(&self, effect: Effect) {
        let mut effects = Effects::new();
        effects.push(effect);
        self.process.perform(&mut effects);
    }

    /// Writes to a file, without waiting for the medium.
    fn append(&self, file: File, bytes: Vec<u8>) {
        self.perform(Effect::Append { file, bytes });
    }

    /// Waits until everything written to a file is on the medium. What happens to the connection meanwhile is noted.
    async fn force(&mut self, file: File, provider: &mut dyn Provider) -> Result<(), DeviceError> {
        self.next_force += 1;
        let request = ForceId(self.next_force);
        self.perform(Effect::Force { file, request });
        loop {
            match self.process.next().await {
                Input::Forced { request: done, .. } if done == request => return Ok(()),
                Input::DeviceError { error, .. } => return Err(error),
                other => provider.take(other),
            }
        }
    }
}

/// A coordinator in one life of its process.
pub struct Coordinator {
    name: String,
    disk: OwnDisk,
    shared: Arc<Shared>,
    incarnation: Incarnation,
    last: u32,
    /// Decided to commit, and not known to have been told.
    committed: BTreeSet<u64>,
    next_look: Time,
    /// Whether anything may be in doubt.
    loose: bool,
}

impl Coordinator {
    /// Starts with what its log holds.
    pub fn start(name: String, process: &Process, start: &Start, recorder: &Recorder, shared: Arc<Shared>) -> Self {
        let incarnation = start.incarnation;
        let disk = OwnDisk { process: process.clone(), next_force: 0 };
        let file = start.files.iter().find(|(file, _)| *file == decision_log::FILE).map(|(_, content)| content);
        let replay = decision_log::replay(file);
        if let Some(offset) = replay.cut_from {
            disk.perform(Effect::CutFrom { file: decision_log::FILE, offset });
        }
        // What the last life left open is decided by now: by what the log says, or by its silence.
        let undecided = shared.undecided(&name);
        for number in &replay.committed {
            decided(&shared, recorder, Xid { coordinator: name.clone(), number: *number }, Outcome::Commit);
        }
        for xid in undecided.into_iter().filter(|xid| !replay.committed.contains(&xid.number)) {
            decided(&shared, recorder, xid, Outcome::Backout);
        }
        Coordinator {
            name,
            disk,
            shared,
            incarnation,
            last: 0,
            committed: replay.committed,
            next_look: Time::START,
            loose: incarnation.0 > 1,
        }
    }

    /// A name for the next transaction; unique over the lives of the process.
    pub fn next_xid(&mut self, unit: UnitIndex) -> Xid {
        self.last += 1;
        let number = u64::from(self.incarnation.0) << 32 | u64::from(self.last);
        let xid = Xid { coordinator: self.name.clone(), number };
        self.shared.begin_transaction(xid.clone(), unit);
        xid
    }

    /// The resource manager did not do as told: something may be in doubt, here or elsewhere, now or when a peer has seen to
    /// it.
    fn look_soon(&mut self) {
        self.loose = true;
        self.next_look = Time::START;
    }

    /// There is a new connection: what is in doubt there is to be resolved before anything else is done.
    pub fn connected(&mut self) {
        self.next_look = Time::START;
    }

    /// Whether it is time to ask what is in doubt.
    #[must_use]
    pub fn is_look_due(&self, now: Time) -> bool {
        self.loose && now >= self.next_look
    }

    /// How long until it is time to ask what is in doubt; `None`: nothing can be.
    #[must_use]
    pub fn until_look(&self, now: Time) -> Option<Duration> {
        self.loose.then(|| self.next_look.since(now))
    }

    /// Both phases for one transaction.
    pub async fn commit(&mut self, provider: &mut dyn Provider, xid: &Xid) -> Decided {
        self.shared.set_decision(xid.clone(), LogSays::Undecided);
        if provider.prepare(xid.clone()).await.is_err() {
            self.shared.set_decision(xid.clone(), LogSays::Decided(Outcome::Backout));
            self.look_soon();
            // Whatever went wrong, a participant that is still there is told; one that never heard of it refuses.
            if provider.resolve(xid.clone(), Outcome::Backout).await.is_ok() {
                self.shared.end_transaction(xid);
            }
            return Decided::BackedOut;
        }
        self.disk.append(decision_log::FILE, Record::Committed(xid.number).to_bytes());
        if self.disk.force(decision_log::FILE, provider).await.is_err() {
            // Only reading the log again can tell what was decided.
            self.disk.perform(Effect::End(Ended::Abnormally("the coordinator's log could not be written")));
            std::future::pending::<()>().await;
        }
        self.committed.insert(xid.number);
        self.shared.set_decision(xid.clone(), LogSays::Decided(Outcome::Commit));
        self.disk.perform(Effect::Step(Step::CoordinatorDecided));
        if provider.resolve(xid.clone(), Outcome::Commit).await.is_ok() {
            self.forget(xid);
            Decided::Committed
        } else {
            self.look_soon();
            Decided::CommittedNotTold
        }
    }

    /// Asks what is in doubt and resolves it as the log says.
    ///
    /// # Errors
    /// If the connection is lost meanwhile, or the other end cannot say.
    pub async fn settle(&mut self, now: Time, provider: &mut dyn Provider) -> Result<(), Failure> {
        self.next_look = now + LOOK_AGAIN;
        for xid in provider.recover(self.name.clone()).await? {
            let outcome = if self.committed.contains(&xid.number) { Outcome::Commit } else { Outcome::Backout };
            match provider.resolve(xid.clone(), outcome).await {
                Ok(()) => self.forget(&xid),
                Err(failed) if failed.connection_lost => return Err(failed),
                // Not now: the next look will find it again.
                Err(_) => {}
            }
        }
        Ok(())
    }

    fn forget(&mut self, xid: &Xid) {
        self.shared.end_transaction(xid);
        if self.committed.remove(&xid.number) {
            self.disk.append(decision_log::FILE, Record::Ended(xid.number).to_bytes());
        }
    }
}

/// A coordinator that was started again knows how a transaction of its last life ends.
fn decided(shared: &Shared, recorder: &Recorder, xid: Xid, outcome: Outcome) {
    if let Some(transaction) = shared.transaction(&xid) {
        let outcome = match outcome {
            Outcome::Commit => UnitOutcome::Committed,
            Outcome::Backout => UnitOutcome::BackedOut,
        };
        recorder.resolved(transaction.unit, outcome);
    }
    shared.set_decision(xid, LogSays::Decided(outcome));
}
