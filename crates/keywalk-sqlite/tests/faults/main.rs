//! G11, G12 and G14 under faults of SQLite: each is put under a walk, and lifted again where that
//! can be done. What has to hold each time is [`trial`].

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "what fails, fails the test")]

mod authorizer;
mod damage;
#[cfg(unix)]
mod descriptors;
mod files;
mod interrupts;
mod limits;
mod locks;
mod order;
mod pages;
mod parts;
mod process;
mod readonly;
mod schema;
mod trial;
mod world;
