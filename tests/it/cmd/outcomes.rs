//! Exit code and message follow what became of the ledger, whatever can't be written or closed behind it.
#![cfg(target_os = "linux")]

use super::{shop, tool};
use crate::import::{HEADER, TILL};
use serde_json::Value;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

const FULL: &str = "No space left on device";

/// The tool as it is typed in a shell, with what it does to standard output and standard error.
fn typed(ledger: &Path, command: &str, streams: &str) -> Output {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("exec \"$TOOL\" {command} {streams}")]).env("TOOL", env!("CARGO_BIN_EXE_counterfoil"));
    shell.env("NO_COLOR", "1").env("COUNTERFOIL_ACTOR", "tester").env("COUNTERFOIL_LEDGER", ledger);
    shell.current_dir(ledger.parent().unwrap()).stdin(Stdio::null()).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn physical(ledger: &Path) -> Value {
    let output = tool(ledger).args(["stock", "--sku", "MUG", "--format", "json"]).output().unwrap();
    serde_json::from_slice::<Value>(&output.stdout).unwrap()[0]["physical"].clone()
}

fn head(ledger: &Path) -> (u64, String) {
    let output = tool(ledger).args(["head", "--format", "json"]).output().unwrap();
    let head: Value = serde_json::from_slice(&output.stdout).unwrap();
    (head["seq"].as_u64().unwrap(), head["hash"].as_str().unwrap().to_owned())
}

/// The uuid that stands behind these words.
fn id_behind<'a>(words: &str, text: &'a str) -> &'a str {
    let at = text.find(words).unwrap_or_else(|| panic!("no {words:?} in {text}")) + words.len();
    &text[at..at + 36]
}

#[test]
fn an_act_that_stands_is_done_and_named_though_its_answer_reaches_nobody() {
    let place = tempfile::tempdir().unwrap();
    let ledger = shop(place.path());
    for format in ["table", "json", "csv"] {
        let before = head(&ledger).0;
        let output = typed(&ledger, &format!("receive MUG=5 -l SHOP --format {format}"), ">/dev/full");
        let (told, (seq, hash)) = (said(&output), head(&ledger));
        assert_eq!((output.status.code(), seq), (Some(0), before + 1), "{told}");
        for part in [&format!("event {seq} is appended"), &hash, FULL] {
            assert!(told.contains(part), "{part} is not in {told}");
        }
        let again = format!("receive MUG=5 -l SHOP --format {format} --id {}", id_behind("command id ", &told));
        let output = typed(&ledger, &again, ">/dev/full");
        assert_eq!((output.status.code(), head(&ledger).0), (Some(0), seq), "{output:?}");
        assert!(said(&output).contains(&format!("it is event {seq} already")), "{output:?}");
    }
    assert_eq!(physical(&ledger), 15);
    let acts = [
        "item add CUP",
        "location add YARD",
        "reserve MUG=1 -l SHOP --order o-1",
        "alias add sku PLATE --item MUG",
        "close-period -l SHOP --until 2026-01-31",
    ];
    for act in acts {
        let before = head(&ledger).0;
        let output = typed(&ledger, act, ">/dev/full");
        assert_eq!((output.status.code(), head(&ledger).0), (Some(0), before + 1), "{act}: {output:?}");
        assert!(said(&output).contains(&format!("event {} is appended", before + 1)), "{act}: {output:?}");
    }
}

#[test]
fn whatever_else_is_made_is_named_though_the_answer_reaches_nobody() {
    let place = tempfile::tempdir().unwrap();
    let ledger = shop(place.path());
    tool(&ledger).args(["receive", "MUG=5", "-l", "SHOP", "--note", "from Ann"]).assert().success();
    let (seq, _) = head(&ledger);
    std::fs::write(place.path().join("till.toml"), TILL).unwrap();
    std::fs::write(place.path().join("day.csv"), HEADER.to_owned() + "1,MUG,2026-01-05 09:00,1\n").unwrap();
    for (command, named) in [
        ("init --ledger other", "made ledger"),
        (format!("note erase {seq}").as_str(), "is erased"),
        ("export --out events.jsonl", "events are in events.jsonl"),
        ("snapshot copy", "events are in copy"),
        ("salvage --to salvaged", "events are in salvaged"),
        ("import --mapping till.toml day.csv", "1 commands appended"),
        ("demo --dir demo", "the demo's ledger is in demo"),
    ] {
        let output = typed(&ledger, command, ">/dev/full");
        let told = said(&output);
        assert_eq!(output.status.code(), Some(0), "{command}: {told}");
        assert!(told.contains(named) && told.contains(FULL), "{command}: {told}");
    }
    for made in ["other", "copy", "salvaged", "demo"] {
        tool(&place.path().join(made)).arg("verify").assert().success();
    }
    assert!(typed(&ledger, &format!("note show {seq}"), "").status.code() == Some(1), "it is erased");
}

#[test]
fn what_was_refused_or_found_is_not_hidden_by_an_answer_that_reaches_nobody() {
    let place = tempfile::tempdir().unwrap();
    let ledger = shop(place.path());
    std::fs::write(place.path().join("till.toml"), TILL).unwrap();
    std::fs::write(place.path().join("day.csv"), HEADER.to_owned() + "1,MUG,never,1\n").unwrap();
    tool(&ledger).args(["receive", "MUG=1", "-l", "SHOP"]).assert().success();
    for (command, code) in [
        ("receive MUG=1 -l NOPE --format json", 1),
        ("receive MUG=-0 -l SHOP --format json", 2),
        ("would receive MUG=1 -l NOPE --format json", 1),
        ("import --mapping till.toml day.csv", 1),
        ("verify --expect 1:0000000000000000000000000000000000000000000000000000000000000000", 3),
        // Nothing was changed, and nobody could be told.
        ("stock", 4),
        ("stock --format json", 4),
        ("events", 4),
        ("export", 4),
        ("head", 4),
        ("would receive MUG=1 -l SHOP", 4),
        ("explain MUG -l SHOP --plot plot.svg", 4),
    ] {
        let output = typed(&ledger, command, ">/dev/full");
        assert_eq!(output.status.code(), Some(code), "{command}: {output:?}");
        assert!(said(&output).contains(FULL), "{command}: {output:?}");
    }
    assert!(!place.path().join("plot.svg").exists());
    assert_eq!(head(&ledger).0, 5);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure_of_a_question() {
    let place = tempfile::tempdir().unwrap();
    let ledger = shop(place.path());
    tool(&ledger).args(["receive", "MUG=1", "-l", "SHOP"]).assert().success();
    for question in ["stock", "events --format json", "export", "head", "explain MUG -l SHOP --plot plot.svg"] {
        let mut tool = Command::new(env!("CARGO_BIN_EXE_counterfoil"));
        tool.args(question.split(' ')).env("COUNTERFOIL_LEDGER", &ledger).current_dir(place.path());
        let mut child = tool.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{question}: {output:?}");
    }
    assert!(place.path().join("plot.svg").exists());
}

#[test]
fn standard_error_that_is_full_or_closed_changes_no_exit_code() {
    let place = tempfile::tempdir().unwrap();
    let ledger = shop(place.path());
    std::fs::write(place.path().join("lines.jsonl"), "{}\n").unwrap();
    std::fs::write(place.path().join("lost.heads"), "").unwrap();
    for (command, code) in [
        ("receive MUG=1 -l NOPE", 1),
        ("receive", 2),
        ("nonsense", 2),
        ("verify --expect 1:0000000000000000000000000000000000000000000000000000000000000000", 3),
        ("stock --ledger nowhere", 4),
        ("apply lines.jsonl", 1),
        ("receive MUG=1 -l SHOP", 0),
        ("receive MUG=1 -l SHOP --heads /dev/full/heads", 0),
        ("stock", 0),
        ("replay", 0),
    ] {
        for streams in ["2>/dev/full", "2>&-", ">&- 2>&-", ">&- 2>/dev/full", "2>/dev/null"] {
            let output = typed(&ledger, command, streams);
            assert_eq!(output.status.code(), Some(code), "{command} {streams}: {output:?}");
        }
    }
    let both = typed(&ledger, "receive MUG=1 -l SHOP", ">/dev/full 2>/dev/full");
    assert_eq!(both.status.code(), Some(0), "it is appended, whoever knows");
    assert_eq!(typed(&ledger, "stock", ">/dev/full 2>/dev/full").status.code(), Some(4));
}

fn receive(id: Option<u128>) -> String {
    let id = id.map(|id| format!(r#""id":"{}","#, uuid::Uuid::from_u128(id))).unwrap_or_default();
    let act = r#"{"kind":"receive","lines":[{"sku":"MUG","location":"SHOP","quantity":1}]}"#;
    format!(r#"{{{id}"actor":"anna","act":{act}}}"#)
}

#[test]
fn help_that_nobody_gets_to_read_is_a_failure_of_the_output() {
    let place = tempfile::tempdir().unwrap();
    let ledger = shop(place.path());
    for asked in ["--help", "stock --help", "--version"] {
        let output = typed(&ledger, asked, ">/dev/full");
        assert_eq!((output.status.code(), said(&output).contains(FULL)), (Some(4), true), "{asked}: {output:?}");
        assert_eq!(typed(&ledger, asked, "2>/dev/full").status.code(), Some(0));
    }
}

#[test]
fn applied_commands_whose_answers_reach_nobody_are_unknown_to_whoever_reads() {
    let place = tempfile::tempdir().unwrap();
    let ledger = shop(place.path());
    let lines = place.path().join("lines.jsonl");
    let write = |text: String| std::fs::write(&lines, text).unwrap();

    write((1..=3).fold("{}\n".to_owned(), |text, id| text + &receive(Some(id)) + "\n"));
    let output = typed(&ledger, "apply lines.jsonl", ">/dev/full");
    let told = said(&output);
    assert_eq!((output.status.code(), physical(&ledger)), (Some(5), 3.into()), "{told}");
    for part in ["3 accepted, 1 invalid", FULL, "unknown to whoever reads", "with the same ids"] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
    assert!(!told.contains("id of their own"), "{told}");
    // The same again: all is known, and nothing was appended this time.
    let output = typed(&ledger, "apply lines.jsonl", ">/dev/full");
    assert_eq!((output.status.code(), physical(&ledger)), (Some(4), 3.into()), "{output:?}");
    assert!(said(&output).contains("nothing was appended"), "{output:?}");

    write(receive(None) + "\n" + &receive(None) + "\n" + &receive(Some(9)));
    let output = typed(&ledger, "apply lines.jsonl", ">/dev/full");
    assert_eq!((output.status.code(), physical(&ledger)), (Some(5), 6.into()), "{output:?}");
    assert!(said(&output).contains("2 of those without an answer had no id of their own"), "{output:?}");

    write("{}\n".to_owned());
    let output = typed(&ledger, "apply lines.jsonl", ">/dev/full");
    assert_eq!(output.status.code(), Some(4), "{output:?}");
}

/// Sends lines to one process; the ledger's directory vanishes when they are answered, so that closing fails.
fn applied_without_a_close(lines: &[String]) -> Output {
    let place = tempfile::tempdir().unwrap();
    let ledger = shop(place.path());
    let mut tool = Command::new(env!("CARGO_BIN_EXE_counterfoil"));
    tool.arg("apply").env("COUNTERFOIL_LEDGER", &ledger).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = tool.stderr(Stdio::piped()).spawn().unwrap();
    let (mut input, mut output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    for line in lines {
        writeln!(input, "{line}").unwrap();
        output.read_line(&mut String::new()).unwrap();
    }
    std::fs::remove_dir_all(&ledger).unwrap();
    drop(input);
    child.wait_with_output().unwrap()
}

#[test]
fn a_ledger_that_can_not_be_closed_hides_no_verdict_and_undoes_nothing() {
    let accepted = applied_without_a_close(&[receive(None)]);
    let told = said(&accepted);
    assert_eq!(accepted.status.code(), Some(0), "{told}");
    assert!(told.contains("1 accepted; what is accepted is appended") && told.contains("WARNING: "), "{told}");
    let refused = applied_without_a_close(&[receive(None), "{}".to_owned()]);
    let told = said(&refused);
    assert_eq!(refused.status.code(), Some(1), "{told}");
    assert!(told.contains("1 accepted, 1 invalid; the answers say why") && told.contains("WARNING: "), "{told}");
}

#[test]
fn input_that_breaks_off_says_what_stands() {
    let place = tempfile::tempdir().unwrap();
    let ledger = shop(place.path());
    // A directory can be opened and not be read.
    let output = typed(&ledger, "apply .", "");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(said(&output).contains("can't be read"), "{output:?}");
}

#[test]
fn rejects_that_can_not_be_written_undo_no_import() {
    let place = tempfile::tempdir().unwrap();
    let ledger = shop(place.path());
    std::fs::write(place.path().join("till.toml"), TILL).unwrap();
    let day = (0..3).fold(HEADER.to_owned(), |text, n| text + &format!("{n},MUG,2026-01-05 09:00,1\n"));
    std::fs::write(place.path().join("day.csv"), &day).unwrap();
    std::fs::create_dir(place.path().join("there")).unwrap();
    // Before anything is imported where that can be known.
    let output = typed(&ledger, "import --mapping till.toml day.csv --rejects there", "");
    assert_eq!((output.status.code(), head(&ledger).0), (Some(2), 4), "{output:?}");
    assert!(said(&output).contains("there is a directory"), "{output:?}");
    // Behind it, what is imported stands: the file of rejects is taken from under the import's feet.
    let (part, rejects) = (place.path().join("r.csv.part"), place.path().join("r.csv"));
    let mkfifo = Command::new("mkfifo").arg(place.path().join("pipe.csv")).status().unwrap();
    assert!(mkfifo.success());
    let mut tool = Command::new(env!("CARGO_BIN_EXE_counterfoil"));
    tool.args(["import", "--mapping", "till.toml", "pipe.csv", "--rejects", "r.csv"]).current_dir(place.path());
    let child = tool.env("COUNTERFOIL_LEDGER", &ledger).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut pipe = File::options().write(true).open(place.path().join("pipe.csv")).unwrap();
    while !part.exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    std::fs::create_dir(&rejects).unwrap();
    pipe.write_all(day.as_bytes()).unwrap();
    drop(pipe);
    let output = child.wait_with_output().unwrap();
    let told = said(&output);
    assert_eq!((output.status.code(), physical(&ledger)), (Some(0), (-3).into()), "{told}");
    assert!(told.contains("3 commands appended") && told.contains("r.csv can't be written"), "{told}");
}

#[test]
fn an_export_that_breaks_off_leaves_no_file_that_looks_whole() {
    let place = tempfile::tempdir().unwrap();
    let ledger = shop(place.path());
    let lines = (0..20_000).fold(String::new(), |mut text, _| {
        let _ = writeln!(text, "{}", receive(None));
        text
    });
    tool(&ledger).arg("apply").write_stdin(lines).assert().success();
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -f 16000; exec \"$TOOL\" export --out events.jsonl"]);
    shell.env("TOOL", env!("CARGO_BIN_EXE_counterfoil")).env("COUNTERFOIL_LEDGER", &ledger);
    let output = shell.current_dir(place.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    assert!(said(&output).contains("events.jsonl can't be written"), "{output:?}");
    assert!(!place.path().join("events.jsonl").exists());
}
