//! Pages with links both ways.

use std::ops::{Bound, RangeBounds};

use keywalk::{Cursor, CursorMismatch, Error, KeyRange, Order, Page, Token, TokenError, Walk};

use crate::exact::{Spec, each_kind, expected};
use crate::shelf::{Broken, Shelf, Style, Trouble, tens};
#[cfg(feature = "async")]
use crate::ways::block_on;

type Fetched = Result<Page<i64>, Error<Broken>>;

/// Shows the keys from `first` to `end` of those that there are, and has a link where others are.
fn shows(page: &Page<i64>, keys: &[i64], first: usize, end: usize) {
    assert_eq!(page.items, keys[first..end]);
    let links = (page.has_previous(), page.has_next());
    assert_eq!(
        links,
        (first > 0, end < keys.len()),
        "{first}..{end} of {keys:?}"
    );
}

/// From every place in either direction, whether a key is there or not.
#[test]
fn pages_show_what_lies_next_to_their_place_and_their_links_lead_to_what_lies_next_to_them() {
    let all = (Bound::Unbounded, Bound::Unbounded);
    let some = (Bound::Excluded(10), Bound::Included(40));
    let bounds = |len: i64| [(len, all), (len, some)];
    let styles = |at| {
        [
            (at, Style::Plain),
            (at, Style::Scanning(1)),
            (at, Style::Paged(2)),
        ]
    };
    for ((len, bounds), style) in [0, 1, 2, 5].into_iter().flat_map(bounds).flat_map(styles) {
        let spec = Spec {
            bounds,
            style,
            ..Spec::of((1..=len).map(|n| n * 10), 2)
        };
        each_kind(&spec, |spec| {
            let keys = expected(&spec);
            let shelf = spec.shelf();
            let page = |items: usize, at: Option<&Token>| -> Page<i64> {
                let walk = spec.walk(shelf.clone()).chunk_size(items.max(1));
                let page = walk.page(items, at).expect("it isn't broken");
                #[cfg(feature = "async")]
                {
                    let walk = spec.walk(shelf.clone()).chunk_size(items.max(1));
                    assert_eq!(block_on(walk.async_page(items, at)).as_ref(), Ok(&page));
                }
                page
            };
            for items in [0, 1, 2, 3, usize::MAX] {
                let clip = |place: usize| place.min(keys.len());
                shows(&page(items, None), &keys, 0, clip(items));
                let places = (0..=50).step_by(5).filter(|key| bounds.contains(key));
                for (key, order) in
                    places.flat_map(|key| [(key, Order::Ascending), (key, Order::Descending)])
                {
                    let start = Cursor::unbounded(KeyRange::new(bounds, order));
                    for cursor in [start.clone().at(key), start.after(key)] {
                        let left = shelf.within(cursor.range()).len();
                        let shown = page(items, Some(&shelf.token(&cursor)));
                        let (first, end) = match order == spec.order {
                            true => (
                                keys.len() - left,
                                clip((keys.len() - left).saturating_add(items)),
                            ),
                            false => (left.saturating_sub(items), left),
                        };
                        shows(&shown, &keys, first, end);
                        if let Some(token) = &shown.next {
                            shows(
                                &page(items, Some(token)),
                                &keys,
                                end,
                                clip(end.saturating_add(items)),
                            );
                        }
                        if let Some(token) = &shown.previous {
                            shows(
                                &page(items, Some(token)),
                                &keys,
                                first.saturating_sub(items),
                                first,
                            );
                        }
                    }
                }
            }
        });
    }
}

#[test]
fn the_first_page_is_one_fetch_and_every_other_two() {
    let shelf = tens(9);
    let page = |at: Option<&Token>| Walk::new(shelf.clone()).range(15..).page(3, at).unwrap();
    let first = page(None);
    assert_eq!(shelf.watch.asked(), 1);
    let second = page(first.next.as_ref());
    assert_eq!(
        (second.items.as_slice(), shelf.watch.asked()),
        (&[50, 60, 70][..], 3)
    );
    assert_eq!(
        (page(second.previous.as_ref()), shelf.watch.asked()),
        (first, 5)
    );
}

#[test]
fn a_token_of_another_range_or_source_or_outside_the_range_is_an_error_of_pages() {
    let shelf = tens(9);
    let token = |cursor: Cursor<i64>| shelf.token(&cursor);
    let of =
        |range: std::ops::Range<i64>| Cursor::unbounded(KeyRange::new(range, Order::Ascending));
    let down = Cursor::unbounded(KeyRange::new(20..50, Order::Descending));
    let page = |shelf: &Shelf, token: &Token| -> Fetched {
        Walk::new(shelf.clone()).range(20..50).page(2, Some(token))
    };
    for cursor in [
        of(20..60),
        of(20..50).at(50),
        of(20..50).after(50),
        of(20..50).at(10),
        of(20..50).after(90),
        down.clone().at(50),
        down.clone().after(10),
        Walk::new(tens(9)).cursor(),
        Walk::new(tens(9)).unbounded().cursor(),
    ] {
        let refused = Err(Error::Cursor(CursorMismatch::Range));
        assert_eq!(page(&shelf, &token(cursor.clone())), refused, "{cursor:?}");
    }
    // Those of a walk, of whatever kind, are places like any other.
    let walk = || Walk::new(shelf.clone()).range(20..50);
    let mut done = walk().items();
    assert_eq!(done.by_ref().count(), 3);
    for (cursor, items) in [
        (walk().cursor(), &[20, 30][..]),
        (walk().cursor().at(40), &[40]),
        (done.cursor(), &[]),
        (down, &[30, 40]),
    ] {
        assert_eq!(page(&shelf, &token(cursor)).unwrap().items, items);
    }
    // A range that isn't given follows the token.
    let within = Walk::new(shelf.clone()).page(9, Some(&token(of(20..50).after(30))));
    let (items, before) = within.map(|page| (page.items, page.previous)).unwrap();
    assert_eq!(items, [40]);
    assert_eq!(page(&shelf, &before.unwrap()).unwrap().items, [20, 30]);
    let unbegun = token(walk().cursor());
    let within = Walk::new(shelf.clone()).page(9, Some(&unbegun)).unwrap();
    assert_eq!(within.items, [20, 30, 40]);
    let wider = Walk::new(shelf.clone())
        .range(10..60)
        .page(9, Some(&unbegun));
    assert_eq!(wider, Err(Error::Cursor(CursorMismatch::Range)));
    // So does an order.
    let resumed = Walk::new(shelf.clone()).resume(walk().descending().cursor());
    assert_eq!(resumed.page(2, None).unwrap().items, [40, 30]);
    let further = walk().unbounded().cursor().extend_to(Bound::Excluded(70));
    let wider = Walk::new(shelf.clone())
        .range(20..70)
        .page(9, Some(&token(further)));
    assert_eq!(wider.unwrap().items, [20, 30, 40, 50, 60]);
    let asked = shelf.watch.asked();
    let other = Token::new(
        &Walk::new(Shelf::of(["a".to_owned()])).cursor(),
        &Shelf::of(["a".to_owned()]),
    );
    assert!(matches!(
        page(&shelf, &other.unwrap()),
        Err(Error::Token(TokenError::Source { .. }))
    ));
    assert_eq!(shelf.watch.asked(), asked);
    let whole = walk().page(2, None).unwrap().next.unwrap();
    for at in 0..3 {
        let broken = page(&shelf.clone().in_trouble(Trouble::Error(at)), &whole);
        assert_eq!(broken.is_err(), at < 2, "{at}");
    }
}
