//! Keys in words.

use std::fmt::Write;

/// Hexadecimal digits, or a word where there are none.
pub(super) fn of_bytes(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "empty".to_owned();
    }
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
            // A string takes whatever is written.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// In quotation marks, since it may be empty or stand in a tuple; on one line.
pub(super) fn of_text(text: &str) -> String {
    format!("{text:?}")
}
