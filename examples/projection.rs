//! A projection of one's own: units sold per item, kept up with the ledger. `cargo run --example projection`

use counterfoil::domain::account::{Account, Place, for_each_posting};
use counterfoil::domain::command::{CreateItem, CreateLocation, PosDelta};
use counterfoil::domain::event::Event;
use counterfoil::projection::{Projection, ProjectionError};
use counterfoil::{
    Act, Actor, ActorId, AliasText, Command, ExternalId, ItemId, Ledger, Line, LocationId, Options, Position, Quantity,
    Seq, Source, Zone,
};
use std::{collections::BTreeMap, time::Duration};

/// Units that customers have of each item.
#[derive(Default)]
struct Sold(BTreeMap<u32, i64>);

impl Projection for Sold {
    fn name(&self) -> &str {
        "sold"
    }
    fn version(&self) -> u32 {
        1 // another number when `apply` changes: it is then built anew
    }
    fn apply(&mut self, _: Seq, event: &Event) -> Result<(), ProjectionError> {
        for_each_posting(event, |posting| {
            let sold = i64::from(posting.to == Place::Account(Account::Customer));
            let back = i64::from(posting.from == Place::Account(Account::Customer));
            *self.0.entry(posting.item.0).or_default() += posting.quantity * (sold - back);
        });
        Ok(())
    }
    fn save(&self) -> Result<Vec<u8>, ProjectionError> {
        Ok(serde_json::to_vec(&self.0)?)
    }
    fn load(&mut self, bytes: &[u8]) -> Result<(), ProjectionError> {
        self.0 = serde_json::from_slice(bytes)?;
        Ok(())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let ledger = Ledger::create(dir.path().join("shop"), Options::default())?;
    let sold = ledger.project(Sold::default)?;
    let till = Actor::asserted(ActorId::new("till-1")?);
    let (sku, code, zone) = (AliasText::new("TEA-50")?, AliasText::new("SHOP")?, Zone::new("Europe/London")?);
    ledger.submit(Command::new(till.clone(), Act::CreateItem(CreateItem { sku, decimals: 0 }))).await?;
    ledger.submit(Command::new(till.clone(), Act::CreateLocation(CreateLocation { code, zone }))).await?;
    for number in 1..=3 {
        let line = Line::new(Position::new(ItemId(1), LocationId(1)), Quantity(number));
        let delta = counterfoil::domain::command::PosChange::Sale { lines: [line].into() };
        let (source, external_id) = (Source::new("till-1")?, ExternalId::new(&number.to_string())?);
        ledger.submit(Command::new(till.clone(), Act::PosDelta(PosDelta { source, external_id, delta }))).await?;
    }
    assert!(sold.wait_for(ledger.head().next_seq, Duration::from_secs(10)));
    println!("{:?}", sold.read(|sold| sold.0.clone()));
    Ok(())
}
