//! The reader: one pass over the parts of a set, plain or decrypted on the way.

pub mod audit;
pub mod extract;
pub mod join;
pub mod parts;
pub mod set;
pub mod stream;
mod unpack;

pub use self::parts::Parts;
pub use self::set::PartSet;
