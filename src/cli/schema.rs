//! `schema`: the forms of commands, events and answers, for programs.

use super::context::Context;
use super::failure::Failure;
use clap::ValueEnum;
use counterfoil::schema;

/// Write the JSON Schema of what this tool reads and writes.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  counterfoil schema named > commands.schema.json\n  counterfoil schema events")]
pub struct Args {
    /// Of what.
    #[arg(value_enum, default_value_t = What::Commands)]
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    /// A command, by ids.
    Commands,
    /// A command in words, as `apply` takes it: by SKU and code, or by ids.
    Named,
    /// An event, as `events --format json` and `export` show it.
    Events,
    /// An answer to a command.
    Answers,
}

/// Writes it.
pub fn run(args: &Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let schema = match args.what {
        What::Commands => schema::commands(),
        What::Named => schema::named_commands(),
        What::Events => schema::events(),
        What::Answers => schema::answers(),
    };
    serde_json::to_writer_pretty(&mut *context.out, &schema)?;
    Ok(context.out.write_all(b"\n")?)
}
