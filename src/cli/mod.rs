//! The command line: thin commands over the library's public face, one file each.
//!
//! A command is an `Args` struct (what may be typed) and a `run` that is given a [`Context`] (the ledger's directory,
//! the format, the output). Lists go through a [`sheet::Sheet`], so that table, JSON and CSV show the same rows.

mod act;
mod answer;
mod apply;
mod bench;
mod clock;
mod context;
mod demo;
mod events;
mod export;
mod failure;
mod groups;
mod guide;
mod head;
mod heads;
mod import;
mod info;
mod init;
mod look;
mod manual;
mod moment;
mod names;
mod note;
mod outcomes;
mod paint;
mod plot;
mod progress;
mod replay;
mod report;
mod salvage;
mod say;
mod schema;
mod seen;
mod sheet;
mod snapshot;
mod stock;
mod verify;
mod warnings;
mod would;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use context::Context;
use counterfoil::domain::invisible::shown_lines;
use failure::Failure;
use outcomes::{Ending, Outcomes};
use paint::Paint;
use seen::{Reader, Seen};
use std::borrow::Cow;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

const EXIT_CODES: &str = "\
Exit codes:
  0  done, and nothing was found wrong
  1  refused: the rules say no to a command, or a name or file is not as it must be
  2  the command line can't be understood
  3  damaged, or not what was kept elsewhere; the message names the first event that is wrong
  4  can't be done here and now, nothing was changed: no ledger there, open elsewhere, read-only, disk full
  5  the outcome is unknown: a write failed midway, or answers were lost; run it again with the same command ids";

/// A stock ledger that can't be edited unseen.
///
/// Name the ledger with --ledger DIR, or once and for all in the environment: export COUNTERFOIL_LEDGER=DIR.
#[derive(Debug, Parser)]
#[command(name = "counterfoil", version, after_help = EXIT_CODES, max_term_width = 110)]
pub struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    task: Task,
}

/// What every command takes.
#[derive(Clone, Debug, Args)]
struct Common {
    /// The ledger's directory.
    #[arg(long, global = true, env = "COUNTERFOIL_LEDGER", value_name = "DIR", help_heading = "Everywhere")]
    ledger: Option<PathBuf>,
    /// For people, for programs, or for a spreadsheet.
    #[arg(long, global = true, value_enum, default_value_t = Format::Table, help_heading = "Everywhere")]
    format: Format,
    /// How texts that a spreadsheet would take for formulas are written with --format csv.
    #[arg(long, global = true, value_enum, default_value_t = Csv::Safe, help_heading = "Everywhere")]
    csv: Csv,
    #[command(flatten)]
    heads: heads::HeadsArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Aligned columns.
    Table,
    /// JSON with stable names.
    Json,
    /// Comma-separated values with a line of names.
    Csv,
}

/// How texts are written as CSV.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Csv {
    /// With an apostrophe before a text that begins as a formula does; figures stay figures.
    Safe,
    /// As they are, for programs: what is imported again must be written so.
    Raw,
}

#[derive(Debug, Subcommand)]
enum Task {
    Demo(demo::Args),
    Init(init::Args),
    Apply(apply::Args),
    #[command(flatten)]
    Act(act::Act),
    Would(would::Args),
    Reservations(look::reservations::Args),
    Holders(look::holders::Args),
    Oversold(look::oversold::Args),
    Report(report::Args),
    Clock(clock::Args),
    Note(note::Args),
    Stock(stock::Args),
    Difference(look::difference::Args),
    Explain(look::explain::Args),
    Periods(look::periods::Args),
    Events(events::Args),
    Head(head::Args),
    Verify(verify::Args),
    Export(export::Args),
    Replay(replay::Args),
    Snapshot(snapshot::Args),
    Salvage(salvage::Args),
    Info(info::Args),
    Schema(schema::Args),
    Guide(guide::Args),
    Completions(manual::CompletionsArgs),
    Man(manual::ManArgs),
    Bench(bench::command::Args),
    Import(import::Args),
}

/// Reads the command line; `--help` lists the commands by what they are for.
pub fn parse() -> Arguments {
    let parsed = groups::grouped(Arguments::command()).try_get_matches();
    parsed.and_then(|matches| Arguments::from_arg_matches(&matches)).unwrap_or_else(|error| refuse(&error))
}

/// Ends where there is nothing to run. An error quotes what was typed, which is as harmless as all that is written.
fn refuse(error: &clap::Error) -> ! {
    let plain = error.render().to_string();
    match shown_lines(&plain) {
        Cow::Owned(told) => {
            // Nobody is left to be told that it can't be told.
            let _ = std::io::stderr().write_all(told.as_bytes());
            std::process::exit(error.exit_code())
        }
        Cow::Borrowed(_) => match error.print() {
            Err(failed) if !error.use_stderr() => {
                let mut outcomes = Outcomes::default();
                outcomes.failed(Failure::Output(failed));
                std::process::exit(end(outcomes).into())
            }
            _ => std::process::exit(error.exit_code()),
        },
    }
}

/// Says what is to be said in the end, and gives the exit code.
fn end(outcomes: Outcomes) -> u8 {
    let Ending { code, said } = outcomes.ending();
    said.iter().for_each(say::say);
    code
}

/// Runs a task, says on standard error why it failed, and gives the exit code.
pub fn main(arguments: Arguments) -> ExitCode {
    warnings::are_said();
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut outcomes = Outcomes::default();
    if let Err(failure) = block_on(run(arguments, &mut out, &mut outcomes)) {
        outcomes.failed(failure);
    }
    // What was found out before a failure belongs in front of it; if it can't be shown, the failure still can.
    if let Err(error) = out.flush() {
        outcomes.failed(Failure::Output(error));
    }
    ExitCode::from(end(outcomes))
}

async fn run(arguments: Arguments, out: &mut dyn Write, outcomes: &mut Outcomes) -> Result<(), Failure> {
    let Arguments { common, task } = arguments;
    let mut seen = Seen::new(out, reader(&task, common.format));
    let mut context = Context::new(common, &mut seen, outcomes);
    match task {
        Task::Demo(args) => demo::run(args, &mut context).await,
        Task::Init(args) => init::run(args, &mut context).await,
        Task::Apply(args) => apply::run(args, &mut context).await,
        Task::Act(act) => act::run(act, &mut context).await,
        Task::Would(args) => would::run(args, &mut context).await,
        Task::Reservations(args) => look::reservations::run(args, &mut context).await,
        Task::Holders(args) => look::holders::run(args, &mut context).await,
        Task::Oversold(args) => look::oversold::run(args, &mut context).await,
        Task::Report(args) => report::run(args, &mut context).await,
        Task::Clock(args) => clock::run(args, &mut context).await,
        Task::Note(args) => note::run(args, &mut context).await,
        Task::Stock(args) => stock::run(args, &mut context).await,
        Task::Difference(args) => look::difference::run(args, &mut context).await,
        Task::Explain(args) => look::explain::run(args, &mut context).await,
        Task::Periods(args) => look::periods::run(args, &mut context).await,
        Task::Events(args) => events::run(args, &mut context).await,
        Task::Head(args) => head::run(args, &mut context),
        Task::Verify(args) => verify::run(args, &mut context),
        Task::Export(args) => export::run(&args, &mut context),
        Task::Replay(args) => replay::run(args, &mut context).await,
        Task::Snapshot(args) => snapshot::run(&args, &mut context),
        Task::Salvage(args) => salvage::run(&args, &mut context),
        Task::Info(args) => info::run(args, &mut context).await,
        Task::Schema(args) => schema::run(&args, &mut context),
        Task::Guide(args) => guide::run(&args, &mut context),
        Task::Completions(args) => manual::completions(&args, &mut context),
        Task::Man(args) => manual::man(&args, &mut context),
        Task::Bench(args) => bench::command::run(args, &mut context),
        Task::Import(args) => import::run(args, &mut context).await,
    }
}

/// Who reads what a task writes to standard output.
fn reader(task: &Task, format: Format) -> Reader {
    match (task, format) {
        (Task::Completions(_) | Task::Man(_) | Task::Export(_), _) => Reader::Spreadsheet,
        (Task::Apply(_) | Task::Schema(_), _) => Reader::Program,
        (Task::Would(would), _) if would.is_of_lines() => Reader::Program,
        (_, Format::Table) => Reader::Person(Paint::of_stdout()),
        (_, Format::Json) => Reader::Program,
        (_, Format::Csv) => Reader::Spreadsheet,
    }
}

fn block_on<T>(task: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    // Without drivers: nothing here waits for sockets or timers, and a runtime that has them is woken through the kernel.
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.map_err(|error| Failure::Unable(format!("the runtime can't be started: {error}")))?.block_on(task)
}
