//! The service of `examples/`, talked to over a socket.

#[path = "../../examples/service.rs"]
#[allow(dead_code)]
mod example;

use counterfoil::prelude::*;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Asks one line after the other and gives the answers.
async fn asked(address: std::net::SocketAddr, lines: &[&str]) -> Vec<String> {
    let (read, mut write) = TcpStream::connect(address).await.unwrap().into_split();
    let mut answers = BufReader::new(read).lines();
    let mut all = Vec::new();
    for line in lines {
        write.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        all.push(answers.next_line().await.unwrap().unwrap());
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_answers_many_connections_and_repeats() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("shop");
    let ledger = Ledger::open_or_create(&dir, Options::default()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = tokio::spawn(example::serve(listener, ledger.clone()));
    let told = asked(
        address,
        &[
            "item MUG",
            "location SHOP Europe/London",
            "receive MUG SHOP 12",
            "reserve MUG SHOP 4 order-1001",
            "reserve MUG SHOP 4 order-1001",
            "stock MUG SHOP",
            "reserve MUG SHOP 9 order-1002",
            "reserve CUP SHOP 1 order-1003",
            "receive MUG SHOP 1.5",
            "receive MUG SHOP",
            "ship order-1001",
            "stock MUG SHOP",
        ],
    )
    .await;
    let stock = |figures: &str| figures.to_owned();
    assert_eq!(told[..6], ["ok 1", "ok 2", "ok 3", "ok 4", "ok 4", "12 physical, 4 reserved, 8 available"].map(stock));
    assert!(told[6].starts_with("error INSUFFICIENT_STOCK "), "{}", told[6]);
    assert!(told[7].starts_with("error PRODUCT_NOT_FOUND no item has the SKU \"CUP\""), "{}", told[7]);
    assert!(told[8].starts_with("error INVALID_QUANTITY 1 decimal places, the item has 0"), "{}", told[8]);
    assert!(told[9].starts_with("usage: "), "{}", told[9]);
    assert_eq!(told[10..], ["ok 5", "8 physical, 0 reserved, 8 available"].map(stock));
    // Twenty connections ask for the last eight at once: eight get one, nobody more.
    let tasks = (0..20).map(|n| {
        tokio::spawn(async move { asked(address, &[&format!("reserve MUG SHOP 1 rush-{n}")]).await.remove(0) })
    });
    let mut held = 0;
    for task in tasks.collect::<Vec<_>>() {
        held += u32::from(task.await.unwrap().starts_with("ok "));
    }
    assert_eq!(held, 8);
    served.abort();
    ledger.close().await.unwrap();
    // It can be opened again by the same call.
    Ledger::open_or_create(&dir, Options::default()).unwrap().close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_lost_its_race_is_made_again() {
    let place = tempfile::tempdir().unwrap();
    let ledger = Ledger::open_or_create(place.path().join("shop"), Options::default()).unwrap();
    let anna = ledger.by("anna");
    anna.create_item("MUG", 0).await.unwrap();
    anna.create_location("SHOP", "UTC").await.unwrap();
    anna.receive([Line::named("MUG", "SHOP", 64)]).await.unwrap();
    let mugs = Position::new(ledger.item("MUG").unwrap(), ledger.location("SHOP").unwrap());
    // Each halves what is there, from what it saw: with every step seen there are six, and no step is lost.
    let halve = || {
        ledger.submit_retrying(100, |state, _| {
            let known = state.position(mugs).unwrap();
            let line = Line::new(mugs, Quantity(-known.sellable.quantity / 2)).seen(known.version);
            let reason = ReasonCode::new("halved").unwrap();
            Command::new(Actor::asserted(ActorId::new("ben").unwrap()), Adjust { lines: [line].into() }).because(reason)
        })
    };
    let (a, b, c, d, e, f) = tokio::join!(halve(), halve(), halve(), halve(), halve(), halve());
    for outcome in [a, b, c, d, e, f] {
        outcome.unwrap();
    }
    assert_eq!(ledger.query(|state, now| query::stock(state, now, mugs)).value.unwrap().physical, 1);
    let stale = |seq| {
        let line = Line::named("MUG", "SHOP", 1).seen(seq);
        ledger.by("ben").adjust([line]).because("found")
    };
    let refused = stale(Seq(1)).await.unwrap_err();
    assert_eq!((refused.code(), refused.is_retryable()), ("VERSION_CONFLICT", false));
    let gave_up = ledger.submit_retrying(3, |_, _| stale(Seq(1)).command().unwrap()).await.unwrap_err();
    assert_eq!(gave_up.code(), "VERSION_CONFLICT");
    let mut events = ledger.subscribe(Seq(0));
    let first = events.next().await.unwrap().unwrap();
    assert_eq!((first.seq, first.event.body.name()), (Seq(0), "genesis"));
    ledger.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_wrong_is_told_and_nothing_is_sent() {
    let place = tempfile::tempdir().unwrap();
    let ledger = Ledger::open_or_create(place.path().join("shop"), Options::default()).unwrap();
    let anna = ledger.by("anna");
    anna.create_item("MUG", 0).await.unwrap();
    anna.create_location("SHOP", "UTC").await.unwrap();
    let head = ledger.head();
    let mug = || [Line::named("MUG", "SHOP", 1)];
    let cases = [
        (ledger.by("").receive(mug()), "INVALID_FIELD", "actor id is empty"),
        (anna.create_item("", 0), "INVALID_FIELD", "alias is empty"),
        (anna.create_location("YARD", "Mars/Base"), "INVALID_FIELD", "IANA"),
        (anna.receive([Line::named("MUG", "YARD", 1)]), "LOCATION_NOT_FOUND", "YARD"),
        (anna.receive([Line::named("MUG", "SHOP", 1).of_lot("L")]), "LOT_NOT_FOUND", "MUG has no lot"),
        (anna.receive([Line::named("MUG", "SHOP", "one")]), "INVALID_QUANTITY", "byte 0"),
        (anna.receive(mug()).until(Timestamp::now()), "INVALID_FIELD", "deadline"),
        (anna.receive(mug()).order(""), "INVALID_FIELD", "order reference is empty"),
    ];
    for (ask, code, part) in cases {
        let error = ask.await.unwrap_err();
        assert_eq!((error.code(), error.is_retryable()), (code, false), "{error}");
        assert!(error.to_string().contains(part), "{error}");
        // No message says the same twice: what it says already is no cause of it.
        assert!(std::error::Error::source(&error).is_none(), "{error}");
    }
    assert_eq!(ledger.head(), head);
    ledger.close().await.unwrap();
}

#[test]
fn texts_numbers_and_ids_are_made_from_what_programs_have() {
    assert_eq!("MUG".parse::<AliasText>().unwrap(), AliasText::try_from("MUG").unwrap());
    assert!("".parse::<OrderRef>().is_err() && Zone::try_from("Mars/Base").is_err());
    let hash: Hash = "ab".repeat(32).parse().unwrap();
    assert_eq!(hash, Hash([0xab; 32]));
    assert_eq!("ab".parse::<Hash>().unwrap_err().to_string(), "a hash is 64 hexadecimal digits");
    assert_eq!((Quantity::from(7_u32), Quantity::from(-7_i64)), (Quantity(7), Quantity(-7)));
    let (one, other) = (CommandId::new(), CommandId::new());
    assert!(one < other, "they begin with the time");
    assert_eq!(one.to_string().parse::<CommandId>().unwrap(), one);
    // A promise: callers find their commands by it.
    assert_eq!(CommandId::derive("web-shop", "order 1001").to_string(), "77236675-87c4-522c-9905-475a263dc71d");
    assert!(Timestamp::now() > Timestamp(1_767_225_600_000_000));
}
