//! `[[source]]`: turns keys into the settings of the adapters.

#[cfg(feature = "postgres")]
mod postgres;

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::path::Path;

use cdds_core::domain::id::{Owner, SourceId, TypeId};
use cdds_core::domain::record::instant::InstantFormat;
use cdds_core::domain::record::template::FieldNames;
use cdds_core::domain::source::Visibility;
use cdds_core::domain::subject::{
    CopyRule, ErasureRule, IdentifierKind, InvalidIdentifier, StoredForm, SubjectField,
};
#[cfg(feature = "postgres")]
use cdds_storage::source::PostgresConfig;
use cdds_storage::source::{
    CategoryConfig, JsonLinesConfig, OwnerConfig, SqliteConfig, SqliteRows, TypeConfig,
};
use chrono::TimeDelta;

#[cfg(feature = "postgres")]
pub(crate) use self::postgres::PostgresSourceEntry;
use super::mistake::Mistake;
use super::{duration, file};
use crate::home::without_home;

/// A source as it is registered.
#[derive(Debug)]
pub(crate) struct SourceEntry {
    pub(crate) id: SourceId,
    pub(crate) title: String,
    pub(crate) kind: SourceKind,
}

/// The adapter behind a source.
#[derive(Debug)]
pub(crate) enum SourceKind {
    Sqlite(SqliteConfig),
    JsonLines(JsonLinesConfig),
    #[cfg(feature = "postgres")]
    Postgres(Box<PostgresSourceEntry>),
    Unsupported {
        reason: String,
    },
}

impl SourceKind {
    /// Limits how many executions may read the source at the same time.
    fn limited_to(mut self, max_concurrent: Option<NonZeroU32>) -> Self {
        match &mut self {
            Self::Sqlite(config) => config.max_concurrent = max_concurrent,
            Self::JsonLines(config) => config.max_concurrent = max_concurrent,
            #[cfg(feature = "postgres")]
            Self::Postgres(entry) => entry.config.max_concurrent = max_concurrent,
            Self::Unsupported { .. } => {}
        }
        self
    }

    /// Shows the source to some owners only.
    fn seen_by(mut self, visibility: Visibility) -> Self {
        match &mut self {
            Self::Sqlite(config) => config.visibility = visibility,
            Self::JsonLines(config) => config.visibility = visibility,
            #[cfg(feature = "postgres")]
            Self::Postgres(entry) => entry.config.visibility = visibility,
            Self::Unsupported { .. } => {}
        }
        self
    }
}

const KINDS: [&str; 3] = ["sqlite", "json-lines", "postgres"];

fn kinds() -> String {
    let [most @ .., last] = KINDS;
    format!("{} or {last}", most.join(", "))
}

pub(super) fn check_all(sources: Vec<file::Source>, folder: &Path) -> Result<Vec<SourceEntry>, Mistake> {
    let mut ids = BTreeSet::new();
    let mut entries = Vec::with_capacity(sources.len());
    for (index, source) in sources.into_iter().enumerate() {
        let name = format!("source {:?}", source.id);
        let entry = check(source, folder).and_then(|entry| match ids.insert(entry.id.clone()) {
            true => Ok(entry),
            false => Err("it is declared twice: rename one".to_owned().into()),
        });
        entries.push(entry.map_err(|mistake| mistake.within("source", index, &name))?);
    }
    Ok(entries)
}

fn check(mut source: file::Source, folder: &Path) -> Result<SourceEntry, Mistake> {
    let id = SourceId::new(source.id.clone()).map_err(|violation| violation.to_string())?;
    let title = source.title.clone().unwrap_or_else(|| id.to_string());
    let kind = match source.unsupported.take() {
        Some(_) if source.kind.is_some() => {
            return Err("give it a kind, or say unsupported, not both".to_owned().into());
        }
        Some(reason) => unsupported(&source, reason)?,
        None => {
            let (max_concurrent, owners) = (source.max_concurrent, source.owners.take());
            supported(&id, &title, source, folder)?.limited_to(max_concurrent).seen_by(visibility(owners)?)
        }
    };
    Ok(SourceEntry { id, title, kind })
}

/// Reads the owners who see a source, a destination or an endpoint (rules J16, N8).
pub(super) fn visibility(owners: Option<Vec<String>>) -> Result<Visibility, Mistake> {
    let Some(owners) = owners else { return Ok(Visibility::AllOwners) };
    if owners.is_empty() {
        return Err("owners: name at least one, or leave the key out for all".to_owned().into());
    }
    let owners = owners.into_iter().map(Owner::new).collect::<Result<BTreeSet<_>, _>>();
    Ok(Visibility::Owners(owners.map_err(|violation| format!("owners: {violation}"))?))
}

fn unsupported(source: &file::Source, reason: String) -> Result<SourceKind, Mistake> {
    if source.max_concurrent.is_some() {
        return Err("an unsupported source has no max_concurrent".to_owned().into());
    }
    if source.owners.is_some() {
        return Err("an unsupported source has no owners: everybody sees its reason".to_owned().into());
    }
    if source.url.is_some() || !source.r#type.is_empty() {
        return Err("an unsupported source has no url and no types".to_owned().into());
    }
    match source.key_of_servers() {
        Some(key) => Err(format!("{key}: an unsupported source is nowhere: leave it out").into()),
        None => Ok(SourceKind::Unsupported { reason }),
    }
}

fn supported(
    id: &SourceId,
    title: &str,
    mut source: file::Source,
    folder: &Path,
) -> Result<SourceKind, Mistake> {
    let kind = source.kind.take().ok_or_else(|| format!("give it a kind, {}", kinds()))?;
    let url = source.url.take().ok_or_else(|| "say where its records are, url = \"…\"".to_owned())?;
    if KINDS.contains(&&*kind) && source.r#type.is_empty() {
        return Err("declare at least one [[source.type]] below it".to_owned().into());
    }
    if let Some(key) = source.key_of_servers().filter(|_| kind != "postgres") {
        return Err(format!("{key}: that is for kind = \"postgres\": leave it out").into());
    }
    let (id, title) = (id.clone(), title.to_owned());
    match &*kind {
        "sqlite" => {
            let types = data_types(source.r#type, sqlite_rows)?;
            let path = without_home(url.strip_prefix("sqlite:").unwrap_or(&url));
            let path = folder.join(path.map_err(|why| format!("url: {why}"))?);
            let mut config = SqliteConfig::new(id, title, path);
            config.types = types;
            Ok(SourceKind::Sqlite(config))
        }
        "json-lines" => {
            let types = data_types(source.r#type, |data_type| json_lines_rows(data_type, folder))?;
            let path = pattern(url.strip_prefix("file:").unwrap_or(&url), folder);
            let path = path.map_err(|why| format!("url: {why}"))?;
            let mut config = JsonLinesConfig::new(id, title, path);
            config.types = types;
            Ok(SourceKind::JsonLines(config))
        }
        #[cfg(feature = "postgres")]
        "postgres" => {
            let entry = postgres::entry(PostgresConfig::new(id, title), &url, source, folder)?;
            Ok(SourceKind::Postgres(Box::new(entry)))
        }
        #[cfg(not(feature = "postgres"))]
        "postgres" => {
            let why = "kind: this program was built without PostgreSQL: build it with `--features postgres`";
            Err(why.to_owned().into())
        }
        other => Err(format!("kind: {other:?} is not supported by this program: use {}", kinds()).into()),
    }
}

fn data_types<R>(
    types: Vec<file::DataType>,
    rows: impl Fn(&file::DataType) -> Result<R, String>,
) -> Result<Vec<TypeConfig<R>>, Mistake> {
    let mut ids = BTreeSet::new();
    let types = types.into_iter().enumerate().map(|(index, data_type)| {
        let name = format!("type {:?}", data_type.id);
        let checked = if ids.insert(data_type.id.clone()) {
            check_type(data_type, &rows)
        } else {
            Err("it is declared twice: rename one".to_owned())
        };
        checked.map_err(|why| Mistake::from(why).within("type", index, &name))
    });
    types.collect()
}

fn check_type<R>(
    data_type: file::DataType,
    rows: impl Fn(&file::DataType) -> Result<R, String>,
) -> Result<TypeConfig<R>, String> {
    let rows = rows(&data_type)?;
    let id = TypeId::new(data_type.id).map_err(|violation| violation.to_string())?;
    let mut config = TypeConfig::new(id, rows);
    let time_format = instant_format("time_format", data_type.time_format)?.unwrap_or_default();
    if let Some(column) = data_type.time {
        config = config.with_time(column, time_format);
    }
    let changed_format = instant_format("changed_format", data_type.changed_format)?;
    if let Some(column) = data_type.changed {
        config = config.with_changed(column, changed_format.unwrap_or(time_format));
    }
    if let Some(file::Category { name, column, values }) = data_type.category {
        if values.is_empty() {
            return Err("category: declare its values".to_owned());
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = values.iter().find(|value| !seen.insert(*value)) {
            return Err(format!("category: the value {twice:?} is declared twice: leave one out"));
        }
        config = config.with_category(CategoryConfig { name, column, values });
    }
    if let Some(lag) = data_type.settle_lag {
        config.settle_lag = time_delta("settle_lag", &lag)?;
    }
    if let Some(step) = data_type.granularity {
        config.granularity = time_delta("granularity", &step)?;
        if config.granularity <= TimeDelta::zero() {
            return Err("granularity: it must be longer than zero: write it like 1s".to_owned());
        }
    }
    if let Some(fields) = data_type.fields {
        // A job can select only from these.
        FieldNames::new(fields.iter().cloned()).map_err(|violation| format!("fields: {violation}"))?;
        config.fields = Some(fields);
    }
    config.owner = owner(data_type.owner, data_type.shared)?;
    config.subjects = subjects(data_type.subject).map_err(|why| format!("subject: {why}"))?;
    config.erasure = data_type.erase.map(erasure);
    if let Some(rule) = &config.erasure {
        rule.check(&config.subjects).map_err(|why| format!("erase: {why}"))?;
    }
    if let Some(copy) = data_type.copy {
        if config.subjects.is_empty() {
            return Err("copy: nobody is named by these records: say by subject which fields do".to_owned());
        }
        config.copy = match copy {
            file::Copy::Only(file::CopyOnly { only }) => CopyRule::Only { fields: only },
            file::Copy::Without(file::CopyWithout { without }) => CopyRule::Without { fields: without },
        };
        config.copy.check(config.fields.as_deref()).map_err(|why| format!("copy: {why}"))?;
    }
    config.hold = data_type.hold;
    if config.hold.is_some() && config.erasure.is_none() {
        return Err("hold: it keeps records from being erased, and none are: say how with erase".to_owned());
    }
    Ok(config)
}

/// Reads what an erasure does (rule D5).
fn erasure(erase: file::Erase) -> ErasureRule {
    match erase {
        file::Erase::Word(file::EraseWord::Delete) => ErasureRule::Delete,
        file::Erase::Empty(file::EraseEmpty { empty }) => ErasureRule::Empty { fields: empty },
        file::Erase::Keep(file::EraseKeep { keep }) => ErasureRule::Keep { reason: keep },
    }
}

/// Reads the fields that name people (rule D1).
fn subjects(fields: Vec<file::SubjectField>) -> Result<Vec<SubjectField>, String> {
    let mut subjects: Vec<SubjectField> = Vec::with_capacity(fields.len());
    for field in fields {
        let field = match field {
            file::SubjectField::Name(name) => {
                let kind: IdentifierKind = name.parse().map_err(|_| {
                    format!(
                        "{name:?} is no kind of identifier: say which it holds, {{ field = {name:?}, kind = \"phone\" }}"
                    )
                })?;
                SubjectField::new(name, kind)
            }
            file::SubjectField::Table(file::SubjectTable { field, kind, normalised }) => {
                let kind = kind.parse().map_err(|why: InvalidIdentifier| why.to_string())?;
                let stored = if normalised { StoredForm::Normalised } else { StoredForm::AsWritten };
                SubjectField::new(field, kind).with_stored(stored)
            }
        };
        if field.key().is_empty() {
            return Err("name the field".to_owned());
        }
        if subjects.iter().any(|known| known.name == field.name) {
            return Err(format!("the field {:?} is declared twice: leave one out", field.name));
        }
        subjects.push(field);
    }
    Ok(subjects)
}

/// Reads whose the records of a type are (rule J16).
fn owner(field: Option<String>, shared: Option<bool>) -> Result<OwnerConfig, String> {
    match (field, shared) {
        (Some(_), Some(true)) => Err("records are shared or have an owner, not both".to_owned()),
        (Some(field), _) if field.is_empty() => Err("owner: name the field that holds it".to_owned()),
        (Some(field), _) => Ok(OwnerConfig::Field(field)),
        (None, Some(true)) => Ok(OwnerConfig::Shared),
        (None, Some(false)) => {
            Err("shared: if it is false, name the field of the owner, owner = \"…\"".to_owned())
        }
        (None, None) => Ok(OwnerConfig::Unstated),
    }
}

fn instant_format(key: &str, name: Option<String>) -> Result<Option<InstantFormat>, String> {
    name.map(|name| name.parse().map_err(|why| format!("{key}: {why}"))).transpose()
}

fn time_delta(key: &str, text: &str) -> Result<TimeDelta, String> {
    let duration = duration::parse(text).map_err(|why| format!("{key}: {why}"))?;
    TimeDelta::from_std(duration).map_err(|why| format!("{key}: {why}"))
}

fn sqlite_rows(data_type: &file::DataType) -> Result<SqliteRows, String> {
    match (&data_type.table, &data_type.query, &data_type.path) {
        (Some(table), None, None) => Ok(SqliteRows::Table(table.clone())),
        (None, Some(query), None) => Ok(SqliteRows::Query(query.clone())),
        (_, _, Some(_)) => Err("path is for json-lines: name a table or a query".to_owned()),
        _ => Err("name either a table or a query".to_owned()),
    }
}

fn json_lines_rows(data_type: &file::DataType, folder: &Path) -> Result<Option<String>, String> {
    match (&data_type.table, &data_type.query, &data_type.path) {
        (None, None, path) => {
            let path = path.as_deref().map(|path| pattern(path, folder)).transpose();
            path.map_err(|why| format!("path: {why}"))
        }
        _ => Err("table and query are for databases: json-lines types take a path, or that of the source"
            .to_owned()),
    }
}

/// Returns a path or glob below `folder`. Glob characters in the folder's own name are escaped.
fn pattern(path: &str, folder: &Path) -> Result<String, String> {
    let path = without_home(path)?;
    if Path::new(path).is_absolute() {
        return Ok(path.to_owned());
    }
    let folder = folder.to_str().ok_or("the name of the configuration's folder is not valid UTF-8")?;
    let special = path.contains(['*', '?', '[']);
    let folder = if special { literal(folder) } else { folder.to_owned() };
    Ok(format!("{}/{path}", folder.trim_end_matches('/')))
}

fn literal(folder: &str) -> String {
    folder
        .chars()
        .flat_map(|c| {
            let bracketed = matches!(c, '*' | '?' | '[' | ']');
            let (open, close) = if bracketed { (Some('['), Some(']')) } else { (None, None) };
            open.into_iter().chain([c]).chain(close)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_toml(text: &str) -> Result<SourceEntry, String> {
        check(toml::from_str(text).unwrap(), Path::new("/srv")).map_err(|mistake| mistake.in_text(text))
    }

    fn typed(keys: &str) -> Result<SqliteConfig, String> {
        let text =
            format!("id = 'x'\nkind = 'sqlite'\nurl = 'x.db'\n[[type]]\nid = 't'\ntable = 't'\n{keys}");
        let source = toml::from_str(&text).map_err(|error| error.to_string())?;
        let checked = check(source, Path::new("/srv")).map_err(|mistake| mistake.in_text(&text));
        match checked?.kind {
            SourceKind::Sqlite(config) => Ok(config),
            other => Err(format!("{other:?}")),
        }
    }

    #[test]
    fn d1_fields_that_name_people_have_a_kind() {
        let config =
            typed("subject = ['email', { field = 'caller', kind = 'phone', normalised = true }]").unwrap();
        let expected = [
            SubjectField::new("email", IdentifierKind::Email),
            SubjectField::new("caller", IdentifierKind::Phone).with_stored(StoredForm::Normalised),
        ];
        assert_eq!(config.types[0].subjects, expected);
        for (keys, told) in [
            ("subject = ['Caller']", "{ field = \"Caller\", kind = \"phone\" }"),
            ("subject = [{ field = 'caller' }]", "{ field = \"…\", kind = \"…\" }"),
            ("subject = [{ field = 'caller', kind = 'Phone' }]", "small letters"),
            ("subject = [{ field = '', kind = 'phone' }]", "name the field"),
            ("subject = ['email', 'email']", "declared twice"),
        ] {
            let error = typed(keys).unwrap_err();
            assert!(error.contains(told), "{keys}: {error}");
        }
    }

    #[test]
    fn d5_erasures_are_declared_and_else_there_are_none() {
        let rule =
            |keys: &str| typed(&format!("subject = ['phone']\n{keys}")).map(|config| config.types[0].clone());
        assert_eq!(rule("").unwrap().erasure, None);
        let deleting = rule("erase = 'delete'\nhold = 'held'").unwrap();
        assert_eq!((deleting.erasure, deleting.hold.as_deref()), (Some(ErasureRule::Delete), Some("held")));
        let fields = vec!["phone".to_owned(), "note".to_owned()];
        assert_eq!(
            rule("erase = { empty = ['phone', 'note'] }").unwrap().erasure,
            Some(ErasureRule::Empty { fields })
        );
        let reason = "by law".to_owned();
        assert_eq!(rule("erase = { keep = 'by law' }").unwrap().erasure, Some(ErasureRule::Keep { reason }));
        for (keys, told) in [
            ("erase = 'yes'", "\"delete\""),
            ("erase = { empty = ['note'] }", "\"phone\""),
            ("erase = { keep = '' }", "reason"),
            ("hold = 'held'", "erase"),
        ] {
            let error = rule(keys).unwrap_err();
            assert!(error.contains(told), "{keys}: {error}");
        }
    }

    #[test]
    fn paths_are_relative_to_the_file() {
        assert_eq!(pattern("logs/*.jsonl", Path::new("/srv")).unwrap(), "/srv/logs/*.jsonl");
        assert_eq!(pattern("/var/*.jsonl", Path::new("/srv")).unwrap(), "/var/*.jsonl");
        assert_eq!(pattern("*.jsonl", Path::new("/a[1]")).unwrap(), "/a[[]1[]]/*.jsonl");
        assert_eq!(pattern("a.jsonl", Path::new("/a[1]")).unwrap(), "/a[1]/a.jsonl");
    }

    #[test]
    fn half_declared_sources_are_refused_with_a_way_out() {
        for (text, told) in [
            ("id = 'x'", "sqlite, json-lines or postgres"),
            (
                "id = 'x'\nkind = 'mysql'\nurl = 'mysql://h'\n[[type]]\nid = 't'",
                "use sqlite, json-lines or postgres",
            ),
            ("id = 'x'\nkind = 'postgres'\nurl = 'postgres://h'", "[[source.type]]"),
            #[cfg(not(feature = "postgres"))]
            ("id = 'x'\nkind = 'postgres'\nurl = 'h'\n[[type]]\nid = 't'", "--features postgres"),
            ("id = 'x'\nkind = 'sqlite'\nurl = 'h'\nrole = 'r'\n[[type]]\nid = 't'", "role: that is for"),
            ("id = 'x'\nunsupported = 'no'\npassword_env = 'P'", "password_env: an unsupported source"),
            ("id = 'x'\nkind = 'sqlite'", "url"),
            ("id = 'x'\nkind = 'sqlite'\nunsupported = 'no'", "not both"),
            ("id = 'x'\nkind = 'sqlite'\nurl = 'a.db'\n[[type]]\nid = 't'", "table or a query"),
            ("id = 'x'\nkind = 'json-lines'\nurl = 'a'\n[[type]]\nid = 't'\ntable = 'a'", "databases"),
            ("id = 'x'\nkind = 'json-lines'\nurl = 'a'\n[[type]]\nid = 't'\ntime_format = 'x'", "iso"),
            ("id = 'x'\nkind = 'json-lines'\nurl = 'a'\n[[type]]\nid = 't'\nchanged_format = 'x'", "iso"),
            ("id = 'x'\nkind = 'json-lines'\nurl = 'a'\n[[type]]\nid = 't'\ngranularity = '0s'", "like 1s"),
            (
                "id = 'x'\nkind = 'json-lines'\nurl = 'a'\n[[type]]\nid = 't'\ngranularity = '1'",
                "granularity",
            ),
            ("id = 'x'\nkind = 'json-lines'\nurl = 'a'\n[[type]]\nid = 't'\nfields = []", "fields: no field"),
            ("id = 'a/b'\nunsupported = 'no'", "valid name"),
            (
                "id = 'x'\nkind = 'json-lines'\nurl = 'a'\n[[type]]\nid = 't'\nowner = 'o'\nshared = true",
                "not both",
            ),
            ("id = 'x'\nkind = 'json-lines'\nurl = 'a'\n[[type]]\nid = 't'\nowner = ''", "name the field"),
            (
                "id = 'x'\nkind = 'json-lines'\nurl = 'a'\n[[type]]\nid = 't'\nshared = false",
                "name the field",
            ),
        ] {
            let error = check_toml(text).unwrap_err();
            assert!(error.contains(told), "{text:?} gave {error:?}");
        }
    }

    #[test]
    fn settle_lag_and_categories_are_taken_over() {
        let entry = check_toml(
            "id = 'x'\nkind = 'sqlite'\nurl = 'a.db'\n[[type]]\nid = 't'\ntable = 'r'\nsettle_lag = '90s'\n\
             category = { name = 'media', column = 'm', values = ['voice'] }",
        )
        .unwrap();
        let SourceKind::Sqlite(config) = entry.kind else { panic!("{entry:?}") };
        assert_eq!(config.path, Path::new("/srv/a.db"));
        assert_eq!(config.types[0].settle_lag, TimeDelta::seconds(90));
        assert_eq!(config.types[0].category.as_ref().unwrap().values, ["voice"]);
    }

    #[test]
    fn j16_a_type_says_whose_its_records_are() {
        let owner = |more: &str| {
            let text =
                format!("id = 'x'\nkind = 'sqlite'\nurl = 'a'\n[[type]]\nid = 't'\ntable = 'r'\n{more}");
            let SourceKind::Sqlite(config) = check_toml(&text).unwrap().kind else { panic!("{text}") };
            config.types.into_iter().next().unwrap().owner
        };
        assert_eq!(owner(""), OwnerConfig::Unstated);
        assert_eq!(owner("shared = true"), OwnerConfig::Shared);
        for more in ["owner = 'tenant'", "owner = 'tenant'\nshared = false"] {
            assert_eq!(owner(more), OwnerConfig::Field("tenant".to_owned()));
        }
    }

    #[test]
    fn w4_w7_j4_change_instants_granularity_and_fields_are_taken_over() {
        let entry = |more: &str| {
            let text = format!("id = 'x'\nkind = 'json-lines'\nurl = 'a'\n[[type]]\nid = 't'\n{more}");
            let SourceKind::JsonLines(config) = check_toml(&text).unwrap().kind else { panic!("{text}") };
            config.types.into_iter().next().unwrap()
        };
        let full = entry(
            "time = 'at'\ntime_format = 'unix'\nchanged = 'updated_at'\ngranularity = '1m'\nfields = ['id', 'at']",
        );
        let changed = full.changed.unwrap();
        assert_eq!((changed.column.as_str(), changed.format), ("updated_at", InstantFormat::Unix));
        assert_eq!(full.granularity, TimeDelta::minutes(1));
        assert_eq!(full.fields.unwrap(), ["id", "at"]);
        let own = entry("changed = 'u'\nchanged_format = 'iso'").changed.unwrap();
        assert_eq!(own.format, InstantFormat::Iso);
        let plain = entry("time = 'at'");
        assert_eq!((plain.changed, plain.fields), (None, None));
        assert_eq!(plain.granularity, TimeDelta::seconds(1));
    }
}
