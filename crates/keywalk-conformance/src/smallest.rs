use crate::Failure;

/// Attempts at a smaller one; a list of some hundred needs about as many.
const MOST_ATTEMPTS: usize = 200;

/// As few elements of a list as still fail by the same clause, and how they do: it leaves out halves,
/// quarters, …, single ones.
pub(crate) fn smallest<T: Clone>(
    mut list: Vec<T>,
    mut failure: Failure,
    mut attempt: impl FnMut(&[T]) -> Result<(), Failure>,
) -> (Vec<T>, Failure) {
    let mut attempts = 0;
    let mut size = list.len().div_ceil(2);
    while size > 0 {
        let mut at = 0;
        while at < list.len() {
            attempts += 1;
            if attempts > MOST_ATTEMPTS {
                return (list, failure);
            }
            let mut fewer = list.clone();
            fewer.drain(at..list.len().min(at + size));
            match attempt(&fewer) {
                Err(smaller) if smaller.clause() == failure.clause() => {
                    (list, failure) = (fewer, smaller);
                }
                _ => at += size,
            }
        }
        size /= 2;
    }
    (list, failure)
}
