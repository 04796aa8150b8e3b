//! A day in a small shop: append, ask, verify, then change one byte and see it named.

mod script;
mod show;
mod stage;
mod tamper;

use super::Format;
use super::context::Context;
use super::failure::Failure;
use super::names::{item_of, location_of};
use super::paint::Paint;
use super::sheet::{Column, Sheet};
use super::verify::report_text;
use counterfoil::audit::{self, Expected};
use counterfoil::domain::command::{Act, Actor, Command};
use counterfoil::domain::ids::{LotId, Position, Seq};
use counterfoil::domain::text::ActorId;
use counterfoil::ledger::{Ledger, Outcome, Repeat, SubmitError};
use counterfoil::log::StoreReader;
use script::Step;
use serde_json::{Value, json};
use stage::{Place, Stage};
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long the ledger may take to notice that a hold has lapsed.
const LAPSE_PATIENCE: Duration = Duration::from_secs(5);

/// Play a day in a small shop: append, ask, verify, then change one byte and see it named.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  counterfoil demo --dir shop")]
pub struct Args {
    /// Keep the ledger in this directory, which must be missing or empty; otherwise it is thrown away.
    #[arg(long)]
    dir: Option<PathBuf>,
}

/// Plays the day and shows it.
pub async fn run(args: Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let (dir, paint, out) = (args.dir, context.paint, &mut *context.out);
    let kept = dir.is_some();
    let place = Place::of(dir)?;
    let stage = Stage::at(script::instant("07:30")?);
    let ledger = Ledger::create(place.path(), stage.options())?;

    writeln!(out, "{}", paint.bold("A day in a small shop"))?;
    set_up(&ledger, out).await?;
    play(&ledger, &stage, paint, out).await?;
    let ledger = reopen(ledger, &place, &stage, paint, out).await?;
    show::questions(&ledger, paint, out)?;
    proof(&ledger, paint, out)?;
    ledger.close().await?;

    if kept {
        let dir = place.path().display();
        writeln!(out, "\nThe ledger is in {dir}; try `counterfoil stock {dir}`, `events`, `verify`, `export`.")?;
    }
    Ok(())
}

async fn set_up(ledger: &Ledger, out: &mut dyn Write) -> Result<(), Failure> {
    let by = |act| Ok::<_, Failure>(Command::new(Actor::asserted(ActorId::new("owner")?), act));
    let (places, items) = (script::places()?, script::items()?);
    let (mut lots, mut points) = (0, 0);
    for script::PlaceText { code, zone } in &places {
        let (code, zone) = (code.clone(), zone.clone());
        ledger.submit(by(Act::CreateLocation { code, zone })?).await?;
    }
    for item in &items {
        ledger.submit(by(Act::CreateItem { sku: item.sku.clone(), decimals: item.decimals })?).await?;
        let id = item_of(ledger, item.sku.as_str())?;
        for code in &item.lots {
            ledger.submit(by(Act::CreateLot { item: id, code: code.clone() })?).await?;
            lots += 1;
        }
        for (code, point) in &item.reorder {
            let location = location_of(ledger, code)?;
            let position = Position::of_lot(id, location, LotId::NONE);
            let point = Some(script::quantity(ledger, item.sku.as_str(), point)?);
            ledger.submit(by(Act::SetReorderPoint { position, point })?).await?;
            points += 1;
        }
    }
    writeln!(
        out,
        "{} items, {} locations, {lots} lots, {points} reorder points: {} events so far.\n",
        items.len(),
        places.len(),
        ledger.head().next_seq
    )?;
    Ok(())
}

const STEPS: &[Column] = &[
    Column::text("time", "time"),
    Column::text("who", "who"),
    Column::text("what", "what"),
    Column::text("answer", "answer"),
];

fn shown(time: &str, who: &str, what: &str, answer: &str) -> Value {
    json!({ "time": time, "who": who, "what": what, "answer": answer })
}

/// Plays the steps; each must be answered as the script says.
async fn play(ledger: &Ledger, stage: &Stage, paint: Paint, out: &mut dyn Write) -> Result<(), Failure> {
    let mut sheet = Sheet::new(STEPS, Format::Table, out);
    let mut refusals = Vec::new();
    for step in script::day()? {
        stage.clock.set(script::instant(&step.at)?);
        let lapsed = lapse(ledger).await?;
        if let Some(seq) = lapsed {
            sheet.push(&shown(&step.at, "ledger", "A hold has lapsed", &format!("event {seq}")))?;
        }
        let command = step.command(ledger)?;
        let outcomes = ledger.submit_batch(vec![command; step.times]).await?;
        let answer = answer_of(&step, &outcomes)?;
        sheet.push(&shown(&step.at, step.who.as_str(), &step.say, &answer))?;
        refusals.extend(outcomes.into_iter().filter_map(Result::err));
    }
    sheet.end()?;
    writeln!(out, "\n  {}", paint.dim("What the refusals say:"))?;
    for refusal in &refusals {
        writeln!(out, "  {refusal}")?;
    }
    Ok(())
}

/// Waits until the expiry of lapsed holds stands in the log, so that the day is the same every time.
async fn lapse(ledger: &Ledger) -> Result<Option<Seq>, Failure> {
    let lapsed = || ledger.query(|state, now| state.lapsed(now).next().is_some());
    if !lapsed() {
        return Ok(None);
    }
    let started = Instant::now();
    while lapsed() {
        if started.elapsed() > LAPSE_PATIENCE {
            return Err(Failure::Refused("the ledger does not notice that a hold has lapsed".to_owned()));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(Some(Seq(ledger.head().next_seq.0.saturating_sub(1))))
}

/// What is shown of the answers to one step, or what is wrong with them.
fn answer_of(step: &Step, outcomes: &[Outcome]) -> Result<String, Failure> {
    let mut parts: Vec<String> = Vec::new();
    for outcome in outcomes {
        parts.push(match (outcome, &step.refused) {
            (Ok(receipt), None) if receipt.repeat == Repeat::First => format!("event {}", receipt.seq),
            (Ok(receipt), None) => format!("again {}", receipt.seq),
            (Err(SubmitError::Rejected(rejection)), Some(code)) if rejection.code() == code => {
                format!("refused: {code}")
            }
            (Err(error), _) => return Err(Failure::Refused(format!("{:?} was refused: {error}", step.say))),
            (Ok(_), Some(code)) => return Err(Failure::Refused(format!("{:?} was not refused: {code}", step.say))),
        });
    }
    Ok(parts.join(", "))
}

/// Closes the ledger and opens it again: the same head, the same stock.
async fn reopen(
    ledger: Ledger,
    place: &Place,
    stage: &Stage,
    paint: Paint,
    out: &mut dyn Write,
) -> Result<Ledger, Failure> {
    let head = ledger.head();
    ledger.close().await?;
    let ledger = Ledger::open(place.path(), stage.options())?;
    if ledger.head() != head {
        return Err(Failure::Damaged("the ledger opened with another head than it was closed with".to_owned()));
    }
    let last = head.next_seq.0.saturating_sub(1);
    writeln!(out, "\n{}", paint.bold("Closed and opened again"))?;
    writeln!(out, "  event {last} has the hash {}, as before", head.hash)?;
    Ok(ledger)
}

/// Verifies the ledger against its head, then copies of it that somebody has changed.
fn proof(ledger: &Ledger, paint: Paint, out: &mut dyn Write) -> Result<(), Failure> {
    let head = ledger.head();
    let kept = Expected { seq: Seq(head.next_seq.0.saturating_sub(1)), hash: head.hash };
    let log = ledger.log();
    writeln!(out, "\n{}", paint.bold("Verified, against the last receipt's hash"))?;
    let report = verify(log.as_ref(), vec![kept])?;
    out.write_all(report_text(&report, paint).as_bytes())?;
    if let Some(fault) = report.first_fault {
        return Err(Failure::Damaged(format!("event {}: {}", fault.seq, fault.what)));
    }
    tamper::show(log.as_ref(), kept, paint, out)
}

fn verify(reader: &dyn StoreReader, expected: Vec<Expected>) -> Result<audit::Report, Failure> {
    Ok(audit::verify(reader, audit::Options { expected, ..audit::Options::default() })?)
}
