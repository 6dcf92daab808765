//! Rule D2: the sources and data types that a request is about.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::id::{SourceId, TypeId};
use crate::domain::job::admission::{data_type, offered};
use crate::domain::source::{DataType, Offer, OfferedSources};
use crate::domain::violation::{Code, RuleViolation};

/// The most parts that a request chooses.
const PARTS_MAX: usize = 100;

/// The sources and types that a request chooses; without parts, all that the owner sees.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<ScopePart>", into = "Vec<ScopePart>")]
pub struct Scope(Vec<ScopePart>);

/// A source of which all types are meant, or one of its types.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopePart {
    /// The source.
    pub source: SourceId,
    /// The only type that is meant; `None` for all.
    pub data_type: Option<TypeId>,
}

impl Scope {
    /// Chooses parts. The same part counts once, and a type of a source that is chosen whole does not count.
    ///
    /// # Errors
    /// [`Code::InvalidSubjectRequest`] for more than 100 parts.
    pub fn new(parts: impl IntoIterator<Item = ScopePart>) -> Result<Self, RuleViolation> {
        let mut parts: Vec<ScopePart> = parts.into_iter().collect();
        if parts.len() > PARTS_MAX {
            let why = format!("a request chooses {PARTS_MAX} sources and types at most, not {}", parts.len());
            return Err(RuleViolation::new(Code::InvalidSubjectRequest, why));
        }
        parts.sort();
        parts.dedup();
        let whole: Vec<SourceId> =
            parts.iter().filter(|part| part.data_type.is_none()).map(|part| part.source.clone()).collect();
        parts.retain(|part| part.data_type.is_none() || !whole.contains(&part.source));
        Ok(Self(parts))
    }

    /// Returns the chosen parts, in order; none if everything is meant.
    pub fn parts(&self) -> &[ScopePart] {
        &self.0
    }

    /// Checks that each part is there and can be read (rule J2).
    ///
    /// # Errors
    /// [`Code::UnknownSource`], [`Code::UnsupportedSource`] or [`Code::UnknownType`].
    pub fn check_offered(&self, sources: &dyn OfferedSources) -> Result<(), RuleViolation> {
        self.0.iter().try_for_each(|part| {
            let source = offered(&part.source, sources)?;
            part.data_type.as_ref().map_or(Ok(()), |id| data_type(source, id).map(drop))
        })
    }

    /// Returns the data types that it chooses among those of these sources, as far as they name people (rule D1): source
    /// and type, in order.
    pub fn naming_people(&self, sources: &dyn OfferedSources) -> Vec<(SourceId, TypeId)> {
        self.chosen(sources, |_| true)
    }

    /// Returns those of the types that [name people](Self::naming_people) from which nothing is erased, since they have
    /// no rule for it (rule D5).
    pub fn not_erased(&self, sources: &dyn OfferedSources) -> Vec<(SourceId, TypeId)> {
        self.chosen(sources, |data_type| data_type.erasure.is_none())
    }

    fn chosen(
        &self,
        sources: &dyn OfferedSources,
        is_meant: impl Fn(&DataType) -> bool,
    ) -> Vec<(SourceId, TypeId)> {
        let mut chosen = Vec::new();
        for source in sources.ids() {
            let Some(Offer::Supported(description)) = sources.offer(source) else { continue };
            let naming = description.types.iter().filter(|data_type| !data_type.subject_fields.is_empty());
            chosen.extend(
                naming
                    .filter(|data_type| self.has(source, &data_type.id) && is_meant(data_type))
                    .map(|data_type| (source.clone(), data_type.id.clone())),
            );
        }
        chosen.sort();
        chosen
    }

    /// Whether it chooses a data type.
    pub fn has(&self, source: &SourceId, data_type: &TypeId) -> bool {
        let chooses = |part: &ScopePart| {
            part.source == *source && part.data_type.as_ref().is_none_or(|chosen| chosen == data_type)
        };
        self.0.is_empty() || self.0.iter().any(chooses)
    }

    /// Whether everything that the other one chooses is chosen here, too.
    pub fn covers(&self, other: &Self) -> bool {
        let has = |part: &ScopePart| {
            let is_within = |own: &ScopePart| {
                own.source == part.source && (own.data_type.is_none() || own.data_type == part.data_type)
            };
            self.0.iter().any(is_within)
        };
        self.0.is_empty() || !other.0.is_empty() && other.0.iter().all(has)
    }
}

/// Writes `crm, shop/order`, or `all`.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("all");
        }
        let parts: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&parts.join(", "))
    }
}

/// Writes `crm` or `shop/order`.
impl fmt::Display for ScopePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.data_type {
            None => self.source.fmt(f),
            Some(data_type) => write!(f, "{}/{data_type}", self.source),
        }
    }
}

impl FromStr for ScopePart {
    type Err = RuleViolation;

    fn from_str(text: &str) -> Result<Self, RuleViolation> {
        let (source, data_type) = match text.split_once('/') {
            Some((source, data_type)) => (source, Some(TypeId::new(data_type)?)),
            None => (text, None),
        };
        Ok(Self { source: SourceId::new(source)?, data_type })
    }
}

impl Serialize for ScopePart {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ScopePart {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl From<Scope> for Vec<ScopePart> {
    fn from(scope: Scope) -> Self {
        scope.0
    }
}

impl TryFrom<Vec<ScopePart>> for Scope {
    type Error = RuleViolation;

    fn try_from(parts: Vec<ScopePart>) -> Result<Self, RuleViolation> {
        Self::new(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(parts: &[&str]) -> Scope {
        Scope::new(parts.iter().map(|part| part.parse().unwrap())).unwrap()
    }

    #[test]
    fn d2_a_scope_names_each_part_once_and_is_read_back() {
        let chosen = scope(&["shop/order", "crm", "shop/order", "crm/note"]);
        assert_eq!(chosen.to_string(), "crm, shop/order");
        assert_eq!(scope(&[]).to_string(), "all");
        for one in [&chosen, &scope(&[])] {
            let json = serde_json::to_string(one).unwrap();
            assert_eq!(serde_json::from_str::<Scope>(&json).unwrap(), *one, "{json}");
        }
        for bad in ["", "/order", "crm/", "a/b/c", "a b"] {
            assert_eq!(bad.parse::<ScopePart>().unwrap_err().code(), Code::InvalidName, "{bad}");
        }
        let many = |count: u32| Scope::new((0..count).map(|n| format!("s{n}").parse().unwrap()));
        assert!(many(100).is_ok());
        assert_eq!(many(101).unwrap_err().code(), Code::InvalidSubjectRequest);
    }

    #[test]
    fn d8_a_scope_covers_what_it_chooses_and_no_more() {
        let (all, shop, order) = (scope(&[]), scope(&["shop"]), scope(&["shop/order"]));
        for (one, other, covers) in [
            (&all, &all, true),
            (&all, &order, true),
            (&shop, &order, true),
            (&order, &shop, false),
            (&order, &order, true),
            (&shop, &all, false),
            (&shop, &scope(&["shop/order", "crm"]), false),
        ] {
            assert_eq!(one.covers(other), covers, "{one} / {other}");
        }
    }
}
