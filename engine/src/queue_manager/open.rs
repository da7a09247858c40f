//! `MQCONNX`, `MQOPEN`, `MQCLOSE`, `MQDISC`, and the end of a connection.
//!
//! The name given to connect is the queue manager's or its group's (then prepared units of work have group disposition,
//! if `GROUPUR` is enabled). Opening a shared queue by another member's name depends on `SQQMNAME` (reference A5.4).

use crate::machine::{ConnectionId, Effects};
use crate::mqi::{ConnectOptions, MqiAnswer, ObjectHandle, OpenFor, Reason};
use crate::name::{QueueManagerName, QueueName};
use crate::queue::BrowserId;
use crate::unit_of_work::Disposition;

use super::QueueManager;
use super::application::{Call, OpenPlace, OpenQueue};
use super::definition::{QueueDefinition, QueuePlace, SharedQueueManagerName};
use super::start::Phase;
use super::unit::{Stage, Teller};

impl QueueManager {
    pub(super) fn connect(&mut self, connection: ConnectionId, options: ConnectOptions, effects: &mut Effects) {
        if self.phase != Phase::Running {
            let reason = match self.phase {
                Phase::Quiescing => Reason::QueueManagerQuiescing,
                _ => Reason::QueueManagerNotAvailable,
            };
            self.answer(connection, Err(reason), effects);
            return;
        }
        let group = self.definition.group.as_ref();
        let by_group = group.is_some_and(|group| group.name.as_str() == options.name);
        if !by_group && options.name != self.definition.name.as_str() {
            self.answer(connection, Err(Reason::QueueManagerNameError), effects);
            return;
        }
        let disposition = match group {
            Some(group) if by_group && group.group_unit_of_recovery => Disposition::Group,
            _ => Disposition::QueueManager,
        };
        let Some(application) = self.applications.get_mut(&connection) else { return };
        application.name = options.application;
        application.disposition = disposition;
        match options.tag {
            Some((tag, tag_use)) => self.take_tag(connection, tag, tag_use, effects),
            None => self.connection_accepted(connection, effects),
        }
    }

    pub(super) fn connection_accepted(&mut self, connection: ConnectionId, effects: &mut Effects) {
        if let Some(application) = self.applications.get_mut(&connection) {
            application.connected = true;
        }
        let answer = MqiAnswer::Connected { queue_manager: self.definition.name.clone(), incarnation: self.life };
        self.answer(connection, Ok(answer), effects);
    }

    /// What is defined under a name, and where it lies.
    pub(super) fn resolve(
        &self,
        queue: &QueueName,
        queue_manager: Option<&QueueManagerName>,
    ) -> Result<(&QueueDefinition, OpenPlace), Reason> {
        let group = self.definition.group.as_ref();
        let here = queue_manager.is_none_or(|name| {
            *name == self.definition.name || group.is_some_and(|group| group.name.as_str() == name.as_str())
        });
        if !here {
            let member = group.is_some_and(|group| queue_manager.is_some_and(|name| group.members.contains(name)));
            let ignore = self.definition.shared_queue_manager_name == SharedQueueManagerName::Ignore;
            let shared = self.definition.queues.get(queue).is_some_and(|queue| queue.place != QueuePlace::Private);
            if !(member && ignore && shared) {
                return Err(Reason::UnknownObjectQueueManager);
            }
        }
        let definition = self.definition.queues.get(queue).ok_or(Reason::UnknownObjectName)?;
        let place = match &definition.place {
            QueuePlace::Private => OpenPlace::Private,
            QueuePlace::Shared(structure) => OpenPlace::Shared(structure.clone()),
        };
        Ok((definition, place))
    }

    pub(super) fn open(
        &mut self,
        connection: ConnectionId,
        queue: &QueueName,
        queue_manager: Option<&QueueManagerName>,
        open_for: OpenFor,
    ) -> Result<ObjectHandle, Reason> {
        if self.phase == Phase::Quiescing {
            return Err(Reason::QueueManagerQuiescing);
        }
        let (definition, place) = self.resolve(queue, queue_manager)?;
        let share = definition.share;
        if matches!(open_for, OpenFor::InputShared | OpenFor::InputExclusive) {
            let alone = open_for == OpenFor::InputExclusive || !share;
            let in_use = self.applications.values().flat_map(|application| application.handles.values()).any(|open| {
                open.queue == *queue
                    && match open.open_for {
                        OpenFor::InputExclusive => true,
                        OpenFor::InputShared => alone,
                        OpenFor::Output | OpenFor::Browse => false,
                    }
            });
            if in_use {
                return Err(Reason::ObjectInUse);
            }
        }
        self.last_browser += 1;
        let browser = BrowserId(self.last_browser);
        let Some(application) = self.applications.get_mut(&connection) else { return Err(Reason::ConnectionBroken) };
        application.last_handle += 1;
        let handle = ObjectHandle(application.last_handle);
        let open = OpenQueue { queue: queue.clone(), place, open_for, browser, cursor: None, locked: None };
        application.handles.insert(handle, open);
        Ok(handle)
    }

    /// The queue that a handle stands for, and where it lies; `otherwise` if it is not open for any of `uses`.
    pub(super) fn opened(
        &self,
        connection: ConnectionId,
        handle: ObjectHandle,
        uses: &[OpenFor],
        otherwise: Reason,
    ) -> Result<(QueueName, OpenPlace), Reason> {
        let open = self.applications.get(&connection).and_then(|application| application.handles.get(&handle));
        match open {
            None => Err(Reason::HandleError),
            Some(open) if !uses.contains(&open.open_for) => Err(otherwise),
            Some(open) => Ok((open.queue.clone(), open.place.clone())),
        }
    }

    pub(super) fn close(&mut self, connection: ConnectionId, handle: ObjectHandle, effects: &mut Effects) {
        let open = self.applications.get_mut(&connection).and_then(|application| application.handles.remove(&handle));
        let answer = match open {
            Some(open) => {
                self.end_browse(&open, effects);
                Ok(MqiAnswer::Done)
            }
            None => Err(Reason::HandleError),
        };
        self.answer(connection, answer, effects);
    }

    /// `MQDISC`: commits what is uncommitted, but for a global transaction, which is its coordinator's to commit: that is
    /// backed out.
    pub(super) fn disconnect(&mut self, connection: ConnectionId, effects: &mut Effects) {
        let Some(application) = self.applications.get_mut(&connection) else { return };
        let unit = application.unit_of_work.take();
        let global = application.xid.take().is_some();
        application.connected = false;
        application.backed_out = false;
        self.end_handles(connection, effects);
        self.give_up_tag(connection, unit.as_ref(), effects);
        match unit {
            Some(unit) => {
                let teller = Some(Teller { connection, answer: Ok(MqiAnswer::Done), step: None });
                if global {
                    self.begin_backout(&unit, teller, effects);
                } else {
                    self.begin_commit(&unit, teller, effects);
                }
            }
            None => self.answer(connection, Ok(MqiAnswer::Done), effects),
        }
    }

    /// Whatever is still open is closed.
    fn end_handles(&mut self, connection: ConnectionId, effects: &mut Effects) {
        let Some(application) = self.applications.get_mut(&connection) else { return };
        for open in std::mem::take(&mut application.handles).into_values() {
            self.end_browse(&open, effects);
        }
    }

    /// The connection of an application has ended. What it is in the middle of is finished first.
    pub(super) fn application_ended(&mut self, connection: ConnectionId, effects: &mut Effects) {
        let Some(application) = self.applications.get_mut(&connection) else { return };
        application.gone = true;
        match &application.call {
            None => self.application_gone(connection, effects),
            Some(Call::Get(get)) if get.waiting => {
                self.stop_waiting(connection, effects);
                self.application_gone(connection, effects);
            }
            Some(_) => {}
        }
    }

    /// Backs out what an application leaves behind, and forgets it.
    pub(super) fn application_gone(&mut self, connection: ConnectionId, effects: &mut Effects) {
        let Some(application) = self.applications.get_mut(&connection) else { return };
        let unit = application.unit_of_work.take();
        self.end_handles(connection, effects);
        let unit = unit.filter(|unit| self.units.get(unit).is_some_and(|work| work.stage == Stage::Open));
        self.give_up_tag(connection, unit.as_ref(), effects);
        self.applications.remove(&connection);
        if let Some(unit) = unit {
            if self.units.get(&unit).is_some_and(|work| !work.is_empty()) {
                effects.report(crate::event::Event::ConnectionBackedOut { unit_of_work: unit.clone() });
            }
            self.begin_backout(&unit, None, effects);
        }
        self.end_if_quiesced(effects);
    }
}
