// The cure: implement `keywalk_conformance::Harness` for it

use keywalk_conformance::{Config, run};

struct Shared;

fn main() {
    let report = run::<Shared>(&Config::default());
}
