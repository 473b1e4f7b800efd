//! The same sync with LIMIT and OFFSET, which is what many programmers write first. It is wrong.

use rusqlite::Connection;

use crate::articles::Article;

/// Puts every article into the index, page by page.
pub(crate) fn sync(
    db: &Connection,
    page: usize,
    mut index: impl FnMut(&Article),
) -> rusqlite::Result<()> {
    let select = "SELECT id, version FROM articles ORDER BY id LIMIT ?1 OFFSET ?2";
    let mut offset = 0;
    loop {
        let mut select = db.prepare_cached(select)?;
        let articles = select.query_map([page as i64, offset as i64], Article::from_row)?;
        let articles: Vec<Article> = articles.collect::<rusqlite::Result<_>>()?;
        articles.iter().for_each(&mut index);
        // Wrong: if a row before the offset was deleted, a row is left out; if one was inserted, a row comes twice.
        offset += articles.len();
        if articles.is_empty() {
            return Ok(());
        }
    }
}
