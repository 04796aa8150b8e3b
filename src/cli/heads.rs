//! Where heads are noted elsewhere, and how often: what every command that opens a ledger does.

use clap::Args;
use counterfoil::ledger::KeepHeads;
use std::path::PathBuf;
use std::time::Duration;

/// Noting heads elsewhere.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Heads kept elsewhere")]
pub struct HeadsArgs {
    /// Note how far the ledger is, and with which hash, in this file outside of its directory; see `verify`.
    #[arg(long, global = true, env = "COUNTERFOIL_HEADS", value_name = "FILE")]
    heads: Option<PathBuf>,
    /// Note a head after this many events, and at the end.
    #[arg(long, global = true, value_name = "COUNT", default_value_t = 10_000, hide_short_help = true)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    heads_every_events: u64,
    /// Note a head after this many seconds, where there are new events.
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 60, hide_short_help = true)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    heads_every_seconds: u64,
}

impl HeadsArgs {
    /// What the ledger is told.
    pub fn keep(&self) -> Option<KeepHeads> {
        let file = self.heads.clone()?;
        let every = Duration::from_secs(self.heads_every_seconds);
        Some(KeepHeads { file, every_events: self.heads_every_events, every })
    }
}
