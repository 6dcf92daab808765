//! Rule F8a: a few records that a job would export, masked.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::{Either, select};
use futures::{FutureExt, StreamExt};

use super::Jobs;
use crate::domain::access::{Action, Principal};
use crate::domain::calendar::timeframe::Timeframe;
use crate::domain::calendar::window::Window;
use crate::domain::id::{Owner, TypeId};
use crate::domain::job::{JobSettings, Read};
use crate::domain::record::mask::masked;
use crate::domain::source::{BadRecordMode, ReadRequest, RecordInstant};
use crate::ports::source::{RegisteredSource, Source};
use crate::ports::workers::offload;
use crate::service::ServiceError;
use crate::service::access::check;

/// The most records of a sample.
pub const SAMPLE_MAX: usize = 10;

/// How long a sample is read.
const TIME_MAX: Duration = Duration::from_secs(5);

/// After how many bytes of records no further batch is read, and the largest record that is shown.
const BYTES_MAX: usize = 1 << 20;
const RECORD_BYTES_MAX: usize = 16 << 10;

/// A few records of each type of a job, whose values are masked (rule F8a).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sample {
    /// The records, in the order of the job's types and of their source.
    pub records: Vec<SampledRecord>,
    /// Whether the source failed, or was too slow or too large to look further. What was read until then is in
    /// `records`.
    pub is_partial: bool,
}

/// A record whose values are masked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SampledRecord {
    /// Its data type.
    pub data_type: TypeId,
    /// The record in one line like JSON, with readable keys ([`masked`]).
    pub masked: String,
}

impl Jobs {
    /// Returns the first records that a job would export, with their values masked (rule F8a): at most `count` and
    /// [`SAMPLE_MAX`], shared among its types. Checks first that the job can be admitted; stores nothing.
    ///
    /// It reads for five seconds at most, and drops each read as soon as it has enough. Records of more than 16 KiB are
    /// left out. It does not count among the reads of a source that allows only some at a time (rule E2).
    ///
    /// # Errors
    /// [`ServiceError::Refused`] with the first rule that the settings break. A source that fails is no error but a
    /// partial sample, since its message might quote a record.
    pub async fn sample(
        &self,
        by: &Principal,
        settings: &JobSettings,
        count: usize,
    ) -> Result<Sample, ServiceError> {
        check(&self.ports, by, Action::CreateJob, None).await?;
        let now = self.now().await?;
        self.admit(&by.owner, settings, None, now).await?;
        let sources = self.ports.sources.for_owner(&by.owner);
        let Some(RegisteredSource::Supported(source)) = sources.find(&settings.source) else {
            return Ok(Sample { records: Vec::new(), is_partial: true });
        };
        let count = count.min(SAMPLE_MAX);
        let share = count.div_ceil(settings.reads.as_slice().len().max(1));
        let (window, mut records) = (window(settings, now), Vec::new());
        let reading = async {
            let mut is_whole = true;
            for read in settings.reads.iter() {
                let wanted = share.min(count - records.len());
                is_whole &= self
                    .first(&**source, request(&by.owner, settings, read, window), wanted, &mut records)
                    .await
                    .is_some();
            }
            is_whole
        };
        let reading = AssertUnwindSafe(reading).catch_unwind();
        let is_whole = match select(std::pin::pin!(reading), self.ports.clock.sleep(TIME_MAX)).await {
            Either::Left((is_whole, _)) => is_whole.unwrap_or(false),
            Either::Right(_) => false,
        };
        Ok(Sample { records, is_partial: !is_whole })
    }

    /// Appends the first records of a read. Returns `None` if it ended before its time.
    async fn first(
        &self,
        source: &dyn Source,
        request: ReadRequest,
        wanted: usize,
        records: &mut Vec<SampledRecord>,
    ) -> Option<()> {
        let (end, mut bytes) = (records.len() + wanted, 0);
        let (data_type, template) = (request.data_type.clone(), Arc::new(request.template.clone()));
        let pushed_down = source.describe().data_type(&data_type).is_some_and(|known| known.pushes_down);
        let mut batches = if wanted == 0 { return Some(()) } else { source.read(request).await.ok()? };
        while let Some(batch) = batches.next().await {
            let batch = batch.ok()?;
            bytes += batch.lines_bytes();
            let template = Arc::clone(&template);
            let shown = offload(&*self.ports.workers, move || {
                let batch = if pushed_down { batch } else { template.apply(&batch) };
                let fitting = batch.iter().filter(|record| record.line.len() <= RECORD_BYTES_MAX);
                fitting.take(wanted).map(|record| masked(record.line)).collect::<Vec<_>>()
            });
            for masked in shown.await.ok()? {
                if records.len() < end {
                    records.push(SampledRecord { data_type: data_type.clone(), masked });
                }
            }
            if records.len() == end {
                return Some(());
            }
            if bytes > BYTES_MAX {
                return None;
            }
        }
        Some(())
    }
}

/// Returns the window of everything until now, or the job's fixed range: a sample shows what records look like,
/// whenever the job runs.
fn window(settings: &JobSettings, now: DateTime<Utc>) -> Window {
    match &settings.timeframe {
        Timeframe::Fixed(range) => Window::between(range.start(), range.end()),
        _ => Window::until(now),
    }
}

/// Returns the request of a read to the source.
pub(super) fn request(owner: &Owner, settings: &JobSettings, read: &Read, window: Window) -> ReadRequest {
    ReadRequest {
        by: RecordInstant::of(&settings.timeframe),
        categories: read.categories.clone(),
        template: read.template.clone(),
        zone: settings.clock.zone().clone(),
        bad_records: BadRecordMode::Report,
        ..ReadRequest::new(owner.clone(), read.data_type.clone(), window)
    }
}
