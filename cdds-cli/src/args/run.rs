//! `cdds run`

use clap::Args;

use crate::choice::EventForm;

#[derive(Debug, Args)]
#[command(
    after_help = "On a terminal, bars on stderr show each running export: share, remaining time, rate, parts. \
                  Elsewhere each event is a line:\n\n  \
                  2026-01-31T02:00:05.120Z event=started execution=ID job=ID title=\"Voice\" slot=… attempt=1\n\n\
                  Events: started; progress (each tenth, and once a minute: percent, remaining_seconds, records, \
                  rejected, bytes_read, bytes_written, parts; --no-progress leaves it out); then the status: \
                  finished or finished_with_errors (the counts, undated), failed (error), cancelled, skipped \
                  (reason), queued (again_at, error: it is tried again), all with seconds; abandoned (another \
                  worker has it); waiting (waits_since, complete_until, window_end: its source is not complete \
                  for long); idle (begins_at, error, waits_since: nothing runs, and --until-idle waits for this \
                  execution). Fields are only ever added."
)]
pub(crate) struct RunArgs {
    /// Return when nothing is due or queued; fails if an execution failed
    ///
    /// Waits for what is tried again after a failure, which takes 30 seconds to 15 minutes for each of up to five times,
    /// and for sources that are not complete yet. It says for what it waits. `--retries 0` of a job leaves out the first.
    #[arg(long)]
    pub(crate) until_idle: bool,

    /// Write each event as a line to stderr, even on a terminal and with --output json
    #[arg(long, value_name = "FORM")]
    pub(crate) events: Option<EventForm>,

    /// After a rollback, go on with jobs in time zones by this program's older database of these
    #[arg(long)]
    pub(crate) accept_older_zones: bool,
}
