//! Searches for parts of the names of files.
//!
//! A name holds the id of its execution, and most parts of a set hold their number. What else is in it is a form
//! that many names share: `export-/.zip` or `export-/.z//`, where one slash stands for the id and two for the
//! number; no name has a slash. The different forms of an owner are few and read one by one out of an index. They
//! tell where a text can be:
//! - in some forms, or in all: then their index has the rows;
//! - at some numbers: then an index has the rows by form and number;
//! - at the beginning of ids: then the index of ids has the rows;
//! - elsewhere in ids: these are found by their groups of three characters (trigrams), with a mark at either end.
//!
//! A text at more than one of these places is looked for at each, and the rows are gathered. Ids are random, so a
//! text too short for trigrams, or found too often, is in so many ids that a walk soon fills a page.

mod place;

use self::place::{AtId, Form, Place, Several, marked, place};
use super::super::driver::{OptionalExtension, Value, params_from_iter};
use super::super::fault::Fault;
use super::super::transaction::Transaction;
use super::Filter;
use super::condition::Index;

/// The form of a name behind its owner, who has no slash either, as the indexes have it. As one expression, so that
/// SQLite does not take one of these for the list of an owner's files.
const FORM: &str = "a.owner || '/' || replace(replace(a.name_folded, a.execution_id, '/'), \
                    '.z' || printf('%02d', a.part), '.z//')";

/// Whether a name holds the number of its part, as the index of these has it.
const HAS_NUMBER: &str = "instr(a.name_folded, '.z' || printf('%02d', a.part)) > 0";

/// The number of characters of a trigram.
const TRIGRAM: usize = 3;

/// The most trigrams that are searched at a time: so many are together in hardly any other id.
const TRIGRAMS_MAX: usize = 6;

/// The greatest number of a part that is looked for: an archive has no more parts (APPNOTE 4.4.19).
const NUMBERS_MAX: u32 = 0xffff;

/// The most rows that are gathered from several places. If there are more, the list is walked.
const GATHERED_MAX: usize = 8_000;

/// Whether a marked id holds a text.
const ID_HOLDS: &str = "instr('-' || a.execution_id || '.', ?) > 0";

const NAME_HOLDS: &str = "instr(a.name_folded, ?) > 0";

/// Selects the sets that a full-text query finds.
const SETS_FOUND: &str = "SELECT s.execution_id
     FROM (SELECT rowid AS number FROM set_search WHERE set_search MATCH ? LIMIT ?) f
     LEFT JOIN artifact_set s ON s.number = f.number";

/// The beginning of the statements that gather rows.
const ROWS: &str = "SELECT a.rowid FROM artifact a WHERE a.live AND";

impl Filter {
    /// Adds that the name of a file holds a folded text.
    pub(in super::super) fn and_named(
        self,
        tx: &Transaction<'_>,
        text: Option<String>,
    ) -> Result<Self, Fault> {
        let Some(text) = text else { return Ok(self) };
        if tx.plans_itself() {
            return Ok(self.and_each(NAME_HOLDS, text));
        }
        let Some(forms) = self.forms(tx)? else {
            return Ok(self.and_each(NAME_HOLDS, text));
        };
        let (at, in_all) = match place(&forms, &text) {
            Place::EachName => return Ok(self),
            Place::Forms(forms) => {
                let forms = forms.into_iter().map(|form| self.behind_owner() + &form).collect();
                return Ok(self.and_one_of(FORM, forms, Index::OfAll));
            }
            Place::Several(several) => {
                return Ok(match self.rows_at(tx, &several)? {
                    Some(rows) => self.and_rows("a.rowid", &rows).and_mostly(NAME_HOLDS, Some(text)),
                    None => self.and_each(NAME_HOLDS, text),
                });
            }
            Place::Anywhere => return Ok(self.and_each(NAME_HOLDS, text)),
            Place::Ids { at, in_all } => (at, in_all),
        };
        let filter = match &at {
            AtId::Beginning(beginning) => self.and_indexed_beginning("a.execution_id", beginning),
            AtId::Part(part) => match self.sets_with(tx, part)? {
                Some(sets) => self.and_found("a.execution_id", &sets),
                None => self.and_each(ID_HOLDS, part.clone()),
            },
        };
        Ok(if in_all { filter } else { filter.and_mostly(NAME_HOLDS, Some(text)) })
    }

    /// Returns what is before the forms of the owner.
    fn behind_owner(&self) -> String {
        match &self.owner.1 {
            Value::Text(owner) => format!("{owner}/"),
            _ => String::new(),
        }
    }

    /// Returns the forms of the owner, or `None` if there are too many or a number is too great.
    fn forms(&self, tx: &Transaction<'_>) -> Result<Option<Vec<Form>>, Fault> {
        let before = self.behind_owner();
        // The character after the slash ends them.
        let of_owner = (format!("{FORM} < ?1"), Value::Text(before.replace('/', "0")));
        let Some(texts) = self.values_of(tx, FORM, of_owner, &before)? else { return Ok(None) };
        let greatest = format!(
            "SELECT a.part FROM artifact a WHERE {FORM} = ?1 AND a.live AND {HAS_NUMBER} ORDER BY a.part DESC LIMIT 1"
        );
        let mut forms = Vec::with_capacity(texts.len());
        for text in texts {
            let number: Option<u32> = tx.query_row(&greatest, [&text], |row| row.get(0)).optional()?;
            let numbers_max = number.unwrap_or(0);
            if numbers_max > NUMBERS_MAX {
                return Ok(None);
            }
            let text = text.strip_prefix(&before).map(str::to_owned).unwrap_or_default();
            forms.push(Form { text, numbers_max });
        }
        Ok(Some(forms))
    }

    /// Returns the ids of the sets whose marked ids hold a text, or `None` if there are too many.
    fn sets_with(&self, tx: &Transaction<'_>, part: &str) -> Result<Option<Vec<String>>, Fault> {
        let Some(trigrams) = trigrams(part) else { return Ok(None) };
        let found = self.searched(tx, SETS_FOUND, &trigrams)?;
        Ok(found.map(|sets| sets.into_iter().filter(|id| marked(id).contains(part)).collect()))
    }

    /// Returns the rows of several places, or `None` if there are too many.
    fn rows_at(&self, tx: &Transaction<'_>, several: &Several) -> Result<Option<Vec<i64>>, Fault> {
        let before = self.behind_owner();
        let mut parts: Vec<(String, Vec<Value>)> = Vec::new();
        for at in &several.ids {
            let owner = self.owner.1.clone();
            match at {
                AtId::Beginning(id) => {
                    let values = vec![owner, id.clone().into(), format!("{id}g").into()];
                    parts.push((
                        "a.owner = ? AND a.execution_id >= ? AND a.execution_id < ?".to_owned(),
                        values,
                    ));
                }
                AtId::Part(part) => {
                    let Some(sets) = self.sets_with(tx, part)? else { return Ok(None) };
                    let of_sets = "+a.owner = ? AND a.execution_id IN (SELECT value FROM json_each(?))";
                    parts.push((of_sets.to_owned(), vec![owner, json(&sets).into()]));
                }
            }
        }
        for (form, numbers) in &several.numbers {
            let numbers: Vec<_> = numbers.iter().map(u32::to_string).collect();
            let values = vec![format!("{before}{form}").into(), format!("[{}]", numbers.join(",")).into()];
            parts.push((numbered(), values));
        }
        for form in &several.forms {
            parts.push((format!("{FORM} = ?"), vec![format!("{before}{form}").into()]));
        }
        let mut rows = Vec::new();
        for (condition, mut values) in parts {
            let limit = GATHERED_MAX.saturating_add(1).saturating_sub(rows.len());
            values.push(Value::Integer(i64::try_from(limit).unwrap_or(i64::MAX)));
            let mut statement = tx.prepare(&format!("{ROWS} {condition} LIMIT ?"))?;
            let found = statement.query_map(params_from_iter(values), |row| row.get(0))?;
            rows.extend(found.collect::<Result<Vec<i64>, _>>()?);
            if rows.len() > GATHERED_MAX {
                return Ok(None);
            }
        }
        rows.sort_unstable();
        rows.dedup();
        Ok(Some(rows))
    }
}

/// The condition of the names of one form with one of some numbers.
fn numbered() -> String {
    format!("{FORM} = ? AND {HAS_NUMBER} AND a.part IN (SELECT value FROM json_each(?))")
}

/// Writes ids, which need no escapes.
fn json(ids: &[String]) -> String {
    let quoted: Vec<_> = ids.iter().map(|id| format!("\"{id}\"")).collect();
    format!("[{}]", quoted.join(","))
}

/// Returns the full-text query for trigrams of a part of a marked id, or `None` if it is too short.
fn trigrams(part: &str) -> Option<String> {
    let characters: Vec<char> = part.chars().collect();
    let quoted = |three: &[char]| format!("\"{}\"", three.iter().collect::<String>());
    let all: Vec<_> = characters.windows(TRIGRAM).take(TRIGRAMS_MAX).map(quoted).collect();
    (!all.is_empty()).then(|| all.join(" AND "))
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use super::*;
    use crate::catalog::sqlite::plan::plan;

    #[test]
    fn parts_of_ids_are_cut_into_trigrams() {
        assert_eq!(trigrams("3f"), None);
        assert_eq!(trigrams("3f2a.").as_deref(), Some("\"3f2\" AND \"f2a\" AND \"2a.\""));
    }

    #[test]
    fn parts_of_names_are_found_by_indexes() {
        let steps = plan(SETS_FOUND);
        assert!(steps.iter().any(|step| step.contains("set_search VIRTUAL TABLE INDEX")), "{steps:?}");
        assert!(steps.iter().any(|step| step.contains("artifact_set_number (number=?)")), "{steps:?}");
        for (sql, index) in [
            (
                format!(
                    "SELECT {FORM} FROM artifact a WHERE {FORM} < ?1 AND a.live AND {FORM} > ?2 ORDER BY {FORM}"
                ),
                "a USING COVERING INDEX artifact_list_form (<expr>>? AND <expr><?)",
            ),
            (
                format!("SELECT 1 FROM artifact a WHERE a.live AND {FORM} = ? LIMIT ?"),
                "a USING COVERING INDEX artifact_list_form (<expr>=?)",
            ),
            (
                format!(
                    "SELECT a.part FROM artifact a WHERE {FORM} = ?1 AND a.live AND {HAS_NUMBER}
                     ORDER BY a.part DESC LIMIT 1"
                ),
                "a USING COVERING INDEX artifact_list_number (<expr>=?)",
            ),
            (
                format!("{ROWS} {} LIMIT ?", numbered()),
                "a USING COVERING INDEX artifact_list_number (<expr>=? AND part=?)",
            ),
        ] {
            let steps = plan(&sql);
            assert!(steps[0].contains(index), "{steps:?}");
            assert!(steps.iter().all(|step| !step.contains("B-TREE")), "{steps:?}");
        }
    }
}
