//! Checks for sets in the store that the catalog does not list (rule E17).

use chrono::SecondsFormat;

use super::Finding;
use crate::compose::App;
use crate::error::CliError;

const WAY_OUT: &str = "if the catalog was restored from a backup, stop the engines and run `cdds artifact adopt \
     --all`; otherwise they belong to another catalog, and nothing here touches them, or to an export that died \
     while it was published, and go when their retention is over";

/// Counts the sets of all owners that the catalog does not list.
pub(super) async fn unlisted(app: &App) -> Result<Finding, CliError> {
    let sets = app.adoptions()?.unlisted().await?;
    let Some(newest) = sets.last() else {
        return Ok(Finding::ok("sets", "the catalog lists every set in the store"));
    };
    let newest = match newest.made_at {
        Some(at) => {
            let at = at.to_rfc3339_opts(SecondsFormat::Secs, true);
            format!("the newest was made at {at}")
        }
        None => "their manifests cannot be read".to_owned(),
    };
    let count = match sets.len() {
        1 => "1 set in the store is not in the catalog".to_owned(),
        count => format!("{count} sets in the store are not in the catalog"),
    };
    Ok(Finding::warning("sets", format!("{count}; {newest}"), WAY_OUT))
}
