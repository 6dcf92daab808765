//! Rule F8: how many records the source holds of the windows of a preview.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use futures::future::select;

use super::sample::request;
use super::{EditRequest, Jobs};
use crate::domain::access::{Action, Principal};
use crate::domain::calendar::window::Window;
use crate::domain::execution::schedule::Occurrence;
use crate::domain::id::{JobId, Owner};
use crate::domain::job::JobSettings;
use crate::domain::job::lifecycle::NewJob;
use crate::ports::source::{Estimate, RegisteredSource, Source, SourceError};
use crate::service::ServiceError;

/// How long the source is asked about one preview, and how often: as often as one window may have types (rule J17).
const TIME_MAX: Duration = Duration::from_secs(2);
const CALLS_MAX: usize = 100;

/// An occurrence of a preview, and what the source holds of its window now (rule F8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Forecast {
    /// When it is due, and its window.
    pub occurrence: Occurrence,
    /// How many records the source estimates. `None` if that is unknown: the window has not begun, the source does not
    /// know, failed or was too slow, or the engine filters its records, so that it cannot know.
    pub records: Option<u64>,
    /// Whether the window is not over, so that records may still come.
    pub is_open: bool,
}

impl Jobs {
    /// Previews a job like [`preview`](Self::preview), with the number of records that the source estimates for each
    /// window that has begun (rule F8).
    ///
    /// The source is asked one window after the other, from the first one on, for two seconds and a hundred times at
    /// most, and not again once it has failed. What is still unknown then stays `None`, so that a slow source holds up
    /// nobody. It does not count among the reads of a source that allows only some at a time (rule E2).
    ///
    /// # Errors
    /// [`ServiceError::NotFound`]. A source that fails or panics is no error.
    pub async fn forecast(
        &self,
        by: &Principal,
        id: JobId,
        count: usize,
    ) -> Result<Vec<Forecast>, ServiceError> {
        let (job, ahead) = self.ahead(by, id, count).await?;
        self.estimated(by, &job.settings, ahead, Action::See).await
    }

    /// Previews a job that is not submitted yet, like [`forecast`](Self::forecast). Its numbers are unknown to those who
    /// may not create jobs: with a filter they would tell whether a record exists.
    ///
    /// # Errors
    /// As for [`preview_draft`](Self::preview_draft).
    pub async fn forecast_draft(
        &self,
        by: &Principal,
        new: impl Into<NewJob>,
        count: usize,
    ) -> Result<Vec<Forecast>, ServiceError> {
        let new = new.into();
        let ahead = self.preview_draft(by, new.clone(), count).await?;
        self.estimated(by, &new.settings, ahead, Action::CreateJob).await
    }

    /// Previews an edit that is not made yet, like [`forecast`](Self::forecast). Its numbers are unknown to those who
    /// may not edit jobs.
    ///
    /// # Errors
    /// As for [`edit`](Self::edit).
    pub async fn forecast_edit(
        &self,
        by: &Principal,
        id: JobId,
        request: &EditRequest,
        count: usize,
    ) -> Result<Vec<Forecast>, ServiceError> {
        let ahead = self.preview_edit(by, id, request, count).await?;
        self.estimated(by, &request.settings, ahead, Action::EditJob).await
    }

    /// Asks the source about the windows, for those who may do `action`.
    async fn estimated(
        &self,
        by: &Principal,
        settings: &JobSettings,
        ahead: Vec<Occurrence>,
        action: Action,
    ) -> Result<Vec<Forecast>, ServiceError> {
        let now = self.now().await?;
        let unknown = |occurrence: Occurrence| Forecast {
            occurrence,
            records: None,
            is_open: occurrence.window.end() > now,
        };
        let mut forecasts: Vec<Forecast> = ahead.into_iter().map(unknown).collect();
        let sources = self.ports.sources.for_owner(&by.owner);
        let source = sources.find(&settings.source).filter(|_| by.check(action).is_ok());
        let Some(RegisteredSource::Supported(source)) = source else { return Ok(forecasts) };
        let windows = CALLS_MAX / settings.reads.as_slice().len().max(1);
        let has_begun = |window: Window| window.start().is_none_or(|start| start < now);
        let begun = forecasts.iter_mut().filter(|forecast| has_begun(forecast.occurrence.window));
        let asking = async {
            for forecast in begun.take(windows) {
                match records(&**source, &by.owner, settings, forecast.occurrence.window).await {
                    Ok(records) => forecast.records = records,
                    Err(_) => break,
                }
            }
        };
        // The values that a panic leaves half done are numbers that are set whole.
        let asking = AssertUnwindSafe(asking).catch_unwind();
        select(std::pin::pin!(asking), self.ports.clock.sleep(TIME_MAX)).await;
        Ok(forecasts)
    }
}

/// Returns how many records a window holds, of all types of a job.
async fn records(
    source: &dyn Source,
    owner: &Owner,
    settings: &JobSettings,
    window: Window,
) -> Result<Option<u64>, SourceError> {
    let mut sum = 0_u64;
    for read in &settings.reads {
        let pushed_down = source.describe().data_type(&read.data_type).is_some_and(|known| known.pushes_down);
        if !pushed_down && !read.template.filters.is_empty() {
            return Ok(None);
        }
        let estimate = source.estimate(&request(owner, settings, read, window)).await?;
        let Some(records) = estimate.and_then(Estimate::records) else { return Ok(None) };
        sum = sum.saturating_add(records);
    }
    Ok(Some(sum))
}
