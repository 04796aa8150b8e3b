//! Whatever is changed in a stored log is found, and named.

use super::support::{disk_of, groups, large_event, plain_event};
use crate::domain::event::UnitMark;
use crate::domain::ids::Seq;
use crate::log::chain::{Chain, Hash, Head};
use crate::log::codec::encode_event;
use crate::log::fault::{FaultKind, LogFault};
use crate::log::frame::{BEGINS_GROUP, CARRIES_MARK, CommitMark, FRAME_FORMAT, FrameKey, read_length, write_length};
use crate::log::memory_store::MemoryDisk;
use crate::log::scan::{read_event, recover, scan};

/// Three groups: one event, a handful over several frames with one that is cut, one of two.
const SIZES: &[&[u64]] = &[&[1], &[1, 2, 400, 1, 1_500, 2, 200, 150], &[1, 2]];

/// What a byte of a frame belongs to.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Owner {
    /// An event: its length, its bytes, the prefix of its hash.
    Event(u64),
    /// A header: any event that begins in the frame, or the next one.
    Frame(u64, u64),
    /// A commit mark, named by the last event of its group.
    Mark(u64),
}

/// Owners of the bytes of each frame, found out without the code under test.
fn owners(frames: &[(FrameKey, Vec<u8>)]) -> Vec<Vec<Owner>> {
    let mut next = 0;
    let mut missing = 0;
    frames.iter().map(|(_, bytes)| owners_of(bytes, &mut next, &mut missing)).collect()
}

fn owners_of(bytes: &[u8], next: &mut u64, missing: &mut usize) -> Vec<Owner> {
    let first = *next;
    let events = u64::from(u16::from_le_bytes([bytes[2], bytes[3]]));
    let header = if bytes[1] & 0b1001 == 0 { 36 } else { 4 };
    let mark = if bytes[1] & 0b100 == 0 { 0 } else { 48 };
    let last = if bytes[1] & 1 == 0 { first + events } else { first + 1 };
    let mut owners = vec![Owner::Frame(first, last); header];
    let body = &bytes[header..bytes.len() - mark];
    let mut rest = body;
    if *missing > 0 {
        owners.extend(vec![Owner::Event(*next); body.len()]);
        *missing -= body.len();
        *next += u64::from(*missing == 0);
        rest = &[];
    }
    while !rest.is_empty() {
        let (length, behind) = read_length(rest).expect("the log is whole");
        let record = rest.len() - behind.len() + length + 4;
        let here = record.min(rest.len());
        owners.extend(vec![Owner::Event(*next); here]);
        *missing = record - here;
        *next += u64::from(*missing == 0);
        rest = &rest[here..];
    }
    owners.extend(vec![Owner::Mark(next.saturating_sub(1)); mark]);
    assert_eq!(owners.len(), bytes.len());
    owners
}

fn first_fault(disk: &MemoryDisk) -> Option<LogFault> {
    scan(disk, Head::EMPTY).find_map(Result::err)
}

#[test]
fn every_flipped_bit_is_found_and_named() {
    let groups = groups(SIZES);
    let disk = disk_of(&groups);
    let frames = disk.frames();
    assert!(frames.len() > 6, "{} frames", frames.len());
    for ((key, bytes), owners) in frames.iter().zip(owners(&frames)) {
        for (byte, owner) in owners.into_iter().enumerate() {
            for bit in 0..8 {
                // All bits of what is not an event, one bit of each byte of an event.
                if matches!(owner, Owner::Event(_)) && usize::from(bit) != byte % 8 {
                    continue;
                }
                assert!(disk.flip(*key, byte, bit));
                let fault = first_fault(&disk).unwrap_or_else(|| panic!("{key} byte {byte} bit {bit}: not found"));
                let named = match owner {
                    Owner::Event(seq) | Owner::Mark(seq) => fault.seq.0 == seq,
                    Owner::Frame(first, last) => (first..=last).contains(&fault.seq.0),
                };
                assert!(named, "{key} byte {byte} bit {bit} of {owner:?}: {fault}");
                assert!(recover(&disk, Head::EMPTY).is_err(), "{key} byte {byte} bit {bit}: taken for a tail");
                assert!(disk.flip(*key, byte, bit));
            }
        }
        assert_eq!(disk.frames().iter().find(|(found, _)| found == key).map(|(_, bytes)| bytes), Some(bytes));
    }
    assert!(first_fault(&disk).is_none());
}

#[test]
fn point_reads_notice_a_flipped_bit_of_their_event() {
    let disk = disk_of(&groups(SIZES));
    let frames = disk.frames();
    for ((key, _), owners) in frames.iter().zip(owners(&frames)) {
        for (byte, owner) in owners.into_iter().enumerate().step_by(7) {
            let Owner::Event(seq) = owner else { continue };
            assert!(disk.flip(*key, byte, 3));
            assert!(read_event(&disk, Seq(seq)).is_err(), "{key} byte {byte} of event {seq}");
            assert!(disk.flip(*key, byte, 3));
        }
    }
}

#[test]
fn a_frame_cut_at_any_length_is_found() {
    let disk = disk_of(&groups(SIZES));
    for (key, bytes) in disk.frames() {
        for length in 0..bytes.len() {
            disk.insert(key, bytes[..length].to_vec());
            assert!(first_fault(&disk).is_some(), "{key} cut to {length} of {} bytes", bytes.len());
            assert!(recover(&disk, Head::EMPTY).is_err(), "{key} cut to {length} of {} bytes", bytes.len());
        }
        disk.insert(key, [bytes.as_slice(), &[0]].concat());
        assert!(first_fault(&disk).is_some(), "{key} with a byte more");
        disk.insert(key, bytes);
    }
    assert!(first_fault(&disk).is_none());
}

#[test]
fn a_log_cut_behind_any_frame_ends_with_its_last_whole_group() {
    let groups = groups(SIZES);
    let frames = disk_of(&groups).frames();
    for kept in 0..=frames.len() {
        let disk = MemoryDisk::with_frames(frames[..kept].iter().cloned());
        let mut whole = groups.iter().filter(|group| {
            let (last, _) = group.frames.last().expect("a group has frames");
            frames[..kept].iter().any(|(key, _)| key == last)
        });
        let head = whole.next_back().map_or(Head::EMPTY, |group| group.head());
        let recovery = recover(&disk, Head::EMPTY).expect("a tail is no damage");
        assert_eq!(recovery.head, head, "{kept} frames kept");
        let behind: Vec<_> = frames[..kept].iter().filter(|(key, _)| key.first >= head.next_seq).collect();
        assert_eq!(recovery.dropped.map_or(0, |tail| tail.frames), behind.len() as u64);
        assert_eq!(recovery.dropped.map(|tail| tail.from), behind.first().map(|(key, _)| *key));
        assert_eq!(scan(&disk, Head::EMPTY).filter(Result::is_ok).count() as u64, head.next_seq.0);
        // A head that was seen before the cut is missed.
        let seen = groups.last().expect("not empty").head();
        assert_eq!(recover(&disk, seen).is_ok(), head == seen);
        assert_eq!(scan(&disk, seen).all(|event| event.is_ok()), head == seen);
    }
}

#[test]
fn a_missing_frame_is_found() {
    let disk = disk_of(&groups(SIZES));
    let frames = disk.frames();
    for (key, _) in &frames[..frames.len() - 1] {
        let bytes = disk.remove(*key).expect("it was there");
        let fault = first_fault(&disk).unwrap_or_else(|| panic!("{key}: not missed"));
        assert!(matches!(fault.what, FaultKind::FrameMissing { expected, .. } if expected == *key), "{key}: {fault}");
        assert!(recover(&disk, Head::EMPTY).is_err(), "{key}: a mark follows, so this is no tail");
        disk.insert(*key, bytes);
    }
}

#[test]
fn a_hole_in_a_group_without_mark_is_a_tail() {
    let groups = groups(SIZES);
    let disk = disk_of(&groups[..2]);
    let (mark, _) = groups[1].frames.last().expect("a group has frames");
    disk.remove(*mark);
    disk.remove(groups[1].frames[1].0);
    let recovery = recover(&disk, Head::EMPTY).expect("a tail is no damage");
    assert_eq!(recovery.head, groups[0].head());
    let dropped = recovery.dropped.expect("frames are left");
    assert_eq!(dropped.from, FrameKey::new(groups[0].head().next_seq));
    assert_eq!(dropped.frames, groups[1].frames.len() as u64 - 2);
}

#[test]
fn swapped_frames_are_found() {
    let disk = disk_of(&groups(SIZES));
    let keys: Vec<_> = disk.frames().into_iter().map(|(key, _)| key).collect();
    for (index, one) in keys.iter().enumerate() {
        for other in &keys[index + 1..] {
            assert!(disk.swap(*one, *other));
            assert!(first_fault(&disk).is_some(), "{one} and {other}");
            assert!(recover(&disk, Head::EMPTY).is_err(), "{one} and {other}");
            assert!(disk.swap(*one, *other));
        }
    }
    assert!(first_fault(&disk).is_none());
}

#[test]
fn a_frame_that_stands_there_twice_is_found() {
    let disk = disk_of(&groups(SIZES));
    let keys: Vec<_> = disk.frames().into_iter().map(|(key, _)| key).collect();
    let end = keys.last().map_or(0, |key| key.first.0) + 2;
    for (key, bytes) in disk.frames() {
        let places = [
            FrameKey { first: key.first, part: key.part + 7 },
            FrameKey::new(Seq(key.first.0 + 1)),
            FrameKey::new(Seq(end)),
            FrameKey::new(Seq(end + 1)),
        ];
        for place in places.into_iter().filter(|place| !keys.contains(place)) {
            disk.insert(place, bytes.clone());
            assert!(first_fault(&disk).is_some(), "{key} copied to {place}");
            disk.remove(place);
        }
    }
    assert!(first_fault(&disk).is_none());
}

#[test]
fn another_history_of_the_same_length_is_found_by_its_head() {
    let ours = groups(&[&[1, 1], &[1]]);
    let theirs = disk_of(&groups(&[&[1, 2], &[1]]));
    assert!(first_fault(&theirs).is_none());
    let seen = ours[0].head();
    let fault = scan(&theirs, seen).find_map(Result::err).expect("another history");
    assert!(matches!(fault, LogFault { seq: Seq(1), what: FaultKind::HeadHash { .. } }), "{fault}");
    assert!(recover(&theirs, seen).is_err());
    assert!(scan(&theirs, Head { next_seq: Seq(0), hash: Hash([1; 32]) }).any(|event| event.is_err()));
}

/// A frame of one whole group, whatever its events say of units, and whatever follows `extra`.
fn frame_by_hand(head: Head, events: &[Vec<u8>], count: u32) -> (FrameKey, Vec<u8>) {
    let mut chain = Chain::new(head);
    let events_here = u16::try_from(events.len()).expect("few").to_le_bytes();
    let mut frame = vec![FRAME_FORMAT, BEGINS_GROUP | CARRIES_MARK, events_here[0], events_here[1]];
    for event in events {
        write_length(&mut frame, event.len());
        frame.extend_from_slice(event);
        frame.extend_from_slice(&chain.extend(event).prefix());
    }
    CommitMark { first: head.next_seq, count, last_hash: chain.head().hash }.write(&mut frame);
    (FrameKey::new(head.next_seq), frame)
}

fn bytes_of(event: &crate::domain::event::Event) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_event(event, &mut bytes).expect("the event has a stored form");
    bytes
}

#[test]
fn a_unit_that_straddles_a_mark_is_found() {
    let mut event = plain_event(0);
    event.envelope.unit = UnitMark::Continues;
    let events = [bytes_of(&event)];
    let disk = MemoryDisk::with_frames([frame_by_hand(Head::EMPTY, &events, 1)]);
    let fault = first_fault(&disk).expect("the unit is not whole");
    assert!(matches!(fault, LogFault { seq: Seq(0), what: FaultKind::UnitStraddlesMark { .. } }), "{fault}");
    let whole = [bytes_of(&event), bytes_of(&plain_event(1))];
    assert!(first_fault(&MemoryDisk::with_frames([frame_by_hand(Head::EMPTY, &whole, 2)])).is_none());
}

#[test]
#[should_panic(expected = "in the middle of a unit")]
fn the_builder_never_ends_a_group_in_the_middle_of_a_unit() {
    let mut event = plain_event(0);
    event.envelope.unit = UnitMark::Continues;
    let mut builder = crate::log::group::GroupBuilder::new(Head::EMPTY);
    builder.push(&event).expect("the event has a stored form");
    let _ = builder.finish();
}

#[test]
fn well_hashed_nonsense_is_found() {
    let good = bytes_of(&large_event(0, 3));
    let longer = [good.as_slice(), &[0]].concat();
    let table: [(&[Vec<u8>], u32, u64); 4] = [
        (&[vec![1]], 1, 0),
        (&[good.clone(), longer], 2, 1),
        // Marks with another count, and one that repeats the group before.
        (std::slice::from_ref(&good), 2, 0),
        (std::slice::from_ref(&good), 0, 0),
    ];
    for (events, count, seq) in table {
        let disk = MemoryDisk::with_frames([frame_by_hand(Head::EMPTY, events, count)]);
        assert_eq!(first_fault(&disk).map(|fault| fault.seq), Some(Seq(seq)));
    }
}
