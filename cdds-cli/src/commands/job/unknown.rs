//! Fields that a source does not have. A job with one would fail at its first run, so the command warns at once.

use std::collections::BTreeSet;
use std::pin::pin;
use std::time::Duration;

use cdds_core::domain::job::{JobSettings, Read};
use cdds_core::domain::record::template::Filter;
use cdds_core::ports::source::{Field, RegisteredSource};
use futures::future::{Either, select};

use crate::compose::App;
use crate::config::nearest;
use crate::session::Session;
use crate::text::escaped;

/// How long a source is asked: a server may be away, and the job is stored all the same.
const PATIENCE: Duration = Duration::from_secs(2);

/// Warns of the fields and filters of a job that no column has. Sources whose records may have any field are not asked.
pub(super) async fn warn(settings: &JobSettings, app: &App, session: &Session) {
    let owner = &session.principal.owner;
    let sources = app.sources.for_owner(owner);
    let Some(RegisteredSource::Supported(source)) = sources.find(&settings.source) else { return };
    for read in settings.reads.iter() {
        let Some(data_type) = source.describe().data_type(&read.data_type) else { continue };
        let named = named(read);
        // Of declared fields, a rule refuses all others (J4).
        if named.is_empty() || !data_type.pushes_down || data_type.fields.is_some() {
            continue;
        }
        let asked = pin!(source.fields(owner, &data_type.id));
        // The run and `cdds source check` say why a source does not answer.
        let Either::Left((Ok(Some(known)), _)) = select(asked, session.clock.sleep(PATIENCE)).await else {
            return;
        };
        for name in named.into_iter().filter(|name| known.iter().all(|field| field.name != *name)) {
            let told = told(name, &known, &settings.source, read);
            session.console.note(&escaped(&told));
        }
    }
}

fn named(read: &Read) -> BTreeSet<&str> {
    let fields = read.template.fields.names().unwrap_or_default().iter().map(String::as_str);
    fields.chain(read.template.filters.iter().map(Filter::field)).collect()
}

fn told(name: &str, known: &[Field], source: &impl std::fmt::Display, read: &Read) -> String {
    let names: Vec<&str> = known.iter().map(|field| field.name.as_str()).collect();
    let data_type = &read.data_type;
    let hint = match nearest(name, &names) {
        Some(nearest) => format!(", did you mean {nearest:?}?"),
        None => format!(": `cdds source fields {source} {data_type}` lists them"),
    };
    format!("warning: {data_type} of {source} has no field {name:?}, so its exports will fail{hint}")
}
