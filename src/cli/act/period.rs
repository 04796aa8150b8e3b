//! Closing the past of a location.

use super::Deed;
use super::said::Said;
use crate::cli::failure::Failure;
use serde_json::json;

/// Close the past of a location: what is recorded later changes no figure of it.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  counterfoil close-period --location SHOP --until 2026-01-31
  counterfoil close-period --location SHOP --until 2026-01-31T18:00 --document report:2026-01
  counterfoil would close-period --location SHOP --until 2026-01-31

A closed period refuses counts that are dated in it. Late sales, receipts and returns are taken as ever; in the \
figures of periods they stand in the one that is open then, as restatements. A period can't be opened again.")]
pub struct ClosePeriod {
    /// Where, by the location's code.
    #[arg(long, short = 'l', value_name = "CODE")]
    location: String,
    /// Up to when, by its clocks: a date, which is in the period; or a date and time, which is not.
    #[arg(long, value_name = "DATE")]
    until: String,
    #[command(flatten)]
    said: Said,
}

impl ClosePeriod {
    pub(super) fn deed(self) -> Result<Deed, Failure> {
        let Self { location, until, said } = self;
        Deed::new(said, json!({ "kind": "close_period", "location": location, "until": until }))
    }
}
