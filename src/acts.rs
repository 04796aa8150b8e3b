//! Everyday acts by the names that things are known by, for programs that embed a ledger.
//!
//! [`Ledger::by`] says who acts; each act is a small builder that is awaited. Names are looked up when the act is made,
//! so an unknown SKU is told with its name and nothing is sent. Everything here can be done with [`Command`]s and ids
//! too; it is only shorter.
//!
//! # Example
//! ```
//! use counterfoil::prelude::*;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! let ledger = Ledger::open_or_create(dir.path(), Options::default())?;
//! let anna = ledger.by("anna");
//! anna.create_item("MUG", 0).await?;
//! anna.create_location("SHOP", "Europe/London").await?;
//! anna.receive([Line::named("MUG", "SHOP", 12)]).await?;
//! // The same id again, whatever happened meanwhile, is answered with the same receipt.
//! let id = CommandId::derive("web-shop", "order 1001");
//! let held = anna.reserve([Line::named("MUG", "SHOP", 4)]).order("1001").id(id).await?;
//! assert_eq!(held.command_id, Some(id));
//! anna.fulfil("1001").await?;
//!
//! let refused = anna.reserve([Line::named("MUG", "SHOP", 9)]).await.expect_err("there are 8");
//! assert_eq!((refused.code(), refused.is_retryable()), ("INSUFFICIENT_STOCK", false));
//! assert_eq!(anna.receive([Line::named("CUP", "SHOP", 1)]).await.expect_err("no cup").code(), "PRODUCT_NOT_FOUND");
//! # ledger.close().await?;
//! # Ok(())
//! # }
//! ```

use crate::api::{Missing, NotFound, number_of};
use crate::domain::command::{
    Act, Actor, Adjust, AliasKind, Command, Count, CreateItem, CreateLocation, Fulfil, Holds, PosChange, PosDelta,
    Receive, Release, Reserve,
};
use crate::domain::ids::{CommandId, ItemId, LocationId, LotId, Position, Seq, Timestamp};
use crate::domain::line::{Bucket, CountLine, Line, Lines};
use crate::domain::quantity::{Quantity, QuantityError};
use crate::domain::rejection::Rejection;
use crate::domain::state::State;
use crate::domain::text::{ActorId, AliasText, ExternalId, OrderRef, ReasonCode, Source, TextError, Zone};
use crate::ledger::{Ledger, OpenError, Options, Outcome, Receipt, SubmitError};
use crate::log::StoreError;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::path::Path;
use std::pin::Pin;

/// Why an act by name was not done.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ActError {
    /// A text can't be taken.
    Text(TextError),
    /// A quantity can't be taken.
    Quantity(QuantityError),
    /// A name is not in use.
    NotFound(NotFound),
    /// A text is the name of one thing and the number of another; this says what to write instead.
    Ambiguous(String),
    /// The act takes no deadline.
    NoDeadline,
    /// The ledger's answer.
    Submit(SubmitError),
}

impl ActError {
    /// The stable code, as of a rejection.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Text(_) | Self::Ambiguous(_) | Self::NoDeadline => "INVALID_FIELD",
            Self::Quantity(_) => "INVALID_QUANTITY",
            Self::NotFound(missing) => missing.code(),
            Self::Submit(error) => error.code(),
        }
    }

    /// Whether the same act with the same id may be accepted later; see [`SubmitError::is_retryable`].
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Submit(error) if error.is_retryable())
    }
}

impl fmt::Display for ActError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(error) => error.fmt(f),
            Self::Quantity(error) => error.fmt(f),
            Self::NotFound(missing) => missing.fmt(f),
            Self::Ambiguous(what) => f.write_str(what),
            Self::NoDeadline => f.write_str("only a reservation has a deadline"),
            Self::Submit(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ActError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // What the message says already is no cause of it.
        match self {
            Self::Submit(error) => error.source(),
            Self::Text(_) | Self::Quantity(_) | Self::NotFound(_) | Self::Ambiguous(_) | Self::NoDeadline => None,
        }
    }
}

impl From<TextError> for ActError {
    fn from(error: TextError) -> Self {
        Self::Text(error)
    }
}

impl From<QuantityError> for ActError {
    fn from(error: QuantityError) -> Self {
        Self::Quantity(error)
    }
}

impl From<SubmitError> for ActError {
    fn from(error: SubmitError) -> Self {
        Self::Submit(error)
    }
}

/// A quantity in an item's own unit: a whole number of units, or an exact decimal as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Amount {
    /// Whole units, such as 12 mugs.
    Units(i64),
    /// An exact decimal, such as `1.250`.
    Decimal(String),
}

impl Amount {
    fn quantity(&self, decimals: u8) -> Result<Quantity, QuantityError> {
        match self {
            Self::Units(units) => Quantity::parse(&units.to_string(), decimals),
            Self::Decimal(text) => Quantity::parse(text, decimals),
        }
    }
}

impl From<&str> for Amount {
    fn from(text: &str) -> Self {
        Self::Decimal(text.to_owned())
    }
}

impl From<String> for Amount {
    fn from(text: String) -> Self {
        Self::Decimal(text)
    }
}

macro_rules! whole_amounts {
    ($($integer:ty)*) => {
        $(impl From<$integer> for Amount {
            fn from(units: $integer) -> Self {
                Self::Units(units.into())
            }
        })*
    };
}

whole_amounts!(i64 i32 u32 u16 u8);

/// A line whose names are not looked up yet; see [`Line::named`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedLine {
    sku: String,
    location: String,
    lot: Option<String>,
    bucket: Bucket,
    amount: Amount,
    seen: Option<Seq>,
}

impl Line {
    /// A line of sellable stock by names: the SKU of an item, the code of a location, a quantity in the item's unit.
    ///
    /// # Example
    /// ```
    /// # use counterfoil::prelude::*;
    /// let flour = Line::named("FLOUR", "BAKERY", "1.250").of_lot("B-7");
    /// ```
    #[must_use]
    pub fn named(sku: impl Into<String>, location: impl Into<String>, amount: impl Into<Amount>) -> NamedLine {
        let (sku, location, amount) = (sku.into(), location.into(), amount.into());
        NamedLine { sku, location, lot: None, bucket: Bucket::Sellable, amount, seen: None }
    }
}

impl NamedLine {
    /// The same line for a lot of the item, by the lot's code.
    #[must_use]
    pub fn of_lot(self, code: impl Into<String>) -> Self {
        Self { lot: Some(code.into()), ..self }
    }

    /// The same line for another bucket.
    #[must_use]
    pub fn in_bucket(self, bucket: Bucket) -> Self {
        Self { bucket, ..self }
    }

    /// The same line, to be refused unless the position still has this version.
    #[must_use]
    pub fn seen(self, version: Seq) -> Self {
        Self { seen: Some(version), ..self }
    }

    /// Looks the names up.
    ///
    /// # Errors
    /// [`ActError`]: a name that is not in use, or a quantity that is finer than the item's decimals.
    pub fn resolve(&self, state: &State) -> Result<Line, ActError> {
        let item = find_item(state, &self.sku)?;
        let location = find_location(state, &self.location)?;
        let lot = match &self.lot {
            Some(code) => find_lot(state, item, code)?,
            None => LotId::NONE,
        };
        let quantity = self.amount.quantity(state.item(item).map_or(0, |item| item.decimals))?;
        let position = Position { item, location, lot };
        Ok(Line { position, bucket: self.bucket, quantity, seen: self.seen, detail: None })
    }
}

fn find(state: &State, kind: AliasKind, name: &str, what: impl FnOnce() -> Missing) -> Result<u32, ActError> {
    let found = number_of(state, kind, AliasText::new(name)?).map_err(ActError::Ambiguous)?;
    found.ok_or_else(|| ActError::NotFound(NotFound { what: what(), name: name.to_owned(), path: String::new() }))
}

fn find_item(state: &State, sku: &str) -> Result<ItemId, ActError> {
    find(state, AliasKind::Sku, sku, || Missing::Item).map(ItemId)
}

fn find_location(state: &State, code: &str) -> Result<LocationId, ActError> {
    find(state, AliasKind::Location, code, || Missing::Location).map(LocationId)
}

fn find_lot(state: &State, item: ItemId, code: &str) -> Result<LotId, ActError> {
    let sku = || state.item(item).map(|item| item.sku.to_string()).unwrap_or_default();
    find(state, AliasKind::Lot(item), code, || Missing::Lot { item, sku: sku() }).map(LotId)
}

impl Ledger {
    /// Opens the ledger in a directory, or makes one where the directory is missing or empty. Blocks for a few syncs.
    ///
    /// # Errors
    /// [`OpenError`]; nothing is changed then.
    pub fn open_or_create(path: impl AsRef<Path>, options: Options) -> Result<Self, OpenError> {
        let path = path.as_ref();
        match Self::create(path, options.clone()) {
            Err(OpenError::Store(StoreError::AlreadyExists { .. })) => Self::open(path, options),
            created => created,
        }
    }

    /// The item with this SKU; `id:7` asks for item 7 where that is no SKU.
    ///
    /// # Errors
    /// `PRODUCT_NOT_FOUND` with the name.
    pub fn item(&self, sku: &str) -> Result<ItemId, ActError> {
        self.query(|state, _| find_item(state, sku))
    }

    /// The location with this code.
    ///
    /// # Errors
    /// `LOCATION_NOT_FOUND` with the name.
    pub fn location(&self, code: &str) -> Result<LocationId, ActError> {
        self.query(|state, _| find_location(state, code))
    }

    /// The lot of an item with this code.
    ///
    /// # Errors
    /// `LOT_NOT_FOUND` with the name.
    pub fn lot(&self, item: ItemId, code: &str) -> Result<LotId, ActError> {
        self.query(|state, _| find_lot(state, item, code))
    }

    /// Says who acts.
    #[must_use]
    pub fn by<'l>(&'l self, actor: &str) -> Acts<'l> {
        Acts { ledger: self, actor: ActorId::new(actor).map(Actor::asserted) }
    }

    /// Submits a command that was made from what is known now, and makes it again where that has changed meanwhile
    /// (`VERSION_CONFLICT`), at most `tries` times. The command must have no id, or another one each time.
    ///
    /// # Errors
    /// As [`submit`](Self::submit); the last `VERSION_CONFLICT` where every try met one.
    ///
    /// # Example
    /// ```
    /// # use counterfoil::prelude::*;
    /// # async fn even(ledger: &Ledger, anna: Actor, mugs: Position) -> Outcome {
    /// // Takes half of what is there, of whatever is there then.
    /// ledger
    ///     .submit_retrying(5, |state, _| {
    ///         let known = state.position(mugs).expect("it was received once");
    ///         let line = Line::new(mugs, Quantity(-known.sellable.quantity / 2)).seen(known.version);
    ///         let reason = ReasonCode::new("gift").expect("it is short");
    ///         Command::new(anna.clone(), Adjust { lines: [line].into() }).because(reason)
    ///     })
    ///     .await
    /// # }
    /// ```
    pub async fn submit_retrying(&self, tries: u32, mut make: impl FnMut(&State, Timestamp) -> Command) -> Outcome {
        for _ in 1..tries {
            let command = self.query(&mut make);
            match self.submit(command).await {
                Err(SubmitError::Rejected(Rejection::VersionConflict { .. })) => {}
                outcome => return outcome,
            }
        }
        self.submit(self.query(make)).await
    }
}

/// What one actor can do; made by [`Ledger::by`].
#[derive(Clone, Debug)]
pub struct Acts<'l> {
    ledger: &'l Ledger,
    actor: Result<Actor, TextError>,
}

impl<'l> Acts<'l> {
    /// Makes an item.
    pub fn create_item(&self, sku: &str, decimals: u8) -> Ask<'l> {
        self.ask(AliasText::new(sku).map(|sku| CreateItem { sku, decimals }))
    }

    /// Makes a location, in a time zone such as `Europe/London`.
    pub fn create_location(&self, code: &str, zone: &str) -> Ask<'l> {
        let texts = AliasText::new(code).and_then(|code| Ok((code, Zone::new(zone)?)));
        self.ask(texts.map(|(code, zone)| CreateLocation { code, zone }))
    }

    /// Goods came from a supplier.
    pub fn receive(&self, lines: impl IntoIterator<Item = NamedLine>) -> Ask<'l> {
        self.ask(self.lines(lines).map(|lines| Receive { lines }))
    }

    /// Stock was found (positive) or lost (negative): say why with [`Ask::because`].
    pub fn adjust(&self, lines: impl IntoIterator<Item = NamedLine>) -> Ask<'l> {
        self.ask(self.lines(lines).map(|lines| Adjust { lines }))
    }

    /// Stock was counted: the quantities are what is there.
    pub fn count(&self, lines: impl IntoIterator<Item = NamedLine>) -> Ask<'l> {
        let counted =
            |Line { position, bucket, quantity: counted, seen, .. }| CountLine { position, bucket, counted, seen };
        self.ask(self.lines(lines).map(|lines| Count { lines: lines.into_iter().map(counted).collect() }))
    }

    /// A till sold goods: `source` is the till system, `receipt` its own id of the sale.
    pub fn sold(&self, source: &str, receipt: &str, lines: impl IntoIterator<Item = NamedLine>) -> Ask<'l> {
        let act = || {
            let (source, external_id) = (Source::new(source)?, ExternalId::new(receipt)?);
            Ok::<_, ActError>(PosDelta { source, external_id, delta: PosChange::Sale { lines: self.lines(lines)? } })
        };
        self.ask(act())
    }

    /// Stock is to be held: all lines or none, for ever unless [`Ask::until`] says when the hold lapses.
    pub fn reserve(&self, lines: impl IntoIterator<Item = NamedLine>) -> Ask<'l> {
        self.ask(self.lines(lines).map(|lines| Reserve { deadline: None, lines }))
    }

    /// All that is held for an order is shipped.
    pub fn fulfil(&self, order: &str) -> Ask<'l> {
        let holds = OrderRef::new(order).map(Holds::Order);
        self.ask(holds.map(|holds| Fulfil { holds, portion: Default::default(), departure: Default::default() }))
    }

    /// All that is held for an order and not shipped is let go.
    pub fn release(&self, order: &str) -> Ask<'l> {
        let holds = OrderRef::new(order).map(Holds::Order);
        self.ask(holds.map(|holds| Release { holds, portion: Default::default() }))
    }

    fn lines(&self, lines: impl IntoIterator<Item = NamedLine>) -> Result<Lines, ActError> {
        let lines: Vec<NamedLine> = lines.into_iter().collect();
        self.ledger.query(|state, _| lines.iter().map(|line| line.resolve(state)).collect())
    }

    fn ask<A: Into<Act>, E: Into<ActError>>(&self, act: Result<A, E>) -> Ask<'l> {
        let actor = self.actor.clone().map_err(ActError::from);
        let command = actor.and_then(|actor| Ok(Command::new(actor, act.map_err(Into::into)?)));
        Ask { ledger: self.ledger, command }
    }
}

/// An act that is not sent yet: await it to submit it.
#[derive(Clone, Debug)]
#[must_use = "nothing is asked until it is awaited"]
pub struct Ask<'l> {
    ledger: &'l Ledger,
    command: Result<Command, ActError>,
}

impl Ask<'_> {
    /// Under this id: sent again with it, the act is answered with the first receipt.
    pub fn id(self, id: CommandId) -> Self {
        self.with(|command| Ok(command.with_id(id)))
    }

    /// For this order.
    pub fn order(self, order: &str) -> Self {
        self.with(|command| Ok(command.for_order(OrderRef::new(order)?)))
    }

    /// For this reason, a code of one's own list.
    pub fn because(self, reason: &str) -> Self {
        self.with(|command| Ok(command.because(ReasonCode::new(reason)?)))
    }

    /// It happened then; facts and counts only.
    pub fn occurred(self, at: Timestamp) -> Self {
        self.with(|command| Ok(command.occurred(at)))
    }

    /// The hold lapses then; reservations only.
    pub fn until(self, at: Timestamp) -> Self {
        self.with(|mut command| {
            let Act::Reserve(Reserve { deadline, .. }) = &mut command.act else { return Err(ActError::NoDeadline) };
            *deadline = Some(at);
            Ok(command)
        })
    }

    /// With a private note, which is kept outside the hashed history and can be erased.
    pub fn note(self, note: impl Into<String>) -> Self {
        self.with(|command| Ok(Command { note: Some(note.into()), ..command }))
    }

    fn with(self, change: impl FnOnce(Command) -> Result<Command, ActError>) -> Self {
        Self { command: self.command.and_then(change), ..self }
    }

    /// The command, to be sent later or in a batch.
    ///
    /// # Errors
    /// [`ActError`], where something that was said can't be taken.
    pub fn command(self) -> Result<Command, ActError> {
        self.command
    }

    /// Submits it; the same as awaiting it.
    ///
    /// Dropping the future does not take the act back once it was sent: send it again with the same id to learn what
    /// became of it.
    ///
    /// # Errors
    /// [`ActError`].
    pub async fn submit(self) -> Result<Receipt, ActError> {
        Ok(self.ledger.submit(self.command?).await?)
    }
}

impl<'l> IntoFuture for Ask<'l> {
    type Output = Result<Receipt, ActError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'l>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.submit())
    }
}
