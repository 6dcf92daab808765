//! Names that a source does not have: fields and filters of a job, and columns that its type declares.
//!
//! A job with one would fail at its first run, or find nothing. Where the source knows all that there is, the job is
//! refused. Of files of JSON only some records are looked at: a name that none of them has is refused if it is a likely
//! slip, and else remarked on.

use cdds_core::domain::id::SourceId;
use cdds_core::domain::job::JobSettings;
use cdds_core::ports::source::{DataType, RegisteredSource, Source};

use crate::commands::known_fields::{self, in_time, named};
use crate::compose::App;
use crate::config::nearest;
use crate::error::CliError;
use crate::session::Session;
use crate::text::escaped;

/// Something that a job names and its source does not have, or may not have.
#[derive(Debug)]
struct Doubt {
    told: String,
    /// Whether the job is refused for it.
    is_refused: bool,
}

/// Refuses a job that names what its source does not have, unless that is `allowed`, and warns where that is unknown. Of
/// an edit, what the job named before is no reason to refuse it.
pub(super) async fn check(
    settings: &JobSettings,
    before: Option<&JobSettings>,
    allowed: bool,
    app: &App,
    session: &Session,
) -> Result<(), CliError> {
    let mut refused = Vec::new();
    for Doubt { told, is_refused } in doubts(settings, before, app, session).await {
        if is_refused && !allowed {
            refused.push(told);
        } else {
            session.console.note(&format!("warning: {}", escaped(&told)));
        }
    }
    if refused.is_empty() {
        return Ok(());
    }
    let why = refused.join("; ");
    let end = if why.ends_with('?') { "" } else { ":" };
    let why = format!("{why}{end} --allow-unknown-fields stores the job all the same");
    Err(CliError::refused("unknown_field", why))
}

/// Returns what is in doubt. A source that does not answer in time leaves nothing in doubt.
async fn doubts(
    settings: &JobSettings,
    before: Option<&JobSettings>,
    app: &App,
    session: &Session,
) -> Vec<Doubt> {
    let (owner, mut doubts) = (&session.principal.owner, Vec::new());
    let sources = app.sources.for_owner(owner);
    let Some(RegisteredSource::Supported(source)) = sources.find(&settings.source) else { return doubts };
    let before = before.filter(|before| before.source == settings.source);
    for read in settings.reads.iter() {
        let Some(data_type) = source.describe().data_type(&read.data_type) else { continue };
        let old = before.and_then(|job| job.reads.iter().find(|old| old.data_type == read.data_type));
        // The run and `cdds source check` say why a source does not answer.
        let asked = source.faults(owner, &data_type.id);
        for fault in in_time(asked, session).await.unwrap_or_default() {
            let told = format!("[[source.type]] {} of {}: {fault}", data_type.id, settings.source);
            doubts.push(Doubt { told, is_refused: old.is_none() });
        }
        let (names, known) = (named(read), old.map(named).unwrap_or_default());
        // Of declared fields, a rule refuses all others (J4).
        if names.is_empty() || data_type.fields.is_some() {
            continue;
        }
        let of = format!("{} of {}", data_type.id, settings.source);
        let list = format!("`cdds source fields {} {}` lists them", settings.source, data_type.id);
        let fields = if data_type.pushes_down {
            of_schema(source.as_ref(), data_type, session).await
        } else {
            of_sample(&settings.source, data_type, app, session).await
        };
        let Some(fields) = fields else { continue };
        for name in names.into_iter().filter(|name| !fields.names.iter().any(|field| field == name)) {
            let mut doubt = fields.doubt(&of, name, &list);
            doubt.is_refused &= !known.contains(name);
            doubts.push(doubt);
        }
    }
    doubts
}

/// The fields of a type, as far as they are known.
struct Known {
    names: Vec<String>,
    /// Whether these are all that there are.
    are_all: bool,
}

impl Known {
    fn doubt(&self, of: &str, name: &str, list: &str) -> Doubt {
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        let nearest = nearest(name, &names);
        let hint = match nearest {
            Some(nearest) => format!(", did you mean {nearest:?}?"),
            None => format!(": {list}"),
        };
        let told = if self.are_all {
            format!("{of} has no field {name:?}, so its exports would fail{hint}")
        } else {
            format!("none of the records of {of} that were looked at has a field {name:?}{hint}")
        };
        Doubt { told, is_refused: self.are_all || nearest.is_some() }
    }
}

/// Asks the schema of a database.
async fn of_schema(source: &dyn Source, data_type: &DataType, session: &Session) -> Option<Known> {
    let names = known_fields::names(source, &data_type.id, session).await?;
    Some(Known { names, are_all: true })
}

/// Looks at the first records, and at what the type names. `None` if there is no record yet.
async fn of_sample(source: &SourceId, data_type: &DataType, app: &App, session: &Session) -> Option<Known> {
    let types = in_time(app.checks.fields(&session.principal, source, Some(&data_type.id)), session).await?;
    let fields = types.into_iter().next()?.fields;
    let is_seen = fields.iter().any(|seen| !seen.kinds.is_empty());
    let names = fields.into_iter().map(|seen| seen.field.name).collect();
    is_seen.then_some(Known { names, are_all: false })
}
