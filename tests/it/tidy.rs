//! What the source must look like: who may import whom, who may name which dependency, how long a file may
//! be. ARCHITECTURE.md states the same as text; this is what holds it.

mod source;

use source::{SourceFile, is_test_code, reexports, rust_files};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The files of the log that know neither a disk nor a store: framing, chain, codec, wire structs.
const LOG_PURE: [&str; 4] = ["log::frame*", "log::chain*", "log::codec*", "log::wire*"];

/// What one part of the source may import from this crate.
struct Rule {
    /// The modules it is about: `log::wire*` is `src/log/wire….rs`, `log` is the module's own root,
    /// `log::*` everything below. The first rule that fits a file counts.
    about: &'static [&'static str],
    /// What it may name: `domain` is the whole module, `log::frame*` part of it.
    may: &'static [&'static str],
    /// What it may not name all the same.
    never: &'static [&'static str],
}

/// Arrows point down only. Nothing imports `import` or `cli`; `lib.rs` and `main.rs` may name everything.
const IMPORTS: &[Rule] = &[
    Rule { about: &["limits"], may: &[], never: &[] },
    Rule { about: &["files", "files::*"], may: &["files"], never: &[] },
    Rule { about: &["guide", "guide::*"], may: &[], never: &[] },
    // The two halves of the rule book share nothing: what one gets wrong the other has to find.
    Rule { about: &["domain::check*"], may: &["limits", "domain"], never: &["domain::decide*"] },
    Rule { about: &["domain::decide*"], may: &["limits", "domain"], never: &["domain::check*"] },
    Rule { about: &["domain", "domain::*"], may: &["limits", "domain"], never: &[] },
    Rule {
        about: &LOG_PURE,
        may: &["limits", "domain", "log::frame*", "log::chain*", "log::codec*", "log::wire*"],
        never: &[],
    },
    Rule {
        about: &["heads", "heads::*"],
        may: &["limits", "domain", "files::small*", "log::chain*", "heads"],
        never: &[],
    },
    Rule {
        about: &["log", "log::*"],
        may: &["limits", "domain", "files::small*", "files::scratch*", "log"],
        never: &[],
    },
    Rule {
        about: &["index::records*"],
        may: &["limits", "domain", "files", "index", "log::frame*", "log::chain*", "log::codec*", "log::wire*"],
        never: &[],
    },
    Rule {
        about: &["index", "index::*"],
        may: &["limits", "files", "index", "log::frame*", "log::chain*", "log::codec*", "log::wire*"],
        never: &[],
    },
    Rule {
        about: &["projection", "projection::*"],
        may: &["limits", "domain", "log::codec*", "projection"],
        never: &["domain::decide*", "domain::check*"],
    },
    Rule { about: &["replenish", "replenish::*"], may: &["limits", "domain", "replenish"], never: &[] },
    Rule {
        about: &["ledger", "ledger::*"],
        may: &["limits", "domain", "log", "index", "files", "heads", "projection", "ledger", "error"],
        never: &[],
    },
    // A form is given what it shows: it knows no ledger.
    Rule { about: &["api", "api::*"], may: &["limits", "domain", "api"], never: &["domain::decide*"] },
    // So that a question can't write.
    Rule { about: &["query", "query::*"], may: &["limits", "domain", "projection", "query"], never: &[] },
    // Questions that need the index; nothing of it writes.
    Rule {
        about: &["history", "history::*"],
        may: &["limits", "domain", "log", "index", "ledger", "query", "history"],
        never: &["domain::decide*", "domain::check*"],
    },
    Rule {
        about: &["audit", "audit::*"],
        may: &["limits", "domain", "log", "index", "files", "heads", "audit", "error"],
        never: &["domain::decide*"],
    },
    Rule {
        about: &["error"],
        may: &["limits", "domain", "log", "index", "files", "projection", "ledger", "query", "audit"],
        never: &[],
    },
    // Read the log as an audit does; nothing of it writes.
    Rule {
        about: &["reports", "reports::*"],
        may: &["limits", "domain", "log", "index", "ledger", "query", "audit::pipeline*", "reports"],
        never: &["domain::decide*", "domain::check*"],
    },
    // Figures in, a picture out.
    Rule { about: &["plot", "plot::*"], may: &["domain", "plot"], never: &["domain::decide*", "domain::check*"] },
    Rule { about: &["schema", "schema::*"], may: &["limits", "domain", "api", "schema"], never: &[] },
    Rule {
        about: &["acts"],
        may: &["limits", "domain", "log::store*", "ledger", "api"],
        never: &["domain::decide*", "domain::check*"],
    },
    Rule { about: &["import", "import::*", "cli", "cli::*", "prelude"], may: &["*"], never: &[] },
];

/// Files outside tests that are longer than they should be, each with its reason.
const LONG_FILES: &[(&str, &str)] = &[];
const FILE_LINES_MAX: usize = 700;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn library() -> Vec<SourceFile> {
    rust_files(&root().join("src")).iter().map(|path| SourceFile::read(root(), path)).collect()
}

/// Whether `domain::decide*`, `domain` or `*` covers the module `domain::decide_lines`.
fn covers(pattern: &str, unit: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => unit.starts_with(start),
        None => unit == pattern || unit.strip_prefix(pattern).is_some_and(|rest| rest.starts_with("::")),
    }
}

/// Whether the rule is about the file: as `covers`, but a bare module name is its root only.
fn is_about(pattern: &str, unit: &str) -> bool {
    unit == pattern || (pattern.ends_with('*') && covers(pattern, unit))
}

/// The module, and the file within it as far as known, that a path leads to: `log::store` for
/// `log::StoreError` when the root of `log` re-exports it from there. A small letter is taken for a file.
fn target(path: &[String], files: &[SourceFile], reexported: &BTreeMap<(String, String), String>) -> String {
    let [module, name, ..] = path else {
        return path.join("::");
    };
    let is_file = files.iter().any(|f| f.module.len() >= 2 && f.module[0] == *module && f.module[1] == *name);
    match reexported.get(&(module.clone(), name.clone())) {
        Some(submodule) if !is_file => format!("{module}::{submodule}"),
        None if !is_file && !name.starts_with(|c: char| c.is_lowercase()) => module.clone(),
        _ => format!("{module}::{name}"),
    }
}

fn import_faults(files: &[SourceFile]) -> Vec<String> {
    let reexported = reexports(files);
    let mut faults = Vec::new();
    for file in files.iter().filter(|f| !f.module.is_empty()) {
        let unit = file.module.join("::");
        let Some(rule) = IMPORTS.iter().find(|r| r.about.iter().any(|p| is_about(p, &unit))) else {
            faults.push(format!(
                "{}: `{unit}` is in no rule: add it to IMPORTS in tests/it/tidy.rs, and to ARCHITECTURE.md",
                file.name
            ));
            continue;
        };
        for import in &file.imports {
            let to = target(&import.path, files, &reexported);
            // What the root of one's own module declares is one's own; the module as a whole may not be.
            let own_root = to == file.module[0] && import.path.len() > 1;
            let allowed = own_root || rule.may.iter().any(|p| covers(p, &to));
            if !allowed || rule.never.iter().any(|p| covers(p, &to)) {
                faults.push(format!("{}:{}: may not name {} (`{to}`)", file.name, import.line, import.path.join("::")));
            }
        }
    }
    faults
}

#[track_caller]
fn assert_none(faults: &[String]) {
    let mut list = String::new();
    for fault in faults {
        writeln!(list, "  {fault}").unwrap();
    }
    assert!(faults.is_empty(), "{} faults:\n{list}", faults.len());
}

#[test]
fn every_import_is_in_the_table() {
    assert_none(&import_faults(&library()));
}

#[test]
fn the_import_table_bites() {
    let refused = |name: &str, text: &str| {
        let log = SourceFile::new(
            "src/log/mod.rs",
            "pub mod frame; pub mod store; pub use store::Store; pub use frame::Frame;",
        );
        let files = [
            log,
            SourceFile::new("src/log/store.rs", ""),
            SourceFile::new("src/log/frame.rs", ""),
            SourceFile::new(name, text),
        ];
        !import_faults(&files).is_empty()
    };
    assert!(refused("src/limits.rs", "use crate::domain::ids;"));
    assert!(refused("src/domain/ids.rs", "use crate::log::Frame;"));
    assert!(refused("src/domain/check.rs", "use super::decide::rule;"));
    assert!(refused("src/domain/decide.rs", "use crate::domain::{ids, check};"));
    assert!(refused("src/log/codec.rs", "use super::store::Store;"));
    assert!(refused("src/log/codec.rs", "use super::Store;"));
    assert!(refused("src/log/codec.rs", "use crate::log;"));
    assert!(!refused("src/log/codec.rs", "use super::Frame;"));
    assert!(!refused("src/log/sled_store.rs", "use super::Store;"));
    assert!(refused("src/index/run.rs", "use crate::log::Store;"));
    assert!(refused("src/index/run.rs", "use crate::domain::ids;"));
    assert!(!refused("src/index/records.rs", "use crate::domain::ids;"));
    assert!(refused("src/query/stock.rs", "use crate::ledger::Ledger;"));
    assert!(refused("src/audit/verify.rs", "use crate::domain::decide;"));
    assert!(!refused("src/audit/verify.rs", "use crate::domain::check;"));
    assert!(refused("src/ledger/open.rs", "use crate::cli::run;"));
    assert!(refused("src/ledger/open.rs", "use crate::Ledger;"), "names of the crate's root hide where they come from");
    assert!(refused("src/newcomer.rs", ""), "a new module has to be put into the table");
}

/// The files of the library that name a dependency.
fn naming<'a>(files: &'a [SourceFile], dependency: &str) -> Vec<&'a str> {
    files.iter().filter(|f| f.names(dependency)).map(|f| f.name.as_str()).collect()
}

#[test]
fn one_file_names_bincode_and_one_names_sled() {
    let files = library();
    let is_whole = files.iter().any(|f| f.module.first().is_some_and(|m| m == "ledger"));
    for dependency in ["bincode", "sled"] {
        let found = naming(&files, dependency);
        assert!(found.len() <= 1 && (found.len() == 1 || !is_whole), "{dependency} is named in {found:?}");
    }
}

#[test]
fn the_domain_knows_no_task_and_no_clock() {
    let mut faults = Vec::new();
    for file in library().iter().filter(|f| f.module.first().is_some_and(|m| m == "domain")) {
        for word in ["tokio", "sled", "bincode"] {
            if file.names(word) {
                faults.push(format!("{} names {word}", file.name));
            }
        }
        for clock in ["SystemTime", "Instant", "Utc", "Local"] {
            let lines = file.lines_with(&[clock, "::", "now"]);
            faults.extend(lines.iter().map(|line| format!("{}:{line} asks {clock} for the time", file.name)));
        }
    }
    assert_none(&faults);
}

#[test]
fn what_judges_a_decision_does_not_name_its_maker() {
    let mut faults = Vec::new();
    for file in &library() {
        let other = match file.module.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["domain", "check", ..] | ["audit", ..] => "decide",
            ["domain", "decide", ..] => "check",
            _ => continue,
        };
        // As a module; a function may be called so.
        let lines = file.lines_with(&[other, "::"]);
        faults.extend(lines.iter().map(|line| format!("{}:{line}: names {other}", file.name)));
    }
    assert_none(&faults);
}

#[test]
fn files_stay_readable() {
    let mut faults = Vec::new();
    for file in library().iter().filter(|f| !is_test_code(&f.name)) {
        let excused = LONG_FILES.iter().any(|(name, _)| *name == file.name);
        if file.lines > FILE_LINES_MAX && !excused {
            faults.push(format!("{}: {} lines, at most {FILE_LINES_MAX}", file.name, file.lines));
        }
        if file.lines <= FILE_LINES_MAX && excused {
            faults.push(format!("{}: short enough now, take it out of LONG_FILES", file.name));
        }
    }
    assert_none(&faults);
}

#[test]
fn nothing_is_left_unfinished() {
    let mut faults = Vec::new();
    for directory in ["src", "tests", "benches", "examples", "fuzz"] {
        for path in rust_files(&root().join(directory)) {
            let file = SourceFile::read(root(), &path);
            for word in ["todo", "unimplemented", "dbg"] {
                let lines = file.lines_with(&[word, "!"]);
                faults.extend(lines.iter().map(|line| format!("{}:{line}: {word}!", file.name)));
            }
        }
    }
    assert_none(&faults);
}

/// Every text that is ours and kept: sources, documents, manifests, scripts.
fn kept_texts() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![root().to_path_buf()];
    while let Some(directory) = waiting.pop() {
        for entry in std::fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let extension = path.extension().map(|e| e.to_string_lossy().into_owned()).unwrap_or_default();
            if path.is_dir() && !["target", ".git"].contains(&name.as_str()) {
                waiting.push(path);
            } else if ["run", "long"].contains(&name.as_str())
                || ["rs", "md", "toml", "py", "sh", "yml"].contains(&extension.as_str())
            {
                found.push(path);
            }
        }
    }
    found
}

/// Whether the text says `word 12`, `word #12` or `words 12`: the number of something in a tracker.
fn names_a_ticket(text: &str) -> bool {
    let lower = text.to_lowercase();
    ["issue", "issues", "ticket", "tickets"].iter().any(|word| {
        lower.match_indices(word).any(|(at, _)| {
            let starts = !lower[..at].ends_with(|c: char| c.is_alphanumeric());
            let rest = &lower[at + word.len()..];
            let number = rest.trim_start_matches([' ', '#']);
            starts && number.len() < rest.len() && number.starts_with(|c: char| c.is_ascii_digit())
        })
    })
}

#[test]
fn texts_stand_on_their_own() {
    let machine_path = concat!("/wo", "rk/");
    let mut faults = Vec::new();
    for path in kept_texts() {
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{name}: {e}"));
        let is_document = name.ends_with(".md");
        for (number, line) in text.lines().enumerate() {
            let lower = line.to_lowercase();
            let words = || lower.split(|c: char| !c.is_alphanumeric());
            if line.contains(machine_path) {
                faults.push(format!("{name}:{}: a path of one machine", number + 1));
            }
            if names_a_ticket(line) {
                faults.push(format!("{name}:{}: the number of a ticket", number + 1));
            }
            if is_document && words().any(|w| ["helper", "helpers", "session", "sessions", "worktree"].contains(&w)) {
                faults.push(format!("{name}:{}: speaks of how it was made", number + 1));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn ticket_numbers_are_recognised() {
    let words = ["issue", "Issues", "ticket"];
    assert!(
        words.iter().all(|w| names_a_ticket(&format!("see {w} 2, point 8")) && names_a_ticket(&format!("{w} #12")))
    );
    assert!(!names_a_ticket("the tissue 2 of lies, an issue of 3 kinds, medusa#16569, 12 issues"));
}

#[test]
fn the_readme_names_the_test_command_of_ci() {
    let read = |name: &str| std::fs::read_to_string(root().join(name));
    // The package that is published has no .ci.
    let (Ok(readme), Ok(ci)) = (read("README.md"), read(".ci/run")) else {
        return;
    };
    let command = "cargo test --release";
    assert!(readme.contains(command) && ci.contains(command), "README.md and .ci/run share `{command}`");
}

/// Every document that is ours, with its text.
fn documents() -> Vec<(PathBuf, String)> {
    let paths = kept_texts().into_iter().filter(|path| path.extension().is_some_and(|e| e == "md"));
    paths.map(|path| (path.clone(), std::fs::read_to_string(&path).unwrap())).collect()
}

#[test]
fn documents_stay_short() {
    for (name, bytes_max) in [("README.md", 10_000), ("ARCHITECTURE.md", 30_000)] {
        let bytes = std::fs::read(root().join(name)).unwrap().len();
        assert!(bytes <= bytes_max, "{name} has {bytes} bytes, at most {bytes_max}");
    }
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut faults = Vec::new();
    let mut links = 0;
    for (path, text) in documents() {
        for rest in text.split("](").skip(1) {
            let Some(link) = rest.split(')').next().filter(|link| !link.is_empty() && !link.contains("://")) else {
                continue;
            };
            links += 1;
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            let leads = match std::fs::read_to_string(&target) {
                Ok(text) => heading.is_empty() || headings(&text).any(|found| found == heading),
                Err(_) => target.is_dir() && heading.is_empty(),
            };
            if !leads {
                faults.push(format!("{}: {link}", path.strip_prefix(root()).unwrap().display()));
            }
        }
    }
    assert!(links > 20, "only {links} links were found");
    assert_none(&faults);
}

/// The anchors of a document's headings, as hosts of Markdown make them.
fn headings(text: &str) -> impl Iterator<Item = String> {
    text.lines().filter(|line| line.starts_with('#')).map(|line| {
        let kept = line.trim_start_matches('#').trim().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.collect::<String>().to_lowercase().replace(' ', "-")
    })
}
