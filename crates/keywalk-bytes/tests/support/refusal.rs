//! How a token of something else is refused. Not this crate's: what the stores' tests share.

use std::fmt::Debug;

use keywalk::{ChunkSource, Error, FingerprintField, ResumableSource, Token, TokenError, Walk};

/// Of a walk's place after its first item, or at its start where there is none.
pub(crate) fn token<S: ChunkSource<Error: Debug> + ResumableSource>(source: S) -> Token {
    let mut items = Walk::new(source).unbounded().items();
    items
        .next()
        .map(|item| item.map_err(drop).expect("the store answers"));
    items.token().expect("the source says what it is")
}

/// Why the source doesn't take it; without what it tells to do.
pub(crate) fn refusal<S: ChunkSource<Error: Debug> + ResumableSource>(
    source: S,
    token: &Token,
) -> TokenError {
    match Walk::new(source).resume_token(token) {
        Err(Error::Token(TokenError::Source { field, here, .. })) => differs(field, &here),
        Err(Error::Token(refusal)) => refusal,
        Err(error) => panic!("{error:?}"),
        Ok(_) => panic!("it is taken"),
    }
}

/// That it is of another source, which says this of itself.
pub(crate) fn differs(field: FingerprintField, here: &str) -> TokenError {
    TokenError::Source {
        field,
        here: here.to_owned(),
        cure: String::new(),
    }
}
