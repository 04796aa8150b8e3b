//! Aliases: the names that items, locations and lots go by.

use super::said::Said;
use super::{Deed, Step};
use crate::cli::failure::Failure;
use crate::cli::look::{Look, registry};
use crate::cli::names::new_name;
use clap::ValueEnum;
use serde_json::{Value, json};

/// The names of items, locations and lots: add, rename, merge, retire, list.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum Task {
    /// Give a thing one more name.
    #[command(after_help = "\
Examples:
  counterfoil alias add barcode 4006381333931 --item MUG-BLUE
  counterfoil alias add location HIGH-STREET --location SHOP
  counterfoil alias add lot BATCH-7 --item JAM-PLUM --lot P-2501")]
    Add {
        #[command(flatten)]
        alias: Alias,
        #[command(flatten)]
        thing: Thing,
        #[command(flatten)]
        said: Said,
    },
    /// Change the text of a name.
    #[command(after_help = "Example:\n  counterfoil alias rename sku MUG-BLUE MUG-NAVY")]
    Rename {
        #[command(flatten)]
        alias: Alias,
        /// Its new text.
        #[arg(value_name = "NEW-TEXT", value_parser = new_name)]
        to: String,
        /// The item, where it is a lot's name.
        #[arg(long, value_name = "SKU")]
        item: Option<String>,
        #[command(flatten)]
        said: Said,
    },
    /// Let a name stand for another thing from now on; the thing it named keeps its history.
    #[command(after_help = "Example:\n  counterfoil alias merge sku MUG-AZURE --item MUG-BLUE")]
    Merge {
        #[command(flatten)]
        alias: Alias,
        #[command(flatten)]
        thing: Thing,
        #[command(flatten)]
        said: Said,
    },
    /// Take a name out of use; its text is free again.
    #[command(after_help = "Example:\n  counterfoil alias retire barcode 4006381333931")]
    Retire {
        #[command(flatten)]
        alias: Alias,
        /// The item, where it is a lot's name.
        #[arg(long, value_name = "SKU")]
        item: Option<String>,
        #[command(flatten)]
        said: Said,
    },
    List(registry::Aliases),
}

/// A name.
#[derive(Clone, Debug, clap::Args)]
struct Alias {
    /// What kind of name.
    #[arg(value_enum)]
    kind: Kind,
    /// The name.
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// The shop's own article number.
    Sku,
    /// A printed code.
    Barcode,
    /// A supplier's or till system's number.
    Vendor,
    /// A location's code.
    Location,
    /// A lot's code, unique within its item.
    Lot,
}

impl Alias {
    fn json(self, item: Option<&str>) -> Result<Value, Failure> {
        let kind = match (self.kind, item) {
            (Kind::Sku, _) => json!("sku"),
            (Kind::Barcode, _) => json!("barcode"),
            (Kind::Vendor, _) => json!("vendor"),
            (Kind::Location, _) => json!("location"),
            (Kind::Lot, Some(sku)) => json!({ "lot": sku }),
            (Kind::Lot, None) => {
                return Err(Failure::Usage("of which item is the lot? give --item SKU".to_owned()));
            }
        };
        Ok(json!({ "kind": kind, "text": self.text }))
    }
}

/// What is named.
#[derive(Clone, Debug, clap::Args)]
#[group(required = true, multiple = true)]
pub struct Thing {
    /// An item, by its SKU; with --lot that lot of it.
    #[arg(long, value_name = "SKU", conflicts_with = "location")]
    pub item: Option<String>,
    /// A lot of --item, by its code.
    #[arg(long, value_name = "CODE", requires = "item")]
    pub lot: Option<String>,
    /// A location, by its code.
    #[arg(long, short = 'l', value_name = "CODE")]
    pub location: Option<String>,
}

impl Thing {
    fn json(&self) -> Value {
        match (&self.item, &self.lot) {
            (Some(sku), Some(code)) => json!({ "lot": { "sku": sku, "code": code } }),
            (Some(sku), None) => json!({ "item": sku }),
            _ => json!({ "location": self.location }),
        }
    }
}

/// Refuses a name of another kind than the thing is, with what to give instead.
fn fits(kind: Kind, thing: &Thing) -> Result<(), Failure> {
    let wanted = match (kind, thing) {
        (Kind::Location, Thing { location: None, .. }) => "a location's code names a location: give --location CODE",
        (Kind::Sku | Kind::Barcode | Kind::Vendor, Thing { location: Some(_), .. } | Thing { lot: Some(_), .. }) => {
            "a SKU, barcode or vendor's number names an item: give --item SKU alone"
        }
        (Kind::Lot, Thing { lot: None, .. }) => "a lot's code names a lot of an item: give --item SKU --lot CODE",
        _ => return Ok(()),
    };
    Err(Failure::Usage(wanted.to_owned()))
}

impl Args {
    pub(super) fn step(self) -> Result<Step, Failure> {
        let (said, act) = match self.task {
            Task::Add { alias, thing, said } => {
                fits(alias.kind, &thing)?;
                let alias = alias.json(thing.item.as_deref())?;
                (said, json!({ "kind": "add_alias", "alias": alias, "target": thing.json() }))
            }
            Task::Rename { alias, to, item, said } => {
                (said, json!({ "kind": "rename_alias", "alias": alias.json(item.as_deref())?, "to": to }))
            }
            Task::Merge { alias, thing, said } => {
                fits(alias.kind, &thing)?;
                let alias = alias.json(thing.item.as_deref())?;
                (said, json!({ "kind": "merge_alias", "alias": alias, "into": thing.json() }))
            }
            Task::Retire { alias, item, said } => {
                (said, json!({ "kind": "retire_alias", "alias": alias.json(item.as_deref())? }))
            }
            Task::List(list) => return Ok(Step::Look(Look::Aliases(list))),
        };
        Deed::new(said, act).map(Step::from)
    }
}
