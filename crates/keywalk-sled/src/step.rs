/// A distance between keys, where a key is a number between 0 and 1: `80 40` is 0x0.8040.
///
/// Precise to at least four bytes. It only estimates where to begin a read, so an error costs time at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// Not 0.
    mantissa: u64,
    /// The distance is `mantissa` / 256 ^ `bytes`.
    bytes: usize,
}

impl Step {
    /// Returns the distance from `low` up to `high` (1 if `None`), rounded down. Returns `None` if they are the
    /// same number, or `low` is larger.
    pub(crate) fn between(low: &[u8], high: Option<&[u8]>) -> Option<Step> {
        let length = low.len().max(high.map_or(0, <[u8]>::len));
        let digit = |key: &[u8], at: usize| i64::from(key.get(at).copied().unwrap_or(0));
        // The difference of the bytes so far, in units of the last of them. A missing `high` is 1, before all bytes.
        let mut difference = i64::from(high.is_none());
        for at in 0..length {
            difference = difference * 256 + high.map_or(0, |high| digit(high, at)) - digit(low, at);
            if difference < 0 {
                return None;
            }
            // Precise enough. The following bytes subtract less than one unit, so one less is rounded down.
            if difference > i64::from(u32::MAX) {
                return Step::of(difference - 1, at + 1);
            }
        }
        Step::of(difference, length)
    }

    fn of(mantissa: i64, bytes: usize) -> Option<Step> {
        match u64::try_from(mantissa) {
            Ok(0) | Err(_) => None,
            Ok(mantissa) => Some(Step { mantissa, bytes }.normal()),
        }
    }

    pub(crate) fn halved(self) -> Step {
        Step {
            mantissa: self.mantissa * 128,
            bytes: self.bytes + 1,
        }
        .normal()
    }

    pub(crate) fn sixteenfold(self) -> Step {
        Step {
            mantissa: self.mantissa * 16,
            bytes: self.bytes,
        }
        .normal()
    }

    /// Returns a step sixteen times as long, and longer still after many empty tries: keys may be millions of
    /// bytes long and differ only in their last ones.
    pub(crate) fn grown(self, times: usize) -> Step {
        let bytes = match times.checked_sub(5) {
            None => 0,
            Some(more) => 1_usize
                .checked_shl(more.try_into().unwrap_or(u32::MAX))
                .unwrap_or(self.bytes),
        };
        let mut step = self.sixteenfold();
        step.bytes = step.bytes.saturating_sub(bytes);
        step
    }

    /// Returns a step that is a quarter longer.
    pub(crate) fn with_margin(self) -> Step {
        Step {
            mantissa: self.mantissa * 320,
            bytes: self.bytes + 1,
        }
        .normal()
    }

    fn normal(mut self) -> Step {
        while self.mantissa > u64::from(u32::MAX) * 256 && self.bytes > 0 {
            self.mantissa >>= 8;
            self.bytes -= 1;
        }
        self.mantissa = self.mantissa.min(u64::from(u32::MAX) * 256);
        self
    }

    pub(crate) fn is_longer_than(self, other: Step) -> bool {
        // With a mantissa of 40 bits, a step with eight more bytes is always the shorter one.
        let shifted = |step: Step, beside: Step| {
            let bytes = beside.bytes.saturating_sub(step.bytes).min(8);
            u128::from(step.mantissa) << (8 * bytes)
        };
        shifted(self, other) > shifted(other, self)
    }

    /// Writes to `key` a key that is one step or slightly more below `high` (1 if `None`). Returns `false` if
    /// that is below 0.
    pub(crate) fn below(self, high: Option<&[u8]>, key: &mut Vec<u8>) -> bool {
        key.clear();
        key.extend(high.unwrap_or_default().iter().take(self.bytes));
        key.resize(self.bytes, 0);
        let mut taken = self.mantissa;
        for byte in key.iter_mut().rev() {
            let (rest, borrow) = byte.overflowing_sub(taken.to_le_bytes()[0]);
            *byte = rest;
            taken = (taken >> 8) + u64::from(borrow);
        }
        taken == 0 || (taken == 1 && high.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn below(low: &[u8], high: Option<&[u8]>) -> (bool, Vec<u8>) {
        let mut key = vec![9];
        let step = Step::between(low, high).expect("it is larger");
        let within = step.below(high, &mut key);
        (within, key)
    }

    #[test]
    fn a_step_back_goes_where_it_came_from() {
        for (low, high) in [
            (&b"\x10"[..], &b"\x30"[..]),
            (b"\x7f\xff\xff\xff\xff\xff\xff\xf0", b"\x80"),
            (b"\x7f\xff\xff\xff\xff\xff\xff\xff", b"\x80\0\0\0\0\0\0\x07"),
            (b"\0\0\0\0\0\0\0\x01", b"\0\0\0\0\0\0\0\x02"),
            (b"abc", b"abd"),
            (b"", b"\x01"),
            (b"\0\0\0\0\0", b"\xff\xff\xff\xff\xff"),
        ] {
            let (within, mut key) = below(low, Some(high));
            key.resize(low.len(), 0);
            assert_eq!((within, &key[..]), (true, low), "{high:x?}");
        }
        let (within, key) = below(b"\xff\xff\xff\xff\xff\xff\xff\xfe", None);
        assert_eq!(
            (within, &key[..]),
            (true, &b"\xff\xff\xff\xff\xff\xff\xff\xfe"[..])
        );
    }

    #[test]
    fn a_large_step_is_precise_to_four_bytes() {
        let (within, key) = below(b"\x10\x20\x30\x40\x50\x60\x70\x80", Some(b"\xf0"));
        assert!(within);
        assert_eq!(key[..4], b"\x10\x20\x30\x40"[..]);
    }

    #[test]
    fn a_large_step_is_rounded_down() {
        let low = b"\x10\0\0\0\0\0\x01";
        let (within, mut key) = below(low, Some(b"\xf0"));
        key.resize(low.len(), 0);
        assert!(within && key[..] > low[..], "{key:x?}");
    }

    #[test]
    fn steps_are_multiplied_by_what_they_say() {
        let step = |low: &[u8], high: &[u8]| Step::between(low, Some(high)).expect("it is larger");
        let as_long = |a: Step, b: Step| !a.is_longer_than(b) && !b.is_longer_than(a);
        assert!(as_long(step(b"a", b"b").halved(), step(b"a\x80", b"b")));
        assert!(as_long(step(b"a", b"b").sixteenfold(), step(b"a", b"q")));
        assert!(as_long(step(b"a", b"e").with_margin(), step(b"a", b"f")));
    }

    #[test]
    fn keys_of_one_number_have_no_step() {
        assert_eq!(Step::between(b"a", Some(b"a\0\0")), None);
        assert_eq!(Step::between(b"a\0", Some(b"a")), None);
        assert_eq!(Step::between(b"b", Some(b"a")), None);
        assert_eq!(Step::between(b"", Some(b"")), None);
        assert_eq!(
            Step::between(b"\x80\0\0\0\0\0\0\0\x01", Some(b"\x80")),
            None
        );
    }

    #[test]
    fn below_zero_is_told() {
        let step = Step::between(b"\x10", Some(b"\x30")).expect("it is larger");
        assert!(!step.below(Some(b"\x1f"), &mut Vec::new()));
        assert!(step.below(Some(b"\x20"), &mut Vec::new()));
        let all = Step::between(b"", None).expect("it is larger");
        assert!(all.below(None, &mut Vec::new()));
        assert!(!all.sixteenfold().below(None, &mut Vec::new()));
        assert!(!all.below(Some(b"\xff"), &mut Vec::new()));
    }

    #[test]
    fn the_longer_step_is_told() {
        let step = |low: &[u8], high: &[u8]| Step::between(low, Some(high)).expect("it is larger");
        let (short, long) = (
            step(b"aaaaaaaaaaaaaaaa", b"aaaaaaaaaaaaaaab"),
            step(b"a", b"b"),
        );
        assert!(long.is_longer_than(short) && !short.is_longer_than(long));
        assert!(!short.is_longer_than(short));
        assert!(!step(b"ab", b"ac").is_longer_than(step(b"ab\0", b"ac\0")));
        assert!(step(b"ab", b"ad").is_longer_than(step(b"ab\0", b"ac\0\xff")));
        assert!(long.is_longer_than(long.halved()) && long.sixteenfold().is_longer_than(long));
    }

    #[test]
    fn a_step_grows_and_shrinks_without_end() {
        let mut step = Step::between(b"a", Some(b"b")).expect("it is larger");
        for _ in 0..1_000 {
            let half = step.halved();
            let mut key = Vec::new();
            assert!(half.below(Some(b"b"), &mut key));
            assert!(&key[..] < b"b");
            step = half;
        }
        for _ in 0..10_000 {
            step = step.sixteenfold().with_margin();
        }
        assert!(!step.below(None, &mut Vec::new()));
    }

    #[test]
    fn a_step_that_was_in_vain_often_soon_grows_over_everything() {
        let step = Step::between(&[7; 1_000_000], None).expect("it is larger");
        let mut small = Step {
            bytes: 1_000_000,
            ..step
        };
        for times in 1..=4 {
            assert_eq!(small.grown(times), small.sixteenfold());
            small = small.sixteenfold();
        }
        let mut times = 4;
        while small.below(Some(&[7; 1_000_000]), &mut Vec::new()) {
            times += 1;
            assert!(small.grown(times).is_longer_than(small));
            small = small.grown(times);
        }
        assert!((20..30).contains(&times), "{times}");
        assert!(!step.grown(usize::MAX).below(Some(b"\xff"), &mut Vec::new()));
    }
}
