//! Unknown names in the filters of lists: the list is empty, and a note says why.

use cdds_core::ports::catalog::query::{AuditQuery, Slice};
use cdds_core::ports::source::RegisteredSource;

use crate::compose::App;
use crate::config::nearest;
use crate::error::{CliError, shown};
use crate::session::Session;
use crate::text::escaped;

/// How many names are listed where none is near.
const NAMED_MAX: usize = 8;

/// Prints a note for an unknown source, and for an unknown type.
pub(super) fn in_filters(source: Option<&str>, data_type: Option<&str>, app: &App, session: &Session) {
    let sources = app.sources.for_owner(&session.principal.owner);
    if let Some(typed) = source {
        let known: Vec<&str> = sources.iter().map(|(id, _)| id.as_str()).collect();
        tell("source", typed, &known, session);
    }
    if let Some(typed) = data_type {
        let of = |registered: &RegisteredSource| -> Vec<String> {
            match registered {
                RegisteredSource::Supported(source) => {
                    source.describe().types.iter().map(|known| known.id.to_string()).collect()
                }
                RegisteredSource::Unsupported { .. } => Vec::new(),
            }
        };
        let meant = sources.iter().filter(|(id, _)| source.is_none_or(|source| source == id.as_str()));
        let mut known: Vec<String> = Vec::new();
        for name in meant.flat_map(|(_, registered)| of(registered)) {
            // Several sources may have a type of this name.
            if !known.contains(&name) {
                known.push(name);
            }
        }
        tell("type", typed, &known.iter().map(String::as_str).collect::<Vec<_>>(), session);
    }
}

/// Prints a note for a recipient without a stored certificate.
pub(super) async fn recipient(typed: Option<&str>, app: &App, session: &Session) -> Result<(), CliError> {
    let Some(typed) = typed else { return Ok(()) };
    let recipients = app.recipients.list(&session.principal).await?;
    let known: Vec<&str> = recipients.iter().map(|one| one.name.as_str()).collect();
    tell("recipient", typed, &known, session);
    Ok(())
}

/// Prints a note for a principal, and for an object, that no entry of the audit names.
pub(super) async fn in_audit(query: &AuditQuery, app: &App, session: &Session) -> Result<(), CliError> {
    let nothing = async |query: AuditQuery| -> Result<bool, CliError> {
        let query = query.with_slice(Slice::first(1));
        Ok(app.audit.list(&session.principal, &query).await?.items.is_empty())
    };
    if let Some(name) = &query.principal
        && nothing(AuditQuery::default().with_principal(Some(name.clone()))).await?
    {
        session.console.note(&format!("note: nothing that {} did is on record", escaped(name.as_str())));
    }
    if let Some(object) = &query.object
        && nothing(AuditQuery::default().with_object(Some(object.clone()))).await?
    {
        session.console.note(&format!("note: nothing is on record about {}", shown(object)));
    }
    Ok(())
}

fn tell(what: &str, typed: &str, known: &[&str], session: &Session) {
    if known.contains(&typed) {
        return;
    }
    let hint = match (nearest(typed, known), known) {
        (Some(nearest), _) => format!(", did you mean {nearest}?"),
        (None, []) => ": there is none".to_owned(),
        (None, known) => {
            let more = if known.len() > NAMED_MAX { ", …" } else { "" };
            let some: Vec<&str> = known.iter().take(NAMED_MAX).copied().collect();
            format!(": there are {}{more}", some.join(", "))
        }
    };
    session.console.note(&format!("note: no {what} is called {}{}", shown(typed), escaped(&hint)));
}
