//! Each class of mistake, by the text that somebody would read.

use std::path::Path;

use super::files;
use crate::scenario::{parse, read};

/// The example with one thing changed; the first occurrence counts.
fn example(from: &str, to: &str) -> String {
    let path = files().into_iter().find(|path| path.ends_with("queue-sharing/peer-recovery.ron")).expect("the example");
    let source = std::fs::read_to_string(path).expect("readable");
    assert!(source.contains(from), "the example does not contain {from}");
    source.replacen(from, to, 1)
}

/// The report on a text that must be refused.
fn report(text: &str) -> String {
    match parse(Path::new("wrong.ron"), text) {
        Ok(_) => panic!("accepted:\n{text}"),
        Err(diagnostics) => diagnostics.render(false),
    }
}

/// Refused with exactly one mistake, at the place where `marked` stands, saying all of `wanted`.
#[track_caller]
pub(super) fn refused(text: &str, marked: &str, wanted: &[&str]) {
    let Err(diagnostics) = parse(Path::new("wrong.ron"), text) else { panic!("accepted:\n{text}") };
    let rendered = diagnostics.render(false);
    assert_eq!(diagnostics.all().len(), 1, "one mistake, but:\n{rendered}");
    let found = &diagnostics.all()[0];
    let at = text.find(marked).unwrap_or_else(|| panic!("{marked} is not in the text"));
    let line = text[..at].matches('\n').count() + 1;
    let column = at - text[..at].rfind('\n').map_or(0, |newline| newline + 1) + 1;
    assert_eq!((found.line, found.column), (u32::try_from(line).ok(), u32::try_from(column).ok()), "{rendered}");
    for words in wanted {
        let flat = rendered.replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(words), "\"{words}\" is not in:\n{rendered}");
    }
    assert!(rendered.contains(&format!("wrong.ron:{line}:{column}")), "{rendered}");
}

/// The example with one thing changed is refused at the thing.
#[track_caller]
fn spoilt(from: &str, to: &str, marked: &str, wanted: &[&str]) {
    refused(&example(from, to), marked, wanted);
}

#[test]
fn an_unknown_field_is_named_with_the_likely_one() {
    spoilt(
        "defpsist: YES, bothresh",
        "defpsits: YES, bothresh",
        "defpsits",
        &["a queue has no field `defpsits`; did you mean `defpsist`?"],
    );
    spoilt("settle: ", "settel: ", "settel", &["did you mean `settle`?"]);
    spoilt("    faults: [", "    fualts: [", "fualts", &["a scenario has no field `fualts`; did you mean `faults`?"]);
}

#[test]
fn a_dangling_name_is_named_with_the_likely_one() {
    spoilt(
        "what: kill(\"QM01\")",
        "what: kill(\"QM04\")",
        "\"QM04\"",
        &["no queue manager QM04; did you mean QM01?", "QM02"],
    );
    spoilt(
        "\"QM01\": (image: \"SYSA\"",
        "\"QM01\": (image: \"SYSD\"",
        "\"SYSD\"",
        &["no image SYSD; did you mean SYSA?"],
    );
    spoilt(
        "coupling_facility: \"CF01\"",
        "coupling_facility: \"CF02\"",
        "\"CF02\"",
        &["no coupling facility CF02; did you mean CF01?"],
    );
    spoilt(
        "boqname: \"PAYMENT.BACKOUT\"",
        "boqname: \"PAYMENT.BACKUOT\"",
        "\"PAYMENT.BACKUOT\"",
        &["no queue PAYMENT.BACKUOT; did you mean PAYMENT.BACKOUT?"],
    );
    spoilt(
        "replytoq: \"PAYMENT.REPLY\"",
        "replytoq: \"PAYMENT.REPLIES\"",
        "\"PAYMENT.REPLIES\"",
        &["no queue PAYMENT.REPLIES; did you mean PAYMENT.REPLY?"],
    );
    spoilt(
        "cfstruct: \"APPLICATION1\"",
        "cfstruct: \"APPLICATION2\"",
        "\"APPLICATION2\"",
        &["no structure of QSG1 APPLICATION2; did you mean APPLICATION1?"],
    );
}

#[test]
fn a_name_of_another_kind_is_recognised() {
    spoilt(
        "connect: local_group(\"QSG1\")",
        "connect: local_group(\"QM01\")",
        "\"QM01\"),\n            request",
        &["QM01 is a queue manager; did you mean local(\"QM01\")?"],
    );
    spoilt("what: kill(\"QM01\")", "what: kill(\"SYSA\")", "\"SYSA\")),", &["SYSA is an image", "power_off(\"SYSA\")"]);
    spoilt(
        "\"QM01\": (image: \"SYSA\"",
        "\"QM01\": (image: \"CF01\"",
        "\"CF01\", qsgname",
        &["no image CF01; CF01 is a coupling facility"],
    );
}

#[test]
fn steps_events_and_kinds_that_do_not_exist_are_refused() {
    spoilt(
        "name: \"get.taken\"",
        "name: \"get.taking\"",
        "\"get.taking\"",
        &["no step get.taking; did you mean get.taken?"],
    );
    spoilt(
        "\"peer_backed_out_get\"",
        "\"peer_backout_get\"",
        "\"peer_backout_get\"",
        &["no event or step peer_backout_get; did you mean peer_backed_out_get?"],
    );
    spoilt(
        "step(name: \"get.taken\", process: \"QM01\", nth: 5)",
        "event(\"get.taken\")",
        "\"get.taken\"),",
        &["no event get.taken; get.taken is a step"],
    );
    spoilt(
        "recovery_time: \"1s\"",
        "allow: [(kind: out_of_ordre, because: \"peer_recovery_started\", rule: \"x\")]",
        "out_of_ordre",
        &["no kind of violation out_of_ordre; did you mean out_of_order?"],
    );
}

#[test]
fn local_bindings_from_elsewhere_are_refused() {
    spoilt(
        "connect: local_group(\"QSG1\")",
        "runs_on: [\"branch-office\"], connect: local_group(\"QSG1\")",
        "\"branch-office\"], connect: local_group",
        &["no member of QSG1 runs on branch-office", "client_group(\"QSG1\")"],
    );
    spoilt(
        "connect: local_group(\"QSG1\")",
        "runs_on: [\"SYSB\"], connect: local(\"QM01\")",
        "\"SYSB\"], connect",
        &["local bindings to QM01 are not possible from SYSB", "QM01 runs on SYSA", "client(\"QM01\")"],
    );
}

#[test]
fn values_that_are_none_are_refused() {
    spoilt("horizon: \"60s\"", "horizon: 60", "60, settle", &["a duration needs a unit: \"60s\""]);
    spoilt("horizon: \"60s\"", "horizon: \"sixty\"", "\"sixty\"", &["\"sixty\" is no duration"]);
    spoilt("horizon: \"60s\"", "horizon: \"0s\"", "\"0s\"", &["longer than zero"]);
    spoilt("horizon: \"60s\"", "horizon: \"99years\"", "\"99years\"", &["longer than 1000 hours"]);
    spoilt("size: \"64MB\"", "size: \"64 parsecs\"", "\"64 parsecs\"", &["is no size", "63KB"]);
    spoilt(
        "defpsist: YES, bothresh",
        "defpsist: JA, bothresh",
        "JA, bothresh",
        &["JA does not belong here", "one of: YES, NO"],
    );
    spoilt("defpsist: YES, bothresh", "defpsist: \"YES\", bothresh", "\"YES\"", &["YES stands here without quotes"]);
    spoilt("count: 20", "count: -3", "-3", &["no whole number that fits"]);
    spoilt("count: 20", "count: 99999999999999999999", "99999999999999999999", &["no whole number that fits"]);
    spoilt("count: 20", "count: 20000000", "20000000", &["out of range: 1 to 1000000"]);
    spoilt("count: 20", "count: \"20\"", "\"20\"", &["a whole number is expected here, but this is a text in quotes"]);
    spoilt(
        "processing_time: (\"5ms\", \"20ms\")",
        "processing_time: (\"50ms\", \"20ms\")",
        "(\"50ms\"",
        &["must not be more than the second"],
    );
    spoilt(
        "runs_on: [\"branch-office\"]",
        "runs_on: \"branch-office\"",
        "\"branch-office\",\n            connect",
        &["a list is expected here"],
    );
    spoilt(
        "cfstruct: \"APPLICATION1\"",
        "cfstruct: APPLICATION1",
        "APPLICATION1, defpsist",
        &["stands in quotes", "write \"APPLICATION1\""],
    );
}

#[test]
fn names_that_the_product_would_refuse_are_refused() {
    let text = example("\"QM01\": (image", "\"QMGR01\": (image");
    assert!(report(&text).contains("QMGR01 has 6 characters: the name of a queue manager has at most 4"));
    spoilt(
        "\"PAYMENT.REPLY\": (",
        "\"PAYMENT REPLY\": (cfstruct: \"APPLICATION1\"), \"PAYMENT.REPLY\": (",
        "\"PAYMENT REPLY\"",
        &["cannot be the name of a queue"],
    );
    spoilt(
        "\"QM02\": (image: \"SYSB\", qsgname: \"QSG1\")",
        "\"QM02\": (image: \"SYSB\", qsgname: \"QSG1\"), \"QM02\": (image: \"SYSB\", qsgname: \"QSG1\")",
        "\"QM02\": (image: \"SYSB\", qsgname: \"QSG1\"),\n            \"QM03\"",
        &["QM02 is defined twice"],
    );
    spoilt(
        "name: \"payments\"",
        "name: \"branch\"",
        "\"branch\",\n            connect: local",
        &["branch is the name of an application already"],
    );
    let wanted = ["auditor is the name of the process that takes stock at the end of a run"];
    spoilt("name: \"payments\"", "name: \"auditor\"", "\"auditor\"", &wanted);
    spoilt("count: 20,", "count: 20, count: 21,", "count: 21", &["`count` is given twice"]);
}

#[test]
fn messages_that_a_queue_cannot_hold_are_refused() {
    spoilt(
        "think_time: \"50ms\"",
        "size: (\"1KB\", \"64KB\")",
        "(\"1KB\"",
        &["at most 64512 bytes", "messages above 63 KB on shared queues are not modelled yet"],
    );
    spoilt(
        "defpsist: YES, bothresh: 3",
        "maxmsgl: \"100KB\", bothresh: 3",
        "\"100KB\"",
        &["messages above 63 KB on a shared queue are not modelled yet"],
    );
    let text = example("recover: YES", "recover: NO");
    let rendered = report(&text);
    assert_eq!(
        rendered.matches("cannot hold persistent messages: its structure has recover: NO").count(),
        3,
        "{rendered}"
    );
    let text = text.replace(", defpsist: YES", "").replace("think_time: \"50ms\"", "persistence: YES");
    refused(
        &text,
        "YES,\n        ),",
        &["PAYMENT.REQUEST cannot hold persistent messages: APPLICATION1 has recover: NO", "2048"],
    );
}

#[test]
fn what_is_not_modelled_yet_is_said_to_be_so() {
    spoilt("size: \"64MB\"", "size: \"64MB\", duplex: ENABLED", "duplex", &["duplexing is not modelled yet"]);
    spoilt(
        "size: \"64MB\"",
        "size: \"64MB\", recauto: YES",
        "recauto",
        &["structure backup and recovery are not modelled yet"],
    );
    spoilt(
        "size: \"64MB\"",
        "size: \"64MB\", offload: SMDS",
        "offload",
        &["offloading (messages above 63 KB) is not modelled yet"],
    );
    spoilt(
        "what: kill(\"QM01\")",
        "what: kill(\"CF01\")",
        "\"CF01\")",
        &["coupling facility failure is not modelled yet"],
    );
    spoilt(
        "what: kill(\"QM01\")",
        "what: power_off(\"CF01\")",
        "\"CF01\")",
        &["coupling facility failure is not modelled yet"],
    );
    spoilt(
        "qsgname: \"QSG1\")",
        "qsgname: \"QSG1\", igq: ENABLED)",
        "igq",
        &["intra-group queuing is not modelled yet"],
    );
}

#[test]
fn contradictory_faults_are_refused() {
    let faults = |new: &str| {
        let text = example("(when: step(name: \"get.taken\", process: \"QM01\", nth: 5), what: kill(\"QM01\")),", new);
        text.replace("recovery_time: \"1s\",", "")
    };
    let text = faults("(when: at(\"3s\"), what: start(\"QM01\")), (when: at(\"5s\"), what: kill(\"QM01\")),");
    refused(&text, "start(\"QM01\")", &["QM01 is started before anything has ended it"]);
    let text = faults("(when: at(\"3s\"), what: start(\"QM01\")),");
    refused(&text, "start(\"QM01\")", &["nothing ever ends it"]);
    let text = faults(
        "(when: at(\"3s\"), what: kill(\"QM01\")), (when: at(\"3s\"), what: pause(process: \"QM01\", duration: \"5s\")),",
    );
    refused(&text, "pause(", &["QM01 is struck at this very moment by the fault in line", "not both can happen"]);
    let text = faults("(when: at(\"3s\"), what: power_off(\"SYSA\")), (when: at(\"3s\"), what: kill(\"QM01\")),");
    refused(&text, "kill(", &["QM01 is struck at this very moment"]);
    let text = faults("(when: at(\"3s\"), what: kill(\"QM01\")), (when: at(\"5s\"), what: kill(\"QM01\")),");
    refused(&text, "kill(\"QM01\")),\n", &["QM01 is down since 3s", "nothing starts it again"]);
    let text = faults("(when: at(\"61s\"), what: kill(\"QM01\")),");
    refused(&text, "at(\"61s\")", &["1m 1s is after the horizon (1m)"]);
    let text = faults("(when: between(\"9s\", \"3s\"), what: kill(\"QM01\")),");
    refused(&text, "\"3s\")", &["this window ends before it begins"]);
    let cut = "cut(from: \"SYSA\", to: \"CF01\", duration: \"10s\")";
    let text = faults(&format!("(when: at(\"3s\"), what: {cut}), (when: at(\"5s\"), what: {cut}),"));
    refused(&text, &format!("{cut}),\n"), &["this link is cut at this time by the fault in line"]);
    let text = faults("(when: at(\"3s\"), what: cut(from: \"branch-office\", to: \"CF01\", duration: \"10s\")),");
    refused(&text, "\"CF01\", duration", &["there is no link between these two"]);
}

#[test]
fn two_phase_applications_need_a_way_back() {
    let text = example("processing_time", "syncpoint: TWO_PHASE, runs_on: [\"SYSA\"], processing_time");
    let text = text.replace("local_group(\"QSG1\")", "client_group(\"QSG1\")");
    refused(
        &text,
        "client_group(\"QSG1\"),\n            request_queue: \"PAYMENT.REQUEST\",\n            syncpoint",
        &["may come back to another one", "groupur: ENABLED"],
    );
    let text = example("processing_time", "syncpoint: TWO_PHASE, processing_time");
    let text = text.replace("what: kill(\"QM01\")", "what: kill(\"payments.1\")");
    refused(&text, "kill(\"payments.1\")", &["payments.1 is TWO_PHASE and never comes back"]);
}

#[test]
fn what_only_a_cell_reports_cannot_come_about_without_one() {
    for (name, lacking) in [
        ("view_installed", "cell"),
        ("server_terminated", "cell"),
        ("messaging_engine_failed", "cell"),
        ("remote_put", "cell"),
        ("view.proposed", "cell"),
        ("engine.started", "cell"),
        ("database_started", "database"),
        ("store_lock_lost", "database"),
        ("store.owned", "database"),
        ("file_lock_released", "file server"),
        ("file_store_lost", "file server"),
        ("file_store.stored", "file server"),
    ] {
        let quoted = format!("\"{name}\"");
        let wanted = format!("{name} can never come about: there is no {lacking}");
        spoilt("\"peer_backed_out_get\"", &quoted, &quoted, &[&wanted]);
    }
}

#[test]
fn situations_that_cannot_come_about_are_refused() {
    spoilt(
        "\"peer_backed_out_get\"",
        "\"prepare.forced\"",
        "\"prepare.forced\"",
        &["prepare.forced can never come about: no application has syncpoint: TWO_PHASE"],
    );
    spoilt("\"peer_backed_out_get\"", "\"restarted_in_place\"", "\"restarted_in_place\"", &["there is no ARM policy"]);
    spoilt(
        "process: \"QM01\", nth: 5",
        "process: \"SYSA\", nth: 5",
        "step(name",
        &["get.taken is a step of a queue manager, which SYSA is not"],
    );
}

#[test]
fn an_instance_must_be_named_where_there_are_several() {
    spoilt(
        "what: kill(\"QM01\")",
        "what: kill(\"payments\")",
        "\"payments\"))",
        &["several instances of payments", "payments.1"],
    );
}

#[test]
fn queues_must_be_there_wherever_an_application_may_be_connected() {
    let text = example(
        "\"QM01\": (image: \"SYSA\", qsgname: \"QSG1\")",
        "\"QM01\": (image: \"SYSA\", qsgname: \"QSG1\", qlocals: { \"AUDIT\": () })",
    );
    let text = text.replace("processing_time", "also_put: [\"AUDIT\"], processing_time");
    refused(&text, "\"AUDIT\"]", &["AUDIT is not defined on QM02, where this application may be connected"]);
}

#[test]
fn what_is_missing_is_named() {
    spoilt("connect: client(\"QM02\"),\n", "", "requester(", &["a requester needs `connect`"]);
    spoilt("image: \"SYSA\", ", "", "(qsgname: \"QSG1\")", &["a queue manager needs `image`"]);
    spoilt("nth: 5), what: kill(\"QM01\")", "nth: 5)", "(when: step", &["a fault needs `what`"]);
}

#[test]
fn mistakes_of_syntax_are_explained() {
    spoilt(
        "coupling_facility: \"CF01\",",
        "coupling_facility: \"CF01\"",
        "cfstructs",
        &["a comma is missing before `cfstructs`"],
    );
    spoilt("horizon: \"60s\"", "horizon = \"60s\"", "= \"60s\"", &["`=` does not belong here", "name: value"]);
    spoilt("horizon: \"60s\"", "horizon: ", ", settle", &["a value is missing before `,`"]);
    spoilt("count: 20,", "count: 20,,", ",\n            think", &["nothing stands before this comma"]);
    spoilt("\"SYSA\": ()", "SYSA: ()", "SYSA", &["the key `SYSA` needs quotes"]);
    spoilt(
        "{ \"branch-office\": () }",
        "( \"branch-office\": () )",
        "\"branch-office\": ()",
        &["a map stands in braces"],
    );
    spoilt(
        "step(name: \"get.taken\", process",
        "step(\"get.taken\", process",
        "\"get.taken\", process",
        &["a value without a name among fields with names"],
    );
    spoilt("horizon: \"60s\"", "horizon: '60s'", "'60s'", &["a text stands in double quotes"]);
    spoilt("hosts: { \"branch-office\": () }", "hosts: { \"branch-office\": (] }", "] }", &["this `]` closes nothing"]);
}

#[test]
fn all_mistakes_come_at_once_and_in_order() {
    let text = example("boqname: \"PAYMENT.BACKOUT\"", "boqname: \"PAYMENT.BACKUOT\"");
    let text = text.replace("what: kill(\"QM01\")", "what: kill(\"QM04\")").replace("settle: ", "settel: ");
    let text = text.replace("count: 20", "count: many");
    let Err(diagnostics) = parse(Path::new("wrong.ron"), &text) else { panic!("accepted") };
    let messages: Vec<&str> = diagnostics.all().iter().map(|found| found.message.as_str()).collect();
    assert_eq!(messages.len(), 4, "{messages:?}");
    assert!(messages[0].contains("PAYMENT.BACKUOT") && messages[1].contains("whole number"), "{messages:?}");
    assert!(messages[2].contains("QM04") && messages[3].contains("settel"), "{messages:?}");
    assert!(diagnostics.render(false).contains("wrong.ron: 4 mistakes"));
}

#[test]
fn mistakes_of_syntax_do_not_hide_others_and_are_not_followed_by_false_ones() {
    // The images cannot be read; that must not make every queue manager's image dangle.
    let text = example("images: { \"SYSA\": ()", "images: { \"SYSA\" ()").replace("settle: ", "settel: ");
    let rendered = report(&text);
    assert!(rendered.contains("a `:` is missing before `(`") && rendered.contains("settel"), "{rendered}");
    assert!(!rendered.contains("no image"), "{rendered}");
}

#[test]
fn files_that_are_no_text_are_refused() {
    let folder = std::env::temp_dir().join(format!("indoubt-scenario-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("writable");
    let file = folder.join("odd.ron");
    std::fs::write(&file, b"(\n  about: \"caf\xe9\",\n)").expect("writable");
    let diagnostics = read(&file).expect_err("not UTF-8");
    assert_eq!((diagnostics.all()[0].line, diagnostics.all()[0].column), (Some(2), Some(14)));
    assert!(diagnostics.render(false).contains("not UTF-8"));
    for (content, message) in
        [("", "the file is empty"), ("  // nothing\n", "the file is empty"), ("()", "a scenario needs `about`")]
    {
        std::fs::write(&file, content).expect("writable");
        let rendered = read(&file).expect_err("empty").render(false);
        assert!(rendered.contains(message), "{rendered}");
    }
    let rendered = read(&folder.join("none.ron")).expect_err("not there").render(false);
    assert!(rendered.contains("cannot read"), "{rendered}");
    let rendered = read(&folder).expect_err("a folder").render(false);
    assert!(rendered.contains("cannot read"), "{rendered}");
    std::fs::remove_dir_all(&folder).expect("removable");
}

#[test]
fn reports_are_plain_without_colour_and_coloured_with_it() {
    let text = example("settle: ", "settel: ");
    let diagnostics = parse(Path::new("wrong.ron"), &text).expect_err("a mistake");
    assert!(!diagnostics.render(false).contains('\u{1b}'));
    assert!(diagnostics.render(true).contains('\u{1b}'));
}

#[test]
fn more_than_a_run_can_finish_is_refused() {
    let text = example("count: 20,", "count: 1000000,").replace("instances: 3", "instances: 30");
    refused(&text, "[\n        // A branch", &["these put 30000000 messages; at most 10000000"]);
}

#[test]
fn what_would_never_end_is_refused() {
    spoilt("qsgname: \"QSG1\")", "qsgname: \"QSG1\", retry_interval: \"1ns\")", "\"1ns\"", &["at least 1ms"]);
    spoilt("    run: (", "    run: (horizon: \"99h\", ", "horizon: \"60s\"", &["`horizon` is given twice"]);
}

#[test]
fn limits_of_the_product_are_kept() {
    let images: String = (0..33).map(|number| format!("\"SYS{number}\": (), ")).collect();
    spoilt("\"SYSA\": ()", &format!("{images}\"SYSA\": ()"), "\"SYS32\"", &["at most 32 images"]);
}

#[test]
fn exclusive_input_from_a_shared_queue_is_refused() {
    let server = example(
        "        // One instance of the server",
        "        consumer(name: \"clerk\", connect: local(\"QM01\"), queue: \"PAYMENT.REQUEST\", exclusive: YES),\n        // One",
    );
    refused(&server, "YES),\n        // One", &["PAYMENT.REQUEST is a shared queue, and exclusive input", "a conntag"]);
}

#[test]
fn a_tape_is_not_judged_by_what_is_likely() {
    let twice = "(when: at(\"3s\"), what: kill(\"QM01\")), (when: at(\"3s\"), what: kill(\"QM01\")), (when: at(\"99s\"), what: start(\"QM01\")),";
    let text = example("(when: step(name: \"get.taken\", process: \"QM01\", nth: 5), what: kill(\"QM01\")),", twice);
    assert!(report(&text).contains("2 mistakes"), "{}", report(&text));
    let start = text.find("    about:").expect("about");
    let tape = format!(
        "{}    recorded: (scenario: \"x\", seed: 1, fingerprint: \"0123456789abcdef\"),\n{}",
        &text[..start],
        &text[start..]
    );
    if let Err(problems) = parse(Path::new("tape.ron"), &tape) {
        panic!("{}", problems.render(false));
    }
}

#[test]
fn automatic_restart_outside_a_group_is_refused() {
    let last = "\"QM03\": (image: \"SYSC\", qsgname: \"QSG1\"),\n        },";
    let alone = "\"QM03\": (image: \"SYSC\", qsgname: \"QSG1\"),\n            \"QM04\": (image: \"SYSA\"),\n        },\n        \
                 arm: { \"QM04\": () },";
    let text = example(last, alone);
    let rendered = report(&text);
    assert!(rendered.contains("is in no queue-sharing group"), "{rendered}");
}
