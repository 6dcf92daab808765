//! Finds text in a column of ISO instants that sorts outside every window: `20260102`, `02.01.2026`, `soon`.
//! Without this search such a row would silently be missing from every export. It is a bad record (rule E10).
//!
//! An index leads from text to text in order. All text that begins with a year and a month is skipped at
//! once: if it is not an instant, it sorts among those of its month, where a window finds it. So a column of
//! ten years costs about 120 steps.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{OptionalExtension, ToSql};

use super::open::{Database, Relation};

/// Text in its stored bytes, UTF-8 or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoredText(Vec<u8>);

impl ToSql for StoredText {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(&self.0)))
    }
}

/// The last character of Unicode, which sorts after all other text with the same beginning.
const LAST: &[u8] = "\u{10ffff}".as_bytes();

/// Iterates in order over the distinct texts in a column that do not begin with a year and a month.
#[derive(Debug)]
pub(super) struct Strays {
    sql: String,
    /// The next one sorts after this.
    after: StoredText,
}

impl Strays {
    /// Starts after the empty text, which counts as a missing instant.
    pub(super) fn new(relation: &Relation, column: &str) -> Self {
        let from = &relation.from;
        // Text sorts before blobs.
        let text = format!("{column} > ? AND {column} < x''");
        let sql = format!("SELECT {column} FROM {from} WHERE {text} ORDER BY {column} LIMIT 1");
        Self { sql, after: StoredText(Vec::new()) }
    }

    /// Returns the next one; `None` after the last.
    pub(super) fn next(&mut self, database: &Database) -> rusqlite::Result<Option<StoredText>> {
        let mut seek = database.connection().prepare(&self.sql)?;
        loop {
            let found = seek.query_row([&self.after], |row| Ok(row.get_ref(0)?.as_bytes()?.to_vec()));
            let Some(text) = found.optional()? else { return Ok(None) };
            // Text that sorts even behind its month is a stray. Without the filter the search would stand
            // still at it.
            match behind_month(&text).filter(|behind| *behind != self.after) {
                Some(behind) => self.after = behind,
                None => {
                    self.after = StoredText(text);
                    return Ok(Some(self.after.clone()));
                }
            }
        }
    }
}

/// Returns the text that sorts after everything with the same `yyyy-mm-`, if the text begins like that.
fn behind_month(text: &[u8]) -> Option<StoredText> {
    let (month, _) = text.split_first_chunk::<8>()?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-'] = month else { return None };
    let digits = [y1, y2, y3, y4, m1, m2].into_iter().all(u8::is_ascii_digit);
    let is_month = matches!((m1, m2), (b'0', b'1'..=b'9') | (b'1', b'0'..=b'2'));
    (digits && is_month).then(|| StoredText([month, LAST].concat()))
}
