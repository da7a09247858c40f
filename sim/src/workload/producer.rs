//! A producer: units of work that put messages, to one queue or several.

use indoubt_engine::message::CorrelationId;
use indoubt_engine::name::QueueName;
use indoubt_ledger::history::{MessageIdentity, Origin};

use super::pace::Offers;
use super::payload;
use super::provider::{Destination, Failure, Fate, Outgoing};
use super::session::{Session, UnitEnd};
use super::shared::InstanceProgress;
use crate::scenario::model::{Producer, Syncpointing, WhenUnknown};

/// Makes all its units of work.
pub async fn run(mut session: Session, role: &Producer) {
    let mut progress =
        InstanceProgress { wanted: role.count, done: session.shared().progress_of(session.name()).done, awaited: 0 };
    session.recorder().has_work();
    session.shared().set_progress(session.name(), progress);
    let mut offers = Offers::new(role.pace, session.now());
    while progress.done < role.count && !session.is_settling() {
        session.sleep(offers.until_due(session.now())).await;
        offers.start();
        if !produce(&mut session, role).await {
            break;
        }
        progress.done += 1;
        session.shared().set_progress(session.name(), progress);
        offers.done(session.now());
    }
    session.recorder().done();
    session.finish().await;
}

/// One unit of work, again and again until it is done, or nobody can tell whether it is. False: it was not, and now
/// there is no time for it any more.
async fn produce(session: &mut Session, role: &Producer) -> bool {
    let backs_out = role.syncpoint != Syncpointing::None && session.chance().percent(role.backout_percent);
    let places: Vec<&QueueName> =
        role.queues.iter().flat_map(|queue| std::iter::repeat_n(queue, role.batch as usize)).collect();
    let mut origins = vec![Origin::New; places.len()];
    // Outside syncpoint each message is final by itself: what is put stays put when a later one fails.
    let mut first = 0;
    loop {
        if session.is_settling() && first == 0 && origins.iter().all(|origin| *origin == Origin::New) {
            return false;
        }
        session.ready().await;
        let mut sent = Vec::new();
        match put_all(session, role, &places[first..], &origins[first..], backs_out, &mut sent).await {
            Ok(UnitEnd::Committed) => {
                session.calm();
                return true;
            }
            Ok(UnitEnd::BackedOut) if backs_out => return true,
            Ok(UnitEnd::BackedOut) => session.pause().await,
            Ok(UnitEnd::Unknown) => {
                let all_but_last = if role.syncpoint == Syncpointing::None { sent.len().saturating_sub(1) } else { 0 };
                match role.when_unknown {
                    WhenUnknown::GiveUp if role.syncpoint == Syncpointing::None => first += sent.len(),
                    WhenUnknown::GiveUp => return true,
                    WhenUnknown::SendAgain => {
                        for (origin, identity) in origins[first..].iter_mut().zip(&sent) {
                            *origin = Origin::ResendOf(MessageIdentity(*identity));
                        }
                        first += all_but_last;
                    }
                }
                if first == places.len() {
                    return true;
                }
            }
            Err(failed) => {
                if role.syncpoint == Syncpointing::None {
                    first += sent.len().saturating_sub(1);
                }
                session.after(failed).await;
            }
        }
    }
}

/// Puts all of them in one unit of work; `sent` are the identities tried, in order.
async fn put_all(
    session: &mut Session,
    role: &Producer,
    places: &[&QueueName],
    origins: &[Origin],
    backs_out: bool,
    sent: &mut Vec<u64>,
) -> Result<UnitEnd, Failure> {
    session.begin().await?;
    let within = session.is_within_unit();
    for (queue, origin) in places.iter().zip(origins) {
        let identity = session.new_identity();
        sent.push(identity);
        let outgoing = message(session, role, queue, identity);
        match session.put(outgoing, *origin, None).await {
            Ok(()) => {}
            Err(failed) if failed.fate == Fate::Unknown && !within => return Ok(UnitEnd::Unknown),
            Err(failed) => return Err(failed),
        }
    }
    if backs_out {
        session.back_out().await;
        return Ok(UnitEnd::BackedOut);
    }
    Ok(session.commit().await)
}

fn message(session: &mut Session, role: &Producer, queue: &QueueName, identity: u64) -> Outgoing {
    let length = session.chance().number(role.message.size);
    let priority = session.chance().priority(&role.message.priorities);
    Outgoing {
        to: Destination { queue: queue.clone(), owner: None },
        id: None,
        correlation: CorrelationId::default(),
        quality: role.message.quality,
        priority,
        expiry: role.message.expiry,
        reply_to: None,
        payload: payload::make(identity, length),
    }
}
