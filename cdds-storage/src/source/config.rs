//! The configuration shared by this crate's sources.

use std::collections::BTreeSet;

use cdds_core::domain::id::{SourceId, TypeId};
use cdds_core::domain::record::instant::InstantFormat;
use cdds_core::domain::record::selection::CategoryDimension;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
use cdds_core::domain::subject::StoredForm;
use cdds_core::domain::subject::{CopyRule, ErasureRule, SubjectField};
#[cfg(any(feature = "postgres", feature = "sqlite"))]
use cdds_core::ports::source::Indexed;
use cdds_core::ports::source::{DataType, FieldRole, SourceDescription, SourceError, SourceErrorKind};
use chrono::Duration;

use super::owners::OwnerConfig;

/// One data type of a source; `R` describes the location of its records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeConfig<R> {
    /// The identifier under which jobs name the type.
    pub id: TypeId,
    /// The location of its records.
    pub rows: R,
    /// The event instant; without it only `All` is possible (rule W7).
    pub time: Option<TimeConfig>,
    /// The instant of the last change; without it the event instant is used instead (rule W7).
    pub changed: Option<TimeConfig>,
    /// The category dimension, if there is one (rule J3).
    pub category: Option<CategoryConfig>,
    /// How late a record may become visible after its instant (rule W4).
    pub settle_lag: Duration,
    /// The smallest step of its instants (rule W4).
    pub granularity: Duration,
    /// The declared names of the records' fields, if any: templates can then name no others (rule J4). A
    /// database exports exactly these columns; a JSON line with another member ends the export.
    pub fields: Option<Vec<String>>,
    /// How it says whose its records are (rule J16).
    pub owner: OwnerConfig,
    /// The fields that name people (rule D1): columns with exactly these names, or members. In JSON lines, and in
    /// columns of JSON in PostgreSQL, a name may be a JSON pointer.
    pub subjects: Vec<SubjectField>,
    /// What an erasure does with records about a person (rule D5); `None` if there is none. Tables of SQLite and
    /// PostgreSQL are erased from.
    pub erasure: Option<ErasureRule>,
    /// The column that keeps a record from being erased (rule D5), unless it is NULL, false, 0 or empty.
    pub hold: Option<String>,
    /// What copies for the people in its records show of them (rule D9).
    pub copy: CopyRule,
}

/// The location of an instant in a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeConfig {
    /// The column, or the member of the outermost JSON object.
    pub column: String,
    /// The form of its values. A declared form is a promise: values in another form are bad records, or are
    /// not seen if an index leads past them.
    pub format: InstantFormat,
}

/// The location of a record's category, and the declared categories (rule J3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CategoryConfig {
    /// The dimension's name for people: "media types".
    pub name: String,
    /// The column, or the member of the outermost JSON object.
    pub column: String,
    /// The declared values, as spelled in the records. Records with other values are exported under "all"
    /// (rule A1).
    pub values: Vec<String>,
}

impl<R> TypeConfig<R> {
    /// Creates a type without instants, categories and declared fields, with the default lag and granularity
    /// of one second (rule W4). It does not say whose its records are, so only the default owner may
    /// export them (rule J16).
    pub fn new(id: TypeId, rows: R) -> Self {
        Self {
            id,
            rows,
            time: None,
            changed: None,
            category: None,
            settle_lag: Duration::seconds(1),
            granularity: Duration::seconds(1),
            fields: None,
            owner: OwnerConfig::default(),
            subjects: Vec::new(),
            erasure: None,
            hold: None,
            copy: CopyRule::default(),
        }
    }

    /// Sets the column or member with the event instant.
    #[must_use]
    pub fn with_time(mut self, column: impl Into<String>, format: InstantFormat) -> Self {
        self.time = Some(TimeConfig { column: column.into(), format });
        self
    }

    /// Sets the column or member with the instant of the last change.
    #[must_use]
    pub fn with_changed(mut self, column: impl Into<String>, format: InstantFormat) -> Self {
        self.changed = Some(TimeConfig { column: column.into(), format });
        self
    }

    /// Sets the category dimension.
    #[must_use]
    pub fn with_category(mut self, category: CategoryConfig) -> Self {
        self.category = Some(category);
        self
    }

    /// Sets how the type says whose its records are (rule J16).
    #[must_use]
    pub fn with_owner(self, owner: OwnerConfig) -> Self {
        Self { owner, ..self }
    }

    /// Adds a field that names people (rule D1).
    #[must_use]
    pub fn with_subject(mut self, field: SubjectField) -> Self {
        self.subjects.push(field);
        self
    }

    /// Sets what an erasure does with records about a person (rule D5).
    #[must_use]
    pub fn with_erasure(self, rule: ErasureRule) -> Self {
        Self { erasure: Some(rule), ..self }
    }

    /// Sets the column that keeps a record from being erased (rule D5).
    #[must_use]
    pub fn with_hold(self, column: impl Into<String>) -> Self {
        Self { hold: Some(column.into()), ..self }
    }

    /// Sets what copies for the people in its records show of them (rule D9).
    #[must_use]
    pub fn with_copy(self, rule: CopyRule) -> Self {
        Self { copy: rule, ..self }
    }

    /// Returns the columns that an erasure depends on, besides those that name people.
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    pub(super) fn erased_columns(&self) -> impl Iterator<Item = &str> {
        let emptied = match &self.erasure {
            Some(ErasureRule::Empty { fields }) => fields.as_slice(),
            Some(ErasureRule::Delete | ErasureRule::Keep { .. }) | None => &[],
        };
        emptied.iter().chain(&self.hold).map(String::as_str)
    }

    /// Returns the columns that reading depends on.
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    pub(super) fn required_columns(&self) -> impl Iterator<Item = &str> {
        let instants = self.time.iter().chain(&self.changed).map(|time| time.column.as_str());
        let category = self.category.iter().map(|category| category.column.as_str());
        instants.chain(category).chain(self.owner.field())
    }

    /// Returns the columns that the type declares, each with the key that names it.
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    fn declared_columns(&self) -> Vec<(&'static str, String)> {
        let one = |key, column: Option<&str>| column.map(|column| (key, column.to_owned()));
        let [time, changed] =
            [&self.time, &self.changed].map(|time| time.as_ref().map(|time| time.column.as_str()));
        let singles = [
            one("time", time),
            one("changed", changed),
            one("category.column", self.category.as_ref().map(|category| category.column.as_str())),
            one("owner", self.owner.field()),
            one("hold", self.hold.as_deref()),
        ];
        let (copied, copy_key): (&[String], _) = match &self.copy {
            CopyRule::Only { fields } => (fields, "copy.only"),
            CopyRule::Without { fields } => (fields, "copy.without"),
            CopyRule::Whole => (&[], "copy"),
        };
        let emptied: &[String] = match &self.erasure {
            Some(ErasureRule::Empty { fields }) => fields,
            Some(ErasureRule::Delete | ErasureRule::Keep { .. }) | None => &[],
        };
        let subjects = self.subjects.iter().map(|field| ("subject", field.key()));
        let fields = self.fields.iter().flatten().map(|field| ("fields", field.clone()));
        let copied = copied.iter().map(|field| (copy_key, outermost(field)));
        let emptied = emptied.iter().map(|field| ("erase.empty", outermost(field)));
        singles.into_iter().flatten().chain(subjects).chain(fields).chain(copied).chain(emptied).collect()
    }

    /// Describes the columns that the type declares and that are not among the known ones: each once.
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    pub(super) fn faults(&self, known: &[&str], is: impl Fn(&str, &str) -> bool) -> Vec<String> {
        let declared = self.declared_columns().into_iter();
        let missing = declared.filter(|(_, column)| !known.iter().any(|one| is(one, column)));
        missing.map(|(key, column)| format!("{key}: {}", no_column(&column, known))).collect()
    }

    /// Describes a field that names people by which a read by subject cannot look rows up (rule D1). Where nobody knows
    /// whether there is an index, nothing is said.
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    pub(super) fn unindexed(&self, field: &SubjectField, indexed: Indexed) -> Option<String> {
        let (id, name) = (&self.id, &field.name);
        let why = match (field.stored, indexed) {
            (StoredForm::Normalised, Indexed::Fully | Indexed::Unknown) => return None,
            (StoredForm::Normalised, Indexed::Partly) => {
                Some("the indexes that begin with the column {name} have a condition")
            }
            (StoredForm::Normalised, Indexed::Expression) => {
                Some("the indexes are of an expression of the column {name}, which does not find its values")
            }
            (StoredForm::Normalised, Indexed::Collation) => {
                Some("the indexes that begin with the column {name} are in another order (collation)")
            }
            (StoredForm::Normalised, _) => Some("no index begins with the column {name}"),
            (StoredForm::AsWritten, _) => None,
        };
        let because = match why {
            Some(why) => {
                let why = why.replace("{name}", &format!("{name:?}"));
                format!("{why}: CREATE INDEX on it spares the database most of them")
            }
            None => format!(
                "the column {name:?} holds what people wrote: where it holds values in the form alone in which they are \
                 compared, say normalised = true, so that an index finds them"
            ),
        };
        Some(format!("type {id}: each read by subject goes through all rows, since {because}"))
    }

    /// Returns the fields that the type declares or, if it declares none, those that it names otherwise: each once.
    pub(super) fn named_fields(&self) -> Vec<String> {
        let named = match &self.fields {
            Some(fields) => fields.clone(),
            None => {
                let instants = self.time.iter().chain(&self.changed).map(|time| time.column.clone());
                let category = self.category.iter().map(|category| category.column.clone());
                let owner = self.owner.field().map(outermost);
                let subjects = self.subjects.iter().map(SubjectField::key);
                instants.chain(category).chain(owner).chain(subjects).collect()
            }
        };
        let mut seen = BTreeSet::new();
        named.iter().filter(|name| seen.insert(*name)).cloned().collect()
    }

    /// Returns the roles that the type gives to a field. SQLite ignores the case of the names of columns.
    pub(super) fn roles(&self, name: &str, caseless: bool) -> Vec<FieldRole> {
        let is = |known: &str| known == name || (caseless && known.eq_ignore_ascii_case(name));
        let of = |column: Option<&str>, role| column.is_some_and(is).then_some(role);
        let [time, changed] =
            [&self.time, &self.changed].map(|time| time.as_ref().map(|time| time.column.as_str()));
        let category = self.category.as_ref().map(|category| category.column.as_str());
        let owner = self.owner.field().map(outermost);
        let roles = [
            of(time, FieldRole::Time),
            of(changed, FieldRole::Changed),
            of(category, FieldRole::Category),
            of(owner.as_deref(), FieldRole::Owner),
            of(self.hold.as_deref(), FieldRole::Hold),
        ];
        roles.into_iter().flatten().chain(FieldRole::of_subjects(&self.subjects, name)).collect()
    }

    /// Whether records may have a field of this name, as far as the fields are declared.
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    pub(super) fn has_field(&self, name: &str) -> bool {
        self.fields.as_ref().is_none_or(|fields| fields.iter().any(|field| field == name))
    }

    /// Describes the type, whose records are at this path.
    fn data_type(&self, path: &str, pushes_down: bool) -> Result<DataType, String> {
        let category = self.category.as_ref().map(|category| CategoryDimension {
            name: category.name.clone(),
            values: category.values.clone(),
        });
        match &self.erasure {
            Some(rule) => rule.check(&self.subjects).map_err(|why| format!("its rule of erasure: {why}"))?,
            None if self.hold.is_some() => {
                return Err("a hold keeps records from being erased, and none are: say how, or leave it out"
                    .to_owned());
            }
            None => {}
        }
        self.copy.check(self.fields.as_deref()).map_err(|why| format!("its rule of copies: {why}"))?;
        Ok(DataType {
            ownership: self.owner.ownership(path)?,
            id: self.id.clone(),
            category,
            has_event_instant: self.time.is_some(),
            has_change_instant: self.changed.is_some(),
            settle_lag: self.settle_lag,
            granularity: self.granularity,
            fields: self.fields.clone(),
            pushes_down,
            subject_fields: self.subjects.clone(),
            erasure: self.erasure.clone(),
            copy: self.copy.clone(),
        })
    }
}

/// Returns the outermost key of a name that may be a JSON pointer (RFC 6901).
pub(super) fn outermost(name: &str) -> String {
    match name.strip_prefix('/').and_then(|tokens| tokens.split('/').next()) {
        Some(token) => token.replace("~1", "/").replace("~0", "~"),
        None => name.to_owned(),
    }
}

/// Describes a source with these types, which applies templates itself or leaves them to the engine. `path`
/// returns where the records of a type are.
pub(super) fn describe<'a, R>(
    id: &SourceId,
    title: &str,
    types: &'a [TypeConfig<R>],
    pushes_down: bool,
    path: impl Fn(&'a TypeConfig<R>) -> &'a str,
) -> Result<SourceDescription, SourceError> {
    let invalid =
        |reason: String| SourceError::new(SourceErrorKind::Invalid, format!("source {id}: {reason}"));
    if types.is_empty() {
        return Err(invalid("it declares no data type: add at least one".to_owned()));
    }
    let mut seen = BTreeSet::new();
    if let Some(twice) = types.iter().find(|data_type| !seen.insert(&data_type.id)) {
        return Err(invalid(format!("data type {} is declared twice: rename one", twice.id)));
    }
    let mut description = SourceDescription::new(id.clone(), title);
    for data_type in types {
        let described = data_type.data_type(path(data_type), pushes_down);
        description
            .types
            .push(described.map_err(|why| invalid(format!("data type {}: {why}", data_type.id)))?);
    }
    Ok(description)
}

/// Checks that only tables are erased from: of the rows of a query nobody knows where they come from.
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub(super) fn check_erasures<R>(
    id: &SourceId,
    types: &[TypeConfig<R>],
    is_table: impl Fn(&R) -> bool,
) -> Result<(), SourceError> {
    let mut erased = types.iter().filter(|data_type| data_type.erasure.is_some());
    match erased.find(|data_type| !is_table(&data_type.rows)) {
        Some(data_type) => Err(SourceError::invalid(format!(
            "source {id}: data type {}: its records come from a query, and only a table can be erased from: name one, or \
             leave the rule of erasure out",
            data_type.id
        ))),
        None => Ok(()),
    }
}

/// Returns the type that a request names.
pub(super) fn find<'a, R>(
    source: &SourceId,
    types: &'a [TypeConfig<R>],
    id: &TypeId,
) -> Result<&'a TypeConfig<R>, SourceError> {
    types.iter().find(|data_type| data_type.id == *id).ok_or_else(|| {
        let known: Vec<&str> = types.iter().map(|data_type| data_type.id.as_str()).collect();
        SourceError::new(
            SourceErrorKind::Invalid,
            format!("source {source} has no data type {id}: choose from {}", known.join(", ")),
        )
    })
}

/// How alike two names must be (0 to 1) for one to be taken for the other.
#[cfg(any(feature = "postgres", feature = "sqlite"))]
const LIKENESS_MIN: f64 = 0.75;

/// How long the beginning of a name must be to stand for it, in bytes.
#[cfg(any(feature = "postgres", feature = "sqlite"))]
const BEGINNING_MIN: usize = 3;

/// Says that there is no such column, and which one was probably meant.
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub(super) fn no_column(column: &str, known: &[&str]) -> String {
    let typed = column.to_lowercase();
    let likeness = |known: &str| {
        let known = known.to_lowercase();
        let begins = typed.len() >= BEGINNING_MIN && known.starts_with(&typed);
        if begins { 1.0 } else { strsim::normalized_damerau_levenshtein(&typed, &known) }
    };
    let best = known.iter().copied().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    let all = known.join(", ");
    match best.filter(|best| likeness(best) >= LIKENESS_MIN) {
        Some(best) => format!("there is no column {column:?}, did you mean {best:?}? Choose from {all}"),
        None => format!("there is no column {column:?}: choose from {all}"),
    }
}

#[cfg(all(test, any(feature = "postgres", feature = "sqlite")))]
mod tests {
    use super::*;

    #[test]
    fn j4_a_column_that_there_is_not_gets_the_nearest_name() {
        for (column, hint) in [
            ("started", ", did you mean \"started_at\"? Choose from id, started_at, Media"),
            ("start_at", ", did you mean \"started_at\"? Choose"),
            ("media", ", did you mean \"Media\"? Choose"),
            // What many names end with makes none of them the one that was meant.
            ("updated_at", ": choose from id, started_at, Media"),
            ("tenant", ": choose from id, started_at, Media"),
        ] {
            let told = no_column(column, &["id", "started_at", "Media"]);
            assert!(told.starts_with(&format!("there is no column {column:?}{hint}")), "{told}");
        }
    }
}
