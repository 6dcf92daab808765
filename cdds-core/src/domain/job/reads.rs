//! Rule J17: the data types that a job reads into one set, each with its own selection.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::archive::layout;
use crate::domain::id::{SourceId, TypeId};
use crate::domain::record::selection::CategorySelection;
use crate::domain::record::template::Template;
use crate::domain::violation::{Code, RuleViolation};
use crate::setters::setters;

/// What a job exports of one data type.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Read {
    /// The source of the type; `None` for that of the job.
    pub source: Option<SourceId>,
    /// The data type (rule J2).
    pub data_type: TypeId,
    /// The categories to export (rule J3).
    pub categories: CategorySelection,
    /// The fields to export, and filters for the records (rule J4).
    pub template: Template,
}

setters! {
    Read {
        with_source => source: option SourceId;
        with_data_type => data_type: value TypeId;
        with_categories => categories: value CategorySelection;
        with_template => template: value Template;
    }
}

impl Read {
    /// Creates a read of every record of a data type, with every field.
    pub fn of(data_type: TypeId) -> Self {
        Self { source: None, data_type, categories: CategorySelection::All, template: Template::default() }
    }

    /// Whether both export the same records, as far as the watermark is concerned (rule J11).
    fn has_scope_of(&self, other: &Self) -> bool {
        self.source == other.source
            && self.data_type == other.data_type
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

    /// The most data types, over all sources, of the answer to one request of a data subject (rule D9).
    pub const ACROSS_MAX: usize = 1_000;

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

    /// Creates the list of reads of several sources, each of which names its own (rule D9).
    ///
    /// # Errors
    /// [`Code::InvalidTypes`] if there are none or more than 1,000, if one names no source, or if two are the same.
    pub fn across(reads: impl IntoIterator<Item = Read>) -> Result<Self, RuleViolation> {
        let reads: Vec<Read> = reads.into_iter().take(Self::ACROSS_MAX + 1).collect();
        let refuse = |why: String| Err(RuleViolation::new(Code::InvalidTypes, why));
        let mut places = BTreeSet::new();
        for read in &reads {
            match &read.source {
                Some(source) if places.insert((source, &read.data_type)) => {}
                Some(source) => {
                    return refuse(format!("type {} of source {source} is named twice", read.data_type));
                }
                None => return refuse(format!("type {} names no source", read.data_type)),
            }
        }
        match reads.len() {
            0 => refuse("no type is named: name at least one".to_owned()),
            1..=Self::ACROSS_MAX => Ok(Self(reads)),
            _ => refuse(format!("a request reads at most {} types: choose sources", Self::ACROSS_MAX)),
        }
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

    /// Returns the data types in their order, each once.
    pub fn types(&self) -> TypeList {
        let mut seen = BTreeSet::new();
        let types = self.iter().map(|read| &read.data_type).filter(|data_type| seen.insert(*data_type));
        TypeList(types.cloned().collect())
    }

    /// Whether the reads are of several sources, each of which names its own (rule D9).
    pub fn are_across(&self) -> bool {
        self.iter().any(|read| read.source.is_some())
    }

    /// Whether a filter of any read decides which records are exported.
    pub fn filters(&self) -> bool {
        self.iter().any(|read| !read.template.filters.is_empty())
    }

    /// Whether both export the same records, as far as the watermark is concerned (rule J11). The order of
    /// the types does not matter.
    pub(in crate::domain) fn has_scope_of(&self, other: &Self) -> bool {
        let same = |read: &Read| other.iter().any(|one| read.has_scope_of(one));
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
    /// Creates the list. Types of different sources may differ in case alone.
    ///
    /// # Errors
    /// [`Code::InvalidTypes`] if there are none or more than [`Reads::ACROSS_MAX`], or if one is named twice.
    pub(crate) fn new(types: impl IntoIterator<Item = TypeId>) -> Result<Self, RuleViolation> {
        let types: Vec<TypeId> = types.into_iter().take(Reads::ACROSS_MAX + 1).collect();
        let refuse = |why: String| Err(RuleViolation::new(Code::InvalidTypes, why));
        let mut seen = BTreeSet::new();
        if let Some(twice) = types.iter().find(|data_type| !seen.insert(*data_type)) {
            return refuse(format!("type {twice} is named twice: name it once"));
        }
        match types.len() {
            0 => refuse("no type is named: name at least one".to_owned()),
            1..=Reads::ACROSS_MAX => Ok(Self(types)),
            _ => refuse(format!("a set holds at most {} types", Reads::ACROSS_MAX)),
        }
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
        let types = text.split(SEPARATOR).take(Reads::ACROSS_MAX + 1).map(TypeId::new);
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
    fn d9_reads_of_several_sources_name_each_type_of_each_once() {
        let read = |source: &str, name: &str| read(name).with_source(SourceId::new(source).unwrap());
        let reads = Reads::across([read("crm", "call"), read("shop", "Call"), read("shop", "call")]).unwrap();
        assert_eq!(reads.types().to_string(), "call, Call");
        assert_eq!("call, Call".parse::<TypeList>().unwrap(), reads.types());
        assert!(reads.are_across() && !Reads::one(self::read("call")).are_across());
        let other = Reads::across([read("crm", "call"), read("shop", "Call"), read("erp", "call")]).unwrap();
        assert!(reads.has_scope_of(&reads.clone()) && !reads.has_scope_of(&other));
        let code = |reads: Vec<Read>| Reads::across(reads).unwrap_err().code();
        assert_eq!(code(vec![]), Code::InvalidTypes);
        assert_eq!(code(vec![read("crm", "call"), read("crm", "call")]), Code::InvalidTypes);
        assert_eq!(code(vec![self::read("call")]), Code::InvalidTypes);
        let many = |count: usize| Reads::across((0..count).map(|number| read("crm", &format!("t{number}"))));
        assert_eq!(
            many(1_000).unwrap().types().to_string().parse::<TypeList>().unwrap().as_slice().len(),
            1_000
        );
        assert_eq!(many(1_001).unwrap_err().code(), Code::InvalidTypes);
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
