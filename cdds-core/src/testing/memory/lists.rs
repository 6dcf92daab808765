//! Lists: filtered, sorted with missing values last, cut into pages.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};

use super::state::State;
use crate::domain::artifact::Artifact;
use crate::domain::execution::Status;
use crate::domain::id::{ArtifactId, ExecutionId, JobId, Owner};
use crate::domain::job::JobState;
use crate::ports::catalog::query::{
    ArtifactColumn, ArtifactOverview, ArtifactQuery, Between, ExecutionColumn, ExecutionOverview,
    ExecutionQuery, JobColumn, JobOverview, JobQuery, LatestStatus, Page, Slice,
};

/// What rows are sorted by.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Text(String),
    Number(i128),
    Status(Status),
}

fn at(instant: DateTime<Utc>) -> Key {
    Key::Number(i128::from(instant.timestamp_micros()))
}

fn page<T>(mut rows: Vec<T>, slice: Slice, descending: bool, key: impl Fn(&T) -> Option<Key>) -> Page<T> {
    // Ties keep the order of ids, in which the rows come.
    rows.sort_by(|one, other| match (key(one), key(other)) {
        (Some(one), Some(other)) if descending => other.cmp(&one),
        (Some(one), Some(other)) => one.cmp(&other),
        (one, other) if one.is_some() == other.is_some() => Ordering::Equal,
        (Some(_), _) => Ordering::Less,
        _ => Ordering::Greater,
    });
    let total = rows.len() as u64;
    let (offset, limit) = (usize::try_from(slice.offset), usize::try_from(slice.limit));
    let items =
        rows.into_iter().skip(offset.unwrap_or(usize::MAX)).take(limit.unwrap_or(usize::MAX)).collect();
    Page { items, total }
}

/// An open filter lets everything through, also what is missing.
fn within(between: Between, instant: Option<DateTime<Utc>>) -> bool {
    let after_from = between.from.is_none_or(|from| instant.is_some_and(|instant| instant >= from));
    after_from && between.to.is_none_or(|to| instant.is_some_and(|instant| instant < to))
}

fn is_wanted<T: PartialEq>(wanted: Option<&T>, value: &T) -> bool {
    wanted.is_none_or(|wanted| wanted == value)
}

fn contains(search: Option<&String>, text: &str) -> bool {
    search.is_none_or(|search| text.to_lowercase().contains(&search.to_lowercase()))
}

impl State {
    pub(super) fn list_jobs(&self, owner: &Owner, query: &JobQuery) -> Page<JobOverview> {
        let jobs = self.jobs.values().filter(|job| job.owner == *owner && job.state != JobState::Deleted);
        let wanted = |overview: &JobOverview| {
            let (job, settings) = (&overview.job, &overview.job.settings);
            let latest = overview.latest.as_ref();
            contains(query.search.as_ref(), settings.title.as_str())
                && is_wanted(query.source.as_ref(), &settings.source)
                && is_wanted(query.data_type.as_ref(), &settings.data_type)
                && is_wanted(query.frequency.as_ref(), &settings.frequency.kind())
                && is_wanted(query.state.as_ref(), &job.state)
                && query.latest_status.is_none_or(|wanted| {
                    wanted == latest.map_or(LatestStatus::YetToRun, |latest| LatestStatus::Is(latest.status))
                })
                && within(query.created, Some(job.created_at))
                && within(query.latest_started, latest.and_then(|latest| latest.started_at))
                && within(query.next_starts, job.next_due_at)
        };
        let rows = jobs.map(|job| self.overview(job)).filter(wanted).collect();
        page(rows, query.slice, query.sort.descending, |overview| {
            let (job, settings) = (&overview.job, &overview.job.settings);
            match query.sort.column {
                JobColumn::Source => Some(Key::Text(settings.source.to_string())),
                JobColumn::Type => Some(Key::Text(settings.data_type.to_string())),
                JobColumn::Title => Some(Key::Text(settings.title.as_str().to_lowercase())),
                JobColumn::CreatedAt => Some(at(job.created_at)),
                JobColumn::LatestStatus => overview.latest.as_ref().map(|latest| Key::Status(latest.status)),
                JobColumn::LatestStartedAt => overview.latest.as_ref().and_then(|one| one.started_at).map(at),
                JobColumn::NextStartsAt => job.next_due_at.map(at),
            }
        })
    }

    pub(super) fn execution(
        &self,
        owner: &Owner,
        id: ExecutionId,
        now: DateTime<Utc>,
    ) -> Option<ExecutionOverview> {
        let entry = self.executions.get(id).filter(|entry| !entry.deleted)?;
        let stored = self.sets.get(id);
        let files = stored.into_iter().flat_map(super::sets::StoredSet::files);
        let files = files.filter(|file| file.is_available(now)).map(|file| file.name.clone()).collect();
        (entry.execution.owner == *owner).then(|| ExecutionOverview {
            job_deleted: self.is_deleted(entry.execution.job_id),
            execution: entry.execution.clone(),
            files,
        })
    }

    pub(super) fn list_executions(
        &self,
        owner: &Owner,
        query: &ExecutionQuery,
        now: DateTime<Utc>,
    ) -> Page<ExecutionOverview> {
        let overviews = self.executions.ids().filter_map(|id| self.execution(owner, id, now));
        let wanted = |overview: &ExecutionOverview| {
            let execution = &overview.execution;
            is_wanted(query.job.as_ref(), &execution.job_id)
                && is_wanted(query.status.as_ref(), &execution.status())
                && is_wanted(query.source.as_ref(), &execution.settings.source)
                && is_wanted(query.data_type.as_ref(), &execution.settings.data_type)
                && within(query.slot, Some(execution.slot))
                && within(query.started, execution.started_at)
        };
        page(overviews.filter(wanted).collect(), query.slice, query.sort.descending, |overview| {
            let (execution, settings) = (&overview.execution, &overview.execution.settings);
            match query.sort.column {
                ExecutionColumn::Source => Some(Key::Text(settings.source.to_string())),
                ExecutionColumn::Type => Some(Key::Text(settings.data_type.to_string())),
                ExecutionColumn::Title => Some(Key::Text(settings.title.as_str().to_lowercase())),
                ExecutionColumn::Status => Some(Key::Status(execution.status())),
                ExecutionColumn::Slot => Some(at(execution.slot)),
                ExecutionColumn::StartedAt => execution.started_at.map(at),
                ExecutionColumn::FinishedAt => execution.finished_at.map(at),
                ExecutionColumn::Duration => {
                    let ended = execution.started_at.zip(execution.finished_at);
                    ended.map(|(start, end)| Key::Number(i128::from((end - start).num_milliseconds())))
                }
                ExecutionColumn::Records => Some(Key::Number(i128::from(execution.progress.records))),
                ExecutionColumn::Files => overview.files.first().cloned().map(Key::Text),
            }
        })
    }

    pub(super) fn artifact(&self, owner: &Owner, id: ArtifactId) -> Option<ArtifactOverview> {
        let mut files = self.sets.live().flat_map(super::sets::StoredSet::files);
        files.find(|file| file.id == id && file.owner == *owner).map(|file| self.artifact_overview(file))
    }

    fn artifact_overview(&self, artifact: &Artifact) -> ArtifactOverview {
        let downloads = self.downloads.get(&artifact.id).map(Vec::as_slice).unwrap_or_default();
        ArtifactOverview {
            artifact: artifact.clone(),
            job_deleted: self.is_deleted(artifact.job_id),
            downloads: downloads.len() as u64,
            last_downloaded_at: downloads.iter().max().copied(),
        }
    }

    pub(super) fn list_artifacts(&self, owner: &Owner, query: &ArtifactQuery) -> Page<ArtifactOverview> {
        let files = self.sets.live().flat_map(super::sets::StoredSet::files);
        let wanted = |file: &&Artifact| {
            file.owner == *owner
                && is_wanted(query.job.as_ref(), &file.job_id)
                && is_wanted(query.execution.as_ref(), &file.execution_id)
                && contains(query.search.as_ref(), &file.name)
                && is_wanted(query.data_type.as_ref(), &file.data_type)
                && within(query.created, Some(file.created_at))
                && within(query.expires, Some(file.expires_at))
                && query.bytes_min.is_none_or(|min| file.bytes >= min)
                && query.bytes_max.is_none_or(|max| file.bytes <= max)
                && is_wanted(query.hold.as_ref(), &file.hold)
                && query.available_at.is_none_or(|now| file.is_available(now))
        };
        let rows = files.filter(wanted).map(|file| self.artifact_overview(file)).collect();
        page(rows, query.slice, query.sort.descending, |overview| {
            let file = &overview.artifact;
            Some(match query.sort.column {
                // The parts of one set stay in their order: `.z100` would come before `.z11`.
                ArtifactColumn::Name => Key::Text(file.execution_id.to_string()),
                ArtifactColumn::Type => Key::Text(file.data_type.to_string()),
                ArtifactColumn::CreatedAt => at(file.created_at),
                ArtifactColumn::Size => Key::Number(i128::from(file.bytes)),
                ArtifactColumn::Part => Key::Number(i128::from(file.part)),
                ArtifactColumn::RemainingDays => at(file.expires_at),
                ArtifactColumn::Downloads => Key::Number(i128::from(overview.downloads)),
            })
        })
    }

    fn is_deleted(&self, job: JobId) -> bool {
        self.jobs.get(&job).is_some_and(|job| job.state == JobState::Deleted)
    }
}
