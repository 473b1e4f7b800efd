//! Random numbers, by a seed that is printed.

use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) struct Moments(u64);

impl Moments {
    /// Of `KEYWALK_SEED`, or of the time.
    pub(crate) fn new() -> Self {
        let given = std::env::var("KEYWALK_SEED").ok();
        let seed = given.and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            u64::from(now.subsec_nanos()) | 1
        });
        println!("KEYWALK_SEED={seed}");
        Moments(seed)
    }

    /// Below `end` (xorshift64).
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}
