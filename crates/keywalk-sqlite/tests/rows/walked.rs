//! What came of a walk.

use keywalk::{ChunkSource, Walk};
use keywalk_sqlite::Error;

/// How many rows came, one at a time, and the error after them. Chunk by chunk: what the walk
/// answers after the error is in `walks/once.rs`.
pub(crate) fn rows_and_error<S>(walk: Walk<S>) -> (usize, Option<Error>)
where
    S: ChunkSource<Error = Error>,
{
    let mut chunks = walk.chunk_size(1).chunks();
    let mut rows = 0;
    loop {
        match chunks.next() {
            Ok(Some(items)) => rows += items.len(),
            Ok(None) => return (rows, None),
            Err(keywalk::Error::Source(error)) => {
                assert!(matches!(chunks.next(), Ok(None)), "the walk is fused");
                return (rows, Some(error));
            }
            Err(other) => panic!("{other:?}"),
        }
    }
}
