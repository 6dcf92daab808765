//! Warnings about the clock, shown by `run` before it begins, and by `doctor`.

use cdds_core::domain::clock::ClockVerdict;
use cdds_core::service::clock::{ClockReport, JobAhead};
use cdds_view::words;
use chrono::{DateTime, SecondsFormat, Utc};

use crate::console::Console;
use crate::text::printable;

/// How many jobs are named one by one.
const NAMED_MAX: usize = 5;

/// Warns before a run.
pub(super) fn tell(report: &ClockReport, console: &Console) {
    if let Some(doubt) = doubt(report) {
        console.note(&format!("warning: {doubt}; {}", set_it()));
    }
    for ahead in report.ahead.iter().take(NAMED_MAX) {
        console.note(&format!("warning: {}; {}", lies_ahead(ahead, report.now), bring_back(ahead)));
    }
    let more = report.ahead.len().saturating_sub(NAMED_MAX);
    if more > 0 {
        let more = words::counted(more as u64, "other job");
        console.note(&format!("warning: ahead of the clock: {more}, all named by `cdds doctor`"));
    }
}

/// Describes the fault if both the record and the store disagree with the clock.
pub(super) fn doubt(report: &ClockReport) -> Option<String> {
    let (side, other) = match report.verdict {
        ClockVerdict::Trusted => return None,
        ClockVerdict::Ahead(other) => ("behind it", other),
        ClockVerdict::Behind(other) => ("ahead of it", other),
    };
    Some(format!(
        "the clock shows {}, but the record and the store are both {side}, at about {}: until they agree, \
         nothing expires",
        rfc3339(report.now),
        rfc3339(other)
    ))
}

/// Returns the advice on setting the clock.
pub(super) fn set_it() -> &'static str {
    "set the clock of this machine, preferably by NTP; if it is correct now but was not before, bring back \
     the jobs that lie ahead"
}

/// Says that a job lies ahead of the clock, and what follows from it.
pub(super) fn lies_ahead(ahead: &JobAhead, now: DateTime<Utc>) -> String {
    let JobAhead { job, until } = ahead;
    format!(
        "job {} ({}) lies ahead of the clock, up to {}, {} from now: until then it does not run, or \
         finds nothing new; a clock was ahead when it last ran, or --now was mistyped",
        printable(job.settings.title.as_str()),
        job.id,
        rfc3339(*until),
        words::counted((*until - now).num_days().unsigned_abs(), "day")
    )
}

/// Returns the command that brings the job back.
pub(super) fn bring_back(ahead: &JobAhead) -> String {
    let JobAhead { job, .. } = ahead;
    let owner = match job.owner.as_str() {
        "default" => String::new(),
        owner => format!(" --owner {owner}"),
    };
    format!("if the clock is correct now, run `cdds job bring-back {}{owner}`", job.id)
}

fn rfc3339(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
