//! The table of subject requests.

use cdds_core::domain::execution::Status;
use cdds_view::{
    HashedIdentifierView, ReapplicationView, RequestStepView, SubjectErasureView, SubjectExportView,
    SubjectRequestView,
};

use serde::Serialize;

use crate::output::{Cell, View};

impl View for SubjectRequestView {
    const COLUMNS: &'static [&'static str] =
        &["id", "kind", "state", "due", "warning", "received", "by", "chosen"];
    const GIVES_WAY: &'static [&'static str] = &["chosen", "by", "received"];

    fn row(&self) -> Vec<Cell> {
        vec![
            Cell::Id(self.id.to_string()),
            self.kind.as_str().into(),
            self.state.as_str().into(),
            self.due_at.into(),
            self.due_words().into(),
            self.received.at.into(),
            self.received.by.as_str().into(),
            self.chosen.words().into(),
        ]
    }

    fn details(&self) -> Vec<(&'static str, Cell)> {
        let mut details: Vec<(&'static str, Cell)> = vec![
            ("id", self.id.to_string().into()),
            ("kind", self.kind.as_str().into()),
            ("state", standing(self).into()),
            ("due", self.due_at.into()),
            ("warning", self.due_words().into()),
            ("chosen", self.chosen.words().into()),
            ("copy", self.handover.as_deref().map(readable).into()),
            ("identifiers", identifiers(&self.identifiers_hashed).into()),
            ("received", step(Some(&self.received)).into()),
            ("verified", step(self.verified.as_ref()).into()),
            ("identity checked by", self.evidence_who.clone().into()),
            ("how", self.evidence_how.clone().into()),
            ("approved", step(self.approved.as_ref()).into()),
            ("extended", step(self.extended.as_ref()).into()),
            ("ended", step(self.ended.as_ref()).into()),
            ("reason", self.reason.clone().into()),
            ("done", self.done_at.into()),
            ("handed over", self.handed_over_at.into()),
        ];
        details.extend(self.export.as_ref().map(|export| ("export", exported(export).into())));
        let waits = self
            .missing_key
            .as_ref()
            .map(|key| format!("the key {key}, which is not in subjects.key_file, or is another one there"));
        details.extend(waits.map(|waits| ("waits for", waits.into())));
        details.extend(self.erasures.iter().flatten().map(|one| ("erasure", brief(one).into())));
        details
    }
}

/// A row of what an erasure would do.
#[derive(Serialize)]
#[serde(transparent)]
pub(crate) struct Prospect(pub(crate) SubjectErasureView);

impl View for Prospect {
    const COLUMNS: &'static [&'static str] = &["source", "type", "would be", "records", "kept", "failure"];
    const GIVES_WAY: &'static [&'static str] = &["failure", "kept"];

    fn row(&self) -> Vec<Cell> {
        let Self(erasure) = self;
        vec![
            erasure.source.as_str().into(),
            erasure.data_type.as_str().into(),
            would_be(&erasure.outcome).into(),
            Cell::Count(erasure.records),
            kept(erasure).into(),
            erasure.failure.clone().into(),
        ]
    }

    fn details(&self) -> Vec<(&'static str, Cell)> {
        Self::COLUMNS.iter().copied().zip(self.row()).collect()
    }
}

/// Says how the erasure of a type would end, by the name of its outcome.
fn would_be(outcome: &str) -> &str {
    match outcome {
        "done" => "erased",
        "partial" => "erased in part",
        "on_hold" => "erased later",
        "unsupported" => "not erased",
        "failed" => "unknown",
        other => other,
    }
}

impl View for SubjectErasureView {
    const COLUMNS: &'static [&'static str] =
        &["source", "type", "outcome", "records", "kept", "next attempt", "failure"];
    const GIVES_WAY: &'static [&'static str] = &["failure", "next attempt", "kept"];

    fn row(&self) -> Vec<Cell> {
        vec![
            self.source.as_str().into(),
            self.data_type.as_str().into(),
            self.outcome.as_str().into(),
            Cell::Count(self.records),
            kept(self).into(),
            self.next_attempt_at.into(),
            self.failure.clone().into(),
        ]
    }

    fn details(&self) -> Vec<(&'static str, Cell)> {
        Self::COLUMNS.iter().copied().zip(self.row()).collect()
    }
}

impl View for ReapplicationView {
    const COLUMNS: &'static [&'static str] = &["past erasures", "found", "not applied"];
    const GIVES_WAY: &'static [&'static str] = &[];

    fn row(&self) -> Vec<Cell> {
        vec![
            Cell::Count(self.erasures),
            Cell::Count(self.found.len() as u64),
            Cell::Count(self.unapplied.len() as u64),
        ]
    }

    fn details(&self) -> Vec<(&'static str, Cell)> {
        let erased = if self.dry_run { "would be erased" } else { "erased again" };
        let mut details: Vec<(&'static str, Cell)> = vec![("past erasures", Cell::Count(self.erasures))];
        details.extend(self.found.iter().map(|one| {
            let of = one.request.map(|id| format!(" (request {id})")).unwrap_or_default();
            let stays = one.erasure.records == 0;
            (if stays { "not erased" } else { erased }, format!("{}{of}", brief(&one.erasure)).into())
        }));
        if self.found.is_empty() {
            details.push((erased, "nobody has come back".into()));
        }
        details.extend(
            self.unapplied.iter().map(|one| ("not applied", format!("{}: {}", one.what, one.why).into())),
        );
        details
    }
}

/// Says who can read a copy.
fn readable(handover: &str) -> String {
    match handover {
        "plaintext" => handover.to_owned(),
        fingerprint => format!("sealed for the certificate {fingerprint}"),
    }
}

/// `done, and records stay in crm/note`.
fn standing(request: &SubjectRequestView) -> String {
    let stays = request.not_erased();
    if request.done_at.is_none() || stays.is_empty() {
        return request.state.clone();
    }
    format!("{}, and records stay in {}", request.state, stays.join(", "))
}

/// `failed, execution 6f0c…: source crm cannot be reached. Run it again with …`.
fn exported(export: &SubjectExportView) -> String {
    let SubjectExportView { execution_id: id, status, failure, .. } = export;
    let words = format!("{}, execution {id}", status.as_str());
    match (status, failure) {
        (Status::Failed, Some(failure)) => {
            format!("{words}: {}; `cdds history rerun {id}` runs it again", failure.message)
        }
        (Status::Cancelled, _) => format!("{words}; `cdds history rerun {id}` runs it again"),
        (Status::Finished | Status::FinishedWithErrors, _) => {
            format!("{words}; `cdds artifact download --execution {id} --to DIR` fetches the set")
        }
        (_, Some(failure)) => format!("{words}: {}", failure.message),
        _ => words,
    }
}

/// `crm/call: partial, 12 records, 3 stay (ten years by law)`. Of a type that is not erased from, records are not counted.
fn brief(one: &SubjectErasureView) -> String {
    let mut words = format!("{}/{}: {}, ", one.source, one.data_type, one.outcome);
    words += &match one.outcome.as_str() {
        "unsupported" => "the source does not erase them: do so where they are".to_owned(),
        _ => format!("{} records", one.records),
    };
    if !one.kept.is_empty() {
        words += ", ";
        words += &kept(one);
    }
    if let Some(failure) = &one.failure {
        words += ": ";
        words += failure;
    }
    if let Some(next) = &one.next_attempt_at {
        words += &format!("; next attempt {next}");
    }
    words
}

/// `3 stay (ten years by law)`.
fn kept(one: &SubjectErasureView) -> String {
    let kept = one.kept.iter().map(|kept| format!("{} stay ({})", kept.records, kept.reason));
    kept.collect::<Vec<_>>().join(", ")
}

/// `phone 2026:3f8a01c2…`: enough of a hash to tell two requests of one person.
fn identifiers(hashed: &[HashedIdentifierView]) -> String {
    const DIGITS: usize = 12;
    let brief = |one: &HashedIdentifierView| {
        let (key, digest) = one.hash.split_once(':').unwrap_or_default();
        format!("{} {key}:{}…", one.kind, digest.get(..DIGITS).unwrap_or(digest))
    };
    hashed.iter().map(brief).collect::<Vec<_>>().join(", ")
}

fn step(step: Option<&RequestStepView>) -> String {
    step.map(|step| format!("{} by {}", step.at, step.by)).unwrap_or_default()
}
