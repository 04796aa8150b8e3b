//! Pictures beside what the tool shows, out of a ledger, in files.

use crate::cmd::{shop, tool};
use regex::Regex;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A shop that has sold more mugs than it had, while rice is kept in grams.
fn busy(place: &Path) -> PathBuf {
    let ledger = shop(place);
    for typed in [
        "item add NEW",
        "receive MUG=12 RICE=12.5 -l SHOP",
        "receive MUG=40 -l DEPOT",
        "reserve MUG=10 -l SHOP --order w-1",
        "sell MUG=5 -l SHOP --source till --external-id 1",
        "sell MUG=9 -l SHOP --source till --external-id 2",
        "sell RICE=0.375 -l SHOP --source till --external-id 3",
        "receive MUG=20 -l SHOP",
    ] {
        tool(&ledger).args(typed.split(' ')).assert().success();
    }
    ledger
}

/// The exit code, standard output and standard error.
fn run(ledger: &Path, typed: &str) -> (i32, String, String) {
    let mut tool = tool(ledger);
    let output = tool.current_dir(ledger.parent().unwrap()).args(typed.split(' ')).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn drawn(ledger: &Path, typed: &str) -> String {
    let (code, _, told) = run(ledger, typed);
    assert_eq!((code, told.as_str()), (0, ""), "{typed}");
    let svg = std::fs::read_to_string(ledger.parent().unwrap().join("plot.svg")).unwrap();
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"), "{svg}");
    svg
}

/// Corners of each line of this colour, marks of legends left out.
fn corners(svg: &str, colour: &str) -> Vec<usize> {
    let line = Regex::new(&format!("stroke=\"{colour}\"[^>]*points=\"([^\"]*)\"")).unwrap();
    let all = line.captures_iter(svg).map(|found| found[1].split_whitespace().count());
    all.skip(1).collect()
}

fn count(svg: &str, pattern: &str) -> usize {
    Regex::new(pattern).unwrap().find_iter(svg).count()
}

#[test]
fn an_explanation_is_drawn_step_by_step() {
    let place = tempfile::tempdir().unwrap();
    let ledger = busy(place.path());
    let svg = drawn(&ledger, "explain MUG -l SHOP --rows 1 --plot plot.svg");
    // Received, reserved, sold, sold, received, whatever page of them is shown: two corners each.
    assert_eq!((corners(&svg, "#0072B2"), corners(&svg, "#E69F00")), (vec![10], vec![10]));
    assert_eq!((count(&svg, "<polygon"), count(&svg, "\nMUG at SHOP\n")), (1, 1), "oversold until goods came");
    let svg = drawn(&ledger, "explain MUG -l SHOP --also-at DEPOT --also-at SHOP --plot plot.svg");
    assert_eq!(corners(&svg, "#0072B2"), [10, 2]);
    assert_eq!((count(&svg, "\nSHOP\n"), count(&svg, "\nDEPOT\n")), (1, 1));
    let svg = drawn(&ledger, "explain RICE -l SHOP --plot plot.svg");
    assert_eq!((corners(&svg, "#0072B2"), count(&svg, "nothing was held")), (vec![4], 1));
    let again = |_| drawn(&ledger, "explain MUG -l SHOP --as-of 10 --plot plot.svg");
    let both = [(), ()].map(again);
    assert_eq!(both[0], both[1], "the same figures, the same bytes");
}

#[test]
fn what_was_true_is_drawn_by_when_it_occurred() {
    let place = tempfile::tempdir().unwrap();
    let ledger = shop(place.path());
    for (day, typed) in [("2026-03-02", "receive MUG=7 -l SHOP"), ("2026-01-05", "receive MUG=5 -l SHOP")] {
        let occurred = format!("{day}T09:00:00Z");
        tool(&ledger).args(typed.split(' ')).args(["--occurred-at", &occurred]).assert().success();
    }
    let svg = drawn(&ledger, "explain MUG -l SHOP --as-of true:2026-04-30 --plot plot.svg");
    assert_eq!(corners(&svg, "#0072B2"), [4]);
    assert!(svg.contains("\n2026-02\n") && svg.contains("\nmonth, Europe/London\n"), "{svg}");
}

#[test]
fn movement_is_drawn_bar_by_bar_and_programs_get_their_rows_all_the_same() {
    let place = tempfile::tempdir().unwrap();
    let ledger = busy(place.path());
    let typed = "report movement --sku MUG --location SHOP --by day --format json --plot plot.svg";
    let (code, rows, told) = run(&ledger, typed);
    assert_eq!((code, told.as_str()), (0, ""));
    let rows: Vec<Value> = serde_json::from_str(&rows).unwrap();
    let svg = std::fs::read_to_string(place.path().join("plot.svg")).unwrap();
    let bars = count(&svg, "<rect[^>]*fill=\"#(0072B2|E69F00)\"") - 2;
    assert_eq!(bars, 2 * rows.len(), "what was received and what was sold");
    assert!(corners(&svg, "#222222").contains(&(1 + rows.len())));
    let (code, _, told) = run(&ledger, "report movement --plot several.svg");
    assert!(code == 1 && told.contains("--sku") && !place.path().join("several.svg").exists(), "{told}");
}

#[test]
fn a_plot_that_can_not_be_leaves_everything_as_it_was() {
    let place = tempfile::tempdir().unwrap();
    let ledger = busy(place.path());
    let file = place.path().join("plot.svg");
    std::fs::write(&file, "mine").unwrap();
    for (typed, words) in [
        ("explain NEW -l SHOP --plot plot.svg", "nothing to plot"),
        ("report movement --sku NEW --location SHOP --plot plot.svg", "nothing to plot"),
        ("report movement --sku MUG --location SHOP --until 2020-01-31 --plot plot.svg", "nothing to plot"),
        ("explain MUG -l SHOP --plot .", "it is a directory"),
        ("explain MUG -l SHOP --plot missing/plot.svg", "directory does not exist"),
        ("explain MUG -l SHOP --also-at NOWHERE --plot plot.svg", "NOWHERE"),
    ] {
        let (code, shown, told) = run(&ledger, typed);
        assert!(code == 1 && shown.is_empty() && told.contains(words), "{typed}: {code} {told}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
    }
    assert_eq!(run(&ledger, "explain MUG -l SHOP --also-at DEPOT").0, 2, "it draws, so it needs a plot");
    assert!(drawn(&ledger, "explain MUG -l SHOP --plot plot.svg").contains("MUG"), "a file that is there is replaced");
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 2, "the ledger and the plot, nothing beside them");
}
