//! Whose records are (rule J16): a field that is compared with the owner, or a path with the owner in it.

use std::path::is_separator;

use cdds_core::domain::id::Owner;
use cdds_core::ports::source::{Ownership, SourceError, SourceErrorKind};

/// Stands for the owner in the path of a source.
pub const OWNER_IN_PATH: &str = "{owner}";

/// How a type says whose its records are (rule J16). A type whose path has [`OWNER_IN_PATH`] in it is one per
/// owner in any case.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum OwnerConfig {
    /// It does not say, so only the default owner may export the records.
    #[default]
    Unstated,
    /// Every owner who sees the source may export all records.
    Shared,
    /// A field names the owner of each record, as text or as a number. Each owner receives its own records;
    /// a record without an owner there, such as NULL, belongs to nobody and is never exported.
    ///
    /// The field is a column of the database, or a member of the JSON object: its key or, if the text begins
    /// with `/`, a JSON pointer (RFC 6901) through objects.
    Field(String),
}

impl OwnerConfig {
    /// Returns the field that names the owner.
    pub(super) fn field(&self) -> Option<&str> {
        match self {
            Self::Field(field) => Some(field),
            Self::Unstated | Self::Shared => None,
        }
    }

    /// Returns what the type declares, if its records are at this path.
    ///
    /// # Errors
    /// The reason if one owner's path could lead to the records of another, or if a path of one owner is
    /// declared as shared.
    pub(super) fn ownership(&self, path: &str) -> Result<Ownership, String> {
        if !has_owner(path) {
            return Ok(match self {
                Self::Unstated => Ownership::Unstated,
                Self::Shared => Ownership::Shared,
                Self::Field(_) => Ownership::PerOwner,
            });
        }
        // The pattern `{owner}*` of the owner `north` would match the files of `northeast`.
        let mixed = |name: &&str| has_owner(name) && name.contains(['*', '?', '[']);
        if let Some(name) = path.split(is_separator).find(mixed) {
            return Err(format!(
                "the name {name:?} in its path could match files of other owners: leave out *, ? and [ in a name with \
                 {OWNER_IN_PATH}"
            ));
        }
        match self {
            Self::Shared => {
                Err(format!("its path has {OWNER_IN_PATH} in it, so it is not shared: leave that out"))
            }
            Self::Unstated | Self::Field(_) => Ok(Ownership::PerOwner),
        }
    }
}

/// Whether the owner is a part of this path.
pub(super) fn has_owner(path: &str) -> bool {
    path.contains(OWNER_IN_PATH)
}

/// Returns the path with the owner in it. Each name in a path contains all of the owner's name and nothing of
/// another's, so two owners never share one.
///
/// # Errors
/// [`SourceErrorKind::Missing`] if the owner's name would lead elsewhere: `..` is the folder above, and some
/// systems ignore a dot at the end of a name.
pub(super) fn path_of(source: &str, path: &str, owner: &Owner) -> Result<String, SourceError> {
    let of_owner = |name: &str| name.replace(OWNER_IN_PATH, owner.as_str());
    let leads_elsewhere = |name: &&str| has_owner(name) && of_owner(name).ends_with('.');
    match path.split(is_separator).find(leads_elsewhere) {
        Some(name) => Err(SourceError::new(
            SourceErrorKind::Missing,
            format!(
                "{source}: an owner whose name ends with a dot has no records at {name}: choose another name for the \
                 owner"
            ),
        )),
        None => Ok(of_owner(path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(name: &str) -> Owner {
        Owner::new(name).unwrap()
    }

    #[test]
    fn j16_a_path_leads_to_one_owner_only() {
        for (path, name, expected) in [
            ("/srv/{owner}/calls.db", "north", Some("/srv/north/calls.db")),
            ("/srv/{owner}/{owner}.db", "a@b.example", Some("/srv/a@b.example/a@b.example.db")),
            ("/srv/{owner}.db", "..", Some("/srv/...db")),
            ("/srv/calls.db", "..", Some("/srv/calls.db")),
            ("/srv/{owner}/calls.db", "..", None),
            ("/srv/{owner}/calls.db", ".", None),
            ("/srv/{owner}", "north.", None),
        ] {
            assert_eq!(path_of("calls", path, &owner(name)).ok().as_deref(), expected, "{path} of {name}");
        }
        let refused = path_of("calls", "{owner}/a.db", &owner("..")).unwrap_err();
        assert_eq!(refused.kind(), SourceErrorKind::Missing);
    }

    #[test]
    fn j16_types_say_whose_their_records_are() {
        let field = OwnerConfig::Field("tenant".to_owned());
        for (config, path, expected) in [
            (OwnerConfig::Unstated, "calls.db", Ownership::Unstated),
            (OwnerConfig::Shared, "calls.db", Ownership::Shared),
            (field.clone(), "calls.db", Ownership::PerOwner),
            (OwnerConfig::Unstated, "{owner}/*.jsonl", Ownership::PerOwner),
            (field, "{owner}.db", Ownership::PerOwner),
        ] {
            assert_eq!(config.ownership(path), Ok(expected), "{config:?} at {path}");
        }
        for (config, path, told) in [
            (OwnerConfig::Unstated, "logs/{owner}*.jsonl", "\"{owner}*.jsonl\""),
            (OwnerConfig::Unstated, "[a]{owner}/a.jsonl", "other owners"),
            (OwnerConfig::Shared, "{owner}/a.jsonl", "not shared"),
        ] {
            let reason = config.ownership(path).unwrap_err();
            assert!(reason.contains(told), "{reason}");
        }
    }
}
