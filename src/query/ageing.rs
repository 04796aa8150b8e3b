//! How old open reservations are.

use super::Answer;
use super::page::QueryError;
use super::reservation::ReservationFilter;
use crate::domain::ids::Timestamp;
use crate::domain::state::State;
use crate::limits::AGE_THRESHOLDS_MAX;
use serde::Serialize;
use std::time::Duration;

/// Open reservations of an age between two thresholds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct AgeBucket {
    /// At least this old, in microseconds.
    pub from_micros: i64,
    /// Younger than this, in microseconds; without an end where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_micros: Option<i64>,
    /// How many.
    pub reservations: u64,
    /// Positions where they hold something, each counted once per reservation.
    pub lines: u64,
    /// Units that they hold, in the smallest units of their items; a figure with a meaning for one item, or for
    /// items that are counted in pieces.
    pub units: i128,
}

/// Counts open reservations by age: one bucket below the first threshold, one from each threshold on.
///
/// The age is measured from the event that made the reservation, amended and extended ones too.
///
/// # Errors
/// [`QueryError::AgeThresholds`] unless the thresholds ascend from above zero.
///
/// # Example
/// ```
/// # use counterfoil::domain::{ids::Timestamp, state::State};
/// use counterfoil::query::{self, ReservationFilter};
/// use std::time::Duration;
/// # let (state, now) = (State::default(), Timestamp(0));
/// let (hour, day) = (Duration::from_secs(3_600), Duration::from_secs(86_400));
/// let buckets = query::ageing(&state, now, &ReservationFilter::default(), &[hour, day])?.value;
/// assert_eq!(buckets.len(), 3, "under an hour, under a day, a day and more");
/// # Ok::<(), query::QueryError>(())
/// ```
pub fn ageing(
    state: &State,
    now: Timestamp,
    filter: &ReservationFilter,
    thresholds: &[Duration],
) -> Result<Answer<Vec<AgeBucket>>, QueryError> {
    let mut buckets = empty_buckets(thresholds)?;
    Ok(Answer::from_state(state, now, |as_of| {
        filter.for_each(state, as_of, |admitted| {
            let age = as_of.0.saturating_sub(admitted.reservation.reserved_at.0).max(0);
            let after = buckets.partition_point(|bucket| bucket.from_micros <= age);
            if let Some(bucket) = after.checked_sub(1).and_then(|index| buckets.get_mut(index)) {
                bucket.reservations += 1;
                bucket.lines += admitted.lines;
                bucket.units += admitted.units;
            }
        });
        buckets
    }))
}

fn empty_buckets(thresholds: &[Duration]) -> Result<Vec<AgeBucket>, QueryError> {
    if thresholds.len() > AGE_THRESHOLDS_MAX {
        return Err(QueryError::AgeThresholds);
    }
    let mut bounds = vec![0];
    for threshold in thresholds {
        let bound = i64::try_from(threshold.as_micros()).map_err(|_| QueryError::AgeThresholds)?;
        if bounds.last().is_some_and(|last| bound <= *last) {
            return Err(QueryError::AgeThresholds);
        }
        bounds.push(bound);
    }
    let ends = bounds.iter().skip(1).copied().map(Some).chain([None]);
    let bucket = |(&from_micros, to_micros)| AgeBucket { from_micros, to_micros, reservations: 0, lines: 0, units: 0 };
    Ok(bounds.iter().zip(ends).map(bucket).collect())
}
