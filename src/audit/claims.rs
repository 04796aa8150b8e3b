//! Settles what events say of a past that the state no longer holds: late counts, and returns against orders.

use super::pipeline::each_event;
use super::verify::{Fault, Pass, Watch};
use crate::domain::account::{Place, Posting, for_each_posting};
use crate::domain::check::{Claim, rule};
use crate::domain::event::{Body, Event, Returned};
use crate::domain::ids::{ItemId, Moment, Position, Seq};
use crate::domain::line::{Bucket, ReturnLine};
use crate::domain::text::OrderRef;
use crate::log::{StoreError, StoreReader};
use hashbrown::HashMap;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// Reads the log again up to the last of the claims, which are in ascending order; returns the first that is wrong.
pub(super) fn settle(
    reader: &dyn StoreReader,
    claims: &[(Seq, Claim)],
    watch: &mut Watch<'_>,
) -> Result<Option<Fault>, StoreError> {
    let Some((last, _)) = claims.last() else { return Ok(None) };
    let mut past = Past::of(claims);
    let mut open = claims;
    let mut found = None;
    each_event(reader, |placed| {
        let (seq, event) = (placed.seq, &placed.event);
        if seq > *last {
            return ControlFlow::Break(());
        }
        watch.tick(Pass::Claims, seq);
        while let Some(((claimed, claim), rest)) = open.split_first()
            && *claimed == seq
        {
            if let Err((rule, what)) = past.confirm(event, claim) {
                found = Some(Fault { seq, rule, what });
                return ControlFlow::Break(());
            }
            open = rest;
        }
        past.add(event);
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

/// What the claims ask of the past, as far as it was read.
struct Past {
    later: HashMap<(Position, Bucket), Later>,
    /// What is out on an order, per item: shipped less returned.
    out: HashMap<OrderRef, HashMap<ItemId, i128>>,
}

type Wrong = (&'static str, String);

impl Past {
    fn of(claims: &[(Seq, Claim)]) -> Self {
        let mut instants: HashMap<(Position, Bucket), Vec<Moment>> = HashMap::new();
        let mut out = HashMap::new();
        for (_, claim) in claims {
            match claim {
                Claim::Later { position, bucket, at, .. } => {
                    instants.entry((*position, *bucket)).or_default().push(*at);
                }
                Claim::Returned { order } => {
                    out.entry(order.clone()).or_default();
                }
            }
        }
        let later = instants.into_iter().map(|(key, instants)| (key, Later::of(instants))).collect();
        Self { later, out }
    }

    fn confirm(&self, event: &Event, claim: &Claim) -> Result<(), Wrong> {
        match claim {
            Claim::Later { position, bucket, at, later } => {
                let sum = self.later.get(&(*position, *bucket)).map_or(0, |past| past.sum_after(*at));
                match sum == i128::from(*later) {
                    true => Ok(()),
                    false => Err((
                        rule::LATER_SUM,
                        format!("the count of {position} at {at} states {later} later, the log has {sum}"),
                    )),
                }
            }
            Claim::Returned { order } => self.returned(event, order),
        }
    }

    fn returned(&self, event: &Event, order: &OrderRef) -> Result<(), Wrong> {
        let Body::Returned(Returned { referenced, unreferenced }) = &event.body else { return Ok(()) };
        let wanted = sums(referenced);
        let out = |item: &ItemId| self.out.get(order).and_then(|items| items.get(item)).copied().unwrap_or(0);
        for (item, wanted) in &wanted {
            let returnable = out(item);
            if *wanted > returnable {
                let what = format!("{wanted} of item {item} come back on order {order}, {returnable} are out");
                return Err((rule::RETURN_SHIPPED, what));
            }
        }
        for item in sums(unreferenced).keys() {
            let (wanted, returnable) = (wanted.get(item).copied().unwrap_or(0), out(item).max(0));
            if wanted < returnable {
                let what = format!(
                    "item {item} comes back without reference, though {returnable} are out on order {order} and only {wanted} come back on it"
                );
                return Err((rule::RETURN_EXCESS, what));
            }
        }
        Ok(())
    }

    fn add(&mut self, event: &Event) {
        if !self.later.is_empty() {
            let at = event.envelope.moment();
            for_each_posting(event, |Posting { from, to, quantity, .. }| {
                self.moved(from, at, -i128::from(quantity));
                self.moved(to, at, i128::from(quantity));
            });
        }
        if let Some(order) = &event.envelope.order
            && let Some(out) = self.out.get_mut(order)
        {
            each_shipped(event, |item, quantity| *out.entry(item).or_default() += i128::from(quantity));
        }
    }

    fn moved(&mut self, place: Place, at: Moment, delta: i128) {
        if let Place::Bucket(position, bucket) = place
            && let Some(later) = self.later.get_mut(&(position, bucket))
        {
            later.add(at, delta);
        }
    }
}

fn sums(lines: &[ReturnLine]) -> BTreeMap<ItemId, i128> {
    let mut sums = BTreeMap::new();
    for ReturnLine { line, .. } in lines {
        *sums.entry(line.position.item).or_default() += i128::from(line.quantity.0);
    }
    sums
}

/// What an event with an order ships on it (positive), or brings back (negative).
fn each_shipped(event: &Event, mut add: impl FnMut(ItemId, i64)) {
    event.body.payload().shipments(&mut |position, units| add(position.item, units));
}

/// Sums of one bucket's movements after each of some instants: a Fenwick tree over the instants.
struct Later {
    /// Ascending, each once.
    instants: Vec<Moment>,
    /// Node `n` holds a run of sums; sums over all from a place on are read upwards.
    tree: Vec<i128>,
}

impl Later {
    fn of(mut instants: Vec<Moment>) -> Self {
        instants.sort_unstable();
        instants.dedup();
        let tree = vec![0; instants.len() + 1];
        Self { instants, tree }
    }

    /// Counts a movement: it is later than every instant before its own.
    fn add(&mut self, at: Moment, delta: i128) {
        let mut node = self.instants.partition_point(|instant| *instant < at);
        while node > 0 {
            if let Some(sum) = self.tree.get_mut(node) {
                *sum += delta;
            }
            node &= node - 1;
        }
    }

    fn sum_after(&self, at: Moment) -> i128 {
        let mut node = self.instants.partition_point(|instant| *instant < at) + 1;
        let mut sum = 0;
        while let Some(part) = self.tree.get(node) {
            sum += part;
            node += node & node.wrapping_neg();
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_after_an_instant_leave_out_what_happened_at_or_before_it() {
        let instants = [30, 10, 20, 20, 50].map(Moment).to_vec();
        let moves = [(5, 1), (10, 2), (11, 4), (20, 8), (25, 16), (30, 32), (50, 64), (51, 128), (99, -3)];
        let mut later = Later::of(instants.clone());
        let mut seen = Vec::new();
        for (at, delta) in moves {
            later.add(Moment(at), delta);
            seen.push((at, delta));
            for instant in &instants {
                let naive: i128 = seen.iter().filter(|(at, _)| *at > instant.0).map(|(_, delta)| delta).sum();
                assert_eq!(later.sum_after(*instant), naive, "{instant:?} after {seen:?}");
            }
        }
    }
}
