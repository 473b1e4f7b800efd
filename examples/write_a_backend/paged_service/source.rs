//! A network service that lists pages, with an asynchronous client.

use std::io::{Error, ErrorKind};
use std::ops::Bound;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, Order, Source};

use super::service::Client;

/// The items of a service, ascending only. It doesn't know its last key: walk it `unbounded()`.
pub(crate) struct Listing {
    pub(crate) client: Client,
}

impl Source for Listing {
    type Key = String;
    type Item = (String, u64);
    type Error = Error;
}

impl ChunkSource for Listing {
    fn fetch(
        &mut self,
        range: &KeyRange<String>,
        chunk: &mut Chunk<(String, u64)>,
    ) -> Result<Fetched<String>, Error> {
        match range.order() {
            _ if range.is_empty() => Ok(Fetched::End),
            Order::Ascending => block_on(self.list(range, chunk)),
            Order::Descending => Err(Error::new(
                ErrorKind::Unsupported,
                "the service lists upwards only",
            )),
        }
    }
}

impl Listing {
    async fn list(
        &self,
        range: &KeyRange<String>,
        chunk: &mut Chunk<(String, u64)>,
    ) -> Result<Fetched<String>, Error> {
        let after = match range.start() {
            Bound::Unbounded => None,
            Bound::Excluded(key) => Some(key.as_str()),
            Bound::Included(key) => {
                // The service lists what follows a key, so the key itself takes a request of its own.
                if let Some(value) = self.client.get(key).await? {
                    chunk.push((key.clone(), value));
                    return Ok(Fetched::More);
                }
                Some(key.as_str())
            }
        };
        let page = self.client.list(after, chunk.limit()).await?;
        for item in page.items {
            if range.is_after_end(&item.0) {
                return Ok(Fetched::End);
            }
            if chunk.is_full() {
                return Ok(Fetched::More);
            }
            chunk.push(item);
        }
        // A short page isn't the end.
        match page.is_last {
            true => Ok(Fetched::End),
            false => Ok(Fetched::More),
        }
    }
}

/// Waits for a future on this thread. If the client needs a runtime, call that runtime's `block_on`.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}
