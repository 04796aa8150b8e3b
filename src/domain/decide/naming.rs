//! The names that a command brings into the ledger: people must be able to see them, and to tell them apart.
//!
//! What is stored once stays readable, and whatever has a name can still be asked for, renamed and retired by it. So a
//! text is no less a text for this; it is only not taken as a new name. A command that is known already is answered
//! before this is asked.

use super::Lowest;
use crate::domain::command::{Cause, Command, Document};
use crate::domain::fields::Field;
use crate::domain::invisible::problem_of_name;
use crate::domain::rejection::Rejection;

/// Judges the names that a command brings with it.
pub(super) fn judge(command: &Command) -> Result<(), Rejection> {
    let mut lowest = Lowest::default();
    let mut name = |field, text: &str| lowest.judge(named(field, text));
    let mut is_about_an_earlier_order = false;
    command.act.payload().fields(&mut |_, said| match said {
        Field::NewName(field, text) => name(field, text),
        Field::NewAlias(alias) => name("alias", alias.text.as_str()),
        // What stands in the log already.
        Field::Alias(_) | Field::Target(_) | Field::Position(_) => {}
        // The order was named when goods left on it, or were held for it.
        Field::Reservation(_) | Field::Holds(_) | Field::ReturnLines(_) => is_about_an_earlier_order = true,
        Field::Integer(_) | Field::Id(_) | Field::Text(_) | Field::Deadline(_) => {}
        Field::Lines(_) | Field::PortionLines(_) | Field::CountLines(_) => {}
    });
    if let Some(order) = command.order.as_ref().filter(|_| !is_about_an_earlier_order) {
        name("order", order.as_str());
    }
    name("actor", command.actor.id.as_str());
    if let Some(reason) = &command.reason {
        name("reason", reason.as_str());
    }
    let cause = command.cause.iter().filter_map(|cause| match cause {
        Cause::Document(document) => Some(document),
        Cause::Event(_) => None,
    });
    for Document { kind, id } in command.documents.iter().chain(cause) {
        name("document", kind.as_str());
        name("document", id.as_str());
    }
    lowest.done()
}

fn named(field: &'static str, text: &str) -> Result<(), Rejection> {
    match problem_of_name(text) {
        None => Ok(()),
        Some(problem) => Err(Rejection::InvalidField { field, problem }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::command::{
        Act, Actor, AddAlias, Alias, AliasKind, AliasTarget, Count, CreateItem, CreateLocation, CreateLot, MergeAlias,
        PosChange, PosDelta, RenameAlias, RetireAlias, Return, ReturnOrigin,
    };
    use crate::domain::ids::ItemId;
    use crate::domain::text::{
        ActorId, AliasText, DocumentId, DocumentKind, ExternalId, OrderRef, ReasonCode, Source, Zone,
    };

    const BAD: &str = "MUG\u{202e}";

    fn ann(act: Act) -> Command {
        Command::new(Actor::asserted(ActorId::new("ann").unwrap()), act)
    }

    fn bad() -> AliasText {
        AliasText::new(BAD).unwrap()
    }

    #[track_caller]
    fn refused(field: &str, command: &Command) {
        match judge(command) {
            Err(Rejection::InvalidField { field: found, problem }) => {
                assert_eq!(found, field);
                assert!(problem.contains("U+202E"), "{problem}");
            }
            other => panic!("{field}: {other:?}"),
        }
    }

    #[test]
    fn every_new_name_is_judged() {
        let zone = Zone::new("UTC").unwrap();
        let good = AliasText::new("MUG").unwrap();
        let (item, sku) = (AliasTarget::Item(ItemId(1)), AliasKind::Sku);
        let count = || Act::Count(Count { lines: Default::default() });
        refused("sku", &ann(Act::CreateItem(CreateItem { sku: bad(), decimals: 0 })));
        refused("code", &ann(Act::CreateLocation(CreateLocation { code: bad(), zone })));
        refused("code", &ann(Act::CreateLot(CreateLot { item: ItemId(1), code: bad() })));
        refused(
            "alias",
            &ann(Act::AddAlias(AddAlias { alias: Alias { kind: AliasKind::Vendor, text: bad() }, target: item })),
        );
        refused("to", &ann(Act::RenameAlias(RenameAlias { alias: Alias { kind: sku, text: good }, to: bad() })));
        let till = |source: &str, id: &str| {
            let (source, external_id) = (Source::new(source).unwrap(), ExternalId::new(id).unwrap());
            ann(Act::PosDelta(PosDelta { source, external_id, delta: PosChange::Sale { lines: Default::default() } }))
        };
        refused("source", &till(BAD, "1"));
        refused("external_id", &till("till", BAD));
        refused("order", &ann(count()).for_order(OrderRef::new(BAD).unwrap()));
        refused("reason", &ann(count()).because(ReasonCode::new(BAD).unwrap()));
        refused("actor", &Command::new(Actor::asserted(ActorId::new(BAD).unwrap()), count()));
        let document = |kind: &str, id: &str| Document {
            kind: DocumentKind::new(kind).unwrap(),
            id: DocumentId::new(id).unwrap(),
        };
        for document in [document("invoice", BAD), document(BAD, "7")] {
            let cause = Some(Cause::Document(document.clone()));
            refused("document", &Command { documents: [document].into_iter().collect(), ..ann(count()) });
            refused("document", &Command { cause, ..ann(count()) });
        }
    }

    #[test]
    fn what_stands_in_the_log_can_still_be_named() {
        let alias = Alias { kind: AliasKind::Sku, text: bad() };
        let to = AliasText::new("MUG").unwrap();
        assert_eq!(judge(&ann(Act::RetireAlias(RetireAlias { alias: alias.clone() }))), Ok(()));
        assert_eq!(judge(&ann(Act::RenameAlias(RenameAlias { alias: alias.clone(), to }))), Ok(()));
        assert_eq!(judge(&ann(Act::MergeAlias(MergeAlias { alias, into: AliasTarget::Item(ItemId(1)) }))), Ok(()));
        let back =
            Act::Return(Return { origin: ReturnOrigin::Order, excess: Default::default(), lines: Default::default() });
        assert_eq!(judge(&ann(back).for_order(OrderRef::new(BAD).unwrap())), Ok(()));
    }
}
