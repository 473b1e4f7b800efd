//! Makes walks, writes down what comes and when, and judges it.

use std::error::Error as _;
use std::fmt::Display;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use keywalk::{ChunkSource, Chunks, Error, Fetched, KeyRange, LastKey, Order, Walk};
use keywalk_conformance::Clause;
use keywalk_conformance::history::{
    Answer, Breach, Clock, Lives, Mutation, Oracle, Question, Span,
};
use keywalk_tests::random::Random;
use rusqlite::{Connection, ErrorCode};

use crate::Counts;
use crate::database::{Database, Fault};

/// Keys come and go among these; those of a queue are above. Both ends of the key's type are keys, too.
pub(crate) fn pool_key(random: &mut Random) -> i64 {
    match random.below(60) {
        0 => i64::MIN,
        1 => i64::MAX,
        _ => random.below(1_200) as i64 - 600,
    }
}

/// The queue's keys begin here.
pub(crate) const QUEUE: i64 = 10_000;

/// Some are empty, or inverted.
fn any_range(random: &mut Random) -> KeyRange<i64> {
    let [lower, upper] = [(); 2].map(|()| {
        let key = random.pick([-300, -5, 0, 20, 300, i64::MIN, i64::MAX, QUEUE]);
        let (included, excluded) = (Bound::Included(key), Bound::Excluded(key));
        random.pick([Bound::Unbounded, Bound::Unbounded, included, excluded])
    });
    let order = random.pick([Order::Ascending, Order::Descending]);
    KeyRange::new((lower, upper), order)
}

/// What is walked.
pub(crate) trait Source:
    ChunkSource<Key = i64, Item = (i64, u64), Error = keywalk_sqlite::Error>
{
}

impl<S> Source for S where
    S: ChunkSource<Key = i64, Item = (i64, u64), Error = keywalk_sqlite::Error>
{
}

/// All that a walk fetched.
pub(crate) struct Walked {
    range: KeyRange<i64>,
    live: bool,
    parts: Vec<Part>,
    faults: Vec<Fault>,
    broken: Option<String>,
}

/// From where a walk set out to where it ended or was left.
#[derive(Default)]
struct Part {
    /// Of its chunks.
    size: usize,
    questions: Vec<Question<i64>>,
}

/// More parts and chunks than any walk has, faults and all.
const MOST_PARTS: usize = 20_000;
const MOST_CHUNKS: usize = 200_000;

/// A walk that is dropped and resumed, or resumed after a fault, in as many parts as it takes.
pub(crate) fn walk(
    database: &Database,
    db: &Connection,
    clock: &Clock,
    random: &mut Random,
) -> rusqlite::Result<Walked> {
    // With a WAL nobody has to wait for another.
    if !database.wal {
        db.busy_timeout(Duration::from_millis(random.pick([0, 1, 5, 20])))?;
    }
    let (range, live) = (any_range(random), random.one_in(4));
    let rarity = random.one_in(3).then(|| 300 + random.below(3_000));
    let mut drop_at = random.one_in(3).then(|| random.below(60) as usize);
    let mut walked = Walked {
        range,
        live,
        parts: Vec::new(),
        faults: Vec::new(),
        broken: None,
    };
    let mut cursor = None;
    // Until it is known where it ends: since when, and of which keys.
    let mut since = (!live).then(|| (clock.tick(), range));
    while walked.parts.len() < MOST_PARTS {
        let mut part = Part::default();
        let left = match database.source(db, random.fork(), rarity) {
            Err(error) => fault_of(&error).map(Some),
            Ok(source) => {
                part.size = random.pick([1, 2, 3, 7, 16, 64, 200, 512, usize::MAX]);
                let mut walk = Walk::new(source).chunk_size(part.size);
                // What the cursor knows may be said again.
                if cursor.is_none() || random.one_in(2) {
                    walk = walk.range(range).order(range.order());
                    if live {
                        walk = walk.live();
                    }
                }
                if let Some(cursor) = cursor {
                    walk = walk.resume(cursor);
                }
                let mut chunks = walk.chunks();
                let left = part.pull(&mut chunks, clock, drop_at.take(), &mut since);
                cursor = Some(chunks.cursor());
                left
            }
        };
        walked.parts.push(part);
        match left {
            Ok(Some(Fault::Busy)) if database.wal => {
                walked.broken = Some(violation(Clause::G11, "busy, where nobody waits"));
                return Ok(walked);
            }
            Ok(Some(fault)) => {
                walked.faults.push(fault);
                // One that asks again at once only keeps the others busy.
                if fault == Fault::Busy {
                    thread::sleep(Duration::from_millis(1));
                }
            }
            // A live walk that ended may go on, and look for what was appended.
            Ok(None) if live && random.one_in(2) => {}
            Ok(None) => return Ok(walked),
            Err(broken) => {
                walked.broken = Some(broken);
                return Ok(walked);
            }
        }
    }
    walked.broken = Some(violation(Clause::G9, "there are parts without end"));
    Ok(walked)
}

impl Part {
    /// Goes on to the end (`None`), to an error, or to where the walk is to be dropped. `since` tells of a walk
    /// whose end isn't known yet.
    fn pull(
        &mut self,
        chunks: &mut Chunks<impl Source>,
        clock: &Clock,
        drop_at: Option<usize>,
        since: &mut Option<(u64, KeyRange<i64>)>,
    ) -> Result<Option<Fault>, String> {
        let mut before = clock.tick();
        loop {
            if drop_at == Some(self.questions.len()) {
                return Ok(Some(Fault::Drop));
            }
            if self.questions.len() > MOST_CHUNKS {
                return Err(violation(Clause::G9, "there are chunks without end"));
            }
            let mut range = *chunks.cursor().range();
            let next = || chunks.next().map(|items| items.map(|items| items.to_vec()));
            let (next, during) = clock.time(|| catch_unwind(AssertUnwindSafe(next)));
            let (items, left) = match next {
                Ok(Ok(Some(items))) => (items, None),
                Ok(Ok(None)) => (Vec::new(), Some(is_fused(chunks).map(|()| None))),
                Ok(Err(Error::Source(error))) => {
                    let fault = is_fused(chunks).and_then(|()| fault_of(&error));
                    (Vec::new(), Some(fault.map(Some)))
                }
                Ok(Err(error)) => return Err(violation(Clause::G15, error)),
                Err(panic) if panic.is::<Fault>() => (Vec::new(), Some(Ok(Some(Fault::Panic)))),
                Err(_) => return Err(violation(Clause::G11, "it panicked")),
            };
            let now = *chunks.cursor().range();
            let has_ended = matches!(left, Some(Ok(None)));
            let moved_to = match now.near() {
                Bound::Excluded(to) if now.near() != range.near() => Some(*to),
                _ => None,
            };
            let is_answered = left.is_none() || has_ended || moved_to.is_some();
            // Where a walk ends is asked for before its first chunk; again, where that failed.
            if let Some((from, whole)) = since.take_if(|_| is_answered) {
                range = whole;
                let last = match now.far() {
                    Bound::Included(last) if !has_ended || now.far() != range.far() => {
                        LastKey::Is(*last)
                    }
                    _ if has_ended => LastKey::Empty,
                    _ => LastKey::Unknown,
                };
                let to = during.to;
                let question = Question::last_key(range, last, Span { from, to });
                self.questions.push(question);
                if let LastKey::Is(last) = last {
                    range.end_at(last);
                }
            }
            let mut tell = |range, items, fetched, during| {
                let question = Question::fetch(range, self.size, items, fetched, during);
                self.questions.push(question);
            };
            let last = items.last().map(|(key, _)| *key);
            match moved_to {
                Some(to) if last != Some(to) => {
                    tell(range, items, Fetched::ScannedTo(to), during);
                }
                _ if left.is_none() => tell(range, items, Fetched::More, during),
                _ => {}
            }
            // That this is the end may be known since the chunk before.
            let from = std::mem::replace(&mut before, during.from);
            if has_ended {
                range = moved_to.map_or(range, |_| now);
                tell(range, Vec::new(), Fetched::End, Span { from, ..during });
            }
            if let Some(left) = left {
                return left;
            }
        }
    }
}

/// After the end and after an error nothing comes.
fn is_fused(chunks: &mut Chunks<impl Source>) -> Result<(), String> {
    match (
        chunks.next().is_ok_and(|items| items.is_none()),
        chunks.next(),
    ) {
        (true, Ok(None)) => Ok(()),
        _ => Err(violation(Clause::G12, "it goes on after its end")),
    }
}

/// The fault that was made; anything else breaks the contract.
fn fault_of(error: &keywalk_sqlite::Error) -> Result<Fault, String> {
    match error.sqlite_error().and_then(|why| why.sqlite_error_code()) {
        Some(ErrorCode::DatabaseBusy) => return Ok(Fault::Busy),
        Some(ErrorCode::OperationInterrupted) => return Ok(Fault::Interrupt),
        _ => {}
    }
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(fault) = error.downcast_ref() {
            return Ok(*fault);
        }
        // A virtual table that is interrupted while it is declared says so by its message alone.
        if error.to_string() == "interrupted" {
            return Ok(Fault::Interrupt);
        }
        cause = error.source();
    }
    let what = format!("nothing was made to fail: {error:?}");
    Err(violation(Clause::G11, what))
}

impl Walked {
    /// About how many bytes are remembered of it.
    pub(crate) fn size(&self) -> usize {
        let of_question = |question: &Question<i64>| match &question.answer {
            Answer::Items(items) => 128 + items.items.len() * size_of::<(i64, u64)>(),
            _ => 128,
        };
        let questions = self.parts.iter().flat_map(|part| &part.questions);
        questions.map(of_question).sum()
    }

    /// Judges it by all that was changed meanwhile.
    pub(crate) fn judge(
        self,
        lives: &Lives<i64>,
        changes: &[Mutation<i64>],
        counts: &mut Counts,
    ) -> Result<(), String> {
        counts.walks += 1;
        for fault in self.faults {
            *counts.faults.entry(fault).or_default() += 1;
        }
        let mut oracle = match self.live {
            true => Oracle::live(self.range),
            false => Oracle::bounded(self.range),
        };
        for part in &self.parts {
            for question in &part.questions {
                let told = |breach| told(&breach, question, changes);
                match &question.answer {
                    Answer::LastKey(LastKey::Empty) if oracle.has_ended() => continue,
                    // It knew that it was at its end, and didn't ask.
                    Answer::Items(items) if items.items.is_empty() && oracle.has_ended() => {}
                    _ => oracle.observe(question, lives).map_err(told)?,
                }
                if let Answer::Items(items) = &question.answer {
                    counts.items += items.items.len() as u64;
                    for (key, _) in &items.items {
                        oracle.hand_out(key).map_err(told)?;
                    }
                    if items.fetched == Fetched::End {
                        oracle.end(part.size, lives).map_err(told)?;
                    }
                }
            }
            oracle.resume(false, 0);
        }
        self.broken.map_or(Ok(()), Err)
    }
}

/// What broke a clause.
pub(crate) fn violation(clause: Clause, what: impl Display) -> String {
    format!("{what}\n  {clause}")
}

/// A breach as the kit tells it, with the last changes of its key before the answer.
pub(crate) fn told(
    breach: &Breach<i64>,
    asked: &Question<i64>,
    changes: &[Mutation<i64>],
) -> String {
    let is_of_it = |change: &&Mutation<i64>| {
        Some(&change.key) == breach.flaw().key() && !asked.during.is_before(change.during)
    };
    let mut of_key: Vec<_> = changes.iter().filter(is_of_it).collect();
    of_key.sort_by_key(|change| change.during.from);
    let mut told = format!("{breach:#}\n    {:?}: {asked}\n", asked.during);
    for change in of_key.iter().rev().take(5) {
        told += &format!("    {:?}: {change}\n", change.during);
    }
    violation(breach.clause(), told)
}
