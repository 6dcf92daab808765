//! Keys and certificates: those that exports are sealed for, and the one that manifests are signed with.

use std::collections::BTreeSet;

use cdds_core::domain::job::{Job, JobState};
use cdds_core::domain::recipient::{EXPIRY_WARNING, Recipient};
use cdds_core::ports::catalog::query::JobQuery;
use cdds_core::ports::sealer::ManifestSigner;
use chrono::{DateTime, Utc};

use super::Finding;
use crate::commands::every_row;
use crate::compose::{self, App};
use crate::config::Config;
use crate::error::CliError;
use crate::session::Session;

/// Checks whether manifests can be signed now (rule A5).
pub(super) fn signing(config: &Config, session: &Session) -> Finding {
    let Some(signing) = &config.signing else {
        return Finding::ok("signing key", "none is configured: manifests are not signed");
    };
    let way_out = "correct [signing] in the configuration, or renew the certificate";
    match compose::signer(signing) {
        Err(error) => Finding::failed("signing key", error.message(), way_out),
        Ok(signer) => match signer.sign(b"a probe", session.clock.now()) {
            Err(error) => Finding::failed("signing key", error.report(), way_out),
            Ok(_signature) => Finding::ok("signing key", format!("{} signs", signing.certificate.display())),
        },
    }
}

/// Checks the owner's certificates, and the jobs that are sealed for them (rules S1 to S3).
pub(super) async fn recipients(app: &App, session: &Session) -> Result<Vec<Finding>, CliError> {
    let recipients = app.recipients.list(&session.principal).await?;
    let overviews = every_row(async |slice| {
        let query = JobQuery::default().with_slice(slice);
        app.jobs.list(&session.principal, &query).await
    })
    .await?;
    let jobs: Vec<Job> = overviews
        .into_iter()
        .map(|overview| overview.job)
        .filter(|job| !matches!(job.state, JobState::Completed | JobState::Deleted))
        .collect();
    let now = app.now().await?;
    let mut findings = Vec::with_capacity(recipients.len());
    for recipient in &recipients {
        findings.push(certificate(recipient, &jobs, app, now, session).await);
    }
    findings.extend(missing(&recipients, &jobs));
    if findings.is_empty() {
        let detail = format!("owner {} has stored no certificate", session.principal.owner);
        findings.push(Finding::ok("recipients", detail));
    }
    Ok(findings)
}

/// Checks one certificate. One that no job uses does no harm.
async fn certificate(
    recipient: &Recipient,
    jobs: &[Job],
    app: &App,
    now: DateTime<Utc>,
    session: &Session,
) -> Finding {
    let check = format!("recipient {}", recipient.name);
    let users = jobs.iter().filter(|job| job.settings.protection.recipients().contains(&recipient.name));
    let users = users.count();
    let until = recipient.certificate.not_after.format("%Y-%m-%d");
    let used = match users {
        1 => "1 job uses it".to_owned(),
        users => format!("{users} jobs use it"),
    };
    let way_out = &format!("have it renewed, and run `cdds recipient renew {} CERT.pem`", recipient.name);
    let sealed = app.recipients.sample(&session.principal, &recipient.name).await;
    let left = recipient.certificate.not_after - now;
    match sealed {
        Err(error) if users > 0 => {
            Finding::failed(&check, format!("{}; {used}", CliError::from(error).message()), way_out)
        }
        Err(error) => {
            let detail = format!("{}; no job uses it", CliError::from(error).message());
            Finding::warning(&check, detail, &format!("run `cdds recipient remove {}`", recipient.name))
        }
        Ok(_) if left < EXPIRY_WARNING => {
            Finding::warning(&check, format!("its certificate expires on {until}; {used}"), way_out)
        }
        Ok(_) => Finding::ok(&check, format!("exports can be sealed for it until {until}; {used}")),
    }
}

/// Reports the recipients that jobs name but that are not stored.
fn missing(recipients: &[Recipient], jobs: &[Job]) -> Vec<Finding> {
    let known: BTreeSet<_> = recipients.iter().map(|recipient| &recipient.name).collect();
    let mut findings = Vec::new();
    for job in jobs {
        for name in job.settings.protection.recipients().iter().filter(|name| !known.contains(name)) {
            findings.push(Finding::failed(
                &format!("recipient {name}"),
                format!("no certificate is stored for it, and job {} is sealed for it", job.id),
                &format!("store one with `cdds recipient add {name} CERT.pem`"),
            ));
        }
    }
    findings
}
