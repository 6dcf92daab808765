#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod archive;
pub mod catalog;
pub mod durable;
mod private;
pub mod sink;
pub mod source;
pub mod workers;
