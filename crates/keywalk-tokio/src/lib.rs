//! Bridges
#![forbid(unsafe_code)]

mod ahead;
mod blocking;
mod offload;

pub use ahead::{Ahead, ahead};
pub use blocking::Blocking;
pub use offload::Offload;
