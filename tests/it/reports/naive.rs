//! What reports say, by the longest way: every question looks at all entries of all events.

use chrono::{Datelike, Days, NaiveDate, NaiveTime, TimeZone};
use counterfoil::domain::account::{Place, for_each_posting};
use counterfoil::domain::event::EventKind;
use counterfoil::domain::event::{Body, Counted, Event, PeriodClosed};
use counterfoil::domain::ids::{LocationId, Moment, Position, Seq, Timestamp};
use counterfoil::domain::line::Bucket;
use counterfoil::log::{Head, StoreReader, scan};
use std::collections::BTreeMap;

/// What an event says of a bucket.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    pub seq: Seq,
    pub position: Position,
    pub bucket: Bucket,
    pub at: Moment,
    pub kind: EventKind,
    pub counted: Option<i64>,
    pub delta: i64,
}

#[derive(Clone, Copy, Debug)]
pub struct Close {
    pub seq: Seq,
    pub location: LocationId,
    pub end: Timestamp,
}

pub struct Naive {
    pub events: Vec<(Seq, Event)>,
    pub entries: Vec<Entry>,
    pub closes: Vec<Close>,
}

/// What flows in a period: by kind what came and left, restated, closing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flow {
    pub opening: i128,
    pub moves: BTreeMap<EventKind, (i128, i128)>,
    pub restated: i128,
    pub variance: i128,
    pub closing: i128,
    /// Whether anything at all is filed in it.
    pub is_there: bool,
}

impl Naive {
    pub fn of(log: &dyn StoreReader) -> Self {
        let (mut events, mut entries, mut closes) = (Vec::new(), Vec::new(), Vec::new());
        for scanned in scan(log, Head::EMPTY) {
            let scanned = scanned.unwrap();
            let (seq, event) = (scanned.seq, scanned.event);
            let (at, kind) = (event.envelope.moment(), EventKind::of(&event.body));
            let mut put = |position, bucket, counted, delta| {
                entries.push(Entry { seq, position, bucket, at, kind, counted, delta });
            };
            for_each_posting(&event, |posting| {
                for (place, delta) in [(posting.from, -posting.quantity), (posting.to, posting.quantity)] {
                    if let Place::Bucket(position, bucket) = place {
                        put(position, bucket, None, delta);
                    }
                }
            });
            if let Body::Counted(Counted { lines }) = &event.body {
                lines.iter().for_each(|line| put(line.position, line.bucket, Some(line.counted.0), 0));
            }
            if let Body::PeriodClosed(PeriodClosed { location, closed_until, .. }) = event.body {
                closes.push(Close { seq, location, end: closed_until });
            }
            events.push((seq, event));
        }
        Self { events, entries, closes }
    }

    pub fn closes_of(&self, location: LocationId) -> impl Iterator<Item = &Close> {
        self.closes.iter().filter(move |close| close.location == location)
    }

    /// The end of what was closed when an event was recorded.
    pub fn closed_until(&self, location: LocationId, seq: Seq) -> Option<Timestamp> {
        self.closes_of(location).filter(|close| close.seq < seq).map(|close| close.end).last()
    }

    /// What was in a bucket at an instant, as it was known at a seq: the last count, and what moved behind it.
    pub fn quantity(&self, position: Position, bucket: Bucket, known: Seq, before: Timestamp) -> i128 {
        let is_known = |e: &&Entry| (e.position, e.bucket) == (position, bucket) && e.seq < known && e.at.at() < before;
        let counts = self.entries.iter().filter(is_known).filter_map(|e| Some((e.at, e.seq, e.counted?)));
        let last = counts.max();
        let behind = |e: &&Entry| match last {
            Some((at, seq, _)) => e.at > at || (e.at == at && at.is_recorded() && e.seq > seq),
            None => true,
        };
        let moved: i128 = self.entries.iter().filter(is_known).filter(behind).map(|e| i128::from(e.delta)).sum();
        last.map_or(0, |(.., figure)| i128::from(figure)) + moved
    }

    /// What was there at a boundary: as it was known when the first close covered it, by all that is known otherwise.
    fn closing(&self, positions: &[Position], before: Timestamp) -> i128 {
        let of = |position: &Position| {
            let covering = self.closes_of(position.location).find(|close| before <= close.end);
            let known = covering.map_or(Seq(u64::MAX), |close| close.seq);
            let buckets = [Bucket::Sellable, Bucket::Unsellable];
            buckets.map(|bucket| self.quantity(*position, bucket, known, before)).into_iter().sum::<i128>()
        };
        positions.iter().map(of).sum()
    }

    /// The flow of some positions of one location from an instant up to another one.
    pub fn flow(&self, positions: &[Position], start: Timestamp, end: Timestamp) -> Flow {
        let mut flow =
            Flow { opening: self.closing(positions, start), closing: self.closing(positions, end), ..Flow::default() };
        for entry in self.entries.iter().filter(|entry| positions.contains(&entry.position)) {
            let closed = self.closed_until(entry.position.location, entry.seq);
            let late = closed.filter(|closed| entry.at.at() < *closed);
            let filed = late.unwrap_or(entry.at.at());
            if filed < start || filed >= end {
                continue;
            }
            flow.is_there = true;
            let delta = i128::from(entry.delta);
            match (entry.counted, late) {
                (Some(_), _) => {}
                (None, Some(_)) => flow.restated += delta,
                (None, None) => {
                    let (came, left) = flow.moves.entry(entry.kind).or_default();
                    *came += delta.max(0);
                    *left += delta.min(0);
                }
            }
        }
        let moved: i128 = flow.moves.values().map(|(came, left)| came + left).sum();
        flow.variance = flow.closing - flow.opening - moved - flow.restated;
        flow
    }
}

/// Where the day begins in London, whose midnights come once.
fn midnight(day: NaiveDate) -> Timestamp {
    let local = chrono_tz::Europe::London.from_local_datetime(&day.and_time(NaiveTime::MIN));
    Timestamp(local.single().unwrap().timestamp_micros())
}

/// Names and spans of days, weeks, months, quarters or years of 2025 and 2026, found by walking over the days.
pub fn spans(label: impl Fn(NaiveDate) -> String) -> Vec<(String, Timestamp, Timestamp)> {
    let mut spans: Vec<(String, Timestamp, Timestamp)> = Vec::new();
    let mut day = NaiveDate::from_ymd_opt(2025, 1, 1).unwrap();
    while day.year() <= 2026 {
        let next = day + Days::new(1);
        match spans.last_mut().filter(|(name, ..)| *name == label(day)) {
            Some((.., end)) => *end = midnight(next),
            None => spans.push((label(day), midnight(day), midnight(next))),
        }
        day = next;
    }
    spans
}
