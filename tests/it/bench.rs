//! The benchmark report, in small: nothing is missing, ratios fit their figures, nothing is left behind.

use counterfoil::bench::{Plan, Report, Row, Workload, run};
use serde_json::Value;
use std::process::Command;

const EVENTS: u64 = 300;
const SQLITE: bool = cfg!(feature = "bench-sqlite");

fn measured(workloads: &[Workload]) -> (Report, Vec<&'static str>) {
    let place = tempfile::tempdir().unwrap();
    let mut told = Vec::new();
    let plan = Plan { workloads: workloads.to_vec(), events: EVENTS, ..Plan::new(place.path().into()) };
    let report = run(&plan, &mut |at| told.push(at.doing)).unwrap();
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0, "what was written is removed");
    (report, told)
}

#[track_caller]
fn holds_together(row: &Row) {
    assert_eq!(row.met, None, "no aim is met or missed by {EVENTS} events: {row:?}");
    if !SQLITE && row.beside.starts_with("SQLite") {
        assert_eq!((row.baseline, row.ratio, row.sqlite), (None, None, None), "nothing to compare with: {row:?}");
        return;
    }
    let (value, baseline, ratio) = (row.value.unwrap(), row.baseline.unwrap(), row.ratio.unwrap());
    assert!(value > 0.0 && baseline > 0.0, "{row:?}");
    assert!((ratio / (value / baseline) - 1.0).abs() < 0.01, "{row:?}");
    assert!(!row.beside.is_empty() && !row.unit.is_empty() && row.count > 0, "{row:?}");
    if let Some(latency) = row.latency {
        let rising = [0.0, latency.p50, latency.p99, latency.p999, latency.max];
        assert!(rising.is_sorted() && latency.p50 > 0.0, "{row:?}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn every_workload_has_its_row_beside_something() {
    let (report, told) = measured(&Workload::ALL);
    report.rows.iter().for_each(holds_together);
    let names: Vec<_> = report.rows.iter().map(|row| row.workload).collect();
    for workload in Workload::ALL {
        assert!(names.contains(&workload.name()), "{workload:?} is missing in {names:?}");
    }
    for (other, there) in [("fdatasync", true), ("sqlite_one", SQLITE), ("sqlite_64", SQLITE)] {
        assert_eq!(names.contains(&other), there, "{other}");
    }
    for of in ["one_caller", "callers_64", "batch_8192"] {
        for share in ["50", "80"] {
            let row = report.row(&format!("{of}_open_{share}")).unwrap();
            assert!(row.latency.is_some());
        }
    }
    let one = report.row("one_caller").unwrap();
    assert_eq!(one.sqlite, report.row("sqlite_one").and_then(|row| row.value));
    assert_eq!((one.value, one.count), (one.latency.map(|latency| latency.p50), EVENTS));
    let aims = report.rows.iter().filter(|row| row.aim.is_some()).count();
    assert_eq!(aims, 11);
    assert!(told.len() > 10 && report.conditions.cores > 0 && report.conditions.payload_bytes > 100);
    assert!(report.kept.is_none());
}

#[test]
fn only_what_is_asked_for_is_measured() {
    let (report, _) = measured(&[Workload::DiskBytesPerEvent]);
    let names: Vec<_> = report.rows.iter().map(|row| row.workload).collect();
    assert_eq!(names, ["fdatasync", "disk_bytes_per_event"]);
}

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
