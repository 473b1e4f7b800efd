use alloc::borrow::ToOwned;
use alloc::sync::Arc;
use core::panic::AssertUnwindSafe;
use std::panic::resume_unwind;
use std::sync::Mutex;
use std::thread::{self, JoinHandle};

use super::feed::lock;
use super::parcel::{Buffer, By, Parcel};
use super::relay::Relay;
use crate::{ChunkSource, Chunks, Error, SendSource};

/// The thread that fetches.
pub(super) struct Worker<S: ChunkSource> {
    relay: Arc<Relay<Buffer<S>, Parcel<S>>>,
    /// Until it was waited for. It says how the walk ended.
    thread: Option<AssertUnwindSafe<JoinHandle<Ended<S>>>>,
}

type Ended<S> = Result<(), Error<<S as ChunkSource>::Error>>;

impl<S: SendSource> Worker<S> {
    /// None if nothing is to be fetched ahead, or no thread can be had.
    pub(super) fn start(chunks: &Arc<Mutex<Chunks<S>>>, depth: usize, by: By) -> Option<Self> {
        if depth == 0 {
            return None;
        }
        let relay = Arc::new(Relay::new(depth));
        let (chunks, of_thread) = (Arc::clone(chunks), Arc::clone(&relay));
        let serve = move || of_thread.serve(|buffer| Parcel::fetch(&mut lock(&chunks), buffer, by));
        let thread = thread::Builder::new().name("keywalk prefetch".to_owned());
        Some(Worker {
            relay,
            thread: Some(AssertUnwindSafe(thread.spawn(serve).ok()?)),
        })
    }
}

impl<S: ChunkSource> Worker<S> {
    /// Gives the last chunk back and waits for the next; `None` once the thread has ended.
    pub(super) fn next(&self, used: Buffer<S>) -> Option<Parcel<S>> {
        self.relay.next(used)
    }

    /// Waits for its end; the source's panic goes on here.
    pub(super) fn join(&mut self) -> Ended<S> {
        match self.thread.take() {
            Some(AssertUnwindSafe(thread)) => {
                thread.join().unwrap_or_else(|panic| resume_unwind(panic))
            }
            None => Ok(()),
        }
    }
}

impl<S: ChunkSource> Drop for Worker<S> {
    /// Waits for the fetch that runs. How it ends nobody asks any more.
    fn drop(&mut self) {
        self.relay.leave();
        if let Some(AssertUnwindSafe(thread)) = self.thread.take() {
            drop(thread.join());
        }
    }
}
