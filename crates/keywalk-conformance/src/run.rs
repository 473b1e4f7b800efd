use std::collections::VecDeque;
use std::fmt::Debug;
use std::ops::Bound;

use keywalk::{ChunkSource, Cursor, Driver, Error, Items, KeyRange, Order, Walk};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::case::{Case, Entry, SourceOf, Tried};
use crate::clause::Clause;
use crate::edit::{Edit, Schedule, edits};
use crate::harness::Harness;
use crate::history::{FailureKind, Oracle, Request, Response, Violation, explained};
use crate::recorder::Log;
use crate::runner::Runner;

/// A walk over a case's store that follows a plan, and the oracle that judges it.
pub(crate) struct Run<'s, H: Harness> {
    pub(crate) plan: &'s Plan<H::Key>,
    oracle: Oracle<H::Key>,
    is_snapshot: bool,
    /// The number of chunks requested so far.
    step: usize,
    /// The number of the source's requests that were judged so far.
    judged: usize,
    /// The items that the walk yielded.
    pub(crate) seen: Vec<Entry<H>>,
}

impl<'s, H: Harness> Run<'s, H> {
    /// Puts the plan's initial keys, and starts a run.
    pub(crate) fn start(case: &Case<H>, plan: &'s Plan<H::Key>) -> Tried<H, Self> {
        case.put_all(&plan.edits.initial)?;
        Ok(Self::again(case, plan))
    }

    /// Starts a run over the present contents. Nothing changes before its first step.
    pub(crate) fn again(case: &Case<H>, plan: &'s Plan<H::Key>) -> Self {
        let is_snapshot = H::capabilities().snapshot.is_yes();
        let mut oracle = plan.oracle();
        if is_snapshot {
            oracle = oracle.snapshot(case.ledger.clock.tick());
        }
        Run {
            plan,
            oracle,
            is_snapshot,
            step: 0,
            judged: 0,
            seen: Vec::new(),
        }
    }

    /// Walks by chunks, with changes between them.
    pub(crate) fn by_chunks(mut self, case: &Case<H>) -> Tried<H> {
        // Reads keys while a chunk is lent.
        let reader = case.source()?;
        let mut chunks = self.plan.walk(case.source()?).chunks();
        self.judged = 0;
        loop {
            self.mutate(case)?;
            let chunk = match chunks.next() {
                Ok(Some(items)) => {
                    Some(Vec::from_iter(items.iter().map(|item| reader.entry(item))))
                }
                Ok(None) => None,
                Err(error) => return Err(self.failed(case, chunks.source(), &error)),
            };
            let fetched = self.judge(case, chunks.source())?;
            let Some(chunk) = chunk else { break };
            if chunk != fetched || chunk.is_empty() {
                return Err(handed_out(&fetched, &chunk));
            }
            chunk.into_iter().try_for_each(|entry| self.see(entry))?;
        }
        self.end(case)?;
        let is_over = matches!(chunks.next(), Ok(None));
        self.is_fused(is_over, chunks.source())
    }

    pub(crate) fn by_all_items(mut self, case: &Case<H>) -> Tried<H> {
        let walk = self.plan.walk(case.source()?);
        self.by_items(case, walk, usize::MAX).map(drop)
    }

    /// Takes items one by one, with changes whenever no item is buffered. Returns the walk in its final state.
    pub(crate) fn by_items<'t>(
        &mut self,
        case: &'t Case<H>,
        walk: Walk<SourceOf<'t, H>>,
        most: usize,
    ) -> Tried<H, Items<SourceOf<'t, H>>> {
        let mut items = walk.items();
        let mut buffered = VecDeque::new();
        self.judged = 0;
        for _ in 0..most {
            if items.size_hint().0 != buffered.len() {
                return Err(handed_out(&buffered, &items.size_hint()));
            }
            if buffered.is_empty() {
                self.mutate(case)?;
            }
            let item = match items.next().transpose() {
                Ok(item) => item,
                Err(error) => return Err(self.failed(case, items.source(), &error)),
            };
            if items.source().log().len() > self.judged {
                if !buffered.is_empty() {
                    return Err(handed_out(&buffered, &"another fetch"));
                }
                buffered = self.judge(case, items.source())?.into();
            }
            let entry = item.map(|item| items.source().entry(&item));
            let due = buffered.pop_front();
            if entry != due {
                return Err(handed_out(&due, &entry));
            }
            let Some(entry) = entry else {
                self.end(case)?;
                let is_over = items.next().is_none();
                self.is_fused(is_over, items.source())?;
                break;
            };
            self.see(entry)?;
        }
        // The walk is cut here and may be resumed from its cursor.
        let now = case.ledger.clock.tick();
        self.oracle.resume(!buffered.is_empty(), now);
        Ok(items)
    }

    /// Judges a finished walk by its source's requests and its items. The source was opened at `opened`, and nobody
    /// changed the store since.
    pub(crate) fn of_all<E: Debug>(
        mut self,
        case: &Case<H>,
        (opened, requests): (u64, &[Request<H::Key>]),
        entries: Vec<Entry<H>>,
        error: Option<&Error<E>>,
    ) -> Tried<H> {
        let mut requested = requests.iter();
        requested.try_for_each(|request| self.observe(case, opened, request))?;
        if let Some(error) = error {
            return Err(unexpected(error));
        }
        let fetched = Vec::from_iter(requests.iter().flat_map(|request| self.items(request)));
        if entries != fetched {
            return Err(handed_out(&fetched, &entries));
        }
        entries.into_iter().try_for_each(|entry| self.see(entry))?;
        self.oracle.end()
    }

    /// Returns whether these requests fetched `chunks` chunks, or no more will be fetched.
    pub(crate) fn has_fetched(
        &self,
        case: &Case<H>,
        requested: &[Request<H::Key>],
        chunks: usize,
    ) -> bool {
        let mut oracle = self.oracle.clone();
        let lives = case.ledger.lives.borrow();
        let goes_on = requested.iter().all(|request| {
            let failed = matches!(request.response, Response::Error(_) | Response::Panic(_));
            !failed && oracle.observe(request, &lives).is_ok()
        });
        let fetched = requested
            .iter()
            .filter(|request| !self.items(request).is_empty());
        !goes_on || oracle.has_ended() || fetched.count() >= chunks
    }

    /// Makes the plan's changes before the next chunk.
    pub(crate) fn mutate(&mut self, case: &Case<H>) -> Tried<H> {
        let Plan {
            edits,
            always,
            order,
            ..
        } = self.plan;
        // A snapshot may be taken at the first fetch, but must show the store as it was when the walk began. So nothing
        // changes between the two.
        if self.step > 0 || !self.is_snapshot {
            let now = edits.turns.get(self.step).into_iter().flatten();
            for edit in now.chain(always) {
                let (present, cursor) = (|| case.ledger.present(), self.seen.last());
                let cursor = cursor.map(|(key, _)| key);
                let (is_put, keys) = edit.at(&edits.pool, present, *order, cursor);
                keys.iter().try_for_each(|key| case.set(key, is_put))?;
            }
        }
        self.step += 1;
        Ok(())
    }

    /// Judges the requests since the last change. Returns the items that the walk must yield from them.
    fn judge(&mut self, case: &Case<H>, source: &SourceOf<'_, H>) -> Tried<H, Vec<Entry<H>>> {
        let mut fetched = Vec::new();
        for request in source.log().from(self.judged) {
            if !fetched.is_empty() {
                return Err(handed_out(&fetched, &"another fetch"));
            }
            self.compare(case, source, &request)?;
            fetched = self.items(&request);
            self.judged += 1;
        }
        Ok(fetched)
    }

    /// Returns the items of a fetch in the walk's order. A search for the last key goes in the other order, and yields
    /// none.
    fn items(&self, request: &Request<H::Key>) -> Vec<Entry<H>> {
        match &request.response {
            Response::Items(response) if request.range.order() == self.plan.order => {
                response.items.clone()
            }
            _ => Vec::new(),
        }
    }

    /// Judges a request. Compares a wrong response with that of a fresh source.
    fn compare(
        &mut self,
        case: &Case<H>,
        source: &SourceOf<'_, H>,
        request: &Request<H::Key>,
    ) -> Tried<H> {
        let observed = self.observe(case, source.opened, request);
        observed.map_err(|violation| match violation.clause() {
            Clause::G7 | Clause::G5 => violation,
            _ if self.is_snapshot => violation,
            _ => case.compared(source, request, violation),
        })
    }

    /// Observes the next request of a source that was opened at `opened`.
    fn observe(&mut self, case: &Case<H>, opened: u64, request: &Request<H::Key>) -> Tried<H> {
        let lives = case.ledger.lives.borrow();
        let observed = self.oracle.observe(request, &lives);
        observed.map_err(|violation| match &request.response {
            Response::Items(_) if self.is_snapshot => violation.of_a_snapshot(),
            Response::Items(_) => explained(violation, request, opened, &lives),
            _ => violation,
        })
    }

    /// Returns why a walk failed: its source's wrong response if there is one, otherwise the error.
    fn failed<E: Debug>(
        &mut self,
        case: &Case<H>,
        source: &SourceOf<'_, H>,
        error: &Error<E>,
    ) -> Violation<H::Key> {
        let requests = source.log().from(self.judged);
        let mut requests = requests.iter();
        match requests.try_for_each(|request| self.compare(case, source, request)) {
            Err(violation) => violation,
            Ok(()) => unexpected(error),
        }
    }

    /// Records a yielded item, without comparing it to what was fetched.
    fn see(&mut self, entry: Entry<H>) -> Tried<H> {
        self.oracle.hand_out(&entry.0)?;
        self.seen.push(entry);
        Ok(())
    }

    /// Judges the end of the walk. Then puts every key of the pool, none of which may come any more.
    fn end(&mut self, case: &Case<H>) -> Tried<H> {
        self.oracle.end()?;
        match H::capabilities().mutation.is_yes() {
            true => case.put_all(&self.plan.edits.pool),
            false => Ok(()),
        }
    }

    fn is_fused(&self, is_over: bool, source: &SourceOf<'_, H>) -> Tried<H> {
        match is_over && source.log().len() == self.judged {
            true => Ok(()),
            false => Err(Violation::message(
                Clause::G12,
                "the walk went on after its end",
            )),
        }
    }
}

/// Makes a violation of an error that no injected fault caused.
pub(crate) fn unexpected<K: Debug, E: Debug>(error: &Error<E>) -> Violation<K> {
    match error {
        Error::Contract(violation) => {
            let broken = "the walk ended with a violation of the contract";
            Violation::message(Clause::of(*violation), broken).got(violation)
        }
        error => Violation::new(FailureKind::Failed).got(format!("{error:?}")),
    }
}

fn handed_out<K: Debug>(fetched: &dyn Debug, handed_out: &dyn Debug) -> Violation<K> {
    Violation::new(FailureKind::WrongItems)
        .expected(format!("{fetched:?}"))
        .got(format!("{handed_out:?}"))
}

/// What came of a whole walk.
pub(crate) struct Taken<K> {
    pub(crate) entries: Vec<(K, u64)>,
    /// The error that ended it. The source's own is of the kind `Failed`.
    pub(crate) error: Option<Violation<K>>,
    pub(crate) cursor: Cursor<K>,
    /// The number of items, errors and requests after the first error or the end.
    pub(crate) after: usize,
}

/// Walks by items, in this thread or prefetched in another. `reader` is another source over the same store.
pub(crate) fn taken<'t, H: Harness, D: Driver<SourceOf<'t, H>>>(
    mut items: Items<SourceOf<'t, H>, D>,
    log: &Log<H::Key>,
    reader: &SourceOf<'t, H>,
) -> Taken<H::Key> {
    let (mut entries, mut error) = (Vec::new(), None);
    while error.is_none()
        && let Some(item) = items.next()
    {
        match item {
            Ok(item) => entries.push(reader.entry(&item)),
            Err(said) => error = Some(unexpected(&said)),
        }
    }
    let requested = log.len();
    let after = usize::from(items.next().is_some());
    Taken {
        entries,
        error,
        cursor: items.cursor(),
        after: after + log.len() - requested,
    }
}

/// A walk, and the concurrent changes to its store.
#[derive(Clone, Debug)]
pub(crate) struct Plan<K> {
    /// The initial keys, and the edits of each turn: those of the i-th turn are made before the i-th chunk.
    pub(crate) edits: Schedule<K>,
    /// Edits that are repeated before every chunk.
    pub(crate) always: Vec<Edit<K>>,
    /// The bounds of the walk. They may be inverted.
    pub(crate) bounds: (Bound<K>, Bound<K>),
    pub(crate) order: Order,
    /// From 1 to more than the number of keys.
    pub(crate) chunk_size: usize,
    /// The chunk size of the walk that resumes the first one.
    pub(crate) second_chunk_size: usize,
    pub(crate) live: bool,
    /// The number of items after which the walk is cut and resumed.
    pub(crate) cut: usize,
}

impl<K: Ord + Clone> Plan<K> {
    pub(crate) fn of_all(order: Order, chunk_size: usize) -> Self {
        Plan {
            edits: Schedule::new([]),
            always: Vec::new(),
            bounds: (Bound::Unbounded, Bound::Unbounded),
            order,
            chunk_size,
            second_chunk_size: chunk_size,
            live: false,
            cut: 0,
        }
    }
}

impl<K: Ord + Clone + Debug> Plan<K> {
    pub(crate) fn range(&self) -> KeyRange<K> {
        KeyRange::new(self.bounds.clone(), self.order)
    }

    pub(crate) fn walk<S: ChunkSource<Key = K>>(&self, source: S) -> Walk<S> {
        let walk = Walk::new(source).range(self.bounds.clone());
        let walk = walk.order(self.order).chunk_size(self.chunk_size);
        if self.live { walk.unbounded() } else { walk }
    }

    pub(crate) fn oracle(&self) -> Oracle<K> {
        match self.live {
            true => Oracle::unbounded(self.range()),
            false => Oracle::bounded(self.range()),
        }
    }

    /// Returns the same plan without concurrent changes.
    pub(crate) fn still(mut self) -> Self {
        self.edits.turns.clear();
        self.always.clear();
        self
    }
}

impl<H: Harness> Runner<H> {
    /// Returns a strategy for all kinds of plans over the harness's keys, within the store's capabilities.
    pub(crate) fn plans(&self) -> BoxedStrategy<Plan<H::Key>> {
        let can_change = self.can.mutation.is_yes();
        let order = prop::sample::select(self.orders());
        let sizes = (chunk_size(), chunk_size());
        let walk = (order, sizes, any::<bool>(), 0..12_usize);
        let drawn = (edits(&self.keys), (bound(), bound()), walk);
        let plan = drawn.prop_map(move |(edits, (lower, upper), walk)| {
            let (order, (chunk_size, second_chunk_size), live, cut) = walk;
            let key = |at: Index| at.get(&edits.pool).clone();
            let plan = Plan {
                bounds: (lower.map(key), upper.map(key)),
                edits,
                always: Vec::new(),
                order,
                chunk_size,
                second_chunk_size,
                live,
                cut,
            };
            if can_change { plan } else { plan.still() }
        });
        plan.boxed()
    }

    /// Returns a strategy for plans that make only these edits, before every chunk.
    pub(crate) fn plans_of(&self, always: &[Edit<H::Key>]) -> BoxedStrategy<Plan<H::Key>> {
        let always = always.to_vec();
        let only = move |plan: Plan<H::Key>| Plan {
            always: always.clone(),
            ..plan.still()
        };
        self.plans().prop_map(only).boxed()
    }
}

/// Draws chunk sizes. Most are smaller than the table, so that there are several chunks.
fn chunk_size() -> impl Strategy<Value = usize> {
    prop_oneof![6 => 1..5_usize, 2 => 5..20_usize, 1 => Just(usize::MAX)]
}

fn bound() -> impl Strategy<Value = Bound<Index>> {
    prop_oneof![
        2 => Just(Bound::Unbounded),
        1 => any::<Index>().prop_map(Bound::Included),
        1 => any::<Index>().prop_map(Bound::Excluded),
    ]
}
