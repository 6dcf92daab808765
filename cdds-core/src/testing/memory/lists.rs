//! Lists: filtered, sorted with missing values last, and divided into pages.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::state::State;
use crate::domain::archive::artifact::Artifact;
use crate::domain::delivery::Delivery;
use crate::domain::execution::Status;
use crate::domain::id::{ArtifactId, ExecutionId, JobId, Owner, TypeId};
use crate::domain::job::{JobState, TypeList};
use crate::domain::notice::{Channel, Notice};
use crate::domain::work::lease::WorkerLife;
use crate::ports::catalog::query::{
    ArtifactColumn, ArtifactOverview, ArtifactQuery, Between, Cursor, DeliveryQuery, ExecutionColumn,
    ExecutionOverview, ExecutionQuery, IdBeginning, JobColumn, JobOverview, JobQuery, LatestStatus,
    NoticeColumn, NoticeQuery, Page, Slice, SortKey, Total,
};

pub(super) fn at(instant: DateTime<Utc>) -> SortKey {
    SortKey::Number(micros(instant))
}

pub(super) const fn micros(instant: DateTime<Utc>) -> i64 {
    instant.timestamp_micros()
}

fn number(value: u64) -> SortKey {
    SortKey::Number(i64::try_from(value).unwrap_or(i64::MAX))
}

fn rank(status: Status) -> SortKey {
    let rank = Status::ALL.iter().position(|one| *one == status);
    rank.map_or(SortKey::Missing, |rank| number(rank as u64))
}

fn or_missing<T>(value: Option<T>, key: impl FnOnce(T) -> SortKey) -> SortKey {
    value.map_or(SortKey::Missing, key)
}

/// Compares two rows of a list: missing keys come last in either direction, ties are broken by age and
/// by id in the same direction, and the parts of a set stay in their order.
fn compare(one: &Cursor, other: &Cursor, descending: bool) -> Ordering {
    let keys = match (&one.key, &other.key) {
        (SortKey::Missing, _) | (_, SortKey::Missing) => one.key.cmp(&other.key),
        (one, other) if descending => other.cmp(one),
        (one, other) => one.cmp(other),
    };
    let (one_place, other_place) = ((one.at, &one.id), (other.at, &other.id));
    let places = if descending { other_place.cmp(&one_place) } else { one_place.cmp(&other_place) };
    keys.then(places).then(one.part.cmp(&other.part))
}

pub(super) fn page<T>(
    rows: Vec<T>,
    slice: &Slice,
    descending: bool,
    place: impl Fn(&T) -> Cursor,
) -> Page<T> {
    let total = slice.after.is_none().then(|| Total::counted(rows.len() as u64));
    let mut rows: Vec<(Cursor, T)> = rows.into_iter().map(|row| (place(&row), row)).collect();
    if let Some(after) = &slice.after {
        rows.retain(|(place, _)| compare(place, after, descending).is_gt());
    }
    rows.sort_by(|(one, _), (other, _)| compare(one, other, descending));
    let limit = usize::try_from(slice.limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|(place, _)| place.clone());
    Page { items: rows.into_iter().map(|(_, row)| row).collect(), total, next }
}

/// Whether an instant lies in a range. A range without bounds also accepts a missing instant.
pub(super) fn within(between: Between, instant: Option<DateTime<Utc>>) -> bool {
    let after_from = between.from.is_none_or(|from| instant.is_some_and(|instant| instant >= from));
    after_from && between.to.is_none_or(|to| instant.is_some_and(|instant| instant < to))
}

pub(super) fn is_wanted<T: PartialEq>(wanted: Option<&T>, value: &T) -> bool {
    wanted.is_none_or(|wanted| wanted == value)
}

pub(super) fn begins(wanted: Option<&IdBeginning>, id: impl Into<Uuid>) -> bool {
    wanted.is_none_or(|wanted| wanted.fits(id))
}

fn holds(wanted: Option<&TypeId>, types: &TypeList) -> bool {
    wanted.is_none_or(|wanted| types.contains(wanted))
}

fn contains(search: Option<&String>, text: &str) -> bool {
    search.is_none_or(|search| folded(text).contains(&folded(search)))
}

/// Folds upper and lower case together, character by character, so that `ß` is found by `SS`.
fn folded(text: &str) -> String {
    text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

impl State {
    pub(super) fn list_deliveries(&self, owner: &Owner, query: &DeliveryQuery) -> Page<Delivery> {
        let wanted = |delivery: &&Delivery| {
            delivery.work.owner == *owner
                && is_wanted(query.id.as_ref(), &delivery.work.id)
                && is_wanted(query.execution.as_ref(), &delivery.execution_id)
                && query.executions.as_ref().is_none_or(|ids| ids.contains(&delivery.execution_id))
                && is_wanted(query.destination.as_ref(), &delivery.to.destination)
                && is_wanted(query.status.as_ref(), &delivery.work.status())
        };
        let deliveries = self.deliveries.all.values().filter(wanted).cloned().collect();
        let place = |delivery: &Delivery| {
            let (key, id) = (at(delivery.created_at), delivery.work.id.to_string());
            Cursor { key, at: micros(delivery.created_at), id, part: 0 }
        };
        page(deliveries, &query.slice, true, place)
    }

    pub(super) fn list_notices(&self, owner: &Owner, query: &NoticeQuery) -> Page<Notice> {
        let wanted = |notice: &&Notice| {
            notice.work.owner == *owner
                && is_wanted(query.id.as_ref(), &notice.work.id)
                && begins(query.id_begins.as_ref(), notice.work.id)
                && query.execution.is_none_or(|id| notice.execution_id() == Some(id))
                && is_wanted(query.job.as_ref(), &notice.job_id)
                && is_wanted(query.kind.as_ref(), &notice.kind)
                && is_wanted(query.subscriber.as_ref(), &notice.subscriber)
                && is_wanted(query.channel.as_ref(), &notice.channel)
                && is_wanted(query.for_host.as_ref(), &(notice.channel == Channel::Host))
                && is_wanted(query.status.as_ref(), &notice.work.status())
                && within(query.at, Some(notice.at))
        };
        let notices = self.notices.all.values().filter(wanted).cloned().collect();
        let place = |notice: &Notice| {
            let key = match query.sort.column {
                NoticeColumn::At => at(notice.at),
                NoticeColumn::Kind => SortKey::Text(notice.kind.to_string()),
                NoticeColumn::Subscriber => SortKey::Text(notice.subscriber.to_string()),
                NoticeColumn::Channel => SortKey::Text(notice.channel.to_string()),
                NoticeColumn::Status => SortKey::Text(notice.work.status().as_str().to_owned()),
            };
            Cursor { key, at: micros(notice.at), id: notice.work.id.to_string(), part: 0 }
        };
        page(notices, &query.slice, query.sort.descending, place)
    }

    pub(super) fn list_jobs(&self, owner: &Owner, query: &JobQuery) -> Page<JobOverview> {
        let jobs = self.jobs.values().filter(|job| job.owner == *owner && job.state != JobState::Deleted);
        let wanted = |overview: &JobOverview| {
            let (job, settings) = (&overview.job, &overview.job.settings);
            let latest = overview.latest.as_ref();
            query.ids.as_ref().is_none_or(|ids| ids.contains(&job.id))
                && begins(query.id_begins.as_ref(), job.id)
                && contains(query.search.as_ref(), settings.title.as_str())
                && is_wanted(query.source.as_ref(), &settings.source)
                && holds(query.data_type.as_ref(), &settings.reads.types())
                && query.recipient.as_ref().is_none_or(|name| settings.protection.recipients().contains(name))
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
        page(rows, &query.slice, query.sort.descending, |overview| {
            let (job, settings) = (&overview.job, &overview.job.settings);
            let latest = overview.latest.as_ref();
            let key = match query.sort.column {
                JobColumn::Source => SortKey::Text(settings.source.to_string()),
                JobColumn::Type => SortKey::Text(settings.reads.types().to_string()),
                JobColumn::Title => SortKey::Text(folded(settings.title.as_str())),
                JobColumn::CreatedAt => at(job.created_at),
                JobColumn::LatestStatus => or_missing(latest.map(|latest| latest.status), rank),
                JobColumn::LatestStartedAt => or_missing(latest.and_then(|latest| latest.started_at), at),
                JobColumn::NextStartsAt => or_missing(job.next_due_at, at),
            };
            Cursor { key, at: micros(job.created_at), id: job.id.to_string(), part: 0 }
        })
    }

    pub(super) fn execution(
        &self,
        owner: &Owner,
        id: ExecutionId,
        now: DateTime<Utc>,
    ) -> Option<ExecutionOverview> {
        let entry = self.executions.get(id).filter(|entry| entry.deleted_at.is_none())?;
        let stored = self.sets.get(id);
        let files = stored.into_iter().flat_map(super::sets::StoredSet::files);
        let files = files.filter(|file| file.is_available(now)).map(|file| file.name.clone()).collect();
        (entry.execution.owner == *owner).then(|| ExecutionOverview {
            job_deleted: self.is_deleted(entry.execution.job_id),
            worker: entry.lease.as_ref().map(|held| WorkerLife::of(None, &held.lease, now)),
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
            query.ids.as_ref().is_none_or(|ids| ids.contains(&execution.id))
                && begins(query.id_begins.as_ref(), execution.id)
                && is_wanted(query.job.as_ref(), &execution.job_id)
                && is_wanted(query.status.as_ref(), &execution.status())
                && is_wanted(query.source.as_ref(), &execution.settings.source)
                && holds(query.data_type.as_ref(), &execution.settings.reads.types())
                && within(query.slot, Some(execution.slot))
                && within(query.started, execution.started_at)
        };
        page(overviews.filter(wanted).collect(), &query.slice, query.sort.descending, |overview| {
            let (execution, settings) = (&overview.execution, &overview.execution.settings);
            let key = match query.sort.column {
                ExecutionColumn::Source => SortKey::Text(settings.source.to_string()),
                ExecutionColumn::Type => SortKey::Text(settings.reads.types().to_string()),
                ExecutionColumn::Title => SortKey::Text(folded(settings.title.as_str())),
                ExecutionColumn::Status => rank(execution.status()),
                ExecutionColumn::Slot => at(execution.slot),
                ExecutionColumn::StartedAt => or_missing(execution.started_at, at),
                ExecutionColumn::FinishedAt => or_missing(execution.finished_at, at),
                ExecutionColumn::Duration => {
                    let ended = execution.started_at.zip(execution.finished_at);
                    let micros = ended.and_then(|(start, end)| (end - start).num_microseconds());
                    or_missing(micros, SortKey::Number)
                }
                ExecutionColumn::Records => match execution.status() {
                    Status::InProgress => number(0),
                    _ => number(execution.progress.records),
                },
                // The name of its first file begins with its id, and is followed by the same in all sets.
                ExecutionColumn::Files => {
                    let set = self.sets.get(execution.id).filter(|set| !set.is_removed());
                    or_missing(set, |_| SortKey::Text(execution.id.to_string()))
                }
            };
            Cursor { key, at: micros(execution.slot), id: execution.id.to_string(), part: 0 }
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
                && begins(query.id_begins.as_ref(), file.id)
                && is_wanted(query.job.as_ref(), &file.job_id)
                && is_wanted(query.execution.as_ref(), &file.execution_id)
                && contains(query.search.as_ref(), &file.name)
                && holds(query.data_type.as_ref(), &file.types)
                && within(query.created, Some(file.created_at))
                && within(query.expires, Some(file.expires_at))
                && query.bytes_min.is_none_or(|min| file.bytes >= min)
                && query.bytes_max.is_none_or(|max| file.bytes <= max)
                && is_wanted(query.hold.as_ref(), &file.hold)
                && query.available_at.is_none_or(|now| file.is_available(now))
        };
        let rows = files.filter(wanted).map(|file| self.artifact_overview(file)).collect();
        page(rows, &query.slice, query.sort.descending, |overview| {
            let file = &overview.artifact;
            let key = match query.sort.column {
                // By the name of the set, which its id decides: by the names of files `.z100` would precede
                // `.z11`.
                ArtifactColumn::Name => SortKey::Text(file.execution_id.to_string()),
                ArtifactColumn::Type => SortKey::Text(file.types.to_string()),
                ArtifactColumn::CreatedAt => at(file.created_at),
                ArtifactColumn::Size => number(file.bytes),
                ArtifactColumn::Part => number(u64::from(file.part)),
                ArtifactColumn::RemainingDays => at(file.expires_at),
                ArtifactColumn::Downloads => number(overview.downloads),
            };
            Cursor { key, at: micros(file.created_at), id: file.execution_id.to_string(), part: file.part }
        })
    }

    fn is_deleted(&self, job: JobId) -> bool {
        self.jobs.get(&job).is_some_and(|job| job.state == JobState::Deleted)
    }
}
