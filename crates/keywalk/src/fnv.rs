/// The 64-bit hash FNV-1a (<http://www.isthe.com/chongo/tech/comp/fnv/>). It is small, and the same in every
/// release and on every machine, unlike the standard library's. Each step is a bijection, so two inputs of
/// equal length that differ in a single byte never collide. It doesn't protect against forgery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Fnv(u64);

impl Fnv {
    pub(crate) const fn new() -> Self {
        Fnv(0xcbf2_9ce4_8422_2325)
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    pub(crate) fn of(bytes: &[u8]) -> u64 {
        let mut hash = Fnv::new();
        hash.write(bytes);
        hash.0
    }

    /// Folds the hash to 32 bits as its authors do.
    pub(crate) fn folded(self) -> u32 {
        ((self.0 >> 32) ^ (self.0 & u64::from(u32::MAX))) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::Fnv;

    /// Some of the authors' own test vectors (`test_fnv.c`).
    #[test]
    fn hashes_are_the_published_ones() {
        assert_eq!(Fnv::of(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(Fnv::of(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(Fnv::of(b"foobar"), 0x8594_4171_f739_67e8);
    }
}
