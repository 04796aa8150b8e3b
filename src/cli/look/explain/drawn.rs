//! The stock of a position over time, as a picture.

use super::Args;
use crate::cli::failure::Failure;
use crate::cli::moment::rests_on;
use crate::cli::names::location_of;
use crate::cli::plot::zone_of;
use counterfoil::api::nameless;
use counterfoil::history::{AsOf, ExplainRow, OccurredRow};
use counterfoil::limits::PAGE_ROWS_MAX;
use counterfoil::plot::{Panel, Step, StepLine, StockPlot, thinned};
use counterfoil::query::{Answer, Direction, Paging, Place, Stock};
use counterfoil::{Ledger, LocationId, Position, Timestamp};

/// Steps of a line; more can't be told apart on the paper.
const STEPS_MAX: usize = 1_000;

const MISSING: &str = "below zero: more had left than is known to have been there";
const OVERSOLD: &str = "oversold: available is below zero";

/// The figures of one place over time.
struct Drawn {
    place: Place,
    /// The physical stock, and what of it is drawn beside it.
    steps: [Vec<Step>; 2],
    /// Whether the two ever differ.
    is_parted: bool,
}

/// All events of the position up to the moment, whatever page of them is shown, and of the same item elsewhere.
pub fn draw(ledger: &Ledger, args: &Args, position: Position, as_of: AsOf) -> Result<String, Failure> {
    let mut places: Vec<LocationId> = vec![position.location];
    for code in &args.also_at {
        let location = location_of(ledger, code)?;
        if !places.contains(&location) {
            places.push(location);
        }
    }
    let mut drawn = Vec::with_capacity(places.len());
    let mut rests = None;
    for location in places {
        let Answer { seq, as_of: at, value } = match as_of {
            AsOf::True(at) => occurred(ledger, Position { location, ..position }, at)?,
            AsOf::Seq(_) | AsOf::Known(_) => recorded(ledger, Position { location, ..position }, as_of)?,
        };
        rests.get_or_insert((seq, at));
        drawn.extend(Some(value).filter(|drawn| drawn.steps.iter().any(|steps| !steps.is_empty())));
    }
    let (seq, at) = rests.unwrap_or_default();
    let is_parted = drawn.iter().any(|drawn| drawn.is_parted);
    let (names, below_zero): (&[&str], &str) = match (as_of, is_parted) {
        (AsOf::True(_), true) => (&["physical", "sellable"], MISSING),
        (AsOf::True(_), false) => (&["physical"], MISSING),
        (AsOf::Seq(_) | AsOf::Known(_), true) => (&["physical", "available"], OVERSOLD),
        (AsOf::Seq(_) | AsOf::Known(_), false) => (&["physical and available: nothing was held"], OVERSOLD),
    };
    let rests_on = match as_of {
        AsOf::True(at) => format!("as true by all that is known up to event {seq}, until {at}"),
        AsOf::Seq(_) | AsOf::Known(_) => rests_on(ledger, as_of, seq, at)?,
    };
    let zone = ledger.query(|state, _| Some(state.location(position.location)?.zone.clone()));
    let plot = StockPlot {
        title: title(args, &drawn),
        note: format!("Stock over time, {rests_on}"),
        zone: zone_of(zone.as_ref()),
        until: at,
        below_zero: below_zero.to_owned(),
        panels: drawn.into_iter().map(|drawn| drawn.panel(names)).collect(),
    };
    Ok(plot.svg()?)
}

fn title(args: &Args, drawn: &[Drawn]) -> String {
    let codes: Vec<String> = drawn.iter().map(|drawn| location_name(&drawn.place)).collect();
    let lot = args.lot.as_ref().map(|lot| format!(", lot {lot}")).unwrap_or_default();
    format!("{}{lot} at {}", args.sku, codes.join(", "))
}

fn location_name(place: &Place) -> String {
    place.location_code.as_ref().map_or_else(|| nameless("location", place.location.0), ToString::to_string)
}

impl Drawn {
    fn new(place: Place, steps: Vec<(Timestamp, [i64; 2])>) -> Self {
        let line = |index: usize| {
            let step =
                |(at, units): &(Timestamp, [i64; 2])| Step { at: *at, units: units.get(index).copied().unwrap_or(0) };
            thinned(steps.iter().map(step).collect(), STEPS_MAX)
        };
        let is_parted = steps.iter().any(|(_, [physical, beside])| physical != beside);
        Self { place, steps: [line(0), line(1)], is_parted }
    }

    fn panel(self, names: &[&str]) -> Panel {
        let line = |(name, steps): (&&str, Vec<Step>)| StepLine { name: (*name).to_owned(), steps };
        let lines = names.iter().zip(self.steps).map(line).collect();
        let name = location_name(&self.place);
        Panel { name, decimals: self.place.decimals, lines }
    }
}

/// By when events were recorded. What lapses between two events is seen at the second one, or at the end.
fn recorded(ledger: &Ledger, position: Position, as_of: AsOf) -> Result<Answer<Drawn>, Failure> {
    let figures = |stock: &Stock| [stock.physical, stock.available];
    let mut paging = Paging::first(PAGE_ROWS_MAX);
    let mut steps: Vec<(Timestamp, [i64; 2])> = Vec::new();
    loop {
        let answer = ledger.history().explain(position, as_of, Direction::Ascending, &paging)?;
        let Some(found) = answer.value else { return Err(nothing_there()) };
        steps.extend(found.rows.iter().map(|row: &ExplainRow| (row.event.recorded_at, figures(&row.stock))));
        match found.next {
            Some(next) => paging = Paging::first(PAGE_ROWS_MAX).starting_after(next),
            None => {
                if found.lapsed_since != 0 {
                    steps.push((answer.as_of, figures(&found.stock)));
                }
                return Ok(Answer { seq: answer.seq, as_of: answer.as_of, value: Drawn::new(found.place, steps) });
            }
        }
    }
}

/// By when facts and counts occurred.
fn occurred(ledger: &Ledger, position: Position, at: Timestamp) -> Result<Answer<Drawn>, Failure> {
    let mut paging = Paging::first(PAGE_ROWS_MAX);
    let mut steps: Vec<(Timestamp, [i64; 2])> = Vec::new();
    loop {
        let answer = ledger.history().explain_true(position, at, Direction::Ascending, &paging)?;
        let Some(found) = answer.value else { return Err(nothing_there()) };
        let step = |row: &OccurredRow| (row.at, [row.behind.physical, row.behind.sellable]);
        steps.extend(found.rows.iter().map(step));
        match found.next {
            Some(next) => paging = Paging::first(PAGE_ROWS_MAX).starting_after(next),
            None => return Ok(Answer { seq: answer.seq, as_of: at, value: Drawn::new(found.place, steps) }),
        }
    }
}

fn nothing_there() -> Failure {
    Failure::Refused("there is no such item, location or lot".to_owned())
}
