//! Jobs whose checkpoints commit with their effects: these happen exactly once. What every store's jobs do is
//! beside `keywalk-job`.

mod law;
mod runners;
mod tables;
mod transactions;
mod walks;
mod world;
