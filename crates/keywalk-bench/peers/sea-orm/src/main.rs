//! Walks the table `items` of a database with SeaORM: `keywalk-bench-sea-orm WAY STORE`.

#![forbid(unsafe_code)]

use std::error::Error;

use futures_util::TryStreamExt;
use keywalk_bench_seen::{Args, Seen};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, EntityTrait,
    PaginatorTrait, QueryOrder, Statement,
};

use item::{Column, Entity};

mod item {
    use sea_orm::entity::prelude::*;

    /// A row.
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "items")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub name: String,
        pub photo: Vec<u8>,
    }

    /// The table has no relations.
    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

type Fallible<T> = Result<T, Box<dyn Error>>;

/// The number of rows that sqlx's own thread may be ahead of the loop. With the default of 50, the two wait for each
/// other 1.7 times as often; with ten thousand, it took 50 % longer.
const ROWS_AHEAD: usize = 500;

const PAGE: usize = 1_000;

// One thread is enough: sqlx reads in a thread of its own.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Fallible<()> {
    let args = Args::of_this_process()?;
    let mut options = ConnectOptions::new(match args.store.starts_with("postgres:") {
        true => args.store.clone(),
        false => format!("sqlite:{}", args.store),
    });
    options
        .max_connections(1)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(|options| options.row_buffer_size(ROWS_AHEAD));
    let db = Database::connect(options).await?;
    let seen = match args.way.as_str() {
        "stream" => stream(&db).await?,
        "cursor" => cursor(&db).await?,
        "paginator" => paginator(&db).await?,
        "all" => all(&db).await?,
        "sqlite" => {
            let sql = "SELECT sqlite_version() AS version";
            let version = Statement::from_string(DbBackend::Sqlite, sql);
            if let Some(row) = db.query_one_raw(version).await? {
                println!("{}", row.try_get::<String>("", "version")?);
            }
            return Ok(());
        }
        _ => return Err(args.unknown()),
    };
    println!("{seen}");
    Ok(())
}

/// One cursor.
async fn stream(db: &DatabaseConnection) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let mut rows = Entity::find().order_by_asc(Column::Id).stream(db).await?;
    while let Some(item) = rows.try_next().await? {
        seen.see(item.id, &item.name, &item.photo);
    }
    Ok(seen)
}

/// SeaORM's own pages after the last key.
async fn cursor(db: &DatabaseConnection) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let mut last = 0;
    loop {
        // A new cursor per page: a reused one keeps the conditions of all earlier pages.
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

/// SeaORM's numbered pages, by OFFSET.
async fn paginator(db: &DatabaseConnection) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let query = Entity::find().order_by_asc(Column::Id);
    let mut pages = query.paginate(db, PAGE as u64);
    while let Some(page) = pages.fetch_and_next().await? {
        for item in &page {
            seen.see(item.id, &item.name, &item.photo);
        }
    }
    Ok(seen)
}

/// The whole table at once.
async fn all(db: &DatabaseConnection) -> Fallible<Seen> {
    let mut seen = Seen::default();
    for item in Entity::find().order_by_asc(Column::Id).all(db).await? {
        seen.see(item.id, &item.name, &item.photo);
    }
    Ok(seen)
}
