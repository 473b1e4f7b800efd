//! The law of a split: whatever a source returns, the parts are the walk.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::ops::Bound;

#[cfg(feature = "async")]
use keywalk::{AsyncChunkSource, AsyncSplitSource};
use keywalk::{
    Chunk, ChunkSource, Cursor, Fetched, KeyRange, LastKey, SplitSource, Walk, even_split_points,
};
use proptest::prelude::*;

use crate::shelf::ORDERS;
#[cfg(feature = "async")]
use crate::ways::block_on;

/// Keys, of which some are inserted after each query for the last key, and what is returned as the points.
#[derive(Clone)]
struct Claims<'a> {
    early: &'a BTreeSet<i64>,
    keys: &'a BTreeSet<i64>,
    points: Vec<i64>,
}

keywalk::forward_source!(['a] Claims<'a> => &'a BTreeSet<i64>, |claims| claims.keys);

impl<'a> ChunkSource for Claims<'a> {
    fn fetch(
        &mut self,
        range: &KeyRange<i64>,
        chunk: &mut Chunk<&'a i64>,
    ) -> Result<Fetched<i64>, Infallible> {
        self.keys.fetch(range, chunk)
    }

    fn last_key(&mut self, range: &KeyRange<i64>) -> Result<LastKey<i64>, Infallible> {
        self.early.last_key(range)
    }
}

impl SplitSource for Claims<'_> {
    fn split_points(&mut self, _: &KeyRange<i64>, _: usize) -> Result<Vec<i64>, Infallible> {
        Ok(self.points.clone())
    }
}

#[cfg(feature = "async")]
impl<'a> AsyncChunkSource for Claims<'a> {
    async fn fetch(
        &mut self,
        range: &KeyRange<i64>,
        chunk: &mut Chunk<&'a i64>,
    ) -> Result<Fetched<i64>, Infallible> {
        ChunkSource::fetch(self, range, chunk)
    }

    async fn last_key(&mut self, range: &KeyRange<i64>) -> Result<LastKey<i64>, Infallible> {
        ChunkSource::last_key(self, range)
    }
}

#[cfg(feature = "async")]
impl AsyncSplitSource for Claims<'_> {
    async fn split_points(
        &mut self,
        range: &KeyRange<i64>,
        parts: usize,
    ) -> Result<Vec<i64>, Infallible> {
        SplitSource::split_points(self, range, parts)
    }
}

fn bound() -> impl Strategy<Value = Bound<i64>> {
    let key = -2_i64..32;
    prop_oneof![
        Just(Bound::Unbounded),
        key.clone().prop_map(Bound::Included),
        key.prop_map(Bound::Excluded),
    ]
}

proptest! {
    #[test]
    fn the_parts_tile_the_walk_whatever_the_points_are_and_while_others_insert(
        early in prop::collection::btree_set(0_i64..30, 0..20),
        late in prop::collection::btree_set(0_i64..30, 0..20),
        points in prop::collection::vec(-3_i64..33, 0..8),
        (bounds, order) in ((bound(), bound()), prop::sample::select(ORDERS.to_vec())),
        parts in prop_oneof![7 => 1_usize..8, 1 => Just(usize::MAX)],
        (is_unbounded, lag, resumed) in (any::<bool>(), prop::option::of(0_i64..9), prop::option::of(0_usize..9)),
    ) {
        let keys = &early | &late;
        let claims = || Claims { early: &early, keys: &keys, points: points.clone() };
        let walk = || {
            let mut walk = Walk::new(claims()).range(bounds).order(order);
            if let Some(lag) = lag {
                walk = walk.end_before(move |last| if order == ORDERS[0] { last - lag } else { last + lag });
            }
            if is_unbounded {
                walk = walk.unbounded();
            }
            match resumed {
                Some(count) => {
                    let mut items = walk.items();
                    items.by_ref().take(count).for_each(drop);
                    Walk::new(claims()).resume(items.cursor())
                }
                None => walk,
            }
        };
        let of = |walk: Walk<Claims<'_>>| walk.items().map(|item| *item.unwrap()).collect::<Vec<i64>>();
        let split = walk().split(parts).unwrap();
        #[cfg(feature = "async")]
        prop_assert_eq!(&block_on(walk().async_split(parts)).unwrap(), &split);
        prop_assert!(split.len() <= parts);
        let part = |part: &KeyRange<i64>| of(Walk::new(claims()).resume(Cursor::unbounded(*part)));
        prop_assert_eq!(split.iter().flat_map(part).collect::<Vec<_>>(), of(walk()));
        for pair in split.windows(2) {
            let Bound::Included(point) = pair[1].start() else {
                panic!("{split:?}");
            };
            prop_assert_eq!((pair[0].end(), pair[1].order()), (Bound::Excluded(point), order));
            prop_assert!(points.contains(point) && !pair[0].is_empty() && !pair[1].is_empty());
        }
    }

    #[test]
    fn even_parts_differ_by_at_most_an_eighth_of_their_mean(
        len in 0_usize..3_000,
        parts in prop_oneof![7 => 1_usize..40, 1 => Just(usize::MAX)],
    ) {
        let points = even_split_points(0..len, parts);
        prop_assert_eq!(points.len(), parts.min(len.max(1)) - 1);
        let ends = points.iter().copied().chain([len]);
        let starts = [0].into_iter().chain(points.iter().copied());
        let sizes: Vec<usize> = starts.zip(ends).map(|(start, end)| end - start).collect();
        let (least, most) = (sizes.iter().min().unwrap(), sizes.iter().max().unwrap());
        let eighth = len as f64 / parts as f64 / 8.0;
        prop_assert!((most - least) as f64 <= eighth.max(1.0) , "{:?}", sizes);
    }
}
