//! Plays the week on a ledger; each step must be answered as the script says.

use super::script::{self, Step};
use super::stage::Stage;
use crate::cli::failure::Failure;
use counterfoil::api;
use counterfoil::domain::ids::Seq;
use counterfoil::ledger::{Ledger, Outcome, Repeat, SubmitError};
use std::time::{Duration, Instant};

/// How long the ledger may take to notice that a hold has lapsed.
const LAPSE_PATIENCE: Duration = Duration::from_secs(5);

/// A line of the week's story.
#[derive(Debug)]
pub struct Told {
    pub time: String,
    pub who: String,
    pub what: String,
    pub answer: String,
}

/// What was refused, and why.
#[derive(Debug)]
pub struct Refused {
    pub time: String,
    pub what: String,
    pub code: &'static str,
    pub why: String,
}

/// The week as it went.
#[derive(Debug, Default)]
pub struct Week {
    pub told: Vec<Told>,
    pub refused: Vec<Refused>,
    /// Till sales and returns that are not told one by one.
    pub quiet: u64,
}

/// What the tills did on one day beside what is told.
#[derive(Default)]
struct Day {
    name: String,
    deltas: u64,
    lines: usize,
}

/// Makes the shop: locations, items, lots, reorder points.
pub async fn set_up(ledger: &Ledger) -> Result<(), Failure> {
    for words in script::catalogue()? {
        ledger.submit(script::command(ledger, &words)?).await?;
    }
    Ok(())
}

/// Plays the steps.
pub async fn play(ledger: &Ledger, stage: &Stage, steps: Vec<Step>) -> Result<Week, Failure> {
    let mut week = Week::default();
    let mut day = Day::default();
    for step in steps {
        if step.day() != day.name {
            week.end_of(std::mem::take(&mut day));
            day.name = step.day().to_owned();
        }
        stage.clock.set(script::instant(&step.at)?);
        if let Some(seq) = lapse(ledger)? {
            week.tell(&step.at, "ledger", "A hold has lapsed", format!("event {seq}"));
        }
        let outcomes = ledger.submit_batch(vec![step.command(ledger)?; step.times]).await?;
        let answer = answer_of(&step, &outcomes)?;
        match &step.say {
            Some(say) => week.tell(&step.at, step.who(), say, answer),
            None => {
                day.deltas += 1;
                day.lines += step.lines();
            }
        }
        for outcome in outcomes {
            if let Err(SubmitError::Rejected(rejection)) = outcome {
                let why = ledger.query(|state, _| api::message(&rejection, state));
                let (time, what) = (step.at.clone(), step.say.clone().unwrap_or_default());
                week.refused.push(Refused { time, what, code: rejection.code(), why });
            }
        }
    }
    week.end_of(day);
    Ok(week)
}

impl Week {
    fn tell(&mut self, time: &str, who: &str, what: &str, answer: String) {
        self.told.push(Told { time: time.to_owned(), who: who.to_owned(), what: what.to_owned(), answer });
    }

    fn end_of(&mut self, day: Day) {
        if day.deltas > 0 {
            let what = format!("The tills' everyday sales and returns: {} lines", day.lines);
            self.tell(&format!("{} night", day.name), "tills", &what, format!("{} events", day.deltas));
            self.quiet += day.deltas;
        }
    }
}

/// Waits until the expiry of lapsed holds stands in the log, so that the week is the same every time.
fn lapse(ledger: &Ledger) -> Result<Option<Seq>, Failure> {
    let lapsed = || ledger.query(|state, now| state.lapsed(now).next().is_some());
    if !lapsed() {
        return Ok(None);
    }
    let started = Instant::now();
    while lapsed() {
        if started.elapsed() > LAPSE_PATIENCE {
            return Err(Failure::Unable("the ledger does not notice that a hold has lapsed".to_owned()));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(Some(Seq(ledger.head().next_seq.0.saturating_sub(1))))
}

/// What is shown of the answers to one step, or what is wrong with them.
fn answer_of(step: &Step, outcomes: &[Outcome]) -> Result<String, Failure> {
    let say = step.say.as_deref().unwrap_or("a till's delta");
    let mut parts: Vec<String> = Vec::new();
    for outcome in outcomes {
        parts.push(match (outcome, &step.refused) {
            (Ok(receipt), None) if receipt.repeat == Repeat::First => format!("event {}", receipt.seq),
            (Ok(receipt), None) => format!("again {}", receipt.seq),
            (Err(SubmitError::Rejected(rejection)), Some(code)) if rejection.code() == code => {
                format!("refused: {code}")
            }
            (Err(error), _) => return Err(Failure::Refused(format!("{say:?} was refused: {error}"))),
            (Ok(_), Some(code)) => return Err(Failure::Refused(format!("{say:?} was not refused: {code}"))),
        });
    }
    Ok(parts.join(", "))
}
