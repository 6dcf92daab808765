//! The filters above a list: a form that sets some parameters and keeps the others.

mod columns;

use std::collections::BTreeSet;

use cdds_core::Principal;
use cdds_core::ports::catalog::query::{JobColumn, JobQuery, Slice, Sort};
use cdds_view::{PageView, SourceView, words};
use maud::{Markup, html};

pub(super) use self::columns::{Column, Columns};
use super::Refused;
use super::parts::choice;
use crate::answers::Answers;
use crate::{Services, texts};

/// The most jobs among which a filter lets people choose.
const JOBS_MAX: u64 = 200;

/// What people choose from.
pub(super) struct Offered {
    /// The ids and titles of sources.
    pub(super) sources: Vec<(String, String)>,
    /// The ids of their types.
    pub(super) types: Vec<String>,
    /// The ids and titles of jobs.
    pub(super) jobs: Vec<(String, String)>,
}

impl Offered {
    pub(super) async fn to(services: &Services, by: &Principal) -> Result<Self, Refused> {
        let described: Vec<_> =
            services.sources(by)?.iter().map(|(id, source)| SourceView::new(id, source)).collect();
        let types: BTreeSet<String> = described
            .iter()
            .flat_map(|source| &source.types)
            .map(|data_type| data_type.id.to_string())
            .collect();
        let query = JobQuery::default()
            .with_sort(Sort { column: JobColumn::Title, descending: false })
            .with_slice(Slice::first(JOBS_MAX));
        let jobs = services.jobs.list(by, &query).await?.items.into_iter();
        let named = |job: cdds_core::domain::job::Job| (job.id.to_string(), job.settings.title.to_string());
        Ok(Self {
            sources: described.into_iter().map(|source| (source.id.to_string(), source.title)).collect(),
            types: types.into_iter().collect(),
            jobs: jobs.map(|overview| named(overview.job)).collect(),
        })
    }

    /// Returns the title of a source.
    pub(super) fn source<'a>(&'a self, id: &'a str) -> &'a str {
        self.sources.iter().find(|(known, _)| known == id).map_or(id, |(_, title)| title)
    }

    /// Returns the field by which a list is narrowed to one type.
    pub(super) fn type_field(&self, id: &str, name: &str, chosen: Option<&str>) -> Markup {
        type_field(&self.types, id, name, chosen)
    }

    /// Returns the choices of a job, with the one that was chosen, though it may have been deleted since.
    pub(super) fn jobs<'a>(&'a self, chosen: Option<&'a str>) -> Vec<(&'a str, String)> {
        let missing = chosen.filter(|id| self.jobs.iter().all(|(known, _)| known != id));
        let jobs = self.jobs.iter().map(|(id, title)| (id.as_str(), title.clone()));
        missing.map(|id| (id, id.to_owned())).into_iter().chain(jobs).collect()
    }
}

/// Returns the field of a type, among those that sources offer.
pub(super) fn type_field(types: &[String], id: &str, name: &str, chosen: Option<&str>) -> Markup {
    choice(id, name, texts::TYPE, chosen, types.iter().map(|id| (id.as_str(), id.clone())))
}

/// Keeps the other parameters in a form that sets some.
pub(super) fn kept(answers: &Answers, set: &[&str]) -> Markup {
    let kept = answers.without(set).without(&["next"]);
    let names: BTreeSet<&str> = kept.names().collect();
    html! {
        @for name in names { @for value in kept.all(name) { input type="hidden" name=(name) value=(value); } }
    }
}

/// Returns the field of a day.
pub(super) fn day_field(answers: &Answers, id: &str, name: &str, label: &str) -> Markup {
    let day = answers.one(name).and_then(|text| text.get(..10));
    html! {
        div.field {
            label for=(id) { (label) }
            input id=(id) name=(name) type="date" value=[day];
        }
    }
}

/// Returns the field of a text.
pub(super) fn text_field(answers: &Answers, id: &str, name: &str, label: &str) -> Markup {
    html! {
        div.field {
            label for=(id) { (label) }
            input.wide id=(id) name=(name) value=[answers.one(name)];
        }
    }
}

/// Whether the parameters select some of the rows.
pub(super) fn is_filtered(answers: &Answers) -> bool {
    answers.without(&["sort", "limit", "next"]) != Answers::default()
}

/// Returns how many rows a list has, in words: `12 files`. A later page does not say.
pub(super) fn total<T>(page: &PageView<T>, what: &str) -> Option<String> {
    match (page.total, page.total_more_than) {
        (Some(total), _) => Some(words::counted(total, what)),
        (None, Some(least)) => Some(format!("{} {}", texts::MORE_THAN, words::counted(least, what))),
        (None, None) => None,
    }
}
