//! Events for people and other programs: JSON with stable names, quantities in smallest units, instants in
//! microseconds since 1970 with the date beside them.

use crate::domain::command::{Alias, AliasKind, Cause, Departure};
use crate::domain::event::{
    Adjusted, AlertAcknowledged, AlertDismissed, AlertResolved, AliasAdded, AliasMerged, AliasRenamed, AliasRetired,
    Amended, Body, ClockAccepted, Counted, CountedLine, DecimalsSet, Envelope, Event, Expired, Extended, Extension,
    ExtensionWeight, Fulfilled, Genesis, HoldLine, ItemCreated, ItemStatusSet, LocationCreated, LocationStatusSet,
    LotCreated, LotStatusSet, PeriodClosed, PosDeltaRecorded, PosMovement, Received, Reclassified, Released,
    ReorderPointSet, Reserved, Returned, RulesChanged, TransferClosed, TransferReceived, TransferShipped, TransitLine,
    UnitMark,
};
use crate::domain::ids::{Position, Timestamp};
use crate::domain::line::{Line, ReturnLine};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::{Value, json};

/// The readable view of an event; its fields are listed in `src/audit/EXPORT.md`.
///
/// # Example
/// ```
/// # use counterfoil::{audit::Readable, domain::event::Event};
/// # fn show(event: &Event) -> serde_json::Result<String> {
/// serde_json::to_string(&Readable(event))
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Readable<'a>(pub &'a Event);

/// Bytes as hexadecimal digits.
#[derive(Clone, Copy, Debug)]
pub struct Hex<'a>(pub &'a [u8]);

impl std::fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.digits())
    }
}

impl Hex<'_> {
    // An export is mostly these digits, and formatting byte by byte takes most of its time.
    fn digits(&self) -> String {
        let digit = |nibble: u8| char::from(if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 });
        let mut digits = String::with_capacity(self.0.len() * 2);
        for byte in self.0 {
            digits.push(digit(byte >> 4));
            digits.push(digit(byte & 15));
        }
        digits
    }
}

impl Serialize for Hex<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.digits())
    }
}

impl Serialize for Readable<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("kind", self.0.body.name())?;
        envelope(&mut map, &self.0.envelope)?;
        body(&mut map, &self.0.body)?;
        map.end()
    }
}

fn envelope<M: SerializeMap>(map: &mut M, envelope: &Envelope) -> Result<(), M::Error> {
    instant(map, "recorded_at", "recorded_at_micros", envelope.recorded_at)?;
    if let Some(at) = envelope.occurred_at {
        instant(map, "occurred_at", "occurred_at_micros", at)?;
    }
    if let Some(id) = envelope.command_id {
        map.serialize_entry("command_id", &id)?;
        map.serialize_entry("digest", &Hex(&envelope.digest))?;
    }
    map.serialize_entry("actor", &envelope.actor)?;
    if let Some(order) = &envelope.order {
        map.serialize_entry("order", order)?;
    }
    if let Some(reason) = &envelope.reason {
        map.serialize_entry("reason", reason)?;
    }
    match &envelope.cause {
        Some(Cause::Event(seq)) => map.serialize_entry("cause", &json!({ "event": seq }))?,
        Some(Cause::Document(document)) => map.serialize_entry("cause", &json!({ "document": document }))?,
        None => {}
    }
    if !envelope.documents.is_empty() {
        map.serialize_entry("documents", &envelope.documents)?;
    }
    if let Some(commitment) = &envelope.private {
        map.serialize_entry("private", &Hex(commitment))?;
    }
    if envelope.unit == UnitMark::Continues {
        map.serialize_entry("unit", "continues")?;
    }
    if !envelope.extensions.is_empty() {
        let extensions: Vec<Value> = envelope.extensions.iter().map(extension).collect();
        map.serialize_entry("extensions", &extensions)?;
    }
    Ok(())
}

fn extension(extension: &Extension) -> Value {
    let critical = extension.weight == ExtensionWeight::Critical;
    json!({ "number": extension.number, "critical": critical, "bytes": Hex(&extension.bytes) })
}

fn instant<M: SerializeMap>(map: &mut M, date: &str, micros: &str, at: Timestamp) -> Result<(), M::Error> {
    map.serialize_entry(date, &at.to_string())?;
    map.serialize_entry(micros, &at.0)
}

fn body<M: SerializeMap>(map: &mut M, body: &Body) -> Result<(), M::Error> {
    match body {
        Body::Genesis(Genesis { ledger, format, rules }) => {
            map.serialize_entry("ledger", ledger)?;
            map.serialize_entry("format", format)?;
            map.serialize_entry("rules", rules)
        }
        Body::RulesChanged(RulesChanged { rules }) => map.serialize_entry("rules", rules),
        Body::ClockAccepted(ClockAccepted { clock }) => instant(map, "clock", "clock_micros", *clock),
        Body::Received(Received { lines: of })
        | Body::Adjusted(Adjusted { lines: of })
        | Body::Reclassified(Reclassified { lines: of }) => lines(map, "lines", of),
        Body::PosDelta(PosDeltaRecorded { source, external_id, delta }) => {
            map.serialize_entry("source", source)?;
            map.serialize_entry("external_id", external_id)?;
            movement(map, delta)
        }
        Body::Returned(Returned { referenced, unreferenced }) => {
            return_lines(map, "referenced", referenced)?;
            return_lines(map, "unreferenced", unreferenced)
        }
        Body::Counted(Counted { lines }) => map.serialize_entry("lines", &list(lines, counted_line)),
        Body::TransferShipped(TransferShipped { transfer, to, lines: of }) => {
            map.serialize_entry("transfer", transfer)?;
            map.serialize_entry("to", to)?;
            lines(map, "lines", of)
        }
        Body::TransferReceived(TransferReceived { transfer, lines: of }) => {
            map.serialize_entry("transfer", transfer)?;
            lines(map, "lines", of)
        }
        Body::TransferClosed(TransferClosed { transfer, rest }) => {
            map.serialize_entry("transfer", transfer)?;
            map.serialize_entry("rest", &list(rest, transit_line))
        }
        Body::AlertAcknowledged(AlertAcknowledged { alert })
        | Body::AlertResolved(AlertResolved { alert })
        | Body::AlertDismissed(AlertDismissed { alert }) => map.serialize_entry("alert", alert),
        Body::Reserved(Reserved { deadline, lines: of }) => {
            until(map, *deadline)?;
            lines(map, "lines", of)
        }
        Body::Amended(Amended { reservation, lines: of }) => {
            map.serialize_entry("reservation", reservation)?;
            lines(map, "lines", of)
        }
        Body::Extended(Extended { reservation, deadline }) => {
            map.serialize_entry("reservation", reservation)?;
            until(map, *deadline)
        }
        Body::Fulfilled(Fulfilled { departure, closes, unreserved }) => {
            let departure = match departure {
                Departure::Now => "now",
                Departure::AlreadyLeft => "already_left",
            };
            map.serialize_entry("departure", departure)?;
            map.serialize_entry("closes", &list(closes, hold_line))?;
            lines(map, "unreserved", unreserved)
        }
        Body::Released(Released { closes }) => map.serialize_entry("closes", &list(closes, hold_line)),
        Body::Expired(Expired { reservations }) => map.serialize_entry("reservations", &reservations[..]),
        Body::ItemCreated(ItemCreated { item, sku, decimals }) => {
            map.serialize_entry("item", item)?;
            map.serialize_entry("sku", sku)?;
            map.serialize_entry("decimals", decimals)
        }
        Body::DecimalsSet(DecimalsSet { item, decimals }) => {
            map.serialize_entry("item", item)?;
            map.serialize_entry("decimals", decimals)
        }
        Body::ItemStatusSet(ItemStatusSet { item, status }) => {
            map.serialize_entry("item", item)?;
            map.serialize_entry("status", status)
        }
        Body::LocationCreated(LocationCreated { location, code, zone }) => {
            map.serialize_entry("location", location)?;
            map.serialize_entry("code", code)?;
            map.serialize_entry("zone", zone)
        }
        Body::LocationStatusSet(LocationStatusSet { location, status }) => {
            map.serialize_entry("location", location)?;
            map.serialize_entry("status", status)
        }
        Body::LotCreated(LotCreated { lot, item, code }) => {
            map.serialize_entry("lot", lot)?;
            map.serialize_entry("item", item)?;
            map.serialize_entry("code", code)
        }
        Body::LotStatusSet(LotStatusSet { lot, status }) => {
            map.serialize_entry("lot", lot)?;
            map.serialize_entry("status", status)
        }
        Body::AliasAdded(AliasAdded { alias: of, target }) => {
            map.serialize_entry("alias", &alias(of))?;
            map.serialize_entry("target", target)
        }
        Body::AliasMerged(AliasMerged { alias: of, into }) => {
            map.serialize_entry("alias", &alias(of))?;
            map.serialize_entry("into", into)
        }
        Body::AliasRenamed(AliasRenamed { alias: of, to }) => {
            map.serialize_entry("alias", &alias(of))?;
            map.serialize_entry("to", to)
        }
        Body::AliasRetired(AliasRetired { alias: of }) => map.serialize_entry("alias", &alias(of)),
        Body::ReorderPointSet(ReorderPointSet { position, point }) => {
            map.serialize_entry("position", position)?;
            map.serialize_entry("point", point)
        }
        Body::PeriodClosed(PeriodClosed { location, until, closed_until }) => {
            map.serialize_entry("location", location)?;
            map.serialize_entry("until", until)?;
            instant(map, "closed_until", "closed_until_micros", *closed_until)
        }
    }
}

fn until<M: SerializeMap>(map: &mut M, deadline: Option<Timestamp>) -> Result<(), M::Error> {
    match deadline {
        Some(deadline) => instant(map, "deadline", "deadline_micros", deadline),
        None => Ok(()),
    }
}

fn movement<M: SerializeMap>(map: &mut M, delta: &PosMovement) -> Result<(), M::Error> {
    let (name, of) = match delta {
        PosMovement::Return(of) => {
            map.serialize_entry("delta", "return")?;
            return return_lines(map, "lines", of);
        }
        PosMovement::Sale(of) => ("sale", of),
        PosMovement::Waste(of) => ("waste", of),
        PosMovement::Receipt(of) => ("receipt", of),
        PosMovement::Correction(of) => ("correction", of),
    };
    map.serialize_entry("delta", name)?;
    lines(map, "lines", of)
}

fn lines<M: SerializeMap>(map: &mut M, name: &str, lines: &[Line]) -> Result<(), M::Error> {
    map.serialize_entry(name, &list(lines, line))
}

fn return_lines<M: SerializeMap>(map: &mut M, name: &str, lines: &[ReturnLine]) -> Result<(), M::Error> {
    map.serialize_entry(name, &list(lines, return_line))
}

fn list<T>(lines: &[T], line: impl Fn(&T) -> Value) -> Vec<Value> {
    lines.iter().map(line).collect()
}

fn place(Position { item, location, lot }: Position) -> Value {
    json!({ "item": item, "location": location, "lot": lot })
}

fn with(mut value: Value, name: &str, field: Value) -> Value {
    if let Value::Object(fields) = &mut value {
        fields.insert(name.into(), field);
    }
    value
}

fn line(line: &Line) -> Value {
    let value = with(place(line.position), "bucket", json!(line.bucket));
    let value = with(value, "quantity", json!(line.quantity));
    match &line.detail {
        Some(detail) => with(value, "detail", json!(detail)),
        None => value,
    }
}

fn return_line(of: &ReturnLine) -> Value {
    with(line(&of.line), "disposition", json!(of.disposition))
}

fn counted_line(line: &CountedLine) -> Value {
    let value = with(place(line.position), "bucket", json!(line.bucket));
    with(with(value, "counted", json!(line.counted)), "later", json!(line.later))
}

fn hold_line(line: &HoldLine) -> Value {
    let value = with(place(line.position), "reservation", json!(line.reservation));
    with(value, "quantity", json!(line.quantity))
}

fn transit_line(line: &TransitLine) -> Value {
    json!({ "item": line.item, "lot": line.lot, "quantity": line.quantity })
}

fn alias(alias: &Alias) -> Value {
    let text = alias.text.as_str();
    match alias.kind {
        AliasKind::Lot(item) => json!({ "kind": "lot", "item": item, "text": text }),
        kind @ (AliasKind::Sku | AliasKind::Barcode | AliasKind::Vendor | AliasKind::Location) => {
            json!({ "kind": kind, "text": text })
        }
    }
}
