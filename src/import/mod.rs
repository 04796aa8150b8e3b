//! Commands out of CSV files, by a [`Mapping`] in TOML.
//!
//! A file is read in a thread of its own, record by record in bounded memory; each record becomes a command by the
//! first rule of the mapping that fits, under an id that is derived from what names the line. So a second import of
//! the same file appends nothing, and one that was killed is simply run again. A line that can't be taken is
//! *rejected*, with its reason, and the others go on; rejected lines can be written to a file that is mended and
//! imported like any other, under the same ids.
//!
//! # Example
//! ```
//! use counterfoil::import::{Mapping, Options, Source, import};
//! # use counterfoil::{AliasText, Ledger};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! # let ledger = Ledger::create(dir.path(), counterfoil::Options::default())?;
//! let mapping = Mapping::parse(r#"
//!     name = "till"
//!     actor = "import"
//!     id.columns = ["Receipt", "Article", "$ordinal"]
//!     item = { code = "{Article}", unknown = "register" }
//!     location = { code = "SHOP", unknown = "register", zone = "Europe/London" }
//!     quantity.value = "{Qty}"
//!     [[rule]]
//!     kind = "sale"
//! "#)?;
//! let file = Source::memory(*b"Receipt,Article,Qty\n1,MUG,2\n1,MUG,2\n2,MUG,many\n");
//! let summary = import(&ledger, &mapping, &file, Options::default()).await?;
//! assert_eq!((summary.lines, summary.appended, summary.rejected), (3, 2, 1));
//! let again = import(&ledger, &mapping, &file, Options::default()).await?;
//! assert_eq!((again.appended, again.duplicates), (0, 2));
//! # ledger.close().await?;
//! # Ok(())
//! # }
//! ```

mod cost;
mod drive;
mod error;
mod foretell;
mod header;
mod ids;
mod layout;
mod line;
mod lots;
mod mapping;
mod plan;
mod planned;
mod reading;
mod records;
mod rejects;
mod rule;
mod source;
mod summary;
mod template;
mod time;

#[cfg(test)]
mod tests;

pub use drive::{Options, import};
pub use error::ImportError;
pub use foretell::{foretell, unchanged};
pub use mapping::{Mapping, MappingError};
pub use rejects::Rejected;
pub use rule::RuleKind;
pub use source::Source;
pub use summary::{Forecast, Foretold, ForetoldLine, Progress, Summary};
