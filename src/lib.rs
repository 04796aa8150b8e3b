//! An event-sourced, hash-chained stock ledger in which every number can be proven.
//!
//! A [`Ledger`] takes [`Command`]s, decides each against the stock rules, appends what it accepts as exactly one event
//! to a hash chain, and answers when that is durable. Physical, reserved and available stock, alerts and who holds what
//! follow from the events and are asked for with [`query`]. [`audit`] reads the whole history again and trusts nothing.
//!
//! The guides are in [`guide`]: a tour, embedding, import, reports, operations, troubleshooting.
//!
//! # Words
//! A **position** is an item at a location, in a lot where the item has lots. Its **physical** stock lies in two buckets,
//! sellable and unsellable; **reserved** is what holds have open; **available** is sellable less reserved. A **fact** has
//! happened (a receipt, a till's sale, a count) and is never refused for lack of stock. A **promise** (a reservation) is
//! checked strictly: it never oversells. An **instruction** acts on what exists. A count is an **anchor**: it settles what
//! was there at its instant, whatever is told later about the time before. The past is asked for as it was **known** at an
//! instant, or as it was **true** by all that is known now.
//!
//! # Example
//! ```
//! use counterfoil::prelude::*;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! let ledger = Ledger::open_or_create(dir.path(), Options::default())?;
//! let anna = ledger.by("anna");
//! anna.create_item("MUG-BLUE", 0).await?;
//! anna.create_location("SHOP", "Europe/London").await?;
//! anna.receive([Line::named("MUG-BLUE", "SHOP", 10)]).await?;
//! let receipt = anna.reserve([Line::named("MUG-BLUE", "SHOP", 4)]).order("web-1001").await?;
//! // Durable now: keep receipt.seq and receipt.hash elsewhere, and the past can't be rewritten.
//! let mugs = Position::new(ledger.item("MUG-BLUE")?, ledger.location("SHOP")?);
//! let stock = ledger.query(|state, now| query::stock(state, now, mugs)).value;
//! assert_eq!(stock.map(|stock| (stock.physical, stock.available)), Some((10, 6)));
//! let kept = audit::Expected { seq: receipt.seq, hash: receipt.hash };
//! let report = audit::verify(ledger.log().as_ref(), audit::Options { expected: vec![kept], ..Default::default() })?;
//! assert!(report.ok && report.anchored);
//! ledger.close().await?;
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]
#![deny(clippy::print_stderr, clippy::print_stdout)] // They panic where nobody listens any more.

pub mod acts;
pub mod api;
pub mod audit;
pub mod domain;
pub mod files;
pub mod guide;
pub mod heads;
pub mod history;
#[cfg(feature = "import")]
pub mod import;
pub mod index;
pub mod ledger;
pub mod limits;
pub mod log;
#[cfg(feature = "plot")]
pub mod plot;
pub mod prelude;
pub mod projection;
pub mod query;
pub mod reports;
#[cfg(feature = "schema")]
pub mod schema;

pub use domain::command::{Act, Actor, Command};
pub use domain::ids::{CommandId, ItemId, LocationId, LotId, Position, Seq, Timestamp};
pub use domain::line::{Bucket, Line, Lines};
pub use domain::quantity::Quantity;
pub use domain::rejection::Rejection;
pub use domain::text::{ActorId, AliasText, ExternalId, OrderRef, ReasonCode, Source, Zone};
pub use ledger::{Ledger, OpenError, Options, Outcome, Receipt, Repeat, SubmitError, Subscription};
pub use log::{Hash, Head};

/// The code of the README is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
