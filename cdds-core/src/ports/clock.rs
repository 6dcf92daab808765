//! The time of this process.

use std::fmt::Debug;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;

/// Tells the time and waits.
///
/// # Contract
/// [`now`](Clock::now) is civil time and may jump; [`monotonic`](Clock::monotonic) never goes back
/// and is used for durations only. [`sleep`](Clock::sleep) follows the monotonic clock.
///
/// Decisions are not made by it, since the clocks of machines differ, but by
/// [`WorkQueue::now`](super::catalog::WorkQueue::now). An embedded catalog reads it from such a clock.
///
/// # Errors
/// None: a clock always answers.
///
/// # Cancel safety
/// A dropped `sleep` has no effect.
pub trait Clock: Debug + Send + Sync {
    /// Returns the current instant, UTC.
    fn now(&self) -> DateTime<Utc>;

    /// Returns the time elapsed since an arbitrary fixed point; never decreases.
    fn monotonic(&self) -> Duration;

    /// Completes after `duration`. A zero duration completes at once.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}
