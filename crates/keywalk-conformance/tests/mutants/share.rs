//! Sources that are wrong about how far along the way a key lies.

use keywalk_key::Key;

use super::durable::Durable;
use super::store::Quirk;

macro_rules! mutants {
    ($($(#[$doc:meta])* $name:ident, ($first:ident, $last:ident, $at:ident) => $share:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Default)]
        pub(crate) struct $name;

        impl Quirk<i64> for $name {}

        impl Durable<i64> for $name {
            fn share(&self, $first: &i64, $last: &i64, $at: &i64) -> Option<f64> {
                $share
            }
        }
    )+};
}

mutants! {
    /// What is left.
    Back, (first, last, at) => Key::share(last, first, at);

    /// 0 to 100.
    Percent, (first, last, at) => Key::share(first, last, at).map(|share| 100.0 * share);

    /// The smaller key first, in whichever order it is walked.
    Upwards, (first, last, at) => Key::share(first.min(last), first.max(last), at);

    /// It subtracts as integers.
    Overflows, (first, last, at) => Some((at - first) as f64 / (last - first) as f64);

    /// It subtracts as numbers that two near keys have in common.
    NoNumber, (first, last, at) => {
        let [first, last, at] = [*first, *last, *at].map(|key| key as f64);
        Some((at - first) / (last - first))
    };
}
