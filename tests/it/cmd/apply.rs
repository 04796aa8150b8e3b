//! `apply` as others drive it: pipes that close, lines that come one by one, many lines at once, bad lines.

use super::{shop, tool};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

fn receive(sku: &str, quantity: &str) -> String {
    let line = format!(r#"{{"sku":"{sku}","location":"SHOP","quantity":{quantity}}}"#);
    format!(r#"{{"actor":"anna","act":{{"kind":"receive","lines":[{line}]}}}}"#)
}

fn answers(ledger: &Path, input: impl Into<Vec<u8>>) -> (Vec<Value>, Option<i32>) {
    let output = tool(ledger).arg("apply").write_stdin(input).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    (text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), output.status.code())
}

fn physical(ledger: &Path, sku: &str) -> Value {
    let output = tool(ledger).args(["stock", "--sku", sku, "--format", "json"]).output().unwrap();
    let rows: Value = serde_json::from_slice(&output.stdout).unwrap();
    rows[0]["physical"].clone()
}

/// A child process with pipes, on a ledger.
fn piped(ledger: &Path) -> std::process::Child {
    let mut tool = Command::new(env!("CARGO_BIN_EXE_counterfoil"));
    tool.arg("apply").env("COUNTERFOIL_LEDGER", ledger).stdin(Stdio::piped()).stdout(Stdio::piped());
    tool.stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn a_line_in_a_pipe_is_answered_before_the_next_one_comes() {
    let place = tempfile::tempdir().unwrap();
    let mut child = piped(&shop(place.path()));
    let (mut input, mut output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    for number in 1..=3 {
        writeln!(input, "{}", receive("MUG", "1")).unwrap();
        let mut answer = String::new();
        output.read_line(&mut answer).unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!((&answer["line"], &answer["status"]), (&json!(number), &json!("accepted")));
    }
    drop(input);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_reader_that_leaves_is_told_of_and_what_was_sent_stays() {
    let place = tempfile::tempdir().unwrap();
    let ledger = shop(place.path());
    let mut child = piped(&ledger);
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    writeln!(input, "{}", receive("MUG", "1")).unwrap();
    output.read_line(&mut String::new()).unwrap();
    drop(output);
    // The next answer finds nobody; after it no line is taken, so the pipe breaks for us too.
    let taken = (0..).take_while(|_| writeln!(input, "{}", receive("MUG", "1")).is_ok()).take(1_000_000).count();
    let ended = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.code() == Some(5) && told.contains("unknown to whoever reads"), "{ended:?}");
    let units = physical(&ledger, "MUG").as_u64().unwrap();
    assert!(units >= 2 && units <= 1 + taken as u64, "{units} of {taken}");
    tool(&ledger).arg("verify").assert().success();
}

#[test]
fn names_made_by_earlier_lines_are_known_to_later_ones() {
    let place = tempfile::tempdir().unwrap();
    let ledger = shop(place.path());
    let mut input = String::new();
    for number in 0..40 {
        let sku = format!("NEW-{number}");
        let made = json!({ "actor": "anna", "act": { "kind": "create_item", "sku": sku, "decimals": number % 4 } });
        writeln!(input, "{made}\n{}", receive(&sku, "\"2\"")).unwrap();
    }
    let finer = json!({ "actor": "anna", "act": { "kind": "create_item", "sku": "FINE" } });
    let set = json!({ "actor": "anna", "act": { "kind": "set_decimals", "item": "FINE", "decimals": 2 } });
    let rename = json!({ "actor": "anna", "act":
        { "kind": "rename_alias", "alias": { "kind": "sku", "text": "FINE" }, "to": "FINER" } });
    writeln!(input, "{finer}\n{set}\n{}\n{rename}\n{}", receive("FINE", "\"1.25\""), receive("FINER", "\"0.25\""))
        .unwrap();
    writeln!(input, "{}", receive("FINE", "1")).unwrap();
    let (answers, code) = answers(&ledger, input);
    let (last, before) = answers.split_last().unwrap();
    assert!(before.iter().all(|answer| answer["status"] == "accepted"), "{before:#?}");
    assert_eq!((last["code"].as_str(), code), (Some("PRODUCT_NOT_FOUND"), Some(1)), "the old name is gone");
    assert_eq!(physical(&ledger, "NEW-3"), json!("2.000"));
    assert_eq!(physical(&ledger, "FINER"), json!("1.50"));
}

#[test]
fn many_lines_are_answered_in_order_and_a_repeat_appends_nothing() {
    let place = tempfile::tempdir().unwrap();
    let ledger = shop(place.path());
    let mut input = String::new();
    for number in 0..30_000u128 {
        let id = uuid::Uuid::from_u128(number);
        let line = receive("MUG", if number % 1_000 == 999 { "\"x\"" } else { "1" });
        writeln!(input, "{}", line.replacen('{', &format!("{{\"id\":\"{id}\","), 1)).unwrap();
    }
    for repeat in [false, true] {
        let (answers, code) = answers(&ledger, input.clone());
        assert_eq!((answers.len(), code), (30_000, Some(1)));
        for (index, answer) in answers.iter().enumerate() {
            assert_eq!(answer["line"], index + 1);
            match index % 1_000 {
                999 => assert_eq!(answer["status"], "invalid"),
                _ => assert_eq!((&answer["status"], &answer["duplicate"]), (&json!("accepted"), &json!(repeat))),
            }
        }
        assert_eq!(physical(&ledger, "MUG"), 30_000 - 30);
    }
}

#[test]
fn a_bad_line_is_answered_and_the_next_one_is_read() {
    let place = tempfile::tempdir().unwrap();
    let ledger = shop(place.path());
    let mut input = vec![b'x'; 3 << 20];
    input.extend_from_slice(b"\n\xff\xfe\n\n   \n");
    for quantity in
        ["-0", "1.5", "1e3", "1000000000000000000", "\"-0\"", "\"NaN\"", "\"1.70000\"", "\"1e3\"", "\" 5\"", "\"５\""]
    {
        writeln!(input, "{}", receive("RICE", quantity)).unwrap();
    }
    input.extend_from_slice(format!("{}{}\n", "[".repeat(5_000), "]".repeat(5_000)).as_bytes());
    input.extend_from_slice(receive("RICE", "\"1.7\"").as_bytes());
    let (answers, code) = answers(&ledger, input);
    let (last, bad) = answers.split_last().unwrap();
    assert_eq!(bad.len(), 13);
    for answer in bad {
        assert_eq!(answer["status"], "invalid", "{answer}");
        assert!(answer["message"].as_str().is_some_and(|message| message.len() > 10), "{answer}");
    }
    assert_eq!(bad[2]["line"], 5, "blank lines are counted");
    assert_eq!((&last["line"], &last["status"], code), (&json!(16), &json!("accepted"), Some(1)));
    assert_eq!(physical(&ledger, "RICE"), json!("1.700"), "nothing else was appended");
}

#[test]
fn a_ledger_that_is_open_elsewhere_is_left_alone() {
    let place = tempfile::tempdir().unwrap();
    let ledger = shop(place.path());
    let mut child = piped(&ledger);
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    writeln!(input, "{}", receive("MUG", "1")).unwrap();
    output.read_line(&mut String::new()).unwrap();
    let second = tool(&ledger).args(["receive", "MUG=1", "-l", "SHOP"]).output().unwrap();
    assert_eq!(second.status.code(), Some(4), "{second:?}");
    drop(input);
    assert!(child.wait().unwrap().success());
    assert_eq!(physical(&ledger, "MUG"), 1);
}
