//! How do I walk a store that keywalk has no crate for, and how do I test my backend?
//!
//! - `backend.rs` is the whole backend, here for redb.
//! - `durable.rs` adds tokens.
//! - `harness.rs` is what the conformance kit needs to test both.
//!
//! `cargo test --example write_a_backend` runs one test per rule. `cargo run --example write_a_backend` walks a table,
//! then runs the same checks, which print a table.

#![forbid(unsafe_code)]

use std::error::Error;
use std::process::ExitCode;

use keywalk::Walk;
use keywalk_conformance::{Config, Harness, Report};
use keywalk_tests::program::{end, print_line};

mod backend;
mod durable;
mod harness;

use harness::Redb;

// The name is not `redb`, because a module of that name would hide the crate here.
keywalk_conformance::conformance!(items: Redb, durable, prefetched);

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
        keywalk_conformance::run_durable::<Redb>(&config),
        keywalk_conformance::run_prefetched::<Redb>(&config),
    ];
    for failure in reports.iter().flat_map(Report::failures) {
        print_line(failure)?;
    }
    match reports.iter().all(Report::is_ok) {
        true => Ok(()),
        false => Err("a check of the kit failed".into()),
    }
}

#[cfg(test)]
mod page {
    #[test]
    fn write_a_backend_shows_this_backend_of_forty_lines_and_this_harness() {
        let page = include_str!("../../WRITE_A_BACKEND.md");
        let backend = include_str!("backend.rs");
        for file in [
            backend,
            include_str!("harness.rs"),
            include_str!("durable.rs"),
        ] {
            let (_, code) = file.split_once("\n\n").expect("a line of documentation");
            assert!(page.contains(code), "WRITE_A_BACKEND.md lacks:\n{code}");
        }
        let code = backend.lines().map(str::trim);
        let code = code.filter(|line| !line.is_empty() && !line.starts_with("//"));
        assert!(code.count() <= 40);
    }
}
