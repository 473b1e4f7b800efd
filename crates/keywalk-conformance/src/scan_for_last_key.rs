use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, Keyed, LastKey, forward_source};

/// Wraps a source that is ascending only and doesn't know its last key. Finds that key by fetching to the end.
///
/// Use it in a harness, as `type Source<'a> = ScanForLastKey<Items>`, because the kit also tests bounded walks. In
/// production such a source is walked [`unbounded`](keywalk::Walk::unbounded). This wrapper reads a whole range to
/// find the last key, so the harness can't declare [`counting`](crate::Capabilities::counting).
#[derive(Debug)]
pub struct ScanForLastKey<S>(pub S);

forward_source!([S: ChunkSource] ScanForLastKey<S> => S, |source| source.0);

#[deny(clippy::missing_trait_methods)]
impl<S: ChunkSource> ChunkSource for ScanForLastKey<S> {
    fn fetch(
        &mut self,
        range: &KeyRange<S::Key>,
        chunk: &mut Chunk<S::Item>,
    ) -> Result<Fetched<S::Key>, S::Error> {
        self.0.fetch(range, chunk)
    }

    fn last_key(&mut self, range: &KeyRange<S::Key>) -> Result<LastKey<S::Key>, S::Error> {
        let (mut rest, mut last) = (range.clone(), None);
        loop {
            let mut chunk = Chunk::with_limit(1_000);
            let fetched = self.0.fetch(&rest, &mut chunk)?;
            let end = chunk.as_slice().last().map(Keyed::key);
            last = end.clone().or(last);
            match (fetched, end) {
                (Fetched::ScannedTo(key), _) | (Fetched::More, Some(key))
                    if rest.may_contain(&key) =>
                {
                    rest.start_after(key);
                }
                // The end, or no progress. The checks find a source that makes no progress.
                _ => return Ok(last.into()),
            }
        }
    }
}
