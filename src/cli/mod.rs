//! The command line: thin commands over the library's public face.

mod commands;
mod demo;
mod failure;
mod paint;
mod table;

use clap::{Args, Parser, Subcommand, ValueEnum};
use counterfoil::audit::Expected;
use counterfoil::domain::ids::Seq;
use counterfoil::log::Hash;
use counterfoil::query::Only;
use failure::Failure;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

const EXIT_CODES: &str = "\
Exit codes:
  0  done, and nothing was found wrong
  1  refused: no ledger there, open elsewhere, disk full, no such item; nothing was changed
  2  the command line can't be understood
  3  damaged: the log is not what was written; the message names the first event that is wrong";

/// A stock ledger that can't be edited unseen.
#[derive(Debug, Parser)]
#[command(name = "counterfoil", version, after_help = EXIT_CODES)]
pub struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Play a day in a small shop: append, ask, verify, then change one byte and see it named.
    #[command(after_help = EXIT_CODES)]
    Demo {
        /// Keep the ledger in this directory, which must be missing or empty; otherwise it is thrown away.
        #[arg(long)]
        dir: Option<PathBuf>,
    },
    /// Make an empty ledger in a directory that is missing or empty.
    #[command(after_help = EXIT_CODES)]
    Init {
        /// The directory.
        dir: PathBuf,
        #[command(flatten)]
        format: FormatOption,
    },
    /// Check a whole ledger: format, hash chain, sums, ids and every stock rule.
    #[command(after_help = EXIT_CODES)]
    Verify {
        /// The ledger's directory.
        dir: PathBuf,
        /// A hash that was kept elsewhere, as `head` prints it; may be given more than once.
        #[arg(long, value_name = "SEQ:HASH", value_parser = expected)]
        expect: Vec<Expected>,
        #[command(flatten)]
        format: FormatOption,
    },
    /// Show what is in stock, reserved and available.
    #[command(after_help = EXIT_CODES)]
    Stock {
        /// The ledger's directory.
        dir: PathBuf,
        /// This item only.
        #[arg(long)]
        sku: Option<String>,
        /// This location only, by its code.
        #[arg(long)]
        location: Option<String>,
        /// Positions in this condition only.
        #[arg(long, value_enum)]
        only: Option<Condition>,
        #[command(flatten)]
        format: FormatOption,
    },
    /// Write every event as JSON Lines: readable fields, exact stored bytes, hashes.
    #[command(after_help = EXIT_CODES)]
    Export {
        /// The ledger's directory.
        dir: PathBuf,
        /// Write to this new file instead of standard output.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// List events in order.
    #[command(after_help = EXIT_CODES)]
    Events {
        /// The ledger's directory.
        dir: PathBuf,
        /// The first event.
        #[arg(long, default_value_t = 0)]
        from: u64,
        /// At most this many.
        #[arg(long, default_value_t = u64::MAX, hide_default_value = true)]
        limit: u64,
        #[command(flatten)]
        format: FormatOption,
    },
    /// Show the last event and its hash; keep it elsewhere, and the past can't be rewritten unseen.
    #[command(after_help = EXIT_CODES)]
    Head {
        /// The ledger's directory.
        dir: PathBuf,
        #[command(flatten)]
        format: FormatOption,
    },
}

#[derive(Clone, Copy, Debug, Args)]
struct FormatOption {
    /// For people, or for programs.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Condition {
    /// More is reserved than sellable.
    Oversold,
    /// Physical is negative: a receipt was never recorded.
    Negative,
    /// Available and inbound together are at or below the reorder point.
    Low,
    /// Something is there, held or under way.
    Nonzero,
}

impl From<Condition> for Only {
    fn from(condition: Condition) -> Self {
        match condition {
            Condition::Oversold => Self::Oversold,
            Condition::Negative => Self::NegativePhysical,
            Condition::Low => Self::BelowReorderPoint,
            Condition::Nonzero => Self::Nonzero,
        }
    }
}

fn expected(text: &str) -> Result<Expected, String> {
    let wanted = || "want an event and its hash, such as 62:4f1c… with 64 hexadecimal digits".to_owned();
    let (seq, hash) = text.split_once(':').ok_or_else(wanted)?;
    let seq = seq.parse().map(Seq).map_err(|_| wanted())?;
    let hash = Hash::from_hex(hash).ok_or_else(wanted)?;
    Ok(Expected { seq, hash })
}

/// Runs a task, says on standard error why it failed, and gives the exit code.
pub fn main(arguments: Arguments) -> ExitCode {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let done = run(arguments.task, &mut out).and_then(|()| out.flush().map_err(Failure::Output));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads has seen enough.
        Err(Failure::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            // What was found out before the failure belongs in front of it; if it can't be shown, the failure still can.
            let _ = out.flush();
            eprintln!("counterfoil: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run(task: Task, out: &mut dyn Write) -> Result<(), Failure> {
    match task {
        Task::Demo { dir } => block_on(demo::run(dir, out)),
        Task::Init { dir, format } => block_on(commands::init(&dir, format.format, out)),
        Task::Verify { dir, expect, format } => commands::verify(&dir, expect, format.format, out),
        Task::Stock { dir, sku, location, only, format } => {
            let wanted = commands::Wanted { sku, location, only: only.map(Only::from) };
            block_on(commands::stock(&dir, &wanted, format.format, out))
        }
        Task::Export { dir, out: file } => commands::export(&dir, file.as_deref(), out),
        Task::Events { dir, from, limit, format } => commands::events(&dir, Seq(from), limit, format.format, out),
        Task::Head { dir, format } => commands::head(&dir, format.format, out),
    }
}

fn block_on<T>(task: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.map_err(|error| Failure::Refused(format!("the runtime can't be started: {error}")))?.block_on(task)
}
