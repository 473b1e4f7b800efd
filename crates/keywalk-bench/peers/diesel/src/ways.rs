use diesel::connection::DefaultLoadingMode;
use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl, SelectableHelper, SqliteConnection};
use keywalk_bench_seen::Seen;

use crate::Fallible;
use crate::item::{Item, items};

const PAGE: usize = 1_000;

/// One cursor.
pub(crate) fn load_iter(db: &mut SqliteConnection) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let query = items::table.order(items::id).select(Item::as_select());
    for item in query.load_iter::<Item, DefaultLoadingMode>(db)? {
        let item = item?;
        seen.see(item.id, &item.name, &item.photo);
    }
    Ok(seen)
}

/// Pages from the last key on, by hand.
pub(crate) fn keyset(db: &mut SqliteConnection) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let mut last = 0;
    loop {
        let page = items::table
            .filter(items::id.gt(last))
            .order(items::id)
            .limit(PAGE as i64)
            .select(Item::as_select())
            .load(db)?;
        for item in &page {
            seen.see(item.id, &item.name, &item.photo);
            last = item.id;
        }
        if page.len() < PAGE {
            return Ok(seen);
        }
    }
}

/// The whole table at once.
pub(crate) fn load(db: &mut SqliteConnection) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let query = items::table.order(items::id).select(Item::as_select());
    for item in query.load(db)? {
        seen.see(item.id, &item.name, &item.photo);
    }
    Ok(seen)
}
