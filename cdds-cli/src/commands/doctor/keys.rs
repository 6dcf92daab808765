//! Checks whether the identifiers of open requests can be read (rule D6).

use std::io::ErrorKind;

use cdds_core::ports::catalog::query::SubjectRequestQuery;
use cdds_view::words;

use super::Finding;
use crate::commands::every_row;
use crate::compose::App;
use crate::config::Config;
use crate::error::CliError;
use crate::session::Session;

const CHECK: &str = "keys of data subjects";

/// Looks for the keys of the owner's open requests. Without such requests and without a file, there is nothing to say.
pub(super) async fn keys(app: &App, config: &Config, session: &Session) -> Result<Option<Finding>, CliError> {
    let by = &session.principal;
    let query = SubjectRequestQuery::default().with_open(true);
    let open = every_row(async |slice| app.subjects.list(by, &query.clone().with_slice(slice)).await).await?;
    if let Some(path) = config.subject_keys.as_ref().filter(|_| !open.is_empty())
        && let Err(error) = std::fs::File::open(path)
        && error.kind() != ErrorKind::NotFound
    {
        let open = words::counted(open.len() as u64, "open request");
        return Ok(Some(Finding::warning(
            CHECK,
            format!(
                "{} cannot be read: {error}; whether it has the keys of {open} is unknown",
                path.display()
            ),
            "ask as the user that runs `cdds run`, or let this one read the file if it may read identifiers",
        )));
    }
    let without: Vec<_> = open.iter().filter_map(|one| app.subjects.missing_key(one)).collect();
    let place = config.subject_keys.as_ref().map(|path| path.display().to_string());
    let Some(key) = without.first() else {
        let Some(place) = place.filter(|_| !open.is_empty()) else { return Ok(None) };
        let open = words::counted(open.len() as u64, "open request");
        return Ok(Some(Finding::ok(CHECK, format!("{place} has those of {open}"))));
    };
    let place = place.unwrap_or_else(|| "the file that subjects.key_file names".to_owned());
    let requests = match without.len() as u64 {
        1 => "1 open request needs".to_owned(),
        many => format!("{} need", words::counted(many, "open request")),
    };
    Ok(Some(Finding::failed(
        CHECK,
        format!("{requests} the key {key}, which is not in {place}, or is another one there"),
        &format!(
            "bring {place} back from its backup; a new key does not help. Without it, a request can only be \
             withdrawn: `cdds subject list --open`"
        ),
    )))
}
