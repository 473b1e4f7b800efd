//! Runs the same job blocking and with futures that return `Pending`. The store's transactions borrow the client.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::{pending, poll_fn};
use std::iter::RepeatN;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::task::Wake;

use backon::ConstantBuilder;
use keywalk::{Cursor, Step, Walk};
use keywalk_memory::Named;

use super::*;
use crate::control::Options;
use crate::dead_letter::DeadLetterRecord;
use crate::driver::Steps;
use crate::job::Job;
use crate::pace::Rates;
use crate::run::run;

#[derive(Debug, Default, PartialEq)]
struct Client {
    effects: Vec<u32>,
    letters: Vec<DeadLetterRecord>,
    checkpoint: Option<Checkpoint>,
    /// Whether 8 has failed.
    has_failed: bool,
}

/// Effects that reach the client on commit.
struct Transaction<'c> {
    client: &'c mut Client,
    effects: Vec<u32>,
    letters: Vec<DeadLetterRecord>,
}

impl Transaction<'_> {
    /// 5 always fails, and 8 fails once.
    fn execute(&mut self, number: u32) -> Result<(), BoxError> {
        self.effects.push(number);
        let fails = number == 5 || number == 8 && !self.client.has_failed;
        self.client.has_failed |= number == 8;
        match fails {
            true => Err("bad".into()),
            false => Ok(()),
        }
    }
}

/// Checkpoints that own their client.
#[derive(Debug, Default, PartialEq)]
struct Jobs {
    client: Client,
    commits: usize,
}

impl CheckpointStore for Jobs {
    type Scope<'a> = Transaction<'a>;
    type Rest<'a> = &'a mut usize;
    type Error = Infallible;

    fn begin(&mut self) -> Result<(Transaction<'_>, &mut usize), Infallible> {
        let (effects, letters) = (Vec::new(), Vec::new());
        let client = &mut self.client;
        let transaction = Transaction {
            client,
            effects,
            letters,
        };
        Ok((transaction, &mut self.commits))
    }

    fn load_in(
        transaction: &mut Transaction<'_>,
        _: &mut &mut usize,
        _: &str,
    ) -> Result<Option<Checkpoint>, Infallible> {
        Ok(transaction.client.checkpoint.clone())
    }

    fn commit(
        transaction: Transaction<'_>,
        commits: &mut usize,
        checkpoint: &Checkpoint,
    ) -> Result<(), Infallible> {
        *commits += 1;
        let client = transaction.client;
        client.effects.extend(transaction.effects);
        client.letters.extend(transaction.letters);
        client.checkpoint = Some(checkpoint.clone());
        Ok(())
    }

    fn remove(&mut self, _: &str) -> Result<bool, Infallible> {
        Ok(self.client.checkpoint.take().is_some())
    }

    fn list(&mut self) -> Result<Vec<Checkpoint>, Infallible> {
        Ok(self.client.checkpoint.iter().cloned().collect())
    }

    fn attempt(
        transaction: &mut Transaction<'_>,
        _: &mut &mut usize,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<(), BoxError>,
    ) -> Result<Attempt, Infallible> {
        let before = transaction.effects.len();
        let worked = work(transaction);
        Ok(worked.map_or_else(
            |error| {
                transaction.effects.truncate(before);
                Attempt::RolledBack(error)
            },
            |()| Attempt::Done,
        ))
    }
}

impl Leases for Jobs {
    fn lease(&mut self, _: &str) -> Result<Option<Lease>, Infallible> {
        Ok(Some(Lease::unguarded()))
    }
}

impl DeadLetters for Jobs {
    fn record_dead_letter(
        transaction: &mut Transaction<'_>,
        _: &mut &mut usize,
        letter: &DeadLetter<'_>,
    ) -> Result<(), Infallible> {
        let letter = DeadLetterRecord::new(letter.key(), letter.key_bytes().to_owned());
        transaction.letters.push(letter);
        Ok(())
    }

    fn dead_letters(&mut self, _: &str) -> Result<Vec<DeadLetterRecord>, Infallible> {
        Ok(self.client.letters.clone())
    }
}

/// Determines how often each future is pending: up to three times.
#[derive(Clone, Debug)]
struct Script(Arc<AtomicU64>);

impl Script {
    async fn wait(&self) {
        let random = self.0.load(Relaxed).wrapping_mul(6_364_136_223_846_793_005);
        self.0.store(random.wrapping_add(1), Relaxed);
        for _ in 0..random >> 62 {
            let mut is_ready = false;
            let once = poll_fn(|context| {
                context.waker().wake_by_ref();
                match std::mem::replace(&mut is_ready, true) {
                    true => Poll::Ready(()),
                    false => Poll::Pending,
                }
            });
            once.await;
        }
    }
}

/// Wraps a walk, a checkpoint store or a scope so that each call waits before or after. Never `Sync`.
struct Waiting<T>(T, Script, PhantomData<Cell<()>>);

impl<W: Steps> Steps for Waiting<W> {
    type Key = W::Key;
    type Item = W::Item;
    type Error = W::Error;
    type Source = W::Source;

    async fn step(&mut self) -> Result<Step<'_, W::Item>, keywalk::Error<W::Error>> {
        self.1.wait().await;
        self.0.step().await
    }

    fn items(&self) -> &[W::Item] {
        self.0.items()
    }

    fn source(&self) -> &W::Source {
        self.0.source()
    }

    fn cursor(&self) -> Cursor<W::Key> {
        self.0.cursor()
    }

    fn cursor_after(&self, key: W::Key) -> Cursor<W::Key> {
        self.0.cursor_after(key)
    }

    fn seek(&mut self, cursor: Cursor<W::Key>) {
        self.0.seek(cursor);
    }

    fn chunk_size(&self) -> usize {
        self.0.chunk_size()
    }

    fn set_chunk_size(&mut self, items: usize) {
        self.0.set_chunk_size(items);
    }

    fn limit(&self) -> Option<u64> {
        self.0.limit()
    }

    fn set_limit(&mut self, items: Option<u64>) {
        self.0.set_limit(items);
    }
}

impl<K, T, St: JobStore<K, T>> JobStore<K, T> for Waiting<St> {
    type Error = St::Error;
    type Lease = St::Lease;
    type Scope<'s>
        = Waiting<St::Scope<'s>>
    where
        Self: 's;

    async fn lease(&mut self, job: &str) -> Result<Option<St::Lease>, St::Error> {
        self.1.wait().await;
        self.0.lease(job).await
    }

    async fn release(&mut self, lease: St::Lease) {
        self.1.wait().await;
        self.0.release(lease).await;
    }

    async fn begin(&mut self) -> Result<Waiting<St::Scope<'_>>, St::Error> {
        self.1.wait().await;
        Ok(Waiting(self.0.begin().await?, self.1.clone(), PhantomData))
    }

    async fn load(&mut self, job: &str) -> Result<Option<Checkpoint>, St::Error> {
        self.1.wait().await;
        self.0.load(job).await
    }

    fn is_transient(&self, error: &St::Error) -> bool {
        self.0.is_transient(error)
    }

    fn skips(&self) -> bool {
        self.0.skips()
    }
}

impl<K, T, Sc: OpenScope<K, T>> OpenScope<K, T> for Waiting<Sc> {
    type Error = Sc::Error;

    async fn load(&mut self, job: &str) -> Result<Option<Checkpoint>, Sc::Error> {
        self.1.wait().await;
        self.0.load(job).await
    }

    async fn work(&mut self, batch: Batch<'_, K, T>) -> Result<Next, BoxError> {
        let worked = self.0.work(batch).await;
        self.1.wait().await;
        worked
    }

    async fn attempt(
        &mut self,
        batch: Batch<'_, K, T>,
        next: &mut Next,
    ) -> Result<Attempt, Sc::Error> {
        let attempt = self.0.attempt(batch, next).await;
        self.1.wait().await;
        attempt
    }

    async fn record_dead_letter(&mut self, letter: &DeadLetter<'_>) -> Result<(), Sc::Error> {
        self.1.wait().await;
        self.0.record_dead_letter(letter).await
    }

    async fn commit(self, checkpoint: &Checkpoint) -> Result<(), Sc::Error> {
        self.1.wait().await;
        self.0.commit(checkpoint).await
    }
}

/// A clock that advances only in `sleep`. It isn't `Sync`, because a caller's closures may not be either.
#[derive(Debug)]
struct TestTime(AtomicU64, Script, PhantomData<Cell<()>>);

impl Clock for TestTime {
    fn now(&self) -> Duration {
        Duration::from_millis(self.0.load(Relaxed))
    }

    fn sleep(&self, time: Duration) {
        self.0.fetch_add(time.as_millis() as u64, Relaxed);
    }

    fn time_of_day(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }
}

impl Host for TestTime {
    type Key = u32;
    type Delays = RepeatN<Duration>;

    fn now(&self) -> Duration {
        Clock::now(self)
    }

    fn time_of_day(&self) -> SystemTime {
        Clock::time_of_day(self)
    }

    async fn sleep(&mut self, time: Duration) {
        self.1.wait().await;
        Clock::sleep(self, time);
    }

    fn delays(&self) -> Option<Self::Delays> {
        Some(std::iter::repeat_n(DELAY, TIMES))
    }

    fn is_worth_a_retry(&mut self, _: &BoxError) -> bool {
        true
    }

    fn hold(&mut self, _: &Progress<'_, u32>) -> Option<Duration> {
        None
    }

    fn tell(&mut self, _: &Progress<'_, u32>) {}
}

const DELAY: Duration = Duration::from_millis(70);
const TIMES: usize = 2;

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Relaxed);
    }
}

/// Polls a spawnable future, at most this often.
fn block_on<F: Future + Send>(future: F, polls: usize) -> Option<F::Output> {
    let woken = Arc::new(Woken(AtomicBool::new(true)));
    let waker = Waker::from(Arc::clone(&woken));
    let mut future = pin!(future);
    (0..polls).find_map(|_| {
        assert!(woken.0.swap(false, Relaxed), "it waits for nothing");
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    })
}

type Numbers = BTreeMap<u32, ()>;

/// Returns the numbers below 20. Includes 5, which always fails, only if failures are skipped.
fn numbers(skips: bool) -> Numbers {
    (0..20)
        .filter(|n| skips || *n != 5)
        .map(|n| (n, ()))
        .collect()
}

fn walk(numbers: &Numbers) -> Walk<Named<&Numbers>> {
    Walk::new(Named::new("numbers", numbers)).chunk_size(4)
}

fn work(
    transaction: &mut Transaction<'_>,
    items: Batch<'_, u32, (&u32, &())>,
) -> Result<(), BoxError> {
    items
        .iter()
        .try_for_each(|item| transaction.execute(*item.0))
}

fn blocking(skips: bool) -> (Jobs, Outcome) {
    let (numbers, mut jobs) = (numbers(skips), Jobs::default());
    let time = TestTime(AtomicU64::new(0), Script(Arc::default()), PhantomData);
    let policy = ConstantBuilder::new()
        .with_delay(DELAY)
        .with_max_times(TIMES);
    let job = Job::new("job", walk(&numbers), &mut jobs)
        .clock(&time)
        .pause(DELAY)
        .retry(policy, |_| true);
    let job = if skips { job.skip_failures() } else { job };
    let outcome = job.run(work).unwrap();
    (jobs, outcome)
}

/// Runs the job until it is done, with at most this many polls per run.
fn waiting(skips: bool, seed: u64, polls: usize) -> (Jobs, Outcome) {
    let script = Script(Arc::new(AtomicU64::new(seed)));
    let numbers = numbers(skips);
    let store = Blocking {
        checkpoints: Jobs::default(),
        work,
        record_dead_letter: skips.then_some(record_dead_letter as RecordDeadLetter<_>),
    };
    let mut store = Waiting(store, script.clone(), PhantomData);
    loop {
        let options = Options {
            rates: Rates {
                pause: Some(DELAY),
                ..Rates::default()
            },
            ..Options::default()
        };
        let time = TestTime(AtomicU64::new(0), script.clone(), PhantomData);
        let walk = walk(&numbers);
        let begins = walk.cursor();
        let walk = Waiting(walk.chunks(), script.clone(), PhantomData);
        let run = run("job", options, time, begins, walk, &mut store);
        if let Some(outcome) = block_on(run, polls) {
            return (store.0.checkpoints, outcome.unwrap());
        }
    }
}

#[test]
fn a_run_that_waits_does_what_one_does_that_blocks() {
    for skips in [false, true] {
        let (expected, told) = blocking(skips);
        let effects = (0..20).filter(|n| *n != 5);
        assert!(expected.client.effects.iter().copied().eq(effects));
        assert_eq!(expected.client.letters.len(), usize::from(skips));
        for seed in 0..50 {
            let (jobs, outcome) = waiting(skips, seed, usize::MAX);
            assert_eq!(jobs, expected, "{seed}");
            assert_eq!(format!("{outcome:?}"), format!("{told:?}"), "{seed}");
        }
    }
}

#[test]
fn a_run_that_is_dropped_while_it_waits_goes_on_where_it_was() {
    for (skips, seed) in (0..100).map(|seed| (seed % 2 == 0, seed)) {
        let (expected, _) = blocking(skips);
        let (jobs, _) = waiting(skips, seed, 40 + seed as usize);
        assert_eq!(jobs.client.effects, expected.client.effects, "{seed}");
        assert_eq!(jobs.client.letters, expected.client.letters, "{seed}");
        let checkpoint = jobs.client.checkpoint.unwrap();
        assert_eq!(
            Some(checkpoint.items()),
            expected.client.checkpoint.map(|at| at.items())
        );
    }
}

#[test]
fn a_run_that_waits_where_it_cannot_is_an_error() {
    let suspended = poll_once::<Infallible, Infallible>("job", pending());
    let error = suspended.unwrap_err().to_string();
    assert!(
        error.contains("the run of the job \"job\" waited"),
        "{error}"
    );
}
