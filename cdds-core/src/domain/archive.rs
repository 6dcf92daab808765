//! Section A: how records become files, files become parts, and how long parts are kept.

pub mod adoption;
pub mod artifact;
pub mod cut;
pub mod errors_file;
pub mod index;
pub mod layout;
pub mod manifest;
pub mod part_name;
pub mod removal;
pub mod retention;
pub mod split_size;
