//! What an application asks of messaging, whatever the product behind it.
//!
//! The scripts of applications speak these words alone. Each family of products has a [`Provider`] that makes its own
//! calls out of them, and knows what is the product's business: handles, addresses, what a failure says of the connection.
//!
//! Futures are boxed so that a script can hold any provider. One call is outstanding at a time; a call that is dropped
//! half way leaves the provider unusable, as the process that dropped it is dead.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use indoubt_engine::machine::Input;
use indoubt_engine::message::{CorrelationId, MessageId, Payload, Priority};
use indoubt_engine::name::QueueName;
use indoubt_engine::unit_of_work::{Outcome, Xid};

use crate::scenario::model::{OperatorCommand, QualityOfService};

/// Something under way.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A queue, or destination, as an application names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// Its name.
    pub queue: QueueName,
    /// Whose it is: a queue manager, a group; `None` for the one to which the application is connected.
    pub owner: Option<String>,
}

/// A message as its producer hands it over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Where it goes.
    pub to: Destination,
    /// Its identifier; `None` to have one made. Providers that always make one ignore it.
    pub id: Option<MessageId>,
    /// What it belongs to.
    pub correlation: CorrelationId,
    /// How hard the middleware is to try to keep it; `None` for the queue's default.
    pub quality: Option<QualityOfService>,
    /// `None` for the queue's default.
    pub priority: Option<Priority>,
    /// Time to live.
    pub expiry: Option<Duration>,
    /// Where an answer is to go.
    pub reply_to: Option<Destination>,
    /// Content.
    pub payload: Payload,
}

/// A message as its consumer sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Its identifier.
    pub id: MessageId,
    /// What it belongs to.
    pub correlation: CorrelationId,
    /// How hard the middleware tries to keep it.
    pub quality: QualityOfService,
    /// Its priority.
    pub priority: Priority,
    /// How often a delivery of it was taken back, as far as the middleware has counted.
    pub backout_count: u32,
    /// Where an answer is to go.
    pub reply_to: Option<Destination>,
    /// Content.
    pub payload: Payload,
}

/// Whether an operation belongs to the unit of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Final by itself.
    Outside,
    /// To the connection's unit of work: its own, or the one that [`Provider::begin`] has begun.
    Within,
}

/// Whether others may receive from the queue meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// They may.
    Shared,
    /// They may not.
    Exclusive,
}

/// Which message a receive wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Any.
    Any,
    /// The one with this identifier.
    Id(MessageId),
    /// One that belongs to this.
    Correlation(CorrelationId),
}

/// What can be said of a call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It certainly had no effect, or its effect is certainly backed out.
    DidNotHappen,
    /// It certainly had no effect, and with it the middleware has backed out the whole unit of work.
    BackedOut,
    /// It may or may not have had its effect.
    Unknown,
}

/// Whether it makes sense to go on with the connection after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WayOut {
    /// The connection is good: back out, pause, try again.
    Stay,
    /// A fresh connection is the way out.
    Leave,
}

/// Why a call failed and what that means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The reason, as the product prints it.
    pub reason: String,
    /// What became of the call.
    pub fate: Fate,
    /// Whether the connection is gone with it.
    pub connection_lost: bool,
    /// What to do about it.
    pub way_out: WayOut,
}

/// How far an operator's command has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operated {
    /// It is done.
    Done,
    /// Something is left: it is to be typed again.
    NotYet,
    /// It is refused, for good.
    Refused,
}

/// The connection of one application process, which lives as long as the process does: it connects again and again.
pub trait Provider: Send + Sync {
    /// Connects, once.
    fn connect(&mut self) -> Pending<'_, Result<(), Failure>>;

    /// Whether it is connected, as far as this end knows.
    fn is_connected(&self) -> bool;

    /// Whether the other end has asked applications to leave.
    fn should_leave(&self) -> bool;

    /// Whose queues are meant when the application names one: those of whom it is, was last, or wants to be connected to.
    /// The owner of [`super::shared::QueueDescription`].
    fn owner(&self) -> &str;

    /// Makes ready to receive from a queue, if that has to be done before the first receive. Not the receive itself: when
    /// it fails, nobody has asked for a message.
    fn open<'a>(&'a mut self, queue: &'a QueueName, sharing: Sharing) -> Pending<'a, Result<(), Failure>>;

    /// Sends a message.
    fn send(&mut self, outgoing: Outgoing, scope: Scope) -> Pending<'_, Result<(), Failure>>;

    /// Receives a message from a queue that was opened; waits as long (zero: not at all). `None`: there is none.
    fn receive<'a>(
        &'a mut self,
        queue: &'a QueueName,
        sharing: Sharing,
        wait: Duration,
        selection: Selection,
        scope: Scope,
    ) -> Pending<'a, Result<Option<Received>, Failure>>;

    /// Looks at the first message and locks it. `None`: there is none.
    fn browse_and_lock<'a>(&'a mut self, queue: &'a QueueName) -> Pending<'a, Result<Option<Received>, Failure>>;

    /// Commits the unit of work in one phase.
    fn commit(&mut self) -> Pending<'_, Result<(), Failure>>;

    /// Backs the unit of work out, whoever has begun it.
    fn back_out(&mut self) -> Pending<'_, Result<(), Failure>>;

    /// `xa_start`: a transaction of the application's own coordinator begins.
    fn begin(&mut self, xid: Xid) -> Pending<'_, Result<(), Failure>>;

    /// `xa_prepare`.
    fn prepare(&mut self, xid: Xid) -> Pending<'_, Result<(), Failure>>;

    /// `xa_commit` or `xa_rollback`.
    fn resolve(&mut self, xid: Xid, outcome: Outcome) -> Pending<'_, Result<(), Failure>>;

    /// `xa_recover`: which transactions of this coordinator are in doubt there.
    fn recover(&mut self, coordinator: String) -> Pending<'_, Result<Vec<Xid>, Failure>>;

    /// Types an operator's command. On the last attempt it is to be decided whatever is still open.
    fn operate<'a>(
        &'a mut self,
        command: &'a OperatorCommand,
        is_last_attempt: bool,
    ) -> Pending<'a, Result<Operated, Failure>>;

    /// Ends the connection in good order, or drops it if that does not work, and forgets what belonged to it.
    fn disconnect(&mut self) -> Pending<'_, ()>;

    /// Drops the connection without a word, if there is one, and forgets what belonged to it.
    fn abandon(&mut self);

    /// Takes an input of the process that came while the application waited for something else than a call.
    fn take(&mut self, input: Input);
}
