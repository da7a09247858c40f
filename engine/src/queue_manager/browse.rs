//! `MQGET` with a browse option.
//!
//! A message that a browse has locked cannot be got by others until the cursor moves, the queue is closed or the
//! connection ends (`MQGMO_LOCK`). On a shared queue the lock is the same mechanism as a get: the entry lies on the
//! member's get list (reference A1.2, APAR PH63317), and so it is there for peers to give back.

use crate::coupling_facility::command::{BrowseCursor, CommandRejected, ListAnswer, ListOperation};
use crate::machine::{ConnectionId, Effects};
use crate::message::Priority;
use crate::mqi::{BrowseLock, BrowsePosition, Match, MqiAnswer, ObjectHandle, OpenFor, Reason};
use crate::unit_of_work::UnitOfWorkId;

use super::QueueManager;
use super::application::{OpenPlace, OpenQueue};
use super::sharing::Awaiting;

/// A browse of a shared queue that awaits an answer.
#[derive(Clone, Debug)]
pub(super) struct SharedBrowse {
    connection: ConnectionId,
    handle: ObjectHandle,
    lock: BrowseLock,
    /// The locked entry is being moved: under this name.
    locking: Option<UnitOfWorkId>,
}

impl QueueManager {
    pub(super) fn browse(
        &mut self,
        connection: ConnectionId,
        handle: ObjectHandle,
        position: BrowsePosition,
        lock: BrowseLock,
        effects: &mut Effects,
    ) {
        let open = self.applications.get_mut(&connection).and_then(|application| application.handles.get_mut(&handle));
        let open = match open {
            None => {
                self.answer(connection, Err(Reason::HandleError), effects);
                return;
            }
            Some(open) if open.open_for == OpenFor::Output => {
                self.answer(connection, Err(Reason::NotOpenForBrowse), effects);
                return;
            }
            Some(open) => open,
        };
        match &open.place {
            OpenPlace::Private => {
                let (queue, browser) = (open.queue.clone(), open.browser);
                let now = self.now;
                let store = self.queues.get_mut(&queue).expect("an open private queue exists");
                let search = store.browse(browser, position, lock, now);
                let message = search.found.and_then(|number| store.message(number).cloned());
                self.remove_expired(&queue, search.expired, effects);
                if search.unlocked.is_some() {
                    self.wake_private(&queue, effects);
                }
                let answer = message.map(|message| MqiAnswer::Got { message }).ok_or(Reason::NoMessageAvailable);
                self.answer(connection, answer, effects);
            }
            OpenPlace::Shared(structure) => {
                if position == BrowsePosition::First {
                    open.cursor = None;
                }
                let structure = structure.clone();
                let operation = ListOperation::Browse { queue: open.queue.clone(), after: open.cursor };
                if let Some((entry, owner)) = open.locked.take() {
                    let give_back = ListOperation::Return { entry, owner, count_backout: false };
                    self.structure_command(&structure, give_back, Awaiting::Nothing, effects);
                }
                let browse = SharedBrowse { connection, handle, lock, locking: None };
                self.structure_command_for(connection, &structure, operation, Awaiting::Browse(browse), effects);
            }
        }
    }

    pub(super) fn shared_browse_answered(
        &mut self,
        browse: SharedBrowse,
        answer: Result<ListAnswer, CommandRejected>,
        effects: &mut Effects,
    ) {
        let SharedBrowse { connection, handle, lock, locking } = browse;
        let life = self.life;
        let name = self.definition.name.clone();
        let now = self.now;
        let open = self.applications.get_mut(&connection).and_then(|application| application.handles.get_mut(&handle));
        let Some(open) = open else {
            self.answer(connection, Err(Reason::HandleError), effects);
            return;
        };
        let (entry, message) = match answer {
            Ok(ListAnswer::Entry { entry, message }) => (entry, message),
            Ok(_) if locking.is_some() => {
                // Somebody took it in between: the next one, then.
                self.browse(connection, handle, BrowsePosition::Next, lock, effects);
                return;
            }
            Ok(_) => {
                self.answer(connection, Err(Reason::NoMessageAvailable), effects);
                return;
            }
            Err(_) => {
                self.answer(connection, Err(Reason::CouplingFacilityNotAvailable), effects);
                return;
            }
        };
        let inverted_priority = Priority::HIGHEST.get() - message.descriptor.priority.get();
        open.cursor = Some(BrowseCursor { inverted_priority, entry });
        if let Some(owner) = locking {
            open.locked = Some((entry, owner));
        } else if message.is_expired(now) {
            self.browse(connection, handle, BrowsePosition::Next, lock, effects);
            return;
        } else if lock == BrowseLock::Locked {
            let OpenPlace::Shared(structure) = open.place.clone() else { return };
            let queue = open.queue.clone();
            self.last_browser += 1;
            let owner = UnitOfWorkId::browse_lock(name, life, self.last_browser);
            let selection = Match::MessageId(message.descriptor.message_id);
            let take = ListOperation::MoveToGetList { queue, selection, owner: owner.clone(), locked: None };
            let browse = SharedBrowse { connection, handle, lock, locking: Some(owner) };
            self.structure_command_for(connection, &structure, take, Awaiting::Browse(browse), effects);
            return;
        }
        self.answer(connection, Ok(MqiAnswer::Got { message: *message }), effects);
    }

    /// A handle is closed: its cursor and its lock are given up.
    pub(super) fn end_browse(&mut self, open: &OpenQueue, effects: &mut Effects) {
        match &open.place {
            OpenPlace::Private => {
                let store = self.queues.get_mut(&open.queue).expect("an open private queue exists");
                if store.close_browser(open.browser).is_some() {
                    self.wake_private(&open.queue, effects);
                }
            }
            OpenPlace::Shared(structure) => {
                if let Some((entry, owner)) = open.locked.clone() {
                    let give_back = ListOperation::Return { entry, owner, count_backout: false };
                    self.structure_command(structure, give_back, Awaiting::Nothing, effects);
                }
            }
        }
    }
}
