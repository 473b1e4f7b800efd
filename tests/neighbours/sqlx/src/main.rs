//! sqlx and SeaORM write what keywalk walks, in one program.

#![forbid(unsafe_code)]

use std::error::Error;

use keywalk_sqlite::{Table, keywalk::Walk, rusqlite};
use sea_orm::{ConnectionTrait, Database};
use sqlx::{Connection, SqliteConnection};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("items.db");
    let url = format!("sqlite://{}?mode=rwc", path.display());

    let mut by_sqlx = SqliteConnection::connect(&url).await?;
    sqlx::query("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)")
        .execute(&mut by_sqlx)
        .await?;
    sqlx::query("INSERT INTO items VALUES (1, 'sqlx')")
        .execute(&mut by_sqlx)
        .await?;
    let by_sea_orm = Database::connect(&url).await?;
    by_sea_orm
        .execute_unprepared("INSERT INTO items VALUES (2, 'SeaORM')")
        .await?;

    let items = Table::new(rusqlite::Connection::open(&path)?, "items").key::<i64>(["id"])?;
    let items = items.map(|row| row.get::<_, String>("name"));
    let mut names = Vec::new();
    for item in Walk::new(items).chunk_size(1) {
        let (id, name) = item?;
        sqlx::query("DELETE FROM items WHERE id = ?1")
            .bind(id)
            .execute(&mut by_sqlx)
            .await?;
        names.push(name);
    }
    assert_eq!(names, ["sqlx", "SeaORM"]);
    println!(
        "walked rows of {} with SQLite {}",
        names.join(" and "),
        rusqlite::version()
    );
    Ok(())
}
