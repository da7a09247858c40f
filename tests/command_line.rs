//! The command line from the outside: what it prints where, and its exit status.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// A folder of a test's own, gone when it ends.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Folder {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a folder for the test");
        Folder(path)
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().expect("below the folder")).expect("a folder");
        fs::write(&path, text).expect("a file");
        path.display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_indoubt"));
    command.args(arguments).current_dir(root()).stdin(Stdio::null());
    command
}

fn indoubt(arguments: &[&str]) -> Output {
    command(arguments).output().expect("the binary starts")
}

fn status(output: &Output) -> i32 {
    output.status.code().expect("it ended by itself")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

/// Every line of standard output as JSON.
fn json_lines(output: &Output) -> Vec<Value> {
    let text = stdout(output);
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

#[track_caller]
fn assert_bad_usage(arguments: &[&str], complaint: &str) {
    let output = indoubt(arguments);
    assert_eq!(status(&output), 2, "{arguments:?}: {}", stderr(&output));
    assert_eq!(stdout(&output), "", "{arguments:?}: nothing runs");
    assert!(stderr(&output).contains(complaint), "{arguments:?}: {}", stderr(&output));
}

const SCENARIOS: &str = "scenarios/queue-sharing";

#[test]
fn bad_usage_is_status_2_and_says_what_is_wrong() {
    assert_bad_usage(&[], "Usage");
    assert_bad_usage(&["dance"], "unrecognized subcommand");
    assert_bad_usage(&["run"], "SCENARIO");
    assert_bad_usage(&["run", SCENARIOS, "--seed", "x"], "--seed");
    assert_bad_usage(&["sweep", SCENARIOS, "--seeds", "5..5"], "no seed lies from 5 to before 5");
    assert_bad_usage(&["sweep", SCENARIOS, "--shard", "2/2"], "the last is 1/2");
    assert_bad_usage(&["sweep", SCENARIOS, "--jobs", "0"], "at least one");
    assert_bad_usage(&["list", "weather"], "possible values");
    assert_bad_usage(&["check", SCENARIOS, "--format", "xml"], "possible values");
    assert_bad_usage(&["replay", &format!("{SCENARIOS}/peer-recovery.ron")], "say --seed N");
}

#[test]
fn what_is_not_there_is_status_2() {
    for verb in ["run", "sweep", "check"] {
        let output = indoubt(&[verb, "no/such/file.ron"]);
        assert_eq!(status(&output), 2, "{verb}");
        assert!(stderr(&output).contains("no/such/file.ron"), "{}", stderr(&output));
    }
    let folder = Folder::new("empty");
    let path = folder.0.display().to_string();
    assert_bad_usage(&["sweep", &path], "no scenario");
}

#[test]
fn an_unknown_defect_is_refused_with_the_likely_one() {
    assert_bad_usage(&["run", SCENARIOS, "--defect", "list-signal-lots"], "did you mean list-signal-lost?");
    assert_bad_usage(&["power", SCENARIOS, "--defect", "gravity"], "no defect `gravity`");
}

#[test]
fn check_approves_of_the_scenarios_there_are() {
    let output = indoubt(&["check", "scenarios"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    assert!(stdout(&output).lines().all(|line| line.starts_with("ok  scenarios/")), "{}", stdout(&output));
    assert!(stdout(&output).lines().count() > 0);
}

#[test]
fn check_shows_the_mistakes_of_all_files() {
    let folder = Folder::new("check");
    let first = folder.write("a.ron", "(about: \"x\", topologie: ())");
    let second = folder.write("deep/b.ron", "(about: ");
    folder.write("failures/c.ron", "not looked at in a folder of failures");
    let path = folder.0.display().to_string();
    let output = indoubt(&["check", &path]);
    assert_eq!(status(&output), 2);
    for file in [&first, &second] {
        assert!(
            stderr(&output).contains(Path::new(file).file_name().unwrap().to_str().unwrap()),
            "{}",
            stderr(&output)
        );
    }
    let lines = json_lines(&indoubt(&["check", &path, "--format", "json"]));
    assert_eq!(lines.len(), 2);
    assert!(lines.iter().all(|line| line["ok"] == false && !line["diagnostics"].as_array().unwrap().is_empty()));
    assert!(lines[0]["diagnostics"][0]["line"].is_number() && lines[0]["diagnostics"][0]["message"].is_string());
}

#[test]
fn a_bad_file_among_good_ones_keeps_everything_from_running() {
    let folder = Folder::new("one-bad");
    let bad = folder.write("bad.ron", "(");
    for verb in ["run", "sweep"] {
        let output = indoubt(&[verb, SCENARIOS, &bad]);
        assert_eq!((status(&output), stdout(&output).as_str()), (2, ""), "{verb}");
    }
}

#[test]
fn everything_that_can_be_listed_has_names_and_meanings() {
    for topic in ["scenarios", "faults", "steps", "events", "expectations", "defects"] {
        let output = indoubt(&["list", topic, "--format", "json"]);
        assert_eq!(status(&output), 0, "{topic}");
        let lines = json_lines(&output);
        let [Value::Array(listed)] = lines.as_slice() else { panic!("{topic}: one array") };
        assert!(!listed.is_empty(), "{topic}");
        for one in listed {
            let text = |field: &str| one[field].as_str().is_some_and(|text| !text.is_empty());
            assert!(text("name") && text("about"), "{topic}: {one}");
        }
        let text = stdout(&indoubt(&["list", topic]));
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{topic}");
    }
    assert_eq!(stdout(&indoubt(&["list"])), stdout(&indoubt(&["list", "scenarios"])));
}

#[test]
fn the_faults_listed_are_those_that_the_language_knows() {
    let lines = json_lines(&indoubt(&["list", "faults", "--format", "json"]));
    let folder = Folder::new("faults");
    let good = fs::read_to_string(root().join(SCENARIOS).join("peer-recovery.ron")).expect("a scenario");
    let unknown = good.replace("kill(\"QM01\")", "wish(\"QM01\")");
    assert_ne!(good, unknown);
    let path = folder.write("unknown-fault.ron", &unknown);
    let told = stderr(&indoubt(&["check", &path])).split_whitespace().collect::<Vec<_>>().join(" ");
    for fault in lines[0].as_array().expect("an array") {
        let name = fault["name"].as_str().expect("a name");
        assert!(told.contains(name), "{name} is not among the faults of the language: {told}");
    }
}

/// Histories as somebody with a lab would write them, and the exit status of their judgement.
const PASSES: &str = r#"
{"process": 0, "type": "invoke", "f": "enqueue", "value": 1}
{"process": 0, "type": "ok", "f": "enqueue", "value": 1}
{"process": 1, "type": "invoke", "f": "dequeue", "value": null}
{"process": 1, "type": "ok", "f": "dequeue", "value": 1}
{"process": 1, "type": "invoke", "f": "drain", "value": null}
{"process": 1, "type": "ok", "f": "drain", "value": []}
"#;

fn judged(test: &str, history: &str) -> (i32, Value) {
    let folder = Folder::new(test);
    let path = folder.write("history.jsonl", history.trim_start());
    let text = indoubt(&["judge", &path]);
    let json = indoubt(&["judge", &path, "--format", "json"]);
    assert_eq!(status(&text), status(&json), "the status does not depend on the format");
    (status(&json), json_lines(&json).pop().unwrap_or(Value::Null))
}

#[test]
fn a_history_that_holds_is_status_0() {
    let (status, judgement) = judged("judge-0", PASSES);
    assert_eq!((status, &judgement["verdict"]), (0, &"pass".into()), "{judgement}");
    assert_eq!(judgement["ledger"]["delivered"], 1, "{judgement}");
}

#[test]
fn a_history_with_a_loss_is_status_1() {
    let lossy: String =
        PASSES.lines().filter(|line| !line.contains("dequeue")).map(|line| format!("{line}\n")).collect();
    let (status, judgement) = judged("judge-1", &lossy);
    assert_eq!((status, &judgement["verdict"]), (1, &"fail".into()), "{judgement}");
    assert_eq!(judgement["violations"][0]["kind"], "lost", "{judgement}");
    assert_eq!(judgement["ledger"]["lost"], 1, "{judgement}");
}

#[test]
fn a_history_that_cannot_be_read_is_status_2_with_its_line() {
    let folder = Folder::new("judge-2");
    let path = folder
        .write("history.jsonl", "{\"process\": 0, \"type\": \"invoke\", \"f\": \"enqueue\", \"value\": 1}\n{oops\n");
    let output = indoubt(&["judge", &path]);
    assert_eq!((status(&output), stdout(&output).as_str()), (2, ""));
    assert!(stderr(&output).contains("line 2"), "{}", stderr(&output));
    assert_bad_usage(&["judge", "no-such-history.jsonl"], "no-such-history.jsonl");
}

#[test]
fn a_history_that_leaves_the_question_open_is_status_4() {
    let open: String = PASSES
        .lines()
        .filter(|line| !line.contains("dequeue"))
        .map(|line| {
            line.replace(r#""type": "ok", "f": "drain", "value": []"#, r#""type": "info", "f": "drain", "value": null"#)
        })
        .map(|line| format!("{line}\n"))
        .collect();
    let (status, judgement) = judged("judge-4", &open);
    assert_eq!((status, &judgement["verdict"]), (4, &"unknown".into()), "{judgement}");
    assert!(!judgement["unknown_reasons"].as_array().unwrap().is_empty());
}

#[test]
fn a_violation_outranks_an_open_question() {
    let folder = Folder::new("judge-several");
    let lossy: String =
        PASSES.lines().filter(|line| !line.contains("dequeue")).map(|line| format!("{line}\n")).collect();
    let good = folder.write("good.jsonl", PASSES.trim_start());
    let bad = folder.write("bad.jsonl", lossy.trim_start());
    assert_eq!(status(&indoubt(&["judge", &good, &bad])), 1);
    assert_eq!(status(&indoubt(&["judge", &bad, &good])), 1);
}

#[test]
fn a_history_comes_from_standard_input_too() {
    let folder = Folder::new("judge-stdin");
    let path = folder.write("history.jsonl", PASSES.trim_start());
    let output =
        command(&["judge", "-"]).stdin(fs::File::open(path).expect("the history")).output().expect("it starts");
    assert_eq!(status(&output), 0, "{}", stderr(&output));
}

#[test]
fn help_explains_the_exit_status() {
    let output = indoubt(&["--help"]);
    assert_eq!(status(&output), 0);
    let help = stdout(&output).split_whitespace().collect::<Vec<_>>().join(" ");
    for part in ["0 holds", "1 a violation", "2 bad input", "3 the testbed", "4 nothing was proven"] {
        assert!(help.contains(part), "{part}: {help}");
    }
}
