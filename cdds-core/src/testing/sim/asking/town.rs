//! The people of a world, and the records about them that its sources hold.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::super::dice::Dice;
use super::super::source::OWNERS;
use super::super::time::{DAY, Micros, micros_delta};
use crate::domain::id::{Owner, SourceId, TypeId};
use crate::domain::source::{DataType, Ownership, SourceDescription};
use crate::domain::subject::request::{Scope, ScopePart};
use crate::domain::subject::{
    Erased, ErasureRule, Identifier, IdentifierKind, ON_HOLD, Subject, SubjectField,
};
use crate::domain::violation::RuleViolation;

/// The number of people whom records name.
const PEOPLE: usize = 5;
/// The number of records when a world begins.
const FIRST_ROWS: usize = 60;

/// What a field names people by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum By {
    Email,
    Phone,
}

impl By {
    pub(super) const ALL: [Self; 2] = [Self::Email, Self::Phone];

    pub(super) fn kind(self) -> IdentifierKind {
        match self {
            Self::Email => IdentifierKind::Email,
            Self::Phone => IdentifierKind::Phone,
        }
    }

    /// The identifier of a person, in the form in which it is compared.
    pub(super) fn normal(self, person: usize) -> String {
        match self {
            Self::Email => format!("person{person}@example.com"),
            Self::Phone => format!("+4930555010{person}"),
        }
    }

    /// The same as records and people write it.
    fn spelled(self, person: usize, spelling: usize) -> String {
        match (self, spelling % 3) {
            (Self::Email, 0) => format!(" Person{person}@Example.COM"),
            (Self::Phone, 0) => format!("0049 (0)30 555-010{person}"),
            (Self::Phone, 1) => format!("+49 30/555 010{person}"),
            _ => self.normal(person),
        }
    }
}

/// A data type of a world.
#[derive(Debug)]
pub(super) struct RowType {
    pub(super) source: &'static str,
    pub(super) name: &'static str,
    /// The fields that name people; one that begins with a slash is within another one.
    fields: &'static [(&'static str, By)],
    pub(super) rule: Rule,
    /// Whether the source applies templates itself.
    pub(super) pushes_down: bool,
}

/// What an erasure does with the records of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    Delete,
    /// Empties the fields that name people.
    Empty,
    Keep,
    /// The source does not erase.
    None,
}

/// Why records are kept by their rule.
const BY_LAW: &str = "kept for ten years by law";
/// The type of which records may be on hold, and whose records others may need.
pub(super) const HELD: &str = "note";

pub(super) static TYPES: [RowType; 5] = [
    RowType {
        source: "crm",
        name: "customer",
        fields: &[("email", By::Email), ("phone", By::Phone)],
        rule: Rule::Delete,
        pushes_down: false,
    },
    RowType {
        source: "crm",
        name: "invoice",
        fields: &[("/buyer/email", By::Email)],
        rule: Rule::Keep,
        pushes_down: false,
    },
    RowType {
        source: "pbx",
        name: "call",
        fields: &[("caller", By::Phone), ("callee", By::Phone)],
        rule: Rule::Empty,
        pushes_down: false,
    },
    RowType {
        source: "pbx",
        name: "chat",
        fields: &[("phone", By::Phone)],
        rule: Rule::None,
        pushes_down: true,
    },
    RowType {
        source: "pbx",
        name: HELD,
        fields: &[("author", By::Email)],
        rule: Rule::Delete,
        pushes_down: false,
    },
];

/// Whether an erasure of this scope has a rule for one of its types, without which nobody may approve it (rule D3).
pub(super) fn reaches_anything(scope: &Scope) -> bool {
    TYPES.iter().any(|kind| kind.rule != Rule::None && kind.is_in(scope))
}

impl RowType {
    pub(super) fn find(source: &SourceId, data_type: &TypeId) -> Option<&'static Self> {
        TYPES.iter().find(|one| one.source == source.as_str() && one.name == data_type.as_str())
    }

    /// Whether a request of this scope asks about it.
    pub(super) fn is_in(&self, scope: &Scope) -> bool {
        let chosen = |part: &ScopePart| {
            let of_type = part.data_type.as_ref().is_none_or(|chosen| chosen.as_str() == self.name);
            part.source.as_str() == self.source && of_type
        };
        scope.parts().is_empty() || scope.parts().iter().any(chosen)
    }

    /// Whether its records name people by an identifier of such a kind.
    pub(super) fn names_by(&self, subject: &Subject) -> bool {
        self.fields.iter().any(|(_, by)| subject.of_kind(&by.kind()).next().is_some())
    }

    fn describe(&self) -> Result<DataType, RuleViolation> {
        let plain = DataType::new(TypeId::new(self.name)?)
            .with_event_instant()
            .with_settle_lag(micros_delta(0))
            .with_granularity(micros_delta(1))
            .with_ownership(Ownership::PerOwner);
        let field = |(name, by): &(&str, By)| SubjectField::new(*name, by.kind());
        let named = self.fields.iter().map(field).fold(plain, DataType::with_subject_field);
        let named = if self.pushes_down { named.with_push_down() } else { named };
        let empty = || self.fields.iter().map(|(name, _)| (*name).to_owned()).collect();
        Ok(match self.rule {
            Rule::Delete => named.with_erasure(ErasureRule::Delete),
            Rule::Empty => named.with_erasure(ErasureRule::Empty { fields: empty() }),
            Rule::Keep => named.with_erasure(ErasureRule::Keep { reason: BY_LAW.to_owned() }),
            Rule::None => named,
        })
    }
}

/// Describes the sources of a world.
pub(super) fn descriptions() -> Result<Vec<SourceDescription>, RuleViolation> {
    let names: BTreeSet<&str> = TYPES.iter().map(|one| one.source).collect();
    let describe = |name: &str| {
        let plain = SourceDescription::new(SourceId::new(name)?, name);
        let mut types = TYPES.iter().filter(|one| one.source == name);
        types.try_fold(plain, |source, one| Ok(source.with_type(one.describe()?)))
    };
    names.into_iter().map(describe).collect()
}

/// A record. Its number is its index in the town.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) kind: &'static RowType,
    pub(super) owner: &'static str,
    pub(super) at: DateTime<Utc>,
    /// Whom its fields name, in their order; `None` for one that was emptied.
    names: Vec<Option<usize>>,
    held: bool,
    there: bool,
    pub(super) arrived: Micros,
    /// When it last changed, came or went.
    pub(super) changed: Micros,
}

impl Row {
    /// Whether a person is named by it, by an identifier of a request.
    fn is_about(&self, subject: &Subject) -> bool {
        self.there && self.named().any(|(by, person)| is_named(subject, by, person))
    }

    /// Whom it names, and by what.
    pub(super) fn named(&self) -> impl Iterator<Item = (By, usize)> {
        self.kind.fields.iter().zip(&self.names).filter_map(|((_, by), person)| Some((*by, (*person)?)))
    }

    fn is_of(&self, owner: &Owner, kind: &RowType) -> bool {
        self.owner == owner.as_str() && std::ptr::eq(self.kind, kind)
    }

    /// The record as JSON.
    pub(super) fn line(&self, number: usize) -> String {
        let mut line = format!("{{\"id\":{number}");
        for ((name, by), person) in self.kind.fields.iter().zip(&self.names) {
            let value = person
                .map_or_else(|| "null".to_owned(), |person| format!("\"{}\"", by.spelled(person, number)));
            line += &match name.strip_prefix('/').and_then(|path| path.split_once('/')) {
                Some((outer, inner)) => format!(",\"{outer}\":{{\"{inner}\":{value}}}"),
                None => format!(",\"{name}\":{value}"),
            };
        }
        line + &format!(",\"text\":\"words {number}\"}}")
    }
}

/// Whether a request names a person by an identifier of this kind.
pub(super) fn is_named(subject: &Subject, by: By, person: usize) -> bool {
    let normal = by.normal(person);
    subject.of_kind(&by.kind()).any(|value| value == normal)
}

/// Names a person by some of the identifiers, as people write them.
pub(super) fn subject(dice: &mut Dice) -> Option<Subject> {
    let person = dice.index(PEOPLE);
    let some: &[By] = dice.pick(&[&By::ALL[..], &By::ALL[..1], &By::ALL[1..]])?;
    let spelling = dice.index(3);
    let identifiers = some.iter().map(|by| Identifier::new(by.kind(), &by.spelled(person, spelling)));
    Subject::new(identifiers.collect::<Result<Vec<_>, _>>().ok()?).ok()
}

/// Whether a text holds an identifier of anybody.
pub(super) fn names_anybody(text: &str) -> bool {
    let folded = text.to_lowercase();
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    (0..PEOPLE).any(|person| {
        let number = By::Phone.normal(person);
        folded.contains(&By::Email.normal(person)) || digits.contains(number.trim_start_matches('+'))
    })
}

/// Everything that the sources hold.
#[derive(Debug)]
pub(super) struct Town {
    rows: Vec<Row>,
    backup: Option<Vec<Row>>,
    /// Whether something else needs the records that may be on hold, so that they cannot be deleted.
    pub(super) is_needed: bool,
    /// When sources were last restored.
    pub(super) restored: Option<Micros>,
}

impl Town {
    pub(super) fn of(dice: &mut Dice, began_at: DateTime<Utc>) -> Self {
        let mut town = Self { rows: Vec::new(), backup: None, is_needed: false, restored: None };
        for _ in 0..FIRST_ROWS {
            town.arrive(dice, began_at - micros_delta(dice.clone().below(DAY)), 0);
        }
        town
    }

    /// Adds a record about somebody, and returns its owner and type.
    pub(super) fn arrive(
        &mut self,
        dice: &mut Dice,
        at: DateTime<Utc>,
        now: Micros,
    ) -> (&'static str, &'static RowType) {
        let (kind, owner) = (&TYPES[dice.index(TYPES.len())], OWNERS[dice.index(OWNERS.len())]);
        let person = dice.index(PEOPLE);
        // A call names two people; the fields of a customer name one.
        let other = if kind.rule == Rule::Empty { dice.index(PEOPLE) } else { person };
        let names = kind.fields.iter().zip([person, other]).map(|(_, person)| Some(person)).collect();
        let held = kind.name == HELD && dice.below(6) == 0;
        self.rows.push(Row { kind, owner, at, names, held, there: true, arrived: now, changed: now });
        (owner, kind)
    }

    /// Puts a record on hold, or releases it, and returns its owner and type.
    pub(super) fn turn_hold(
        &mut self,
        dice: &mut Dice,
        now: Micros,
    ) -> Option<(&'static str, &'static RowType)> {
        let held: Vec<usize> = (0..self.rows.len()).filter(|row| self.rows[*row].kind.name == HELD).collect();
        let row = &mut self.rows[dice.pick(&held)?];
        // Most are released.
        row.held = !row.held && dice.below(4) == 0;
        row.changed = now;
        Some((row.owner, row.kind))
    }

    pub(super) fn release_all(&mut self) {
        self.is_needed = false;
        self.rows.iter_mut().for_each(|row| row.held = false);
    }

    pub(super) fn back_up(&mut self) {
        self.backup = Some(self.rows.clone());
    }

    /// Brings the sources back to the backup. What came since is lost. Returns whether there was one.
    pub(super) fn restore(&mut self, now: Micros) -> bool {
        let Some(backup) = self.backup.take() else { return false };
        for (number, row) in self.rows.iter_mut().enumerate() {
            match backup.get(number) {
                Some(before) if before.there == row.there && before.names == row.names => {}
                Some(before) => *row = Row { changed: now, ..before.clone() },
                None => (row.there, row.changed) = (false, now),
            }
        }
        self.restored = Some(now);
        true
    }

    pub(super) fn row(&self, number: usize) -> Option<&Row> {
        self.rows.get(number)
    }

    /// Returns the numbers of an owner's records of a type, about a person or about anybody.
    pub(super) fn of_type(&self, owner: &Owner, kind: &RowType, subject: Option<&Subject>) -> Vec<usize> {
        let wanted = |row: &Row| {
            row.there && row.is_of(owner, kind) && subject.is_none_or(|subject| row.is_about(subject))
        };
        (0..self.rows.len()).filter(|number| wanted(&self.rows[*number])).collect()
    }

    /// Returns what an erasure would erase of these records, and what it leaves.
    pub(super) fn erasable(&self, kind: &RowType, numbers: &[usize]) -> (Vec<usize>, Erased) {
        let (mut gone, mut told) = (Vec::new(), Erased::default());
        for number in numbers {
            match kind.rule {
                Rule::Keep => told = told.with_kept(BY_LAW, 1),
                Rule::Delete if self.rows[*number].held => told = told.with_kept(ON_HOLD, 1),
                Rule::Delete | Rule::Empty => gone.push(*number),
                Rule::None => {}
            }
        }
        told.records = gone.len() as u64;
        (gone, told)
    }

    /// Erases these records.
    pub(super) fn erase(&mut self, numbers: &[usize], subject: &Subject, now: Micros) {
        for number in numbers {
            let row = &mut self.rows[*number];
            row.changed = now;
            match row.kind.rule {
                Rule::Empty => {
                    for ((_, by), name) in row.kind.fields.iter().zip(&mut row.names) {
                        *name = name.filter(|person| !is_named(subject, *by, *person));
                    }
                }
                _ => row.there = false,
            }
        }
    }
}
