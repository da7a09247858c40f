//! Histories of a few lines for every kind of violation, each with a healthy twin.

use proptest::prelude::*;

use super::*;

/// `p f type value [queue]`, one for each line: `0 enqueue invoke 1`.
fn jsonl(text: &str) -> String {
    let mut lines = String::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [process, function, phase, value, queue @ ..] = fields.as_slice() else { panic!("{line}") };
        let queue = queue.first().map_or(String::new(), |queue| format!(r#", "queue": "{queue}""#));
        let _ = writeln!(
            lines,
            r#"{{"process": {process}, "type": "{phase}", "f": "{function}", "value": {value}{queue}, "extra": []}}"#
        );
    }
    lines
}

fn judged(text: &str) -> Judgement {
    judge_queue_history(jsonl(text).as_bytes(), QueueHistoryOptions { ordered: true }).expect("a history")
}

fn kinds(text: &str) -> Vec<&'static str> {
    judged(text).findings.iter().map(|finding| finding.kind.name()).collect()
}

fn verdict(text: &str) -> &'static str {
    judged(text).verdict.name()
}

fn error(text: &str) -> String {
    let result = judge_queue_history(text.as_bytes(), QueueHistoryOptions::default());
    result.expect_err("not a history").to_string()
}

const PUT_1: &str = "0 enqueue invoke 1 \n 0 enqueue ok 1 \n";
const PUT_2: &str = "0 enqueue invoke 2 \n 0 enqueue ok 2 \n";
const GET_1: &str = "1 dequeue invoke null \n 1 dequeue ok 1 \n";
const GET_2: &str = "1 dequeue invoke null \n 1 dequeue ok 2 \n";
const DRAIN_NOTHING: &str = "2 drain invoke null \n 2 drain ok [] \n";

#[test]
fn what_was_put_and_taken_once_passes() {
    let judgement = judged(&[PUT_1, PUT_2, GET_1, "2 drain invoke null \n 2 drain ok [2]"].concat());
    assert_eq!((judgement.verdict, judgement.findings.len()), (Verdict::Pass, 0));
    assert_eq!((judgement.account.sent, judgement.account.acknowledged, judgement.account.delivered), (2, 2, 2));
}

#[test]
fn a_message_that_a_later_drain_does_not_return_is_lost() {
    let judgement = judged(&[PUT_1, DRAIN_NOTHING].concat());
    assert_eq!(judgement.verdict, Verdict::Fail);
    assert_eq!(judgement.account.lost, 1);
    let finding = &judgement.findings[0];
    assert_eq!(finding.kind, FindingKind::Lost);
    assert!(finding.detail.contains("line 2  process 0  enqueue of 1 ok"), "{}", finding.detail);
    assert_eq!(verdict(&[PUT_1, GET_1, DRAIN_NOTHING].concat()), "pass");
}

#[test]
fn a_missing_message_is_unknown_while_nothing_has_drained_the_queue() {
    for (name, rest) in [
        ("no drain", ""),
        ("a drain that never completed", "2 drain invoke null"),
        ("a drain of unknown outcome", "2 drain invoke null \n 2 drain info null"),
        ("a drain that failed", "2 drain invoke null \n 2 drain fail null"),
    ] {
        let judgement = judged(&[PUT_1, rest].concat());
        assert_eq!((judgement.verdict, judgement.account.lost), (Verdict::Unknown, 0), "{name}");
        assert_eq!(judgement.unknown_reasons.len(), 1, "{name}");
    }
    assert_eq!(verdict(&[PUT_1, DRAIN_NOTHING].concat()), "fail");
}

#[test]
fn a_message_acknowledged_after_the_last_drain_began_is_unknown() {
    assert_eq!(verdict(&[DRAIN_NOTHING, PUT_1].concat()), "unknown");
    let during = "0 enqueue invoke 1 \n 2 drain invoke null \n 0 enqueue ok 1 \n 2 drain ok []";
    assert_eq!(verdict(during), "unknown");
    let before = "0 enqueue invoke 1 \n 0 enqueue ok 1 \n 2 drain invoke null \n 2 drain ok []";
    assert_eq!(verdict(before), "fail");
}

#[test]
fn a_drain_drains_its_own_queue_only() {
    let other = "0 enqueue invoke 1 A \n 0 enqueue ok 1 A \n 2 drain invoke null B \n 2 drain ok [] B";
    assert_eq!(verdict(other), "unknown");
    assert_eq!(kinds(&other.replace('B', "A")), ["lost"]);
}

#[test]
fn a_message_taken_from_another_queue_is_a_phantom_there() {
    let taken = "0 enqueue invoke 1 A \n 0 enqueue ok 1 A \n 1 dequeue invoke null B \n 1 dequeue ok 1 B \n";
    assert_eq!(kinds(&[taken, "2 drain invoke null A \n 2 drain ok [] A"].concat()), ["lost", "phantom"]);
    assert_eq!(verdict(&taken.replace('B', "A")), "pass");
}

#[test]
fn a_message_after_the_drain_counts() {
    assert_eq!(verdict(&[DRAIN_NOTHING, PUT_1, GET_1].concat()), "pass");
    assert_eq!(kinds(&[PUT_1, "2 drain invoke null \n 2 drain ok [1] \n", GET_1].concat()), ["duplicated"]);
}

#[test]
fn a_message_taken_more_often_than_put_is_duplicated() {
    let judgement = judged(&[PUT_1, GET_1, GET_1].concat());
    assert_eq!(judgement.findings[0].kind, FindingKind::Duplicated);
    assert_eq!((judgement.account.duplicated, judgement.account.delivered), (1, 1));
    assert_eq!(verdict(&[PUT_1, PUT_1, GET_1, GET_1].concat()), "pass");
    assert_eq!(kinds(&[PUT_1, PUT_1, GET_1, GET_1, GET_1].concat()), ["duplicated"]);
    assert_eq!(kinds(&[PUT_1, "2 drain invoke null \n 2 drain ok [1,1]"].concat()), ["duplicated"]);
}

#[test]
fn a_value_put_several_times_counts_that_often() {
    let judgement = judged(&[PUT_1, PUT_1, PUT_1, GET_1, DRAIN_NOTHING].concat());
    assert_eq!(judgement.account.lost, 2);
    assert_eq!(judgement.findings.len(), 2);
    // The second one came after the drain: it is not proven missing.
    let judgement = judged(&[PUT_1, GET_1, DRAIN_NOTHING, PUT_1].concat());
    assert_eq!((judgement.verdict, judgement.account.lost), (Verdict::Unknown, 0));
}

#[test]
fn a_message_that_was_never_put_is_a_phantom() {
    assert_eq!(kinds(GET_1), ["phantom"]);
    assert_eq!(kinds("2 drain invoke null \n 2 drain ok [7]"), ["phantom"]);
    assert_eq!(verdict(&[PUT_1, GET_1].concat()), "pass");
}

#[test]
fn a_message_whose_put_was_refused_is_a_phantom() {
    let refused = "0 enqueue invoke 1 \n 0 enqueue fail 1 \n";
    assert_eq!(kinds(&[refused, GET_1].concat()), ["phantom"]);
    assert_eq!(verdict(&[refused, DRAIN_NOTHING].concat()), "pass");
    // Refused once, then taken: one delivery is right, two are not.
    assert_eq!(verdict(&[refused, PUT_1, GET_1].concat()), "pass");
    assert_eq!(kinds(&[refused, PUT_1, GET_1, GET_1].concat()), ["duplicated"]);
}

#[test]
fn a_message_delivered_before_its_put_was_invoked_is_a_phantom_and_not_also_lost() {
    assert_eq!(kinds(&[GET_1, PUT_1, DRAIN_NOTHING].concat()), ["phantom"]);
    // While the put is under way it may be delivered, even before it is acknowledged.
    let during = "0 enqueue invoke 1 \n 1 dequeue invoke null \n 1 dequeue ok 1 \n 0 enqueue ok 1";
    assert_eq!(verdict(during), "pass");
    let asked_before = "1 dequeue invoke null \n 0 enqueue invoke 1 \n 0 enqueue ok 1 \n 1 dequeue ok 1";
    assert_eq!(verdict(asked_before), "pass");
}

#[test]
fn a_put_of_unknown_outcome_may_be_delivered_once_or_not_at_all() {
    for unknown in [
        "0 enqueue invoke 1 \n",
        "0 enqueue invoke 1 \n 0 enqueue info 1 \n",
        "0 enqueue invoke 1 \n 0 enqueue info null \n",
    ] {
        assert_eq!(verdict(&[unknown, DRAIN_NOTHING].concat()), "pass");
        assert_eq!(verdict(&[unknown, GET_1, DRAIN_NOTHING].concat()), "pass");
        assert_eq!(kinds(&[unknown, GET_1, GET_1].concat()), ["duplicated"]);
    }
}

#[test]
fn of_two_puts_of_a_value_the_acknowledged_one_is_served_first() {
    let unknown = "3 enqueue invoke 1 \n 3 enqueue info 1 \n";
    assert_eq!(verdict(&[unknown, PUT_1, GET_1, DRAIN_NOTHING].concat()), "pass");
    assert_eq!(kinds(&[unknown, PUT_1, PUT_1, GET_1, DRAIN_NOTHING].concat()), ["lost"]);
}

#[test]
fn a_dequeue_of_unknown_outcome_may_have_taken_one_message() {
    for unknown in ["1 dequeue invoke null \n", "1 dequeue invoke null \n 1 dequeue info null \n"] {
        let judgement = judged(&[PUT_1, unknown, DRAIN_NOTHING].concat());
        assert_eq!((judgement.verdict, judgement.account.permitted), (Verdict::Pass, 1));
        let example = &judgement.permitted[0].example;
        assert!(example.contains("process 0  enqueue of 1 ok") && example.contains("drain ok"), "{example}");
        let judgement = judged(&[PUT_1, PUT_2, unknown, DRAIN_NOTHING].concat());
        assert_eq!((judgement.verdict, judgement.account.lost), (Verdict::Fail, 1));
        // It was invoked after a drain had completed that should have returned the message.
        assert_eq!(kinds(&[PUT_1, DRAIN_NOTHING, unknown].concat()), ["lost"]);
    }
    // One that failed certainly took nothing, nor did one that found nothing.
    assert_eq!(kinds(&[PUT_1, "1 dequeue invoke null \n 1 dequeue fail null \n", DRAIN_NOTHING].concat()), ["lost"]);
    assert_eq!(kinds(&[PUT_1, "1 dequeue invoke null \n 1 dequeue ok null \n", DRAIN_NOTHING].concat()), ["lost"]);
}

#[test]
fn a_drain_of_unknown_outcome_may_have_taken_any_number() {
    let unknown = "3 drain invoke null \n 3 drain info null \n";
    let judgement = judged(&[PUT_1, PUT_2, unknown, DRAIN_NOTHING].concat());
    assert_eq!((judgement.verdict, judgement.account.lost), (Verdict::Unknown, 0));
    assert_eq!(kinds(&[PUT_1, PUT_2, DRAIN_NOTHING, unknown].concat()), ["lost", "lost"]);
}

#[test]
fn a_violation_outranks_what_is_unknown() {
    let judgement = judged(&[PUT_1, GET_2].concat());
    assert_eq!(judgement.verdict, Verdict::Fail);
    assert!(!judgement.unknown_reasons.is_empty());
}

#[test]
fn messages_of_one_producer_that_change_places_are_out_of_order_where_asked() {
    let history = [PUT_1, PUT_2, GET_2, GET_1].concat();
    assert_eq!(kinds(&history), ["out_of_order"]);
    let unordered = judge_queue_history(jsonl(&history).as_bytes(), QueueHistoryOptions { ordered: false });
    assert_eq!(unordered.expect("a history").verdict, Verdict::Pass);
    assert_eq!(verdict(&[PUT_1, PUT_2, GET_1, GET_2].concat()), "pass");
    assert_eq!(kinds(&[PUT_1, PUT_2, "2 drain invoke null \n 2 drain ok [2,1]"].concat()), ["out_of_order"]);
    assert_eq!(verdict(&[PUT_1, PUT_2, "2 drain invoke null \n 2 drain ok [1,2]"].concat()), "pass");
    // Two producers owe each other nothing.
    assert_eq!(verdict(&[PUT_1, &PUT_2.replace('0', "5"), GET_2, GET_1].concat()), "pass");
    // Two gets at the same time may be told in any order.
    let both = "1 dequeue invoke null \n 2 dequeue invoke null \n 2 dequeue ok 2 \n 1 dequeue ok 1";
    assert_eq!(verdict(&[PUT_1, PUT_2, both].concat()), "pass");
}

#[test]
fn an_empty_history_proves_nothing() {
    assert_eq!(verdict(""), "unknown");
}

#[test]
fn values_are_any_json_and_processes_numbers_or_strings() {
    let text = r#"
        {"process": "a", "type": "invoke", "f": "enqueue", "value": {"b": [1, 2], "a": null}, "time_ms": 1}
        {"process": 1, "type": "invoke", "f": "dequeue", "value": null, "time_ms": 2.5}
        {"process": "a", "type": "ok", "f": "enqueue", "value": {"a": null, "b": [1, 2]}, "time_ms": 3}

        {"process": 1, "type": "ok", "f": "dequeue", "value": {"b": [1, 2], "a": null}, "time_ms": 4}
        {"process": "1", "type": "invoke", "f": "drain", "time_ms": 5}
        {"process": "1", "type": "ok", "f": "drain", "value": [], "time_ms": 6}"#;
    let judgement = judge_queue_history(text.as_bytes(), QueueHistoryOptions::default()).expect("a history");
    assert_eq!((judgement.verdict, judgement.account.delivered), (Verdict::Pass, 1));
}

#[test]
fn findings_carry_the_time_of_their_line() {
    let text = r#"{"process": 1, "type": "invoke", "f": "dequeue", "time_ms": 10}
        {"process": 1, "type": "ok", "f": "dequeue", "value": 1, "time_ms": 12}"#;
    let judgement = judge_queue_history(text.as_bytes(), QueueHistoryOptions::default()).expect("a history");
    assert_eq!(judgement.findings[0].at_ns, 12_000_000);
    assert!(judgement.findings[0].detail.contains("0.012000s  line 2  process 1  dequeue returns 1"));
}

#[test]
fn malformed_lines_are_refused_with_their_number() {
    let good = r#"{"process": 0, "type": "invoke", "f": "enqueue", "value": 1}"#;
    for (line, wanted) in [
        ("nonsense", "not JSON"),
        (r#"{"process": 0"#, "not JSON"),
        ("[1]", "an object is expected"),
        (r#"{"type": "ok", "f": "enqueue", "value": 1}"#, "`process` is missing"),
        (r#"{"process": null, "type": "ok", "f": "enqueue", "value": 1}"#, "`process` is a number or a string"),
        (r#"{"process": 0, "f": "enqueue", "value": 1}"#, "`type` is missing"),
        (r#"{"process": 0, "type": "done", "f": "enqueue", "value": 1}"#, "not \"done\""),
        (r#"{"process": 0, "type": "ok", "f": "push", "value": 1}"#, "not \"push\""),
        (r#"{"process": 0, "type": "ok", "f": 1, "value": 1}"#, "`f` is a string"),
        (r#"{"process": 0, "type": "ok", "f": "enqueue", "value": 1, "queue": 1}"#, "`queue` is a string"),
        (r#"{"process": 0, "type": "ok", "f": "enqueue", "value": 1, "time_ms": "1"}"#, "`time_ms` is a number"),
        (r#"{"process": 0, "type": "ok", "f": "enqueue", "value": 1, "time_ms": -1}"#, "`time_ms` cannot be -1"),
        (r#"{"process": 0, "type": "ok", "f": "enqueue", "value": 2}"#, "has the value 1, its completion names 2"),
        (r#"{"process": 0, "type": "ok", "f": "enqueue"}"#, "its completion names none"),
        (r#"{"process": 0, "type": "fail", "f": "enqueue", "value": 2}"#, "its completion names 2"),
        (r#"{"process": 0, "type": "ok", "f": "dequeue", "value": 1}"#, "completes a dequeue, but invoked a enqueue"),
        (r#"{"process": 0, "type": "ok", "f": "enqueue", "value": 1, "queue": "Q"}"#, "the completion names \"Q\""),
        (r#"{"process": 0, "type": "invoke", "f": "dequeue"}"#, "while its enqueue of line 1 has not completed"),
        (r#"{"process": 1, "type": "ok", "f": "dequeue", "value": 1}"#, "that it has not invoked"),
        (r#"{"process": 1, "type": "invoke", "f": "enqueue"}"#, "needs a `value`"),
        (r#"{"process": 1, "type": "invoke", "f": "enqueue", "value": null}"#, "needs a `value`"),
        (r#"{"process": 1, "type": "invoke", "f": "enqueue", "value": 1e30}"#, "too large"),
    ] {
        let error = error(&format!("{good}\n{line}\n"));
        assert!(error.starts_with("line 2: ") && error.contains(wanted), "{line}: {error}");
    }
    for drained in ["1", "null", "[null]"] {
        let error = error(&jsonl(&format!("0 drain invoke null \n 0 drain ok {drained}")));
        assert!(error.starts_with("line 2: "), "{error}");
    }
    let broken = judge_queue_history(&b"\n\xff\n"[..], QueueHistoryOptions::default());
    assert_eq!(broken.expect_err("not a history").to_string(), "line 2: not UTF-8");
}

/// A correct execution: puts and gets of several processes against a queue that works, with some outcomes not told.
#[derive(Clone, Debug)]
enum Act {
    Put { value: u8, told: u8 },
    Get { told: bool },
    Drain,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        6 => (0_u8..40, 0_u8..12).prop_map(|(value, told)| Act::Put { value, told }),
        4 => prop::bool::weighted(0.9).prop_map(|told| Act::Get { told }),
        1 => Just(Act::Drain),
    ];
    prop::collection::vec(act, 1..120)
}

/// Runs it against a queue; returns the lines, and how many acknowledged messages nobody was told to have got.
fn executed(acts: &[Act]) -> (Vec<String>, usize) {
    let mut queue = VecDeque::new();
    let mut lines = Vec::new();
    let mut untold = 0;
    let mut process = 10;
    for act in acts {
        match act {
            Act::Put { value, told } => {
                lines.push(format!("0 enqueue invoke {value}"));
                let (end, kept) = match told {
                    0 => ("fail", false),
                    1 => ("info", false),
                    2 => ("info", true),
                    _ => ("ok", true),
                };
                if kept {
                    queue.push_back((*value, end == "ok"));
                }
                lines.push(format!("0 enqueue {end} {value}"));
            }
            Act::Get { told } => {
                process += 1;
                lines.push(format!("{process} dequeue invoke null"));
                match (queue.pop_front(), told) {
                    (Some((value, _)), true) => lines.push(format!("{process} dequeue ok {value}")),
                    (Some((_, acknowledged)), false) => untold += usize::from(acknowledged),
                    (None, _) => lines.push(format!("{process} dequeue ok null")),
                }
            }
            Act::Drain => drain(&mut queue, &mut lines),
        }
    }
    drain(&mut queue, &mut lines);
    (lines, untold)
}

fn drain(queue: &mut VecDeque<(u8, bool)>, lines: &mut Vec<String>) {
    let values: Vec<String> = queue.drain(..).map(|(value, _)| value.to_string()).collect();
    lines.push("1 drain invoke null".to_owned());
    lines.push(format!("1 drain ok [{}]", values.join(",")));
}

proptest! {
    #[test]
    fn a_correct_execution_is_never_convicted(acts in acts()) {
        let (lines, untold) = executed(&acts);
        let judgement = judged(&lines.join("\n"));
        prop_assert!(judgement.findings.is_empty(), "{:?}", judgement.findings);
        if untold == 0 {
            prop_assert_eq!(judgement.verdict, Verdict::Pass);
        }
    }

    #[test]
    fn a_delivery_that_is_told_twice_is_convicted(acts in acts(), which in any::<prop::sample::Index>()) {
        let told: Vec<Act> = acts
            .into_iter()
            .filter(|act| !matches!(act, Act::Get { told: false } | Act::Put { told: 0..=2, .. }))
            .collect();
        let (mut lines, _) = executed(&told);
        let deliveries: Vec<String> = lines.iter().filter(|line| line.contains("dequeue ok") && !line.contains("null")).cloned().collect();
        // Nothing to tamper with.
        if deliveries.is_empty() {
            return Ok(());
        }
        let value = which.get(&deliveries).split_whitespace().last().expect("a value").to_owned();
        lines.push("9 dequeue invoke null".to_owned());
        lines.push(format!("9 dequeue ok {value}"));
        prop_assert_eq!(judged(&lines.join("
")).account.duplicated, 1);
    }

    #[test]
    fn a_delivery_that_is_left_out_is_convicted(acts in acts(), which in any::<prop::sample::Index>()) {
        let told: Vec<Act> = acts
            .into_iter()
            .filter(|act| !matches!(act, Act::Get { told: false } | Act::Put { told: 1..=2, .. }))
            .collect();
        let (mut lines, _) = executed(&told);
        let deliveries: Vec<usize> = (0..lines.len())
            .filter(|at| lines[*at].contains("dequeue ok") && !lines[*at].contains("null"))
            .collect();
        // Nothing to tamper with.
        if deliveries.is_empty() {
            return Ok(());
        }
        let at = *which.get(&deliveries);
        let process = lines[at].split_whitespace().next().expect("a process").to_owned();
        lines[at] = format!("{process} dequeue ok null");
        let judgement = judged(&lines.join("\n"));
        prop_assert_eq!(judgement.account.lost, 1);
        prop_assert_eq!(judgement.verdict, Verdict::Fail);
    }

    #[test]
    fn no_text_makes_it_panic(text in "(\\{|\\}|\"process\": ?[0-2]|, |\"type\": ?\"(invoke|ok|info)\"|\"f\": ?\"(enqueue|drain)\"|\"value\": ?\\[?1\\]?|\n){0,40}") {
        let _ = judge_queue_history(text.as_bytes(), QueueHistoryOptions { ordered: true });
    }
}
