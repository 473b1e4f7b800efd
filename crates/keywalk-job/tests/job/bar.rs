//! Progress on a bar.

use keywalk::Walk;
use keywalk_job::indicatif::{ProgressBar, ProgressDrawTarget};
use keywalk_job::{Job, Stop};

use crate::numbers::Numbers;
use crate::store::Store;

fn bar() -> ProgressBar {
    ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden())
}

fn job<'a>(walk: Walk<Numbers>, stop: &Stop) -> Job<'a, Numbers, Store> {
    Job::new("bar", walk.chunk_size(25), Store::default()).stop_on(stop)
}

fn half(job: Job<'_, Numbers, Store>, stop: &Stop) {
    let mut chunks = 0;
    let outcome = job.run(|_, _| {
        chunks += 1;
        if chunks == 2 {
            stop.request();
        }
        Ok(())
    });
    assert_eq!(outcome.unwrap().items(), 50);
}

#[test]
fn a_bar_counts_items_where_their_total_is_told() {
    let (bar, stop) = (bar(), Stop::new());
    half(
        job(Walk::new(Numbers::new(0..101)), &stop)
            .total(101)
            .bar(bar.clone()),
        &stop,
    );
    assert_eq!((bar.position(), bar.length()), (50, Some(101)));
    assert_eq!(bar.message(), "50 items");
    assert!(!bar.is_finished());
}

#[test]
fn a_bar_counts_shares_where_the_key_tells_them() {
    let (bar, stop) = (bar(), Stop::new());
    half(
        job(Walk::new(Numbers::new(0..101)), &stop).bar(bar.clone()),
        &stop,
    );
    assert_eq!((bar.position(), bar.length()), (4900, Some(10_000)));
    assert_eq!(bar.message(), "50 items");
}

#[test]
fn a_bar_counts_items_where_nothing_tells_the_share() {
    let (bar, stop) = (bar(), Stop::new());
    half(
        job(Walk::new(Numbers::new(0..101)).live(), &stop).bar(bar.clone()),
        &stop,
    );
    assert_eq!((bar.position(), bar.length()), (50, None));
}

#[test]
fn a_bar_is_finished_when_the_job_is_done() {
    let (bar, stop) = (bar(), Stop::new());
    let job = job(Walk::new(Numbers::new(0..101)), &stop).bar(bar.clone());
    assert!(job.run(|_, _| Ok(())).unwrap().is_done());
    assert!(bar.is_finished());
    assert_eq!((bar.position(), bar.length()), (10_000, Some(10_000)));
}
