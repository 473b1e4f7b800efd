//! The laws of parallel walks, with real threads and tasks.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, LazyLock, Mutex, RwLock};
use std::task::{Context, Waker};
use std::thread;

use keywalk::{CursorMismatch, KeyRange, Order, Token, TokenError, Walk};
use keywalk_memory::{Named, SharedMap};
use keywalk_shards::{Handle, Parallel, Parts, PartsToken};
use keywalk_tokio::Offload;
use proptest::prelude::*;
use proptest::sample::select;
use tokio::runtime::{Builder, Runtime};

type BoxError = Box<dyn Error + Send + Sync>;
type Map = Arc<RwLock<BTreeMap<u64, u64>>>;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let mut threads = Builder::new_multi_thread();
    threads.worker_threads(2).build().unwrap()
});

#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    ForEach,
    Run,
    MapInOrder,
    MapUnordered,
    AsyncRun,
    AsyncMapInOrder,
    AsyncMapUnordered,
}

const WAYS: [Way; 7] = [
    Way::ForEach,
    Way::Run,
    Way::MapInOrder,
    Way::MapUnordered,
    Way::AsyncRun,
    Way::AsyncMapInOrder,
    Way::AsyncMapUnordered,
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    Stop,
    Error,
    Panic,
    /// A worker returns early.
    Return,
}

/// One run of a walk that stops and resumes.
#[derive(Clone, Debug)]
struct Run {
    way: Way,
    workers: usize,
    ahead: usize,
    chunk_size: usize,
    /// What happens at which chunk, and whether it does in the worker, if there is a consumer.
    fault: Option<(Fault, usize, bool)>,
    is_joined: bool,
    split_again: Option<usize>,
}

fn run() -> impl Strategy<Value = Run> {
    let faults = select(vec![Fault::Stop, Fault::Error, Fault::Panic, Fault::Return]);
    let fault = proptest::option::weighted(0.8, (faults, 0..12_usize, any::<bool>()));
    let split_again = proptest::option::of(prop_oneof![9 => 1..20_usize, 1 => Just(usize::MAX)]);
    let sizes = (1..5_usize, 1..6_usize, 1..9_usize);
    (
        select(WAYS.to_vec()),
        sizes,
        fault,
        any::<bool>(),
        split_again,
    )
        .prop_map(
            |(way, (workers, ahead, chunk_size), fault, is_joined, split_again)| Run {
                way,
                workers,
                ahead,
                chunk_size,
                fault,
                is_joined,
                split_again,
            },
        )
}

/// What happened to the chunks of one run.
struct Visits {
    handle: Handle<u64>,
    fault: Option<(Fault, usize, bool)>,
    chunks: AtomicUsize,
    keys: Mutex<Vec<u64>>,
    /// The results that exist, and the most that existed at once.
    results: [AtomicUsize; 2],
}

impl Visits {
    /// Begins a chunk. Returns whether the worker goes on.
    fn begin(&self) -> Result<bool, BoxError> {
        let chunk = self.chunks.fetch_add(1, SeqCst);
        match self.fault {
            Some((fault, at, _)) if at == chunk => match fault {
                Fault::Stop => self.handle.stop(),
                Fault::Error => return Err("broken".into()),
                Fault::Panic => resume_unwind(Box::new("broken")),
                Fault::Return => return Ok(false),
            },
            _ => {}
        }
        Ok(true)
    }

    fn record(&self, items: &[(u64, u64)]) {
        let mut keys = self.keys.lock().unwrap();
        keys.extend(items.iter().map(|(key, _)| key));
    }

    /// What a worker does with a chunk whose result goes to the consumer.
    fn map(self: &Arc<Self>, items: &[(u64, u64)]) -> Result<Mapped, BoxError> {
        let is_here = self.fault.is_some_and(|(.., is_in_worker)| is_in_worker);
        if is_here && !self.begin()? {
            return Err("returned".into());
        }
        let existing = self.results[0].fetch_add(1, SeqCst) + 1;
        self.results[1].fetch_max(existing, SeqCst);
        Ok(Mapped(items.to_vec(), Arc::clone(self)))
    }

    fn each(&self, mapped: &Mapped) -> Result<(), BoxError> {
        let is_here = !self.fault.is_some_and(|(.., is_in_worker)| is_in_worker);
        if is_here && !self.begin()? {
            return Err("returned".into());
        }
        self.record(&mapped.0);
        Ok(())
    }
}

struct Mapped(Vec<(u64, u64)>, Arc<Visits>);

impl Drop for Mapped {
    fn drop(&mut self) {
        self.1.results[0].fetch_sub(1, SeqCst);
    }
}

fn source(map: &Map) -> Named<SharedMap<u64, u64>> {
    Named::new("numbers", SharedMap::new(Arc::clone(map)))
}

/// Runs once, and returns the visited keys in the order of the visits. Checks what holds for each way.
fn visit(map: &Map, parallel: &mut Parallel<u64>, run: &Run, order: Order) -> Vec<u64> {
    let visits = Arc::new(Visits {
        handle: parallel.handle(),
        fault: run.fault,
        chunks: AtomicUsize::new(0),
        keys: Mutex::default(),
        results: Default::default(),
    });
    let size = run.chunk_size;
    let open = |_worker| Ok(Walk::new(source(map)).chunk_size(size));
    let open_async = |_worker| {
        let source = Offload::new(source(map));
        async move { Ok(Walk::new(source).chunk_size(size)) }
    };
    let (map_chunk, each) = (
        {
            let visits = Arc::clone(&visits);
            move |items: &mut [_]| visits.map(items)
        },
        |mapped| visits.each(&mapped),
    );
    let each_async = async |mapped| visits.each(&mapped);
    let ran = catch_unwind(AssertUnwindSafe(|| -> Result<(), BoxError> {
        match run.way {
            Way::ForEach => parallel.for_each(open, |items| {
                match visits.begin()? {
                    true => visits.record(items),
                    false => return Err("returned".into()),
                }
                Ok(())
            }),
            Way::Run => parallel
                .run(|worker| {
                    let mut chunks = worker.chunks(open(worker.number())?);
                    while let Some(items) = chunks.next()? {
                        if !visits.begin()? {
                            break;
                        }
                        visits.record(items);
                    }
                    Ok(())
                })
                .map(drop),
            Way::AsyncRun => RUNTIME
                .block_on(parallel.async_run(|worker| {
                    let (opened, visits) = (open_async(worker.number()), Arc::clone(&visits));
                    async move {
                        let mut chunks = worker.async_chunks(opened.await?);
                        while let Some(items) = chunks.next().await? {
                            if !visits.begin()? {
                                break;
                            }
                            visits.record(items);
                        }
                        Ok(())
                    }
                }))
                .map(drop),
            Way::MapInOrder => parallel.map_in_order(open, map_chunk, each),
            Way::MapUnordered => parallel.map_unordered(open, map_chunk, each),
            Way::AsyncMapInOrder => {
                RUNTIME.block_on(parallel.async_map_in_order(open_async, map_chunk, each_async))
            }
            Way::AsyncMapUnordered => {
                RUNTIME.block_on(parallel.async_map_unordered(open_async, map_chunk, each_async))
            }
        }
    }));
    let keys = std::mem::take(&mut *visits.keys.lock().unwrap());
    let happened = run
        .fault
        .filter(|(_, at, _)| *at < visits.chunks.load(SeqCst));
    match happened.map(|(fault, ..)| fault) {
        Some(Fault::Panic) => assert!(ran.is_err()),
        Some(Fault::Error) => assert_eq!(ran.unwrap().unwrap_err().to_string(), "broken"),
        Some(Fault::Return) if !matches!(run.way, Way::Run | Way::AsyncRun) => {
            assert_eq!(ran.unwrap().unwrap_err().to_string(), "returned");
        }
        Some(Fault::Stop | Fault::Return) => ran.unwrap().unwrap(),
        None => {
            ran.unwrap().unwrap();
            assert!(parallel.is_done());
        }
    }
    if matches!(run.way, Way::MapInOrder | Way::AsyncMapInOrder) {
        let is_next = |pair: &[u64]| match order {
            Order::Ascending => pair[0] < pair[1],
            Order::Descending => pair[0] > pair[1],
        };
        assert!(keys.windows(2).all(is_next), "not in order: {keys:?}");
    }
    // Those that wait, one in the hands of each worker, and one in those of the consumer.
    assert!(visits.results[1].load(SeqCst) <= run.ahead + run.workers + 1);
    assert_eq!(parallel.progress().items(), keys.len() as u64);
    keys
}

/// Inserts and deletes odd keys until it is dropped.
struct Writer {
    is_over: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Writer {
    fn start(map: &Map) -> Self {
        let (map, is_over) = (Arc::clone(map), Arc::new(AtomicBool::new(false)));
        let stop = Arc::clone(&is_over);
        let thread = thread::spawn(move || {
            let mut key = 1_u64;
            while !stop.load(SeqCst) {
                key = key
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                let odd = (key >> 33) % 300 * 2 + 1;
                let mut map = map.write().unwrap();
                if map.remove(&odd).is_none() {
                    map.insert(odd, odd);
                }
                drop(map);
                thread::yield_now();
            }
        });
        Writer {
            is_over,
            thread: Some(thread),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.is_over.store(true, SeqCst);
        self.thread.take().unwrap().join().unwrap();
    }
}

proptest! {
    #[test]
    fn each_row_is_visited_once_whatever_stops_the_walk_and_resumes_it(
        numbers in proptest::collection::btree_set(0..300_u64, 0..120),
        (start, end) in (0..300_u64, 0..700_u64),
        is_descending in any::<bool>(),
        parts in 1..20_usize,
        runs in proptest::collection::vec(run(), 0..5),
        last in run(),
        is_disturbed in any::<bool>(),
    ) {
        let rows: BTreeMap<u64, u64> = numbers.iter().map(|n| (2 * n, *n)).collect();
        let order = if is_descending { Order::Descending } else { Order::Ascending };
        let bounds = (Bound::Included(start), Bound::Excluded(end));
        let ranges = Walk::new(&rows).range(bounds).order(order).split(parts).unwrap();
        let expected = rows.keys().filter(|key| (start..end).contains(key));
        let expected: BTreeSet<u64> = expected.copied().collect();
        let map = Arc::new(RwLock::new(rows.clone()));
        let _writer = is_disturbed.then(|| Writer::start(&map));
        let mut left = Parts::new(ranges);
        let mut visited = Vec::new();
        for run in runs.into_iter().chain([Run { fault: None, ..last }]) {
            let token = left.token(&source(&map)).unwrap();
            let token = match run.is_joined {
                true => token.to_string().parse().unwrap(),
                false => PartsToken::from_bytes(&token.to_bytes()).unwrap(),
            };
            prop_assert_eq!(token.is_done(), left.is_done());
            left = token.parts(&source(&map)).unwrap();
            if run.is_joined {
                left = left.joined();
            }
            if let Some(parts) = run.split_again {
                left = left.split_again(&rows, parts).unwrap();
            }
            let mut parallel = Parallel::new(left).workers(run.workers).ahead(run.ahead);
            visited.extend(visit(&map, &mut parallel, &run, order));
            left = parallel.handle().parts();
        }
        let once: BTreeSet<u64> = visited.iter().copied().collect();
        prop_assert_eq!(once.len(), visited.len(), "twice: {:?}", visited);
        let present: BTreeSet<u64> = once.into_iter().filter(|key| key % 2 == 0).collect();
        prop_assert_eq!(present, expected);
    }
}

fn numbers(rows: u64) -> (BTreeMap<u64, u64>, Map) {
    let rows: BTreeMap<u64, u64> = (0..rows).map(|n| (n, n)).collect();
    let map = Arc::new(RwLock::new(rows.clone()));
    (rows, map)
}

#[test]
fn a_token_that_was_cut_changed_or_taken_elsewhere_is_refused() {
    let (rows, map) = numbers(100);
    let parts = Parts::new(Walk::new(&rows).split(3).unwrap());
    let token = parts.token(&source(&map)).unwrap();
    let (bytes, text) = (token.to_bytes(), token.to_string());
    for at in 0..bytes.len() {
        assert!(PartsToken::from_bytes(&bytes[..at]).is_err());
        let mut changed = bytes.clone();
        changed[at] ^= 0x10;
        assert!(PartsToken::from_bytes(&changed).is_err(), "byte {at}");
    }
    for at in 0..text.len() {
        assert!(text[..at].parse::<PartsToken>().is_err());
    }
    // Text of so many tokens is shorter than their bytes.
    let range = KeyRange::new("x".repeat(5_000).., Order::Ascending);
    let one = Parts::new([range]).token(&Named::new("texts", &BTreeMap::<String, ()>::new()));
    let one = one.unwrap().to_string();
    let (_, one) = one.rsplit_once('.').unwrap();
    let bytes = one.parse::<Token>().unwrap().as_bytes().len();
    let many = 1 + PartsToken::MAX_BYTES / (4 + bytes);
    let long = format!("1.{many}") + &format!(".{one}").repeat(many);
    let refused = long.parse::<PartsToken>();
    assert!(
        matches!(refused, Err(TokenError::TooLong(_))),
        "{refused:?}"
    );
    // Another form isn't always a later one.
    let plain = Walk::new(source(&map)).range(1..).chunk_size(1).unbounded();
    let plain = plain.items().token().unwrap();
    let error = PartsToken::from_bytes(plain.as_bytes()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("has the form 2, which isn't known here"),
        "{error}"
    );
    for (text, refused) in [
        ("1.0", TokenError::Damaged),
        ("01.1", TokenError::Damaged),
        ("7.1", TokenError::Version(7)),
        (&text.replacen('.', ".0", 1), TokenError::Damaged),
        (
            &format!("{text}.{}", text.rsplit('.').next().unwrap()),
            TokenError::Damaged,
        ),
    ] {
        assert_eq!(text.parse::<PartsToken>(), Err(refused));
    }
    let other = Named::new("others", SharedMap::new(map));
    for token in [token, Parts::new([]).token(&source(&numbers(0).1)).unwrap()] {
        let refused = token.parts(&other).unwrap_err();
        assert!(matches!(
            refused,
            keywalk::Error::Token(TokenError::Source { .. })
        ));
    }
}

#[test]
fn a_worker_s_limit_order_and_end_have_no_effect_and_its_range_must_contain_the_parts() {
    let (rows, map) = numbers(100);
    let mut parallel = Parallel::split(Walk::new(&rows).range(20..), 2).unwrap();
    let count = |range: std::ops::RangeFrom<u64>, parallel: &mut Parallel<u64>| {
        let open = |_| {
            let walk = Walk::new(source(&map)).range(range.clone()).limit(1);
            Ok(walk.descending().end_before(|last| last - 1))
        };
        parallel.for_each(open, |_items| Ok::<(), keywalk::Error<_>>(()))
    };
    let refused = keywalk::Error::Cursor(CursorMismatch::Range);
    assert_eq!(count(30.., &mut parallel), Err(refused));
    assert_eq!(count(20.., &mut parallel), Ok(()));
    let report = parallel.report();
    let items = report.workers().iter().map(|worker| worker.items());
    assert_eq!((items.sum(), parallel.progress().parts_done()), (80, 16));
    assert_eq!(
        (parallel.progress().parts(), parallel.is_done()),
        (16, true)
    );
}

#[test]
fn a_dropped_run_leaves_no_task_and_its_chunks_aren_t_done() {
    let (rows, map) = numbers(100);
    let mut parallel = Parallel::split(Walk::new(&rows), 2).unwrap();
    let before = parallel.parts();
    let lent = Arc::new(AtomicUsize::new(0));
    let runtime = Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut run = Box::pin(parallel.async_run(|worker| {
            let (source, lent) = (Offload::new(source(&map)), Arc::clone(&lent));
            async move {
                let mut chunks = worker.async_chunks(Walk::new(source));
                while chunks.next().await?.is_some() {
                    lent.fetch_add(1, SeqCst);
                    std::future::pending::<()>().await;
                }
                Ok::<(), BoxError>(())
            }
        }));
        while lent.load(SeqCst) < 2 {
            let mut context = Context::from_waker(Waker::noop());
            assert!(run.as_mut().poll(&mut context).is_pending());
            tokio::task::yield_now().await;
        }
        drop(run);
        tokio::task::yield_now().await;
    });
    assert_eq!((Arc::strong_count(&lent), parallel.parts()), (1, before));
}
