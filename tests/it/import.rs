//! Importing CSV files: the library and the tool, on files that are as they should be and on files that are not.

mod broken;
mod tool;

use counterfoil::audit;
use counterfoil::domain::command::{Act, Actor, AddAlias, Alias, AliasKind, AliasTarget, Command};
use counterfoil::domain::event::{Body, Received};
use counterfoil::domain::ids::ItemId;
use counterfoil::domain::line::Line;
use counterfoil::domain::text::{ActorId, AliasText};
use counterfoil::import::{Mapping, Options, Source, Summary, foretell, import, unchanged};
use counterfoil::ledger::Ledger;
use counterfoil::log::{Head, scan};
use counterfoil::query::{self, Order, Paging, StockFilter, StockSort};
use std::path::{Path, PathBuf};

pub const TILL: &str = r#"
name = "till"
actor = "import"
id.columns = ["Receipt", "Article", "$ordinal"]
item = { code = "{Article}", unknown = "register" }
location = { code = "SHOP", unknown = "register", zone = "Europe/London" }
time = { value = "{Time}", format = "%Y-%m-%d %H:%M", zone = "Europe/London" }
quantity.value = "{Qty}"
external_id = "{Receipt}/{Article}/{$ordinal}"
[[rule]]
kind = "ignore"
when = [{ column = "Article", in = ["POSTAGE"] }]
[[rule]]
kind = "return"
when = [{ quantity = "negative" }]
quantity = "negated"
disposition = "restock"
[[rule]]
kind = "sale"
[opening]
name = "till-opening"
actor = "import"
id.columns = ["Article"]
item = { code = "{Article}", unknown = "register" }
location = { code = "SHOP", unknown = "register", zone = "Europe/London" }
quantity.value = "{Stock}"
[[opening.rule]]
kind = "receipt"
"#;

pub const HEADER: &str = "Receipt,Article,Time,Qty\n";

pub fn mapping_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/mappings").join(name)
}

pub fn mapping(name: &str) -> Mapping {
    Mapping::parse(&std::fs::read_to_string(mapping_file(name)).unwrap()).unwrap()
}

pub fn till() -> Mapping {
    Mapping::parse(TILL).unwrap()
}

struct Shop {
    ledger: Ledger,
    _dir: tempfile::TempDir,
}

fn shop() -> Shop {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::create(dir.path().join("ledger"), counterfoil::Options::default()).unwrap();
    Shop { ledger, _dir: dir }
}

impl Shop {
    async fn import(&self, text: &str) -> Summary {
        self.import_by(&till(), text.as_bytes()).await
    }

    async fn import_by(&self, mapping: &Mapping, bytes: &[u8]) -> Summary {
        import(&self.ledger, mapping, &Source::memory(bytes), Options::default()).await.unwrap()
    }

    /// What is imported, and the rejects file.
    async fn import_rejecting(&self, text: &str) -> (Summary, String) {
        let mut rejects = Vec::new();
        let options = Options { rejects: Some(Box::new(&mut rejects)), ..Options::default() };
        let summary = import(&self.ledger, &till(), &Source::memory(text.as_bytes()), options).await.unwrap();
        (summary, String::from_utf8(rejects).unwrap())
    }

    /// Item, location and physical stock, by item.
    fn stock(&self) -> Vec<(String, String, i64)> {
        stock_of(&self.ledger)
    }
}

pub fn stock_of(ledger: &Ledger) -> Vec<(String, String, i64)> {
    let order = Order::ascending(StockSort::Sku);
    let filter = StockFilter::default();
    let page = ledger.query(|state, now| query::stock_list(state, now, &filter, order, &Paging::first(1_000))).unwrap();
    let rows = page.value.rows.into_iter();
    rows.map(|row| {
        let name = |text: Option<counterfoil::AliasText>| text.map(|text| text.to_string()).unwrap_or_default();
        (name(row.place.sku), name(row.place.location_code), row.stock.physical)
    })
    .collect()
}

fn at_shop(item: &str, physical: i64) -> (String, String, i64) {
    (item.to_owned(), "SHOP".to_owned(), physical)
}

#[tokio::test]
async fn a_second_import_appends_nothing() {
    let shop = shop();
    let text = HEADER.to_owned()
        + "1,MUG,2026-01-05 09:00,2\n1,MUG,2026-01-05 09:00,2\n1,POSTAGE,,x\n2,CUP,2026-01-05 09:01,1\n3,MUG,2026-01-05 09:02,-1\n";
    let first = shop.import(&text).await;
    assert_eq!((first.lines, first.appended, first.duplicates, first.rejected), (5, 4, 0, 0));
    assert_eq!((first.items_registered, first.locations_registered, first.ignored), (2, 1, 1));
    assert_eq!(first.ignored_by_code.get("POSTAGE"), Some(&1));
    assert_eq!(shop.stock(), [at_shop("CUP", -1), at_shop("MUG", -3)]);
    let head = shop.ledger.head();
    let second = shop.import(&text).await;
    assert_eq!((second.appended, second.duplicates, second.items_registered), (0, 4, 0));
    assert_eq!(shop.ledger.head(), head);
    let report = audit::verify(shop.ledger.log().as_ref(), audit::Options::default()).unwrap();
    assert_eq!(report.first_fault, None);
}

#[tokio::test]
async fn opening_balances_come_from_a_second_file() {
    let shop = shop();
    let mapping = till();
    let opening = mapping.opening().unwrap();
    assert_eq!(shop.import_by(opening, b"Article,Stock\nMUG,10\nCUP,4\n").await.appended, 2);
    shop.import(&(HEADER.to_owned() + "1,MUG,2026-01-05 09:00,3\n")).await;
    assert_eq!(shop.stock(), [at_shop("CUP", 4), at_shop("MUG", 7)]);
    assert_eq!(shop.import_by(opening, b"Article,Stock\nMUG,10\nCUP,4\n").await.duplicates, 2);
}

#[tokio::test]
async fn mended_rejects_are_imported_under_the_same_ids() {
    let shop = shop();
    let text = HEADER.to_owned()
        + "1,MUG,2026-01-05 09:00,2\n1,MUG,2026-01-05 09:00,\"tw\"\"o\"\n1,MUG,2026-01-05 09:00,2\n1,CUP,2026-01-05 09:00\n";
    let (summary, rejects) = shop.import_rejecting(&text).await;
    assert_eq!((summary.appended, summary.rejected), (2, 2));
    assert!(
        rejects.starts_with("\u{feff}\"$reason\",\"$id\",\"$ordinal\",\"$line\",\"$column\",\"Receipt\""),
        "{rejects}"
    );
    let ids: Vec<_> = summary.first_rejected.iter().map(|rejected| rejected.id.to_string()).collect();
    assert!(ids.iter().all(|id| rejects.contains(id.as_str())));
    let mended = rejects.replace("tw\"\"o", "2").replace("\"2026-01-05 09:00\"\n", "\"2026-01-05 09:00\",\"5\"\n");
    let (again, left) = shop.import_rejecting(&mended).await;
    assert_eq!((again.appended, again.duplicates, again.rejected), (2, 0, 0), "{left}");
    assert_eq!(left.lines().count(), 1);
    assert_eq!(shop.stock(), [at_shop("CUP", -5), at_shop("MUG", -6)]);
    let (third, _) = shop.import_rejecting(&mended).await;
    assert_eq!((third.appended, third.duplicates), (0, 2));
    // In the source, the line is as bad as before; its second sister is still the third of its name.
    let source_again = shop.import(&text).await;
    assert_eq!((source_again.appended, source_again.duplicates, source_again.rejected), (0, 2, 2));
}

#[tokio::test]
async fn rejects_that_are_still_wrong_keep_ids_and_lines() {
    let shop = shop();
    let text = HEADER.to_owned() + "1,MUG,2026-01-05 09:00,2\n1,MUG,2026-01-05 09:00,x\n";
    let (first, rejects) = shop.import_rejecting(&text).await;
    let (second, again) = shop.import_rejecting(&rejects).await;
    assert_eq!(first.first_rejected[0].id, second.first_rejected[0].id);
    assert_eq!(rejects, again);
}

#[tokio::test]
async fn changed_content_is_rejected_and_strictly_nothing_is_appended() {
    let shop = shop();
    let text = HEADER.to_owned() + "1,MUG,2026-01-05 09:00,2\n2,MUG,2026-01-05 09:00,2\n";
    shop.import(&text).await;
    let changed = text.replace("2,MUG,2026-01-05 09:00,2", "2,MUG,2026-01-05 09:00,3\n3,CUP,2026-01-05 09:00,1");
    let head = shop.ledger.head();
    let source = Source::memory(changed.as_bytes());
    let error = unchanged(&shop.ledger, &till(), &source, None).await.unwrap_err().to_string();
    assert!(error.contains("line 3") && error.contains("nothing was appended"), "{error}");
    assert_eq!(shop.ledger.head(), head);
    let summary = shop.import(&changed).await;
    assert_eq!((summary.appended, summary.duplicates, summary.rejected), (1, 1, 1));
    assert_eq!(summary.first_rejected[0].code, "COMMAND_ID_REUSED");
    assert_eq!(shop.stock(), [at_shop("CUP", -1), at_shop("MUG", -4)]);
    unchanged(&shop.ledger, &till(), &Source::memory(text.as_bytes()), None).await.unwrap();
}

#[tokio::test]
async fn two_contents_under_one_id_in_one_file_are_found_before_anything_is_appended() {
    let shop = shop();
    let mapping = Mapping::parse(&TILL.replace(", \"$ordinal\"]", "]")).unwrap();
    let same = HEADER.to_owned() + "1,MUG,2026-01-05 09:00,2\n1,MUG,2026-01-05 09:00,2\n";
    unchanged(&shop.ledger, &mapping, &Source::memory(same.as_bytes()), None).await.unwrap();
    let different = same + "1,MUG,2026-01-05 09:00,3\n";
    let source = Source::memory(different.as_bytes());
    assert!(unchanged(&shop.ledger, &mapping, &source, None).await.is_err());
    let summary = shop.import_by(&mapping, different.as_bytes()).await;
    assert_eq!((summary.appended, summary.duplicates, summary.rejected), (1, 1, 1));
}

#[tokio::test]
async fn a_forecast_says_what_the_import_then_does() {
    let shop = shop();
    let begun = HEADER.to_owned() + "1,MUG,2026-01-05 09:00,2\n";
    shop.import(&begun).await;
    let text = begun + "2,CUP,2026-01-05 09:00,1\n3,CUP,2026-01-05 09:00,x\n4,MUG,2026-01-05 09:00,-1\n5,POSTAGE,,\n";
    let (head, source) = (shop.ledger.head(), Source::memory(text.as_bytes()));
    let forecast = foretell(&shop.ledger, &till(), &source, None, 2).await.unwrap();
    assert_eq!(shop.ledger.head(), head);
    let shown: Vec<_> =
        forecast.first.iter().map(|foretold| (foretold.line, foretold.lines[0].item.to_string())).collect();
    assert_eq!(shown, [(2, "MUG".to_owned()), (3, "CUP".to_owned())]);
    let done = shop.import(&text).await;
    let timeless = |summary: Summary| Summary { took: std::time::Duration::ZERO, ..summary };
    assert_eq!(timeless(forecast.summary), timeless(done));
}

#[tokio::test]
async fn unknown_items_and_locations_are_refused_where_the_mapping_says_so() {
    let shop = shop();
    let text = HEADER.to_owned() + "1,MUG,2026-01-05 09:00,2\n2,CUP,2026-01-05 09:00,2\n";
    shop.import(&(HEADER.to_owned() + "0,MUG,2026-01-05 09:00,1\n")).await;
    let careful =
        TILL.replacen("item = { code = \"{Article}\", unknown = \"register\" }", "item.code = \"{Article}\"", 1);
    let summary = shop.import_by(&Mapping::parse(&careful).unwrap(), text.as_bytes()).await;
    assert_eq!((summary.appended, summary.rejected_by_code.get("PRODUCT_NOT_FOUND")), (1, Some(&1)));
    let elsewhere = TILL.replacen("code = \"SHOP\", unknown = \"register\"", "code = \"DEPOT\"", 1);
    let summary = shop.import_by(&Mapping::parse(&elsewhere).unwrap(), text.as_bytes()).await;
    assert_eq!(summary.rejected_by_code.get("LOCATION_NOT_FOUND"), Some(&2));
}

#[tokio::test]
async fn items_keep_their_own_decimals() {
    let shop = shop();
    let fine = TILL.replacen("unknown = \"register\" }", "unknown = \"register\", decimals = 3 }", 1);
    let text = HEADER.to_owned() + "1,TEA,2026-01-05 09:00,0.125\n";
    assert_eq!(shop.import_by(&Mapping::parse(&fine).unwrap(), text.as_bytes()).await.appended, 1);
    let text = HEADER.to_owned() + "2,TEA,2026-01-05 09:00,1.5\n2,MUG,2026-01-05 09:00,1.5\n";
    let summary = shop.import(&text).await;
    assert_eq!((summary.appended, summary.rejected_by_code.get("QUANTITY")), (1, Some(&1)));
    assert_eq!(shop.stock(), [at_shop("TEA", -1_625)]);
}

const DELIVERY: &str = r#"
name = "delivery"
actor = "import"
id.columns = ["Note", "$ordinal"]
item = { code = "{Article}", unknown = "register" }
location = { code = "SHOP", unknown = "register", zone = "Europe/London" }
lot = { code = "{Batch}", unknown = "register" }
unit_cost = { value = "{Price}", currency = "{Currency}" }
quantity.value = "{Qty}"
[[rule]]
kind = "receipt"
"#;
const DELIVERED: &str = "Note,Article,Batch,Qty,Price,Currency\n";

/// Lot, minor units and currency of every line that was received, in the log's order.
fn received(ledger: &Ledger) -> Vec<(u32, Option<(i64, String)>)> {
    let reader = ledger.log();
    let events = scan(reader.as_ref(), Head::EMPTY).map(Result::unwrap);
    let lines = events.filter_map(|read| match read.event.body {
        Body::Received(Received { lines }) => Some(lines),
        _ => None,
    });
    let cost = |line: &Line| line.detail.as_ref()?.unit_cost.map(|cost| (cost.minor_units, cost.currency.to_string()));
    lines.flatten().map(|line| (line.position.lot.0, cost(&line))).collect()
}

#[tokio::test]
async fn lots_and_unit_costs_are_kept_with_the_lines() {
    let shop = shop();
    let mapping = Mapping::parse(DELIVERY).unwrap();
    let lines = "1,TEA,L-1,5,2.55,GBP\n1,TEA,L-2,3,300,JPY\n1,CUP,,2,,\n1,CUP,L-1,1,1.25,KWD\n1,TEA,L-1,1,0,GBP\n";
    let text = DELIVERED.to_owned() + lines;
    let source = Source::memory(text.as_bytes());
    let forecast = foretell(&shop.ledger, &mapping, &source, None, 9).await.unwrap();
    let shown = &forecast.first[3].lines[0];
    let told = (shown.lot.as_ref().map(ToString::to_string), shown.unit_cost.as_deref());
    assert_eq!(told, (Some("L-1".to_owned()), Some("1.250 KWD")));

    let done = shop.import_by(&mapping, text.as_bytes()).await;
    assert_eq!((done.appended, done.rejected, done.items_registered, done.lots_registered), (5, 0, 2, 3));
    assert_eq!(Summary { took: done.took, ..forecast.summary }, done);
    let cost = |minor_units, currency: &str| Some((minor_units, currency.to_owned()));
    let kept = [(1, cost(255, "GBP")), (2, cost(300, "JPY")), (0, None), (3, cost(1_250, "KWD")), (1, cost(0, "GBP"))];
    assert_eq!(received(&shop.ledger), kept);

    let more = text + "2,TEA,L-2,1,,\n2,TEA,L-3,1,,\n";
    let foretold = foretell(&shop.ledger, &mapping, &Source::memory(more.as_bytes()), None, 0).await.unwrap();
    let again = shop.import_by(&mapping, more.as_bytes()).await;
    assert_eq!((again.appended, again.duplicates, again.lots_registered), (2, 5, 1));
    assert_eq!(Summary { took: again.took, ..foretold.summary }, again);
    assert_eq!(received(&shop.ledger)[5..], [(2, None), (4, None)]);
    let report = audit::verify(shop.ledger.log().as_ref(), audit::Options::default()).unwrap();
    assert_eq!(report.first_fault, None);
}

#[tokio::test]
async fn new_lots_are_told_apart_before_they_have_numbers() {
    let shop = shop();
    let uncounted = DELIVERY.replace(", \"$ordinal\"", "");
    assert_ne!(uncounted, DELIVERY);
    let mapping = Mapping::parse(&uncounted).unwrap();
    // The same id twice, and only the lot differs.
    let changed = DELIVERED.to_owned() + "1,TEA,L-1,5,,\n1,TEA,L-2,5,,\n";
    let refused = unchanged(&shop.ledger, &mapping, &Source::memory(changed.as_bytes()), None).await;
    assert!(refused.is_err(), "a line says something else than one before it");

    let counted = uncounted.replace("kind = \"receipt\"", "kind = \"count\"").replace("unit_cost", "# unit_cost");
    let together = counted.replace("id.columns", "id.lines = \"together\"\nid.columns");
    let mapping = Mapping::parse(&together).unwrap();
    let text = DELIVERED.to_owned() + "7,JAM,L-1,5,,\n7,JAM,L-2,6,,\n";
    let source = Source::memory(text.as_bytes());
    let forecast = foretell(&shop.ledger, &mapping, &source, None, 0).await.unwrap();
    let done = shop.import_by(&mapping, text.as_bytes()).await;
    assert_eq!((done.rejected, done.lots_registered), (0, 2));
    assert_eq!(Summary { took: done.took, ..forecast.summary }, done);
}

#[tokio::test]
async fn an_item_under_two_codes_has_one_lot_of_one_name() {
    let shop = shop();
    let mapping = Mapping::parse(DELIVERY).unwrap();
    shop.import_by(&mapping, (DELIVERED.to_owned() + "1,TEA,,1,,\n").as_bytes()).await;
    let tea = ItemId(1);
    let alias = Alias { kind: AliasKind::Sku, text: AliasText::new("CHAI").unwrap() };
    let actor = Actor::asserted(ActorId::new("anna").unwrap());
    let add = Act::AddAlias(AddAlias { alias, target: AliasTarget::Item(tea) });
    shop.ledger.submit(Command::new(actor, add)).await.unwrap();
    let text = DELIVERED.to_owned() + "2,TEA,L-9,1,,\n2,CHAI,L-9,2,,\n";
    let forecast = foretell(&shop.ledger, &mapping, &Source::memory(text.as_bytes()), None, 0).await.unwrap();
    let done = shop.import_by(&mapping, text.as_bytes()).await;
    assert_eq!((done.appended, done.rejected, done.lots_registered), (2, 0, 1));
    assert_eq!(Summary { took: done.took, ..forecast.summary }, done);
    assert_eq!(received(&shop.ledger)[1..], [(1, None), (1, None)]);
}

#[tokio::test]
async fn a_lot_or_cost_that_can_not_be_refuses_its_line_and_registers_nothing() {
    let long = "L".repeat(65);
    let table = [
        ("L-1,1,2.555,GBP", "UNIT_COST", "GBP has 2 digits behind the point"),
        ("L-1,1,0.5,JPY", "UNIT_COST", "JPY has 0 digits"),
        ("L-1,1,-1,GBP", "UNIT_COST", "not below zero"),
        ("L-1,1,1e3,GBP", "UNIT_COST", "plain digits"),
        ("L-1,1,NaN,GBP", "UNIT_COST", "plain digits"),
        ("L-1,1,£2,GBP", "UNIT_COST", "{Price} is \"£2\""),
        ("L-1,1,99999999999999999999,GBP", "UNIT_COST", "right column"),
        ("L-1,1,2.50,gbp", "CURRENCY", "three capital letters"),
        ("L-1,1,2.50,", "CURRENCY", "three capital letters"),
        (&format!("{long},1,,"), "LOT", "65 bytes"),
        (" L-1,1,,", "LOT", "white space"),
    ];
    let shop = shop();
    let mapping = Mapping::parse(DELIVERY).unwrap();
    let head = shop.ledger.head();
    for (line, code, words) in table {
        let text = format!("{DELIVERED}1,TEA,{line}\n");
        let done = shop.import_by(&mapping, text.as_bytes()).await;
        let rejected = &done.first_rejected[0];
        assert_eq!((done.rejected, rejected.code), (1, code), "{line}");
        assert!(rejected.why.contains(words), "{line}: {}", rejected.why);
    }
    assert_eq!(shop.ledger.head(), head, "nothing was registered for them");

    let careful =
        DELIVERY.replacen("lot = { code = \"{Batch}\", unknown = \"register\" }", "lot.code = \"{Batch}\"", 1);
    let text = DELIVERED.to_owned() + "1,TEA,L-1,1,,\n1,TEA,,1,,\n";
    let done = shop.import_by(&Mapping::parse(&careful).unwrap(), text.as_bytes()).await;
    assert_eq!((done.appended, done.rejected_by_code.get("LOT_NOT_FOUND")), (1, Some(&1)));
}

#[tokio::test]
async fn invoices_become_one_command_each() {
    let shop = shop();
    let together = TILL.replacen(
        "id.columns = [\"Receipt\", \"Article\", \"$ordinal\"]",
        "id = { columns = [\"Receipt\"], lines = \"together\" }",
        1,
    );
    let mapping = Mapping::parse(&together).unwrap();
    let text = HEADER.to_owned()
        + "1,MUG,2026-01-05 09:00,2\n1,CUP,2026-01-05 09:00,1\n2,MUG,2026-01-05 09:00,x\n2,CUP,2026-01-05 09:00,1\n";
    let mut rejects = Vec::new();
    let options = Options { rejects: Some(Box::new(&mut rejects)), ..Options::default() };
    let summary = import(&shop.ledger, &mapping, &Source::memory(text.as_bytes()), options).await.unwrap();
    assert_eq!((summary.appended, summary.rejected), (1, 2), "lines of one invoice are refused together");
    let mended = String::from_utf8(rejects).unwrap().replace("\"x\"", "\"5\"");
    let summary = shop.import_by(&mapping, mended.as_bytes()).await;
    assert_eq!((summary.lines, summary.appended), (2, 1));
    assert_eq!(shop.stock(), [at_shop("CUP", -2), at_shop("MUG", -7)]);
    let whole = text.replace(",x", ",5");
    assert_eq!(shop.import_by(&mapping, whole.as_bytes()).await.duplicates, 2);
}

#[tokio::test]
async fn exports_of_shopify_and_square_become_counts() {
    let shop = shop();
    let at = || Options { at: Some("2026-01-31 18:00".to_owned()), ..Options::default() };
    let shopify = "Handle,Title,Option1 Name,Option1 Value,Option2 Name,Option2 Value,Option3 Name,Option3 Value,SKU,\
        HS Code,COO,Location,Bin name,Incoming (not editable),Unavailable (not editable),Committed (not editable),\
        Available (not editable),On hand (current),On hand (new)\n\
        mug,Mug,Colour,Blue,,,,,MUG,,,High Street,,0,1,2,7,10,\n\
        mug,Mug,Colour,Blue,,,,,MUG,,,Depot,,0,0,0,not stocked,not stocked,\n\
        cup,\"Cup, small\",Title,Default Title,,,,,CUP,,,High Street,,0,0,0,-2,-2,\n\
        old,Old,Title,Default Title,,,,,,,,High Street,,0,0,0,1,1,\n";
    let (mapping, source) = (mapping("shopify-inventory.toml"), Source::memory(shopify.as_bytes()));
    let summary = import(&shop.ledger, &mapping, &source, at()).await.unwrap();
    assert_eq!((summary.appended, summary.ignored, summary.rejected), (2, 2, 0), "{summary:?}");
    let street = |item: &str, physical| (item.to_owned(), "High Street".to_owned(), physical);
    assert_eq!(shop.stock(), [street("CUP", -2), street("MUG", 10)]);
    assert_eq!(import(&shop.ledger, &mapping, &source, at()).await.unwrap().duplicates, 2);
    let later = Options { at: Some("2026-02-28 18:00".to_owned()), ..Options::default() };
    assert_eq!(import(&shop.ledger, &mapping, &source, later).await.unwrap().appended, 2);
    let error = import(&shop.ledger, &mapping, &source, Options::default()).await.unwrap_err();
    assert!(error.to_string().contains("$at"), "{error}");

    let square = "Reference Handle,Token,Item Name,Customer-facing Name,Variation Name,SKU,Description,Categories,\
        Reporting Category,GTIN,Item Type,Price,Archived,Sellable,Stockable,Option Name 1,Option Value 1,\
        Current Quantity Shop,New Quantity Shop,Stock Alert Enabled Shop,Stock Alert Count Shop,\
        Current Quantity Depot,New Quantity Depot,Stock Alert Enabled Depot,Stock Alert Count Depot\n\
        #mug,AAA,Mug,Mug,Regular,SQ-MUG,,,,,Physical,5,N,Y,Y,,,12,,N,,3.00000,,N,\n\
        #cup,BBB,Cup,Cup,Regular,SQ-CUP,,,,,Physical,5,N,Y,Y,,,,,N,,0,,N,\n";
    let mapping = super::import::mapping("square-inventory.toml");
    let summary = import(&shop.ledger, &mapping, &Source::memory(square.as_bytes()), at()).await.unwrap();
    assert_eq!((summary.appended, summary.ignored, summary.rejected), (3, 1, 0), "{summary:?}");
    let rows = shop.stock();
    let of = |item: &str, place: &str| rows.iter().find(|row| row.0 == item && row.1 == place).map(|row| row.2);
    let found = (of("SQ-MUG", "Shop"), of("SQ-MUG", "Depot"), of("SQ-CUP", "Depot"));
    assert_eq!(found, (Some(12), Some(3), Some(0)));
}
