//! What [keywalk](https://docs.rs/keywalk)'s backends for SQL databases share, without a database client.
//!
//! To walk a database, use its own crate, such as [keywalk-sqlite](https://docs.rs/keywalk-sqlite). This crate is for
//! code that writes a backend. **Its API isn't stable**: any release may change it, so depend on an exact version.
//!
//! - [`Dialect`] is what differs between databases in the SQL that this crate writes and reads.
//! - [`Statement`] writes a walk's statement: a [`Seek`], with the conditions that an index can be searched by.
//! - [`Definition`] computes the fingerprint that tokens are bound to.
//! - [`tokens`] splits SQL, and [`Conjunct`] a condition at its ANDs.
//! - [`fraction`](fraction()) estimates where a key lies in a range. [`between`] is its inverse, and [`Cells`] cuts a range
//!   into parts.
//! - [`Quoted`], [`Named`] and [`Names`] write names into SQL and messages.
//!
//! ```
//! use keywalk::Order::{Ascending, Descending};
//! use keywalk_sql::*;
//!
//! let column = |name: &str, order| KeyColumn {
//!     name: name.to_owned(),
//!     expression: Quoted(name).to_string(),
//!     uncollated: Quoted(name).to_string(),
//!     order,
//!     nulls_last: order == Ascending,
//!     is_collated: false,
//!     text_order: None,
//!     nullable: false,
//!     may_be_null: false,
//!     excludes_null: false,
//!     at: None,
//!     own: (),
//! };
//! let key = [column("day", Descending), column("id", Ascending)];
//! let statement = Statement::<(), ()> {
//!     dialect: Dialect::Postgres,
//!     key: &key,
//!     fixed: &[],
//!     select: "",
//!     width: 0,
//!     filters: &[],
//!     served: &[],
//!     given: 0,
//!     form: SeekForm::Union, // since the directions differ
//!     shape: RangeShape {
//!         order: Ascending,
//!         near: BoundKind::Excluded,
//!         far: BoundKind::Open,
//!         near_nulls: Nulls::NONE,
//!         far_nulls: Nulls::NONE,
//!         answer: Answer::Rows,
//!     },
//! };
//! let seek = statement.seek();
//! assert_eq!(
//!     seek.sql("visits", Some(512)),
//!     "(SELECT \"day\", \"id\" FROM visits WHERE \"day\" = $1 AND \"id\" > $2 \
//!      ORDER BY 1 DESC NULLS FIRST, 2 NULLS LAST LIMIT 512) UNION ALL \
//!      (SELECT \"day\", \"id\" FROM visits WHERE \"day\" < $1 \
//!      ORDER BY 1 DESC NULLS FIRST, 2 NULLS LAST LIMIT 512) \
//!      ORDER BY 1 DESC NULLS FIRST, 2 NULLS LAST LIMIT 512",
//! );
//! assert_eq!(seek.own, [Param::Near(0), Param::Near(1)]);
//! ```

#![forbid(unsafe_code)]

mod dialect;
mod fingerprint;
mod fraction;
mod lexer;
mod names;
mod seek;
mod split;

pub use dialect::Dialect;
pub use fingerprint::Definition;
pub use fraction::{Scalar, Scale, fraction};
pub use lexer::{Conjunct, Token, tokens, unquoted, without_end};
pub use names::{Named, Names, Quoted};
pub use seek::{
    Answer, BoundKind, FarBound, FixedColumn, KeyColumn, Nulls, Param, RangeShape, Role, Seek,
    SeekForm, Statement, Term, conditions, is_mixed, key_positions, order_by, row_width, verdict,
};
pub use split::{Cells, MOST_PARTS, SAMPLED_KEYS, ScalarBuf, Thinned, between, points};
