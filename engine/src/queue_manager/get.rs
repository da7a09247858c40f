//! `MQGET`: takes a message, or waits for one.
//!
//! From a shared queue, the entry is moved atomically onto the member's own get list, whether the get is under syncpoint
//! or not (the product reads and deletes a nonpersistent message in one command when outside syncpoint; here it is moved
//! and deleted). A get that finds nothing waits until list monitoring says that there may be something (reference A1.2).

use crate::coupling_facility::command::{CommandRejected, ListAnswer, ListOperation};
use crate::event::Event;
use crate::machine::{ConnectionId, Effects};
use crate::message::{Message, Persistence};
use crate::mqi::{Match, MqiAnswer, ObjectHandle, OpenFor, Reason, Syncpoint, Wait};
use crate::name::{QueueName, StructureName};
use crate::queue_sharing::monitor::{Interest, MonitorKey};
use crate::step::Step;
use crate::time::Duration;
use crate::unit_of_work::{EntryId, SharedOperation, SharedOperationKind};

use super::QueueManager;
use super::application::{Call, GetCall, OpenPlace};
use super::record::LogRecord;
use super::sharing::Awaiting;
use super::start::Phase;
use super::timer::TimerFor;
use super::unit::{PrivateOperation, PrivateOperationKind, Stage, Teller};

/// How often a get that waits for one message identifier looks again at a shared queue.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

impl QueueManager {
    pub(super) fn get(
        &mut self,
        connection: ConnectionId,
        handle: ObjectHandle,
        syncpoint: Syncpoint,
        wait: Wait,
        selection: Match,
        effects: &mut Effects,
    ) {
        let for_input = [OpenFor::InputShared, OpenFor::InputExclusive];
        let target = self.opened(connection, handle, &for_input, Reason::NotOpenForInput);
        let target = target.and_then(|target| self.may_work(connection, syncpoint).map(|()| target));
        let (queue, place) = match target {
            Ok(target) => target,
            Err(reason) => {
                self.answer(connection, Err(reason), effects);
                return;
            }
        };
        let unit_of_work = match syncpoint {
            Syncpoint::Within => self.unit_of_work_of(connection),
            Syncpoint::Outside => self.implicit_unit_of_work(),
        };
        let deadline = match wait {
            Wait::No => Some(self.now),
            Wait::For(interval) => Some(self.now + interval),
            Wait::Unlimited => None,
        };
        let get = GetCall {
            handle,
            queue,
            place,
            syncpoint,
            selection,
            unit_of_work,
            deadline,
            timer: None,
            look_again: None,
            since: 0,
            waiting: false,
            woken: false,
        };
        if let Some(application) = self.applications.get_mut(&connection) {
            application.call = Some(Call::Get(get));
        }
        self.try_get(connection, effects);
    }

    fn get_call(&mut self, connection: ConnectionId) -> Option<&mut GetCall> {
        self.applications.get_mut(&connection)?.get_call()
    }

    /// Looks for a message, for the first time or again.
    fn try_get(&mut self, connection: ConnectionId, effects: &mut Effects) {
        let Some(get) = self.get_call(connection) else { return };
        get.waiting = false;
        let get = get.clone();
        match &get.place {
            OpenPlace::Private => self.try_get_private(connection, &get, effects),
            // What a unit of work of the life that lost the coupling facility holds there is backed out by peers.
            OpenPlace::Shared(_) if get.unit_of_work.incarnation != self.life => {
                self.end_get(connection, Err(Reason::CouplingFacilityNotAvailable), effects);
            }
            OpenPlace::Shared(structure) => {
                let since = self.monitors().map_or(0, |monitors| monitors.since(&monitor_key(structure, &get)));
                if let Some(get) = self.get_call(connection) {
                    get.since = since;
                }
                let application = self.applications.get_mut(&connection);
                let open = application.and_then(|application| application.handles.get_mut(&get.handle));
                let take = ListOperation::MoveToGetList {
                    queue: get.queue.clone(),
                    selection: get.selection,
                    owner: get.unit_of_work.clone(),
                    // The own browse keeps nothing from the own get.
                    locked: open.and_then(|open| open.locked.take()),
                };
                if !self.structure_command(structure, take, Awaiting::Get(connection), effects) {
                    self.end_get(connection, Err(Reason::CouplingFacilityNotAvailable), effects);
                }
            }
        }
    }

    fn try_get_private(&mut self, connection: ConnectionId, get: &GetCall, effects: &mut Effects) {
        let browser = self
            .applications
            .get(&connection)
            .and_then(|application| application.handles.get(&get.handle))
            .map(|open| open.browser);
        let now = self.now;
        let store = self.queues.get_mut(&get.queue).expect("an open private queue exists");
        let search = store.first(now, &get.selection, browser);
        self.remove_expired(&get.queue, search.expired, effects);
        let Some(number) = search.found else {
            self.nothing_found(connection, effects);
            return;
        };
        let store = self.queues.get_mut(&get.queue).expect("an open private queue exists");
        let taken = store.take(number, Some(get.unit_of_work.clone()));
        let message = taken.expect("what a search found can be taken");
        let lsn = (message.descriptor.persistence == Persistence::Persistent).then(|| {
            let record = LogRecord::Get { unit_of_work: get.unit_of_work.clone(), queue: get.queue.clone(), number };
            self.append(&record, effects)
        });
        let work = self.units.get_mut(&get.unit_of_work).expect("a get has a unit of work");
        work.private.push(PrivateOperation { queue: get.queue.clone(), number, kind: PrivateOperationKind::Get });
        work.logged = lsn.or(work.logged);
        work.operations_left = work.operations_left.saturating_sub(1);
        self.got(connection, get, message, effects);
    }

    pub(super) fn remove_expired(
        &mut self,
        queue: &QueueName,
        expired: Vec<crate::queue::MessageNumber>,
        effects: &mut Effects,
    ) {
        for number in expired {
            let store = self.queues.get_mut(queue).expect("an open private queue exists");
            let message = store.take(number, None).expect("what a search met can be taken");
            if message.descriptor.persistence == Persistence::Persistent {
                self.append(&LogRecord::Removed { queue: queue.clone(), number }, effects);
            }
            effects.report(Event::Expired { queue: queue.clone() });
        }
    }

    pub(super) fn shared_get_answered(
        &mut self,
        connection: ConnectionId,
        answer: Result<ListAnswer, CommandRejected>,
        effects: &mut Effects,
    ) {
        let Some(get) = self.get_call(connection).cloned() else { return };
        let OpenPlace::Shared(structure) = &get.place else { return };
        match answer {
            Ok(ListAnswer::Entry { entry, message }) => {
                if message.is_expired(self.now) {
                    self.delete_expired(structure, &get, entry, effects);
                    self.try_get(connection, effects);
                    return;
                }
                let operation = SharedOperation {
                    structure: structure.clone(),
                    queue: get.queue.clone(),
                    entry,
                    kind: SharedOperationKind::Get,
                };
                let lsn = (message.descriptor.persistence == Persistence::Persistent).then(|| {
                    let unit_of_work = Some(get.unit_of_work.clone());
                    let record = LogRecord::Shared { unit_of_work, operation: operation.clone() };
                    self.append(&record, effects)
                });
                self.add_shared(&get.unit_of_work, operation, lsn);
                self.got(connection, &get, *message, effects);
            }
            Ok(_) => {
                if get.woken {
                    effects.report(Event::SpuriousTransition { queue: get.queue.clone() });
                }
                self.nothing_found(connection, effects);
            }
            Err(_) => self.end_get(connection, Err(Reason::CouplingFacilityNotAvailable), effects),
        }
    }

    /// An expired message is removed by the get that meets it (reference A5.6).
    fn delete_expired(&mut self, structure: &StructureName, get: &GetCall, entry: EntryId, effects: &mut Effects) {
        let delete = ListOperation::Delete { entry, owner: get.unit_of_work.clone() };
        self.structure_command(structure, delete, Awaiting::Nothing, effects);
        effects.report(Event::Expired { queue: get.queue.clone() });
    }

    /// A message was taken.
    fn got(&mut self, connection: ConnectionId, get: &GetCall, message: Message, effects: &mut Effects) {
        let answer = Ok(MqiAnswer::Got { message });
        match get.syncpoint {
            Syncpoint::Within => {
                effects.step(Step::GetTaken);
                self.end_get(connection, answer, effects);
            }
            Syncpoint::Outside => {
                self.cancel_wait(connection, effects);
                if let Some(application) = self.applications.get_mut(&connection) {
                    application.call = Some(Call::Other);
                }
                let teller = Teller { connection, answer, step: Some(Step::GetFinal) };
                self.begin_commit(&get.unit_of_work, Some(teller), effects);
            }
        }
    }

    /// Nothing fits: waits if the application wants to.
    fn nothing_found(&mut self, connection: ConnectionId, effects: &mut Effects) {
        let now = self.now;
        let quiescing = self.phase == Phase::Quiescing;
        let Some(application) = self.applications.get_mut(&connection) else { return };
        let gone = application.gone;
        let Some(get) = application.get_call() else { return };
        if gone || get.deadline.is_some_and(|deadline| deadline <= now) {
            self.end_get(connection, Err(Reason::NoMessageAvailable), effects);
            return;
        }
        if quiescing {
            self.end_get(connection, Err(Reason::QueueManagerQuiescing), effects);
            return;
        }
        get.waiting = true;
        get.woken = false;
        let get = get.clone();
        if let (None, Some(deadline)) = (get.timer, get.deadline) {
            let timer = self.timers.set(deadline, TimerFor::WaitInterval(connection), effects);
            if let Some(get) = self.get_call(connection) {
                get.timer = Some(timer);
            }
        }
        match &get.place {
            OpenPlace::Private => {
                let waiters = self.waiting.entry(get.queue.clone()).or_default();
                if !waiters.contains(&connection) {
                    waiters.push(connection);
                }
            }
            OpenPlace::Shared(structure) => {
                if matches!(get.selection, Match::MessageId(_)) && get.look_again.is_none() {
                    let timer = self.timers.set(now + LOOK_AGAIN, TimerFor::LookAgain(connection), effects);
                    if let Some(get) = self.get_call(connection) {
                        get.look_again = Some(timer);
                    }
                }
                let key = monitor_key(structure, &get);
                let Some(monitors) = self.monitors_mut() else { return };
                match monitors.wait(&key, connection, get.since) {
                    Interest::Watched => {}
                    Interest::TryAgain => self.try_get(connection, effects),
                    Interest::Register => self.watch(key, true, effects),
                }
            }
        }
    }

    fn watch(&mut self, key: MonitorKey, on: bool, effects: &mut Effects) {
        let operation = ListOperation::Monitor { queue: key.queue.clone(), correlation_id: key.correlation_id, on };
        let structure = key.structure.clone();
        let awaiting = if on { Awaiting::Monitor(key) } else { Awaiting::Nothing };
        self.structure_command(&structure, operation, awaiting, effects);
    }

    /// A list that is watched is not empty, or may not be: every waiter tries again.
    pub(super) fn list_transition(&mut self, key: &MonitorKey, effects: &mut Effects) {
        let Some(monitors) = self.monitors_mut() else { return };
        for connection in monitors.signalled(key) {
            if let Some(get) = self.get_call(connection) {
                get.woken = true;
                self.try_get(connection, effects);
            }
        }
    }

    /// Something became available on a private queue: waiters try in the order in which they came.
    pub(super) fn wake_private(&mut self, queue: &QueueName, effects: &mut Effects) {
        // Those that find nothing line up again, in the same order.
        let waiters = self.waiting.get_mut(queue).map(std::mem::take).unwrap_or_default();
        for connection in waiters {
            self.try_get(connection, effects);
        }
    }

    /// The wait interval is over, or a get by message identifier is to look again.
    pub(super) fn get_timer(&mut self, connection: ConnectionId, wait_is_over: bool, effects: &mut Effects) {
        let Some(get) = self.get_call(connection) else { return };
        if wait_is_over {
            get.timer = None;
        } else {
            get.look_again = None;
        }
        if get.waiting {
            self.leave_waiters(connection, effects);
            self.try_get(connection, effects);
        }
    }

    /// Takes a get out of the queue of waiters, without ending it.
    fn leave_waiters(&mut self, connection: ConnectionId, effects: &mut Effects) {
        let Some(get) = self.get_call(connection).cloned() else { return };
        match &get.place {
            OpenPlace::Private => {
                if let Some(waiters) = self.waiting.get_mut(&get.queue) {
                    waiters.retain(|waiter| *waiter != connection);
                }
            }
            OpenPlace::Shared(structure) => {
                let key = monitor_key(structure, &get);
                if self.monitors_mut().is_some_and(|monitors| monitors.leave(&key, connection)) {
                    self.watch(key, false, effects);
                }
            }
        }
    }

    fn cancel_wait(&mut self, connection: ConnectionId, effects: &mut Effects) {
        self.leave_waiters(connection, effects);
        let timers = self.get_call(connection).map(|get| [get.timer.take(), get.look_again.take()]);
        for timer in timers.into_iter().flatten().flatten() {
            self.timers.cancel(timer, effects);
        }
    }

    /// A waiting get is given up without an answer: its application has gone.
    pub(super) fn stop_waiting(&mut self, connection: ConnectionId, effects: &mut Effects) {
        self.cancel_wait(connection, effects);
        self.forget_implicit(connection);
        if let Some(application) = self.applications.get_mut(&connection) {
            application.call = None;
        }
    }

    /// Ends a get with an answer.
    pub(super) fn end_get(
        &mut self,
        connection: ConnectionId,
        answer: Result<MqiAnswer, Reason>,
        effects: &mut Effects,
    ) {
        self.cancel_wait(connection, effects);
        self.forget_implicit(connection);
        self.answer(connection, answer, effects);
    }

    /// The unit of work that stood for a get outside syncpoint is not needed: nothing was taken.
    fn forget_implicit(&mut self, connection: ConnectionId) {
        let Some(get) = self.get_call(connection) else { return };
        let unit = get.unit_of_work.clone();
        if self.units.get(&unit).is_some_and(|work| work.implicit && work.is_empty() && work.stage == Stage::Open) {
            self.units.remove(&unit);
        }
    }
}

fn monitor_key(structure: &StructureName, get: &GetCall) -> MonitorKey {
    let correlation_id = match get.selection {
        Match::CorrelationId(correlation_id) => Some(correlation_id),
        Match::Any | Match::MessageId(_) => None,
    };
    MonitorKey { structure: structure.clone(), queue: get.queue.clone(), correlation_id }
}
