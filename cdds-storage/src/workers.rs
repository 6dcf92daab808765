//! The CPU pool.
