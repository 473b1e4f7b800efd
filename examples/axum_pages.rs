//! How do I serve a SQLite table from an async web service, page by page and as a stream?
//!
//! `cargo run --release --example axum_pages` makes a table, serves it, and reads it as a client does: forward along
//! the links to the next pages, back along those to the previous ones, and once as a stream. With `--listen ADDRESS`
//! it serves until Ctrl-C, for a browser or curl: `GET /items`, `GET /export`.
//!
//! SQLite blocks, so its requests run on tokio's blocking pool (`Offload`). If a client leaves, its page is finished
//! there, and the next one waits for that.

#![forbid(unsafe_code)]

use std::fmt::Display;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use clap::Parser;
use futures_util::StreamExt;
use keywalk::{AsyncChunkSource, Error, ResumableSource, SendSource, Token, Walk};
use keywalk_sqlite::Table;
use keywalk_tests::database::open_to_read;
use keywalk_tests::program::{BoxError, Failure, in_temporary_folder, log_line, print_line, run};
use keywalk_tests::sample;
use keywalk_tokio::Offload;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::Mutex;

/// Serves a SQLite table as pages and as a stream, with axum.
#[derive(Parser)]
#[command(name = "axum_pages")]
struct Args {
    /// Number of rows in the table that it makes
    #[arg(long, default_value = "20000")]
    rows: NonZeroU64,
    /// Serve at this address until Ctrl-C, instead of reading all pages
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
}

type Item = (i64, String);

/// The rows of a page, or of the stream.
fn source(
    file: &Path,
) -> Result<
    impl SendSource<Key = i64, Item = Item, Error: Display> + ResumableSource + use<>,
    BoxError,
> {
    let items = Table::new(open_to_read(file)?, "items").key::<i64>(["id"])?;
    Ok(items.map(|row| row.get::<_, String>("name")))
}

#[derive(Deserialize)]
struct Link {
    at: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct List {
    items: Vec<Item>,
    next: Option<String>,
    previous: Option<String>,
}

/// `GET /items?at=LINK`: fifty rows, and the links to the pages beside it. The pages share one connection, and take
/// turns.
async fn list<S>(
    State(source): State<Arc<Mutex<S>>>,
    Query(link): Query<Link>,
) -> Result<Json<List>, (StatusCode, String)>
where
    S: AsyncChunkSource<Key = i64, Item = Item, Error: Display> + ResumableSource,
{
    let at: Option<Token> = link
        .at
        .as_deref()
        .map(str::parse)
        .transpose()
        .map_err(refused)?;
    let mut source = source.lock().await;
    let page = Walk::new(&mut *source).async_page(50, at.as_ref()).await;
    let page = page.map_err(|error| match error {
        Error::Source(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        error => refused(error),
    })?;
    let link = |token: Token| format!("/items?at={token}");
    Ok(Json(List {
        items: page.items,
        next: page.next.map(link),
        previous: page.previous.map(link),
    }))
}

/// The link is damaged, or belongs to another table.
fn refused(error: impl Display) -> (StatusCode, String) {
    (StatusCode::BAD_REQUEST, error.to_string())
}

/// `GET /export`: all rows, as they are read. Each export has its own connection. A slow client holds one chunk and
/// nothing of the database.
async fn export(State(file): State<PathBuf>) -> Result<Body, (StatusCode, String)> {
    let opened = tokio::task::spawn_blocking(move || source(&file)).await;
    let failed = |error: String| (StatusCode::INTERNAL_SERVER_ERROR, error);
    let source = opened.map_err(|error| failed(error.to_string()))?;
    let source = source.map_err(|error| failed(error.to_string()))?;
    let rows = Walk::new(Offload::new(source)).stream();
    // An error cuts the response off, which a client notices.
    let lines = rows.map(|row| match row {
        Ok((id, name)) => Ok(format!("{id}\t{name}\n")),
        Err(error) => Err(error.to_string()),
    });
    Ok(Body::from_stream(lines))
}

fn main() -> ExitCode {
    run(|args: Args| {
        in_temporary_folder(|folder| {
            let file = folder.join("items.db");
            sample::items(&file, args.rows.get())?;
            let runtime = tokio::runtime::Runtime::new()?;
            runtime.block_on(serve(&file, &args))
        })
    })
}

async fn serve(file: &Path, args: &Args) -> Result<(), BoxError> {
    let shared = Arc::new(Mutex::new(Offload::new(source(file)?)));
    let export = Router::new().route("/export", get(export));
    let router = Router::new()
        .route("/items", get(list))
        .with_state(shared)
        .merge(export.with_state(file.to_owned()));
    let address = args.listen.unwrap_or(([127, 0, 0, 1], 0).into());
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| Failure::Mistake(format!("can't listen at {address}: {error}")))?;
    let address = listener.local_addr()?;
    log_line(format_args!("serving http://{address}/items"));
    let server = axum::serve(listener, router);
    if args.listen.is_some() {
        return Ok(server.await?);
    }
    let rows = args.rows.get();
    tokio::select! {
        ended = server => Ok(ended?),
        read = tokio::task::spawn_blocking(move || read_all(address, rows)) => read?,
    }
}

/// Reads all pages and the stream, and checks them.
fn read_all(address: SocketAddr, rows: u64) -> Result<(), BoxError> {
    let began = Instant::now();
    let page = |link: &str| -> Result<List, BoxError> {
        Ok(serde_json::from_str(&request(address, link)?)?)
    };
    let (mut ids, mut pages) = (Vec::new(), 1);
    let mut last = page("/items")?;
    loop {
        ids.extend(last.items.iter().map(|(id, _)| *id));
        let Some(next) = &last.next else { break };
        last = page(next)?;
        pages += 1;
    }
    let mut back = 1;
    while let Some(previous) = &last.previous {
        last = page(previous)?;
        back += 1;
    }
    let lines = request(address, "/export")?;
    let lines = lines
        .lines()
        .filter_map(|line| line.split('\t').next()?.parse::<i64>().ok());
    let all = 1..=rows.cast_signed();
    if !all.clone().eq(ids) || !all.eq(lines) || back != pages {
        return Err("a page or the stream isn't complete".into());
    }
    if !request(address, "/items?at=damaged").is_err_and(|error| error.to_string().contains("400"))
    {
        return Err("a damaged link isn't refused".into());
    }
    let seconds = began.elapsed().as_secs_f64();
    Ok(print_line(format_args!(
        "read {rows} rows in {pages} pages, {back} pages back, {seconds:.2} s"
    ))?)
}

/// Returns the body of a response.
fn request(address: SocketAddr, link: &str) -> Result<String, BoxError> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET {link} HTTP/1.0\r\n\r\n")?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    let (head, body) = response
        .split_once("\r\n\r\n")
        .ok_or("the response has no head")?;
    match head.lines().next() {
        Some(status) if status.contains(" 200 ") => Ok(body.to_owned()),
        status => Err(format!("{}: {body}", status.unwrap_or_default()).into()),
    }
}
