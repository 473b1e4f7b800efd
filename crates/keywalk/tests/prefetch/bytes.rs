//! Chunks by bytes: each of them keeps to its own.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

use keywalk::Walk;
use keywalk_memory::SharedMap;

#[test]
fn each_chunk_holds_its_bytes_and_no_more() {
    let texts: BTreeMap<u32, String> = (0..200).map(|n| (n, "x".repeat(n as usize % 50))).collect();
    for depth in 0..4 {
        let map = SharedMap::new(Arc::new(RwLock::new(texts.clone())));
        let walk = Walk::new(map).chunk_bytes_by(300, |(_, text)| text.len());
        let mut chunks = walk.prefetch(depth).chunks();
        let mut came = 0;
        while let Some(items) = chunks.next().unwrap() {
            let bytes =
                |items: &[(u32, String)]| items.iter().map(|(_, text)| text.len()).sum::<usize>();
            assert!(bytes(&items[..items.len() - 1]) < 300);
            came += items.len();
            assert!(bytes(items) >= 300 || came == texts.len());
        }
        assert_eq!(came, texts.len());
    }
}
