//! What programs that embed a ledger use every day: `use counterfoil::prelude::*;`.
//!
//! One command is missing on purpose: `Extend` would hide the trait of that name; it is
//! [`domain::command::Extend`](crate::domain::command::Extend).

pub use crate::acts::{ActError, Acts, Amount, Ask, NamedLine};
pub use crate::domain::command::{
    Act, Actor, Adjust, Amend, ClosePeriod, CloseTransfer, Command, Count, CreateItem, CreateLocation, CreateLot,
    Departure, Fulfil, Holds, Portion, PosChange, PosDelta, Receive, ReceiveTransfer, Reclassify, Release, Reserve,
    Return, ReturnOrigin, SetReorderPoint, ShipTransfer,
};
pub use crate::domain::event::{Body, Event, EventKind, Recorded};
pub use crate::domain::ids::{CommandId, ItemId, LocationId, LotId, Position, Seq, Timestamp, TransferId};
pub use crate::domain::line::{Bucket, CountLine, Disposition, Line, Lines, ReturnLine};
pub use crate::domain::quantity::Quantity;
pub use crate::domain::rejection::Rejection;
pub use crate::domain::text::{ActorId, AliasText, ExternalId, OrderRef, ReasonCode, Source, Zone};
pub use crate::ledger::{Ledger, OpenError, Options, Outcome, Receipt, Repeat, SubmitError, Subscription};
pub use crate::log::{Hash, Head};
pub use crate::{audit, query};
