//! Bytes of version 1 as they are kept for ever: written once, read by every later version.
//!
//! `COUNTERFOIL_UPDATE_FIXTURES=1 cargo test golden` writes the files anew. That is right before a version is
//! published and never after: then a test that fails here has found a change of the stored format.

use super::history::{Entry, history, with_every_part};
use crate::domain::check::{check, check_after};
use crate::domain::event::{Body, Event, RulesChanged};
use crate::domain::evolve::evolve;
use crate::domain::state::State;
use crate::log::chain::{Hash, Head};
use crate::log::codec::{decode_event, encode_event};
use crate::log::frame::FrameKey;
use crate::log::group::{GroupBuilder, GroupBytes};
use crate::log::memory_store::MemoryDisk;
use crate::log::scan::{recover, scan};
use std::fmt::Write as _;
use std::path::PathBuf;

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join("log_v1").join(name)
}

/// The text of a fixture, after it was written anew where that is asked for.
fn golden(name: &str, made: &str) -> String {
    let path = fixture(name);
    if std::env::var_os("COUNTERFOIL_UPDATE_FIXTURES").is_some_and(|update| update == "1") {
        std::fs::create_dir_all(path.parent().expect("it has one")).expect("a directory");
        std::fs::write(&path, made).expect("written");
    }
    std::fs::read_to_string(&path).expect("the fixture is there")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2), "{text}");
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("two digits")).collect()
}

fn built(groups: &[Vec<Entry>]) -> Vec<GroupBytes> {
    let mut head = Head::EMPTY;
    groups
        .iter()
        .map(|entries| {
            let mut builder = GroupBuilder::new(head);
            for (event, private) in entries {
                match private {
                    None => builder.push(event),
                    Some(private) => builder.push_private(event, private.clone()),
                }
                .expect("the event has a stored form");
            }
            let group = builder.finish();
            head = group.head();
            group
        })
        .collect()
}

/// One event of every kind, each with every optional part; and the movements of tills, which share a kind.
fn every_kind() -> Vec<(String, Event)> {
    let mut seen = std::collections::BTreeMap::new();
    let mut bodies: Vec<Body> = history().into_iter().flatten().map(|(event, _)| event.body).collect();
    bodies.push(Body::RulesChanged(RulesChanged { rules: 2 }));
    for body in bodies {
        let name = format!("{body:?}");
        let kind = name.split([' ', '{', '(']).next().unwrap_or_default().to_owned();
        let kind = match name.split_once("delta: ") {
            Some((_, delta)) => format!("{kind}-{}", delta.split('(').next().unwrap_or_default()),
            None => kind,
        };
        // The last of a kind is the one with the most parts in more cases than the first.
        seen.entry(kind)
            .and_modify(|kept: &mut Body| {
                if format!("{kept:?}").len() < name.len() {
                    *kept = body.clone();
                }
            })
            .or_insert(body);
    }
    seen.into_iter().map(|(kind, body)| (kind, with_every_part(body))).collect()
}

#[test]
fn golden_events_are_what_they_were() {
    let made = every_kind().iter().fold(String::new(), |mut text, (kind, event)| {
        let mut bytes = Vec::new();
        encode_event(event, &mut bytes).expect("the event has a stored form");
        let _ = writeln!(text, "{kind} {}", hex(&bytes));
        text
    });
    let kept = golden("events.txt", &made);
    assert_eq!(kept.lines().count(), 34 + 4, "34 kinds, and the five movements of tills");
    for (line, (kind, event)) in kept.lines().zip(every_kind()) {
        let (name, bytes) = line.split_once(' ').expect("a name and bytes");
        assert_eq!(name, kind);
        assert_eq!(decode_event(&unhex(bytes)).as_ref(), Ok(&event), "{kind}");
    }
    assert_eq!(kept, made);
}

#[test]
fn the_golden_log_is_what_it_was() {
    let groups = built(&history());
    let head = groups.last().expect("not empty").head();
    let mut made = String::new();
    for (key, bytes) in groups.iter().flat_map(|group| &group.frames) {
        let _ = writeln!(made, "{}.{} {}", key.first, key.part, hex(bytes));
    }
    let _ = writeln!(made, "head {} {}", head.next_seq, head.hash);
    let kept = golden("log.txt", &made);
    let (disk, kept_head) = parsed(&kept);
    assert_eq!(kept_head, head);
    let recovery = recover(&disk, Head::EMPTY).expect("the golden log is whole");
    assert_eq!((recovery.head, recovery.dropped), (kept_head, None));
    let events: Vec<_> = scan(&disk, Head::EMPTY).map(|event| event.expect("whole").event).collect();
    let expected: Vec<_> = history().into_iter().flatten().map(|(event, _)| event).collect();
    assert_eq!(events, expected);
    assert_eq!(kept, made);
}

#[test]
fn the_golden_log_obeys_every_rule() {
    let mut state = State::default();
    for (event, _) in history().into_iter().flatten() {
        let seq = state.next_seq();
        let mut claims = Vec::new();
        check(&state, &event, &mut claims).unwrap_or_else(|broken| panic!("event {seq}: {broken}"));
        evolve(&mut state, &event);
        check_after(&state, &event).unwrap_or_else(|broken| panic!("event {seq}: {broken}"));
    }
}

fn parsed(text: &str) -> (MemoryDisk, Head) {
    let disk = MemoryDisk::new();
    let mut head = Head::EMPTY;
    for line in text.lines() {
        let mut parts = line.split([' ', '.']);
        let mut part = || parts.next().expect("three parts");
        match part() {
            "head" => {
                let next_seq = crate::domain::ids::Seq(part().parse().expect("a number"));
                head = Head { next_seq, hash: Hash::from_hex(part()).expect("a hash") };
            }
            first => {
                let first = crate::domain::ids::Seq(first.parse().expect("a number"));
                let key = FrameKey { first, part: part().parse().expect("a number") };
                disk.insert(key, unhex(part()));
            }
        }
    }
    (disk, head)
}
