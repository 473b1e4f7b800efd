use core::fmt;

/// Displays untrusted text in a message: on one line, shortened, and without characters that a terminal would
/// interpret or hide. Costs O(characters shown).
///
/// Unprintable characters are escaped as [`char::escape_debug`] does: line breaks, escape sequences, marks that
/// change the direction of writing. Quotation marks and backslashes stay, so text that was already escaped is
/// shown unchanged.
///
/// ```
/// use keywalk::Excerpt;
///
/// assert_eq!(Excerpt::new("two\nlines", 80).to_string(), r"two\nlines");
/// assert_eq!(Excerpt::new("a long key", 6).to_string(), "a long... (10 bytes)");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Excerpt<'a> {
    text: &'a str,
    most_chars: usize,
}

impl<'a> Excerpt<'a> {
    /// Creates an excerpt that shows at most `most_chars` characters of `text`.
    #[must_use]
    pub fn new(text: &'a str, most_chars: usize) -> Self {
        Excerpt { text, most_chars }
    }
}

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cut = self.text.char_indices().nth(self.most_chars);
        let end = cut.map_or(self.text.len(), |(end, _)| end);
        let stays = |c: char| matches!(c, '"' | '\'' | '\\');
        for part in self.text[..end].split_inclusive(stays) {
            let before = part.trim_end_matches(stays);
            // Escaped as a whole, because an accent is printable only after its letter.
            write!(f, "{}{}", before.escape_debug(), &part[before.len()..])?;
        }
        match cut {
            Some(_) => write!(f, "... ({} bytes)", self.text.len()),
            None => Ok(()),
        }
    }
}
