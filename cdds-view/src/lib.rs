#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod artifact;
mod audit;
mod copy;
mod delivery;
mod destination;
mod execution;
#[cfg(feature = "http")]
pub mod http;
mod instant;
mod job;
mod names;
mod notice;
mod occurrence;
#[cfg(feature = "openapi")]
mod openapi;
mod page;
mod problem;
mod progress;
mod recipient;
mod selection;
mod set;
pub mod settings;
mod slot_reading;
mod source;
mod status;
mod subject;
mod suspension;
pub mod token;
pub mod words;
mod worker;

pub use self::artifact::ArtifactView;
pub use self::audit::{AuditView, ObjectView};
pub use self::copy::{
    CopyDeletionView, CopyDeliveryView, CopyDownloadView, CopyRecallView, CopyToldView, CopyView, copy_place,
};
pub use self::delivery::{DeliveryState, DeliveryView};
pub use self::destination::{
    CheckStepView, DestinationCheckView, DestinationView, EndpointView, HealthState, HealthView,
};
pub use self::execution::{
    AttemptView, ExecutionDetailsView, ExecutionView, FailureView, Remark, SkipKind, TriggerName,
};
pub use self::instant::{Instant, LocalTime};
pub use self::job::{JobDestinationView, JobView, ReadView, WatermarkView};
pub use self::names::YET_TO_RUN;
pub use self::notice::{NoticeState, NoticeTestView, NoticeView};
pub use self::occurrence::{ForecastView, OccurrenceView, WindowView};
pub use self::page::PageView;
pub use self::problem::ProblemView;
pub use self::progress::ProgressView;
pub use self::recipient::{RecipientView, RenewalView};
pub use self::selection::Selection;
pub use self::set::{SetFileKind, SetFileView, SetView};
pub use self::slot_reading::SlotReadingView;
pub use self::source::{
    BadRecordView, CategoryView, CheckOutcome, FieldIndex, FieldKind, FieldUse, FieldView, OwnershipView,
    SourceCheckView, SourceView, TypeCheckView, TypeView,
};
pub use self::status::{StatusLine, Tone};
pub use self::subject::{
    HashedIdentifierView, KeptRecordsView, ReapplicationView, ReappliedView, RequestStepView,
    SubjectErasureView, SubjectExportView, SubjectRequestView, UnappliedView,
};
pub use self::suspension::SuspensionView;
pub use self::worker::{RunningView, WorkerView};

/// The version of the JSON forms of this crate.
pub const FORMS_VERSION: u32 = 1;
