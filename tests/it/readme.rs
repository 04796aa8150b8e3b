//! README.md and the tour in `src/guide` show of the command line what it prints.
//!
//! A block marked with a file's name, such as `csv till.csv`, is written there first. A block marked `console` is
//! played in one directory, block after block: lines beginning with `$ ` are run by a
//! shell, and what they print on both streams must be what follows, line by line. A line `⋮` stands for any number of
//! lines. Hashes, ids, instants and durations are different every time and compared by their form only.

use regex::Regex;
use std::path::Path;
use std::process::Command;

/// What differs from run to run, and what is compared instead.
const VARYING: [(&str, &str); 6] = [
    (r"\b[0-9a-f]{64}\b", "<hash>"),
    (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "<uuid>"),
    (r"\b[0-9a-f]{8,12}…?\s*$", "<short hash>"),
    (r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})", "<instant>"),
    (r"\b\d+(\.\d+)? (s|ms|µs)\b", "<duration>"),
    (r"\b[\d,.]+k? (lines|events)/s\b", "<rate>"),
];

struct Run {
    command: String,
    prints: Vec<String>,
}

/// The commands of the console blocks, each with the output shown below it.
fn runs(text: &str) -> Vec<Run> {
    let blocks = text.split("```console\n").skip(1).filter_map(|rest| rest.split("```").next());
    let mut runs: Vec<Run> = Vec::new();
    for line in blocks.flat_map(str::lines) {
        match (line.strip_prefix("$ "), runs.last_mut()) {
            (Some(command), _) => runs.push(Run { command: command.to_owned(), prints: Vec::new() }),
            (None, Some(run)) => run.prints.push(line.to_owned()),
            (None, None) => panic!("a console block begins with a command, not with {line:?}"),
        }
    }
    runs
}

/// The files that a reader is told to save, each with its content.
fn files(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split("\n```").filter_map(|block| {
        let (mark, content) = block.split_once('\n')?;
        let (_, name) = mark.split_once(' ').filter(|(language, _)| ["toml", "csv"].contains(language))?;
        Some((name, content))
    })
}

fn compared(line: &str, varying: &[(Regex, &str)]) -> String {
    let replaced = varying.iter().fold(line.to_owned(), |line, (regex, by)| regex.replace_all(&line, *by).into_owned());
    // A hash or an instant may be shorter or longer than the one shown, and move what is aligned behind it.
    replaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether the lines are those that were printed, with anything in place of each `⋮`.
fn fits(shown: &[String], printed: &[String]) -> bool {
    match (shown.split_first(), printed.split_first()) {
        (None, None) => true,
        (Some((line, rest)), _) if line == "⋮" => {
            fits(rest, printed) || printed.split_first().is_some_and(|(_, behind)| fits(shown, behind))
        }
        (Some((line, shown)), Some((is, printed))) => line == is && fits(shown, printed),
        _ => false,
    }
}

#[test]
fn the_readme_is_what_the_tool_prints() {
    plays("README.md", 8);
}

#[test]
fn the_tour_is_what_the_tool_prints() {
    plays("src/guide/tour.md", 30);
}

/// Plays the console blocks of a document that has at least so many commands.
#[track_caller]
fn plays(name: &str, commands_min: usize) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let document = std::fs::read_to_string(root.join(name)).unwrap();
    let varying = VARYING.map(|(pattern, by)| (Regex::new(pattern).unwrap(), by));
    let place = tempfile::tempdir().unwrap();
    for (name, content) in files(&document) {
        std::fs::write(place.path().join(name), format!("{content}\n")).unwrap();
    }
    let binary = Path::new(env!("CARGO_BIN_EXE_counterfoil"));
    let path = format!("{}:{}", binary.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let runs = runs(&document);
    assert!(runs.len() >= commands_min, "{name} has {} commands", runs.len());
    let mut exports = String::new();
    for run in runs {
        if run.command.starts_with("export ") {
            exports = format!("{exports}{}; ", run.command);
        }
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("exec 2>&1; {exports}{}", run.command)]).current_dir(&place);
        shell.env("PATH", &path).env("NO_COLOR", "1").env("COUNTERFOIL_ACTOR", "anna").env_remove("COUNTERFOIL_LEDGER");
        let output = shell.output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        let lines = |text: &mut dyn Iterator<Item = &str>| -> Vec<String> {
            text.map(|line| compared(line, &varying)).filter(|line| !line.is_empty()).collect()
        };
        let (shown, is) = (lines(&mut run.prints.iter().map(String::as_str)), lines(&mut printed.lines()));
        assert!(fits(&shown, &is), "`{}` is shown as\n{}\nand prints\n{printed}", run.command, run.prints.join("\n"));
    }
}
