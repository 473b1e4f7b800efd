use std::fmt;
use std::str;

use sled::IVec;

/// How many bytes of a key are shown at most.
const MOST_BYTES: usize = 32;

/// A key's bytes, in hexadecimal and, if they are printable, as text.
pub(super) struct KeyExcerpt<'a>(pub(super) &'a [u8]);

impl fmt::Display for KeyExcerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0;
        if bytes.is_empty() {
            return f.write_str("of no bytes");
        }
        let shown = &bytes[..bytes.len().min(MOST_BYTES)];
        f.write_str("0x")?;
        for byte in shown {
            write!(f, "{byte:02x}")?;
        }
        let shortened = shown.len() < bytes.len();
        if shortened {
            write!(f, "… of {} bytes", bytes.len())?;
        }
        match beginning(shown, shortened) {
            Some(text) if !text.chars().any(char::is_control) => {
                write!(f, " ({text:?}{})", if shortened { "…" } else { "" })
            }
            _ => Ok(()),
        }
    }
}

/// Returns the bytes as text if they are UTF-8. If they were shortened, an incomplete last character is left
/// out.
fn beginning(bytes: &[u8], shortened: bool) -> Option<&str> {
    match str::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) if shortened && error.error_len().is_none() => {
            str::from_utf8(&bytes[..error.valid_up_to()]).ok()
        }
        Err(_) => None,
    }
}

/// A text in quotation marks, shortened: sled puts whole trees into some of its texts.
pub(super) struct TextExcerpt<'a>(pub(super) &'a str);

/// How many characters of a text are shown at most.
const MOST_CHARS: usize = 120;

impl fmt::Display for TextExcerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(MOST_CHARS) {
            None => write!(f, "{:?}", self.0),
            Some((end, _)) => write!(f, "{:?}…", &self.0[..end]),
        }
    }
}

/// A tree's name, shown as `tree "items"` or `the default tree`.
pub(crate) struct TreeName(pub(crate) IVec);

impl fmt::Display for TreeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match str::from_utf8(&self.0) {
            Ok("__sled__default") => f.write_str("the default tree"),
            Ok(name) => write!(f, "tree {}", TextExcerpt(name)),
            Err(_) => write!(f, "tree {}", KeyExcerpt(&self.0)),
        }
    }
}

/// A type's name without its modules.
pub(crate) struct TypeName(pub(crate) &'static str);

impl fmt::Display for TypeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_of_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
        for part in self.0.split_inclusive(|c| !is_of_path(c)) {
            f.write_str(part.rsplit("::").next().unwrap_or(part))?;
        }
        Ok(())
    }
}
