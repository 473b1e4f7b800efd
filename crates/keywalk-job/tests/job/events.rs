//! What `tracing` is told.

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Metadata, Subscriber};

use crate::lab::{Lab, delays, script};

#[derive(Clone, Default)]
struct Collected(Arc<Mutex<Vec<String>>>);

struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

impl Subscriber for Collected {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut fields = Fields(format!("span {}", span.metadata().name()));
        span.record(&mut fields);
        self.0.lock().unwrap().push(fields.0);
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields(event.metadata().level().to_string());
        event.record(&mut fields);
        self.0.lock().unwrap().push(fields.0);
    }

    fn enter(&self, _: &Id) {
        self.0.lock().unwrap().push("enter".to_owned());
    }

    fn exit(&self, _: &Id) {
        self.0.lock().unwrap().push("exit".to_owned());
    }
}

fn told(work: impl FnOnce()) -> Vec<String> {
    // While there is only one subscriber, an event that another thread's test comes to first is taken for one
    // that nobody wants (tracing-core asks that thread's own subscriber).
    let _second = Dispatch::new(Collected::default());
    let collected = Collected::default();
    tracing::subscriber::with_default(collected.clone(), work);
    collected.0.lock().unwrap().clone()
}

#[test]
fn a_run_is_a_span_with_an_event_a_chunk_a_retry_a_skipped_item_and_its_end() {
    let told = told(|| {
        let lab = Lab::new(0..3);
        lab.store.breaks_for_a_while(0);
        let job = lab.job(2).skip_failures().retry(delays(1), |_| true);
        let (_, run) = script(job, "ok ok bad bad");
        assert!(run.unwrap().is_done());
    });
    let expected = [
        "span job name=\"job\"",
        "enter",
        "WARN message=the checkpoints failed and are tried again job=\"job\" error=\"begin failed\" delay=3.0",
        "DEBUG message=a chunk is done items=2 skipped=0 position=\"1\"",
        "WARN message=a chunk failed and is tried again items=1 after=\"1\" delay=3.0",
        "WARN message=an item failed and is skipped key=\"2\" error=\"bad\"",
        "DEBUG message=a chunk is done items=1 skipped=1 position=\"2\"",
        "INFO message=the run ended ended=\"Done\" items=3 skipped=1",
        "exit",
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_failed_run_says_why() {
    let told = told(|| {
        let (_, run) = script(Lab::new(0..3).job(3), "bad");
        assert!(run.is_err());
    });
    let says = "ERROR message=the run failed error=\"bad\"".to_owned();
    assert!(told.contains(&says), "{told:?}");
}
