// The cure: implement `Weigh` for it, or give a function to `Walk::chunk_bytes_by`

use std::collections::BTreeMap;

use keywalk::Walk;
use keywalk_memory::Map;

struct User {
    name: String,
}

fn main() {
    let users = BTreeMap::from([(1, User { name: "Ada".into() })]);
    let walk = Walk::new(Map::new(&users)).chunk_bytes(1_000_000);
}
