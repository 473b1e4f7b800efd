//! Many shards and many workers, for [keywalk](keywalk).

#![forbid(unsafe_code)]
