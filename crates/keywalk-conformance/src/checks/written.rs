//! Checks of what a resumable source encodes: keys as bytes and as human-readable text, their fraction of a range, and
//! its fingerprint.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt::{self, Debug, Display, Write};
use std::thread;
use std::time::{Duration, Instant};

use keywalk::{
    Chunk, Cursor, Error, Fingerprint, KeyRange, Order, ResumableSource, Source, Token, TokenError,
    Walk,
};
use proptest::prelude::*;

use super::resume::failed;
use crate::case::{Case, SourceOf, Tried, refused};
use crate::child;
use crate::clause::Clause;
use crate::harness::DurableHarness;
use crate::history::Violation;
use crate::recorder::Doing;
use crate::runner::{Checked, Runner, Stop};

/// Checks each boundary key and some others, each once. The keys need not exist in the store.
fn each_key<H: DurableHarness>(
    runner: &Runner<H>,
    others: usize,
    mut check: impl FnMut(&mut SourceOf<'_, H>, &H::Key) -> Tried<H>,
) -> Checked {
    let ladder = runner.keys.ladder();
    let mut others = runner.some_keys(others);
    others.retain(|key| ladder.binary_search(key).is_err());
    runner.attempt(|case| {
        let mut source = case.source()?;
        let mut keys = ladder.iter().chain(&others);
        keys.try_for_each(|key| check(&mut source, key))
    })
}

pub(super) fn keys_round_trip_through_their_bytes<H: DurableHarness>(
    runner: &Runner<H>,
) -> Checked {
    each_key(runner, 100, |source, key| comes_back::<H>(source, key))
}

fn comes_back<H: DurableHarness>(source: &SourceOf<'_, H>, key: &H::Key) -> Tried<H> {
    let bytes = encoded(source, key);
    let mut appended = b"kept".to_vec();
    source.encode_key(key, &mut appended);
    if appended.strip_prefix(b"kept") != Some(&*bytes) {
        let otherwise = "`encode_key` doesn't append, or gives a key other bytes each time";
        return Err(Violation::message(Clause::G10, otherwise)
            .expected(format!("{}{}, for {key:?}", Hex(b"kept"), Hex(&bytes)))
            .got(Hex(&appended)));
    }
    let back = source.decode_key(&bytes).map_err(|error| failed(&error))?;
    let is_same = |back: &H::Key| back == key && encoded(source, back) == bytes;
    if back.as_ref().is_some_and(is_same) {
        return Ok(());
    }
    let violation = Violation::message(Clause::G10, "a key doesn't come back from its bytes")
        .expected(format!("{key:?}, from {}", Hex(&bytes)));
    Err(match back {
        None => violation
            .got("no key")
            .hint("is `decode_key` stricter than `encode_key`?"),
        Some(back) => violation.got(format!("{back:?}")).hint(
            "does `encode_key` cut, round or fold the key? A walk that goes on from another key \
             repeats items, or skips them",
        ),
    })
}

/// Checks that arbitrary bytes cause no panic or error. If they decode to a key, that key must round-trip.
pub(super) fn arbitrary_bytes_decode_or_are_refused<H: DurableHarness>(
    runner: &Runner<H>,
) -> Checked {
    each_key(runner, 10, |source, key| {
        let mut near = near(&encoded(source, key)).into_iter();
        near.try_for_each(|bytes| is_tame::<H>(source, key, &bytes))
    })?;
    let ladder = runner.keys.ladder();
    let Some(key) = ladder.first() else {
        return Ok(());
    };
    runner.attempt(|case| {
        let mut source = case.source()?;
        for key in ladder.iter().step_by(ladder.len().div_ceil(3)) {
            is_tame_over_long_bytes::<H>(&mut source, key)?;
        }
        Ok(())
    })?;
    let any = proptest::collection::vec(any::<u8>(), 0..40);
    let many = proptest::collection::vec(any, 1..40).boxed();
    runner.law(&many, &|case, many| {
        let mut source = case.source()?;
        let mut many = many.iter();
        many.try_for_each(|bytes| is_tame::<H>(&mut source, key, bytes))
    })
}

/// Returns a key's bytes cut short, extended and changed.
fn near(bytes: &[u8]) -> Vec<Vec<u8>> {
    const MOST: usize = 16;
    // Of a long key, some of its bytes: its ends, and between them.
    let step = bytes.len().div_ceil(MOST).max(1);
    let places = (0..bytes.len()).filter(|at| at % step == 0 || at + 2 > bytes.len());
    let mut near = Vec::from_iter(places.clone().map(|len| bytes[..len].to_vec()));
    for more in [&b"\0"[..], b"\x01", b"\x80", b"\xff", b"\0\0\0\0\0\0\0\0"] {
        near.push([bytes, more].concat());
    }
    for at in places {
        let changed = [bytes[at] ^ 1, bytes[at] ^ 0x80, 0, 0x7f, 0xff];
        near.extend(changed.map(|byte| [&bytes[..at], &[byte], &bytes[at + 1..]].concat()));
    }
    near
}

/// Checks bytes of thousands of bytes: a key's own ones, repeated or padded.
fn is_tame_over_long_bytes<H: DurableHarness>(
    source: &mut SourceOf<'_, H>,
    key: &H::Key,
) -> Tried<H> {
    let bytes = encoded(source, key);
    let padded = |len| [0, 1, 0xff].map(|with| [&bytes, &*vec![with; len]].concat());
    let repeated = |len| Vec::from_iter(bytes.iter().chain(b"a").copied().cycle().take(len));
    // A length at the front that is as large as it can be.
    let mut long = vec![[&[0xff; 8], &*bytes].concat(), vec![b'a'; 5_000]];
    long.extend([1_000, 5_000, 70_000].map(repeated));
    long.extend(padded(5_000));
    let mut all = long.iter();
    all.try_for_each(|bytes| is_tame::<H>(source, key, bytes))?;
    let mut decoded = padded(1).into_iter().map(|bytes| source.decode_key(&bytes));
    let is_strict = decoded.all(|decoded| matches!(decoded, Ok(None)));
    let is_key =
        |bytes: &Vec<u8>| matches!(source.decode_key(bytes), Ok(Some(read)) if read == *key);
    let Some(bytes) = padded(5_000)
        .into_iter()
        .find(|bytes| is_strict && is_key(bytes))
    else {
        return Ok(());
    };
    let otherwise = "bytes after a key are refused, unless they are many";
    Err(Violation::message(Clause::G10, otherwise)
        .expected("no key")
        .got(format!("{key:?}, from {}", Hex(&bytes))))
}

/// Checks arbitrary bytes. `key` is any key of the source.
fn is_tame<H: DurableHarness>(
    source: &mut SourceOf<'_, H>,
    key: &H::Key,
    bytes: &[u8],
) -> Tried<H> {
    let decoded = source.decode_key(bytes).map_err(|error| {
        Violation::message(Clause::G10, "`decode_key` fails over bytes that are no key")
            .expected(format!("a key or `None`, from {}", Hex(bytes)))
            .got(format!("{error:?}"))
            .hint("`None` means that they are no key; an error is the store's own")
    })?;
    // A decoded key has one encoding, whatever bytes it came from.
    if let Some(decoded) = &decoded {
        comes_back::<H>(source, decoded)?;
    }
    let is_form = decoded.is_some_and(|decoded| encoded(source, &decoded) == bytes);
    let walk = Walk::new(&mut *source).range(key.clone()..);
    let token = Token::new(&walk.cursor(), &Forged(source, None, Some(bytes)));
    let token = token.map_err(|error| failed(&error))?;
    let response = match token.cursor(source) {
        Ok(_) if is_form => return Ok(()),
        Err(Error::Token(TokenError::Key)) if !is_form => return Ok(()),
        Err(Error::Source(error)) => return Err(failed(&error)),
        Ok(_) => "taken".to_owned(),
        Err(error) => format!("{error:?}"),
    };
    let otherwise = "a token is taken with bytes that its source doesn't write, or the other way";
    Err(Violation::message(Clause::G10, otherwise)
        .expected(format!("taken: {is_form}, with {}", Hex(bytes)))
        .got(response))
}

pub(super) fn different_keys_have_different_text<H: DurableHarness>(runner: &Runner<H>) -> Checked {
    let mut seen = BTreeMap::new();
    each_key(runner, 100, |source, key| {
        let text = source.key_text(key);
        if text.is_empty() {
            let empty =
                Violation::message(Clause::G10, "the human-readable form of a key is empty");
            return Err(empty.got(format!("\"\", for {key:?}")));
        }
        // The text of a long key may be shortened.
        if encoded(source, key).len() > 24 {
            return Ok(());
        }
        let Some(other) = seen.insert(text.clone(), key.clone()) else {
            return Ok(());
        };
        Err(
            Violation::message(Clause::G10, "two keys have the same human-readable form")
                .got(format!("{text:?} for {other:?} and for {key:?}"))
                .hint("does `key_text` show all of the key?"),
        )
    })
}

fn encoded<S: ResumableSource>(source: &S, key: &S::Key) -> Vec<u8> {
    let mut bytes = Vec::new();
    source.encode_key(key, &mut bytes);
    bytes
}

/// Bytes in hexadecimal, for failures.
struct Hex<'a>(&'a [u8]);

impl Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("no bytes");
        }
        const MOST: usize = 100;
        f.write_char('<')?;
        let mut first = self.0.iter().take(MOST);
        first.try_for_each(|byte| write!(f, "{byte:02x}"))?;
        match self.0.len() {
            0..=MOST => f.write_char('>'),
            len => write!(f, "…>, {len} bytes"),
        }
    }
}

/// Checks that the fraction grows from 0 to 1 between any two keys and never decreases. Keys without a fraction are
/// skipped.
pub(super) fn the_fraction_grows_from_0_to_1<H: DurableHarness>(runner: &Runner<H>) -> Checked {
    let ladder = runner.some_rungs();
    let mut all = runner.keys.ladder().to_vec();
    all.extend(runner.some_keys(100));
    all.sort();
    all.dedup();
    runner.attempt(|case| {
        let source = case.source()?;
        for order in runner.orders() {
            let along = |keys: &[H::Key]| {
                let mut way = keys.to_vec();
                if *order == Order::Descending {
                    way.reverse();
                }
                grows::<H>(&source, &way)
            };
            for first in 0..ladder.len() {
                let mut lasts = first + 1..ladder.len();
                lasts.try_for_each(|last| along(&ladder[first..=last]))?;
            }
            along(&all)?;
        }
        Ok(())
    })
}

fn grows<H: DurableHarness>(source: &SourceOf<'_, H>, way: &[H::Key]) -> Tried<H> {
    // The rounding error of a division.
    const ROUNDING: f64 = 1e-6;
    let [first, .., last] = way else {
        return Ok(());
    };
    let mut before = 0.0;
    for at in way {
        let Some(share) = source.fraction(first, last, at) else {
            continue;
        };
        let (least, most) = match at {
            at if at == first => (0.0, 0.0),
            at if at == last => (1.0, 1.0),
            _ => (before, 1.0),
        };
        let allowed = least - ROUNDING..=most + ROUNDING;
        if !(0.0..=1.0).contains(&share) || !allowed.contains(&share) {
            let otherwise = "a fraction isn't of the way that lies before a key";
            return Err(Violation::message(Clause::G10, otherwise)
                .expected(format!("{least} to {most}"))
                .got(format!("{share}, at {at:?} between {first:?} and {last:?}"))
                .hint(
                    "is it the part from `first`, which is the larger one of a walk downwards? \
                     `None` means that it is unknown",
                ));
        }
        before = share;
    }
    Ok(())
}

/// Checks the fingerprint of several sources over one store, after one moment and another.
pub(super) fn the_fingerprint_stays_the_same<H: DurableHarness>(runner: &Runner<H>) -> Checked {
    const SECOND: Duration = Duration::from_millis(1_050);
    const ROWS: usize = 2_000;
    if child::is_child() {
        return runner.attempt(|case| {
            child::print(&runner.config, First::of::<H>(&mut case.source()?)?.token);
            Ok(())
        });
    }
    runner.attempt(|case| {
        let mut source = case.source()?;
        let (since, first) = (Instant::now(), First::of::<H>(&mut source)?);
        let is_same = |case: &Case<H>, source: Option<&SourceOf<'_, H>>, when| {
            source.map_or(Ok(()), |source| first.is_that_of::<H>(source, when))?;
            first.is_that_of::<H>(&case.source()?, when)
        };
        is_same(case, Some(&source), "when requested again")?;
        let all = KeyRange::all(Order::Ascending);
        case.fetch(&mut source, &all, &mut Chunk::with_limit(2))?;
        is_same(case, Some(&source), "after a fetch")?;
        let kept = runner.can.mutation.is_yes().then_some(source);
        let few = runner.some_keys(6);
        case.put_all(&few)?;
        few.iter().step_by(2).try_for_each(|key| case.delete(key))?;
        is_same(case, kept.as_ref(), "after changes")?;
        // The history doesn't show these rows. Their values are large.
        let rows = Vec::from_iter(runner.many_keys(ROWS).into_iter().zip(1 << 40..));
        for rows in rows.chunks(ROWS / 2) {
            let put = || case.harness().map(|harness| harness.put_all(rows));
            case.beat.during(Doing::Changing, put)?.map_err(refused)?;
        }
        is_same(case, kept.as_ref(), "after 2,000 more rows")?;
        let mut walked = case.source()?.quiet();
        Walk::new(&mut walked).chunk_size(50).items().for_each(drop);
        is_same(case, Some(&walked), "after 40 more fetches")?;
        drop(walked);
        (0..100).try_for_each(|_| is_same(case, None, "of a hundred other sources"))?;
        thread::sleep(SECOND.saturating_sub(since.elapsed()));
        is_same(case, kept.as_ref(), "after a second")?;
        drop(kept);
        if runner.can.reopening.is_yes() {
            case.reopen()?;
            is_same(case, None, "after reopening")?;
        }
        is_same_elsewhere(runner, case, &first)
    })
}

/// Checks another store's fingerprint, in another thread and in another process.
fn is_same_elsewhere<H: DurableHarness>(
    runner: &Runner<H>,
    case: &Case<H>,
    first: &First,
) -> Tried<H> {
    let fingerprint = || {
        let harness = H::open().ok()?;
        let fingerprint = harness.source().ok()?.fingerprint();
        fingerprint.ok()
    };
    let is_same = |now: &Fingerprint| first.differs::<H::Key>(&first.token, now, "").is_ok();
    // If two stores that are open at once differ, the harness names each.
    if !case
        .beat
        .during(Doing::Opening, fingerprint)
        .is_some_and(|now| is_same(&now))
    {
        return Ok(());
    }
    let in_thread = || thread::spawn(fingerprint).join();
    if let Ok(Some(now)) = case.beat.during(Doing::Opening, in_thread) {
        first.differs(&first.token, &now, "in another thread")?;
    }
    let line = child::line_of(&runner.config);
    match line.and_then(|line| line.parse::<Token>().ok()) {
        Some(token) => first.differs(&token, &first.fingerprint, "in another process"),
        None => Ok(()),
    }
}

/// A fingerprint, and a token that has it, to compare others with.
struct First {
    fingerprint: Fingerprint,
    token: Token,
}

impl First {
    fn of<H: DurableHarness>(source: &mut SourceOf<'_, H>) -> Tried<H, Self> {
        let cursor = some_cursor(source, &[]);
        let fingerprint = source.fingerprint().map_err(|error| failed(&error))?;
        let token = Token::new(&cursor, source).map_err(|error| failed(&error))?;
        Ok(First { fingerprint, token })
    }

    fn is_that_of<H: DurableHarness>(&self, source: &SourceOf<'_, H>, when: &str) -> Tried<H> {
        let now = source.fingerprint().map_err(|error| failed(&error))?;
        self.differs(&self.token, &now, when)
    }

    /// Returns a violation if a token isn't of a source with this fingerprint.
    fn differs<K: Debug>(
        &self,
        token: &Token,
        now: &Fingerprint,
        when: &str,
    ) -> Result<(), Violation<K>> {
        let Err(TokenError::Source { field, .. }) = token.check(now) else {
            return Ok(());
        };
        let (first, now) = (self.fingerprint.text(field), now.text(field));
        let value = match first == now {
            true => " with another value",
            false => "",
        };
        Err(Violation::message(Clause::G10, "the fingerprint changes")
            .expected(format!("{field} {first:?}"))
            .got(format!("{now:?}{value}, {when}"))
            .hint("does it say more than what decides which keys are walked, in which order?"))
    }
}

pub(super) fn a_token_of_another_source_is_refused<H: DurableHarness>(
    runner: &Runner<H>,
) -> Checked {
    let count = Cell::new(0);
    runner.attempt_with(&runner.some_keys(3), &|case, keys| {
        let foreign_fingerprints = case.harness()?.foreign_fingerprints().map_err(refused)?;
        count.set(foreign_fingerprints.len());
        for (field, stranger) in foreign_fingerprints {
            let mut source = case.source()?;
            let cursor = some_cursor(&mut source, keys);
            let token = Token::new(&cursor, &Forged(&source, Some(stranger.clone()), None));
            let token = token.map_err(|error| failed(&error))?;
            let reads = case.harness()?.rows_read();
            let walk = Walk::new(source).resume_token(&token);
            let (what, got, hint) = match walk {
                Err(Error::Token(TokenError::Source { field: told, .. })) if told == field => {
                    if reads == case.harness()?.rows_read() {
                        continue;
                    }
                    let early = "items were read before a token was refused";
                    (early, "reads".to_owned(), "compare the fingerprints first")
                }
                Err(error) => (
                    "another source's token is refused by another field or error",
                    format!("{error:?}"),
                    "the first field that differs counts: store, table or query, key, filter",
                ),
                Ok(_) => (
                    "a token of another source is taken",
                    "a walk".to_owned(),
                    "does the fingerprint say all that decides which keys are walked, in which order?",
                ),
            };
            let differs = format!("refused: of another {field}, {:?}", stranger.text(field));
            let violation = Violation::message(Clause::G10, what).expected(differs);
            return Err(violation.got(got).hint(hint));
        }
        Ok(())
    })?;
    match count.get() {
        0 => Err(Stop::Skipped("the harness has no foreign_fingerprints")),
        _ => Ok(()),
    }
}

/// Returns a cursor, with a key in it if there are keys.
fn some_cursor<S: Source>(source: &mut S, keys: &[S::Key]) -> Cursor<S::Key> {
    let walk = Walk::new(source);
    match keys {
        [first, .., last] => walk.range(first.clone()..=last.clone()).cursor(),
        _ => walk.cursor(),
    }
}

/// A source that forges tokens. A given fingerprint replaces its own; given bytes replace those of every key.
struct Forged<'s, S>(&'s S, Option<Fingerprint>, Option<&'s [u8]>);

impl<S: Source> Source for Forged<'_, S> {
    type Key = S::Key;
    type Item = S::Item;
    type Error = S::Error;
}

impl<S: ResumableSource> ResumableSource for Forged<'_, S> {
    fn fingerprint(&self) -> Result<Fingerprint, S::Error> {
        let forged = self.1.clone().map(Ok);
        forged.unwrap_or_else(|| self.0.fingerprint())
    }

    fn encode_key(&self, key: &S::Key, bytes: &mut Vec<u8>) {
        match self.2 {
            Some(forged) => bytes.extend_from_slice(forged),
            None => self.0.encode_key(key, bytes),
        }
    }

    fn decode_key(&self, bytes: &[u8]) -> Result<Option<S::Key>, S::Error> {
        self.0.decode_key(bytes)
    }
}
