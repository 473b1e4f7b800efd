//! What types are beside what they do.

use std::error::Error as StdError;
use std::fmt::Debug;

use keywalk_key::Malformed;

#[test]
fn an_error_moves_between_threads() {
    fn is_error<T: StdError + Debug + Send + Sync + 'static>() {}
    is_error::<Malformed>();
}
