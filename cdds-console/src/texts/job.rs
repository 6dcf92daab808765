//! The page and the form of a job, and its list.

use cdds_core::Title;
use cdds_view::words;

pub(crate) const WHOLE_NUMBER: &str = "Enter a whole number.";
pub(crate) const CHOOSE_ONE: &str = "Choose one of these.";
pub(crate) const TICK_KIND: &str = "tick at least one";
pub(crate) const NEEDED: &str = "This is needed for what you have chosen: fill it in.";
pub(crate) const SPLIT_SIZE_FORM: &str = "Enter a number of MB, or one with a unit: 64KiB, 100MiB, 1GiB.";
pub(crate) const TIME_FORM: &str = "Enter a time of 24 hours, such as 02:00.";
pub(crate) const DAY_FORM: &str = "Enter a day, such as 2026-11-26.";
pub(crate) const DAY_TOO: &str = "Enter the day as well as the time.";

pub(crate) const EDIT_JOB: &str = "Edit job";
pub(crate) const CLONE_JOB: &str = "Add a job as a clone";
pub(crate) const ERROR: &str = "Error: ";
pub(crate) const NOT_SAVED_ONE: &str = "Not saved: one answer needs a change";
pub(crate) const NOT_SHOWN: &str = "Before the next runs can be shown, this needs a change";
pub(crate) const NOT_SAVED: &str = "Not saved: some answers need a change";
pub(crate) const SAVE: &str = "Save job";
pub(crate) const UPDATE_PREVIEW: &str = "Update preview";
pub(crate) const CANCEL: &str = "Cancel";
pub(crate) const OPTIONAL: &str = " (optional)";
pub(crate) const OPTIONAL_SAYS: &str = "Fields marked “optional” may stay empty. All others are needed.";

pub(crate) const ABOUT: &str = "About";
pub(crate) const DESCRIPTION: &str = "Description";
pub(crate) const DATA: &str = "Data";
pub(crate) const NUMBERED_TYPE: &str = "Type";
pub(crate) const TYPES_SAY: &str = "Choose a type of the source.";
pub(crate) const SHOW_CHOICES: &str = "Show the choices of this type";
pub(crate) const NOT_REGISTERED: &str = "not registered here";
pub(crate) const CATEGORIES: &str = "Categories";
pub(crate) const ONLY_THESE: &str = "Only these";
pub(crate) const FIELDS_AND_FILTERS: &str = "Fields and filters";
pub(crate) const FIELDS: &str = "Fields";
pub(crate) const FIELDS_SAY: &str = "One name a line. Empty means all.";
pub(crate) const FIELDS_ARE: &str = "This type has: ";
pub(crate) const FILTERS: &str = "Filters";
pub(crate) const FILTERS_SAY: &str =
    "One a line, such as field=value or field in one,two. A record must fit them all.";
pub(crate) const ADD_ANOTHER: &str = "Add another type";
pub(crate) const REMOVE_TYPE: &str = "Remove type";

pub(crate) const SCHEDULE: &str = "Schedule";
pub(crate) const RUN: &str = "Run";
pub(crate) const ALL_UTC: &str = "All times are in UTC.";
pub(crate) const ALL_OTHERS_UTC: &str =
    "Times of day are by the time zone below; all other times are in UTC.";
pub(crate) const ZONE_SAYS: &str = "Such as Europe/Berlin. Empty means UTC.";
pub(crate) const GAP: &str = "A time that the clock leaves out";
pub(crate) const RIGHT_AFTER: &str = "Run right after";
pub(crate) const NOT_THAT_DAY: &str = "Skip it";
pub(crate) const FOLD: &str = "A time that the clock shows twice";
pub(crate) const FIRST_TIME: &str = "Run the first time";
pub(crate) const SECOND_TIME: &str = "Run the second time";
pub(crate) const BOTH_TIMES: &str = "Run both times";
pub(crate) const SHIFTED: &str = "Right after a change of the clock, which leaves its time out";
pub(crate) const SECOND: &str = "The second time that the clock shows this";
pub(crate) const ONCE: &str = "Once";
pub(crate) const HOURLY: &str = "Hourly";
pub(crate) const DAILY: &str = "Daily";
pub(crate) const WEEKLY: &str = "Weekly";
pub(crate) const MONTHLY: &str = "Monthly";
pub(crate) const CRON: &str = "Cron";
pub(crate) const START_ON: &str = "Start on";
pub(crate) const START_SAYS: &str = "Empty starts it immediately.";
pub(crate) const DAILY_AT: &str = "Daily at";
pub(crate) const WEEKLY_AT: &str = "Weekly at";
pub(crate) const MONTHLY_AT: &str = "Monthly at";
pub(crate) const TIME_SAYS: &str = "24 hours: 02:00";
pub(crate) const EVERY: &str = "Every, hours";
pub(crate) const EVERY_SAYS: &str = "1 to 23, from 00:00";
pub(crate) const MINUTE: &str = "At minute";
pub(crate) const MINUTE_SAYS: &str = "0 to 59";
pub(crate) const DAY_OF_WEEK: &str = "Day of week";
pub(crate) const DAY_OF_MONTH: &str = "Day of month";
pub(crate) const DAY_OF_MONTH_SAYS: &str = "1 to 31";
pub(crate) const MISSING_DAY: &str = "If it has no such day";
pub(crate) const SKIP_IT: &str = "Skip it";
pub(crate) const LAST_DAY: &str = "Use its last day";
pub(crate) const EXPRESSION: &str = "Expression";
pub(crate) const EXPRESSION_SAYS: &str = "Minute, hour, day, month, weekday";
pub(crate) const NOT_BEFORE: &str = "Not before";
pub(crate) const NOT_AFTER: &str = "Not after";
pub(crate) const FIRST_RUN: &str = "Run once now as well";
pub(crate) const WEEKDAYS: [(&str, &str); 7] = [
    ("mon", "Monday"),
    ("tue", "Tuesday"),
    ("wed", "Wednesday"),
    ("thu", "Thursday"),
    ("fri", "Friday"),
    ("sat", "Saturday"),
    ("sun", "Sunday"),
];

pub(crate) const RANGE: &str = "Date range of data";
pub(crate) const RANGE_SAYS: &str =
    "A range holds its start and leaves out its end, so that nothing is exported twice.";
pub(crate) const EXPORT: &str = "Export";
pub(crate) const SINCE_LAST: &str = "New or changed since the last export";
pub(crate) const ROLLING: &str = "The time before each start";
pub(crate) const PREVIOUS: &str = "Whole calendar units before each start";
pub(crate) const FIXED: &str = "A fixed interval";
pub(crate) const EVERYTHING: &str = "Everything";
pub(crate) const ORIGIN: &str = "The first export begins on";
pub(crate) const NUMBER: &str = "Number";
pub(crate) const UNIT: &str = "Unit";
/// The first is chosen until somebody chooses: most jobs run once a day.
pub(crate) const UNITS: [(&str, &str); 4] = [("d", "Days"), ("w", "Weeks"), ("mo", "Months"), ("h", "Hours")];
pub(crate) const FROM: &str = "From";
pub(crate) const TO: &str = "To";

pub(crate) const FILES: &str = "Files and encryption";
pub(crate) const FILE_SIZE: &str = "File size, MB";
pub(crate) const FILE_SIZE_SAYS: &str =
    "Larger exports are split into parts. Empty means one file. With a unit: 64KiB, 1GiB.";
pub(crate) const ENCRYPTION: &str = "Encryption";
pub(crate) const SEALED: &str = "Encrypt for these";
pub(crate) const PLAINTEXT: &str = "Nobody: leave the files unencrypted";
pub(crate) const NO_RECIPIENTS: &str = "No certificate is stored yet.";
pub(crate) const ADD_RECIPIENT: &str = "Add a certificate";
pub(crate) const UNTIL: &str = "until ";
pub(crate) const IS_EXPIRED: &str = "Expired: every run would fail";
pub(crate) const EXPIRES_BEFORE_RUN: &str = "Expires before the next run, which would fail";
pub(crate) const NOT_STORED: &str = "not stored any more";
pub(crate) const KEEP: &str = "Keep files for, days";
pub(crate) const KEEP_SAYS: &str = "Empty means as long as this service keeps them.";

pub(crate) const WHEN_WRONG: &str = "When things go wrong";
pub(crate) const RETRIES: &str = "Tries after a failure";
pub(crate) const RETRIES_SAYS: &str = "0 to 100";
pub(crate) const PAUSE: &str = "Suspend after failures in a row";
pub(crate) const BAD_RECORDS: &str = "Unreadable records to set aside";
pub(crate) const BAD_RECORDS_SAY: &str = "Empty stops at the first one.";
pub(crate) const OVERLAP: &str = "Due while still waiting or running";
pub(crate) const BY_TIMEFRAME: &str = "As fits the date range";
pub(crate) const QUEUE: &str = "Run each";
pub(crate) const COALESCE: &str = "Let the newest cover the others";
pub(crate) const CATCH_UP: &str = "Missed while nothing ran";
pub(crate) const CATCH_UP_LIMIT: &str = "Catch up at most";
pub(crate) const DURATION_SAYS: &str = "Such as 30s, 10m, 6h or 7d";
pub(crate) const JITTER: &str = "Random delay, at most";
pub(crate) const INCOMPLETE: &str = "While the source is not complete";
pub(crate) const WAIT: &str = "Wait";
pub(crate) const GO_ON: &str = "Go on after a while";
pub(crate) const GO_ON_AFTER: &str = "Go on after";

pub(crate) const WATERMARK: &str = "Exported so far";
pub(crate) const WATERMARK_SAYS: &str = "Needed if the edit changes which records are exported.";
pub(crate) const WATERMARK_KEPT: &str = "Leave it as it is";
pub(crate) const WATERMARK_CONTINUE: &str = "Continue where the last export ended";
pub(crate) const WATERMARK_RESET: &str = "Export everything again";

pub(crate) const NEXT_RUNS: &str = "Next ten runs";
pub(crate) const NO_PREVIEW_YET: &str = "The runs are shown as soon as this is in place:";
pub(crate) const NO_PREVIEW: &str =
    "Press “Update preview” to see when this job would run, and what each run would export.";
pub(crate) const PREVIEW_SAYS: &str =
    "With these answers it would run at these times. Records are counted as the source estimates them now.";
pub(crate) const NO_RUN: &str = "It would not run.";
pub(crate) const BEGINNING: &str = "The beginning";
pub(crate) const SO_FAR: &str = "so far";
pub(crate) const RECORDS_UNKNOWN: &str = "Number of records unknown";

/// Says how many records a source estimates.
pub(crate) fn about(records: u64) -> String {
    format!("About {}", words::counted(records, "record"))
}

pub(crate) const SHOW_SAMPLE: &str = "Show a sample";
pub(crate) const SAMPLE: &str = "Sample of records";
pub(crate) const SAMPLE_SAYS: &str = "The first records, field by field. Each value is masked: letters are x, digits 0. Fields without a value are left out, as in an export.";
pub(crate) const A_TEXT: &str = "text";
pub(crate) const A_NUMBER: &str = "number";
pub(crate) const A_DAY: &str = "day";
pub(crate) const AN_INSTANT: &str = "time";
pub(crate) const TRUTH: &str = "yes or no";
pub(crate) const NULL: &str = "empty";
pub(crate) const LIST_OF: &str = "list of";
pub(crate) const ITEM: &str = "item";
pub(crate) const SAMPLE_PARTIAL: &str = "The source failed or was slow: there may be more.";
pub(crate) const SAMPLE_EMPTY: &str = "No record fits.";

pub(crate) const OVERTAKEN: &str = "This job was changed while you were editing it";
pub(crate) const OVERTAKEN_WAY_OUT: &str =
    "What you typed is still below and not saved. Saving again puts your answers in place of that change.";
pub(crate) const SEE_PRESENT: &str = "See the job as it is now";

/// `Not before, time in UTC`: the label of the time beside a day.
pub(crate) fn time_of(day: &str) -> String {
    format!("{day}, time in UTC")
}

/// Returns the label of a field, for the list of what is refused.
pub(crate) fn label(field: &str) -> &'static str {
    let group = field.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('-');
    match group {
        "title" => super::TITLE,
        "description" => DESCRIPTION,
        "source" => super::SOURCE,
        "type" => NUMBERED_TYPE,
        "cat" => CATEGORIES,
        "fields" => FIELDS,
        "filters" => FILTERS,
        "run" | "first-run-now" => RUN,
        "once-date" | "once-time" => START_ON,
        "every" => EVERY,
        "minute" => MINUTE,
        "daily-at" => DAILY_AT,
        "weekly-at" => WEEKLY_AT,
        "monthly-at" => MONTHLY_AT,
        "weekly-day" => DAY_OF_WEEK,
        "monthly-day" => DAY_OF_MONTH,
        "cron" => EXPRESSION,
        "time-zone" => TIME_ZONE,
        "gap" => GAP,
        "fold" => FOLD,
        "starts-date" | "starts-time" => NOT_BEFORE,
        "ends-date" | "ends-time" => NOT_AFTER,
        "split-size" => FILE_SIZE,
        "recipient" => ENCRYPTION,
        "retention-days" => KEEP,
        "retries" => RETRIES,
        "pause-after-failures" => PAUSE,
        "bad-records" => BAD_RECORDS,
        "overlap" => OVERLAP,
        "catch-up" | "catch-up-limit" => CATCH_UP,
        "jitter" => JITTER,
        "incomplete" | "go-on-after" => INCOMPLETE,
        "watermark" => WATERMARK,
        "to" => super::delivery::DESTINATION,
        "path" => super::delivery::FOLDER,
        "receipt" => super::delivery::DESTINATIONS,
        "who" | "told" => super::delivery::NOTIFY,
        _ => RANGE,
    }
}

pub(crate) const JOB: &str = "Job";
pub(crate) const EDIT: &str = "Edit";
pub(crate) const CLONE: &str = "Clone";
pub(crate) const DELETE_JOB: &str = "Delete job";
pub(crate) const KEEP_JOB: &str = "Keep it";
pub(crate) const DELETE_SAYS: &str =
    "It will not run again. Its history stays, and its files stay until they expire on their own.";
pub(crate) const LATEST_RUN: &str = "Latest run";
pub(crate) const EXPORTED_UNTIL: &str = "Exported until";
pub(crate) const NOTHING_YET: &str = "Nothing yet";
pub(crate) const NOT_INCREMENTAL: &str = "Each run has its own range";
pub(crate) const LAST_RUNS: &str = "Last 10 runs";
pub(crate) const EXECUTIONS: &str = "Executions";
pub(crate) const NO_EXECUTIONS: &str = "It has not run yet.";
pub(crate) const ALL_EXECUTIONS: &str = "All executions of this job";
pub(crate) const STARTED_FOR: &str = "Started for";
pub(crate) const STATUS: &str = "Status";
pub(crate) const EXPORTED_DATA: &str = "Data";
pub(crate) const RECORDS: &str = "Records";
pub(crate) const FILE_COUNT: &str = "Files";
pub(crate) const END_OF_LAST: &str = "The end of the last export";
pub(crate) const BACKFILL: &str = "Export a range of the past";
pub(crate) const BACKFILL_SAYS: &str = "Queues one run for each time at which the schedule starts in this range. Each exports the data before its start, as the job says: a daily run at 02:00 on 5 May exports the day before. The job itself stands where it stood. The range holds its start and leaves out its end; a day without a time means 00:00.";
pub(crate) const BACKFILL_NOW: &str = "Queue these runs";
pub(crate) const EXPORTS_DATA: &str = "It exports the data from";
pub(crate) const FIRST_OF_THEM: &str = "The first exports the data from";
pub(crate) const LAST_OF_THEM: &str = "the last from";
pub(crate) const END_OF_LAST_EXPORT: &str = "the end of the last export";
pub(crate) const THE_BEGINNING: &str = "the beginning";
pub(crate) const UNTIL_THEN: &str = "to";
pub(crate) const CHANGES: &str = "Who changed what";
pub(crate) const ALL_CHANGES: &str = "Everything since the job was created";
pub(crate) const SETTINGS: &str = "Settings";
pub(crate) const SCHEDULE_AND_RANGE: &str = "Schedule and range";
pub(crate) const RUNS: &str = "Runs";
pub(crate) const TIME_ZONE: &str = "Time zone";
pub(crate) const EXPORTS: &str = "Exports";
pub(crate) const NO_BOUND: &str = "No bound";
pub(crate) const FILE_SIZE_AT_MOST: &str = "File size";
pub(crate) const ONE_FILE: &str = "One file";
pub(crate) const ENCRYPTED_FOR: &str = "Encrypted for";
pub(crate) const NOT_ENCRYPTED: &str = "Nobody: the files are unencrypted";
pub(crate) const KEPT_FOR: &str = "Kept for";
pub(crate) const EXPIRES: &str = "A certificate expires";
pub(crate) const AS_SERVICE: &str = "Default of the service";
pub(crate) const RECORD: &str = "Record";
pub(crate) const CHANGED: &str = "Last changed";
pub(crate) const VERSION: &str = "Version";
pub(crate) const FAILURES: &str = "Failures in a row";

pub(crate) const AHEAD: &str = "This job lies in the future";
pub(crate) const AHEAD_UNTIL: &str = "Its record reaches until";
pub(crate) const AHEAD_SAYS: &str = "A clock was ahead, or an instant was mistyped: it exports nothing until then. \
    Bringing it back lets it continue from where it was.";
pub(crate) const BRING_BACK: &str = "Bring it back";
pub(crate) const SINCE: &str = "Since";
pub(crate) const WAS_PAUSED: &str = "was paused after";
pub(crate) const PAUSED_SAYS: &str = "Mend the cause first. Resuming goes on with the next start.";
pub(crate) const WAS_SKIPPED: &str = "was skipped.";
pub(crate) const IN_NO_SET: &str = "No later run exports these records.";
pub(crate) const SEE_GAP: &str = "See what to do";
pub(crate) const SUSPENDED_SAYS: &str =
    "The schedule starts nothing until it is resumed. “Run now” still does.";
pub(crate) const AWAITS_START: &str = "It waits to start";
pub(crate) const AWAITS_START_SAYS: &str =
    "It runs once, as soon as a worker is free. There is nothing to resume.";
pub(crate) const NEVER_STARTED: &str = "Its run was ended before it began";
pub(crate) const NEVER_STARTED_SAYS: &str =
    "It runs only once. To export, edit it and set a start, or clone it.";
pub(crate) const RAN_ONCE: &str = "It has run, and runs only once";
pub(crate) const RAN_ONCE_SAYS: &str = "Nothing is left to do. To export again, clone it.";
pub(crate) const ENDED: &str = "Its last start has passed";
pub(crate) const ENDED_SAYS: &str =
    "Nothing more starts. To go on, edit it and set a later end, or clone it.";
pub(crate) const LATEST_FAILED: &str = "The latest run failed";
pub(crate) const SEE_FAILED: &str = "See what happened, and run it again";

/// `Expires in 10 d`
pub(crate) fn expires(left: &str) -> String {
    format!("Expires {left}")
}

/// Returns the question before a job is deleted.
pub(crate) fn delete_title(title: &str) -> String {
    format!("Delete “{title}”?")
}

/// Says that a job was suspended by its failures.
pub(crate) fn paused(failures: u32) -> String {
    format!("Paused after {}", self::failures(failures))
}

/// `3 failures`
pub(crate) fn failures(count: u32) -> String {
    words::counted(count.into(), "failure")
}

/// `4 runs were queued.`
pub(crate) fn queued(runs: u64) -> String {
    format!("{} {} queued.", words::counted(runs, "run"), if runs == 1 { "was" } else { "were" })
}

/// Says how often an incremental job began again.
pub(crate) fn begun_again(times: u64) -> String {
    format!("Begun again {}", words::counted(times, "time"))
}

pub(crate) const CHOOSE_A_DEED: &str = "choose one of history, clone, edit, run, suspend, resume, delete";
pub(crate) const TICK_ONE: &str = "tick a single job for this";
pub(crate) const DELETE_MANY_SAYS: &str =
    "They will not run again. Their history stays, and their files stay until they expire on their own.";
pub(crate) const DELETE_THEM: &str = "Delete these jobs";
pub(crate) const KEEP_THEM: &str = "Keep them";
pub(crate) const FROM_DAY: &str = "from";
pub(crate) const BEFORE_DAY: &str = "before";
pub(crate) const RENEW: &str = "Renew";
pub(crate) const SEALED_FOR: &str = "Encrypted for";
pub(crate) const CERTIFICATE_EXPIRES: &str = "has a certificate that expires";

/// Returns the question before several jobs are deleted.
pub(crate) fn delete_many(count: usize) -> String {
    format!("Delete {}?", words::counted(count as u64, "job"))
}

pub(crate) const CLONE_MANY_SAYS: &str = "Each clone is a draft of its own: change what you like, then save it. Nothing is added and \
    nothing runs before you do.";

/// Returns the title of the page that leads to several drafts.
pub(crate) fn clone_many(count: usize) -> String {
    format!("Clone {}", words::counted(count as u64, "job"))
}

/// Returns the title of a clone, unless it were too long.
pub(crate) fn copy_of(title: &str) -> String {
    let copy = format!("{title} (copy)");
    if copy.chars().count() > Title::CHARS_MAX { title.to_owned() } else { copy }
}
