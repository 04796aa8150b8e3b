//! The fold: what an event makes of the state. It can't refuse and can't panic; on a valid log nothing saturates.

use super::account::{Account, Place, Posting};
use super::alert::{AlertKind, Change};
use super::command::{Alias, AliasKind, AliasTarget};
use super::event::{Envelope, Event};
use super::ids::{ItemId, LocationId, LotId, Moment, Position, Seq, Timestamp, TransferId};
use super::state::{BucketState, Item, Moved, PositionState, State};
use super::text::AliasText;
use smallvec::SmallVec;

/// Folds the next event into the state.
pub fn evolve(state: &mut State, event: &Event) {
    let seq = state.next_seq();
    state.next_seq = seq.0 + 1;
    let recorded_at = event.envelope.recorded_at;
    if recorded_at > state.recorded_at {
        // A clock that has caught up with the log needs nobody's word.
        state.accepted_clock = None;
    }
    state.recorded_at = recorded_at;
    let (last, watched, transfers) = (None, SmallVec::new(), SmallVec::new());
    let mut at = Evolving { state, envelope: &event.envelope, seq, last, watched, transfers };
    let payload = event.body.payload();
    payload.evolve(&mut at);
    payload.postings(&mut |posting| at.post(&posting));
    at.finish();
}

/// The state while an event is folded into it.
pub(crate) struct Evolving<'a> {
    pub(super) state: &'a mut State,
    pub(super) envelope: &'a Envelope,
    /// The event's place: the new version of the positions that its lines name.
    pub(super) seq: Seq,
    /// The position that was touched last.
    last: Option<Position>,
    /// Positions with a reorder point: their alerts are looked at in the end.
    watched: SmallVec<[Position; 1]>,
    /// Transfers of which something may have been settled.
    transfers: SmallVec<[TransferId; 1]>,
}

impl Evolving<'_> {
    /// What orders the event's movements.
    pub(super) fn moment(&self) -> Moment {
        self.envelope.moment()
    }

    /// Both ends of a posting.
    fn post(&mut self, posting: &Posting) {
        let at = self.moment();
        self.put(posting, posting.from, -i128::from(posting.quantity), at);
        self.put(posting, posting.to, i128::from(posting.quantity), at);
    }

    fn put(&mut self, posting: &Posting, place: Place, delta: i128, at: Moment) {
        match place {
            Place::Account(account) => self.edit_item(posting.item, |item| item.accounts.add(account, delta)),
            Place::Transit(transfer, lot) => {
                self.edit_item(posting.item, |item| item.accounts.add(Account::Transit, delta));
                self.add_transit(transfer, (posting.item, lot), saturate(delta));
            }
            Place::Bucket(position, bucket) => {
                let moves = move_bucket(self.touch(position).bucket_mut(bucket), saturate(delta), at);
                self.edit_item(position.item, |item| match moves {
                    true => item.accounts.add_bucket(bucket, delta),
                    false => item.accounts.add(Account::Variance, delta),
                });
            }
        }
    }

    fn add_transit(&mut self, transfer: TransferId, key: (ItemId, LotId), delta: i64) {
        self.settle(transfer);
        let entry = self.state.transfers.edit_or_default(transfer);
        let before = entry.lines.get(&key).copied().unwrap_or(0);
        let after = before.saturating_add(delta);
        match after {
            0 => entry.lines.remove(&key),
            after => entry.lines.insert(key, after),
        };
        let to = Position::of_lot(key.0, entry.to, key.1);
        let inbound = after.max(0).saturating_sub(before.max(0));
        if inbound != 0 {
            let position = self.state.positions.edit_or_default(to);
            position.inbound = position.inbound.saturating_add(inbound);
            watch(&mut self.watched, to, position);
        }
    }

    /// A transfer that was not known goes there.
    pub(super) fn destine(&mut self, transfer: TransferId, to: LocationId) {
        if self.state.transfers.get(&transfer).is_none() {
            self.state.transfers.edit_or_default(transfer).to = to;
        }
        self.settle(transfer);
    }

    /// A transfer of which nothing is under way in the end is forgotten.
    pub(super) fn settle(&mut self, transfer: TransferId) {
        if !self.transfers.contains(&transfer) {
            self.transfers.push(transfer);
        }
    }

    /// A text names a thing from now on.
    pub(super) fn name(&mut self, kind: AliasKind, text: &AliasText, target: AliasTarget) {
        self.state.aliases.insert(Alias { kind, text: text.clone() }, target);
    }

    pub(super) fn edit_item(&mut self, item: ItemId, edit: impl FnOnce(&mut Item)) {
        if let Some(item) = self.state.items.edit(&item) {
            edit(item);
        }
    }

    /// The position that a line names, with its new version; its item has moved.
    pub(super) fn touch(&mut self, position: Position) -> &mut PositionState {
        if self.last != Some(position) {
            self.last = Some(position);
            if let Some(item) = self.state.items.get(&position.item)
                && item.moved == Moved::Never
            {
                self.edit_item(position.item, |item| item.moved = Moved::Once);
            }
        }
        self.renew(position)
    }

    /// A position with its new version.
    pub(super) fn renew(&mut self, position: Position) -> &mut PositionState {
        let entry = self.state.positions.edit_or_default(position);
        entry.version = self.seq;
        watch(&mut self.watched, position, entry);
        entry
    }

    fn finish(&mut self) {
        for transfer in &self.transfers {
            if self.state.transfers.get(transfer).is_some_and(|entry| entry.lines.is_empty()) {
                self.state.transfers.remove(transfer);
            }
        }
        for position in &self.watched {
            look_at_alerts(self.state, *position, self.seq, self.envelope.recorded_at);
        }
    }
}

/// Remembers a position whose alerts depend on what changes there.
fn watch(watched: &mut SmallVec<[Position; 1]>, position: Position, entry: &PositionState) {
    if entry.reorder.is_some() && watched.last() != Some(&position) {
        watched.push(position);
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
