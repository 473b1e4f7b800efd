#![doc = include_str!("../../../../crates/keywalk-sqlite/src/guide/pools.md")]
//!
//! [`Connect`]: keywalk_sqlite::Connect
//! [`in_production`]: keywalk_sqlite::guide::in_production
#![forbid(unsafe_code)]
