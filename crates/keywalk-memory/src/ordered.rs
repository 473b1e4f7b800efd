use keywalk::{Chunk, Fetched, KeyRange, Order};

/// Fills the chunk from `entries`: from the front if the range is ascending, else from the back.
pub(crate) fn fill<K, I: DoubleEndedIterator, T>(
    range: &KeyRange<K>,
    mut entries: I,
    chunk: &mut Chunk<T>,
    push: impl FnMut(&mut Chunk<T>, I::Item),
) -> Fetched<K> {
    match range.order() {
        Order::Ascending => drain(chunk, || entries.next(), push),
        Order::Descending => drain(chunk, || entries.next_back(), push),
    }
}

fn drain<K, E, T>(
    chunk: &mut Chunk<T>,
    mut next: impl FnMut() -> Option<E>,
    mut push: impl FnMut(&mut Chunk<T>, E),
) -> Fetched<K> {
    while !chunk.is_full() {
        match next() {
            Some(entry) => push(chunk, entry),
            None => return Fetched::End,
        }
    }
    Fetched::More
}

/// Pushes a clone of an entry, and reuses the memory of a spare entry if there is one.
pub(crate) fn push_cloned<K: Clone, V: Clone>(chunk: &mut Chunk<(K, V)>, key: &K, value: &V) {
    match chunk.spare() {
        Some(item) => {
            item.0.clone_from(key);
            item.1.clone_from(value);
            chunk.push_spare();
        }
        None => chunk.push((key.clone(), value.clone())),
    }
}
