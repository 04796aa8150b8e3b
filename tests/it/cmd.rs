//! The tool as a process, by scripts in `tests/cmd`: what was typed, what was printed, how it ended.
//!
//! A script is one ledger's day. `$ receive MUG=1 …` is a command and `$* stock` one that is run in all three formats;
//! `< text` is its standard input; below `@ name` such lines become a file. Below stand `> ` standard output, `! `
//! standard error, and `= code` where it is not 0. Hashes, times and what a machine takes (bytes, seconds) are masked,
//! ids are numbered as they appear and may be used by later commands: `$ amend [id-7]`. `$~` and `$*~` mask every figure,
//! for what is measured.
//! `COUNTERFOIL_UPDATE=1` writes what is printed now into the scripts.

mod apply;
mod clocks;
mod interrupted;
mod outcomes;
mod past;
mod text;
mod unknown;

use assert_cmd::Command;
use assert_cmd::cargo::CommandCargoExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use text::{Figures, Ids, without_machine, words};

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
        let mut input = String::new();
        while let Some(text) = lines.peek().and_then(|line| line.strip_prefix("< ")) {
            input += &format!("{text}\n");
            played += &format!("< {text}\n");
            lines.next();
        }
        if let Some(file) = line.strip_prefix("@ ") {
            std::fs::write(place.path().join(file), &input).unwrap();
        }
        let Some((typed, formats, figures)) = command_in(line) else { continue };
        for format in formats {
            let mut tool = tool(&place.path().join("shop"));
            tool.args(words(&ids.filled(typed))).args(*format).current_dir(place.path());
            let output = tool.write_stdin(ids.filled(&input)).output().unwrap();
            played += &shown(&output, place.path(), figures, &mut ids);
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

fn command_in(line: &str) -> Option<(&str, Formats, Figures)> {
    const ONE: Formats = &[&[]];
    const ALL: Formats = &[&[], &["--format", "json"], &["--format", "csv"]];
    let (sign, typed) = line.strip_prefix('$')?.split_once(' ')?;
    match sign {
        "" => Some((typed, ONE, Figures::Shown)),
        "*" => Some((typed, ALL, Figures::Shown)),
        "~" => Some((typed, ONE, Figures::Masked)),
        "*~" => Some((typed, ALL, Figures::Masked)),
        _ => None,
    }
}

fn shown(output: &Output, place: &Path, figures: Figures, ids: &mut Ids) -> String {
    let mut shown = String::new();
    for (sign, bytes) in [('>', &output.stdout), ('!', &output.stderr)] {
        let text = String::from_utf8(bytes.clone()).unwrap().replace(place.to_str().unwrap(), "[place]");
        let text = without_machine(&text, figures);
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
fn files_are_imported_as_typed() {
    plays("import.txt");
}

#[test]
#[cfg(feature = "bench-sqlite")]
fn a_machine_is_measured_as_typed() {
    plays("bench.txt");
}

#[test]
fn the_past_is_asked_for_as_typed() {
    plays("past.txt");
}

#[test]
fn what_no_name_leads_to_is_asked_for_by_its_number() {
    plays("nameless.txt");
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
