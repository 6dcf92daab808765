//! Holds, expiry and removal: what goes, when, and only once (rules A7, A8).

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::case::{Case, Found, done, refused, require};
use super::scene::{HOUR, owner, publication};
use crate::domain::access::Action;
use crate::domain::archive::artifact::artifact_id;
use crate::domain::execution::Execution;
use crate::domain::id::ExecutionId;
use crate::ports::catalog::Removal;
use crate::ports::sink::Key;

/// Lets time pass up to an instant.
fn pass_until(case: &Case, at: DateTime<Utc>) {
    case.clock.advance((at - case.now()).to_std().unwrap_or_default());
}

/// Expires sets, which must be as many.
async fn expires(case: &Case, told: &str, limit: usize, should: usize) -> Found {
    let is = done!(case, told, expire(case.now(), limit));
    require(is == should, || format!("expire, {told}: marked {is} sets instead of {should}"))
}

/// Publishes a set whose parts expire one day after the other, the last of them first.
async fn published(case: &Case, title: &str) -> Found<(Execution, DateTime<Utc>)> {
    case.queued(&owner("ada")?, title).await?;
    let claimed = case.claimed("w").await?;
    let mut publication = publication(&claimed, 3, case.now());
    let mut last = case.now();
    for (file, days) in publication.set.artifacts.iter_mut().zip([3, 2, 1]) {
        file.expires_at = case.now() + TimeDelta::days(days);
        last = last.max(file.expires_at);
    }
    done!(case, "under the present claim", publish(claimed.fence(), &publication));
    Ok((claimed, last))
}

pub(super) async fn due(case: &Case) -> Found {
    let (first, last) = published(case, "first").await?;
    case.pass(1);
    let (second, _) = published(case, "second").await?;
    let (third, end) = published(case, "third").await?;
    pass_until(case, last - TimeDelta::microseconds(1));
    expires(case, "a microsecond before the last file may go", 9, 0).await?;
    case.clock.advance(Duration::from_micros(1));
    expires(case, "at the end of the last file", 9, 1).await?;
    let removals = case.other().removals(9).await.map_err(|error| error.to_string())?;
    require(removals == [Removal::Set { execution: first.id }], || {
        format!("removals, of a set that has expired: are {removals:?}")
    })?;
    pass_until(case, end);
    expires(case, "of none", 0, 0).await?;
    expires(case, "of one at a time", 1, 1).await?;
    expires(case, "of the rest", 1, 1).await?;
    expires(case, "with nothing left", 9, 0).await?;
    for one in [&second, &third] {
        let set = case.ours().artifact_set(&one.owner, one.id).await.map_err(|error| error.to_string())?;
        require(set.is_none(), || "artifact_set: a set that has expired is there".to_owned())?;
    }
    Ok(())
}

pub(super) async fn held(case: &Case) -> Found {
    let ada = owner("ada")?;
    let (one, last) = published(case, "held").await?;
    let (free, _) = published(case, "free").await?;
    let audit = || [case.entry(&ada, Action::HoldSet)];
    for told in ["of a live set", "of a held set"] {
        let entries = audit();
        done!(case, told, hold(&ada, one.id, true, &entries));
    }
    let told = "that is on hold";
    for part in 1..=3 {
        let file = [artifact_id(one.id, part)];
        refused!(case, Conflict, told, delete_artifacts(&ada, &file, case.now(), &audit()));
    }
    // All or none.
    let mixed = [artifact_id(free.id, 1), artifact_id(one.id, 1)];
    refused!(case, Conflict, "of which one is on hold", delete_artifacts(&ada, &mixed, case.now(), &audit()));
    pass_until(case, last + TimeDelta::days(400));
    expires(case, "of which one is on hold", 9, 1).await?;
    let set = case.ours().artifact_set(&ada, one.id).await.map_err(|error| error.to_string())?;
    require(set.is_some_and(|set| set.artifacts.iter().all(|file| file.hold)), || {
        "artifact_set: a held set is gone, or no longer on hold".to_owned()
    })?;
    let entries = audit();
    done!(case, "of a held set", hold(&ada, one.id, false, &entries));
    expires(case, "after the release", 9, 1).await?;
    refused!(case, Conflict, "of a set that has expired", hold(&ada, one.id, true, &audit()));
    let unknown = ExecutionId(case.id());
    refused!(case, Conflict, "of no set", hold(&ada, unknown, true, &audit()));
    Ok(())
}

pub(super) async fn removed(case: &Case) -> Found {
    let ada = owner("ada")?;
    let audit = || [case.entry(&ada, Action::DeleteArtifacts)];
    let one = case.published(&ada, "deleted by parts", 2).await?;
    let (first, second) = (artifact_id(one.id, 1), artifact_id(one.id, 2));
    let key = |part: u32| Key::new(format!("{}/{}/{part:06}", one.id, one.epoch));
    let of_file = Removal::File { artifact: first, key: key(1) };
    let of_set = Removal::Set { execution: one.id };
    // Nothing is confirmed that was not marked.
    for early in [&of_file, &of_set] {
        done!(case, "of what is not marked", confirm_removed(early, case.now()));
    }
    let entries = audit();
    done!(case, "of one part", delete_artifacts(&ada, &[first], case.now(), &entries));
    refused!(case, Conflict, "that is gone", delete_artifacts(&ada, &[second, first], case.now(), &audit()));
    listed(case, "of one part", std::slice::from_ref(&of_file)).await?;
    listed(case, "of one part, again", std::slice::from_ref(&of_file)).await?;
    done!(case, "of a set of which a part is left", confirm_removed(&of_set, case.now()));
    for told in ["of one part", "of one part, a second time"] {
        done!(case, told, confirm_removed(&of_file, case.now()));
        listed(case, told, &[]).await?;
    }
    let entries = audit();
    done!(case, "of the last part", delete_artifacts(&ada, &[second], case.now(), &entries));
    listed(case, "of a set without parts", std::slice::from_ref(&of_set)).await?;
    case.pass(HOUR);
    for told in ["of the set", "of the set, a second time"] {
        done!(case, told, confirm_removed(&of_set, case.now()));
        listed(case, told, &[]).await?;
    }
    let unknown = Removal::Set { execution: ExecutionId(case.id()) };
    done!(case, "of an unknown set", confirm_removed(&unknown, case.now()));
    for title in ["first", "second", "third"] {
        let one = case.published(&ada, title, 1).await?;
        let entries = audit();
        done!(case, "that has ended", delete_execution(&ada, one.id, case.now(), &entries));
    }
    for limit in [0, 1, 2, 3, 9] {
        let given = case.ours().removals(limit).await.map_err(|error| error.to_string())?.len();
        require(given == limit.min(3), || format!("removals: gives {given}, for a limit of {limit}"))?;
    }
    Ok(())
}

/// Requires that the record lists these removals.
async fn listed(case: &Case, told: &str, should: &[Removal]) -> Found {
    let removals = case.other().removals(9).await.map_err(|error| error.to_string())?;
    require(removals == should, || format!("removals, {told}: should be {should:?}, and are {removals:?}"))
}
