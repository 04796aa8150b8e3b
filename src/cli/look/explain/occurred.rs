//! In the order in which facts and counts occurred.

use super::{Around, Asked, Paged, cited, figures, opening_row, whole};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::names::placed;
use crate::cli::sheet::Column;
use counterfoil::api::amount;
use counterfoil::domain::quantity::decimal;
use counterfoil::history::{AsOf, Buckets, OccurredRow, TrueExplanation};
use counterfoil::query::{Answer, Cursor, Direction};
use counterfoil::{Ledger, Timestamp};
use serde_json::{Map, Value, json};

const ROWS: &[Column] = &[
    Column::text("at", "occurred"),
    Column::figure("seq", "event"),
    Column::text("kind", "what"),
    Column::short("who", "who"),
    Column::short("order", "order").rarely(),
    Column::short("because", "because").rarely(),
    Column::rare_text("unit_cost", "unit cost"),
    Column::step("sellable_step", "step"),
    Column::figure("sellable", "sellable"),
    Column::step("unsellable_step", "step").rarely(),
    Column::rare("unsellable", "unsellable"),
    Column::figure("physical", "physical"),
    Column::hidden("physical_step"),
    Column::hidden("counted_sellable"),
    Column::hidden("counted_unsellable"),
    Column::hidden("occurred_at"),
    Column::hidden("recorded_at"),
    Column::hidden("hash"),
    Column::hidden("item_id"),
    Column::hidden("location_id"),
    Column::hidden("lot_id"),
];

const TOTALS: &[Column] = &[
    Column::text("kind", "what"),
    Column::step("sellable", "sellable"),
    Column::step("unsellable", "unsellable").rarely(),
    Column::step("physical", "physical"),
];

/// What was found.
pub struct Told {
    around: Around,
    as_of: AsOf,
    direction: Direction,
    answer: Answer<TrueExplanation>,
}

/// Asks page after page, as far as rows are wanted.
pub fn ask(ledger: &Ledger, asked: &Asked, at: Timestamp) -> Result<Told, Failure> {
    let Asked { position, as_of, page, .. } = *asked;
    let direction = page.direction();
    let answer = whole(asked, |paging| ledger.history().explain_true(position, at, direction, paging))?;
    let around = Around::of(ledger, asked, answer.seq, answer.as_of)?;
    Ok(Told { around, as_of, direction, answer })
}

impl Paged for TrueExplanation {
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
    fn found(&self) -> &TrueExplanation {
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
        let told = json!({
            "moment": self.as_of.to_string(), "in_order_of": "occurrence",
            "seq": self.answer.seq, "as_of": self.answer.as_of.to_string(),
            "stock": figures(&found.stock, decimals), "totals": self.totals(),
            "opening": buckets(&found.opening, decimals),
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
        let of = |kind: &str, came_to: &Buckets| {
            let mut total = buckets(came_to, self.decimals());
            if let Value::Object(fields) = &mut total {
                fields.insert("kind".to_owned(), kind.into());
            }
            total
        };
        vec![of("facts", &self.found().facts), of("variances", &self.found().variances)]
    }

    /// For people: the figure, what came to it, and row by row.
    pub fn tell(&self, context: &mut Context<'_>) -> Result<(), Failure> {
        let (found, decimals) = (self.found(), self.decimals());
        let units = |units: i64| decimal(i128::from(units), decimals);
        let stock = found.stock;
        let headline = format!(
            "{}: {} physical, {} sellable, {} unsellable",
            self.around.place,
            units(stock.physical),
            units(stock.sellable),
            units(stock.unsellable)
        );
        writeln!(context.out, "  {}", context.paint.bold(&headline))?;
        writeln!(context.out, "  {}", self.around.rests_on)?;
        self.around.tell_beside(context)?;
        writeln!(context.out)?;
        context.list(TOTALS, self.totals())?;
        writeln!(context.out, "\n  In the order in which facts and counts occurred, whenever they were recorded:\n")?;
        let mut rows: Vec<Value> = found.rows.iter().map(|found| Value::Object(row(found, decimals))).collect();
        let opening = (!rows.is_empty()).then(|| opening_row(buckets(&found.opening, decimals)));
        match self.direction {
            Direction::Ascending => rows.splice(0..0, opening).for_each(drop),
            Direction::Descending => rows.extend(opening),
        }
        match rows.is_empty() {
            true => self.around.tell_empty(context)?,
            false => context.list(ROWS, &rows)?,
        }
        match self.next_seq() {
            Some(seq) => Ok(writeln!(context.out, "\n  there are more: --after {seq}")?),
            None => Ok(()),
        }
    }
}

fn buckets(buckets: &Buckets, decimals: u8) -> Value {
    json!({
        "physical": amount(buckets.physical, decimals), "sellable": amount(buckets.sellable, decimals),
        "unsellable": amount(buckets.unsellable, decimals),
    })
}

fn row(found: &OccurredRow, decimals: u8) -> Map<String, Value> {
    let figure = |units| amount(units, decimals);
    let mut row = cited(&found.event);
    let mut put = |name: &str, value: Value| drop(row.insert(name.to_owned(), value));
    put("at", found.at.to_string().into());
    put("physical_step", figure(found.step.physical));
    put("sellable_step", figure(found.step.sellable));
    put("unsellable_step", figure(found.step.unsellable));
    put("counted_sellable", found.counted_sellable.map_or(Value::Null, figure));
    put("counted_unsellable", found.counted_unsellable.map_or(Value::Null, figure));
    row.extend(buckets(&found.behind, decimals).as_object().cloned().unwrap_or_default());
    row
}
