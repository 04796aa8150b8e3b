//! Where a panic ends: at who can say what it stopped.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Does something that may panic.
///
/// # Errors
/// That it panicked, and with what text.
pub(super) fn caught<T>(act: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(act)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        format!("it panicked: {}", text.unwrap_or("without a text"))
    })
}
