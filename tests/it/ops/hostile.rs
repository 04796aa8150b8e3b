//! What lies where a file belongs and is none, scratch directories, and names that nobody can see or that turn text.

use super::{command, counterfoil, demo_in, fails, json, options, path, succeeds};
use crate::cmd::{shop, tool};
use crate::lies::story::Story;
use counterfoil::audit::verify;
use counterfoil::domain::command::{Act, Alias, AliasKind, CreateItem, PosChange, PosDelta, RenameAlias};
use counterfoil::domain::event::{Body, ItemCreated};
use counterfoil::domain::ids::ItemId;
use counterfoil::domain::text::{ActorId, AliasText, ExternalId, OrderRef, Source};
use counterfoil::files::MemoryFiles;
use counterfoil::ledger::{Ledger, Parts, SubmitError};
use counterfoil::log::Store;
use counterfoil::{Actor, Command, Line};
use rustix::fs::{CWD, Mode};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;

fn pipe(path: &Path) {
    rustix::fs::mkfifoat(CWD, path, Mode::RWXU).unwrap();
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Runs the tool on a ledger with this input.
fn given(ledger: &Path, arguments: &[&str], input: &str) -> Output {
    tool(ledger).args(arguments).write_stdin(input).output().unwrap()
}

#[test]
fn a_heads_file_that_is_none_is_told_at_once() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("shop");
    demo_in(&dir);
    let fifo = place.path().join("fifo");
    pipe(&fifo);
    for (file, what) in
        [(fifo.as_path(), "a FIFO"), (place.path(), "a directory"), (Path::new("/dev/full"), "a device")]
    {
        let noting = counterfoil(&["stock", "--ledger", path(&dir), "--heads", path(file)]);
        let said = text(&noting.stderr);
        assert!(noting.status.success() && said.contains("WARNING") && said.contains(what), "{said}");
        let (_, said) = fails(1, &["verify", "--ledger", path(&dir), "--expect-heads", path(file)]);
        assert!(said.contains(what), "{said}");
    }
    let (_, said) = fails(1, &["verify", "--ledger", path(&dir), "--expect-heads", "/dev/zero"]);
    assert!(said.contains("a device"), "{said}");
}

#[test]
fn inputs_that_are_no_files_are_told_at_once() {
    let place = tempfile::tempdir().unwrap();
    let ledger = shop(place.path());
    let (fifo, data) = (place.path().join("fifo.toml"), place.path().join("data.csv"));
    pipe(&fifo);
    std::fs::write(&data, "").unwrap();
    let import = |mapping: &Path, data: &Path| {
        fails(4, &["import", "--ledger", path(&ledger), "--mapping", path(mapping), path(data)]).1
    };
    assert!(import(&fifo, &data).contains("fifo.toml is a FIFO, not a file"));
    assert!(import(place.path(), &data).contains("is a directory, not a file"));
    assert!(import(Path::new("/dev/zero"), &data).contains("is a device, not a file"));
    std::fs::File::create(place.path().join("endless.toml")).unwrap().set_len(1 << 41).unwrap();
    assert!(import(&place.path().join("endless.toml"), &data).contains("is too large"));
    let mapping = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/mappings/online-retail.toml");
    assert!(import(&mapping, place.path()).contains("is a directory, not a file"));
    let (_, said) = fails(1, &["apply", "--ledger", path(&ledger), path(place.path())]);
    assert!(said.contains("it is a directory"), "{said}");
}

#[test]
fn what_is_derived_is_built_again_where_something_else_lies_in_its_place() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("shop");
    demo_in(&dir);
    let asked = ["explain", "MUG-BLUE", "--location", "SHOP", "--ledger", path(&dir), "--format", "csv"];
    let before = succeeds(&asked);
    let derived = dir.join("derived");
    let mut replaced = 0;
    for part in ["index", "checkpoints"] {
        let names = std::fs::read_dir(derived.join(part)).unwrap().map(|entry| entry.unwrap().path());
        for file in names.collect::<Vec<PathBuf>>() {
            std::fs::remove_file(&file).unwrap();
            pipe(&file);
            replaced += 1;
        }
    }
    assert!(replaced >= 3, "{replaced} files");
    assert_eq!(succeeds(&asked), before);
    let replay = json(&succeeds(&["replay", "--ledger", path(&dir), "--format", "json"]));
    assert_eq!(replay["ok"], true);
}

#[test]
fn a_salvage_leaves_nothing_and_sweeps_what_killed_ones_left() {
    let place = tempfile::tempdir().unwrap();
    let (dir, scratch) = (place.path().join("shop"), place.path().join("scratch"));
    demo_in(&dir);
    std::fs::create_dir(&scratch).unwrap();
    let killed = scratch.join(format!("counterfoil-salvage-{}", "0".repeat(32)));
    std::fs::create_dir_all(killed.join("log")).unwrap();
    std::fs::write(killed.join("in-use"), "").unwrap();
    std::fs::write(killed.join("log/db"), "private").unwrap();
    let other = scratch.join("counterfoil-salvage-of-mine");
    std::fs::create_dir(&other).unwrap();
    succeeds(&["salvage", "--ledger", path(&dir), "--list", "--scratch", path(&scratch)]);
    let left: Vec<_> = std::fs::read_dir(&scratch).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(left, [other]);
    // Also where there is nothing to be salvaged.
    std::fs::write(dir.join("log/db"), "").unwrap();
    counterfoil(&["salvage", "--ledger", path(&dir), "--list", "--scratch", path(&scratch)]);
    assert_eq!(std::fs::read_dir(&scratch).unwrap().count(), 1);
}

#[test]
fn a_copy_is_as_private_as_its_ledger_or_as_the_directory_that_it_fills() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("shop");
    demo_in(&dir);
    let copy = |name: &str| {
        let to = place.path().join(name);
        let told = succeeds(&["snapshot", "--ledger", path(&dir), path(&to)]);
        (mode(&to), told)
    };
    std::fs::set_permissions(&dir, PermissionsExt::from_mode(0o755)).unwrap();
    let open = copy("open").0;
    assert_eq!(open, mode(&dir.join("log")) | 0o700, "as anything new is");
    std::fs::set_permissions(&dir, PermissionsExt::from_mode(0o700)).unwrap();
    assert_eq!(copy("private").0, 0o700);
    std::fs::create_dir(place.path().join("filled")).unwrap();
    std::fs::set_permissions(place.path().join("filled"), PermissionsExt::from_mode(0o750)).unwrap();
    assert_eq!(copy("filled").0, 0o750);
    succeeds(&["salvage", "--ledger", path(&dir), "--to", path(&place.path().join("saved"))]);
    assert_eq!(mode(&place.path().join("saved")), 0o700);

    let left = place.path().join(".next.unfinished-0123");
    std::fs::create_dir(&left).unwrap();
    let told = copy("next").1;
    assert!(told.contains("left over") && told.contains(path(&left)) && left.exists(), "{told}");
}

const TURNED: &str = r"GUM\u202e";

#[test]
fn new_names_that_can_not_be_seen_or_turn_text_are_refused() {
    let place = tempfile::tempdir().unwrap();
    let ledger = shop(place.path());
    let create = |sku: &str| format!(r#"{{"actor":"a","act":{{"kind":"create_item","sku":"{sku}","decimals":0}}}}"#);
    let bad =
        [TURNED, r"\u200b", "MUG\\u200b", r"\u2060", r"A\u2028B", r"\u00ad", r"\u3164", r"A\ufeff", r"\ud834\udd73"];
    for sku in bad {
        let applied = given(&ledger, &["apply", "-"], &create(sku));
        let answer = json(&text(&applied.stdout));
        assert_eq!((&answer["status"], &answer["code"]), (&"rejected".into(), &"INVALID_FIELD".into()), "{sku}");
        assert_eq!(applied.status.code(), Some(1));
    }
    for sku in ["می\u{200c}خواهم", "👩\u{200d}🔧", "❤\u{fe0f}", "Käse 250 g"] {
        let applied = given(&ledger, &["apply", "-"], &create(sku));
        assert!(applied.status.success(), "{sku}: {applied:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_were_taken_once_stay_readable_and_can_be_put_right() {
    let bad = AliasText::new("GUM\u{202e}").unwrap();
    let mut story = Story::base();
    story.add(Body::ItemCreated(ItemCreated { item: ItemId(4), sku: bad.clone(), decimals: 0 }));
    let store = story.store();
    let report = verify(store.reader().as_ref(), Default::default()).unwrap();
    assert!(report.ok, "{:?}", report.first_fault);

    let files = || Arc::new(MemoryFiles::default());
    let parts = Parts { store: Box::new(store), index: files(), checkpoints: files() };
    let ledger = Ledger::open_over(parts, options()).unwrap();
    let alias = Alias { kind: AliasKind::Sku, text: bad.clone() };
    let to = AliasText::new("GUM").unwrap();
    ledger.submit(command(Act::RenameAlias(RenameAlias { alias, to }))).await.unwrap();
    let again = ledger.submit(command(Act::CreateItem(CreateItem { sku: bad, decimals: 0 }))).await;
    assert!(matches!(again, Err(SubmitError::Rejected(rejection)) if rejection.code() == "INVALID_FIELD"));
    ledger.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_text_that_a_command_brings_is_judged() {
    let place = tempfile::tempdir().unwrap();
    let ledger = Ledger::create(place.path().join("shop"), options()).unwrap();
    super::set_up(&ledger).await;
    let bad = "x\u{200b}";
    let sale = |source: &str| {
        let lines = [Line::new(super::MUGS, counterfoil::Quantity(1))].into();
        let (source, external_id) = (Source::new(source).unwrap(), ExternalId::new("1").unwrap());
        Act::PosDelta(PosDelta { source, external_id, delta: PosChange::Sale { lines } })
    };
    let commands = [
        command(sale(bad)),
        command(sale("till")).for_order(OrderRef::new(bad).unwrap()),
        Command::new(Actor::asserted(ActorId::new(bad).unwrap()), sale("till")),
    ];
    for command in commands {
        let refused = ledger.submit(command.clone()).await;
        assert!(matches!(refused, Err(SubmitError::Rejected(_))), "{command:?}: {refused:?}");
    }
    ledger.submit(command(sale("till"))).await.unwrap();
    ledger.close().await.unwrap();
}

/// A shop with an item whose name is a formula, an order and an actor that are others, and a note that moves cursors.
fn formulas(place: &Path) -> PathBuf {
    let ledger = shop(place);
    let lines = r#"{"actor":"@ann","act":{"kind":"create_item","sku":"=HYPERLINK(1)","decimals":0}}
{"actor":"+web","order":"-1+1","note":"hello\u001b[2J\u009b\u202e\n\tbye","act":{"kind":"receive","lines":[{"sku":"=HYPERLINK(1)","location":"SHOP","quantity":5}]}}
{"actor":"web","reason":"lost","act":{"kind":"adjust","lines":[{"sku":"=HYPERLINK(1)","location":"SHOP","quantity":-7}]}}
"#;
    let applied = given(&ledger, &["apply", "-"], lines);
    assert!(applied.status.success(), "{applied:?}");
    ledger
}

#[test]
fn csv_is_safe_to_open_and_raw_for_programs() {
    let place = tempfile::tempdir().unwrap();
    let ledger = formulas(place.path());
    let csv = |arguments: &[&str]| {
        let asked = [arguments, &["--ledger", path(&ledger), "--format", "csv"]].concat();
        let cells = |csv: &str| -> Vec<String> {
            let told = succeeds(&[&asked[..], &["--csv", csv]].concat());
            let mut rows = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(told.as_bytes());
            rows.records().flat_map(|row| row.unwrap().iter().map(str::to_owned).collect::<Vec<_>>()).collect()
        };
        (cells("safe"), cells("raw"))
    };
    for asked in [&["item", "list"][..], &["stock"], &["events"], &["explain", "=HYPERLINK(1)", "--location", "SHOP"]] {
        let (safe, raw) = csv(asked);
        assert_eq!(safe.len(), raw.len());
        let mut formulas = 0;
        for (safe, raw) in safe.iter().zip(&raw) {
            let (is_figure, is_now) = (raw.parse::<f64>().is_ok(), raw.ends_with('Z') && raw.starts_with("20"));
            if is_now {
                continue;
            }
            match raw.starts_with(['=', '+', '-', '@']) && !is_figure {
                true => assert_eq!(*safe, format!("'{raw}"), "{asked:?}"),
                false => assert_eq!(safe, raw, "{asked:?}"),
            }
            formulas += u32::from(safe != raw);
        }
        assert!(formulas > 0 || asked[0] == "explain", "{asked:?}: {safe:?}");
    }
    let list = ["item", "list", "--ledger", path(&ledger), "--format", "csv"];
    assert!(succeeds(&list).contains("\n'=HYPERLINK"), "safe unless told otherwise");
    let (stock, _) = csv(&["stock"]);
    assert!(stock.iter().any(|cell| cell == "-2"), "figures stay figures: {stock:?}");
}

#[test]
fn a_note_does_nothing_to_a_terminal_and_programs_get_all_of_it() {
    let place = tempfile::tempdir().unwrap();
    let ledger = formulas(place.path());
    let show = |format: &str| succeeds(&["note", "show", "6", "--ledger", path(&ledger), "--format", format]);
    assert_eq!(show("table"), "hello\\u{1b}[2J\\u{9b}\\u{202e}\n\tbye\n");
    let told = show("json");
    assert!(!told.trim_end().contains(char::is_control), "{told:?}");
    assert_eq!(json(&told)["note"], "hello\u{1b}[2J\u{9b}\u{202e}\n\tbye");
    assert!(show("csv").contains("\u{1b}[2J\u{9b}\u{202e}\n\tbye"));
}

#[test]
fn what_was_typed_is_quoted_harmlessly() {
    let place = tempfile::tempdir().unwrap();
    let ledger = shop(place.path());
    let hostile = "x\u{1b}[2J\u{202e}";
    let commands: [&[&str]; 7] = [
        &["stock", "--sku", hostile],
        &["item", "add", hostile],
        &[hostile],
        &["stock", "--format", hostile],
        &["plot", hostile],
        &["verify", "--expect-heads", hostile],
        &["snapshot", "/nowhere/\u{1b}[2J\u{202e}/x"],
    ];
    for typed in commands {
        let output = tool(&ledger).args(typed).output().unwrap();
        let said = text(&output.stderr) + &text(&output.stdout);
        assert!(!output.status.success() && !said.contains(['\u{1b}', '\u{202e}']), "{typed:?}: {said:?}");
    }
    let copy = place.path().join("a\n\u{202e}b");
    let told = succeeds(&["snapshot", "--ledger", path(&ledger), path(&copy)]);
    assert!(told.contains(r"a\n\u{202e}b") && told.lines().count() == 2, "{told}");
}

#[test]
fn an_import_takes_no_names_that_can_not_be_seen_and_goes_on() {
    let place = tempfile::tempdir().unwrap();
    let ledger = shop(place.path());
    let (mapping, data) = (place.path().join("till.toml"), place.path().join("day.csv"));
    std::fs::write(&mapping, crate::import::TILL).unwrap();
    let rows = "1,MUG,2026-01-05 09:00,2\n2,=CUP\u{200b},2026-01-05 09:00,1\n3,\u{202e}POT,2026-01-05 09:00,1\n\
        4,BOWL,2026-01-05 09:00,1\n";
    std::fs::write(&data, crate::import::HEADER.to_owned() + rows).unwrap();
    let rejects = place.path().join("bad.csv");
    let import = ["import", "--mapping", path(&mapping), path(&data), "--rejects", path(&rejects)];
    let done = given(&ledger, &[&import[..], &["--format", "json"]].concat(), "");
    let summary = json(&text(&done.stdout));
    assert_eq!((&summary["appended"], &summary["rejected"]), (&2.into(), &2.into()), "{done:?}");
    let bad = std::fs::read_to_string(&rejects).unwrap();
    assert!(bad.contains("\"=CUP\u{200b}\"") && bad.contains("\u{202e}POT") && bad.contains("U+200B"), "{bad}");
    let again = given(&ledger, &[&import[..]].concat(), "");
    assert!(!text(&again.stdout).contains(['\u{200b}', '\u{202e}']), "{again:?}");
}

#[test]
fn a_verification_says_no_more_than_that_what_is_before_a_fault_is_consistent() {
    let place = tempfile::tempdir().unwrap();
    let (dir, heads) = (place.path().join("shop"), place.path().join("heads"));
    demo_in(&dir);
    let head = succeeds(&["head", "--ledger", path(&dir)]);
    let (seq, hash) = head.trim().split_once(':').unwrap();
    let flipped = if hash.starts_with('0') { "1" } else { "0" };
    std::fs::write(&heads, format!("{seq}:{flipped}{}\n", &hash[1..])).unwrap();
    let (shown, _) = fails(3, &["verify", "--ledger", path(&dir), "--expect-heads", path(&heads)]);
    assert!(shown.contains(&format!("the {seq} events before it are consistent with each other\n")), "{shown}");
    let first = json(&succeeds(&["events", "--ledger", path(&dir), "--format", "json"]))[3]["hash"].clone();
    std::fs::write(&heads, format!("3:{}\n{seq}:{flipped}{}\n", first.as_str().unwrap(), &hash[1..])).unwrap();
    let (shown, _) = fails(3, &["verify", "--ledger", path(&dir), "--expect-heads", path(&heads)]);
    assert!(shown.contains("with each other, and up to event 3 with what was kept elsewhere"), "{shown}");
    let verified = succeeds(&["verify", "--ledger", path(&dir)]);
    assert!(!shown.contains("right") && !verified.contains("right"), "{shown}{verified}");
}
