#![doc = include_str!("../README.md")]

mod instant;
mod names;
mod selection;
pub mod settings;
pub mod words;

pub use self::instant::Instant;
pub use self::names::YET_TO_RUN;
pub use self::selection::Selection;

/// The version of the JSON forms of this crate.
pub const FORMS_VERSION: u32 = 1;
