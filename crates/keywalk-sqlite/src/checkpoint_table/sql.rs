//! The tables, and what is written to them.

/// Made where they aren't there.
pub(super) const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS main.keywalk_jobs (
        name TEXT NOT NULL PRIMARY KEY,
        run INTEGER NOT NULL,
        done INTEGER NOT NULL,
        items INTEGER NOT NULL,
        skipped INTEGER NOT NULL,
        share REAL,
        position TEXT,
        updated INTEGER NOT NULL,
        checkpoint TEXT NOT NULL
    );
    CREATE TABLE IF NOT EXISTS main.keywalk_dead_letters (
        job TEXT NOT NULL,
        key TEXT NOT NULL,
        key_bytes BLOB NOT NULL,
        error TEXT NOT NULL,
        time INTEGER NOT NULL,
        PRIMARY KEY (job, key_bytes)
    );";

/// Replaces no later run's.
pub(super) const RECORD: &str = "
    INSERT INTO main.keywalk_jobs
        (name, run, done, items, skipped, share, position, updated, checkpoint)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
    ON CONFLICT (name) DO UPDATE SET
        run = excluded.run, done = excluded.done, items = excluded.items, skipped = excluded.skipped,
        share = excluded.share, position = excluded.position, updated = excluded.updated,
        checkpoint = excluded.checkpoint
    WHERE run <= excluded.run";

/// An item's last letter counts.
pub(super) const BURY: &str = "
    INSERT OR REPLACE INTO main.keywalk_dead_letters (job, key, key_bytes, error, time)
    VALUES (?1, ?2, ?3, ?4, ?5)";

pub(super) const LETTERS: &str = "
    SELECT key, key_bytes, error, time FROM main.keywalk_dead_letters
    WHERE job = ?1 ORDER BY key_bytes";
