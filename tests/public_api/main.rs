//! What each published crate offers, against the list of it in this folder: a change of the API is seen, and
//! read, in the change that makes it.
//!
//! `KEYWALK_BLESS=1` writes the lists anew.

#![forbid(unsafe_code)]

mod crates;
mod listing;

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use crates::Crate;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/public_api");

#[test]
fn the_public_api_is_what_is_listed() {
    let crates = Crate::published();
    let described = crates::describe(&crates);
    let bless = std::env::var("KEYWALK_BLESS").is_ok_and(|bless| bless == "1");
    let mut differs = String::new();
    for (published, json) in crates.iter().zip(described) {
        let format = listing::format(&json);
        if format != listing::FORMAT {
            // Not by `eprintln!`, which a test that passes is silent of.
            let (name, ours) = (published.name(), listing::FORMAT);
            writeln!(
                io::stderr(),
                "not checked: the API of {name}, which this compiler describes in format {format}, and public-api reads {ours}"
            )
            .expect("stderr is open");
            continue;
        }
        let today = listing::of(&json);
        let file = Path::new(FOLDER).join(format!("{}.txt", published.name()));
        if bless {
            fs::write(&file, &today).expect("the folder is there");
        }
        let listed = fs::read_to_string(&file).unwrap_or_default();
        differs += &listing::difference(published.name(), &listed, &today);
    }
    assert_eq!(lists(), names(&crates), "a list of each, and no other");
    assert!(
        differs.is_empty(),
        "what is offered isn't what is listed (KEYWALK_BLESS=1 lists it anew):\n{differs}"
    );
}

fn names(crates: &[Crate]) -> BTreeSet<String> {
    crates.iter().map(|of| of.name().to_string()).collect()
}

/// The names of the lists that are there.
fn lists() -> BTreeSet<String> {
    let files = fs::read_dir(FOLDER).expect("the folder is there");
    let files = files.map(|file| file.expect("it can be read").path());
    let lists = files.filter(|file| file.extension().is_some_and(|kind| kind == "txt"));
    lists
        .filter_map(|file| Some(file.file_stem()?.to_str()?.to_string()))
        .collect()
}
