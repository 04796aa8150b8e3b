//! A stock service over TCP, one request a line: what it takes to embed a ledger. `cargo run --example service`
//!
//! ```text
//! > receive MUG SHOP 12
//! < ok 3
//! > reserve MUG SHOP 4 order-1001
//! < ok 4
//! > stock MUG SHOP
//! < 12 physical, 4 reserved, 8 available
//! > reserve MUG SHOP 9 order-1002
//! < error INSUFFICIENT_STOCK …
//! ```

use counterfoil::prelude::*;
use std::error::Error;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // Opening blocks for a few syncs; here nothing else waits for it.
    let ledger = Ledger::open_or_create("shop-ledger", Options::default())?;
    let listener = TcpListener::bind("127.0.0.1:7080").await?;
    println!("listening on {}; end it with Ctrl-C", listener.local_addr()?);
    tokio::select! {
        done = serve(listener, ledger.clone()) => done?,
        done = tokio::signal::ctrl_c() => done?,
    }
    Ok(ledger.close().await?)
}

/// Answers whoever connects, until an error of the listener.
pub async fn serve(listener: TcpListener, ledger: Ledger) -> std::io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        // A clone is cheap. Requests of all connections are decided by one writer, in one order.
        tokio::spawn(talk(stream, ledger.clone()));
    }
}

async fn talk(stream: TcpStream, ledger: Ledger) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    while let Some(line) = lines.next_line().await? {
        let words: Vec<&str> = line.split_whitespace().collect();
        let answer = match answer(&ledger, &words).await {
            Ok(answer) => answer,
            Err(error) => format!("error {} {error}", error.code()),
        };
        write.write_all(format!("{answer}\n").as_bytes()).await?;
    }
    Ok(())
}

async fn answer(ledger: &Ledger, words: &[&str]) -> Result<String, ActError> {
    let clerk = ledger.by("service");
    let receipt = match *words {
        ["item", sku] => clerk.create_item(sku, 0).await?,
        ["location", code, zone] => clerk.create_location(code, zone).await?,
        ["receive", sku, location, amount] => clerk.receive([Line::named(sku, location, amount)]).await?,
        ["reserve", sku, location, amount, order] => {
            // The order is the key: who asks twice because an answer was lost holds once.
            let id = CommandId::derive("service reserve", order);
            clerk.reserve([Line::named(sku, location, amount)]).order(order).id(id).await?
        }
        ["ship", order] => clerk.fulfil(order).await?,
        ["release", order] => clerk.release(order).await?,
        ["stock", sku, location] => {
            let position = Position::new(ledger.item(sku)?, ledger.location(location)?);
            let stock = ledger.query(|state, now| query::stock(state, now, position)).value;
            return Ok(stock.map_or("none".to_owned(), |stock| {
                format!("{} physical, {} reserved, {} available", stock.physical, stock.reserved, stock.available)
            }));
        }
        _ => return Ok("usage: item | location | receive | reserve | ship | release | stock".to_owned()),
    };
    Ok(format!("ok {}", receipt.seq))
}
