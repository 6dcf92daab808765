//! Notices of certificates that expire and that jobs need: once for each threshold, and only while that is true (rule N8).

use chrono::{TimeDelta, Weekday};

use super::case::{Case, Found, done, require};
use super::scene::{HOUR, owner, sealed, settings};
use crate::domain::access::Action;
use crate::domain::calendar::frequency::Frequency;
use crate::domain::id::{JobId, Owner};
use crate::domain::job::Job;
use crate::domain::job::lifecycle::suspend;
use crate::domain::notice::{NoticeKind, Subject};
use crate::domain::recipient::{Expires, Recipient};
use crate::ports::catalog::query::NoticeQuery;

const DAY: u64 = 24 * HOUR;

/// Looks at all jobs in pages, and requires that this many notices are stored.
async fn should_store(case: &Case, told: &str, limit: usize, should: usize) -> Found {
    let (mut stored, mut behind) = (0, None::<JobId>);
    for _ in 0..100 {
        let page = done!(case, told, tell_of_certificates(behind, limit));
        stored += page.stored;
        match page.next {
            Some(next) if behind.is_some_and(|behind| next <= behind) => {
                return Err("tell_of_certificates: a page ends before it begins".to_owned());
            }
            Some(next) => behind = Some(next),
            None => {
                return require(stored == should, || {
                    format!(
                        "tell_of_certificates, {told}: should store {should} notices, and stored {stored}"
                    )
                });
            }
        }
    }
    Err("tell_of_certificates: comes to no end".to_owned())
}

/// Returns how soon the certificates expire of which an owner's notices tell, in the order of the enumeration.
async fn told_of(case: &Case, owner: &Owner) -> Found<Vec<Expires>> {
    let page =
        case.other().notices(owner, &NoticeQuery::default()).await.map_err(|error| error.to_string())?;
    let of_certificates = page.items.into_iter().filter(|notice| notice.kind == NoticeKind::Certificate);
    let mut told: Vec<Expires> = of_certificates
        .filter_map(|notice| match notice.subject {
            Subject::Certificate(certificate) => Some(certificate.expires),
            Subject::Execution(_) => None,
        })
        .collect();
    told.sort_by_key(|expires| expires.as_str());
    Ok(told)
}

/// Submits a job that runs every week and seals for a recipient.
async fn weekly(case: &Case, recipient: &Recipient) -> Found<Job> {
    let at = "02:00".parse().map_err(|_| "the script itself is wrong")?;
    let weekly = Frequency::Weekly { day: Weekday::Mon, at };
    case.submit(&recipient.owner, sealed(settings("weekly", weekly)?, recipient)?).await
}

/// Renews a certificate for a number of days.
async fn renewed(case: &Case, recipient: &Recipient, print: &str, days: i64) -> Found<Recipient> {
    let mut renewed = recipient.clone();
    renewed.certificate.fingerprint = print.to_owned();
    renewed.certificate.not_after = case.now() + TimeDelta::days(days);
    let audit = [case.entry(&recipient.owner, Action::RenewRecipient)];
    let before = &recipient.certificate.fingerprint;
    done!(case, "by a renewed certificate", replace_recipient(&renewed, before, &audit));
    Ok(renewed)
}

pub(super) async fn told(case: &Case) -> Found {
    let (ada, bob) = (owner("ada")?, owner("bob")?);
    let law = case.recipient(&ada, "law").await?;
    // Of the same name, and with a certificate that lasts: another owner's.
    let other = case.recipient(&bob, "law").await?;
    let mut jobs = Vec::new();
    for _ in 0..3 {
        jobs.push(weekly(case, &law).await?);
    }
    weekly(case, &other).await?;
    should_store(case, "of certificates that last for a year", 2, 0).await?;

    let law = renewed(case, &law, "second", 31).await?;
    should_store(case, "of one that lasts for 31 days", 9, 0).await?;
    case.pass(DAY);
    should_store(case, "of one that lasts for 30 days", 9, 0).await?;
    case.pass(1);
    should_store(case, "page by page", 1, 3).await?;
    case.pass(HOUR);
    should_store(case, "a second time", 9, 0).await?;
    require(told_of(case, &ada).await? == [Expires::Soon; 3], || {
        "of three jobs: not told of soon".to_owned()
    })?;
    require(told_of(case, &bob).await?.is_empty(), || "told of another owner's certificate".to_owned())?;

    let [first, ..] = jobs.as_slice() else { return Err("the script itself is wrong".to_owned()) };
    let before = case.job_of(first).await?;
    let change = suspend(&before, Vec::new(), case.now()).ok_or("the script itself is wrong")?;
    case.changes(&change, before.revision).await?;
    case.materialises().await?;
    let law = renewed(case, &law, "third", 2).await?;
    should_store(case, "of one that expires before the next occurrence", 9, 2).await?;
    case.pass(3 * DAY);
    should_store(case, "of the same one, which has expired", 9, 0).await?;
    let told = told_of(case, &ada).await?;
    let late = [Expires::BeforeNextOccurrence; 2];
    require(told == [&late[..], &[Expires::Soon; 3]].concat(), || format!("told of {told:?}"))?;
    case.pass(29 * DAY);
    weekly(case, &law).await?;
    should_store(case, "of one that expired 30 days ago", 9, 0).await?;
    renewed(case, &law, "fourth", 365).await?;
    should_store(case, "of a renewed one", 9, 0).await
}
