use std::io::{BufRead, Write, stdin, stdout};
use std::path::PathBuf;

use keywalk::{Chunk, ChunkSource};
use keywalk_conformance::history::Clock;

use crate::database::Database;
use crate::message::{Command, fetched_line, last_key_line};
use crate::store::Store;
use crate::trouble::{BoxError, Mischief};
use crate::witness::Log;
use keywalk_examples::Random;

/// The process that is killed: does what it is told on its standard input, until that ends.
pub(crate) fn run(file: PathBuf) -> Result<(), BoxError> {
    // Ctrl-C is its parent's to act upon, which closes the input.
    ctrlc::set_handler(|| {})?;
    let database = Database::at(file)?;
    let mut writes = database.connect()?;
    let reads = database.connect()?;
    let log = Log::new(Clock::default());
    let mut source = database.source(&reads, &log, Mischief::new(Random::new(0), None))?;
    for line in stdin().lock().lines() {
        let answer = match Command::parse(&line?)? {
            Command::Change(number, steps) => database
                .change_numbered(&mut writes, &steps, number)
                .map(|_| "done\n".to_owned()),
            Command::Fetch(limit, range) => {
                let mut chunk = Chunk::with_limit(limit);
                let fetched = source.fetch(&range, &mut chunk).map_err(Into::into);
                fetched.map(|fetched| fetched_line(fetched, chunk.as_slice()))
            }
            Command::LastKey(range) => source
                .last_key(&range)
                .map(last_key_line)
                .map_err(Into::into),
        };
        // What it asked is the parent's to judge.
        drop(log.take());
        let answer = answer.unwrap_or_else(|error| format!("failed: {error}\n"));
        let mut stdout = stdout().lock();
        stdout.write_all(answer.as_bytes())?;
        stdout.flush()?;
    }
    Ok(())
}
