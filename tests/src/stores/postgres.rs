//! Harnesses for PostgreSQL, one per key and way to walk.

use std::any::TypeId;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::fmt::{self, Debug};
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use keywalk::{
    AsyncChunkSource, Chunk, ChunkSource, Fetched, Fingerprint, FingerprintField, KeyRange,
    LastKey, ResumableSource, forward_source,
};
use keywalk_conformance::{
    BoxError, Capabilities, Capability, FaultInjector, Faults, Harness, InjectedFault, KeySpace,
    Writer,
};
use keywalk_postgres::decode::Mapped;
use keywalk_postgres::tokio_postgres::types::{FromSql, Type};
use keywalk_postgres::tokio_postgres::{self, Client, NoTls, Row};
use keywalk_postgres::{Collated, Connect, Error, NullsLast, Query, SqlKey, SqlSource, Table};
use keywalk_tokio::Blocking;
use tokio::runtime::{Builder, Handle, Runtime};

use super::sqlite::Recast;
use crate::postgres::{Database, database};

/// A key type, and the columns that store it.
pub trait PostgresKey: Ord + Clone + Debug + Send + 'static {
    /// The columns as SQL declares them, with their directions in an index.
    const COLUMNS: &'static [(&'static str, &'static str)];

    /// Returns the values of the columns as text; `None` for NULL.
    fn values(&self) -> Vec<Option<String>>;

    /// Returns the keys to test with.
    fn keys() -> KeySpace<Self>;
}

macro_rules! keys {
    ($($key:ty: [$($column:literal $direction:literal),+], $this:ident => [$($value:expr),+], $keys:expr;)+) => {$(
        impl PostgresKey for $key {
            const COLUMNS: &'static [(&'static str, &'static str)] = &[$(($column, $direction)),+];

            fn values(&self) -> Vec<Option<String>> {
                let $this = self;
                vec![$($value),+]
            }

            fn keys() -> KeySpace<Self> {
                $keys
            }
        }
    )+};
}

fn text(value: impl fmt::Display) -> Option<String> {
    Some(value.to_string())
}

/// PostgreSQL's text holds no zero.
fn has_no_zero(text: &str) -> bool {
    !text.contains('\0')
}

keys! {
    i64: ["int8 NOT NULL" ""], key => [text(key)], KeySpace::known();
    (i64, Reverse<String>): ["int8 NOT NULL" "", "text COLLATE \"C\" NOT NULL" " DESC"],
        key => [text(key.0), text(&key.1.0)],
        KeySpace::<(i64, Reverse<String>)>::known().filter(|key| has_no_zero(&key.1.0));
    (NullsLast<i64>, Reverse<Option<i64>>): ["int8" "", "int8" " DESC NULLS LAST"],
        key => [key.0.0.and_then(text), key.1.0.and_then(text)],
        KeySpace::<(Option<i64>, Reverse<Option<i64>>)>::known().map(|key| (NullsLast(key.0), key.1));
    Letters: ["text COLLATE \"en-x-icu\" NOT NULL" ""], key => [text(&key.0)],
        KeySpace::<String>::known().map(Letters::of);
}

/// A text whose order is known: of small letters, which all collations of English sort by the alphabet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Letters(String);

impl Letters {
    fn of(text: String) -> Self {
        let letters = (b'a'..=b'z').map(char::from);
        let letter = |c| letters.clone().nth(u32::from(c) as usize % 26);
        Letters(text.chars().filter_map(letter).collect())
    }
}

/// A way to walk the table by keys of type `K`.
pub trait Way<K: PostgresKey>: Debug + 'static {
    /// The source over a table of this name.
    type Source: ChunkSource<Key = K, Item = (K, u64), Error = Error> + ResumableSource;

    /// Whether rows with `hidden` are left out.
    const HIDES: bool = false;

    /// Returns a source over this table.
    fn source(lent: Lent, table: &str) -> Result<Self::Source, Error>;
}

type Decoder = Box<dyn FnMut(&Row) -> Result<u64, tokio_postgres::Error> + Send>;
type Walked<K> = Blocking<SqlSource<Lent, K, Mapped<Decoder>>>;

/// Walks the table, by a key of its own type.
#[derive(Debug)]
pub struct Plain;

/// Walks the rows that aren't hidden.
#[derive(Debug)]
pub struct Filtered;

/// Walks a view as a query.
#[derive(Debug)]
pub struct View;

/// Walks by text that only PostgreSQL compares.
#[derive(Debug)]
pub struct ByCollation;

const NAMES: [&str; 2] = ["a", "b"];

fn names<K: PostgresKey>() -> impl Iterator<Item = &'static str> {
    NAMES.into_iter().take(K::COLUMNS.len())
}

impl<K: PostgresKey + SqlKey> Way<K> for Plain {
    type Source = Walked<K>;

    fn source(lent: Lent, table: &str) -> Result<Self::Source, Error> {
        let decode = lent.decoder();
        blocking(Table::new(lent, table).key::<K>(names::<K>()).map(decode))
    }
}

impl<K: PostgresKey + SqlKey> Way<K> for Filtered {
    type Source = Walked<K>;
    const HIDES: bool = true;

    fn source(lent: Lent, table: &str) -> Result<Self::Source, Error> {
        let decode = lent.decoder();
        let table = Table::new(lent, table).key::<K>(names::<K>());
        blocking(table.filter("hidden = $1", [0]).map(decode))
    }
}

impl<K: PostgresKey + SqlKey> Way<K> for View {
    type Source = Walked<K>;

    fn source(lent: Lent, table: &str) -> Result<Self::Source, Error> {
        let decode = lent.decoder();
        let sql = format!(
            "SELECT value, a AS k0, b AS k1 FROM (SELECT *, 0 AS b FROM {table}) t WHERE hidden < $1"
        );
        blocking(
            Query::new(lent, sql, [1])
                .key::<K>(["k0", "k1"].into_iter().take(K::COLUMNS.len()))
                .map(decode),
        )
    }
}

impl Way<Letters> for ByCollation {
    type Source = Recast<Walked<Collated>, Letters>;

    fn source(lent: Lent, table: &str) -> Result<Self::Source, Error> {
        let decode = lent.decoder();
        let source = blocking(Table::new(lent, table).key::<Collated>(["a"]).map(decode))?;
        let into = |_: &_, key: &Letters| Ok(Collated(key.0.clone()));
        Ok(Recast::new(source, into, |key| Some(Letters(key.0))))
    }
}

/// Proves a source on the thread that calls.
fn blocking<B, S>(builder: B) -> Result<Blocking<S>, Error>
where
    B: IntoFuture<Output = Result<S, Error>>,
    S: AsyncChunkSource,
{
    let source = runtime().block_on(builder.into_future())?;
    Ok(Blocking::new(source, runtime().clone()))
}

fn runtime() -> &'static Handle {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build();
        runtime.expect("threads are there")
    });
    RUNTIME.handle()
}

/// Lends the connection of a harness's sources.
#[derive(Clone, Debug)]
pub struct Lent {
    client: Arc<Client>,
    fuse: FaultInjector,
    seen: Arc<AtomicU64>,
}

impl Lent {
    /// Decodes rows, counts them, and lets one fail.
    fn decoder(&self) -> Decoder {
        let (fuse, seen) = (self.fuse.clone(), Arc::clone(&self.seen));
        Box::new(move |row| {
            seen.fetch_add(1, Relaxed);
            if fuse.operation().is_err() {
                row.try_get::<_, Broken>("value")?;
            }
            row.try_get::<_, i64>("value").map(i64::cast_unsigned)
        })
    }
}

impl Connect for Lent {
    type Lent<'a> = &'a Client;
    type Error = Infallible;

    async fn connect(&self) -> Result<&Client, Infallible> {
        Ok(&self.client)
    }
}

/// A value that never decodes.
struct Broken;

impl FromSql<'_> for Broken {
    fn from_sql(_: &Type, _: &[u8]) -> Result<Self, keywalk_postgres::BoxError> {
        Err(InjectedFault::default().into())
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// The database of this process's harnesses. Without PostgreSQL, their tests end here, all at once, and count as passed
/// ([`database`] says when that isn't so).
fn url() -> &'static str {
    static DATABASE: LazyLock<Option<Database>> = LazyLock::new(database);
    match &*DATABASE {
        Some(database) => database.url(),
        None => std::process::exit(0),
    }
}

fn connect() -> Result<Arc<Client>, BoxError> {
    runtime().block_on(async {
        let (client, connection) = tokio_postgres::connect(url(), NoTls).await?;
        tokio::spawn(connection);
        Ok(Arc::new(client))
    })
}

fn execute(client: &Client, sql: &str) -> Result<(), BoxError> {
    Ok(runtime().block_on(client.batch_execute(sql))?)
}

/// A table `t` with a key of type `K`, walked in the way `W`. Its table is used again by later harnesses of this type.
pub struct PostgresHarness<K: PostgresKey, W: Way<K>> {
    place: Option<Place>,
    /// To be used again, because each proof takes milliseconds. The kit opens thousands of sources.
    unused: Arc<Mutex<Vec<W::Source>>>,
    /// The number of sources that were proven.
    proven: AtomicU32,
}

/// A source that is used again after it is dropped.
#[derive(Debug)]
pub struct Reused<S> {
    /// `None` while it is dropped.
    source: Option<S>,
    unused: Arc<Mutex<Vec<S>>>,
}

impl<S> Deref for Reused<S> {
    type Target = S;

    fn deref(&self) -> &S {
        self.source.as_ref().expect("only a dropped one has none")
    }
}

impl<S> DerefMut for Reused<S> {
    fn deref_mut(&mut self) -> &mut S {
        self.source.as_mut().expect("only a dropped one has none")
    }
}

impl<S> Drop for Reused<S> {
    fn drop(&mut self) {
        let mut unused = self.unused.lock().unwrap_or_else(PoisonError::into_inner);
        unused.extend(self.source.take());
    }
}

forward_source!([S: ChunkSource] Reused<S> => S, |reused| **reused);

impl<S: ChunkSource> ChunkSource for Reused<S> {
    fn fetch(
        &mut self,
        range: &KeyRange<S::Key>,
        chunk: &mut Chunk<S::Item>,
    ) -> Result<Fetched<S::Key>, S::Error> {
        (**self).fetch(range, chunk)
    }

    fn last_key(&mut self, range: &KeyRange<S::Key>) -> Result<LastKey<S::Key>, S::Error> {
        (**self).last_key(range)
    }
}

struct Place {
    table: String,
    changes: Arc<Client>,
    lent: Lent,
}

/// The places that no harness uses.
static FREE: LazyLock<Mutex<HashMap<TypeId, Vec<Place>>>> = LazyLock::new(Mutex::default);

fn free(of: TypeId, change: impl FnOnce(&mut Vec<Place>) -> Option<Place>) -> Option<Place> {
    let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
    change(free.entry(of).or_default())
}

impl<K: PostgresKey, W: Way<K>> PostgresHarness<K, W> {
    fn place(&self) -> &Place {
        self.place
            .as_ref()
            .expect("only a dropped harness has none")
    }

    fn change(&self, sql: &str) -> Result<(), BoxError> {
        execute(&self.place().changes, sql)
    }
}

impl<K: PostgresKey, W: Way<K>> Drop for PostgresHarness<K, W> {
    fn drop(&mut self) {
        let place = self.place.take();
        free(TypeId::of::<Self>(), |places| {
            places.extend(place);
            None
        });
    }
}

impl<K: PostgresKey, W: Way<K>> Harness for PostgresHarness<K, W> {
    type Key = K;
    type Source<'a> = Reused<W::Source>;

    fn open() -> Result<Self, BoxError> {
        let place = match free(TypeId::of::<Self>(), Vec::pop) {
            Some(place) => {
                execute(&place.changes, &format!("DELETE FROM {}", place.table))?;
                place
            }
            None => {
                static NUMBER: AtomicU32 = AtomicU32::new(0);
                let table = format!("t{}", NUMBER.fetch_add(1, Relaxed));
                let changes = connect()?;
                let declared = NAMES.iter().zip(K::COLUMNS);
                let declared = declared.map(|(name, (column, _))| format!("{name} {column}, "));
                let index = NAMES.iter().zip(K::COLUMNS);
                let index = index.map(|(name, (_, direction))| format!("{name}{direction}"));
                let (declared, index) = (declared.collect::<String>(), index.collect::<Vec<_>>());
                execute(
                    &changes,
                    &format!(
                        "CREATE TABLE {table} ({declared}value int8, hidden int4 NOT NULL DEFAULT 0); \
                         CREATE UNIQUE INDEX ON {table} ({}) NULLS NOT DISTINCT",
                        index.join(", ")
                    ),
                )?;
                let lent = Lent {
                    client: connect()?,
                    fuse: FaultInjector::default(),
                    seen: Arc::default(),
                };
                Place {
                    table,
                    changes,
                    lent,
                }
            }
        };
        Ok(PostgresHarness {
            place: Some(place),
            unused: Arc::default(),
            proven: AtomicU32::new(0),
        })
    }

    fn capabilities() -> Capabilities {
        Capabilities {
            threads: Capability::Yes,
            faults: Capability::Yes,
            reopening: Capability::Yes,
            counting: Capability::Yes,
            ..Capabilities::default()
        }
    }

    fn source(&self) -> Result<Reused<W::Source>, BoxError> {
        // Enough for a walk, for another source that resumes it, and for a third one that finds out why that failed.
        const NEW: u32 = 3;
        let mut source = None;
        if self.proven.load(Relaxed) >= NEW {
            let mut unused = self.unused.lock().unwrap_or_else(PoisonError::into_inner);
            source = unused.pop();
        }
        if source.is_none() {
            let place = self.place();
            source = Some(W::source(place.lent.clone(), &place.table)?);
            self.proven.fetch_add(1, Relaxed);
        }
        let unused = Arc::clone(&self.unused);
        Ok(Reused { source, unused })
    }

    fn put(&self, key: &K, value: u64) -> Result<(), BoxError> {
        self.put_all(&[(key.clone(), value)])
    }

    fn put_all(&self, entries: &[(K, u64)]) -> Result<(), BoxError> {
        self.change(&put(&self.place().table, entries))
    }

    fn delete(&self, key: &K) -> Result<(), BoxError> {
        self.change(&delete::<K, W>(&self.place().table, key))
    }

    fn value((_, value): &(K, u64)) -> u64 {
        *value
    }

    fn keys() -> KeySpace<K> {
        K::keys()
    }

    fn writer(&self) -> Option<Box<dyn Writer<K>>> {
        let writer = PostgresWriter::<K, W> {
            table: self.place().table.clone(),
            client: connect().ok()?,
            types: PhantomData,
        };
        Some(Box::new(writer))
    }

    fn faults(&self) -> Option<&dyn Faults> {
        Some(&self.place().lent.fuse)
    }

    fn reopen(mut self) -> Result<Self, BoxError> {
        if let Some(place) = &mut self.place {
            place.changes = connect()?;
            place.lent.client = connect()?;
        }
        (self.unused, self.proven) = Default::default();
        Ok(self)
    }

    fn rows_read(&self) -> Option<u64> {
        Some(self.place().lent.seen.load(Relaxed))
    }

    fn with_exclusive_access(&self) -> Result<(), BoxError> {
        // A statement whose rows were not all read may still be about to end.
        let lock = format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", self.place().table);
        self.change(&format!("SET lock_timeout = '5s'; BEGIN; {lock}; COMMIT"))
    }

    fn foreign_fingerprints(&self) -> Result<Vec<(FingerprintField, Fingerprint)>, BoxError> {
        self.change("CREATE TABLE IF NOT EXISTS u (a int8 PRIMARY KEY)")?;
        let lent = self.place().lent.clone();
        let another = runtime().block_on(Table::new(lent, "u").key::<i64>(["a"]).into_future())?;
        Ok(vec![(FingerprintField::Relation, another.fingerprint()?)])
    }
}

impl<K: PostgresKey, W: Way<K>> Debug for PostgresHarness<K, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresHarness").finish_non_exhaustive()
    }
}

fn literals<K: PostgresKey>(key: &K) -> impl Iterator<Item = String> {
    let values = key.values().into_iter();
    values.map(|value| match value {
        Some(value) => format!("'{}'", value.replace('\'', "''")),
        None => "NULL".to_owned(),
    })
}

/// Writes a statement that inserts the rows or replaces them. Of several with one key, the last one counts.
fn put<K: PostgresKey>(table: &str, entries: &[(K, u64)]) -> String {
    let entries: BTreeMap<&K, u64> = entries.iter().map(|(key, value)| (key, *value)).collect();
    if entries.is_empty() {
        return String::new();
    }
    let names = Vec::from_iter(names::<K>()).join(", ");
    let rows = entries.iter().map(|(key, value)| {
        let values = Vec::from_iter(literals(*key)).join(", ");
        format!("({values}, {})", value.cast_signed())
    });
    format!(
        "INSERT INTO {table} ({names}, value) VALUES {} ON CONFLICT ({names}) DO UPDATE \
         SET value = excluded.value, hidden = 0;",
        Vec::from_iter(rows).join(", ")
    )
}

/// Writes statements that delete the row. If hidden rows aren't walked, they hide rows with odd values instead.
fn delete<K: PostgresKey, W: Way<K>>(table: &str, key: &K) -> String {
    let terms = names::<K>().zip(literals(key));
    let terms = terms.map(|(name, value)| format!("{name} IS NOT DISTINCT FROM {value}"));
    let is_it = Vec::from_iter(terms).join(" AND ");
    let mut sql = String::new();
    if W::HIDES {
        sql += &format!("UPDATE {table} SET hidden = 1 WHERE {is_it} AND value % 2 <> 0;");
    }
    sql + &format!("DELETE FROM {table} WHERE {is_it} AND hidden = 0;")
}

/// A writer that changes a table through a connection of its own.
struct PostgresWriter<K, W> {
    table: String,
    client: Arc<Client>,
    types: PhantomData<fn() -> (K, W)>,
}

impl<K: PostgresKey, W: Way<K>> Writer<K> for PostgresWriter<K, W> {
    fn put(&mut self, key: &K, value: u64) -> Result<(), BoxError> {
        execute(&self.client, &put(&self.table, &[(key.clone(), value)]))
    }

    fn delete(&mut self, key: &K) -> Result<(), BoxError> {
        execute(&self.client, &delete::<K, W>(&self.table, key))
    }
}
