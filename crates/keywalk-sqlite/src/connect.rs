//! The connections of tables and queries.

use std::borrow::Borrow;
use std::convert::Infallible;
use std::error::Error as StdError;
use std::fmt;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;

use rusqlite::Connection;

use crate::error::Error;

/// Lends a connection for one fetch. It is implemented for rusqlite's connection and pointers to it, for a
/// [guard](Held) that dereferences to one (a mutex's or a pool's), and for a [pool](PerFetch).
///
/// [`Table`](crate::Table) and [`Query`](crate::Query) take a connection for each fetch, and for each of their
/// methods that reads the schema. What was lent is given back before the fetch or method returns. Between two fetches a
/// walk has only its `Connect` value. If that is a [`Held`], it keeps its guard.
///
/// Implement it for your own pool type. For a pool of another crate, [`PerFetch`] is shorter.
///
/// # Contract
///
/// All connections must be equivalent: they open the same database, with the same attached databases, functions and
/// collations. Each connection has its own `temp`. Over a pool, don't walk anything in `temp`, and create nothing there
/// with the name of a walked table. If a connection has an older schema or other plans, the walk's proofs are
/// repeated on that connection; if they fail, the walk ends with an error, as after a [schema
/// change](crate#what-happens-when).
///
/// # Cost
///
/// Nothing, if [every call lends the same connection](Self::IS_SAME). Otherwise each fetch reads the schema's
/// version, and each connection prepares and proves the walk's statements once.
#[diagnostic::on_unimplemented(
    message = "`{Self}` lends no `rusqlite::Connection`",
    label = "not a connection of rusqlite's",
    note = "a connection is `Connection`, a reference to it, or a `Box`, `Rc` or `Arc` of one",
    note = "a guard that dereferences to a connection, as a pool's or a mutex's, is given as `Held(guard)`",
    note = "a pool lends one for each fetch by `PerFetch(|| pool.get())`",
    note = "a type of another version of rusqlite than `keywalk_sqlite::rusqlite` isn't accepted: \
            `cargo tree --invert rusqlite` shows the versions"
)]
pub trait Connect {
    /// A connection for one fetch, returned to its owner when it is dropped.
    type Lent<'a>: Deref<Target = Connection>
    where
        Self: 'a;

    /// The reason why no connection could be lent.
    type Error: StdError + Send + Sync + 'static;

    /// True if each call lends the same connection. Then the walk's own statements detect a change of the schema at
    /// no cost. Default: `false`, which is always correct.
    const IS_SAME: bool = false;

    /// Lends a connection. The walk waits until it returns.
    ///
    /// # Errors
    ///
    /// Those of a pool that has no connection to lend. The walk ends with
    /// [`ErrorKind::NoConnection`](crate::ErrorKind::NoConnection), and may be resumed.
    fn connect(&self) -> Result<Self::Lent<'_>, Self::Error>;
}

impl Connect for Connection {
    type Lent<'a> = &'a Connection;
    type Error = Infallible;
    const IS_SAME: bool = true;

    #[inline]
    fn connect(&self) -> Result<&Connection, Infallible> {
        Ok(self)
    }
}

impl<T: Connect + ?Sized> Connect for &T {
    type Lent<'a>
        = T::Lent<'a>
    where
        Self: 'a;
    type Error = T::Error;
    const IS_SAME: bool = T::IS_SAME;

    #[inline]
    fn connect(&self) -> Result<T::Lent<'_>, T::Error> {
        T::connect(self)
    }
}

impl<T: Connect + ?Sized> Connect for &mut T {
    type Lent<'a>
        = T::Lent<'a>
    where
        Self: 'a;
    type Error = T::Error;
    const IS_SAME: bool = T::IS_SAME;

    #[inline]
    fn connect(&self) -> Result<T::Lent<'_>, T::Error> {
        T::connect(self)
    }
}

impl<T: Connect + ?Sized> Connect for Box<T> {
    type Lent<'a>
        = T::Lent<'a>
    where
        Self: 'a;
    type Error = T::Error;
    const IS_SAME: bool = T::IS_SAME;

    #[inline]
    fn connect(&self) -> Result<T::Lent<'_>, T::Error> {
        T::connect(self)
    }
}

impl<T: Connect + ?Sized> Connect for Rc<T> {
    type Lent<'a>
        = T::Lent<'a>
    where
        Self: 'a;
    type Error = T::Error;
    const IS_SAME: bool = T::IS_SAME;

    #[inline]
    fn connect(&self) -> Result<T::Lent<'_>, T::Error> {
        T::connect(self)
    }
}

impl<T: Connect + ?Sized> Connect for Arc<T> {
    type Lent<'a>
        = T::Lent<'a>
    where
        Self: 'a;
    type Error = T::Error;
    const IS_SAME: bool = T::IS_SAME;

    #[inline]
    fn connect(&self) -> Result<T::Lent<'_>, T::Error> {
        T::connect(self)
    }
}

/// A guard that dereferences to a connection, held for the whole walk: a pool's `PooledConnection`, a `MutexGuard`, a
/// `Transaction`.
///
/// ```
/// use std::sync::Mutex;
///
/// use keywalk::Walk;
/// use keywalk_sqlite::{Held, Table, rusqlite::Connection};
///
/// # let db = Connection::open_in_memory()?;
/// # db.execute_batch("CREATE TABLE items (id INTEGER PRIMARY KEY); INSERT INTO items VALUES (1)")?;
/// let db = Mutex::new(db);
/// let items = Table::new(Held(db.lock().expect("no thread panicked")), "items");
/// assert_eq!(Walk::new(items).into_iter().count(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Nobody else gets the guard's connection until the walk is dropped. [`PerFetch`] returns it after each fetch.
#[derive(Clone, Copy, Debug)]
pub struct Held<G>(pub G);

impl<G: Deref<Target = Connection>> Connect for Held<G> {
    type Lent<'a>
        = &'a Connection
    where
        Self: 'a;
    type Error = Infallible;
    const IS_SAME: bool = true;

    #[inline]
    fn connect(&self) -> Result<&Connection, Infallible> {
        Ok(&self.0)
    }
}

impl<G: Deref<Target = Connection>> Borrow<Connection> for Held<G> {
    fn borrow(&self) -> &Connection {
        &self.0
    }
}

/// A pool, as a closure that takes a connection from it. The closure is called for each fetch, and the connection
/// goes back afterwards. Between two fetches the walk holds none.
///
/// ```
/// use std::sync::{Mutex, MutexGuard, PoisonError};
///
/// use keywalk::Walk;
/// use keywalk_sqlite::{PerFetch, Table, rusqlite::{self, Connection}};
///
/// // Stands in for a pool; with r2d2, write `PerFetch(|| pool.get())`.
/// # let db = Connection::open_in_memory()?;
/// # db.execute_batch("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT);
/// #     INSERT INTO items VALUES (1, ' a '), (2, 'b')")?;
/// let db = Mutex::new(db);
/// let get = || Ok::<_, rusqlite::Error>(db.lock().unwrap_or_else(PoisonError::into_inner));
/// let items = Table::new(PerFetch(&get), "items").key::<i64>(["id"])?;
/// for item in Walk::new(items.map(|row| row.get::<_, String>("name"))) {
///     let (id, name) = item?;
///     // The walk holds no connection here, so this one is available.
///     get()?.execute("UPDATE items SET name = ?2 WHERE id = ?1", (id, name.trim()))?;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The connections must be [equivalent](Connect#contract). An error of the closure becomes the
/// [`source`](std::error::Error::source) of an error of the kind [`NoConnection`](crate::ErrorKind::NoConnection).
#[derive(Clone, Copy)]
pub struct PerFetch<F>(pub F);

impl<F, G, E> Connect for PerFetch<F>
where
    F: Fn() -> Result<G, E>,
    G: Deref<Target = Connection>,
    E: StdError + Send + Sync + 'static,
{
    type Lent<'a>
        = G
    where
        Self: 'a;
    type Error = E;

    fn connect(&self) -> Result<G, E> {
        (self.0)()
    }
}

/// Prints only its name.
impl<F> fmt::Debug for PerFetch<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PerFetch").finish_non_exhaustive()
    }
}

/// Lends a connection for one fetch.
#[inline]
pub(crate) fn lend<C: Connect>(db: &C) -> Result<C::Lent<'_>, Error> {
    db.connect().map_err(Error::no_connection)
}
