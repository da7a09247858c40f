//! A connection to a queue manager as a script uses it: `connection.put(..).await`.
//!
//! The rules are those of [`indoubt_engine::mqi::client`]; here they are driven by the process's inputs. A process has one
//! connection at a time, and waits for one thing at a time.

use std::time::Duration;

use indoubt_engine::machine::{Effects, Incarnation, Input};
use indoubt_engine::message::{Message, MessageId, Payload};
use indoubt_engine::mqi::client::{CallFailed, Client, Completion, Fate, Handled};
use indoubt_engine::mqi::{
    BrowseLock, BrowsePosition, Command, ConnectOptions, IndoubtThread, Match, MqiAnswer, MqiCall, ObjectHandle,
    OpenFor, PutDescriptor, QueueStatus, Reason, Syncpoint, Wait,
};
use indoubt_engine::name::{Address, QueueManagerName, QueueName};
use indoubt_engine::unit_of_work::{Outcome, UnitOfWorkId, Xid};

use crate::fabric::Process;

/// One connection of one process.
pub(super) struct Connection {
    process: Process,
    client: Client,
    effects: Effects,
}

impl Connection {
    /// A connection that does not stand yet.
    #[must_use]
    pub(super) fn new(process: Process, address: Address, silence: Duration, options: ConnectOptions) -> Self {
        let client = Client::new(vec![address], silence, options);
        Connection { process, client, effects: Effects::new() }
    }

    /// From now on another queue manager is meant. A connection that stands is dropped.
    pub(super) fn retarget(&mut self, address: Address, silence: Duration, options: ConnectOptions) {
        self.abandon();
        self.client = Client::new(vec![address], silence, options);
    }

    /// Whether it stands, as far as this end knows.
    #[must_use]
    pub(super) fn is_connected(&self) -> bool {
        self.client.is_connected()
    }

    /// Whether the queue manager has told that it quiesces.
    #[must_use]
    pub(super) fn is_quiescing(&self) -> bool {
        self.client.is_quiescing()
    }

    /// Connects, once.
    ///
    /// # Errors
    /// The reason why there is no connection: 2059 when nobody answers.
    pub(super) async fn connect(&mut self) -> Result<(QueueManagerName, Incarnation), Reason> {
        self.client.connect(&mut self.effects);
        match self.completion().await {
            Completion::Connected { queue_manager, incarnation } => Ok((queue_manager, incarnation)),
            Completion::NotConnected(reason) => Err(reason),
            other => unreachable!("the end of a connect is not {other:?}"),
        }
    }

    /// Drops the connection without a word.
    pub(super) fn abandon(&mut self) {
        self.client.abandon(&mut self.effects);
        self.process.perform(&mut self.effects);
    }

    /// Makes a call and waits for its end.
    ///
    /// # Errors
    /// What the queue manager answered, or 2009 if the connection broke, with what is known of the call's effect.
    pub(super) async fn call(&mut self, call: MqiCall) -> Result<MqiAnswer, CallFailed> {
        if !self.client.is_connected() {
            return Err(CallFailed {
                reason: Reason::ConnectionBroken,
                fate: Fate::DidNotHappen,
                connection_lost: true,
            });
        }
        self.client.call(call, &mut self.effects);
        match self.completion().await {
            Completion::Answered(answer) => Ok(answer),
            Completion::Failed(failed) => Err(failed),
            other => unreachable!("the end of a call is not {other:?}"),
        }
    }

    async fn completion(&mut self) -> Completion {
        loop {
            self.process.perform(&mut self.effects);
            let input = self.process.next().await;
            if let Handled::Completed(completion) = self.client.handle(input, &mut self.effects) {
                self.process.perform(&mut self.effects);
                return completion;
            }
        }
    }

    /// `MQOPEN`.
    ///
    /// # Errors
    /// As [`Connection::call`].
    pub(super) async fn open(&mut self, queue: QueueName, open_for: OpenFor) -> Result<ObjectHandle, CallFailed> {
        match self.call(MqiCall::Open { queue, queue_manager: None, open_for }).await? {
            MqiAnswer::Opened { handle } => Ok(handle),
            other => unexpected(&other),
        }
    }

    /// `MQPUT`.
    ///
    /// # Errors
    /// As [`Connection::call`].
    pub(super) async fn put(
        &mut self,
        handle: ObjectHandle,
        syncpoint: Syncpoint,
        descriptor: PutDescriptor,
        payload: Payload,
    ) -> Result<MessageId, CallFailed> {
        put_answer(self.call(MqiCall::Put { handle, syncpoint, descriptor, payload }).await?)
    }

    /// `MQPUT1`.
    ///
    /// # Errors
    /// As [`Connection::call`].
    pub(super) async fn put1(
        &mut self,
        queue: QueueName,
        queue_manager: Option<QueueManagerName>,
        syncpoint: Syncpoint,
        descriptor: PutDescriptor,
        payload: Payload,
    ) -> Result<MessageId, CallFailed> {
        put_answer(self.call(MqiCall::Put1 { queue, queue_manager, syncpoint, descriptor, payload }).await?)
    }

    /// `MQGET`.
    ///
    /// # Errors
    /// As [`Connection::call`]; 2033 if there is no message.
    pub(super) async fn get(
        &mut self,
        handle: ObjectHandle,
        syncpoint: Syncpoint,
        wait: Wait,
        selection: Match,
    ) -> Result<Message, CallFailed> {
        got_answer(self.call(MqiCall::Get { handle, syncpoint, wait, selection }).await?)
    }

    /// `MQGET` with a browse option.
    ///
    /// # Errors
    /// As [`Connection::call`]; 2033 if there is no (further) message.
    pub(super) async fn browse(
        &mut self,
        handle: ObjectHandle,
        position: BrowsePosition,
        lock: BrowseLock,
    ) -> Result<Message, CallFailed> {
        got_answer(self.call(MqiCall::Browse { handle, position, lock }).await?)
    }

    /// `MQCLOSE`.
    ///
    /// # Errors
    /// As [`Connection::call`].
    pub(super) async fn close(&mut self, handle: ObjectHandle) -> Result<(), CallFailed> {
        self.call(MqiCall::Close { handle }).await.map(drop)
    }

    /// `MQCMIT`.
    ///
    /// # Errors
    /// As [`Connection::call`].
    pub(super) async fn commit(&mut self) -> Result<(), CallFailed> {
        self.call(MqiCall::Commit).await.map(drop)
    }

    /// `MQBACK`.
    ///
    /// # Errors
    /// As [`Connection::call`].
    pub(super) async fn back_out(&mut self) -> Result<(), CallFailed> {
        self.call(MqiCall::Backout).await.map(drop)
    }

    /// `MQDISC`.
    ///
    /// # Errors
    /// As [`Connection::call`].
    pub(super) async fn disconnect(&mut self) -> Result<(), CallFailed> {
        self.call(MqiCall::Disconnect).await.map(drop)
    }

    /// `xa_start`.
    ///
    /// # Errors
    /// As [`Connection::call`].
    pub(super) async fn begin(&mut self, xid: Xid) -> Result<(), CallFailed> {
        self.call(MqiCall::Begin { xid }).await.map(drop)
    }

    /// `xa_prepare`.
    ///
    /// # Errors
    /// As [`Connection::call`].
    pub(super) async fn prepare(&mut self, xid: Xid) -> Result<(), CallFailed> {
        self.call(MqiCall::Prepare { xid }).await.map(drop)
    }

    /// `xa_commit` or `xa_rollback`.
    ///
    /// # Errors
    /// As [`Connection::call`].
    pub(super) async fn resolve(&mut self, xid: Xid, outcome: Outcome) -> Result<(), CallFailed> {
        self.call(MqiCall::Resolve { xid, outcome }).await.map(drop)
    }

    /// `xa_recover`.
    ///
    /// # Errors
    /// As [`Connection::call`].
    pub(super) async fn recover(&mut self, coordinator: String) -> Result<Vec<Xid>, CallFailed> {
        match self.call(MqiCall::Recover { coordinator }).await? {
            MqiAnswer::Indoubt { xids } => Ok(xids),
            other => unexpected(&other),
        }
    }

    /// `DISPLAY THREAD(*) TYPE(INDOUBT)`.
    ///
    /// # Errors
    /// As [`Connection::call`].
    pub(super) async fn display_indoubt(
        &mut self,
        queue_manager: Option<QueueManagerName>,
    ) -> Result<Vec<IndoubtThread>, CallFailed> {
        match self.call(MqiCall::Command(Command::DisplayIndoubt { queue_manager })).await? {
            MqiAnswer::Threads { threads } => Ok(threads),
            other => unexpected(&other),
        }
    }

    /// `RESOLVE INDOUBT`.
    ///
    /// # Errors
    /// As [`Connection::call`]; 2326 if the queue manager named is active.
    pub(super) async fn resolve_indoubt(
        &mut self,
        unit_of_work: UnitOfWorkId,
        outcome: Outcome,
        queue_manager: Option<QueueManagerName>,
    ) -> Result<(), CallFailed> {
        let command = Command::ResolveIndoubt { unit_of_work, outcome, queue_manager };
        self.call(MqiCall::Command(command)).await.map(drop)
    }

    /// `DISPLAY QSTATUS(*)`.
    ///
    /// # Errors
    /// As [`Connection::call`].
    pub(super) async fn display_queues(&mut self) -> Result<Vec<QueueStatus>, CallFailed> {
        match self.call(MqiCall::Command(Command::DisplayQueues)).await? {
            MqiAnswer::Queues { queues } => Ok(queues),
            other => unexpected(&other),
        }
    }

    /// Takes an input that came while the application waited for something else than a call.
    pub(super) fn take(&mut self, input: Input) {
        self.client.handle(input, &mut self.effects);
        self.process.perform(&mut self.effects);
    }
}

fn put_answer(answer: MqiAnswer) -> Result<MessageId, CallFailed> {
    match answer {
        MqiAnswer::Put { message_id } => Ok(message_id),
        other => unexpected(&other),
    }
}

fn got_answer(answer: MqiAnswer) -> Result<Message, CallFailed> {
    match answer {
        MqiAnswer::Got { message } => Ok(message),
        other => unexpected(&other),
    }
}

fn unexpected(answer: &MqiAnswer) -> ! {
    panic!("a queue manager that answers {answer:?} to another call is broken")
}
