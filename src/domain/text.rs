//! Short texts that are part of the hashed history: each a type of its own, checked when made.

use crate::limits;
use compact_str::CompactString;
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;

/// Why a text can't be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextError {
    /// Which kind of text it should have been.
    pub what: &'static str,
    /// What is wrong with it.
    pub problem: TextProblem,
}

/// What is wrong with a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextProblem {
    /// It has no characters.
    Empty,
    /// It has more bytes than the kind allows.
    TooLong {
        /// Bytes that it has.
        bytes: usize,
        /// Bytes that it may have.
        bytes_max: usize,
    },
    /// A control character stands at this byte.
    Control {
        /// Where, in bytes from the start.
        at: usize,
    },
    /// White space stands at an end.
    OuterSpace,
    /// The time zone is not in the IANA database.
    UnknownZone,
    /// The currency is not three capital letters.
    NotACurrency,
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = self.what;
        match self.problem {
            TextProblem::Empty => write!(f, "{what} is empty"),
            TextProblem::TooLong { bytes, bytes_max } => {
                write!(f, "{what} has {bytes} bytes, at most {bytes_max} are allowed")
            }
            TextProblem::Control { at } => write!(f, "{what} has a control character at byte {at}"),
            TextProblem::OuterSpace => write!(f, "{what} begins or ends with white space"),
            TextProblem::UnknownZone => write!(f, "{what} is not in the IANA time zone database"),
            TextProblem::NotACurrency => write!(f, "{what} is not three capital letters (ISO 4217)"),
        }
    }
}

impl std::error::Error for TextError {}

/// Checks the rules that every short text follows: 1 to `bytes_max` bytes, no control characters, no outer white space.
pub(crate) fn problem_of(text: &str, bytes_max: usize) -> Option<TextProblem> {
    if text.is_empty() {
        return Some(TextProblem::Empty);
    }
    if text.len() > bytes_max {
        return Some(TextProblem::TooLong { bytes: text.len(), bytes_max });
    }
    // Nearly all texts are plain; this is on the path of every event that is read.
    if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    if let Some(at) = text.find(char::is_control) {
        return Some(TextProblem::Control { at });
    }
    (text.trim() != text).then_some(TextProblem::OuterSpace)
}

/// What a schema can say of a short text: it counts characters where the rule counts bytes, so it allows a little more.
#[cfg(feature = "schema")]
fn text_schema(what: &str, bytes_max: usize) -> schemars::Schema {
    const CONTROL: &str = r"\u0000-\u001f\u007f-\u009f";
    let inner = format!("[^{CONTROL}]");
    let outer = format!(r"[^\s{CONTROL}]");
    schemars::json_schema!({
        "type": "string",
        "description": format!("{what}: 1 to {bytes_max} bytes of UTF-8, no control characters, no white space at an end"),
        "minLength": 1,
        "maxLength": bytes_max,
        "pattern": format!("^{outer}({inner}*{outer})?$"),
    })
}

macro_rules! from_text {
    ($name:ident) => {
        impl std::str::FromStr for $name {
            type Err = TextError;

            fn from_str(text: &str) -> Result<Self, TextError> {
                Self::new(text)
            }
        }

        impl TryFrom<&str> for $name {
            type Error = TextError;

            fn try_from(text: &str) -> Result<Self, TextError> {
                Self::new(text)
            }
        }
    };
}

macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $what:literal, $max:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(CompactString);

        impl $name {
            /// What this kind of text is called in messages.
            pub const WHAT: &'static str = $what;
            /// The most bytes that it may have.
            pub const BYTES_MAX: usize = $max;

            /// Takes the text, compared byte for byte from now on.
            ///
            /// # Errors
            /// [`TextError`] when it is empty, too long, or has control characters or outer white space.
            pub fn new(text: &str) -> Result<Self, TextError> {
                match problem_of(text, Self::BYTES_MAX) {
                    Some(problem) => Err(TextError { what: Self::WHAT, problem }),
                    None => Ok(Self(CompactString::new(text))),
                }
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        from_text!($name);

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                text_schema($what, $max)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = CompactString::deserialize(deserializer)?;
                Self::new(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

text!(
    /// A name that people and machines use for an item, location or lot.
    AliasText,
    "alias",
    limits::ALIAS_BYTES_MAX
);
text!(
    /// An order (or till receipt) as the caller names it; must be a pseudonym.
    OrderRef,
    "order reference",
    limits::ORDER_BYTES_MAX
);
text!(
    /// Who acted, as an opaque pseudonym.
    ActorId,
    "actor id",
    limits::ACTOR_BYTES_MAX
);
text!(
    /// Why something was done, as a code of the caller's own list.
    ReasonCode,
    "reason code",
    limits::REASON_BYTES_MAX
);
text!(
    /// The till system that sent a delta.
    Source,
    "source",
    limits::SOURCE_BYTES_MAX
);
text!(
    /// The till system's own id of a delta, unique within its source.
    ExternalId,
    "external id",
    limits::EXTERNAL_ID_BYTES_MAX
);
text!(
    /// The kind of a document, such as `invoice` or `delivery-note`.
    DocumentKind,
    "document kind",
    limits::DOCUMENT_BYTES_MAX
);
text!(
    /// The number of a document.
    DocumentId,
    "document id",
    limits::DOCUMENT_BYTES_MAX
);
text!(
    /// The name of a unit that a quantity was entered in, such as `case of 12`.
    UnitName,
    "unit name",
    limits::UNIT_NAME_BYTES_MAX
);

/// A time zone of the IANA database, such as `Europe/London`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Zone(CompactString);

impl Zone {
    /// Takes the name of a time zone.
    ///
    /// # Errors
    /// [`TextError`] when the name is not in the IANA database that this build knows.
    pub fn new(name: &str) -> Result<Self, TextError> {
        let what = "time zone";
        if let Some(problem) = problem_of(name, limits::ZONE_BYTES_MAX) {
            return Err(TextError { what, problem });
        }
        match name.parse::<chrono_tz::Tz>() {
            Ok(_) => Ok(Self(CompactString::new(name))),
            Err(_) => Err(TextError { what, problem: TextProblem::UnknownZone }),
        }
    }

    /// Takes a name that the log holds, even where this build's database does not know it.
    pub(crate) fn from_log(name: &str) -> Result<Self, TextError> {
        match problem_of(name, limits::ZONE_BYTES_MAX) {
            Some(problem) => Err(TextError { what: "time zone", problem }),
            None => Ok(Self(CompactString::new(name))),
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Zone {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Zone".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        text_schema("name of an IANA time zone, such as Europe/London", limits::ZONE_BYTES_MAX)
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = CompactString::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

from_text!(Zone);
from_text!(Currency);

/// A currency: three capital letters (ISO 4217 form; the list itself is not checked).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// Takes a currency code.
    ///
    /// # Errors
    /// [`TextError`] when it is not three capital letters.
    pub fn new(code: &str) -> Result<Self, TextError> {
        match *code.as_bytes() {
            [a, b, c] if [a, b, c].iter().all(u8::is_ascii_uppercase) => Ok(Self([a, b, c])),
            _ => Err(TextError { what: "currency", problem: TextProblem::NotACurrency }),
        }
    }

    /// The three letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("???")
    }

    /// How many digits its minor unit stands behind the point: what ISO 4217 says of its currencies, 2 for all others.
    /// A stored cost is in minor units without their digits, so an entry never changes once it is released.
    #[must_use]
    pub const fn minor_digits(self) -> u8 {
        match &self.0 {
            b"BIF" | b"CLP" | b"DJF" | b"GNF" | b"ISK" | b"JPY" | b"KMF" | b"KRW" | b"PYG" | b"RWF" | b"UGX"
            | b"UYI" | b"VND" | b"VUV" | b"XAF" | b"XOF" | b"XPF" => 0,
            b"BHD" | b"IQD" | b"JOD" | b"KWD" | b"LYD" | b"OMR" | b"TND" => 3,
            b"CLF" | b"UYW" => 4,
            _ => 2,
        }
    }

    /// The three letters as bytes.
    #[must_use]
    pub const fn bytes(self) -> [u8; 3] {
        self.0
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Currency {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Currency".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "three capital letters, as of ISO 4217",
            "pattern": "^[A-Z]{3}$",
        })
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = CompactString::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}
