//! Exported snapshots.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use tokio_postgres::{Client, SimpleQueryMessage};

use crate::error::{Error, ErrorKind, is_in_transaction};

/// A snapshot that another transaction exported.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    id: String,
    /// Begins a transaction in it.
    begin: String,
}

impl Snapshot {
    pub(crate) fn new(id: String) -> Self {
        let begin =
            format!("BEGIN ISOLATION LEVEL REPEATABLE READ; SET TRANSACTION SNAPSHOT '{id}'");
        Snapshot { id, begin }
    }

    /// Checks that the snapshot can be imported, and that the connection isn't in a transaction. A fetch would end that
    /// transaction.
    pub(crate) async fn check(&self, client: &Client) -> Result<(), Error> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_:.".contains(c);
        if self.id.is_empty() || !self.id.chars().all(is_plain) {
            let message = format!(
                "{:?} is no snapshot: pass what `SELECT pg_export_snapshot()` returned",
                self.id
            );
            return Err(Error::new(ErrorKind::Snapshot, message));
        }
        // A simple query on its own begins together with its transaction.
        let sql = "SELECT transaction_timestamp() < statement_timestamp()";
        let failed = |source| Error::postgres("whether a transaction is open", source);
        let messages = client.simple_query(sql).await.map_err(failed)?;
        let is_open = |message: &SimpleQueryMessage| match message {
            SimpleQueryMessage::Row(row) => row.get(0) == Some("t"),
            _ => false,
        };
        if messages.iter().any(is_open) {
            let message = "a walk in a snapshot begins transactions of its own, and its connection is in one: pass a \
                           connection without a transaction, or leave `snapshot` out";
            return Err(Error::new(ErrorKind::Snapshot, message));
        }
        within(client, Some(self), "a snapshot", async { Ok(()) }).await
    }

    #[cold]
    fn failed(&self, source: tokio_postgres::Error) -> Error {
        let why = match is_in_transaction(&source) {
            true => {
                "the connection was in a transaction, which is rolled back now: use it for no transaction until the \
                 walk ends, or pass the walk a connection of its own"
            }
            false => {
                "the transaction that exported it must be open, on this server and in this database, until the walk \
                 ends"
            }
        };
        let what = format!("the snapshot {} can't be used: {why}", self.id);
        Error::of_snapshot(&what, source)
    }
}

/// Runs `work`, which sends one statement, in a transaction with the snapshot. Its three requests are sent together by
/// the first poll. So this takes one round trip, and a future that is dropped leaves no transaction open.
pub(crate) async fn within<T>(
    client: &Client,
    snapshot: Option<&Snapshot>,
    name: &str,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let Some(snapshot) = snapshot else {
        return work.await;
    };
    let mut begin = pin!(client.batch_execute(&snapshot.begin));
    let mut work = pin!(work);
    let mut end = pin!(client.batch_execute("COMMIT"));
    let (mut begun, mut done, mut ended) = (None, None, None);
    let (begun, done, ended) = poll_fn(|context| {
        // In the order in which the server reads them, and answers.
        if begun.is_none()
            && let Poll::Ready(result) = begin.as_mut().poll(context)
        {
            begun = Some(result);
        }
        if done.is_none()
            && let Poll::Ready(result) = work.as_mut().poll(context)
        {
            done = Some(result);
        }
        if ended.is_none()
            && let Poll::Ready(result) = end.as_mut().poll(context)
        {
            ended = Some(result);
        }
        match (begun.take(), done.take(), ended.take()) {
            (Some(a), Some(b), Some(c)) => Poll::Ready((a, b, c)),
            waiting => {
                (begun, done, ended) = waiting;
                Poll::Pending
            }
        }
    })
    .await;
    begun.map_err(|source| snapshot.failed(source))?;
    let done = done?;
    ended.map_err(|source| Error::postgres(name, source))?;
    Ok(done)
}
