//! Reads a row's words into a command.

use super::names::{Book, command_id, transfer_id, uuid_of};
use crate::subject::{AlertKind, alert_id};
use counterfoil::domain::command::{
    AcknowledgeAlert, Act, Actor, AddAlias, Adjust, Amend, Cause, ClosePeriod, CloseTransfer, Command, Count,
    CreateItem, CreateLocation, CreateLot, Departure, DismissAlert, Document, Excess, Extend, Fulfil, Holds,
    ItemStatus, MergeAlias, Portion, PosChange, PosDelta, Receive, ReceiveTransfer, Reclassify, Release, RenameAlias,
    Reserve, ResolveAlert, RetireAlias, Return, ReturnOrigin, SetDecimals, SetItemStatus, SetLocationStatus,
    SetLotStatus, SetReorderPoint, ShipTransfer, UseStatus,
};
use counterfoil::domain::ids::{AlertId, LotId, Timestamp};
use counterfoil::domain::line::{Bucket, CountLine, Disposition, Line, Lines, ReturnLine};
use counterfoil::domain::quantity::Quantity;
use counterfoil::domain::text::{
    ActorId, AliasText, DocumentId, DocumentKind, ExternalId, OrderRef, ReasonCode, Source, Zone,
};
use counterfoil::limits::{DEADLINE_MICROS_MAX, OCCURRED_MICROS_MIN, QUANTITY_UNITS_MAX};

/// 2026-01-01T00:00:00Z, where each case begins.
pub const BEGINNING: Timestamp = Timestamp(1_767_225_600_000_000);

type Read<T> = Result<T, String>;

fn text<T, E: std::fmt::Display>(made: Result<T, E>) -> Read<T> {
    made.map_err(|error| error.to_string())
}

/// The words of a row behind its label, sorted into kinds.
pub struct Words<'a> {
    book: &'a Book,
    now: Timestamp,
    label: Option<&'a str>,
    place: &'a str,
    pub verb: &'a str,
    pub plain: Vec<&'a str>,
    pairs: Vec<(&'a str, &'a str)>,
    lines: Vec<(Line, Option<Disposition>)>,
}

impl<'a> Words<'a> {
    pub fn read(book: &'a Book, now: Timestamp, label: Option<&'a str>, place: &'a str, row: &'a str) -> Read<Self> {
        let mut words = row.split_whitespace();
        let verb = words.next().ok_or("the row is empty")?;
        let mut read = Self { book, now, label, place, verb, plain: vec![], pairs: vec![], lines: vec![] };
        for word in words {
            let is_line = word.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == 'M') && word.contains('@');
            match word.split_once('=') {
                Some((key, value)) => read.pairs.push((key, value)),
                None if is_line => read.read_line(word)?,
                None => read.plain.push(word),
            }
        }
        read.edit_lines()?;
        Ok(read)
    }

    fn read_line(&mut self, word: &str) -> Read<()> {
        let (times, rest) = word.split_once('*').unwrap_or(("1", word));
        let times: usize = text(times.parse())?;
        let (quantity, rest) = rest.split_once('x').ok_or_else(|| format!("{word} has no x"))?;
        let (rest, seen) = match rest.split_once('^') {
            Some((rest, seen)) => (rest, Some(self.book.seq_of(seen)?)),
            None => (rest, None),
        };
        let (rest, disposition) = match rest.split_once('!') {
            Some((rest, "restock")) => (rest, Some(Disposition::Restock)),
            Some((rest, "quarantine")) => (rest, Some(Disposition::Quarantine)),
            Some((rest, "scrap")) => (rest, Some(Disposition::Scrap)),
            Some((_, other)) => return Err(format!("{other} is no disposition")),
            None => (rest, None),
        };
        let (rest, bucket) = match rest.strip_suffix("/bad") {
            Some(rest) => (rest, Bucket::Unsellable),
            None => (rest, Bucket::Sellable),
        };
        let position = self.book.position_of(rest)?;
        let line = Line { position, bucket, quantity: quantity_of(quantity)?, seen, detail: None };
        self.lines.extend(std::iter::repeat_n((line, disposition), times));
        Ok(())
    }

    /// `seen=` says it of all lines; `item=`, `location=`, `lot=`, `qty=`, `bucket=` change the first line;
    /// `lines=` repeats it so often.
    fn edit_lines(&mut self) -> Read<()> {
        if let Some(seen) = self.value("seen") {
            let seen = self.book.seq_of(seen)?;
            self.lines.iter_mut().for_each(|line| line.0.seen = Some(seen));
        }
        let (item, location, lot) = (self.value("item"), self.value("location"), self.value("lot"));
        let (qty, bucket, lines) = (self.value("qty"), self.value("bucket"), self.value("lines"));
        if let Some((first, _)) = self.lines.first_mut() {
            if let Some(item) = item {
                first.position.item = self.book.item_id(item)?;
            }
            if let Some(location) = location {
                first.position.location = self.book.location_id(location)?;
            }
            if let Some(lot) = lot {
                first.position.lot = LotId(text(lot.trim_start_matches('#').parse())?);
            }
            if let Some(qty) = qty {
                first.quantity = quantity_of(qty)?;
            }
            if bucket == Some("bad") {
                first.bucket = Bucket::Unsellable;
            }
        }
        match (lines, self.lines.first().cloned()) {
            (Some(lines), Some(first)) => self.lines = vec![first; text(lines.parse())?],
            (Some("0"), None) | (None, _) => {}
            (Some(_), None) => return Err("there is no line to repeat".into()),
        }
        Ok(())
    }

    fn value(&self, key: &str) -> Option<&'a str> {
        // The last one counts, so that the ending of a product can overrule its row.
        self.pairs.iter().rev().find(|(known, _)| *known == key).map(|(_, value)| *value)
    }

    fn has(&self, flag: &str) -> bool {
        self.plain.contains(&flag)
    }

    fn arg(&self, at: usize) -> Read<&'a str> {
        self.plain.get(at).copied().ok_or_else(|| format!("{} needs {} more words", self.verb, at + 1))
    }

    /// How the coverage list calls this command.
    pub fn called(&self) -> String {
        match self.verb {
            "fulfil" if self.has("left") => "fulfil left".into(),
            verb => verb.into(),
        }
    }

    pub fn command(&self) -> Read<Command> {
        let actor = Actor::asserted(text(ActorId::new(self.value("by").unwrap_or("anna")))?);
        let mut command = Command::new(actor, self.act()?);
        command.id = match (self.value("id"), self.label) {
            (Some("none"), _) | (None, None) => None,
            (Some(label), _) | (None, Some(label)) => Some(command_id(label)),
        };
        command.occurred_at = self.value("at").map(|at| self.time(at)).transpose()?;
        command.order = self.value("order").map(OrderRef::new).transpose().map_err(|error| error.to_string())?;
        command.reason = self.value("reason").map(ReasonCode::new).transpose().map_err(|error| error.to_string())?;
        command.cause = match self.value("cause") {
            Some(seq) => Some(Cause::Event(self.book.seq_of(seq)?)),
            None => None,
        };
        for number in 0..self.value("docs").map_or(Ok(0), |docs| text(docs.parse::<usize>()))? {
            let kind = text(DocumentKind::new("invoice"))?;
            command.documents.push(Document { kind, id: text(DocumentId::new(&number.to_string()))? });
        }
        command.note = match self.value("note").map(|note| (note, note.strip_prefix('*'))) {
            Some((_, Some(bytes))) => Some("n".repeat(text(bytes.parse())?)),
            Some((note, None)) => Some(note.to_owned()),
            None => None,
        };
        Ok(command)
    }

    fn time(&self, word: &str) -> Read<Timestamp> {
        let (word, micros) = match word.strip_suffix("-1us").map(|word| (word, -1)) {
            Some(less) => less,
            None => word.strip_suffix("+1us").map_or((word, 0), |word| (word, 1)),
        };
        let time = match word {
            "1900" => Timestamp(OCCURRED_MICROS_MIN),
            "9999" => Timestamp(DEADLINE_MICROS_MAX),
            _ => instant(word, self.now)?,
        };
        Ok(time.plus_micros(micros))
    }

    fn deadline(&self) -> Read<Option<Timestamp>> {
        match self.value("deadline") {
            None | Some("never") => Ok(None),
            Some(deadline) => self.time(deadline).map(Some),
        }
    }

    fn plain_lines(&self) -> Lines {
        self.lines.iter().map(|line| line.0.clone()).collect()
    }

    fn return_lines(&self) -> smallvec::SmallVec<[ReturnLine; 1]> {
        let lines = self.lines.iter().cloned();
        lines.map(|(line, disposition)| ReturnLine { line, disposition }).collect()
    }

    fn count_lines(&self) -> smallvec::SmallVec<[CountLine; 1]> {
        let lines = self.lines.iter().map(|(line, _)| CountLine {
            position: line.position,
            bucket: line.bucket,
            counted: line.quantity,
            seen: line.seen,
        });
        lines.collect()
    }

    fn holds(&self) -> Read<Holds> {
        match self.arg(0)?.strip_prefix("order/") {
            Some(order) => text(OrderRef::new(order)).map(Holds::Order),
            None => Ok(Holds::Reservation(command_id(self.arg(0)?))),
        }
    }

    fn portion(&self) -> Portion {
        match self.lines.is_empty() && self.value("lines").is_none() {
            true => Portion::Whole,
            false => Portion::Lines(self.plain_lines()),
        }
    }

    /// `low:A@S1^label`, the alert that the labelled row raised, or `#n`.
    fn alert(&self) -> Read<AlertId> {
        let word = self.arg(0)?;
        if word.starts_with('#') {
            return Ok(AlertId::from_bytes(uuid_of(word)));
        }
        let (kind, rest) = word.split_once(':').ok_or_else(|| format!("{word} has no colon"))?;
        let (position, seq) = rest.split_once('^').ok_or_else(|| format!("{word} has no ^"))?;
        let kind = match kind {
            "low" => AlertKind::LowStock,
            "out" => AlertKind::OutOfStock,
            "oversold" => AlertKind::Oversold,
            _ => return Err(format!("{kind} is no kind of alert")),
        };
        Ok(alert_id(self.book.seq_of(seq)?, self.book.position_of(position)?, kind))
    }

    fn act(&self) -> Read<Act> {
        let lines = self.plain_lines();
        Ok(match self.verb {
            "receive" => Act::Receive(Receive { lines }),
            "sale" => self.delta(PosChange::Sale { lines })?,
            "pos-return" => self.delta(PosChange::Return { lines: self.return_lines() })?,
            "waste" => self.delta(PosChange::Waste { lines })?,
            "receipt" => self.delta(PosChange::Receipt { lines })?,
            "correction" => self.delta(PosChange::Correction { lines })?,
            "return" => Act::Return(Return {
                origin: match self.has("unreferenced") {
                    true => ReturnOrigin::Unreferenced,
                    false => ReturnOrigin::Order,
                },
                excess: match self.has("excess") {
                    true => Excess::Unreferenced,
                    false => Excess::Refuse,
                },
                lines: self.return_lines(),
            }),
            "adjust" => Act::Adjust(Adjust { lines }),
            "count" => Act::Count(Count { lines: self.count_lines() }),
            "ship" => {
                let to = self.book.location_id(self.value("to").ok_or("ship needs to=")?)?;
                Act::ShipTransfer(ShipTransfer { transfer: transfer_id(self.arg(0)?), to, lines })
            }
            "arrive" => Act::ReceiveTransfer(ReceiveTransfer { transfer: transfer_id(self.arg(0)?), lines }),
            "close" => Act::CloseTransfer(CloseTransfer { transfer: transfer_id(self.arg(0)?) }),
            "reserve" => Act::Reserve(Reserve { deadline: self.deadline()?, lines }),
            "amend" => Act::Amend(Amend { reservation: command_id(self.arg(0)?), lines }),
            "extend" => Act::Extend(Extend { reservation: command_id(self.arg(0)?), deadline: self.deadline()? }),
            "fulfil" => Act::Fulfil(Fulfil {
                holds: self.holds()?,
                portion: self.portion(),
                departure: match self.has("left") {
                    true => Departure::AlreadyLeft,
                    false => Departure::Now,
                },
            }),
            "release" => Act::Release(Release { holds: self.holds()?, portion: self.portion() }),
            "reclassify" => Act::Reclassify(Reclassify { lines }),
            "acknowledge" => Act::AcknowledgeAlert(AcknowledgeAlert { alert: self.alert()? }),
            "resolve" => Act::ResolveAlert(ResolveAlert { alert: self.alert()? }),
            "dismiss" => Act::DismissAlert(DismissAlert { alert: self.alert()? }),
            _ => self.master_data()?,
        })
    }

    fn delta(&self, delta: PosChange) -> Read<Act> {
        let external_id = self.value("ext").or(self.label).unwrap_or(self.place);
        let source = text(Source::new(self.value("source").unwrap_or("till")))?;
        Ok(Act::PosDelta(PosDelta { source, external_id: text(ExternalId::new(external_id))?, delta }))
    }

    fn master_data(&self) -> Read<Act> {
        let use_status = |word| match word {
            "active" => Ok(UseStatus::Active),
            "retired" => Ok(UseStatus::Retired),
            _ => Err(format!("{word} is no status")),
        };
        let first = self.arg(0)?;
        Ok(match self.verb {
            "item" => Act::CreateItem(CreateItem {
                sku: text(AliasText::new(first))?,
                decimals: text(self.value("decimals").unwrap_or("0").parse())?,
            }),
            "decimals" => {
                let decimals = self.value("to").unwrap_or(self.arg(1)?);
                Act::SetDecimals(SetDecimals { item: self.book.item_id(first)?, decimals: text(decimals.parse())? })
            }
            "status" => Act::SetItemStatus(SetItemStatus {
                item: self.book.item_id(first)?,
                status: match self.arg(1)? {
                    "active" => ItemStatus::Active,
                    "hold" => ItemStatus::OnHold,
                    "discontinued" => ItemStatus::Discontinued,
                    word => return Err(format!("{word} is no status")),
                },
            }),
            "location" => Act::CreateLocation(CreateLocation {
                code: text(AliasText::new(first))?,
                zone: text(Zone::new(self.value("zone").unwrap_or("Europe/London")))?,
            }),
            "location-status" => Act::SetLocationStatus(SetLocationStatus {
                location: self.book.location_id(first)?,
                status: use_status(self.arg(1)?)?,
            }),
            "lot" => {
                Act::CreateLot(CreateLot { item: self.book.item_id(first)?, code: text(AliasText::new(self.arg(1)?))? })
            }
            "lot-status" => {
                Act::SetLotStatus(SetLotStatus { lot: self.book.lot_id(first)?, status: use_status(self.arg(1)?)? })
            }
            "alias" => {
                Act::AddAlias(AddAlias { alias: self.book.alias(first)?, target: self.book.target(self.arg(1)?)? })
            }
            "rename" => Act::RenameAlias(RenameAlias {
                alias: self.book.alias(first)?,
                to: text(AliasText::new(self.arg(1)?))?,
            }),
            "merge" => {
                Act::MergeAlias(MergeAlias { alias: self.book.alias(first)?, into: self.book.target(self.arg(1)?)? })
            }
            "retire" => Act::RetireAlias(RetireAlias { alias: self.book.alias(first)? }),
            "period" => Act::ClosePeriod(ClosePeriod {
                location: self.book.location_id(first)?,
                until: text(self.arg(1)?.parse())?,
            }),
            "point" => Act::SetReorderPoint(SetReorderPoint {
                position: self.book.position_of(first)?,
                point: match self.arg(1)? {
                    "none" => None,
                    point => Some(quantity_of(point)?),
                },
            }),
            verb => return Err(format!("{verb} is no command")),
        })
    }
}

/// Seconds after the beginning of the case, or after now where it begins with a plus.
pub fn instant(word: &str, now: Timestamp) -> Read<Timestamp> {
    let (from, word) = match word.strip_prefix('+') {
        Some(rest) => (now, rest),
        None => (BEGINNING, word),
    };
    let seconds: i64 = text(word.parse()).map_err(|error| format!("{word} is no time: {error}"))?;
    Ok(from.plus_micros(seconds * 1_000_000))
}

/// Smallest units, or `MAX`, `MAX+1`, `-MAX`, `-MAX-1`.
fn quantity_of(word: &str) -> Read<Quantity> {
    match word {
        "MAX" => Ok(Quantity(QUANTITY_UNITS_MAX)),
        "MAX+1" => Ok(Quantity(QUANTITY_UNITS_MAX + 1)),
        "-MAX" => Ok(Quantity(-QUANTITY_UNITS_MAX)),
        "-MAX-1" => Ok(Quantity(-QUANTITY_UNITS_MAX - 1)),
        "I64MAX" => Ok(Quantity(i64::MAX)),
        "I64MIN" => Ok(Quantity(i64::MIN)),
        _ => word.parse().map(Quantity).map_err(|error| format!("{word} is no quantity: {error}")),
    }
}
