//! Whether the source has the fields that a job names, as far as that can be known when it is submitted: a misspelt filter
//! would find nothing, night after night.

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Duration;

use cdds_core::domain::calendar::window::Window;
use cdds_core::domain::job::{JobSettings, Read};
use cdds_core::domain::record::template::{
    Condition, FieldNames, FieldSelection, Filter, Operator, Template,
};
use cdds_core::domain::violation::Code;
use cdds_core::ports::source::{
    BadRecordMode, DataType, ReadRequest, RegisteredSource, Source, SourceError, SourceErrorKind,
};
use cdds_view::words;
use futures::TryStreamExt;
use futures::future::{Either, select};
use serde_json::{Map, Value};

use crate::compose::App;
use crate::config::nearest;
use crate::error::{CliError, shown};
use crate::session::Session;

/// How many records are looked at, and for how long. A source that is slower is not judged.
const RECORDS_MAX: u64 = 1_000;
const TIME_MAX: Duration = Duration::from_secs(5);

/// What the beginning of a type's records has.
#[derive(Debug, Default)]
struct Seen {
    records: u64,
    /// Whether these were all.
    is_whole: bool,
    /// The fields, and whether all their values were numbers.
    fields: BTreeMap<String, bool>,
}

/// Checks the fields of every read.
///
/// # Errors
/// `unknown_field` for a field that the source cannot have, or that none of its records has; `invalid_template` for a number
/// that is compared with a text. A source that cannot be read is no error: the job fails when it runs, and says why.
pub(super) async fn check(settings: &JobSettings, app: &App, session: &Session) -> Result<(), CliError> {
    let sources = app.sources.for_owner(&session.principal.owner);
    let Some(RegisteredSource::Supported(source)) = sources.find(&settings.source) else { return Ok(()) };
    for read in settings.reads.iter() {
        let (names, known) = (named(read), source.describe().data_type(&read.data_type));
        let Some(data_type) = known.filter(|_| !names.is_empty()) else { continue };
        if let Some(declared) = &data_type.fields {
            let declared: Vec<&str> = declared.iter().map(String::as_str).collect();
            if let Some(unknown) = names.iter().find(|name| !declared.contains(&name.as_str())) {
                return Err(unknown_field(data_type, unknown, &declared, ""));
            }
        }
        let looking = pin!(look(&**source, data_type, &names, session));
        let Either::Left((seen, _)) = select(looking, session.clock.sleep(TIME_MAX)).await else { continue };
        match seen {
            Ok(seen) => judge(&seen, data_type, read, &names, session)?,
            Err(error) if is_of_a_field(&error, &**source, data_type, session).await => {
                return Err(CliError::refused(Code::UnknownField.as_str(), error.report()));
            }
            Err(_) => {}
        }
    }
    Ok(())
}

/// Returns the fields that a read names, each once.
fn named(read: &Read) -> Vec<String> {
    let selected = read.template.fields.names().unwrap_or_default().iter().map(String::as_str);
    let mut names: Vec<String> =
        selected.chain(read.template.filters.iter().map(Filter::field)).map(str::to_owned).collect();
    names.sort();
    names.dedup();
    names
}

/// Looks at the first records. A source that selects fields itself is asked for these, and says which it does not have.
async fn look(
    source: &dyn Source,
    data_type: &DataType,
    names: &[String],
    session: &Session,
) -> Result<Seen, SourceError> {
    let mut request = everything(data_type, session);
    if data_type.pushes_down {
        let fields = FieldNames::new(names.iter().cloned()).map(FieldSelection::Only);
        let template = fields.and_then(|fields| Template::new(fields, Vec::new()));
        let template = template.map_err(|violation| SourceError::invalid(violation.to_string()))?;
        request = request.with_template(template);
    }
    let (mut seen, mut batches) = (Seen::default(), source.read(request).await?);
    while seen.records < RECORDS_MAX {
        let Some(batch) = batches.try_next().await? else {
            seen.is_whole = true;
            break;
        };
        for record in batch.iter() {
            seen.take(record.line);
        }
    }
    Ok(seen)
}

/// Whether a read failed for a field, and not since the source cannot be read at all.
async fn is_of_a_field(
    error: &SourceError,
    source: &dyn Source,
    data_type: &DataType,
    session: &Session,
) -> bool {
    matches!(error.kind(), SourceErrorKind::Missing | SourceErrorKind::Invalid)
        && match source.read(everything(data_type, session)).await {
            Ok(mut batches) => batches.try_next().await.is_ok(),
            Err(_) => false,
        }
}

/// Asks for all records up to now, with all fields.
fn everything(data_type: &DataType, session: &Session) -> ReadRequest {
    let (owner, until) = (session.principal.owner.clone(), Window::until(session.clock.now()));
    ReadRequest::new(owner, data_type.id.clone(), until).with_bad_records(BadRecordMode::Report)
}

impl Seen {
    fn take(&mut self, line: &[u8]) {
        let Ok(record) = serde_json::from_slice::<Map<String, Value>>(line) else { return };
        self.records += 1;
        for (name, value) in record {
            let are_numbers = self.fields.entry(name).or_insert(true);
            *are_numbers &= value.is_number();
        }
    }
}

fn judge(
    seen: &Seen,
    data_type: &DataType,
    read: &Read,
    names: &[String],
    session: &Session,
) -> Result<(), CliError> {
    if data_type.fields.is_none() && !data_type.pushes_down && seen.records > 0 {
        let known: Vec<&str> = seen.fields.keys().map(String::as_str).collect();
        for name in names.iter().filter(|name| !seen.fields.contains_key(*name)) {
            let looked = format!(", by {} of it", words::counted(seen.records, "record"));
            if seen.is_whole || nearest(name, &known).is_some() {
                return Err(unknown_field(data_type, name, &known, &looked));
            }
            session.console.note(&format!(
                "warning: none of the first {} of type {} has a field {}",
                words::counted(seen.records, "record"),
                data_type.id,
                shown(name)
            ));
        }
    }
    let is_number = |field: &str| seen.fields.get(field) == Some(&true);
    match read.template.filters.iter().find(|filter| is_number(filter.field()) && matches_no_number(filter)) {
        None => Ok(()),
        Some(filter) => Err(CliError::refused(
            Code::InvalidTemplate.as_str(),
            format!(
                "the filter on {} compares numbers with a text, which matches none: write a number, like {}60",
                shown(filter.field()),
                filter.condition().as_str()
            ),
        )),
    }
}

/// Whether a filter is for a value that no number has.
fn matches_no_number(filter: &Filter) -> bool {
    match filter.condition() {
        Condition::Compare(Operator::Contains | Operator::NotEqual, _) | Condition::OneOf(_) => false,
        Condition::Compare(_, _) => filter.real().is_none(),
        _ => false,
    }
}

fn unknown_field(data_type: &DataType, name: &str, known: &[&str], looked: &str) -> CliError {
    let hint = match nearest(name, known) {
        Some(nearest) => format!("did you mean {}?", shown(nearest)),
        None => format!("choose from {}", known.join(", ")),
    };
    let declare = if looked.is_empty() {
        ""
    } else {
        "; if records are to come that have it, name all fields in source.type.fields"
    };
    let why = format!("type {} has no field {}{looked}: {hint}{declare}", data_type.id, shown(name));
    CliError::refused(Code::UnknownField.as_str(), why)
}
