//! A change of the law in the middle of a world: a newer database of time zones, which programs get when they are started
//! anew (rule F9).

use std::sync::atomic::Ordering;

use chrono::{DateTime, Utc};

use super::dice::Dice;
use super::invariants::Cause;
use super::model::{Check, JobModel, ensure};
use super::planted::Tampered;
use super::report::Invariant;
use super::shared::Shared;
use super::time::{HOUR, Micros};
use super::watch::{Watch, step};
use crate::domain::calendar::wall_clock::WallClock;
use crate::domain::calendar::zone::database::{Database, DatabaseVersion};
use crate::domain::execution::Execution;
use crate::domain::job::{Job, JobSettings, JobState};
use crate::domain::violation::RuleViolation;
use crate::ports::catalog::{CatalogError, ZoneRecord};

/// The zones whose law changes, each with those whose clocks it has afterwards: that of its winter or that of its
/// summer, all year.
const CHANGED: [(&str, [&str; 2]); 4] = [
    ("Europe/Berlin", ["Africa/Algiers", "Africa/Johannesburg"]),
    ("Australia/Sydney", ["Australia/Brisbane", "Pacific/Guadalcanal"]),
    ("Asia/Beirut", ["Africa/Johannesburg", "Asia/Riyadh"]),
    ("America/New_York", ["America/Jamaica", "America/Puerto_Rico"]),
];

/// A newer database, and when programs get it that are started from then on.
#[derive(Debug, Clone)]
pub(super) struct Law {
    pub(super) at: Micros,
    pub(super) database: Database,
}

impl Law {
    /// Draws a law, which no clock of the world goes by at first.
    pub(super) fn of(dice: &mut Dice) -> Result<Self, RuleViolation> {
        let at = dice.between(6 * HOUR, 84 * HOUR);
        let version: DatabaseVersion = "9999a".parse()?;
        let database = CHANGED.into_iter().try_fold(Database::bundled(), |database, (zone, like)| {
            database.changed(version, zone, Some(like[dice.index(like.len())]))
        })?;
        Ok(Self { at, database })
    }
}

impl Shared {
    /// Returns the database of a program that is started now.
    pub(super) fn newest_database(&self) -> Database {
        let law = self.profile.law.as_ref().filter(|law| law.at <= self.timeline.elapsed());
        law.map_or_else(Database::bundled, |law| law.database.clone())
    }

    /// Returns the database by which jobs are computed. People have that one: what becomes of a job that is stored by
    /// an older one is a property test's matter.
    pub(super) fn database_on_record(&self) -> Database {
        let law = self.profile.law.as_ref().filter(|_| self.is_by_new_law.load(Ordering::Relaxed));
        law.map_or_else(Database::bundled, |law| law.database.clone())
    }

    /// Returns a clock by the rules of the version that it is on record with.
    fn by_record(&self, clock: &WallClock) -> WallClock {
        let law = self.profile.law.as_ref();
        match law.filter(|law| clock.zone().database() == Some(law.database.version())) {
            Some(law) => law.database.read(clock),
            None => clock.clone(),
        }
    }

    pub(super) fn job_by_record(&self, job: Job) -> Job {
        Job { settings: JobSettings { clock: self.by_record(&job.settings.clock), ..job.settings }, ..job }
    }

    pub(super) fn execution_by_record(&self, execution: Execution) -> Execution {
        let clock = self.by_record(&execution.settings.clock);
        Execution { settings: JobSettings { clock, ..execution.settings }, ..execution }
    }
}

impl Watch {
    pub(super) fn renew_zones(
        &self,
        catalog: &Tampered,
        database: &Database,
        accepts_older: bool,
    ) -> Result<ZoneRecord, CatalogError> {
        let result = step(catalog.renew_zones(database, accepts_older));
        self.look(|model| {
            let Ok(record) = &result else { return Ok(()) };
            self.shared.count(|figures| figures.renewals += record.moved);
            let is_new =
                self.shared.profile.law.as_ref().is_some_and(|law| law.database.version() == record.version);
            self.shared.is_by_new_law.store(is_new, Ordering::Relaxed);
            let jobs: Vec<_> =
                model.jobs.values().map(|known| (known.job.owner.clone(), known.job.id)).collect();
            jobs.into_iter().try_for_each(|(owner, id)| {
                let before = model.job(id)?.clone();
                self.refresh_job(model, &owner, id, Cause::Renewed)?;
                check_renewal(&before, &model.job(id)?.job, record.version)
            })
        });
        result
    }
}

/// Rule F9: a newer database computes jobs anew, by the slots that it has behind the last one that is decided.
fn check_renewal(known: &JobModel, after: &Job, version: DatabaseVersion) -> Check {
    let before = &known.job;
    if before == after {
        let is_done = after.settings.clock.zone().database().is_none_or(|computed| computed >= version);
        let told = || format!("by {version}, nothing has become of {after:?}");
        return ensure(is_done || after.state == JobState::Deleted, Invariant::Record, told);
    }
    let told = || format!("by {version}, {before:?} became {after:?}");
    let same = before.settings == after.settings
        && (before.version, before.updated_at, before.suspended_at)
            == (after.version, after.updated_at, after.suspended_at)
        && (before.watermark, before.tiled_until) == (after.watermark, after.tiled_until)
        && after.settings.clock.zone().database() == Some(version);
    ensure(same, Invariant::Record, told)?;
    ensure(!overtakes(before, after), Invariant::Record, told)
}

/// Whether a job is due by the new law where it has been before, or behind the first slot that is not decided.
fn overtakes(before: &Job, after: &Job) -> bool {
    let (Some(since), Some(next)) = (decided(before, after), after.next_due_at) else { return false };
    let first = super::calendar::slots(&after.settings, since, next);
    first.first() != Some(&next)
}

/// Returns the instant behind which slots are not decided yet, by the database of `after`.
pub(super) fn decided(before: &Job, after: &Job) -> Option<DateTime<Utc>> {
    before.decided_until.map(|decided| after.settings.schedule().behind(decided))
}
