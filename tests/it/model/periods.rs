//! Periods: refused counts and closes, and the figures of a period, summed up from lists.

use super::refuse::invalid;
use super::{Account, Counted, Model, Move};
use chrono::{NaiveDateTime, TimeZone};
use counterfoil::domain::ids::{LocationId, Position, Seq, Timestamp};
use counterfoil::domain::line::{Bucket, CountLine};
use counterfoil::domain::period::Until;
use counterfoil::domain::rejection::Rejection;
use counterfoil::domain::text::Zone;

/// A close.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Closed {
    pub seq: Seq,
    pub location: LocationId,
    pub end: Timestamp,
}

/// The figures of a bucket in the period that a close ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeriodFigures {
    pub opening: i64,
    pub moved: i64,
    pub restated: i64,
    pub variance: i64,
    pub closing: i64,
}

/// The first instant at which clocks in the zone show this time or more, found by watching them.
fn first_instant(local: NaiveDateTime, zone: &Zone) -> Timestamp {
    let zone: chrono_tz::Tz = zone.as_str().parse().expect("a known zone");
    let looked = |micros: i64| {
        let at = chrono::DateTime::from_timestamp_micros(micros).expect("in the calendar").naive_utc();
        let shown = zone.from_utc_datetime(&at).naive_local();
        (shown, shown - at)
    };
    let mut at = local.and_utc().timestamp_micros() - 26 * 3_600_000_000;
    loop {
        // A step over which nobody touches the clocks can't pass the time unseen.
        let passes = |step: &i64| looked(at + step).1 == looked(at).1 && looked(at + step).0 < local;
        match [3_600_000_000, 60_000_000, 1_000_000, 1_000, 1].into_iter().find(passes) {
            Some(step) => at += step,
            None if looked(at + 1).0 >= local => return Timestamp(at + 1),
            None => at += 1,
        }
    }
}

impl Model {
    fn closed_until(&self, location: LocationId) -> Option<Timestamp> {
        self.closes.iter().filter(|close| close.location == location).map(|close| close.end).max()
    }

    fn end_of(&self, location: LocationId, until: Until) -> Option<Timestamp> {
        let zone = self.zones.get((location.0 as usize).wrapping_sub(1))?;
        Some(first_instant(until.local(), zone))
    }

    pub(super) fn refuse_close(&self, location: LocationId, until: Until, now: Timestamp, no: &mut Vec<Rejection>) {
        self.need_location(location, no);
        let Some(end) = self.end_of(location, until) else { return };
        if end > now {
            no.push(invalid("until", "is not over"));
        }
        match self.closed_until(location) {
            Some(before) if end == before => no.push(Rejection::NoChange { what: "it is closed up to then" }),
            Some(before) if end < before => {
                no.push(Rejection::PeriodClosed { location, closed_until: before, at: end });
            }
            _ => {}
        }
    }

    pub(super) fn refuse_count_in_closed(&self, lines: &[CountLine], at: Timestamp, no: &mut Vec<Rejection>) {
        for location in lines.iter().map(|line| line.position.location) {
            if let Some(closed_until) = self.closed_until(location).filter(|end| at < *end) {
                no.push(Rejection::PeriodClosed { location, closed_until, at });
            }
        }
    }

    pub(super) fn close_period(&mut self, location: LocationId, until: Until) {
        let end = self.end_of(location, until).expect("the location is there");
        self.closes.push(Closed { seq: self.head, location, end });
    }

    /// The closes of a location, oldest first.
    pub fn closes_of(&self, location: LocationId) -> Vec<Closed> {
        self.closes.iter().filter(|close| close.location == location).copied().collect()
    }

    /// The figures of the period that the location's close of this number ends, added up the long way round: the
    /// opening is the closing before, each count puts right what differs from what came before it in the period, and
    /// a late movement that some later count had settled is taken back.
    pub fn period_figures(&self, position: Position, bucket: Bucket, number: usize) -> PeriodFigures {
        let closes = self.closes_of(position.location);
        let close = closes[number];
        let before = number.checked_sub(1).map(|earlier| closes[earlier]);
        let opening = match before {
            Some(_) => self.period_figures(position, bucket, number - 1).closing,
            None => 0,
        };
        // The model keeps twice the instant, odd where nobody dated it.
        let instant = |at: Timestamp| at.0.div_euclid(2);
        let dated_after = |at: Timestamp, close: Option<Closed>| close.is_none_or(|close| instant(at) >= close.end.0);
        let seen = |seq: Seq, at: Timestamp| seq < close.seq && instant(at) < close.end.0;
        let moves: Vec<&Move> =
            self.moves.iter().filter(|m| m.account == Account::Stock(position, bucket) && seen(m.seq, m.at)).collect();
        let mut counts: Vec<&Counted> =
            self.counts.iter().filter(|c| c.position == position && c.bucket == bucket && seen(c.seq, c.at)).collect();
        counts.sort_by_key(|c| (c.at, c.seq));
        let behind = |m: &Move, c: &Counted| m.at > c.at || (m.at == c.at && m.at.0 % 2 != 0 && m.seq > c.seq);

        let is_late = |m: &&&Move| !dated_after(m.at, before);
        // What was recorded before the last close and dated before it was in its figures.
        let late = moves.iter().filter(is_late).filter(|m| before.is_none_or(|before| m.seq > before.seq));
        let (mut restated, mut taken_back) = (0, 0);
        for m in late {
            restated += m.delta;
            if counts.iter().any(|c| !behind(m, c)) {
                taken_back += m.delta;
            }
        }
        let proper: Vec<&&Move> = moves.iter().filter(|m| dated_after(m.at, before)).collect();
        let moved = proper.iter().map(|m| m.delta).sum();
        let (mut quantity, mut variance) = (opening, 0);
        let mut taken: Vec<bool> = vec![false; proper.len()];
        for c in counts.iter().filter(|c| dated_after(c.at, before)) {
            for (m, taken) in proper.iter().zip(&mut taken).filter(|(m, taken)| !**taken && !behind(m, c)) {
                quantity += m.delta;
                *taken = true;
            }
            variance += c.figure - quantity;
            quantity = c.figure;
        }
        let rest: i64 = proper.iter().zip(&taken).filter(|(_, taken)| !**taken).map(|(m, _)| m.delta).sum();
        let closing = quantity + rest + restated - taken_back;
        PeriodFigures { opening, moved, restated, variance: variance - taken_back, closing }
    }
}
