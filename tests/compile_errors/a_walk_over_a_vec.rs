// The cure: a sorted slice by keywalk-memory

use keywalk::Walk;

fn main() {
    let numbers = vec![1, 2, 3];
    let walk = Walk::new(numbers);
}
