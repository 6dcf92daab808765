//! The sections of the form, in their order.

use cdds_core::domain::recipient::Expires;
use cdds_view::{RecipientView, SourceView, TypeView, words};
use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::super::parts::{day, mark};
use super::Offer;
use crate::forms::job::READS;
use crate::pages::sheet::{Sheet, needed, optional};
use crate::texts::job as texts;
use crate::visit::Visit;

pub(super) fn about(sheet: &Sheet<'_>) -> Markup {
    html! {
        fieldset.rows {
            legend { h2 { (texts::ABOUT) } }
            p.hint { (texts::OPTIONAL_SAYS) " " (texts::ALL_OTHERS_UTC) }
            (sheet.line(needed("title", crate::texts::TITLE, ""), true))
            (sheet.area(optional("description", texts::DESCRIPTION, ""), 2, false))
        }
    }
}

pub(super) fn data(sheet: &Sheet<'_>, offer: &Offer) -> Markup {
    let chosen = sheet.answers.one("source").unwrap_or_default();
    let is_known = offer.sources.iter().any(|source| source.id.as_str() == chosen);
    let sources = html! {
        @if !is_known && !chosen.is_empty() { (missing(chosen)) }
        @for source in &offer.sources {
            @let id = source.id.as_str();
            option value=(id) selected[id == chosen] disabled[!source.supported && id != chosen] {
                (source.title) @if let Some(reason) = &source.reason { " (" (reason) ")" }
            }
        }
    };
    let groups = READS.of(sheet.answers);
    html! {
        fieldset.rows {
            legend { h2 { (texts::DATA) } }
            (sheet.chosen(needed("source", crate::texts::SOURCE, ""), &sources))
            @if offer.sources.is_empty() { p { (crate::texts::NO_SOURCE) } }
            @for number in 0..groups { (read(sheet, offer, chosen, number, groups)) }
            div.acts {
                @if groups < READS.most {
                    button name="do" value="add:reads" formnovalidate { (texts::ADD_ANOTHER) }
                }
                button name="do" value="show" formnovalidate { (texts::SHOW_CHOICES) }
            }
        }
    }
}

/// Keeps a choice that is not offered any more.
fn missing(id: &str) -> Markup {
    html! { option value=(id) selected { (id) " (" (texts::NOT_REGISTERED) ")" } }
}

fn read(sheet: &Sheet<'_>, offer: &Offer, source: &str, number: usize, groups: usize) -> Markup {
    let name = format!("type-{number}");
    let chosen = sheet.answers.one(&name).unwrap_or_default();
    let of_source = offer.sources.iter().find(|known| known.id.as_str() == source);
    let known = of_source.and_then(|known| known.types.iter().find(|known| known.id.as_str() == chosen));
    let label = if groups == 1 {
        texts::NUMBERED_TYPE.to_owned()
    } else {
        format!("{} {}", texts::NUMBERED_TYPE, number + 1)
    };
    let select = sheet.chosen(needed(&name, &label, ""), &types(offer, of_source, chosen, known.is_some()));
    let (fields, filters) = (format!("fields-{number}"), format!("filters-{number}"));
    let names = [fields.as_str(), filters.as_str()];
    let hint = match known.and_then(|known| known.fields.as_ref()) {
        Some(declared) => format!("{} {}{}", texts::FIELDS_SAY, texts::FIELDS_ARE, declared.join(", ")),
        None => texts::FIELDS_SAY.to_owned(),
    };
    html! {
        div.rows {
            div.bar {
                (select)
                @if groups > 1 {
                    button name="do" value={ "drop:reads:" (number) } formnovalidate {
                        (texts::REMOVE_TYPE) " " (number + 1)
                    }
                }
            }
            (categories(sheet, known, number))
            @let id = format!("more-{number}");
            details id=(id) open[sheet.is_open(&id, &names)] {
                summary { (texts::FIELDS_AND_FILTERS) @if groups > 1 { ", " (label) } }
                div.rows {
                    (sheet.area(optional(&fields, texts::FIELDS, &hint), 2, true))
                    (sheet.area(optional(&filters, texts::FILTERS, texts::FILTERS_SAY), 2, true))
                }
            }
        }
    }
}

/// Returns the types of all sources, those of the chosen one first: without a script, choosing a source changes nothing
/// else.
fn types(offer: &Offer, of_source: Option<&SourceView>, chosen: &str, is_known: bool) -> Markup {
    let others = offer.sources.iter().filter(|source| {
        !source.types.is_empty() && of_source.is_none_or(|of_source| of_source.id != source.id)
    });
    html! {
        @if chosen.is_empty() { option value="" selected { (texts::TYPES_SAY) } }
        @if !is_known && !chosen.is_empty() { (missing(chosen)) }
        @if let Some(source) = of_source {
            optgroup label=(source.title) { @for data_type in &source.types {
                option value=(data_type.id) selected[data_type.id.as_str() == chosen] { (data_type.id) }
            } }
        }
        @for source in others {
            optgroup label=(source.title) { @for data_type in &source.types {
                option value=(data_type.id) { (data_type.id) }
            } }
        }
    }
}

fn categories(sheet: &Sheet<'_>, data_type: Option<&TypeView>, number: usize) -> Markup {
    let (cat, field) = (format!("cat-{number}"), format!("category-{number}"));
    let dimension = data_type.and_then(|data_type| data_type.category.as_ref());
    let declared: &[String] = dimension.map_or(&[], |dimension| &dimension.values);
    let typed: Vec<&str> = sheet.answers.all(&field).collect();
    let undeclared = typed.iter().filter(|value| !declared.iter().any(|known| known == *value));
    let choices = html! {
        @for value in declared {
            label.pick {
                input type="checkbox" name=(field) value=(value) checked[typed.contains(&value.as_str())];
                (value)
            }
        }
        @for value in undeclared {
            label.pick { input type="checkbox" name=(field) value=(value) checked; (value) " (" (texts::NOT_REGISTERED) ")" }
        }
    };
    // The word of all pages, and what the source calls them.
    let legend = match dimension {
        Some(dimension) => format!("{}: {}", texts::CATEGORIES, dimension.name),
        None => texts::CATEGORIES.to_owned(),
    };
    html! {
        @if dimension.is_none() && typed.is_empty() && !sheet.is_refused(&[&cat]) {
            input type="hidden" name=(cat) value="all";
        } @else {
            (sheet.group(&cat, &legend, &html! {
                (sheet.option(&cat, "all", crate::texts::ALL, true, &html! {}))
                (sheet.option(&cat, "some", texts::ONLY_THESE, false, &choices))
            }))
        }
    }
}

pub(super) fn schedule(sheet: &Sheet<'_>, is_new: bool) -> Markup {
    let at = |name, label| sheet.time(needed(name, label, texts::TIME_SAYS));
    let missing = [("", texts::SKIP_IT), ("last", texts::LAST_DAY)];
    let choices = html! {
        (sheet.option("run", "once", texts::ONCE, true, &sheet.instant("once", texts::START_ON, texts::START_SAYS, true)))
        (sheet.option("run", "hourly", texts::HOURLY, false, &html! {
            (sheet.number(optional("every", texts::EVERY, texts::EVERY_SAYS)))
            (sheet.number(optional("minute", texts::MINUTE, texts::MINUTE_SAYS)))
        }))
        (sheet.option("run", "daily", texts::DAILY, false, &at("daily-at", texts::DAILY_AT)))
        (sheet.option("run", "weekly", texts::WEEKLY, false, &html! {
            (sheet.select(needed("weekly-day", texts::DAY_OF_WEEK, ""), &texts::WEEKDAYS))
            (at("weekly-at", texts::WEEKLY_AT))
        }))
        (sheet.option("run", "monthly", texts::MONTHLY, false, &html! {
            (sheet.number(needed("monthly-day", texts::DAY_OF_MONTH, texts::DAY_OF_MONTH_SAYS)))
            (at("monthly-at", texts::MONTHLY_AT))
            (sheet.select(needed("missing-day", texts::MISSING_DAY, ""), &missing))
        }))
        (sheet.option("run", "cron", texts::CRON, false, &html! {
            (sheet.short(needed("cron", texts::EXPRESSION, texts::EXPRESSION_SAYS)))
        }))
    };
    html! {
        fieldset.rows {
            legend { h2 { (texts::SCHEDULE) } }
            (sheet.group("run", texts::RUN, &choices))
            (clock(sheet))
            div.grid.pairs {
                (sheet.instant("starts", texts::NOT_BEFORE, "", true))
                (sheet.instant("ends", texts::NOT_AFTER, "", true))
            }
            @if is_new {
                (sheet.error("first-run-now"))
                label.pick {
                    input #first-run-now type="checkbox" name="first-run-now" value="1"
                        checked[sheet.is_answered(&["first-run-now"])];
                    (texts::FIRST_RUN)
                }
            }
        }
    }
}

/// The zone of the times of day, and what happens when its clock is put forward or back.
fn clock(sheet: &Sheet<'_>) -> Markup {
    let gaps = [("", texts::RIGHT_AFTER), ("skip", texts::NOT_THAT_DAY)];
    let folds = [("", texts::FIRST_TIME), ("second", texts::SECOND_TIME), ("both", texts::BOTH_TIMES)];
    html! {
        (sheet.short(optional("time-zone", texts::TIME_ZONE, texts::ZONE_SAYS)))
        div.grid.pairs {
            (sheet.select(optional("gap", texts::GAP, ""), &gaps))
            (sheet.select(optional("fold", texts::FOLD, ""), &folds))
        }
    }
}

pub(super) fn range(sheet: &Sheet<'_>) -> Markup {
    let span = |frame: &str| {
        let (number, unit) = (format!("{frame}-count"), format!("{frame}-unit"));
        html! {
            (sheet.number(needed(&number, texts::NUMBER, "")))
            (sheet.select(needed(&unit, texts::UNIT, ""), &texts::UNITS))
        }
    };
    let choices = html! {
        (sheet.option("frame", "since-last", texts::SINCE_LAST, true, &sheet.instant("origin", texts::ORIGIN, "", true)))
        (sheet.option("frame", "rolling", texts::ROLLING, false, &span("rolling")))
        (sheet.option("frame", "previous", texts::PREVIOUS, false, &span("previous")))
        (sheet.option("frame", "fixed", texts::FIXED, false, &html! {
            (sheet.instant("fixed-from", texts::FROM, "", false))
            (sheet.instant("fixed-to", texts::TO, "", false))
        }))
        (sheet.option("frame", "all", texts::EVERYTHING, false, &html! {}))
    };
    html! {
        fieldset.rows {
            legend { h2 { (texts::RANGE) } }
            p.hint { (texts::RANGE_SAYS) }
            (sheet.group("frame", texts::EXPORT, &choices))
        }
    }
}

/// `next` is when the job would run next, if that is known.
pub(super) fn files(visit: &Visit, sheet: &Sheet<'_>, offer: &Offer, next: Option<DateTime<Utc>>) -> Markup {
    let typed: Vec<&str> = sheet.answers.all("recipient").collect();
    let gone =
        typed.iter().filter(|name| !offer.recipients.iter().any(|known| known.name.as_str() == **name));
    let choices = html! {
        @for recipient in &offer.recipients { (recipient_choice(recipient, &typed, offer.now, next)) }
        @for name in gone {
            label.pick {
                input type="checkbox" name="recipient" value=(name) checked;
                (name) " " span.hint { (texts::NOT_STORED) }
            }
        }
        @if offer.recipients.is_empty() {
            p { (texts::NO_RECIPIENTS) " " a href=(visit.to("recipients")) { (texts::ADD_RECIPIENT) } }
        }
    };
    html! {
        fieldset.rows {
            legend { h2 { (texts::FILES) } }
            (sheet.short(optional("split-size", texts::FILE_SIZE, texts::FILE_SIZE_SAYS)))
            fieldset {
                legend { (texts::ENCRYPTION) }
                (sheet.error("recipient"))
                (sheet.option("seal", "sealed", texts::SEALED, false, &html! { div #recipient .full tabindex="-1" { (choices) } }))
                (sheet.option("seal", "plaintext", texts::PLAINTEXT, false, &html! {}))
            }
            (sheet.number(optional("retention-days", texts::KEEP, texts::KEEP_SAYS)))
        }
    }
}

/// Returns the choice of a recipient, with a warning if its certificate does not last (rule S3).
fn recipient_choice(
    recipient: &RecipientView,
    typed: &[&str],
    now: DateTime<Utc>,
    next: Option<DateTime<Utc>>,
) -> Markup {
    let end = recipient.not_after.0;
    html! {
        label.pick {
            input type="checkbox" name="recipient" value=(recipient.name) checked[typed.contains(&recipient.name.as_str())];
            span {
                (recipient.name) " "
                span.hint { (texts::UNTIL) (day(end)) } " "
                @match Expires::of(end, next, now) {
                    Some(Expires::Already) => (mark("bad", "bad", texts::IS_EXPIRED)),
                    Some(Expires::BeforeNextOccurrence) => (mark("warn", "warn", texts::EXPIRES_BEFORE_RUN)),
                    Some(Expires::Soon) => (mark("warn", "warn", &texts::expires(&words::relative(end - now)))),
                    None => {},
                }
            }
        }
    }
}

pub(super) fn watermark(sheet: &Sheet<'_>) -> Markup {
    let choices = html! {
        (sheet.option("watermark", "", texts::WATERMARK_KEPT, false, &html! {}))
        (sheet.option("watermark", "continue", texts::WATERMARK_CONTINUE, true, &html! {}))
        (sheet.option("watermark", "reset", texts::WATERMARK_RESET, false, &html! {}))
    };
    html! {
        div.rows {
            (sheet.group("watermark", texts::WATERMARK, &html! { p.hint { (texts::WATERMARK_SAYS) } (choices) }))
        }
    }
}

pub(super) fn policies(sheet: &Sheet<'_>) -> Markup {
    let names = [
        "retries",
        "pause-after-failures",
        "bad-records",
        "overlap",
        "catch-up",
        "catch-up-limit",
        "jitter",
        "incomplete",
        "go-on-after",
    ];
    let overlap = [("", texts::BY_TIMEFRAME), ("queue", texts::QUEUE), ("coalesce", texts::COALESCE)];
    let incomplete = [("", texts::WAIT), ("go-on", texts::GO_ON)];
    html! {
        details #policies open[sheet.is_open("policies", &names)] {
            summary { (texts::WHEN_WRONG) }
            div.grid.pairs {
                (sheet.number(optional("retries", texts::RETRIES, texts::RETRIES_SAYS)))
                (sheet.number(optional("pause-after-failures", texts::PAUSE, "")))
                (sheet.number(optional("bad-records", texts::BAD_RECORDS, texts::BAD_RECORDS_SAY)))
                (sheet.select(needed("overlap", texts::OVERLAP, ""), &overlap))
                (sheet.select(needed("catch-up", texts::CATCH_UP, ""), &overlap))
                (sheet.short(optional("catch-up-limit", texts::CATCH_UP_LIMIT, texts::DURATION_SAYS)))
                (sheet.short(optional("jitter", texts::JITTER, texts::DURATION_SAYS)))
                (sheet.select(needed("incomplete", texts::INCOMPLETE, ""), &incomplete))
                (sheet.short(optional("go-on-after", texts::GO_ON_AFTER, texts::DURATION_SAYS)))
            }
        }
    }
}
