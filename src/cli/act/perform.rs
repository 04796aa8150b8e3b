//! An act is read, submitted, and answered for people or programs.

use super::nameless::{self, Nameless};
use super::{After, Deed};
use crate::cli::Format;
use crate::cli::answer::{IdBy, Told};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::outcomes::Outcomes;
use crate::cli::paint::Paint;
use crate::cli::stock;
use counterfoil::api::{NamedError, Spoken};
use counterfoil::audit::Readable;
use counterfoil::domain::command::{Amend, Reserve};
use counterfoil::ledger::{Foreseen, fresh_uuid};
use counterfoil::query::{Scope, StockFilter};
use counterfoil::{Act, Command, CommandId, Ledger, Position};
use serde::Serialize;
use serde_json::Value;
use std::fmt::Write;

/// What a typed act got.
#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    told: Told,
    #[serde(flatten)]
    named: Option<serde_json::Map<String, Value>>,
    /// What no name leads to any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    nameless: Option<Nameless>,
    /// The stock of its positions afterwards.
    #[serde(skip_serializing_if = "Option::is_none")]
    stock: Option<Vec<stock::Row>>,
}

impl Answer {
    const fn told(told: Told) -> Self {
        Self { told, named: None, nameless: None, stock: None }
    }
}

/// Submits an act and shows its receipt.
pub async fn perform(deed: Deed, context: &mut Context<'_>) -> Result<(), Failure> {
    let answer = context.with_ledger(async |ledger, context| submit(ledger, deed, context.outcomes).await).await?;
    show(answer, context)
}

/// From the moment that the ledger has answered, nothing that fails keeps the answer from being shown.
async fn submit(ledger: &Ledger, deed: Deed, outcomes: &mut Outcomes) -> Result<Answer, Failure> {
    let command = match read(ledger, &deed.command) {
        Ok(command) => command,
        Err(error) => return Ok(Answer::told(Told::not_understood(error))),
    };
    let positions = positions(&command);
    let losing = nameless::losing(ledger, &command);
    let (command, id, by) = identified(command);
    let told = Told::of(ledger, ledger.submit(command).await, id, by);
    let mut answer = Answer::told(again(told, deed.command));
    let Some(stands) = answer.told.stands() else { return Ok(answer) };
    outcomes.durable(stands);
    answer.named = deed.named.map(|(what, id)| [(what.to_owned(), id.into())].into_iter().collect());
    match losing.map(|losing| Nameless::of(ledger, losing)) {
        Some(Ok(nameless)) => answer.nameless = nameless,
        Some(Err(failure)) => outcomes.failed(failure),
        None => {}
    }
    match (deed.after == After::Stock).then(|| stock_at(ledger, &positions)) {
        Some(Ok(stock)) => answer.stock = Some(stock),
        Some(Err(failure)) => outcomes.failed(failure),
        None => {}
    }
    Ok(answer)
}

fn read(ledger: &Ledger, command: &Value) -> Result<Command, NamedError> {
    let spoken = Spoken::of(command)?;
    ledger.query(|state, _| spoken.command(state))
}

/// Where nobody knows what came of a command: the very same command again, with whatever was made for it here.
fn again(told: Told, mut command: Value) -> Told {
    let Told::Unknown { command_id, message } = told else { return told };
    command["id"] = command_id.to_string().into();
    Told::Unknown { command_id, message: format!("{message}; here: counterfoil apply, with the line\n  {command}") }
}

/// The command under an id, the caller's or one made here, so that it can be named whatever comes of it.
pub fn identified(command: Command) -> (Command, CommandId, IdBy) {
    match command.id {
        Some(id) => (command, id, IdBy::Caller),
        None => {
            let id = CommandId(fresh_uuid());
            (command.with_id(id), id, IdBy::Tool)
        }
    }
}

fn positions(command: &Command) -> Vec<Position> {
    let (Act::Reserve(Reserve { lines, .. }) | Act::Amend(Amend { lines, .. })) = &command.act else {
        return Vec::new();
    };
    let mut positions: Vec<Position> = lines.iter().map(|line| line.position).collect();
    positions.sort_unstable();
    positions.dedup();
    positions
}

fn stock_at(ledger: &Ledger, positions: &[Position]) -> Result<Vec<stock::Row>, Failure> {
    let mut rows = Vec::new();
    for position in positions {
        let filter = StockFilter { scope: Scope::position(*position), only: None };
        let answer = stock::all_stock(ledger, &filter)?;
        rows.extend(answer.value.into_iter().map(|row| stock::Row::of(row, answer.seq, answer.as_of)));
    }
    Ok(rows)
}

/// Says what would happen to an act, and appends nothing.
pub async fn foresee(deed: Deed, context: &mut Context<'_>) -> Result<(), Failure> {
    let answer = context.with_ledger(async |ledger, _| foreseen(ledger, &deed).await).await?;
    show(answer, context)
}

async fn foreseen(ledger: &Ledger, deed: &Deed) -> Result<Answer, Failure> {
    let command = match read(ledger, &deed.command) {
        Ok(command) => command,
        Err(error) => return Ok(Answer::told(Told::not_understood(error))),
    };
    Ok(Answer::told(would(ledger, command).await?))
}

/// What would happen to a command now.
pub async fn would(ledger: &Ledger, command: Command) -> Result<Told, Failure> {
    let (command, id, by) = identified(command);
    Ok(match ledger.would(command).await {
        Ok(Foreseen::Appended(event)) => {
            Told::WouldAccept { kind: event.body.name(), event: serde_json::to_value(Readable(&event))? }
        }
        Ok(Foreseen::Duplicate(receipt)) => Told::of(ledger, Ok(receipt), id, by),
        Err(error) => Told::of(ledger, Err(error), id, by),
    })
}

/// Shows an answer: all of it to programs, to people a receipt; what failed goes to standard error too.
fn show(mut answer: Answer, context: &mut Context<'_>) -> Result<(), Failure> {
    let verdict = answer.told.failure();
    let is_shown = verdict.is_ok() || context.format() == Format::Json;
    context.outcomes.verdict(verdict);
    // One record of CSV has no room for rows of stock.
    if context.format() == Format::Csv {
        answer.stock = None;
    }
    if is_shown {
        context.object(&answer, |paint| text(&answer, paint))?;
        if let (Some(rows), Format::Table) = (&answer.stock, context.format()) {
            writeln!(context.out)?;
            context.list(stock::COLUMNS, rows)?;
        }
    }
    Ok(())
}

fn text(answer: &Answer, paint: Paint) -> String {
    let mut text = answer.told.text(paint);
    for (what, id) in answer.named.iter().flatten() {
        let _ = writeln!(text, "  {what:<9} {}", id.as_str().unwrap_or_default());
    }
    if let Some(nameless) = &answer.nameless {
        text.push_str(&nameless.text());
    }
    text
}
