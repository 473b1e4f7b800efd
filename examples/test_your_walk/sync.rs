//! The code under test: copies articles into a search index with a walk.

use keywalk::{ChunkSource, ResumableSource, Token, Walk};
use rusqlite::{Connection, OptionalExtension};

use crate::articles::Article;

type Fallible<T> = Result<T, Box<dyn std::error::Error>>;

/// Puts every article that `walk` yields into the index. A later call continues at the position in the table
/// `position`.
///
/// It takes the walk, not the table, so that a test can make changes between two chunks.
pub(crate) fn sync<S>(
    walk: Walk<S>,
    db: &Connection,
    mut index: impl FnMut(&Article),
) -> Fallible<()>
where
    S: ChunkSource + ResumableSource<Item = (i64, Article), Error: std::error::Error + 'static>,
{
    let select = "SELECT token FROM position";
    let bytes: Option<Vec<u8>> = db.query_row(select, [], |row| row.get(0)).optional()?;
    let walk = match bytes {
        Some(bytes) => walk.resume_token(&Token::from_bytes(bytes)?)?,
        None => walk,
    };
    let mut items = walk.items();
    while let Some(item) = items.next() {
        let (_, article) = item?;
        index(&article);
        // Stored after the article: indexing an article twice does no harm, leaving one out does.
        let keep = "INSERT OR REPLACE INTO position (one, token) VALUES (1, ?1)";
        let token = items.token()?;
        db.prepare_cached(keep)?.execute([token.as_bytes()])?;
    }
    Ok(())
}
