//! Commands in people's words: names instead of ids, quantities in an item's own unit, dates as text.
//!
//! The canonical JSON of a [`Command`] is understood unchanged. Beside it:
//!
//! | where | canonical | in words |
//! | --- | --- | --- |
//! | a line, a reorder point | `"position":{"item":1,"location":1,"lot":0}`, quantity in smallest units | `"sku":"MUG-BLUE","location":"SHOP"`, `"lot":"P-2501"` where there is one; quantity in the item's unit |
//! | `item`, `location`, `to` | a number | a SKU, a location's code |
//! | `lot` outside lines | a number | `{"sku":"JAM-PLUM","code":"P-2501"}` |
//! | the kind of a lot's alias | `{"lot":3}` | `{"lot":"JAM-PLUM"}`, the item's SKU |
//! | `actor` | `{"id":"anna","established":"asserted"}` | `"anna"` |
//! | `occurred_at`, `deadline` | microseconds since 1970 | `"2026-03-01T09:30:00+01:00"` |
//! | a line of a return | `{"line":{…},"disposition":"restock"}` | the line with its `disposition` beside |
//! | a till's delta | `"delta":{"delta":"sale","lines":[…]}` | `"delta":"sale","lines":[…]` |
//!
//! A text is a name and a number is an id. A quantity in the item's unit is a whole JSON number or an exact decimal as
//! text (`"1.250"`), never a float; with a `position` of ids it is a whole number of smallest units. A field that
//! nothing reads is refused, and so is one that is given twice.
//!
//! Names are looked up when a command is read. A repeat of a command finds its receipt again as long as its names
//! lead to the same ids; where it must outlive renaming, send ids.
//!
//! # Example
//! ```
//! use counterfoil::domain::state::State;
//! use counterfoil::api::{NamedError, Spoken};
//!
//! let line = r#"{"actor":"anna","act":{"kind":"receive","lines":[{"sku":"MUG-BLUE","location":"SHOP","quantity":12}]}}"#;
//! match Spoken::parse(line)?.command(&State::default()) {
//!     Err(NamedError::NotFound(missing)) => assert_eq!(missing.code(), "PRODUCT_NOT_FOUND"),
//!     other => panic!("an empty ledger knows no mug: {other:?}"),
//! }
//! # Ok::<(), counterfoil::api::Invalid>(())
//! ```

mod error;
mod fields;
mod form;
mod kinds;
mod line;
mod lookup;
mod registry;
mod reservations;
mod stock;
mod things;
mod transfers;
mod tree;
mod watch;
mod whole;

#[cfg(test)]
mod tests;

pub use error::{Invalid, Missing, NamedError, NotFound};
pub use lookup::{number_of, numbered};
pub use things::instant_of;

use crate::domain::command::{
    Act, AddAlias, Command, CreateItem, CreateLocation, CreateLot, MergeAlias, RenameAlias, RetireAlias,
};
use crate::domain::state::State;
use fields::{Field, Path};
use form::Form;
use lookup::Names;
use serde::Deserialize;
use tree::Tree;

/// A command as it was said: JSON that was read, whose names are not looked up yet.
#[derive(Debug)]
pub struct Spoken<'a> {
    tree: Tree<'a>,
}

impl<'a> Spoken<'a> {
    /// Reads the JSON of one command.
    ///
    /// # Errors
    /// [`Invalid`] where the text is not JSON, or an object in it has a field twice.
    pub fn parse(text: &'a str) -> Result<Self, Invalid> {
        match serde_json::from_str(text) {
            Ok(tree) => Ok(Self { tree }),
            Err(error) => Err(Invalid { path: String::new(), problem: format!("not a command in JSON: {error}") }),
        }
    }

    /// Takes the JSON of one command as a value, which has no field twice.
    ///
    /// # Errors
    /// [`Invalid`] where an object in it has more fields than any command.
    pub fn of(value: &'a serde_json::Value) -> Result<Self, Invalid> {
        match Tree::deserialize(value) {
            Ok(tree) => Ok(Self { tree }),
            Err(error) => Err(Invalid { path: String::new(), problem: format!("not a command in JSON: {error}") }),
        }
    }

    /// The command, with names looked up in this state.
    ///
    /// # Errors
    /// [`NamedError::Invalid`] with the place and what to do, [`NamedError::NotFound`] for a name that is not in use.
    pub fn command(&self, state: &State) -> Result<Command, NamedError> {
        let names = Names::new(state);
        let command = whole::Command::read(&Field::new(Path::ROOT, &self.tree), &names)?;
        match names.missing() {
            Some(missing) => Err(NamedError::NotFound(missing)),
            None => Ok(command),
        }
    }

    /// Visits every text in it: whatever names it uses are among them.
    pub fn each_text(&self, mut visit: impl FnMut(&str)) {
        self.tree.each_text(&mut visit);
    }
}

/// The schema of a command in words: with SKUs and codes, or with ids, or both.
#[cfg(feature = "schema")]
#[must_use]
pub fn schema() -> schemars::Schema {
    let settings = schemars::generate::SchemaSettings::draft2020_12();
    settings.into_generator().into_root_schema_for::<whole::Command>()
}

/// The names whose meaning an act makes or changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Renames<'a> {
    /// None.
    None,
    /// These texts.
    Texts(&'a str, Option<&'a str>),
    /// How quantities of an item are read, under all its names.
    Units,
}

impl<'a> Renames<'a> {
    /// What an act does to names.
    #[must_use]
    pub fn of(act: &'a Act) -> Self {
        match act {
            Act::CreateItem(CreateItem { sku: text, .. })
            | Act::CreateLocation(CreateLocation { code: text, .. })
            | Act::CreateLot(CreateLot { code: text, .. }) => Self::Texts(text.as_str(), None),
            Act::AddAlias(AddAlias { alias, .. })
            | Act::MergeAlias(MergeAlias { alias, .. })
            | Act::RetireAlias(RetireAlias { alias }) => Self::Texts(alias.text.as_str(), None),
            Act::RenameAlias(RenameAlias { alias, to }) => Self::Texts(alias.text.as_str(), Some(to.as_str())),
            Act::SetDecimals(_) => Self::Units,
            Act::SetItemStatus(_)
            | Act::SetLocationStatus(_)
            | Act::SetLotStatus(_)
            | Act::SetReorderPoint(_)
            | Act::ClosePeriod(_)
            | Act::Receive(_)
            | Act::PosDelta(_)
            | Act::Return(_)
            | Act::Adjust(_)
            | Act::Count(_)
            | Act::ShipTransfer(_)
            | Act::ReceiveTransfer(_)
            | Act::CloseTransfer(_)
            | Act::Reserve(_)
            | Act::Amend(_)
            | Act::Extend(_)
            | Act::Fulfil(_)
            | Act::Release(_)
            | Act::Reclassify(_)
            | Act::AcknowledgeAlert(_)
            | Act::ResolveAlert(_)
            | Act::DismissAlert(_) => Self::None,
        }
    }
}
