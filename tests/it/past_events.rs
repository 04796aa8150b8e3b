//! Histories of things, held against reading the whole log.

use crate::agree::agree;
use crate::histories::{every_position, history};
use crate::spine::{Restarts, Spine};
use crate::time_travel::Naive;
use counterfoil::audit::Readable;
use counterfoil::domain::command::AliasTarget;
use counterfoil::domain::event::EventKind;
use counterfoil::domain::event::{
    AlertAcknowledged, AlertDismissed, AlertResolved, AliasAdded, AliasMerged, AliasRenamed, AliasRetired, Amended,
    Body, Expired, Extended, Fulfilled, LotStatusSet, PosDeltaRecorded, Recorded, Released, TransferClosed,
};
use counterfoil::domain::ids::{ItemId, LocationId, Position, Seq, Timestamp};
use counterfoil::domain::state::State;
use counterfoil::history::{EventFilter, History};
use counterfoil::query::{Direction, Paging};
use proptest::prelude::*;
use serde_json::Value;
use std::collections::BTreeSet;

/// What one event is about, found by reading it and comparing the states around it.
#[derive(Default)]
struct About {
    items: BTreeSet<u64>,
    locations: BTreeSet<u64>,
    reservations: BTreeSet<Seq>,
}

fn numbers(value: &Value, keys: &[&str], found: &mut BTreeSet<u64>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                if keys.contains(&key.as_str()) {
                    found.extend(value.as_u64());
                }
                numbers(value, keys, found);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| numbers(value, keys, found)),
        _ => {}
    }
}

impl About {
    fn of(recorded: &Recorded, before: &State, after: &State) -> Self {
        let mut about = Self::default();
        let body = &recorded.event.body;
        let mut json = serde_json::to_value(Readable(&recorded.event)).unwrap();
        // An alias of a lot names its item, whatever it leads to.
        let alias = json.as_object_mut().and_then(|fields| fields.remove("alias"));
        drop(alias);
        numbers(&json, &["item"], &mut about.items);
        numbers(&json, &["location", "to"], &mut about.locations);
        let named = match body {
            Body::AliasAdded(AliasAdded { target, .. }) => vec![Some(*target)],
            Body::AliasMerged(AliasMerged { alias, into }) => vec![before.alias(alias), Some(*into)],
            Body::AliasRenamed(AliasRenamed { alias, .. }) | Body::AliasRetired(AliasRetired { alias }) => {
                vec![before.alias(alias)]
            }
            Body::LotStatusSet(LotStatusSet { lot, .. }) => vec![Some(AliasTarget::Lot(*lot))],
            _ => Vec::new(),
        };
        for target in named.into_iter().flatten() {
            match target {
                AliasTarget::Item(item) => drop(about.items.insert(u64::from(item.0))),
                AliasTarget::Location(location) => drop(about.locations.insert(u64::from(location.0))),
                AliasTarget::Lot(lot) => about.items.extend(before.lot(lot).map(|lot| u64::from(lot.item.0))),
            }
        }
        let alert = match body {
            Body::AlertAcknowledged(AlertAcknowledged { alert })
            | Body::AlertResolved(AlertResolved { alert })
            | Body::AlertDismissed(AlertDismissed { alert }) => before.alert(*alert).map(|(position, _)| position),
            _ => None,
        };
        let held = |seq: &Seq| before.reservation(*seq).into_iter().flat_map(|held| held.lines.clone());
        let reservations: Vec<Seq> = match body {
            Body::Expired(Expired { reservations }) => reservations.to_vec(),
            Body::Extended(Extended { reservation, .. }) | Body::Amended(Amended { reservation, .. }) => {
                vec![*reservation]
            }
            Body::Fulfilled(Fulfilled { closes, .. }) | Body::Released(Released { closes }) => {
                closes.iter().map(|part| part.reservation).collect()
            }
            _ => Vec::new(),
        };
        let touched: Vec<Position> = match body {
            Body::Expired(_) | Body::Extended(_) => {
                reservations.iter().flat_map(held).map(|line| line.position).collect()
            }
            _ => alert.into_iter().collect(),
        };
        // It is closed where it went to, whatever was still under way.
        if let Body::TransferClosed(TransferClosed { transfer, .. }) = body {
            about.locations.extend(before.transfer(*transfer).map(|transfer| u64::from(transfer.to.0)));
        }
        let inbound = |state: &State, position| state.position(position).map_or(0, |entry| entry.inbound);
        let nearer = every_position().into_iter().filter(|at| inbound(before, *at) != inbound(after, *at));
        for position in touched.into_iter().chain(nearer) {
            about.items.insert(u64::from(position.item.0));
            about.locations.insert(u64::from(position.location.0));
        }
        about.reservations.extend(reservations);
        about
    }
}

fn admits(filter: &EventFilter, recorded: &Recorded, about: &About, naive: &Naive) -> bool {
    let envelope = &recorded.event.envelope;
    let is_it = |event: &&Recorded, id| {
        event.event.envelope.command_id == Some(id) && matches!(event.event.body, Body::Reserved(_))
    };
    let made = |id| naive.events.iter().find(|event| is_it(event, id)).map(|made| made.seq);
    filter.item.is_none_or(|item| about.items.contains(&u64::from(item.0)))
        && filter.location.is_none_or(|location| about.locations.contains(&u64::from(location.0)))
        && filter.order.as_ref().is_none_or(|order| envelope.order.as_ref() == Some(order))
        && filter.actor.as_ref().is_none_or(|actor| envelope.actor.id == *actor)
        && filter.command.is_none_or(|id| envelope.command_id == Some(id))
        && (filter.kinds.is_empty() || filter.kinds.contains(&EventKind::of(&recorded.event.body)))
        && filter.first.is_none_or(|first| recorded.seq >= first)
        && filter.last.is_none_or(|last| recorded.seq <= last)
        && filter.from.is_none_or(|from| envelope.recorded_at >= from)
        && filter.until.is_none_or(|until| envelope.recorded_at < until)
        && filter
            .reservation
            .is_none_or(|id| made(id).is_some_and(|made| made == recorded.seq || about.reservations.contains(&made)))
        && filter.external.as_ref().is_none_or(|(wanted_source, wanted)| match &recorded.event.body {
            Body::PosDelta(PosDeltaRecorded { source, external_id, .. }) => {
                (source, external_id) == (wanted_source, wanted)
            }
            _ => false,
        })
}

/// Filters that find something and some that find little: each taken from an event and its neighbour.
fn filters(naive: &Naive) -> Vec<EventFilter> {
    let mut filters = vec![EventFilter::default()];
    let mut add = |filter: EventFilter| {
        if !filters.contains(&filter) {
            filters.push(filter);
        }
    };
    let plain = EventFilter::default;
    for item in 0..=3 {
        add(EventFilter { item: Some(ItemId(item)), ..plain() });
        for location in 1..=3 {
            add(EventFilter { item: Some(ItemId(item)), location: Some(LocationId(location)), ..plain() });
            add(EventFilter { location: Some(LocationId(location)), ..plain() });
        }
    }
    for pair in naive.events.windows(2) {
        let (first, second) = (&pair[0].event, &pair[1].event);
        let (kind, next) = (EventKind::of(&first.body), EventKind::of(&second.body));
        let actor = Some(first.envelope.actor.id.clone());
        add(EventFilter { kinds: vec![kind], ..plain() });
        add(EventFilter { kinds: vec![next, kind], first: Some(pair[0].seq), ..plain() });
        add(EventFilter { item: Some(ItemId(1)), first: Some(Seq(4)), last: Some(pair[1].seq), ..plain() });
        add(EventFilter { kinds: vec![kind], actor: actor.clone(), item: Some(ItemId(1)), ..plain() });
        add(EventFilter { order: first.envelope.order.clone(), kinds: vec![next], ..plain() });
        add(EventFilter { order: first.envelope.order.clone(), ..plain() });
        add(EventFilter { command: first.envelope.command_id, ..plain() });
        add(EventFilter { reservation: first.envelope.command_id, ..plain() });
        let (from, until) = (first.envelope.recorded_at, second.envelope.recorded_at);
        add(EventFilter { from: Some(from), until: Some(until.plus_micros(10_000_000)), ..plain() });
        add(EventFilter { from: Some(from), location: Some(LocationId(1)), ..plain() });
        add(EventFilter { until: Some(Timestamp(until.0)), actor, ..plain() });
        if let Body::PosDelta(PosDeltaRecorded { source, external_id, .. }) = &first.body {
            add(EventFilter { external: Some((source.clone(), external_id.clone())), ..plain() });
        }
    }
    filters
}

fn all_pages(history: &History<'_>, filter: &EventFilter, direction: Direction, rows: usize) -> Vec<Recorded> {
    let mut paging = Paging::first(rows);
    let mut all = Vec::new();
    loop {
        let page = history.events(filter, direction, &paging).unwrap().value;
        assert!(page.rows.len() <= rows);
        all.extend(page.rows);
        let Some(next) = page.next else { return all };
        // A cursor survives being written down.
        paging = paging.starting_after(next.to_string().parse().unwrap());
    }
}

fn compare(spine: &mut Spine, rows: usize) -> Result<(), String> {
    spine.history(|history, log| {
        let naive = Naive::of(log);
        let empty = State::default();
        let before = std::iter::once(&empty).chain(&naive.states);
        let around = naive.events.iter().zip(before.zip(&naive.states));
        let about: Vec<About> = around.map(|(event, (before, after))| About::of(event, before, after)).collect();
        for filter in filters(&naive) {
            let pairs = naive.events.iter().zip(&about);
            let mut wanted: Vec<&Recorded> =
                pairs.filter(|(event, about)| admits(&filter, event, about, &naive)).map(|(event, _)| event).collect();
            for direction in [Direction::Ascending, Direction::Descending] {
                let found = all_pages(history, &filter, direction, rows);
                if !found.iter().eq(wanted.iter().copied()) {
                    let seqs = |events: Vec<&Recorded>| events.iter().map(|event| event.seq.0).collect::<Vec<_>>();
                    let (wanted, found) = (seqs(wanted), seqs(found.iter().collect()));
                    return Err(format!("{filter:?} {direction:?}: wanted {wanted:?}, found {found:?}"));
                }
                wanted.reverse();
            }
        }
        Ok(())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(30) })]

    #[test]
    fn every_list_has_what_reading_the_whole_log_finds(steps in history(60), every in 2..20u32, rows in 1..9usize) {
        let mut spine = Spine::new(Restarts::Every(every));
        prop_assert_eq!(agree(&mut spine, &steps), Ok(()));
        prop_assert_eq!(compare(&mut spine, rows), Ok(()));
    }
}

#[test]
fn lists_that_were_deleted_come_back_equal() {
    for steps in crate::agree::fixed_histories(4, 200) {
        let mut spine = Spine::new(Restarts::Every(9));
        agree(&mut spine, &steps).unwrap();
        compare(&mut spine, 7).unwrap();
        spine.reopen_without_index();
        compare(&mut spine, 100).unwrap();
    }
}
