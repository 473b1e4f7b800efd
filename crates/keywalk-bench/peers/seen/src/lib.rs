//! The count and the command line of every peer written in Rust.

#![forbid(unsafe_code)]

use std::env;
use std::error::Error;
use std::fmt;
use std::hint::black_box;
use std::io;

/// The arguments of a peer: `WAY STORE`.
#[derive(Debug)]
pub struct Args {
    /// The way to walk the table; `sqlite` prints SQLite's version instead.
    pub way: String,
    /// The database: a file of SQLite, or the URL of a database of PostgreSQL.
    pub store: String,
}

impl Args {
    /// Reads the arguments of this process.
    ///
    /// # Errors
    ///
    /// If there are fewer than two.
    pub fn of_this_process() -> Result<Self, Box<dyn Error>> {
        let mut args = std::env::args().skip(1);
        match (args.next(), args.next()) {
            (Some(way), Some(store)) => Ok(Self { way, store }),
            _ => Err("give WAY and STORE".into()),
        }
    }

    /// Returns the error for a way that this peer doesn't have.
    #[must_use]
    pub fn unknown(&self) -> Box<dyn Error> {
        format!("no such way: {}", self.way).into()
    }
}

/// Sums the rows that it sees, to check that all peers did the same work.
#[derive(Debug)]
pub struct Seen {
    rows: u64,
    sum: u64,
    /// The row after which it prints `paused`, and waits for a line.
    pause_at: Option<u64>,
}

/// Pauses after as many rows as the environment variable `PAUSE_AT` says.
impl Default for Seen {
    fn default() -> Self {
        let pause_at = env::var("PAUSE_AT").ok();
        Seen {
            rows: 0,
            sum: 0,
            pause_at: pause_at.and_then(|row| row.parse().ok()),
        }
    }
}

impl Seen {
    /// Adds a row.
    pub fn see(&mut self, id: i64, name: &str, photo: &[u8]) {
        // Only lengths are used: without this, the compiler might never copy the row.
        let (name, photo) = black_box((name, photo));
        self.see_bytes(id, name.len() + photo.len());
    }

    /// Adds a row by its key and the byte lengths of its name and its photo.
    pub fn see_bytes(&mut self, id: i64, bytes: usize) {
        self.rows += 1;
        let row = id as u64 + bytes as u64;
        self.sum = self.sum.wrapping_mul(31).wrapping_add(row);
        if self.pause_at == Some(self.rows) {
            pause();
        }
    }

    /// Returns the number of rows.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }
}

#[cold]
fn pause() {
    println!("paused");
    let _ = io::stdin().read_line(&mut String::new());
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.rows, self.sum)
    }
}
