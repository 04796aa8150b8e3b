//! Bytes of events.

use super::arbitrary::event;
use super::support::{plain_event, reserve};
use crate::domain::event::{Body, Expired, Extension, ExtensionWeight, Received};
use crate::domain::ids::{ItemId, LocationId, Position, Seq};
use crate::domain::line::Line;
use crate::domain::quantity::Quantity;
use crate::limits::LINES_MAX;
use crate::log::codec::{CodecError, decode_event, encode_event};
use proptest::prelude::*;

fn encoded(event: &crate::domain::event::Event) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_event(event, &mut bytes).expect("the event has a stored form");
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn every_event_reads_back(event in event()) {
        let bytes = encoded(&event);
        let read = decode_event(&bytes);
        prop_assert_eq!(read.as_ref(), Ok(&event));
    }

    #[test]
    fn cut_events_are_refused(event in event(), at in any::<prop::sample::Index>()) {
        let bytes = encoded(&event);
        let cut = &bytes[..at.index(bytes.len())];
        prop_assert!(decode_event(cut).is_err());
    }

    #[test]
    fn whatever_is_read_is_written_the_same_way(
        event in event(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = encoded(&event);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(read) = decode_event(&bytes) {
            prop_assert_eq!(encoded(&read), bytes);
        }
    }

    #[test]
    fn noise_never_panics(tag in 0u8..60, noise in prop::collection::vec(any::<u8>(), 0..200)) {
        let bytes = [&[tag, 1], noise.as_slice()].concat();
        if let Ok(read) = decode_event(&bytes) {
            prop_assert_eq!(encoded(&read), bytes);
        }
    }
}

#[test]
fn a_plain_reservation_is_small() {
    let bytes = encoded(&reserve("clerk7", "order-1234", 3));
    assert!(bytes.len() <= 100, "{} bytes", bytes.len());
    assert_eq!(bytes.len(), 81);
}

#[test]
fn bytes_behind_an_event_are_refused() {
    let mut bytes = encoded(&plain_event(1));
    bytes.push(0);
    assert_eq!(decode_event(&bytes), Err(CodecError::TrailingBytes { bytes: 1 }));
}

#[test]
fn long_forms_of_short_numbers_are_refused() {
    // The flags, 6, written as 251 and a u16.
    let bytes = encoded(&plain_event(1));
    let long = [&bytes[..2], &[251, bytes[2], 0], &bytes[3..]].concat();
    assert_eq!(decode_event(&long), Err(CodecError::NotCanonical));
}

#[test]
fn unknown_kinds_and_versions_are_named() {
    assert_eq!(decode_event(&[99, 1]), Err(CodecError::UnknownTag { tag: 99 }));
    assert_eq!(decode_event(&[40, 2]), Err(CodecError::UnknownVersion { tag: 40, version: 2 }));
    assert_eq!(decode_event(&[]), Err(CodecError::Truncated { at: 0 }));
}

#[test]
fn a_list_longer_than_its_bytes_is_refused_before_it_is_made() {
    let mut event = plain_event(1);
    event.body = Body::Expired(Expired { reservations: [Seq(1)].into_iter().collect() });
    let mut bytes = encoded(&event);
    bytes.truncate(bytes.len() - 2);
    bytes.extend_from_slice(&[252, 0, 0, 8, 0]);
    let error = decode_event(&bytes).expect_err("524,288 seqs are not there");
    assert_eq!(error, CodecError::Truncated { at: bytes.len() });
}

#[test]
fn a_critical_extension_that_is_unknown_stops_the_reader() {
    let mut event = plain_event(1);
    event.envelope.extensions.push(Extension { number: 7, weight: ExtensionWeight::Optional, bytes: vec![1, 2] });
    let mut bytes = encoded(&event);
    assert_eq!(decode_event(&bytes).as_ref(), Ok(&event));
    let critical = bytes.windows(5).position(|part| part == [7, 0, 2, 1, 2]).expect("the extension is there") + 1;
    bytes[critical] = 1;
    assert_eq!(decode_event(&bytes), Err(CodecError::CriticalExtension { number: 7 }));
    event.envelope.extensions[0].weight = ExtensionWeight::Critical;
    let mut out = vec![9];
    assert!(matches!(encode_event(&event, &mut out), Err(CodecError::Unencodable { .. })));
    assert_eq!(out, [9]);
}

#[test]
fn what_has_no_place_is_refused_by_the_writer() {
    let line = Line::new(Position::new(ItemId(1), LocationId(1)), Quantity(1));
    let mut event = plain_event(1);
    event.body = Body::Received(Received { lines: [line.clone().seen(Seq(3))].into_iter().collect() });
    let seen = encode_event(&event, &mut Vec::new());
    assert!(matches!(seen, Err(CodecError::Unencodable { .. })));
    event.body = Body::Received(Received { lines: std::iter::repeat_n(line, LINES_MAX + 1).collect() });
    let many = encode_event(&event, &mut Vec::new());
    assert!(matches!(many, Err(CodecError::TooMany { .. })));
}
