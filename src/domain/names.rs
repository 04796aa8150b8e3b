//! Names in use: by what items, locations and lots can be asked for today.

use super::command::{Alias, AliasKind, AliasTarget};
use super::ids::{ItemId, LocationId, LotId};
use super::state::State;
use super::text::AliasText;
use std::cell::OnceCell;
use std::collections::HashMap;

/// The names in use of items (SKUs), locations and lots: of several the one that a thing was last known by, or else the
/// least. Barcodes and vendors' numbers are none.
///
/// A name that was retired or merged away leads elsewhere or nowhere, so what it named goes by another one, or by its
/// number alone. Made for one answer: a thing whose name is gone costs one walk over all aliases, for all of them
/// together.
pub struct Names<'s> {
    state: &'s State,
    others: OnceCell<HashMap<AliasTarget, &'s AliasText>>,
}

impl<'s> Names<'s> {
    /// The names in a state.
    #[must_use]
    pub const fn of(state: &'s State) -> Self {
        Self { state, others: OnceCell::new() }
    }

    /// Those that things are known by, where they still lead there, and no others: never walks over all aliases. For
    /// refusals, which anybody can cause as often as they like.
    #[must_use]
    pub fn at_hand(state: &'s State) -> Self {
        Self { state, others: OnceCell::from(HashMap::new()) }
    }

    /// The state whose names they are.
    #[must_use]
    pub const fn state(&self) -> &'s State {
        self.state
    }

    /// The name of what an alias could name; none where it has none, or is not there.
    #[must_use]
    pub fn name(&self, target: AliasTarget) -> Option<&'s AliasText> {
        match target {
            AliasTarget::Item(item) => self.sku(item),
            AliasTarget::Location(location) => self.code(location),
            AliasTarget::Lot(lot) => self.lot_code(lot),
        }
    }

    /// The SKU of an item.
    #[must_use]
    pub fn sku(&self, item: ItemId) -> Option<&'s AliasText> {
        self.in_use(AliasKind::Sku, &self.state.item(item)?.sku, AliasTarget::Item(item))
    }

    /// The code of a location.
    #[must_use]
    pub fn code(&self, location: LocationId) -> Option<&'s AliasText> {
        let known = &self.state.location(location)?.code;
        self.in_use(AliasKind::Location, known, AliasTarget::Location(location))
    }

    /// The code of a lot.
    #[must_use]
    pub fn lot_code(&self, lot: LotId) -> Option<&'s AliasText> {
        let known = self.state.lot(lot)?;
        self.in_use(AliasKind::Lot(known.item), &known.code, AliasTarget::Lot(lot))
    }

    fn in_use(&self, kind: AliasKind, known_by: &'s AliasText, target: AliasTarget) -> Option<&'s AliasText> {
        match self.state.alias(&Alias { kind, text: known_by.clone() }) == Some(target) {
            true => Some(known_by),
            false => self.others.get_or_init(|| least_names(self.state)).get(&target).copied(),
        }
    }
}

fn least_names(state: &State) -> HashMap<AliasTarget, &AliasText> {
    let mut names: HashMap<AliasTarget, &AliasText> = HashMap::new();
    for (alias, target) in state.aliases() {
        if matches!(alias.kind, AliasKind::Sku | AliasKind::Location | AliasKind::Lot(_)) {
            let name = names.entry(*target).or_insert(&alias.text);
            *name = (*name).min(&alias.text);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::{
        AliasAdded, AliasMerged, AliasRetired, Body, Envelope, Event, ItemCreated, LocationCreated, LotCreated,
        UnitMark,
    };
    use crate::domain::evolve::evolve;
    use crate::domain::ids::Timestamp;
    use crate::domain::text::{ActorId, Zone};

    fn text(text: &str) -> AliasText {
        AliasText::new(text).unwrap()
    }

    fn sku(name: &str) -> Alias {
        Alias { kind: AliasKind::Sku, text: text(name) }
    }

    fn state_after(bodies: impl IntoIterator<Item = Body>) -> State {
        let mut state = State::default();
        for body in bodies {
            let envelope = Envelope {
                recorded_at: Timestamp(0),
                occurred_at: None,
                command_id: None,
                digest: [0; 16],
                actor: crate::domain::command::Actor::asserted(ActorId::new("anna").unwrap()),
                cause: None,
                reason: None,
                order: None,
                documents: Default::default(),
                private: None,
                unit: UnitMark::Ends,
                extensions: Default::default(),
            };
            evolve(&mut state, &Event { envelope, body });
        }
        state
    }

    #[test]
    fn a_thing_goes_by_a_name_that_leads_to_it() {
        let mug = AliasTarget::Item(ItemId(1));
        let item = |item, sku| Body::ItemCreated(ItemCreated { item: ItemId(item), sku: text(sku), decimals: 0 });
        let made = [
            item(1, "MUG"),
            item(2, "CUP"),
            Body::LocationCreated(LocationCreated {
                location: LocationId(1),
                code: text("SHOP"),
                zone: Zone::new("UTC").unwrap(),
            }),
            Body::LotCreated(LotCreated { lot: LotId(1), item: ItemId(1), code: text("L-1") }),
            Body::AliasAdded(AliasAdded { alias: Alias { kind: AliasKind::Barcode, text: text("4006") }, target: mug }),
            Body::AliasAdded(AliasAdded { alias: sku("MUG-9"), target: mug }),
            Body::AliasAdded(AliasAdded { alias: sku("MUG-2"), target: mug }),
        ];
        let names_after = |more: Vec<Body>| {
            let state = state_after(made.iter().cloned().chain(more));
            let names = Names::of(&state);
            let told = |target| names.name(target).map(ToString::to_string);
            let all = [
                mug,
                AliasTarget::Item(ItemId(2)),
                AliasTarget::Location(LocationId(1)),
                AliasTarget::Lot(LotId(1)),
                AliasTarget::Item(ItemId(3)),
            ];
            all.map(|target| told(target).unwrap_or_default())
        };
        let retired = |name: &str| Body::AliasRetired(AliasRetired { alias: sku(name) });
        assert_eq!(names_after(vec![]), ["MUG", "CUP", "SHOP", "L-1", ""]);
        let merged = Body::AliasMerged(AliasMerged { alias: sku("MUG"), into: AliasTarget::Item(ItemId(2)) });
        assert_eq!(names_after(vec![merged.clone()]), ["MUG-2", "CUP", "SHOP", "L-1", ""]);
        let gone = vec![merged, retired("MUG-2"), retired("MUG-9")];
        assert_eq!(names_after(gone), ["", "CUP", "SHOP", "L-1", ""]);
        let lot = Alias { kind: AliasKind::Lot(ItemId(1)), text: text("L-1") };
        let location = Alias { kind: AliasKind::Location, text: text("SHOP") };
        let gone =
            vec![Body::AliasRetired(AliasRetired { alias: lot }), Body::AliasRetired(AliasRetired { alias: location })];
        assert_eq!(names_after(gone), ["MUG", "CUP", "", "", ""]);
    }
}
