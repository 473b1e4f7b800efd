//! A process that runs a job: one chunk per line that it receives, and the rest when its input ends.

use std::collections::BTreeMap;
use std::env;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, RwLock};

use keywalk::{ChunkSource, ResumableSource, Walk};
use keywalk_job::{CheckpointStore, FileCheckpoints, Job};
use keywalk_memory::{Named, SharedMap};
use keywalk_sqlite::{SqliteCheckpoints, Table};
use rusqlite::Connection;

use crate::process::Process;

pub(crate) const ROWS: u32 = 5000;
pub(crate) const CHUNK: usize = 20;

const STORE: &str = "KEYWALK_JOB_STORE";
const FOLDER: &str = "KEYWALK_JOB_FOLDER";
/// The line that it prints before the first chunk, and after each.
const SAID: &str = "chunks done by this process: ";

/// The store of the positions.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Store {
    Sqlite,
    Files,
}

/// Starts a process that has the job and has done nothing yet.
pub(crate) fn start(store: Store, folder: &Path) -> Process {
    let store = format!("{store:?}");
    let variables = [(STORE, store.as_ref()), (FOLDER, folder.as_os_str())];
    let mut process = Process::start("jobs::child::the_child", &variables);
    wait_for(&mut process, 0);
    process
}

/// Waits until it has done this many chunks.
pub(crate) fn wait_for(process: &mut Process, chunks: u64) {
    process.hear(&format!("{SAID}{chunks}"));
}

pub(crate) fn database(folder: &Path) -> Connection {
    let db = Connection::open(folder.join("items.db")).unwrap();
    db.busy_timeout(std::time::Duration::from_secs(60)).unwrap();
    db
}

pub(crate) fn sqlite_job(
    db: &Connection,
) -> Job<'_, Table<&Connection, i64>, SqliteCheckpoints<'_>> {
    let items = Table::new(db, "items").key::<i64>(["id"]).unwrap();
    let walk = Walk::new(items).chunk_size(CHUNK);
    Job::new("killed", walk, SqliteCheckpoints::new(db))
}

pub(crate) fn files_job<'a>(folder: &Path) -> Job<'a, Named<SharedMap<u32, ()>>, FileCheckpoints> {
    let map: BTreeMap<u32, ()> = (0..ROWS).map(|key| (key, ())).collect();
    let map = SharedMap::new(Arc::new(RwLock::new(map)));
    let walk = Walk::new(Named::new("", map)).chunk_size(CHUNK);
    let checkpoints = FileCheckpoints::new(folder.join("checkpoints"));
    Job::new("killed", walk, checkpoints)
}

/// Waits for permission for each chunk.
fn in_steps<S: ChunkSource + ResumableSource, C: CheckpointStore>(
    job: Job<'_, S, C>,
) -> Job<'_, S, C> {
    let mut chunks = 0;
    job.on_progress(move |_| {
        println!("{SAID}{chunks}");
        chunks += 1;
        // `None` when the input ends.
        std::io::stdin().lines().next();
    })
}

/// Not a test: the work of the child process.
#[test]
fn the_child() {
    let (Ok(store), Some(folder)) = (env::var(STORE), env::var_os(FOLDER)) else {
        return;
    };
    let folder = Path::new(&folder);
    let outcome = if store == "Sqlite" {
        let db = database(folder);
        let job = in_steps(sqlite_job(&db));
        job.run(|tx, items| {
            let mut update =
                tx.prepare_cached("UPDATE items SET count = count + 1 WHERE id = ?1")?;
            let mut append = tx.prepare_cached("INSERT INTO log VALUES (?1)")?;
            for (id, _) in items {
                update.execute([id])?;
                append.execute([id])?;
            }
            Ok(())
        })
        .unwrap()
    } else {
        let mut log = OpenOptions::new();
        let log = log.create(true).append(true).open(folder.join("log"));
        let mut log = log.unwrap();
        let job = in_steps(files_job(folder));
        job.run(|(), items| {
            for (key, ()) in items {
                log.write_all(&key.to_be_bytes())?;
            }
            Ok(())
        })
        .unwrap()
    };
    assert!(outcome.is_done());
}
