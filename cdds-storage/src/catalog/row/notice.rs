//! Notices, with the state of their delivery.

use cdds_core::domain::id::NoticeId;
use cdds_core::domain::notice::{Channel, Notice, NoticeKind};
use cdds_core::ports::catalog::CatalogError;

use super::work::WorkColumns;
use super::{Reading, micros};

/// A notice. The columns that belong to one state only are null in every other.
#[derive(Debug)]
pub(in crate::catalog) struct NoticeRow {
    pub(in crate::catalog) id: String,
    pub(in crate::catalog) execution_id: String,
    pub(in crate::catalog) job_id: String,
    pub(in crate::catalog) owner: String,
    pub(in crate::catalog) kind: String,
    pub(in crate::catalog) at: i64,
    pub(in crate::catalog) subscriber: String,
    pub(in crate::catalog) channel: String,
    pub(in crate::catalog) work: WorkColumns,
}

impl NoticeRow {
    pub(in crate::catalog) fn of(notice: &Notice) -> Result<Self, CatalogError> {
        Ok(Self {
            id: notice.work.id.to_string(),
            execution_id: notice.execution_id.to_string(),
            job_id: notice.job_id.to_string(),
            owner: notice.work.owner.to_string(),
            kind: notice.kind.as_str().to_owned(),
            at: micros(notice.at),
            subscriber: notice.subscriber.to_string(),
            channel: notice.channel.as_str().to_owned(),
            work: WorkColumns::of("notice", &notice.work)?,
        })
    }

    pub(in crate::catalog) fn into_notice(self) -> Result<Notice, CatalogError> {
        let row = Reading { table: "notice", id: &self.id };
        let unknown = |what: &str, name: &str| row.corrupt(format_args!("unknown {what} {name:?}"));
        let id: NoticeId = row.parse(&self.id)?;
        Ok(Notice {
            execution_id: row.parse(&self.execution_id)?,
            job_id: row.parse(&self.job_id)?,
            kind: NoticeKind::parse(&self.kind).ok_or_else(|| unknown("kind", &self.kind))?,
            at: row.at(self.at)?,
            subscriber: row.parse(&self.subscriber)?,
            channel: Channel::parse(&self.channel).ok_or_else(|| unknown("channel", &self.channel))?,
            work: self.work.into_work(&row, id, &self.owner)?,
        })
    }
}
