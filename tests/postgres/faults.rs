//! Walks over PostgreSQL while connections, statements and servers fail. With retries, a walk goes on at the exact row.
//! Without them it ends with one error, and its cursor leads to the exact row. Nothing is held afterwards.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::future::{Ready, poll_fn, ready};
use std::io::{BufRead, BufReader};
use std::pin::pin;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;
use std::{env, fs};

use keywalk::{AsyncChunkSource, Cursor, Walk};
use keywalk_postgres::tokio_postgres::{self, Client, NoTls};
use keywalk_postgres::{Connect, Error, ErrorKind, SqlSource, Table, Value, decode::KeysOnly};
use keywalk_retry::{ConstantBuilder, Retry};
use keywalk_tests::postgres::{database, server};
use keywalk_tests::program::log_line;
use keywalk_tests::random::Random;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::runtime::Builder;

const ROWS: i64 = 2_000;

/// The name of a walk's connections.
const WALK: &str = "application_name=walk";

/// Runs a test and its connections on one thread.
fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(test)
}

async fn connect(url: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Connects, and makes the table to walk.
async fn prepare(url: &str) -> Client {
    let db = connect(url).await.unwrap();
    let sql = format!(
        "CREATE TABLE items (id int8 PRIMARY KEY);
         INSERT INTO items SELECT generate_series(1, {ROWS})"
    );
    db.batch_execute(&sql).await.unwrap();
    db
}

/// Connects again when the connection is lost. Clones share a connection.
#[derive(Clone)]
struct Reconnect {
    url: Arc<str>,
    current: Arc<Mutex<Option<Arc<Client>>>>,
}

impl Reconnect {
    fn to(url: impl AsRef<str>) -> Self {
        let url = format!("{} {WALK}", url.as_ref()).into();
        let current = Arc::default();
        Reconnect { url, current }
    }
}

impl Connect for Reconnect {
    type Lent<'a> = Arc<Client>;
    type Error = tokio_postgres::Error;

    async fn connect(&self) -> Result<Arc<Client>, tokio_postgres::Error> {
        let known = self.current.lock().unwrap().clone();
        if let Some(client) = known.filter(|client| !client.is_closed()) {
            return Ok(client);
        }
        let client = Arc::new(connect(&self.url).await?);
        *self.current.lock().unwrap() = Some(Arc::clone(&client));
        Ok(client)
    }
}

type Items<C> = SqlSource<C, i64, KeysOnly>;

async fn items<C: Connect>(db: C, filter: &str) -> Items<C> {
    let table = Table::new(db, "items").key::<i64>(["id"]).keys();
    match filter {
        "" => table.await.unwrap(),
        filter => table.filter(filter, [Value::Null; 0]).await.unwrap(),
    }
}

type Retried<C, Z> = Retry<Items<C>, ConstantBuilder, fn(&Error) -> bool, Z>;

/// Wraps a source so that it retries transient errors at once, after `repair`.
fn retried<C: Connect + 'static>(
    items: Items<C>,
    repair: impl Fn() + Send + 'static,
) -> Retried<C, impl Fn(Duration) -> Ready<()> + Send + 'static> {
    let policy = ConstantBuilder::default().with_max_times(100);
    let when: fn(&Error) -> bool = Error::is_transient;
    Retry::new(items, policy, when).with_async_sleep(move |_| {
        repair();
        ready(())
    })
}

/// What a walk has seen.
#[derive(Debug, Default)]
struct Seen(Vec<i64>);

impl Seen {
    /// Walks on from a cursor, and calls `between` after each chunk with the number of rows so far.
    async fn walk_on<S: AsyncChunkSource<Key = i64, Item = (i64, ()), Error = Error>>(
        &mut self,
        source: S,
        cursor: Option<Cursor<i64>>,
        mut between: impl AsyncFnMut(usize),
    ) -> (S, Result<(), (Error, Cursor<i64>)>) {
        let mut walk = Walk::new(source).chunk_size(10);
        if let Some(cursor) = cursor {
            walk = walk.resume(cursor);
        }
        let mut chunks = walk.async_chunks();
        let ended = loop {
            match chunks.next().await {
                Ok(Some(items)) => self.0.extend(items.iter().map(|(id, ())| id)),
                Ok(None) => break Ok(()),
                Err(keywalk::Error::Source(error)) => break Err((error, chunks.cursor())),
                Err(error) => panic!("{error}"),
            }
            between(self.0.len()).await;
        };
        (chunks.into_source(), ended)
    }

    fn is_each_row_once(&self) {
        assert_eq!(self.0, Vec::from_iter(1..=ROWS));
    }
}

/// Walks all rows, and returns the number of retries.
async fn walk_to_the_end<C: Connect, Z>(
    source: Retried<C, Z>,
    between: impl AsyncFnMut(usize),
) -> u64
where
    Retried<C, Z>: AsyncChunkSource<Key = i64, Item = (i64, ()), Error = Error>,
{
    let mut seen = Seen::default();
    let (source, ended) = seen.walk_on(source, None, between).await;
    assert!(ended.is_ok(), "{ended:?}");
    seen.is_each_row_once();
    source.retries()
}

/// Walks all rows, resumes after each error from the cursor, and returns the number of errors.
async fn walk_resumed<C: Connect>(source: Items<C>, mut failed: impl AsyncFnMut(Error)) -> u64 {
    let (mut source, mut cursor, mut failures) = (source, None, 0);
    let mut seen = Seen::default();
    loop {
        let ended;
        (source, ended) = seen.walk_on(source, cursor, async |_| {}).await;
        let Err((error, at)) = ended else { break };
        failed(error).await;
        (cursor, failures) = (Some(at), failures + 1);
    }
    seen.is_each_row_once();
    failures
}

/// Waits until the server shows at most one connection of the walk, idle and outside of a transaction.
async fn holds_nothing(db: &Client) {
    // A terminated backend is listed until it has ended.
    let sql = "SELECT state, xact_start IS NOT NULL FROM pg_stat_activity \
               WHERE application_name = 'walk' AND datname = current_database()";
    let mut held = Vec::new();
    for _ in 0..100_000 {
        let rows = db.query(sql, &[]).await.unwrap();
        held = Vec::from_iter(
            rows.iter()
                .map(|row| (row.get::<_, Option<String>>(0), row.get::<_, bool>(1))),
        );
        match &held[..] {
            [] => return,
            [(Some(state), false)] if state == "idle" => return,
            _ => {}
        }
    }
    panic!("held: {held:?}");
}

#[test]
fn a_failed_statement_is_one_classified_error_and_the_walk_goes_on_at_the_exact_row() {
    let Some(database) = database() else { return };
    let terminate = "PERFORM pg_terminate_backend(pg_backend_pid())";
    let raise = |code| format!("RAISE EXCEPTION 'made up' USING ERRCODE = '{code}'");
    // An option of the connection, SQL in the middle of a fetch, the number of rows between failures, and the error.
    let faults = [
        (
            "work_mem=4MB",
            terminate.into(),
            101,
            ErrorKind::Connection,
            "57P01",
            true,
        ),
        (
            "lock_timeout=10",
            "LOCK TABLE locked".into(),
            501,
            ErrorKind::Postgres,
            "55P03",
            true,
        ),
        (
            "work_mem=4MB",
            "PERFORM pg_cancel_backend(pg_backend_pid()), pg_sleep(60)".into(),
            1_501,
            ErrorKind::Postgres,
            "57014",
            false,
        ),
        (
            "work_mem=4MB",
            raise("40001"),
            501,
            ErrorKind::Postgres,
            "40001",
            true,
        ),
        (
            "work_mem=4MB",
            raise("53300"),
            501,
            ErrorKind::Postgres,
            "53300",
            true,
        ),
        (
            "work_mem=4MB",
            raise("22012"),
            501,
            ErrorKind::Postgres,
            "22012",
            false,
        ),
    ];
    run(async {
        let db = prepare(database.url()).await;
        db.batch_execute("CREATE TABLE locked ()").await.unwrap();
        let locker = connect(database.url()).await.unwrap();
        locker
            .batch_execute("BEGIN; LOCK TABLE locked")
            .await
            .unwrap();
        for (option, fault, every, kind, code, is_transient) in faults {
            let fails = format!(
                "CREATE SEQUENCE IF NOT EXISTS reads;
                 ALTER SEQUENCE reads RESTART;
                 CREATE OR REPLACE FUNCTION fails() RETURNS bool LANGUAGE plpgsql AS $$ BEGIN
                     IF nextval('reads') % {every} = 0 THEN {fault}; END IF;
                     RETURN true;
                 END $$"
            );
            db.batch_execute(&fails).await.unwrap();
            let url = format!("{} options='-c {option}'", database.url());
            let failures =
                walk_resumed(items(Reconnect::to(&url), "fails()").await, async |error| {
                    let got = error.postgres_error().and_then(tokio_postgres::Error::code);
                    // After the reported end, the closed connection may be used once more.
                    let is_closed = got.is_none() && kind == ErrorKind::Connection;
                    assert!(
                        is_closed || got.is_some_and(|got| got.code() == code),
                        "{error:?}"
                    );
                    assert_eq!(
                        (error.kind(), error.is_transient()),
                        (kind, is_transient),
                        "{error}"
                    );
                    assert!(
                        error.to_string().contains(r#"table "public"."items""#),
                        "{error}"
                    );
                    holds_nothing(&db).await;
                });
            assert!(failures.await >= ROWS as u64 / every, "{code}");
            if is_transient {
                let source = retried(items(Reconnect::to(&url), "fails()").await, || {});
                let retries = walk_to_the_end(source, async |_| {}).await;
                assert!(retries >= ROWS as u64 / every, "{retries} times {code}");
                holds_nothing(&db).await;
            }
        }
    });
}

#[test]
fn a_walk_survives_kills_of_its_server_during_and_between_fetches() {
    let Some(server) = server() else { return };
    let url = server.url();
    let server = Arc::new(Mutex::new(server));
    run(async {
        drop(prepare(&url).await);
        let (revived, is_up) = (Arc::clone(&server), Arc::new(Mutex::new(true)));
        let is_up_again = Arc::clone(&is_up);
        let kill = || {
            server.lock().unwrap().kill().unwrap();
            *is_up.lock().unwrap() = false;
        };
        let source = retried(items(Reconnect::to(&url), "").await, move || {
            if !std::mem::replace(&mut *is_up_again.lock().unwrap(), true) {
                revived.lock().unwrap().restart().unwrap();
            }
        });
        let mut chunks = Walk::new(source).chunk_size(100).async_chunks();
        let mut seen = Seen::default();
        loop {
            let mut fetch = pin!(chunks.next());
            if seen.0.len() == 500 {
                kill();
            }
            let first = poll_fn(|context| Poll::Ready(fetch.as_mut().poll(context))).await;
            if seen.0.len() == 1_000 {
                assert!(first.is_pending());
                kill();
            }
            let fetched = match first {
                Poll::Ready(fetched) => fetched,
                Poll::Pending => fetch.await,
            };
            match fetched.unwrap() {
                Some(items) => seen.0.extend(items.iter().map(|(id, ())| id)),
                None => break,
            }
        }
        seen.is_each_row_once();
        assert!(chunks.source().retries() >= 2);
        holds_nothing(&connect(&url).await.unwrap()).await;
    });
}

#[test]
fn a_walk_survives_recovery_conflicts_on_a_standby_and_follows_its_promotion() {
    let Some(mut primary) = server() else { return };
    run(async {
        let db = prepare(&primary.url()).await;
        let setup = "CREATE TABLE others AS SELECT generate_series(1, 100);
             CREATE FUNCTION waits() RETURNS bool LANGUAGE plpgsql AS $$ BEGIN
                 IF pg_is_in_recovery() THEN
                     PERFORM pg_advisory_lock(1);
                     PERFORM pg_advisory_unlock(1);
                 END IF;
                 RETURN true;
             END $$";
        db.batch_execute(setup).await.unwrap();
        let standby = primary.standby().unwrap();
        let second = connect(&standby.url()).await.unwrap();
        let conflict = "ALTER SYSTEM SET max_standby_streaming_delay = 0";
        second.batch_execute(conflict).await.unwrap();
        second
            .batch_execute("SELECT pg_reload_conf()")
            .await
            .unwrap();
        // A fetch on the standby waits for a lock, with its snapshot. The primary then removes rows that this snapshot
        // still sees, and the standby cancels the fetch.
        let holder = connect(&standby.url()).await.unwrap();
        holder
            .batch_execute("SELECT pg_advisory_lock(1)")
            .await
            .unwrap();
        let waits = items(Reconnect::to(standby.url()), "waits()").await;
        let fetch = async move { Walk::new(waits).async_chunks().next().await.map(drop) };
        let mut fetch = Box::pin(fetch);
        let waiting = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
        loop {
            let first = poll_fn(|context| Poll::Ready(fetch.as_mut().poll(context))).await;
            assert!(first.is_pending(), "{first:?}");
            if second.query_opt(waiting, &[]).await.unwrap().is_some() {
                break;
            }
        }
        db.batch_execute("DELETE FROM others").await.unwrap();
        db.batch_execute("VACUUM others").await.unwrap();
        let error = fetch.as_mut().await.unwrap_err();
        let keywalk::Error::Source(error) = error else {
            panic!("{error}")
        };
        let code = error.postgres_error().and_then(tokio_postgres::Error::code);
        assert_eq!(code.map(|code| code.code()), Some("40001"), "{error}");
        assert!(error.is_transient(), "{error}");
        holds_nothing(&second).await;
        drop((fetch, holder));

        // The connection names both servers, and wants the one that can be written to.
        let host = |url: String| url.split(' ').next().unwrap().replace("host=", "");
        let hosts = format!("{},{}", host(primary.url()), host(standby.url()));
        let url = format!("host={hosts} user=postgres target_session_attrs=read-write");
        let reconnect = Reconnect::to(url);
        let source = retried(items(reconnect.clone(), "").await, || {});
        walk_to_the_end(source, async |rows| {
            if rows != 1_000 {
                return;
            }
            let written = db
                .query_one("SELECT pg_current_wal_lsn()::text", &[])
                .await
                .unwrap();
            let written: String = written.get(0);
            let replayed = format!("SELECT pg_last_wal_replay_lsn() >= '{written}'");
            while !second
                .query_one(&replayed, &[])
                .await
                .unwrap()
                .get::<_, bool>(0)
            {}
            primary.kill().unwrap();
            second.batch_execute("SELECT pg_promote()").await.unwrap();
        })
        .await;
        holds_nothing(&second).await;
        let current = reconnect.connect().await.unwrap();
        current.batch_execute("DELETE FROM items").await.unwrap();
        assert!(
            second
                .query("SELECT FROM items", &[])
                .await
                .unwrap()
                .is_empty()
        );
    });
}

/// Forwards connections to a server's socket, through a TCP port that it returns. While `is_faulty`, each connection
/// ends after some bytes from the server, mostly in the middle of a message: it is closed, or reset. Until then it is
/// delayed: bytes come in small pieces, and other tasks run between them.
async fn proxy(socket: String, is_faulty: Arc<AtomicU64>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut random = Random::new(22);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = UnixStream::connect(&socket).await.unwrap();
            let left = match is_faulty.load(Relaxed) {
                0 => usize::MAX,
                _ => random.below(6_000) as usize,
            };
            tokio::spawn(forward(client, server, left, random.fork()));
        }
    });
    port
}

/// Forwards at most `left` bytes to the client.
async fn forward(mut client: TcpStream, server: UnixStream, mut left: usize, mut random: Random) {
    let (mut from_server, mut to_server) = server.into_split();
    let (mut from_client, mut to_client) = client.split();
    let requests = async {
        let _ = tokio::io::copy(&mut from_client, &mut to_server).await;
    };
    let replies = async {
        let mut buffer = [0; 1_000];
        while left > 0 {
            let most = left.min(1 + random.below(1_000) as usize);
            let Ok(read @ 1..) = from_server.read(&mut buffer[..most]).await else {
                return;
            };
            if to_client.write_all(&buffer[..read]).await.is_err() {
                return;
            }
            left -= read;
            for _ in 0..random.below(4) {
                tokio::task::yield_now().await;
            }
        }
    };
    tokio::select! {
        () = requests => {}
        () = replies => {}
    }
    if random.one_in(2) {
        // A reset instead of an end.
        let _ = client.set_zero_linger();
    }
}

#[test]
fn a_walk_survives_a_network_that_delays_cuts_and_resets_connections_in_the_middle_of_messages() {
    let Some(database) = database() else { return };
    let config: tokio_postgres::Config = database.url().parse().unwrap();
    let [tokio_postgres::config::Host::Unix(folder)] = config.get_hosts() else {
        return;
    };
    let socket = folder.join(".s.PGSQL.5432").to_string_lossy().into_owned();
    run(async {
        let db = prepare(database.url()).await;
        let is_faulty = Arc::new(AtomicU64::new(0));
        let port = proxy(socket, Arc::clone(&is_faulty)).await;
        let name = config.get_dbname().unwrap();
        let url = format!("host=127.0.0.1 port={port} user=postgres dbname={name}");
        let reconnect = Reconnect::to(url);
        let [again, items] = [
            items(reconnect.clone(), "").await,
            items(reconnect.clone(), "").await,
        ];
        is_faulty.store(1, Relaxed);
        *reconnect.current.lock().unwrap() = None;
        let retries = walk_to_the_end(retried(again, || {}), async |_| {}).await;
        assert!(retries > 20, "{retries}");

        let failures = walk_resumed(items, async |error| {
            assert!(error.is_transient(), "{error:?}");
        });
        assert!(failures.await > 20);
        drop(reconnect);
        holds_nothing(&db).await;
    });
}

#[test]
fn futures_dropped_at_a_thousand_random_points_lose_and_repeat_nothing() {
    let Some(database) = database() else { return };
    run(async {
        let db = prepare(database.url()).await;
        let reconnect = Reconnect::to(database.url());
        let (mut random, mut dropped) = (Random::new(22), 0);
        while dropped < 1_000 {
            let mut chunks = Walk::new(items(reconnect.clone(), "").await)
                .chunk_size(2)
                .async_chunks();
            let mut seen = Seen::default();
            loop {
                let mut polls = random.below(3);
                let mut fetch = pin!(chunks.next());
                let fetched = poll_fn(|context| match fetch.as_mut().poll(context) {
                    Poll::Ready(fetched) => Poll::Ready(Some(fetched)),
                    Poll::Pending if polls == 0 => Poll::Ready(None),
                    Poll::Pending => {
                        polls -= 1;
                        Poll::Pending
                    }
                });
                match fetched.await.transpose().unwrap() {
                    Some(Some(items)) => seen.0.extend(items.iter().map(|(id, ())| id)),
                    Some(None) => break,
                    None => dropped += 1,
                }
            }
            seen.is_each_row_once();
        }
        holds_nothing(&db).await;
    });
}

/// A pgbouncer in transaction mode, which shares one connection to the server.
struct Pooler {
    process: Child,
    folder: tempfile::TempDir,
}

impl Pooler {
    /// Starts it. Returns `None` if it isn't installed.
    fn start(server: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let (path, file) = (folder.path().display(), folder.path().join("pgbouncer.ini"));
        let config = format!(
            "[databases]\n* = {server} user=postgres\n[pgbouncer]\nunix_socket_dir = {path}\nlisten_port = 6432\n\
             auth_type = any\npool_mode = transaction\ndefault_pool_size = 1\nuser = postgres\n"
        );
        fs::write(&file, config).unwrap();
        let everyone = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        fs::set_permissions(&folder, everyone).unwrap();
        let mut command = Command::new("pgbouncer");
        let process = command.arg(&file).stderr(Stdio::piped()).spawn();
        if process.is_err() && env::var_os("CI").is_none_or(|ci| ci != "true") {
            log_line("skipped: no pgbouncer");
            return None;
        }
        let mut process = process.unwrap();
        let mut said = BufReader::new(process.stderr.take().unwrap()).lines();
        assert!(
            said.any(|line| line.unwrap().contains("process up")),
            "pgbouncer doesn't start"
        );
        Some(Pooler { process, folder })
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn walks_share_one_connection_through_a_pooler_in_transaction_mode() {
    let Some(database) = database() else { return };
    let config: tokio_postgres::Config = database.url().parse().unwrap();
    let [tokio_postgres::config::Host::Unix(host)] = config.get_hosts() else {
        return;
    };
    let Some(pooler) = Pooler::start(&format!("host={}", host.display())) else {
        return;
    };
    run(async {
        let db = prepare(database.url()).await;
        let folder = pooler.folder.path().display();
        let url = format!(
            "host={folder} port=6432 user=postgres dbname={}",
            config.get_dbname().unwrap()
        );
        let walks = (0..6).map(|_| {
            let url = url.clone();
            tokio::spawn(async move {
                let source = retried(items(Reconnect::to(url), "").await, || {});
                walk_to_the_end(source, async |_| {}).await
            })
        });
        let walks = Vec::from_iter(walks);
        for walk in walks {
            assert_eq!(walk.await.unwrap(), 0);
        }
        holds_nothing(&db).await;
    });
}
