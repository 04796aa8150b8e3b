//! Plots beside what a command shows: `--plot FILE.svg`.

use super::Format;
use super::context::Context;
use super::failure::Failure;
use counterfoil::Zone;
use counterfoil::plot::PlotError;
use std::fs::{self, File};
use std::io::Write;
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
    pub fn check(&self) -> Result<(), Failure> {
        let Some(file) = &self.plot else { return Ok(()) };
        let no = |why: &str| Err(Failure::Refused(format!("the plot can't be written to {}: {why}", file.display())));
        match () {
            () if file.is_dir() => no("it is a directory; name a file, such as plot.svg"),
            () if file.file_name().is_none() => no("it names no file"),
            () if !directory_of(file).is_dir() => no("its directory does not exist"),
            () => Ok(()),
        }
    }

    /// Writes the picture whole or not at all.
    pub fn write(&self, svg: Option<String>) -> Result<(), Failure> {
        let (Some(file), Some(svg)) = (&self.plot, svg) else { return Ok(()) };
        let unable = |error| Failure::Unable(format!("the plot can't be written to {}: {error}", file.display()));
        write_whole(file, svg.as_bytes()).map_err(unable)
    }

    /// Says where it is, to people.
    pub fn tell(&self, context: &mut Context<'_>) -> Result<(), Failure> {
        match (&self.plot, context.format()) {
            (Some(file), Format::Table) => Ok(writeln!(context.out, "  plotted in {}", file.display())?),
            _ => Ok(()),
        }
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
