//! What a command got, as one JSON object: the same for a line of `apply` and for an act that was typed.

use super::failure::Failure;
use super::paint::Paint;
use counterfoil::api::{self, NamedError, NotFound};
use counterfoil::domain::ids::{CommandId, ItemId, LocationId, LotId, Seq};
use counterfoil::ledger::{Created, Outcome, Receipt, Repeat, SubmitError};
use counterfoil::{Ledger, Rejection};
use serde::Serialize;
use serde_json::Value;
use std::fmt::Write;

/// What a command got.
#[derive(Debug, Serialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Told {
    /// It stands in the log.
    Accepted {
        seq: Seq,
        hash: String,
        recorded_at: String,
        duplicate: bool,
        /// The id that it stands under; absent where a till's delta was known under another one.
        #[serde(skip_serializing_if = "Option::is_none")]
        command_id: Option<CommandId>,
        #[serde(skip_serializing_if = "Option::is_none")]
        item: Option<ItemId>,
        #[serde(skip_serializing_if = "Option::is_none")]
        location: Option<LocationId>,
        #[serde(skip_serializing_if = "Option::is_none")]
        lot: Option<LotId>,
    },
    /// It would be accepted, as this event; nothing was appended.
    WouldAccept { kind: &'static str, event: Value },
    /// The rules say no.
    Rejected { code: &'static str, number: u16, message: String, details: Value },
    /// It is not a command.
    Invalid {
        #[serde(skip_serializing_if = "String::is_empty")]
        path: String,
        message: String,
    },
    /// It was not appended, for a reason that lies with the ledger or the disk.
    Unable { message: String },
    /// Nobody knows; the same command with this id finds out.
    Unknown { command_id: CommandId, message: String },
}

impl Told {
    /// What the ledger said about a command that was sent under this id, which a caller `gave` or the tool made.
    pub fn of(ledger: &Ledger, outcome: Outcome, id: CommandId, gave: IdBy) -> Self {
        match outcome {
            Ok(receipt) => Self::accepted(&receipt, id, gave),
            Err(SubmitError::Rejected(rejection)) => Self::rejected(ledger, &rejection),
            Err(error @ SubmitError::OutcomeUnknown) => Self::Unknown { command_id: id, message: error.to_string() },
            Err(error) => Self::Unable { message: error.to_string() },
        }
    }

    fn accepted(receipt: &Receipt, id: CommandId, gave: IdBy) -> Self {
        let Receipt { seq, hash, recorded_at, repeat, created, .. } = receipt;
        let duplicate = *repeat == Repeat::Duplicate;
        let (mut item, mut location, mut lot) = (None, None, None);
        match created {
            Some(Created::Item(id)) => item = Some(*id),
            Some(Created::Location(id)) => location = Some(*id),
            Some(Created::Lot(id)) => lot = Some(*id),
            None => {}
        }
        Self::Accepted {
            seq: *seq,
            hash: hash.to_string(),
            recorded_at: recorded_at.to_string(),
            duplicate,
            command_id: (gave == IdBy::Caller || !duplicate).then_some(id),
            item,
            location,
            lot,
        }
    }

    /// A refusal, with names and units.
    pub fn rejected(ledger: &Ledger, rejection: &Rejection) -> Self {
        let told = |state: &_, _| (api::message(rejection, state), api::details(rejection, state));
        let (message, details) = ledger.query(told);
        Self::Rejected { code: rejection.code(), number: rejection.number(), message, details }
    }

    /// A command that can't be understood, or names what is not there.
    pub fn not_understood(error: NamedError) -> Self {
        match error {
            NamedError::Invalid(invalid) => Self::Invalid { path: invalid.path, message: invalid.problem },
            NamedError::NotFound(missing) => Self::not_found(&missing),
        }
    }

    fn not_found(missing: &NotFound) -> Self {
        let (code, number, details) = (missing.code(), missing.number(), missing.details());
        Self::Rejected { code, number, message: missing.to_string(), details }
    }

    /// What stands in the log by this answer, in full: whoever reads it may get to see nothing else.
    pub fn stands(&self) -> Option<String> {
        let Self::Accepted { seq, hash, duplicate, command_id, .. } = self else { return None };
        let under = command_id.map(|id| format!(", under the command id {id}")).unwrap_or_default();
        Some(match duplicate {
            false => format!("event {seq} is appended{under}; it has the hash {hash}"),
            true => format!("it is event {seq} already{under}, nothing was appended; that event has the hash {hash}"),
        })
    }

    /// The failure that it is for a single command, with what to do next.
    pub fn failure(&self) -> Result<(), Failure> {
        match self {
            Self::Accepted { .. } | Self::WouldAccept { .. } => Ok(()),
            Self::Rejected { code, message, .. } => Err(Failure::Refused(match next_step(code) {
                "" => format!("{code}: {message}"),
                step => format!("{code}: {message}\n  {step}"),
            })),
            Self::Invalid { path, message } if path.is_empty() => Err(Failure::Usage(message.clone())),
            Self::Invalid { path, message } => {
                let typed = path.strip_prefix("act.").unwrap_or(path);
                Err(Failure::Usage(format!("{typed}: {message}")))
            }
            Self::Unable { message } => Err(Failure::Unable(message.clone())),
            Self::Unknown { message, .. } => Err(Failure::Unknown(message.clone())),
        }
    }

    /// A receipt for people; what failed is said on standard error.
    pub fn text(&self, paint: Paint) -> String {
        if let Self::WouldAccept { kind, .. } = self {
            let kind = kind.replace('_', " ");
            return format!(
                "  {} it would be accepted and make an event `{kind}`; nothing was appended\n",
                paint.good("yes")
            );
        }
        let Self::Accepted { seq, hash, recorded_at, duplicate, command_id, item, location, lot } = self else {
            return String::new();
        };
        let verdict = match duplicate {
            true => format!("  {} it is event {seq} already, nothing was appended\n", paint.dim("known")),
            false => format!("  {} event {seq}\n", paint.good("done")),
        };
        let mut text = verdict;
        let mut row = |name: &str, value: &dyn std::fmt::Display| {
            let _ = writeln!(text, "  {name:<9} {value}");
        };
        row("recorded", recorded_at);
        row("hash", hash);
        if let Some(id) = command_id {
            row("id", id);
        }
        if let Some(id) = item {
            row("item", id);
        }
        if let Some(id) = location {
            row("location", id);
        }
        if let Some(id) = lot {
            row("lot", id);
        }
        text
    }
}

/// Who gave a command its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdBy {
    /// Whoever wrote the command.
    Caller,
    /// The tool, because the caller gave none.
    Tool,
}

/// What somebody can do about a refusal.
fn next_step(code: &str) -> &'static str {
    match code {
        "INSUFFICIENT_STOCK" => {
            "Take less, or look where there is more: counterfoil stock; who holds it: counterfoil holders SKU"
        }
        "PRODUCT_NOT_FOUND" => "Known items: counterfoil item list; make one: counterfoil item add SKU",
        "LOCATION_NOT_FOUND" => "Known locations: counterfoil location list; make one: counterfoil location add CODE",
        "LOT_NOT_FOUND" => "Known lots: counterfoil lot list; make one: counterfoil lot add SKU CODE",
        "ALIAS_NOT_FOUND" => "Names in use: counterfoil alias list --item SKU (or --location CODE)",
        "ALERT_NOT_FOUND" | "ALERT_CLOSED" => "Open alerts: counterfoil alerts",
        "TRANSFER_NOT_FOUND" => "Transfers under way: counterfoil transfer list",
        "CAUSE_NOT_FOUND" => "The newest event: counterfoil head",
        "ALREADY_EXISTS" => "Take another text, or let this name stand for another thing: counterfoil alias merge",
        "COMMAND_ID_REUSED" => "An id stands for one command for ever: leave --id out, or look: counterfoil events",
        "VERSION_CONFLICT" => "Look again (counterfoil stock --format json has the version) and decide anew",
        "PRODUCT_UNAVAILABLE" => "To allow promises again: counterfoil item status SKU active",
        "LOCATION_UNAVAILABLE" => "To use it again: counterfoil location status CODE active",
        "LOT_UNAVAILABLE" => "To use it again: counterfoil lot status SKU CODE active",
        "NO_RESERVATION" => "A hold may have lapsed or been closed. Open ones: counterfoil reservations",
        "QUANTITY_MISMATCH" => "What is open: counterfoil reservations show ID; goods that left anyway: --already-left",
        "RETURN_EXCEEDS_SHIPPED" => "To take the surplus as an unreferenced return: --excess unreferenced",
        "PERIOD_CLOSED" => "Closed periods: counterfoil periods; a count belongs into the one that is open now",
        "OCCURRED_IN_FUTURE" => "Check --occurred-at and its time zone",
        "DECIMALS_FIXED" => "Make a new item, and give it the name: counterfoil alias merge",
        _ => "",
    }
}
