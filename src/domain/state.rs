//! The state: what follows from the events so far, as much as deciding the next one needs.
//!
//! Its size follows what is open now (items, positions, open holds, transfers under way), never the log's length.

use super::account::Account;
use super::alert::AlertKind;
use super::alert::Reorder;
use super::command::{Alias, AliasTarget, ItemStatus, UseStatus};
use super::ids::{
    AlertId, CommandId, ItemId, LedgerId, LocationId, LotId, Moment, Position, Seq, Timestamp, TransferId,
};
use super::line::Bucket;
use super::text::{AliasText, OrderRef, Zone};
use super::tracked::{Mark, TrackedMap, TrackedTree};
use hashbrown::DefaultHashBuilder;
use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use std::ops::Bound::{Excluded, Included};

/// What follows from the events up to a place in the log.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    pub(super) next_seq: u64,
    pub(super) recorded_at: Timestamp,
    /// The clock that somebody accepted last, until an event is recorded later than that was.
    pub(super) accepted_clock: Option<Timestamp>,
    pub(super) ledger: Option<LedgerId>,
    pub(super) rules: u16,
    pub(super) items: TrackedMap<ItemId, Item, FxBuildHasher>,
    pub(super) locations: TrackedMap<LocationId, Location, FxBuildHasher>,
    pub(super) lots: TrackedMap<LotId, Lot, FxBuildHasher>,
    pub(super) aliases: TrackedMap<Alias, AliasTarget, DefaultHashBuilder>,
    pub(super) positions: TrackedMap<Position, PositionState, FxBuildHasher>,
    pub(super) reservations: TrackedMap<Seq, Reservation, FxBuildHasher>,
    pub(super) reservation_ids: TrackedMap<CommandId, Seq, DefaultHashBuilder>,
    /// Open reservations by order and age.
    pub(super) orders: TrackedTree<(OrderRef, Seq), ()>,
    /// Open quantity per position and reservation, ascending by age.
    pub(super) holds: TrackedTree<(Position, Seq), i64>,
    /// Open quantity per position and deadline, where there is a deadline.
    pub(super) lapses: TrackedTree<(Position, Timestamp), i64>,
    /// Reservations that lapse, in order of their deadlines.
    pub(super) deadlines: TrackedTree<(Timestamp, Seq), ()>,
    pub(super) transfers: TrackedMap<TransferId, Transfer, DefaultHashBuilder>,
    pub(super) alerts: TrackedMap<AlertId, (Position, AlertKind), DefaultHashBuilder>,
}

/// An item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// The SKU that it was made with, as it was renamed since.
    pub sku: AliasText,
    /// Decimal places of its quantities.
    pub decimals: u8,
    /// What may be promised of it.
    pub status: ItemStatus,
    /// Whether its decimals are fixed because it has moved.
    pub moved: Moved,
    /// The sums of its accounts.
    pub accounts: Accounts,
}

/// Whether an item has had a movement or a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Moved {
    /// Not yet: its decimals may change.
    #[default]
    Never,
    /// It has: its decimals are fixed.
    Once,
}

/// The sums of an item's accounts and buckets, in smallest units; together zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Accounts {
    /// Minus what suppliers delivered.
    pub supplier: i128,
    /// What customers have.
    pub customer: i128,
    /// What was lost.
    pub loss: i128,
    /// Minus what turned up.
    pub found: i128,
    /// Minus what counts put right.
    pub variance: i128,
    /// What is under way.
    pub transit: i128,
    /// What can be sold.
    pub sellable: i128,
    /// What can't.
    pub unsellable: i128,
}

impl Accounts {
    /// The sum over all of them: zero, or the history is wrong.
    #[must_use]
    pub const fn sum(&self) -> i128 {
        self.supplier
            + self.customer
            + self.loss
            + self.found
            + self.variance
            + self.transit
            + self.sellable
            + self.unsellable
    }

    /// The account that is furthest from zero, as a magnitude.
    #[must_use]
    pub fn furthest(&self) -> i128 {
        let all = [
            self.supplier,
            self.customer,
            self.loss,
            self.found,
            self.variance,
            self.transit,
            self.sellable,
            self.unsellable,
        ];
        all.into_iter().map(i128::abs).max().unwrap_or(0)
    }

    pub(super) fn add(&mut self, account: Account, quantity: i128) {
        let field = match account {
            Account::Supplier => &mut self.supplier,
            Account::Customer => &mut self.customer,
            Account::Loss => &mut self.loss,
            Account::Found => &mut self.found,
            Account::Variance => &mut self.variance,
            Account::Transit => &mut self.transit,
        };
        *field += quantity;
    }

    pub(super) fn add_bucket(&mut self, bucket: Bucket, quantity: i128) {
        match bucket {
            Bucket::Sellable => self.sellable += quantity,
            Bucket::Unsellable => self.unsellable += quantity,
        }
    }
}

/// A location.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Location {
    /// The code that it was made with, as it was renamed since.
    pub code: AliasText,
    /// Its time zone.
    #[serde(deserialize_with = "zone_from_log")]
    pub zone: Zone,
    /// Whether it is in use.
    pub status: UseStatus,
    /// What happened before this instant lies in a closed period; none while nothing is closed.
    pub closed_until: Option<Timestamp>,
}

fn zone_from_log<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Zone, D::Error> {
    let name = String::deserialize(deserializer)?;
    Zone::from_log(&name).map_err(serde::de::Error::custom)
}

/// A lot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lot {
    /// Its item.
    pub item: ItemId,
    /// The code that it was made with, as it was renamed since.
    pub code: AliasText,
    /// Whether it is in use.
    pub status: UseStatus,
}

/// What is known of a position.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct PositionState {
    /// Can be promised and shipped.
    pub sellable: BucketState,
    /// Can't.
    pub unsellable: BucketState,
    /// Open quantity of all holds, lapsed ones that are not closed yet included.
    pub open: i64,
    /// The earliest deadline among its holds; [`Timestamp::NEVER`] where there is none.
    pub(super) next_deadline: Deadline,
    /// Under way to here.
    pub inbound: i64,
    /// The last event that touched it.
    pub version: Seq,
    /// Its reorder point and alerts.
    pub reorder: Option<Box<Reorder>>,
}

/// A deadline that is never unless set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Deadline(pub(super) Timestamp);

impl Default for Deadline {
    fn default() -> Self {
        Self(Timestamp::NEVER)
    }
}

impl PositionState {
    /// One of its buckets.
    #[must_use]
    pub const fn bucket(&self, bucket: Bucket) -> &BucketState {
        match bucket {
            Bucket::Sellable => &self.sellable,
            Bucket::Unsellable => &self.unsellable,
        }
    }

    pub(super) fn bucket_mut(&mut self, bucket: Bucket) -> &mut BucketState {
        match bucket {
            Bucket::Sellable => &mut self.sellable,
            Bucket::Unsellable => &mut self.unsellable,
        }
    }

    /// Sellable and unsellable together; negative where a receipt was never recorded.
    #[must_use]
    pub const fn physical(&self) -> i64 {
        self.sellable.quantity.saturating_add(self.unsellable.quantity)
    }
}

/// One bucket of a position.
#[derive(Clone, Copy, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct BucketState {
    /// How much is in it.
    pub quantity: i64,
    /// The moment of its last count.
    pub anchor: Option<Moment>,
    /// The moment of its latest movement: a count before it is late.
    pub latest: Option<Moment>,
}

impl BucketState {
    /// Whether a movement of this moment, recorded next, changes the bucket: one before its last count does not, nor
    /// one dated at the count's instant; what is recorded behind a count in one group does.
    #[must_use]
    pub fn moves_at(&self, at: Moment) -> bool {
        self.anchor.is_none_or(|anchor| at > anchor || (at == anchor && at.is_recorded()))
    }

    /// Whether a count of this moment, recorded next, is the last one in order.
    #[must_use]
    pub fn anchors_at(&self, at: Moment) -> bool {
        self.anchor.is_none_or(|anchor| at >= anchor)
    }
}

/// An open reservation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reservation {
    /// The command that made it.
    pub id: CommandId,
    /// The event that made it.
    pub seq: Seq,
    /// When it was recorded.
    pub reserved_at: Timestamp,
    /// The order that it is for.
    pub order: Option<OrderRef>,
    /// When it lapses; [`Timestamp::NEVER`] where it has no deadline.
    pub deadline: Timestamp,
    /// What it holds.
    pub lines: SmallVec<[HeldLine; 1]>,
}

impl Reservation {
    /// Whether it holds anything at this instant.
    #[must_use]
    pub fn is_held(&self, now: Timestamp) -> bool {
        self.deadline > now
    }

    /// What is open on a position.
    #[must_use]
    pub fn open_on(&self, position: Position) -> Option<i64> {
        self.lines.iter().find(|line| line.position == position).map(|line| line.open)
    }
}

/// One line of an open reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldLine {
    /// Where.
    pub position: Position,
    /// What is open of it.
    pub open: i64,
}

/// A transfer under way.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Transfer {
    /// Where it goes: fixed by the first event that names it.
    pub to: LocationId,
    /// What is under way of each item and lot; negative where more arrived than left. Never zero.
    pub lines: std::collections::BTreeMap<(ItemId, LotId), i64>,
}

impl State {
    /// The place of the next event; also the number of events so far.
    #[must_use]
    pub const fn next_seq(&self) -> Seq {
        Seq(self.next_seq)
    }

    /// When the last event was recorded.
    #[must_use]
    pub const fn recorded_at(&self) -> Timestamp {
        self.recorded_at
    }

    /// What a clock is held against that was not watched meanwhile: the one that somebody accepted last, as long as
    /// recorded time stands still since; otherwise the time of the last event.
    #[must_use]
    pub fn trusted_clock(&self) -> Timestamp {
        self.accepted_clock.unwrap_or(self.recorded_at)
    }

    /// The ledger's own name, once there is a genesis event.
    #[must_use]
    pub const fn ledger(&self) -> Option<LedgerId> {
        self.ledger
    }

    /// The version of the rules in force.
    #[must_use]
    pub const fn rules(&self) -> u16 {
        self.rules
    }

    /// An item.
    #[must_use]
    pub fn item(&self, item: ItemId) -> Option<&Item> {
        self.items.get(&item)
    }

    /// A location.
    #[must_use]
    pub fn location(&self, location: LocationId) -> Option<&Location> {
        self.locations.get(&location)
    }

    /// A lot.
    #[must_use]
    pub fn lot(&self, lot: LotId) -> Option<&Lot> {
        self.lots.get(&lot)
    }

    /// How many items, locations and lots there are.
    #[must_use]
    pub fn entity_counts(&self) -> (usize, usize, usize) {
        (self.items.len(), self.locations.len(), self.lots.len())
    }

    /// What an alias names.
    #[must_use]
    pub fn alias(&self, alias: &Alias) -> Option<AliasTarget> {
        self.aliases.get(alias).copied()
    }

    /// Every alias in use, in no order.
    pub fn aliases(&self) -> impl Iterator<Item = (&Alias, &AliasTarget)> {
        self.aliases.iter()
    }

    /// A position that an event has touched.
    #[must_use]
    pub fn position(&self, position: Position) -> Option<&PositionState> {
        self.positions.get(&position)
    }

    /// Every position that an event has touched, in no order.
    pub fn positions(&self) -> impl Iterator<Item = (&Position, &PositionState)> {
        self.positions.iter()
    }

    /// How many positions an event has touched.
    #[must_use]
    pub fn position_count(&self) -> usize {
        self.positions.len()
    }

    /// Every item, in no order.
    pub fn items(&self) -> impl Iterator<Item = (&ItemId, &Item)> {
        self.items.iter()
    }

    /// Every location, in no order.
    pub fn locations(&self) -> impl Iterator<Item = (&LocationId, &Location)> {
        self.locations.iter()
    }

    /// Every lot, in no order.
    pub fn lots(&self) -> impl Iterator<Item = (&LotId, &Lot)> {
        self.lots.iter()
    }

    /// Units held at a position by open reservations whose deadline is later than `now`.
    #[must_use]
    pub fn held(&self, position: Position, now: Timestamp) -> i64 {
        self.positions.get(&position).map_or(0, |state| self.held_of(position, state, now))
    }

    /// Units that can be promised at a position: sellable less held.
    #[must_use]
    pub fn available(&self, position: Position, now: Timestamp) -> i64 {
        self.positions
            .get(&position)
            .map_or(0, |state| state.sellable.quantity.saturating_sub(self.held_of(position, state, now)))
    }

    /// The same as [`State::held`] for a caller that has looked the position up already.
    #[must_use]
    pub fn held_of(&self, position: Position, state: &PositionState, now: Timestamp) -> i64 {
        if state.next_deadline.0 > now {
            return state.open;
        }
        let lapsed: i64 = self
            .lapses
            .range((Included((position, Timestamp(i64::MIN))), Included((position, now))))
            .map(|(_, quantity)| quantity)
            .sum();
        state.open.saturating_sub(lapsed)
    }

    /// What is open at a position of holds whose deadline is not later than `until`, by deadline.
    pub fn lapses_at(&self, position: Position, until: Timestamp) -> impl Iterator<Item = (Timestamp, i64)> {
        self.lapses
            .range((Included((position, Timestamp(i64::MIN))), Included((position, until))))
            .map(|(&(_, deadline), &open)| (deadline, open))
    }

    /// An open reservation by the event that made it (lapsed ones that are not closed yet included).
    #[must_use]
    pub fn reservation(&self, seq: Seq) -> Option<&Reservation> {
        self.reservations.get(&seq)
    }

    /// An open reservation by its id (lapsed ones that are not closed yet included).
    #[must_use]
    pub fn reservation_by_id(&self, id: CommandId) -> Option<&Reservation> {
        self.reservations.get(self.reservation_ids.get(&id)?)
    }

    /// The open reservations of an order, oldest first (lapsed ones that are not closed yet included).
    pub fn reservations_of(&self, order: &OrderRef) -> impl Iterator<Item = &Reservation> {
        let (first, last) = ((order.clone(), Seq(0)), (order.clone(), Seq(u64::MAX)));
        self.orders.range(first..=last).filter_map(|((_, seq), ())| self.reservations.get(seq))
    }

    /// Every open reservation, in no order (lapsed ones that are not closed yet included).
    pub fn reservations(&self) -> impl Iterator<Item = &Reservation> {
        self.reservations.iter().map(|(_, reservation)| reservation)
    }

    /// The open quantities at a position with the reservation that holds each, oldest first.
    pub fn holds_at(&self, position: Position) -> impl DoubleEndedIterator<Item = (Seq, i64)> {
        self.holds
            .range((Included((position, Seq(0))), Included((position, Seq(u64::MAX)))))
            .map(|(&(_, seq), &open)| (seq, open))
    }

    /// Reservations whose deadline is not later than `now`, earliest first.
    pub fn lapsed(&self, now: Timestamp) -> impl Iterator<Item = &Reservation> {
        self.deadlines.range(..=(now, Seq(u64::MAX))).filter_map(|((_, seq), ())| self.reservations.get(seq))
    }

    /// The earliest deadline of all open reservations.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.deadlines.range(..).next().map(|((deadline, _), ())| *deadline)
    }

    /// A transfer under way.
    #[must_use]
    pub fn transfer(&self, transfer: TransferId) -> Option<&Transfer> {
        self.transfers.get(&transfer)
    }

    /// Every transfer under way, in no order.
    pub fn transfers(&self) -> impl Iterator<Item = (&TransferId, &Transfer)> {
        self.transfers.iter()
    }

    /// The position and kind of an alert: the last one of its kind there.
    #[must_use]
    pub fn alert(&self, alert: AlertId) -> Option<(Position, AlertKind)> {
        self.alerts.get(&alert).copied()
    }

    /// Every alert that is the last one of its kind at its position, in no order.
    pub fn alerts(&self) -> impl Iterator<Item = (AlertId, Position, AlertKind)> {
        self.alerts.iter().map(|(&alert, &(position, kind))| (alert, position, kind))
    }

    /// The earliest deadline at a position after a change there.
    pub(super) fn earliest_lapse(&self, position: Position) -> Timestamp {
        self.lapses
            .range((Included((position, Timestamp(i64::MIN))), Excluded((position, Timestamp::NEVER))))
            .next()
            .map_or(Timestamp::NEVER, |((_, deadline), _)| *deadline)
    }

    /// Remembers from here on what is changed, to be kept or taken back as a whole.
    pub fn mark(&mut self) -> StateMark {
        let scalars = StateMark {
            next_seq: self.next_seq,
            recorded_at: self.recorded_at,
            accepted_clock: self.accepted_clock,
            ledger: self.ledger,
            rules: self.rules,
        };
        self.each_map(|map| map.mark());
        scalars
    }

    /// Keeps what was done since the mark.
    pub fn keep(&mut self) {
        self.each_map(|map| map.keep());
    }

    /// Goes back to the mark.
    pub fn take_back(&mut self, mark: StateMark) {
        self.each_map(|map| map.take_back());
        self.next_seq = mark.next_seq;
        self.recorded_at = mark.recorded_at;
        self.accepted_clock = mark.accepted_clock;
        self.ledger = mark.ledger;
        self.rules = mark.rules;
    }

    fn each_map(&mut self, mut act: impl FnMut(&mut dyn Mark)) {
        act(&mut self.items);
        act(&mut self.locations);
        act(&mut self.lots);
        act(&mut self.aliases);
        act(&mut self.positions);
        act(&mut self.reservations);
        act(&mut self.reservation_ids);
        act(&mut self.orders);
        act(&mut self.holds);
        act(&mut self.lapses);
        act(&mut self.deadlines);
        act(&mut self.transfers);
        act(&mut self.alerts);
    }
}

/// Where the state stood when a mark was set.
#[derive(Debug)]
#[must_use = "give it back to `take_back`, or call `keep`"]
pub struct StateMark {
    next_seq: u64,
    recorded_at: Timestamp,
    accepted_clock: Option<Timestamp>,
    ledger: Option<LedgerId>,
    rules: u16,
}
