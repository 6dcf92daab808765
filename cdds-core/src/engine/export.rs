//! One attempt at one execution. The files below are in the order of the data.

mod attempt;
mod keys;
mod pack;
mod publish;
mod read;
mod store;

pub(super) use self::attempt::{delete_all, export, release};
pub(super) use self::keys::execution as files_of;
pub(crate) use self::keys::writer as writer_of;
