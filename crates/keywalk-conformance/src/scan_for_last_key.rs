use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, Keyed, LastKey, forward_source};

/// A source that goes up only and can't know its last key, made one that does: by fetching to the end.
///
/// Its walks are [`unbounded`](keywalk::Walk::unbounded) in use; the kit tries bounded ones too, over
/// `type Source<'a> = ScanForLastKey<Items>`. It reads all of a range for its last key, so a harness that
/// [counts](crate::Harness::rows_read) doesn't go with it.
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
                // The end, or no progress: what a source answers that makes none is for the checks to find.
                _ => return Ok(last.into()),
            }
        }
    }
}
