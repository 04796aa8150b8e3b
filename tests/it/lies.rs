//! Well-hashed lies: histories whose every hash and mark is right, and one event is not legal.
//!
//! Each lie is told to the verifier of this library and, as an export, to the one in `examples/`, which was
//! written from `src/domain/RULES.md`, `src/audit/EXPORT.md` and `src/log/FORMAT.md` alone.

pub mod story;
mod table;

use counterfoil::audit::{Expected, Options, Report, export, verify};
use counterfoil::domain::check::RULES;
use counterfoil::domain::ids::Seq;
use counterfoil::log::{Hash, Store};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use story::Story;
use table::LIES;

fn verified(store: &dyn Store, options: Options<'_>) -> Report {
    verify(&*store.reader(), options).expect("memory can be read")
}

#[test]
fn an_honest_history_of_every_kind_passes() {
    let store = Story::of_every_kind().store();
    let report = verified(&store, Options::default());
    assert_eq!(report.first_fault, None);
    assert!(report.ok && !report.anchored && report.claims > 0, "{report:?}");
    assert!(report.exclusions[0].contains("can't be excluded"), "{:?}", report.exclusions);
    let head = report.head.expect("there are events");
    assert_eq!(head.seq.0 + 1, report.events);

    let again = verified(&store, Options { expected: vec![head], ..Options::default() });
    assert!(again.ok && again.anchored && again.anchored_at == Some(head.seq), "{again:?}");
    // With hardly any memory for ids every share takes a pass of its own, and the result is the same.
    let frugal = verified(&store, Options { memory_bytes: 64, ..Options::default() });
    assert_eq!(frugal, report);
}

#[test]
fn a_hash_kept_elsewhere_finds_a_rewrite_and_a_cut_tail() {
    let store = Story::base().store();
    let head = verified(&store, Options::default()).head.expect("there are events");
    for (expected, rule, seq) in [
        (Expected { seq: head.seq, hash: Hash([7; 32]) }, "head", head.seq),
        (Expected { seq: Seq(3), hash: Hash([7; 32]) }, "head", Seq(3)),
        (Expected { seq: Seq(head.seq.0 + 9), hash: Hash([7; 32]) }, "cut", Seq(head.seq.0 + 1)),
    ] {
        let report = verified(&store, Options { expected: vec![head, expected], ..Options::default() });
        let fault = report.first_fault.expect("it is not that history");
        assert_eq!((fault.rule, fault.seq), (rule, seq), "{fault:?}");
        assert!(!report.ok && !report.anchored);
    }
}

#[test]
fn every_lie_is_found_at_its_event_by_its_rule() {
    let mut wrong = Vec::new();
    for lie in LIES {
        let mut story = Story::base();
        let seq = (lie.tell)(&mut story);
        for memory_bytes in [64, 1 << 20] {
            let report = verified(&story.store(), Options { memory_bytes, ..Options::default() });
            let found = report.first_fault.as_ref().map(|fault| (fault.rule, fault.seq));
            if found != Some((lie.rule, seq)) || report.ok {
                wrong.push(format!("{}: wanted {} at {seq}, found {:?}", lie.says, lie.rule, report.first_fault));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_rule_has_a_lie() {
    let told: BTreeSet<&str> = LIES.iter().map(|lie| lie.rule).collect();
    let rules: BTreeSet<&str> = RULES.iter().map(|(name, _)| *name).collect();
    assert_eq!(told, rules);
    assert_eq!(rules.len(), RULES.len(), "two rules have one name");
}

#[test]
fn every_rule_is_described() {
    let text = std::fs::read_to_string(root().join("src/domain/RULES.md")).expect("src/domain/RULES.md is there");
    let missing: Vec<&str> =
        RULES.iter().map(|(name, _)| *name).filter(|name| !text.contains(&format!("| `{name}` |"))).collect();
    assert!(missing.is_empty(), "not in the table of src/domain/RULES.md: {missing:?}");
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The verifier in `examples/`, where it can run.
fn stranger() -> Result<PathBuf, String> {
    let script = root().join("examples/verify_export.py");
    if !script.exists() {
        return Err(format!("{} is missing", script.display()));
    }
    match Command::new("python3").args(["-c", "import blake3"]).output() {
        Ok(output) if output.status.success() => Ok(script),
        Ok(_) => Err("python3 has no package blake3 (pip install blake3)".into()),
        Err(error) => Err(format!("python3 can't be run: {error}")),
    }
}

/// What the verifier in `examples/` says of an export: whether it is right, and the first bad event.
fn judged(script: &Path, export: &Path) -> Result<Option<u64>, String> {
    let output = Command::new("python3").arg(script).arg(export).output().map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let told = || format!("exit {:?}, said {said} {}", output.status.code(), String::from_utf8_lossy(&output.stderr));
    let verdict: serde_json::Value = serde_json::from_str(&said).map_err(|_| told())?;
    match (verdict["ok"].as_bool(), output.status.code()) {
        (Some(true), Some(0)) => Ok(None),
        (Some(false), Some(1)) => verdict["first_fault"]["seq"].as_u64().map(Some).ok_or_else(told),
        _ => Err(told()),
    }
}

fn exported(story: &Story, directory: &Path, name: &str) -> PathBuf {
    let path = directory.join(name);
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path).expect("a new file"));
    export(&*story.store().reader(), &mut file, |_| {}).expect("a well-hashed log can be exported");
    path
}

#[test]
fn a_stranger_finds_every_lie_in_the_exports() {
    let script = match stranger() {
        Ok(script) => script,
        Err(why) if std::env::var_os("CI").is_some_and(|ci| ci == "true") => panic!("the second verifier: {why}"),
        Err(why) => {
            eprintln!("SKIPPED, the second verifier was not run: {why}");
            return;
        }
    };
    let directory = tempfile::tempdir().expect("a temporary directory");
    let honest = exported(&Story::of_every_kind(), directory.path(), "honest.jsonl");
    assert_eq!(judged(&script, &honest), Ok(None), "the honest history");
    let mut wrong = Vec::new();
    for (number, lie) in LIES.iter().enumerate() {
        let mut story = Story::base();
        let seq = (lie.tell)(&mut story);
        let path = exported(&story, directory.path(), &format!("lie-{number}.jsonl"));
        match judged(&script, &path) {
            Ok(Some(found)) if found == seq.0 => {}
            verdict => wrong.push(format!("{} ({} at {seq}): {verdict:?}", lie.says, lie.rule)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
