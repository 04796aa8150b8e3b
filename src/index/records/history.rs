//! What an event leaves for questions about the past. Some of it follows from the state before the event, so it is
//! put in by whoever folds the log.

use crate::domain::command::AliasTarget;
use crate::domain::effect::{Effect, for_each_effect};
use crate::domain::event::EventKind;
use crate::domain::event::{Body, Counted, Event};
use crate::domain::fields::Subject;
use crate::domain::ids::{ItemId, LocationId, Position, Seq, Timestamp};
use crate::domain::line::Bucket;
use crate::domain::state::State;
use crate::domain::text::{ActorId, OrderRef};
use crate::index::checksum::name_word;
use crate::index::limits::TIME_SEQS;
use crate::index::record::time_to_word;
use crate::index::{BucketKey, COUNTS, FigureKey, LAPSES, List, Segment};
use smallvec::SmallVec;

/// A figure of a position whose changes are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Figure {
    /// What can be promised and shipped.
    Sellable = 0,
    /// What can't.
    Unsellable = 1,
    /// What reservations have open; the detail is the event that made the reservation.
    Held = 2,
    /// What is under way to here.
    Inbound = 3,
    /// What was closed of holds that had lapsed; the detail is the deadline, see [`deadline_of`].
    Lapsed = 4,
    /// Nothing: the event only names the position.
    Named = 5,
}

impl Figure {
    /// Every figure.
    pub const ALL: [Figure; 6] =
        [Figure::Sellable, Figure::Unsellable, Figure::Held, Figure::Inbound, Figure::Lapsed, Figure::Named];

    /// The figure with this number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Figure> {
        Figure::ALL.get(usize::from(number)).copied()
    }

    /// That of a bucket.
    #[must_use]
    pub const fn of_bucket(bucket: Bucket) -> Figure {
        match bucket {
            Bucket::Sellable => Figure::Sellable,
            Bucket::Unsellable => Figure::Unsellable,
        }
    }
}

/// The key of a figure of a position, as events of one kind change it.
#[must_use]
pub const fn figure_key(position: Position, figure: Figure, kind: EventKind) -> FigureKey {
    FigureKey {
        item: position.item.0,
        location: position.location.0,
        lot: position.lot.0,
        figure: figure as u8,
        kind: kind.number(),
    }
}

/// The deadline in the detail of [`Figure::Lapsed`].
#[must_use]
pub fn deadline_of(detail: u64) -> Timestamp {
    Timestamp(crate::index::record::word_to_time(detail))
}

/// The id of an actor's list of events. Two actors may share it.
#[must_use]
pub fn actor_word(actor: &ActorId) -> u64 {
    name_word(actor.as_str())
}

/// The id of an order's list of events. Two orders may share it.
#[must_use]
pub fn order_word(order: &OrderRef) -> u64 {
    name_word(order.as_str())
}

const fn bucket_number(bucket: Bucket) -> u8 {
    Figure::of_bucket(bucket) as u8
}

const fn bucket_key(position: Position, bucket: u8) -> BucketKey {
    BucketKey { item: position.item.0, location: position.location.0, lot: position.lot.0, bucket }
}

/// What an event is about.
#[derive(Default)]
struct Subjects {
    items: SmallVec<[u64; 4]>,
    locations: SmallVec<[u64; 4]>,
    reservations: SmallVec<[u64; 4]>,
}

/// Puts what the event leaves for questions about the past into a segment, given the state before it.
pub fn insert_history(segment: &mut Segment, state: &State, seq: Seq, event: &Event) {
    let kind = EventKind::of(&event.body);
    let mut about = Subjects::default();
    if let Body::Counted(Counted { lines }) = &event.body {
        let at = event.envelope.moment();
        for line in lines {
            let key = bucket_key(line.position, COUNTS + bucket_number(line.bucket));
            segment.insert_move(seq.0, &key, at.0, line.counted.0);
        }
    }
    for_each_effect(state, seq, event, |effect| insert_effect(segment, &mut about, seq, kind, effect));
    event.body.payload().subjects(state, &mut |subject| about.about(state, subject));
    insert_postings(segment, about, seq, kind, event);
}

fn insert_effect(segment: &mut Segment, about: &mut Subjects, Seq(seq): Seq, kind: EventKind, effect: Effect) {
    let (position, figure, detail, delta) = match effect {
        Effect::Bucket { position, bucket, delta } => (position, Figure::of_bucket(bucket), 0, delta),
        Effect::Held { position, reservation, delta } => {
            if reservation.0 != seq {
                about.reservations.push(reservation.0);
            }
            (position, Figure::Held, reservation.0, delta)
        }
        Effect::Lapsed { position, deadline, quantity } => {
            segment.insert_move(seq, &bucket_key(position, LAPSES), deadline.0, quantity);
            (position, Figure::Lapsed, time_to_word(deadline.0), quantity)
        }
        Effect::Inbound { position, delta } => (position, Figure::Inbound, 0, delta),
        Effect::Named { position } => (position, Figure::Named, 0, 0),
    };
    about.position(position);
    segment.insert_change(seq, &figure_key(position, figure, kind), detail, delta);
}

impl Subjects {
    fn position(&mut self, position: Position) {
        self.item(position.item);
        self.location(position.location);
    }

    fn item(&mut self, item: ItemId) {
        if self.items.last() != Some(&u64::from(item.0)) {
            self.items.push(u64::from(item.0));
        }
    }

    fn location(&mut self, location: LocationId) {
        if self.locations.last() != Some(&u64::from(location.0)) {
            self.locations.push(u64::from(location.0));
        }
    }

    fn about(&mut self, state: &State, subject: Subject) {
        match subject {
            Subject::Position(position) => self.position(position),
            Subject::Item(item) | Subject::Target(AliasTarget::Item(item)) => self.item(item),
            Subject::Location(location) | Subject::Target(AliasTarget::Location(location)) => self.location(location),
            Subject::Lot(lot) | Subject::Target(AliasTarget::Lot(lot)) => {
                if let Some(lot) = state.lot(lot) {
                    self.item(lot.item);
                }
            }
            Subject::Reservation(seq) => self.reservations.push(seq.0),
        }
    }
}

fn insert_postings(segment: &mut Segment, about: Subjects, Seq(seq): Seq, kind: EventKind, event: &Event) {
    if seq.is_multiple_of(TIME_SEQS) {
        segment.insert_posting(seq, List::Time, time_to_word(event.envelope.recorded_at.0));
    }
    segment.insert_posting(seq, List::Kind, u64::from(kind.number()));
    segment.insert_posting(seq, List::Actor, actor_word(&event.envelope.actor.id));
    if let Some(order) = &event.envelope.order {
        segment.insert_posting(seq, List::Order, order_word(order));
    }
    let lists = [(List::Item, about.items), (List::Location, about.locations), (List::Reservation, about.reservations)];
    for (list, mut ids) in lists {
        if ids.len() > 1 {
            ids.sort_unstable();
            ids.dedup();
        }
        ids.into_iter().for_each(|id| segment.insert_posting(seq, list, id));
    }
}
