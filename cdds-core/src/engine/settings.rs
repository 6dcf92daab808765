//! The settings of an engine.

use std::num::NonZeroUsize;
use std::time::Duration;

use chrono::TimeDelta;

use crate::domain::archive::cut::CutLimits;
use crate::domain::archive::retention::RetentionDays;
use crate::domain::calendar::zone::database::Database;
use crate::domain::execution::retry::RetryPolicy;
use crate::domain::execution::schedule::CATCH_UP_LIMIT;
use crate::domain::keeping::RecordRetention;
use crate::setters::setters;

/// The settings of an engine; the defaults are those of the rules.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct EngineSettings {
    /// How many executions run at the same time (rule E2).
    pub concurrency: NonZeroUsize,
    /// How many deliveries run at the same time (rule N4), at most half of them to destinations whose last use failed.
    pub deliveries: NonZeroUsize,
    /// How many notices of each channel are sent at the same time (rule N4).
    pub notices: NonZeroUsize,
    /// How long a claim holds without a sign of life.
    pub lease: Duration,
    /// How long a graceful stop waits for running executions.
    pub grace: Duration,
    /// How long an execution may run without reading or storing a record or a byte. After that it ends, and
    /// is retried as after any transient failure (rule E5). Must exceed the time that the slowest source
    /// takes to its first record, for instance to sort, and the time that the store takes for one write.
    pub stall: Duration,
    /// How long an execution may wait for its source before the observer is told (rule W3b). One hour by
    /// default.
    pub tell_waiting_after: Duration,
    /// The service's own retention (rule A7): a published set expires after the shorter of this and its job's.
    /// Give [`JobRules::retention`](crate::JobRules) the same value: by it, jobs that ask for more are refused.
    pub retention: RetentionDays,
    /// How long the record is kept: history, audit, downloads and notices (rule E14). 400 days by default.
    /// One that would not outlive the artifacts by 30 days counts as the shortest one that does.
    pub record_retention: RecordRetention,
    /// How far back missed occurrences are caught up (rule E4).
    pub catch_up_limit: TimeDelta,
    /// The retry policy after a failure (rule E5).
    pub retry: RetryPolicy,
    /// Whether expiry waits while catalog and store both disagree with the clock (rule A7). Turn it off for a
    /// clock that shows a requested time.
    pub doubt_clock: bool,
    /// The database of time zones (rule F9). Leave it: it is part of the program.
    pub zones: Database,
    /// Whether the engine goes on with jobs that have a zone after the program was rolled back to a version with an older
    /// database of time zones: their slots are computed anew by that one, once, when the engine starts. If not, they wait
    /// for an engine with the newer database, or one that is newer still.
    pub accept_older_zones: bool,
    /// How records are cut into files; part of what makes reruns identical (rule A6).
    pub cut: CutLimits,
}

setters! {
    EngineSettings {
        with_concurrency => concurrency: value NonZeroUsize;
        with_deliveries => deliveries: value NonZeroUsize;
        with_notices => notices: value NonZeroUsize;
        with_lease => lease: value Duration;
        with_grace => grace: value Duration;
        with_stall => stall: value Duration;
        with_tell_waiting_after => tell_waiting_after: value Duration;
        with_retention => retention: value RetentionDays;
        with_record_retention => record_retention: value RecordRetention;
        with_catch_up_limit => catch_up_limit: value TimeDelta;
        with_retry => retry: value RetryPolicy;
        with_doubt_clock => doubt_clock: value bool;
        with_zones => zones: value Database;
        with_accept_older_zones => accept_older_zones: value bool;
        with_cut => cut: value CutLimits;
    }
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            concurrency: NonZeroUsize::MIN.saturating_add(1),
            deliveries: NonZeroUsize::MIN.saturating_add(3),
            notices: NonZeroUsize::MIN.saturating_add(7),
            lease: Duration::from_secs(60),
            grace: Duration::from_secs(30),
            stall: Duration::from_secs(3600),
            tell_waiting_after: Duration::from_secs(3600),
            retention: RetentionDays::default(),
            record_retention: RecordRetention::default(),
            catch_up_limit: CATCH_UP_LIMIT,
            retry: RetryPolicy::default(),
            doubt_clock: true,
            zones: Database::bundled(),
            accept_older_zones: false,
            cut: CutLimits::default(),
        }
    }
}
