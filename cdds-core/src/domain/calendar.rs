//! Sections F and W: when a job is due, and which stretch of time an occurrence covers. This knows nothing about
//! jobs. Slots and windows are in UTC; a [wall clock](wall_clock) stands between a [frequency] and its slots.

pub mod frequency;
pub mod schedule;
pub mod timeframe;
pub mod wall_clock;
pub mod window;
pub mod zone;
