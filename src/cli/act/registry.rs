//! Items, locations, lots, and reorder points.

use super::said::Said;
use super::{Deed, Step};
use crate::cli::failure::Failure;
use crate::cli::look::{Look, registry};
use crate::cli::names::new_name;
use clap::ValueEnum;
use serde_json::{Value, json};

/// Items: add, status, decimals, list.
#[derive(Clone, Debug, clap::Args)]
pub struct Item {
    #[command(subcommand)]
    task: ItemTask,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum ItemTask {
    /// Make an item, known by this SKU.
    #[command(after_help = "Example:\n  counterfoil item add RICE-KG --decimals 3")]
    Add {
        /// Its SKU.
        #[arg(value_parser = new_name)]
        sku: String,
        /// Decimal places of its quantities, 0 to 6; fixed once it has moved.
        #[arg(long, default_value_t = 0)]
        decimals: u8,
        #[command(flatten)]
        said: Said,
    },
    /// Change what may be promised of an item.
    #[command(after_help = "Example:\n  counterfoil item status MUG-BLUE on-hold --reason recall")]
    Status {
        /// The item.
        sku: String,
        /// Its new status.
        #[arg(value_enum)]
        status: ItemStatus,
        #[command(flatten)]
        said: Said,
    },
    /// Change an item's decimals, before its first movement only.
    #[command(after_help = "Example:\n  counterfoil item decimals RICE-KG 3")]
    Decimals {
        /// The item.
        sku: String,
        /// Decimal places of its quantities, 0 to 6.
        decimals: u8,
        #[command(flatten)]
        said: Said,
    },
    List(registry::Items),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ItemStatus {
    /// Everything may be promised.
    Active,
    /// Nothing for now.
    OnHold,
    /// Nothing any more; the history stays.
    Discontinued,
}

impl Item {
    pub(super) fn step(self) -> Result<Step, Failure> {
        let (said, act) = match self.task {
            ItemTask::Add { sku, decimals, said } => {
                (said, json!({ "kind": "create_item", "sku": sku, "decimals": decimals }))
            }
            ItemTask::Status { sku, status, said } => {
                let status = match status {
                    ItemStatus::Active => "active",
                    ItemStatus::OnHold => "on_hold",
                    ItemStatus::Discontinued => "discontinued",
                };
                (said, json!({ "kind": "set_item_status", "item": sku, "status": status }))
            }
            ItemTask::Decimals { sku, decimals, said } => {
                (said, json!({ "kind": "set_decimals", "item": sku, "decimals": decimals }))
            }
            ItemTask::List(list) => return Ok(Step::Look(Look::Items(list))),
        };
        Deed::new(said, act).map(Step::from)
    }
}

/// Whether a location or lot is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum UseStatus {
    /// In use.
    Active,
    /// No new promises; the history stays.
    Retired,
}

impl UseStatus {
    const fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Retired => "retired",
        }
    }
}

/// Locations: add, status, list.
#[derive(Clone, Debug, clap::Args)]
pub struct Location {
    #[command(subcommand)]
    task: LocationTask,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum LocationTask {
    /// Make a location, known by this code.
    #[command(after_help = "Example:\n  counterfoil location add SHOP --zone Europe/London")]
    Add {
        /// Its code.
        #[arg(value_parser = new_name)]
        code: String,
        /// Its time zone, by its IANA name.
        #[arg(long, value_name = "ZONE", default_value = "UTC")]
        zone: String,
        #[command(flatten)]
        said: Said,
    },
    /// Retire a location, or bring it back.
    #[command(after_help = "Example:\n  counterfoil location status DEPOT retired")]
    Status {
        /// The location.
        code: String,
        /// Its new status.
        #[arg(value_enum)]
        status: UseStatus,
        #[command(flatten)]
        said: Said,
    },
    List(registry::Locations),
}

impl Location {
    pub(super) fn step(self) -> Result<Step, Failure> {
        let (said, act) = match self.task {
            LocationTask::Add { code, zone, said } => {
                (said, json!({ "kind": "create_location", "code": code, "zone": zone }))
            }
            LocationTask::Status { code, status, said } => {
                (said, json!({ "kind": "set_location_status", "location": code, "status": status.word() }))
            }
            LocationTask::List(list) => return Ok(Step::Look(Look::Locations(list))),
        };
        Deed::new(said, act).map(Step::from)
    }
}

/// Lots: add, status, list.
#[derive(Clone, Debug, clap::Args)]
pub struct Lot {
    #[command(subcommand)]
    task: LotTask,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum LotTask {
    /// Make a lot of an item, known by this code.
    #[command(after_help = "Example:\n  counterfoil lot add JAM-PLUM P-2501")]
    Add {
        /// The item.
        sku: String,
        /// The lot's code, unique within the item.
        #[arg(value_parser = new_name)]
        code: String,
        #[command(flatten)]
        said: Said,
    },
    /// Retire a lot, or bring it back.
    #[command(after_help = "Example:\n  counterfoil lot status JAM-PLUM P-2501 retired --reason best-before")]
    Status {
        /// The item.
        sku: String,
        /// The lot's code.
        code: String,
        /// Its new status.
        #[arg(value_enum)]
        status: UseStatus,
        #[command(flatten)]
        said: Said,
    },
    List(registry::Lots),
}

impl Lot {
    pub(super) fn step(self) -> Result<Step, Failure> {
        let (said, act) = match self.task {
            LotTask::Add { sku, code, said } => (said, json!({ "kind": "create_lot", "item": sku, "code": code })),
            LotTask::Status { sku, code, status, said } => {
                let lot = json!({ "sku": sku, "code": code });
                (said, json!({ "kind": "set_lot_status", "lot": lot, "status": status.word() }))
            }
            LotTask::List(list) => return Ok(Step::Look(Look::Lots(list))),
        };
        Deed::new(said, act).map(Step::from)
    }
}

/// Set the point at or below which stock is low; alerts follow it.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  counterfoil reorder-point MUG-BLUE 6 --location SHOP
  counterfoil reorder-point RICE-KG 2.500 --location SHOP
  counterfoil reorder-point MUG-BLUE --clear --location SHOP")]
pub struct ReorderPoint {
    /// The item.
    sku: String,
    /// The point, zero or more, in the item's unit.
    #[arg(required_unless_present = "clear", conflicts_with = "clear")]
    point: Option<String>,
    /// Have none any more.
    #[arg(long)]
    clear: bool,
    /// Where, by the location's code.
    #[arg(long, short = 'l', value_name = "CODE")]
    location: String,
    /// The lot, by its code.
    #[arg(long, value_name = "CODE")]
    lot: Option<String>,
    #[command(flatten)]
    said: Said,
}

impl ReorderPoint {
    pub(super) fn deed(self) -> Result<Deed, Failure> {
        let Self { sku, point, location, lot, said, .. } = self;
        let act = json!({
            "kind": "set_reorder_point", "sku": sku, "location": location, "lot": lot,
            "point": point.map_or(Value::Null, Value::from),
        });
        Deed::new(said, act)
    }
}
