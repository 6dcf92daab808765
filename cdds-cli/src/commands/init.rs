//! `cdds init`: a folder to work in.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use crate::compose::App;
use crate::config::{Config, INITIAL};
use crate::error::CliError;
use crate::session::Session;

const FILE_NAME: &str = "cdds.toml";

/// What was made.
#[derive(Debug, Serialize)]
struct Initialised {
    config: String,
    catalog: String,
    store: String,
}

pub(super) fn init(dir: &Path, session: &Session) -> Result<(), CliError> {
    std::fs::create_dir_all(dir).map_err(|error| CliError::file("create", dir, &error))?;
    let path = dir.join(FILE_NAME);
    let written = write_new(&path)?;
    let config = Config::load(&path)?;
    if !written && config.catalog.exists() {
        return Err(CliError::refused(
            "config_exists",
            format!(
                "{} is there already, with its catalog, and is left as it is: go on with `cdds doctor` or \
                 `cdds source list`, or choose another folder",
                path.display()
            ),
        ));
    }
    App::create(&config, Arc::clone(&session.clock))?;
    std::fs::create_dir_all(&config.store)
        .map_err(|error| CliError::file("create", &config.store, &error))?;
    let made = Initialised {
        config: path.display().to_string(),
        catalog: config.catalog.display().to_string(),
        store: config.store.display().to_string(),
    };
    let done = if written { "Wrote" } else { "Left as it is:" };
    let words = format!(
        "{done} {}. Created its catalog and artifact folder.\n\
         Next: declare a [[source]] in it, store a certificate with `cdds recipient add`, submit a job with \
         `cdds job create`, then `cdds run`.",
        made.config
    );
    session.output.outcome(&made, &words)
}

/// Whether it was written. Never over one that is there: `create_new` leaves no moment in between.
fn write_new(path: &Path) -> Result<bool, CliError> {
    let created = OpenOptions::new().write(true).create_new(true).open(path);
    let written = created.and_then(|mut file| {
        file.write_all(INITIAL.as_bytes())?;
        file.sync_all()
    });
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(CliError::file("write", path, &error)),
    }
}
