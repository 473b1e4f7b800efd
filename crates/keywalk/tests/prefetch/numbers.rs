//! A source of numbers that can be stopped, watched and made to fail from another thread.

use std::cell::Cell;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;

use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, LastKey, Order};

/// What a source fails with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Broken(pub(crate) usize);

/// The numbers below `end`, each in memory of its own, which is filled again.
pub(crate) struct Numbers {
    pub(crate) end: u32,
    watch: Watch,
    trouble: Trouble,
    /// So many calls are left until the trouble.
    left: Cell<Option<usize>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Trouble {
    None,
    /// This call fails, and no other.
    Error(usize),
    /// It panics.
    Panic(usize),
}

/// Of the source, kept by the test.
#[derive(Clone, Default)]
pub(crate) struct Watch(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    begun: usize,
    done: usize,
    /// How many fetches may be done, if not all.
    allowed: Option<usize>,
    threads: Vec<ThreadId>,
    /// How many items were made, rather than filled again.
    made: usize,
}

impl Watch {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.0.1.notify_all();
    }

    fn wait(&self, until: impl Fn(&State) -> bool) {
        let waited = self.0.1.wait_while(self.state(), |state| !until(state));
        drop(waited);
    }

    /// From now on fetches wait, but for the first so many of all.
    pub(crate) fn allow(&self, fetches: usize) {
        self.change(|state| state.allowed = Some(fetches));
    }

    pub(crate) fn wait_until_begun(&self, fetches: usize) {
        self.wait(|state| state.begun >= fetches);
    }

    pub(crate) fn wait_until_done(&self, fetches: usize) {
        self.wait(|state| state.done >= fetches);
    }

    pub(crate) fn begun(&self) -> usize {
        self.state().begun
    }

    pub(crate) fn made(&self) -> usize {
        self.state().made
    }

    /// In which each fetch ran.
    pub(crate) fn threads(&self) -> Vec<ThreadId> {
        self.state().threads.clone()
    }

    /// Whether the source is there still.
    pub(crate) fn is_held(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }
}

impl Numbers {
    pub(crate) fn new(end: u32, trouble: Trouble) -> (Self, Watch) {
        let watch = Watch::default();
        let left = match trouble {
            Trouble::None => None,
            Trouble::Error(left) | Trouble::Panic(left) => Some(left),
        };
        let numbers = Numbers {
            end,
            watch: watch.clone(),
            trouble,
            left: Cell::new(left),
        };
        (numbers, watch)
    }

    fn call(&self) -> Result<(), Broken> {
        let left = self.left.get();
        let is_due = left == Some(0);
        self.left.set(left.and_then(|left| left.checked_sub(1)));
        match self.trouble {
            Trouble::Error(at) if is_due => Err(Broken(at)),
            // A panic that prints nothing.
            Trouble::Panic(at) if is_due => std::panic::resume_unwind(Box::new(Broken(at))),
            _ => Ok(()),
        }
    }
}

impl ChunkSource for Numbers {
    type Key = u32;
    type Item = Box<u32>;
    type Error = Broken;

    fn fetch(
        &mut self,
        range: &KeyRange<u32>,
        chunk: &mut Chunk<Box<u32>>,
    ) -> Result<Fetched<u32>, Broken> {
        let thread = std::thread::current().id();
        self.watch.change(|state| {
            state.begun += 1;
            state.threads.push(thread);
        });
        self.watch
            .wait(|state| state.allowed.is_none_or(|allowed| state.done < allowed));
        self.call()?;
        let mut numbers: Vec<u32> = (0..self.end).filter(|n| range.admits(n)).collect();
        if range.order() == Order::Descending {
            numbers.reverse();
        }
        let fetched = loop {
            let Some(number) = numbers.get(chunk.len()) else {
                break Fetched::End;
            };
            if chunk.is_full() {
                break Fetched::More;
            }
            if chunk.spare().is_none() {
                self.watch.change(|state| state.made += 1);
            }
            chunk.push_with(|slot| **slot = *number);
        };
        self.watch.change(|state| state.done += 1);
        Ok(fetched)
    }

    fn key_of(&self, item: &Box<u32>) -> u32 {
        // Where an error can't be said, nothing is wrong.
        drop(self.call());
        **item
    }

    fn last_key(&mut self, range: &KeyRange<u32>) -> Result<LastKey<u32>, Broken> {
        self.call()?;
        let mut numbers = (0..self.end).filter(|n| range.admits(n));
        Ok(LastKey::from(match range.order() {
            Order::Ascending => numbers.next_back(),
            Order::Descending => numbers.next(),
        }))
    }
}
