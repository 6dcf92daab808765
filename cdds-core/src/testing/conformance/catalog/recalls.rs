//! Sets that are recalled for people who asked for erasure (rule D11).

use super::case::{Case, Found, done, require};
use super::scene::{LEASE, failed, once, owner, settings, worker};
use crate::domain::access::Action;
use crate::domain::access::audit::AuditRecord;
use crate::domain::archive::artifact::artifact_id;
use crate::domain::execution::Execution;
use crate::domain::id::{ExecutionId, Owner, SubjectRequestId};
use crate::domain::notice::recall::Recalled;
use crate::domain::notice::subscription::{Subscription, Subscriptions};
use crate::domain::notice::{Channel, NoticeKind};
use crate::domain::work::row::{WorkOutcome, WorkStatus};
use crate::ports::catalog::NoticeClaim;
use crate::ports::catalog::query::AuditQuery;

/// Deletes the files of a set of two parts.
async fn deletes(case: &Case, of: &Execution, parts: &[u32]) -> Found {
    let audit = [case.entry(&of.owner, Action::DeleteArtifacts)];
    let files: Vec<_> = parts.iter().map(|part| artifact_id(of.id, *part)).collect();
    done!(case, "of a set", delete_artifacts(&of.owner, &files, case.now(), &audit));
    Ok(())
}

pub(super) async fn as_published(case: &Case) -> Found {
    let ada = owner("ada")?;
    let whole = case.published(&ada, "stays", 2).await?;
    let part = case.published(&ada, "goes in part", 2).await?;
    let gone = case.published(&ada, "goes", 2).await?;
    case.queued(&ada, "publishes nothing").await?;
    let open = case.claimed("w").await?;
    deletes(case, &part, &[1]).await?;
    deletes(case, &gone, &[1, 2]).await?;
    for set in [&whole, &part, &gone] {
        let found = done!(case, "of a set that was published", set_as_published(&ada, set.id));
        let names = found.iter().flat_map(|set| set.artifacts.iter().map(|file| file.id));
        let expected = [artifact_id(set.id, 1), artifact_id(set.id, 2)];
        require(names.eq(expected), || format!("set_as_published: has {found:?}"))?;
        let stranger = done!(case, "by another owner", set_as_published(&owner("bob")?, set.id));
        require(stranger.is_none(), || "set_as_published: gives a set of another owner".to_owned())?;
    }
    let none = done!(case, "of an execution that runs", set_as_published(&ada, open.id));
    require(none.is_none(), || "set_as_published: gives what was not published".to_owned())?;
    let audit = [case.entry(&ada, Action::DeleteExecution)];
    done!(case, "with a set", delete_execution(&ada, gone.id, case.now(), &audit));
    let none = done!(case, "of a deleted execution", set_as_published(&ada, gone.id));
    require(none.is_none(), || "set_as_published: gives a set that left the history".to_owned())
}

/// A set whose subscribers are told of recalls, and of other things.
async fn subscribed(case: &Case, owner: &Owner) -> Found<Execution> {
    let wrong = |violation| format!("the script itself is wrong: {violation}");
    let chosen = ["mailto:ada@example.com", "webhook:recalls?on=recall", "webhook:failures?on=failed"];
    let chosen = chosen.into_iter().map(str::parse::<Subscription>).collect::<Result<Vec<_>, _>>();
    let subscriptions = Subscriptions::new(chosen.map_err(wrong)?).map_err(wrong)?;
    case.submit(owner, settings("subscribed", once())?.with_subscriptions(subscriptions)).await?;
    let of = case.claimed("w").await?;
    case.publishes(&of, 2).await?;
    Ok(of)
}

/// Recalls sets, and requires that so many notices are told, and so many are new.
async fn recalls(
    case: &Case,
    told: &str,
    (owner, request): (&Owner, SubjectRequestId),
    sets: &[ExecutionId],
    (all, new): (usize, usize),
) -> Found<Vec<Recalled>> {
    let entries: Vec<(ExecutionId, AuditRecord)> =
        sets.iter().map(|id| (*id, case.entry(owner, Action::RecallCopies))).collect();
    let recalled = done!(case, told, recall(owner, request, &entries));
    let counts = (recalled.len(), recalled.iter().filter(|one| one.is_new).count());
    require(counts == (all, new), || {
        format!("recall, {told}: should give {all} notices, {new} of them new, and gave {recalled:?}")
    })?;
    Ok(recalled)
}

pub(super) async fn recalled(case: &Case) -> Found {
    let (ada, bob) = (owner("ada")?, owner("bob")?);
    let kept = subscribed(case, &ada).await?;
    let gone = case.published(&ada, "goes", 2).await?;
    deletes(case, &gone, &[1, 2]).await?;
    let others = case.published(&bob, "of bob", 1).await?;
    let forgotten = case.published(&ada, "is deleted", 1).await?;
    let audit = [case.entry(&ada, Action::DeleteExecution)];
    done!(case, "with a set", delete_execution(&ada, forgotten.id, case.now(), &audit));
    case.queued(&ada, "fails").await?;
    let fails = case.claimed("w").await?;
    case.settles(fails.fence(), &failed(false)).await?;
    let all = [kept.id, gone.id, others.id, forgotten.id, fails.id];
    let (first, second) = (SubjectRequestId(case.id()), SubjectRequestId(case.id()));
    let entries = |entries: usize| async move {
        let query = AuditQuery::default().with_action(Action::RecallCopies);
        let found =
            case.other().audit(&owner("ada")?, &query).await.map_err(|error| error.to_string())?.items;
        require(found.len() == entries, || {
            format!("recall: should leave {entries} entries, and left {found:?}")
        })
    };

    let told = recalls(case, "of a kept set, one that is gone and three others", (&ada, first), &all, (4, 4))
        .await?;
    let of = |notice: &Recalled| (notice.notice.execution_id(), notice.notice.kind);
    let expected = [kept.id, kept.id, kept.id, gone.id].map(|id| (Some(id), NoticeKind::Recall));
    require(told.iter().map(of).eq(expected), || format!("recall: told of {told:?}"))?;
    entries(2).await?;
    // One is told, and stays told.
    let claim = NoticeClaim::new(Channel::Email, worker("t")?, LEASE, 9);
    let claimed = done!(case, "of one subscriber", claim_notices(&claim));
    let claimed = claimed.into_iter().find(|one| one.kind == NoticeKind::Recall);
    let claimed = claimed.ok_or("claim_notices: a recall is not handed out")?;
    done!(case, "that a set is recalled", settle_notice(claimed.work.fence(), &WorkOutcome::Done));
    case.pass(60);
    let again = recalls(case, "a second time", (&ada, first), &all, (4, 0)).await?;
    let done = again.iter().filter(|one| one.notice.work.status() == WorkStatus::Done).count();
    require(done == 1, || format!("recall: should leave one notice told, and left {again:?}"))?;
    entries(2).await?;

    recalls(case, "for another person", (&ada, second), &all[..1], (3, 3)).await?;
    recalls(case, "of one that is new among two", (&ada, second), &all[..2], (4, 1)).await?;
    entries(4).await?;
    recalls(case, "of nothing", (&ada, second), &[], (0, 0)).await?;
    recalls(case, "of another owner's request", (&bob, first), &all, (1, 1)).await?;
    Ok(())
}
