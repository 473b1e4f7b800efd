// The cure: for a type of your own implement `keywalk_key::Key`

use std::collections::BTreeMap;

use keywalk::Walk;
use keywalk_memory::Map;

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u16, u16);

fn main() {
    let map = BTreeMap::from([(Version(1, 0), "one")]);
    let items = Walk::new(Map::new(&map)).items();
    let token = items.token();
}
