//! The audit: each change with its entries, or neither (rules C2, C3).

use super::case::{Case, Found, both, done, refused, require};
use super::deliveries::{destination, target};
use super::revisions::lost_set;
use super::scene::{LEASE, failed, given_up, once, owner, recipient, settings, terms, worker};
use crate::domain::access::Action;
use crate::domain::access::audit::{AuditRecord, Object, Outcome};
use crate::domain::access::download::{DownloadEnd, DownloadOutcome};
use crate::domain::archive::artifact::artifact_id;
use crate::domain::delivery::JobDestination;
use crate::domain::delivery::destination::ServerIdentity;
use crate::domain::delivery::health::Health;
use crate::domain::id::{AuditId, JobId, Owner, StoreId};
use crate::domain::job::JobChange;
use crate::domain::job::lifecycle::submit;
use crate::domain::pairing::StoreLink;
use crate::domain::work::worker::WorkerFacts;
use crate::ports::catalog::RecipientRemoval;
use crate::ports::catalog::query::AuditQuery;

/// Requires that the record has these entries, or that it has none of them.
async fn stored(case: &Case, what: &str, owner: &Owner, entries: &[AuditRecord], should: bool) -> Found {
    let page = case.other().audit(owner, &AuditQuery::default()).await.map_err(|error| error.to_string())?;
    for entry in entries {
        let is = page.items.iter().any(|known| known == entry);
        let not = if should { "is not" } else { "is" };
        require(is == should, || format!("{what}: entry {} of the audit {not} on record", entry.id))?;
    }
    Ok(())
}

/// Gives a change once with an entry that is already on record, which refuses it; once with two new ones, which
/// are stored with it; and, for changes that cannot be made twice, once more with others, which are not stored.
macro_rules! audited {
    ($case:expr, $owner:expr, $repeated:ident, $method:ident($($arg:expr),* $(,)?)) => {{
        let (case, owner): (&Case, &Owner) = ($case, $owner);
        let entry = || case.entry(owner, Action::EditJob);
        let used = entry();
        done!(case, "of its own", record(&used));
        let entries = [entry(), AuditRecord { action: Action::RunJob, ..used.clone() }];
        refused!(case, Conflict, "with an entry that is on record", $method($($arg,)* &entries));
        stored(case, stringify!($method), owner, &entries, false).await?;
        stored(case, stringify!($method), owner, &[used], true).await?;
        let entries = [entry(), entry()];
        let _answer = done!(case, "with two entries", $method($($arg,)* &entries));
        stored(case, stringify!($method), owner, &entries, true).await?;
        audited!(@$repeated case, owner, $method($($arg),*));
    }};
    (@refused $case:ident, $owner:ident, $method:ident($($arg:expr),*)) => {
        let entries = [$case.entry($owner, Action::EditJob)];
        refused!($case, Conflict, "a second time", $method($($arg,)* &entries));
        stored($case, stringify!($method), $owner, &entries, false).await?;
    };
    (@allowed $case:ident, $owner:ident, $method:ident($($arg:expr),*)) => {};
}

pub(super) async fn of_jobs(case: &Case) -> Found {
    let ada = owner("ada")?;
    let source = terms().source;
    let new = submit(JobId(case.id()), ada.clone(), settings("new", once())?, source, case.now());
    case.queued(&ada, "another").await?;
    case.pass(1);
    audited!(case, &ada, refused, insert_job(&new.job, new.first.as_ref()));
    let job = case.job_of(&new.job).await?;
    let change = JobChange::of(job.clone());
    audited!(case, &ada, refused, change_job(&change, job.revision));
    let job = case.job_of(&new.job).await?;
    let (adoption, set) = lost_set(case, &job)?;
    audited!(case, &ada, refused, adopt(&adoption, job.revision, &set));
    let waiting = new.first.ok_or("the first execution of a job is missing")?;
    let cancelled = waiting.clone().cancel(case.now()).map_err(|error| error.to_string())?;
    audited!(case, &ada, refused, change_execution(&waiting, &cancelled));
    audited!(case, &ada, refused, delete_execution(&ada, waiting.id, case.now()));
    Ok(())
}

pub(super) async fn of_sets(case: &Case) -> Found {
    let ada = owner("ada")?;
    let one = case.published(&ada, "published", 2).await?;
    let notice = given_up(case, &one).await?;
    audited!(case, &ada, refused, ask_notice_again(&ada, notice));
    audited!(case, &ada, allowed, hold(&ada, one.id, true));
    audited!(case, &ada, allowed, hold(&ada, one.id, false));
    let to = JobDestination::new(destination("partner")?);
    audited!(case, &ada, allowed, redeliver(&ada, one.id, &to));
    let (partner, unused) = (target("partner")?, Health::default());
    let pinned = unused.clone().pinning(Some(ServerIdentity::new("SHA256:one")));
    audited!(case, &ada, refused, set_health(&partner, &unused, &pinned));
    let files = [artifact_id(one.id, 1), artifact_id(one.id, 2)];
    audited!(case, &ada, refused, delete_artifacts(&ada, &files, case.now()));
    let entries = [case.entry(&ada, Action::HoldSet)];
    refused!(case, Conflict, "of a set that is gone", hold(&ada, one.id, true, &entries));
    stored(case, "hold", &ada, &entries, false).await
}

pub(super) async fn of_owners(case: &Case) -> Found {
    let ada = owner("ada")?;
    let job = case.queued(&ada, "of the owner").await?;
    let new = recipient(&ada, "archive", case.now())?;
    audited!(case, &ada, refused, insert_recipient(&new));
    let mut renewed = new.clone();
    renewed.certificate.fingerprint = "another".to_owned();
    audited!(case, &ada, refused, replace_recipient(&renewed, &new.certificate.fingerprint));
    audited!(case, &ada, allowed, remove_recipient(&ada, &new.name));
    let entries = [case.entry(&ada, Action::RemoveRecipient)];
    let gone = done!(case, "that was removed", remove_recipient(&ada, &new.name, &entries));
    require(gone == RecipientRemoval::Missing, || format!("remove_recipient: was {gone:?}"))?;
    stored(case, "remove_recipient, of none", &ada, &entries, false).await?;
    let link = StoreLink { id: StoreId(case.id()), confirmed: true };
    audited!(case, &ada, refused, set_store(None, link));
    let worker = worker("w")?;
    done!(case, "of a worker", attend(&worker, &WorkerFacts::default(), LEASE));
    audited!(case, &ada, allowed, drain(&worker, true));
    let entries = [case.entry(&ada, Action::DrainWorker)];
    done!(case, "of one that drains already", drain(&worker, true, &entries));
    stored(case, "drain, again", &ada, &entries, false).await?;
    let entry = case.entry(&ada, Action::SeeAudit).with_object(Object::Job(job.id));
    let entry = entry.with_outcome(Outcome::Forbidden);
    done!(case, "of a refused call", record(&entry));
    let again = AuditRecord { action: Action::See, ..entry.clone() };
    refused!(case, Conflict, "whose id is on record", record(&again));
    stored(case, "record", &ada, &[entry], true).await?;
    let claimed = case.claimed("w").await?;
    case.settles(claimed.fence(), &failed(false)).await?;
    Ok(())
}

pub(super) async fn downloads(case: &Case) -> Found {
    let ada = owner("ada")?;
    let one = case.published(&ada, "published", 2).await?;
    let file = artifact_id(one.id, 2);
    let begins = || {
        let entry = case.entry(&ada, Action::Download);
        entry.with_object(Object::Artifact(file)).with_outcome(Outcome::Begun)
    };
    let end = |outcome, bytes| DownloadEnd { at: case.now(), bytes, outcome };
    let mut verified = 0;
    for outcome in [DownloadOutcome::Verified, DownloadOutcome::BrokenOff, DownloadOutcome::Corrupt] {
        let entry = begins();
        done!(case, "of a download that begins", record(&entry));
        case.pass(3);
        done!(case, "for the first time", end_download(entry.id, &end(outcome, 9)));
        verified += u64::from(outcome == DownloadOutcome::Verified);
        case.pass(3);
        let before = case.seen().await?;
        for later in DownloadOutcome::ALL {
            done!(case, "a second time", end_download(entry.id, &end(later, 11)));
        }
        case.unchanged("end_download", "a second time", &before).await?;
        let shown = case.ours().artifact(&ada, file).await.map_err(|error| error.to_string())?;
        let shown = shown.ok_or("a file is gone")?;
        require(shown.downloads == verified, || {
            format!("end_download: {} downloads are counted instead of {verified}", shown.downloads)
        })?;
    }
    let begun = begins();
    done!(case, "of a download that goes on", record(&begun));
    let edit = case.entry(&ada, Action::EditJob);
    done!(case, "of something else", record(&edit));
    let done = end(DownloadOutcome::Verified, 9);
    refused!(case, Conflict, "of what is no download", end_download(edit.id, &done));
    refused!(case, Conflict, "of an unknown one", end_download(AuditId(case.id()), &done));
    // The file goes while somebody reads it. The end is on record all the same.
    let audit = [case.entry(&ada, Action::DeleteArtifacts)];
    done!(case, "while it is read", delete_artifacts(&ada, &[file], case.now(), &audit));
    done!(case, "of a file that was deleted meanwhile", end_download(begun.id, &done));
    let gone = both!(case, "that was deleted", artifact(&ada, file))?;
    require(gone.is_ok_and(|gone| gone.is_none()), || "artifact: a deleted file is back".to_owned())
}
