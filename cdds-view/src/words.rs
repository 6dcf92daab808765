//! Times, numbers and outcomes as people say them. Every function is pure: the instant of reading is a
//! parameter.

mod number;
mod outcome;
mod time;

pub use self::number::{bytes, count, counted, share};
pub use self::outcome::outcome;
pub use self::time::{due, lasting, relative, remaining, seconds};

/// `finished with errors`: a word of a fixed set, by its name in the JSON forms.
pub fn status(name: &str) -> String {
    name.replace('_', " ")
}
