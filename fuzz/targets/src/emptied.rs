use sled::{Config, Db, Tree};

/// A tree in memory that is emptied for each input: making one takes sled long.
#[derive(Debug)]
pub(crate) struct Emptied {
    db: Option<Db>,
    uses: usize,
}

/// A log that is written for ever grows.
const MOST_USES: usize = 20_000;

impl Emptied {
    pub(crate) const fn new() -> Self {
        Emptied { db: None, uses: 0 }
    }

    /// The tree, with nothing in it.
    pub(crate) fn tree(&mut self) -> Tree {
        self.uses += 1;
        if self.uses.is_multiple_of(MOST_USES) {
            self.db = None;
        }
        let db = self.db.get_or_insert_with(|| {
            let config = Config::new().temporary(true).cache_capacity(1 << 20);
            let config = config.flush_every_ms(None);
            config.open().expect("a temporary database opens")
        });
        db.clear().expect("a tree is emptied");
        (**db).clone()
    }
}
