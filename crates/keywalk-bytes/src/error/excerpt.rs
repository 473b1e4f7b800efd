use std::fmt;
use std::str;

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

/// How many characters of a name are shown at most.
const MOST_CHARS: usize = 120;

/// A table's name: in quotation marks and shortened, or in hexadecimal if it isn't text.
pub(super) struct NameExcerpt<'a>(pub(super) &'a [u8]);

impl fmt::Display for NameExcerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ok(name) = str::from_utf8(self.0) else {
            return KeyExcerpt(self.0).fmt(f);
        };
        match name.char_indices().nth(MOST_CHARS) {
            None => write!(f, "{name:?}"),
            Some((end, _)) => write!(f, "{:?}…", &name[..end]),
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
