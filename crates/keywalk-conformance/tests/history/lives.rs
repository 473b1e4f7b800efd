//! What is certain of a key, against every order in which its mutations can have taken effect.

use keywalk_conformance::history::{Change, Lives, Mutation, Presence, Span};
use proptest::prelude::*;

const KEY: u8 = 7;

/// What a key held at the moments of a span, as one order of events has it; `None` is absent.
type Seen = Vec<Option<u64>>;

/// Something that takes effect at a moment of its span.
#[derive(Clone, Copy, Debug)]
enum Effect {
    Change(Change),
    /// The span that is asked about begins, and ends.
    Begin,
    Finish,
}

/// All that the key can have held during a span, in each order that the spans allow; of those that
/// failed each may never have taken effect.
fn linearisations(mutations: &[(Change, Span)], during: Span) -> Vec<Seen> {
    let mut all = Vec::new();
    for never in 0..1_u32 << mutations.len() {
        let left_out = |at: usize| never >> at & 1 == 1;
        let did_return = |at: usize| mutations[at].1.to != Span::NEVER;
        if (0..mutations.len()).any(|at| left_out(at) && did_return(at)) {
            continue;
        }
        let taken = mutations.iter().enumerate();
        let taken = taken.filter(|(at, _)| !left_out(*at));
        let mut effects: Vec<_> = taken
            .map(|(_, (change, span))| (Effect::Change(*change), *span))
            .collect();
        effects.push((Effect::Begin, Span::at(during.from)));
        effects.push((Effect::Finish, Span::at(during.to)));
        follow(effects, None, None, &mut all);
    }
    all
}

/// Lets each effect be the next that no other is certainly before.
fn follow(
    effects: Vec<(Effect, Span)>,
    held: Option<u64>,
    seen: Option<Seen>,
    all: &mut Vec<Seen>,
) {
    for at in 0..effects.len() {
        let (effect, span) = effects[at];
        if effects.iter().any(|(_, other)| other.is_before(span)) {
            continue;
        }
        let mut left = effects.clone();
        left.remove(at);
        let mut seen = seen.clone();
        let held = match effect {
            Effect::Change(Change::Put(value)) => Some(value),
            Effect::Change(Change::Delete) => None,
            Effect::Begin => {
                seen = Some(Vec::new());
                held
            }
            Effect::Finish => {
                all.extend(seen);
                continue;
            }
        };
        if let Some(seen) = &mut seen {
            seen.push(held);
        }
        follow(left, held, seen, all);
    }
}

/// Up to four mutations and a span, at moments that are all different; some of them never returned.
fn histories() -> impl Strategy<Value = (Vec<(Change, Span)>, Span)> {
    let moments = Just((0..10_u64).map(|at| at * 2).collect::<Vec<_>>()).prop_shuffle();
    let kinds = prop::collection::vec((any::<bool>(), prop::bool::weighted(0.15)), 0..=4);
    (moments, kinds).prop_map(|(moments, kinds)| {
        let span = |at: usize| {
            let (a, b) = (moments[2 * at], moments[2 * at + 1]);
            Span {
                from: a.min(b),
                to: a.max(b),
            }
        };
        let mutations = kinds.iter().enumerate().map(|(at, (is_put, failed))| {
            let change = if *is_put {
                Change::Put(at as u64)
            } else {
                Change::Delete
            };
            let span = span(at);
            (change, if *failed { span.failed() } else { span })
        });
        (mutations.collect(), span(4))
    })
}

fn recorded(mutations: &[(Change, Span)]) -> Lives<u8> {
    let mut lives = Lives::default();
    for (change, during) in mutations.iter().copied() {
        let key = KEY;
        lives.record(Mutation {
            key,
            change,
            during,
        });
    }
    lives
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn what_is_certain_is_so_in_every_order((mutations, during) in histories()) {
        let lives = recorded(&mutations);
        let orders = linearisations(&mutations, during);
        prop_assert!(!orders.is_empty());
        let presence = lives.presence(&KEY, during);
        let moments = || orders.iter().flatten();
        match presence {
            Presence::Present => prop_assert!(moments().all(Option::is_some)),
            Presence::Absent => prop_assert!(moments().all(Option::is_none)),
            Presence::Possible => {}
        }
        for value in 0..4 {
            let is_held = moments().any(|held| *held == Some(value));
            prop_assert!(lives.may_hold(&KEY, value, during) || !is_held, "{value} is held");
        }
    }

    /// Where nothing overlaps, nothing is left to chance.
    #[test]
    fn what_happens_in_turn_is_certain(changes in prop::collection::vec(any::<bool>(), 0..6)) {
        let mutations: Vec<_> = (0..).zip(changes).map(|(at, is_put)| {
            let change = if is_put { Change::Put(at) } else { Change::Delete };
            (change, Span { from: 4 * at, to: 4 * at + 2 })
        }).collect();
        let lives = recorded(&mutations);
        for at in 1..=mutations.len() {
            // Between two mutations.
            let during = Span::at(4 * at as u64 - 1);
            let held = match mutations[at - 1].0 {
                Change::Put(value) => Some(value),
                Change::Delete => None,
            };
            let expected = if held.is_some() { Presence::Present } else { Presence::Absent };
            prop_assert_eq!(lives.presence(&KEY, during), expected);
            for value in 0..6 {
                prop_assert_eq!(lives.may_hold(&KEY, value, during), held == Some(value));
            }
        }
    }
}
