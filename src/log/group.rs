//! Builds one group: what is appended and synced at once, ended by a commit mark.

use super::chain::{Chain, Hash, Head, PrivateText};
use super::codec::{CodecError, encode_event};
use super::frame::{
    BEGINS_GROUP, CARRIES_MARK, CONTINUATION, CommitMark, FRAME_FORMAT, FrameKey, HASH_BYTES, HEADER_BYTES, MARK_BYTES,
    MORE_FOLLOWS, PREFIX_BYTES, length_bytes, write_length,
};
use crate::domain::event::{Event, UnitMark};
use crate::domain::ids::Seq;
use crate::limits::{FRAME_BYTES_MAX, NOTE_BYTES_MAX};

/// One finished group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupBytes {
    /// Its first event.
    pub first: Seq,
    /// Events in it.
    pub count: u32,
    /// The hash of its last event.
    pub last_hash: Hash,
    /// Its frames in order; the last one carries the commit mark.
    pub frames: Vec<(FrameKey, Vec<u8>)>,
    /// Private texts of its events.
    pub private: Vec<(Seq, PrivateText)>,
}

impl GroupBytes {
    /// The head of the log once the group is in it.
    #[must_use]
    pub fn head(&self) -> Head {
        Head { next_seq: Seq(self.first.0.saturating_add(u64::from(self.count))), hash: self.last_hash }
    }

    /// Bytes of its frames and private texts.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let frames: usize = self.frames.iter().map(|(_, frame)| frame.len()).sum();
        let private: usize = self.private.iter().map(|(_, private)| private.text.len() + HASH_BYTES).sum();
        frames + private
    }
}

/// Collects events into the frames of one group.
#[derive(Debug)]
pub struct GroupBuilder {
    first: Seq,
    chain: Chain,
    scratch: Vec<u8>,
    frames: Vec<(FrameKey, Vec<u8>)>,
    open: Option<OpenFrame>,
    private: Vec<(Seq, PrivateText)>,
    unit: UnitMark,
}

#[derive(Debug)]
struct OpenFrame {
    key: FrameKey,
    bytes: Vec<u8>,
    flags: u8,
    events: u16,
    room: Room,
}

/// Whether more events may begin in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Room {
    Events,
    MarkOnly,
}

impl GroupBuilder {
    /// A builder of the group that follows this head.
    #[must_use]
    pub fn new(head: Head) -> Self {
        Self {
            first: head.next_seq,
            chain: Chain::new(head),
            scratch: Vec::new(),
            frames: Vec::new(),
            open: None,
            private: Vec::new(),
            unit: UnitMark::Ends,
        }
    }

    /// The head behind the last event that was pushed.
    #[must_use]
    pub const fn head(&self) -> Head {
        self.chain.head()
    }

    /// Whether nothing was pushed yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.first == self.chain.head().next_seq
    }

    /// Adds an event and returns its hash; on an error the group is as it was.
    ///
    /// # Errors
    /// [`CodecError`] where the event has no stored form: see [`encode_event`].
    pub fn push(&mut self, event: &Event) -> Result<Hash, CodecError> {
        self.scratch.clear();
        encode_event(event, &mut self.scratch)?;
        let seq = self.chain.head().next_seq;
        let prev = self.chain.head().hash;
        let hash = self.chain.extend(&self.scratch);
        self.unit = event.envelope.unit;
        let record = length_bytes(self.scratch.len()) + self.scratch.len() + PREFIX_BYTES;
        self.make_room(record, seq, prev);
        match &mut self.open {
            Some(open) if open.bytes.len() + record <= FRAME_BYTES_MAX => {
                write_length(&mut open.bytes, self.scratch.len());
                open.bytes.extend_from_slice(&self.scratch);
                open.bytes.extend_from_slice(&hash.prefix());
                open.events += 1;
            }
            _ => self.push_parts(hash),
        }
        Ok(hash)
    }

    /// Adds an event that commits to a private text, with the text.
    ///
    /// # Errors
    /// [`CodecError::Unencodable`] where the event commits to something else, [`CodecError::TooMany`] where the
    /// text is too long, and what [`GroupBuilder::push`] says.
    pub fn push_private(&mut self, event: &Event, private: PrivateText) -> Result<Hash, CodecError> {
        if event.envelope.private != Some(private.commitment()) {
            return Err(CodecError::Unencodable { what: "private text that the event does not commit to" });
        }
        if private.text.len() > NOTE_BYTES_MAX {
            let (what, actual) = ("bytes of private text", private.text.len());
            return Err(CodecError::TooMany { what, actual, limit: NOTE_BYTES_MAX });
        }
        let seq = self.chain.head().next_seq;
        let hash = self.push(event)?;
        self.private.push((seq, private));
        Ok(hash)
    }

    /// Ends the group with its commit mark.
    ///
    /// # Panics
    /// Where the group has no event, or ends in the middle of a unit: a unit is whole or not at all, so a mark
    /// between its events must never be written.
    #[must_use]
    pub fn finish(mut self) -> GroupBytes {
        assert!(self.unit == UnitMark::Ends, "a group may not end in the middle of a unit");
        assert!(!self.is_empty(), "a group has at least one event");
        let mut open = self.open.take().unwrap_or_else(|| OpenFrame::new(self.first, Ok(())));
        if open.bytes.len() + MARK_BYTES > FRAME_BYTES_MAX {
            let next = open.continued();
            self.frames.push(open.closed(MORE_FOLLOWS));
            open = next;
        }
        let head = self.chain.head();
        let count = u32::try_from(head.next_seq.0 - self.first.0).unwrap_or(u32::MAX);
        assert!(count < u32::MAX, "a group has fewer than 2^32 events");
        let mark = CommitMark { first: self.first, count, last_hash: head.hash };
        mark.write(&mut open.bytes);
        self.frames.push(open.closed(CARRIES_MARK));
        GroupBytes { first: self.first, count, last_hash: head.hash, frames: self.frames, private: self.private }
    }

    /// Opens the next frame unless the open one has room for a record of this size.
    fn make_room(&mut self, record: usize, seq: Seq, prev: Hash) {
        let has_room = self.open.as_ref().is_some_and(|open| {
            open.room == Room::Events && open.events < u16::MAX && open.bytes.len() + record <= FRAME_BYTES_MAX
        });
        if has_room {
            return;
        }
        let begins_group = self.open.is_none();
        if let Some(full) = self.open.take() {
            self.frames.push(full.closed(0));
        }
        self.open = Some(OpenFrame::new(seq, begins_group.then_some(()).ok_or(prev)));
    }

    /// Cuts the event in `scratch` over as many frames as it needs, from the open and empty one on.
    fn push_parts(&mut self, hash: Hash) {
        let mut record = Vec::with_capacity(self.scratch.len() + 16);
        write_length(&mut record, self.scratch.len());
        record.extend_from_slice(&self.scratch);
        record.extend_from_slice(&hash.prefix());
        let mut rest = record.as_slice();
        while let Some(mut open) = self.open.take() {
            let space = FRAME_BYTES_MAX - open.bytes.len();
            let (chunk, behind) = rest.split_at(space.min(rest.len()));
            open.bytes.extend_from_slice(chunk);
            open.events += u16::from(open.flags & CONTINUATION == 0);
            open.room = Room::MarkOnly;
            rest = behind;
            if rest.is_empty() {
                self.open = Some(open);
                return;
            }
            self.open = Some(open.continued());
            self.frames.push(open.closed(MORE_FOLLOWS));
        }
    }
}

impl OpenFrame {
    /// A frame that begins a group, or stands in the middle of one behind an event with this hash.
    fn new(first: Seq, begins: Result<(), Hash>) -> Self {
        let mut bytes = Vec::with_capacity(FRAME_BYTES_MAX);
        bytes.resize(HEADER_BYTES, 0);
        let flags = match begins {
            Ok(()) => BEGINS_GROUP,
            Err(prev) => {
                bytes.extend_from_slice(&prev.0);
                0
            }
        };
        Self { key: FrameKey::new(first), bytes, flags, events: 0, room: Room::Events }
    }

    fn continued(&self) -> Self {
        let mut bytes = Vec::with_capacity(FRAME_BYTES_MAX);
        bytes.resize(HEADER_BYTES, 0);
        // An event of the largest size has a few hundred parts.
        let key = FrameKey { first: self.key.first, part: self.key.part.saturating_add(1) };
        Self { key, bytes, flags: CONTINUATION, events: 0, room: Room::MarkOnly }
    }

    fn closed(mut self, flags: u8) -> (FrameKey, Vec<u8>) {
        let [low, high] = self.events.to_le_bytes();
        let header = [FRAME_FORMAT, self.flags | flags, low, high];
        self.bytes.splice(..HEADER_BYTES, header);
        (self.key, self.bytes)
    }
}
