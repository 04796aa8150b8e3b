//! The command `import`, in processes of its own.

use super::{HEADER, TILL, mapping_file};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { dir: tempfile::tempdir().unwrap() };
        place.write("till.toml", TILL);
        assert!(place.run(&["init"]).status.success());
        place
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_counterfoil"));
        command.current_dir(self.dir.path()).args(["--ledger", "shop"]).args(arguments);
        command.output().unwrap()
    }

    /// The exit code, standard output as JSON, and standard error.
    fn import(&self, arguments: &[&str]) -> (i32, Value, String) {
        let output = self.run(&[&["import", "--format", "json"], arguments].concat());
        let told = String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), serde_json::from_slice(&output.stdout).unwrap_or_default(), told)
    }
}

#[test]
fn rejects_are_written_mended_and_imported_again() {
    let place = Place::new();
    place.write("day.csv", &(HEADER.to_owned() + "1,MUG,2026-01-05 09:00,2\n2,MUG,2026-01-05 09:00,x\n"));
    place.write("stock.csv", "Article,Stock\nMUG,10\nCUP,some\n");
    let by = ["--mapping", "till.toml"];
    let all = [&by[..], &["day.csv", "--opening", "stock.csv", "--rejects", "bad.csv"]].concat();
    let (code, done, told) = place.import(&all);
    assert_eq!((code, &done["appended"], &done["rejected"]), (1, &1.into(), &1.into()), "{told}");
    assert_eq!((&done["opening"]["appended"], &done["opening"]["rejected"]), (&1.into(), &1.into()));
    assert!(told.contains("bad.csv") && told.contains("mend"), "{told}");
    let bad = std::fs::read_to_string(place.path("bad.csv")).unwrap();
    place.write("mended.csv", &bad.replace("\"x\"", "\"3\""));
    let (code, done, told) = place.import(&[&by[..], &["mended.csv", "--rejects", "worse.csv"]].concat());
    assert_eq!((code, &done["appended"]), (0, &1.into()), "{told}");
    assert_eq!(std::fs::read_to_string(place.path("worse.csv")).unwrap().lines().count(), 1);
    assert!(place.path("bad.csv.opening").is_file() && !place.path("bad.csv.part").exists());
    let (code, _, told) = place.import(&[&by[..], &["bad.csv", "--rejects", "bad.csv"]].concat());
    assert!(code == 2 && told.contains("overwritten"), "{told}");
    assert_eq!(std::fs::read_to_string(place.path("bad.csv")).unwrap(), bad);
    let stock = place.run(&["stock", "--format", "json"]).stdout;
    assert_eq!(serde_json::from_slice::<Value>(&stock).unwrap()[0]["physical"], 5);
}

#[test]
fn strict_refuses_all_of_a_changed_file_and_its_opening() {
    let place = Place::new();
    let text = HEADER.to_owned() + "1,MUG,2026-01-05 09:00,2\n";
    place.write("day.csv", &text);
    assert_eq!(place.import(&["--mapping", "till.toml", "day.csv"]).0, 0);
    let head = place.run(&["head"]).stdout;
    place.write("day.csv", &(text.replace(",2\n", ",3\n") + "2,MUG,2026-01-05 09:00,2\n"));
    place.write("stock.csv", "Article,Stock\nMUG,10\n");
    let (code, _, told) = place.import(&["--mapping", "till.toml", "day.csv", "--opening", "stock.csv", "--strict"]);
    assert!(code == 1 && told.contains("nothing was appended"), "{told}");
    assert_eq!(place.run(&["head"]).stdout, head);
}

#[test]
fn a_dry_run_shows_commands_and_appends_nothing() {
    let place = Place::new();
    place.write("day.csv", &(HEADER.to_owned() + "1,MUG,2026-01-05 09:00,2\n2,MUG,2026-01-05 09:00,-1\n"));
    let head = place.run(&["head"]).stdout;
    let output = place.run(&["import", "--mapping", "till.toml", "day.csv", "--dry-run", "--show", "1"]);
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && shown.contains("line 2: sale") && !shown.contains("line 3:"), "{shown}");
    assert!(shown.contains("would append          2  1 sale, 1 return"), "{shown}");
    assert_eq!(place.run(&["head"]).stdout, head);
}

#[test]
fn what_can_not_be_is_said_with_its_exit_code() {
    let place = Place::new();
    place.write("day.csv", "Receipt,Article,Time,Qty\n");
    place.write("wrong.toml", &TILL.replace("actor", "actr"));
    let shopify = mapping_file("shopify-inventory.toml");
    let shopify = shopify.to_str().unwrap();
    place.write("shopify.csv", "SKU,Location,On hand (current)\n");
    let table: [(&[&str], i32, &str); 5] = [
        (&["--mapping", "wrong.toml", "day.csv"], 1, "unknown field `actr`"),
        (&["--mapping", "none.toml", "day.csv"], 4, "none.toml"),
        (&["--mapping", "till.toml", "none.csv"], 4, "none.csv"),
        (&["--mapping", shopify, "shopify.csv"], 2, "--at"),
        (&["--mapping", "till.toml", "shopify.csv"], 1, "no column \"Receipt\""),
    ];
    for (arguments, expected, words) in table {
        let (code, _, told) = place.import(arguments);
        assert!(code == expected && told.contains(words), "{arguments:?}: {code} {told}");
    }
    assert!(Path::new(shopify).is_file());
}
