//! What servers and consumers have in common: get, work, commit; back out; put aside what was backed out too often.
//!
//! Where the middleware counts backouts and does nothing about them (a queue manager), an application that honours the
//! queue's backout threshold moves a message whose backout count has come to it to the backout queue, in the same unit of
//! work; one that does not meets the same message again and again.

use std::time::Duration;

use indoubt_engine::message::CorrelationId;
use indoubt_engine::name::QueueName;
use indoubt_ledger::history::{MessageIdentity, Origin};

use super::payload;
use super::provider::{Destination, Failure, Outgoing, Received, Selection, Sharing};
use super::session::{Session, UnitEnd};
use crate::scenario::model::{Consumer, Server};

/// Wait interval of the first get of a unit of work.
const WAIT: Duration = Duration::from_secs(5);

/// Pause of an application that browses and finds nothing.
const BROWSE_AGAIN: Duration = Duration::from_millis(500);

/// How messages are taken and what is done with them.
#[derive(Clone, Debug)]
pub struct Taking<'a> {
    queue: &'a QueueName,
    sharing: Sharing,
    browse_first: bool,
    batch: u32,
    processing_time: (Duration, Duration),
    backout_percent: u32,
    poison_every: u32,
    honours_backout_threshold: bool,
    answers: Option<&'a Server>,
}

impl<'a> Taking<'a> {
    /// As a server does it.
    #[must_use]
    pub fn server(role: &'a Server) -> Self {
        Taking {
            queue: &role.request_queue,
            sharing: Sharing::Shared,
            browse_first: false,
            batch: role.batch,
            processing_time: role.processing_time,
            backout_percent: role.backout_percent,
            poison_every: role.poison_every,
            honours_backout_threshold: role.honours_backout_threshold,
            answers: Some(role),
        }
    }

    /// As a consumer does it.
    #[must_use]
    pub fn consumer(role: &'a Consumer) -> Self {
        Taking {
            queue: &role.queue,
            sharing: if role.exclusive { Sharing::Exclusive } else { Sharing::Shared },
            browse_first: role.browse_first,
            batch: role.batch,
            processing_time: role.processing_time,
            backout_percent: role.backout_percent,
            poison_every: role.poison_every,
            honours_backout_threshold: role.honours_backout_threshold,
            answers: None,
        }
    }
}

enum Taken {
    Nothing,
    Ended(UnitEnd),
    /// Backed out by its own choice; how often one of the messages was backed out before.
    BackedOutByChoice {
        backout_count: u32,
    },
}

/// Takes messages for ever.
pub async fn run(mut session: Session, taking: Taking<'_>) {
    loop {
        session.ready().await;
        match one_unit(&mut session, &taking).await {
            Ok(Taken::Nothing | Taken::Ended(UnitEnd::Unknown)) => {}
            Ok(Taken::Ended(UnitEnd::Committed)) => session.calm(),
            Ok(Taken::Ended(UnitEnd::BackedOut)) => session.pause().await,
            Ok(Taken::BackedOutByChoice { backout_count }) => {
                // The same message will most likely be next: without a pause a poison message makes a busy loop.
                if backout_count > 0 {
                    session.pause().await;
                }
            }
            Err(failed) => session.after(failed).await,
        }
    }
}

async fn one_unit(session: &mut Session, taking: &Taking<'_>) -> Result<Taken, Failure> {
    session.begin().await?;
    let mut messages = 0;
    while messages < taking.batch.max(1) {
        let Some(message) = next_message(session, taking, messages == 0).await? else { break };
        messages += 1;
        if let Some(backout_queue) = backout_queue(session, taking, &message) {
            let origin = Origin::MovedFrom(MessageIdentity(message.payload.identity));
            session.put(moved(session, &message, backout_queue), origin, None).await?;
            continue;
        }
        let work = session.chance().duration(taking.processing_time);
        session.sleep(work).await;
        if session.is_within_unit() {
            let fails = session.chance().percent(taking.backout_percent);
            if fails || payload::is_poison(message.payload.identity, taking.poison_every) {
                session.back_out().await;
                return Ok(Taken::BackedOutByChoice { backout_count: message.backout_count });
            }
        }
        if let Some(server) = taking.answers {
            answer(session, server, &message).await?;
        }
    }
    if messages == 0 {
        return Ok(Taken::Nothing);
    }
    Ok(Taken::Ended(session.commit().await))
}

async fn next_message(session: &mut Session, taking: &Taking<'_>, may_wait: bool) -> Result<Option<Received>, Failure> {
    if !taking.browse_first {
        let wait = if may_wait { WAIT } else { Duration::ZERO };
        return session.get(taking.queue, taking.sharing, wait, Selection::Any, None).await;
    }
    let found = session.browse_and_lock(taking.queue).await?;
    match found {
        Some(message) => {
            let selection = Selection::Id(message.id);
            session.get(taking.queue, taking.sharing, Duration::ZERO, selection, None).await
        }
        None => {
            if may_wait {
                session.sleep(BROWSE_AGAIN).await;
            }
            Ok(None)
        }
    }
}

fn backout_queue(session: &Session, taking: &Taking<'_>, message: &Received) -> Option<QueueName> {
    if !taking.honours_backout_threshold {
        return None;
    }
    let facts = session.queue_facts(taking.queue);
    let threshold = facts.backout_threshold.filter(|threshold| *threshold > 0)?;
    facts.backout_queue.clone().filter(|_| message.backout_count >= threshold)
}

fn moved(session: &Session, message: &Received, queue: QueueName) -> Outgoing {
    Outgoing {
        to: Destination { queue, owner: None },
        id: Some(message.id),
        correlation: message.correlation,
        quality: Some(message.quality),
        priority: Some(message.priority),
        expiry: None,
        reply_to: message.reply_to.clone(),
        payload: payload::make(session.new_identity(), message.payload.length),
    }
}

async fn answer(session: &mut Session, server: &Server, request: &Received) -> Result<(), Failure> {
    let reply_to = request.reply_to.clone().filter(|_| server.reply);
    let answered = request.payload.identity;
    let targets = reply_to
        .map(|to| (to, Some(answered)))
        .into_iter()
        .chain(server.also_put.iter().map(|queue| (Destination { queue: queue.clone(), owner: None }, None)));
    for (to, answers) in targets {
        let length = session.chance().number(server.reply_size);
        let outgoing = Outgoing {
            to,
            id: None,
            correlation: CorrelationId(request.id.0),
            quality: Some(server.quality.unwrap_or(request.quality)),
            priority: Some(request.priority),
            expiry: None,
            reply_to: None,
            payload: payload::make(session.new_identity(), length),
        };
        session.put(outgoing, Origin::New, answers).await?;
    }
    Ok(())
}
