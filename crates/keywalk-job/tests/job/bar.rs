//! Progress on a bar.

use keywalk_job::indicatif::{ProgressBar, ProgressDrawTarget};

use crate::lab::{Lab, NumbersJob};

#[test]
fn a_bar_counts_items_of_their_total_or_shares_or_items_without_an_end() {
    // With the chunk that the run stops after, and the bar's position and length.
    type Begin = fn(&Lab) -> NumbersJob<'static>;
    let cases: [(Begin, u64, u64, Option<u64>); 4] = [
        (|lab| lab.job(25).total(101), 2, 50, Some(101)),
        (|lab| lab.job(25), 2, 4900, Some(10_000)),
        (|lab| lab.job_over(lab.walk(25).unbounded()), 2, 50, None),
        (|lab| lab.job(25), 5, 10_000, Some(10_000)),
    ];
    for (begin, chunks, position, length) in cases {
        let lab = Lab::new(0..101);
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        let mut left = chunks;
        let run = begin(&lab).bar(bar.clone()).run(|_, _| {
            left -= 1;
            if left == 0 {
                lab.stop.request();
            }
            Ok(())
        });
        let items = run.unwrap().items();
        assert_eq!(items, 101.min(chunks * 25));
        let shows = (bar.position(), bar.length());
        assert_eq!(shows, (position, length), "{items} items");
        assert_eq!(bar.message(), format!("{items} items"));
        assert_eq!(bar.is_finished(), items == 101, "{chunks} chunks");
    }
}
