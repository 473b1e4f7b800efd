//! The connections of tables and queries.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use tokio_postgres::Client;

use crate::error::Error;

/// Lends a connection for one fetch. It is implemented for tokio-postgres' [`Client`], for pointers to one (`&Client`,
/// `Arc<Client>`), and for a pool, as a closure ([`PerFetch`]). Inside a transaction, pass `transaction.client()`.
///
/// A source takes a connection for each fetch and each of its methods that reads the database. What was lent is given
/// back before the fetch or method returns, also if its future is dropped. Between two fetches a walk has only its
/// `Connect` value.
///
/// # Contract
///
/// All connections must be equivalent: they are to the same database (or to a replica of it), with the same
/// `search_path` and rights.
#[diagnostic::on_unimplemented(
    message = "`{Self}` lends no `tokio_postgres::Client`",
    label = "not a connection of tokio-postgres'",
    note = "a connection is a `Client`, a reference to it, or a `Box` or `Arc` of one; in a transaction it is \
            `transaction.client()`",
    note = "a pool lends one for each fetch by `PerFetch(|| pool.get())`"
)]
pub trait Connect: Send + Sync {
    /// A connection for one fetch, returned to its owner when it is dropped.
    type Lent<'a>: Deref<Target = Client> + Send + Sync
    where
        Self: 'a;

    /// The reason why no connection could be lent.
    type Error: StdError + Send + Sync + 'static;

    /// True if each call lends the same connection. Then it is asked for types that aren't built in only once. Default:
    /// `false`, which is always correct.
    const IS_SAME: bool = false;

    /// Lends a connection.
    ///
    /// # Errors
    ///
    /// Those of a pool that has no connection to lend. The walk ends with
    /// [`ErrorKind::NoConnection`](crate::ErrorKind::NoConnection), and may be resumed.
    fn connect(&self) -> impl Future<Output = Result<Self::Lent<'_>, Self::Error>> + Send;
}

impl Connect for Client {
    type Lent<'a> = &'a Client;
    type Error = Infallible;
    const IS_SAME: bool = true;

    async fn connect(&self) -> Result<&Client, Infallible> {
        Ok(self)
    }
}

macro_rules! pointers {
    ($($pointer:ty),+) => {$(
        impl<T: Connect + ?Sized> Connect for $pointer {
            type Lent<'a>
                = T::Lent<'a>
            where
                Self: 'a;
            type Error = T::Error;
            const IS_SAME: bool = T::IS_SAME;

            fn connect(&self) -> impl Future<Output = Result<T::Lent<'_>, T::Error>> + Send {
                T::connect(self)
            }
        }
    )+};
}

pointers!(&T, Box<T>, Arc<T>);

/// A pool, as an async closure that takes a connection from it. The closure is called for each fetch, and the
/// connection goes back afterwards. Between two fetches the walk holds none.
///
/// With bb8, write `PerFetch(|| pool.get())`. A connection of deadpool's dereferences to a wrapper of the client, so
/// unwrap it with [`Wrapped`]: `PerFetch(|| async { pool.get().await.map(Wrapped) })`.
///
/// A closure can also connect again when the connection is lost, for a walk that is retried:
///
/// ```no_run
/// use std::sync::{Arc, Mutex};
///
/// use keywalk_postgres::{PerFetch, Table, tokio_postgres::{self, Client, NoTls}};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let current: Mutex<Option<Arc<Client>>> = Mutex::new(None);
/// let reconnecting = PerFetch(|| async {
///     let known = current.lock().expect("no thread panicked").clone();
///     if let Some(client) = known.filter(|client| !client.is_closed()) {
///         return Ok(client);
///     }
///     let (client, connection) = tokio_postgres::connect("host=db user=shop", NoTls).await?;
///     tokio::spawn(connection);
///     let client = Arc::new(client);
///     *current.lock().expect("no thread panicked") = Some(client.clone());
///     Ok::<_, tokio_postgres::Error>(client)
/// });
/// let items = Table::new(reconnecting, "items").key::<i64>(["id"]).await?;
/// # Ok(())
/// # }
/// ```
///
/// The connections must be [equivalent](Connect#contract). An error of the closure becomes the
/// [`source`](std::error::Error::source) of an error of the kind [`NoConnection`](crate::ErrorKind::NoConnection).
#[derive(Clone, Copy)]
pub struct PerFetch<F>(pub F);

impl<F, A, G, E> Connect for PerFetch<F>
where
    F: Fn() -> A + Send + Sync,
    A: Future<Output = Result<G, E>> + Send,
    G: Deref<Target = Client> + Send + Sync,
    E: StdError + Send + Sync + 'static,
{
    type Lent<'a>
        = G
    where
        Self: 'a;
    type Error = E;

    async fn connect(&self) -> Result<G, E> {
        (self.0)().await
    }
}

/// Prints only its name.
impl<F> fmt::Debug for PerFetch<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PerFetch").finish_non_exhaustive()
    }
}

/// A pool's connection that dereferences to a wrapper of the client, such as deadpool's `Object`. See [`PerFetch`].
#[derive(Clone, Copy, Debug)]
pub struct Wrapped<G>(pub G);

impl<G> Deref for Wrapped<G>
where
    G: Deref,
    G::Target: Deref<Target = Client>,
{
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.0
    }
}

/// A connection, for one fetch. It is boxed, because Rust 1.89 can't prove of a future that holds a `C::Lent` that it is
/// `Send`.
pub(crate) type Lent<'a> = Box<dyn Deref<Target = Client> + Send + Sync + 'a>;

/// Lends a connection for one fetch.
pub(crate) async fn lend<C: Connect>(db: &C) -> Result<Lent<'_>, Error> {
    match db.connect().await {
        Ok(lent) => Ok(Box::new(lent)),
        Err(error) => Err(Error::no_connection(error)),
    }
}
