use keywalk_job::CheckpointFiles;
use keywalk_sqlite::CheckpointTable;
use rusqlite::Connection;

use crate::args::Options;

/// Where the job's position is kept.
pub(crate) enum Ledger<'db> {
    Table(CheckpointTable<'db>),
    Files(CheckpointFiles),
}

impl<'db> Ledger<'db> {
    pub(crate) fn new(db: &'db Connection, options: &Options) -> Self {
        match &options.checkpoint {
            None => Ledger::Table(CheckpointTable::new(db)),
            Some(folder) => Ledger::Files(CheckpointFiles::new(folder)),
        }
    }
}
