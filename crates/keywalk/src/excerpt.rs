use core::fmt;

/// A text from elsewhere in a message: on one line, without what a terminal would act on or hide, and cut
/// where it is long.
///
/// What isn't printable is escaped as [`char::escape_debug`] does: line breaks, escape sequences, marks that
/// turn the direction of writing. Quotation marks and backslashes stay, so a text that was escaped is shown
/// as it is. Costs O(characters shown).
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
    /// The text, of which at most so many characters are shown.
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
            // As a whole: an accent that follows its letter is printable.
            write!(f, "{}{}", before.escape_debug(), &part[before.len()..])?;
        }
        match cut {
            Some(_) => write!(f, "... ({} bytes)", self.text.len()),
            None => Ok(()),
        }
    }
}
