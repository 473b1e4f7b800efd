use std::cell::{Cell, RefCell};
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use keywalk::{Chunk, ChunkSource, KeyRange, Keyed, Order, Source, Walk};

use crate::clause::Clause;
use crate::harness::{BoxError, Harness};
use crate::history::{
    Change, Clock, Event, FailureKind, Items, KeyHistory, Mutation, Request, Response, Span,
    Timeline, Violation, diagnosed, judge, judge_by_time,
};
use crate::recorder::{Diary, Doing, Recorder, Watchdog, caught, lock, message};

/// A store under test, with its history.
pub(crate) struct Case<H: Harness> {
    /// `None` only during `reopen`, or if that failed.
    harness: Option<H>,
    pub(crate) beat: Watchdog,
    pub(crate) ledger: Ledger<H::Key>,
}

/// The result of a part of a check, or the violation that it found.
pub(crate) type Tried<H, T = ()> = Result<T, Violation<<H as Harness>::Key>>;

/// The source of a harness, inside a recorder of its requests.
pub(crate) type SourceOf<'t, H> = Recorder<<H as Harness>::Source<'t>>;

pub(crate) type Item<'t, H> = <<H as Harness>::Source<'t> as Source>::Item;

/// A key and its value.
pub(crate) type Entry<H> = (<H as Harness>::Key, u64);

impl<H: Harness> Case<H> {
    pub(crate) fn open(beat: &Watchdog) -> Tried<H, Self> {
        let harness = beat.during(Doing::Opening, H::open).map_err(refused)?;
        let ledger = Ledger::default();
        beat.show_history(ledger.timeline.clone());
        Ok(Case {
            harness: Some(harness),
            beat: beat.clone(),
            ledger,
        })
    }

    pub(crate) fn harness(&self) -> Tried<H, &H> {
        let lost = "the store could not be reopened";
        let harness = self.harness.as_ref();
        harness.ok_or_else(|| Violation::message(Clause::Harness, lost))
    }

    pub(crate) fn source(&self) -> Tried<H, SourceOf<'_, H>> {
        let harness = self.harness()?;
        // A snapshot may be taken while the source is opened.
        let opened = self.ledger.clock.tick();
        let source = self.beat.during(Doing::Opening, || harness.source());
        let diary = Diary {
            opened,
            beat: self.beat.clone(),
            clock: self.ledger.clock.clone(),
            timeline: Arc::clone(&self.ledger.timeline),
        };
        // More requests than any walk over this store makes.
        let most = 20_000 + 2 * lock(&self.ledger.timeline).len();
        Ok(Recorder::new(
            source.map_err(refused)?,
            H::value,
            diary,
            most,
        ))
    }

    pub(crate) fn note(&self, note: impl Into<String>) {
        self.ledger.record(Event::Note(note.into()));
    }

    /// Inserts the key or replaces its value, with a new value.
    pub(crate) fn put(&self, key: &H::Key) -> Tried<H> {
        self.set(key, true)
    }

    /// Puts different keys, each with a new value.
    pub(crate) fn put_all<'k>(&self, keys: impl IntoIterator<Item = &'k H::Key>) -> Tried<H> {
        // More would take too long for the watchdog if the store is slow.
        const MOST: usize = 1_000;
        let harness = self.harness()?;
        let mut keys = keys.into_iter().peekable();
        while keys.peek().is_some() {
            let first = self.ledger.puts.get() + 1;
            let entries = keys.by_ref().take(MOST).cloned().zip(first..);
            let entries = Vec::from_iter(entries);
            let (put, during) = self.ledger.clock.time(|| {
                let put = || caught(|| harness.put_all(&entries));
                self.beat.during(Doing::Changing, put)
            });
            if !matches!(put, Ok(Ok(()))) {
                // One of them fails by itself, and is shown.
                let mut entries = entries.iter();
                entries.try_for_each(|(key, value)| self.change(key, Change::Put(*value)))?;
                let otherwise = "`put_all` fails over keys that `put` takes";
                return Err(Violation::message(Clause::Harness, otherwise)
                    .got(put.map_or_else(|panic| message(&*panic), |error| format!("{error:?}"))));
            }
            self.ledger.puts.set(first + entries.len() as u64 - 1);
            self.ledger.put_all(entries, during);
        }
        Ok(())
    }

    pub(crate) fn delete(&self, key: &H::Key) -> Tried<H> {
        self.set(key, false)
    }

    pub(crate) fn set(&self, key: &H::Key, is_put: bool) -> Tried<H> {
        self.change(key, self.ledger.next_change(is_put))
    }

    pub(crate) fn change(&self, key: &H::Key, change: Change) -> Tried<H> {
        let harness = self.harness()?;
        let operation = || match change {
            Change::Put(value) => harness.put(key, value),
            Change::Delete => harness.delete(key),
        };
        // A panic of the store becomes an error. The history shows the change that caused it.
        let operation = || {
            caught(operation)
                .unwrap_or_else(|panic| Err(format!("it panicked: {}", message(&*panic)).into()))
        };
        let operation = || self.beat.during(Doing::Changing, operation);
        let changed = self.ledger.change(key, change, operation);
        changed.map_err(|error| self.unexpected(error))
    }

    /// Performs the harness's operation that needs exclusive access.
    pub(crate) fn with_exclusive_access(&self) -> Tried<H> {
        let harness = self.harness()?;
        let used = self
            .beat
            .during(Doing::Changing, || harness.with_exclusive_access());
        used.map_err(|error| self.unexpected(error))
    }

    pub(crate) fn reopen(&mut self) -> Tried<H> {
        let Some(harness) = self.harness.take() else {
            return self.harness().map(drop);
        };
        let reopened = self.beat.during(Doing::Opening, || harness.reopen());
        self.harness = Some(reopened.map_err(refused)?);
        self.note("the store is closed and opened again");
        Ok(())
    }

    /// Converts the error of a change. It is the harness's fault, unless a source of this store has fetched already.
    fn unexpected(&self, error: BoxError) -> Violation<H::Key> {
        match self.beat.has_walked() {
            true => held(error),
            false => refused(error),
        }
    }

    /// Fetches once and judges the response. Diagnoses a missing key with fetches of other sources. Returns how far the
    /// fetch got: to a key, or to the end (`None`).
    pub(crate) fn fetch<'t>(
        &'t self,
        source: &mut SourceOf<'t, H>,
        range: &KeyRange<H::Key>,
        chunk: &mut Chunk<Item<'t, H>>,
    ) -> Tried<H, Option<H::Key>> {
        chunk.clear();
        // The recorder has the response or the failure.
        drop(caught(|| source.fetch(range, chunk)));
        self.judge_last(source).map_err(|violation| {
            let violation = match source.log().last() {
                Some(request) => self.compared(source, &request, violation),
                None => violation,
            };
            diagnosed(range, violation, |range, key| {
                self.source()
                    .is_ok_and(|fresh| finds(&mut *fresh.unseen(), range, key))
            })
        })
    }

    /// Requests the last key and judges the response.
    pub(crate) fn ask_last_key<'t>(
        &'t self,
        source: &mut SourceOf<'t, H>,
        range: &KeyRange<H::Key>,
    ) -> Tried<H> {
        drop(caught(|| source.last_key(range)));
        self.judge_last(source).map(drop)
    }

    /// Judges a source's last response, if there was one.
    pub(crate) fn judge_last(&self, source: &SourceOf<'_, H>) -> Tried<H, Option<H::Key>> {
        match source.log().last() {
            Some(request) => judge_by_time(&request, source.opened, &self.ledger.lives.borrow()),
            None => Ok(None),
        }
    }

    /// Refines the violation of a response. Makes the same request again, of the same source and then of a fresh one,
    /// finally with an ordinary limit.
    pub(crate) fn compared(
        &self,
        source: &SourceOf<'_, H>,
        request: &Request<H::Key>,
        violation: Violation<H::Key>,
    ) -> Violation<H::Key> {
        let (Response::Items(_), Some(limit)) = (&request.response, request.limit) else {
            return violation;
        };
        if violation.is_of_the_past() {
            return violation;
        }
        let (range, lives) = (&request.range, self.ledger.lives.borrow());
        let is_right = |source: &SourceOf<'_, H>, limit| {
            asked::<H>(source, range, limit, request.budget)
                .is_some_and(|response| judge(range, &response, &lives, request.during).is_ok())
        };
        if is_right(source, limit) {
            return violation.of_the_moment();
        }
        let Ok(fresh) = self.source() else {
            return violation;
        };
        match ordinary(limit, lives.ever_within(range)) {
            _ if is_right(&fresh, limit) => violation.of_its_state(),
            Some(less) if is_right(&fresh, less) => violation.of_its_limit(limit, less),
            _ => violation,
        }
    }

    /// Explains a check's last request, if that failed, by requests of fresh sources.
    pub(crate) fn explained(&self, violation: Violation<H::Key>) -> Violation<H::Key> {
        let timeline = lock(&self.ledger.timeline);
        let mut last = timeline.iter().rev();
        let last = last.find(|event| !matches!(event, Event::Note(_))).cloned();
        drop(timeline);
        let (Some(Event::Request(request)), true) = (last, violation.is_unexplained()) else {
            return violation;
        };
        let Request { range, limit, .. } = &request;
        if !matches!(request.response, Response::Error(_) | Response::Panic(_)) {
            return violation;
        }
        if let Ok(Some(faults)) = self.harness().map(H::faults) {
            faults.disarm();
        }
        let answers = |range: &KeyRange<_>, limit| {
            self.source()
                .is_ok_and(|source| asked::<H>(&source, range, limit, None).is_some())
        };
        let along = |order| KeyRange::new((range.lower(), range.upper()), order);
        let goes = |order| answers(&along(order), 1);
        let is_declared = H::capabilities().descending.is_yes();
        let is_failed = !matches!(violation.kind(), FailureKind::Message(_));
        // A walk's request for its last key may fetch in descending order too.
        let went_back = limit.is_none() || range.order() == Order::Descending;
        let is_likely = went_back && (is_failed || is_declared);
        if is_likely && goes(Order::Ascending) && !goes(Order::Descending) {
            return violation.of_one_order(is_declared);
        }
        let Some((limit, less)) = limit.and_then(|limit| Some((limit, ordinary(limit, 0)?))) else {
            return violation;
        };
        match answers(range, less) && !answers(range, limit) {
            true => violation.of_its_limit(limit, less),
            false => violation,
        }
    }
}

/// The weight of an item in every byte budget of the kit, so that a request can be made again. An item that isn't filled
/// yet weighs nothing; every fifth one is heavier than any budget.
pub(crate) fn weight<H: Harness>(item: &Item<'_, H>) -> usize {
    match H::value(item) {
        0 => 0,
        value if value.is_multiple_of(5) => 60,
        value => 6 + (value % 3) as usize,
    }
}

/// Returns a smaller limit that no source casts wrongly, for a limit that one might. Where it can, the smaller limit
/// holds all `content`, so that a source with short pages answers both alike.
fn ordinary(limit: usize, content: usize) -> Option<usize> {
    let less = match limit {
        0..256 => return None,
        256..=1_000 => 255,
        _ => content.saturating_add(1).max(1_000),
    };
    Some(less).filter(|less| *less < limit)
}

/// Makes a request that isn't recorded. Returns the response if it doesn't fail.
fn asked<H: Harness>(
    source: &SourceOf<'_, H>,
    range: &KeyRange<H::Key>,
    limit: usize,
    budget: Option<usize>,
) -> Option<Items<H::Key>> {
    let mut chunk = match budget {
        Some(bytes) => Chunk::with_budget(limit, bytes, weight::<H>),
        None => Chunk::with_limit(limit),
    };
    let fetched = caught(|| source.unseen().fetch(range, &mut chunk));
    Some(source.items_of(&chunk, limit, &fetched.ok()?.ok()?))
}

/// Returns whether a walk over the range, with an ordinary chunk size, finds this key.
fn finds<S: ChunkSource>(source: &mut S, range: &KeyRange<S::Key>, key: &S::Key) -> bool {
    const MOST: usize = 100_000;
    let bounds = (range.lower().cloned(), range.upper().cloned());
    let walk = Walk::new(source).range(bounds).order(range.order());
    let mut items = walk.unbounded().chunk_size(1_000).items().take(MOST);
    let found = caught(|| items.any(|item| item.is_ok_and(|item| item.key() == *key)));
    found.unwrap_or(false)
}

/// Makes a violation of an error of the harness itself.
pub(crate) fn refused<K: Debug>(error: BoxError) -> Violation<K> {
    Violation::new(FailureKind::Failed)
        .of(Clause::Harness)
        .got(error)
}

/// The history of a store.
pub(crate) struct Ledger<K> {
    pub(crate) clock: Clock,
    pub(crate) lives: RefCell<KeyHistory<K>>,
    pub(crate) timeline: Arc<Mutex<Timeline<K>>>,
    /// The number of puts so far, which is also the last value. Each put has its own value, so a stale one is detected.
    pub(crate) puts: Cell<u64>,
}

impl<K> Default for Ledger<K> {
    fn default() -> Self {
        Ledger {
            clock: Clock::default(),
            lives: RefCell::default(),
            timeline: Arc::default(),
            puts: Cell::new(0),
        }
    }
}

impl<K: Ord + Clone> Ledger<K> {
    /// Returns the next change: a put of a new value, or a deletion.
    pub(crate) fn next_change(&self, is_put: bool) -> Change {
        self.puts.set(self.puts.get() + u64::from(is_put));
        match is_put {
            true => Change::Put(self.puts.get()),
            false => Change::Delete,
        }
    }

    /// Changes a key and records the time. A failed change stays possible for ever.
    pub(crate) fn change(
        &self,
        key: &K,
        change: Change,
        operation: impl FnOnce() -> Result<(), BoxError>,
    ) -> Result<(), BoxError> {
        let (result, mut during) = self.clock.time(operation);
        if result.is_err() {
            during = during.failed();
        }
        let key = key.clone();
        let mutation = Mutation {
            key,
            change,
            during,
        };
        self.lives.borrow_mut().record(mutation.clone());
        self.record(Event::Mutation(mutation));
        result
    }

    /// Records puts that succeeded together.
    fn put_all(&self, entries: Vec<(K, u64)>, during: Span) {
        let (mut lives, mut timeline) = (self.lives.borrow_mut(), lock(&self.timeline));
        for (key, value) in entries {
            let change = Change::Put(value);
            let mutation = Mutation {
                key,
                change,
                during,
            };
            lives.record(mutation.clone());
            timeline.push(Event::Mutation(mutation));
        }
    }

    /// Records a change that may be rolled back. [`settle`](KeyHistory::settle) makes it certain.
    pub(crate) fn attempt(&self, mutation: Mutation<K>) {
        let mut possible = mutation.clone();
        possible.during = possible.during.failed();
        self.lives.borrow_mut().record(possible);
        self.record(Event::Mutation(mutation));
    }

    /// Records changes that other threads made. There are too many to show.
    pub(crate) fn adopt(&self, mutations: &[Mutation<K>]) {
        let mut lives = self.lives.borrow_mut();
        for mutation in mutations {
            lives.record(mutation.clone());
        }
    }

    /// Returns the keys that certainly exist.
    pub(crate) fn present(&self) -> Vec<K> {
        let now = Span::at(self.clock.tick());
        let lives = self.lives.borrow();
        let all = KeyRange::all(Order::Ascending);
        lives.certain(&all, now).cloned().collect()
    }

    pub(crate) fn record(&self, event: Event<K>) {
        lock(&self.timeline).push(event);
    }
}

/// Makes a violation of a change that failed during a walk.
pub(crate) fn held<K: Debug>(error: BoxError) -> Violation<K> {
    Violation::message(Clause::G14, "a change after a fetch failed")
        .got(error)
        .hint(
            "is a lock, a statement, a transaction or an iterator held between two fetches, or does the store \
             refuse this change without a source too?",
        )
}
