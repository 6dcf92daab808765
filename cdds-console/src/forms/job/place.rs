//! Beside which field a refusal stands.

use cdds_core::domain::calendar::frequency::FrequencyKind;
use cdds_core::domain::violation::{Code, RuleViolation};

use super::groups::{Groups, PLACES, READS, SUBSCRIBERS};
use super::kind;
use crate::answers::Answers;
use crate::forms::Fault;

/// Puts the refusal of a service beside the field that caused it.
pub(crate) fn fault_of(refusal: &RuleViolation, answers: &Answers) -> Fault {
    let words = refusal.to_string();
    Fault { field: field(refusal.code(), &words, answers), words }
}

fn field(code: Code, words: &str, answers: &Answers) -> String {
    let frame = answers.one("frame").unwrap_or("all");
    match code {
        Code::InvalidTitle => "title",
        Code::InvalidDescription => "description",
        Code::InvalidName | Code::UnknownSource | Code::UnsupportedSource => "source",
        Code::UnknownType | Code::InvalidTypes => return of_read("type", words, answers),
        Code::UnknownCategory | Code::EmptyCategories => return of_read("cat", words, answers),
        Code::UnknownField | Code::InvalidTemplate => {
            let fields = of_read("fields", words, answers);
            return match answers.one(&fields) {
                Some(_) => fields,
                None => fields.replace("fields", "filters"),
            };
        }
        Code::StartInPast => "once-date",
        Code::InvalidFrequency | Code::InvalidCron | Code::InvalidTimeOfDay => {
            kind(answers).map_or("run", |kind| of_code(code, kind))
        }
        Code::InvalidTimeZone => "time-zone",
        Code::InvalidTimeframe if matches!(frame, "rolling" | "previous") => return format!("{frame}-count"),
        Code::InvalidTimeframe if frame == "fixed" => "fixed-to-date",
        Code::InvalidTimeframe | Code::TimeframeNeedsInstant => "frame",
        Code::InvalidSplitSize | Code::SplitSizeTooLargeToSeal => "split-size",
        Code::InvalidRetention => "retention-days",
        Code::RecipientRequired | Code::UnknownRecipient | Code::InvalidCertificate => "recipient",
        Code::InvalidDestinations | Code::UnknownDestination | Code::PlaintextOverOpenTransport => {
            return named(PLACES, "to", words, answers);
        }
        Code::InvalidSubscribers => return named(SUBSCRIBERS, "who", words, answers),
        Code::InvalidPeriod | Code::JobEnded => "ends-date",
        Code::WatermarkChoiceRequired | Code::NoWatermark => "watermark",
        Code::RecurringOnly => "first-run-now",
        _ => "",
    }
    .to_owned()
}

/// Puts the refusal of a range beside the fields of a range, or above them.
pub(crate) fn of_range(refusal: &RuleViolation) -> Fault {
    let field = if refusal.code() == Code::InvalidRange { "to-date" } else { "" };
    Fault { field: field.to_owned(), words: refusal.to_string() }
}

/// Returns the field of the group whose type a refusal names: one of a job with several types does (rule J17).
fn of_read(name: &str, words: &str, answers: &Answers) -> String {
    let named = |number: &usize| {
        let data_type = answers.one(&format!("type-{number}"));
        data_type.is_some_and(|data_type| words.contains(&format!("type {data_type}: ")))
    };
    let number = (0..READS.of(answers)).find(named).unwrap_or(0);
    format!("{name}-{number}")
}

/// Returns the field of the group whose answer a refusal names, or of the last group. Of two names of which one is part
/// of the other, the longer one is meant.
fn named(groups: Groups, field: &str, words: &str, answers: &Answers) -> String {
    let name = |number: usize| {
        let typed = answers.one(&format!("{field}-{number}"))?.trim();
        Some(typed.trim_start_matches("mailto:").trim_start_matches("webhook:"))
    };
    let count = groups.of(answers);
    let is_named = |number: &usize| name(*number).is_some_and(|name| words.contains(name));
    let found = (0..count).filter(is_named).max_by_key(|number| name(*number).map_or(0, str::len));
    format!("{field}-{}", found.unwrap_or(count.saturating_sub(1)))
}

/// Returns the field of a refused part of a frequency.
pub(super) fn of_schedule(refusal: &RuleViolation, kind: FrequencyKind) -> &'static str {
    of_code(refusal.code(), kind)
}

fn of_code(code: Code, kind: FrequencyKind) -> &'static str {
    match (code, kind) {
        (Code::InvalidTimeOfDay, kind) => of_part("at", kind),
        (_, FrequencyKind::Hourly) => "every",
        (_, kind @ (FrequencyKind::Weekly | FrequencyKind::Monthly)) => of_part("day", kind),
        (_, FrequencyKind::Cron) => "cron",
        _ => "run",
    }
}

/// Returns the field of a part of a schedule, which job files name.
pub(super) fn of_part(part: &str, kind: FrequencyKind) -> &'static str {
    match (part, kind) {
        ("at", FrequencyKind::Daily) => "daily-at",
        ("at", FrequencyKind::Weekly) => "weekly-at",
        ("at", FrequencyKind::Monthly) => "monthly-at",
        ("day", FrequencyKind::Weekly) => "weekly-day",
        ("day", FrequencyKind::Monthly) => "monthly-day",
        ("cron", _) => "cron",
        _ => "run",
    }
}
