//! Alerts: look at them, and say what was done.

use super::said::Said;
use super::{Deed, Step};
use crate::cli::failure::Failure;
use crate::cli::look::{Look, alerts};
use serde_json::json;

/// List alerts, the most urgent first; acknowledge, resolve or dismiss one.
#[derive(Clone, Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  counterfoil alerts
  counterfoil alerts --urgency high --location SHOP
  counterfoil alerts acknowledge 0d8e9c1a-2b3c-8d4e-9f50-617283940516"
)]
pub struct Args {
    #[command(subcommand)]
    task: Option<Task>,
    #[command(flatten)]
    list: alerts::Alerts,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum Task {
    /// Somebody has seen it.
    Acknowledge(One),
    /// Somebody has dealt with it.
    Resolve(One),
    /// It does not matter.
    Dismiss(One),
}

/// One alert.
#[derive(Clone, Debug, clap::Args)]
struct One {
    /// The alert's id.
    #[arg(value_name = "ALERT")]
    alert: String,
    #[command(flatten)]
    said: Said,
}

impl Args {
    pub(super) fn step(self) -> Result<Step, Failure> {
        let (kind, One { alert, said }) = match self.task {
            None => return Ok(Step::Look(Look::Alerts(self.list))),
            Some(Task::Acknowledge(one)) => ("acknowledge_alert", one),
            Some(Task::Resolve(one)) => ("resolve_alert", one),
            Some(Task::Dismiss(one)) => ("dismiss_alert", one),
        };
        Deed::new(said, json!({ "kind": kind, "alert": alert })).map(Step::from)
    }
}
