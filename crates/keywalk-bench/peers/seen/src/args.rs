use std::error::Error;

/// The arguments of a peer: `WAY FILE`.
#[derive(Debug)]
pub struct Args {
    /// How the table is walked; `sqlite` prints SQLite's version instead.
    pub way: String,
    /// The database.
    pub file: String,
}

impl Args {
    /// Those of this process.
    ///
    /// # Errors
    ///
    /// Where there are fewer than two.
    pub fn of_this_process() -> Result<Self, Box<dyn Error>> {
        let mut args = std::env::args().skip(1);
        match (args.next(), args.next()) {
            (Some(way), Some(file)) => Ok(Self { way, file }),
            _ => Err("give WAY and FILE".into()),
        }
    }

    /// That the way isn't one of this peer's.
    #[must_use]
    pub fn unknown(&self) -> Box<dyn Error> {
        format!("no such way: {}", self.way).into()
    }
}
