//! Random histories over few items, places, orders and ids, so that everything meets everything: repeats and reused
//! ids, equal instants, late facts and counts, dates ahead, deadlines that lapse, lines on one position.
//!
//! A step is not yet a command: alerts and repeats are named by what has happened so far. [`Player`] resolves them.

use crate::model::Model;
use crate::subject::Subject;
use counterfoil::domain::command::{
    AcknowledgeAlert, Act, Actor, AddAlias, Adjust, Alias, AliasKind, AliasTarget, Amend, Cause, ClosePeriod,
    CloseTransfer, Command, Count, CreateItem, CreateLocation, CreateLot, Departure, DismissAlert, Excess, Extend,
    Fulfil, Holds, ItemStatus, MergeAlias, Portion, PosChange, PosDelta, Receive, ReceiveTransfer, Reclassify, Release,
    RenameAlias, Reserve, ResolveAlert, RetireAlias, Return, ReturnOrigin, SetDecimals, SetItemStatus,
    SetLocationStatus, SetLotStatus, SetReorderPoint, ShipTransfer, UseStatus,
};
use counterfoil::domain::ids::{AlertId, CommandId, ItemId, LocationId, LotId, Position, Seq, Timestamp, TransferId};
use counterfoil::domain::line::{Bucket, CountLine, Disposition, Line, Lines, ReturnLine};
use counterfoil::domain::period::Until;
use counterfoil::domain::quantity::Quantity;
use counterfoil::domain::text::{ActorId, AliasText, ExternalId, OrderRef, ReasonCode, Source, Zone};
use counterfoil::limits::QUANTITY_UNITS_MAX;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::Index;

/// Dates lie from here to 400 s later; the clock begins 100 s later.
pub const BASE: Timestamp = Timestamp(1_767_225_600_000_000);
const START: i64 = 100;

/// One step of a history.
#[derive(Clone, Debug)]
pub enum Step {
    /// A command, so many seconds after the step before.
    Do { pause: i64, command: Box<Command> },
    /// One of the commands so far once more, under its own id or this one.
    Again { pause: i64, which: Index, id: Option<CommandId> },
    /// Something about one of the newest alerts, or about one that is not there.
    Alert { pause: i64, verb: AlertVerb, which: Option<Index> },
    /// The ledger may write what is due.
    Tick { pause: i64 },
}

#[derive(Clone, Copy, Debug)]
pub enum AlertVerb {
    Acknowledge,
    Resolve,
    Dismiss,
}

/// Turns steps into commands at times.
pub struct Player {
    now: Timestamp,
    issued: Vec<Command>,
}

impl Default for Player {
    fn default() -> Self {
        Self { now: BASE.plus_micros(START * 1_000_000), issued: Vec::new() }
    }
}

impl Player {
    /// The command of this step, none for a tick, and its time.
    pub fn next(&mut self, step: &Step, model: &Model) -> (Option<Command>, Timestamp) {
        let (Step::Do { pause, .. } | Step::Again { pause, .. } | Step::Alert { pause, .. } | Step::Tick { pause }) =
            step;
        self.now = self.now.plus_micros(pause * 1_000_000);
        let command = match step {
            Step::Do { command, .. } => Some(aimed(command, model, self.now)),
            Step::Again { which, id, .. } => (!self.issued.is_empty()).then(|| {
                let command = which.get(&self.issued).clone();
                Command { id: id.or(command.id), ..command }
            }),
            Step::Alert { verb, which, .. } => {
                let alerts = model.newest_alerts();
                let alert = match which {
                    Some(which) if !alerts.is_empty() => which.get(&alerts).id,
                    _ => AlertId::from_bytes([7; 16]),
                };
                let act = match verb {
                    // There is nothing to talk about yet: let there be something.
                    _ if alerts.is_empty() && which.is_some() => Act::SetReorderPoint(SetReorderPoint {
                        position: Position::new(ItemId(1), LocationId(1)),
                        point: Some(Quantity(20)),
                    }),
                    AlertVerb::Acknowledge => Act::AcknowledgeAlert(AcknowledgeAlert { alert }),
                    AlertVerb::Resolve => Act::ResolveAlert(ResolveAlert { alert }),
                    AlertVerb::Dismiss => Act::DismissAlert(DismissAlert { alert }),
                };
                Some(Command::new(actor(), act))
            }
            Step::Tick { .. } => None,
        };
        self.issued.extend(command.clone());
        (command, self.now)
    }
}

/// The command, most of the time about a reservation that is open and positions that it holds.
fn aimed(command: &Command, model: &Model, now: Timestamp) -> Command {
    let open = model.open_reservations(now);
    let mut command = command.clone();
    let needs_holds = match &command.act {
        Act::Amend(Amend { reservation, .. }) | Act::Extend(Extend { reservation, .. }) => Some(*reservation),
        Act::Fulfil(Fulfil { holds: Holds::Reservation(id), departure: Departure::Now, .. })
        | Act::Release(Release { holds: Holds::Reservation(id), .. }) => Some(*id),
        _ => None,
    };
    if let Some(id) = needs_holds.filter(|id| open.is_empty() && is_aimed(*id)) {
        let line = |item| Line::new(Position::new(ItemId(item), LocationId(1)), Quantity(2));
        command.id = Some(id);
        command.act = Act::Reserve(Reserve { deadline: None, lines: [line(1), line(3)].into_iter().collect() });
        return command;
    }
    let (id, lines) = match &mut command.act {
        Act::Amend(Amend { reservation, lines }) => (Some(reservation), Some(lines)),
        Act::Extend(Extend { reservation, .. }) => (Some(reservation), None),
        Act::Fulfil(Fulfil { holds, portion, .. }) | Act::Release(Release { holds, portion }) => {
            let id = match holds {
                Holds::Reservation(id) => Some(id),
                Holds::Order(_) => None,
            };
            let lines = match portion {
                Portion::Lines(lines) => Some(lines),
                Portion::Whole => None,
            };
            (id, lines)
        }
        _ => return command,
    };
    let by_place = |n: usize| open.get(n % open.len().max(1));
    let aim = match id {
        Some(id) => by_place(usize::from(id.bytes()[0])).filter(|_| is_aimed(*id)).inspect(|open| {
            *id = open.id.unwrap_or(*id);
        }),
        None => by_place(0),
    };
    if let (Some(aim), Some(lines)) = (aim, lines) {
        for line in lines.iter_mut().filter(|line| line.position.location.0 <= 2) {
            let Position { item, lot, .. } = line.position;
            line.position = aim.lines[(item.0 + lot.0) as usize % aim.lines.len()].0;
        }
    }
    command
}

/// Two of the nine ids stay as they are: mostly of nothing, or of what is closed.
fn is_aimed(id: CommandId) -> bool {
    id.bytes()[0] <= 7
}

fn actor() -> Actor {
    Actor::asserted(ActorId::new("anna").expect("it is short"))
}

fn alias_text(text: &str) -> AliasText {
    AliasText::new(text).expect("it is short")
}

/// Every position there is in these histories, and some that no history touches.
pub fn every_position() -> Vec<Position> {
    let mut all = Vec::new();
    for location in (1..=3).map(LocationId) {
        all.extend([1, 2, 3].map(|item| Position::new(ItemId(item), location)));
        all.extend([1, 2].map(|lot| Position::of_lot(ItemId(3), location, LotId(lot))));
    }
    all
}

pub fn every_transfer() -> [TransferId; 3] {
    [1, 2, 3].map(|n| TransferId::from_bytes([n; 16]))
}

/// The aliases that commands of these histories name, in small number.
pub fn every_alias() -> Vec<Alias> {
    let kinds = [AliasKind::Sku, AliasKind::Barcode, AliasKind::Location, AliasKind::Lot(ItemId(3))];
    let texts = ["1", "2", "3", "x"].map(alias_text);
    kinds.iter().flat_map(|kind| texts.iter().map(|text| Alias { kind: *kind, text: text.clone() })).collect()
}

/// What every history begins with: three items (the second with decimals, the third with two lots), three places,
/// some stock.
pub fn opening() -> Vec<Command> {
    let mut acts = Vec::new();
    for item in 1..=3u8 {
        let decimals = if item == 2 { 2 } else { 0 };
        acts.push(Act::CreateItem(CreateItem { sku: alias_text(&item.to_string()), decimals }));
        let zone = Zone::new("Europe/London").expect("it is a zone");
        acts.push(Act::CreateLocation(CreateLocation { code: alias_text(&item.to_string()), zone }));
    }
    for lot in 1..=2u8 {
        acts.push(Act::CreateLot(CreateLot { item: ItemId(3), code: alias_text(&lot.to_string()) }));
    }
    // Item 2 has not moved: its decimals can still change.
    let stocked = every_position().into_iter().filter(|p| p.item != ItemId(2) && p.location.0 < 3);
    let lines = stocked.map(|position| Line::new(position, Quantity(10))).collect();
    acts.push(Act::Receive(Receive { lines }));
    acts.into_iter().map(|act| Command::new(actor(), act)).collect()
}

/// A history of up to this many steps.
pub fn history(steps_max: usize) -> impl Strategy<Value = Vec<Step>> {
    vec(step(), 1..=steps_max)
}

/// A history of exactly this many steps.
pub fn history_of(steps: usize) -> impl Strategy<Value = Vec<Step>> {
    vec(step(), steps)
}

fn step() -> impl Strategy<Value = Step> {
    let pause = || prop_oneof![3 => Just(0i64), 4 => (1..=3i64).prop_map(|n| n * 5), 1 => 1..=60i64];
    let verb = prop_oneof![Just(AlertVerb::Acknowledge), Just(AlertVerb::Resolve), Just(AlertVerb::Dismiss)];
    let which = option::weighted(0.9, any::<Index>());
    prop_oneof![
        30 => (pause(), command()).prop_map(|(pause, command)| Step::Do { pause, command: Box::new(command) }),
        2 => (pause(), any::<Index>(), option::weighted(0.3, command_id(0..24)))
            .prop_map(|(pause, which, id)| Step::Again { pause, which, id }),
        3 => (pause(), verb, which).prop_map(|(pause, verb, which)| Step::Alert { pause, verb, which }),
        1 => pause().prop_map(|pause| Step::Tick { pause }),
    ]
}

fn command_id(range: std::ops::Range<u8>) -> impl Strategy<Value = CommandId> {
    range.prop_map(|n| CommandId::from_bytes([n + 1; 16]))
}

fn order() -> impl Strategy<Value = OrderRef> {
    (1..=3u8).prop_map(|n| OrderRef::new(&format!("o{n}")).expect("it is short"))
}

/// An instant on a grid of 5 s, so that many are equal.
fn instant() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        20 => (0..=80i64).prop_map(|n| BASE.plus_micros(n * 5_000_000)),
        1 => Just(BASE.plus_micros(3_600_000_000)),
        1 => Just(Timestamp(i64::MIN)),
    ]
}

fn quantity() -> impl Strategy<Value = Quantity> {
    prop_oneof![
        60 => 1..=5i64,
        4 => 6..=15i64,
        1 => Just(0i64),
        1 => Just(-1i64),
        1 => prop_oneof![Just(QUANTITY_UNITS_MAX), Just(QUANTITY_UNITS_MAX + 1), Just(i64::MAX), Just(i64::MIN)],
    ]
    .prop_map(Quantity)
}

fn signed() -> impl Strategy<Value = Quantity> {
    (quantity(), any::<bool>()).prop_map(|(q, minus)| Quantity(if minus { q.0.saturating_neg() } else { q.0 }))
}

fn zero_or_more() -> impl Strategy<Value = Quantity> {
    prop_oneof![5 => (0..=12i64).prop_map(Quantity), 1 => quantity()]
}

fn position() -> impl Strategy<Value = Position> {
    let item = prop_oneof![40 => Just(1u32), 20 => Just(2), 30 => Just(3), 1 => Just(4), 1 => Just(0)];
    let location = prop_oneof![40 => Just(1u32), 25 => Just(2), 10 => Just(3), 1 => Just(4)];
    let lot = prop_oneof![20 => 1..=2u32, 10 => Just(0), 1 => Just(3)];
    (item, location, lot, 0..40u8).prop_map(|(item, location, lot, wrong)| {
        let lot = if item == 3 || wrong == 0 { lot } else { 0 };
        Position::of_lot(ItemId(item), LocationId(location), LotId(lot))
    })
}

fn bucket() -> impl Strategy<Value = Bucket> {
    prop_oneof![7 => Just(Bucket::Sellable), 2 => Just(Bucket::Unsellable)]
}

fn mostly_sellable() -> impl Strategy<Value = Bucket> {
    prop_oneof![40 => Just(Bucket::Sellable), 1 => Just(Bucket::Unsellable)]
}

fn seen() -> impl Strategy<Value = Option<Seq>> {
    option::weighted(0.03, (0..30u64).prop_map(Seq))
}

fn lines(
    quantity: impl Strategy<Value = Quantity>,
    bucket: impl Strategy<Value = Bucket>,
) -> impl Strategy<Value = Lines> {
    let line = (position(), quantity, bucket, seen());
    let line =
        line.prop_map(|(position, quantity, bucket, seen)| Line { position, bucket, quantity, seen, detail: None });
    few(line).prop_map(Lines::from_vec)
}

/// Mostly one, sometimes up to four, rarely none.
fn few<T: std::fmt::Debug + Clone>(of: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<T>> {
    let many = prop_oneof![60 => Just(1usize), 20 => Just(2), 10 => 3..=4usize, 1 => Just(0)];
    (many, vec(of, 4)).prop_map(|(many, mut all)| {
        all.truncate(many);
        all
    })
}

fn return_lines() -> impl Strategy<Value = Vec<ReturnLine>> {
    let disposition = prop_oneof![Just(Disposition::Restock), Just(Disposition::Quarantine), Just(Disposition::Scrap)];
    let line = (position(), quantity(), seen(), option::of(disposition));
    few(line.prop_map(|(position, quantity, seen, disposition)| ReturnLine {
        line: Line { position, bucket: Bucket::Sellable, quantity, seen, detail: None },
        disposition,
    }))
}

fn count_lines() -> impl Strategy<Value = Vec<CountLine>> {
    let line = (position(), bucket(), zero_or_more(), seen());
    few(line.prop_map(|(position, bucket, counted, seen)| CountLine { position, bucket, counted, seen }))
}

fn pos_delta() -> impl Strategy<Value = PosChange> {
    prop_oneof![
        4 => lines(quantity(), bucket()).prop_map(|lines| PosChange::Sale { lines }),
        2 => return_lines().prop_map(|lines| PosChange::Return { lines: lines.into() }),
        1 => lines(quantity(), bucket()).prop_map(|lines| PosChange::Waste { lines }),
        1 => lines(quantity(), bucket()).prop_map(|lines| PosChange::Receipt { lines }),
        1 => lines(signed(), bucket()).prop_map(|lines| PosChange::Correction { lines }),
    ]
}

fn transfer() -> impl Strategy<Value = TransferId> {
    (1..=3u8).prop_map(|n| TransferId::from_bytes([n; 16]))
}

fn location() -> impl Strategy<Value = LocationId> {
    prop_oneof![8 => 1..=3u32, 1 => Just(4)].prop_map(LocationId)
}

/// Ids of reservations come from few, so that they are found again.
fn reservation_id() -> impl Strategy<Value = CommandId> {
    command_id(0..9)
}

fn holds() -> impl Strategy<Value = Holds> {
    prop_oneof![2 => reservation_id().prop_map(Holds::Reservation), 1 => order().prop_map(Holds::Order)]
}

fn portion() -> impl Strategy<Value = Portion> {
    prop_oneof![2 => Just(Portion::Whole), 3 => portion_lines()]
}

fn portion_lines() -> impl Strategy<Value = Portion> {
    let lines = lines(prop_oneof![3 => Just(Quantity(1)), 2 => quantity()], mostly_sellable());
    lines.prop_map(Portion::Lines)
}

/// The act with what it needs of the envelope: an id, an order, whether it may carry a date.
fn act() -> impl Strategy<Value = Act> {
    let later = || prop_oneof![5 => (30..=100i64).prop_map(|n| BASE.plus_micros(n * 5_000_000)), 1 => instant()];
    let deadline = move || option::weighted(0.7, later());
    prop_oneof![
        4 => lines(quantity(), bucket()).prop_map(|lines| Act::Receive(Receive { lines })),
        6 => (1..=12u8, pos_delta()).prop_map(|(n, delta)| Act::PosDelta(PosDelta {
            source: Source::new("till").expect("it is short"),
            external_id: ExternalId::new(&n.to_string()).expect("it is short"),
            delta,
        })),
        4 => (option::of(Just(())), option::of(Just(())), return_lines()).prop_map(|(order, excess, lines)| Act::Return(Return {
            origin: order.map_or(ReturnOrigin::Unreferenced, |()| ReturnOrigin::Order),
            excess: excess.map_or(Excess::Refuse, |()| Excess::Unreferenced),
            lines: lines.into(),
        })),
        3 => lines(signed(), bucket()).prop_map(|lines| Act::Adjust(Adjust { lines })),
        6 => count_lines().prop_map(|lines| Act::Count(Count { lines: lines.into() })),
        3 => (transfer(), location(), lines(quantity(), mostly_sellable()))
            .prop_map(|(transfer, to, lines)| Act::ShipTransfer(ShipTransfer { transfer, to, lines })),
        3 => (transfer(), lines(quantity(), bucket()))
            .prop_map(|(transfer, lines)| Act::ReceiveTransfer(ReceiveTransfer { transfer, lines })),
        1 => transfer().prop_map(|transfer| Act::CloseTransfer(CloseTransfer { transfer })),
        12 => (deadline(), lines(quantity(), mostly_sellable()))
            .prop_map(|(deadline, lines)| Act::Reserve(Reserve { deadline, lines })),
        4 => (reservation_id(), lines(zero_or_more(), mostly_sellable()))
            .prop_map(|(reservation, lines)| Act::Amend(Amend { reservation, lines })),
        2 => (reservation_id(), deadline()).prop_map(|(reservation, deadline)| Act::Extend(Extend { reservation, deadline })),
        6 => (holds(), portion()).prop_map(|(holds, portion)| Act::Fulfil(Fulfil { holds, portion, departure: Departure::Now })),
        3 => (holds(), prop_oneof![12 => portion_lines(), 1 => Just(Portion::Whole)])
            .prop_map(|(holds, portion)| Act::Fulfil(Fulfil { holds, portion, departure: Departure::AlreadyLeft })),
        4 => (holds(), portion()).prop_map(|(holds, portion)| Act::Release(Release { holds, portion })),
        3 => lines(quantity(), bucket()).prop_map(|lines| Act::Reclassify(Reclassify { lines })),
        5 => (position(), option::weighted(0.9, zero_or_more()))
            .prop_map(|(position, point)| Act::SetReorderPoint(SetReorderPoint { position, point })),
        3 => (location(), until()).prop_map(|(location, until)| Act::ClosePeriod(ClosePeriod { location, until })),
        4 => master_data(),
        3 => statuses(),
    ]
}

/// The end of a period on the grid of dates, mostly early; it is winter in London, so local time is UTC.
fn until() -> impl Strategy<Value = Until> {
    let text = prop_oneof![
        8 => (0..=30i64).prop_map(|n| BASE.plus_micros(n * 5_000_000).to_string()[..19].to_owned()),
        4 => Just("2025-12-31".to_owned()),
        1 => Just("2026-01-31".to_owned()),
    ];
    text.prop_map(|text| text.parse().expect("a local date or time"))
}

fn statuses() -> impl Strategy<Value = Act> {
    let used = || prop_oneof![Just(UseStatus::Active), Just(UseStatus::Retired)];
    let status =
        prop_oneof![2 => Just(ItemStatus::Active), 1 => Just(ItemStatus::OnHold), 1 => Just(ItemStatus::Discontinued)];
    prop_oneof![
        ((1..=4u32).prop_map(ItemId), status)
            .prop_map(|(item, status)| Act::SetItemStatus(SetItemStatus { item, status })),
        ((1..=4u32).prop_map(LocationId), used())
            .prop_map(|(location, status)| Act::SetLocationStatus(SetLocationStatus { location, status })),
        ((0..=3u32).prop_map(LotId), used()).prop_map(|(lot, status)| Act::SetLotStatus(SetLotStatus { lot, status })),
    ]
}

fn master_data() -> impl Strategy<Value = Act> {
    let item = || (1..=4u32).prop_map(ItemId);
    let text = || proptest::sample::select(vec!["1", "2", "3", "x"]).prop_map(alias_text);
    let alias = || proptest::sample::select(every_alias());
    let target = || {
        prop_oneof![
            3 => item().prop_map(AliasTarget::Item),
            1 => (1..=4u32).prop_map(|n| AliasTarget::Location(LocationId(n))),
            1 => (1..=3u32).prop_map(|n| AliasTarget::Lot(LotId(n))),
        ]
    };
    prop_oneof![
        (text(), 0..=7u8).prop_map(|(sku, decimals)| Act::CreateItem(CreateItem { sku, decimals })),
        (item(), 0..=7u8).prop_map(|(item, decimals)| Act::SetDecimals(SetDecimals { item, decimals })),
        text().prop_map(|code| Act::CreateLocation(CreateLocation {
            code,
            zone: Zone::new("UTC").expect("it is a zone")
        })),
        (item(), text()).prop_map(|(item, code)| Act::CreateLot(CreateLot { item, code })),
        (alias(), target()).prop_map(|(alias, target)| Act::AddAlias(AddAlias { alias, target })),
        (alias(), text()).prop_map(|(alias, to)| Act::RenameAlias(RenameAlias { alias, to })),
        (alias(), target()).prop_map(|(alias, into)| Act::MergeAlias(MergeAlias { alias, into })),
        alias().prop_map(|alias| Act::RetireAlias(RetireAlias { alias })),
    ]
}

/// Any command, but those about alerts.
pub fn command() -> impl Strategy<Value = Command> {
    let ids = (reservation_id(), option::weighted(0.3, command_id(0..40)));
    // Chances out of 100: of an order, a date, a reason, a cause.
    let chances = (0..100u8, 0..100u8, 0..100u8, 0..100u8);
    (act(), ids, order(), instant(), 0..40u64, chances).prop_map(|(act, ids, order, at, cause, chances)| {
        let (order_chance, date_chance, reason_chance, cause_chance) = chances;
        let nature = act.nature();
        let order_likely = match &act {
            Act::Reserve(_) => 70,
            Act::PosDelta(_) => 60,
            Act::Return(Return { origin: ReturnOrigin::Order, .. }) => 95,
            Act::Return(_) | Act::Fulfil(_) | Act::Release(_) => 5,
            _ => 0,
        };
        let date_likely = if nature == counterfoil::domain::command::Nature::Fact { 70 } else { 1 };
        let id = if matches!(act, Act::Reserve(_)) { Some(ids.0) } else { ids.1 };
        Command {
            id,
            occurred_at: Some(at).filter(|_| date_chance < date_likely),
            order: Some(order).filter(|_| order_chance < order_likely),
            reason: ReasonCode::new("why").ok().filter(|_| reason_chance < 95),
            cause: Some(Cause::Event(Seq(cause))).filter(|_| cause_chance < 2),
            ..Command::new(actor(), act)
        }
    })
}

/// Facts and counts that can be recorded in any order: all dated in the past, no two counts of a bucket at one
/// instant, no transfer with two ways, none closed.
pub fn facts_of_any_order() -> impl Strategy<Value = Vec<Command>> {
    let good = || 1..=9i64;
    let place = || proptest::sample::select(every_position());
    let line =
        move || (place(), good(), bucket()).prop_map(|(p, q, bucket)| Line::new(p, Quantity(q)).in_bucket(bucket));
    let lines = move || vec(line(), 1..=2).prop_map(Lines::from_vec);
    let back = move || {
        let disposition =
            proptest::sample::select(vec![Disposition::Restock, Disposition::Quarantine, Disposition::Scrap]);
        (line(), disposition).prop_map(|(line, d)| ReturnLine { line, disposition: Some(d) })
    };
    let fact = prop_oneof![
        3 => lines().prop_map(|lines| Act::Receive(Receive { lines })),
        2 => lines().prop_map(|lines| sale(PosChange::Sale { lines })),
        1 => lines().prop_map(|lines| sale(PosChange::Waste { lines })),
        1 => back().prop_map(|line| sale(PosChange::Return { lines: [line].into_iter().collect() })),
        1 => (line(), any::<bool>()).prop_map(|(line, minus)| {
            let quantity = Quantity(if minus { -line.quantity.0 } else { line.quantity.0 });
            Act::Adjust(Adjust { lines: [Line { quantity, ..line }].into_iter().collect() })
        }),
        1 => back().prop_map(|line| Act::Return(Return {
            origin: ReturnOrigin::Unreferenced,
            excess: Excess::Refuse,
            lines: [line].into_iter().collect(),
        })),
        // Transfer n goes from place 1 to place n + 1.
        1 => (1..=2u8, 1..=2u32, good()).prop_map(|(n, item, q)| Act::ShipTransfer(ShipTransfer {
            transfer: TransferId::from_bytes([n; 16]),
            to: LocationId(u32::from(n) + 1),
            lines: [Line::new(Position::new(ItemId(item), LocationId(1)), Quantity(q))].into_iter().collect(),
        })),
        1 => (1..=2u8, 1..=2u32, good(), bucket()).prop_map(|(n, item, q, bucket)| {
            let position = Position::new(ItemId(item), LocationId(u32::from(n) + 1));
            Act::ReceiveTransfer(ReceiveTransfer {
                transfer: TransferId::from_bytes([n; 16]),
                lines: [Line::new(position, Quantity(q)).in_bucket(bucket)].into_iter().collect(),
            })
        }),
        4 => (place(), bucket(), 0..=20i64).prop_map(|(position, bucket, figure)| Act::Count(Count {
            lines: [CountLine { position, bucket, counted: Quantity(figure), seen: None }].into_iter().collect(),
        })),
    ];
    vec((fact, 0..=12i64), 2..=9).prop_map(|facts| {
        let mut counted: Vec<(Position, Bucket, i64)> = Vec::new();
        let mut commands = Vec::new();
        for (act, at) in facts {
            if let Act::Count(Count { lines }) = &act {
                let keys = lines.iter().map(|line| (line.position, line.bucket, at)).collect::<Vec<_>>();
                if keys.iter().any(|key| counted.contains(key)) {
                    continue;
                }
                counted.extend(keys);
            }
            let mut command = Command::new(actor(), numbered(act, commands.len()));
            command.occurred_at = Some(BASE.plus_micros(at * 5_000_000));
            command.reason = ReasonCode::new("why").ok();
            commands.push(command);
        }
        commands
    })
}

fn sale(delta: PosChange) -> Act {
    Act::PosDelta(PosDelta {
        source: Source::new("till").expect("it is short"),
        external_id: ExternalId::new("set later").expect("it is short"),
        delta,
    })
}

/// The same act, a till's delta under an id of its own.
fn numbered(act: Act, number: usize) -> Act {
    match act {
        Act::PosDelta(PosDelta { source, delta, .. }) => {
            let external_id = ExternalId::new(&format!("n{number}")).expect("it is short");
            Act::PosDelta(PosDelta { source, external_id, delta })
        }
        act => act,
    }
}
