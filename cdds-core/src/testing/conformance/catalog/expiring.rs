//! Notices of sets that expire soon: of those that nobody has fetched, once (rule N8).

use super::case::{Case, Found, done, require};
use super::deliveries::claim_of;
use super::scene::{HOUR, once, owner, settings};
use crate::domain::access::Action;
use crate::domain::access::audit::{Object, Outcome};
use crate::domain::access::download::{DownloadEnd, DownloadOutcome};
use crate::domain::archive::artifact::artifact_id;
use crate::domain::execution::Execution;
use crate::domain::notice::NoticeKind;
use crate::domain::notice::expiring::SetPlace;
use crate::domain::notice::subscription::{Subscription, Subscriptions};
use crate::domain::work::row::WorkOutcome;

/// Looks at all sets in pages. Returns how many notices were stored.
async fn tells(case: &Case, told: &str, limit: usize) -> Found<usize> {
    let (mut stored, mut behind) = (0, None::<SetPlace>);
    for _ in 0..100 {
        let page = done!(case, told, tell_of_expiring(behind, limit));
        stored += page.stored;
        match page.next {
            Some(next) if behind.is_some_and(|behind| next <= behind) => {
                return Err("tell_of_expiring: a page ends before it begins".to_owned());
            }
            Some(next) => behind = Some(next),
            None => return Ok(stored),
        }
    }
    Err("tell_of_expiring: comes to no end".to_owned())
}

async fn should_store(case: &Case, told: &str, limit: usize, should: usize) -> Found {
    let stored = tells(case, told, limit).await?;
    require(stored == should, || {
        format!("tell_of_expiring, {told}: should store {should} notices, and stored {stored}")
    })
}

/// Downloads a file, which ends in a way.
async fn downloads(case: &Case, of: &Execution, outcome: DownloadOutcome) -> Found {
    let entry = case.entry(&of.owner, Action::Download);
    let entry = entry.with_object(Object::Artifact(artifact_id(of.id, 1))).with_outcome(Outcome::Begun);
    done!(case, "of a download that begins", record(&entry));
    let end = DownloadEnd { at: case.now(), bytes: 9, outcome };
    done!(case, "of a download", end_download(entry.id, &end));
    Ok(())
}

/// Twelve sets of two owners, each an hour after the one before. Those from the eighth on have been fetched, or are on
/// hold, or gone.
pub(super) async fn told(case: &Case) -> Found {
    let (ada, bob) = (owner("ada")?, owner("bob")?);
    let mut sets = Vec::new();
    for number in 0..12 {
        let owner = if number % 2 == 0 { &ada } else { &bob };
        let title = format!("set {number}");
        sets.push(match number {
            10 => case.published_to(owner, &title, &["a"]).await?,
            _ => case.published(owner, &title, 2).await?,
        });
        case.pass(HOUR);
    }
    let [_, _, _, _, _, _, broken_off, downloaded, linked, held, delivered, deleted] = sets.as_slice() else {
        return Err("the script itself is wrong".to_owned());
    };
    downloads(case, broken_off, DownloadOutcome::BrokenOff).await?;
    downloads(case, downloaded, DownloadOutcome::Verified).await?;
    let link = case.entry(&linked.owner, Action::Download).with_outcome(Outcome::Linked);
    let link = link.with_object(Object::Artifact(artifact_id(linked.id, 2)));
    done!(case, "of a link", record(&link));
    let audit = [case.entry(&held.owner, Action::HoldSet)];
    done!(case, "of a set", hold(&held.owner, held.id, true, &audit));
    let delivery = case.takes_one("a", &claim_of("t", 9, &["a"])?).await?;
    case.ends("that arrives", &delivery, &WorkOutcome::Done).await?;
    require(delivery.execution_id == delivered.id, || "the script itself is wrong".to_owned())?;
    let audit = [case.entry(&deleted.owner, Action::DeleteExecution)];
    done!(case, "of a set", delete_execution(&deleted.owner, deleted.id, case.now(), &audit));

    // Kept for 30 days: the first is told of 27 days after it was published, twelve hours of which are over.
    case.pass(27 * 24 * HOUR - 12 * HOUR - 1);
    should_store(case, "a second too early", 9, 0).await?;
    case.pass(1);
    should_store(case, "of the first", 9, 1).await?;
    should_store(case, "a second time", 9, 0).await?;
    case.pass(6 * HOUR);
    should_store(case, "page by page", 2, 6).await?;
    case.pass(5 * HOUR);
    should_store(case, "of what was fetched, is held or gone", 1, 0).await?;
    for set in &sets {
        let told = case.told_of(set).await?.into_iter().filter(|kind| *kind == NoticeKind::Expiring).count();
        let should = usize::from(sets.iter().take(7).any(|one| one.id == set.id));
        require(told == should, || format!("a set has {told} notices that it expires instead of {should}"))?;
    }
    let audit = [case.entry(&held.owner, Action::HoldSet)];
    done!(case, "that is released", hold(&held.owner, held.id, false, &audit));
    should_store(case, "of a set that was released", 9, 1).await?;
    case.pass(3 * 24 * HOUR);
    should_store(case, "of what has expired", 9, 0).await?;
    subscribed(case).await
}

/// Those who chose it are told, and the embedding service.
async fn subscribed(case: &Case) -> Found {
    let wrong = |violation| format!("the script itself is wrong: {violation}");
    let chosen = ["mailto:ada@example.com?on=expiring", "mailto:bob@example.com"];
    let chosen = chosen.map(str::parse::<Subscription>);
    let chosen = chosen.into_iter().collect::<Result<Vec<_>, _>>().map_err(wrong)?;
    let subscriptions = Subscriptions::new(chosen).map_err(wrong)?;
    let subscribed = settings("subscribed", once())?.with_subscriptions(subscriptions);
    case.submit(&owner("ada")?, subscribed).await?;
    let of = case.claimed("w").await?;
    case.publishes(&of, 2).await?;
    case.pass(28 * 24 * HOUR);
    should_store(case, "of a set with subscribers", 9, 2).await
}
