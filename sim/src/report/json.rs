//! What a program reads: one object for each run.

use indoubt_ledger::outage::CauseKind;
use indoubt_ledger::verdict::{Finding, Judgement, PermittedPart};
use serde_json::{Map, Value, json};

use super::{fingerprint, milliseconds, moves, replay_line};
use crate::run::{Act, Happening, RunOutcome};

/// In nanoseconds.
const MILLISECOND: u64 = 1_000_000;

/// A run as a JSON object.
#[must_use]
pub fn json(outcome: &RunOutcome) -> Value {
    let mut object = Map::new();
    let mut put = |key: &str, value: Value| object.insert(key.to_owned(), value);
    put("scenario", json!(outcome.scenario.name));
    put("path", json!(outcome.scenario.path.display().to_string()));
    put("seed", json!(outcome.seed));
    put("fingerprint", json!(fingerprint(outcome.fingerprint)));
    put("defect", json!(outcome.defect.map(|defect| defect.name())));
    put("simulated_ms", json!(milliseconds(outcome.simulated)));
    put("frames", json!(outcome.frames));
    put("unreached", json!(outcome.unreached));
    put("dormant_faults", json!(outcome.dormant));
    put("outages", outages(outcome));
    put("interruptions", interruptions(outcome));
    put("recoveries", recoveries(outcome));
    put("events", outcome.events.iter().map(|(name, times)| ((*name).to_owned(), json!(times))).collect());
    put("steps", outcome.steps.iter().map(|(step, times)| (step.name().to_owned(), json!(times))).collect());
    put("faults", faults(outcome));
    put("commands", commands(outcome));
    put("replay", json!(replay_line(&outcome.scenario, outcome.seed, outcome.defect)));
    if let Value::Object(judgement) = judgement_json(&outcome.judgement) {
        object.extend(judgement);
    }
    Value::Object(object)
}

/// What the ledger says, as a JSON object.
#[must_use]
pub fn judgement_json(judgement: &Judgement) -> Value {
    let account = &judgement.account;
    let expected: Vec<Value> = judgement
        .expected
        .iter()
        .map(|expected| {
            let mut object = violation(&expected.finding);
            object["because"] = json!(expected.because);
            object["rule"] = json!(expected.rule);
            object
        })
        .collect();
    let permitted: Vec<Value> = judgement
        .permitted
        .iter()
        .map(|group| {
            let kind = group.kind.name();
            let mut object = json!({
                "kind": kind,
                "rule": group.rule,
                "event": group.event,
                "cause": group.cause,
                "count": group.count,
                "parts": group.parts.iter().map(part).collect::<Vec<_>>(),
                "example": group.example,
            });
            if let Some(longest_ns) = group.longest_ns {
                object["longest_ms"] = json!(longest_ns / 1_000_000);
            }
            object
        })
        .collect();
    json!({
        "verdict": judgement.verdict.name(),
        "violations": judgement.findings.iter().map(violation).collect::<Vec<_>>(),
        "expected": expected,
        "permitted": permitted,
        "left": judgement.left.iter().map(|left| json!({ "queue": left.queue, "count": left.count })).collect::<Vec<_>>(),
        "unknown_reasons": judgement.unknown_reasons,
        "ledger": {
            "sent": account.sent,
            "acknowledged": account.acknowledged,
            "unknown": account.unknown,
            "refused": account.refused,
            "delivered": account.delivered,
            "duplicated": account.duplicated,
            "lost": account.lost,
            "permitted": account.permitted,
            "permitted_duplicates": account.permitted_duplicates,
            "dead_lettered": account.dead_lettered,
            "expired": account.expired,
            "remaining": account.remaining,
            "possible_duplicates": account.possible_duplicates,
        },
    })
}

fn part(part: &PermittedPart) -> Value {
    json!({ "queue": part.queue, "quality": part.quality, "count": part.count })
}

fn violation(finding: &Finding) -> Value {
    json!({
        "kind": finding.kind.name(),
        "message": finding.message,
        "at_ms": finding.at_ns / MILLISECOND,
        "detail": finding.detail,
        "queue": finding.queue,
    })
}

fn outages(outcome: &RunOutcome) -> Value {
    let list = outcome.judgement.outages.iter().map(|outage| {
        json!({
            "queue": outage.queue,
            "point": outage.point,
            "fault": outage.cause.text,
            "fault_at_ms": outage.cause.at_ns / MILLISECOND,
            "fault_kind": match outage.cause.kind {
                CauseKind::Fault => "fault",
                CauseKind::Command => "command",
                CauseKind::TakenAway => "planned_move",
            },
            "follows_directly": outage.cause.is_direct,
            "from_ms": outage.from_ns / MILLISECOND,
            "to_ms": outage.to_ns / MILLISECOND,
            "lasted_ms": outage.lasted_ns() / MILLISECOND,
            "usual_ms": outage.usual_ns / MILLISECOND,
            "ended": outage.ended,
            "waiting_first": outage.waiting_first,
            "waiting": outage.waiting,
        })
    });
    list.collect()
}

fn interruptions(outcome: &RunOutcome) -> Value {
    let list = outcome.judgement.interruptions.iter().map(|interruption| {
        json!({
            "application": interruption.process,
            "from_ms": interruption.from_ns / MILLISECOND,
            "to_ms": interruption.to_ns.map(|to_ns| to_ns / MILLISECOND),
            "longest_of": interruption.of,
        })
    });
    list.collect()
}

fn recoveries(outcome: &RunOutcome) -> Value {
    let list = outcome.recoveries.iter().map(|recovery| {
        json!({
            "act": match recovery.act {
                Act::Fault => "fault",
                Act::Command => "command",
            },
            "fault": recovery.fault,
            "at_ms": recovery.at.as_milliseconds(),
            "detected_ms": recovery.detected.map(|at| at.as_milliseconds()),
            "recovered_ms": recovery.recovered.map(|at| at.as_milliseconds()),
            "moves": moves::json(outcome, recovery),
        })
    });
    list.collect()
}

fn commands(outcome: &RunOutcome) -> Value {
    let list = outcome.timeline.iter().filter_map(|entry| match &entry.what {
        Happening::Command { text, .. } => {
            Some(json!({ "at_ms": entry.at.as_milliseconds(), "who": entry.who, "what": text }))
        }
        _ => None,
    });
    list.collect()
}

fn faults(outcome: &RunOutcome) -> Value {
    let list = outcome.timeline.iter().filter_map(|entry| match &entry.what {
        Happening::Fault { text, .. } => Some(json!({ "at_ms": entry.at.as_milliseconds(), "what": text })),
        _ => None,
    });
    list.collect()
}
