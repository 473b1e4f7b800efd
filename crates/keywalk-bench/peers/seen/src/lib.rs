//! What every peer written in Rust counts, and how it is called.

#![forbid(unsafe_code)]

use std::error::Error;
use std::fmt;
use std::hint::black_box;

/// The arguments of a peer: `WAY FILE`.
#[derive(Debug)]
pub struct Args {
    /// How the table is walked; `sqlite` prints SQLite's version instead.
    pub way: String,
    /// The database.
    pub file: String,
}

impl Args {
    /// Reads those of this process.
    ///
    /// # Errors
    ///
    /// If there are fewer than two.
    pub fn of_this_process() -> Result<Self, Box<dyn Error>> {
        let mut args = std::env::args().skip(1);
        match (args.next(), args.next()) {
            (Some(way), Some(file)) => Ok(Self { way, file }),
            _ => Err("give WAY and FILE".into()),
        }
    }

    /// The error that the way isn't one of this peer's.
    #[must_use]
    pub fn unknown(&self) -> Box<dyn Error> {
        format!("no such way: {}", self.way).into()
    }
}

/// Sums the rows that it sees, so that all peers can be seen to have done the same work.
#[derive(Debug, Default)]
pub struct Seen {
    rows: u64,
    sum: u64,
}

impl Seen {
    /// Takes in a row.
    pub fn see(&mut self, id: i64, name: &str, photo: &[u8]) {
        // Only lengths are asked for: without this a copy of the row might never be made.
        let (name, photo) = black_box((name, photo));
        self.see_bytes(id, name.len() + photo.len());
    }

    /// Takes in a row by its key and by how many bytes its name and its photo have.
    pub fn see_bytes(&mut self, id: i64, bytes: usize) {
        self.rows += 1;
        let row = id as u64 + bytes as u64;
        self.sum = self.sum.wrapping_mul(31).wrapping_add(row);
    }

    /// How many rows it saw.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.rows, self.sum)
    }
}
