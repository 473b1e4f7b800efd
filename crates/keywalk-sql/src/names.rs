//! Names in SQL and in messages.

use std::fmt;

use keywalk::Excerpt;

/// A SQL identifier: in double quotes, with inner quotes doubled.
#[derive(Clone, Copy, Debug)]
pub struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for (i, part) in self.0.split('"').enumerate() {
            if i > 0 {
                f.write_str("\"\"")?;
            }
            f.write_str(part)?;
        }
        f.write_str("\"")
    }
}

/// A name in a message: quoted, cut if it is long, and on one line.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a>(pub &'a str);

const NAMED_CHARS: usize = 80;

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Excerpt::new(self.0, NAMED_CHARS).to_string();
        fmt::Display::fmt(&Quoted(&name), f)
    }
}

/// The first of several names, quoted and separated by commas; "none" if there are none.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a>(pub &'a [String]);

const MOST_NAMES: usize = 20;

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (i, name) in self.0.iter().take(MOST_NAMES).enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{}", Named(name))?;
        }
        match self.0.len().checked_sub(MOST_NAMES) {
            None | Some(0) => Ok(()),
            Some(more) => write!(f, " and {more} more"),
        }
    }
}
