//! The tool as a process, by scripts in `tests/cmd`: what was typed, what was printed, how it ended.
//!
//! A script is one ledger's day. `$ receive MUG=1 …` is a command and `$* stock` one that is run in all three formats;
//! `< text` is its standard input. Below stand `> ` standard output, `! ` standard error, and `= code` where it is not
//! 0. Hashes and times are masked, ids are numbered as they appear and may be used by later commands: `$ amend [id-7]`.
//! `COUNTERFOIL_UPDATE=1` writes what is printed now into the scripts.

mod apply;
mod text;

use assert_cmd::Command;
use assert_cmd::cargo::CommandCargoExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use text::{Ids, words};

/// The tool, on the ledger in a directory.
pub fn tool(ledger: &Path) -> Command {
    let mut command = Command::from_std(std::process::Command::cargo_bin("counterfoil").unwrap());
    command.env("NO_COLOR", "1").env("COUNTERFOIL_ACTOR", "tester").env("COUNTERFOIL_LEDGER", ledger);
    command
}

/// A ledger with the items MUG (1) and RICE (2, three decimals), and the locations SHOP (1) and DEPOT (2).
pub fn shop(place: &Path) -> PathBuf {
    let ledger = place.join("shop");
    for arguments in [
        "init",
        "item add MUG",
        "item add RICE --decimals 3",
        "location add SHOP --zone Europe/London",
        "location add DEPOT",
    ] {
        tool(&ledger).args(arguments.split(' ')).assert().success();
    }
    ledger
}

/// Runs a script and compares.
#[track_caller]
fn plays(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cmd").join(name);
    let script = std::fs::read_to_string(&path).unwrap();
    let place = tempfile::tempdir().unwrap();
    let (mut ids, mut played) = (Ids::default(), String::new());
    let mut lines = script.lines().peekable();
    while let Some(line) = lines.next() {
        if line.starts_with(['>', '!', '=']) {
            continue;
        }
        played += &format!("{line}\n");
        let Some((typed, formats)) = command_in(line) else { continue };
        let mut input = String::new();
        while let Some(text) = lines.peek().and_then(|line| line.strip_prefix("< ")) {
            input += &format!("{text}\n");
            played += &format!("< {text}\n");
            lines.next();
        }
        for format in formats {
            let mut tool = tool(&place.path().join("shop"));
            tool.args(words(&ids.filled(typed))).args(*format).current_dir(place.path());
            let output = tool.write_stdin(ids.filled(&input)).output().unwrap();
            played += &shown(&output, place.path(), &mut ids);
        }
    }
    if std::env::var_os("COUNTERFOIL_UPDATE").is_some() {
        return std::fs::write(&path, &played).unwrap();
    }
    for (number, (wanted, got)) in script.lines().zip(played.lines()).enumerate() {
        assert_eq!(got, wanted, "{name}:{}", number + 1);
    }
    assert_eq!(script.lines().count(), played.lines().count(), "{name}");
}

type Formats = &'static [&'static [&'static str]];

fn command_in(line: &str) -> Option<(&str, Formats)> {
    const ONE: Formats = &[&[]];
    const ALL: Formats = &[&[], &["--format", "json"], &["--format", "csv"]];
    match line.strip_prefix("$* ") {
        Some(typed) => Some((typed, ALL)),
        None => Some((line.strip_prefix("$ ")?, ONE)),
    }
}

fn shown(output: &Output, place: &Path, ids: &mut Ids) -> String {
    let mut shown = String::new();
    for (sign, bytes) in [('>', &output.stdout), ('!', &output.stderr)] {
        let text = String::from_utf8(bytes.clone()).unwrap().replace(place.to_str().unwrap(), "[place]");
        for line in ids.masked(&text).lines() {
            shown += format!("{sign} {line}").trim_end();
            shown.push('\n');
        }
    }
    match output.status.code() {
        Some(0) => shown,
        code => shown + &format!("= {}\n", code.unwrap()),
    }
}

#[test]
fn goods_move_as_typed() {
    plays("goods.txt");
}

#[test]
fn promises_are_made_and_kept_as_typed() {
    plays("promises.txt");
}

#[test]
fn the_registry_is_kept_as_typed() {
    plays("registry.txt");
}

#[test]
fn a_ledger_is_looked_at_copied_and_proven() {
    plays("proof.txt");
}

#[test]
fn what_can_not_be_done_is_said() {
    plays("refused.txt");
}

#[test]
fn reports_are_made_as_asked() {
    plays("report.txt");
}

#[test]
fn commands_in_json_are_answered_line_by_line() {
    plays("apply.txt");
}
