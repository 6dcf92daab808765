//! Unconfirmed notices.

use cdds_core::domain::execution::notice::{Notice, NoticeKind};
use cdds_core::ports::catalog::CatalogError;

use super::{Reading, micros};

/// A notice; its id is that of its execution.
#[derive(Debug)]
pub(in crate::catalog) struct NoticeRow {
    pub(in crate::catalog) execution_id: String,
    pub(in crate::catalog) job_id: String,
    pub(in crate::catalog) owner: String,
    pub(in crate::catalog) kind: String,
    pub(in crate::catalog) at: i64,
}

impl NoticeRow {
    pub(in crate::catalog) fn of(notice: &Notice) -> Self {
        Self {
            execution_id: notice.execution_id.to_string(),
            job_id: notice.job_id.to_string(),
            owner: notice.owner.to_string(),
            kind: notice.kind.as_str().to_owned(),
            at: micros(notice.at),
        }
    }

    pub(in crate::catalog) fn into_notice(self) -> Result<Notice, CatalogError> {
        let row = Reading { table: "notice", id: &self.execution_id };
        let kind = NoticeKind::parse(&self.kind)
            .ok_or_else(|| row.corrupt(format_args!("unknown kind {:?}", self.kind)))?;
        Ok(Notice {
            execution_id: row.parse(&self.execution_id)?,
            job_id: row.parse(&self.job_id)?,
            owner: row.parse(&self.owner)?,
            kind,
            at: row.at(self.at)?,
        })
    }
}
