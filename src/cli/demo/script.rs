//! The shop's files: what there is, and what happens in one day.

use crate::cli::failure::Failure;
use crate::cli::names::{item_of, location_of, named};
use chrono::{NaiveDate, NaiveTime, TimeZone, Utc};
use counterfoil::domain::command::{
    Act, Actor, AliasKind, Command, Departure, Excess, Holds, Portion, PosDelta, ReturnOrigin,
};
use counterfoil::domain::ids::{CommandId, LotId, Position, Timestamp, TransferId};
use counterfoil::domain::line::{Bucket, CountLine, Disposition, Line, Lines, ReturnLine};
use counterfoil::domain::quantity::Quantity;
use counterfoil::domain::text::{ActorId, AliasText, ExternalId, OrderRef, ReasonCode, Source, Zone};
use counterfoil::ledger::Ledger;
use counterfoil::query::{self, Named};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use smallvec::SmallVec;
use std::collections::BTreeMap;
use uuid::Uuid;

const LOCATIONS: &str = include_str!("../../../fixtures/shop/locations.jsonl");
const ITEMS: &str = include_str!("../../../fixtures/shop/items.jsonl");
const DAY: &str = include_str!("../../../fixtures/shop/day.jsonl");

/// A place of the shop.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaceText {
    pub code: AliasText,
    pub zone: Zone,
}

/// What the shop sells.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemText {
    pub sku: AliasText,
    #[serde(default)]
    pub decimals: u8,
    #[serde(default)]
    pub lots: Vec<AliasText>,
    /// Reorder points by location code.
    #[serde(default)]
    pub reorder: BTreeMap<String, String>,
}

/// One thing that happens.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What the clock says then.
    pub at: String,
    pub who: ActorId,
    /// The same in words.
    pub say: String,
    /// A label that the command's id is made of.
    pub id: Option<String>,
    /// When it happened, where that is not when it is told.
    pub occurred: Option<String>,
    pub order: Option<OrderRef>,
    pub reason: Option<ReasonCode>,
    pub note: Option<String>,
    /// How often it is delivered.
    #[serde(default = "once")]
    pub times: usize,
    /// The code that it must be refused with.
    pub refused: Option<String>,
    #[serde(rename = "do")]
    pub deed: Deed,
}

const fn once() -> usize {
    1
}

/// What is done.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Deed {
    Receive { lines: Vec<LineText> },
    Sale { external_id: ExternalId, lines: Vec<LineText> },
    Waste { external_id: ExternalId, lines: Vec<LineText> },
    PosReturn { external_id: ExternalId, lines: Vec<LineText> },
    Return { lines: Vec<LineText> },
    Adjust { lines: Vec<LineText> },
    Count { lines: Vec<LineText> },
    ShipTransfer { transfer: String, to: String, lines: Vec<LineText> },
    ReceiveTransfer { transfer: String, lines: Vec<LineText> },
    CloseTransfer { transfer: String },
    Reserve { until: Option<String>, lines: Vec<LineText> },
    Fulfil { lines: Vec<LineText> },
    Release { lines: Vec<LineText> },
    Reclassify { lines: Vec<LineText> },
}

/// A quantity of something somewhere.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LineText {
    at: String,
    sku: String,
    lot: Option<String>,
    quantity: String,
    #[serde(default)]
    bucket: Bucket,
    disposition: Option<Disposition>,
}

fn read<T: DeserializeOwned>(name: &str, text: &str) -> Result<Vec<T>, Failure> {
    let line =
        |(index, line)| serde_json::from_str(line).map_err(|error| bad(format!("{name}, line {}: {error}", index + 1)));
    text.lines().enumerate().map(line).collect()
}

fn bad(what: String) -> Failure {
    Failure::Refused(what)
}

/// The shop's places.
pub fn places() -> Result<Vec<PlaceText>, Failure> {
    read("locations.jsonl", LOCATIONS)
}

/// The shop's items.
pub fn items() -> Result<Vec<ItemText>, Failure> {
    read("items.jsonl", ITEMS)
}

/// The day's steps, in order.
pub fn day() -> Result<Vec<Step>, Failure> {
    read("day.jsonl", DAY)
}

/// An instant of the shop's day. It is in winter: London's time is UTC.
pub fn instant(clock: &str) -> Result<Timestamp, Failure> {
    let time = NaiveTime::parse_from_str(clock, "%H:%M").map_err(|error| bad(format!("{clock:?}: {error}")))?;
    let day = NaiveDate::from_ymd_opt(2025, 3, 3).ok_or_else(|| bad("there is no such day".to_owned()))?;
    Ok(Utc.from_utc_datetime(&day.and_time(time)).into())
}

/// The same uuid for the same label, every time.
fn uuid_of(label: &str) -> Uuid {
    let hash = blake3::derive_key("counterfoil demo 2025-03-03 ids v1", label.as_bytes());
    let (bytes, _) = hash.split_first_chunk::<16>().unwrap_or((&[0; 16], &[]));
    uuid::Builder::from_custom_bytes(*bytes).into_uuid()
}

impl Step {
    /// The command that the step gives.
    pub fn command(&self, ledger: &Ledger) -> Result<Command, Failure> {
        let mut command = Command::new(Actor::asserted(self.who.clone()), self.act(ledger)?);
        command.id = self.id.as_deref().map(|label| CommandId(uuid_of(label)));
        command.occurred_at = self.occurred.as_deref().map(instant).transpose()?;
        command.order = self.order.clone();
        command.reason = self.reason.clone();
        command.note = self.note.clone();
        Ok(command)
    }

    fn act(&self, ledger: &Ledger) -> Result<Act, Failure> {
        let plain = |texts: &[LineText]| lines(ledger, texts);
        let returned = |texts: &[LineText]| return_lines(ledger, texts);
        let transfer = |label: &str| TransferId(uuid_of(label));
        Ok(match &self.deed {
            Deed::Receive { lines } => Act::Receive { lines: plain(lines)? },
            Deed::Sale { external_id, lines } => self.delta(external_id, PosDelta::Sale { lines: plain(lines)? })?,
            Deed::Waste { external_id, lines } => self.delta(external_id, PosDelta::Waste { lines: plain(lines)? })?,
            Deed::PosReturn { external_id, lines } => {
                self.delta(external_id, PosDelta::Return { lines: returned(lines)? })?
            }
            Deed::Return { lines } => {
                Act::Return { origin: ReturnOrigin::Order, excess: Excess::Refuse, lines: returned(lines)? }
            }
            Deed::Adjust { lines } => Act::Adjust { lines: plain(lines)? },
            Deed::Count { lines } => Act::Count { lines: plain(lines)?.into_iter().map(counted).collect() },
            Deed::ShipTransfer { transfer: label, to, lines } => {
                Act::ShipTransfer { transfer: transfer(label), to: location_of(ledger, to)?, lines: plain(lines)? }
            }
            Deed::ReceiveTransfer { transfer: label, lines } => {
                Act::ReceiveTransfer { transfer: transfer(label), lines: plain(lines)? }
            }
            Deed::CloseTransfer { transfer: label } => Act::CloseTransfer { transfer: transfer(label) },
            Deed::Reserve { until, lines } => {
                Act::Reserve { deadline: until.as_deref().map(instant).transpose()?, lines: plain(lines)? }
            }
            Deed::Fulfil { lines } => {
                Act::Fulfil { holds: self.holds()?, portion: Portion::Lines(plain(lines)?), departure: Departure::Now }
            }
            Deed::Release { lines } => Act::Release { holds: self.holds()?, portion: Portion::Lines(plain(lines)?) },
            Deed::Reclassify { lines } => Act::Reclassify { lines: plain(lines)? },
        })
    }

    fn delta(&self, external_id: &ExternalId, delta: PosDelta) -> Result<Act, Failure> {
        let source = Source::new(self.who.as_str())?;
        Ok(Act::PosDelta { source, external_id: external_id.clone(), delta })
    }

    fn holds(&self) -> Result<Holds, Failure> {
        let missing = || bad(format!("{:?} needs an order", self.say));
        self.order.clone().map(Holds::Order).ok_or_else(missing)
    }
}

fn counted(line: Line) -> CountLine {
    CountLine { position: line.position, bucket: line.bucket, counted: line.quantity, seen: None }
}

fn lines(ledger: &Ledger, texts: &[LineText]) -> Result<Lines, Failure> {
    texts.iter().map(|text| line(ledger, text)).collect()
}

fn return_lines(ledger: &Ledger, texts: &[LineText]) -> Result<SmallVec<[ReturnLine; 1]>, Failure> {
    texts.iter().map(|text| Ok(ReturnLine { line: line(ledger, text)?, disposition: text.disposition })).collect()
}

fn line(ledger: &Ledger, text: &LineText) -> Result<Line, Failure> {
    let item = item_of(ledger, &text.sku)?;
    let location = location_of(ledger, &text.at)?;
    let lot = match &text.lot {
        None => LotId::NONE,
        Some(code) => match named(ledger, AliasKind::Lot(item), code)? {
            Some(Named::Lot(lot)) => lot.lot,
            _ => return Err(bad(format!("{} has no lot {code:?}", text.sku))),
        },
    };
    let quantity = quantity(ledger, &text.sku, &text.quantity)?;
    Ok(Line::new(Position::of_lot(item, location, lot), quantity).in_bucket(text.bucket))
}

/// A quantity of an item, as text.
pub fn quantity(ledger: &Ledger, sku: &str, text: &str) -> Result<Quantity, Failure> {
    let item = item_of(ledger, sku)?;
    let decimals = ledger.query(|state, now| query::item(state, now, item)).value.map_or(0, |item| item.decimals);
    Quantity::parse(text, decimals).map_err(|error| bad(format!("{text:?} of {sku}: {error}")))
}
