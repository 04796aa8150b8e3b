//! `completions` and `man`: what a shell and a reader of manuals want.

use super::Arguments;
use super::context::Context;
use super::failure::Failure;
use super::seen;
use clap::CommandFactory;
use clap_complete::Shell;
use std::path::PathBuf;

/// Write a script that completes this tool's commands and options in a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  counterfoil completions bash > /etc/bash_completion.d/counterfoil")]
pub struct CompletionsArgs {
    /// Which shell.
    #[arg(value_enum)]
    shell: Shell,
}

/// Write the manual page, or all pages into a directory.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  counterfoil man | man -l -\n  counterfoil man --dir /usr/local/share/man/man1")]
pub struct ManArgs {
    /// Write one page for each command into this directory, which must exist.
    #[arg(long)]
    dir: Option<PathBuf>,
}

/// Writes the script.
pub fn completions(args: &CompletionsArgs, context: &mut Context<'_>) -> Result<(), Failure> {
    // The generator can't report that it could not write, so it writes into memory.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Arguments::command(), "counterfoil", &mut script);
    Ok(context.out.write_all(&script)?)
}

/// Writes the page or pages.
pub fn man(args: &ManArgs, context: &mut Context<'_>) -> Result<(), Failure> {
    let Some(dir) = &args.dir else {
        return Ok(clap_mangen::Man::new(Arguments::command()).render(context.out)?);
    };
    let unwritable = |error| Failure::Refused(format!("the pages can't be written to {}: {error}", seen::path(dir)));
    clap_mangen::generate_to(Arguments::command(), dir).map_err(unwritable)?;
    let told = format!("the manual pages are in {}", seen::path(dir));
    context.outcomes.durable(told.as_str());
    Ok(writeln!(context.out, "{told}")?)
}
