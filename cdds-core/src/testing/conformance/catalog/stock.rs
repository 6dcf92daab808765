//! A record with something of everything, with ties and with missing values.

use chrono::{DateTime, Utc};

use super::case::{Case, Found, done};
use super::scene::{HOUR, LEASE, failed, once, owner, publication, sealed, settings, worker};
use crate::domain::access::Action;
use crate::domain::access::audit::{Object, Outcome};
use crate::domain::access::download::{DownloadEnd, DownloadOutcome};
use crate::domain::access::{PrincipalName, Role};
use crate::domain::archive::artifact::artifact_id;
use crate::domain::calendar::frequency::Frequency;
use crate::domain::execution::Execution;
use crate::domain::id::{ArtifactId, Owner, SourceId, TypeId};
use crate::domain::job::lifecycle::{delete, suspend};
use crate::domain::notice::Channel;
use crate::domain::work::row::{WorkFailure, WorkOutcome};
use crate::ports::catalog::{NoticeClaim, Publication, Settlement};

/// What was put on record.
pub(super) struct Stock {
    pub(super) owner: Owner,
    /// Some instants at which things happened.
    pub(super) instants: Vec<DateTime<Utc>>,
}

fn told(error: impl std::fmt::Display) -> String {
    format!("the script itself is wrong: {error}")
}

/// Fills the record of two owners. Nearly everything happens at few instants, so that rows tie.
pub(super) async fn fill(case: &Case) -> Found<Stock> {
    let (ada, bob) = (owner("ada")?, owner("bob")?);
    let mut instants = vec![case.now()];
    for owner in [&ada, &bob] {
        let (archive, law) = (case.recipient(owner, "archive").await?, case.recipient(owner, "law").await?);
        let daily = Frequency::Daily("02:00".parse().map_err(told)?);
        for (title, frequency) in [("Zeta", daily.clone()), ("a_b", daily.clone()), ("later", daily)] {
            let mut settings = settings(title, frequency)?;
            settings.source = SourceId::new("mails").map_err(told)?;
            settings = sealed(settings, if title == "later" { &law } else { &archive })?;
            case.submit(owner, settings.with_data_type(TypeId::new("note").map_err(told)?)).await?;
        }
    }
    let mut ran = Vec::new();
    for title in ["zeta", "Ärger", "ärger 100%", "axb", "Straße", "zeta"] {
        ran.push(run(case, &ada, title, ran.len()).await?);
        if ran.len() % 2 == 0 {
            case.pass(7);
            instants.push(case.now());
        }
    }
    run(case, &bob, "zeta", 0).await?;
    downloads(case, &ada, &ran).await?;
    // Missed days are skipped on the record, recent ones wait.
    case.pass(10 * 24 * HOUR);
    case.materialises().await?;
    instants.push(case.now());
    // Their jobs run on or not at all, and what comes now stays open.
    case.queued(&ada, "running").await?;
    case.claims("w", 2).await?;
    case.queued(&ada, "waiting").await?;
    let jobs = case.twin().jobs(&ada, &Default::default()).await.map_err(told)?;
    for overview in jobs.items {
        let title = overview.job.settings.title.as_str();
        let change = match title {
            "a_b" => suspend(&overview.job, Vec::new(), case.now()),
            "axb" => Some(delete(&overview.job, Vec::new(), case.now()).map_err(told)?),
            _ => None,
        };
        if let Some(change) = change {
            case.changes(&change, overview.job.revision).await?;
        }
    }
    removals(case, &ada, &ran).await?;
    Ok(Stock { owner: ada, instants })
}

/// Runs a job once. Each number ends in another way.
async fn run(case: &Case, owner: &Owner, title: &str, number: usize) -> Found<Execution> {
    case.submit(owner, settings(title, once())?).await?;
    let claimed = case.claimed("w").await?;
    match number {
        2 => drop(case.settles(claimed.fence(), &failed(false)).await?),
        3 => drop(case.settles(claimed.fence(), &Settlement::Cancelled).await?),
        _ => {
            let parts = u32::try_from(number).unwrap_or(0) % 3 + 1;
            let mut publication: Publication = publication(&claimed, parts, case.now());
            publication.progress.rejected = u64::from(number == 1);
            done!(case, "under the present claim", publish(claimed.fence(), &publication));
        }
    }
    Ok(claimed)
}

async fn downloads(case: &Case, owner: &Owner, ran: &[Execution]) -> Found {
    let [first, second, ..] = ran else { return Ok(()) };
    let ends = [
        (first, DownloadOutcome::Verified),
        (first, DownloadOutcome::Verified),
        (first, DownloadOutcome::BrokenOff),
        (second, DownloadOutcome::Verified),
    ];
    for (of, outcome) in ends {
        let file: ArtifactId = artifact_id(of.id, 1);
        let mut entry = case.entry(owner, Action::Download);
        entry.principal = PrincipalName::of(Role::Operator);
        let entry = entry.with_object(Object::Artifact(file)).with_outcome(Outcome::Begun);
        done!(case, "of a download that begins", record(&entry));
        let end = DownloadEnd { at: case.now(), bytes: 9, outcome };
        done!(case, "of a download", end_download(entry.id, &end));
        case.pass(3);
    }
    Ok(())
}

/// Puts a set on hold, deletes a file and an execution, and gives notices away.
async fn removals(case: &Case, owner: &Owner, ran: &[Execution]) -> Found {
    let [first, second, failed, .., before, last] = ran else { return Ok(()) };
    let now = case.now();
    let audit = [case.entry(owner, Action::HoldSet)];
    done!(case, "of a live set", hold(owner, second.id, true, &audit));
    let file = artifact_id(last.id, 1);
    let audit = [case.entry(owner, Action::DeleteArtifacts)];
    done!(case, "of several", delete_artifacts(owner, &[file], now, &audit));
    let audit = [case.entry(owner, Action::DeleteExecution)];
    done!(case, "that has ended", delete_execution(owner, failed.id, now, &audit));
    let claim = NoticeClaim::new(Channel::Host, worker("teller")?, LEASE, 4);
    let notices = done!(case, "of some", claim_notices(&claim));
    for notice in notices {
        let failure = WorkFailure::permanent("nobody listens");
        let outcome = match notice.execution_id() {
            id if id == Some(first.id) => WorkOutcome::Failed { failure, retry: claim.retry },
            id if id == Some(before.id) || id == Some(second.id) => WorkOutcome::Done,
            _ => continue,
        };
        done!(case, "under the present claim", settle_notice(notice.work.fence(), &outcome));
    }
    Ok(())
}
