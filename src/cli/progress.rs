//! Bars on standard error for long work, on a terminal only.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar; where standard error is not a terminal it does nothing.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar of events.
    pub fn of_events(what: &'static str) -> Self {
        Self::new(what, "{msg} {wide_bar} {human_pos} of {human_len} events, {per_sec}, {eta} left")
    }

    /// A bar of bytes.
    pub fn of_bytes(what: &'static str) -> Self {
        Self::new(what, "{msg} {wide_bar} {bytes} of {total_bytes}, {eta} left")
    }

    /// What is being done, where nobody knows how long it takes.
    pub fn of_unknown_length(what: &'static str) -> Self {
        Self::new(what, "{msg} …")
    }

    fn new(what: &'static str, template: &str) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style);
        bar.set_message(what);
        Self { bar }
    }

    /// How far it is.
    pub fn set(&self, done: u64, of: u64) {
        self.bar.set_length(of);
        self.bar.set_position(done);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
