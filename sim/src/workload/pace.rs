//! When the next piece of work is offered: closed loop (think time) or open loop (interval).

use std::time::Duration;

use indoubt_engine::time::Time;

use crate::scenario::model::Pace;

/// The moments at which work is offered.
#[derive(Clone, Copy, Debug)]
pub struct Offers {
    pace: Pace,
    due: Time,
}

impl Offers {
    /// The first piece of work is due now.
    #[must_use]
    pub fn new(pace: Pace, now: Time) -> Self {
        Offers { pace, due: now }
    }

    /// How long until the next piece of work is due.
    #[must_use]
    pub fn until_due(&self, now: Time) -> Duration {
        self.due.since(now)
    }

    /// A piece of work is started. In an open loop the next one is due an interval after this one *was due*: what was
    /// missed during an outage is caught up.
    pub fn start(&mut self) {
        if let Pace::Open { interval } = self.pace {
            self.due = self.due + interval;
        }
    }

    /// The piece of work is done. In a closed loop the next one is due after the think time.
    pub fn done(&mut self, now: Time) {
        if let Pace::Closed { think_time } = self.pace {
            self.due = now + think_time;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_closed_loop_thinks_after_each_piece_of_work() {
        let mut offers = Offers::new(Pace::Closed { think_time: SECOND }, Time::START);
        assert_eq!(offers.until_due(Time::START), Duration::ZERO);
        offers.start();
        let later = Time::START + 5 * SECOND;
        offers.done(later);
        assert_eq!(offers.until_due(later), SECOND);
    }

    #[test]
    fn an_open_loop_catches_up_after_an_outage() {
        let mut offers = Offers::new(Pace::Open { interval: SECOND }, Time::START);
        offers.start();
        let later = Time::START + 3 * SECOND;
        offers.done(later);
        for _ in 0..3 {
            assert_eq!(offers.until_due(later), Duration::ZERO);
            offers.start();
        }
        assert_eq!(offers.until_due(later), SECOND);
    }
}
