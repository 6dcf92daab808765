//! The rows that the checks let a fixture write.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Row, SourceFixture};
use crate::domain::id::Owner;
use crate::domain::subject::{IdentifierKind, StoredForm};
use crate::ports::source::DataType;

/// Texts that a careless reader or writer damages.
const NOTES: [&str; 6] =
    ["plain", "with \"quotes\" and \\", "Zürich – 東京", "a, b; c\td", "{\"a\": 1}", "' OR 1=1 --"];

/// Returns 2026-03-01, moved by whole microseconds.
pub(super) fn at(micros: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::microseconds(1_772_323_200_000_000 + micros)
}

/// Returns a row without instants, category or owner of its own.
pub(super) fn row(number: usize) -> Row {
    Row {
        id: format!("r-{number}"),
        note: NOTES[number % NOTES.len()].to_owned(),
        event_at: None,
        changed_at: None,
        category: None,
        owner: Owner::default(),
        phone: None,
        email: None,
    }
}

/// Returns a row with each event instant, as far as the type has such.
pub(super) fn dated(instants: impl IntoIterator<Item = DateTime<Utc>>) -> Vec<Row> {
    let numbered = instants.into_iter().enumerate();
    numbered.map(|(number, instant)| Row { event_at: Some(instant), ..row(number) }).collect()
}

/// Returns 12,000 rows of half a kilobyte, a minute apart.
pub(super) fn many() -> Vec<Row> {
    let filler = "long ".repeat(80);
    let minutes = (0..12_000).map(|minute| at(minute * 60_000_000));
    let rows = dated(minutes).into_iter();
    rows.map(|row| Row { note: format!("{} {filler}", row.id), ..row }).collect()
}

/// Takes from the rows what the type does not declare.
pub(super) fn declared(data_type: &DataType, rows: Vec<Row>) -> Vec<Row> {
    let stored = |kind: IdentifierKind, text: Option<String>| {
        let field = data_type.subject_fields.iter().find(|field| field.kind == kind)?;
        match field.stored {
            StoredForm::AsWritten => text,
            StoredForm::Normalised => Some(kind.normalise(&text?)?.into_owned()),
        }
    };
    let clean = |row: Row| Row {
        phone: stored(IdentifierKind::Phone, row.phone),
        email: stored(IdentifierKind::Email, row.email),
        event_at: row.event_at.filter(|_| data_type.has_event_instant),
        changed_at: row.changed_at.filter(|_| data_type.has_change_instant),
        category: row.category.filter(|_| data_type.category.is_some()),
        ..row
    };
    rows.into_iter().map(clean).collect()
}

/// Returns a whole number of the fixture's steps.
pub(super) fn steps(fixture: &dyn SourceFixture, count: i32) -> TimeDelta {
    fixture.step() * count
}
