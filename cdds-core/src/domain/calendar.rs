//! Sections F and W: when a job is due, and which stretch of time an occurrence covers. This is plain UTC
//! arithmetic that knows nothing about jobs.

pub mod frequency;
pub mod timeframe;
pub mod window;
