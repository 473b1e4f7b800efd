use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::mpsc::{Receiver, Sender};
use std::thread;
use std::time::Duration;

use keywalk::{Chunks, Cursor, Error, Items, Walk};
use keywalk_conformance::Clause;
use keywalk_conformance::history::Clock;

use crate::plan::{Plan, chunk_size};
use crate::tally::Violation;
use crate::trouble::{Fault, Made, Mischief, Trouble};
use crate::walked::{Part, Walked};
use crate::witness::{Log, Source};
use keywalk_examples::Random;

/// Opens a source for each part of a walk.
pub(crate) type Open<'o, 's> = &'o mut dyn FnMut(&Rc<Log>, Mischief) -> Result<Source<'s>, Trouble>;

/// Where a walk waits, between two fetches, until everyone was seen to hold nothing.
pub(crate) struct Pause {
    pub(crate) paused: Sender<()>,
    /// Says nothing; it is over when its other end is dropped.
    pub(crate) over: Receiver<()>,
}

impl Pause {
    fn wait(&self) {
        // Where nobody waits any more, there is nothing to wait for.
        let _ = self.paused.send(());
        let _ = self.over.recv();
    }
}

/// A walk that was too short for a pause isn't waited for.
impl Drop for Pause {
    fn drop(&mut self) {
        let _ = self.paused.send(());
    }
}

/// Makes walks, and writes down what comes.
pub(crate) struct Walker {
    pub(crate) random: Random,
    pub(crate) clock: Clock,
    /// What may end a walk.
    pub(crate) faults: &'static [Fault],
}

/// A walk that asks again at once only keeps the others busy.
const AFTER_BUSY: Duration = Duration::from_millis(1);

/// More than any walk asks, faults and all.
const MOST_PARTS: usize = 20_000;
const MOST_QUESTIONS: usize = 200_000;

impl Walker {
    /// A walk as planned, in as many parts as it takes.
    pub(crate) fn walk(&mut self, plan: Plan, open: Open<'_, '_>, pause: Option<&Pause>) -> Walked {
        let log = Log::new(self.clock.clone());
        let mut walked = Walked::new(plan.range, plan.live);
        let mut cursor = None;
        let mut drop_at = plan.drop_at;
        let mut pause = pause;
        while walked.parts.len() < MOST_PARTS {
            let mischief = Mischief::new(self.random.fork(), plan.rarity);
            let source = match open(&log, mischief) {
                Ok(source) => source,
                Err(trouble) => match self.fault_of(trouble) {
                    Ok(fault) => {
                        walked.faults.push(fault);
                        continue;
                    }
                    Err(violation) => return walked.broken(violation),
                },
            };
            let size = chunk_size(&mut self.random);
            let way = self.set_out(source, &plan, size, cursor.take());
            let ended = match self.part(way, &log, &mut walked, drop_at.take(), pause.take()) {
                Ok((mut part, ended)) => {
                    cursor = Some(part.cursor.clone());
                    part.size = size;
                    walked.parts.push(part);
                    ended
                }
                Err(violation) => {
                    let what = format!("{}, in chunks of {size}", violation.what);
                    return walked.broken(Violation { what, ..violation });
                }
            };
            // A live walk that ended may go on, and look for what was appended.
            if ended && !(plan.live && self.random.one_in(2)) {
                return walked;
            }
        }
        walked.broken(Violation {
            clause: Clause::G9,
            what: format!("the walk isn't at its end after {MOST_PARTS} parts"),
        })
    }

    fn set_out<'s>(
        &mut self,
        source: Source<'s>,
        plan: &Plan,
        size: usize,
        cursor: Option<Cursor<i64>>,
    ) -> Way<'s> {
        let mut walk = Walk::new(source).chunk_size(size);
        // What the cursor knows may be said again.
        if cursor.is_none() || self.random.one_in(2) {
            walk = walk.range(plan.range).order(plan.range.order());
            if plan.live {
                walk = walk.live();
            }
        }
        if let Some(cursor) = cursor {
            walk = walk.resume(cursor);
        }
        if self.random.one_in(2) {
            Way::Items(walk.items())
        } else {
            Way::Chunks(walk.chunks())
        }
    }

    /// Walks until the end, a fault, or where it is to be dropped. Says whether it's the end.
    fn part(
        &mut self,
        mut way: Way<'_>,
        log: &Log,
        walked: &mut Walked,
        drop_at: Option<u64>,
        mut pause: Option<&Pause>,
    ) -> Result<(Part, bool), Violation> {
        let mut handed_out = Vec::new();
        if log.len() > 0 {
            return Err(violation(Clause::G13, "asked before the first item"));
        }
        for step in 0.. {
            if step >= 1
                && let Some(pause) = pause.take()
            {
                pause.wait();
            }
            if drop_at == Some(step) {
                walked.faults.push(Fault::Drop);
                return Ok((way.leave(log, handed_out), false));
            }
            if log.len() > MOST_QUESTIONS {
                return Err(violation(Clause::G9, "it asks and asks"));
            }
            let next = catch_unwind(AssertUnwindSafe(|| way.next(&mut handed_out)));
            let fault = match next {
                Ok(Ok(true)) => continue,
                Ok(Ok(false)) => {
                    fused(&mut way, log)?;
                    return Ok((way.leave(log, handed_out).ended(), true));
                }
                Ok(Err(Error::Source(trouble))) => {
                    let fault = self.fault_of(trouble)?;
                    fused(&mut way, log)?;
                    fault
                }
                Ok(Err(error)) => return Err(violation(Clause::G15, &error.to_string())),
                Err(panic) if panic.is::<Made>() => Fault::Panic,
                Err(_) => return Err(violation(Clause::G11, "it panicked")),
            };
            walked.faults.push(fault);
            return Ok((way.leave(log, handed_out), false));
        }
        unreachable!("steps are without end")
    }

    /// The fault that was made; anything else breaks the contract.
    fn fault_of(&self, trouble: Trouble) -> Result<Fault, Violation> {
        match trouble.fault {
            Some(fault) if self.faults.contains(&fault) => {
                if fault == Fault::Busy {
                    thread::sleep(AFTER_BUSY);
                }
                Ok(fault)
            }
            _ => Err(violation(
                Clause::G11,
                &format!("nothing was made to fail: {}", trouble.what),
            )),
        }
    }
}

fn violation(clause: Clause, what: &str) -> Violation {
    let what = what.to_owned();
    Violation { clause, what }
}

/// After the end and after an error nothing comes, and nothing is asked (G12).
fn fused(way: &mut Way<'_>, log: &Log) -> Result<(), Violation> {
    let asked = log.len();
    for _ in 0..3 {
        let next = way.next(&mut Vec::new());
        if !matches!(next, Ok(false)) || log.len() > asked {
            return Err(violation(
                Clause::G12,
                "it goes on after the end, or after an error",
            ));
        }
    }
    Ok(())
}

/// Item by item, or chunk by chunk.
enum Way<'s> {
    Items(Items<Source<'s>>),
    Chunks(Chunks<Source<'s>>),
}

impl Way<'_> {
    /// Adds what comes; `false` at the end.
    fn next(&mut self, to: &mut Vec<(i64, u64)>) -> Result<bool, Error<Trouble>> {
        Ok(match self {
            Way::Items(items) => {
                let item = items.next().transpose()?;
                to.extend(item);
                item.is_some()
            }
            Way::Chunks(chunks) => {
                let chunk = chunks.next()?;
                to.extend(chunk.iter().flat_map(|chunk| chunk.iter()));
                chunk.is_some()
            }
        })
    }

    /// Drops the walk.
    fn leave(self, log: &Log, handed_out: Vec<(i64, u64)>) -> Part {
        let (cursor, unread) = match &self {
            Way::Items(items) => (items.cursor(), items.size_hint().0),
            Way::Chunks(chunks) => (chunks.cursor(), 0),
        };
        Part::new(log.take(), handed_out, cursor, unread)
    }
}
