//! The shop's files: what there is, and what happens in one week.

use crate::cli::failure::Failure;
use chrono::{NaiveDate, NaiveTime, TimeZone, Utc};
use counterfoil::api::Spoken;
use counterfoil::domain::command::Command;
use counterfoil::domain::ids::Timestamp;
use counterfoil::ledger::Ledger;
use serde::Deserialize;
use serde_json::Value;

const CATALOGUE: &str = include_str!("../../../fixtures/shop/catalogue.jsonl");
const WEEK: &str = include_str!("../../../fixtures/shop/week.jsonl");

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// One thing that happens.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What the clock says then, such as `Mon 09:20`.
    pub at: String,
    /// The same in words; without it, it is one of the tills' many sales, of which only their number is told.
    pub say: Option<String>,
    /// How often it is delivered.
    #[serde(default = "once")]
    pub times: usize,
    /// The code that it must be refused with.
    pub refused: Option<String>,
    /// What is asked of the ledger, in people's words.
    pub command: Value,
}

const fn once() -> usize {
    1
}

impl Step {
    /// The command that the step gives.
    pub fn command(&self, ledger: &Ledger) -> Result<Command, Failure> {
        command(ledger, &self.command)
    }

    /// The day of the week.
    pub fn day(&self) -> &str {
        self.at.split(' ').next().unwrap_or_default()
    }

    /// Who asks.
    pub fn who(&self) -> &str {
        self.command["actor"].as_str().unwrap_or_default()
    }

    /// Lines of the till's delta.
    pub fn lines(&self) -> usize {
        self.command["act"]["lines"].as_array().map_or(0, Vec::len)
    }
}

/// The commands that make locations, items, lots and reorder points.
pub fn catalogue() -> Result<Vec<Value>, Failure> {
    read("catalogue.jsonl", CATALOGUE)
}

/// The week's steps, in order.
pub fn week() -> Result<Vec<Step>, Failure> {
    read("week.jsonl", WEEK)
}

fn read<T: for<'a> Deserialize<'a>>(name: &str, text: &str) -> Result<Vec<T>, Failure> {
    let line =
        |(index, line)| serde_json::from_str(line).map_err(|error| bad(format!("{name}, line {}: {error}", index + 1)));
    text.lines().enumerate().map(line).collect()
}

fn bad(what: String) -> Failure {
    Failure::Refused(what)
}

/// A command in people's words, as the ledger takes it.
pub fn command(ledger: &Ledger, words: &Value) -> Result<Command, Failure> {
    let text = words.to_string();
    let spoken = Spoken::parse(&text).map_err(|error| bad(error.to_string()))?;
    ledger.query(|state, _| spoken.command(state)).map_err(|error| bad(format!("{error}: {text}")))
}

/// An instant of the shop's week. It is in winter: London's time is UTC.
pub fn instant(at: &str) -> Result<Timestamp, Failure> {
    let wrong = || bad(format!("{at:?} is not a day and a time such as \"Mon 09:20\""));
    let (day, clock) = at.split_once(' ').ok_or_else(wrong)?;
    let day = (3..).zip(DAYS).find_map(|(date, name)| (name == day).then_some(date)).ok_or_else(wrong)?;
    let time = NaiveTime::parse_from_str(clock, "%H:%M").map_err(|_| wrong())?;
    let date = NaiveDate::from_ymd_opt(2025, 3, day).ok_or_else(wrong)?;
    Ok(Utc.from_utc_datetime(&date.and_time(time)).into())
}
