//! The fold: what an event makes of the state. It can't refuse and can't panic; on a valid log nothing saturates.

use super::account::{Account, Place, Posting, for_each_posting};
use super::alert::{AlertKind, AlertStatus, Change, Reorder};
use super::command::{Alias, ItemStatus};
use super::command::{AliasKind, AliasTarget, UseStatus};
use super::event::{
    AlertAcknowledged, AlertDismissed, AlertResolved, AliasAdded, AliasMerged, AliasRenamed, AliasRetired, Amended,
    Body, ClockAccepted, Counted, CountedLine, DecimalsSet, Event, Expired, Extended, Fulfilled, Genesis, HoldLine,
    ItemCreated, ItemStatusSet, LocationCreated, LocationStatusSet, LotCreated, LotStatusSet, PeriodClosed,
    PosDeltaRecorded, PosMovement, Released, ReorderPointSet, Reserved, Returned, RulesChanged, TransferClosed,
    TransferReceived, TransferShipped,
};
use super::ids::{AlertId, ItemId, LocationId, LotId, Moment, Position, Seq, Timestamp, TransferId};
use super::line::Line;
use super::quantity::Quantity;
use super::state::{
    Accounts, BucketState, Deadline, HeldLine, Item, Location, Lot, Moved, PositionState, Reservation, State,
};
use super::text::AliasText;
use smallvec::SmallVec;

/// What an event touches.
struct Touched {
    /// Its place: the new version of the positions that its lines name.
    seq: Seq,
    /// The position that was touched last.
    last: Option<Position>,
    /// Positions with a reorder point: their alerts are looked at in the end.
    watched: SmallVec<[Position; 1]>,
}

/// Folds the next event into the state.
pub fn evolve(state: &mut State, event: &Event) {
    let seq = state.next_seq();
    let mut touched = Touched { seq, last: None, watched: SmallVec::new() };
    state.next_seq = seq.0 + 1;
    let recorded_at = event.envelope.recorded_at;
    if recorded_at > state.recorded_at {
        // A clock that has caught up with the log needs nobody's word.
        state.accepted_clock = None;
    }
    state.recorded_at = recorded_at;
    match &event.body {
        Body::Genesis(Genesis { ledger, rules, .. }) => {
            state.ledger = Some(*ledger);
            state.rules = *rules;
        }
        Body::RulesChanged(RulesChanged { rules }) => state.rules = *rules,
        Body::ClockAccepted(ClockAccepted { clock }) => state.accepted_clock = Some(*clock),
        Body::Counted(Counted { lines }) => counted(state, lines, event.envelope.moment(), &mut touched),
        Body::Reserved(_)
        | Body::Amended(_)
        | Body::Extended(_)
        | Body::Fulfilled(_)
        | Body::Released(_)
        | Body::Expired(_) => holds(state, event, seq, &mut touched),
        Body::AlertAcknowledged(AlertAcknowledged { alert }) => set_alert(state, *alert, AlertStatus::Acknowledged),
        Body::AlertResolved(AlertResolved { alert }) => set_alert(state, *alert, AlertStatus::Resolved),
        Body::AlertDismissed(AlertDismissed { alert }) => set_alert(state, *alert, AlertStatus::Dismissed),
        _ => registry(state, event, &mut touched),
    }
    movements(state, event, &mut touched);
    for position in &touched.watched {
        look_at_alerts(state, *position, seq, recorded_at);
    }
}

/// Items, locations, lots, aliases, reorder points, and where a transfer goes.
fn registry(state: &mut State, event: &Event, touched: &mut Touched) {
    match &event.body {
        Body::ItemCreated(ItemCreated { item, sku, decimals }) => {
            name(state, AliasKind::Sku, sku, AliasTarget::Item(*item));
            let (status, moved, accounts) = (ItemStatus::Active, Moved::Never, Accounts::default());
            state.items.insert(*item, Item { sku: sku.clone(), decimals: *decimals, status, moved, accounts });
        }
        Body::DecimalsSet(DecimalsSet { item, decimals }) => {
            edit_item(state, *item, |item| item.decimals = *decimals);
        }
        Body::ItemStatusSet(ItemStatusSet { item, status }) => edit_item(state, *item, |item| item.status = *status),
        Body::LocationCreated(LocationCreated { location, code, zone }) => {
            name(state, AliasKind::Location, code, AliasTarget::Location(*location));
            let (status, closed_until) = (UseStatus::Active, None);
            state
                .locations
                .insert(*location, Location { code: code.clone(), zone: zone.clone(), status, closed_until });
        }
        Body::LocationStatusSet(LocationStatusSet { location, status }) => {
            if let Some(location) = state.locations.edit(location) {
                location.status = *status;
            }
        }
        Body::PeriodClosed(PeriodClosed { location, closed_until, .. }) => {
            if let Some(location) = state.locations.edit(location) {
                location.closed_until = Some(*closed_until);
            }
        }
        Body::LotCreated(LotCreated { lot, item, code }) => {
            name(state, AliasKind::Lot(*item), code, AliasTarget::Lot(*lot));
            state.lots.insert(*lot, Lot { item: *item, code: code.clone(), status: UseStatus::Active });
        }
        Body::LotStatusSet(LotStatusSet { lot, status }) => {
            if let Some(lot) = state.lots.edit(lot) {
                lot.status = *status;
            }
        }
        Body::AliasAdded(AliasAdded { alias, target }) => state.aliases.insert(alias.clone(), *target),
        Body::AliasMerged(AliasMerged { alias, into }) => state.aliases.insert(alias.clone(), *into),
        Body::AliasRetired(AliasRetired { alias }) => {
            state.aliases.remove(alias);
        }
        Body::AliasRenamed(AliasRenamed { alias, to }) => {
            if let Some(target) = state.aliases.remove(alias) {
                name(state, alias.kind, to, target);
                rename(state, alias, to, target);
            }
        }
        Body::ReorderPointSet(ReorderPointSet { position, point }) => {
            set_reorder_point(state, *position, *point);
            renew(state, touched, *position);
        }
        Body::TransferShipped(TransferShipped { transfer, to, .. }) => destine(state, *transfer, *to),
        Body::TransferReceived(TransferReceived { transfer, lines }) => {
            if let Some(line) = lines.first() {
                destine(state, *transfer, line.position.location);
            }
        }
        _ => {}
    }
}

fn name(state: &mut State, kind: AliasKind, text: &AliasText, target: AliasTarget) {
    state.aliases.insert(Alias { kind, text: text.clone() }, target);
}

/// A thing that was known by the old text is known by the new one.
fn rename(state: &mut State, alias: &Alias, to: &AliasText, target: AliasTarget) {
    let known_by = match (alias.kind, target) {
        (AliasKind::Sku, AliasTarget::Item(item)) => state.items.edit(&item).map(|item| &mut item.sku),
        (AliasKind::Location, AliasTarget::Location(id)) => state.locations.edit(&id).map(|known| &mut known.code),
        (AliasKind::Lot(_), AliasTarget::Lot(lot)) => state.lots.edit(&lot).map(|lot| &mut lot.code),
        _ => None,
    };
    if let Some(text) = known_by.filter(|text| **text == alias.text) {
        *text = to.clone();
    }
}

fn edit_item(state: &mut State, item: ItemId, edit: impl FnOnce(&mut Item)) {
    if let Some(item) = state.items.edit(&item) {
        edit(item);
    }
}

fn destine(state: &mut State, transfer: TransferId, to: LocationId) {
    if state.transfers.get(&transfer).is_none() {
        state.transfers.edit_or_default(transfer).to = to;
    }
}

/// Every posting of the event, and which positions its lines touch.
fn movements(state: &mut State, event: &Event, touched: &mut Touched) {
    let at = event.envelope.moment();
    for_each_posting(event, |posting| {
        put(state, &posting, posting.from, -i128::from(posting.quantity), at, touched);
        put(state, &posting, posting.to, i128::from(posting.quantity), at, touched);
    });
    // A return that is scrapped moves no bucket, yet its lines name a position.
    match &event.body {
        Body::Returned(Returned { referenced, unreferenced }) => {
            for line in referenced.iter().chain(unreferenced) {
                touch(state, touched, line.line.position);
            }
        }
        Body::PosDelta(PosDeltaRecorded { delta: PosMovement::Return(lines), .. }) => {
            for line in lines {
                touch(state, touched, line.line.position);
            }
        }
        Body::TransferShipped(TransferShipped { transfer, .. })
        | Body::TransferReceived(TransferReceived { transfer, .. })
        | Body::TransferClosed(TransferClosed { transfer, .. }) => forget_settled(state, *transfer),
        _ => {}
    }
}

/// One end of a posting.
fn put(state: &mut State, posting: &Posting, place: Place, delta: i128, at: Moment, touched: &mut Touched) {
    match place {
        Place::Account(account) => add_account(state, posting.item, account, delta),
        Place::Transit(transfer, lot) => {
            add_account(state, posting.item, Account::Transit, delta);
            add_transit(state, transfer, (posting.item, lot), saturate(delta), touched);
        }
        Place::Bucket(position, bucket) => {
            let moves = move_bucket(touch(state, touched, position).bucket_mut(bucket), saturate(delta), at);
            edit_item(state, position.item, |item| match moves {
                true => item.accounts.add_bucket(bucket, delta),
                false => item.accounts.add(Account::Variance, delta),
            });
        }
    }
}

/// Whether the movement changed the bucket: not when a later count has settled it already.
fn move_bucket(bucket: &mut BucketState, delta: i64, at: Moment) -> bool {
    bucket.latest = bucket.latest.max(Some(at));
    let moves = bucket.moves_at(at);
    if moves {
        bucket.quantity = bucket.quantity.saturating_add(delta);
    }
    moves
}

fn counted(state: &mut State, lines: &[CountedLine], at: Moment, touched: &mut Touched) {
    for line in lines {
        let bucket = touch(state, touched, line.position).bucket_mut(line.bucket);
        if !bucket.anchors_at(at) {
            continue;
        }
        let before = bucket.quantity;
        bucket.quantity = line.counted.0.saturating_add(line.later);
        bucket.anchor = Some(at);
        let change = i128::from(bucket.quantity) - i128::from(before);
        edit_item(state, line.position.item, |item| {
            item.accounts.add_bucket(line.bucket, change);
            item.accounts.add(Account::Variance, -change);
        });
    }
}

fn add_account(state: &mut State, item: ItemId, account: Account, delta: i128) {
    edit_item(state, item, |item| item.accounts.add(account, delta));
}

fn add_transit(state: &mut State, transfer: TransferId, key: (ItemId, LotId), delta: i64, touched: &mut Touched) {
    let entry = state.transfers.edit_or_default(transfer);
    let before = entry.lines.get(&key).copied().unwrap_or(0);
    let after = before.saturating_add(delta);
    match after {
        0 => entry.lines.remove(&key),
        after => entry.lines.insert(key, after),
    };
    let to = Position::of_lot(key.0, entry.to, key.1);
    let inbound = after.max(0).saturating_sub(before.max(0));
    if inbound != 0 {
        let position = state.positions.edit_or_default(to);
        position.inbound = position.inbound.saturating_add(inbound);
        watch(touched, to, position);
    }
}

fn forget_settled(state: &mut State, transfer: TransferId) {
    if state.transfers.get(&transfer).is_some_and(|entry| entry.lines.is_empty()) {
        state.transfers.remove(&transfer);
    }
}

/// Promises and what becomes of them.
fn holds(state: &mut State, event: &Event, seq: Seq, touched: &mut Touched) {
    match &event.body {
        Body::Reserved(Reserved { deadline, lines }) => reserve(state, event, seq, *deadline, lines, touched),
        Body::Amended(Amended { reservation, lines }) => {
            for line in lines {
                set_open(state, *reservation, line.position, line.quantity.0, touched);
            }
            forget_closed(state, *reservation);
        }
        Body::Extended(Extended { reservation, deadline }) => {
            extend(state, *reservation, deadline.unwrap_or(Timestamp::NEVER), touched);
        }
        Body::Fulfilled(Fulfilled { closes, .. }) | Body::Released(Released { closes }) => {
            for hold in closes {
                close(state, hold, touched);
            }
        }
        Body::Expired(Expired { reservations }) => {
            for reservation in reservations {
                expire(state, *reservation, touched);
            }
        }
        _ => {}
    }
}

fn reserve(
    state: &mut State,
    event: &Event,
    seq: Seq,
    deadline: Option<Timestamp>,
    lines: &[Line],
    touched: &mut Touched,
) {
    let Some(id) = event.envelope.command_id else { return };
    let deadline = deadline.unwrap_or(Timestamp::NEVER);
    let order = event.envelope.order.clone();
    if let Some(order) = &order {
        state.orders.insert((order.clone(), seq), ());
    }
    let reservation = Reservation {
        id,
        seq,
        reserved_at: event.envelope.recorded_at,
        order,
        deadline,
        lines: lines.iter().map(|line| HeldLine { position: line.position, open: line.quantity.0 }).collect(),
    };
    state.reservation_ids.insert(id, seq);
    state.reservations.insert(seq, reservation);
    if deadline != Timestamp::NEVER {
        state.deadlines.insert((deadline, seq), ());
    }
    for line in lines {
        hold(state, line.position, seq, deadline, 0, line.quantity.0, touched);
    }
}

/// Changes what a reservation holds at a position, in every place that counts it.
fn hold(
    state: &mut State,
    position: Position,
    seq: Seq,
    deadline: Timestamp,
    before: i64,
    after: i64,
    touched: &mut Touched,
) {
    let delta = after.saturating_sub(before);
    match after {
        0 => {
            state.holds.remove(&(position, seq));
        }
        after => state.holds.insert((position, seq), after),
    }
    let mut next = None;
    if deadline != Timestamp::NEVER {
        let key = (position, deadline);
        let open = state.lapses.get(&key).copied().unwrap_or(0).saturating_add(delta);
        match open {
            0 => {
                state.lapses.remove(&key);
                next = Some(state.earliest_lapse(position));
            }
            open => state.lapses.insert(key, open),
        }
    }
    let entry = touch(state, touched, position);
    entry.open = entry.open.saturating_add(delta);
    entry.next_deadline = Deadline(next.unwrap_or(entry.next_deadline.0.min(deadline)));
}

fn set_open(state: &mut State, seq: Seq, position: Position, open: i64, touched: &mut Touched) {
    let Some(reservation) = state.reservations.edit(&seq) else { return };
    let deadline = reservation.deadline;
    let before = reservation.open_on(position).unwrap_or(0);
    match reservation.lines.iter().position(|line| line.position == position) {
        Some(index) if open == 0 => {
            reservation.lines.remove(index);
        }
        Some(index) => reservation.lines[index].open = open,
        None if open == 0 => {}
        None => reservation.lines.push(HeldLine { position, open }),
    }
    hold(state, position, seq, deadline, before, open, touched);
}

fn close(state: &mut State, part: &HoldLine, touched: &mut Touched) {
    let Some(open) = state.reservations.get(&part.reservation).and_then(|held| held.open_on(part.position)) else {
        return;
    };
    set_open(state, part.reservation, part.position, open.saturating_sub(part.quantity.0).max(0), touched);
    forget_closed(state, part.reservation);
}

fn expire(state: &mut State, seq: Seq, touched: &mut Touched) {
    let Some(reservation) = state.reservations.get(&seq) else { return };
    let (deadline, lines) = (reservation.deadline, reservation.lines.clone());
    if let Some(reservation) = state.reservations.edit(&seq) {
        reservation.lines.clear();
    }
    for line in lines {
        hold(state, line.position, seq, deadline, line.open, 0, touched);
    }
    forget_closed(state, seq);
}

fn extend(state: &mut State, seq: Seq, deadline: Timestamp, touched: &mut Touched) {
    let Some(reservation) = state.reservations.edit(&seq) else { return };
    let before = std::mem::replace(&mut reservation.deadline, deadline);
    let lines = reservation.lines.clone();
    for line in &lines {
        hold(state, line.position, seq, before, line.open, 0, touched);
        hold(state, line.position, seq, deadline, 0, line.open, touched);
    }
    state.deadlines.remove(&(before, seq));
    if deadline != Timestamp::NEVER {
        state.deadlines.insert((deadline, seq), ());
    }
}

fn forget_closed(state: &mut State, seq: Seq) {
    if !state.reservations.get(&seq).is_some_and(|reservation| reservation.lines.is_empty()) {
        return;
    }
    let Some(reservation) = state.reservations.remove(&seq) else { return };
    state.reservation_ids.remove(&reservation.id);
    state.deadlines.remove(&(reservation.deadline, seq));
    if let Some(order) = reservation.order {
        state.orders.remove(&(order, seq));
    }
}

fn set_reorder_point(state: &mut State, position: Position, point: Option<Quantity>) {
    let entry = state.positions.edit_or_default(position);
    match (point, &mut entry.reorder) {
        (Some(point), Some(reorder)) => reorder.point = point,
        (Some(point), none) => *none = Some(Box::new(Reorder::at(point))),
        (None, reorder) => {
            let gone = reorder.take();
            for alert in gone.iter().flat_map(|reorder| reorder.alerts.iter().flatten()) {
                state.alerts.remove(&alert.id);
            }
        }
    }
}

fn set_alert(state: &mut State, id: AlertId, status: AlertStatus) {
    let Some((position, kind)) = state.alert(id) else { return };
    let Some(reorder) = state.positions.edit(&position).and_then(|entry| entry.reorder.as_mut()) else { return };
    if let Some(Some(alert)) = reorder.alerts.get_mut(kind.index()) {
        alert.status = status;
    }
}

/// The position that a line names, with its new version; its item has moved.
fn touch<'s>(state: &'s mut State, touched: &mut Touched, position: Position) -> &'s mut PositionState {
    if touched.last != Some(position) {
        touched.last = Some(position);
        if let Some(item) = state.items.get(&position.item)
            && item.moved == Moved::Never
        {
            edit_item(state, position.item, |item| item.moved = Moved::Once);
        }
    }
    renew(state, touched, position)
}

/// A position with its new version.
fn renew<'s>(state: &'s mut State, touched: &mut Touched, position: Position) -> &'s mut PositionState {
    let entry = state.positions.edit_or_default(position);
    entry.version = touched.seq;
    watch(touched, position, entry);
    entry
}

/// Remembers a position whose alerts depend on what changes there.
fn watch(touched: &mut Touched, position: Position, entry: &PositionState) {
    if entry.reorder.is_some() && touched.watched.last() != Some(&position) {
        touched.watched.push(position);
    }
}

fn look_at_alerts(state: &mut State, position: Position, seq: Seq, now: Timestamp) {
    let Some(level) = state.position(position).map(|entry| level(state, position, entry, now)) else { return };
    for kind in AlertKind::ALL {
        let Some(reorder) = state.positions.edit(&position).and_then(|entry| entry.reorder.as_mut()) else { return };
        let (old, change) = reorder.look(kind, position, level, seq, now);
        if let Some(old) = old {
            state.alerts.remove(&old);
        }
        if let Change::Raised(id) = change {
            state.alerts.insert(id, (position, kind));
        }
    }
}

/// What alerts look at: available plus inbound.
fn level(state: &State, position: Position, entry: &PositionState, now: Timestamp) -> i64 {
    state.available(position, now).saturating_add(entry.inbound)
}

fn saturate(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}
