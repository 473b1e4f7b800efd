//! How many items a chunk holds, by what the walk was told.

#![forbid(unsafe_code)]

use keywalk::Walk;
use keywalk_memory::Map;

/// The sizes of a walk's chunks, over the numbers from 1 to 20,000.
fn sizes(walk: impl FnOnce(Walk<Map<'_, u32, u32>>) -> Walk<Map<'_, u32, u32>>) -> Vec<usize> {
    let map = (1..=20_000).map(|n| (n, n)).collect();
    let mut chunks = walk(Walk::new(Map::new(&map))).chunks();
    let mut sizes = Vec::new();
    while let Some(items) = chunks.next().expect("the map doesn't fail") {
        sizes.push(items.len());
    }
    sizes
}

#[test]
fn a_chunk_size_can_be_lowered_and_not_raised() {
    assert_eq!(
        sizes(|walk| walk.chunk_size(700).chunk_size_at_most(600))[0],
        600
    );
    assert_eq!(
        sizes(|walk| walk.chunk_size(700).chunk_size_at_most(800))[0],
        700
    );
    assert_eq!(sizes(|walk| walk.chunk_size_at_most(800))[0], 512);
    assert_eq!(sizes(|walk| walk.chunk_size_at_most(100))[0], 100);
}

#[test]
fn bytes_alone_are_not_held_to_the_default_number_of_items() {
    let all_weigh_8 = |bytes| sizes(|walk| walk.chunk_bytes_by(bytes, |_| 8));
    assert_eq!(all_weigh_8(8 * 5_000), [5_000; 4]);
    let most = Walk::<Map<'_, u32, u32>>::MAX_CHUNK_SIZE;
    assert_eq!(all_weigh_8(usize::MAX)[..2], [most; 2]);
    assert_eq!(
        sizes(|walk| walk.chunk_bytes_by(usize::MAX, |_| 8).chunk_size(10))[0],
        10
    );
}
