//! How a job's chunk becomes a transaction.

use keywalk_job::{
    Attempt, BoxError, Buried, Checkpoint, Checkpoints, DeadLetter, Lease, from_unix_millis,
    unix_millis,
};
use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::error::Problem;
use super::file::file;
use super::sql::{BURY, LETTERS, RECORD, TABLES};
use super::{CheckpointError, CheckpointTable};

impl<'db> Checkpoints for CheckpointTable<'db> {
    type Scope = Transaction<'db>;
    type Error = CheckpointError;

    fn lease(&mut self, job: &str) -> Result<Option<Lease>, CheckpointError> {
        let path = file(self.db)?;
        // In memory, or in a file that has no name.
        if path.as_os_str().is_empty() {
            return Ok(Some(Lease::unguarded()));
        }
        let lease = Lease::beside(&path, job);
        Ok(lease.map_err(|source| Problem::Lease { path, source })?)
    }

    fn load(&mut self, job: &str) -> Result<Option<Checkpoint>, CheckpointError> {
        let json = self.load_json(job)?;
        json.map(|json| read(job, &json)).transpose()
    }

    fn begin(&mut self) -> Result<Transaction<'db>, CheckpointError> {
        if !self.db.is_autocommit() {
            return Err(Problem::InTransaction.into());
        }
        let begin = || Transaction::new_unchecked(self.db, TransactionBehavior::Immediate);
        let failed = |source| Problem::Sqlite {
            verb: "begin",
            source,
        };
        if !self.is_made {
            // A change of the schema, which a walk by another connection doesn't see in the middle of one.
            let made = begin().and_then(|transaction| {
                transaction.execute_batch(TABLES)?;
                transaction.commit()
            });
            made.map_err(failed)?;
            self.is_made = true;
        }
        let transaction = begin().map_err(failed)?;
        run(&transaction, MARK).map_err(failed)?;
        Ok(transaction)
    }

    fn commit(
        &mut self,
        scope: Transaction<'db>,
        checkpoint: &Checkpoint,
    ) -> Result<(), CheckpointError> {
        if scope.is_autocommit() || run(&scope, UNMARK).is_err() {
            return Err(Problem::Ended.into());
        }
        let updated = unix_millis(checkpoint.updated());
        let recorded = scope.prepare_cached(RECORD).and_then(|mut statement| {
            statement.execute((
                checkpoint.job(),
                checkpoint.run().cast_signed(),
                checkpoint.is_done(),
                checkpoint.items().cast_signed(),
                checkpoint.skipped().cast_signed(),
                checkpoint.share(),
                checkpoint.position(),
                updated,
                checkpoint.to_json(),
            ))
        });
        if recorded.map_err(unwritten)? == 0 {
            let job = checkpoint.job().to_owned();
            return Err(Problem::Superseded { job }.into());
        }
        Ok(scope.commit().map_err(|source| Problem::Sqlite {
            verb: "commit",
            source,
        })?)
    }

    fn remove(&mut self, job: &str) -> Result<bool, CheckpointError> {
        // Not to make the tables for it.
        if self.load_json(job)?.is_none() {
            return Ok(false);
        }
        let scope = self.begin()?;
        let remove = || {
            scope.execute(
                "DELETE FROM main.keywalk_dead_letters WHERE job = ?1",
                [job],
            )?;
            let removed = scope.execute("DELETE FROM main.keywalk_jobs WHERE name = ?1", [job])?;
            scope.commit()?;
            Ok(removed > 0)
        };
        Ok(remove().map_err(unwritten)?)
    }

    fn list(&mut self) -> Result<Vec<Checkpoint>, CheckpointError> {
        let sql = "SELECT name, checkpoint FROM main.keywalk_jobs ORDER BY name";
        let found = self.ask(sql, [], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
        })?;
        found.iter().map(|(job, json)| read(job, json)).collect()
    }

    fn is_transient(&self, error: &CheckpointError) -> bool {
        error.is_transient()
    }

    fn attempt(
        &mut self,
        scope: &Transaction<'db>,
        work: &mut dyn FnMut(&Transaction<'db>) -> Result<(), BoxError>,
    ) -> Result<Attempt, CheckpointError> {
        run(scope, "SAVEPOINT keywalk_item").map_err(unwritten)?;
        let worked = work(scope);
        let is_kept = || {
            !scope.is_autocommit()
                && (worked.is_ok() || run(scope, "ROLLBACK TO keywalk_item").is_ok())
                && run(scope, "RELEASE keywalk_item").is_ok()
        };
        match (is_kept(), worked) {
            (true, Ok(())) => Ok(Attempt::Done),
            (true, Err(error)) => Ok(Attempt::Undone(error)),
            // Some errors end the transaction, a full disk and an interrupt among them. Another savepoint
            // would then begin one, and its release commit the next item by itself.
            (false, Err(error)) => Ok(Attempt::Lost(error)),
            (false, Ok(())) => Err(Problem::Ended.into()),
        }
    }

    fn bury(
        &mut self,
        scope: &Transaction<'db>,
        letter: &DeadLetter<'_>,
    ) -> Result<bool, CheckpointError> {
        let bury = || {
            scope.prepare_cached(BURY)?.execute((
                letter.job(),
                letter.key(),
                letter.key_bytes(),
                letter.error_text(),
                unix_millis(letter.time()),
            ))
        };
        bury().map_err(unwritten)?;
        Ok(true)
    }

    fn dead_letters(&mut self, job: &str) -> Result<Vec<Buried>, CheckpointError> {
        Ok(self.ask(LETTERS, [job], |row| {
            let letter = Buried::new(row.get::<_, String>(0)?, row.get(1)?);
            let letter = letter.failed_with(row.get::<_, String>(2)?);
            Ok(letter.failed_at(from_unix_millis(row.get(3)?)))
        })?)
    }
}

/// Of a chunk's transaction: it is gone from one that the function has put in the place of it.
const MARK: &str = "SAVEPOINT keywalk_chunk";
const UNMARK: &str = "RELEASE keywalk_chunk";

fn run(scope: &Connection, sql: &str) -> rusqlite::Result<usize> {
    scope.prepare_cached(sql)?.execute([])
}

fn unwritten(source: rusqlite::Error) -> Problem {
    Problem::Sqlite {
        verb: "write",
        source,
    }
}

fn read(job: &str, json: &str) -> Result<Checkpoint, CheckpointError> {
    Ok(
        Checkpoint::from_json(json).map_err(|source| Problem::Content {
            job: job.to_owned(),
            source,
        })?,
    )
}
