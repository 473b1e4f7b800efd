// The cure: keys are `i8` to `i128`, `u8` to `u128`, `String`

use keywalk_sled::Tree;

fn walk(tree: sled::Tree) {
    let prices = Tree::<f64>::new(tree);
}

fn main() {}
