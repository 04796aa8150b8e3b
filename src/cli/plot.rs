//! Plots beside what a command shows: `--plot FILE.svg`.

use super::Format;
use super::context::Context;
use super::failure::Failure;
use super::seen;
use counterfoil::Zone;
use counterfoil::plot::PlotError;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Where a plot is written, if one is wanted.
#[derive(Clone, Debug, clap::Args)]
pub struct PlotArgs {
    /// Draw it too, as SVG in this file; one that is there is replaced.
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
}

impl From<PlotError> for Failure {
    fn from(error: PlotError) -> Self {
        match error {
            PlotError::Empty => Self::Refused(error.to_string()),
            _ => Self::Unable(error.to_string()),
        }
    }
}

impl PlotArgs {
    /// Whether one is wanted.
    pub const fn is_wanted(&self) -> bool {
        self.plot.is_some()
    }

    /// Refuses what can't become a file, before anything else is done.
    pub fn check(&self, context: &Context<'_>) -> Result<(), Failure> {
        let Some(file) = &self.plot else { return Ok(()) };
        context.keep_out(file)?;
        let no = |why: &str| Err(Failure::Refused(format!("the plot can't be written to {}: {why}", seen::path(file))));
        match () {
            () if file.is_dir() => no("it is a directory; name a file, such as plot.svg"),
            () if file.exists() && !file.is_file() => no("it is there and no plain file"),
            () if file.file_name().is_none() => no("it names no file"),
            () if !directory_of(file).is_dir() => no("its directory does not exist"),
            () => Ok(()),
        }
    }

    /// Writes the picture behind what it was shown beside, and says to people where it is. Where that could not be shown
    /// nothing is written, unless whoever reads has only seen enough.
    pub fn write_behind(
        &self,
        shown: Result<(), Failure>,
        svg: Option<String>,
        context: &mut Context<'_>,
    ) -> Result<(), Failure> {
        let (Some(file), Some(svg)) = (&self.plot, svg) else { return shown };
        match shown.and_then(|()| Ok(context.out.flush()?)) {
            Err(Failure::Output(error)) if error.kind() == ErrorKind::BrokenPipe => return Self::write(file, &svg),
            shown => shown?,
        }
        if context.outcomes.is_output_lost() {
            return Ok(());
        }
        Self::write(file, &svg)?;
        context.outcomes.durable(format!("plotted in {}", seen::path(file)));
        match context.format() {
            Format::Table => Ok(writeln!(context.out, "  plotted in {}", seen::path(file))?),
            Format::Json | Format::Csv => Ok(()),
        }
    }

    /// Writes the picture whole or not at all.
    fn write(file: &Path, svg: &str) -> Result<(), Failure> {
        let unable = |error| Failure::Unable(format!("the plot can't be written to {}: {error}", seen::path(file)));
        // What a link leads to is replaced, not the link.
        let place = file.canonicalize().unwrap_or_else(|_| file.to_owned());
        write_whole(&place, svg.as_bytes()).map_err(unable)
    }
}

fn directory_of(file: &Path) -> &Path {
    file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes a file beside its place, syncs it and moves it there.
fn write_whole(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut name = std::ffi::OsString::from(".");
    name.push(file.file_name().unwrap_or_default());
    name.push(format!(".{}.part", std::process::id()));
    let part = directory_of(file).join(name);
    let mut written = File::create_new(&part)?;
    let done = written.write_all(bytes).and_then(|()| written.sync_all()).and_then(|()| fs::rename(&part, file));
    if done.is_err() {
        let _ = fs::remove_file(&part);
    }
    done
}

/// A location's time zone; UTC where several are meant.
pub fn zone_of(zone: Option<&Zone>) -> chrono_tz::Tz {
    zone.and_then(|zone| zone.as_str().parse().ok()).unwrap_or(chrono_tz::UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let names = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect()
    }

    #[test]
    fn a_file_is_written_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("plot.svg");
        for text in ["<svg>1</svg>", "<svg/>"] {
            write_whole(&file, text.as_bytes()).unwrap();
            assert_eq!((fs::read_to_string(&file).unwrap().as_str(), names(dir.path()).len()), (text, 1));
        }
        // It can be written and not be moved to its place.
        let taken = dir.path().join("taken");
        fs::create_dir_all(taken.join("full")).unwrap();
        assert!(write_whole(&taken, b"<svg/>").is_err());
        assert!(taken.join("full").is_dir() && names(dir.path()).len() == 2, "nothing is left beside it");
    }
}
