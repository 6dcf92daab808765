//! Checks what an attempt needs before the first record is read: the sources and their types, recipients whose
//! certificates are valid now, and the expected number of records.

use std::sync::Arc;

use tracing::debug;

use super::attempt::Export;
use super::subject::{Asking, Indexing};
use crate::domain::archive::layout::SourceFolders;
use crate::domain::calendar::window::Window;
use crate::domain::execution::Execution;
use crate::domain::execution::failure::{Failure, FailureKind, Step};
use crate::domain::id::SourceId;
use crate::domain::job::policy::BadRecords;
use crate::domain::job::{Protection, Read, admission};
use crate::domain::recipient::Recipient;
use crate::domain::source::{DataType, Estimate};
use crate::domain::subject::ShownFields;
use crate::domain::violation::Code;
use crate::engine::calls::{call, call_now};
use crate::ports::catalog::CatalogError;
use crate::ports::sealer::Sealer;
use crate::ports::source::{
    BadRecordMode, ReadRequest, RecordInstant, RegisteredSource, Source, SourceDescription,
};

/// The name of the source in the failure after it has panicked.
pub(super) const SOURCE: &str = "source";

/// The external dependencies of an export.
pub(super) struct Prepared {
    /// The reads, in the order of the job's settings (rule J17).
    pub(super) reads: Vec<PreparedRead>,
    pub(super) recipients: Vec<Recipient>,
    /// `None` for plaintext.
    pub(super) sealer: Option<Arc<dyn Sealer>>,
    /// The page of a copy for a data subject (rule D9); `None` in other sets.
    pub(super) indexing: Option<Indexing>,
}

/// One read of a source.
pub(super) struct PreparedRead {
    pub(super) source: Arc<dyn Source>,
    pub(super) source_id: SourceId,
    pub(super) data_type: DataType,
    /// The request to the source.
    pub(super) request: ReadRequest,
    /// The only folder of a copy for a data subject; `None` for the folders of the places.
    pub(super) folder: Option<String>,
    /// The fields that a copy for a data subject shows (rule D9); `None` for all.
    pub(super) shown: Option<Arc<ShownFields>>,
}

impl Export {
    pub(super) async fn prepare(&self) -> Result<Prepared, Failure> {
        self.check_zone()?;
        let asking = self.asking().await?;
        // Every source and type is looked up before the first is read, so that a missing one costs nothing.
        let reads = call_now(Step::Prepare, SOURCE, || self.reads(asking.as_ref()))??;
        let (recipients, sealer) = self.sealer(asking.as_ref()).await?;
        self.meter.expect(self.expectation(&reads).await?);
        let indexing =
            call_now(Step::Prepare, SOURCE, || asking.as_ref().map(|asking| self.indexing(asking, &reads)))?;
        Ok(Prepared { reads, recipients, sealer, indexing })
    }

    fn reads(&self, asking: Option<&Asking>) -> Result<Vec<PreparedRead>, Failure> {
        let settings = &self.execution.settings;
        let mut folders = SourceFolders::default();
        let prepared = |read: &Read| {
            let source_id = settings.source_of(read).clone();
            let source = self.source(&source_id)?;
            let request = self.request(read);
            let found = source.describe().data_type(&request.data_type).cloned();
            let data_type = found.ok_or_else(|| no_type(source.describe(), &request))?;
            let Some(asking) = asking else {
                return Ok(PreparedRead { source, source_id, data_type, request, folder: None, shown: None });
            };
            let request = request.with_window(Window::everything()).with_subject(asking.subject().clone());
            let folder = Some(folders.next(&source_id, &data_type.id));
            let shown = data_type.copy.shown().map(Arc::new);
            Ok(PreparedRead { source, source_id, data_type, request, folder, shown })
        };
        settings.reads.iter().map(prepared).collect()
    }

    /// Checks that the folders of days can be chosen: the database may have lost the zone since (rule F9).
    fn check_zone(&self) -> Result<(), Failure> {
        let zone = self.execution.settings.clock.zone();
        if zone.is_known() {
            return Ok(());
        }
        Err(Failure {
            step: Step::Prepare,
            kind: FailureKind::Invalid,
            message: format!(
                "the time zone {zone} is not in the database {}: give the job another zone, and run it again ({})",
                self.shared.settings.zones.version(),
                Code::InvalidTimeZone
            ),
            retryable: false,
        })
    }

    /// Returns the request of a read to the source.
    pub(super) fn request(&self, read: &Read) -> ReadRequest {
        let settings = &self.execution.settings;
        ReadRequest {
            by: RecordInstant::of(&settings.timeframe),
            categories: read.categories.clone(),
            template: read.template.clone(),
            zone: settings.clock.zone().clone(),
            bad_records: self.bad_record_mode(read),
            ..ReadRequest::new(self.execution.owner.clone(), read.data_type.clone(), self.execution.window)
        }
    }

    /// Filters run after the read, so when there are filters a bad record must not end the read.
    fn bad_record_mode(&self, read: &Read) -> BadRecordMode {
        match self.execution.settings.policies.bad_records {
            BadRecords::Fail if read.template.filters.is_empty() => BadRecordMode::Fail,
            BadRecords::Fail | BadRecords::Skip { .. } => BadRecordMode::Report,
        }
    }

    /// Looks up a source of the job (rule J2), and checks that each type says whose its records are
    /// (rule J16). A job that was saved before its source had to say so fails here, before anything is asked
    /// or read.
    pub(super) fn source(&self, id: &SourceId) -> Result<Arc<dyn Source>, Failure> {
        let Execution { settings, owner, .. } = &self.execution;
        let sources = self.shared.ports.sources.for_owner(owner);
        let checked = call_now(Step::Prepare, SOURCE, || admission::check_owner(settings, owner, &sources))?;
        checked.map_err(|refused| Failure {
            step: Step::Prepare,
            kind: FailureKind::Invalid,
            message: format!("{refused} ({})", refused.code()),
            retryable: false,
        })?;
        let refuse = |message: String| Failure {
            step: Step::Prepare,
            kind: FailureKind::Missing,
            message,
            retryable: false,
        };
        match sources.find(id) {
            Some(RegisteredSource::Supported(source)) => Ok(Arc::clone(source)),
            Some(RegisteredSource::Unsupported { reason, .. }) => {
                Err(refuse(format!("source {id} cannot be used: {reason}")))
            }
            None => Err(refuse(format!("source {id} is not registered: register it and run the job again"))),
        }
    }

    /// Returns the job's recipients, or the one who asks for a copy, and their sealer, after checking each certificate again (rule S2). An
    /// attempt that cannot seal for every one of them fails, and never stores plaintext.
    async fn sealer(
        &self,
        asking: Option<&Asking>,
    ) -> Result<(Vec<Recipient>, Option<Arc<dyn Sealer>>), Failure> {
        let recipients = match asking {
            Some(asking) => asking.recipients(),
            None => self.recipients().await?,
        };
        if recipients.is_empty() {
            if self.execution.settings.protection != Protection::Plaintext {
                return Err(Failure::internal(Step::Prepare, "the set is to be sealed, and nobody is named"));
            }
            return Ok((recipients, None));
        }
        let ports = &self.shared.ports;
        let now = ports.catalog.now().await.map_err(|error| catalog_failure(Step::Prepare, &error))?;
        let sealer =
            call_now(Step::Prepare, "certificate store", || ports.certificates.sealer(&recipients, now))?;
        let sealer = sealer.map_err(|error| Failure::of(Step::Prepare, &error))?;
        Ok((recipients, Some(sealer)))
    }

    /// Looks up the recipients that the job names.
    async fn recipients(&self) -> Result<Vec<Recipient>, Failure> {
        let names = self.execution.settings.protection.recipients();
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let ports = &self.shared.ports;
        let stored = ports
            .catalog
            .recipients(&self.execution.owner)
            .await
            .map_err(|error| catalog_failure(Step::Prepare, &error))?;
        let mut recipients = Vec::with_capacity(names.len());
        for name in names {
            let found = stored.iter().find(|recipient| recipient.name == *name);
            recipients.push(found.cloned().ok_or_else(|| Failure {
                step: Step::Prepare,
                kind: FailureKind::Certificate,
                message: format!(
                    "no certificate is stored for recipient {name} ({})",
                    Code::UnknownRecipient
                ),
                retryable: false,
            })?);
        }
        Ok(recipients)
    }

    /// Returns the expected size (rule E7): the sum of the source's estimates or, if one of them is missing or
    /// of another kind, the number of records of the job's last success.
    async fn expectation(&self, reads: &[PreparedRead]) -> Result<Option<Estimate>, Failure> {
        let mut sum: Option<Estimate> = None;
        for read in reads {
            let estimate = estimate(read).await?;
            sum = sum.map_or(estimate, |sum| sum.plus(estimate?));
            if sum.is_none() {
                break;
            }
        }
        if sum.is_some() {
            return Ok(sum);
        }
        let last = self.shared.ports.catalog.last_records(self.execution.job_id).await;
        last.map(|last| last.map(Estimate::Records)).map_err(|error| catalog_failure(Step::Prepare, &error))
    }
}

/// Estimates one read. A source that does not filter cannot know how many records the filters leave. A failed
/// estimate does not fail the attempt: the read will show whether the source works.
async fn estimate(read: &PreparedRead) -> Result<Option<Estimate>, Failure> {
    let PreparedRead { source, data_type, request, .. } = read;
    let is_filtered = !data_type.pushes_down && !request.template.filters.is_empty();
    match call(Step::Prepare, SOURCE, async { source.estimate(request).await }).await {
        Ok(estimate) => Ok(estimate.filter(|estimate| !is_filtered || estimate.records().is_none())),
        Err(failure) if failure.kind == FailureKind::Internal => Err(failure),
        Err(failure) => {
            debug!("no estimate: {}", failure.message);
            Ok(None)
        }
    }
}

/// Returns the failure for a type that the source does not offer, or no longer offers.
fn no_type(source: &SourceDescription, request: &ReadRequest) -> Failure {
    let known: Vec<&str> = source.types.iter().map(|data_type| data_type.id.as_str()).collect();
    Failure {
        step: Step::Prepare,
        kind: FailureKind::Invalid,
        message: format!(
            "source {} has no data type {}: choose from {}",
            source.id,
            request.data_type,
            known.join(", ")
        ),
        retryable: false,
    }
}

pub(super) fn catalog_failure(step: Step, error: &CatalogError) -> Failure {
    Failure { step, kind: FailureKind::Unavailable, message: error.report(), retryable: error.is_retryable() }
}
