//! How do I walk a store that keywalk has no crate for, and how do I test my backend?
//!
//! Four backends, one per family of stores. Each has a page in `docs/write_a_backend` that shows its code, its `source.rs`
//! is the whole backend, and its `harness.rs` is what the conformance kit needs to test it.
//!
//! `cargo test --example write_a_backend` runs one test per rule. `cargo run --example write_a_backend` walks a table,
//! then runs the same checks, which print a table.

// One call needs it: heed opens an environment of LMDB.
#![deny(unsafe_code)]

use std::error::Error;
use std::process::ExitCode;

use keywalk::Walk;
use keywalk_conformance::{Config, Harness, Report, run, run_durable, run_prefetched};
use keywalk_tests::program::{end, print_line};

/// A store with an iterator of its own.
mod own_trait {
    pub(crate) mod harness;
    pub(crate) mod source;
}

/// A store of keys and values as bytes, in the order of the bytes.
mod byte_store {
    pub(crate) mod harness;
    pub(crate) mod source;
}

/// A database with a client that executes statements.
mod sql {
    pub(crate) mod harness;
    pub(crate) mod source;
}

/// A network service that lists pages, with an asynchronous client.
mod paged_service {
    pub(crate) mod harness;
    pub(crate) mod service;
    pub(crate) mod source;
}

use own_trait::harness::Redb;

fn main() -> ExitCode {
    end("write_a_backend", walk_and_prove())
}

fn walk_and_prove() -> Result<(), Box<dyn Error>> {
    let redb = Redb::open()?;
    for n in -3..=3_i64 {
        redb.put(&n, n.unsigned_abs().pow(2))?;
    }
    for item in Walk::new(redb.source()?).descending().chunk_size(2) {
        let (key, value) = item?;
        print_line(format_args!("{key}: {value}"))?;
        // Nothing is held between fetches, so the loop may write.
        redb.delete(&key)?;
    }

    let config = Config::default();
    let reports = [
        run_durable::<Redb>(&config),
        run_prefetched::<Redb>(&config),
        run_durable::<byte_store::harness::Lmdb<i64>>(&config),
        run_durable::<sql::harness::Sql>(&config),
        run::<paged_service::harness::Service>(&config),
    ];
    for failure in reports.iter().flat_map(Report::failures) {
        print_line(failure)?;
    }
    match reports.iter().all(Report::is_ok) {
        true => Ok(()),
        false => Err("a check of the kit failed".into()),
    }
}

#[test]
fn lmdb_is_walked_from_and_to_the_empty_key() -> Result<(), Box<dyn Error>> {
    use std::ops::Bound::{Excluded, Included, Unbounded};
    let lmdb = byte_store::harness::Lmdb::<Vec<u8>>::open()?;
    lmdb.put(&vec![7], 1)?;
    for empty in [Included(vec![]), Excluded(vec![])] {
        for (bounds, count) in [((empty.clone(), Unbounded), 1), ((Unbounded, empty), 0)] {
            for order in [keywalk::Order::Ascending, keywalk::Order::Descending] {
                let walk = Walk::new(lmdb.source()?).range(bounds.clone()).order(order);
                assert_eq!(walk.items().collect::<Result<Vec<_>, _>>()?.len(), count);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod pages {
    macro_rules! family {
        ($name:literal) => {
            (
                include_str!(concat!("../../docs/write_a_backend/", $name, ".md")),
                include_str!(concat!($name, "/source.rs")),
                include_str!(concat!($name, "/harness.rs")),
            )
        };
    }

    /// Returns the code blocks of a page that begin with this line, with an empty line between them.
    fn shown(page: &str, fence: &str) -> String {
        let blocks = page.split(fence).skip(1);
        let blocks = blocks.filter_map(|block| block.split_once('\n')?.1.split("```").next());
        Vec::from_iter(blocks).join("\n")
    }

    #[test]
    fn each_page_shows_the_whole_code_of_its_family_and_no_other_code() {
        for (page, source, harness) in [
            family!("own_trait"),
            family!("byte_store"),
            family!("sql"),
            family!("paged_service"),
        ] {
            let code = [source, harness].map(|file| file.split_once("\n\n").map_or("", |it| it.1));
            let (code, shown) = (code.join("\n"), shown(page, "```rust"));
            for (code, shown) in code.lines().zip(shown.lines()) {
                assert_eq!(code, shown, "change the example and its page together");
            }
            assert_eq!(code.lines().count(), shown.lines().count());
        }
    }

    #[test]
    fn write_a_backend_shows_code_of_an_example_and_a_source_has_at_most_forty_lines() {
        let (_, source, harness) = family!("own_trait");
        let page = include_str!("../../WRITE_A_BACKEND.md");
        assert!(harness.contains(&shown(page, "```rust,ignore")));
        let (source, _) = source.split_once("\nimpl ResumableSource").expect("tokens");
        let (_, byte_store, _) = family!("byte_store");
        for source in [source, byte_store] {
            let code = source.lines().map(str::trim);
            let code = code.filter(|line| !line.is_empty() && !line.starts_with("//"));
            // Imports don't count.
            let code = code.filter(|line| !line.starts_with("use "));
            assert!(code.count() <= 40);
        }
    }
}
