//! The report in small: nothing is missing, ratios fit their figures, nothing is left behind.

use super::{Plan, Report, Row, Workload, run};

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
