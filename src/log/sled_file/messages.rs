//! sled 0.34's own form, as far as it decides what sled does when it opens its file: heads of segments, messages.
//!
//! ```text
//! segment   524,288 bytes: a head of 20 bytes, then messages, up to a cap or to where no message fits any more
//! head      CRC32 of the rest, inverted (4) · its place in the order (8) · how far the log was stable (8),
//!           both XOR i64::MAX; little endian; all zero where the segment is not in use
//! message   CRC32 of body and rest of the header, inverted (4) · kind (1) · body length, number of the segment, page
//!           (varints) · body
//! ```
//!
//! Places in the order ("lsn") count bytes; a segment's is a multiple of its size, and its number is that quotient.

/// Bytes of a segment.
pub(super) const SEGMENT_BYTES: usize = 512 << 10;
/// Bytes of a segment's head.
pub(super) const HEAD_BYTES: usize = 20;
/// sled writes no message where fewer bytes than these are left of a segment.
const MESSAGE_HEADER_BYTES_MAX: usize = 32;
/// Kind of the message that ends a segment.
const CAP: u8 = 2;
/// Kinds that speak of no page: cancelled, cap, manifest of a batch.
const PAGELESS: std::ops::RangeInclusive<u8> = 1..=3;
/// Kinds that add to a page; all others say all of it, or that it is free.
const LINKS: std::ops::RangeInclusive<u8> = 10..=11;
/// The greatest kind that there is.
const KIND_MAX: u8 = 11;

/// A segment's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SegmentHead {
    /// The segment is not in use.
    Unused,
    /// Its place in the order, and up to where the log was known to be stable when it was begun.
    Valid { place: i64, stable: i64 },
    /// These bytes were never written so: a head lies within one sector.
    Damaged,
}

impl SegmentHead {
    pub(super) fn parse(bytes: &[u8; HEAD_BYTES]) -> Self {
        if bytes.iter().all(|byte| *byte == 0) {
            return Self::Unused;
        }
        let [a, b, c, d, rest @ ..] = *bytes;
        let [e, f, g, h, i, j, k, l, stable @ ..] = rest;
        let place = i64::from_le_bytes([e, f, g, h, i, j, k, l]) ^ i64::MAX;
        let stable = i64::from_le_bytes(stable) ^ i64::MAX;
        let is_whole = u32::from_le_bytes([a, b, c, d]) == !crc32fast::hash(&rest);
        match is_whole && place >= 0 && place % SEGMENT_BYTES as i64 == 0 {
            true => Self::Valid { place, stable },
            false => Self::Damaged,
        }
    }
}

/// A message whose checksum is right.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message {
    /// The number of the segment that it was written for.
    pub(super) number: u64,
    kind: u8,
    page: u64,
    bytes: usize,
}

impl Message {
    /// The page that it speaks of, where it speaks of one.
    pub(super) fn page(&self) -> Option<u64> {
        (!PAGELESS.contains(&self.kind)).then_some(self.page)
    }

    /// Whether what was said of the page before is of no use any more.
    pub(super) fn says_all(&self) -> bool {
        self.page().is_some() && !LINKS.contains(&self.kind)
    }
}

/// The message that begins there, where there is a whole one.
pub(super) fn message(segment: &[u8], at: usize) -> Option<Message> {
    let rest = segment.get(at..)?;
    let (sum, mut fields) = rest.split_first_chunk::<4>()?;
    let kind = varint_byte(&mut fields).filter(|kind| (1..=KIND_MAX).contains(kind))?;
    let body_bytes = usize::try_from(varint(&mut fields)?).ok().filter(|bytes| *bytes <= SEGMENT_BYTES)?;
    let number = varint(&mut fields)?;
    let page = varint(&mut fields)?;
    let header_bytes = rest.len() - fields.len();
    if at + header_bytes + body_bytes > SEGMENT_BYTES {
        return None;
    }
    let body = fields.get(..body_bytes)?;
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(body);
    hasher.update(rest.get(4..header_bytes)?);
    let is_whole = u32::from_le_bytes(*sum) == !hasher.finalize();
    is_whole.then_some(Message { number, kind, page, bytes: header_bytes + body_bytes })
}

/// How far the messages of a segment reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reach {
    /// The byte behind the last message; a cap is none.
    pub(super) end: usize,
    /// Whether nothing more belongs there: a cap follows, or no room.
    pub(super) is_full: bool,
}

/// Reads the messages of a segment one by one, as sled does, and shows each with where it begins.
pub(super) fn reach(segment: &[u8], number: u64, mut see: impl FnMut(usize, Message)) -> Reach {
    let mut end = HEAD_BYTES;
    loop {
        if end + MESSAGE_HEADER_BYTES_MAX > SEGMENT_BYTES {
            return Reach { end, is_full: true };
        }
        match message(segment, end).filter(|message| message.number == number) {
            Some(message) if message.kind == CAP => return Reach { end, is_full: true },
            Some(message) => {
                see(end, message);
                end += message.bytes;
            }
            None => return Reach { end, is_full: false },
        }
    }
}

/// All whole messages of a segment in which something is damaged, wherever they begin.
pub(super) fn survivors(segment: &[u8]) -> Vec<(usize, Message)> {
    let mut found = Vec::new();
    let mut at = HEAD_BYTES;
    while at < segment.len() {
        match message(segment, at) {
            Some(message) => {
                found.push((at, message));
                at += message.bytes;
            }
            None => at += 1,
        }
    }
    found
}

fn varint_byte(input: &mut &[u8]) -> Option<u8> {
    let (first, rest) = input.split_first()?;
    *input = rest;
    Some(*first)
}

fn varint(input: &mut &[u8]) -> Option<u64> {
    let first = varint_byte(input)?;
    Some(match first {
        0..=240 => u64::from(first),
        241..=248 => 240 + 256 * (u64::from(first) - 241) + u64::from(varint_byte(input)?),
        249 => 2_288 + 256 * u64::from(varint_byte(input)?) + u64::from(varint_byte(input)?),
        _ => {
            let (bytes, rest) = input.split_at_checked(usize::from(first) - 247)?;
            *input = rest;
            let mut whole = [0; 8];
            whole.get_mut(..bytes.len())?.copy_from_slice(bytes);
            u64::from_le_bytes(whole)
        }
    })
}
