//! `cdds recipient …`: certificates for which exports are sealed.

use std::io::{self, Write as _};
use std::path::Path;

use cdds_core::domain::id::RecipientName;
use cdds_core::domain::recipient::Recipient;
use cdds_core::service::ServiceError;
use cdds_storage::durable;
use serde::Serialize;
use tempfile::NamedTempFile;

use super::Deleted;
use super::listed::print_all;
use cdds_view::{RecipientView, RenewalView};

use crate::args::{Columns, RecipientCommand};
use crate::compose::App;
use crate::error::CliError;
use crate::input;
use crate::session::Session;
use crate::text::escaped;

pub(super) async fn carry_out(command: RecipientCommand, session: &Session) -> Result<(), CliError> {
    match command {
        RecipientCommand::Add { name, certificate } => add(name, &certificate, session).await,
        RecipientCommand::Renew { name, certificate } => renew(name, &certificate, session).await,
        RecipientCommand::List(shown) => list(&shown, session).await,
        RecipientCommand::Test { name, to, force } => test(name, &to, force, session).await,
        RecipientCommand::Remove { name } => remove(name, session).await,
    }
}

async fn add(name: String, path: &Path, session: &Session) -> Result<(), CliError> {
    let app = session.open().await?;
    let certificate = read(&name, path)?;
    let name = RecipientName::new(name)?;
    let added = app.recipients.add(&session.principal, name, &certificate).await;
    let added = added.map_err(|error| about(path, error))?;
    Ok(session.output.object(&view(&app, added))?)
}

async fn renew(name: String, path: &Path, session: &Session) -> Result<(), CliError> {
    let app = session.open().await?;
    let certificate = read(&name, path)?;
    let name = RecipientName::new(name)?;
    let renewal = app.recipients.renew(&session.principal, &name, &certificate, None).await;
    let renewal = renewal.map_err(|error| about(path, error))?;
    if renewal.replaced.is_none() {
        let same =
            format!("note: {} is the certificate of {name} already; nothing was changed", path.display());
        session.console.note(&escaped(&same));
    }
    if let Some(replaced) = &renewal.replaced
        && replaced.subject != renewal.recipient.certificate.subject
    {
        let (before, after) = (&replaced.subject, &renewal.recipient.certificate.subject);
        let other = format!(
            "warning: {name} was {before}, and is {after} now: exports are sealed for that one from now on. If it is somebody \
             else, renew it by the right certificate, and store this one by `cdds recipient add` under another name"
        );
        session.console.note(&escaped(&other));
    }
    let replaced = renewal.replaced.map(|replaced| replaced.fingerprint);
    Ok(session.output.object(&RenewalView::new(view(&app, renewal.recipient), replaced))?)
}

/// Reads the file of a certificate.
fn read(name: &str, path: &Path) -> Result<Vec<u8>, CliError> {
    input::read(path).map_err(|error| {
        let failed = CliError::file("read", path, &error);
        if Path::new(name).is_file() {
            failed.with_way_out("the name comes first, then the file")
        } else {
            failed
        }
    })
}

/// Names the file whose certificate is refused.
fn about(path: &Path, error: ServiceError) -> CliError {
    match CliError::from(error) {
        refused if refused.code() == "invalid_certificate" => refused.about(path),
        other => other,
    }
}

fn view(app: &App, recipient: Recipient) -> RecipientView {
    let details = app.recipients.details(&recipient);
    RecipientView::new(recipient, details)
}

async fn list(shown: &Columns, session: &Session) -> Result<(), CliError> {
    let app = session.open().await?;
    let recipients = app.recipients.list(&session.principal).await?;
    let views: Vec<RecipientView> = recipients.into_iter().map(|one| view(&app, one)).collect();
    print_all(session, shown, &views, "no recipients yet: store a certificate with `cdds recipient add`")
}

async fn test(name: String, to: &Path, force: bool, session: &Session) -> Result<(), CliError> {
    let name = RecipientName::new(name)?;
    let sealed = session.open().await?.recipients.sample(&session.principal, &name).await?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let failed = |error: &io::Error| CliError::file("write", to, error);
    let mut file = NamedTempFile::new_in(folder).map_err(|error| failed(&error))?;
    file.write_all(&sealed).and_then(|()| file.as_file().sync_all()).map_err(|error| failed(&error))?;
    let named = if force { file.persist(to) } else { file.persist_noclobber(to) };
    match named.map_err(|error| error.error) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let message = format!("{} already exists: choose another --to, or use --force", to.display());
            return Err(CliError::refused("file_exists", message));
        }
        Err(error) => return Err(failed(&error)),
    }
    durable::sync_folder(folder).map_err(|error| failed(&error))?;
    let file = to.display().to_string();
    // BER begins with a SEQUENCE, an S/MIME message with a header.
    let form = if sealed.first() == Some(&0x30) { "DER" } else { "SMIME" };
    let words = format!(
        "{file} is sealed for {name}. With the private key, one of these opens it:\n\
         cdds extract {file} --key KEY.pem --to sample\n\
         openssl cms -decrypt -binary -inform {form} -in {file} -inkey KEY.pem -out sample.zip"
    );
    Ok(session.output.outcome(&Sample { recipient: name.to_string(), file }, &words)?)
}

/// The sample that was written.
#[derive(Debug, Serialize)]
struct Sample {
    recipient: String,
    file: String,
}

async fn remove(name: String, session: &Session) -> Result<(), CliError> {
    let (name, app) = (RecipientName::new(name)?, session.open().await?);
    session.consent.ask(&format!("Remove the certificate of recipient {}?", escaped(name.as_str())))?;
    app.recipients.remove(&session.principal, &name).await?;
    Deleted::new("recipient", [name]).show(session)
}
