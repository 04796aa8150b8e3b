//! What one value looks like in JSON, and what is made of it: the reader and the schema come from the same declaration.

use super::error::Invalid;
use super::fields::{Field, Fields};
use super::lookup::Names;
use crate::domain::command::{Act, Departure, Established, Excess, ItemStatus, ReturnOrigin, UseStatus};
use crate::domain::ids::{AlertId, CommandId, TransferId};
use crate::domain::line::{Bucket, Disposition};
use crate::domain::period::Until;
use crate::domain::text::{
    ActorId, AliasText, Currency, DocumentId, DocumentKind, ExternalId, OrderRef, ReasonCode, Source, UnitName, Zone,
};
#[cfg(feature = "schema")]
use schemars::{Schema, SchemaGenerator};
use serde::Deserialize;
use serde::de::value::StrDeserializer;
use smallvec::SmallVec;
use std::fmt;
use uuid::Uuid;

/// A form of JSON. With the feature `schema` every one is a `JsonSchema` too.
pub(super) trait Form {
    /// What is made of it.
    type Value;

    /// Reads one value.
    fn read(field: &Field<'_>, names: &Names<'_>) -> Result<Self::Value, Invalid>;

    /// Reads a field of an object; it must be there unless the form is an `Option`.
    fn of(fields: &Fields<'_>, name: &'static str, names: &Names<'_>) -> Result<Self::Value, Invalid> {
        Self::read(&fields.need(name)?, names)
    }
}

/// One kind of act.
pub(super) trait Kind {
    /// Reads the fields beside `kind`.
    fn act(fields: &Fields<'_>, names: &Names<'_>) -> Result<Act, Invalid>;

    /// The objects that it can be written as, without `kind`.
    #[cfg(feature = "schema")]
    fn shapes(generator: &mut SchemaGenerator) -> Vec<Schema>;
}

impl<T: Form> Form for Option<T> {
    type Value = Option<T::Value>;

    fn read(field: &Field<'_>, names: &Names<'_>) -> Result<Self::Value, Invalid> {
        T::read(field, names).map(Some)
    }

    fn of(fields: &Fields<'_>, name: &'static str, names: &Names<'_>) -> Result<Self::Value, Invalid> {
        fields.get(name).map(|field| T::read(&field, names)).transpose()
    }
}

impl<T: Form> Form for Vec<T> {
    type Value = SmallVec<[T::Value; 1]>;

    fn read(field: &Field<'_>, names: &Names<'_>) -> Result<Self::Value, Invalid> {
        field.list()?.map(|member| T::read(&member, names)).collect()
    }
}

/// An object: its fields with their forms, and what is made of them.
macro_rules! object {
    ($(#[$doc:meta])* $name:ident -> $value:ty {
        $($(#[$field_doc:meta])* $field:ident: $form:ty,)*
    } => $made:expr) => {
        $(#[$doc])*
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
        #[allow(dead_code, reason = "it is the form; reading makes something else of it")]
        pub(super) struct $name {
            $($(#[$field_doc])* $field: $form,)*
        }

        impl $crate::api::command::form::Form for $name {
            type Value = $value;

            fn read(
                field: &$crate::api::command::fields::Field<'_>,
                names: &$crate::api::command::lookup::Names<'_>,
            ) -> Result<Self::Value, $crate::api::command::error::Invalid> {
                field.object(|fields| {
                    $(let $field = <$form as $crate::api::command::form::Form>::of(fields, stringify!($field), names)?;)*
                    Ok($made)
                })
            }
        }
    };
}
pub(super) use object;

/// A kind of act: its fields beside `kind` with their forms, and the act that is made of them.
macro_rules! kind {
    ($(#[$doc:meta])* $name:ident {
        $($(#[$field_doc:meta])* $field:ident: $form:ty,)*
    } => $made:expr) => {
        $(#[$doc])*
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
        #[allow(dead_code, reason = "it is the form; reading makes an act of it")]
        pub(super) struct $name {
            $($(#[$field_doc])* $field: $form,)*
        }

        impl $crate::api::command::form::Kind for $name {
            fn act(
                fields: &$crate::api::command::fields::Fields<'_>,
                names: &$crate::api::command::lookup::Names<'_>,
            ) -> Result<$crate::domain::command::Act, $crate::api::command::error::Invalid> {
                $(let $field = <$form as $crate::api::command::form::Form>::of(fields, stringify!($field), names)?;)*
                Ok($made.into())
            }

            #[cfg(feature = "schema")]
            fn shapes(generator: &mut schemars::SchemaGenerator) -> Vec<schemars::Schema> {
                vec![<Self as schemars::JsonSchema>::json_schema(generator)]
            }
        }
    };
}
pub(super) use kind;

/// An object with exactly one of a few fields.
macro_rules! one_of {
    ($(#[$doc:meta])* $name:ident -> $value:ty, $wanted:literal {
        $($(#[$field_doc:meta])* $field:ident: $variant:ident($form:ty) => $made:expr,)*
    }) => {
        $(#[$doc])*
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename_all = "snake_case"))]
        #[allow(dead_code, reason = "it is the form; reading makes something else of it")]
        pub(super) enum $name {
            $($(#[$field_doc])* $variant($form),)*
        }

        impl $crate::api::command::form::Form for $name {
            type Value = $value;

            fn read(
                field: &$crate::api::command::fields::Field<'_>,
                names: &$crate::api::command::lookup::Names<'_>,
            ) -> Result<Self::Value, $crate::api::command::error::Invalid> {
                field.object(|fields| {
                    let given = [$(stringify!($field)),*].into_iter().filter(|name| fields.has(name)).count();
                    $(match fields.get(stringify!($field)) {
                        Some(field) if given == 1 => {
                            return <$form as $crate::api::command::form::Form>::read(&field, names).map($made);
                        }
                        Some(_) | None => {}
                    })*
                    Err(fields.path.invalid($wanted))
                })
            }
        }
    };
}
pub(super) use one_of;

/// Texts that their type makes and judges.
macro_rules! made_of_text {
    ($($text:ty = $make:expr;)*) => {
        $(impl Form for $text {
            type Value = Self;

            fn read(field: &Field<'_>, _: &Names<'_>) -> Result<Self, Invalid> {
                field.made($make)
            }
        })*
    };
}

made_of_text! {
    ActorId = Self::new;
    AliasText = Self::new;
    Currency = Self::new;
    DocumentId = Self::new;
    DocumentKind = Self::new;
    ExternalId = Self::new;
    OrderRef = Self::new;
    ReasonCode = Self::new;
    Source = Self::new;
    UnitName = Self::new;
    Until = str::parse::<Self>;
    Zone = zone;
    String = |text| Ok::<_, std::convert::Infallible>(text.to_owned());
    CommandId = |text| uuid(text).map(Self);
    TransferId = |text| uuid(text).map(Self);
    AlertId = |text| uuid(text).map(Self);
}

fn zone(name: &str) -> Result<Zone, String> {
    Zone::new(name)
        .map_err(|error| format!("{name:?}: {error}; want a name such as Europe/London or UTC, case matters"))
}

fn uuid(text: &str) -> Result<Uuid, String> {
    Uuid::try_parse(text)
        .map_err(|error| format!("{error}; an id is a uuid, such as 018f2b6e-7c1a-7d3e-9a4b-0123456789ab"))
}

/// Words that serde knows: one of the variants of an enum.
macro_rules! words {
    ($($word:ty),* $(,)?) => {
        $(impl $crate::api::command::form::Form for $word {
            type Value = Self;

            fn read(
                field: &$crate::api::command::fields::Field<'_>,
                _: &$crate::api::command::lookup::Names<'_>,
            ) -> Result<Self, $crate::api::command::error::Invalid> {
                $crate::api::command::form::word(field)
            }
        })*
    };
}
pub(super) use words;

words!(Bucket, Departure, Disposition, Established, Excess, ItemStatus, ReturnOrigin, UseStatus);

/// One of the words that an enum knows.
pub(super) fn word<'p, T: Deserialize<'p>>(field: &Field<'p>) -> Result<T, Invalid> {
    T::deserialize(StrDeserializer::<WordError>::new(field.text()?)).map_err(|error| match error {
        WordError::Unknown(words) => field.unknown_word(words.iter().copied()),
        WordError::Other(problem) => field.path.invalid(problem),
    })
}

/// Why a text is not one of the words that were expected.
#[derive(Debug)]
enum WordError {
    /// It is none of these.
    Unknown(&'static [&'static str]),
    Other(String),
}

impl fmt::Display for WordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(words) => write!(f, "none of {}", words.join(", ")),
            Self::Other(problem) => f.write_str(problem),
        }
    }
}

impl std::error::Error for WordError {}

impl serde::de::Error for WordError {
    fn custom<T: fmt::Display>(problem: T) -> Self {
        Self::Other(problem.to_string())
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::Unknown(expected)
    }
}

/// Decimal places of an item's quantities.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(dead_code, reason = "it is the form; reading makes a number of it")]
pub(super) struct Decimals(#[cfg_attr(feature = "schema", schemars(range(max = 6)))] u8);

impl Form for Decimals {
    type Value = u8;

    fn read(field: &Field<'_>, _: &Names<'_>) -> Result<u8, Invalid> {
        field.whole("decimals")
    }
}
