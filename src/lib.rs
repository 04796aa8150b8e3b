//! An event-sourced, hash-chained stock ledger in which every number can be proven.
//!
//! A [`Ledger`] takes [`Command`]s, decides each against the stock rules, appends what it accepts as exactly one event
//! to a hash chain, and answers when that is durable. Physical, reserved and available stock, alerts and who holds what
//! follow from the events and are asked for with [`query`]. [`audit`] reads the whole history again and trusts nothing.
//!
//! # Example
//! ```
//! use counterfoil::domain::command::{CreateItem, CreateLocation, Receive, Reserve};
//! use counterfoil::{
//!     Actor, ActorId, AliasText, Command, ItemId, Ledger, Line, LocationId, Options, Position, Quantity, Zone, audit, query,
//! };
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! let ledger = Ledger::create(dir.path(), Options::default())?;
//! let anna = Actor::asserted(ActorId::new("anna")?);
//! let (sku, code, zone) = (AliasText::new("MUG-BLUE")?, AliasText::new("SHOP")?, Zone::new("Europe/London")?);
//! ledger.submit(Command::new(anna.clone(), CreateItem { sku, decimals: 0 })).await?;
//! ledger.submit(Command::new(anna.clone(), CreateLocation { code, zone })).await?;
//! let mugs = Position::new(ItemId(1), LocationId(1));
//! ledger.submit(Command::new(anna.clone(), Receive { lines: [Line::new(mugs, Quantity(10))].into() })).await?;
//! let reserve = Reserve { deadline: None, lines: [Line::new(mugs, Quantity(4))].into() };
//! let receipt = ledger.submit(Command::new(anna, reserve)).await?; // durable: receipt.seq, receipt.hash
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

pub mod api;
pub mod audit;
#[cfg(feature = "bench")]
pub mod bench;
pub mod domain;
pub mod files;
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
