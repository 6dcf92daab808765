//! The database of time zones: by which version jobs are computed, and who may compute them (rule F9).

use chrono::{DateTime, Utc};

use super::case::{Case, Found, both, done, require};
use super::scene::{owner, settings, terms};
use crate::domain::calendar::frequency::{Frequency, TimeOfDay};
use crate::domain::calendar::wall_clock::{Fold, Gap, WallClock};
use crate::domain::calendar::zone::database::{Clocks, Database};
use crate::domain::execution::schedule::materialise;
use crate::domain::job::{Job, JobState};
use crate::domain::violation::RuleViolation;

const ZONE: &str = "Asia/Tokyo";

/// The bundled database, before Tokyo had the clock of Shanghai, and after it was taken out.
fn databases() -> Result<[Database; 3], RuleViolation> {
    let now = Database::bundled();
    let before = now.changed("1999a".parse()?, ZONE, Some("Asia/Shanghai"))?;
    let after = now.changed("9999a".parse()?, ZONE, None)?;
    Ok([before, now, after])
}

/// Requires that a job is due at an instant next, by this database.
async fn is_next(case: &Case, job: &Job, database: &Database, slot: &str) -> Found<Job> {
    let (job, slot) = (case.job_of(job).await?, slot.parse::<DateTime<Utc>>().ok());
    let version = job.settings.clock.zone().database();
    require(job.next_due_at == slot && version == Some(database.version()), || {
        format!("renew_zones: should be due at {slot:?} by {}: {job:?}", database.version())
    })?;
    Ok(job)
}

/// Requires that the catalog says by which version jobs are computed.
async fn is_by(case: &Case, told: &str, database: &Database) -> Found {
    let record = both!(case, told, zones())?.map_err(|kind| format!("zones, {told}: {kind:?}"))?;
    let version = record.map(|record| record.version);
    require(version == Some(database.version()), || {
        format!("zones, {told}: should be {}, and is {version:?}", database.version())
    })
}

/// Requires that nothing of a job is given to a worker that does not know its clock.
async fn is_left(case: &Case, told: &str, clocks: Clocks) -> Found {
    let now = case.now();
    let due = both!(case, told, due(now, 9, clocks))?.map_err(|kind| format!("due, {told}: {kind:?}"))?;
    require(due.is_empty(), || format!("due, {told}: gives {due:?}"))?;
    let agenda = both!(case, told, agenda(clocks))?.map_err(|kind| format!("agenda, {told}: {kind:?}"))?;
    require(agenda == crate::ports::catalog::Agenda::default(), || format!("agenda, {told}: is {agenda:?}"))?;
    let claim = case.claim_of("w", 9)?.with_clocks(clocks);
    let claimed = done!(case, told, claim(&claim));
    require(claimed.executions.is_empty(), || format!("claim, {told}: gives {:?}", claimed.executions))
}

pub(super) async fn renewed(case: &Case) -> Found {
    let wrong = |violation: RuleViolation| format!("the script itself is wrong: {violation}");
    let [before, now, after] = databases().map_err(wrong)?;
    let none = both!(case, "before any", zones())?;
    require(none == Ok(None), || format!("zones, before any: is {none:?}"))?;
    done!(case, "of the first", renew_zones(&before, false));

    let daily = Frequency::Daily(TimeOfDay::new(2, 30).map_err(wrong)?);
    let clock = WallClock::new(before.zone(ZONE).map_err(wrong)?, Gap::Shift, Fold::First);
    let submitted = case.submit(&owner("ada")?, settings("Zoned", daily)?.with_clock(clock)).await?;
    is_next(case, &submitted, &before, "2026-03-01T18:30:00Z").await?;

    let record = done!(case, "of a newer one", renew_zones(&now, false));
    require(record.moved == 1, || format!("renew_zones: should have moved one job: {record:?}"))?;
    is_next(case, &submitted, &now, "2026-03-01T17:30:00Z").await?;
    done!(case, "of the older one again", renew_zones(&before, false));
    is_by(case, "after an older one", &now).await?;

    // Half past two in Tokyo.
    case.pass(5 * 3_600 + 1_800);
    let strangers = [("in UTC", Clocks::Utc), ("by the older one", Clocks::UpTo(before.version()))];
    for (told, clocks) in strangers {
        is_left(case, told, clocks).await?;
    }
    let job = case.job_of(&submitted).await?;
    let change =
        materialise(&job, &[], terms(), case.now()).ok_or("the script itself is wrong: nothing is due")?;
    case.changes(&change, job.revision).await?;
    for (told, clocks) in strangers {
        is_left(case, told, clocks).await?;
    }
    case.claimed("w").await?;

    // After a rollback. What the clock has shown is not due again.
    done!(case, "of an older one that is accepted", renew_zones(&before, true));
    is_by(case, "after one that is accepted", &before).await?;
    is_next(case, &submitted, &before, "2026-03-02T18:30:00Z").await?;
    let record = done!(case, "of one without the zone", renew_zones(&after, false));
    let job = case.job_of(&submitted).await?;
    require(job.state == JobState::Suspended && record.suspended == 1, || {
        format!("renew_zones: should suspend a job whose zone is gone: {record:?} {job:?}")
    })
}
