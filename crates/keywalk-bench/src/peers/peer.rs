use crate::case::Target;
use crate::peers::program::Program;

/// A way to walk the table.
#[derive(Debug)]
pub(crate) struct Peer {
    /// As a case.
    pub(crate) name: &'static str,
    /// In the table.
    pub(crate) title: &'static str,
    pub(crate) program: Program,
    /// The program's argument.
    pub(crate) way: &'static str,
    /// For its CPU time over that of [`LENT`].
    pub(crate) target: Target,
    /// Whether one round is enough.
    pub(crate) is_slow: bool,
}

/// What all are compared with.
pub(crate) const LENT: Peer = peer(
    "keywalk/lent",
    "keywalk, lent chunks",
    Program::Rusqlite,
    "walk-lent",
);

pub(crate) const PEERS: &[Peer] = &[
    peer(
        "keywalk/items",
        "keywalk, item by item",
        Program::Rusqlite,
        "walk-items",
    ),
    peer(
        "keywalk/visit",
        "keywalk, rows borrowed",
        Program::Rusqlite,
        "walk-visit",
    ),
    peer(
        "rusqlite/borrowed",
        "rusqlite, one cursor, rows borrowed",
        Program::Rusqlite,
        "cursor-borrowed",
    ),
    peer(
        "rusqlite/owned",
        "rusqlite, one cursor, a struct a row",
        Program::Rusqlite,
        "cursor-owned",
    ),
    peer(
        "rusqlite/keyset",
        "rusqlite, `id > ? LIMIT 1000` by hand",
        Program::Rusqlite,
        "keyset",
    ),
    Peer {
        is_slow: true,
        ..peer(
            "rusqlite/offset",
            "rusqlite, `LIMIT 1000 OFFSET ?`",
            Program::Rusqlite,
            "offset",
        )
    },
    Peer {
        target: Target::AtLeast(1.15),
        ..peer(
            "diesel/load_iter",
            "diesel `load_iter`",
            Program::Diesel,
            "load-iter",
        )
    },
    peer(
        "diesel/keyset",
        "diesel, `id > ? LIMIT 1000` by hand",
        Program::Diesel,
        "keyset",
    ),
    peer("diesel/load", "diesel `load`", Program::Diesel, "load"),
    Peer {
        target: Target::AtLeast(6.0),
        ..peer("sqlx/fetch", "sqlx `fetch`", Program::Sqlx, "fetch")
    },
    peer(
        "sqlx/keyset",
        "sqlx, `id > ? LIMIT 1000` by hand",
        Program::Sqlx,
        "keyset",
    ),
    peer(
        "sqlx/fetch_all",
        "sqlx `fetch_all`",
        Program::Sqlx,
        "fetch-all",
    ),
    peer(
        "sea_orm/stream",
        "SeaORM `stream`",
        Program::SeaOrm,
        "stream",
    ),
    Peer {
        target: Target::AtLeast(5.0),
        ..peer(
            "sea_orm/cursor",
            "SeaORM `cursor_by`",
            Program::SeaOrm,
            "cursor",
        )
    },
    peer("sea_orm/all", "SeaORM `all`", Program::SeaOrm, "all"),
    Peer {
        target: Target::AtLeast(9.0),
        ..peer(
            "django/iterator",
            "Django `.iterator()`",
            Program::Django,
            "iterator",
        )
    },
    peer("django/all", "Django `.all()`", Program::Django, "all"),
    Peer {
        target: Target::AtLeast(35.0),
        ..peer(
            "django/snippet",
            "Django, the snippet of 2010",
            Program::Django,
            "snippet",
        )
    },
    peer(
        "django/snippet_without_gc",
        "Django, the snippet without its `gc.collect()`",
        Program::Django,
        "snippet-without-gc",
    ),
    peer(
        "sqlalchemy/yield_per",
        "SQLAlchemy `yield_per`",
        Program::SqlAlchemy,
        "yield-per",
    ),
    peer(
        "sqlalchemy/sqlakeyset",
        "SQLAlchemy, sqlakeyset",
        Program::SqlAlchemy,
        "sqlakeyset",
    ),
    peer(
        "sqlalchemy/all",
        "SQLAlchemy `.all()`",
        Program::SqlAlchemy,
        "all",
    ),
];

const fn peer(
    name: &'static str,
    title: &'static str,
    program: Program,
    way: &'static str,
) -> Peer {
    Peer {
        name,
        title,
        program,
        way,
        target: Target::None,
        is_slow: false,
    }
}
