//! G11, G12 and G14 under faults of SQLite: each is put under a walk, and lifted again where that
//! can be done. What has to hold each time is [`trial`].

mod authorizer;
mod damage;
mod files;
mod interrupts;
mod limits;
mod trial;

pub(crate) use trial::ORDERS;
