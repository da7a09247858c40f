//! Which queue point a message is bound to.
//!
//! **In the product.** The queue point of the producer's own engine, if it has one with room. Otherwise each message goes
//! to one of the available queue points in turn (workload management). A message once bound stays bound: it waits for its
//! engine, however long that is stopped. Only if no engine with a queue point is available, a message is bound to one that
//! is not. Documented: IBM WebSphere Application Server, "Workload sharing with queue destinations".

use super::super::MessagingEngine;
use super::point::Far;
use crate::event::Event;
use crate::machine::Effects;
use crate::messaging_engine::frame::BusReason;
use crate::name::{DestinationName, MessagingEngineName};
use crate::time::Time;

impl MessagingEngine {
    /// The message point that takes a new message for a destination.
    pub(in super::super) fn bind(
        &mut self,
        now: Time,
        destination: &DestinationName,
        effects: &mut Effects,
    ) -> Result<DestinationName, BusReason> {
        let threshold = self.destination(destination).map_or(u32::MAX, |it| it.high_message_threshold);
        let is_local = self.has_queue_point(destination);
        if is_local && self.has_room(now, destination, threshold, effects) {
            return Ok(destination.clone());
        }
        let queue_points = self.destination(destination).map(|it| it.queue_points.clone()).unwrap_or_default();
        let others = queue_points.into_iter().filter(|engine| *engine != self.definition.name);
        let others: Vec<Far> = others.map(|engine| Far { destination: destination.clone(), engine }).collect();
        if !is_local && others.is_empty() {
            return Err(BusReason::UnknownDestination);
        }
        let mut usable: Vec<&Far> = others.iter().filter(|far| self.running.contains_key(&far.engine)).collect();
        usable.retain(|far| self.has_room(now, &far.remote_point(), threshold, effects));
        if let Some(far) = (!usable.is_empty()).then(|| usable[self.work.remote.turn % usable.len()]) {
            self.work.remote.turn += 1;
            effects.report(Event::RemotePut { destination: destination.clone(), engine: far.engine.clone() });
            return Ok(far.remote_point());
        }
        let is_available = |far: &Far| self.running.contains_key(&far.engine);
        if !is_local
            && !others.iter().any(is_available)
            && let Some(far) = others.first()
            && self.has_room(now, &far.remote_point(), threshold, effects)
        {
            let engine: MessagingEngineName = far.engine.clone();
            effects.report(Event::RemotePutWaits { destination: destination.clone(), engine });
            return Ok(far.remote_point());
        }
        effects.report(Event::DestinationFull { destination: destination.clone() });
        Err(BusReason::DestinationFull)
    }

    fn has_room(&mut self, now: Time, point: &DestinationName, threshold: u32, effects: &mut Effects) -> bool {
        if self.queue_point(point).depth() >= threshold {
            let expired = self.queue_point(point).expired(now);
            self.expire(now, point, expired, effects);
        }
        self.queue_point(point).depth() < threshold
    }
}
