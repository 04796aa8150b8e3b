//! Verify, replay and export over logs that were damaged below the chain, cut, or are merely strange.

use crate::lies::story::{Story, receipt};
use counterfoil::audit::{Options, Progress, Report, export, replay, verify};
use counterfoil::domain::ids::Seq;
use counterfoil::log::memory_store::MemoryDisk;
use counterfoil::log::{FrameKey, GroupBuilder, Head, MemoryStore, PrivateText, Store};

fn verified(store: &MemoryStore) -> Report {
    verify(&*store.reader(), Options::default()).expect("memory can be read")
}

fn over(disk: &MemoryDisk) -> MemoryStore {
    MemoryStore::open(disk).expect("memory")
}

#[test]
fn every_flipped_byte_is_found_and_nothing_before_it_is_blamed() {
    let disk = Story::of_every_kind().disk();
    let frames = disk.frames();
    for (key, bytes) in &frames {
        for at in 0..bytes.len() {
            let bit = u8::try_from(at % 8).expect("less than 8");
            assert!(disk.flip(*key, at, bit), "byte {at} of {key} is there");
            let report = verified(&over(&disk));
            let fault = report.first_fault.expect("a flipped bit is a fault");
            // A frame of the story holds one event, the last one two, so the frame names the event; a frame that
            // says it holds more events than it does lacks the next one.
            let named = fault.seq.0.checked_sub(key.first.0).is_some_and(|behind| behind <= 2);
            assert!(named, "byte {at} of {key}: {fault:?}");
            assert!(!report.ok && report.events == fault.seq.0);
            assert!(disk.flip(*key, at, bit));
        }
    }
    assert!(verified(&over(&disk)).ok);
}

#[test]
fn a_missing_frame_is_found_and_a_cut_tail_only_with_a_hash_kept_elsewhere() {
    let story = Story::base();
    let frames = story.disk().frames();
    let head = verified(&story.store()).head.expect("there are events");
    for (key, _) in &frames {
        let disk = story.disk();
        disk.remove(*key);
        let expected = vec![head];
        let report = verify(&*over(&disk).reader(), Options { expected, ..Options::default() }).expect("memory");
        let fault = report.first_fault.expect("a frame is missing");
        let last = frames.last().is_some_and(|(last, _)| last == key);
        assert_eq!((fault.seq, fault.rule), (key.first, if last { "cut" } else { "missing" }), "{fault:?}");
        assert_eq!(verified(&over(&disk)).ok, last, "without a kept hash only a cut tail passes");
    }
}

#[test]
fn a_group_without_its_mark_is_a_dropped_tail_and_no_fault() {
    let mut story = Story::base();
    let before = verified(&story.store());
    story.big_group();
    let longer = story.disk();
    let behind: Vec<FrameKey> =
        longer.frames().into_iter().map(|(key, _)| key).filter(|key| key.first.0 >= before.events).collect();
    assert!(behind.len() > 3, "the group takes several frames");
    for missing in &behind {
        let disk = story.disk();
        disk.remove(*missing);
        let report = verified(&over(&disk));
        let carries_mark = behind.last() == Some(missing);
        assert_eq!(report.ok, carries_mark, "{missing}: {:?}", report.first_fault);
        if carries_mark {
            let tail = report.dropped_tail.expect("the group without its mark");
            assert_eq!((report.head, tail.frames), (before.head, behind.len() as u64 - 1));
        }
    }
    // The mark and any other frame: what was being written when the power went.
    for missing in behind.iter().rev().skip(1) {
        let disk = story.disk();
        disk.remove(*missing);
        disk.remove(*behind.last().expect("several"));
        let report = verified(&over(&disk));
        assert!(report.ok && report.head == before.head, "{missing}: {:?}", report.first_fault);
    }
}

#[test]
fn private_text_that_is_not_the_one_committed_to_is_found_and_an_erased_one_is_not_missed() {
    let mut group = GroupBuilder::new(Head::EMPTY);
    let mut story = Story::base();
    let events = story.take_events();
    let text = PrivateText { salt: [5; 32], text: "call back after six".into() };
    for (index, mut event) in events.into_iter().enumerate() {
        event.envelope.recorded_at = counterfoil::domain::ids::Timestamp(0);
        if index != 1 {
            group.push(&event).expect("it has a stored form");
            continue;
        }
        event.envelope.private = Some(text.commitment());
        group.push_private(&event, text.clone()).expect("it commits to the text");
    }
    let mut group = group.finish();
    let (mut honest, mut lying) = (over(&MemoryDisk::new()), over(&MemoryDisk::new()));
    honest.append(&group).expect("memory");
    group.private[0].1.text = "call back after five".into();
    lying.append(&group).expect("memory");
    // Times stand still in this story, so promises that should have lapsed have not, and that is its only fault.
    let report = verified(&honest);
    assert!(report.first_fault.as_ref().is_none_or(|fault| fault.seq > Seq(1)), "{report:?}");
    let fault = verified(&lying).first_fault.expect("another text");
    assert_eq!((fault.seq, fault.rule), (Seq(1), "private"), "{fault:?}");
    lying.erase_private(Seq(1)).expect("memory");
    assert_eq!(verified(&lying).first_fault, report.first_fault);
}

#[test]
fn an_empty_log_has_no_genesis() {
    let store = over(&MemoryDisk::new());
    let fault = verified(&store).first_fault.expect("nothing is there");
    assert_eq!((fault.seq, fault.rule), (Seq(0), "genesis_first"));
    let mut out = Vec::new();
    assert_eq!(export(&*store.reader(), &mut out, |_| {}).expect("memory"), Head::EMPTY);
    assert!(out.starts_with(b"{\"end\":{\"events\":0"), "{}", String::from_utf8_lossy(&out));
}

#[test]
fn a_replay_ends_where_it_is_told_and_tells_how_far_it_is() {
    let store = Story::of_every_kind().store();
    let mut told = Vec::new();
    let whole = replay(&*store.reader(), None, |events| told.push(events)).expect("it is right");
    assert_eq!(told, [whole.next_seq().0]);
    let part = replay(&*store.reader(), Some(Seq(5)), |_| {}).expect("it is right");
    assert_eq!(part.next_seq(), Seq(5));
}

#[test]
fn an_export_names_what_it_is_and_closes_with_the_head() {
    let store = Story::of_every_kind().store();
    let mut out = Vec::new();
    let head = export(&*store.reader(), &mut out, |_| {}).expect("it is right");
    let text = String::from_utf8(out).expect("JSON is UTF-8");
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("one object per line")).collect();
    assert_eq!(lines[0]["counterfoil_export"], 1);
    assert_eq!(lines[1]["kind"], "genesis");
    assert_eq!(lines[1]["prev"], "0".repeat(64));
    assert_eq!(lines.len() as u64, head.next_seq.0 + 2);
    let end = &lines[lines.len() - 1]["end"];
    assert_eq!((&end["events"], &end["hash"]), (&head.next_seq.0.into(), &head.hash.to_string().into()));
    for pair in lines[1..lines.len() - 1].windows(2) {
        assert_eq!(pair[0]["hash"], pair[1]["prev"]);
    }
}

#[test]
fn progress_reaches_the_number_of_events() {
    let mut story = Story::base();
    let mut store = story.store();
    let last = verified(&store).head.expect("there are events");
    let mut head = Head { next_seq: last.seq.next(), hash: last.hash };
    while head.next_seq.0 < 140_000 {
        let mut group = GroupBuilder::new(head);
        for event in story.many(receipt(1), 10_000) {
            group.push(&event).expect("it has a stored form");
        }
        head = group.head();
        store.append(&group.finish()).expect("memory");
    }
    let mut told: Vec<Progress> = Vec::new();
    let mut progress = |progress| told.push(progress);
    verify(&*store.reader(), Options { progress: Some(&mut progress), ..Options::default() }).expect("memory");
    assert!(told.iter().any(|progress| progress.events == 131_072 && progress.of >= 131_072), "{told:?}");
}
