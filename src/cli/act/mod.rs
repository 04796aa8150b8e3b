//! Acts that are typed: each becomes a command in words, exactly as a line of `apply`.

mod alerts;
mod alias;
mod goods;
mod holds;
mod lines;
mod nameless;
mod perform;
mod period;
mod registry;
pub mod said;
mod span;
mod transfer;

pub use alias::Thing;
pub use goods::is_made_up;
pub use perform::{foresee, identified, perform, would};

use super::context::Context;
use super::failure::Failure;
use super::look::{self, Look};
use said::{Dated, Said};
use serde_json::Value;

/// Everything that can be asked of a ledger.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Act {
    Receive(goods::Receive),
    Sell(goods::Sell),
    Return(goods::Return),
    Adjust(goods::Adjust),
    Count(goods::Count),
    Reclassify(goods::Reclassify),
    Transfer(transfer::Args),
    Reserve(holds::Reserve),
    Amend(holds::Amend),
    Extend(holds::Extend),
    Fulfil(holds::Fulfil),
    Release(holds::Release),
    Item(registry::Item),
    Location(registry::Location),
    Lot(registry::Lot),
    Alias(alias::Args),
    ReorderPoint(registry::ReorderPoint),
    ClosePeriod(period::ClosePeriod),
    Alerts(alerts::Args),
}

/// What was typed comes to.
pub enum Step {
    /// A command.
    Deed(Box<Deed>),
    /// Only a look.
    Look(Look),
}

impl From<Deed> for Step {
    fn from(deed: Deed) -> Self {
        Self::Deed(Box::new(deed))
    }
}

/// A command in words, and what its receipt shows beside.
#[derive(Debug)]
pub struct Deed {
    command: Value,
    after: After,
    /// An id that was made for it, with what it is called.
    named: Option<(&'static str, String)>,
}

/// What is shown behind a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    /// Nothing more.
    Receipt,
    /// The stock of its positions.
    Stock,
}

impl Deed {
    fn new(said: Said, act: Value) -> Result<Self, Failure> {
        Ok(Self { command: said.command(None, act)?, after: After::Receipt, named: None })
    }

    fn fact(said: Said, dated: Dated, act: Value) -> Result<Self, Failure> {
        Ok(Self { command: said.command(Some(dated), act)?, after: After::Receipt, named: None })
    }

    fn showing_stock(self) -> Self {
        Self { after: After::Stock, ..self }
    }

    fn naming(self, what: &'static str, id: String) -> Self {
        Self { named: Some((what, id)), ..self }
    }
}

impl Act {
    /// What was typed comes to.
    pub fn step(self) -> Result<Step, Failure> {
        match self {
            Self::Receive(args) => args.deed().map(Step::from),
            Self::Sell(args) => args.deed().map(Step::from),
            Self::Return(args) => args.deed().map(Step::from),
            Self::Adjust(args) => args.deed().map(Step::from),
            Self::Count(args) => args.deed().map(Step::from),
            Self::Reclassify(args) => args.deed().map(Step::from),
            Self::Transfer(args) => args.step(),
            Self::Reserve(args) => args.deed().map(Step::from),
            Self::Amend(args) => args.deed().map(Step::from),
            Self::Extend(args) => args.deed().map(Step::from),
            Self::Fulfil(args) => args.deed().map(Step::from),
            Self::Release(args) => args.deed().map(Step::from),
            Self::Item(args) => args.step(),
            Self::Location(args) => args.step(),
            Self::Lot(args) => args.step(),
            Self::Alias(args) => args.step(),
            Self::ReorderPoint(args) => args.deed().map(Step::from),
            Self::ClosePeriod(args) => args.deed().map(Step::from),
            Self::Alerts(args) => args.step(),
        }
    }
}

/// Does it.
pub async fn run(act: Act, context: &mut Context<'_>) -> Result<(), Failure> {
    match act.step()? {
        Step::Deed(deed) => perform(*deed, context).await,
        Step::Look(look) => look::run(look, context).await,
    }
}
