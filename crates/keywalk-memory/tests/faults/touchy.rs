//! A key and value whose methods can be told to misbehave.

use std::cell::Cell;
use std::cmp::Ordering;
use std::panic;

/// How keys compare.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mood {
    Well,
    /// Each beats the few that are next to it, around a circle: the same at each call, and no order.
    Circle,
    /// Another way at each call.
    Fickle,
}

/// What is called.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Call {
    Compare,
    Clone,
}

/// A panic that was asked for.
#[derive(Debug, PartialEq)]
pub(crate) struct Asked;

thread_local! {
    static MOOD: Cell<Mood> = const { Cell::new(Mood::Well) };
    static DICE: Cell<u64> = const { Cell::new(0) };
    /// How many such calls are left until one panics.
    static LEFT: Cell<Option<(Call, usize)>> = const { Cell::new(None) };
    static COMPARED: Cell<usize> = const { Cell::new(0) };
}

/// More comparisons than any of these walks needs by far.
const ENDLESS: usize = 1_000_000;

pub(crate) fn set_mood(mood: Mood, seed: u64) {
    MOOD.set(mood);
    DICE.set(seed);
    COMPARED.set(0);
}

/// At the call after so many, one panics, once.
pub(crate) fn panic_at(call: Call, left: usize) {
    LEFT.set(Some((call, left)));
}

/// Whether the panic is still to come.
pub(crate) fn is_calm() -> bool {
    LEFT.take().is_some()
}

fn tick(call: Call) {
    if let Some((armed, left)) = LEFT.get().filter(|(armed, _)| *armed == call) {
        LEFT.set(left.checked_sub(1).map(|left| (armed, left)));
        if left == 0 {
            // Unlike `panic!` this prints nothing.
            panic::resume_unwind(Box::new(Asked));
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Touchy(pub(crate) u8);

impl Clone for Touchy {
    fn clone(&self) -> Self {
        tick(Call::Clone);
        Touchy(self.0)
    }

    /// Half done when it panics.
    fn clone_from(&mut self, source: &Self) {
        self.0 = 255;
        tick(Call::Clone);
        self.0 = source.0;
    }
}

impl PartialOrd for Touchy {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Touchy {
    fn cmp(&self, other: &Self) -> Ordering {
        tick(Call::Compare);
        COMPARED.set(COMPARED.get() + 1);
        assert!(COMPARED.get() < ENDLESS, "it doesn't end");
        match MOOD.get() {
            Mood::Well => self.0.cmp(&other.0),
            Mood::Circle => match self.0.wrapping_sub(other.0) % 32 {
                0 => self.0.cmp(&other.0),
                1..16 => Ordering::Greater,
                _ => Ordering::Less,
            },
            Mood::Fickle => {
                DICE.set(
                    DICE.get()
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(99),
                );
                [Ordering::Less, Ordering::Equal, Ordering::Greater]
                    [(DICE.get() >> 33) as usize % 3]
            }
        }
    }
}
