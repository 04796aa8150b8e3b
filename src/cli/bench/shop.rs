//! The commands of every workload: reserve and fulfil by turns over 4,000 items. The same in every run.

use super::BenchError;
use counterfoil::domain::command::{
    Act, Actor, Command, CreateItem, CreateLocation, Departure, Fulfil, Holds, Portion, Receive, Reserve,
};
use counterfoil::domain::ids::{CommandId, ItemId, LocationId, Position, Timestamp};
use counterfoil::domain::line::Line;
use counterfoil::domain::quantity::Quantity;
use counterfoil::domain::text::{ActorId, AliasText, OrderRef, TextError, Zone};
use counterfoil::ledger::Ledger;
use smallvec::smallvec;

/// Items, each with as much stock as a run can ask for.
pub(super) const ITEMS: u32 = 4_000;
const STOCK: Quantity = Quantity(1_000_000_000);
const LOCATION: LocationId = LocationId(1);

/// Makes commands; each stream of them has ids of its own.
#[derive(Clone)]
pub(super) struct Shop {
    actor: Actor,
    stream: u64,
}

impl Shop {
    /// # Errors
    /// None in truth: its actor's name has a good form.
    pub(super) fn new(stream: u64) -> Result<Self, BenchError> {
        Ok(Self { actor: Actor::asserted(ActorId::new("till-1").map_err(wrong)?), stream })
    }

    pub(super) fn id(&self, n: u64) -> CommandId {
        id(self.stream, n)
    }

    /// The n-th command: a reservation where n is even, its fulfilment behind it.
    pub(super) fn nth(&self, n: u64) -> Result<Command, BenchError> {
        match n % 2 {
            0 => self.reserve(n, None),
            _ => {
                let holds = Holds::Reservation(self.id(n - 1));
                let act = Act::Fulfil(Fulfil { holds, portion: Portion::Whole, departure: Departure::Now });
                Ok(self.command(act, n))
            }
        }
    }

    /// The n-th command as a reservation that lapses.
    pub(super) fn lapsing(&self, n: u64, deadline: Timestamp) -> Result<Command, BenchError> {
        self.reserve(n, Some(deadline))
    }

    fn reserve(&self, n: u64, deadline: Option<Timestamp>) -> Result<Command, BenchError> {
        let lines = smallvec![Line::new(position(item(n)), Quantity(1))];
        let order = OrderRef::new(&format!("o{n}")).map_err(wrong)?;
        Ok(self.command(Act::Reserve(Reserve { deadline, lines }), n).for_order(order))
    }

    fn command(&self, act: Act, n: u64) -> Command {
        Command::new(self.actor.clone(), act).with_id(self.id(n))
    }

    /// A location, the items and their stock.
    pub(super) async fn stock_up(&self, ledger: &Ledger) -> Result<(), BenchError> {
        let code = AliasText::new("S1").map_err(wrong)?;
        let zone = Zone::new("Europe/London").map_err(wrong)?;
        let mut commands = vec![Command::new(self.actor.clone(), Act::CreateLocation(CreateLocation { code, zone }))];
        for n in 1..=ITEMS {
            let sku = AliasText::new(&format!("SKU-{n}")).map_err(wrong)?;
            commands.push(Command::new(self.actor.clone(), Act::CreateItem(CreateItem { sku, decimals: 0 })));
            let lines = smallvec![Line::new(position(ItemId(n)), STOCK)];
            commands.push(Command::new(self.actor.clone(), Act::Receive(Receive { lines })));
        }
        submit_all(ledger, commands).await
    }
}

/// Submits a batch; the first command that is not accepted is the error.
pub(super) async fn submit_all(ledger: &Ledger, commands: Vec<Command>) -> Result<(), BenchError> {
    for outcome in ledger.submit_batch(commands).await? {
        outcome?;
    }
    Ok(())
}

fn wrong(error: TextError) -> BenchError {
    BenchError::Wrong(format!("a name that is made here has no good form ({error})"))
}

/// The item of a command and of the one behind it: all over the catalogue.
pub(super) fn item(n: u64) -> ItemId {
    ItemId(1 + (n / 2 * 2_654_435_761 % u64::from(ITEMS)) as u32)
}

pub(super) const fn position(item: ItemId) -> Position {
    Position::new(item, LOCATION)
}

/// An id spread like a random one, for each stream and number another.
pub(super) fn id(stream: u64, n: u64) -> CommandId {
    let high = mix(stream << 48 ^ n);
    CommandId::from_bytes(((u128::from(high) << 64) | u128::from(mix(high))).to_be_bytes())
}

/// SplitMix64's last step: every number becomes another one.
const fn mix(n: u64) -> u64 {
    let n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}
