//! Jobs over PostgreSQL: effects are exactly once, whatever is dropped, ended or run twice.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use keywalk::Walk;
use keywalk_job::{
    AsyncCheckpointStore, AsyncDeadLetters, AsyncJob, AsyncLeases, BoxError, ConstantBuilder,
    Error, Job,
};
use keywalk_postgres::CheckpointErrorKind as Kind;
use keywalk_postgres::decode::KeysOnly;
use keywalk_postgres::{
    CheckpointError, ChunkTransaction, Connect, PerFetch, PostgresCheckpoints, SqlSource, Table,
};
use keywalk_tests::postgres::{Database, database};
use tokio::runtime::Builder;
use tokio::task::yield_now;
use tokio_postgres::{Client, NoTls};

const ITEMS: i64 = 60;

/// Runs a test in a database of its own, which has a table of `ITEMS` items.
fn test(test: impl AsyncFnOnce(Arc<Client>, &Database)) {
    let Some(database) = database() else { return };
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = connect(&database).await.unwrap();
        let sql = format!(
            "CREATE TABLE items (id BIGINT PRIMARY KEY, done INT NOT NULL DEFAULT 0);
            INSERT INTO items SELECT n FROM generate_series(1, {ITEMS}) n"
        );
        client.batch_execute(&sql).await.unwrap();
        test(client, &database).await;
    });
}

async fn connect(database: &Database) -> Result<Arc<Client>, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(database.url(), NoTls).await?;
    tokio::spawn(connection);
    Ok(Arc::new(client))
}

type Items = SqlSource<Arc<Client>, i64, KeysOnly>;

async fn job<'a, C: Connect>(
    walked: &Arc<Client>,
    checkpoints: PostgresCheckpoints<C>,
) -> AsyncJob<'a, Items, PostgresCheckpoints<C>> {
    let items = Table::new(Arc::clone(walked), "items").key::<i64>(["id"]);
    let walk = Walk::new(items.keys().await.unwrap()).chunk_size(7);
    Job::new_async("job", walk, checkpoints, |_| yield_now())
}

async fn mark(tx: &Client, id: i64) -> Result<(), tokio_postgres::Error> {
    let sql = "UPDATE items SET done = done + 1 WHERE id = $1";
    tx.execute(sql, &[&id]).await.map(drop)
}

/// Returns the ids of the items that weren't done exactly once.
async fn wrong(client: &Client) -> Vec<i64> {
    let sql = "SELECT id FROM items WHERE done <> 1 ORDER BY id";
    let rows = client.query(sql, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// Returns how many advisory locks there are.
async fn locks(client: &Client) -> i64 {
    let sql = "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database
        WHERE locktype = 'advisory' AND datname = current_database()";
    client.query_one(sql, &[]).await.unwrap().get(0)
}

/// Drops the future after this many polls.
async fn cut<F: Future>(future: F, mut polls: u32) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|context| {
        if polls == 0 {
            return Poll::Ready(None);
        }
        polls -= 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

/// Runs once: dropped, or its backend ended, after some polls or items. Returns whether the job is done.
async fn run<C: Connect>(
    walked: &Arc<Client>,
    checkpoints: PostgresCheckpoints<C>,
    admin: &Client,
    (polls, items_left): (u32, u32),
) -> bool {
    let mut items_left = items_left;
    let job = job(walked, checkpoints).await;
    let job = job.retry(ConstantBuilder::new().with_max_times(3), |_| true);
    let run = job.run_async(async |tx, items| {
        for (id, ()) in items {
            if items_left == 0 {
                let pid = tx.query_one("SELECT pg_backend_pid()", &[]).await?;
                let sql = "SELECT pg_terminate_backend($1)";
                admin.query_one(sql, &[&pid.get::<_, i32>(0)]).await?;
            }
            items_left = items_left.wrapping_sub(1);
            mark(tx, *id).await?;
        }
        Ok(())
    });
    cut(run, polls)
        .await
        .is_some_and(|ran| ran.is_ok_and(|outcome| outcome.is_done()))
}

#[test]
fn effects_are_exactly_once_whenever_runs_are_dropped_or_their_backends_ended() {
    test(async |admin, database| {
        let (mut polls, mut items_left) = (1, 0);
        for pooled in [false, true, false, true] {
            let reset = "UPDATE items SET done = 0; DROP TABLE IF EXISTS keywalk_jobs";
            admin.batch_execute(reset).await.unwrap();
            for n in 0.. {
                let client = connect(database).await.unwrap();
                (polls, items_left) = ((polls * 13 + n) % 97, (items_left * 5 + 3) % 41);
                // Every third run is dropped, every third one loses its connection.
                let fate = [
                    (polls, u32::MAX),
                    (u32::MAX, items_left),
                    (polls, items_left),
                ];
                let fate = fate[n as usize % 3];
                let done = match pooled {
                    false => {
                        let checkpoints = PostgresCheckpoints::new(client.clone());
                        let done = run(&client, checkpoints, &admin, fate).await;
                        // What a dropped run has sent precedes this.
                        if client.batch_execute("SELECT").await.is_ok() {
                            assert_eq!(locks(&admin).await, 0, "nothing is held after a run");
                        }
                        done
                    }
                    true => {
                        let checkpoints =
                            PostgresCheckpoints::pooled(PerFetch(|| connect(database)));
                        run(&client, checkpoints, &admin, fate).await
                    }
                };
                if done {
                    break;
                }
            }
            assert_eq!(wrong(&admin).await, [] as [i64; 0]);
        }
    });
}

/// The second one also runs in the same session.
#[test]
fn a_second_runner_is_refused_until_the_first_ends_or_is_dropped() {
    test(async |client, database| {
        let other = connect(database).await.unwrap();
        let store = || PostgresCheckpoints::new(Arc::clone(&client));
        let mut between = store();
        let lease = between.lease("job").await.unwrap().unwrap();
        for second in [&other, &client] {
            let second = &mut PostgresCheckpoints::new(second.clone());
            assert!(second.lease("job").await.unwrap().is_none());
            // Jobs whose names have the same 32-bit hash (`hashtext`).
            let another = second.lease("job 6187").await.unwrap();
            assert!(another.is_some() && second.lease("job 67593").await.unwrap().is_some());
        }
        between.release(lease).await;
        let first = job(&other, store()).await;
        let mut refusals = 0;
        let first = first.run_async(async |_, _| {
            for second in [&other, &client] {
                let job = job(&other, PostgresCheckpoints::new(second.clone())).await;
                let refused = Box::pin(job.run_async(async |_, _| Ok(()))).await;
                match refused {
                    Err(Error::AlreadyRunning { .. }) => {}
                    // The session is in the first one's transaction.
                    Err(Error::CheckpointStore { error, .. }) => {
                        assert_eq!(error.kind(), Kind::InTransaction);
                    }
                    ran => panic!("{ran:?}"),
                }
            }
            let mut pooled = PostgresCheckpoints::pooled(other.clone());
            let refused = pooled.reset("job").await;
            assert!(matches!(refused, Err(Error::AlreadyRunning { .. })));
            refusals += 1;
            for _ in 0..10_000 {
                yield_now().await;
            }
            Ok(())
        });
        assert!(
            cut(first, 2_000).await.is_none(),
            "it is dropped in its first chunk"
        );
        assert_eq!(refusals, 1);
        client.batch_execute("SELECT").await.unwrap();
        for checkpoints in [store(), PostgresCheckpoints::new(other.clone())] {
            let job = job(&other, checkpoints).await.restart_when_done();
            assert!(job.run_async(async |_, _| Ok(())).await.unwrap().is_done());
        }
        assert_eq!(locks(&client).await, 0);
    });
}

/// The first one pauses after its first chunk.
#[test]
fn a_run_whose_job_was_taken_over_between_two_chunks_does_nothing_any_more() {
    test(async |client, _| {
        let store = || PostgresCheckpoints::pooled(Arc::clone(&client));
        let items = Table::new(Arc::clone(&client), "items").key::<i64>(["id"]);
        let walk = Walk::new(items.keys().await.unwrap()).chunk_size(7);
        let mut other = Some(job(&client, store()).await);
        let sleep = |_| {
            let other = other.take();
            async {
                if let Some(other) = other {
                    let run = other.run_boxed(|tx, items| {
                        Box::pin(async move {
                            for (id, ()) in items {
                                mark(tx, *id).await?;
                            }
                            Ok(())
                        })
                    });
                    assert!(run.await.unwrap().is_done());
                }
            }
        };
        let first = Job::new_async("job", walk, store(), sleep).pause(Duration::from_millis(1));
        let ran = first.run_async(async |tx, items| {
            for (id, ()) in items {
                mark(tx, *id).await?;
            }
            Ok(())
        });
        let Err(Error::CheckpointStore { error, .. }) = ran.await else {
            panic!("it went on")
        };
        assert_eq!(error.kind(), Kind::Superseded);
        assert_eq!(wrong(&client).await, [] as [i64; 0]);
    });
}

async fn fails(tx: &mut ChunkTransaction<'_>, sql: &str) -> Result<(), BoxError> {
    Ok(tx.batch_execute(sql).await?)
}

#[test]
fn an_item_that_fails_is_skipped_alone_and_its_letter_stays_until_the_reset() {
    test(async |client, _| {
        let mut checkpoints = PostgresCheckpoints::new(Arc::clone(&client));
        assert!(checkpoints.dead_letters("job").await.unwrap().is_empty());
        assert!(
            checkpoints.list().await.unwrap().is_empty(),
            "no tables yet"
        );
        let job = job(&client, PostgresCheckpoints::new(Arc::clone(&client))).await;
        let run = job.max_skipped(5).run_async(async |tx, items| {
            let (id, ()) = items[0];
            mark(tx, id).await?;
            match id {
                10 => fails(tx, "SELECT 1 / 0").await,
                // It passes over the error.
                20 => fails(tx, "SELECT 1 / 0").await.or(Ok(())),
                30 => Err("a zero: \0".into()),
                _ => Ok(()),
            }
        });
        let outcome = run.await.unwrap();
        assert_eq!((outcome.is_done(), outcome.skipped()), (true, 3));
        assert_eq!(wrong(&client).await, [10, 20, 30]);
        let letters = checkpoints.dead_letters("job").await.unwrap();
        let errors = [
            "division by zero",
            "the function went on",
            "a zero: \u{FFFD}",
        ];
        for (letter, (key, error)) in letters.iter().zip([10, 20, 30].iter().zip(errors)) {
            assert_eq!(letter.key(), key.to_string());
            assert!(letter.error().contains(error), "{}", letter.error());
        }
        let stored = checkpoints.load("job").await.unwrap();
        assert_eq!(stored.as_ref(), outcome.checkpoint());
        assert_eq!(checkpoints.list().await.unwrap(), Vec::from_iter(stored));
        assert!(checkpoints.reset("job").await.unwrap());
        assert!(!checkpoints.reset("job").await.unwrap());
        assert!(checkpoints.dead_letters("job").await.unwrap().is_empty());
    });
}

#[test]
fn a_function_leaves_its_transaction_open_and_its_errors_known() {
    test(async |client, _| {
        let cases = [
            ("COMMIT", Kind::TransactionEnded),
            ("ROLLBACK; BEGIN", Kind::TransactionEnded),
            ("SELECT 1 / 0", Kind::TransactionAborted),
        ];
        for (sql, kind) in cases {
            let job = job(&client, PostgresCheckpoints::new(Arc::clone(&client))).await;
            let ran = job.run_async(async |tx, _| fails(tx, sql).await.or(Ok(())));
            let Err(Error::CheckpointStore { error, .. }) = ran.await else {
                panic!("{sql}")
            };
            assert_eq!((error.kind(), error.is_transient()), (kind, false), "{sql}");
        }
        client.batch_execute("BEGIN").await.unwrap();
        let mut checkpoints = PostgresCheckpoints::new(Arc::clone(&client));
        let error = checkpoints.lease("job").await.unwrap_err();
        assert_eq!(error.kind(), Kind::InTransaction);
    });
}

/// The trigger fails at the first two commits with items.
#[test]
fn a_commit_that_fails_for_a_moment_is_retried_and_nothing_is_done_twice() {
    test(async |client, _| {
        let sql = "CREATE SEQUENCE commits;
            CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF nextval('commits') <= 2 THEN RAISE 'not now' USING ERRCODE = '40001'; END IF;
                RETURN NULL;
            END $$;
            CREATE CONSTRAINT TRIGGER fails AFTER UPDATE ON items DEFERRABLE INITIALLY DEFERRED
                FOR EACH ROW EXECUTE FUNCTION fail()";
        client.batch_execute(sql).await.unwrap();
        for (times, retries) in [(0, None), (1, Some(1))] {
            let job = job(&client, PostgresCheckpoints::new(Arc::clone(&client))).await;
            let policy = ConstantBuilder::new().with_max_times(times);
            let job = job.retry(policy.with_delay(Duration::ZERO), |_| false);
            let ran = job.run_async(async |tx, items| {
                for (id, ()) in items {
                    mark(tx, *id).await?;
                }
                Ok(())
            });
            match ran.await {
                Err(Error::CheckpointStore { error, .. }) => assert!(error.is_transient()),
                ran => assert_eq!(Some(ran.unwrap().retries()), retries),
            }
        }
        assert_eq!(wrong(&client).await, [] as [i64; 0]);
    });
}

/// Also where the functions borrow.
#[test]
fn a_run_can_be_spawned() {
    fn spawned<T>(run: impl Future<Output = T> + Send + 'static) -> impl Future<Output = T> {
        run
    }
    test(async |client, _| {
        let mut sum = 0;
        let job = job(&client, PostgresCheckpoints::new(Arc::clone(&client))).await;
        let run = spawned(job.run_async(async move |tx, items| {
            for (id, ()) in items {
                sum += id;
                mark(tx, *id).await?;
            }
            Ok(())
        }));
        assert!(run.await.unwrap().is_done());
        assert_eq!(wrong(&client).await, [] as [i64; 0]);
    });
}

#[test]
fn errors_say_what_to_do_and_keep_their_source() {
    test(async |_, _| {
        let no = || async { Err::<Arc<Client>, _>(std::io::Error::other("no route")) };
        let mut checkpoints = PostgresCheckpoints::pooled(PerFetch(no));
        let error: CheckpointError = checkpoints.begin().await.unwrap_err();
        assert_eq!(
            (error.kind(), error.is_transient()),
            (Kind::NoConnection, true)
        );
        let source = std::error::Error::source(&error).unwrap();
        assert_eq!(source.to_string(), "no route");
        assert!(error.to_string().contains("Job::retry"), "{error}");
    });
}
