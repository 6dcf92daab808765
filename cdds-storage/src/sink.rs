//! Storage for parts.
//!
//! [`ObjectSink`] keeps them in any store that `object_store` supports; a local folder needs no runtime.

mod fault;
mod file;
mod folder;
pub mod object;
mod upload;
mod uploads;

pub use self::object::ObjectSink;
pub use self::uploads::UnfinishedUploads;
