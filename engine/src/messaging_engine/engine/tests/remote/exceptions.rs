//! Claims about exception destinations that have their queue point on another engine.

use super::world::{A, AT_B, AT_C, B, C, Net, TWO};
use crate::messaging_engine::definition::ExceptionDestination;
use crate::messaging_engine::frame::{BusCall, MessageState, Scope};
use crate::time::Duration;

/// Longer than every pause after which something is tried again.
const LONG: Duration = Duration::from_secs(120);

/// What fails once on the queue of B goes to the one of C.
fn net() -> Net {
    Net::started_with(|queue| {
        queue.exception_destination = ExceptionDestination::Specific(AT_C.into());
        queue.maximum_failed_deliveries = 1;
    })
}

fn fail_delivery(net: &mut Net, place: usize) -> Option<u64> {
    let got = net.receive(place, AT_B, Scope::Transacted);
    net.call(place, TWO, BusCall::Rollback);
    got
}

#[test]
fn a_message_that_fails_too_often_goes_to_an_exception_destination_on_another_engine() {
    // Whether it was delivered here or to a consumer elsewhere.
    for consumer in [B, A] {
        let mut net = net();
        assert!(net.send(B, AT_B, 1));
        // The stream to C has been used since: the message is none that has come there before.
        assert!(net.send(B, AT_C, 2));
        assert_eq!(fail_delivery(&mut net, consumer), Some(1));
        net.settle();
        assert_eq!((net.states(B), net.on(C)), (vec![], vec![2, 1]));
        assert!(net.has_event("remote_put") && net.has_event("exception_message"));
        assert_eq!(net.inspect(C)[1].message.failed_deliveries, 0);
    }
}

#[test]
fn it_waits_on_the_remote_message_point_until_that_engine_runs() {
    let mut net = net();
    assert!(net.send(B, AT_B, 1));
    net.kill(C);
    assert_eq!(fail_delivery(&mut net, B), Some(1));
    assert_eq!(net.states(B), [(1, MessageState::PendingSend("C".into()))]);
    net.kill(B);
    net.start(B);
    net.start(C);
    net.settle();
    assert_eq!((net.states(B), net.on(C)), (vec![], vec![1]));
}

#[test]
fn a_crash_on_the_way_there_loses_nothing_and_doubles_nothing() {
    for budget in 0.. {
        let mut net = net();
        assert!(net.send(B, AT_B, 1));
        net.doomed = Some((B, budget));
        fail_delivery(&mut net, B);
        if !net.struck {
            assert!(budget > 5, "there are effects to be stopped between");
            return;
        }
        net.kill(B);
        net.start(B);
        net.advance(LONG);
        let there: Vec<u64> = net.on(B).into_iter().chain(net.on(C)).collect();
        assert_eq!(there, [1], "budget {budget}");
    }
}
