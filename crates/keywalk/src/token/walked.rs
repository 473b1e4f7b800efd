//! How a walk's cursor becomes a token, and a token a walk.

use crate::{ChunkSource, Chunks, DurableSource, Error, Items, Token, Walk};

impl<S: ChunkSource> Walk<S> {
    /// Goes on from a cursor that was written down, by this process or another one, as
    /// [`resume`](Self::resume) does.
    ///
    /// # Errors
    ///
    /// [`Error::Token`] if the token is of another store, table, key or filter than this walk's source, or
    /// holds a key that isn't one of the source's; and [`Error::Source`] if the source can't say what it walks.
    pub fn resume_token(self, token: &Token) -> Result<Self, Error<S::Error>>
    where
        S: DurableSource,
    {
        let cursor = token.cursor(self.source())?;
        Ok(self.resume(cursor))
    }
}

impl<S: ChunkSource> Items<S> {
    /// [`cursor`](Self::cursor), written down for another process.
    ///
    /// # Errors
    ///
    /// The source's, if it can't say what it walks.
    pub fn token(&self) -> Result<Token, S::Error>
    where
        S: DurableSource,
    {
        Token::new(&self.cursor(), self.source())
    }
}

impl<S: ChunkSource> Chunks<S> {
    /// [`cursor`](Self::cursor), written down for another process.
    ///
    /// # Errors
    ///
    /// The source's, if it can't say what it walks.
    pub fn token(&self) -> Result<Token, S::Error>
    where
        S: DurableSource,
    {
        Token::new(&self.cursor(), self.source())
    }
}
