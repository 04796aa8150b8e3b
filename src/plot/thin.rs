//! Long histories, thinned so that nothing that can be seen is lost.

use super::steps::Step;

/// Of each slice of time that is kept.
const KEPT_OF_SLICE: usize = 4;

/// At most about so many of these steps, which are in order of time: of each of equally long slices of time the first,
/// the last, the lowest and the highest. Fewer steps stay as they are.
#[must_use]
pub fn thinned(steps: Vec<Step>, steps_max: usize) -> Vec<Step> {
    let (Some(first), Some(last)) = (steps.first(), steps.last()) else { return steps };
    if steps.len() <= steps_max.max(KEPT_OF_SLICE) {
        return steps;
    }
    let slices = (steps_max / KEPT_OF_SLICE).max(1) as i128;
    let (begin, span) = (i128::from(first.at.0), i128::from(last.at.0) - i128::from(first.at.0) + 1);
    let slice_of = |step: &Step| (i128::from(step.at.0) - begin) * slices / span;
    steps.chunk_by(|one, next| slice_of(one) == slice_of(next)).flat_map(kept_of).collect()
}

fn kept_of(slice: &[Step]) -> Vec<Step> {
    let places = 0..slice.len();
    let units = |place: &usize| slice.get(*place).map(|step| step.units);
    let lowest = places.clone().min_by_key(units).unwrap_or(0);
    let highest = places.clone().max_by_key(units).unwrap_or(0);
    let mut kept = vec![0, lowest, highest, places.end.saturating_sub(1)];
    kept.sort_unstable();
    kept.dedup();
    kept.into_iter().filter_map(|place| slice.get(place).copied()).collect()
}
