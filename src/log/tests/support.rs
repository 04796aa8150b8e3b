//! Small logs to test with.

use crate::domain::command::Actor;
use crate::domain::event::{Body, Envelope, Event, Received, Reserved, UnitMark};
use crate::domain::ids::{CommandId, ItemId, LocationId, Position, Timestamp};
use crate::domain::line::Line;
use crate::domain::quantity::Quantity;
use crate::domain::text::{ActorId, OrderRef};
use crate::log::chain::Head;
use crate::log::group::{GroupBuilder, GroupBytes};
use crate::log::memory_store::MemoryDisk;
use smallvec::{SmallVec, smallvec};

pub(super) fn plain_event(number: u64) -> Event {
    let mut id = [0x55; 16];
    id[..8].copy_from_slice(&number.to_le_bytes());
    Event {
        envelope: Envelope {
            recorded_at: Timestamp(1_760_000_000_000_000 + i64::try_from(number).unwrap_or(0)),
            occurred_at: None,
            command_id: Some(CommandId::from_bytes(id)),
            digest: [7; 16],
            actor: Actor::asserted(ActorId::new("clerk7").expect("short")),
            cause: None,
            reason: None,
            order: None,
            documents: SmallVec::new(),
            private: None,
            unit: UnitMark::Ends,
            extensions: SmallVec::new(),
        },
        body: Body::Received(Received { lines: smallvec![line(number)] }),
    }
}

fn line(number: u64) -> Line {
    let item = ItemId(300 + u32::try_from(number % 4_000).unwrap_or(0));
    Line::new(Position::new(item, LocationId(1)), Quantity(2))
}

pub(super) fn reserve(actor: &str, order: &str, number: u64) -> Event {
    let mut event = plain_event(number);
    event.envelope.actor = Actor::asserted(ActorId::new(actor).expect("short"));
    event.envelope.order = Some(OrderRef::new(order).expect("short"));
    let deadline = Some(event.envelope.recorded_at.plus_micros(900_000_000));
    event.body = Body::Reserved(Reserved { deadline, lines: smallvec![line(number)] });
    event
}

/// An event with this many lines.
pub(super) fn large_event(number: u64, lines: u64) -> Event {
    let mut event = plain_event(number);
    event.body = Body::Received(Received { lines: (0..lines).map(line).collect() });
    event
}

/// The groups of a log with events of these sizes (in lines), group by group.
pub(super) fn groups(sizes: &[&[u64]]) -> Vec<GroupBytes> {
    let mut head = Head::EMPTY;
    let mut number = 0;
    let mut groups = Vec::new();
    for group in sizes {
        let mut builder = GroupBuilder::new(head);
        for lines in *group {
            builder.push(&large_event(number, *lines)).expect("the event has a stored form");
            number += 1;
        }
        let group = builder.finish();
        head = group.head();
        groups.push(group);
    }
    groups
}

pub(super) fn disk_of(groups: &[GroupBytes]) -> MemoryDisk {
    MemoryDisk::with_frames(groups.iter().flat_map(|group| group.frames.clone()))
}
