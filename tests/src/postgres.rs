//! PostgreSQL for tests and examples: throw-away servers, and a new database for each test.
//!
//! A server listens on a Unix socket in a temporary folder. It ends when its [`Server`] is dropped, and also if the
//! process ends in any other way, even by SIGKILL. Its parent, `postgres.sh`, notices that.

use std::env;
use std::error::Error;
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::LazyLock;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::thread;

use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{Client, NoTls};

use crate::program::{BoxError, Failure, log_line};

/// A PostgreSQL server of this process. Dropping it ends it and removes its data.
#[derive(Debug)]
pub struct Server {
    shell: Child,
    /// Closing it ends the server.
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    folder: String,
}

impl Server {
    /// Starts an empty server, which takes about a second. Fails with [`Failure::Mistake`] if PostgreSQL isn't
    /// installed.
    pub fn start() -> Result<Self, BoxError> {
        Server::new("")
    }

    /// Starts a standby, which follows this server until `SELECT pg_promote()`.
    pub fn standby(&self) -> Result<Self, BoxError> {
        Server::new(&self.url())
    }

    fn new(primary: &str) -> Result<Self, BoxError> {
        let script = include_str!("postgres.sh");
        let is_root = Command::new("id").arg("-u").output();
        let is_root = is_root.is_ok_and(|id| id.stdout == b"0\n");
        // PostgreSQL refuses to run as root. Its package makes the user.
        let mut command = match is_root {
            true => Command::new("su"),
            false => Command::new("sh"),
        };
        if is_root {
            command.args(["postgres", "-s", "/bin/sh"]);
        }
        command.args(["-c", script, "postgres.sh", primary]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut shell = match command.stderr(Stdio::null()).spawn() {
            // Windows has no shell.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(missing().into()),
            shell => shell?,
        };
        let (commands, answers) = (shell.stdin.take(), shell.stdout.take());
        let answers = answers.ok_or("the shell has no stdout")?;
        let mut server = Server {
            shell,
            commands,
            answers: BufReader::new(answers),
            folder: String::new(),
        };
        server.folder = match &*server.answer()? {
            // Without the user `postgres`, `su` ends without a line.
            "missing" | "" => return Err(missing().into()),
            answer => match answer.strip_prefix("ready: ") {
                Some(folder) => folder.to_owned(),
                None => return Err(format!("PostgreSQL doesn't start: {answer}").into()),
            },
        };
        Ok(server)
    }

    /// Returns how to connect to it, for tokio-postgres and psql. A database can be appended: ` dbname=NAME`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("host={} user=postgres", self.folder)
    }

    /// Kills the server with SIGKILL. What was committed survives.
    pub fn kill(&mut self) -> Result<(), BoxError> {
        self.command("kill")
    }

    /// Starts the killed server again. It then accepts connections.
    pub fn restart(&mut self) -> Result<(), BoxError> {
        self.command("start")
    }

    fn command(&mut self, command: &str) -> Result<(), BoxError> {
        if let Some(commands) = &mut self.commands {
            writeln!(commands, "{command}")?;
        }
        match &*self.answer()? {
            answer if answer == "killed" || answer.starts_with("ready: ") => Ok(()),
            answer => Err(format!("PostgreSQL doesn't {command}: {answer}").into()),
        }
    }

    fn answer(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.commands = None;
        let _ = self.shell.wait();
    }
}

fn missing() -> Failure {
    let cure = "install it (on Debian: apt-get install postgresql), or name a running server";
    Failure::Mistake(format!("PostgreSQL isn't installed; {cure}"))
}

/// Starts a server for one test, which may kill it. Returns `None` if PostgreSQL isn't installed: the test is then to
/// return. This is printed once, and fails with `CI=true`.
///
/// # Panics
///
/// If the server doesn't start.
#[must_use]
pub fn server() -> Option<Server> {
    let error = match Server::start() {
        Ok(server) => return Some(server),
        Err(error) => error,
    };
    let is_missing = matches!(error.downcast_ref(), Some(Failure::Mistake(_)));
    let may_skip = env::var_os("CI").is_none_or(|ci| ci != "true");
    assert!(is_missing && may_skip, "{error}");
    static ONCE: Once = Once::new();
    ONCE.call_once(|| log_line("skipped: no postgres"));
    None
}

/// An empty database, for one test.
#[derive(Debug)]
pub struct Database {
    name: String,
    url: String,
}

/// Creates a database in the server that `KEYWALK_POSTGRES_URL` names, or in one of this process. Returns `None` as
/// [`server`] does.
///
/// # Panics
///
/// If that fails.
#[must_use]
pub fn database() -> Option<Database> {
    let (url, _) = SHARED.as_ref()?;
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Relaxed);
    let name = format!("keywalk_{}_{number}", std::process::id());
    execute(url, &format!("CREATE DATABASE {name}")).unwrap_or_else(|error| panic!("{error}"));
    let url = match url.contains("://") {
        true if url.contains('?') => format!("{url}&dbname={name}"),
        true => format!("{url}?dbname={name}"),
        false => format!("{url} dbname={name}"),
    };
    Some(Database { name, url })
}

/// How to connect, and this process's own server. It is never dropped, and ends with the process.
static SHARED: LazyLock<Option<(String, Option<Server>)>> = LazyLock::new(|| {
    if let Ok(url) = env::var("KEYWALK_POSTGRES_URL") {
        return Some((url, None));
    }
    let server = server()?;
    Some((server.url(), Some(server)))
});

impl Database {
    /// Returns how to connect to it, for tokio-postgres and psql.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Database {
    /// Drops the database, unless the server ends with this process.
    fn drop(&mut self) {
        if let Some((url, None)) = &*SHARED {
            let dropped = execute(url, &format!("DROP DATABASE {} WITH (FORCE)", self.name));
            dropped.unwrap_or_else(log_line);
        }
    }
}

/// Connects, in the current runtime, without TLS. A failure is a [`Failure::Mistake`].
pub async fn connect(url: &str) -> Result<Client, Failure> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.map_err(|error| {
        let cause = error.source().map(|cause| format!(": {cause}"));
        Failure::Mistake(format!(
            "can't connect: {error}{}",
            cause.unwrap_or_default()
        ))
    })?;
    tokio::spawn(connection);
    Ok(client)
}

/// A connection for blocking code, in a runtime of its own. It can't be used inside another runtime.
#[derive(Debug)]
pub struct Blocking {
    client: Client,
    runtime: Runtime,
}

impl Blocking {
    /// Connects as [`connect`] does.
    pub fn connect(url: &str) -> Result<Self, BoxError> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let client = runtime.block_on(connect(url))?;
        Ok(Blocking { client, runtime })
    }

    /// Waits for what is done with the client.
    pub fn run<T>(&self, work: impl AsyncFnOnce(&Client) -> T) -> T {
        self.runtime.block_on(work(&self.client))
    }
}

/// Executes SQL on a thread of its own, so that it can be called inside a runtime too.
fn execute(url: &str, sql: &str) -> Result<(), BoxError> {
    let run = || {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
            let connection = tokio::spawn(connection);
            client.batch_execute(sql).await?;
            drop(client);
            Ok(connection.await??)
        })
    };
    let ran = thread::scope(|scope| scope.spawn(run).join());
    ran.unwrap_or_else(|_| Err("the connection panicked".into()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_killed_server_keeps_what_was_committed_and_a_dropped_one_leaves_nothing() {
        let Some(mut server) = server() else { return };
        let url = server.url();
        execute(&url, "CREATE TABLE kept ()").unwrap();
        let standby = server.standby().unwrap();
        for _ in 0..3 {
            server.kill().unwrap();
            execute(&url, "SELECT").unwrap_err();
            server.restart().unwrap();
            execute(&url, "SELECT FROM kept").unwrap();
        }
        execute(&standby.url(), "SELECT FROM kept").unwrap();
        execute(&standby.url(), "SELECT pg_promote()").unwrap();
        let folders = [server.folder.clone(), standby.folder.clone()];
        assert!(folders.iter().all(|folder| Path::new(folder).exists()));
        drop((standby, server));
        assert!(!folders.iter().any(|folder| Path::new(folder).exists()));
    }

    #[test]
    fn each_test_has_a_database_of_its_own() {
        let databases = [database(), database()];
        for database in databases.iter().flatten() {
            execute(database.url(), "CREATE TABLE mine ()").unwrap();
        }
    }
}
