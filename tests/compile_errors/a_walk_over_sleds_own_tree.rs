// The cure: `Tree::<u64>::new(tree)`

use keywalk::Walk;

fn walk(tree: sled::Tree) {
    for item in Walk::new(tree) {
        println!("{}", item.is_ok());
    }
}

fn main() {}
