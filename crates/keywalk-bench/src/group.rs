use crate::bench::Bench;
use crate::{
    Fallible, allocations, delete, growth, instructions, memory, memory_peak, peers, prefetch,
    skew, sled, sqlite, wal,
};

/// Cases that belong together.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// Whether it runs where no group is named.
    pub(crate) by_default: bool,
    pub(crate) run: fn(&mut Bench) -> Fallible,
}

/// In the order in which they run.
pub(crate) const GROUPS: &[Group] = &[
    Group {
        name: "sqlite",
        about: "every key shape and chunk size, beside one cursor: CPU time",
        by_default: true,
        run: sqlite::run,
    },
    Group {
        name: "skew",
        about: "the last chunk of a lopsided table, beside its first: CPU time",
        by_default: true,
        run: skew::run,
    },
    Group {
        name: "sled",
        about: "chunk sizes, beside one native range: CPU time",
        by_default: true,
        run: sled::run,
    },
    Group {
        name: "memory",
        about: "maps, a list and a slice, beside their own iterators: CPU time",
        by_default: true,
        run: memory::run,
    },
    Group {
        name: "memory_peak",
        about: "walks over short and long tables, beside one cursor: peak memory of a process",
        by_default: true,
        run: memory_peak::run,
    },
    Group {
        name: "allocations",
        about: "warm walks over every store: how often they allocate for an item",
        by_default: true,
        run: allocations::run,
    },
    Group {
        name: "wal",
        about: "walks beside a SQLite writer: its WAL and its time, beside those without a reader",
        by_default: true,
        run: wal::run,
    },
    Group {
        name: "prefetch",
        about: "walks that fetch ahead in a second thread, beside those that don't: time on the wall",
        by_default: true,
        run: prefetch::run,
    },
    Group {
        name: "delete",
        about: "deleting and updating SQLite rows while walking, beside a statement a chunk: CPU time",
        by_default: true,
        run: delete::run,
    },
    Group {
        name: "growth",
        about: "what an item costs in ever larger stores, beside the stores' own passes: CPU time",
        by_default: true,
        run: growth::run,
    },
    Group {
        name: "instructions",
        about: "instructions an item, beside what they are known to be; needs valgrind",
        by_default: false,
        run: instructions::run,
    },
    Group {
        name: "peers",
        about: "what users pick today, beside keywalk's lent chunks: CPU time of processes",
        by_default: false,
        run: peers::run,
    },
];
