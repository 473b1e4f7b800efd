use futures_util::TryStreamExt;
use keywalk_bench_seen::Seen;
use sea_orm::{DatabaseConnection, EntityTrait, QueryOrder};

use crate::Fallible;
use crate::item::{Column, Entity};

const PAGE: usize = 1_000;

/// One cursor.
pub(crate) async fn stream(db: &DatabaseConnection) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let mut rows = Entity::find().order_by_asc(Column::Id).stream(db).await?;
    while let Some(item) = rows.try_next().await? {
        seen.see(item.id, &item.name, &item.photo);
    }
    Ok(seen)
}

/// Pages from the last key on: SeaORM's own.
pub(crate) async fn cursor(db: &DatabaseConnection) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let mut last = 0;
    loop {
        // A new one each time: one that is used again keeps the conditions of all pages before.
        let mut cursor = Entity::find().cursor_by(Column::Id);
        let page = cursor.after(last).first(PAGE as u64).all(db).await?;
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
pub(crate) async fn all(db: &DatabaseConnection) -> Fallible<Seen> {
    let mut seen = Seen::default();
    for item in Entity::find().order_by_asc(Column::Id).all(db).await? {
        seen.see(item.id, &item.name, &item.photo);
    }
    Ok(seen)
}
