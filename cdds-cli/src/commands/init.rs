//! `cdds init`: a folder to work in.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

use cdds_storage::durable;
use serde::Serialize;

use crate::config::{Config, INITIAL};
use crate::error::CliError;
use crate::home::CONFIGURATION;
use crate::session::Session;

/// What `init` created.
#[derive(Debug, Serialize)]
struct Initialised {
    config: String,
    catalog: String,
    store: String,
}

pub(super) async fn init(dir: &Path, session: &Session) -> Result<(), CliError> {
    let path = dir.join(session.named_config().unwrap_or(Path::new(CONFIGURATION)));
    let folder = path.parent().unwrap_or(dir);
    durable::create_folders(folder).map_err(|error| CliError::file("create", folder, &error))?;
    write_new(&path)?;
    let config = Config::load(&path)?;
    // Creates the store's folder, too.
    session.open_over(&config).await?.check_store().await?;
    let made = Initialised {
        config: path.display().to_string(),
        catalog: config.catalog.to_string(),
        store: config.store.to_string(),
    };
    let words = format!(
        "Wrote {}, with its catalog and artifact folder.\n\
         Next: declare a [[source]] in it, store a certificate with `cdds recipient add`, submit a job with \
         `cdds job create`, then `cdds run`.",
        made.config
    );
    if session.output.is_quiet() {
        return Ok(());
    }
    Ok(session.output.outcome(&made, &words)?)
}

/// Writes a new file and never overwrites one: `create_new` checks and creates in one step.
fn write_new(path: &Path) -> Result<(), CliError> {
    let created = OpenOptions::new().write(true).create_new(true).open(path);
    let written = created.and_then(|mut file| {
        file.write_all(INITIAL.as_bytes())?;
        file.sync_all()?;
        durable::sync_folder(path.parent().unwrap_or(Path::new("")))
    });
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => CliError::refused(
            "config_exists",
            format!(
                "{} already exists and is left as it is: continue with `cdds doctor`, or choose another \
                 folder",
                path.display()
            ),
        ),
        _ => CliError::file("write", path, &error),
    })
}
