//! Tokens that earlier releases wrote, `golden/v1/*.txt` and `golden/v2/*.txt`: today's code reads each,
//! gives the very rows that were left, and writes the same text as the last form that there is of it.
//!
//! A file is never rewritten: tokens like it are stored out there. For a shape that has none yet,
//! `KEYWALK_BLESS=1` makes it.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use keywalk::{ChunkSource, ResumableSource, Token, Walk};
use keywalk_sqlite::uuid::Uuid;
use keywalk_sqlite::uuid::fmt::Hyphenated;
use keywalk_sqlite::{Collated, DynKey, Error, SqlKey, Table};
use rusqlite::Connection;

use crate::db::{open, query};

const SCHEMA: &str = r#"
    CREATE TABLE numbers (id INTEGER PRIMARY KEY, size INT);
    INSERT INTO numbers VALUES
        (-9223372036854775808, 1), (-1, 2), (0, 3), (255, 4), (9223372036854775807, 5);
    CREATE TABLE texts (name TEXT NOT NULL PRIMARY KEY, id BLOB NOT NULL UNIQUE);
    INSERT INTO texts VALUES ('', x''), ('a' || char(0), x'00ff00'), ('é', x'ff'), ('𝄞', x'ff00');
    CREATE TABLE uuids (id BLOB NOT NULL PRIMARY KEY, name TEXT NOT NULL UNIQUE) WITHOUT ROWID;
    INSERT INTO uuids VALUES
        (x'00112233445566778899aabbccddeeff', 'ffffffff-0000-4000-8000-000000000001'),
        (x'ffeeddccbbaa99887766554433221100', '00000000-0000-4000-8000-000000000002');
    CREATE TABLE mixed (
        day TEXT NOT NULL, n INT NOT NULL, PRIMARY KEY (day, n DESC)) WITHOUT ROWID;
    INSERT INTO mixed VALUES ('mon', 300), ('mon', 2), ('tue', 5), ('tue', -70000);
    CREATE TABLE reals (x ANY NOT NULL PRIMARY KEY);
    INSERT INTO reals VALUES (-9e999), (-0.5), (3), (1e300), ('text'), (x'ab');
    CREATE TABLE folded (name TEXT NOT NULL COLLATE NOCASE PRIMARY KEY);
    INSERT INTO folded VALUES ('b'), ('A'), ('C');
    CREATE TABLE "odd ""name""" ("the key" INTEGER PRIMARY KEY);
    INSERT INTO "odd ""name""" VALUES (1), (2);
    CREATE TABLE orders (
        tenant TEXT NOT NULL, id INT NOT NULL, sum REAL, state TEXT, PRIMARY KEY (tenant, id));
    INSERT INTO orders VALUES
        ('x', 1, 9.5, 'new'), ('x', 2, 0.5, 'new'), ('x', 3, 7.5, 'new'), ('y', 4, 8.5, 'new');
    CREATE TABLE nulls (id INTEGER PRIMARY KEY, a INT);
    CREATE INDEX by_a ON nulls (a, id DESC);
    INSERT INTO nulls VALUES (1, NULL), (2, NULL), (3, 5), (4, 5);
    ATTACH ':memory:' AS "past";
    CREATE TABLE past.numbers (id INTEGER PRIMARY KEY);
    INSERT INTO past.numbers VALUES (10), (20);
"#;

/// Whose rowids are good for this version of the schema.
const BARE: &str = "CREATE TABLE bare (name TEXT); INSERT INTO bare VALUES ('a'), ('b'), ('c')";

/// The files that were asked for, with their folders.
#[derive(Default)]
struct Golden {
    seen: BTreeSet<PathBuf>,
}

const DIR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");

impl Golden {
    /// The token that is stored under this name: of the walk after so many items.
    fn read(&mut self, form: u8, name: &str, today: &str) -> String {
        let path = Path::new(DIR).join(format!("v{form}/{name}.txt"));
        if !path.exists() && std::env::var_os("KEYWALK_BLESS").is_some_and(|bless| bless == "1") {
            fs::write(&path, format!("{today}\n")).expect("the directory is writable");
        }
        let stored = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(self.seen.insert(path), "{name} is another's");
        stored.trim_end().to_owned()
    }

    /// Of a walk after so many items these are the keys that are left.
    fn check<K: SqlKey, T, S>(
        &mut self,
        name: &str,
        source: impl Fn() -> S,
        walk: impl Fn(Walk<S>) -> Walk<S>,
        taken: usize,
        rest: &str,
    ) where
        S: ChunkSource<Key = K, Item = (K, T), Error = Error> + ResumableSource,
    {
        let mut items = walk(Walk::new(source())).chunk_size(3).items();
        for _ in 0..taken {
            items.next().expect("there are more").expect("it is fine");
        }
        if rest.is_empty() {
            assert!(items.next().is_none(), "{name}");
        }
        let today = items.token().expect("the source says what it walks");
        for form in 1..=today.as_bytes()[0] {
            let stored = self.read(form, name, &today.to_string());
            let token: Token = stored.parse().expect("it's whole");
            assert_eq!(token == today, form == today.as_bytes()[0], "{name}");
            let items = Walk::new(source()).chunk_size(2).resume_token(&token);
            let items = items.unwrap_or_else(|error| panic!("{name}: {error}"));
            let mut items = items.items();
            let mut came = Vec::new();
            while let Some(item) = items.next() {
                came.push(items.source().key_text(&item.expect("it is fine").0));
            }
            assert_eq!(came.join(" "), rest, "{name}");
        }
    }
}

fn by<'db, K: SqlKey>(db: &'db Connection, table: &str, key: &[&str]) -> Table<&'db Connection, K> {
    let table = Table::new(db, table).key(key.iter().copied());
    table.expect("it is a key")
}

fn as_it_is<S: ResumableSource>(walk: Walk<S>) -> Walk<S> {
    walk
}

#[test]
fn tokens_of_every_form_are_read_and_written_as_ever() {
    let mut golden = Golden::default();
    walks(&mut golden);
    keys(&mut golden);
    sources(&mut golden);
    let files: BTreeSet<PathBuf> = ["v1", "v2"]
        .iter()
        .flat_map(|form| fs::read_dir(Path::new(DIR).join(form)).expect("it is there"))
        .map(|file| file.expect("it is there").path())
        .collect();
    assert_eq!(files, golden.seen, "each file is read");
}

/// What a walk can be.
fn walks(golden: &mut Golden) {
    let db = open(SCHEMA);
    let numbers = || by::<i64>(&db, "numbers", &["id"]);
    let (min, max) = (i64::MIN, i64::MAX);
    let all = format!("{min} -1 0 255 {max}");
    let least = format!("-1 {min}");
    let last = max.to_string();
    golden.check("integer", numbers, as_it_is, 2, &format!("0 255 {max}"));
    golden.check("integer_descending", numbers, Walk::descending, 3, &least);
    golden.check("live", numbers, Walk::unbounded, 4, &last);
    golden.check("not_begun", numbers, as_it_is, 0, &all);
    golden.check("done", numbers, as_it_is, 5, "");
    let live = |walk: Walk<_>| walk.range(-1..255).unbounded();
    golden.check("live_in_range", numbers, live, 1, "0");
    let down = |walk: Walk<_>| walk.range(-1..=255).descending();
    golden.check("not_begun_in_range", numbers, down, 0, "255 0 -1");
}

/// What a key can be.
fn keys(golden: &mut Golden) {
    let db = open(SCHEMA);
    let texts = || by::<String>(&db, "texts", &["name"]);
    golden.check("text", texts, as_it_is, 2, "'é' '𝄞'");
    let blobs = || by::<Vec<u8>>(&db, "texts", &["id"]);
    golden.check("blob", blobs, as_it_is, 2, "x'ff' x'ff00'");
    let uuids = || by::<Uuid>(&db, "uuids", &["id"]);
    let last = "x'ffeeddccbbaa99887766554433221100'";
    golden.check("uuid", uuids, as_it_is, 1, last);
    let hyphenated = || by::<Hyphenated>(&db, "uuids", &["name"]);
    let last = "'ffffffff-0000-4000-8000-000000000001'";
    golden.check("uuid_as_text", hyphenated, as_it_is, 1, last);
    let mixed = || by::<(String, Reverse<i64>)>(&db, "mixed", &["day", "n"]);
    let rest = "('tue', 5) ('tue', -70000)";
    golden.check("composite_of_both_directions", mixed, as_it_is, 2, rest);
    let reals = || Table::new(&db, "reals");
    golden.check("dynamic_real", reals, as_it_is, 2, "3 1e300 'text' x'ab'");
    let rest = "1e300 3 -0.5 -inf";
    golden.check("dynamic_text_descending", reals, Walk::descending, 2, rest);
    let nulls = || by::<(Option<i64>, Reverse<i64>)>(&db, "nulls", &["a", "id"]);
    golden.check("null", nulls, as_it_is, 1, "(NULL, 1) (5, 4) (5, 3)");
    golden.check("null_descending", nulls, Walk::descending, 3, "(NULL, 2)");
    let folded = || by::<Collated>(&db, "folded", &["name"]);
    golden.check("collated", folded, as_it_is, 2, "'C'");
    let db = open(BARE);
    let bare = || by::<DynKey>(&db, "bare", &["rowid"]);
    golden.check("rowid", bare, as_it_is, 2, "3");
}

/// What is walked, and what is left out of it.
fn sources(golden: &mut Golden) {
    let db = open(SCHEMA);
    let odd = || by::<i64>(&db, "odd \"name\"", &["the key"]);
    golden.check("odd_names", odd, as_it_is, 1, "2");
    let past = || Table::new(&db, "numbers").schema("past");
    golden.check("attached", past, as_it_is, 1, "20");
    let of_x = || {
        Table::new(&db, "orders")
            .prefix_eq("tenant", "x")
            .expect("a column")
    };
    golden.check("within", of_x, as_it_is, 1, "2 3");
    let filtered = || {
        let params = rusqlite::params![1, 0.75, "new", b"\0".as_slice(), None::<i64>];
        let filter = "sum > ?1 - ?2 AND state = ?3 AND ?4 IS NOT ?5";
        of_x().filter(filter, params).expect("a filter")
    };
    golden.check("within_and_filter", filtered, as_it_is, 1, "2 3");
    let sql = "SELECT id, size * :by AS size\nFROM numbers WHERE size <> :not";
    let params = rusqlite::named_params! {":by": 2.5, ":not": 4};
    let query = || query::<i64>(&db, sql, params, &["id"]);
    golden.check("query", query, as_it_is, 2, &format!("0 {}", i64::MAX));
}
