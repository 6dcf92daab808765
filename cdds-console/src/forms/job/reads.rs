//! The types of a job: a group of fields for each, which has its number behind its name (rule J17).

use cdds_core::domain::id::TypeId;
use cdds_core::domain::job::{Read, Reads};
use cdds_core::domain::record::selection::CategorySelection;
use cdds_core::domain::record::template::{FieldNames, FieldSelection, Template};
use cdds_view::settings::typed_filter;

use crate::answers::Answers;
use crate::forms::Faults;

/// The most groups of a form.
pub(crate) const READS_MAX: usize = Reads::COUNT_MAX;

/// The fields of a group.
const FIELDS: [&str; 5] = ["type", "cat", "category", "fields", "filters"];

/// Returns how many groups the form has.
pub(crate) fn count(answers: &Answers) -> usize {
    let said = answers.one("reads").and_then(|count| count.parse().ok());
    said.unwrap_or(1).clamp(1, READS_MAX)
}

/// Returns the answers without a group; the ones behind it move up.
pub(crate) fn without(answers: &Answers, gone: usize) -> Answers {
    let groups = count(answers);
    let moved = answers.pairs().filter_map(|(name, value)| {
        let number = name.rsplit_once('-').filter(|(field, _)| FIELDS.contains(field));
        let number = number.and_then(|(field, number)| Some((field, number.parse::<usize>().ok()?)));
        let name = match number {
            Some((_, number)) if number == gone => return None,
            Some((field, number)) if number > gone => format!("{field}-{}", number - 1),
            _ => name.to_owned(),
        };
        Some((name, value.to_owned()))
    });
    let answers: Answers = moved.collect();
    answers.with("reads", groups.saturating_sub(1).max(1).to_string())
}

/// Reads the groups.
pub(super) fn reads(answers: &Answers, faults: &mut Faults) -> Option<Reads> {
    let groups = count(answers);
    let reads: Vec<Read> = (0..groups).filter_map(|number| read(answers, number, faults)).collect();
    if reads.len() < groups {
        return None;
    }
    faults.take("type-0", Reads::new(reads))
}

fn read(answers: &Answers, number: usize, faults: &mut Faults) -> Option<Read> {
    let field = |name: &str| format!("{name}-{number}");
    let data_type = TypeId::new(answers.one(&field("type")).unwrap_or_default());
    let data_type = faults.take(&field("type"), data_type);
    let categories = match answers.one(&field("cat")) {
        Some("some") => CategorySelection::Only(answers.all(&field("category")).map(str::to_owned).collect()),
        _ => CategorySelection::All,
    };
    let names: Vec<String> = lines(answers, &field("fields")).map(str::to_owned).collect();
    let fields = match names.is_empty() {
        true => Some(FieldSelection::All),
        false => faults.take(&field("fields"), FieldNames::new(names)).map(FieldSelection::Only),
    };
    let filters = lines(answers, &field("filters")).map(typed_filter).collect::<Result<Vec<_>, _>>();
    let filters = faults.take(&field("filters"), filters);
    let template = faults.take(&field("fields"), Template::new(fields?, filters?))?;
    Some(Read::of(data_type?).with_categories(categories).with_template(template))
}

fn lines<'a>(answers: &'a Answers, field: &str) -> impl Iterator<Item = &'a str> {
    answers.one(field).unwrap_or_default().lines().filter(|line| !line.trim().is_empty())
}
