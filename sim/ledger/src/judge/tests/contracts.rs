//! What a contract permits and expects, and what cannot be told.

use super::*;

fn discarded(persistent: bool, before_put: bool, subject: &str) -> Tale {
    tale(|t| {
        t.contract.permitted_losses.push(Permission {
            qualities: Some(vec![t.nonpersistent]),
            queues: Some(vec![t.queue]),
            event: "queue_manager_starting".to_owned(),
            subject: Whom::Named("QM01".to_owned()),
            rule: "nonpersistent messages do not survive a restart".to_owned(),
            ..Permission::default()
        });
        if before_put {
            t.event("queue_manager_starting", subject);
        }
        let quality = if persistent { t.persistent } else { t.nonpersistent };
        let put = Put { quality, ..t.message(1, None) };
        t.call(t.producer, Operation::Put(put), Done);
        if !before_put {
            t.event("queue_manager_starting", subject);
        }
    })
}

#[test]
fn a_loss_is_permitted_only_under_its_rule_and_after_its_event() {
    let permitted = discarded(false, false, "QM01").judged();
    assert_eq!((permitted.verdict, permitted.account.permitted, permitted.account.lost), (Verdict::Pass, 1, 0));
    assert_eq!(permitted.permitted[0].count, 1);
    assert!(permitted.permitted[0].example.contains("QM01      queue_manager_starting"), "{:?}", permitted.permitted);
    assert_eq!(discarded(true, false, "QM01").kinds(), ["lost"]);
    assert_eq!(discarded(false, true, "QM01").kinds(), ["lost"]);
    assert_eq!(discarded(false, false, "QM02").kinds(), ["lost"]);
}

#[test]
fn a_message_seen_after_the_event_was_not_lost_by_it() {
    let mut tale = discarded(false, false, "QM01");
    let unit = tale.consumers_unit();
    tale.get(1, Some(unit));
    tale.backout(tale.consumer, unit);
    assert_eq!(tale.kinds(), ["lost"]);
}

#[test]
fn a_get_of_unknown_outcome_outside_syncpoint_takes_one_message_with_it() {
    let gets = |count: u64, completion: Completion| {
        tale(|t| {
            t.put(1, None, Done);
            t.put(2, None, Done);
            (0..count).for_each(|_| t.get_nothing(completion));
        })
    };
    assert_eq!(gets(1, Unknown).judged().account.lost, 1);
    let both = gets(2, Unknown).judged();
    assert_eq!((both.verdict, both.account.permitted), (Verdict::Pass, 2));
    assert_eq!(gets(2, Failed).kinds(), ["lost", "lost"]);
}

#[test]
fn an_allowed_violation_is_expected_only_if_its_cause_was_seen() {
    let lost = |seen: bool| {
        tale(|t| {
            let (kind, because, rule) = (FindingKind::Lost, "resolved_by_command".to_owned(), "heuristic".to_owned());
            t.contract.allow.push(AllowedFinding { kind, queue: Some(t.queue), because, rule });
            t.put(1, None, Done);
            if seen {
                t.event("resolved_by_command", "QM01.1.7");
            }
        })
    };
    let judgement = lost(true).judged();
    assert_eq!((judgement.verdict, judgement.expected.len(), judgement.findings.len()), (Verdict::Pass, 1, 0));
    assert_eq!(lost(false).kinds(), ["lost"]);
}

#[test]
fn what_an_incomplete_audit_did_not_find_is_unknown() {
    let tale = tale(|t| {
        t.audit.incomplete.push("QM01 did not start".to_owned());
        t.put(1, None, Done);
    });
    let judgement = tale.judged();
    assert_eq!((judgement.verdict, judgement.account.lost), (Verdict::Unknown, 0));
    assert!(judgement.unknown_reasons[0].contains("QM01 did not start"));
}

#[test]
fn a_violation_outranks_an_incomplete_audit() {
    let tale = tale(|t| {
        t.audit.incomplete.push("QM01 did not start".to_owned());
        t.get(9, None);
    });
    assert_eq!(tale.judged().verdict, Verdict::Fail);
}

#[test]
fn names_of_kinds_are_their_names_in_json() {
    for kind in FindingKind::ALL {
        assert_eq!(serde_json::to_string(kind).expect("JSON"), format!("\"{}\"", kind.name()));
        assert_eq!(FindingKind::from_name(kind.name()), Some(*kind));
    }
}
