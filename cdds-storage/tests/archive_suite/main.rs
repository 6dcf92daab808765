//! The archive against real programs, hostile input and itself.

mod hostile;
mod interop;
mod large;
mod properties;
mod support;
