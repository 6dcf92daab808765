//! Erasures of data subjects, by data type.

use cdds_core::domain::id::SubjectTaskId;
use cdds_core::domain::subject::SubjectTask;
use cdds_core::ports::catalog::CatalogError;

use super::super::stored;
use super::work::WorkColumns;
use super::{Reading, corrupt, integer};

/// A task.
#[derive(Debug)]
pub(in crate::catalog) struct SubjectTaskRow {
    pub(in crate::catalog) id: String,
    pub(in crate::catalog) request_id: String,
    pub(in crate::catalog) owner: String,
    pub(in crate::catalog) source: String,
    pub(in crate::catalog) data_type: String,
    pub(in crate::catalog) erased: i64,
    pub(in crate::catalog) looked: Option<i64>,
    pub(in crate::catalog) outcome: Option<String>,
    pub(in crate::catalog) work: WorkColumns,
}

impl SubjectTaskRow {
    pub(in crate::catalog) fn of(task: &SubjectTask) -> Result<Self, CatalogError> {
        let id = task.work.id.to_string();
        let outcome = task.outcome.as_ref().map(stored::task_outcome_to_json).transpose();
        Ok(Self {
            outcome: outcome.map_err(|error| corrupt("subject task", &id, error))?,
            request_id: task.request.to_string(),
            owner: task.work.owner.to_string(),
            source: task.source.to_string(),
            data_type: task.data_type.to_string(),
            erased: integer(task.erased),
            looked: task.looked.map(integer),
            work: WorkColumns::of("subject task", &task.work)?,
            id,
        })
    }

    pub(in crate::catalog) fn into_task(self) -> Result<SubjectTask, CatalogError> {
        let row = Reading { table: "subject task", id: &self.id };
        let id: SubjectTaskId = row.parse(&self.id)?;
        let outcome = self.outcome.as_deref().map(stored::task_outcome_from_json).transpose();
        Ok(SubjectTask {
            request: row.parse(&self.request_id)?,
            source: row.parse(&self.source)?,
            data_type: row.parse(&self.data_type)?,
            erased: row.number(self.erased)?,
            looked: self.looked.map(|looked| row.number(looked)).transpose()?,
            outcome: outcome.map_err(|error| row.corrupt(error))?,
            work: self.work.into_work(&row, id, &self.owner)?,
        })
    }
}
