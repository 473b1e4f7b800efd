//! Walks over a byte-ordered store. The ratio is the CPU time over that of one native range over the same store, which
//! decodes in the same way.
//!
//! Entries have 16-byte keys (UUIDs) and 500-byte values. Both passes decode them into reused slots, a chunk at a time:
//! the key into a UUID, the value by a copy. `lent_N` lends chunks of N items, `items_N` yields owned items (over the
//! same floor). `descending_512` is a lent descending walk over the native descending range. `peak_N` is the peak memory
//! of `lent_N` over that of the native pass plus 1 MB, over few entries, with a small cache; see [`memory_peak`].

use std::path::Path;

use keywalk::{Order, Walk};
use keywalk_bytes::{ByteStore, Tree};
use uuid::Uuid;

use crate::bench::{Bench, Target};
use crate::measure::{Fallible, Seen, lent, owned};
use crate::memory_peak;
use crate::sqlite::DEFAULT;

/// Measures the cases of a store's group. `store` returns a handle for a walk; `native` passes all entries to
/// [`Slots::take`], ascending.
pub(crate) fn run<B: ByteStore>(
    bench: &mut Bench,
    descending: Target,
    store: impl Fn() -> B,
    native: impl Fn(Order, &mut Slots) -> Fallible,
) -> Fallible {
    let upwards = |slots: &mut Slots| native(Order::Ascending, slots);
    for chunk_size in [1, 10, 100, DEFAULT, 1_000, 10_000] {
        let target = match chunk_size {
            100 => Target::AtMost(1.10),
            DEFAULT | 1_000 => Target::AtMost(1.05),
            _ => Target::None,
        };
        bench.versus(
            format!("lent_{chunk_size}"),
            target,
            || floor(chunk_size, upwards),
            || walk_lends(store(), chunk_size),
        )?;
    }
    for chunk_size in [DEFAULT, 1_000] {
        bench.versus(
            format!("items_{chunk_size}"),
            Target::None,
            || floor(chunk_size, upwards),
            || {
                let walk = Walk::new(Tree::<B, Uuid>::new(store())).chunk_size(chunk_size);
                owned(walk, |(key, value)| digest(&key, &value))
            },
        )?;
    }
    bench.versus(
        format!("descending_{DEFAULT}"),
        descending,
        || floor(DEFAULT, |slots| native(Order::Descending, slots)),
        || {
            let walk = Walk::new(Tree::<B, Uuid>::new(store())).descending();
            lent(walk, |(key, value)| digest(key, value))
        },
    )?;
    Ok(())
}

/// The cache of a store whose peak memory is measured, in bytes.
pub(crate) const SMALL_CACHE: u64 = 8 << 20;

/// Measures the peak memory of processes that run [`pass`] over a store of this name, which `make` makes in a folder.
pub(crate) fn peaks(
    bench: &mut Bench,
    store: &str,
    make: impl Fn(&Path, u64) -> Fallible,
) -> Fallible {
    if !bench.wants_any("peak_") {
        return Ok(());
    }
    let entries = bench.items.min(100_000);
    let folder = tempfile::tempdir()?;
    make(folder.path(), entries)?;
    for chunk_size in [DEFAULT, 1_000] {
        let name = format!("peak_{chunk_size}");
        let peak = |way| {
            memory_peak::peak(
                folder.path(),
                &format!("{store}/{way}_{chunk_size}"),
                entries,
            )
        };
        let floor = peak("native")?;
        memory_peak::record(
            bench,
            name,
            Target::AtMost(1.0),
            (peak("lent")?, floor),
            entries,
        )?;
    }
    Ok(())
}

/// The pass of a process whose peak memory is measured.
pub(crate) fn pass<B: ByteStore>(
    way: &str,
    store: B,
    native: impl Fn(Order, &mut Slots) -> Fallible,
) -> Fallible<Seen> {
    match way.split_once('_') {
        Some(("lent", size)) => walk_lends(store, size.parse()?),
        Some(("native", size)) => floor(size.parse()?, |slots| native(Order::Ascending, slots)),
        _ => Err(format!("{way} is no way to read a store").into()),
    }
}

/// Returns the entries of a store.
pub(crate) fn entries(count: u64) -> impl Iterator<Item = (Uuid, [u8; 500])> {
    (0..count).map(|at| {
        let mut value = [0; 500];
        value[..8].copy_from_slice(&at.to_be_bytes());
        (
            Uuid::from_u128(u128::from(at) << 64 | u128::from(at)),
            value,
        )
    })
}

/// A pass over lent chunks.
pub(crate) fn walk_lends<B: ByteStore>(store: B, chunk_size: usize) -> Fallible<Seen> {
    let walk = Walk::new(Tree::<B, Uuid>::new(store)).chunk_size(chunk_size);
    lent(walk, |(key, value)| digest(key, value))
}

/// A native pass over chunks of reused slots.
pub(crate) fn floor(chunk_size: usize, native: impl Fn(&mut Slots) -> Fallible) -> Fallible<Seen> {
    let mut slots = Slots {
        items: vec![Default::default(); chunk_size],
        used: 0,
        seen: Seen::default(),
    };
    native(&mut slots)?;
    slots.see();
    Ok(slots.seen)
}

/// The memory into which a native pass decodes, a chunk at a time.
#[derive(Debug)]
pub(crate) struct Slots {
    items: Vec<(Uuid, Vec<u8>)>,
    used: usize,
    seen: Seen,
}

impl Slots {
    /// Decodes an entry.
    #[inline]
    pub(crate) fn take(&mut self, key: &[u8], value: &[u8]) -> Fallible {
        if self.used == self.items.len() {
            self.see();
        }
        let (id, copy) = &mut self.items[self.used];
        *id = Uuid::from_slice(key)?;
        copy.clear();
        copy.extend_from_slice(value);
        self.used += 1;
        Ok(())
    }

    fn see(&mut self) {
        for (key, value) in &self.items[..self.used] {
            self.seen.see(digest(key, value));
        }
        self.used = 0;
    }
}

#[inline]
fn digest(key: &Uuid, value: &[u8]) -> u64 {
    (key.as_u128() as u64).wrapping_add(value.len() as u64)
}
