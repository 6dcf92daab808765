//! Stores on file systems that are full or read-only. They need root, since the tests mount them; see
//! `on_mounted_stores` in `.ci/test`.

mod catalog;
mod sink;
