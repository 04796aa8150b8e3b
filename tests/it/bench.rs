//! `counterfoil bench` as a process: three formats, and ledgers that are kept.

use serde_json::Value;
use std::process::Command;

const SQLITE: bool = cfg!(feature = "bench-sqlite");

fn counterfoil(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_counterfoil")).args(arguments).env("NO_COLOR", "1").output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_command_shows_the_report_in_three_formats() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().to_str().unwrap();
    let asked = ["bench", "--dir", dir, "--events", "40", "--only", "one_caller", "--format"];
    let shown = |format| {
        let (code, out, err) = counterfoil(&[&asked[..], &[format]].concat());
        assert_eq!((code, err.as_str()), (0, ""), "{out}");
        out
    };
    let rows: Vec<Value> = serde_json::from_str(&shown("json")).unwrap();
    let names: Vec<_> = rows.iter().map(|row| row["workload"].as_str().unwrap()).collect();
    let wanted = ["fdatasync", "sqlite_one", "one_caller", "one_caller_open_50", "one_caller_open_80"];
    let wanted: Vec<_> = wanted.into_iter().filter(|name| SQLITE || *name != "sqlite_one").collect();
    assert_eq!(names, wanted);
    for row in &rows {
        for figure in ["value", "baseline", "ratio", "p50", "p99", "p999", "max", "cores", "payload_bytes"] {
            assert!(row[figure].as_f64().is_some_and(|figure| figure > 0.0), "{figure} of {row}");
        }
        for text in ["unit", "beside", "cpu", "file_system", "sync_method", "version", "date"] {
            assert!(row[text].as_str().is_some_and(|text| !text.is_empty()), "{text} of {row}");
        }
    }
    let csv = shown("csv");
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let fields = reader.headers().unwrap().len();
    assert_eq!(fields, rows[0].as_object().unwrap().len(), "every field of JSON has a column");
    assert_eq!(reader.records().count(), rows.len());
    let table = shown("table");
    for word in [
        "one_caller_open_80",
        "fdatasync median: ",
        "p99.9",
        " cores",
        if SQLITE { " × SQLite's " } else { "--features bench-sqlite" },
    ] {
        assert!(table.contains(word), "{word}: {table}");
    }
}

#[test]
fn ledgers_that_are_kept_can_be_looked_at() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().to_str().unwrap();
    let asked =
        ["bench", "--dir", dir, "--events", "40", "--only", "disk_bytes_per_event", "--keep", "--format", "json"];
    let (code, out, _) = counterfoil(&asked);
    assert_eq!(code, 0);
    let rows: Vec<Value> = serde_json::from_str(&out).unwrap();
    let long = std::path::Path::new(rows[1]["kept"].as_str().unwrap()).join("long");
    let (code, head, _) = counterfoil(&["head", "--ledger", long.to_str().unwrap()]);
    assert_eq!(
        (code, head.split(':').next().unwrap().parse::<u64>().unwrap() + 1),
        (0, rows[1]["count"].as_u64().unwrap())
    );
    let (code, _, refused) = counterfoil(&["bench", "--dir", dir, "--only", "quick"]);
    assert_eq!(code, 2);
    assert!(refused.contains("id_lookup_100m"), "it names what there is: {refused}");
}
