//! What a client makes of connections, answers and losses.

use super::*;
use crate::machine::{Broken, Refused};
use crate::message::{CorrelationId, MessageId, Payload};
use crate::messaging_engine::frame::{OutgoingMessage, Selection};
use crate::unit_of_work::{Outcome, Xid};

const ENGINE: &str = "cluster1.000-BUS";

fn client() -> BusClient {
    let endpoints = vec![Address::from("first"), Address::from("second")];
    BusClient::new(ConnectionFactory::new(endpoints, "BUS".into(), "application".to_owned()))
}

fn frame(connection: u32, reply: BusReply) -> Input {
    Input::Frame { connection: ConnectionId(connection), frame: Frame::BusReply(Box::new(reply)) }
}

fn connected(connection: u32) -> Input {
    Input::Connected { connection: ConnectionId(connection) }
}

/// Where the effects say to connect, what to call, what to close.
fn told(effects: &mut Effects) -> Vec<String> {
    let tell = |effect| match effect {
        Effect::Connect { connection, to, silence } => {
            assert_eq!(silence.timeout(), ConnectionFactory::DEFAULT_SILENCE);
            format!("{} to {to}", connection.0)
        }
        Effect::Send { connection, frame: Frame::BusCall(call) } => match *call {
            BusCall::Bootstrap { .. } => format!("{} bootstrap", connection.0),
            BusCall::Connect { engine, .. } => format!("{} connect {engine}", connection.0),
            _ => format!("{} call", connection.0),
        },
        Effect::Close { connection } => format!("{} close", connection.0),
        other => panic!("{other:?}"),
    };
    effects.drain().map(tell).collect()
}

fn redirect() -> BusReply {
    BusReply::Redirect { server: "server2".into(), engine: ENGINE.into() }
}

/// A client that is connected by its second network connection.
fn stands() -> (BusClient, Effects) {
    let (mut client, mut effects) = (client(), Effects::new());
    client.connect(&mut effects);
    for input in [connected(1), frame(1, redirect()), connected(2)] {
        assert_eq!(client.handle(input, &mut effects), Handled::Taken);
    }
    let done = client.handle(frame(2, BusReply::Connected { engine: ENGINE.into() }), &mut effects);
    assert_eq!(done, Handled::Completed(Completion::Connected { engine: ENGINE.into() }));
    assert!(client.is_connected());
    let path = ["1 to first", "1 bootstrap", "1 close", "2 to server2", &format!("2 connect {ENGINE}")];
    assert_eq!(told(&mut effects), path);
    (client, effects)
}

#[test]
fn a_bootstrap_server_leads_to_the_server_that_runs_the_engine() {
    let (client, _) = stands();
    assert!(!client.is_quiescing());
}

#[test]
fn provider_endpoints_are_tried_in_order_and_the_last_reason_is_told() {
    let (mut client, mut effects) = (client(), Effects::new());
    client.connect(&mut effects);
    let refused = Input::Refused { connection: ConnectionId(1), why: Refused::NoAnswer };
    assert_eq!(client.handle(refused, &mut effects), Handled::Taken);
    client.handle(connected(2), &mut effects);
    let last = client.handle(frame(2, BusReply::Failed(BusReason::NoMessagingEngine)), &mut effects);
    assert_eq!(last, Handled::Completed(Completion::NotConnected(BusReason::NoMessagingEngine)));
    assert_eq!(told(&mut effects), ["1 to first", "2 to second", "2 bootstrap", "2 close"]);
    assert!(!client.is_connected());
}

#[test]
fn an_engine_that_is_not_started_yet_makes_the_client_ask_the_next_bootstrap_server() {
    let (mut client, mut effects) = (client(), Effects::new());
    client.connect(&mut effects);
    for input in [connected(1), frame(1, redirect()), connected(2)] {
        client.handle(input, &mut effects);
    }
    assert_eq!(client.handle(frame(2, BusReply::Failed(BusReason::EngineNotStarted)), &mut effects), Handled::Taken);
    assert_eq!(told(&mut effects).last().map(String::as_str), Some("3 to second"));
}

fn send(scope: Scope, one_way: bool) -> BusCall {
    let message = OutgoingMessage {
        correlation_id: CorrelationId(0),
        reliability: None,
        priority: None,
        expiry: None,
        reply_to: None,
        payload: Payload { identity: 1, length: 1, digest: 1 },
    };
    BusCall::Send { destination: "Q".into(), message, scope, one_way }
}

fn receive(scope: Scope) -> BusCall {
    BusCall::Receive { destination: "Q".into(), selection: Selection::Any, wait: Duration::ZERO, scope }
}

fn xid() -> Xid {
    Xid { coordinator: "server9".to_owned(), number: 1 }
}

#[test]
fn a_lost_connection_means_for_each_call_what_the_engine_makes_of_it() {
    let unknown = [
        send(Scope::Automatic, false),
        receive(Scope::Automatic),
        BusCall::Acknowledge,
        BusCall::Commit,
        BusCall::Prepare { xid: xid() },
        BusCall::Resolve { xid: xid(), outcome: Outcome::Commit },
    ];
    let did_not_happen = [
        send(Scope::Transacted, false),
        receive(Scope::Transacted),
        receive(Scope::Acknowledged),
        BusCall::Recover,
        BusCall::Rollback,
        BusCall::Begin { xid: xid() },
        BusCall::Inspect,
    ];
    let calls = unknown.map(|call| (call, Fate::Unknown)).into_iter();
    for (call, fate) in calls.chain(did_not_happen.map(|call| (call, Fate::DidNotHappen))) {
        for input in
            [Input::Broken { connection: ConnectionId(2), how: Broken::Silence }, frame(2, BusReply::Terminated)]
        {
            let (mut client, mut effects) = stands();
            assert_eq!(client.call(call.clone(), &mut effects), Begun::Outstanding);
            let failed = CallFailed { reason: BusReason::ConnectionLost, fate, connection_lost: true };
            let handled = client.handle(input, &mut effects);
            assert_eq!(handled, Handled::Completed(Completion::Failed(failed)), "{call:?}");
            assert!(!client.is_connected());
        }
    }
}

#[test]
fn what_is_sent_one_way_is_complete_at_once() {
    let (mut client, mut effects) = stands();
    assert_eq!(client.call(send(Scope::Automatic, true), &mut effects), Begun::Complete);
    assert_eq!(client.call(send(Scope::Automatic, false), &mut effects), Begun::Outstanding);
    let sent = BusReply::Sent { id: MessageId(1) };
    let handled = client.handle(frame(2, sent.clone()), &mut effects);
    assert_eq!(handled, Handled::Completed(Completion::Answered(sent)));
}

#[test]
fn a_failure_that_is_told_had_no_effect_unless_the_store_failed_in_the_middle() {
    let resolve = BusCall::Resolve { xid: xid(), outcome: Outcome::Commit };
    for (call, reason, fate) in [
        (BusCall::Commit, BusReason::StoreFull, Fate::DidNotHappen),
        (BusCall::Commit, BusReason::StoreFailed, Fate::Unknown),
        (resolve, BusReason::StoreFull, Fate::Unknown),
        (receive(Scope::Automatic), BusReason::NoMessage, Fate::DidNotHappen),
    ] {
        let (mut client, mut effects) = stands();
        assert_eq!(client.call(call, &mut effects), Begun::Outstanding);
        let failed = CallFailed { reason, fate, connection_lost: false };
        let handled = client.handle(frame(2, BusReply::Failed(reason)), &mut effects);
        assert_eq!(handled, Handled::Completed(Completion::Failed(failed)));
    }
}

#[test]
fn an_engine_that_stops_says_so_first() {
    let (mut client, mut effects) = stands();
    assert_eq!(client.handle(frame(2, BusReply::Quiescing), &mut effects), Handled::Taken);
    assert!(client.is_quiescing() && client.is_connected());
    assert_eq!(client.handle(frame(2, BusReply::Terminated), &mut effects), Handled::Taken);
    assert!(!client.is_quiescing() && !client.is_connected());
}

#[test]
fn closing_ends_the_connection_when_it_is_answered() {
    let (mut client, mut effects) = stands();
    assert_eq!(client.call(BusCall::Close, &mut effects), Begun::Outstanding);
    client.handle(frame(2, BusReply::Done), &mut effects);
    assert!(!client.is_connected());
    assert_eq!(told(&mut effects), ["2 call", "2 close"]);
}
