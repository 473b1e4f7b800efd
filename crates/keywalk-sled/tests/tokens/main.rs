//! Cursors of trees, written down.

#![forbid(unsafe_code)]

mod everywhere;
mod golden;
mod refused;
mod trees;

// What the tests of several stores need is beside their keys.
#[path = "../../../keywalk-key/tests/support/golden.rs"]
mod golden_files;
#[path = "../../../keywalk-key/tests/support/refusal.rs"]
mod refusal;
#[path = "../../../keywalk-key/tests/support/relabelled.rs"]
mod relabelled;
#[path = "../../../keywalk-key/tests/support/samples.rs"]
mod samples;
#[path = "../../../keywalk-key/tests/support/walks.rs"]
mod walks;
