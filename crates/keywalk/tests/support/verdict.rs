//! How a walk over a source that breaks its contract must end.

use std::ops::Bound;

use keywalk::{ChunkSource, Cursor, Error, KeyRange, Violation, Walk};

use super::script::{Broken, Script};

type Dyn<K> = dyn ChunkSource<Key = K, Item = K, Error = Broken>;

/// The walk to be tried.
#[derive(Clone)]
pub(crate) struct Trial<K> {
    pub(crate) range: KeyRange<K>,
    pub(crate) chunk_size: usize,
    pub(crate) live: bool,
    /// How far it gets after the last item, by stretches that hold none.
    pub(crate) scanned: Option<K>,
}

impl<K: Copy + PartialOrd + std::fmt::Debug + 'static> Trial<K> {
    /// The walk must hand out `good`, then say `violation` once with its cursor where it was, and
    /// then be fused: by chunks, by items, and through a box.
    pub(crate) fn must_end(
        &self,
        source: impl Fn() -> Script<K>,
        good: &[K],
        violation: Violation,
    ) {
        let boxed = || -> Box<Dyn<K>> { Box::new(source()) };
        self.chunks_must_end(source(), good, violation);
        self.chunks_must_end(boxed(), good, violation);
        self.items_must_end(source(), good, violation);
        self.items_must_end(boxed(), good, violation);

        let script = source();
        let asked = script.asked();
        let mut items = self.walk(script).into_iter();
        while items.next().is_some_and(|item| item.is_ok()) {}
        let before = asked.get();
        assert_eq!(items.next(), None);
        assert_eq!(asked.get(), before, "the store was asked after an error");
    }

    pub(crate) fn walk<S: ChunkSource<Key = K>>(&self, source: S) -> Walk<S> {
        let walk = Walk::new(source)
            .chunk_size(self.chunk_size)
            .order(self.range.order())
            .range(self.range);
        if self.live { walk.live() } else { walk }
    }

    fn chunks_must_end<S: ChunkSource<Key = K, Item = K, Error = Broken>>(
        &self,
        source: S,
        good: &[K],
        violation: Violation,
    ) {
        let mut chunks = self.walk(source).chunks();
        let mut seen = Vec::new();
        let error = loop {
            let before = chunks.cursor();
            match chunks.next() {
                Ok(Some(items)) => seen.extend_from_slice(items),
                Ok(None) => panic!("the walk ended as if all were well, after {seen:?}"),
                Err(error) => {
                    self.assert_stays(&before, &chunks.cursor(), &seen);
                    break error;
                }
            }
            assert!(seen.len() <= good.len(), "handed out {seen:?}");
        };
        assert_eq!((seen.as_slice(), error), (good, Error::Contract(violation)));
        for _ in 0..3 {
            assert_eq!(chunks.next(), Ok(None));
        }
        assert_eq!(chunks.stats().items(), good.len() as u64);
    }

    fn items_must_end<S: ChunkSource<Key = K, Item = K, Error = Broken>>(
        &self,
        source: S,
        good: &[K],
        violation: Violation,
    ) {
        let mut items = self.walk(source).into_iter();
        for expected in good {
            assert_eq!(items.next(), Some(Ok(*expected)));
        }
        let before = items.cursor();
        assert_eq!(items.next(), Some(Err(Error::Contract(violation))));
        self.assert_stays(&before, &items.cursor(), good);
        assert_eq!(items.size_hint(), (0, Some(0)));
        for _ in 0..3 {
            assert_eq!(items.next(), None);
        }
    }

    /// The cursor stands where it did: at the last item handed out, or past the stretch scanned
    /// since. Only that of a bounded walk that just began may have learnt its end.
    fn assert_stays(&self, before: &Cursor<K>, after: &Cursor<K>, seen: &[K]) {
        assert!(!after.is_done());
        match &self.scanned {
            Some(key) => assert_eq!(after.range().near(), Bound::Excluded(key)),
            None => assert_eq!(after.range().near(), before.range().near()),
        }
        if !seen.is_empty() {
            assert_eq!(after.range().far(), before.range().far());
        }
    }
}
