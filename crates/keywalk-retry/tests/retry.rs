//! Asking again changes nothing of a walk but that it goes on.

#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, LastKey, Order, Walk};
use keywalk_retry::{ConstantBuilder, ExponentialBuilder, Retry};
use proptest::collection::vec;
use proptest::prelude::*;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Failure {
    Passing,
    Lasting,
}

/// The numbers from 0 on; its questions fail as they are told to, one after the other.
#[derive(Debug)]
struct Numbers {
    end: u32,
    failures: VecDeque<Option<Failure>>,
    asked: usize,
}

impl Numbers {
    fn new(end: u32, failures: impl IntoIterator<Item = Option<Failure>>) -> Self {
        Numbers {
            end,
            failures: failures.into_iter().collect(),
            asked: 0,
        }
    }

    fn fail(&mut self) -> Result<(), Failure> {
        self.asked += 1;
        self.failures.pop_front().flatten().map_or(Ok(()), Err)
    }
}

impl ChunkSource for Numbers {
    type Key = u32;
    type Item = u32;
    type Error = Failure;

    fn fetch(
        &mut self,
        range: &KeyRange<u32>,
        chunk: &mut Chunk<u32>,
    ) -> Result<Fetched<u32>, Failure> {
        let numbers = (0..self.end).filter(|number| range.admits(number));
        let mut answer = Fetched::End;
        for number in numbers {
            if chunk.is_full() {
                answer = Fetched::More;
                break;
            }
            chunk.push(number);
        }
        // As a store fails: after it has answered in part.
        self.fail()?;
        Ok(answer)
    }

    fn key_of(&self, item: &u32) -> u32 {
        *item
    }

    fn last_key(&mut self, _: &KeyRange<u32>) -> Result<LastKey<u32>, Failure> {
        self.fail()?;
        Ok(LastKey::from(self.end.checked_sub(1)))
    }
}

fn passes(failure: &Failure) -> bool {
    *failure == Failure::Passing
}

fn times(times: usize) -> ConstantBuilder {
    ConstantBuilder::default()
        .with_delay(Duration::ZERO)
        .with_max_times(times)
}

const PASSING: Option<Failure> = Some(Failure::Passing);

#[test]
fn what_a_failed_fetch_left_in_the_chunk_is_thrown_away_and_nothing_else() {
    let mut source = Retry::new(Numbers::new(9, [PASSING, PASSING]), times(2), passes);
    let mut chunk = Chunk::with_limit(4);
    chunk.push(100);
    let all = KeyRange::all(Order::Ascending);
    assert_eq!(source.fetch(&all, &mut chunk), Ok(Fetched::More));
    assert_eq!(chunk.as_slice(), [100, 0, 1, 2]);
    assert_eq!(source.retries(), 2);
}

#[test]
fn every_question_has_the_whole_policy_to_itself() {
    // The last key, then two fetches: each fails twice.
    let failures = [PASSING, PASSING, None].into_iter().cycle().take(9);
    let mut walk = Walk::new(Retry::new(Numbers::new(4, failures), times(2), passes))
        .chunk_size(2)
        .into_iter();
    assert!(walk.by_ref().map(Result::unwrap).eq(0..4));
    assert_eq!(walk.source().retries(), 6);
}

#[test]
fn the_policy_bounds_the_tries_and_the_walk_resumes_where_it_stood() {
    let failures = [None, None, PASSING, PASSING, PASSING];
    let source = Retry::new(Numbers::new(4, failures), times(2), passes);
    let mut walk = Walk::new(source).chunk_size(2).into_iter();
    let items: Vec<_> = walk.by_ref().collect();
    assert_eq!(
        items,
        [Ok(0), Ok(1), Err(keywalk::Error::Source(Failure::Passing))]
    );
    assert_eq!(walk.source().get_ref().asked, 5);

    let cursor = walk.cursor();
    let rest = Walk::new(walk.into_source()).resume(cursor);
    assert!(rest.into_iter().map(Result::unwrap).eq(2..4));
}

#[test]
fn an_error_that_is_not_worth_it_is_the_walks_at_once() {
    let failures = [None, Some(Failure::Lasting)];
    let mut walk = Walk::new(Retry::new(Numbers::new(4, failures), times(9), passes)).into_iter();
    let error = walk.next();
    assert_eq!(error, Some(Err(keywalk::Error::Source(Failure::Lasting))));
    assert_eq!(walk.source().retries(), 0);
}

#[test]
fn the_delays_are_the_policys() {
    let delays = Rc::new(RefCell::new(Vec::new()));
    let policy = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(10))
        .with_factor(2.0)
        .with_max_times(3);
    let heard = Rc::clone(&delays);
    let source = Numbers::new(1, [PASSING; 3]);
    let mut source =
        Retry::new(source, policy, passes).sleep_by(move |delay| heard.borrow_mut().push(delay));
    let last = source.last_key(&KeyRange::all(Order::Ascending));
    assert_eq!(last, Ok(LastKey::Is(0)));
    // backon multiplies as floating point.
    let rounded: Vec<f64> = delays
        .borrow()
        .iter()
        .map(|delay: &Duration| (delay.as_secs_f64() * 1000.0).round())
        .collect();
    assert_eq!(rounded, [10.0, 20.0, 40.0]);
}

proptest! {
    #[test]
    fn a_walk_over_failures_that_pass_is_the_walk_without_them(
        end in 0..30_u32,
        size in 1..8_usize,
        failures in vec(prop::option::of(Just(Failure::Passing)), 0..40),
    ) {
        let source = Retry::new(Numbers::new(end, failures), times(40), passes);
        let items: Result<Vec<u32>, _> = Walk::new(source).chunk_size(size).into_iter().collect();
        prop_assert_eq!(items, Ok((0..end).collect::<Vec<u32>>()));
    }
}
