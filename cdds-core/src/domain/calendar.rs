//! Sections J and W: when a job is due, and which records an occurrence covers. Plain UTC arithmetic: nothing here
//! knows of jobs.

pub mod frequency;
pub mod timeframe;
pub mod window;
