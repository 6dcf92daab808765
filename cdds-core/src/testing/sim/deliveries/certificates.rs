//! Certificates that jobs need, people who renew them, and what is told of them (rule N8).
//!
//! The jobs of these do not run within a world: their next occurrence lies some weeks ahead.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::super::report::{Invariant, Who};
use super::super::watch::step;
use super::board::Board;
use super::bug::DeliveryBug;
use super::sets::{People, owners, told};
use crate::domain::calendar::frequency::Frequency;
use crate::domain::id::{JobId, Owner, RecipientName};
use crate::domain::job::lifecycle::submit;
use crate::domain::job::{Job, JobSettings, Protection, RecipientNames};
use crate::domain::notice::certificate::CertificateNotice;
use crate::domain::notice::subscription::Subscriptions;
use crate::domain::notice::{Channel, Notice, NoticeKind, Subject};
use crate::domain::recipient::{CertificateFacts, Expires, Recipient};
use crate::domain::source::SourceTerms;
use crate::ports::catalog::query::{JobQuery, NoticeQuery, Slice};
use crate::ports::catalog::{CatalogError, JobStore, Outbox, RecipientStore, Told};
use crate::ports::ids::Ids;
use crate::ports::notifier::Message;

/// The jobs of each owner.
const JOBS: u64 = 3;
/// The days until their next occurrence.
const DUE_AFTER: i64 = 40;
/// The certificates that people store last for so many days at most: some expire within a world.
const LASTS_MAX: u64 = 60;

const EVERYTHING: Slice = Slice::first(u32::MAX as u64);

impl People {
    /// Stores the certificates and jobs of all owners.
    pub(super) fn seals(&self) -> Result<(), String> {
        for owner in owners() {
            let recipient = self.certificate(&owner)?;
            step(self.board.catalog.insert_recipient(&recipient, &[])).map_err(told)?;
            for _ in 0..JOBS {
                let settings = self.sealed(&recipient.name)?;
                let now = self.board.timeline.now();
                let job =
                    submit(JobId(self.ids.next()), owner.clone(), settings, SourceTerms::default(), now).job;
                step(self.board.catalog.insert_job(&job, None, &[])).map_err(told)?;
            }
        }
        Ok(())
    }

    fn sealed(&self, recipient: &RecipientName) -> Result<JobSettings, String> {
        let subscriptions = ["mailto:ada@example.com?on=certificate", "webhook:orders"];
        let subscriptions = subscriptions.iter().map(|text| text.parse().map_err(told));
        let subscriptions: Vec<_> = subscriptions.collect::<Result<_, String>>()?;
        let names = RecipientNames::new([recipient.clone()]).map_err(told)?;
        let starts_at = self.board.timeline.now() + TimeDelta::days(DUE_AFTER);
        Ok(self
            .settings(&[])?
            .with_frequency(Frequency::Daily("00:00".parse().map_err(told)?))
            .with_protection(Protection::Sealed(names))
            .with_starts_at(Some(starts_at))
            .with_subscriptions(Subscriptions::new(subscriptions).map_err(told)?))
    }

    /// Makes a certificate that lasts for some days.
    fn certificate(&self, owner: &Owner) -> Result<Recipient, String> {
        let now = self.board.timeline.now();
        let lasts = TimeDelta::hours(i64::try_from(1 + self.board.below(24 * LASTS_MAX)).unwrap_or(1));
        let fingerprint = format!("{:032x}", self.ids.next().as_u128());
        let certificate = CertificateFacts {
            der: fingerprint.clone().into_bytes(),
            fingerprint,
            subject: "CN=law".to_owned(),
            not_before: now,
            not_after: now + lasts,
            warnings: Vec::new(),
        };
        let name = RecipientName::new("law").map_err(told)?;
        Ok(Recipient { owner: owner.clone(), name, certificate, added_at: now })
    }

    /// Renews a certificate now and then.
    pub(super) fn renews(&self) {
        for owner in owners() {
            if self.board.below(4) != 0 {
                continue;
            }
            for before in recipients(&self.board, &owner) {
                let renewed = self.certificate(&owner).and_then(|renewed| {
                    let expected = &before.certificate.fingerprint;
                    step(self.board.catalog.replace_recipient(&renewed, expected, &[])).map_err(told)
                });
                if let Err(error) = renewed {
                    self.board.violate(Invariant::Ends, error);
                }
                self.board.note(Who::World, format!("the certificate of {owner} is renewed"));
                let (print, now) = (before.certificate.fingerprint, self.board.timeline.now());
                self.board.state().replaced.insert(print, now);
            }
        }
    }
}

fn recipients(board: &Board, owner: &Owner) -> Vec<Recipient> {
    step(board.catalog.recipients(owner)).unwrap_or_default()
}

/// Stores a certificate in place of the one that is there.
fn puts_in_place(board: &Board, one: &Recipient) {
    for present in recipients(board, &one.owner) {
        let replaced = step(board.catalog.replace_recipient(one, &present.certificate.fingerprint, &[]));
        if let Err(error) = replaced {
            board.violate(Invariant::Ends, told(error));
        }
    }
}

/// Stores what is to be told, with the planted bugs, and checks it.
pub(super) fn tells(board: &Board, behind: Option<JobId>, limit: usize) -> Result<Told<JobId>, CatalogError> {
    let catalog = &*board.catalog;
    let result = match board.bug {
        Some(DeliveryBug::CertificateUntold) => Ok(Told { stored: 0, next: None }),
        Some(DeliveryBug::LastingToldOf) => {
            let present: Vec<_> = owners().iter().flat_map(|owner| recipients(board, owner)).collect();
            for one in &present {
                let mut soon = one.clone();
                soon.certificate.not_after = board.timeline.now() + TimeDelta::hours(1);
                puts_in_place(board, &soon);
            }
            let told = step(catalog.tell_of_certificates(behind, limit));
            present.iter().for_each(|one| puts_in_place(board, one));
            told
        }
        _ => step(catalog.tell_of_certificates(behind, limit)),
    };
    if result.is_ok() {
        owners().iter().for_each(|owner| check(board, owner));
    }
    result
}

/// N-I2: what is told of certificates is true when it is stored, it is stored once, and nothing is left out.
fn check(board: &Board, owner: &Owner) {
    let now = board.timeline.now();
    let query = NoticeQuery::default().with_slice(EVERYTHING);
    let stored = step(board.catalog.notices(owner, &query)).map(|page| page.items).unwrap_or_default();
    let stored = stored.into_iter().filter(|notice| notice.kind == NoticeKind::Certificate);
    let stored: Vec<Notice> = stored.collect();
    let jobs = step(board.catalog.jobs(owner, &JobQuery::default().with_slice(EVERYTHING)));
    let jobs = jobs.map(|page| page.items).unwrap_or_default().into_iter().map(|overview| overview.job);
    let mut expected = BTreeSet::new();
    for job in jobs {
        let present = recipients(board, owner).into_iter().find_map(|one| threshold(&job, &one, now));
        let Some((print, is_late)) = present else { continue };
        for channel in [Channel::Host, Channel::Email] {
            expected.insert((job.id, print.clone(), is_late, channel));
        }
    }
    let mut known = BTreeSet::new();
    for notice in &stored {
        let Subject::Certificate(CertificateNotice { fingerprint, expires, .. }) = &notice.subject else {
            continue;
        };
        let told = (notice.job_id, fingerprint.clone(), *expires != Expires::Soon, notice.channel);
        let is_new = board.state().reminded.insert(notice.work.id);
        if is_new && !expected.contains(&told) {
            board.violate(Invariant::Arrives, format!("{told:?} is told, and is not true"));
        }
        if !known.insert(told.clone()) {
            board.violate(Invariant::Arrives, format!("{told:?} is told twice"));
        }
    }
    if let Some(left) = expected.difference(&known).next() {
        board.violate(Invariant::Arrives, format!("{left:?} is not told"));
    }
}

/// Returns the fingerprint of a certificate of which a job's subscribers are to be told, and whether the next run will
/// fail for it.
fn threshold(job: &Job, recipient: &Recipient, now: DateTime<Utc>) -> Option<(String, bool)> {
    let next = job.next_due_at?;
    job.settings.protection.recipients().iter().find(|name| **name == recipient.name)?;
    let left = recipient.certificate.not_after - now;
    let is_late = left < TimeDelta::zero() || recipient.certificate.not_after < next;
    let is_recent = TimeDelta::days(-30) < left;
    let is_soon = left < TimeDelta::days(30);
    ((is_late || is_soon) && is_recent).then(|| (recipient.certificate.fingerprint.clone(), is_late))
}

/// N-I2: a certificate of which somebody is told was the one that was stored when the attempt began.
pub(super) fn hears(board: &Board, message: &Message, fingerprint: &str) {
    let mut state = board.state();
    state.told.insert(message.notice.work.id);
    state.figures.told += 1;
    let replaced_at = state.replaced.get(fingerprint).copied();
    drop(state);
    if replaced_at.is_some_and(|at| at < message.sent_at) {
        board.violate(Invariant::Arrives, format!("{fingerprint} is told of, which was renewed before"));
    }
}
