//! The command-line tool: parse, run, exit code.
#![forbid(unsafe_code)]
#![deny(clippy::print_stderr, clippy::print_stdout)] // They panic where nobody listens any more.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main(cli::parse())
}
