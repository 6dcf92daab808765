//! Searches for parts of the titles of jobs.
//!
//! A full-text index holds the groups of one, two and three characters (grams) of each title, together with the
//! job's owner. A text of up to three characters is one gram, so the index has exactly the jobs whose titles hold
//! it. A longer one has several; the few titles that have all of them, but elsewhere, are left out by comparing.
//!
//! The index is asked for a limited number of jobs. If there are more, or if these are a good part of the list, the
//! list is walked and its titles are compared: the text is frequent, so a page is soon full. This takes longest, 0.3 to 0.8 µs for each job of the
//! owner, if the text is in more than [`FOUND_MAX`] titles and all of these are at the end of the list.

use cdds_core::domain::id::Owner;

use super::super::super::row::integer;
use super::super::driver::params;
use super::super::fault::Fault;
use super::super::transaction::Transaction;
use super::Filter;

/// The most jobs that are gathered by what the index found, and sorted.
const FOUND_MAX: u64 = 16_000;

/// So few jobs are gathered even if the owner has hardly more.
const FEW: u64 = 2_000;

/// To gather a job takes as long as to walk about so many.
const WALKED_PER_GATHERED: u64 = 4;

/// The most characters of a gram.
const GRAM: usize = 3;

/// The most grams that are searched at a time. Of more, some all over the text are: hardly any title has those and
/// not the text.
const GRAMS_MAX: usize = 32;

/// Counts the jobs that a full-text query finds, up to a limit.
const COUNTED: &str = "SELECT count(*) FROM (SELECT 1 FROM job_search WHERE job_search MATCH ?1 LIMIT ?2)";

/// Selects the numbers of the jobs that a full-text query finds.
const FOUND: &str = " IN (SELECT rowid FROM job_search WHERE job_search MATCH ?)";

const TITLE_HOLDS: &str = "instr(j.title_folded, ?) > 0";

impl Filter {
    /// Adds that the title of a job holds a folded text.
    pub(in super::super) fn and_titled(
        self,
        tx: &Transaction<'_>,
        owner: &Owner,
        text: Option<String>,
    ) -> Result<Self, Fault> {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(self) };
        if tx.plans_itself() {
            return Ok(self.and_each(TITLE_HOLDS, text));
        }
        let query = grams(owner, &text);
        let count: i64 = tx.query_row(COUNTED, params![query, integer(FOUND_MAX + 1)], |row| row.get(0))?;
        let count = u64::try_from(count).unwrap_or(0);
        if count > FOUND_MAX || count > FEW && self.has_at_most(tx, count * WALKED_PER_GATHERED)? {
            return Ok(self.and_each(TITLE_HOLDS, text));
        }
        let is_one_gram = text.chars().count() <= GRAM;
        let filter = self.and_counted("j.number", (FOUND, query), count);
        Ok(if is_one_gram { filter } else { filter.and_mostly(TITLE_HOLDS, Some(text)) })
    }

    /// Whether the list has at most so many rows without its conditions.
    fn has_at_most(&self, tx: &Transaction<'_>, rows: u64) -> Result<bool, Fault> {
        let of_owner = format!("{} = ? AND {}", self.owner.0, self.always);
        Ok(self.count(tx, (&of_owner, vec![self.owner.1.clone()]), "", rows)? <= rows)
    }
}

/// Returns the full-text query for the grams of a text that is not empty. Their words, in the form of the view
/// `job_words`, are hexadecimal digits, so no character of the text means anything in it.
fn grams(owner: &Owner, text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let all: Vec<&[char]> = characters.windows(characters.len().clamp(1, GRAM)).collect();
    let count = all.len().min(GRAMS_MAX);
    let words = (0..count).filter_map(|number| {
        // The first and the last, and others evenly in between.
        let place = number * all.len().saturating_sub(1) / count.saturating_sub(1).max(1);
        let gram = all.get(place)?.iter().collect::<String>();
        Some(format!("\"{}g{}\"", hex(owner.as_str()), hex(&gram)))
    });
    words.collect::<Vec<_>>().join(" AND ")
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use super::*;
    use crate::catalog::sqlite::plan::plan;

    fn searched(text: &str) -> Vec<String> {
        let owner = Owner::new("o").unwrap();
        grams(&owner, text).split(" AND ").map(|word| word.trim_matches('"').to_owned()).collect()
    }

    #[test]
    fn texts_are_cut_into_grams_of_characters() {
        assert_eq!(searched("ü"), ["6fgc3bc"]);
        assert_eq!(searched("a\""), ["6fg6122"]);
        assert_eq!(searched("a*b"), ["6fg612a62"]);
        assert_eq!(searched("a bc"), ["6fg612062", "6fg206263"]);
    }

    #[test]
    fn of_many_grams_some_all_over_the_text_are_searched() {
        let text: String = ('\u{100}'..='\u{1ff}').collect();
        let searched = searched(&text);
        assert_eq!(searched.len(), GRAMS_MAX);
        let gram = |from: usize| hex(&text.chars().skip(from).take(GRAM).collect::<String>());
        let places = [0, 8, 16, 24].map(|from| format!("6fg{}", gram(from)));
        assert_eq!(searched[..4], places);
        assert_eq!(searched[GRAMS_MAX - 1], format!("6fg{}", gram(253)));
    }

    #[test]
    fn jobs_are_gathered_by_number_out_of_one_index() {
        let sql = format!(
            "SELECT j.id FROM job j WHERE +j.owner = ? AND j.state <> 'deleted' AND j.number{FOUND}
             AND {TITLE_HOLDS} ORDER BY +j.next_due_at DESC, j.created_at DESC, j.id DESC LIMIT ?"
        );
        let steps = plan(&sql);
        assert!(steps[0].contains("j USING COVERING INDEX job_number (number=?"), "{steps:?}");
        assert!(steps.iter().any(|step| step.contains("job_search VIRTUAL TABLE INDEX")), "{steps:?}");
        let steps = plan(COUNTED);
        assert!(steps.iter().any(|step| step.contains("job_search VIRTUAL TABLE INDEX")), "{steps:?}");
    }

    #[test]
    fn a_frequent_text_is_searched_in_the_index_of_the_newest() {
        let sql = format!(
            "SELECT j.id, j.created_at FROM job j WHERE j.owner = ? AND j.state <> 'deleted' AND {TITLE_HOLDS}
             AND j.created_at < x'' ORDER BY j.created_at DESC, j.id DESC LIMIT ?"
        );
        let steps = plan(&sql);
        assert_eq!(steps.len(), 1, "{steps:?}");
        assert!(steps[0].contains("j USING COVERING INDEX job_list (owner=?"), "{steps:?}");
    }
}
