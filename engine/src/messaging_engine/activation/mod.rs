//! The activation of a message endpoint (message-driven bean) by its activation specification.
//!
//! **In the product.** A message-driven bean does not connect. The resource adapter of the server in which it is deployed
//! does that for it, as its *activation specification* says, and keeps at it for as long as the application runs: the
//! application starts whether or not there is an engine.
//!
//! - In a server that has an instance of an engine of the bus, the endpoint is driven while an engine runs *in that
//!   server*; in the others it stands by. *Always activate MDBs in all servers* drives it there too, over the network. In a
//!   server without engines of the bus it is driven anyway.
//! - The first attempt wants the target, whatever its significance. If that fails and the target is only preferred, any
//!   engine will do: a connection that is *not preferred*.
//! - Without a connection, or with one that is not preferred, it looks again after the retry interval (30 s). It looks at
//!   once when an engine starts in its server, and when its connection has ended.
//! - Once a preferred engine is found the other connection is closed: the two are never mixed.
//!
//! Documented: IBM WebSphere Application Server, "JMS activation specification settings" (*Always activate MDBs in all
//! servers*), "Message-driven beans and the service integration bus"; the loop itself, with messages CWSIV0777I, CWSIV0782W,
//! CWSIV0776W, as in the published source of the resource adapter.
//!
//! **Modelled.** [`EndpointActivation`]: one endpoint of one bean, with the connection that delivers to it. It notices a lost
//! connection, or gives one up for a better one, between two messages: whoever works on a message has to be told that
//! its delivery is void before the next connection can stand.
//!
//! **Left out.** Where several engines run in the server, the product connects to each of them; here an endpoint has one
//! connection, so a bean for each engine, with the engine as its target, takes its place. Durable subscriptions. Concurrent
//! endpoints of one bean are as many activations. The stop after messages that failed in sequence is off by default in
//! the product, and does not exist here.

mod local_engines;

#[cfg(test)]
mod tests;

use super::client::{Begun, BusClient, Completion, ConnectionFactory, Handled};
use super::frame::{BusCall, BusReason, ConnectionProximity, Target, TargetSignificance};
use crate::event::Event;
use crate::machine::{Effect, Effects, Input, TimerId};
use crate::name::{Address, BusName, MessagingEngineName};
use crate::time::{Duration, Time};
use local_engines::{Watch, Watched};

/// The next look for an engine.
const RETRY_TIMER: TimerId = TimerId(0);

/// In which servers an endpoint is driven that has instances of engines beside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Driven {
    /// Where an engine runs in the server.
    #[default]
    WhereAnEngineRuns,
    /// In all servers (*Always activate MDBs in all servers*).
    InAllServers,
}

/// An activation specification, in one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivationSpecification {
    /// The server in whose process the endpoint lives.
    pub server: Address,
    /// The bus.
    pub bus: BusName,
    /// The application.
    pub application: String,
    /// Which engines will do.
    pub target: Target,
    /// Whether another one will do in the meantime.
    pub significance: TargetSignificance,
    /// In which servers.
    pub driven: Driven,
    /// *Retry interval*.
    pub retry_interval: Duration,
    /// How long a silence may last before a connection is given up: heartbeat interval and its timeout.
    pub silence: Duration,
}

impl ActivationSpecification {
    /// The product's retry interval.
    pub const DEFAULT_RETRY_INTERVAL: Duration = Duration::from_secs(30);
}

/// What an endpoint is connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rank {
    /// The target.
    Preferred,
    /// Another engine, until the target is there.
    NotPreferred,
}

/// A connection that is being made.
#[derive(Debug)]
struct Attempt {
    client: BusClient,
    rank: Rank,
}

/// A connection that stands.
#[derive(Debug)]
struct Standing {
    client: BusClient,
    engine: MessagingEngineName,
    rank: Rank,
}

#[derive(Debug)]
enum State {
    /// The endpoint wants no messages yet, or has not noticed yet that it has lost its connection. The connection with
    /// which it goes on may stand already.
    Resting { next: Option<Standing> },
    /// Not driven: no engine runs in its server, as far as is known.
    Standby,
    /// An engine is being asked.
    Seeking {
        attempt: Attempt,
        /// An engine has started in the server since the attempt began.
        again: bool,
    },
    /// None would have it; the timer is set.
    Waiting,
    /// Messages come from an engine.
    Connected { standing: Standing, better: Better },
}

/// The search for a better engine than the one that delivers.
#[derive(Debug)]
enum Better {
    NotSought,
    Sought(Attempt),
    /// The endpoint is to leave the other one, and goes on with this.
    Found(Standing),
}

/// The activation of one endpoint.
#[derive(Debug)]
pub struct EndpointActivation {
    specification: ActivationSpecification,
    watch: Watch,
    state: State,
}

impl EndpointActivation {
    /// An activation that has not begun.
    #[must_use]
    pub fn new(specification: ActivationSpecification) -> Self {
        let watch = Watch::new(specification.server.clone(), specification.bus.clone(), specification.silence);
        EndpointActivation { specification, watch, state: State::Resting { next: None } }
    }

    /// Whether messages can be received.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        matches!(self.state, State::Connected { .. })
    }

    /// The engine from which it gets messages, and where its server listens.
    #[must_use]
    pub fn connected_to(&self) -> Option<(&MessagingEngineName, &Address)> {
        match &self.state {
            State::Connected { standing, .. } => standing.client.connected_to(),
            _ => None,
        }
    }

    /// Whether the endpoint is to end its work with the present connection: its engine is about to stop, or a better one
    /// has been found.
    #[must_use]
    pub fn should_leave(&self) -> bool {
        match &self.state {
            State::Connected { standing, better } => {
                standing.client.is_quiescing() || matches!(better, Better::Found(_))
            }
            _ => false,
        }
    }

    /// The endpoint wants messages. It is connected at once if a better connection stands already; else
    /// [`Completion::Connected`] tells when it is. There is no failure: the activation goes on until an engine is found.
    ///
    /// # Panics
    /// If it is connected, or wants messages, already.
    pub fn connect(&mut self, now: Time, effects: &mut Effects) {
        let State::Resting { next } = &mut self.state else { panic!("an endpoint wants messages once at a time") };
        if let Some(standing) = next.take() {
            return self.connected(now, standing, effects);
        }
        self.watch.begin(effects);
        self.state = State::Standby;
        self.look(now, effects);
    }

    /// Begins a call on the connection.
    ///
    /// # Panics
    /// If it is not connected or another call is outstanding.
    pub fn call(&mut self, call: BusCall, effects: &mut Effects) -> Begun {
        let State::Connected { standing, .. } = &mut self.state else { panic!("a call needs a connection") };
        standing.client.call(call, effects)
    }

    /// Drops the connection without a word, and wants no messages until it is told to.
    pub fn abandon(&mut self, effects: &mut Effects) {
        match std::mem::replace(&mut self.state, State::Resting { next: None }) {
            State::Resting { next } => self.state = State::Resting { next },
            State::Seeking { mut attempt, .. } => attempt.client.abandon(effects),
            State::Connected { mut standing, better } => {
                standing.client.abandon(effects);
                self.rest(better, effects);
            }
            State::Standby | State::Waiting => {}
        }
        effects.push(Effect::CancelTimer { timer: RETRY_TIMER });
    }

    /// Takes an input of the process.
    pub fn handle(&mut self, now: Time, input: Input, effects: &mut Effects) -> Handled {
        let input = match self.watch.handle(now, input, effects) {
            Watched::NotMine(input) => input,
            Watched::Taken => return Handled::Taken,
            Watched::Changed { started } => {
                self.engines_changed(now, started, effects);
                return Handled::Taken;
            }
        };
        if matches!(input, Input::Timer { timer: RETRY_TIMER }) {
            self.look(now, effects);
            return Handled::Taken;
        }
        match std::mem::replace(&mut self.state, State::Resting { next: None }) {
            State::Resting { next } => self.resting(next, input, effects),
            State::Seeking { attempt, again } => self.seeking(now, attempt, again, input, effects),
            State::Connected { standing, better } => self.working(now, standing, better, input, effects),
            idle @ (State::Standby | State::Waiting) => {
                self.state = idle;
                Handled::NotMine(input)
            }
        }
    }

    /// Whether it is to have messages in this server, as things are.
    fn is_driven(&self) -> bool {
        let Some(local) = self.watch.engines() else { return false };
        let anyway = local.installed.is_empty() || self.specification.driven == Driven::InAllServers;
        anyway || !local.running.is_empty()
    }

    /// A connection to the target, or to any engine.
    fn attempt(&self, rank: Rank, effects: &mut Effects) -> Attempt {
        let specification = &self.specification;
        let is_colocated = self.watch.engines().is_some_and(|local| !local.installed.is_empty());
        let factory = ConnectionFactory {
            provider_endpoints: vec![specification.server.clone()],
            bus: specification.bus.clone(),
            target: match rank {
                Rank::Preferred => specification.target.clone(),
                Rank::NotPreferred => Target::Any,
            },
            significance: TargetSignificance::Required,
            proximity: match specification.driven {
                Driven::WhereAnEngineRuns if is_colocated => ConnectionProximity::Server,
                Driven::WhereAnEngineRuns | Driven::InAllServers => ConnectionProximity::Bus,
            },
            application: specification.application.clone(),
            silence: specification.silence,
        };
        let mut client = BusClient::new(factory);
        client.connect(effects);
        Attempt { client, rank }
    }

    /// Looks for an engine, or for a better one.
    fn look(&mut self, now: Time, effects: &mut Effects) {
        match &self.state {
            State::Standby | State::Waiting if self.is_driven() => {
                effects.push(Effect::CancelTimer { timer: RETRY_TIMER });
                let attempt = self.attempt(Rank::Preferred, effects);
                self.state = State::Seeking { attempt, again: false };
            }
            State::Waiting => {
                effects.push(Effect::CancelTimer { timer: RETRY_TIMER });
                self.stand_by(effects);
            }
            State::Connected { standing, better: Better::NotSought } if self.may_be_better(standing) => {
                let attempt = self.attempt(Rank::Preferred, effects);
                if let State::Connected { better, .. } = &mut self.state {
                    *better = Better::Sought(attempt);
                }
            }
            State::Connected { standing, .. } if standing.rank == Rank::NotPreferred => self.set_timer(now, effects),
            State::Standby | State::Resting { .. } | State::Seeking { .. } | State::Connected { .. } => {}
        }
    }

    /// Whether there may be a better engine than this one: the target, or one in the server itself.
    fn may_be_better(&self, standing: &Standing) -> bool {
        let is_here = |engine| self.watch.engines().is_some_and(|local| local.running.contains(engine));
        let one_is_here = self.watch.engines().is_some_and(|local| !local.running.is_empty());
        standing.rank == Rank::NotPreferred || (one_is_here && !is_here(&standing.engine))
    }

    fn set_timer(&self, now: Time, effects: &mut Effects) {
        effects.push(Effect::SetTimer { timer: RETRY_TIMER, at: now + self.specification.retry_interval });
    }

    fn stand_by(&mut self, effects: &mut Effects) {
        effects.report(Event::EndpointStandsBy {});
        self.state = State::Standby;
    }

    /// Another set of engines runs in the server.
    fn engines_changed(&mut self, now: Time, started: bool, effects: &mut Effects) {
        let is_driven = self.is_driven();
        match &mut self.state {
            State::Seeking { again, .. } => *again |= started,
            State::Standby | State::Waiting if !is_driven => {
                effects.push(Effect::CancelTimer { timer: RETRY_TIMER });
                self.stand_by(effects);
            }
            State::Standby => self.look(now, effects),
            State::Waiting | State::Connected { .. } if started => self.look(now, effects),
            State::Waiting | State::Connected { .. } | State::Resting { .. } => {}
        }
    }

    fn connected(&mut self, now: Time, standing: Standing, effects: &mut Effects) {
        effects.report(match standing.rank {
            Rank::Preferred => Event::EndpointConnected { engine: standing.engine.clone() },
            Rank::NotPreferred => Event::EndpointConnectedNotPreferred { engine: standing.engine.clone() },
        });
        if standing.rank == Rank::NotPreferred {
            self.set_timer(now, effects);
        }
        self.state = State::Connected { standing, better: Better::NotSought };
    }

    /// The connection is gone; a better one may stand.
    fn rest(&mut self, better: Better, effects: &mut Effects) {
        effects.push(Effect::CancelTimer { timer: RETRY_TIMER });
        let next = match better {
            Better::Found(standing) => Some(standing),
            Better::Sought(mut attempt) => {
                attempt.client.abandon(effects);
                None
            }
            Better::NotSought => None,
        };
        self.state = State::Resting { next };
    }

    fn resting(&mut self, next: Option<Standing>, input: Input, effects: &mut Effects) -> Handled {
        let Some(mut standing) = next else { return Handled::NotMine(input) };
        let handled = standing.client.handle(input, effects);
        let still_stands = standing.client.is_connected() && !standing.client.is_quiescing();
        if !still_stands {
            standing.client.abandon(effects);
        }
        self.state = State::Resting { next: still_stands.then_some(standing) };
        handled
    }

    fn seeking(
        &mut self,
        now: Time,
        mut attempt: Attempt,
        again: bool,
        input: Input,
        effects: &mut Effects,
    ) -> Handled {
        let handled = attempt.client.handle(input, effects);
        match &handled {
            Handled::Completed(Completion::Connected { engine }) => {
                let Attempt { client, rank } = attempt;
                self.connected(now, Standing { client, engine: engine.clone(), rank }, effects);
                if again {
                    self.look(now, effects);
                }
                handled
            }
            Handled::Completed(Completion::NotConnected(reason)) => {
                self.not_connected(now, attempt.rank, *reason, again, effects);
                Handled::Taken
            }
            _ => {
                self.state = State::Seeking { attempt, again };
                handled
            }
        }
    }

    fn not_connected(&mut self, now: Time, rank: Rank, reason: BusReason, again: bool, effects: &mut Effects) {
        let specification = &self.specification;
        let another_will_do =
            specification.significance == TargetSignificance::Preferred && specification.target != Target::Any;
        if rank == Rank::Preferred && another_will_do {
            let attempt = self.attempt(Rank::NotPreferred, effects);
            self.state = State::Seeking { attempt, again };
            return;
        }
        effects.report(Event::EndpointNotConnected { reason, retry_interval: specification.retry_interval });
        self.state = State::Waiting;
        self.set_timer(now, effects);
        if again || !self.is_driven() {
            self.look(now, effects);
        }
    }

    fn working(
        &mut self,
        now: Time,
        mut standing: Standing,
        better: Better,
        input: Input,
        effects: &mut Effects,
    ) -> Handled {
        match standing.client.handle(input, effects) {
            Handled::NotMine(input) => {
                let (better, handled) = improve(better, &standing, input, effects);
                let seeks_on = matches!(better, Better::NotSought) && standing.rank == Rank::NotPreferred;
                self.state = State::Connected { standing, better };
                if seeks_on && !matches!(handled, Handled::NotMine(_)) {
                    self.set_timer(now, effects);
                }
                handled
            }
            handled => {
                if standing.client.is_connected() {
                    self.state = State::Connected { standing, better };
                } else {
                    effects.report(Event::EndpointConnectionEnded { engine: standing.engine });
                    self.rest(better, effects);
                }
                handled
            }
        }
    }
}

/// What an input makes of the search for a better engine than `standing`.
fn improve(better: Better, standing: &Standing, input: Input, effects: &mut Effects) -> (Better, Handled) {
    match better {
        Better::NotSought => (Better::NotSought, Handled::NotMine(input)),
        Better::Sought(mut attempt) => match attempt.client.handle(input, effects) {
            Handled::NotMine(input) => (Better::Sought(attempt), Handled::NotMine(input)),
            Handled::Completed(Completion::Connected { engine }) if engine != standing.engine => {
                let Attempt { client, rank } = attempt;
                (Better::Found(Standing { client, engine, rank }), Handled::Taken)
            }
            // The one that it has already, or none.
            Handled::Completed(_) => {
                attempt.client.abandon(effects);
                (Better::NotSought, Handled::Taken)
            }
            Handled::Taken => (Better::Sought(attempt), Handled::Taken),
        },
        Better::Found(mut found) => match found.client.handle(input, effects) {
            Handled::NotMine(input) => (Better::Found(found), Handled::NotMine(input)),
            _ if found.client.is_connected() && !found.client.is_quiescing() => (Better::Found(found), Handled::Taken),
            _ => {
                found.client.abandon(effects);
                (Better::NotSought, Handled::Taken)
            }
        },
    }
}
