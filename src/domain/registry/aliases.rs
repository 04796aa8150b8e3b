//! Aliases: the texts that things are known by.

use super::{free, product};
use crate::domain::command::{Alias, AliasKind, AliasTarget, Command};
use crate::domain::decide::{Deciding, Form};
use crate::domain::event::Body;
use crate::domain::evolve::Evolving;
use crate::domain::fields::{Field, Subject};
use crate::domain::ids::{ItemId, LotId};
use crate::domain::kinds::{CommandPayload, EventPayload, Nature, moves_nothing, needs_nothing};
use crate::domain::rejection::Rejection;
use crate::domain::state::State;
use crate::domain::text::AliasText;
use serde::{Deserialize, Serialize};

/// Instruction: give a thing one more alias.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AddAlias {
    /// The alias.
    pub alias: Alias,
    /// What it names.
    pub target: AliasTarget,
}

impl CommandPayload for AddAlias {
    needs_nothing!();

    fn nature(&self) -> Nature {
        Nature::Instruction
    }

    fn fields(&self, each: &mut dyn FnMut(u8, Field<'_>)) {
        each(2, Field::NewAlias(&self.alias));
        each(3, Field::Target(self.target));
    }

    fn validate(&self, _: &Command, form: &mut Form) {
        form.pairing(&self.alias, self.target);
    }

    fn decide(&self, at: &mut Deciding<'_>) -> Result<Body, Rejection> {
        target_exists(at.state, &self.alias, self.target)?;
        free(at.state, self.alias.kind, &self.alias.text)?;
        Ok(AliasAdded { alias: self.alias.clone(), target: self.target }.into())
    }
}

/// An alias was added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AliasAdded {
    /// The alias.
    pub alias: Alias,
    /// What it names.
    pub target: AliasTarget,
}

impl EventPayload for AliasAdded {
    moves_nothing!();

    fn evolve(&self, at: &mut Evolving<'_>) {
        at.state.aliases.insert(self.alias.clone(), self.target);
    }

    fn subjects(&self, _: &State, about: &mut dyn FnMut(Subject)) {
        about(Subject::Target(self.target));
    }
}

/// Instruction: change the text of an alias.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RenameAlias {
    /// The alias.
    pub alias: Alias,
    /// Its new text.
    pub to: AliasText,
}

impl CommandPayload for RenameAlias {
    needs_nothing!();

    fn nature(&self) -> Nature {
        Nature::Instruction
    }

    fn fields(&self, each: &mut dyn FnMut(u8, Field<'_>)) {
        each(2, Field::Alias(&self.alias));
        each(3, Field::NewName("to", self.to.as_str()));
    }

    fn validate(&self, _: &Command, _: &mut Form) {}

    fn decide(&self, at: &mut Deciding<'_>) -> Result<Body, Rejection> {
        in_use(at.state, &self.alias)?;
        if self.alias.text == self.to {
            return Err(Rejection::NoChange { what: "the alias has this text" });
        }
        free(at.state, self.alias.kind, &self.to)?;
        Ok(AliasRenamed { alias: self.alias.clone(), to: self.to.clone() }.into())
    }
}

/// An alias got another text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AliasRenamed {
    /// The alias as it was.
    pub alias: Alias,
    /// Its new text.
    pub to: AliasText,
}

impl EventPayload for AliasRenamed {
    moves_nothing!();

    fn evolve(&self, at: &mut Evolving<'_>) {
        if let Some(target) = at.state.aliases.remove(&self.alias) {
            at.name(self.alias.kind, &self.to, target);
            self.rename_entity(at.state, target);
        }
    }

    fn subjects(&self, state: &State, about: &mut dyn FnMut(Subject)) {
        state.alias(&self.alias).map(Subject::Target).into_iter().for_each(about);
    }
}

impl AliasRenamed {
    /// If the alias is the entity's primary name, updates the primary name too.
    fn rename_entity(&self, state: &mut State, target: AliasTarget) {
        let known_by = match (self.alias.kind, target) {
            (AliasKind::Sku, AliasTarget::Item(item)) => state.items.edit(&item).map(|item| &mut item.sku),
            (AliasKind::Location, AliasTarget::Location(id)) => state.locations.edit(&id).map(|known| &mut known.code),
            (AliasKind::Lot(_), AliasTarget::Lot(lot)) => state.lots.edit(&lot).map(|lot| &mut lot.code),
            _ => None,
        };
        if let Some(text) = known_by.filter(|text| **text == self.alias.text) {
            *text = self.to.clone();
        }
    }
}

/// Instruction: let an alias name another thing from now on; the thing it named keeps its history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MergeAlias {
    /// The alias.
    pub alias: Alias,
    /// What it names from now on.
    pub into: AliasTarget,
}

impl CommandPayload for MergeAlias {
    needs_nothing!();

    fn nature(&self) -> Nature {
        Nature::Instruction
    }

    fn fields(&self, each: &mut dyn FnMut(u8, Field<'_>)) {
        each(2, Field::Alias(&self.alias));
        each(3, Field::Target(self.into));
    }

    fn validate(&self, _: &Command, form: &mut Form) {
        form.pairing(&self.alias, self.into);
    }

    fn decide(&self, at: &mut Deciding<'_>) -> Result<Body, Rejection> {
        target_exists(at.state, &self.alias, self.into)?;
        match in_use(at.state, &self.alias)? == self.into {
            true => Err(Rejection::NoChange { what: "the alias names this" }),
            false => Ok(AliasMerged { alias: self.alias.clone(), into: self.into }.into()),
        }
    }
}

/// An alias names another thing from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AliasMerged {
    /// The alias.
    pub alias: Alias,
    /// What it names from now on.
    pub into: AliasTarget,
}

impl EventPayload for AliasMerged {
    moves_nothing!();

    fn evolve(&self, at: &mut Evolving<'_>) {
        at.state.aliases.insert(self.alias.clone(), self.into);
    }

    fn subjects(&self, state: &State, about: &mut dyn FnMut(Subject)) {
        state.alias(&self.alias).map(Subject::Target).into_iter().for_each(&mut *about);
        about(Subject::Target(self.into));
    }
}

/// Instruction: take an alias out of use; its text is free again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RetireAlias {
    /// The alias.
    pub alias: Alias,
}

impl CommandPayload for RetireAlias {
    needs_nothing!();

    fn nature(&self) -> Nature {
        Nature::Instruction
    }

    fn fields(&self, each: &mut dyn FnMut(u8, Field<'_>)) {
        each(2, Field::Alias(&self.alias));
    }

    fn validate(&self, _: &Command, _: &mut Form) {}

    fn decide(&self, at: &mut Deciding<'_>) -> Result<Body, Rejection> {
        in_use(at.state, &self.alias).map(|_| AliasRetired { alias: self.alias.clone() }.into())
    }
}

/// An alias went out of use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AliasRetired {
    /// The alias.
    pub alias: Alias,
}

impl EventPayload for AliasRetired {
    moves_nothing!();

    fn evolve(&self, at: &mut Evolving<'_>) {
        at.state.aliases.remove(&self.alias);
    }

    fn subjects(&self, state: &State, about: &mut dyn FnMut(Subject)) {
        state.alias(&self.alias).map(Subject::Target).into_iter().for_each(about);
    }
}

fn in_use(state: &State, alias: &Alias) -> Result<AliasTarget, Rejection> {
    state.alias(alias).ok_or_else(|| Rejection::AliasNotFound { alias: alias.text.to_string() })
}

fn target_exists(state: &State, alias: &Alias, target: AliasTarget) -> Result<(), Rejection> {
    match target {
        AliasTarget::Item(item) => product(state, item).map(|_| ()),
        AliasTarget::Location(location) => match state.location(location) {
            Some(_) => Ok(()),
            None => Err(Rejection::LocationNotFound { location }),
        },
        AliasTarget::Lot(lot) => {
            if let AliasKind::Lot(item) = alias.kind {
                product(state, item)?;
            }
            lot_of(state, lot, alias.kind)
        }
    }
}

/// A lot's alias lives in the name space of the lot's own item.
fn lot_of(state: &State, lot: LotId, kind: AliasKind) -> Result<(), Rejection> {
    let item = match kind {
        AliasKind::Lot(item) => item,
        AliasKind::Sku | AliasKind::Barcode | AliasKind::Vendor | AliasKind::Location => ItemId(0),
    };
    match state.lot(lot) {
        Some(known) if known.item == item => Ok(()),
        _ => Err(Rejection::LotNotFound { lot, item }),
    }
}
