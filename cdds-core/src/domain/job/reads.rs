//! Rule J17: the data types that a job reads into one set, each with its own selection.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::archive::layout;
use crate::domain::id::TypeId;
use crate::domain::record::selection::CategorySelection;
use crate::domain::record::template::Template;
use crate::domain::violation::{Code, RuleViolation};
use crate::setters::setters;

/// What a job exports of one data type.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Read {
    /// The data type (rule J2).
    pub data_type: TypeId,
    /// The categories to export (rule J3).
    pub categories: CategorySelection,
    /// The fields to export, and filters for the records (rule J4).
    pub template: Template,
}

setters! {
    Read {
        with_data_type => data_type: value TypeId;
        with_categories => categories: value CategorySelection;
        with_template => template: value Template;
    }
}

impl Read {
    /// Creates a read of every record of a data type, with every field.
    pub fn of(data_type: TypeId) -> Self {
        Self { data_type, categories: CategorySelection::All, template: Template::default() }
    }

    /// Whether both export the same records, as far as the watermark is concerned (rule J11).
    fn has_scope_of(&self, other: &Self) -> bool {
        self.data_type == other.data_type
            && self.categories == other.categories
            && self.template.filters == other.template.filters
    }
}

/// The reads of a job: one or more, of different data types, in the order in which they are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reads(Vec<Read>);

impl Reads {
    /// The most data types of one job.
    pub const COUNT_MAX: usize = 100;

    /// Creates the list of reads.
    ///
    /// # Errors
    /// [`Code::InvalidTypes`] if there are none or more than 100, or if two have the same type or types whose
    /// folders some file system would take for one.
    pub fn new(reads: impl IntoIterator<Item = Read>) -> Result<Self, RuleViolation> {
        let reads: Vec<Read> = reads.into_iter().take(Self::COUNT_MAX + 1).collect();
        check_types(reads.iter().map(|read| &read.data_type))?;
        Ok(Self(reads))
    }

    /// Creates a list of one read.
    pub fn one(read: Read) -> Self {
        Self(vec![read])
    }

    /// Returns the reads, at least one.
    pub fn as_slice(&self) -> &[Read] {
        &self.0
    }

    /// Iterates over the reads in their order.
    pub fn iter(&self) -> std::slice::Iter<'_, Read> {
        self.0.iter()
    }

    /// Returns the only read, or `None` if there are several.
    pub fn only(&self) -> Option<&Read> {
        match self.0.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }

    /// Returns the read of a data type, or `None` if the job does not read it.
    pub fn of_type(&self, data_type: &TypeId) -> Option<&Read> {
        self.iter().find(|read| read.data_type == *data_type)
    }

    /// Returns the data types in their order.
    pub fn types(&self) -> TypeList {
        TypeList(self.iter().map(|read| read.data_type.clone()).collect())
    }

    /// Whether a filter of any read decides which records are exported.
    pub fn filters(&self) -> bool {
        self.iter().any(|read| !read.template.filters.is_empty())
    }

    /// Whether both export the same records, as far as the watermark is concerned (rule J11). The order of
    /// the types does not matter.
    pub(in crate::domain) fn has_scope_of(&self, other: &Self) -> bool {
        let same = |read: &Read| other.of_type(&read.data_type).is_some_and(|one| read.has_scope_of(one));
        self.0.len() == other.0.len() && self.iter().all(same)
    }

    /// Keeps only the first read, with another data type.
    pub(super) fn retyped(self, data_type: TypeId) -> Self {
        let first = self.0.into_iter().next().map(|read| read.with_data_type(data_type.clone()));
        Self::one(first.unwrap_or_else(|| Read::of(data_type)))
    }

    /// Changes every read without changing its type.
    pub(super) fn each(mut self, change: impl Fn(&mut Read)) -> Self {
        for read in &mut self.0 {
            let data_type = read.data_type.clone();
            change(read);
            read.data_type = data_type;
        }
        self
    }
}

impl<'a> IntoIterator for &'a Reads {
    type Item = &'a Read;
    type IntoIter = std::slice::Iter<'a, Read>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The data types of a set: one or more different ones, in the order in which they were read. As text they
/// are joined: `contact, interaction`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeList(Vec<TypeId>);

/// Between two names. No name contains it.
const SEPARATOR: &str = ", ";

impl TypeList {
    /// Creates the list.
    ///
    /// # Errors
    /// [`Code::InvalidTypes`] as for [`Reads::new`].
    pub(crate) fn new(types: impl IntoIterator<Item = TypeId>) -> Result<Self, RuleViolation> {
        let types: Vec<TypeId> = types.into_iter().take(Reads::COUNT_MAX + 1).collect();
        check_types(&types)?;
        Ok(Self(types))
    }

    /// Returns the types, at least one.
    pub fn as_slice(&self) -> &[TypeId] {
        &self.0
    }

    /// Whether the type is one of these.
    pub fn contains(&self, data_type: &TypeId) -> bool {
        self.0.contains(data_type)
    }
}

impl From<TypeId> for TypeList {
    fn from(data_type: TypeId) -> Self {
        Self(vec![data_type])
    }
}

impl fmt::Display for TypeList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, data_type) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(SEPARATOR)?;
            }
            data_type.fmt(f)?;
        }
        Ok(())
    }
}

impl FromStr for TypeList {
    type Err = RuleViolation;

    /// Reads the joined names.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let types = text.split(SEPARATOR).take(Reads::COUNT_MAX + 1).map(TypeId::new);
        Self::new(types.collect::<Result<Vec<_>, _>>()?)
    }
}

impl Serialize for TypeList {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TypeList {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Checks the number of types, and that each has a folder of its own.
fn check_types<'a>(types: impl IntoIterator<Item = &'a TypeId>) -> Result<(), RuleViolation> {
    let refuse = |why: String| Err(RuleViolation::new(Code::InvalidTypes, why));
    // The folder comes first in each path, so types whose folders differ cannot share a file.
    let mut folders: Vec<(String, &TypeId)> = Vec::new();
    for data_type in types {
        let folder = layout::folded(&layout::safe_segment(data_type.as_str()));
        match folders.iter().find(|(known, _)| *known == folder) {
            Some((_, known)) if *known == data_type => {
                return refuse(format!("type {data_type} is named twice: name it once"));
            }
            Some((_, known)) => {
                return refuse(format!(
                    "types {known} and {data_type} would have the same folder on many systems: export them in two jobs"
                ));
            }
            None => folders.push((folder, data_type)),
        }
    }
    match folders.len() {
        0 => refuse("no type is named: name at least one".to_owned()),
        1..=Reads::COUNT_MAX => Ok(()),
        _ => refuse(format!("a job reads at most {} types: split it into several jobs", Reads::COUNT_MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str) -> Read {
        Read::of(TypeId::new(name).unwrap())
    }

    #[test]
    fn j17_types_differ_and_are_bounded() {
        let code = |names: &[&str]| Reads::new(names.iter().map(|name| read(name))).map_err(|no| no.code());
        assert!(code(&["contact", "interaction"]).is_ok() && code(&["contact"]).is_ok());
        for refused in [&[][..], &["a", "b", "a"], &["Call", "call"], &["\u{e9}", "x", "\u{c9}"]] {
            assert_eq!(code(refused).unwrap_err(), Code::InvalidTypes, "{refused:?}");
        }
        let many = |count: usize| Reads::new((0..count).map(|number| read(&format!("t{number}"))));
        assert!(many(100).is_ok());
        assert_eq!(many(101).unwrap_err().code(), Code::InvalidTypes);
    }

    #[test]
    fn j17_the_order_of_types_is_kept_but_is_no_scope() {
        let voice = CategorySelection::Only(["voice".to_owned()].into());
        let (one, other) = (read("contact"), read("interaction").with_categories(voice));
        let forth = Reads::new([one.clone(), other.clone()]).unwrap();
        let back = Reads::new([other.clone(), one.clone()]).unwrap();
        assert_eq!(forth.types().to_string(), "contact, interaction");
        assert!(forth.has_scope_of(&back) && forth != back);
        let all = Reads::new([one.clone(), read("interaction")]).unwrap();
        assert!(!forth.has_scope_of(&all) && !forth.has_scope_of(&Reads::one(one)));
        assert!(!Reads::one(other).has_scope_of(&forth));
    }

    #[test]
    fn j17_a_list_of_types_is_read_back() {
        for text in ["contact", "contact, interaction", "b, a, c"] {
            assert_eq!(text.parse::<TypeList>().unwrap().to_string(), text);
        }
        for bad in ["", "a,b", "a, ", "a, a"] {
            assert!(bad.parse::<TypeList>().is_err(), "{bad:?}");
        }
    }
}
