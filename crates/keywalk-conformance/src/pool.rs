use std::ops::Deref;
use std::sync::{Arc, Mutex};
use std::thread;

use crate::recorder::lock;

/// Keeps the tables of a slow store for reuse, so that a run of the kit creates a few of them and not several hundred.
///
/// Put it into a `static` of the harness's file. [`Harness::open`](crate::Harness::open) takes a table, and the harness
/// keeps it until it is dropped. `T` is all that outlives a case, such as a table's name and its connections. A pool
/// grows to the number of stores that are open at the same time, and doesn't drop its tables when the process ends:
/// create them in a database that is deleted as a whole.
///
/// ```
/// use keywalk_conformance::{BoxError, Pool, Pooled};
///
/// static TABLES: Pool<String> = Pool::new();
///
/// fn open() -> Result<Pooled<String>, BoxError> {
///     TABLES.take(create_table, |table| execute(format!("DELETE FROM {table}")))
/// }
/// # fn create_table() -> Result<String, BoxError> { Ok(String::from("items_1")) }
/// # fn execute(_: String) -> Result<(), BoxError> { Ok(()) }
/// # assert_eq!(*open()?, "items_1");
/// # Ok::<(), BoxError>(())
/// ```
#[derive(Debug, Default)]
pub struct Pool<T>(Mutex<Vec<Arc<T>>>);

impl<T> Pool<T> {
    /// Creates an empty pool.
    #[must_use]
    pub const fn new() -> Self {
        Pool(Mutex::new(Vec::new()))
    }

    /// Takes the table that was given back last, and empties it. If that fails, drops it and tries the next one. If no
    /// table is left, creates one. The pool isn't locked while the closures run.
    ///
    /// # Errors
    ///
    /// That of `create`.
    pub fn take<E>(
        &'static self,
        create: impl FnOnce() -> Result<T, E>,
        empty: impl Fn(&T) -> Result<(), E>,
    ) -> Result<Pooled<T>, E> {
        let next = || lock(&self.0).pop();
        while let Some(table) = next() {
            if empty(&table).is_ok() {
                return Ok(Pooled(table, self));
            }
        }
        Ok(Pooled(Arc::new(create()?), self))
    }
}

/// A table of a [`Pool`]. Dropping it gives the table back, except during a panic.
#[derive(Debug)]
pub struct Pooled<T: 'static>(Arc<T>, &'static Pool<T>);

impl<T> Deref for Pooled<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Drop for Pooled<T> {
    fn drop(&mut self) {
        if !thread::panicking() {
            lock(&self.1.0).push(Arc::clone(&self.0));
        }
    }
}
