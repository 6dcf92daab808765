//! One attempt at one execution. The steps, each in its own file, in the order of the data:
//!
//! ```text
//! attempt ─ begin:   the source is asked, the window frozen
//!     │     prepare: sources, recipients; of a data subject's copy: who asks (subject)
//!     │     read:    records → template → complete files      ┐
//!     │     subjects: whom they name → filters                │
//!     │     pack:    files → compressed → parts, sealed       ├ transfer: all three at once
//!     │     store:   parts → uploads, made durable            ┘
//!     │     publish: names, manifest, signature
//!     └──── settle:  commit, or the end without one
//! ```

mod attempt;
mod begin;
mod pack;
mod prepare;
mod publish;
mod read;
mod settle;
mod store;
mod subject;
mod subjects;
mod transfer;

pub(super) use self::attempt::export;
pub(super) use self::settle::release;
