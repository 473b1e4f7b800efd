//! Sources that are right only in the thread that opened them, or with a single chunk.

use std::cell::RefCell;
use std::sync::Arc;
use std::thread::{self, ThreadId};

use keywalk::{Chunk, Fetched, KeyRange};
use keywalk_conformance::Blown;

use super::store::{Quirk, Store};

type Numbers = Chunk<(i64, u64)>;

thread_local! {
    /// The stores that were opened here.
    static OPEN: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

fn address(store: &Arc<Store<i64>>) -> usize {
    Arc::as_ptr(store).addr()
}

/// Its handles are the thread's own; elsewhere it finds none, and nothing in it.
#[derive(Default)]
pub(crate) struct Handle;

impl Quirk<i64> for Handle {
    fn open(&mut self, store: &Arc<Store<i64>>) {
        OPEN.with_borrow_mut(|open| open.push(address(store)));
    }

    fn fetch(
        &mut self,
        store: &Arc<Store<i64>>,
        range: &KeyRange<i64>,
        chunk: &mut Numbers,
    ) -> Result<Fetched<i64>, Blown> {
        match OPEN.with_borrow(|open| open.contains(&address(store))) {
            true => store.answer(range, chunk),
            false => Ok(Fetched::End),
        }
    }
}

/// It refuses every other thread.
#[derive(Default)]
pub(crate) struct Owner(Option<ThreadId>);

impl Quirk<i64> for Owner {
    fn open(&mut self, _: &Arc<Store<i64>>) {
        self.0 = Some(thread::current().id());
    }

    fn fetch(
        &mut self,
        store: &Arc<Store<i64>>,
        range: &KeyRange<i64>,
        chunk: &mut Numbers,
    ) -> Result<Fetched<i64>, Blown> {
        assert_eq!(self.0, Some(thread::current().id()), "of another thread");
        store.answer(range, chunk)
    }
}

/// A slot gets the difference to what was put there last: in the chunk before, which it takes for this
/// one.
#[derive(Default)]
pub(crate) struct Differences(Vec<u64>);

impl Quirk<i64> for Differences {
    fn fetch(
        &mut self,
        store: &Arc<Store<i64>>,
        range: &KeyRange<i64>,
        chunk: &mut Numbers,
    ) -> Result<Fetched<i64>, Blown> {
        let mut at = 0;
        store.read(range, |(key, value)| {
            self.0.resize(self.0.len().max(at + 1), 0);
            let last = std::mem::replace(&mut self.0[at], value);
            at += 1;
            match chunk.spare() {
                Some(slot) => {
                    *slot = (key, slot.1.wrapping_add(value.wrapping_sub(last)));
                    chunk.push_spare();
                }
                None => chunk.push((key, value)),
            }
            !chunk.is_full()
        })?;
        Ok(match chunk.is_full() {
            true => Fetched::More,
            false => Fetched::End,
        })
    }
}
