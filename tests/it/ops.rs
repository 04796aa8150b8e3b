//! What operators and auditors do: heads kept elsewhere, verification, replay, snapshots, salvage, schemas.

mod damage;
mod heads;
mod hostile;
mod process;
mod schema;

use counterfoil::domain::command::{Act, Actor, Command, CreateItem, CreateLocation, Receive};
use counterfoil::domain::ids::{ItemId, LocationId, Position};
use counterfoil::domain::line::Line;
use counterfoil::domain::quantity::Quantity;
use counterfoil::domain::text::{ActorId, AliasText, Zone};
use counterfoil::ledger::{Ledger, Options, Receipt};
use serde_json::Value;
use std::path::Path;
use std::process::Output;

/// Runs the tool to its end.
pub fn counterfoil(arguments: &[&str]) -> Output {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_counterfoil"));
    command.env_remove("COUNTERFOIL_LEDGER").env_remove("COUNTERFOIL_HEADS").env("NO_COLOR", "1");
    command.args(arguments).output().unwrap()
}

#[track_caller]
pub fn succeeds(arguments: &[&str]) -> String {
    let output = counterfoil(arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// What it says on standard output and on standard error.
#[track_caller]
pub fn fails(code: i32, arguments: &[&str]) -> (String, String) {
    let output = counterfoil(arguments);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
    (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

pub fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

pub fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The demo's ledger, kept in this directory.
pub fn demo_in(dir: &Path) {
    succeeds(&["demo", "--dir", path(dir)]);
}

/// How many events a ledger holds.
pub fn events_in(dir: &Path) -> u64 {
    json(&succeeds(&["head", "--ledger", path(dir), "--format", "json"]))["seq"].as_u64().unwrap() + 1
}

pub fn options() -> Options {
    Options { reserve_bytes: 0, ..Options::default() }
}

pub fn command(act: Act) -> Command {
    Command::new(Actor::asserted(ActorId::new("ann").unwrap()), act)
}

pub const MUGS: Position = Position::new(ItemId(1), LocationId(1));

/// One item and one location: events 1 and 2.
pub async fn set_up(ledger: &Ledger) {
    let (sku, code) = (AliasText::new("MUG").unwrap(), AliasText::new("SHOP").unwrap());
    let zone = Zone::new("Europe/London").unwrap();
    ledger.submit(command(Act::CreateItem(CreateItem { sku, decimals: 0 }))).await.unwrap();
    ledger.submit(command(Act::CreateLocation(CreateLocation { code, zone }))).await.unwrap();
}

pub async fn receive(ledger: &Ledger, quantity: i64) -> Receipt {
    let lines = [Line::new(MUGS, Quantity(quantity))].into();
    ledger.submit(command(Act::Receive(Receive { lines }))).await.unwrap()
}
