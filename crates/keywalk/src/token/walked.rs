//! How a walk's cursor becomes a token, and a token a walk.

use crate::{Chunks, DurableSource, Error, Items, Token, Walk};

impl<S: DurableSource> Walk<S> {
    /// Goes on from a cursor that was written down, by this process or another one, as
    /// [`resume`](Self::resume) does.
    ///
    /// # Errors
    ///
    /// [`Error::Token`] if the token is of another store, table, key or filter than this walk's source,
    /// and [`Error::Source`] if the source can't say what it walks.
    pub fn resume_token(self, token: &Token) -> Result<Self, Error<S::Error>> {
        let cursor = token.cursor(self.source())?;
        Ok(self.resume(cursor))
    }
}

impl<S: DurableSource> Items<S> {
    /// [`cursor`](Self::cursor), written down for another process.
    ///
    /// # Errors
    ///
    /// The source's, if it can't say what it walks.
    pub fn token(&self) -> Result<Token, S::Error> {
        Token::new(&self.cursor(), self.source())
    }
}

impl<S: DurableSource> Chunks<S> {
    /// [`cursor`](Self::cursor), written down for another process.
    ///
    /// # Errors
    ///
    /// The source's, if it can't say what it walks.
    pub fn token(&self) -> Result<Token, S::Error> {
        Token::new(&self.cursor(), self.source())
    }
}
