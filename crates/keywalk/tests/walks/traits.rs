//! The common traits of the public types, and what their `Debug` doesn't show.

use std::error::Error as StdError;
use std::fmt::{Debug, Display};
use std::iter::FusedIterator;
use std::panic::{RefUnwindSafe, UnwindSafe};

use keywalk::{
    Chunk, Chunks, ContractViolation, Cursor, CursorMismatch, Engine, Error, Fetched, Fingerprint,
    FingerprintField, Items, KeyRange, LastKey, Order, Prefetch, Prefetched, Request, Stats, Step,
    Token, TokenError, Walk,
};

use crate::shelf::Shelf;

type Source = Shelf<String>;

fn assert_plain<T: Send + Sync + Unpin + Debug>() {}
fn assert_unwind_safe<T: UnwindSafe + RefUnwindSafe>() {}
fn assert_error<T: StdError + Send + Sync + 'static>() {}
fn assert_fused<T: FusedIterator>() {}

#[test]
fn types_are_send_sync_and_debug_where_their_parts_are() {
    assert_plain::<Walk<Source>>();
    assert_plain::<Chunks<Source>>();
    assert_plain::<Items<Source>>();
    assert_plain::<Chunk<String>>();
    assert_plain::<KeyRange<String>>();
    assert_plain::<Cursor<String>>();
    assert_plain::<Engine<String, String>>();
    assert_plain::<Request<'_, String, String>>();
    assert_plain::<Fetched<String>>();
    assert_plain::<LastKey<String>>();
    assert_plain::<Order>();
    assert_plain::<Stats>();
    assert_plain::<Step<'_, String>>();
    assert_plain::<Token>();
    #[cfg(feature = "hmac")]
    assert_plain::<keywalk::SignedToken>();
    assert_plain::<Fingerprint>();
    assert_plain::<FingerprintField>();
    assert_fused::<Items<Source>>();
    assert_plain::<Prefetch<Source>>();
    assert_plain::<Chunks<Source, Prefetched<Source>>>();
    assert_plain::<Items<Source, Prefetched<Source>>>();
    assert_fused::<Items<Source, Prefetched<Source>>>();
    #[cfg(feature = "async")]
    assert_plain::<keywalk::AsyncChunks<Source>>();
    #[cfg(feature = "async")]
    assert_plain::<keywalk::AsyncItems<'_, Source>>();
}

/// A walk may have a clock, of any type.
#[test]
fn walks_can_cross_a_caught_panic_where_their_source_can() {
    assert_unwind_safe::<Walk<Source>>();
    assert_unwind_safe::<Chunks<Source>>();
    assert_unwind_safe::<Items<Source>>();
    assert_unwind_safe::<Chunk<String>>();
    assert_unwind_safe::<Prefetch<Source>>();
    assert_unwind_safe::<Chunks<Source, Prefetched<Source>>>();
    assert_unwind_safe::<Items<Source, Prefetched<Source>>>();
    #[cfg(feature = "async")]
    assert_unwind_safe::<keywalk::AsyncChunks<Source>>();
    #[cfg(feature = "async")]
    assert_unwind_safe::<keywalk::AsyncItems<'_, Source>>();
}

#[test]
fn errors_are_errors_that_can_cross_threads() {
    assert_error::<Error<std::fmt::Error>>();
    assert_error::<ContractViolation>();
    assert_error::<CursorMismatch>();
    assert_error::<TokenError>();
}

/// The source's error speaks for itself, as if it weren't wrapped; so nothing is said twice.
#[test]
fn a_walks_error_is_one_whole_sentence() {
    fn sentence(error: &impl Display) -> String {
        let text = error.to_string();
        assert!(text.starts_with(char::is_lowercase), "{text}");
        assert!(!text.ends_with('.') && !text.contains('\n'), "{text}");
        text
    }
    let overfull = Error::<std::fmt::Error>::Contract(ContractViolation::Overfull);
    assert!(sentence(&overfull).contains(&sentence(&ContractViolation::Overfull)));
    assert!(sentence(&overfull).contains(ContractViolation::Overfull.clause()));
    for mismatch in [
        CursorMismatch::Order,
        CursorMismatch::Range,
        CursorMismatch::Unbounded,
    ] {
        let error = Error::<std::fmt::Error>::Cursor(mismatch);
        assert!(sentence(&error).contains(&sentence(&mismatch)));
        assert!(error.source().is_none());
    }
    let here = "of\ntenant".to_owned();
    let source = |here| TokenError::Source {
        field: FingerprintField::Filter,
        here,
        cure: String::new(),
    };
    for (token, says) in [
        (TokenError::Damaged, "read it as the type that wrote it"),
        (TokenError::TooLong(17), "17 bytes"),
        (TokenError::Version(7), "form 7"),
        (TokenError::Signed, "`SignedToken`"),
        (TokenError::Signature, "by this secret"),
        (source(here), r"`of\ntenant`"),
        (source(String::new()), "has none"),
        (TokenError::Key, "type of key"),
    ] {
        let error = Error::<std::fmt::Error>::Token(token.clone());
        assert_eq!(sentence(&error), sentence(&token));
        assert!(sentence(&token).contains(says), "{token}");
        assert!(error.source().is_none());
    }
}

#[test]
fn a_sources_error_is_seen_through_the_walks() {
    #[derive(Debug)]
    struct Outer(std::fmt::Error);
    impl Display for Outer {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("the disk is full")
        }
    }
    impl std::error::Error for Outer {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&self.0)
        }
    }
    let error = Error::Source(Outer(std::fmt::Error));
    assert_eq!(error.to_string(), "the disk is full");
    assert!(
        error
            .source()
            .is_some_and(|source| source.is::<std::fmt::Error>())
    );
}

#[test]
fn a_violation_says_its_clause() {
    for (violation, clause) in [
        (ContractViolation::NotPastStart, "G6"),
        (ContractViolation::PastEnd, "G6"),
        (ContractViolation::OutOfOrder, "G1"),
        (ContractViolation::Overfull, "G6"),
        (ContractViolation::NoProgress, "G8"),
        (ContractViolation::ScannedShort, "G8"),
        (ContractViolation::LastKeyOutside, "G6"),
    ] {
        assert_eq!(violation.clause(), clause);
        assert!(violation.to_string().ends_with(&format!(" ({clause})")));
    }
}

#[test]
fn debug_shows_counts_and_no_data() {
    let shows = |value: &dyn Debug, counts: &[&str]| {
        let text = format!("{value:?} {value:#?}");
        assert!(!text.contains("secret"), "{text}");
        for count in counts {
            assert!(text.contains(count), "{text} lacks {count}");
        }
    };
    let key = |n: u8| format!("secret key {n}");
    let mut chunk = Chunk::with_limit(7);
    chunk.push(key(1));
    shows(&chunk, &["Chunk", "len: 1", "limit: 7"]);
    let walk = || {
        let walk = Walk::new(Shelf::of((1..=5).map(key))).range(key(2)..);
        walk.chunk_size(3)
    };
    shows(
        &walk().unbounded(),
        &[
            "Walk",
            "chunk_size: 3",
            "ranged: true",
            "unbounded: true",
            "resumed: false",
        ],
    );
    shows(
        &walk().descending(),
        &["order: Descending", "unbounded: false"],
    );
    shows(
        &walk().chunk_bytes_with(70, |_| 1),
        &["chunk_bytes: Some(70)", "target_fetch_time: None"],
    );

    let mut chunks = walk().chunks();
    chunks.next().unwrap();
    shows(&chunks, &["Chunks", "items: 3", "over: false"]);
    let mut items = walk().into_iter();
    items.next().unwrap().unwrap();
    shows(&items, &["Items", "items: 1", "buffered: 2"]);
    shows(&walk().resume(items.cursor()), &["resumed: true"]);
    shows(
        &walk().prefetch(2),
        &["Prefetch", "depth: 2", "chunk_size: 3"],
    );
    let mut chunks = walk().prefetch(2).chunks();
    chunks.next().unwrap();
    shows(&chunks, &["Chunks", "items: 3", "depth: 2", "over: false"]);
    let mut items = walk().prefetch(2).into_iter();
    items.next().unwrap().unwrap();
    shows(&items, &["Items", "items: 1", "depth: 2", "buffered: 2"]);

    #[cfg(feature = "async")]
    {
        let mut chunks = walk().async_chunks();
        crate::ways::block_on(chunks.next()).unwrap();
        shows(&chunks, &["AsyncChunks", "items: 3", "over: false"]);
        shows(&walk().stream(), &["AsyncItems", "items: 0", "buffered: 0"]);
    }

    let chunks = Walk::new(Shelf::of([])).unbounded().chunks();
    let token = Token::new(&chunks.cursor_after(key(3)), chunks.source()).unwrap();
    shows(&token, &["Token", "bytes: 39"]);
    #[cfg(feature = "hmac")]
    shows(&token.sign(b"secret"), &["SignedToken", "bytes: 63"]);
}
