//! A process that runs a job, and can be killed: this test binary, run again. It does a chunk for each byte
//! that it is given, and the rest when there will be no more.

use std::collections::BTreeMap;
use std::env;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, RwLock};

use keywalk::Walk;
use keywalk_job::{CheckpointFiles, Checkpoints, Job};
use keywalk_memory::SharedMap;
use keywalk_sqlite::{CheckpointTable, Table};
use rusqlite::Connection;

pub(crate) const ROWS: u32 = 5000;
pub(crate) const CHUNK: usize = 20;

const STORE: &str = "KEYWALK_JOB_STORE";
const FOLDER: &str = "KEYWALK_JOB_FOLDER";
/// What it says before the first chunk, and after each.
const SAID: &str = "chunks done by this process: ";

/// Where the positions are kept.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Store {
    Sqlite,
    Files,
}

pub(crate) struct Process {
    child: Child,
    chunks: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Process {
    /// A child that has the job, and has done nothing yet.
    pub(crate) fn start(store: Store, folder: &Path) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "child::the_child", "--nocapture"])
            .env(STORE, format!("{store:?}"))
            .env(FOLDER, folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let chunks = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut process = Process {
            child,
            chunks,
            output,
        };
        process.wait_for(0);
        process
    }

    /// Until it has done so many chunks.
    pub(crate) fn wait_for(&mut self, chunks: u64) {
        let mut line = String::new();
        // What the test harness prints may stand before it.
        while !line.trim().ends_with(&format!("{SAID}{chunks}")) {
            line.clear();
            let length = self.output.read_line(&mut line).unwrap();
            assert_ne!(length, 0, "the child has the job at once, and goes on");
        }
    }

    /// Lets it do so many chunks.
    pub(crate) fn allow(&mut self, chunks: u64) {
        let tickets = vec![b'.'; usize::try_from(chunks).unwrap()];
        self.chunks.as_mut().unwrap().write_all(&tickets).unwrap();
    }

    /// With SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Lets it do all the rest.
    pub(crate) fn finish(mut self) {
        drop(self.chunks.take());
        std::io::copy(&mut self.output, &mut std::io::sink()).unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

/// No child is left when a test fails.
impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn database(folder: &Path) -> Connection {
    let db = Connection::open(folder.join("items.db")).unwrap();
    db.busy_timeout(std::time::Duration::from_secs(60)).unwrap();
    db
}

pub(crate) fn sqlite_job(db: &Connection) -> Job<'_, Table<&Connection, i64>, CheckpointTable<'_>> {
    let items = Table::new(db, "items").key::<i64>(["id"]).unwrap();
    let walk = Walk::new(items).chunk_size(CHUNK);
    Job::new("killed", walk, CheckpointTable::new(db))
}

pub(crate) fn files_job<'a>(folder: &Path) -> Job<'a, SharedMap<u32, ()>, CheckpointFiles> {
    let map: BTreeMap<u32, ()> = (0..ROWS).map(|key| (key, ())).collect();
    let walk = Walk::new(SharedMap::new(Arc::new(RwLock::new(map)))).chunk_size(CHUNK);
    Job::new(
        "killed",
        walk,
        CheckpointFiles::new(folder.join("checkpoints")),
    )
}

/// Waits to be allowed each chunk.
fn in_steps<S: keywalk::DurableSource, C: Checkpoints>(job: Job<'_, S, C>) -> Job<'_, S, C> {
    let mut chunks = 0;
    job.on_progress(move |_| {
        println!("{SAID}{chunks}");
        chunks += 1;
        // None, when there will be no more.
        std::io::stdin().read_exact(&mut [0]).unwrap_or_default();
    })
}

/// Not a test, but what [`Process`] runs.
#[test]
fn the_child() {
    let (Ok(store), Some(folder)) = (env::var(STORE), env::var_os(FOLDER)) else {
        return;
    };
    let folder = Path::new(&folder);
    let outcome = match store.as_str() {
        "Sqlite" => {
            let db = database(folder);
            let job = in_steps(sqlite_job(&db));
            let outcome = job.run(|tx, items| {
                let mut update =
                    tx.prepare_cached("UPDATE items SET count = count + 1 WHERE id = ?1")?;
                let mut append = tx.prepare_cached("INSERT INTO log VALUES (?1)")?;
                for (id, _) in items {
                    update.execute([id])?;
                    append.execute([id])?;
                }
                Ok(())
            });
            outcome.unwrap()
        }
        _ => {
            let path = folder.join("log");
            let mut log = OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .unwrap();
            let outcome = in_steps(files_job(folder)).run(|(), items| {
                for (key, ()) in items {
                    log.write_all(&key.to_be_bytes())?;
                }
                Ok(())
            });
            outcome.unwrap()
        }
    };
    assert!(outcome.is_done());
}
