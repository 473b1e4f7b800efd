//! The asynchronous client of a network service. It stands in for yours.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io::{Error, ErrorKind};
use std::ops::Bound;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use keywalk_conformance::FaultInjector;

pub(crate) struct Page {
    /// Ascending. May be fewer than requested although more follow.
    pub(crate) items: Vec<(String, u64)>,
    pub(crate) is_last: bool,
}

#[derive(Clone, Default)]
pub(crate) struct Client {
    pub(crate) items: Arc<Mutex<BTreeMap<String, u64>>>,
    pub(crate) faults: FaultInjector,
    requests: Arc<Mutex<u64>>,
}

impl Client {
    pub(crate) async fn get(&self, key: &str) -> Result<Option<u64>, Error> {
        self.request().await?;
        let items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(items.get(key).copied())
    }

    /// Lists up to `count` items after a key, but at most 100.
    pub(crate) async fn list(&self, after: Option<&str>, count: usize) -> Result<Page, Error> {
        let number = self.request().await?;
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rest = items.range::<str, _>((start, Bound::Unbounded));
        let most = if number % 7 == 0 { 3 } else { 100 };
        let page = rest.by_ref().take(count.min(most));
        let items = page.map(|(key, value)| (key.clone(), *value)).collect();
        Ok(Page {
            items,
            is_last: rest.next().is_none(),
        })
    }

    /// Waits for the network. Refuses every fifth request. Returns the number of requests so far.
    async fn request(&self) -> Result<u64, Error> {
        let mut is_sent = false;
        let answer = poll_fn(|context| {
            context.waker().wake_by_ref();
            match std::mem::replace(&mut is_sent, true) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        });
        answer.await;
        self.faults.operation().map_err(Error::other)?;
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests += 1;
        match *requests % 5 {
            0 => Err(Error::new(ErrorKind::WouldBlock, "too many requests")),
            _ => Ok(*requests),
        }
    }
}
