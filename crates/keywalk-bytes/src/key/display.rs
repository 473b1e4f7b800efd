//! Keys, human-readable: on one line, safe on a terminal, and cut if they are long.

use std::fmt::Write;

const MOST_BYTES: usize = 60;
const MOST_CHARS: usize = 120;

/// Formats bytes as hexadecimal digits, or as `empty` if there are none.
pub(super) fn of_bytes(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "empty".to_owned();
    }
    let mut text = String::new();
    // Writing to a string never fails.
    for byte in bytes.iter().take(MOST_BYTES) {
        let _ = write!(text, "{byte:02x}");
    }
    if bytes.len() > MOST_BYTES {
        let _ = write!(text, "... ({} bytes)", bytes.len());
    }
    text
}

/// Formats a text in quotation marks, since it may be empty or part of a tuple, and escaped as in Rust.
pub(super) fn of_text(text: &str) -> String {
    match text.char_indices().nth(MOST_CHARS) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}... ({} bytes)", &text[..end], text.len()),
    }
}
