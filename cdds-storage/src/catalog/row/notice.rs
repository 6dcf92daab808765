//! Notices, with the state of their delivery.

use cdds_core::domain::id::NoticeId;
use cdds_core::domain::notice::certificate::CertificateNotice;
use cdds_core::domain::notice::{Channel, Notice, NoticeKind, Subject};
use cdds_core::domain::recipient::Expires;
use cdds_core::ports::catalog::CatalogError;

use super::work::WorkColumns;
use super::{Reading, micros};

/// A notice. The columns that belong to one state only are null in every other.
#[derive(Debug)]
pub(in crate::catalog) struct NoticeRow {
    pub(in crate::catalog) id: String,
    /// Null if it is about a certificate.
    pub(in crate::catalog) execution_id: Option<String>,
    pub(in crate::catalog) job_id: String,
    pub(in crate::catalog) owner: String,
    pub(in crate::catalog) kind: String,
    pub(in crate::catalog) at: i64,
    pub(in crate::catalog) subscriber: String,
    pub(in crate::catalog) channel: String,
    pub(in crate::catalog) work: WorkColumns,
    pub(in crate::catalog) certificate: CertificateColumns,
}

/// The certificate that a notice is about; null if it is about an execution.
#[derive(Debug, Default)]
pub(in crate::catalog) struct CertificateColumns {
    pub(in crate::catalog) recipient: Option<String>,
    pub(in crate::catalog) fingerprint: Option<String>,
    pub(in crate::catalog) not_after: Option<i64>,
    pub(in crate::catalog) expires: Option<String>,
}

impl CertificateColumns {
    fn of(notice: &Notice) -> Self {
        let Subject::Certificate(certificate) = &notice.subject else { return Self::default() };
        Self {
            recipient: Some(certificate.recipient.to_string()),
            fingerprint: Some(certificate.fingerprint.clone()),
            not_after: Some(micros(certificate.not_after)),
            expires: Some(certificate.expires.as_str().to_owned()),
        }
    }

    /// Returns the certificate; `None` if there is none, or not all of it.
    fn into_certificate(self, row: &Reading<'_>) -> Result<Option<CertificateNotice>, CatalogError> {
        let Self {
            recipient: Some(recipient),
            fingerprint: Some(fingerprint),
            not_after: Some(not_after),
            expires,
        } = self
        else {
            return Ok(None);
        };
        let expires = expires.unwrap_or_default();
        Ok(Some(CertificateNotice {
            recipient: row.parse(&recipient)?,
            fingerprint,
            not_after: row.at(not_after)?,
            expires: Expires::parse(&expires)
                .ok_or_else(|| row.corrupt(format_args!("unknown threshold {expires:?}")))?,
        }))
    }
}

impl NoticeRow {
    pub(in crate::catalog) fn of(notice: &Notice) -> Result<Self, CatalogError> {
        Ok(Self {
            id: notice.work.id.to_string(),
            execution_id: notice.execution_id().map(|id| id.to_string()),
            job_id: notice.job_id.to_string(),
            owner: notice.work.owner.to_string(),
            kind: notice.kind.as_str().to_owned(),
            at: micros(notice.at),
            subscriber: notice.subscriber.to_string(),
            channel: notice.channel.as_str().to_owned(),
            work: WorkColumns::of("notice", &notice.work)?,
            certificate: CertificateColumns::of(notice),
        })
    }

    pub(in crate::catalog) fn into_notice(self) -> Result<Notice, CatalogError> {
        let row = Reading { table: "notice", id: &self.id };
        let unknown = |what: &str, name: &str| row.corrupt(format_args!("unknown {what} {name:?}"));
        let id: NoticeId = row.parse(&self.id)?;
        let subject = match (&self.execution_id, self.certificate.into_certificate(&row)?) {
            (Some(id), None) => Subject::Execution(row.parse(id)?),
            (None, Some(certificate)) => Subject::Certificate(certificate),
            _ => return Err(row.corrupt("it is about nothing, or about two things")),
        };
        Ok(Notice {
            subject,
            job_id: row.parse(&self.job_id)?,
            kind: NoticeKind::parse(&self.kind).ok_or_else(|| unknown("kind", &self.kind))?,
            at: row.at(self.at)?,
            subscriber: row.parse(&self.subscriber)?,
            channel: Channel::parse(&self.channel).ok_or_else(|| unknown("channel", &self.channel))?,
            work: self.work.into_work(&row, id, &self.owner)?,
        })
    }
}
