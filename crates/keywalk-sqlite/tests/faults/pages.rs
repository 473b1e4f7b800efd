//! The pages of a database file, and how they are damaged.

use std::fs::{self, OpenOptions};
use std::io::Write;

use proptest::prelude::*;
use rusqlite::Connection;
use tempfile::TempDir;

use crate::world::{World, connect};

pub(crate) const SIZE: usize = 512;

/// Of what a page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Leaf,
    Interior,
    Overflow,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    pub(crate) number: usize,
    pub(crate) kind: Kind,
    /// Of the table itself, not of its index.
    pub(crate) is_table: bool,
}

/// A file that is whole.
#[derive(Debug)]
pub(crate) struct Image {
    bytes: Vec<u8>,
    /// All pages but the first, which is the schema's.
    pub(crate) pages: Vec<Page>,
}

impl Image {
    pub(crate) fn new() -> Self {
        let world = World::new("DELETE");
        let sql = "SELECT pageno, pagetype, name = 't' FROM dbstat WHERE pageno > 1 ORDER BY 1";
        let mut statement = world.db.prepare(sql).unwrap();
        let page = |row: &rusqlite::Row<'_>| {
            Ok(Page {
                number: row.get::<_, u32>(0)? as usize,
                kind: match row.get_ref(1)?.as_str()? {
                    "leaf" => Kind::Leaf,
                    "internal" => Kind::Interior,
                    _ => Kind::Overflow,
                },
                is_table: row.get(2)?,
            })
        };
        let pages: Vec<Page> = statement
            .query_map([], page)
            .unwrap()
            .map(Result::unwrap)
            .collect();
        for kind in [Kind::Leaf, Kind::Interior, Kind::Overflow] {
            assert!(
                pages.iter().any(|page| page.is_table && page.kind == kind),
                "{kind:?}"
            );
        }
        Image {
            bytes: fs::read(world.path()).unwrap(),
            pages,
        }
    }

    /// A file with this damage, and a connection to it.
    pub(crate) fn damaged(&self, page: Page, damage: &Damage) -> (TempDir, Connection) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("items.db");
        let mut bytes = self.bytes.clone();
        damage.apply(&mut bytes[(page.number - 1) * SIZE..page.number * SIZE]);
        fs::write(&path, bytes).unwrap();
        (dir, connect(&path))
    }

    /// Makes the file in this folder whole again, in place.
    pub(crate) fn restore(&self, dir: &TempDir) {
        let mut file = OpenOptions::new()
            .write(true)
            .open(dir.path().join("items.db"))
            .unwrap();
        file.write_all(&self.bytes).unwrap();
    }
}

/// What becomes of a page.
#[derive(Clone, Debug)]
pub(crate) enum Damage {
    /// The whole page is this byte.
    Byte(u8),
    Bytes(Vec<u8>),
    /// The bits at these places are the other way round.
    Bits(Vec<usize>),
}

impl Damage {
    fn apply(&self, page: &mut [u8]) {
        match self {
            Damage::Byte(byte) => page.fill(*byte),
            Damage::Bytes(bytes) => page.copy_from_slice(bytes),
            Damage::Bits(bits) => {
                for bit in bits {
                    page[bit / 8] ^= 1 << (bit % 8);
                }
            }
        }
    }

    /// A page of nothing: what it is of can't be read any more.
    pub(crate) fn whole() -> impl Strategy<Value = Damage> {
        // No b-tree page begins so, and no overflow page goes on there.
        let bytes = prop::collection::vec(any::<u8>(), SIZE - 1);
        prop_oneof![
            Just(Damage::Byte(0)),
            Just(Damage::Byte(0xff)),
            bytes.prop_map(|mut bytes| {
                bytes.insert(0, 0x7f);
                Damage::Bytes(bytes)
            }),
        ]
    }

    pub(crate) fn bits() -> impl Strategy<Value = Damage> {
        prop::collection::vec(0..SIZE * 8, 1..4).prop_map(Damage::Bits)
    }

    /// In the page's header and where it says its cells are.
    pub(crate) fn header_bits() -> impl Strategy<Value = Damage> {
        prop::collection::vec(0..40_usize * 8, 1..4).prop_map(Damage::Bits)
    }
}
