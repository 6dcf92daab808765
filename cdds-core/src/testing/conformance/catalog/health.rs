//! The health of destinations and endpoints (rules N3, N5, N8, N9).

use super::case::{Case, Found, done, refused, require};
use super::deliveries::{claim_of, refuses, target};
use super::scene::{HOUR, owner};
use crate::domain::access::{Action, PrincipalName};
use crate::domain::delivery::destination::ServerIdentity;
use crate::domain::delivery::health::{ContactOutcome, DisabledReason, Health, TargetId};
use crate::domain::id::Subscriber;
use crate::domain::notice::NoticeKind;
use crate::domain::work::row::{GivenUp, WorkOutcome, WorkState, WorkStatus};

fn failed() -> ContactOutcome {
    ContactOutcome::Failed { message: "no route".to_owned() }
}

fn worked(identity: Option<&str>) -> ContactOutcome {
    ContactOutcome::Worked { identity: identity.map(ServerIdentity::new) }
}

/// Reports how a use of a target went. Returns its health afterwards.
async fn notes(case: &Case, told: &str, target: &TargetId, outcome: &ContactOutcome) -> Found<Health> {
    let health = done!(case, told, contacted(target, outcome));
    let known = case.other().health().await.map_err(|error| error.to_string())?;
    let stored = known.into_iter().find(|(id, _)| id == target).map(|(_, health)| health);
    require(stored.as_ref() == Some(&health), || format!("contacted, {told}: stores {stored:?}"))?;
    Ok(health)
}

pub(super) async fn noted(case: &Case) -> Found {
    let ada = owner("ada")?;
    let hook = Subscriber::new("orders").map_err(|violation| violation.to_string())?;
    let (a, b, hook) = (target("a")?, target("b")?, TargetId::Webhook(hook));
    let none = case.other().health().await.map_err(|error| error.to_string())?;
    require(none.is_empty(), || format!("health: knows {none:?} of an empty record"))?;
    let first = notes(case, "that works", &b, &worked(Some("SHA256:one"))).await?;
    let second = notes(case, "that shows another identity", &b, &worked(Some("SHA256:two"))).await?;
    require(first.pinned == second.pinned && first.pinned.is_some(), || {
        format!("contacted: pins {:?} instead of {:?}", second.pinned, first.pinned)
    })?;
    let gone = ContactOutcome::Gone { message: "410".to_owned() };
    let over = notes(case, "that is gone", &hook, &gone).await?;
    require(over.disabled.map(|one| one.reason) == Some(DisabledReason::Gone), || {
        "contacted: what is gone stays enabled".to_owned()
    })?;

    // Jobs whose deliveries are open when their destination is disabled are told, others are not.
    let open = case.published_to(&ada, "open", &["a", "b"]).await?;
    let other = case.published_to(&ada, "of another destination", &["b"]).await?;
    let arrived = case.published_to(&ada, "arrived", &["a"]).await?;
    let claim = claim_of("t", 9, &["a"])?;
    for taken in case.takes("of all", &claim).await? {
        if taken.execution_id == arrived.id {
            case.ends("that arrived", &taken, &WorkOutcome::Done).await?;
        }
    }
    for day in 0..5_u64 {
        let health = notes(case, "that fails", &a, &failed()).await?;
        require(health.is_enabled(), || format!("contacted: disabled after {day} days"))?;
        case.pass(24 * HOUR - u64::from(day == 4));
    }
    let health = notes(case, "that fails for nearly five days", &a, &failed()).await?;
    require(health.is_enabled(), || "contacted: disabled before five days are over".to_owned())?;
    case.pass(1);
    let health = notes(case, "that fails for five days", &a, &failed()).await?;
    require(health.disabled.map(|one| one.reason) == Some(DisabledReason::Failing), || {
        "contacted: enabled after five days of failures".to_owned()
    })?;
    notes(case, "that fails on", &a, &failed()).await?;
    let late = case.published_to(&ada, "published later", &["a"]).await?;
    for (one, should) in [(&open, 1), (&other, 0), (&arrived, 0), (&late, 1)] {
        let told = case.told_of(one).await?;
        let is = told.iter().filter(|kind| **kind == NoticeKind::Disabled).count();
        let title = one.settings.title.as_str();
        require(is == should, || format!("contacted: {is} notices that it is disabled, of what is {title}"))?;
    }
    let known = case.other().health().await.map_err(|error| error.to_string())?;
    let names: Vec<TargetId> = known.into_iter().map(|(id, _)| id).collect();
    require(names == [a, b, hook], || format!("health: is of {names:?}, in this order"))
}

pub(super) async fn changed(case: &Case) -> Found {
    let ada = owner("ada")?;
    let audit = || [case.entry(&ada, Action::SendAgain)];
    let (a, claim) = (target("a")?, claim_of("t", 9, &["a", "b"])?);
    let person = PrincipalName::new("ada").map_err(|violation| violation.to_string())?;
    let mut ran = Vec::new();
    for title in ["given up", "gone", "done"] {
        let of = case.published_to(&ada, title, &["a", "b"]).await?;
        let outcome = if title == "done" { WorkOutcome::Done } else { refuses(&claim) };
        for taken in case.takes(title, &claim).await? {
            case.ends(title, &taken, &outcome).await?;
        }
        ran.push(of);
    }
    let [given_up, gone, _] = ran.as_slice() else { return Err("the script itself is wrong".to_owned()) };
    let entries = [case.entry(&ada, Action::DeleteExecution)];
    done!(case, "that has ended", delete_execution(&ada, gone.id, case.now(), &entries));

    let unused = Health::default();
    let disabled = unused.clone().disabled_by(person, case.now());
    refused!(case, Conflict, "that was never used", set_health(&a, &disabled, &unused, &audit()));
    let entries = audit();
    done!(case, "that disables", set_health(&a, &unused, &disabled, &entries));
    refused!(case, Conflict, "that was changed meanwhile", set_health(&a, &unused, &disabled, &audit()));
    let pinned = disabled.clone().pinning(Some(ServerIdentity::new("SHA256:one")));
    let entries = audit();
    done!(case, "that pins", set_health(&a, &disabled, &pinned, &entries));
    let waiting = case.takes("of what is disabled", &claim).await?;
    require(waiting.is_empty(), || "set_health: what is disabled starts over".to_owned())?;
    let used = done!(case, "that fails", contacted(&a, &failed()));
    refused!(case, Conflict, "that was used meanwhile", set_health(&a, &pinned, &unused, &audit()));
    let entries = audit();
    done!(case, "that enables", set_health(&a, &used, &used.clone().enabled(), &entries));
    for (of, name, should) in [
        (&ran[0], "a", WorkStatus::Waiting),
        (&ran[0], "b", WorkStatus::GivenUp),
        (&ran[1], "a", WorkStatus::GivenUp),
        (&ran[2], "a", WorkStatus::Done),
    ] {
        let all = case.deliveries_of(of).await?;
        let is = all.iter().find(|one| one.to.destination.as_str() == name).map(|one| one.work.status());
        let title = of.settings.title.as_str();
        require(is == Some(should), || {
            format!("set_health: the delivery to {name} of what is {title} is {is:?}")
        })?;
    }
    let left = case.deliveries_of(gone).await?;
    let is_gone = |state: &WorkState| matches!(state, WorkState::GivenUp { reason: GivenUp::Gone, .. });
    require(left.iter().all(|one| is_gone(&one.work.state)), || {
        "set_health: a delivery whose set is gone starts over".to_owned()
    })?;
    let again = case.takes_one("of what was enabled", &claim).await?;
    require(again.execution_id == given_up.id && again.work.attempts.count == 1, || {
        format!("claim_deliveries, of what was enabled: gave {again:?}")
    })
}
