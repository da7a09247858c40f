//! The one contract between engine and world.
//!
//! Every process of the middleware is a [`Machine`]: state plus one function from an [`Input`] to [`Effects`]. The world
//! executes the effects in order and may stop between any two of them: that is what a crash is. Nothing that a machine
//! holds in memory survives; everything it needs must come back from its files, the coupling facility or its peers.

mod silence;

use serde::{Deserialize, Serialize};

pub use silence::Silence;

use crate::event::Event;
use crate::frame::Frame;
use crate::name::{Address, ProcessName};
use crate::step::Step;
use crate::time::Time;

/// A process of the middleware: decides, never acts.
pub trait Machine {
    /// Takes one input and appends what is to be done about it.
    ///
    /// `now` is the reading of the host's clock; it never goes back while the process lives.
    fn handle(&mut self, now: Time, input: Input, effects: &mut Effects);
}

/// A connection as one of its two ends knows it. Numbers are given out by the process's own [`Effects`] (for those it
/// opens) or by the world (for those it accepts), and are never used twice in the life of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u32);

/// A timer of one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimerId(pub u32);

/// A force asked for by one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ForceId(pub u32);

/// A file of a process: which disk it lies on is the world's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct File(pub &'static str);

/// What the disk gave back when a process started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredFile {
    /// The bytes from `start` (what lies before was discarded). May end in a torn write.
    Content {
        /// Offset of the first byte, counted from the file's beginning of life.
        start: u64,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// The device reports an error for it.
    Unreadable,
}

/// Which life of a process this is: 1 for the first start, one more for each restart. A queue manager counts a new life
/// also when it connects to the coupling facility again after it had lost it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Incarnation(pub u32);

impl Incarnation {
    /// The life after this one.
    #[must_use]
    pub const fn next(self) -> Incarnation {
        Incarnation(self.0 + 1)
    }
}

/// How a connection ended, as far as this end can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Broken {
    /// The peer's process ended and its host said so at once.
    Reset,
    /// Nothing was heard for the silence timeout: the peer, its host or the way there may be gone, or merely slow.
    Silence,
    /// The peer closed it in good order, after everything it had sent.
    Closed,
}

/// Why a connection could not be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refused {
    /// The host is there, but nobody listens.
    NobodyListens,
    /// No answer within the connect timeout.
    NoAnswer,
}

/// What can happen to a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// First input of every life.
    Started {
        /// Which life this is.
        incarnation: Incarnation,
        /// What the disk holds, for each file that was ever written.
        files: Vec<(File, StoredFile)>,
    },
    /// A connection that this process opened is there.
    Connected {
        /// The number it gave.
        connection: ConnectionId,
    },
    /// A connection that this process wanted could not be opened.
    Refused {
        /// The number it gave.
        connection: ConnectionId,
        /// Why.
        why: Refused,
    },
    /// A peer opened a connection to an address at which this process listens.
    Accepted {
        /// The number the world gave.
        connection: ConnectionId,
        /// Where it was accepted.
        at: Address,
        /// The process at the other end.
        from: ProcessName,
    },
    /// A frame arrived, in the order of sending.
    Frame {
        /// Where.
        connection: ConnectionId,
        /// What.
        frame: Frame,
    },
    /// A connection ended; nothing more will arrive on it.
    Broken {
        /// Which.
        connection: ConnectionId,
        /// How.
        how: Broken,
    },
    /// A datagram arrived: perhaps late, twice, or before an earlier one.
    Datagram {
        /// The process that sent it.
        from: ProcessName,
        /// What.
        frame: Frame,
    },
    /// A timer ran out.
    Timer {
        /// Which.
        timer: TimerId,
    },
    /// Everything appended to `file` before the force was asked for is on the medium.
    Forced {
        /// Where.
        file: File,
        /// Which force.
        request: ForceId,
    },
    /// The device could not do it; what is on the medium is unknown until the next start.
    DeviceError {
        /// Where.
        file: File,
        /// What the device said.
        error: DeviceError,
    },
    /// Somebody asks the process to end in good order.
    Stop(StopMode),
}

/// What became of an input that was offered to a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offered {
    /// It was for the component.
    Taken,
    /// It is somebody else's.
    Declined(Input),
}

/// What a device can say instead of doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeviceError {
    /// No space is left.
    Full,
    /// The write failed.
    Failed,
}

/// How a process is asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StopMode {
    /// Lets work in progress end first (`STOP QMGR MODE(QUIESCE)`).
    Quiesce,
    /// Backs out work in progress (`STOP QMGR MODE(FORCE)`).
    Force,
}

/// Why a process ended of its own accord.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ended {
    /// In good order, as asked.
    Normally,
    /// Abnormally, with the product's reason.
    Abnormally(&'static str),
}

/// What a process asks of the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Accepts connections at an address from now on.
    Listen {
        /// Where. The address is found on whichever host the process runs.
        address: Address,
        /// What ends an accepted connection whose peer is gone without a word.
        silence: Silence,
    },
    /// Accepts no further connections; those that are open stay.
    StopListening {
        /// Where.
        address: Address,
    },
    /// Opens a connection; [`Input::Connected`] or [`Input::Refused`] follows.
    Connect {
        /// The number under which this end will know it.
        connection: ConnectionId,
        /// To whom.
        to: Address,
        /// What ends it when the peer is gone without a word.
        silence: Silence,
    },
    /// Sends a frame. To send on a connection that is not open (any more) does nothing.
    Send {
        /// Where.
        connection: ConnectionId,
        /// What.
        frame: Frame,
    },
    /// Closes a connection after everything sent on it.
    Close {
        /// Which.
        connection: ConnectionId,
    },
    /// Sends a datagram: no promise.
    Datagram {
        /// The address at which the other process listens.
        to: Address,
        /// What.
        frame: Frame,
    },
    /// Sets a timer; one that was set before with the same number is replaced.
    SetTimer {
        /// Which.
        timer: TimerId,
        /// When, by the host's clock.
        at: Time,
    },
    /// Cancels a timer; its input will not arrive.
    CancelTimer {
        /// Which.
        timer: TimerId,
    },
    /// Writes at the end of a file. Volatile until forced.
    Append {
        /// Where.
        file: File,
        /// What.
        bytes: Vec<u8>,
    },
    /// Makes everything appended so far durable; [`Input::Forced`] follows.
    Force {
        /// Where.
        file: File,
        /// Which force.
        request: ForceId,
    },
    /// Gives up what lies before an offset (log space after a checkpoint).
    DiscardBefore {
        /// Where.
        file: File,
        /// The first byte to keep, counted from the file's beginning of life.
        offset: u64,
    },
    /// Cuts off what lies from an offset on (a torn tail, at restart), durably.
    CutFrom {
        /// Where.
        file: File,
        /// The first byte to drop.
        offset: u64,
    },
    /// Starts a process on the host of this one (automatic restart).
    Start {
        /// Which.
        process: ProcessName,
    },
    /// Passes a step of a protocol that has a name, so that a fault can strike exactly here.
    Step(Step),
    /// Something worth telling happened.
    Report(Event),
    /// The process ends; effects after it are not executed.
    End(Ended),
}

/// Where a machine writes what it wants done, in order.
#[must_use]
#[derive(Debug, Default)]
pub struct Effects {
    list: Vec<Effect>,
    next_connection: u32,
}

impl Effects {
    /// Nothing to be done yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends an effect.
    pub fn push(&mut self, effect: Effect) {
        self.list.push(effect);
    }

    /// Opens a connection and tells the number under which this end will know it.
    pub fn connect(&mut self, to: Address, silence: Silence) -> ConnectionId {
        let connection = self.next_connection_id();
        self.push(Effect::Connect { connection, to, silence });
        connection
    }

    /// Sends a frame.
    pub fn send(&mut self, connection: ConnectionId, frame: Frame) {
        self.push(Effect::Send { connection, frame });
    }

    /// Passes a named step.
    pub fn step(&mut self, step: Step) {
        self.push(Effect::Step(step));
    }

    /// Tells an event.
    pub fn report(&mut self, event: Event) {
        self.push(Effect::Report(event));
    }

    /// A connection number that this process has not used: for the world, when it accepts one on its behalf.
    pub fn next_connection_id(&mut self) -> ConnectionId {
        self.next_connection += 1;
        ConnectionId(self.next_connection)
    }

    /// Takes the effects out, in order, leaving the buffer's room for the next input.
    pub fn drain(&mut self) -> std::vec::Drain<'_, Effect> {
        self.list.drain(..)
    }

    /// The effects so far.
    #[must_use]
    pub fn as_slice(&self) -> &[Effect] {
        &self.list
    }
}
