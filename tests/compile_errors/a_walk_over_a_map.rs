// The cure: `Map::new(&map)`

use std::collections::BTreeMap;

use keywalk::Walk;

fn main() {
    let map = BTreeMap::from([(1, "one"), (2, "two")]);
    for item in Walk::new(&map) {
        println!("{item:?}");
    }
}
