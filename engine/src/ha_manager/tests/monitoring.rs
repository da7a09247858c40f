//! A node agent starts a server again that crashed, and leaves one alone that was stopped.

use std::sync::Arc;

use super::world::{definition, process};
use crate::frame::Frame;
use crate::ha_manager::frame::CoreGroupFrame;
use crate::ha_manager::member::{CoreGroupMember, MonitoringPolicy};
use crate::machine::{Broken, Effect, Effects, Incarnation, Input, Machine, TimerId};
use crate::time::{Duration, Time};

/// An agent `a1` connected to its server `s1`, whose connection ends as given; how often it has started it half an hour
/// later, if it never comes back.
fn starts(end: Vec<Input>) -> usize {
    let policy = MonitoringPolicy::new(process("s1"));
    let mut agent = CoreGroupMember::new(Arc::new(definition(&["a1", "s1"])), process("a1"), vec![policy]);
    let mut effects = Effects::new();
    agent.handle(Time::START, Input::Started { incarnation: Incarnation(1), files: vec![] }, &mut effects);
    let opened = effects.drain().find_map(|effect| match effect {
        Effect::Connect { connection, .. } => Some(connection),
        _ => None,
    });
    let connection = opened.expect("the agent has the smaller name");
    agent.handle(Time::START, Input::Connected { connection }, &mut effects);
    let hello = CoreGroupFrame::Hello { incarnation: Incarnation(1), revision: 0 };
    let frame = |frame| Input::Frame { connection, frame: Frame::CoreGroup(Box::new(frame)) };
    agent.handle(Time::START, frame(hello), &mut effects);
    for input in end {
        agent.handle(Time::START, input, &mut effects);
    }
    let mut count = 0;
    let mut timer_at = None;
    for second in 0..1800 {
        let now = Time::START + Duration::from_secs(second);
        if timer_at.is_some_and(|at| at <= now) {
            timer_at = None;
            agent.handle(now, Input::Timer { timer: TimerId(3) }, &mut effects);
        }
        for effect in effects.drain() {
            match effect {
                Effect::Start { .. } => count += 1,
                Effect::SetTimer { timer: TimerId(3), at } => timer_at = Some(at),
                _ => {}
            }
        }
    }
    count
}

fn connection() -> crate::machine::ConnectionId {
    crate::machine::ConnectionId(1)
}

#[test]
fn a_crashed_server_is_started_until_the_attempts_are_exhausted() {
    assert_eq!(starts(vec![Input::Broken { connection: connection(), how: Broken::Reset }]), 3);
}

#[test]
fn a_server_that_said_that_it_stops_is_not_started() {
    let leaving = Frame::CoreGroup(Box::new(CoreGroupFrame::Leaving));
    let leaving = Input::Frame { connection: connection(), frame: leaving };
    let reset = Input::Broken { connection: connection(), how: Broken::Reset };
    assert_eq!(starts(vec![leaving, reset]), 0);
}
