//! Keys in words: on one line, fit for a terminal, and cut where they are long.

use std::fmt::Write;

const MOST_BYTES: usize = 60;
const MOST_CHARS: usize = 120;

/// Hexadecimal digits, or a word where there are none.
pub(super) fn of_bytes(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "empty".to_owned();
    }
    let mut text = String::new();
    // A string takes whatever is written.
    for byte in bytes.iter().take(MOST_BYTES) {
        let _ = write!(text, "{byte:02x}");
    }
    if bytes.len() > MOST_BYTES {
        let _ = write!(text, "... ({} bytes)", bytes.len());
    }
    text
}

/// In quotation marks, since it may be empty or stand in a tuple; escaped as Rust writes it.
pub(super) fn of_text(text: &str) -> String {
    match text.char_indices().nth(MOST_CHARS) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}... ({} bytes)", &text[..end], text.len()),
    }
}
