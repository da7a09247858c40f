//! What the world promises, each claim with a tiny machine.

mod address;
mod clock;
mod connection;
mod datagram;
mod disk;
mod orphan;
mod process;
mod silence;
mod world;

use std::sync::{Arc, Mutex};

use indoubt_engine::frame::Frame;
use indoubt_engine::machine::{Effect, Effects, Incarnation, Input, Machine, Silence, TimerId};
use indoubt_engine::name::{Address, ImageName};
use indoubt_engine::sysplex::frame::SysplexFrame;
use indoubt_engine::time::{Duration, Time};

use super::{Fabric, HostId, HostOptions, LinkKind, ProcessBody, ProcessId, ProcessOptions, machine_body};
use crate::scenario::model::{Latency, LinkQuality};

/// What a process saw, and when (true time).
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    at: Time,
    who: &'static str,
    input: Input,
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<Seen>>>);

impl Log {
    fn write(&self, seen: Seen) {
        self.0.lock().unwrap().push(seen);
    }

    fn all(&self) -> Vec<Seen> {
        self.0.lock().unwrap().clone()
    }

    /// The inputs of one process for which `pick` gives something.
    fn pick<T>(&self, who: &str, pick: impl Fn(&Input) -> Option<T>) -> Vec<(Time, T)> {
        let all = self.all();
        all.iter().filter(|seen| seen.who == who).filter_map(|seen| Some((seen.at, pick(&seen.input)?))).collect()
    }

    /// The numbers of the frames a process received, in order.
    fn frames(&self, who: &str) -> Vec<u32> {
        let frames = self.pick(who, |input| match input {
            Input::Frame { frame, .. } => number(frame),
            _ => None,
        });
        frames.into_iter().map(|(_, number)| number).collect()
    }

    /// How connections of a process broke.
    fn breaks(&self, who: &str) -> Vec<(Time, indoubt_engine::machine::Broken)> {
        self.pick(who, |input| match input {
            Input::Broken { how, .. } => Some(*how),
            _ => None,
        })
    }

    /// How attempts of a process to connect were refused.
    fn refusals(&self, who: &str) -> Vec<(Time, indoubt_engine::machine::Refused)> {
        self.pick(who, |input| match input {
            Input::Refused { why, .. } => Some(*why),
            _ => None,
        })
    }

    /// When requests of others reached a process.
    fn accepted(&self, who: &str) -> Vec<Time> {
        let accepted = self.pick(who, |input| matches!(input, Input::Accepted { .. }).then_some(()));
        accepted.into_iter().map(|(at, ())| at).collect()
    }

    fn connected(&self, who: &str) -> Vec<Time> {
        let connected = self.pick(who, |input| matches!(input, Input::Connected { .. }).then_some(()));
        connected.into_iter().map(|(at, ())| at).collect()
    }
}

/// A frame with a number.
fn frame(number: u32) -> Frame {
    let image = ImageName::from("SYSA");
    Frame::Sysplex(Box::new(SysplexFrame::StatusUpdate { image, incarnation: Incarnation(number) }))
}

fn number(frame: &Frame) -> Option<u32> {
    match frame {
        Frame::Sysplex(signal) => match **signal {
            SysplexFrame::StatusUpdate { incarnation, .. } => Some(incarnation.0),
            _ => None,
        },
        _ => None,
    }
}

/// A machine that connects or listens, sends numbered frames and writes down what it sees.
#[derive(Clone)]
struct Talker {
    who: &'static str,
    log: Log,
    fabric: Option<Fabric>,
    listens: Option<&'static str>,
    connects: Option<&'static str>,
    silence: Silence,
    /// Frames sent at once when a connection is there.
    burst: u32,
    /// After that, one more each time this has passed.
    every: Option<Duration>,
    sent: u32,
    connection: Option<indoubt_engine::machine::ConnectionId>,
}

impl Talker {
    fn new(who: &'static str, log: &Log) -> Self {
        Talker {
            who,
            log: log.clone(),
            fabric: None,
            listens: None,
            connects: None,
            silence: prompt(Duration::from_secs(5)),
            burst: 0,
            every: None,
            sent: 0,
            connection: None,
        }
    }

    fn listens(mut self, address: &'static str) -> Self {
        self.listens = Some(address);
        self
    }

    fn connects(mut self, address: &'static str) -> Self {
        self.connects = Some(address);
        self
    }

    fn burst(mut self, frames: u32) -> Self {
        self.burst = frames;
        self
    }

    fn every(mut self, interval: Duration) -> Self {
        self.every = Some(interval);
        self
    }

    fn silence(self, timeout: Duration) -> Self {
        self.notices_by(prompt(timeout))
    }

    fn notices_by(mut self, silence: Silence) -> Self {
        self.silence = silence;
        self
    }

    fn body(self) -> ProcessBody {
        machine_body(move |process| Talker { fabric: Some(process.fabric().clone()), ..self.clone() })
    }
}

impl Machine for Talker {
    fn handle(&mut self, now: Time, input: Input, effects: &mut Effects) {
        let at = self.fabric.as_ref().unwrap().now();
        self.log.write(Seen { at, who: self.who, input: input.clone() });
        match input {
            Input::Started { .. } => {
                if let Some(address) = self.listens {
                    effects.push(Effect::Listen { address: Address::from(address), silence: self.silence });
                }
                if let Some(address) = self.connects {
                    effects.connect(Address::from(address), self.silence);
                }
            }
            Input::Connected { connection } | Input::Accepted { connection, .. } => {
                self.connection = Some(connection);
                for _ in 0..self.burst {
                    self.sent += 1;
                    effects.send(connection, frame(self.sent));
                }
                if let Some(every) = self.every {
                    effects.push(Effect::SetTimer { timer: TimerId(1), at: now + every });
                }
            }
            Input::Timer { .. } => {
                if let (Some(connection), Some(every)) = (self.connection, self.every) {
                    self.sent += 1;
                    effects.send(connection, frame(self.sent));
                    effects.push(Effect::SetTimer { timer: TimerId(1), at: now + every });
                }
            }
            _ => {}
        }
    }
}

fn prompt(timeout: Duration) -> Silence {
    Silence::Prompt { timeout }
}

fn host(fabric: &Fabric, name: &str) -> HostId {
    fabric.add_host(HostOptions { name: name.to_owned(), skew_ns: 0, drift_ppm: 0 })
}

/// Adds and starts a process without a disk.
fn spawn(fabric: &Fabric, name: &str, host: HostId, body: ProcessBody) -> ProcessId {
    let process = add(fabric, name, host, body);
    fabric.start(process);
    process
}

fn add(fabric: &Fabric, name: &str, host: HostId, body: ProcessBody) -> ProcessId {
    let options =
        ProcessOptions { name: name.into(), host, disk: None, start_duration: Duration::ZERO, lives_in: None };
    fabric.add_process(options, body)
}

fn latency(base: Duration, jitter: Duration) -> LinkQuality {
    LinkQuality { latency: Latency { base, jitter }, ..LinkQuality::default() }
}

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

const fn us(microseconds: u64) -> Duration {
    Duration::from_micros(microseconds)
}

fn at(duration: Duration) -> Time {
    Time::START + duration
}

/// A pair of hosts with a listener `b` at "b" on the second one and `a` that connects to it from the first.
struct Pair {
    a: HostId,
    b: HostId,
    dialer: ProcessId,
    listener: ProcessId,
}

fn pair(fabric: &Fabric, dialer: Talker, listener: Talker) -> Pair {
    let (a, b) = (host(fabric, "A"), host(fabric, "B"));
    let listener = spawn(fabric, "b", b, listener.listens("b").body());
    let dialer = add(fabric, "a", a, dialer.connects("b").body());
    Pair { a, b, dialer, listener }
}

impl Pair {
    /// Lets the listener come up and the dialer connect.
    async fn connect(&self, fabric: &Fabric) {
        fabric.sleep(us(10)).await;
        fabric.start(self.dialer);
    }

    fn cut(&self, fabric: &Fabric) {
        fabric.cut(self.a, self.b, LinkKind::Network);
        fabric.cut(self.b, self.a, LinkKind::Network);
    }
}

/// Runs a world and gives back what was logged.
fn world<F: Future<Output = ()> + 'static>(seed: u64, body: impl FnOnce(Fabric, Log) -> F + Send + 'static) -> Log {
    let log = Log::default();
    let given = log.clone();
    Fabric::run(seed, move |fabric| body(fabric, given)).unwrap();
    log
}
