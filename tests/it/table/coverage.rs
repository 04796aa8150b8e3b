//! Which answers each command can give; the tables must show every one.

use std::collections::BTreeSet;

/// What every command can answer.
const EVERY: &str = "ok duplicate LIMIT_EXCEEDED INVALID_FIELD COMMAND_ID_REUSED CAUSE_NOT_FOUND";
/// What every command with lines can answer besides.
const LINES: &str = "INVALID_QUANTITY PRODUCT_NOT_FOUND LOCATION_NOT_FOUND LOT_NOT_FOUND VERSION_CONFLICT";
const UNAVAILABLE: &str = "PRODUCT_UNAVAILABLE LOCATION_UNAVAILABLE LOT_UNAVAILABLE";

/// (commands, with lines or not, what else they can answer)
const ANSWERS: &[(&str, bool, &str)] = &[
    ("receive sale pos-return waste receipt correction adjust arrive", true, "OCCURRED_IN_FUTURE OVERFLOW"),
    ("count", true, "OCCURRED_IN_FUTURE PERIOD_CLOSED OVERFLOW"),
    ("ship", true, "OCCURRED_IN_FUTURE OVERFLOW"),
    ("return", true, "OCCURRED_IN_FUTURE OVERFLOW RETURN_EXCEEDS_SHIPPED"),
    ("close", false, "OCCURRED_IN_FUTURE OVERFLOW TRANSFER_NOT_FOUND"),
    ("reserve", true, "INSUFFICIENT_STOCK"),
    ("amend", true, "INSUFFICIENT_STOCK NO_RESERVATION NO_CHANGE"),
    ("extend", false, "NO_RESERVATION NO_CHANGE"),
    ("fulfil", true, "NO_RESERVATION QUANTITY_MISMATCH INSUFFICIENT_STOCK OVERFLOW"),
    ("fulfil_left", true, "OCCURRED_IN_FUTURE OVERFLOW"),
    ("release", true, "NO_RESERVATION QUANTITY_MISMATCH"),
    ("reclassify", true, "INSUFFICIENT_STOCK OVERFLOW"),
    ("acknowledge", false, "ALERT_NOT_FOUND ALERT_CLOSED NO_CHANGE"),
    ("resolve dismiss", false, "ALERT_NOT_FOUND ALERT_CLOSED"),
    ("item location", false, "ALREADY_EXISTS"),
    ("lot", false, "ALREADY_EXISTS PRODUCT_NOT_FOUND"),
    ("decimals", false, "PRODUCT_NOT_FOUND NO_CHANGE DECIMALS_FIXED"),
    ("status", false, "PRODUCT_NOT_FOUND NO_CHANGE"),
    ("location-status", false, "LOCATION_NOT_FOUND NO_CHANGE"),
    ("lot-status", false, "LOT_NOT_FOUND NO_CHANGE"),
    ("alias", false, "PRODUCT_NOT_FOUND LOCATION_NOT_FOUND LOT_NOT_FOUND ALREADY_EXISTS"),
    ("rename", false, "ALIAS_NOT_FOUND ALREADY_EXISTS NO_CHANGE"),
    ("merge", false, "PRODUCT_NOT_FOUND LOCATION_NOT_FOUND LOT_NOT_FOUND ALIAS_NOT_FOUND NO_CHANGE"),
    ("retire", false, "ALIAS_NOT_FOUND"),
    ("period", false, "PERIOD_CLOSED LOCATION_NOT_FOUND NO_CHANGE"),
    ("point", false, "INVALID_QUANTITY PRODUCT_NOT_FOUND LOCATION_NOT_FOUND LOT_NOT_FOUND NO_CHANGE"),
];

/// The (command, answer) pairs that no row has shown.
pub fn missing(seen: &BTreeSet<(String, String)>) -> Vec<String> {
    let mut missing = Vec::new();
    for (commands, has_lines, others) in ANSWERS {
        let lines = if *has_lines { LINES } else { "" };
        let unavailable = if matches!(*commands, "reserve" | "amend") { UNAVAILABLE } else { "" };
        for command in commands.split(' ').map(|command| command.replace('_', " ")) {
            let answers = [EVERY, lines, unavailable, others].into_iter().flat_map(str::split_whitespace);
            let unseen = answers.filter(|answer| !seen.contains(&(command.clone(), answer.to_string())));
            missing.extend(unseen.map(|answer| format!("{command} -> {answer}")));
        }
    }
    missing.sort();
    missing.dedup();
    missing
}
