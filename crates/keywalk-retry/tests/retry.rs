//! Asking again changes nothing of a walk but that it goes on; and a source's tokens are those of its wrapper.

#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::time::Duration;

use keywalk::{
    Chunk, ChunkSource, Error, Fetched, Fingerprint, KeyRange, LastKey, ResumableSource, Source,
    SplitSource,
};
use keywalk::{Order, Token, TokenError, Walk};
use keywalk_retry::{ConstantBuilder, ExponentialBuilder, Retry};
use proptest::collection::vec;
use proptest::prelude::*;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Failure {
    Passing,
    Lasting,
}

/// The numbers from 0 on; its questions fail as they are told to, one after the other.
#[derive(Clone, Debug)]
struct Numbers {
    end: u8,
    failures: VecDeque<Option<Failure>>,
    name: Result<&'static str, Failure>,
    asked: Cell<usize>,
}

impl Numbers {
    fn new(end: u8, failures: impl IntoIterator<Item = Option<Failure>>) -> Self {
        Numbers {
            end,
            failures: failures.into_iter().collect(),
            name: Ok("numbers"),
            asked: Cell::new(0),
        }
    }

    fn fail(&mut self) -> Result<(), Failure> {
        self.asked.set(self.asked.get() + 1);
        self.failures.pop_front().flatten().map_or(Ok(()), Err)
    }
}

impl Source for Numbers {
    type Key = u8;
    type Item = u8;
    type Error = Failure;
}

impl ChunkSource for Numbers {
    fn fetch(
        &mut self,
        range: &KeyRange<u8>,
        chunk: &mut Chunk<u8>,
    ) -> Result<Fetched<u8>, Failure> {
        let is_full = chunk.fill_from((0..self.end).filter(|number| range.may_contain(number)));
        // As a store fails: after it has answered in part.
        self.fail()?;
        Ok(match is_full {
            true => Fetched::More,
            false => Fetched::End,
        })
    }

    fn last_key(&mut self, _: &KeyRange<u8>) -> Result<LastKey<u8>, Failure> {
        self.fail()?;
        Ok(LastKey::from(self.end.checked_sub(1)))
    }
}

impl SplitSource for Numbers {
    fn split_points(&mut self, _: &KeyRange<u8>, _: usize) -> Result<Vec<u8>, Failure> {
        self.fail()?;
        Ok(vec![self.end / 2])
    }
}

impl ResumableSource for Numbers {
    fn fingerprint(&self) -> Result<Fingerprint, Failure> {
        self.asked.set(self.asked.get() + 1);
        self.name.map(Fingerprint::new)
    }

    fn encode_key(&self, key: &u8, bytes: &mut Vec<u8>) {
        bytes.push(!key);
    }

    /// Fails over a certain one.
    fn decode_key(&self, bytes: &[u8]) -> Result<Option<u8>, Failure> {
        self.asked.set(self.asked.get() + 1);
        match *bytes {
            [byte] if byte == !7 => Err(Failure::Passing),
            [byte] => Ok(Some(!byte)),
            _ => Ok(None),
        }
    }

    fn key_text(&self, key: &u8) -> String {
        format!("number {key}")
    }

    fn fraction(&self, _first: &u8, _last: &u8, at: &u8) -> Option<f64> {
        (*at > 0).then(|| 1.0 / f64::from(*at))
    }
}

/// Asks again, so many times, where a failure passes.
fn retry(source: Numbers, times: usize) -> Retry<Numbers, ConstantBuilder, fn(&Failure) -> bool> {
    let policy = ConstantBuilder::default().with_delay(Duration::ZERO);
    let passes: fn(&Failure) -> bool = |failure| *failure == Failure::Passing;
    Retry::new(source, policy.with_max_times(times), passes)
}

const PASSING: Option<Failure> = Some(Failure::Passing);

#[test]
fn what_a_failed_fetch_left_in_the_chunk_is_thrown_away_and_nothing_else() {
    let mut source = retry(Numbers::new(9, [PASSING, PASSING]), 2);
    let mut chunk = Chunk::with_limit(4);
    chunk.push(100);
    let all = KeyRange::all(Order::Ascending);
    assert_eq!(source.fetch(&all, &mut chunk), Ok(Fetched::More));
    assert_eq!(chunk.as_slice(), [100, 0, 1, 2]);
    assert_eq!(source.retries(), 2);
}

#[test]
fn every_question_has_the_whole_policy_and_what_it_does_not_bridge_ends_the_walk_which_resumes() {
    let lasting = Some(Failure::Lasting);
    for (failures, times, good, error, retries, asked) in [
        // The last key, then two fetches: each fails twice.
        ([PASSING, PASSING, None].repeat(3), 2, 4, None, 6, 9),
        // The policy bounds the tries.
        (
            vec![None, None, PASSING, PASSING, PASSING],
            2,
            2,
            PASSING,
            2,
            5,
        ),
        // Not worth it: the error is the walk's at once.
        (vec![None, lasting], 9, 0, lasting, 0, 2),
    ] {
        let source = retry(Numbers::new(4, failures), times);
        #[cfg(feature = "async")]
        let came = in_async::items(source.get_ref().clone(), times);
        let mut walk = Walk::new(source).chunk_size(2).items();
        let items: Vec<_> = walk.by_ref().collect();
        let error = error.map(|error| Err(Error::Source(error)));
        assert_eq!(items, (0..good).map(Ok).chain(error).collect::<Vec<_>>());
        #[cfg(feature = "async")]
        assert_eq!(came, (items, retries, asked));
        assert_eq!(walk.source().retries(), retries);
        assert_eq!(walk.source().get_ref().asked.get(), asked);
        let cursor = walk.cursor();
        let rest = Walk::new(walk.into_source()).resume(cursor);
        assert!(rest.into_iter().map(Result::unwrap).eq(good..4));
    }
}

#[test]
fn a_failed_split_is_tried_again() {
    // The last key is found at once.
    let split = |failure| {
        let failures = [None, Some(failure), Some(failure)];
        let mut walk = Walk::new(retry(Numbers::new(8, failures), 2));
        walk.split(2)
            .map(|parts| (parts.len(), walk.source().retries()))
    };
    assert_eq!(split(Failure::Passing), Ok((2, 2)));
    assert_eq!(
        split(Failure::Lasting),
        Err(Error::Source(Failure::Lasting))
    );
}

#[test]
fn the_delays_are_the_policys() {
    let delays = RefCell::new(Vec::new());
    let policy = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(10))
        .with_factor(2.0)
        .with_max_times(3);
    let source = Retry::new(Numbers::new(1, [PASSING; 3]), policy, |_: &Failure| true);
    // backon multiplies as floating point.
    let rounded = |delay: Duration| (delay.as_secs_f64() * 1000.0).round();
    let mut source = source.with_sleep(|delay| delays.borrow_mut().push(rounded(delay)));
    let last = source.last_key(&KeyRange::all(Order::Ascending));
    assert_eq!(last, Ok(LastKey::Known(0)));
    assert_eq!(*delays.borrow(), [10.0, 20.0, 40.0]);
}

proptest! {
    #[test]
    fn a_walk_over_failures_that_pass_is_the_walk_without_them(
        end in 0..30_u8,
        size in 1..8_usize,
        failures in vec(prop::option::of(Just(Failure::Passing)), 0..40),
    ) {
        let source = retry(Numbers::new(end, failures), 40);
        let items: Result<Vec<u8>, _> = Walk::new(source).chunk_size(size).into_iter().collect();
        prop_assert_eq!(items, Ok((0..end).collect::<Vec<u8>>()));
    }
}

/// Behind so many items.
fn token<S: ChunkSource<Key = u8, Item = u8, Error = Failure> + ResumableSource>(
    source: S,
    items: usize,
) -> Token {
    let mut walk = Walk::new(source).unbounded().items();
    assert!(walk.by_ref().take(items).all(|item| item.is_ok()));
    walk.token().expect("it has a name")
}

#[test]
fn a_token_is_alike_wrapped_or_not_and_is_taken_or_refused_by_either() {
    let plain = Numbers::new(10, []);
    for items in 1..7 {
        let token = token(plain.clone(), items);
        assert_eq!(self::token(retry(plain.clone(), 3), items), token);
        let bare = Walk::new(plain.clone()).resume_token(&token).unwrap();
        let wrapped = Walk::new(retry(plain.clone(), 3)).resume_token(&token);
        assert_eq!(bare.items().next(), Some(Ok(items as u8)));
        assert_eq!(wrapped.unwrap().items().next(), Some(Ok(items as u8)));
    }
    let mut others = plain.clone();
    others.name = Ok("others");
    let refused = Walk::new(retry(others, 3)).resume_token(&token(plain, 1));
    let Err(Error::Token(TokenError::Source { here, .. })) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(here, "others");
}

#[test]
fn words_shares_and_bytes_are_the_sources_own() {
    let source = retry(Numbers::new(10, []), 3);
    assert_eq!(source.key_text(&7), "number 7");
    assert_eq!(source.fraction(&0, &9, &2), Some(0.5));
    assert_eq!(source.fraction(&0, &9, &0), None);
    let mut bytes = vec![1];
    source.encode_key(&5, &mut bytes);
    assert_eq!(bytes, [1, !5]);
    assert_eq!(source.decode_key(&[!5]), Ok(Some(5)));
    assert_eq!(source.decode_key(&[]), Ok(None));
}

#[test]
fn what_fails_as_a_token_is_made_or_read_is_not_asked_again() {
    let mut nameless = Numbers::new(10, []);
    nameless.name = Err(Failure::Passing);
    let items = Walk::new(retry(nameless, 3)).items();
    assert_eq!(items.token(), Err(Error::Source(Failure::Passing)));
    assert_eq!(items.source().get_ref().asked.get(), 1);

    let token = token(Numbers::new(10, []), 8);
    let source = retry(Numbers::new(10, []), 3);
    let refused = token.cursor(&source);
    assert_eq!(refused, Err(Error::Source(Failure::Passing)));
    let asked = source.get_ref().asked.get();
    assert_eq!(asked, 2, "the fingerprint, and the key");
}

#[cfg(feature = "async")]
mod in_async {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
    use std::task::{Context, Poll, Waker};

    use keywalk::AsyncChunkSource;

    use super::*;

    impl AsyncChunkSource for Numbers {
        async fn fetch(
            &mut self,
            range: &KeyRange<u8>,
            chunk: &mut Chunk<u8>,
        ) -> Result<Fetched<u8>, Failure> {
            ChunkSource::fetch(self, range, chunk)
        }

        async fn last_key(&mut self, range: &KeyRange<u8>) -> Result<LastKey<u8>, Failure> {
            ChunkSource::last_key(self, range)
        }
    }

    /// Walks as an asynchronous source, whose waits take a poll: the items and the error, the retries, the requests.
    pub(super) fn items(
        source: Numbers,
        times: usize,
    ) -> (Vec<Result<u8, Error<Failure>>>, u64, usize) {
        let waits = Arc::new(AtomicU64::new(0));
        let waited = Arc::clone(&waits);
        let source = retry(source, times).with_async_sleep(move |delay| {
            assert_eq!(delay, Duration::ZERO);
            let mut polls = [Poll::Pending, Poll::Ready(())].into_iter();
            waits.fetch_add(1, SeqCst);
            poll_fn(move |_| polls.next().expect("it was ready"))
        });
        let mut chunks = Walk::new(source).chunk_size(2).async_chunks();
        let mut items = Vec::new();
        loop {
            let mut next = pin!(chunks.next());
            let came = loop {
                let polled = next.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                if let Poll::Ready(came) = polled {
                    break came.map(|chunk| chunk.map(|chunk| chunk.to_vec()));
                }
            };
            match came {
                Ok(Some(chunk)) => items.extend(chunk.into_iter().map(Ok)),
                Ok(None) => break,
                Err(error) => items.push(Err(error)),
            }
        }
        let source = chunks.into_source();
        assert_eq!(waited.load(SeqCst), source.retries());
        (items, source.retries(), source.get_ref().asked.get())
    }
}
