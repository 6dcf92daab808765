//! Notices, for services that send e-mails, call webhooks or tell people in their own way.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::access::{check, entry};
use super::{Entity, ServiceError};
use crate::domain::access::audit::Object;
use crate::domain::access::{Action, Principal};
use crate::domain::id::{NoticeId, WorkerId};
use crate::domain::notice::{Channel, Notice};
use crate::domain::violation::{Code, RuleViolation};
use crate::domain::work::row::{NotAgain, WorkFailure, WorkOutcome};
use crate::ports::Ports;
use crate::ports::catalog::query::{NoticeQuery, Page};
use crate::ports::catalog::{CatalogError, NoticeClaim};

/// How long a taken notice is kept from others by default.
const LEASE: Duration = Duration::from_secs(60);

/// The notices to the embedding service (rules N2, N4, N5). A notice is stored in the transaction that ends
/// its execution, so it is never lost and never appears before the published files can be downloaded.
///
/// Take notices, tell people, and report how that went. A notice that is not reported within the
/// [lease](Self::with_lease), for instance because the process died, is handed out again: it is told at least
/// once, and the receiver recognises a repetition by the notice's id. One that failed waits for its next
/// attempt and keeps no other from being taken. Several processes may do this at the same time.
///
/// ```
/// use cdds_core::domain::work::row::WorkFailure;
/// use cdds_core::ports::catalog::CatalogError;
/// use cdds_core::service::outbox::Outbox;
///
/// /// Runs every few seconds.
/// async fn tell_people(outbox: &Outbox) -> Result<(), CatalogError> {
///     for notice in outbox.take(20).await? {
///         match send_mail(&notice.job_id.to_string(), notice.kind.as_str()).await {
///             Ok(()) => outbox.confirm(&notice).await?,
///             Err(why) => outbox.failed(&notice, WorkFailure::temporary(why)).await?,
///         };
///     }
///     Ok(())
/// }
/// # async fn send_mail(_job: &str, _kind: &str) -> Result<(), String> { Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Outbox {
    ports: Ports,
    worker: WorkerId,
    lease: Duration,
}

impl Outbox {
    /// Creates the outbox over these ports.
    pub fn new(ports: &Ports) -> Self {
        Self { ports: ports.clone(), worker: WorkerId::of(ports.ids.next()), lease: LEASE }
    }

    /// Sets how long a taken notice is kept from others; 60 seconds by default. Choose longer than telling
    /// all the notices of one call takes.
    #[must_use]
    pub fn with_lease(self, lease: Duration) -> Self {
        Self { lease, ..self }
    }

    /// Takes up to `limit` notices that are due, of all owners, who take turns. Takes notices again whose
    /// lease has run out, once the wait after a failure is over.
    ///
    /// # Errors
    /// If the catalog cannot be read or written. Notices whose reply got lost are taken again after the lease.
    pub async fn take(&self, limit: usize) -> Result<Vec<Notice>, CatalogError> {
        let claim = NoticeClaim::new(Channel::Host, self.worker.clone(), self.lease, limit);
        self.ports.catalog.claim_notices(&claim).await
    }

    /// Reports that a taken notice was told. Reporting it twice changes nothing.
    ///
    /// # Errors
    /// [`Fenced`](crate::ports::catalog::CatalogErrorKind::Fenced) if its lease ran out and another call of
    /// [`take`](Self::take) has returned it, or if its execution was deleted: nothing is left to do.
    /// Otherwise if the catalog cannot be written: report it again.
    pub async fn confirm(&self, taken: &Notice) -> Result<Notice, CatalogError> {
        self.settle(taken, &WorkOutcome::Done).await
    }

    /// Reports that telling a taken notice failed. It waits for its next attempt, 30 seconds at first and an
    /// hour at most, for 72 hours. It is given up after that, or at once if the failure is
    /// [permanent](WorkFailure::permanent). Returns the notice with what follows.
    ///
    /// # Errors
    /// As for [`confirm`](Self::confirm).
    pub async fn failed(&self, taken: &Notice, failure: WorkFailure) -> Result<Notice, CatalogError> {
        self.settle(taken, &WorkOutcome::Failed { failure, retry: taken.channel.retry() }).await
    }

    async fn settle(&self, taken: &Notice, outcome: &WorkOutcome) -> Result<Notice, CatalogError> {
        self.ports.catalog.settle_notice(taken.work.fence(), outcome).await
    }

    /// Lists the notices of the principal's owner, with the state of their delivery.
    ///
    /// # Errors
    /// [`ServiceError::Forbidden`] if the principal may not see them (rule C1).
    pub async fn list(&self, by: &Principal, query: &NoticeQuery) -> Result<Page<Notice>, ServiceError> {
        check(&self.ports, by, Action::See, None).await?;
        Ok(self.ports.catalog.notices(&by.owner, query).await?)
    }

    /// Tells a notice again that was told or given up: somebody says that they never got it. Its id stays, so a
    /// receiver that did get it can tell.
    ///
    /// # Errors
    /// [`ServiceError::Refused`] with [`Code::NoticeOpen`] if it is still to be told, or with [`Code::NoticeGone`] if its
    /// execution was deleted from the history; [`ServiceError::NotFound`]; [`ServiceError::Forbidden`] (rule C1).
    pub async fn send_again(&self, by: &Principal, id: NoticeId) -> Result<Notice, ServiceError> {
        let object = Object::Notice(id);
        check(&self.ports, by, Action::SendAgain, Some(object.clone())).await?;
        let catalog = &self.ports.catalog;
        let found = catalog.notices(&by.owner, &NoticeQuery::default().with_id(id)).await?.items.pop();
        let notice = found.ok_or_else(|| ServiceError::not_found(Entity::Notice, id))?;
        let now = catalog.now().await?;
        let is_kept = match notice.execution_id() {
            Some(execution) => catalog.execution(&by.owner, execution, now).await?.is_some(),
            None => true,
        };
        if let Some(refusal) = refusal(&notice, is_kept, now) {
            return Err(refusal.into());
        }
        let entry = entry(&self.ports, by, Action::SendAgain, now).with_object(object);
        Ok(catalog.ask_notice_again(&by.owner, id, &[entry]).await?)
    }
}

/// Returns why a notice is not told again, if it is not.
fn refusal(notice: &Notice, is_kept: bool, now: DateTime<Utc>) -> Option<RuleViolation> {
    let why = match notice.work.clone().asked_again(now) {
        Ok(_) if is_kept => return None,
        Ok(_) => NotAgain::Gone,
        Err(why) => why,
    };
    let id = notice.work.id;
    let (code, told) = match why {
        NotAgain::Waiting { .. } | NotAgain::Held => {
            (Code::NoticeOpen, format!("notice {id} is on its way already: {why}"))
        }
        NotAgain::Gone => {
            let gone = match notice.execution_id().filter(|_| !is_kept) {
                Some(execution) => format!("its execution {execution} was deleted"),
                None => "it is not true any more".to_owned(),
            };
            (Code::NoticeGone, format!("notice {id} cannot be told again: {gone}"))
        }
    };
    Some(RuleViolation::new(code, told))
}
