//! The statements of a catalog in PostgreSQL's dialect.

use std::iter::Peekable;
use std::str::Chars;

/// Words of SQLite, with those that mean the same. Hints for its planner become nothing.
const WORDS: [(&str, &str); 9] = [
    ("INDEXED BY execution_begun", ""),
    ("CROSS JOIN", "JOIN"),
    ("instr(", "strpos("),
    ("json_each(?)", "json_array_elements_text(CAST(? AS json))"),
    // A comparison that holds for all values.
    ("< x''", "IS NOT NULL"),
    // What signs of life change is in a table of its own.
    ("e.progress", BEATEN_E),
    ("l.progress", BEATEN_L),
    ("e.lease_renewed_at", RENEWED_AT),
    ("e.lease_expires_at", EXPIRES_AT),
];

const BEATEN_E: &str = "CASE e.status WHEN 'in_progress' THEN coalesce((SELECT b.progress FROM beaten b \
    WHERE b.execution_id = e.id AND b.epoch = e.epoch), e.progress) ELSE e.progress END";

const BEATEN_L: &str = "CASE l.status WHEN 'in_progress' THEN coalesce((SELECT b.progress FROM beaten b \
    WHERE b.execution_id = l.id AND b.epoch = l.epoch), l.progress) ELSE l.progress END";

const RENEWED_AT: &str = "coalesce((SELECT b.lease_renewed_at FROM beat b \
    WHERE b.execution_id = e.id AND b.epoch = e.epoch), e.lease_renewed_at)";

const EXPIRES_AT: &str = "coalesce((SELECT b.lease_expires_at FROM beat b \
    WHERE b.execution_id = e.id AND b.epoch = e.epoch), e.lease_expires_at)";

/// Translates a statement: placeholders (`?1` and `?`), and what is special to SQLite.
pub(super) fn translate(sql: &str) -> String {
    let mut text = sql.to_owned();
    for (theirs, ours) in WORDS {
        if text.contains(theirs) {
            text = text.replace(theirs, ours);
        }
    }
    let mut translated = String::with_capacity(text.len() + 16);
    let mut characters = text.chars().peekable();
    let (mut marks, mut is_quoted) = (0_u32, false);
    while let Some(one) = characters.next() {
        match one {
            '\'' => is_quoted = !is_quoted,
            '?' if !is_quoted => {
                translated.push('$');
                if !characters.peek().is_some_and(char::is_ascii_digit) {
                    marks += 1;
                    translated.push_str(&marks.to_string());
                }
                continue;
            }
            // A plus before a column keeps SQLite from its index.
            '+' if !is_quoted && is_before_operand(&mut characters) => continue,
            _ => {}
        }
        translated.push(one);
    }
    translated
}

/// Whether a plus is one of a single operand: those between two have spaces around them.
fn is_before_operand(characters: &mut Peekable<Chars<'_>>) -> bool {
    characters.peek().is_some_and(|one| one.is_ascii_alphabetic() || *one == '(')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_numbered() {
        assert_eq!(translate("a = ?2 AND b = ?1 AND c = ?10"), "a = $2 AND b = $1 AND c = $10");
        assert_eq!(translate("a = ? AND b IN (?, ?) LIMIT ?"), "a = $1 AND b IN ($2, $3) LIMIT $4");
        assert_eq!(translate("a = 'why?' AND b = ?"), "a = 'why?' AND b = $1");
    }

    #[test]
    fn hints_for_the_planner_of_sqlite_are_left_out() {
        assert_eq!(translate("+e.owner = ?1 ORDER BY +(a - b) DESC"), "e.owner = $1 ORDER BY (a - b) DESC");
        assert_eq!(translate("SET revision = revision + 1"), "SET revision = revision + 1");
        assert_eq!(translate("slot < x'' AND a = '+b'"), "slot IS NOT NULL AND a = '+b'");
        assert_eq!(translate("a CROSS JOIN b ON TRUE"), "a JOIN b ON TRUE");
    }

    #[test]
    fn what_signs_of_life_change_is_looked_up_where_they_are() {
        let running = translate("SELECT e.id, e.progress FROM execution e WHERE e.lease_expires_at > ?1");
        assert!(
            running.contains("FROM beaten b WHERE b.execution_id = e.id AND b.epoch = e.epoch"),
            "{running}"
        );
        assert!(running.ends_with("AND b.epoch = e.epoch), e.lease_expires_at) > $1"), "{running}");
        let stored = "UPDATE execution SET progress = $1, lease_expires_at = $2";
        assert_eq!(translate(stored), stored);
    }

    #[test]
    fn functions_are_named_as_here() {
        assert_eq!(translate("instr(name, ?) > 0"), "strpos(name, $1) > 0");
        assert_eq!(
            translate("id IN (SELECT value FROM json_each(?)) LIMIT ?"),
            "id IN (SELECT value FROM json_array_elements_text(CAST($1 AS json))) LIMIT $2"
        );
    }
}
