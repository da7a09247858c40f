//! How an application's calls get into the history that the ledger judges: with true time, under the names the history
//! gives to processes and queues.

use std::sync::Arc;
use std::time::Duration;

use indoubt_ledger::history::{
    Command, Completion, Delivery, Get, MessageIdentity, Operation, OperationIndex, Origin, ProcessIndex, Put,
    ResourceIndex, UnitIndex, UnitOutcome, WorldHappening,
};

use super::provider::{Failure, Fate, Outgoing, Received};
use super::shared::{DeliveryOrder, QueueFacts, Shared};
use crate::fabric::Process;

/// Records for one process.
#[derive(Clone)]
pub struct Recorder {
    process: Process,
    shared: Arc<Shared>,
    index: ProcessIndex,
}

impl Recorder {
    /// Records for this process.
    #[must_use]
    pub fn new(process: Process, shared: Arc<Shared>) -> Self {
        let index = shared.history().process(process.name().as_str());
        Recorder { process, shared, index }
    }

    fn now(&self) -> u64 {
        self.process.fabric().now().as_nanoseconds()
    }

    fn invoke(&self, operation: Operation) -> OperationIndex {
        self.shared.history().invoke(self.now(), self.index, operation)
    }

    /// An operation has ended.
    pub fn complete(&self, operation: OperationIndex, completion: Completion) {
        if matches!(completion, Completion::Ok | Completion::Delivered(_)) {
            self.shared.active(self.process.fabric().now());
        }
        self.shared.history().complete(self.now(), operation, completion);
    }

    /// An operation has failed: certainly, or nobody knows.
    pub fn failed(&self, operation: OperationIndex, failed: &Failure) {
        let completion = match failed.fate {
            Fate::DidNotHappen | Fate::BackedOut => Completion::Failed,
            Fate::Unknown => Completion::Unknown,
        };
        self.shared.history().complete(self.now(), operation, completion);
    }

    /// A new unit of work.
    #[must_use]
    pub fn unit(&self) -> UnitIndex {
        self.shared.history().unit(self.index)
    }

    /// A put to this queue begins; where its content comes from, and the identity of the request that it answers.
    #[must_use]
    pub fn put(
        &self,
        facts: &QueueFacts,
        unit: Option<UnitIndex>,
        outgoing: &Outgoing,
        origin: Origin,
        answers: Option<u64>,
    ) -> OperationIndex {
        let quality = outgoing.quality.unwrap_or(facts.default_quality);
        let quality = self.shared.history().quality(quality.name());
        let priority = match facts.order {
            DeliveryOrder::Priority => outgoing.priority.unwrap_or(facts.default_priority),
            DeliveryOrder::Fifo => facts.default_priority,
        };
        let expires = outgoing.expiry.map(|expiry| (self.process.fabric().now() + expiry).as_nanoseconds());
        self.invoke(Operation::Put(Put {
            queue: facts.index,
            message: MessageIdentity(outgoing.payload.identity),
            unit,
            quality,
            priority: priority.get(),
            expires_at_ns: expires,
            digest: outgoing.payload.digest,
            origin,
            reply_to: answers.map(MessageIdentity),
        }))
    }

    /// A get from this queue begins.
    #[must_use]
    pub fn get(
        &self,
        facts: &QueueFacts,
        unit: Option<UnitIndex>,
        reply_to: Option<u64>,
        wait: Duration,
    ) -> OperationIndex {
        let wait_ns = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
        self.invoke(Operation::Get(Get { queue: facts.index, unit, reply_to: reply_to.map(MessageIdentity), wait_ns }))
    }

    /// A get has ended.
    pub fn got(&self, operation: OperationIndex, result: &Result<Option<Received>, Failure>) {
        match result {
            Ok(Some(message)) => {
                let delivery = Delivery {
                    message: MessageIdentity(message.payload.identity),
                    digest: message.payload.digest,
                    backout_count: message.backout_count,
                };
                self.complete(operation, Completion::Delivered(delivery));
            }
            Ok(None) => self.shared.history().complete(self.now(), operation, Completion::Ok),
            Err(failed) => self.failed(operation, failed),
        }
    }

    /// What comes before puts and gets begins.
    #[must_use]
    pub fn make_ready(&self) -> OperationIndex {
        self.invoke(Operation::MakeReady)
    }

    /// What comes before puts and gets has ended.
    pub fn made_ready(&self, operation: OperationIndex, worked: bool) {
        let completion = if worked { Completion::Ok } else { Completion::Failed };
        self.shared.history().complete(self.now(), operation, completion);
    }

    /// A commit begins: its first phase, if it has two.
    #[must_use]
    pub fn commit(&self, unit: UnitIndex) -> OperationIndex {
        self.invoke(Operation::Commit { unit })
    }

    /// A backout begins.
    #[must_use]
    pub fn back_out(&self, unit: UnitIndex) -> OperationIndex {
        self.invoke(Operation::Backout { unit })
    }

    /// The application has learned, or decided, how a unit of work ends.
    pub fn resolved(&self, unit: UnitIndex, outcome: UnitOutcome) {
        self.shared.history().resolved(self.now(), unit, outcome);
    }

    /// Something exclusive is asked for.
    #[must_use]
    pub fn acquire(&self, resource: ResourceIndex) -> OperationIndex {
        self.invoke(Operation::Acquire { resource })
    }

    /// Something exclusive is given up, or known to be lost.
    pub fn release(&self, resource: ResourceIndex) {
        let operation = self.invoke(Operation::Release { resource });
        self.shared.history().complete(self.now(), operation, Completion::Ok);
    }

    /// What only one process may have.
    #[must_use]
    pub fn resource(&self, name: &str) -> ResourceIndex {
        self.shared.history().resource(name)
    }

    /// Something happened to the process that a contract may name.
    pub fn happened(&self, name: &str, text: &str) {
        let who = self.process.name().to_string();
        let happening =
            WorldHappening::Event { name: name.to_owned(), subject: who.clone(), by: who, text: text.to_owned() };
        self.shared.history().world(self.now(), happening);
    }

    /// The process is connected to what runs there: a messaging engine, and its server.
    pub fn connected(&self, resource: &str, to: &str) {
        self.shared.history().connected(self.now(), self.index, resource, to);
    }

    /// The process is connected to nobody any more.
    pub fn disconnected(&self) {
        self.shared.history().disconnected(self.now(), self.index);
    }

    /// The process, an operator, types a command that is about these.
    pub fn command(&self, text: String, about: Vec<String>) {
        let command = Command { by: self.process.name().to_string(), text, about };
        self.shared.history().world(self.now(), WorldHappening::Command(command));
    }

    /// The process has a finite amount of work.
    pub fn has_work(&self) {
        self.shared.history().has_work(self.index);
    }

    /// The process has done all its work.
    pub fn done(&self) {
        self.shared.history().done(self.now(), self.index);
    }
}
