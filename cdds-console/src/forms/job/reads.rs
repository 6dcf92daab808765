//! The types of a job: a group of fields for each, which has its number behind its name (rule J17).

use cdds_core::domain::id::TypeId;
use cdds_core::domain::job::{Read, Reads};
use cdds_core::domain::record::selection::CategorySelection;
use cdds_core::domain::record::template::{FieldNames, FieldSelection, Template};
use cdds_view::settings::typed_filter;

use super::groups::READS;
use crate::answers::Answers;
use crate::forms::Faults;

/// Reads the groups.
pub(super) fn reads(answers: &Answers, faults: &mut Faults) -> Option<Reads> {
    let groups = READS.of(answers);
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
