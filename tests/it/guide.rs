//! The guides: that they are complete, and how the tool prints them.

use counterfoil::guide::{GUIDES, named};
use regex::Regex;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

fn counterfoil(arguments: &[&str]) -> Output {
    let mut tool = Command::new(env!("CARGO_BIN_EXE_counterfoil"));
    tool.args(arguments).env("NO_COLOR", "1").env_remove("COUNTERFOIL_LEDGER").output().unwrap()
}

#[track_caller]
fn succeeds(arguments: &[&str]) -> String {
    let output = counterfoil(arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The sources below a folder of the library, one after the other, without comments.
fn source(folder: &str) -> String {
    let mut text = String::new();
    let mut waiting = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder)];
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let file = std::fs::read_to_string(&path).unwrap();
            let code = file.lines().filter(|line| !line.trim_start().starts_with("//"));
            code.for_each(|line| text = format!("{text}{line}\n"));
        }
    }
    text
}

/// What the pattern's groups find.
fn found(pattern: &str, text: &str) -> BTreeSet<String> {
    let pattern = Regex::new(pattern).unwrap();
    pattern.captures_iter(text).map(|found| found[1].to_owned()).collect()
}

fn troubleshooting() -> &'static str {
    named("troubleshooting").unwrap().text
}

#[test]
fn every_rejection_has_its_row() {
    let (domain, guide) = (source("domain"), troubleshooting());
    let codes = Regex::new(r#"\("([A-Z_]+)", (\d+)\)"#).unwrap();
    let codes: BTreeSet<String> =
        codes.captures_iter(&domain).map(|found| format!("| `{}` | {} | ", &found[1], &found[2])).collect();
    assert!(codes.len() >= 27, "only {} codes were found in src/domain", codes.len());
    let rows: BTreeSet<String> = found(r"(?m)^(\| `[A-Z_]+` \| \d+ \| )[^|]+\| [^|]+\|$", guide).into_iter().collect();
    assert_eq!(rows, codes, "rows with code, number, cause and what to do");
}

#[test]
fn every_other_code_has_its_row() {
    let guide = troubleshooting();
    let firsts: Vec<&str> = guide.lines().filter_map(|line| line.strip_prefix("| `")?.split('|').next()).collect();
    let distinct: BTreeSet<&str> = firsts.iter().copied().collect();
    assert_eq!(distinct.len(), firsts.len(), "a code or message has two rows: {firsts:?}");
    let has_row = |code: &String| firsts.iter().any(|first| format!("`{first}").contains(&format!("`{code}`")));
    let code = r#"=> "([A-Z][A-Z_]{3,})""#;
    let mut codes: BTreeSet<String> =
        ["ledger", "history", "query", "reports"].iter().flat_map(|folder| found(code, &source(folder))).collect();
    assert!(codes.contains("CATCHING_UP") && codes.contains("MIXED_DECIMALS"), "{codes:?}");
    let import = r#"(?:code: |refusal_of\(|text_refusal\(|new_name\(|broken\(\w+, \w+, |Some\(\()"([A-Z_]+)""#;
    let of_lines = found(import, &source("import"));
    assert!(of_lines.contains("NO_RULE") && of_lines.contains("UNIT_COST"), "{of_lines:?}");
    codes.extend(of_lines);
    let missing: Vec<&String> = codes.iter().filter(|code| !has_row(code)).collect();
    assert!(missing.is_empty(), "without a row in the guide: {missing:?}");
}

#[test]
fn every_exit_code_has_its_row() {
    let help = succeeds(&["--help"]);
    let exits = found(r"(?m)^  (\d)  \w", &help);
    assert_eq!(exits.len(), 6, "{help}");
    assert_eq!(found(r"(?m)^\| (\d) \| ", troubleshooting()), exits);
}

/// A message that is quoted as a text without a code is in the library or the tool.
#[test]
fn messages_in_the_guide_exist() {
    let guide = troubleshooting();
    let table = guide.split("## Errors without a code").nth(1).unwrap().split("\n## ").next().unwrap();
    let all = source("").replace("\\\n", "");
    let mut quoted = 0;
    for cell in table.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next()) {
        for piece in cell.split('`').filter(|piece| piece.len() > 2).flat_map(|message| message.split('…')) {
            assert!(all.contains(piece.trim()), "nothing says {piece:?}");
            quoted += 1;
        }
    }
    assert!(quoted >= 20, "{quoted} messages are quoted");
}

#[test]
fn the_tool_lists_and_prints_the_guides() {
    let list = succeeds(&["guide"]);
    let names: Vec<&str> = GUIDES.iter().map(|guide| guide.name).collect();
    assert_eq!(names, ["tour", "embedding", "import", "reports", "operations", "troubleshooting"]);
    for guide in GUIDES {
        assert!(list.contains(guide.name) && list.contains(guide.title), "{list}");
        assert_eq!(succeeds(&["guide", guide.name]), guide.text);
        let whole: serde_json::Value =
            serde_json::from_str(&succeeds(&["guide", guide.name, "--format", "json"])).unwrap();
        assert_eq!(whole, serde_json::json!({"name": guide.name, "title": guide.title, "text": guide.text}));
    }
    let rows: Vec<serde_json::Value> = serde_json::from_str(&succeeds(&["guide", "--format", "json"])).unwrap();
    assert_eq!(rows.len(), GUIDES.len());
    assert_eq!(rows[0], serde_json::json!({"name": "tour", "title": GUIDES[0].title}));
    assert!(succeeds(&["guide", "--format", "csv"]).starts_with("name,title\ntour,"));
    let unknown = counterfoil(&["guide", "cooking"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8(unknown.stderr).unwrap().contains("troubleshooting"));
}

/// Every command that a guide or the README types is one that the tool has.
#[test]
fn commands_in_the_guides_exist() {
    let help = succeeds(&["--help"]);
    let commands = found(r"(?m)^  ([a-z-]+)  +\S", &help);
    assert!(commands.contains("close-period"), "{commands:?}");
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    for text in GUIDES.iter().map(|guide| guide.text).chain([readme.as_str()]) {
        let typed = found(r"(?:`|\$ |\$\()counterfoil ([a-z-]+)", text);
        let missing: Vec<&String> = typed.difference(&commands).collect();
        assert!(missing.is_empty(), "{missing:?} is no command");
    }
}

#[test]
fn every_report_is_in_the_guide() {
    let help = succeeds(&["report", "--help"]);
    let commands = help.split("Commands:").nth(1).unwrap().split("Options:").next().unwrap();
    let mut reports = found(r"(?m)^  ([a-z-]+)  +\S", commands);
    reports.remove("help");
    assert_eq!(found(r"(?m)^\| `([a-z-]+)` \| [^|]+\| [^|]+\|$", named("reports").unwrap().text), reports);
}
