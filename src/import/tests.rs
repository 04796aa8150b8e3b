//! Mappings and plans, without a ledger.

use super::header::Header;
use super::mapping::Mapping;
use super::plan::Planner;
use super::planned::{Batch, Entry, PlannedAct};
use super::records::{Fields, Records};
use crate::limits::LINES_MAX;
use std::fmt::Write;

const TILL: &str = r#"
name = "till"
actor = "import"
id.columns = ["Receipt", "Article", "$ordinal"]
item = { code = "{Article}", unknown = "register" }
location = { code = "SHOP", unknown = "register", zone = "Europe/London" }
quantity.value = "{Qty}"
[[rule]]
kind = "sale"
"#;

fn planner(mapping: &str, header: &str) -> Result<Planner, String> {
    let mapping = Mapping::parse(mapping).map_err(|error| error.to_string())?;
    let mut records = Records::new(header.as_bytes(), mapping.file.delimiter);
    let record = records.next().unwrap().unwrap();
    let header = Header::read(Fields::new(std::str::from_utf8(record.text).unwrap(), record.ends, false))?;
    Planner::new(&mapping, header, Some("2026-01-31 18:00"), false, Box::new(|_| None))
}

fn plan(mapping: &str, text: &str) -> Batch {
    let mut planner = planner(mapping, text).unwrap();
    let mut records = Records::new(text.as_bytes(), b',');
    records.next().unwrap();
    while let Some(record) = records.next().unwrap() {
        planner.record(&record);
    }
    planner.finish().0
}

/// Kind, line of the file, quantities; or the code of the refusal.
fn shown(batch: &Batch) -> Vec<String> {
    let entries = batch.entries.iter().map(|entry| {
        let line = entry.origin.line(&batch.rows);
        match &entry.plan {
            Err(refusal) => format!("{line} {}", refusal.code),
            Ok(planned) => {
                let quantities: Vec<_> = planned.lines.iter().map(|line| line.quantity.0.to_string()).collect();
                format!("{line} {:?} {}", planned.kind(), quantities.join("+"))
            }
        }
    });
    entries.collect()
}

#[test]
fn every_mapping_of_ours_is_read() {
    let mappings = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/mappings");
    let mut read = 0;
    for entry in std::fs::read_dir(mappings).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        Mapping::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        read += 1;
    }
    assert!(read >= 4, "{read} mappings");
}

#[test]
fn a_mapping_is_refused_with_its_line() {
    let table = [
        ("actor = \"import\"", "actr = \"import\"", "line 3", "actr"),
        ("[\"Receipt\", \"Article\", \"$ordinal\"]", "[]", "names nothing", ""),
        ("\"$ordinal\"", "\"$nobody\"", "$nobody", ""),
        ("\"$ordinal\"", "\"$line\"", "place is not a name", ""),
        ("{Qty}", "{Qty", "line 7", "brace"),
        ("quantity.value = \"{Qty}\"", "quantity.skip = []", "columns_starting_with", ""),
        ("quantity.value", "quantity.columns_starting_with", "$place", ""),
        ("\"$ordinal\"]\n", "\"$place\", \"$ordinal\"]\n", "only there", ""),
        ("Europe/London", "Europe/Atlantis", "line 6", "time zone"),
        (", zone = \"Europe/London\"", "", "location.zone", ""),
        ("unknown = \"register\" }", "alias = \"barcode\", unknown = \"register\" }", "by their SKU", ""),
        ("kind = \"sale\"", "kind = \"adjustment\"", "line 8", "needs a reason"),
        ("kind = \"sale\"", "kind = \"gift\"", "line 9", "gift"),
        ("kind = \"sale\"", "kind = \"sale\"\ndisposition = \"scrap\"", "line 8", "only returns"),
        ("kind = \"sale\"", "kind = \"sale\"\n[[rule]]\nkind = \"sale\"", "line 10", "none behind it"),
        ("kind = \"sale\"", "kind = \"sale\"\nwhen = [{ column = \"A\" }]", "line 10", "a condition is"),
        ("kind = \"sale\"", "kind = \"sale\"\nwhen = [{ column = \"A\", equals = \"\", empty = true }]", "line 10", ""),
        ("quantity.value", "file.encoding = \"utf-9\"\nquantity.value", "line 7", "utf-9"),
        ("quantity.value", "file.delimiter = \"ab\"\nquantity.value", "line 7", ""),
        (
            "quantity.value",
            "quantity.decimal_mark = \",\"\nquantity.thousands_mark = \",\"\nquantity.value",
            "same",
            "",
        ),
        ("quantity.value", "external_id = \"{Receipt}/{$ordinal}\"\nquantity.value", "lacks {Article}", ""),
        ("quantity.value", "external_id = \"{Receipt}/{Article}\"\nquantity.value", "lacks {$ordinal}", ""),
        ("quantity.value", "order = \"{$ordinal}\"\nquantity.value", "external_id alone", ""),
        ("quantity.value", "lot.code = \"{$ordinal}\"\nquantity.value", "external_id alone", ""),
        ("quantity.value", "lot.unknown = \"register\"\nquantity.value", "code", ""),
        ("quantity.value", "unit_cost.value = \"{Price}\"\nquantity.value", "currency", ""),
        (
            "quantity.value = \"{Qty}\"\n[[rule]]\nkind = \"sale\"",
            "quantity.value = \"{Qty}\"\nunit_cost = { value = \"{Price}\", currency = \"GBP\" }\n[[rule]]\nkind = \"count\"",
            "line 9",
            "keeps no cost",
        ),
    ];
    for (old, new, first, second) in table {
        let text = TILL.replacen(old, new, 1);
        assert_ne!(text, TILL, "{old}");
        let error = Mapping::parse(&text).expect_err(new).to_string();
        assert!(error.contains(first) && error.contains(second), "{new}: {error}");
    }
}

#[test]
fn a_missing_column_is_named_with_those_that_are_there() {
    let error = planner(TILL, "Receipt,Item,Qty\n").err().unwrap();
    assert!(error.contains("\"Article\"") && error.contains("\"Item\""), "{error}");
    let error = planner(TILL, "Receipt,Article,Article,Qty\n").err().unwrap();
    assert!(error.contains("more than one column \"Article\""), "{error}");
    let error = planner(TILL, "$id,Receipt,Article,Qty\n").err().unwrap();
    assert!(error.contains("$ordinal"), "{error}");
}

#[test]
fn the_same_names_are_counted_and_never_the_content() {
    let batch = plan(TILL, "Receipt,Article,Qty\n1,MUG,2\n1,MUG,2\n2,MUG,2\n1,CUP,2\n1,MUG,9\n");
    let ordinals: Vec<_> = batch.entries.iter().map(|entry| entry.origin.ordinal).collect();
    assert_eq!(ordinals, [1, 2, 1, 1, 3]);
    let ids: std::collections::HashSet<_> = batch.entries.iter().map(|entry| entry.origin.id).collect();
    assert_eq!(ids.len(), 5);
    let again = plan(TILL, "Receipt,Article,Qty\n1,MUG,5\n");
    assert_eq!(again.entries[0].origin.id, batch.entries[0].origin.id);
}

#[test]
fn what_is_wrong_with_a_line_is_said_with_what_to_do() {
    let text = "Receipt,Article,Qty\n1,MUG,1e3\n1,MUG, 5\n1,,1\n1,MUG\n1,MUG,1,2\n1,MUG,１\n1,MUG,1\n1,M\0G,1\n";
    let batch = plan(TILL, text);
    let expected = ["2 QUANTITY", "3 QUANTITY", "4 ITEM", "5 FIELDS", "6 FIELDS", "7 QUANTITY", "8 Sale 1", "9 TEXT"];
    assert_eq!(shown(&batch), expected);
    let why = batch.entries[0].plan.as_ref().unwrap_err();
    assert!(why.why.starts_with("{Qty} is \"1e3\": the character at byte 1"), "{}", why.why);
    assert_eq!(batch.items.len(), 1, "only what a line that is taken names is registered");
}

#[test]
fn text_that_is_not_utf8_is_refused_line_by_line() {
    let mut planner = planner(TILL, "Receipt,Article,Qty\n").unwrap();
    let mut records = Records::new(&b"1,M\xdcG,1\n1,MUG,1\n"[..], b',');
    while let Some(record) = records.next().unwrap() {
        planner.record(&record);
    }
    let batch = planner.finish().0;
    assert_eq!(shown(&batch), ["1 TEXT", "2 Sale 1"]);
    assert!(batch.entries[0].plan.as_ref().unwrap_err().why.contains("windows-1252"));
}

#[test]
fn the_first_rule_that_fits_decides() {
    let rules = r#"
[[rule]]
kind = "ignore"
when = [{ column = "Article", in = ["POST", "FEE"] }]
[[rule]]
kind = "return"
when = [{ column = "Receipt", starts_with = "C" }, { quantity = "negative" }]
quantity = "absolute"
[[rule]]
kind = "waste"
when = [{ column = "Receipt", empty = true }]
[[rule]]
kind = "count"
when = [{ quantity = "zero" }]
[[rule]]
kind = "receipt"
when = [{ column = "Receipt", equals = "PO" }]
[[rule]]
kind = "sale"
when = [{ quantity = "positive" }]
"#;
    let mapping = TILL.replace("[[rule]]\nkind = \"sale\"\n", rules);
    let text = "Receipt,Article,Qty\n1,POST,x\nC1,MUG,-2\nC1,MUG,2\n,MUG,1\n1,MUG,0\nPO,MUG,7\n1,MUG,-1\n1,MUG,x\n";
    let expected = ["3 Return 2", "4 Sale 2", "5 Waste 1", "6 Count 0", "7 Receipt 7", "8 NO_RULE", "9 QUANTITY"];
    assert_eq!(shown(&plan(&mapping, text)), expected);
}

#[test]
fn free_text_becomes_a_reason_and_stays_a_private_note() {
    let mapping = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/mappings/online-retail.toml"));
    let header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";
    let lines = ["Wet DAMAGED ", "", "thrown away", "owl"];
    let lines = lines.map(|text| format!("1,22138,{text},-3,2011-06-01 10:00:00,0,,UK\n"));
    let batch = plan(&mapping.unwrap(), &(header.to_owned() + &lines.concat()));
    let heads = batch.entries.iter().map(|entry| &entry.plan.as_ref().unwrap().head);
    let told: Vec<_> = heads.map(|head| (head.reason.as_ref().unwrap().as_str(), head.note.as_deref())).collect();
    let expected = [
        ("damaged", Some("Wet DAMAGED")),
        ("unspecified", None),
        ("discarded", Some("thrown away")),
        ("other", Some("owl")),
    ];
    // "thrown away" has "throw" in it.
    assert_eq!(told, expected);
    assert_eq!(shown(&batch)[0], "2 Adjustment 3");
    assert_eq!(
        batch.entries[0].plan.as_ref().unwrap().head.occurred_at.unwrap().to_string(),
        "2011-06-01T09:00:00.000000Z"
    );
}

fn invoices() -> String {
    let mapping = TILL.replace("[\"Receipt\", \"Article\", \"$ordinal\"]", "[\"Receipt\"]\nid.lines = \"together\"");
    mapping.replace(
        "[[rule]]",
        "[[rule]]\nkind = \"waste\"\nwhen = [{ column = \"Article\", equals = \"BIN\" }]\n[[rule]]",
    )
}

#[test]
fn lines_of_one_invoice_that_stand_together_are_one_command() {
    let text = "Receipt,Article,Qty\n1,MUG,1\n1,CUP,2\n2,MUG,3\n1,MUG,4\n2,BIN,5\n2,MUG,6\n";
    let batch = plan(&invoices(), text);
    assert_eq!(shown(&batch), ["2 Sale 1+2", "4 Sale 3", "5 Sale 4", "6 Waste 5", "7 Sale 6"]);
    let ordinals: Vec<_> = batch.entries.iter().map(|entry| entry.origin.ordinal).collect();
    assert_eq!(ordinals, [1, 1, 2, 2, 3]);
}

#[test]
fn an_invoice_with_a_bad_line_is_refused_whole() {
    let text = "Receipt,Article,Qty\n1,MUG,1\n1,CUP,x\n1,CUP,2\n2,MUG,3\n";
    let batch = plan(&invoices(), text);
    assert_eq!(shown(&batch), ["2 QUANTITY", "5 Sale 3"]);
    assert_eq!(batch.entries[0].origin.rows.as_slice(), [0, 1, 2]);
}

#[test]
fn an_invoice_that_can_not_be_read_to_its_end_is_left_for_later() {
    let mut planner = planner(&invoices(), "Receipt,Article,Qty\n").unwrap();
    let mut records = Records::new(&b"1,MUG,1\n2,MUG,1\n2,\"CUP,1\n"[..], b',');
    while let Ok(Some(record)) = records.next() {
        planner.record(&record);
    }
    planner.forget_open();
    assert_eq!(shown(&planner.finish().0), ["1 Sale 1"]);
}

#[test]
fn a_batch_ends_without_cutting_an_invoice() {
    let mut planner = planner(&invoices(), "Receipt,Article,Qty\n").unwrap();
    let text: String =
        (0..20_000).map(|receipt| format!("{receipt},MUG,1\n{receipt},CUP,2\n{receipt},TEA,3\n")).collect();
    let mut records = Records::new(text.as_bytes(), b',');
    let (mut batches, mut lines) = (Vec::new(), 0);
    while let Some(record) = records.next().unwrap() {
        planner.record(&record);
        batches.extend(planner.full_batch());
    }
    batches.push(planner.finish().0);
    assert!(batches.len() >= 3, "{} batches", batches.len());
    for batch in &batches {
        lines += batch.lines;
        for Entry { origin, plan } in &batch.entries {
            let quantities: Vec<_> = plan.as_ref().unwrap().lines.iter().map(|line| line.quantity.0).collect();
            assert_eq!(quantities, [1, 2, 3]);
            let receipts: Vec<_> = origin.rows.iter().map(|row| batch.rows.fields(*row).next().unwrap()).collect();
            assert!(receipts.iter().all(|receipt| *receipt == receipts[0]));
            let first = std::str::from_utf8(receipts[0]).unwrap().parse::<u64>().unwrap();
            assert_eq!(origin.line(&batch.rows), 3 * first + 1);
        }
    }
    let commands: usize = batches.iter().map(|batch| batch.entries.len()).sum();
    assert_eq!((commands, lines), (20_000, 60_000));
}

#[test]
fn a_long_invoice_becomes_several_commands() {
    let mut text = "Receipt,Article,Qty\n".to_owned();
    for line in 0..LINES_MAX + 2 {
        writeln!(text, "1,MUG{line},1").unwrap();
    }
    let batch = plan(&invoices(), &text);
    let lines: Vec<_> = batch.entries.iter().map(|entry| entry.plan.as_ref().unwrap().lines.len()).collect();
    assert_eq!(lines, [LINES_MAX, 2]);
    assert_ne!(batch.entries[0].origin.id, batch.entries[1].origin.id);
}

#[test]
fn each_location_with_a_column_has_its_own_command() {
    let mapping =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/mappings/square-inventory.toml"));
    let text = "Token,SKU,Current Quantity Shop,New Quantity Shop,Current Quantity Depot\n\
                T1,MUG,5,,7.000\nT2,CUP,,,-2\nT3,,1,,1\n";
    let batch = plan(&mapping.unwrap(), text);
    assert_eq!(shown(&batch), ["2 Count 5", "2 Count 7", "3 Adjustment -2"]);
    let codes: Vec<_> = batch.locations.iter().map(|fresh| fresh.code.as_str()).collect();
    assert_eq!(codes, ["Shop", "Depot"]);
    let ids: std::collections::HashSet<_> = batch.entries.iter().map(|entry| entry.origin.id).collect();
    assert_eq!(ids.len(), 3);
}

#[test]
fn a_rejects_file_keeps_ids_whatever_was_mended() {
    let named = TILL.replacen("quantity.value", "external_id = \"{Receipt}/{Article}/{$ordinal}\"\nquantity.value", 1);
    let external = |batch: &Batch, entry: usize| match &batch.entries[entry].plan.as_ref().unwrap().act {
        PlannedAct::Sale(external) => external.to_string(),
        other => panic!("{other:?}"),
    };
    let broken = plan(TILL, "Receipt,Article,Qty\n1,MUG,1\n1,MUG,x\n");
    let origin = &broken.entries[1].origin;
    let text = format!(
        "$reason,$id,$ordinal,$line,$column,Receipt,Article,Qty\nQUANTITY,{0},2,3,,1,MUG,4\nQUANTITY,{0},2,3,,1,CUP,4\nQUANTITY,lost,2,3,,1,CUP,4\n",
        origin.id
    );
    let mended = plan(&named, &text);
    assert_eq!(shown(&mended), ["2 Sale 4", "3 Sale 4", "4 REJECTS_FILE"]);
    let known = mended.entries[..2].iter().map(|entry| (entry.origin.id, entry.origin.ordinal));
    assert!(known.eq([(origin.id, 2); 2]));
    assert_eq!(external(&mended, 0), "1/MUG/2");
    assert_eq!(external(&mended, 1), origin.id.to_string(), "CUP's second line may be another one");
}
