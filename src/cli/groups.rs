//! The list of commands in `--help`, grouped by what they are for.

use clap::Command;
use std::fmt::Write;

/// What commands are for, in the order in which they are shown; a command that is in no group stands under the last.
const GROUPS: &[(&str, &[&str])] = &[
    ("Goods", &["receive", "sell", "return", "adjust", "count", "reclassify", "transfer"]),
    ("Promises", &["reserve", "amend", "extend", "fulfil", "release"]),
    ("What there is", &["item", "location", "lot", "alias", "reorder-point", "close-period"]),
    (
        "Look",
        &[
            "stock",
            "explain",
            "difference",
            "reservations",
            "holders",
            "oversold",
            "alerts",
            "report",
            "events",
            "periods",
            "note",
            "info",
        ],
    ),
    ("Many at once, or only asked", &["apply", "import", "would"]),
    ("Proof", &["head", "verify", "export", "replay", "snapshot", "salvage"]),
];
const OTHERS: &str = "The ledger and the tool";

/// The command, with its list of commands grouped.
pub fn grouped(command: Command) -> Command {
    let list = list(&command);
    let template = "{about-with-newline}\n{usage-heading} {usage}\n{before-help}Options:\n{options}{after-help}";
    command.before_help(list.clone()).before_long_help(list).help_template(template)
}

fn list(command: &Command) -> String {
    let grouped = |name: &str| GROUPS.iter().any(|(_, names)| names.contains(&name));
    let all: Vec<&Command> = command.get_subcommands().filter(|command| !command.is_hide_set()).collect();
    let wide = all.iter().map(|command| command.get_name().len()).max().unwrap_or(0);
    let mut text = String::new();
    let mut group = |heading: &str, members: &[&Command]| {
        if !members.is_empty() {
            let _ = writeln!(text, "\n{heading}:");
        }
        for member in members {
            let about = member.get_about().map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(text, "  {:<wide$}  {about}", member.get_name());
        }
    };
    for (heading, names) in GROUPS {
        let members = names.iter().filter_map(|name| all.iter().copied().find(|command| command.get_name() == *name));
        group(heading, &members.collect::<Vec<_>>());
    }
    let others: Vec<&Command> = all.iter().copied().filter(|command| !grouped(command.get_name())).collect();
    group(OTHERS, &others);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Arguments;
    use clap::CommandFactory;

    #[test]
    fn every_command_is_well_formed_and_listed_once() {
        let mut command = grouped(Arguments::command());
        command.build();
        command.clone().debug_assert();
        let help = command.render_help().to_string();
        for member in command.get_subcommands().filter(|member| member.get_name() != "help") {
            let start = format!("\n  {} ", member.get_name());
            assert_eq!(help.matches(&start).count(), 1, "{}: {help}", member.get_name());
        }
    }
}
