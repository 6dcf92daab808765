//! The version of the database of time zones by which jobs are computed (rule F9).

use chrono::{DateTime, Utc};

use super::state::State;
use crate::domain::calendar::zone::database::Database;
use crate::domain::job::{Job, renewal};
use crate::ports::catalog::{CatalogError, ZoneRecord};

impl State {
    pub(super) fn renew_zones(
        &mut self,
        database: &Database,
        accepts_older: bool,
        now: DateTime<Utc>,
    ) -> Result<ZoneRecord, CatalogError> {
        let on_record = self.zones.map(|record| record.version);
        if let Some(record) = self.zones.filter(|_| !database.version().takes_over(on_record, accepts_older))
        {
            return Ok(record);
        }
        let mut record = ZoneRecord { version: database.version(), since: now, moved: 0, suspended: 0 };
        let jobs: Vec<Job> = self.jobs.values().cloned().collect();
        for job in jobs {
            let Some(change) = renewal::renewed(&job, database, now) else { continue };
            record.count(&job, &change);
            self.change_job(&change, job.revision)?;
        }
        self.zones = Some(record);
        Ok(record)
    }
}
