//! Guide pages: how to replace what you use today with a walk. The modules contain nothing else.
//!
//! | You have | Read |
//! |---|---|
//! | `SELECT *` and a loop over its rows, or all of them in a `Vec` | [`from_select`] |
//! | `LIMIT … OFFSET …`, or `WHERE id > ? LIMIT n` written by hand; pages with "previous" and "next" links | [`from_offset`] |
//! | Django's `iterator()`, `in_bulk`, `Paginator`, or a loop over `filter(pk__gt=…)` | [`from_django`] |
//! | Laravel's `chunk`, `chunkById`, `lazyById`, `each`, `cursorPaginate` | [`from_laravel`] |
//! | sqlakeyset's `get_page` or `select_page`, bookmarks, `has_next`, `has_previous` | [`from_sqlakeyset`] |
//! | Rails' `find_each`, `find_in_batches`, `in_batches`; resumable jobs with `job-iteration` | [`from_rails`] |
//! | connections from a pool (r2d2, deadpool), or another library beside rusqlite (sqlx, diesel) | [`pools`] |
//! | a walk that works, and a database in production | [`in_production`] |
//!
//! Each page compares your code with the walk, option by option, and ends with common surprises. Statements about other
//! libraries were observed with the named version, or are in its documentation.
//!
//! See also [`Table`](crate::Table) for the options of a table, [`SqlKey`](crate::SqlKey) for the key types,
//! [`Walk`](keywalk::Walk) for the options of a walk, and [what happens when](crate#what-happens-when) something
//! fails.

/// Defines a page and the targets of its links.
macro_rules! page {
    ($page:ident) => {
        #[doc = include_str!(concat!("guide/", stringify!($page), ".md"))]
        ///
        /// [`dyn_key`]: crate::Table::dyn_key
        /// [`DynKey`]: crate::DynKey
        /// [`chunk_bytes`]: keywalk::Walk::chunk_bytes
        /// [`chunk_size`]: keywalk::Walk::chunk_size
        /// [`chunks`]: keywalk::Walk::chunks
        /// [`Collated`]: crate::Collated
        /// [`columns`]: crate::Table::columns
        /// [`Connect`]: crate::Connect
        /// [`count`]: crate::Table::count
        /// [`decode`]: crate::Table::decode
        /// [`descending`]: keywalk::Walk::descending
        /// [`Error`]: crate::Error
        /// [`map_into`]: crate::Table::map_into
        /// [`filter`]: crate::Table::filter
        /// [`from_django`]: crate::guide::from_django
        /// [`from_laravel`]: crate::guide::from_laravel
        /// [`from_offset`]: crate::guide::from_offset
        /// [`from_rails`]: crate::guide::from_rails
        /// [`from_select`]: crate::guide::from_select
        /// [`from_sqlakeyset`]: crate::guide::from_sqlakeyset
        /// [`FromRow`]: crate::FromRow
        /// [`in_production`]: crate::guide::in_production
        /// [`is_transient`]: crate::Error::is_transient
        /// [`items`]: keywalk::Walk::items
        /// [`key`]: crate::Table::key
        /// [`unbounded`]: keywalk::Walk::unbounded
        /// [`map`]: crate::Table::map
        /// [`limit`]: keywalk::Walk::limit
        /// [`page`]: keywalk::Walk::page
        /// [`prefetch`]: keywalk::Walk::prefetch
        /// [`prefix`]: keywalk::Walk::prefix
        /// [`Query`]: crate::Query
        /// [`range`]: keywalk::Walk::range
        /// [`resume_token`]: keywalk::Walk::resume_token
        /// [`Row`]: crate::Row
        /// [`Table`]: crate::Table
        /// [`Table::keys`]: crate::Table::keys
        /// [`token`]: keywalk::Items::token
        /// [`Walk`]: keywalk::Walk
        /// [`prefix_eq`]: crate::Table::prefix_eq
        #[cfg_attr(feature = "jobs", doc = include_str!("guide/links/jobs.md"))]
        #[cfg_attr(not(feature = "jobs"), doc = include_str!("guide/links/no_jobs.md"))]
        pub mod $page {}
    };
}

page!(from_select);
page!(from_offset);
page!(from_django);
page!(from_rails);
page!(from_laravel);
page!(from_sqlakeyset);
page!(pools);
page!(in_production);
