//! Why a command in words is none, or names what is not there.

use crate::domain::ids::{ItemId, LocationId, LotId};
use crate::domain::rejection::Rejection;
use serde_json::{Value, json};
use std::fmt;

/// Why a command in words can't be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamedError {
    /// It is not a command.
    Invalid(Invalid),
    /// It is one, but a name in it is not in use.
    NotFound(NotFound),
}

impl fmt::Display for NamedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(error) => error.fmt(f),
            Self::NotFound(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for NamedError {}

impl From<Invalid> for NamedError {
    fn from(error: Invalid) -> Self {
        Self::Invalid(error)
    }
}

/// What is wrong with a text that should be a command, where, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// Where in the JSON, such as `act.lines[1].sku`; empty for the whole.
    pub path: String,
    /// What is wrong and what to do.
    pub problem: String,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.problem),
            path => write!(f, "{path}: {}", self.problem),
        }
    }
}

impl std::error::Error for Invalid {}

/// What kind of thing a name should have led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// An item.
    Item,
    /// A location.
    Location,
    /// A lot of this item.
    Lot {
        /// The item.
        item: ItemId,
        /// Its SKU, as it is known.
        sku: String,
    },
}

/// A name that is not in use: the same refusal as an unknown id, with the name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotFound {
    /// What it should have led to.
    pub what: Missing,
    /// The name, as it was given.
    pub name: String,
    /// Where in the JSON it stands.
    pub path: String,
}

impl NotFound {
    /// The stable code: that of the rejection for an unknown id.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.rejection().code()
    }

    /// The stable number: that of the rejection for an unknown id.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.rejection().number()
    }

    fn rejection(&self) -> Rejection {
        match self.what {
            Missing::Item => Rejection::ProductNotFound { item: ItemId(0) },
            Missing::Location => Rejection::LocationNotFound { location: LocationId(0) },
            Missing::Lot { item, .. } => Rejection::LotNotFound { lot: LotId::NONE, item },
        }
    }

    /// The name and where it stands, as JSON.
    #[must_use]
    pub fn details(&self) -> Value {
        let Self { what, name, path } = self;
        match what {
            Missing::Item => json!({ "sku": name, "path": path }),
            Missing::Location => json!({ "location": name, "path": path }),
            Missing::Lot { item, sku } => json!({ "lot": name, "item": item, "sku": sku, "path": path }),
        }
    }
}

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            Missing::Item => write!(f, "no item has the SKU {:?}; case matters", self.name),
            Missing::Location => write!(f, "no location has the code {:?}; case matters", self.name),
            Missing::Lot { sku, .. } => write!(f, "{sku} has no lot with the code {:?}; case matters", self.name),
        }
    }
}

impl std::error::Error for NotFound {}
