// The cure: implement `keywalk_conformance::Writer<i64>` for it

use keywalk_conformance::Writer;

struct Shared;

fn writer() -> Box<dyn Writer<i64>> {
    Box::new(Shared)
}

fn main() {}
