//! What the scripts do again and again: jobs, claims, sets, entries of the audit.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::case::{Case, Found, both, done};
use crate::domain::access::Action;
use crate::domain::access::audit::AuditRecord;
use crate::domain::archive::artifact::{
    Artifact, ArtifactSet, Sha256Digest, StoredManifest, StoredSignature, artifact_id,
};
use crate::domain::archive::retention::RetentionDays;
use crate::domain::calendar::frequency::{Frequency, Start};
use crate::domain::calendar::zone::database::Clocks;
use crate::domain::execution::Execution;
use crate::domain::execution::failure::{Failure, FailureKind, Step};
use crate::domain::execution::progress::Progress;
use crate::domain::execution::retry::RetryPolicy;
use crate::domain::execution::schedule::{Terms, materialise};
use crate::domain::id::{AuditId, JobId, NoticeId, Owner, RecipientName, SourceId, TypeId, WorkerId};
use crate::domain::job::lifecycle::submit;
use crate::domain::job::{Job, JobChange, JobSettings, Protection, RecipientNames, Title};
use crate::domain::notice::Channel;
use crate::domain::recipient::{CertificateFacts, Recipient};
use crate::domain::source::SourceTerms;
use crate::domain::violation::RuleViolation;
use crate::domain::work::row::{WorkFailure, WorkOutcome};
use crate::ports::catalog::{Claim, Fence, Nonce, NoticeClaim, Publication, Settlement};
use crate::ports::sink::Key;
use crate::testing::administrator;

/// How long the claims of the scripts hold.
pub(super) const LEASE: Duration = Duration::from_secs(60);

/// Longer than a lease, and than the wait before another attempt.
pub(super) const HOUR: u64 = 3_600;

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` calls")]
fn told(violation: RuleViolation) -> String {
    format!("the script itself is wrong: {violation}")
}

pub(super) fn owner(name: &str) -> Found<Owner> {
    Owner::new(name).map_err(told)
}

pub(super) fn worker(name: &str) -> Found<WorkerId> {
    WorkerId::new(name).map_err(told)
}

pub(super) fn once() -> Frequency {
    Frequency::Once(Start::Immediately)
}

/// A job of this title that reads everything of one type.
pub(super) fn settings(title: &str, frequency: Frequency) -> Found<JobSettings> {
    Ok(JobSettings::new(
        Title::new(title).map_err(told)?,
        SourceId::new("calls").map_err(told)?,
        TypeId::new("call").map_err(told)?,
        frequency,
        Protection::Plaintext,
    ))
}

/// Settings that seal for one recipient.
pub(super) fn sealed(settings: JobSettings, recipient: &Recipient) -> Found<JobSettings> {
    let names = RecipientNames::new([recipient.name.clone()]).map_err(told)?;
    Ok(JobSettings { protection: Protection::Sealed(names), ..settings })
}

pub(super) fn recipient(owner: &Owner, name: &str, added_at: DateTime<Utc>) -> Found<Recipient> {
    Ok(Recipient {
        owner: owner.clone(),
        name: RecipientName::new(name).map_err(told)?,
        certificate: CertificateFacts {
            der: owner.as_str().bytes().chain(name.bytes()).collect(),
            fingerprint: format!("{owner}:{name}"),
            subject: format!("CN={name}"),
            not_before: added_at,
            not_after: added_at + TimeDelta::days(365),
            warnings: vec!["expires within a year".to_owned()],
        },
        added_at,
    })
}

pub(super) fn terms() -> Terms {
    let source = SourceTerms { settle_lag: TimeDelta::zero(), granularity: TimeDelta::zero() };
    Terms { catch_up_limit: TimeDelta::days(7), source }
}

/// A failed attempt that may be retried, or not.
pub(super) fn failed(retryable: bool) -> Settlement {
    let message = "the source is away".to_owned();
    let failure = Failure { step: Step::Read, kind: FailureKind::Unavailable, message, retryable };
    Settlement::Failed { failure, retry: RetryPolicy::default() }
}

/// Returns the set of a claim, retained for 30 days, and signed if it has several parts.
pub(super) fn publication(execution: &Execution, parts: u32, published_at: DateTime<Utc>) -> Publication {
    let key = |name: &str| Key::new(format!("{}/{}/{name}", execution.id, execution.epoch));
    let artifacts = (1..=parts).map(|part| {
        let extension = if part == parts { "zip".to_owned() } else { format!("z{part:02}") };
        Artifact {
            id: artifact_id(execution.id, part),
            owner: execution.owner.clone(),
            execution_id: execution.id,
            job_id: execution.job_id,
            types: execution.settings.reads.types(),
            name: format!("export-{}.{extension}", execution.id),
            part,
            parts,
            key: key(&format!("{part:06}")),
            bytes: 1_000 + u64::from(part),
            sha256: Sha256Digest([7; 32]),
            created_at: published_at,
            expires_at: RetentionDays::default().expires_at(published_at),
            hold: false,
        }
    });
    let manifest = StoredManifest {
        name: format!("export-{}.manifest.json", execution.id),
        key: key("manifest"),
        bytes: 321,
        sha256: Sha256Digest([8; 32]),
    };
    let signature = (parts > 1).then(|| StoredSignature {
        name: format!("export-{}.manifest.json.p7s", execution.id),
        key: key("manifest.p7s"),
        bytes: 1_234,
        sha256: Sha256Digest([9; 32]),
    });
    let progress =
        Progress { records: 40 + execution.epoch, bytes_read: 4_200, parts, ..Progress::default() };
    Publication {
        nonce: execution.writer().nonce,
        set: ArtifactSet { artifacts: artifacts.collect(), manifest, signature },
        filter: None,
        progress,
        published_at,
        request: execution.settings.request,
    }
}

impl Case {
    /// Submits a job.
    pub(super) async fn submit(&self, owner: &Owner, settings: JobSettings) -> Found<Job> {
        let source = terms().source;
        let submission = submit(JobId(self.id()), owner.clone(), settings, source, self.now());
        let audit = [self.entry(owner, Action::CreateJob)];
        done!(self, "a new job", insert_job(&submission.job, submission.first.as_ref(), &audit));
        self.job_of(&submission.job).await
    }

    /// Submits a job that is queued at once.
    pub(super) async fn queued(&self, owner: &Owner, title: &str) -> Found<Job> {
        self.submit(owner, settings(title, once())?).await
    }

    /// Reads a job again.
    pub(super) async fn job_of(&self, job: &Job) -> Found<Job> {
        let read = both!(self, "that is on record", job(&job.owner, job.id))?;
        let read = read.map_err(|kind| format!("a job cannot be read: {kind:?}"))?;
        read.map(|overview| overview.job).ok_or_else(|| format!("job {} is gone", job.id))
    }

    /// Stores a recipient.
    pub(super) async fn recipient(&self, owner: &Owner, name: &str) -> Found<Recipient> {
        let recipient = recipient(owner, name, self.now())?;
        let audit = [self.entry(owner, Action::CreateJob)];
        done!(self, "a new recipient", insert_recipient(&recipient, &audit));
        Ok(recipient)
    }

    /// Returns a new entry of the audit.
    pub(super) fn entry(&self, owner: &Owner, action: Action) -> AuditRecord {
        AuditRecord::new(AuditId(self.id()), self.now(), &administrator(owner), action)
    }

    /// Returns a claim that has a nonce of its own.
    pub(super) fn claim_of(&self, name: &str, limit: usize) -> Found<Claim> {
        Ok(Claim::new(worker(name)?, Nonce(self.count()), LEASE, limit))
    }

    /// Lets a worker claim.
    pub(super) async fn claims(&self, name: &str, limit: usize) -> Found<Vec<Execution>> {
        let claim = self.claim_of(name, limit)?;
        Ok(done!(self, format!("by {name}"), claim(&claim)).executions)
    }

    /// Lets a worker claim one execution, which there must be.
    pub(super) async fn claimed(&self, name: &str) -> Found<Execution> {
        let claimed = self.claims(name, 1).await?;
        claimed.into_iter().next().ok_or_else(|| "claim: nothing is handed out".to_owned())
    }

    /// Lets the lease of a claim run out, and another worker claim the execution.
    pub(super) async fn taken_over(&self, name: &str) -> Found<Execution> {
        self.pass(HOUR);
        self.claims(name, 1).await?;
        self.pass(HOUR);
        self.claimed(name).await
    }

    /// Publishes the set of a claim.
    pub(super) async fn publishes(&self, claimed: &Execution, parts: u32) -> Found<Publication> {
        let publication = publication(claimed, parts, self.now());
        done!(self, "under the present claim", publish(claimed.fence(), &publication));
        Ok(publication)
    }

    /// Submits a job, and claims and publishes its execution.
    pub(super) async fn published(&self, owner: &Owner, title: &str, parts: u32) -> Found<Execution> {
        self.queued(owner, title).await?;
        let claimed = self.claimed("w").await?;
        self.publishes(&claimed, parts).await?;
        Ok(claimed)
    }

    /// Puts every due slot on the record, as engines do.
    pub(super) async fn materialises(&self) -> Found {
        let now = self.now();
        let due = both!(self, "for a round", due(now, 1_000, Clocks::default()))?;
        for due in due.map_err(|kind| format!("due failed: {kind:?}"))? {
            if let Some(change) = materialise(&due.job, &due.waiting, terms(), now) {
                self.changes(&change, due.job.revision).await?;
            }
        }
        Ok(())
    }

    /// Stores the change of a job.
    pub(super) async fn changes(&self, change: &JobChange, expected: u64) -> Found {
        let audit = [self.entry(&change.job.owner, Action::EditJob)];
        done!(self, "by the present revision", change_job(change, expected, &audit));
        Ok(())
    }

    /// Ends an attempt without success.
    pub(super) async fn settles(&self, fence: Fence, settlement: &Settlement) -> Found<Execution> {
        Ok(done!(self, "under the present claim", settle(fence, settlement)))
    }
}

/// Gives up the notice of a published set, as a worker that cannot deliver it does.
pub(super) async fn given_up(case: &Case, published: &Execution) -> Found<NoticeId> {
    let claim = NoticeClaim::new(Channel::Host, worker("teller")?, LEASE, 99);
    let notices = done!(case, "of everything", claim_notices(&claim));
    let mut given_up = None;
    for notice in notices {
        let outcome = match notice.execution_id() == Some(published.id) {
            true => {
                WorkOutcome::Failed { failure: WorkFailure::permanent("nobody listens"), retry: claim.retry }
            }
            false => WorkOutcome::Done,
        };
        let fence = notice.work.fence();
        let settled = done!(case, "under the present claim", settle_notice(fence, &outcome));
        if notice.execution_id() == Some(published.id) {
            given_up = Some(settled.work.id);
        }
    }
    given_up.ok_or_else(|| "claim_notices: the notice of a published set is not handed out".to_owned())
}
