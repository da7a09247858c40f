//! What an application sees of its connection, call by call.

use super::*;
use crate::machine::{Broken, Refused};
use crate::message::{CorrelationId, MessageId, Payload};
use crate::mqi::{Binding, Match, ObjectHandle, PutDescriptor, Wait};
use crate::name::QueueName;
use crate::unit_of_work::{Outcome, Xid};

fn options() -> ConnectOptions {
    ConnectOptions { application: "requester".into(), name: "QSG1".into(), binding: Binding::Client, tag: None }
}

fn client(addresses: &[&str]) -> Client {
    Client::new(addresses.iter().map(|a| Address::from(*a)).collect(), Duration::from_secs(30), options())
}

fn reply(connection: u32, reply: MqiReply) -> Input {
    Input::Frame { connection: ConnectionId(connection), frame: Frame::MqiReply(Box::new(reply)) }
}

fn connected() -> Input {
    let answer = MqiAnswer::Connected { queue_manager: QueueManagerName::from("QM01"), incarnation: Incarnation(1) };
    reply(1, MqiReply::Ok(answer))
}

fn connected_client() -> (Client, Effects) {
    let (mut client, mut effects) = (client(&["QSG1"]), Effects::new());
    client.connect(&mut effects);
    assert_eq!(client.handle(Input::Connected { connection: ConnectionId(1) }, &mut effects), Handled::Taken);
    assert!(matches!(
        client.handle(connected(), &mut effects),
        Handled::Completed(Completion::Connected { incarnation: Incarnation(1), .. })
    ));
    effects.drain();
    (client, effects)
}

fn put(syncpoint: Syncpoint) -> MqiCall {
    MqiCall::Put {
        handle: ObjectHandle(1),
        syncpoint,
        descriptor: PutDescriptor {
            message_id: None,
            correlation_id: CorrelationId::default(),
            persistence: None,
            priority: None,
            expiry: None,
            reply_to_queue: None,
            reply_to_queue_manager: None,
        },
        payload: Payload { identity: 1, length: 100, digest: 1 },
    }
}

fn get(syncpoint: Syncpoint) -> MqiCall {
    MqiCall::Get { handle: ObjectHandle(1), syncpoint, wait: Wait::No, selection: Match::Any }
}

fn fate_when_broken(before: &[MqiCall], call: MqiCall) -> Fate {
    let (mut client, mut effects) = connected_client();
    for earlier in before {
        client.call(earlier.clone(), &mut effects);
        let answer = MqiReply::Ok(MqiAnswer::Put { message_id: MessageId(1) });
        assert!(matches!(client.handle(reply(1, answer), &mut effects), Handled::Completed(_)));
    }
    client.call(call, &mut effects);
    let broken = Input::Broken { connection: ConnectionId(1), how: Broken::Silence };
    match client.handle(broken, &mut effects) {
        Handled::Completed(Completion::Failed(failed)) => {
            assert_eq!((failed.reason, failed.connection_lost), (Reason::ConnectionBroken, true));
            assert!(!client.is_connected());
            failed.fate
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn connects_through_the_first_address_that_takes_it() {
    let (mut client, mut effects) = (client(&["QM01", "QM02"]), Effects::new());
    client.connect(&mut effects);
    let refused = Input::Refused { connection: ConnectionId(1), why: Refused::NobodyListens };
    assert_eq!(client.handle(refused, &mut effects), Handled::Taken);
    let wanted: Vec<_> = effects.drain().collect();
    assert!(matches!(&wanted[1], Effect::Connect { to, .. } if *to == Address::from("QM02")));
    client.handle(Input::Connected { connection: ConnectionId(2) }, &mut effects);
    assert!(matches!(&effects.as_slice()[0], Effect::Send { connection: ConnectionId(2), .. }));
    let refused = client.handle(reply(2, MqiReply::Failed(Reason::QueueManagerQuiescing)), &mut effects);
    assert_eq!(refused, Handled::Completed(Completion::NotConnected(Reason::QueueManagerQuiescing)));
    assert!(effects.as_slice().contains(&Effect::Close { connection: ConnectionId(2) }));
}

#[test]
fn nobody_listening_is_2059() {
    let (mut client, mut effects) = (client(&["QM01"]), Effects::new());
    client.connect(&mut effects);
    let refused = Input::Refused { connection: ConnectionId(1), why: Refused::NoAnswer };
    assert_eq!(
        client.handle(refused, &mut effects),
        Handled::Completed(Completion::NotConnected(Reason::QueueManagerNotAvailable))
    );
}

#[test]
fn a_tag_in_use_is_not_tried_at_the_next_address() {
    let (mut client, mut effects) = (client(&["QM01", "QM02"]), Effects::new());
    client.connect(&mut effects);
    client.handle(Input::Connected { connection: ConnectionId(1) }, &mut effects);
    assert_eq!(
        client.handle(reply(1, MqiReply::Failed(Reason::ConnectionTagInUse)), &mut effects),
        Handled::Completed(Completion::NotConnected(Reason::ConnectionTagInUse))
    );
}

#[test]
fn a_break_leaves_exactly_the_final_calls_unknown() {
    let xid = Xid { coordinator: "CICS".into(), number: 1 };
    assert_eq!(fate_when_broken(&[], put(Syncpoint::Within)), Fate::DidNotHappen);
    assert_eq!(fate_when_broken(&[], put(Syncpoint::Outside)), Fate::Unknown);
    assert_eq!(fate_when_broken(&[], get(Syncpoint::Within)), Fate::DidNotHappen);
    assert_eq!(fate_when_broken(&[], get(Syncpoint::Outside)), Fate::Unknown);
    assert_eq!(fate_when_broken(&[put(Syncpoint::Within)], MqiCall::Commit), Fate::Unknown);
    assert_eq!(fate_when_broken(&[put(Syncpoint::Within)], MqiCall::Backout), Fate::DidNotHappen);
    assert_eq!(fate_when_broken(&[put(Syncpoint::Within)], MqiCall::Disconnect), Fate::Unknown);
    assert_eq!(fate_when_broken(&[put(Syncpoint::Outside)], MqiCall::Disconnect), Fate::DidNotHappen);
    assert_eq!(fate_when_broken(&[], MqiCall::Prepare { xid: xid.clone() }), Fate::Unknown);
    assert_eq!(fate_when_broken(&[], MqiCall::Resolve { xid, outcome: Outcome::Commit }), Fate::Unknown);
    let open =
        MqiCall::Open { queue: QueueName::from("Q"), queue_manager: None, open_for: crate::mqi::OpenFor::Output };
    assert_eq!(fate_when_broken(&[], open), Fate::DidNotHappen);
}

#[test]
fn a_failed_commit_is_certain_only_when_the_queue_manager_says_backed_out() {
    for (reason, fate) in
        [(Reason::BackedOut, Fate::DidNotHappen), (Reason::CouplingFacilityNotAvailable, Fate::Unknown)]
    {
        let (mut client, mut effects) = connected_client();
        client.call(MqiCall::Commit, &mut effects);
        match client.handle(reply(1, MqiReply::Failed(reason)), &mut effects) {
            Handled::Completed(Completion::Failed(failed)) => {
                assert_eq!((failed.fate, failed.connection_lost), (fate, false));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_quiescing_notice_is_remembered_and_no_answer() {
    let (mut client, mut effects) = connected_client();
    client.call(get(Syncpoint::Within), &mut effects);
    assert_eq!(client.handle(reply(1, MqiReply::Quiescing), &mut effects), Handled::Taken);
    assert!(client.is_quiescing());
    assert_eq!(
        client.handle(reply(1, MqiReply::Failed(Reason::NoMessageAvailable)), &mut effects),
        Handled::Completed(Completion::Failed(CallFailed {
            reason: Reason::NoMessageAvailable,
            fate: Fate::DidNotHappen,
            connection_lost: false
        }))
    );
}

#[test]
fn a_break_between_calls_is_found_at_the_next_one() {
    let (mut client, mut effects) = connected_client();
    let broken = Input::Broken { connection: ConnectionId(1), how: Broken::Reset };
    assert_eq!(client.handle(broken, &mut effects), Handled::Taken);
    assert!(!client.is_connected());
}

#[test]
fn inputs_of_others_are_handed_back() {
    let (mut client, mut effects) = connected_client();
    let input = Input::Broken { connection: ConnectionId(9), how: Broken::Reset };
    assert_eq!(client.handle(input.clone(), &mut effects), Handled::NotMine(input));
}

#[test]
fn a_disconnect_closes_the_connection() {
    let (mut client, mut effects) = connected_client();
    client.call(MqiCall::Disconnect, &mut effects);
    let done = client.handle(reply(1, MqiReply::Ok(MqiAnswer::Done)), &mut effects);
    assert_eq!(done, Handled::Completed(Completion::Answered(MqiAnswer::Done)));
    assert!(effects.as_slice().contains(&Effect::Close { connection: ConnectionId(1) }));
    assert!(!client.is_connected());
}
