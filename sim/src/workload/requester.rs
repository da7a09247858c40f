//! A request/reply client: puts requests, gets each reply by correlation identifier.
//!
//! It gives each request a message identifier of its own, made from the payload's identity; a server answers with that
//! as correlation identifier. So a reply is found also when nobody told whether the put of its request worked.
//!
//! In a closed loop it waits for the reply to its request up to `reply_wait`, then goes on. In an open loop it puts a
//! request at every interval and waits in between for the reply to the oldest one outstanding. A request given up is not
//! forgotten: when all requests are made, late replies are collected until every request has its reply or the run ends,
//! so that an orderly end leaves the reply queue empty.
//!
//! One-phase: the put is a unit of work by itself, the get of the reply another.

use std::collections::VecDeque;
use std::time::Duration;

use indoubt_engine::message::{CorrelationId, MessageId};
use indoubt_engine::time::Time;
use indoubt_ledger::history::{MessageIdentity, Origin};

use super::pace::Offers;
use super::payload;
use super::provider::{Destination, Failure, Fate, Outgoing, Selection, Sharing};
use super::session::{Session, UnitEnd};
use super::shared::InstanceProgress;
use crate::scenario::model::{Pace, Requester, WhenUnknown};

/// Between two rounds of collecting late replies: at first, and at most.
const COLLECT_PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));

/// How often the reply of a get with an unknown outcome is looked for again before it is taken to have been got.
const LOOKS_FOR_UNCERTAIN: u32 = 3;

/// The message identifier that a requester gives to the request with this identity.
#[must_use]
pub fn message_id(identity: u64) -> MessageId {
    MessageId(0x5245_5155_4553_5400_u128 << 64 | u128::from(identity))
}

#[derive(Clone, Copy, Debug)]
struct Awaited {
    identity: u64,
    until: Time,
    /// Looks that are left, if a get of the reply has had an unknown outcome.
    uncertain: Option<u32>,
}

enum Collected {
    Got,
    NotThere,
    /// A get, or its commit, ended without anybody telling how.
    Unknown,
}

struct Client<'a> {
    session: Session,
    role: &'a Requester,
    outstanding: VecDeque<Awaited>,
    given_up: Vec<Awaited>,
    progress: InstanceProgress,
}

/// Makes all requests, then collects what is late.
pub async fn run(session: Session, role: &Requester) {
    let done = session.shared().progress_of(session.name()).done;
    let progress = InstanceProgress { wanted: role.count, done, awaited: 0 };
    let mut client = Client { session, role, outstanding: VecDeque::new(), given_up: Vec::new(), progress };
    client.session.recorder().has_work();
    client.tell_progress();
    client.work().await;
    client.session.recorder().done();
    client.collect_late().await;
    client.session.finish().await;
}

impl Client<'_> {
    fn tell_progress(&mut self) {
        let awaited = self.outstanding.len() + self.given_up.len();
        self.progress.awaited = u32::try_from(awaited).unwrap_or(u32::MAX);
        self.session.shared().set_progress(self.session.name(), self.progress);
    }

    async fn work(&mut self) {
        let mut offers = Offers::new(self.role.pace, self.session.now());
        while self.progress.done < self.role.count && !self.session.is_settling() {
            self.wait_until_due(&offers).await;
            offers.start();
            if !self.ask().await {
                break;
            }
            self.progress.done += 1;
            self.tell_progress();
            if matches!(self.role.pace, Pace::Closed { .. }) {
                while !self.outstanding.is_empty() {
                    self.await_oldest(self.role.reply_wait).await;
                }
            }
            offers.done(self.session.now());
        }
        while !self.outstanding.is_empty() {
            self.await_oldest(self.role.reply_wait).await;
        }
    }

    async fn wait_until_due(&mut self, offers: &Offers) {
        loop {
            let remaining = offers.until_due(self.session.now());
            if remaining.is_zero() {
                return;
            }
            if self.outstanding.is_empty() {
                self.session.sleep(remaining).await;
            } else {
                self.await_oldest(remaining).await;
            }
        }
    }

    /// Puts one request, again and again until it is put, or nobody can tell whether it is. False: it was not, and now
    /// there is no time for it any more.
    async fn ask(&mut self) -> bool {
        let mut origin = Origin::New;
        loop {
            if self.session.is_settling() && origin == Origin::New {
                return false;
            }
            self.session.ready().await;
            let identity = self.session.new_identity();
            let request = self.request(identity);
            match self.put(request, origin).await {
                Ok(UnitEnd::Committed) => {
                    self.session.calm();
                    self.expect(identity);
                    return true;
                }
                Ok(UnitEnd::Unknown) => {
                    self.expect(identity);
                    match self.role.when_unknown {
                        WhenUnknown::GiveUp => return true,
                        WhenUnknown::SendAgain => origin = Origin::ResendOf(MessageIdentity(identity)),
                    }
                }
                Ok(UnitEnd::BackedOut) => self.session.pause().await,
                Err(failed) => self.session.after(failed).await,
            }
        }
    }

    fn expect(&mut self, identity: u64) {
        let until = self.session.now() + self.role.reply_wait;
        self.outstanding.push_back(Awaited { identity, until, uncertain: None });
    }

    fn request(&mut self, identity: u64) -> Outgoing {
        let template = &self.role.message;
        let chance = self.session.chance();
        let length = chance.number(template.size);
        let priority = chance.priority(&template.priorities);
        let owner = self.role.reply_owner.clone();
        Outgoing {
            to: Destination { queue: self.role.request_queue.clone(), owner: None },
            id: Some(message_id(identity)),
            correlation: CorrelationId::default(),
            quality: template.quality,
            priority,
            expiry: template.expiry,
            reply_to: Some(Destination { queue: self.role.reply_queue.clone(), owner }),
            payload: payload::make(identity, length),
        }
    }

    async fn put(&mut self, request: Outgoing, origin: Origin) -> Result<UnitEnd, Failure> {
        self.session.begin().await?;
        let within = self.session.is_within_unit();
        match self.session.put(request, origin, None).await {
            Ok(()) => Ok(self.session.commit().await),
            Err(failed) if failed.fate == Fate::Unknown && !within => Ok(UnitEnd::Unknown),
            Err(failed) => Err(failed),
        }
    }

    /// Waits for the oldest reply, at most this long and not longer than its time; then it is given up.
    async fn await_oldest(&mut self, at_most: Duration) {
        let Some(oldest) = self.outstanding.front().copied() else { return };
        let wait = oldest.until.since(self.session.now()).min(at_most);
        match self.collect(oldest.identity, wait).await {
            Collected::Got => {
                self.outstanding.pop_front();
            }
            Collected::NotThere if oldest.until > self.session.now() => {}
            Collected::NotThere => {
                self.outstanding.pop_front();
                self.given_up.push(oldest);
            }
            Collected::Unknown => {
                self.outstanding.pop_front();
                self.given_up.push(Awaited { uncertain: Some(LOOKS_FOR_UNCERTAIN), ..oldest });
            }
        }
        self.tell_progress();
    }

    async fn collect_late(&mut self) {
        let (mut pause, limit) = COLLECT_PAUSE;
        self.tell_progress();
        while !self.given_up.is_empty() {
            for mut late in std::mem::take(&mut self.given_up) {
                match self.collect(late.identity, Duration::ZERO).await {
                    Collected::Got => continue,
                    Collected::NotThere => late.uncertain = late.uncertain.map(|looks| looks.saturating_sub(1)),
                    Collected::Unknown => late.uncertain = Some(LOOKS_FOR_UNCERTAIN),
                }
                if late.uncertain != Some(0) {
                    self.given_up.push(late);
                }
            }
            self.tell_progress();
            if !self.given_up.is_empty() {
                self.session.sleep(pause).await;
                pause = (pause * 2).min(limit);
            }
        }
    }

    async fn collect(&mut self, identity: u64, wait: Duration) -> Collected {
        self.session.ready().await;
        match self.get_reply(identity, wait).await {
            Ok(Some(UnitEnd::Committed)) => {
                self.session.calm();
                Collected::Got
            }
            Ok(Some(UnitEnd::Unknown)) => Collected::Unknown,
            Ok(Some(UnitEnd::BackedOut)) => {
                self.session.pause().await;
                Collected::NotThere
            }
            Ok(None) => Collected::NotThere,
            Err(failed) => {
                let unknown = failed.fate == Fate::Unknown && !self.session.is_within_unit();
                self.session.after(failed).await;
                if unknown { Collected::Unknown } else { Collected::NotThere }
            }
        }
    }

    async fn get_reply(&mut self, identity: u64, wait: Duration) -> Result<Option<UnitEnd>, Failure> {
        self.session.begin().await?;
        let selection = Selection::Correlation(CorrelationId(message_id(identity).0));
        let queue = &self.role.reply_queue;
        match self.session.get(queue, Sharing::Shared, wait, selection, Some(identity)).await? {
            Some(_) => Ok(Some(self.session.commit().await)),
            None => Ok(None),
        }
    }
}
