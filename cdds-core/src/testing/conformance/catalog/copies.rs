//! Copies that exports have made, and the filters that tell whom they name (rule D10).

use chrono::{SubsecRound, TimeDelta};

use super::case::{Case, Found, done, require};
use super::scene::{HOUR, owner, publication};
use crate::domain::access::Action;
use crate::domain::access::audit::{AuditRecord, Object, Outcome};
use crate::domain::archive::artifact::artifact_id;
use crate::domain::execution::Execution;
use crate::domain::id::{ExecutionId, Owner};
use crate::domain::job::lifecycle::delete;
use crate::domain::keeping::Cutoffs;
use crate::domain::subject::copies::{CopyPlace, FilterNote, Gap, PublishedSet};
use crate::ports::catalog::{Forget, Removal};
use crate::ports::sink::Key;

fn wrong(error: impl std::fmt::Display) -> String {
    format!("the script itself is wrong: {error}")
}

fn note(execution: &Execution) -> Found<FilterNote> {
    let folder = Key::new(format!("{}/{}", execution.id, execution.epoch));
    let note = FilterNote::new(folder, "k1".parse().map_err(wrong)?, 2, 1_000_000);
    Ok(note.with_gaps([Gap::LeftOut, Gap::Unreadable].into()))
}

/// Publishes a set of two parts with filters, or without.
async fn published(case: &Case, owner: &Owner, title: &str, with: bool) -> Found<Execution> {
    case.pass(HOUR);
    case.queued(owner, title).await?;
    let claimed = case.claimed("w").await?;
    let mut publication = publication(&claimed, 2, case.now());
    publication.filter = if with { Some(note(&claimed)?) } else { None };
    done!(case, "under the present claim", publish(claimed.fence(), &publication));
    Ok(claimed)
}

async fn sets(
    case: &Case,
    owner: &Owner,
    behind: Option<CopyPlace>,
    limit: usize,
) -> Found<Vec<PublishedSet>> {
    case.other().published_sets(owner, behind, limit).await.map_err(|error| error.to_string())
}

async fn has_filter(case: &Case, told: &str, execution: ExecutionId, should: Option<FilterNote>) -> Found {
    let is = case.other().subject_filter(execution).await.map_err(|error| error.to_string())?;
    require(is == should, || format!("subject_filter, {told}: should be {should:?}, and is {is:?}"))
}

/// Requires that these filters are to be removed.
async fn to_remove(case: &Case, told: &str, should: &[Removal]) -> Found {
    let mut removals = case.other().removals(99).await.map_err(|error| error.to_string())?;
    removals.retain(|removal| matches!(removal, Removal::Filter { .. }));
    require(removals == should, || format!("removals, {told}: should be {should:?}, and are {removals:?}"))
}

pub(super) async fn noted(case: &Case) -> Found {
    let (ada, bob) = (owner("ada")?, owner("bob")?);
    let first = published(case, &ada, "first", true).await?;
    let second = published(case, &ada, "second", false).await?;
    let others = published(case, &bob, "of bob", true).await?;
    has_filter(case, "of a set with filters", first.id, Some(note(&first)?)).await?;
    has_filter(case, "of a set without", second.id, None).await?;
    has_filter(case, "of any owner", others.id, Some(note(&others)?)).await?;
    let audit = [case.entry(&ada, Action::HoldSet)];
    done!(case, "of a live set", hold(&ada, second.id, true, &audit));
    let of = |set: &PublishedSet| (set.execution, set.filter.is_some(), set.hold, set.removed_at.is_some());
    let all = sets(case, &ada, None, 9).await?;
    let expected = [(second.id, false, true, false), (first.id, true, false, false)];
    let is: Vec<_> = all.iter().map(of).collect();
    require(is == expected, || format!("published_sets: should be {expected:?}, and are {all:?}"))?;
    let should = note(&first)?;
    require(all.last().and_then(|set| set.filter.as_ref()) == Some(&should), || {
        format!("published_sets: should have {should:?}: {all:?}")
    })?;
    // One at a time.
    let mut behind = None;
    for should in &all {
        let page = sets(case, &ada, behind, 1).await?;
        require(page.as_slice() == std::slice::from_ref(should), || {
            format!("published_sets, of one behind {behind:?}: should be {should:?}, and are {page:?}")
        })?;
        behind = Some(should.place());
    }
    let rest = sets(case, &ada, behind, 1).await?;
    require(rest.is_empty(), || format!("published_sets, behind the last one: are {rest:?}"))
}

pub(super) async fn outlives_its_set(case: &Case) -> Found {
    let ada = owner("ada")?;
    let set = published(case, &ada, "goes", true).await?;
    let (told, filter) = ("of a set that is gone", note(&set)?);
    let removal = Removal::Filter { execution: set.id, filter: filter.clone() };
    done!(case, "of filters that are wanted", confirm_removed(&removal, case.now()));
    let audit = [case.entry(&ada, Action::DeleteArtifacts)];
    let files = [artifact_id(set.id, 1), artifact_id(set.id, 2)];
    let deleted_at = case.now();
    done!(case, "of all parts", delete_artifacts(&ada, &files, deleted_at, &audit));
    to_remove(case, told, &[]).await?;
    done!(case, "of a set", confirm_removed(&Removal::Set { execution: set.id }, case.now()));
    has_filter(case, told, set.id, Some(filter.clone())).await?;
    let is = sets(case, &ada, None, 9).await?;
    let is: Vec<_> = is.iter().map(|set| (set.execution, set.removed_at, &set.filter)).collect();
    let deleted_at = deleted_at.trunc_subsecs(6);
    require(is == [(set.id, Some(deleted_at), &Some(filter))], || {
        format!("published_sets, {told}: are {is:?}")
    })?;
    let audit = [case.entry(&ada, Action::DeleteExecution)];
    done!(case, "that has ended", delete_execution(&ada, set.id, case.now(), &audit));
    goes(case, "of an execution that was deleted", &ada, &removal, set.id).await?;

    let job = case.queued(&ada, "is forgotten").await?;
    let set = case.claimed("w").await?;
    let mut publication = publication(&set, 2, case.now());
    publication.filter = Some(note(&set)?);
    done!(case, "under the present claim", publish(set.fence(), &publication));
    let job = case.job_of(&job).await?;
    let change = delete(&job, Vec::new(), case.now()).map_err(|error| error.to_string())?;
    case.changes(&change, job.revision).await?;
    case.pass(31 * 24 * HOUR);
    done!(case, "of one", expire(case.now(), 9));
    done!(case, "of a set", confirm_removed(&Removal::Set { execution: set.id }, case.now()));
    case.pass(400 * 24 * HOUR);
    has_filter(case, "of a set that has expired", set.id, publication.filter.clone()).await?;
    let cutoffs = Cutoffs { ended: case.now() - TimeDelta::days(1), gone: case.now() - TimeDelta::days(1) };
    done!(case, "of all that is old", forget(&Forget::new(cutoffs)));
    let removal = Removal::Filter { execution: set.id, filter: note(&set)? };
    goes(case, "of an execution that was forgotten", &ada, &removal, set.id).await
}

/// Requires that filters are no longer wanted, and are to be removed until that is confirmed.
async fn goes(case: &Case, told: &str, owner: &Owner, removal: &Removal, execution: ExecutionId) -> Found {
    has_filter(case, told, execution, None).await?;
    let sets = sets(case, owner, None, 9).await?;
    require(sets.is_empty(), || format!("published_sets, {told}: are {sets:?}"))?;
    for _ in 0..2 {
        to_remove(case, told, std::slice::from_ref(removal)).await?;
    }
    for _ in 0..2 {
        done!(case, told, confirm_removed(removal, case.now()));
        to_remove(case, told, &[]).await?;
    }
    Ok(())
}

pub(super) async fn downloads(case: &Case) -> Found {
    let (ada, bob) = (owner("ada")?, owner("bob")?);
    let set = case.published(&ada, "fetched", 2).await?;
    let other = case.published(&ada, "another", 2).await?;
    case.published(&bob, "of bob", 1).await?;
    let mut expected: Vec<AuditRecord> = Vec::new();
    let entry = |owner: &Owner, execution: &Execution, part: u32| {
        let file = Object::Artifact(artifact_id(execution.id, part));
        case.entry(owner, Action::Download).with_object(file)
    };
    for (part, outcome) in [(1, Outcome::Begun), (2, Outcome::Linked), (1, Outcome::Begun)] {
        case.pass(1);
        let entry = entry(&ada, &set, part).with_outcome(outcome);
        done!(case, "of a download", record(&entry));
        expected.insert(0, entry);
    }
    let others = [
        entry(&ada, &set, 1).with_outcome(Outcome::Forbidden),
        entry(&bob, &set, 1).with_outcome(Outcome::Begun),
        entry(&ada, &other, 1).with_outcome(Outcome::Begun),
        case.entry(&ada, Action::DeleteArtifacts).with_object(Object::Artifact(artifact_id(set.id, 1))),
    ];
    for entry in &others {
        done!(case, "of something else", record(entry));
    }
    for limit in [9, 2, 0] {
        let found =
            case.other().downloads_of(&ada, set.id, limit).await.map_err(|error| error.to_string())?;
        let ids = |entries: &[AuditRecord]| entries.iter().map(|entry| entry.id).collect::<Vec<_>>();
        require(ids(&found) == ids(&expected[..limit.min(3)]), || {
            format!("downloads_of, up to {limit}: should be {expected:?}, and are {found:?}")
        })?;
    }
    Ok(())
}
