//! How a walk puts its questions to the source.

use super::Chunks;
use crate::state::{Ask, State};
use crate::{Chunk, ChunkSource, Error, Fetched, Violation};

impl<S: ChunkSource> Chunks<S> {
    /// Fetches until there is an item. `false` at the end.
    pub(crate) fn advance(&mut self) -> Result<bool, Error<S::Error>> {
        if self.fused {
            return Ok(false);
        }
        let advanced = self.ask_until_items();
        self.fused = !matches!(advanced, Ok(true));
        advanced
    }

    fn ask_until_items(&mut self) -> Result<bool, Error<S::Error>> {
        loop {
            match self.ask()? {
                Asked::Items => return Ok(true),
                Asked::Nothing => return Ok(false),
                Asked::Moved => {}
            }
        }
    }

    /// Puts one question to the store.
    pub(super) fn ask(&mut self) -> Result<Asked, Error<S::Error>> {
        if let Some(mismatch) = self.mismatch.take() {
            return Err(Error::Cursor(mismatch));
        }
        self.is_lent = false;
        let source = &mut self.source;
        let chunk = &mut self.chunk;
        let clock = &self.clock;
        match self.state.ask() {
            Ask::Nothing => return Ok(Asked::Nothing),
            Ask::LastKey(range) => {
                let (answer, _) = self.stats.time(clock, || source.last_key(range));
                self.state
                    .last_key(answer.map_err(Error::Source)?)
                    .map_err(Error::Contract)?;
            }
            Ask::LastItem(range) => {
                let mut last = Chunk::with_limit(1);
                let (answer, _) = self.stats.time(clock, || source.fetch(range, &mut last));
                take(&mut self.state, source, &last, 1, answer)?;
            }
            Ask::Items(range) => {
                let limit = self.pace.map_or(self.chunk_size, |pace| pace.size());
                chunk.begin(limit, self.budget);
                let (answer, took) = self.stats.time(clock, || source.fetch(range, chunk));
                if answer.is_ok() && chunk.exceeds(self.budget) {
                    return Err(Error::Contract(Violation::Overfull));
                }
                take(&mut self.state, source, chunk, limit, answer)?;
                if let Some(pace) = &mut self.pace {
                    pace.fetched(chunk.len(), took);
                }
                if !chunk.is_empty() {
                    self.stats.chunks += 1;
                    self.is_lent = true;
                    return Ok(Asked::Items);
                }
            }
        }
        Ok(Asked::Moved)
    }
}

/// What came of one question, while the chunk keeps its items.
pub(super) enum Asked {
    Items,
    Moved,
    Nothing,
}

/// Tells the state what a fetch answered.
fn take<S: ChunkSource>(
    state: &mut State<S::Key>,
    source: &S,
    chunk: &Chunk<S::Item>,
    limit: usize,
    answer: Result<Fetched<S::Key>, S::Error>,
) -> Result<(), Error<S::Error>> {
    let answer = answer.map_err(Error::Source)?;
    state
        .fetched(chunk, limit, |item| source.key_of(item), answer)
        .map_err(Error::Contract)
}
