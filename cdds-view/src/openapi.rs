//! Schemas of the views that write themselves, and of the core's fixed sets of words.

use std::borrow::Cow;

use cdds_core::domain::access::Action;
use cdds_core::domain::access::audit;
use cdds_core::domain::calendar::{frequency, schedule, wall_clock};
use cdds_core::domain::delivery;
use cdds_core::domain::execution::{Status, failure};
use cdds_core::domain::job::{self, policy};
use cdds_core::domain::record::template;
use cdds_core::domain::subject;
use cdds_core::domain::subject::copies::{Holding, Unknown};
use cdds_core::domain::subject::request;
use cdds_core::domain::work::{row, worker};
use cdds_core::domain::{notice, recipient};
use cdds_core::service::copies::{CopyOutcome as CopyOutcomes, RecallOutcome as RecallOutcomes};
use serde_json::json;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::{KnownFormat, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::instant::{Instant, LocalTime};
use crate::names::YET_TO_RUN;
use crate::selection::Selection;

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

impl PartialSchema for Instant {
    fn schema() -> RefOr<Schema> {
        let form = SchemaFormat::KnownFormat(KnownFormat::DateTime);
        let words = "An instant by RFC 3339, in UTC, with `Z` and only the digits needed.";
        text().format(Some(form)).description(Some(words)).examples([json!("2026-11-22T01:00:00Z")]).into()
    }
}

impl ToSchema for Instant {
    fn name() -> Cow<'static, str> {
        "Instant".into()
    }
}

impl PartialSchema for LocalTime {
    fn schema() -> RefOr<Schema> {
        let form = SchemaFormat::KnownFormat(KnownFormat::DateTime);
        let words = "What a job's clock shows at an instant, by RFC 3339, with its offset from UTC.";
        let example = json!("2026-11-22T02:00:00+01:00");
        text().format(Some(form)).description(Some(words)).examples([example]).into()
    }
}

impl ToSchema for LocalTime {
    fn name() -> Cow<'static, str> {
        "LocalTime".into()
    }
}

impl PartialSchema for Selection {
    fn schema() -> RefOr<Schema> {
        let all = text().enum_values(Some(["all"]));
        let names = ArrayBuilder::new().items(text());
        let words = "Everything, or only these names.";
        OneOfBuilder::new().item(all).item(names).description(Some(words)).into()
    }
}

impl ToSchema for Selection {
    fn name() -> Cow<'static, str> {
        "Selection".into()
    }
}

/// Makes schemas of fixed sets of words, each of the list that the core has, so that no word is left out.
macro_rules! words {
    ($($name:ident, $description:literal: $words:expr;)*) => {$(
        pub(crate) struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                text().enum_values(Some($words)).description(Some($description)).into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                stringify!($name).into()
            }
        }
    )*};
}

words! {
    Channel, "How a subscriber is told.": notice::Channel::ALL.iter().map(|one| one.as_str());
    CopyHolding, "Whether a set holds records that name a person.":
        [Holding::May, Holding::Not, Holding::Unknown(Unknown::NoFilter)].map(Holding::as_str);
    CopyOutcome, "What became of a set that was to be deleted.": CopyOutcomes::ALL.map(CopyOutcomes::as_str);
    CopyUnknown, "Why nobody can tell whether a set holds records that name a person.":
        Unknown::ALL.map(Unknown::as_str);
    DeliveryStatus, "Where the delivery of a notice stands.": row::WorkStatus::ALL.map(row::WorkStatus::as_str);
    DestinationKind, "The kind of a destination.":
        delivery::destination::DestinationKind::ALL.map(delivery::destination::DestinationKind::as_str);
    DueDate, "How near a due date is.": request::Due::ALL.map(request::Due::as_str);
    ExecutionStatus, "The status of an execution.": Status::ALL.map(Status::as_str);
    FailureKind, "The kind of a failure.": failure::FailureKind::ALL.iter().map(|one| one.as_str());
    FilterOperator, "How a field is compared with a value.": template::Operator::ALL.map(template::Operator::as_str);
    Fold, "What happens to a time that the clock shows twice.":
        wall_clock::Fold::ALL.iter().map(|one| one.as_str());
    Frequency, "How often a job runs.": frequency::FrequencyKind::ALL.iter().map(|one| one.as_str());
    Gap, "What happens to a time that the clock leaves out.":
        wall_clock::Gap::ALL.iter().map(|one| one.as_str());
    GivenUp, "Why a delivery was given up.": row::GivenUp::ALL.map(row::GivenUp::as_str);
    JobState, "Whether a job starts anything new.": job::JobState::ALL.map(job::JobState::as_str);
    KeyType, "The kind of a public key.": recipient::KeyType::ALL.iter().map(|one| one.as_str());
    LatestStatus, "The status of a job's latest execution.":
        [YET_TO_RUN].into_iter().chain(Status::ALL.map(Status::as_str));
    MissingDay, "What a month without the day does.": frequency::MissingDay::ALL.map(frequency::MissingDay::as_str);
    Naming, "How files appear at a destination.":
        delivery::destination::Naming::ALL.map(delivery::destination::Naming::as_str);
    NoticeKind, "What a notice tells.": notice::NoticeKind::ALL.iter().map(|one| one.as_str());
    ObjectKind, "The kind of what an action was done to.": audit::Object::KINDS;
    Outcome, "What came of an action.": audit::Outcome::NAMES;
    Overlap, "What happens if a job is due again while it waits or runs.":
        policy::Overlap::ALL.map(policy::Overlap::as_str);
    ProbeStep, "A step of the check of a destination.":
        delivery::probe::ProbeStep::ALL.map(delivery::probe::ProbeStep::as_str);
    PrincipalAction, "An action that the audit records.": Action::ALL.iter().map(|one| one.as_str());
    RecallOutcome, "What became of a set whose holders were to be told.":
        RecallOutcomes::ALL.map(RecallOutcomes::as_str);
    Receipt, "What is compared before a delivered file has its final name.":
        delivery::Receipt::ALL.map(delivery::Receipt::as_str);
    SlotNote, "What is unusual about a slot, because the clock is put forward or back.":
        schedule::SlotNote::ALL.map(schedule::SlotNote::as_str);
    Step, "A step of an export.": failure::Step::ALL.map(failure::Step::as_str);
    SubjectErasureOutcome, "How the erasure of a data type stands.":
        subject::TaskStanding::ALL.map(subject::TaskStanding::as_str);
    SubjectRequestKind, "What a data subject asks for.":
        request::RequestKind::ALL.map(request::RequestKind::as_str);
    SubjectRequestState, "How far a subject request has come.":
        request::RequestStatus::ALL.iter().map(|one| one.as_str());
    SuspensionReason, "Why a job is suspended.":
        job::SuspensionReason::ALL.map(job::SuspensionReason::as_str);
    WorkerState, "Whether a worker works.": worker::WorkerState::ALL.map(worker::WorkerState::as_str);
}
