//! Histories of about ten lines, written by hand, for every kind of violation; each with a healthy twin.

use super::*;
use crate::audit::{Availability, DoubleOwner, Holder, HolderState, LeftInDoubt, LeftMessage, LeftQueue, QueueRole};
use crate::contract::{OrderPromise, Permission, QueueContract, Whom, Window};
use crate::history::{
    Command, Completion, Delivery, Fault, MessageIdentity, OperationIndex, Origin, ProcessIndex, Put, QualityIndex,
    ResourceIndex, UnitIndex, UnitOutcome, WorldHappening,
};

mod causes;
mod contracts;
mod counts;
mod duplicates;
mod excuses;
mod fates;
mod interruptions;
mod lazy;
mod outages;
mod owners;
mod placements;
mod progress;
mod properties;
mod units;
mod windows;

const MS: u64 = 1_000_000;

/// A history under way: each step takes a millisecond.
struct Tale {
    history: History,
    audit: Audit,
    contract: Contract,
    now: u64,
    producer: ProcessIndex,
    consumer: ProcessIndex,
    queue: QueueIndex,
    persistent: QualityIndex,
    nonpersistent: QualityIndex,
}

use Completion::{Failed, Ok as Done, Unknown};

impl Tale {
    fn new() -> Self {
        let mut history = History::new();
        let (producer, consumer) = (history.process("producer"), history.process("consumer"));
        let queue = history.queue("ORDERS");
        let (persistent, nonpersistent) = (history.quality("persistent"), history.quality("nonpersistent"));
        let contract = Contract {
            queues: vec![QueueContract { queue, ordered: Some(OrderPromise::default()), drained: true }],
            ..Contract::default()
        };
        let audit = Audit { at_ns: 100_000 * MS, healed_at_ns: 50_000 * MS, ..Audit::default() };
        Tale { history, audit, contract, now: 0, producer, consumer, queue, persistent, nonpersistent }
    }

    fn tick(&mut self) -> u64 {
        self.now += MS;
        self.now
    }

    fn invoke(&mut self, process: ProcessIndex, operation: Operation) -> OperationIndex {
        let at = self.tick();
        self.history.invoke(at, process, operation)
    }

    fn call(&mut self, process: ProcessIndex, operation: Operation, completion: Completion) {
        let call = self.invoke(process, operation);
        let at = self.tick();
        self.history.complete(at, call, completion);
    }

    fn message(&self, message: u64, unit: Option<UnitIndex>) -> Put {
        Put {
            queue: self.queue,
            message: MessageIdentity(message),
            unit,
            quality: self.persistent,
            priority: 0,
            expires_at_ns: None,
            digest: 7,
            origin: Origin::New,
            reply_to: None,
        }
    }

    fn put(&mut self, message: u64, unit: Option<UnitIndex>, completion: Completion) {
        let put = self.message(message, unit);
        self.call(self.producer, Operation::Put(put), completion);
    }

    fn get_by(&mut self, process: ProcessIndex, message: u64, unit: Option<UnitIndex>) {
        let get = Get { queue: self.queue, unit, reply_to: None, wait_ns: 0 };
        let delivery = Delivery { message: MessageIdentity(message), digest: 7, backout_count: 0 };
        self.call(process, Operation::Get(get), Completion::Delivered(delivery));
    }

    fn get(&mut self, message: u64, unit: Option<UnitIndex>) {
        self.get_by(self.consumer, message, unit);
    }

    /// The consumer waits for a message, for as long as it takes.
    fn ask(&mut self) -> OperationIndex {
        let get = Get { queue: self.queue, unit: None, reply_to: None, wait_ns: 600_000 * MS };
        self.invoke(self.consumer, Operation::Get(get))
    }

    /// What was asked for is this message.
    fn got(&mut self, asked: OperationIndex, message: u64) {
        let delivery = Delivery { message: MessageIdentity(message), digest: 7, backout_count: 0 };
        let at = self.tick();
        self.history.complete(at, asked, Completion::Delivered(delivery));
    }

    fn get_nothing(&mut self, completion: Completion) {
        let get = Get { queue: self.queue, unit: None, reply_to: None, wait_ns: 0 };
        self.call(self.consumer, Operation::Get(get), completion);
    }

    fn commit(&mut self, process: ProcessIndex, unit: UnitIndex, completion: Completion) {
        self.call(process, Operation::Commit { unit }, completion);
    }

    fn backout(&mut self, process: ProcessIndex, unit: UnitIndex) {
        self.call(process, Operation::Backout { unit }, Done);
    }

    fn event(&mut self, name: &str, subject: &str) {
        self.event_by("", name, subject);
    }

    fn event_by(&mut self, by: &str, name: &str, subject: &str) {
        let at = self.tick();
        let (name, subject, by) = (name.to_owned(), subject.to_owned(), by.to_owned());
        self.history.world(at, WorldHappening::Event { name, subject, by, text: String::new() });
    }

    fn wait_ms(&mut self, ms: u64) {
        self.now += ms * MS;
    }

    fn fault(&mut self, text: &str) {
        let at = self.tick();
        self.history.world(at, WorldHappening::Fault(Fault::striking(text, Vec::new())));
    }

    fn left_as(&mut self, message: u64, role: QueueRole, availability: Availability) -> &mut LeftMessage {
        let message = LeftMessage {
            message: MessageIdentity(message),
            digest: 7,
            availability,
            backout_count: 0,
            expired: false,
        };
        let queue = LeftQueue { queue: self.queue, role, messages: vec![message] };
        self.audit.queues.push(queue);
        let queue = self.audit.queues.last_mut().expect("just pushed");
        &mut queue.messages[0]
    }

    fn left(&mut self, message: u64) {
        self.left_as(message, QueueRole::Application, Availability::Available);
    }

    fn producers_unit(&mut self) -> UnitIndex {
        self.history.unit(self.producer)
    }

    fn consumers_unit(&mut self) -> UnitIndex {
        self.history.unit(self.consumer)
    }

    fn judged(&self) -> Judgement {
        judge(&self.history, &self.audit, &self.contract)
    }

    fn kinds(&self) -> Vec<&'static str> {
        self.judged().findings.iter().map(|finding| finding.kind.name()).collect()
    }

    #[track_caller]
    fn passes(&self) {
        let judgement = self.judged();
        assert_eq!(judgement.verdict, Verdict::Pass, "{judgement:#?}");
    }
}

fn tale(tell: impl FnOnce(&mut Tale)) -> Tale {
    let mut tale = Tale::new();
    tell(&mut tale);
    tale
}

fn holder(state: HolderState) -> Holder {
    Holder { text: "QM01.1.7".to_owned(), state }
}
