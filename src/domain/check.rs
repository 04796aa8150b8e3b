//! What makes an event legal, stated for each kind on its own: how a history of well-hashed lies is found.
//!
//! Nothing here is shared with the code that decides commands; both follow the same written rules. An event is
//! checked against the state before it ([`check`]) and the state after it ([`check_after`]). What needs more of
//! the past than the state holds comes back as a [`Claim`], to be settled by whoever can read the log again;
//! that command ids and external ids are unique is up to them as well.
#![doc = include_str!("RULES.md")]

mod envelope;
mod facts;
mod holds;
mod period;
mod registry;

use super::account::{Place, for_each_posting};
use super::alert::AlertStatus;
use super::command::Departure;
use super::event::Fulfilled;
use super::event::{Amended, Body, Counted, Event, Reserved};
use super::ids::{AlertId, ItemId, LocationId, LotId, Moment, Position, Timestamp};
use super::line::{Bucket, Line};
use super::state::State;
use super::text::OrderRef;
use crate::limits::{BALANCE_UNITS_MAX, LINES_MAX, QUANTITY_UNITS_MAX};
use std::fmt;

macro_rules! rules {
    ($($id:ident $name:literal $says:literal;)*) => {
        pub(crate) mod rule {
            //! The names of the rules.
            $(pub(crate) const $id: &str = $name;)*
        }

        /// Every rule that an event can break: its stable name and what it says.
        pub const RULES: &[(&str, &str)] = &[$(($name, $says)),*];
    };
}

rules! {
    GENESIS_FIRST "genesis_first" "Event 0 is the genesis event and no other event is one.";
    RULES_KNOWN "rules_known" "The genesis event and every change of the rules name a version of format and rules that exists; a change names a later version than the one in force.";
    TIME_BACKWARDS "time_backwards" "An event is not recorded earlier than the one before it.";
    GROUP_TIME "group_time" "All events of a group carry the same recorded_at.";
    UNIT_WHOLE "unit_whole" "A unit has at most 1,024 events, and all of them answer commands.";
    COMMAND_ID "command_id" "Every event that answers a command carries the command's id.";
    COMMAND_ID_UNIQUE "command_id_unique" "A command id stands in the log once.";
    EXTERNAL_ID_UNIQUE "external_id_unique" "A till's source and external id stand together in the log once.";
    LEDGER_EVENT "ledger_event" "Genesis, expiry, clock and rules events carry no command id, no order, a digest of zeros, and never continue a unit.";
    OCCURRED_KIND "occurred_kind" "Only facts and counts carry occurred_at; a fulfilment only when the goods had left already.";
    OCCURRED_RANGE "occurred_range" "occurred_at is not before 1900 and at most five minutes after recorded_at.";
    CAUSE_KNOWN "cause_known" "An event named as the cause is an earlier one.";
    REASON_GIVEN "reason_given" "An adjustment carries a reason.";
    LINES_COUNT "lines_count" "A command's list of lines has 1 to 4,096 of them; a list of closed holds has at least one.";
    QUANTITY_RANGE "quantity_range" "Every quantity lies in the range that its kind of line allows.";
    ENTERED_FORM "entered_form" "An entered quantity is 1 to 24 characters out of digits, minus and point.";
    ITEM_EXISTS "item_exists" "Every item named exists.";
    LOCATION_EXISTS "location_exists" "Every location named exists.";
    LOT_EXISTS "lot_exists" "Every lot named exists and belongs to the item beside it.";
    NEXT_ID "next_id" "A new item, location or lot has the next number, and there are at most 16,777,216 of each.";
    DECIMALS_RANGE "decimals_range" "An item has at most 6 decimals.";
    DECIMALS_FIXED "decimals_fixed" "The decimals of an item that has moved do not change.";
    ALIAS_FREE "alias_free" "A new alias, or the new text of one, is not in use in its name space.";
    ALIAS_KNOWN "alias_known" "An alias that is renamed, merged or retired is in use.";
    ALIAS_PAIRING "alias_pairing" "An alias names a thing of the sort that its kind is for.";
    NO_CHANGE "no_change" "A setting, rename, merge, amendment, extension or acknowledgement changes something.";
    BUCKET_SELLABLE "bucket_sellable" "Lines of reservations, of transfers that leave and of goods that left without a hold are of sellable stock.";
    POSITION_ONCE "position_once" "A reservation, an amendment and a count name a position (and bucket) once.";
    DEADLINE_RANGE "deadline_range" "A deadline is later than recorded_at and not after the year 9999.";
    STATUS_ACTIVE "status_active" "What is promised is of an active item, at an active location, of an active lot.";
    AVAILABLE "available" "What is promised anew at a position was available there.";
    RESERVATION_OPEN "reservation_open" "A reservation that is changed or closed is open, and has not lapsed unless it expires.";
    ORDER_MATCHES "order_matches" "Reservations that are closed belong to the event's order; several are closed at once only by an order.";
    HOLD_OPEN "hold_open" "No more is closed of a hold than is open.";
    CLOSE_ORDER "close_order" "Closed holds stand in order of reservation and of position within it, each once.";
    OLDEST_FIRST "oldest_first" "Of the holds of an order on a position, a younger one is closed only when all older ones are used up.";
    SELLABLE "sellable" "What is fulfilled now was sellable.";
    DEPARTURE "departure" "Only goods that had left already leave without a hold, and only where the holds closed beside them are used up.";
    BUCKET_STOCK "bucket_stock" "What is reclassified was in its bucket.";
    RETURN_DISPOSITION "return_disposition" "A returned line says where it goes, and its bucket agrees.";
    RETURN_ORDER "return_order" "A return against an order carries the order.";
    RETURN_SHIPPED "return_shipped" "No more comes back against an order than went out on it and has not come back.";
    RETURN_EXCESS "return_excess" "A return with an order is unreferenced only for what exceeds that.";
    LATER_SUM "later_sum" "The later movements that a count states are those in the log, and zero where it is not late or changes nothing.";
    PERIOD_CLOSED "period_closed" "A count is not dated before the instant up to which its location is closed.";
    PERIOD_FORWARD "period_forward" "A location is closed up to a later instant than it was.";
    PERIOD_OVER "period_over" "A period that is closed is over when that is recorded.";
    PERIOD_LOCAL "period_local" "The instant at which a period ends is at most a day from its local date and time.";
    TRANSFER_DESTINATION "transfer_destination" "A transfer goes to another location than its lines leave.";
    TRANSFER_KNOWN "transfer_known" "A transfer that is closed has something in transit.";
    TRANSFER_REST "transfer_rest" "The rest of a transfer is exactly what is in transit.";
    EXPIRY_DUE "expiry_due" "A hold expires at or after its deadline.";
    EXPIRY_ORDER "expiry_order" "Expired reservations stand in order of deadline and age, each once.";
    EXPIRY_SIZE "expiry_size" "An expiry event names at least one reservation, and at most 4,096 lines unless it is of one reservation.";
    ALERT_KNOWN "alert_known" "An alert that is acknowledged, resolved or dismissed is the last one of its kind at its position.";
    ALERT_OPEN "alert_open" "An alert that is acknowledged, resolved or dismissed is open.";
    CLOCK_ACCEPTED "clock_accepted" "A clock that is accepted does not say more than recorded_at.";
    BALANCE_RANGE "balance_range" "After an event no bucket, reserved quantity, transit or account lies beyond a quintillion units.";
}

/// The rule that no event can break, because both ends of a movement are booked at once; checked all the same.
pub const DOUBLE_ENTRY: (&str, &str) = ("double_entry", "The accounts of an item sum to zero after every event.");

/// What is wrong with an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The stable name of the rule, out of [`RULES`] or [`DOUBLE_ENTRY`].
    pub rule: &'static str,
    /// What is wrong, with figures.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.what, self.rule)
    }
}

impl std::error::Error for Violation {}

/// What an event says of the past that the state can't confirm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// A late count's sum of the bucket's movements recorded before it that happened after its instant.
    Later {
        /// Where.
        position: Position,
        /// Which bucket.
        bucket: Bucket,
        /// The count's instant.
        at: Moment,
        /// The sum stated.
        later: i64,
    },
    /// A return that rests on what went out on its order.
    Returned {
        /// The order.
        order: OrderRef,
    },
}

/// Checks an event against the state before it.
///
/// What only the log can confirm is added to `claims`.
///
/// # Errors
/// The first rule that the event breaks, with figures.
pub fn check(state: &State, event: &Event, claims: &mut Vec<Claim>) -> Result<(), Violation> {
    envelope::check(state, event, sort(&event.body))?;
    let at = Ground { state, event };
    match &event.body {
        Body::Genesis(_) => Ok(()),
        Body::RulesChanged(event) => envelope::rules_changed(state, event.rules),
        Body::ClockAccepted(accepted) => envelope::clock_accepted(event, accepted.clock),
        Body::ItemCreated(event) => registry::item_created(&at, event),
        Body::DecimalsSet(event) => registry::decimals_set(&at, event),
        Body::ItemStatusSet(event) => registry::item_status_set(&at, event),
        Body::LocationCreated(event) => registry::location_created(&at, event),
        Body::LocationStatusSet(event) => registry::location_status_set(&at, event),
        Body::LotCreated(event) => registry::lot_created(&at, event),
        Body::LotStatusSet(event) => registry::lot_status_set(&at, event),
        Body::AliasAdded(event) => registry::alias_added(&at, event),
        Body::AliasRenamed(event) => registry::alias_renamed(&at, event),
        Body::AliasMerged(event) => registry::alias_merged(&at, event),
        Body::AliasRetired(event) => registry::alias_retired(&at, event),
        Body::ReorderPointSet(event) => registry::reorder_point_set(&at, event),
        Body::PeriodClosed(event) => period::closed(&at, event.location, event.until, event.closed_until),
        Body::Received(event) => at.lines(&event.lines, Range::Positive),
        Body::PosDelta(event) => facts::pos_delta(&at, &event.delta),
        Body::Returned(event) => facts::returned(&at, event, claims),
        Body::Adjusted(event) => facts::adjusted(&at, &event.lines),
        Body::Counted(event) => facts::counted(&at, &event.lines, claims),
        Body::TransferShipped(event) => facts::shipped(&at, event.to, &event.lines),
        Body::TransferReceived(event) => at.lines(&event.lines, Range::Positive),
        Body::TransferClosed(event) => facts::closed(&at, event.transfer, &event.rest),
        Body::Reclassified(event) => facts::reclassified(&at, &event.lines),
        Body::Reserved(event) => holds::reserved(&at, event.deadline, &event.lines),
        Body::Amended(event) => holds::amended(&at, event.reservation, &event.lines),
        Body::Extended(event) => holds::extended(&at, event.reservation, event.deadline),
        Body::Fulfilled(event) => holds::fulfilled(&at, event.departure, &event.closes, &event.unreserved),
        Body::Released(event) => holds::released(&at, &event.closes),
        Body::Expired(event) => holds::expired(&at, &event.reservations),
        Body::AlertAcknowledged(event) => alert_open(state, event.alert, Answer::Acknowledge),
        Body::AlertResolved(event) => alert_open(state, event.alert, Answer::Close),
        Body::AlertDismissed(event) => alert_open(state, event.alert, Answer::Close),
    }
}

/// Who may write a kind of event, and whether it may be dated.
#[derive(Clone, Copy, PartialEq)]
enum Sort {
    /// Only the ledger.
    Ledger,
    /// It answers a command, and happens when it is recorded.
    Command,
    /// It answers a command that says what happened, perhaps earlier.
    Fact,
}

const fn sort(body: &Body) -> Sort {
    match body {
        Body::Genesis(_) | Body::Expired(_) | Body::ClockAccepted(_) | Body::RulesChanged(_) => Sort::Ledger,
        Body::Received(_)
        | Body::PosDelta(_)
        | Body::Returned(_)
        | Body::Adjusted(_)
        | Body::Counted(_)
        | Body::TransferShipped(_)
        | Body::TransferReceived(_)
        | Body::TransferClosed(_)
        | Body::Fulfilled(Fulfilled { departure: Departure::AlreadyLeft, .. }) => Sort::Fact,
        Body::ItemCreated(_)
        | Body::DecimalsSet(_)
        | Body::ItemStatusSet(_)
        | Body::LocationCreated(_)
        | Body::LocationStatusSet(_)
        | Body::LotCreated(_)
        | Body::LotStatusSet(_)
        | Body::AliasAdded(_)
        | Body::AliasRenamed(_)
        | Body::AliasMerged(_)
        | Body::AliasRetired(_)
        | Body::ReorderPointSet(_)
        | Body::PeriodClosed(_)
        | Body::Reclassified(_)
        | Body::Reserved(_)
        | Body::Amended(_)
        | Body::Extended(_)
        | Body::Fulfilled(Fulfilled { departure: Departure::Now, .. })
        | Body::Released(_)
        | Body::AlertAcknowledged(_)
        | Body::AlertResolved(_)
        | Body::AlertDismissed(_) => Sort::Command,
    }
}

/// Checks the state that an event has led to, as far as the event concerns it: double entry and ranges.
///
/// # Errors
/// [`DOUBLE_ENTRY`], or `balance_range` with the figure.
pub fn check_after(state: &State, event: &Event) -> Result<(), Violation> {
    let mut result = Ok(());
    for_each_posting(event, |posting| {
        if result.is_ok() {
            result = place_after(state, posting.item, posting.from)
                .and_then(|()| place_after(state, posting.item, posting.to))
                .and_then(|()| item_after(state, posting.item));
        }
    });
    result?;
    // What changes without a posting: buckets by counts, what is open by promises. All else that changes gets less.
    if let Body::Counted(Counted { lines }) = &event.body {
        lines.iter().try_for_each(|line| {
            position_after(state, line.position)?;
            item_after(state, line.position.item)
        })?;
    }
    if let Body::Reserved(Reserved { lines, .. }) | Body::Amended(Amended { lines, .. }) = &event.body {
        lines.iter().try_for_each(|line| position_after(state, line.position))?;
    }
    Ok(())
}

fn place_after(state: &State, item: ItemId, place: Place) -> Result<(), Violation> {
    match place {
        Place::Bucket(position, _) => position_after(state, position),
        Place::Account(_) => Ok(()),
        Place::Transit(transfer, lot) => {
            let Some(transfer) = state.transfer(transfer) else { return Ok(()) };
            let quantity = transfer.lines.get(&(item, lot)).copied().unwrap_or(0);
            in_balance(i128::from(quantity), || format!("the transit of item {item}"))?;
            position_after(state, Position::of_lot(item, transfer.to, lot))
        }
    }
}

fn position_after(state: &State, position: Position) -> Result<(), Violation> {
    let Some(entry) = state.position(position) else { return Ok(()) };
    let (sellable, unsellable) = (entry.sellable.quantity, entry.unsellable.quantity);
    // Almost always all is well, and this is asked of every event.
    if [sellable, unsellable, entry.open, entry.inbound].iter().all(|figure| figure.unsigned_abs() <= BALANCE_MAX) {
        return Ok(());
    }
    in_balance(i128::from(sellable), || format!("sellable of {position}"))?;
    in_balance(i128::from(unsellable), || format!("unsellable of {position}"))?;
    in_balance(i128::from(entry.open), || format!("reserved of {position}"))?;
    in_balance(i128::from(entry.inbound), || format!("inbound of {position}"))
}

const BALANCE_MAX: u64 = BALANCE_UNITS_MAX.unsigned_abs();

fn item_after(state: &State, item: ItemId) -> Result<(), Violation> {
    let Some(accounts) = state.item(item).map(|item| &item.accounts) else { return Ok(()) };
    let sum = accounts.sum();
    ensure(sum == 0, DOUBLE_ENTRY.0, || format!("the accounts of item {item} sum to {sum}"))?;
    let figures = [
        accounts.supplier,
        accounts.customer,
        accounts.loss,
        accounts.found,
        accounts.variance,
        accounts.transit,
        accounts.sellable,
        accounts.unsellable,
    ];
    if figures.iter().all(|figure| figure.unsigned_abs() <= u128::from(BALANCE_MAX)) {
        return Ok(());
    }
    let names = ["supplier", "customer", "loss", "found", "variance", "transit", "sellable", "unsellable"];
    figures
        .into_iter()
        .zip(names)
        .try_for_each(|(figure, name)| in_balance(figure, || format!("the account {name} of item {item}")))
}

fn in_balance(figure: i128, what: impl FnOnce() -> String) -> Result<(), Violation> {
    let max = i128::from(BALANCE_UNITS_MAX);
    ensure((-max..=max).contains(&figure), rule::BALANCE_RANGE, || {
        format!("{} would be {figure}, at most {BALANCE_UNITS_MAX} either way is allowed", what())
    })
}

/// What is done to an alert.
#[derive(Clone, Copy, PartialEq)]
enum Answer {
    Acknowledge,
    Close,
}

fn alert_open(state: &State, id: AlertId, answer: Answer) -> Result<(), Violation> {
    let status = state.alert(id).and_then(|(position, kind)| {
        let reorder = state.position(position)?.reorder.as_ref()?;
        reorder.alert(kind).filter(|alert| alert.id == id).map(|alert| alert.status)
    });
    let Some(status) = status else {
        return violation(rule::ALERT_KNOWN, format!("there is no alert {id}, or a later one has replaced it"));
    };
    ensure(status.is_open(), rule::ALERT_OPEN, || format!("alert {id} is {status:?} already"))?;
    ensure(answer == Answer::Close || status == AlertStatus::Open, rule::NO_CHANGE, || {
        format!("alert {id} is acknowledged already")
    })
}

/// An event and the state that it stands on.
struct Ground<'a> {
    state: &'a State,
    event: &'a Event,
}

impl Ground<'_> {
    /// The instant that holds are asked at.
    fn now(&self) -> Timestamp {
        self.event.envelope.recorded_at
    }

    fn item(&self, item: ItemId) -> Result<(), Violation> {
        ensure(self.state.item(item).is_some(), rule::ITEM_EXISTS, || format!("there is no item {item}"))
    }

    fn location(&self, location: LocationId) -> Result<(), Violation> {
        ensure(self.state.location(location).is_some(), rule::LOCATION_EXISTS, || {
            format!("there is no location {location}")
        })
    }

    fn lot(&self, item: ItemId, lot: LotId) -> Result<(), Violation> {
        let fits = lot == LotId::NONE || self.state.lot(lot).is_some_and(|lot| lot.item == item);
        ensure(fits, rule::LOT_EXISTS, || format!("item {item} has no lot {lot}"))
    }

    fn position(&self, position: Position) -> Result<(), Violation> {
        self.item(position.item)?;
        self.location(position.location)?;
        self.lot(position.item, position.lot)
    }

    /// Lines whose quantities lie in a range, of positions that exist.
    fn lines(&self, lines: &[Line], range: Range) -> Result<(), Violation> {
        lines_count(lines.len())?;
        for line in lines {
            self.position(line.position)?;
            quantity(line.quantity.0, range, line.position)?;
            entered(line)?;
        }
        Ok(())
    }
}

/// What a quantity may be.
#[derive(Clone, Copy, PartialEq)]
enum Range {
    /// 1 to the most that a line may say.
    Positive,
    /// 1 to the largest balance: the sum of several lines.
    PositiveSum,
    /// 0 to the most that a line may say.
    ZeroOrMore,
    /// Anything but zero, as much as a line may say either way.
    Signed,
}

fn quantity(quantity: i64, range: Range, position: Position) -> Result<(), Violation> {
    let fits = match range {
        Range::Positive => (1..=QUANTITY_UNITS_MAX).contains(&quantity),
        Range::PositiveSum => (1..=BALANCE_UNITS_MAX).contains(&quantity),
        Range::ZeroOrMore => (0..=QUANTITY_UNITS_MAX).contains(&quantity),
        Range::Signed => quantity != 0 && (-QUANTITY_UNITS_MAX..=QUANTITY_UNITS_MAX).contains(&quantity),
    };
    ensure(fits, rule::QUANTITY_RANGE, || format!("a quantity of {quantity} at {position}"))
}

fn lines_count(count: usize) -> Result<(), Violation> {
    ensure((1..=LINES_MAX).contains(&count), rule::LINES_COUNT, || {
        format!("{count} lines, 1 to {LINES_MAX} are allowed")
    })
}

// How many holds one event may close, and how many lines a split return may have, is bounded by its size alone.
fn not_empty(count: usize) -> Result<(), Violation> {
    ensure(count > 0, rule::LINES_COUNT, || "there are no lines".into())
}

fn entered(line: &Line) -> Result<(), Violation> {
    let Some(entered) = line.detail.as_ref().and_then(|detail| detail.entered.as_ref()) else { return Ok(()) };
    let text = entered.quantity.as_str();
    let fits = (1..=24).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-' || byte == b'.');
    ensure(fits, rule::ENTERED_FORM, || format!("an entered quantity of {text:?}"))
}

fn sellable_lines(lines: &[Line]) -> Result<(), Violation> {
    match lines.iter().find(|line| line.bucket != Bucket::Sellable) {
        Some(line) => violation(rule::BUCKET_SELLABLE, format!("an unsellable line at {}", line.position)),
        None => Ok(()),
    }
}

/// Refuses a key that stands twice.
fn once<K: Ord + Copy>(keys: impl ExactSizeIterator<Item = K>, say: impl FnOnce(K) -> String) -> Result<(), Violation> {
    if keys.len() < 2 {
        return Ok(());
    }
    let mut keys: Vec<K> = keys.collect();
    keys.sort_unstable();
    let twice = keys.windows(2).find_map(|pair| match pair {
        [a, b] if a == b => Some(*a),
        _ => None,
    });
    twice.map_or(Ok(()), |key| violation(rule::POSITION_ONCE, say(key)))
}

fn ensure(holds: bool, rule: &'static str, what: impl FnOnce() -> String) -> Result<(), Violation> {
    if holds { Ok(()) } else { violation(rule, what()) }
}

#[cold]
fn violation<T>(rule: &'static str, what: String) -> Result<T, Violation> {
    Err(Violation { rule, what })
}
