//! What a log ends with, and reading it in parts.

use super::support::{disk_of, groups};
use crate::domain::ids::Seq;
use crate::limits::FRAME_BYTES_MAX;
use crate::log::chain::Head;
use crate::log::scan::{head_at, read_event, recover, scan, scan_from};

const SIZES: &[&[u64]] = &[&[1], &[1, 2, 900, 1, 1, 3_000], &[700], &[1; 200], &[5, 5]];

#[test]
fn a_log_of_small_and_large_events_reads_back() {
    let groups = groups(SIZES);
    let disk = disk_of(&groups);
    assert!(disk.frames().iter().all(|(_, bytes)| bytes.len() <= FRAME_BYTES_MAX));
    let events: Vec<_> = scan(&disk, Head::EMPTY).collect::<Result<_, _>>().expect("the log is whole");
    assert_eq!(events.len(), SIZES.iter().map(|group| group.len()).sum::<usize>());
    for (index, event) in events.iter().enumerate() {
        assert_eq!(event.seq, Seq(index as u64));
        assert_eq!(crate::log::decode_event(&event.bytes).as_ref(), Ok(&event.event));
        let point = read_event(&disk, event.seq).expect("readable").expect("there");
        assert_eq!((point.hash, point.prev_hash, &point.event), (event.hash, event.prev_hash, &event.event));
        let head = head_at(&disk, event.seq).expect("there");
        assert_eq!(head, Head { next_seq: event.seq, hash: event.prev_hash });
        let rest = scan(&disk, head).inspect(|event| assert!(event.is_ok(), "whole")).count();
        assert_eq!(rest, events.len() - index);
        let rest = scan_from(&disk, event.seq).map(|event| event.expect("whole").seq).next();
        assert_eq!(rest, Some(event.seq));
    }
    let ends: Vec<_> = events.iter().filter(|event| event.group_end).map(|event| event.seq.0 + 1).collect();
    assert_eq!(ends, groups.iter().map(|group| group.head().next_seq.0).collect::<Vec<_>>());
    assert!(read_event(&disk, Seq(events.len() as u64)).expect("readable").is_none());
    let recovery = recover(&disk, Head::EMPTY).expect("the log is whole");
    assert_eq!(recovery.head, groups.last().expect("not empty").head());
    assert_eq!(recovery.dropped, None);
    let again = recover(&disk, recovery.head).expect("the log is whole");
    assert_eq!(again, recovery);
}
