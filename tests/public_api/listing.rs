//! What rustdoc's JSON says that a crate offers, an item a line.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The version of the format that public-api reads. It doesn't check it itself.
pub(crate) const FORMAT: u64 = 57;

/// The version of the format that the file is in.
pub(crate) fn format(json: &Path) -> u64 {
    let text = fs::read_to_string(json).expect("rustdoc wrote it");
    let described: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    described["format_version"].as_u64().expect("a number")
}

/// The list: without what every type has by a blanket impl, and of what the compiler gives by itself only
/// `Send` and `Sync`.
pub(crate) fn of(json: &Path) -> String {
    let builder = public_api::Builder::from_rustdoc_json(json).omit_blanket_impls(true);
    let api = builder.build().expect("the format is public-api's");
    let lines = api.items().map(|item| format!("{item}\n"));
    let unasked = [
        " core::marker::Freeze for ",
        " core::marker::StructuralPartialEq for ",
        " core::marker::Unpin for ",
        " core::marker::UnsafeUnpin for ",
        " core::panic::unwind_safe::",
    ];
    lines
        .filter(|line| {
            !(line.starts_with("impl") && unasked.iter().any(|auto| line.contains(auto)))
        })
        .collect()
}

/// The lines that are in one only, each with its sign.
pub(crate) fn difference(name: &str, listed: &str, today: &str) -> String {
    let only = |sign: char, these: &str, those: &str| {
        let those: BTreeSet<_> = those.lines().collect();
        let only = these.lines().filter(|line| !those.contains(line));
        only.map(|line| format!("{sign} {name}: {line}\n"))
            .collect::<String>()
    };
    only('-', listed, today) + &only('+', today, listed)
}
