//! In the order in which events were recorded.

use super::{Around, Asked, Paged, cited, figures, json_row, opening_row, whole};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::names::placed;
use crate::cli::sheet::Column;
use counterfoil::api::amount;
use counterfoil::domain::event::EventKind;
use counterfoil::domain::quantity::decimal;
use counterfoil::history::{AsOf, ExplainRow, Explanation};
use counterfoil::query::{Answer, Cursor, Direction, Stock};
use counterfoil::{Ledger, Timestamp};
use serde_json::{Map, Value, json};

const ROWS: &[Column] = &[
    Column::figure("seq", "event"),
    Column::text("recorded_at", "recorded"),
    Column::text("kind", "what"),
    Column::short("who", "who"),
    Column::short("order", "order").rarely(),
    Column::short("because", "because").rarely(),
    Column::rare_text("unit_cost", "unit cost"),
    Column::step("physical_step", "step"),
    Column::figure("physical", "physical"),
    Column::step("reserved_step", "step").rarely(),
    Column::rare("reserved", "reserved"),
    Column::rare("unsellable", "unsellable"),
    Column::figure("available", "available"),
    Column::rare("inbound", "inbound"),
    Column::hidden("sellable_step"),
    Column::hidden("unsellable_step"),
    Column::hidden("inbound_step"),
    Column::hidden("lapsed"),
    Column::hidden("sellable"),
    Column::hidden("oversold"),
    Column::hidden("occurred_at"),
    Column::hidden("hash"),
    Column::hidden("item_id"),
    Column::hidden("location_id"),
    Column::hidden("lot_id"),
];

const TOTALS: &[Column] = &[
    Column::text("kind", "what"),
    Column::step("sellable", "sellable"),
    Column::step("unsellable", "unsellable").rarely(),
    Column::step("held", "held").rarely(),
    Column::step("inbound", "inbound").rarely(),
];

const HOLDS: &[Column] = &[
    Column::figure("seq", "event"),
    Column::text("reservation", "reservation"),
    Column::short("order", "order"),
    Column::figure("open", "holds"),
    Column::text("deadline", "until"),
];

/// What takes from the reserved without an event.
const LAPSED: &str = "(holds lapsed)";

/// What was found.
pub struct Told {
    around: Around,
    as_of: AsOf,
    direction: Direction,
    /// Whether the rows begin where those of the direction begin.
    is_first_page: bool,
    answer: Answer<Explanation>,
}

/// Asks page after page, as far as rows are wanted.
pub fn ask(ledger: &Ledger, asked: &Asked) -> Result<Told, Failure> {
    let Asked { position, as_of, page, .. } = *asked;
    let direction = page.direction();
    let answer = whole(asked, |paging| ledger.history().explain(position, as_of, direction, paging))?;
    let around = Around::of(ledger, asked, answer.seq, answer.as_of)?;
    Ok(Told { around, as_of, direction, is_first_page: page.after.is_none(), answer })
}

impl Paged for Explanation {
    fn shown(&self) -> usize {
        self.rows.len()
    }

    fn next(&self) -> Option<&Cursor> {
        self.next.as_ref()
    }

    fn absorb(&mut self, mut page: Self, direction: Direction) {
        if direction == Direction::Descending {
            self.opening = page.opening;
        }
        self.rows.append(&mut page.rows);
        self.next = page.next;
    }
}

impl Told {
    fn found(&self) -> &Explanation {
        &self.answer.value
    }

    fn decimals(&self) -> u8 {
        self.found().place.decimals
    }

    fn next_seq(&self) -> Option<u64> {
        let found = self.found();
        found.next.as_ref().and(found.rows.last()).map(|row| row.event.seq.0)
    }

    /// All of it.
    pub fn whole(&self) -> Value {
        let (found, decimals) = (self.found(), self.decimals());
        let figure = |units| amount(units, decimals);
        let told = json!({
            "moment": self.as_of.to_string(), "in_order_of": "recording",
            "seq": self.answer.seq, "as_of": self.answer.as_of.to_string(),
            "stock": figures(&found.stock, decimals),
            "totals": self.totals(), "holds": self.holds(), "holds_unlisted": figure(found.holds_unlisted),
            "lapsed_since": figure(found.lapsed_since), "opening": figures(&found.opening, decimals),
            "rows": found.rows.iter().map(|found| row(found, decimals)).collect::<Vec<_>>(),
            "next": self.next_seq(), "beside": self.around.beside(),
        });
        placed(&found.place, told)
    }

    /// Only the rows.
    pub fn rows(&self, context: &mut Context<'_>) -> Result<(), Failure> {
        let of = &self.found().place;
        let rows = self.found().rows.iter();
        context.list(ROWS, rows.map(|found| placed(of, Value::Object(row(found, self.decimals())))))
    }

    fn totals(&self) -> Vec<Value> {
        let figure = |units| amount(units, self.decimals());
        let told = self.found().totals.iter().map(|total| {
            json!({
                "kind": total.kind, "sellable": figure(total.sellable), "unsellable": figure(total.unsellable),
                "held": figure(total.held), "inbound": figure(total.inbound),
            })
        });
        told.collect()
    }

    fn holds(&self) -> Vec<Value> {
        let told = self.found().holds.iter().map(|hold| {
            json!({
                "seq": hold.reservation, "reservation": hold.id, "order": hold.order,
                "open": amount(hold.open, self.decimals()),
                "deadline": (hold.deadline != Timestamp::NEVER).then(|| hold.deadline.to_string()),
            })
        });
        told.collect()
    }

    /// For people: the figure, what came to it, row by row, and who holds what.
    pub fn tell(&self, context: &mut Context<'_>) -> Result<(), Failure> {
        let (found, decimals) = (self.found(), self.decimals());
        let units = |units: i64| decimal(i128::from(units), decimals);
        let Stock { physical, reserved, available, unsellable, .. } = found.stock;
        let headline = format!(
            "{}: {} physical, {} reserved, {} available, {} unsellable",
            self.around.place,
            units(physical),
            units(reserved),
            units(available),
            units(unsellable)
        );
        writeln!(context.out, "  {}", context.paint.bold(&headline))?;
        writeln!(context.out, "  {}", self.around.rests_on)?;
        self.around.tell_beside(context)?;
        writeln!(context.out)?;
        let mut sheet = context.sheet(TOTALS);
        self.totals().iter().try_for_each(|total| sheet.push(total))?;
        // Closing what had lapsed takes it from what is held, lapsing from what is reserved.
        let held: i64 = found.totals.iter().map(|total| total.held).sum();
        if held != reserved {
            sheet.push(&json!({ "kind": LAPSED, "held": amount(reserved - held, decimals) }))?;
        }
        sheet.end()?;
        writeln!(context.out, "\n  In the order in which events were recorded:\n")?;
        match found.rows.is_empty() {
            true => self.around.tell_empty(context)?,
            false => context.list(ROWS, self.told_rows())?,
        }
        if let Some(seq) = self.next_seq() {
            writeln!(context.out, "\n  there are more: --after {seq}")?;
        }
        match (found.stock.reserved, self.is_first_page) {
            (0, _) => return Ok(()),
            (_, true) => {}
            (_, false) => return Ok(writeln!(context.out, "\n  Who holds what is told without --after.")?),
        }
        writeln!(context.out, "\n  Held at that moment:\n")?;
        context.list(HOLDS, self.holds())?;
        match found.holds_unlisted {
            0 => Ok(()),
            more => Ok(writeln!(context.out, "  and {} by holds that are not listed", units(more))?),
        }
    }

    /// The rows, with what they go on from, and with what lapsed between them as rows of its own.
    fn told_rows(&self) -> Vec<Value> {
        let (found, decimals) = (self.found(), self.decimals());
        let mut rows = Vec::new();
        for found in &found.rows {
            let mut told = vec![Value::Object(row(found, decimals))];
            if found.lapsed != 0 {
                told.insert(0, lapse(before(found), found.lapsed, decimals));
            }
            if self.direction == Direction::Descending {
                told.reverse();
            }
            rows.extend(told);
        }
        if found.rows.is_empty() {
            return rows;
        }
        let opening = opening_row(figures(&found.opening, decimals));
        let has_newest = match self.direction {
            Direction::Ascending => found.next.is_none(),
            Direction::Descending => self.is_first_page,
        };
        let since = (has_newest && found.lapsed_since != 0).then(|| lapse(found.stock, found.lapsed_since, decimals));
        match self.direction {
            Direction::Ascending => [opening].into_iter().chain(rows).chain(since).collect(),
            Direction::Descending => since.into_iter().chain(rows).chain([opening]).collect(),
        }
    }
}

/// The stock in front of a row's event, behind what had lapsed by then.
fn before(row: &ExplainRow) -> Stock {
    let sellable = row.stock.sellable - row.sellable;
    let unsellable = row.stock.unsellable - row.unsellable;
    let reserved = row.stock.reserved - row.reserved;
    let available = sellable.saturating_sub(reserved);
    Stock {
        physical: sellable.saturating_add(unsellable),
        sellable,
        unsellable,
        reserved,
        available,
        inbound: row.stock.inbound - row.inbound,
        oversold: available.saturating_neg().max(0),
        version: row.stock.version,
    }
}

/// What lapsed without an event, and the stock behind it.
fn lapse(stock: Stock, lapsed: i64, decimals: u8) -> Value {
    let mut row = json_row(LAPSED, figures(&stock, decimals));
    if let Value::Object(fields) = &mut row {
        fields.insert("reserved_step".to_owned(), amount(-lapsed, decimals));
    }
    row
}

/// Whether a later count had settled all of a dated fact before it was recorded. Kinds that may come to nothing by
/// themselves are left out.
fn is_settled(found: &ExplainRow) -> bool {
    let moves_goods = matches!(
        found.event.kind,
        EventKind::Received
            | EventKind::TransferShipped
            | EventKind::PosSale
            | EventKind::PosWaste
            | EventKind::PosReceipt
    );
    let steps = (found.sellable, found.unsellable, found.reserved, found.inbound);
    moves_goods && found.event.occurred_at.is_some() && steps == (0, 0, 0, 0)
}

fn row(found: &ExplainRow, decimals: u8) -> Map<String, Value> {
    let mut row = cited(&found.event);
    let mut put = |name: &str, units: i64| drop(row.insert(name.to_owned(), amount(units, decimals)));
    put("physical_step", found.sellable.saturating_add(found.unsellable));
    put("sellable_step", found.sellable);
    put("unsellable_step", found.unsellable);
    put("reserved_step", found.reserved);
    put("inbound_step", found.inbound);
    put("lapsed", found.lapsed);
    row.extend(figures(&found.stock, decimals).as_object().cloned().unwrap_or_default());
    let moved = found.reservations.iter();
    let moved = moved.map(|(seq, units)| json!({ "seq": seq, "step": amount(*units, decimals) }));
    row.insert("reservations".to_owned(), moved.collect());
    if is_settled(found) {
        let because = row.get("because").and_then(Value::as_str).map(|because| format!(", {because}"));
        row.insert("because".to_owned(), format!("settled by a count{}", because.unwrap_or_default()).into());
    }
    row
}
