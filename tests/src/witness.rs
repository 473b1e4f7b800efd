use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, LastKey};

/// What a walk asked its source, and what the answer was.
#[derive(Clone, Debug)]
pub enum Question<K> {
    /// For the last key.
    LastKey {
        /// Of this range.
        range: KeyRange<K>,
        /// So the source said.
        answer: LastKey<K>,
    },
    /// For items.
    Fetch {
        /// Of this range.
        range: KeyRange<K>,
        /// At most so many.
        limit: usize,
        /// What was in the chunk.
        items: Vec<(K, u64)>,
        /// How far the source got.
        answer: Fetched<K>,
    },
}

/// A wrapper that writes down every question and answer.
#[derive(Debug)]
pub struct Witness<S: ChunkSource> {
    source: S,
    value: fn(&S::Item) -> u64,
    questions: Vec<Question<S::Key>>,
}

impl<S: ChunkSource> Witness<S> {
    /// `value` tells an item's.
    pub fn new(source: S, value: fn(&S::Item) -> u64) -> Self {
        Witness {
            source,
            value,
            questions: Vec::new(),
        }
    }

    /// The questions so far.
    pub fn questions(&self) -> &[Question<S::Key>] {
        &self.questions
    }

    /// An item's key and value.
    pub fn entry(&self, item: &S::Item) -> (S::Key, u64) {
        (self.source.key_of(item), (self.value)(item))
    }
}

impl<S: ChunkSource> ChunkSource for Witness<S> {
    type Key = S::Key;
    type Item = S::Item;
    type Error = S::Error;

    fn fetch(
        &mut self,
        range: &KeyRange<S::Key>,
        chunk: &mut Chunk<S::Item>,
    ) -> Result<Fetched<S::Key>, S::Error> {
        let limit = chunk.limit();
        let answer = self.source.fetch(range, chunk)?;
        self.questions.push(Question::Fetch {
            range: range.clone(),
            limit,
            items: chunk
                .as_slice()
                .iter()
                .map(|item| self.entry(item))
                .collect(),
            answer: answer.clone(),
        });
        Ok(answer)
    }

    fn key_of(&self, item: &S::Item) -> S::Key {
        self.source.key_of(item)
    }

    fn key_into(&self, item: &S::Item, key: &mut S::Key) {
        self.source.key_into(item, key);
    }

    fn last_key(&mut self, range: &KeyRange<S::Key>) -> Result<LastKey<S::Key>, S::Error> {
        let answer = self.source.last_key(range)?;
        self.questions.push(Question::LastKey {
            range: range.clone(),
            answer: answer.clone(),
        });
        Ok(answer)
    }
}
