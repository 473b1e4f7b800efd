// The cure: keep a `keywalk_conformance::Fuse`

use keywalk_conformance::Faults;

struct Shared;

fn faults(shared: &Shared) -> &dyn Faults {
    shared
}

fn main() {}
