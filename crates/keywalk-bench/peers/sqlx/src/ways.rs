use futures_util::TryStreamExt;
use keywalk_bench_seen::Seen;
use sqlx::SqliteConnection;

use crate::Fallible;
use crate::item::Item;

const PAGE: usize = 1_000;

/// One cursor.
pub(crate) async fn fetch(db: &mut SqliteConnection) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let query = sqlx::query_as::<_, Item>("SELECT id, name, photo FROM items ORDER BY id");
    let mut rows = query.fetch(db);
    while let Some(item) = rows.try_next().await? {
        seen.see(item.id, &item.name, &item.photo);
    }
    Ok(seen)
}

/// Pages from the last key on, by hand.
pub(crate) async fn keyset(db: &mut SqliteConnection) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let mut last = 0;
    loop {
        let sql = "SELECT id, name, photo FROM items WHERE id > ? ORDER BY id LIMIT ?";
        let query = sqlx::query_as::<_, Item>(sql).bind(last).bind(PAGE as i64);
        let page = query.fetch_all(&mut *db).await?;
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
pub(crate) async fn fetch_all(db: &mut SqliteConnection) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let query = sqlx::query_as::<_, Item>("SELECT id, name, photo FROM items ORDER BY id");
    for item in query.fetch_all(db).await? {
        seen.see(item.id, &item.name, &item.photo);
    }
    Ok(seen)
}
