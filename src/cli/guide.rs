//! `guide`: the library's guides, as text.

use super::Format;
use super::context::Context;
use super::failure::Failure;
use super::sheet::Column;
use clap::builder::PossibleValuesParser;
use counterfoil::guide::{GUIDES, Guide, named};
use serde_json::{Value, json};

/// Print a guide, or list the guides.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  counterfoil guide\n  counterfoil guide troubleshooting | less")]
pub struct Args {
    /// The guide; all are listed without it.
    #[arg(value_name = "NAME", value_parser = PossibleValuesParser::new(GUIDES.iter().map(|guide| guide.name)))]
    name: Option<String>,
}

const LIST: &[Column] = &[Column::text("name", "name"), Column::text("title", "about")];
const WHOLE: &[Column] = &[Column::text("name", "name"), Column::text("title", "about"), Column::text("text", "text")];

/// Prints the guide as it is for people, with its name and title for programs.
pub fn run(args: &Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let Some(name) = &args.name else {
        let rows: Vec<Value> = GUIDES.iter().map(|guide| json!({"name": guide.name, "title": guide.title})).collect();
        return context.list(LIST, &rows);
    };
    let Some(guide) = named(name) else {
        return Err(Failure::Usage(format!("there is no guide {name}; list them with counterfoil guide")));
    };
    print(guide, context)
}

fn print(guide: &Guide, context: &mut Context<'_>) -> Result<(), Failure> {
    let Guide { name, title, text } = *guide;
    let whole = json!({"name": name, "title": title, "text": text});
    match context.format() {
        Format::Table => Ok(context.out.write_all(text.as_bytes())?),
        Format::Json => {
            serde_json::to_writer(&mut *context.out, &whole)?;
            Ok(context.out.write_all(b"\n")?)
        }
        Format::Csv => context.list(WHOLE, &[whole]),
    }
}
