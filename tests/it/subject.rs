//! What the tables and the random histories drive: the naive model today, the real ledger through an adapter.

use counterfoil::domain::command::{Alias, AliasTarget, Command};
use counterfoil::domain::ids::{AlertId, CommandId, ItemId, LocationId, LotId, Position, Seq, Timestamp, TransferId};
use counterfoil::domain::line::Bucket;
use counterfoil::domain::rejection::Rejection;
use counterfoil::domain::text::OrderRef;

/// The answer to one command.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It made this event.
    Accepted(Seq),
    /// This event had it already; nothing was appended.
    Duplicate(Seq),
    /// The business said no; nothing was appended.
    Rejected(Rejection),
}

/// The figures of one position, as of an instant, in smallest units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stock {
    pub sellable: i64,
    pub unsellable: i64,
    pub reserved: i64,
    pub available: i64,
    pub inbound: i64,
    pub version: Seq,
}

/// The signed sums of one item's accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Accounts {
    pub supplier: i64,
    pub customer: i64,
    pub loss: i64,
    pub found: i64,
    pub variance: i64,
    pub transit: i64,
    pub sellable: i64,
    pub unsellable: i64,
}

impl Accounts {
    /// Zero at every seq, or the ledger has lost or made something.
    pub fn sum(&self) -> i128 {
        [
            self.supplier,
            self.customer,
            self.loss,
            self.found,
            self.variance,
            self.transit,
            self.sellable,
            self.unsellable,
        ]
        .into_iter()
        .map(i128::from)
        .sum()
    }
}

/// A reservation that still holds something: open lines only, in the reservation's own order of positions.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenReservation {
    pub seq: Seq,
    /// The command's id where the caller gave one; a ledger that makes ids may say `None` for those it made.
    pub id: Option<CommandId>,
    pub order: Option<OrderRef>,
    pub deadline: Option<Timestamp>,
    pub lines: Vec<(Position, i64)>,
}

/// Who does without when more is held than is there.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Uncovered {
    /// Reservations that are not covered and by how much, highest seq first.
    pub holds: Vec<(Seq, i64)>,
    /// What is short beyond all holds.
    pub without_reservation: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AlertKind {
    LowStock = 1,
    OutOfStock = 2,
    Oversold = 3,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertStatus {
    Open,
    Acknowledged,
    Resolved,
    Dismissed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    Low,
    Medium,
    High,
    Critical,
}

/// One alert; `urgency` is what it was last while the alert was open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlertView {
    pub id: AlertId,
    pub position: Position,
    pub kind: AlertKind,
    pub status: AlertStatus,
    pub urgency: Urgency,
}

/// The name of the alert of this kind that the event `seq` raised.
pub fn alert_id(seq: Seq, position: Position, kind: AlertKind) -> AlertId {
    let mut hasher = blake3::Hasher::new_derive_key("counterfoil alert v1");
    hasher.update(&seq.0.to_le_bytes());
    hasher.update(&position.item.0.to_le_bytes());
    hasher.update(&position.location.0.to_le_bytes());
    hasher.update(&position.lot.0.to_le_bytes());
    hasher.update(&[kind as u8]);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    AlertId::from_bytes(bytes)
}

/// A ledger as the tests see it. `now` never goes backwards from call to call.
pub trait Subject {
    /// Decides one command and takes it where it is accepted.
    fn apply(&mut self, command: &Command, now: Timestamp) -> Outcome;
    /// Writes the bookkeeping that is due at `now`: afterwards no lapsed hold is open in the log.
    fn tick(&mut self, now: Timestamp);
    fn stock(&self, position: Position, now: Timestamp) -> Stock;
    fn accounts(&self, item: ItemId) -> Accounts;
    /// Ascending by seq; lapsed ones left out.
    fn open_reservations(&self, now: Timestamp) -> Vec<OpenReservation>;
    fn uncovered(&self, position: Position, now: Timestamp) -> Uncovered;
    /// Those that are open or acknowledged, in any order.
    fn alerts(&self) -> Vec<AlertView>;
    /// What is not zero, in any order.
    fn transit(&self, transfer: TransferId) -> Vec<(ItemId, LotId, i64)>;
    fn resolve(&self, alias: &Alias) -> Option<AliasTarget>;
}

/// How a rejection's ids are written.
pub trait Names {
    fn item(&self, item: ItemId) -> String {
        item.to_string()
    }
    fn location(&self, location: LocationId) -> String {
        location.to_string()
    }
    fn lot(&self, lot: LotId) -> String {
        lot.to_string()
    }
    fn seq(&self, seq: Seq) -> String {
        seq.to_string()
    }
    fn position(&self, position: Position) -> String {
        let lot = match position.lot {
            LotId::NONE => String::new(),
            lot => format!(".{}", self.lot(lot)),
        };
        format!("{}{lot}@{}", self.item(position.item), self.location(position.location))
    }
}

/// Ids as the numbers that they are.
pub struct Numbers;
impl Names for Numbers {}

/// A rejection's code and figures without its prose: what two implementations of the rules must agree on.
pub fn essence(rejection: &Rejection, names: &dyn Names) -> String {
    use Rejection as R;
    let figures = match rejection {
        R::LimitExceeded { actual, limit, .. } => format!("actual={actual} limit={limit}"),
        R::InvalidQuantity { line, quantity, .. } => format!("line={line} quantity={quantity}"),
        R::OccurredInFuture { occurred_at, now, .. } => format!("ahead={}", occurred_at.0 - now.0),
        R::CommandIdReused { seq, .. } => format!("seq={}", names.seq(*seq)),
        R::PeriodClosed { location, closed_until, at } => {
            format!("location={} closed_until={closed_until} at={at}", names.location(*location))
        }
        R::ProductNotFound { item } => format!("item={}", names.item(*item)),
        R::LocationNotFound { location } => format!("location={}", names.location(*location)),
        R::LotNotFound { lot, .. } => format!("lot={}", names.lot(*lot)),
        R::AliasNotFound { alias } | R::AlreadyExists { alias } => format!("alias={alias}"),
        R::CauseNotFound { cause, head } => format!("cause={} head={}", names.seq(*cause), names.seq(*head)),
        R::DecimalsFixed { item, decimals } => format!("item={} decimals={decimals}", names.item(*item)),
        R::VersionConflict { line, position, seen, current } => format!(
            "line={line} position={} seen={} current={}",
            names.position(*position),
            names.seq(*seen),
            names.seq(*current)
        ),
        R::ProductUnavailable { item, status } => format!("item={} status={status:?}", names.item(*item)),
        R::LocationUnavailable { location } => format!("location={}", names.location(*location)),
        R::LotUnavailable { lot } => format!("lot={}", names.lot(*lot)),
        R::NoReservation { position, .. } => match position {
            Some(position) => format!("position={}", names.position(*position)),
            None => "position=none".into(),
        },
        R::QuantityMismatch { position, wanted, open } => {
            format!("position={} wanted={wanted} open={open}", names.position(*position))
        }
        R::ReturnExceedsShipped { order, item, wanted, returnable } => {
            format!("order={order} item={} wanted={wanted} returnable={returnable}", names.item(*item))
        }
        R::InsufficientStock { short } => {
            let each: Vec<String> = short
                .iter()
                .map(|s| {
                    let bad = if s.bucket == Bucket::Unsellable { "/bad" } else { "" };
                    format!("{}{bad}:{}/{}", names.position(s.position), s.wanted, s.available)
                })
                .collect();
            format!("short={}", each.join(","))
        }
        _ => String::new(),
    };
    format!("{} {figures}", rejection.code()).trim_end().to_owned()
}
