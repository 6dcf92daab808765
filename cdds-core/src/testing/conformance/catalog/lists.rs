//! Lists: every filter, every order, page by page, compared with the catalog in memory.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::case::{Case, Found, done, require};
use super::deliveries::{claim_of, destination, fails, refuses};
use super::scene::{failed, once, owner, settings};
use super::seen::{difference, page_text, text};
use super::stock::{Stock, fill};
use super::subjects::request;
use crate::domain::access::{Action, PrincipalName};
use crate::domain::execution::Status;
use crate::domain::id::{DeliveryId, ExecutionId, Owner, RecipientName, SourceId, TypeId};
use crate::domain::job::JobState;
use crate::domain::notice::subscription::{Subscription, Subscriptions};
use crate::domain::notice::{Channel, NoticeKind};
use crate::domain::subject::request::{RequestKind, RequestStatus};
use crate::domain::violation::RuleViolation;
use crate::domain::work::row::{WorkOutcome, WorkStatus};
use crate::ports::catalog::query::{
    ArtifactColumn, ArtifactQuery, AuditColumn, AuditQuery, Between, DeliveryQuery, ExecutionColumn,
    ExecutionQuery, FrequencyKind, IdBeginning, JobColumn, JobQuery, LatestStatus, NoticeColumn, NoticeQuery,
    Slice, Sort, SubjectRequestColumn, SubjectRequestQuery,
};

/// The sizes of pages that are tried: of one row, and of some.
const SIZES: [u64; 3] = [1, 2, 5];

/// Defines the comparison of one list: as a whole, and page by page.
macro_rules! compares {
    ($name:ident, $query:ident, $method:ident $(, $now:ident)?) => {
        async fn $name(case: &Case, owner: &Owner, query: &$query, sizes: &[u64]) -> Found {
            let what = stringify!($method);
            $(let $now = case.now();)?
            let whole = case.twin().$method(owner, query $(, $now)?).await;
            let whole = whole.map_err(|error| format!("{what} in memory: {error}"))?;
            let ours = case.ours().$method(owner, query $(, $now)?).await;
            let ours = ours.map_err(|error| format!("{what} {query:?}: failed with {error}"))?;
            if let Some(differs) = difference(&page_text(&ours), &page_text(&whole)) {
                return Err(format!("{what} {query:?}: {differs}"));
            }
            let should: Vec<String> = whole.items.iter().map(|row| text(row)).collect();
            for size in sizes {
                let (mut slice, mut rows, mut total) = (Slice::first(*size), Vec::new(), whole.total);
                loop {
                    let paged = query.clone().with_slice(slice);
                    let page = case.other().$method(owner, &paged $(, $now)?).await;
                    let page = page.map_err(|error| format!("{what} {paged:?}: failed with {error}"))?;
                    let count = page.items.len() as u64;
                    require(page.total == total, || format!("{what} {paged:?}: total {:?}", page.total))?;
                    let is_full = if page.next.is_some() { count == *size } else { count <= *size };
                    require(is_full, || format!("{what} {paged:?}: a page of {count} rows"))?;
                    rows.extend(page.items.iter().map(|row| text(row)));
                    require(rows.len() <= should.len(), || format!("{what} {paged:?}: too many rows"))?;
                    total = None;
                    match page.next {
                        Some(after) => slice = Slice { after: Some(after), limit: *size },
                        None => break,
                    }
                }
                if let Some(differs) = difference(&rows.join(", "), &should.join(", ")) {
                    return Err(format!("{what} {query:?}, in pages of {size}: {differs}"));
                }
            }
            Ok(())
        }
    };
}

compares!(same_jobs, JobQuery, jobs);
compares!(same_executions, ExecutionQuery, executions, now);
compares!(same_artifacts, ArtifactQuery, artifacts);
compares!(same_audit, AuditQuery, audit);
compares!(same_notices, NoticeQuery, notices);
compares!(same_deliveries, DeliveryQuery, deliveries);
compares!(same_subject_requests, SubjectRequestQuery, subject_requests);

/// Ranges whose bounds are instants on record, in whole and in half.
fn ranges(instants: &[DateTime<Utc>]) -> Vec<Between> {
    let mut ranges = Vec::new();
    for at in instants {
        let later = *at + TimeDelta::microseconds(1);
        ranges.push(Between { from: Some(*at), to: None });
        ranges.push(Between { from: None, to: Some(*at) });
        ranges.push(Between { from: Some(later), to: None });
        ranges.push(Between { from: Some(*at), to: Some(later) });
    }
    ranges
}

fn sources() -> Vec<SourceId> {
    ["calls", "mails", "none"].into_iter().filter_map(|name| SourceId::new(name).ok()).collect()
}

fn types() -> Vec<TypeId> {
    ["call", "note", "none", "not"].into_iter().filter_map(|name| TypeId::new(name).ok()).collect()
}

fn recipients() -> Vec<RecipientName> {
    ["archive", "law", "none"].into_iter().filter_map(|name| RecipientName::new(name).ok()).collect()
}

/// Returns selections of ids: none, one, all but one in reverse with one given twice.
fn selections<Id: Copy>(ids: impl Iterator<Item = Id>) -> Vec<Vec<Id>> {
    let ids: Vec<Id> = ids.collect();
    let most: Vec<Id> = ids.iter().skip(1).chain(ids.last()).rev().copied().collect();
    vec![Vec::new(), ids.iter().take(1).copied().collect(), most]
}

/// Returns beginnings of ids: of one character, of some, whole ones, and one that no id has.
fn beginnings<Id: Into<Uuid>>(ids: impl Iterator<Item = Id>) -> Vec<IdBeginning> {
    let texts = ids.flat_map(|id| {
        let text = id.into().to_string();
        [1, 4, 9, 36].map(|chars| text.chars().take(chars).collect::<String>())
    });
    let mut texts: Vec<String> = texts.chain(["00000000-0000-0000-0000-000000000000".to_owned()]).collect();
    texts.sort();
    texts.dedup();
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}

const SEARCHES: [&str; 10] = ["", "zeta", "ZE", "ärger", "ÄR", "%", "_", "a_b", "strasse", "nowhere"];

pub(super) async fn jobs(case: &Case) -> Found {
    let Stock { owner, instants } = fill(case).await?;
    let all = JobQuery::default;
    for descending in [false, true] {
        for column in JobColumn::ALL {
            let query = all().with_sort(Sort { column: *column, descending });
            same_jobs(case, &owner, &query, &SIZES).await?;
        }
    }
    let mut queries: Vec<JobQuery> = Vec::new();
    let whole = case.twin().jobs(&owner, &all()).await.map_err(|error| error.to_string())?;
    let begun = beginnings(whole.items.iter().map(|overview| overview.job.id));
    queries.extend(begun.into_iter().map(|beginning| all().with_id_begins(beginning)));
    let ids = selections(whole.items.iter().map(|overview| overview.job.id));
    queries.extend(ids.into_iter().map(|ids| all().with_ids(ids)));
    queries.extend(SEARCHES.map(|text| all().with_search(text.to_owned())));
    queries.extend(sources().into_iter().map(|source| all().with_source(source)));
    queries.extend(types().into_iter().map(|name| all().with_data_type(name)));
    queries.extend(recipients().into_iter().map(|name| all().with_recipient(name)));
    let kinds = [FrequencyKind::Once, FrequencyKind::Hourly, FrequencyKind::Daily, FrequencyKind::Weekly];
    queries.extend(kinds.map(|kind| all().with_frequency(kind)));
    let states = [JobState::Active, JobState::Suspended, JobState::Completed, JobState::Deleted];
    queries.extend(states.map(|state| all().with_state(state)));
    queries.push(all().with_latest_status(LatestStatus::YetToRun));
    queries.extend(Status::ALL.map(|status| all().with_latest_status(LatestStatus::Is(status))));
    for range in ranges(&instants) {
        queries.extend([
            all().with_created(range),
            all().with_latest_started(range),
            all().with_next_starts(range),
        ]);
    }
    for query in queries {
        same_jobs(case, &owner, &query, &[2]).await?;
    }
    Ok(())
}

pub(super) async fn executions(case: &Case) -> Found {
    let Stock { owner, instants } = fill(case).await?;
    let all = ExecutionQuery::default;
    for descending in [false, true] {
        for column in ExecutionColumn::ALL {
            let query = all().with_sort(Sort { column: *column, descending });
            same_executions(case, &owner, &query, &SIZES).await?;
        }
    }
    let jobs = case.twin().jobs(&owner, &JobQuery::default()).await.map_err(|error| error.to_string())?;
    let mut queries: Vec<ExecutionQuery> = Vec::new();
    let whole = case.twin().executions(&owner, &all(), case.now()).await;
    let whole = whole.map_err(|error| error.to_string())?;
    let begun = beginnings(whole.items.iter().map(|overview| overview.execution.id));
    queries.extend(begun.into_iter().map(|beginning| all().with_id_begins(beginning)));
    let ids = selections(whole.items.iter().map(|overview| overview.execution.id));
    queries.extend(ids.into_iter().map(|ids| all().with_ids(ids)));
    queries.extend(jobs.items.iter().map(|overview| all().with_job(overview.job.id)));
    queries.extend(Status::ALL.map(|status| all().with_status(status)));
    queries.extend(sources().into_iter().map(|source| all().with_source(source)));
    queries.extend(types().into_iter().map(|name| all().with_data_type(name)));
    for range in ranges(&instants) {
        queries.extend([all().with_slot(range), all().with_started(range)]);
    }
    for query in queries {
        same_executions(case, &owner, &query, &[2]).await?;
    }
    Ok(())
}

pub(super) async fn artifacts(case: &Case) -> Found {
    let Stock { owner, instants } = fill(case).await?;
    let all = ArtifactQuery::default;
    for descending in [false, true] {
        for column in ArtifactColumn::ALL {
            let query = all().with_sort(Sort { column: *column, descending });
            same_artifacts(case, &owner, &query, &SIZES).await?;
        }
    }
    let files = case.twin().artifacts(&owner, &all()).await.map_err(|error| error.to_string())?;
    let mut queries: Vec<ArtifactQuery> = vec![all().with_hold(true), all().with_hold(false)];
    let begun = beginnings(files.items.iter().map(|overview| overview.artifact.id));
    queries.extend(begun.into_iter().map(|beginning| all().with_id_begins(beginning)));
    for overview in &files.items {
        let file = &overview.artifact;
        queries.extend([
            all().with_job(file.job_id),
            all().with_execution(file.execution_id),
            all().with_search(file.name.to_uppercase()),
            all().with_bytes_min(file.bytes),
            all().with_bytes_max(file.bytes),
            all().with_bytes_min(file.bytes + 1),
            all().with_available_at(file.expires_at),
            all().with_available_at(file.expires_at - TimeDelta::microseconds(1)),
        ]);
    }
    queries.extend(["", ".z0", "%", "_"].map(|text| all().with_search(text.to_owned())));
    queries.extend(types().into_iter().map(|name| all().with_data_type(name)));
    let ends = files.items.iter().map(|overview| overview.artifact.expires_at);
    let ends: Vec<DateTime<Utc>> = ends.collect();
    queries.extend(ranges(&ends).into_iter().map(|range| all().with_expires(range)));
    queries.extend(ranges(&instants).into_iter().map(|range| all().with_created(range)));
    for query in queries {
        same_artifacts(case, &owner, &query, &[2]).await?;
    }
    Ok(())
}

pub(super) async fn audit(case: &Case) -> Found {
    let Stock { owner, instants } = fill(case).await?;
    let all = AuditQuery::default;
    for descending in [false, true] {
        for column in AuditColumn::ALL {
            let query = all().with_sort(Sort { column: *column, descending });
            same_audit(case, &owner, &query, &SIZES).await?;
        }
    }
    let entries = case.twin().audit(&owner, &all()).await.map_err(|error| error.to_string())?;
    let mut queries: Vec<AuditQuery> = Vec::new();
    let objects = entries.items.iter().filter_map(|entry| entry.object.as_ref());
    queries.extend(objects.map(|object| all().with_object(object.id())));
    queries.push(all().with_object("nothing".to_owned()));
    let names = ["administrator", "operator", "nobody"];
    queries.extend(
        names.into_iter().filter_map(|name| Some(all().with_principal(PrincipalName::new(name).ok()?))),
    );
    queries.extend(Action::ALL.iter().map(|action| all().with_action(*action)));
    queries.extend(ranges(&instants).into_iter().map(|range| all().with_at(range)));
    for query in queries {
        same_audit(case, &owner, &query, &[2]).await?;
    }
    Ok(())
}

pub(super) async fn subject_requests(case: &Case) -> Found {
    let (ada, all) = (owner("ada")?, SubjectRequestQuery::default);
    let wrong = |error: RuleViolation| format!("the script itself is wrong: {error}");
    let by = PrincipalName::new("eve").map_err(wrong)?;
    for (person, kind) in (1..).zip(RequestKind::ALL.into_iter().cycle().take(11)) {
        let new = request(case, &ada, kind, &[person])?;
        done!(case, "of a list", insert_subject_request(&new, &[]));
        let sooner = case.now() + TimeDelta::days(60 + i64::from(person) * 7 % 5);
        let after = match person % 4 {
            0 => new.clone().withdraw(&by, case.now()),
            1 => new.clone().extend(Some(sooner), &by, case.now()),
            _ => Ok(new.clone()),
        };
        let after = after.map_err(wrong)?;
        if after != new {
            done!(case, "of a list", change_subject_request(&after, new.version, &[]));
        }
        // Two of each instant.
        case.pass(u64::from(person % 2));
    }
    let mut queries = vec![all().with_open(true), all().with_open(false)];
    for column in SubjectRequestColumn::ALL {
        for descending in [true, false] {
            let sorted = all().with_sort(Sort { column: *column, descending });
            same_subject_requests(case, &ada, &sorted, &SIZES).await?;
            queries.extend(RequestKind::ALL.map(|kind| sorted.clone().with_kind(kind)));
        }
    }
    let page = case.twin().subject_requests(&ada, &all()).await.map_err(|error| error.to_string())?;
    let begun = beginnings(page.items.iter().map(|request| request.id));
    queries.extend(begun.into_iter().map(|beginning| all().with_id_begins(beginning)));
    queries.extend(RequestStatus::ALL.iter().map(|status| all().with_status(*status)));
    let open = all().with_open(true).with_status(RequestStatus::Received);
    queries.extend(RequestKind::ALL.map(|kind| open.clone().with_kind(kind)));
    for query in queries {
        same_subject_requests(case, &ada, &query, &[2]).await?;
    }
    Ok(())
}

/// Adds notices to people and endpoints about several things.
async fn subscribed(case: &Case, owner: &Owner) -> Found {
    let told = |error: RuleViolation| format!("the script itself is wrong: {error}");
    let who = ["mailto:ada@example.com", "mailto:eve@example.com", "webhook:orders?on=published,delivered"];
    let who = who.map(str::parse::<Subscription>).into_iter().collect::<Result<Vec<_>, _>>().map_err(told)?;
    let who = Subscriptions::new(who).map_err(told)?;
    for title in ["told", "also told"] {
        case.submit(owner, settings(title, once())?.with_subscriptions(who.clone())).await?;
        let claimed = case.claimed("w").await?;
        match title {
            "told" => drop(case.publishes(&claimed, 1).await?),
            _ => drop(case.settles(claimed.fence(), &failed(false)).await?),
        }
        case.pass(7);
    }
    Ok(())
}

pub(super) async fn notices(case: &Case) -> Found {
    // Before anything else waits, so that what is claimed is what is told of.
    subscribed(case, &owner("ada")?).await?;
    let Stock { owner, instants } = fill(case).await?;
    let all = NoticeQuery::default;
    for descending in [false, true] {
        for column in NoticeColumn::ALL {
            let query = all().with_sort(Sort { column: *column, descending });
            same_notices(case, &owner, &query, &SIZES).await?;
            same_notices(case, &owner, &query.with_for_host(false), &[2]).await?;
        }
    }
    let notices = case.twin().notices(&owner, &all()).await.map_err(|error| error.to_string())?;
    let mut queries: Vec<NoticeQuery> = Vec::new();
    let begun = beginnings(notices.items.iter().map(|notice| notice.work.id));
    queries.extend(begun.into_iter().map(|beginning| all().with_id_begins(beginning)));
    for notice in &notices.items {
        queries.push(all().with_id(notice.work.id));
        queries.extend(notice.execution_id().map(|id| all().with_execution(id)));
        queries.push(all().with_job(notice.job_id));
        queries.push(all().with_subscriber(notice.subscriber.clone()));
    }
    queries.extend(NoticeKind::ALL.iter().map(|kind| all().with_kind(*kind)));
    for channel in Channel::ALL {
        let by = all().with_channel(*channel);
        queries.extend(WorkStatus::ALL.map(|status| by.clone().with_status(status)));
        queries.extend([by.clone().with_for_host(true), by]);
    }
    queries.extend(WorkStatus::ALL.map(|status| all().with_status(status)));
    queries.extend([true, false].map(|for_host| all().with_for_host(for_host)));
    for range in ranges(&instants) {
        queries.extend([all().with_at(range), all().with_at(range).with_for_host(false)]);
    }
    for query in queries {
        same_notices(case, &owner, &query, &[1, 2]).await?;
    }
    Ok(())
}

/// Fills the record with deliveries in every state, some of them of the same instant.
async fn delivered(case: &Case, owner: &Owner) -> Found {
    let bob = super::scene::owner("bob")?;
    for (number, to) in [&["a", "b"][..], &["b"], &["c", "a", "b"], &["a"]].into_iter().enumerate() {
        case.published_to(owner, &format!("set {number}"), to).await?;
        case.published_to(&bob, "of another owner", to).await?;
        if number % 2 == 1 {
            case.pass(7);
        }
    }
    let claim = claim_of("t", 9, &["a", "b"])?;
    let taken = case.takes("of many", &claim).await?;
    let ends = [WorkOutcome::Done, refuses(&claim), fails(&claim)];
    for (number, one) in taken.iter().enumerate() {
        if let Some(outcome) = ends.get(number % 4) {
            case.ends("under the present claim", one, outcome).await?;
        }
    }
    Ok(())
}

pub(super) async fn deliveries(case: &Case) -> Found {
    let owner = owner("ada")?;
    delivered(case, &owner).await?;
    let all = DeliveryQuery::default;
    same_deliveries(case, &owner, &all(), &SIZES).await?;
    let deliveries = case.twin().deliveries(&owner, &all()).await.map_err(|error| error.to_string())?;
    let mut queries: Vec<DeliveryQuery> = vec![all().with_id(DeliveryId(case.id()))];
    for delivery in &deliveries.items {
        queries.push(all().with_id(delivery.work.id));
        queries.push(all().with_execution(delivery.execution_id));
    }
    for name in ["a", "b", "c", "nowhere"] {
        let to = all().with_destination(destination(name)?);
        queries.extend(WorkStatus::ALL.map(|status| to.clone().with_status(status)));
        queries.push(to);
    }
    queries.extend(WorkStatus::ALL.map(|status| all().with_status(status)));
    let of_page: Vec<ExecutionId> = deliveries.items.iter().map(|one| one.execution_id).collect();
    let (first, last) = (of_page.iter().take(1), of_page.iter().rev().take(1));
    let few: Vec<ExecutionId> = first.chain(last).copied().chain([ExecutionId(case.id())]).collect();
    for executions in [Vec::new(), vec![ExecutionId(case.id())], few, of_page] {
        let of = all().with_executions(executions);
        queries.push(of.clone().with_destination(destination("a")?));
        queries.push(of);
    }
    for query in queries {
        same_deliveries(case, &owner, &query, &[1, 2]).await?;
    }
    Ok(())
}

/// Pages on while rows come and go: before the place they shift nothing, behind it they are there or not.
pub(super) async fn changing(case: &Case) -> Found {
    let owner = owner("ada")?;
    for number in 0..6 {
        case.queued(&owner, &format!("job {number}")).await?;
        if number % 2 == 0 {
            case.pass(1);
        }
    }
    let query = JobQuery::default().with_slice(Slice::first(2));
    let (mut ours, mut twins) = (query.clone(), query);
    for step in 0..6 {
        let page = case.ours().jobs(&owner, &ours).await.map_err(|error| error.to_string())?;
        let should = case.twin().jobs(&owner, &twins).await.map_err(|error| error.to_string())?;
        if let Some(differs) = difference(&page_text(&page), &page_text(&should)) {
            return Err(format!("jobs, page {step} while rows change: {differs}"));
        }
        let (Some(after), Some(twins_after)) = (page.next, should.next) else { return Ok(()) };
        // The row at the place goes, and newer ones come before it.
        if let Some(last) = should.items.last() {
            let change = crate::domain::job::lifecycle::delete(&last.job, Vec::new(), case.now());
            let change = change.map_err(|error| error.to_string())?;
            case.changes(&change, last.job.revision).await?;
        }
        case.queued(&owner, "newer").await?;
        ours = ours.with_slice(Slice { after: Some(after), limit: 2 });
        twins = twins.with_slice(Slice { after: Some(twins_after), limit: 2 });
    }
    Err("jobs: the pages never end while rows are added before them".to_owned())
}
