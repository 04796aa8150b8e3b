//! `would`: the answer without the act.

use super::act::{self, Act, Step, foresee};
use super::apply;
use super::context::Context;
use super::failure::Failure;

/// Say what would happen to an act now, and append nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  counterfoil would reserve MUG-BLUE=9 --location SHOP
  counterfoil would apply commands.jsonl      each line alone, on the stock as it is now")]
pub struct Args {
    #[command(subcommand)]
    task: Task,
}

impl Args {
    /// Whether the answers are lines of JSON, whatever the format.
    pub const fn is_of_lines(&self) -> bool {
        matches!(self.task, Task::Apply(_))
    }
}

#[derive(Debug, clap::Subcommand)]
enum Task {
    #[command(flatten)]
    Act(Box<act::Act>),
    Apply(apply::Args),
}

/// Asks and shows.
pub async fn run(args: Args, context: &mut Context<'_>) -> Result<(), Failure> {
    match args.task {
        Task::Act(act) => match Act::step(*act)? {
            Step::Deed(deed) => foresee(*deed, context).await,
            Step::Look(_) => Err(Failure::Usage("a list changes nothing; ask for it without `would`".to_owned())),
        },
        Task::Apply(args) => apply::foresee(args, context).await,
    }
}
