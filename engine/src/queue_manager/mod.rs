//! The queue manager: takes calls of applications, keeps private queues and its log, is a member of its group.
//!
//! In the product a queue manager for z/OS is an address space with its own log and page sets, restarted in place or on
//! another image by ARM. Modelled are the verbs of [`crate::mqi`], syncpoint with one and two phases, restart, and
//! everything that belongs to a queue-sharing group. Left out: page sets and buffer pools (private queues live in memory
//! and come back from the log, which holds everything since the last checkpoint), security, channels, triggering.
//!
//! # How a unit of work ends
//!
//! The order of writes decides what a failure leaves behind. For a unit of work that touched shared queues (reference
//! A1.4; the order of log and descriptor is not documented, this is ours):
//!
//! 1. its log records are forced: from here on the private part can be redone,
//! 2. the descriptor says *in-commit*: the commit point. Before it a failure backs everything out, the shared part by
//!    peers and the private part at restart; after it everything is completed by the same,
//! 3. the commit record is forced,
//! 4. each structure's entries are settled, then the private part,
//! 5. the descriptor is deleted and the end of the unit of work logged; the application is told.
//!
//! Without a shared part the commit point is the forced commit record. In phase one of two, the descriptor says
//! *in-doubt* before the prepare record is forced: an in-doubt descriptor without that record was never voted for and is
//! backed out at restart. Backout writes the descriptor first, so that peers can finish it.
//!
//! # Where to look
//!
//! `start` restart, `replay` what the log holds, `put`, `get`, `browse`, `ending` commit and backout
//! (`private_part` what they do to private queues), `coordinator` two phases, `command` operator's commands, `sharing` the
//! group (`connectivity` when it comes and goes), `stop`.

mod application;
mod browse;
mod command;
mod connectivity;
mod coordinator;
pub mod definition;
mod ending;
mod get;
mod open;
mod private_part;
mod put;
mod record;
mod replay;
mod sharing;
mod start;
mod stop;
mod tag;
#[cfg(test)]
mod tests;
mod timer;
mod unit;

use std::collections::BTreeMap;

use crate::frame::Frame;
use crate::log::{Lsn, RecoveryLog};
use crate::machine::{ConnectionId, Effects, File, Incarnation, Input, Machine};
use crate::message::MessageId;
use crate::mqi::{MqiAnswer, MqiCall, MqiReply, Reason};
use crate::name::QueueName;
use crate::queue::{MessageNumber, PrivateQueue};
use crate::time::Time;
use crate::unit_of_work::UnitOfWorkId;

use application::{Application, Call};
use definition::{Placement, QueueManagerDefinition};
use ending::AfterForce;
use record::LogRecord;
use sharing::Sharing;
use start::Phase;
use timer::Timers;
use unit::UnitOfWork;

/// The file of the recovery log.
pub const LOG: File = File("log");

/// A queue manager in one of its lives.
pub struct QueueManager {
    definition: QueueManagerDefinition,
    placement: Placement,
    now: Time,
    phase: Phase,
    /// Which life this is: the group tells lives apart by it.
    life: Incarnation,
    log: RecoveryLog<LogRecord, AfterForce>,
    queues: BTreeMap<QueueName, PrivateQueue>,
    units: BTreeMap<UnitOfWorkId, UnitOfWork>,
    last_unit: u64,
    last_message: u64,
    last_number: MessageNumber,
    last_browser: u64,
    applications: BTreeMap<ConnectionId, Application>,
    /// Gets that wait on private queues, in the order of their arrival.
    waiting: BTreeMap<QueueName, Vec<ConnectionId>>,
    timers: Timers,
    sharing: Option<Sharing>,
}

impl QueueManager {
    /// A queue manager that has not been started.
    #[must_use]
    pub fn new(definition: QueueManagerDefinition, placement: Placement) -> Self {
        let sharing = definition.group.as_ref().map(Sharing::new);
        QueueManager {
            queues: start::private_queues(&definition),
            definition,
            placement,
            now: Time::START,
            phase: Phase::NotStarted,
            life: Incarnation::default(),
            log: RecoveryLog::new(LOG, Incarnation::default()),
            units: BTreeMap::new(),
            last_unit: 0,
            last_message: 0,
            last_number: MessageNumber::default(),
            last_browser: 0,
            applications: BTreeMap::new(),
            waiting: BTreeMap::new(),
            timers: Timers::default(),
            sharing,
        }
    }

    /// The name of a new unit of work.
    fn next_unit_of_work(&mut self) -> UnitOfWorkId {
        self.last_unit += 1;
        UnitOfWorkId { queue_manager: self.definition.name.clone(), incarnation: self.life, sequence: self.last_unit }
    }

    /// A message identifier that no other queue manager, and no other life of this one, makes.
    fn next_message_id(&mut self) -> MessageId {
        self.last_message += 1;
        let mut name: u64 = 0;
        for byte in self.definition.name.as_str().bytes() {
            name = name.wrapping_mul(257).wrapping_add(u64::from(byte));
        }
        let life = u128::from(self.life.0) << 40;
        MessageId((u128::from(name) << 64) | life | u128::from(self.last_message))
    }

    fn next_number(&mut self) -> MessageNumber {
        self.last_number.0 += 1;
        self.last_number
    }

    fn append(&mut self, record: &LogRecord, effects: &mut Effects) -> Lsn {
        self.log.append(record, effects)
    }

    /// Answers the call in progress on a connection; if the application has gone meanwhile, cleans up after it.
    fn answer(&mut self, connection: ConnectionId, answer: Result<MqiAnswer, Reason>, effects: &mut Effects) {
        let Some(application) = self.applications.get_mut(&connection) else { return };
        application.call = None;
        if application.gone {
            self.application_gone(connection, effects);
            return;
        }
        let reply = match answer {
            Ok(answer) => MqiReply::Ok(answer),
            Err(reason) => MqiReply::Failed(reason),
        };
        effects.send(connection, Frame::MqiReply(Box::new(reply)));
    }

    fn call(&mut self, connection: ConnectionId, call: MqiCall, effects: &mut Effects) {
        let Some(application) = self.applications.get_mut(&connection) else { return };
        assert!(application.call.is_none(), "an application has one call outstanding");
        application.call = Some(Call::Other);
        let refused = match (application.connected, matches!(call, MqiCall::Connect(_))) {
            (false, false) => Some(Reason::ConnectionHandleError),
            (true, true) => Some(Reason::AlreadyConnected),
            (false, true) | (true, false) => None,
        };
        if let Some(reason) = refused {
            self.answer(connection, Err(reason), effects);
            return;
        }
        match call {
            MqiCall::Connect(options) => self.connect(connection, options, effects),
            MqiCall::Open { queue, queue_manager, open_for } => {
                let answer = self.open(connection, &queue, queue_manager.as_ref(), open_for);
                self.answer(connection, answer.map(|handle| MqiAnswer::Opened { handle }), effects);
            }
            MqiCall::Put { handle, syncpoint, descriptor, payload } => {
                self.put(connection, handle, syncpoint, descriptor, payload, effects);
            }
            MqiCall::Put1 { queue, queue_manager, syncpoint, descriptor, payload } => {
                self.put1(connection, &queue, queue_manager.as_ref(), syncpoint, descriptor, payload, effects);
            }
            MqiCall::Get { handle, syncpoint, wait, selection } => {
                self.get(connection, handle, syncpoint, wait, selection, effects);
            }
            MqiCall::Browse { handle, position, lock } => self.browse(connection, handle, position, lock, effects),
            MqiCall::Commit => self.commit_call(connection, effects),
            MqiCall::Backout => self.backout_call(connection, effects),
            MqiCall::Close { handle } => self.close(connection, handle, effects),
            MqiCall::Disconnect => self.disconnect(connection, effects),
            MqiCall::Begin { xid } => self.begin_transaction(connection, xid, effects),
            MqiCall::Prepare { xid } => self.prepare_call(connection, &xid, effects),
            MqiCall::Resolve { xid, outcome } => self.resolve_call(connection, &xid, outcome, effects),
            MqiCall::Recover { coordinator } => self.recover_call(connection, coordinator, effects),
            MqiCall::Command(command) => self.command(connection, command, effects),
        }
    }

    fn frame(&mut self, connection: ConnectionId, frame: Frame, effects: &mut Effects) {
        match frame {
            Frame::MqiCall(call) => self.call(connection, *call, effects),
            Frame::CouplingResponse(response) => self.coupling_response(connection, *response, effects),
            Frame::Sysplex(frame) => self.sysplex_frame(*frame, effects),
            // Spoken by others, or of another protocol: whoever sends it here is not meant for a queue manager.
            _ => {}
        }
    }
}

impl Machine for QueueManager {
    fn handle(&mut self, now: Time, input: Input, effects: &mut Effects) {
        self.now = now;
        match input {
            Input::Started { incarnation, files } => self.start(incarnation, files, effects),
            _ if self.phase == Phase::Ended => {}
            Input::Accepted { connection, .. } => {
                self.applications.insert(connection, Application::new());
            }
            Input::Frame { connection, frame } => self.frame(connection, frame, effects),
            Input::Broken { connection, how } => self.broken(connection, how, effects),
            Input::Connected { connection } => self.connected(connection, effects),
            Input::Refused { connection, .. } => self.refused(connection, effects),
            Input::Timer { timer } => self.timer(timer, effects),
            Input::Forced { request, .. } => {
                for after in self.log.forced(request, effects) {
                    self.after_force(after, effects);
                }
                self.checkpoint_if_due(effects);
            }
            Input::DeviceError { .. } => self.abend("the log cannot be written", effects),
            Input::Stop(mode) => self.stop(mode, effects),
            Input::Datagram { .. } => {}
        }
    }
}
