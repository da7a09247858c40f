//! Frames of the fabric: callers that each hold a conversation with one server, call by call.
//!
//! Fingerprint, links with jitter, connections: everything that every run has. A new frame is made for each call and for
//! each answer, as the machines of the middleware do.

use std::time::Duration;

use indoubt::fabric::{Fabric, HostOptions, LinkKind, ProcessBody, ProcessOptions, machine_body};
use indoubt::scenario::model::LinkQuality;
use indoubt_engine::frame::Frame;
use indoubt_engine::machine::{Effect, Effects, Ended, Input, Machine, Silence};
use indoubt_engine::message::MessageId;
use indoubt_engine::mqi::{MqiAnswer, MqiCall, MqiReply, ObjectHandle};
use indoubt_engine::name::{Address, ProcessName};
use indoubt_engine::time::Time;

const SERVER: &str = "server/calls";
const SILENCE: Silence = Silence::Prompt { timeout: Duration::from_secs(60) };

struct Caller {
    calls: u64,
}

impl Machine for Caller {
    fn handle(&mut self, _now: Time, input: Input, effects: &mut Effects) {
        match input {
            Input::Started { .. } => {
                effects.connect(Address::from(SERVER), SILENCE);
            }
            Input::Connected { connection } | Input::Frame { connection, .. } => {
                if self.calls == 0 {
                    effects.push(Effect::End(Ended::Normally));
                } else {
                    self.calls -= 1;
                    let call = MqiCall::Close { handle: ObjectHandle(7) };
                    effects.send(connection, Frame::MqiCall(Box::new(call)));
                }
            }
            other => panic!("unexpected: {other:?}"),
        }
    }
}

struct Server;

impl Machine for Server {
    fn handle(&mut self, _now: Time, input: Input, effects: &mut Effects) {
        match input {
            Input::Started { .. } => {
                effects.push(Effect::Listen { address: Address::from(SERVER), silence: SILENCE });
            }
            Input::Frame { connection, .. } => {
                let answer = MqiAnswer::Put { message_id: MessageId(7) };
                effects.send(connection, Frame::MqiReply(Box::new(MqiReply::Ok(answer))));
            }
            _ => {}
        }
    }
}

/// So many conversations of so many calls each; how many frames were delivered.
pub(crate) fn converse(conversations: u64, calls: u64) -> u64 {
    let delivered = Fabric::run(1, move |fabric| async move {
        let add = |host: &str, name: String, body: ProcessBody| {
            let host = fabric.add_host(HostOptions { name: host.to_owned(), skew_ns: 0, drift_ppm: 0 });
            let name = ProcessName::from(name);
            let options = ProcessOptions { name, host, disk: None, start_duration: Duration::ZERO, lives_in: None };
            let process = fabric.add_process(options, body);
            fabric.start(process);
            process
        };
        fabric.set_default_link(LinkKind::Network, LinkQuality::default());
        add("server", "server".to_owned(), machine_body(|_| Server));
        fabric.sleep(Duration::from_micros(1)).await;
        let callers: Vec<_> = (0..conversations)
            .map(|number| {
                add(&format!("host {number}"), format!("caller {number}"), machine_body(move |_| Caller { calls }))
            })
            .collect();
        while callers.iter().any(|caller| fabric.is_running(*caller)) {
            fabric.sleep(Duration::from_secs(1)).await;
        }
        fabric.frames_delivered()
    });
    let delivered = delivered.expect("nothing in this world panics");
    assert_eq!(delivered, 2 * conversations * calls);
    delivered
}

/// A world in which nothing happens: thread, runtime, fabric, and their end.
pub(crate) fn nothing(worlds: u64) -> u64 {
    for seed in 0..worlds {
        Fabric::run(seed, |_| async {}).expect("nothing happens");
    }
    worlds
}
