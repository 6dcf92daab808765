//! Where parts are stored.
//!
//! [`ObjectSink`] keeps them in anything that `object_store` speaks to; a local folder needs no runtime.

mod fault;
mod folder;
pub mod object;
mod upload;

pub use self::object::ObjectSink;
