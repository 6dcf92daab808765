//! The order of a list's rows, and the stretches of it that a page consists of.

use super::driver::Value;
use cdds_core::domain::execution::Status;
use cdds_core::ports::catalog::query::{Cursor, SortKey};

/// The sort key of a list.
#[derive(Debug)]
pub(super) struct Key {
    expression: String,
    nullable: bool,
}

impl Key {
    /// A column without nulls.
    pub(super) fn of(column: &str) -> Self {
        Self { expression: column.to_owned(), nullable: false }
    }

    /// A column that may be null.
    pub(super) fn nullable(column: &str) -> Self {
        Self { expression: column.to_owned(), nullable: true }
    }

    /// Sorts in this direction; breaks ties by `ties`.
    pub(super) fn order(self, descending: bool, ties: Ties) -> Order {
        Order { key: self, is_of_one_key: false, descending, ties }
    }
}

/// Returns the SQL of a name's position in a list of names; null for other names.
pub(super) fn rank(column: &str, names: impl IntoIterator<Item = &'static str>) -> String {
    let cases = names.into_iter().enumerate().map(|(rank, name)| format!(" WHEN '{name}' THEN {rank}"));
    format!("CASE {column}{} END", cases.collect::<String>())
}

/// Returns the position of a status, as [`rank`] has it.
pub(super) fn status_position(status: Status) -> Option<i64> {
    Status::ALL.iter().position(|one| *one == status).and_then(|position| i64::try_from(position).ok())
}

/// The columns that break ties.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ties {
    /// A column of instants without nulls: rows with equal keys are sorted by age. Each index of a list goes on
    /// with it, so that an index also serves a page by age of the rows with one value.
    pub(super) at: &'static str,
    pub(super) id: &'static str,
    /// For tables in which several rows have the same id. Ascending in either direction: the parts of a set
    /// stay in their order.
    pub(super) part: Option<&'static str>,
}

/// The order of a list's rows.
#[derive(Debug)]
pub(super) struct Order {
    key: Key,
    /// Whether a condition leaves one value of the key, so that ties decide alone. SQLite does not see this of
    /// an expression.
    is_of_one_key: bool,
    descending: bool,
    ties: Ties,
}

/// A stretch of rows in their order. Missing keys come last in either direction, while SQLite would have them
/// first or last, so they are a stretch of their own.
#[derive(Debug)]
pub(super) enum Place {
    /// Rows with a key; only those after the cursor.
    Present(Option<Cursor>),
    /// Rows without a key; only those after the cursor.
    Missing(Option<Cursor>),
}

impl Order {
    pub(super) fn expression(&self) -> &str {
        &self.key.expression
    }

    /// Whether rows are sorted by age.
    pub(super) fn is_by_age(&self) -> bool {
        self.is_of_one_key || self.key.expression == self.ties.at
    }

    /// Returns the clause that has the newest rows first.
    pub(super) fn newest_first(&self) -> String {
        format!("ORDER BY {} DESC", self.ties.at)
    }

    /// Returns the same order of rows that have one value of the key.
    pub(super) fn of_one_key(&self) -> Self {
        let Key { expression, .. } = &self.key;
        let key = Key { expression: expression.clone(), nullable: false };
        Self { key, is_of_one_key: true, ..*self }
    }

    /// Returns the columns of a row's place: its key, and what breaks ties.
    pub(super) fn selected(&self) -> String {
        let Ties { at, id, part } = self.ties;
        format!("{}, {at}, {id}, {}", self.key.expression, part.unwrap_or("0"))
    }

    /// Returns the stretches that a page may consist of, in order.
    pub(super) fn places(&self, after: Option<&Cursor>) -> Vec<Stretch<'_>> {
        let stretch = |place| Stretch { order: self, place };
        match after {
            Some(cursor) if cursor.key == SortKey::Missing => {
                vec![stretch(Place::Missing(Some(cursor.clone())))]
            }
            _ if !self.key.nullable => vec![stretch(Place::Present(after.cloned()))],
            _ => vec![stretch(Place::Present(after.cloned())), stretch(Place::Missing(None))],
        }
    }
}

/// A stretch of rows with its order.
#[derive(Debug)]
pub(super) struct Stretch<'a> {
    order: &'a Order,
    place: Place,
}

impl Stretch<'_> {
    /// Returns the columns that the stretch is sorted by, the part apart, each with the value of the cursor if
    /// there is one. A plus before the first keeps SQLite from walking its index.
    fn sorted_by(&self, plus: &str) -> Vec<(String, Option<Value>)> {
        let (after, with_key) = match &self.place {
            Place::Present(after) => (after.as_ref(), !self.order.is_by_age()),
            Place::Missing(after) => (after.as_ref(), false),
        };
        let ties = self.order.ties;
        let mut columns = Vec::with_capacity(3);
        if with_key {
            columns.push((self.order.key.expression.clone(), after.map(|after| value(&after.key))));
        }
        columns.push((ties.at.to_owned(), after.map(|after| after.at.into())));
        columns.push((ties.id.to_owned(), after.map(|after| after.id.clone().into())));
        if let Some((first, _)) = columns.first_mut() {
            first.insert_str(0, plus);
        }
        columns
    }

    /// Returns the `ORDER BY` clause.
    pub(super) fn order_by(&self, plus: &str) -> String {
        let direction = if self.order.descending { "DESC" } else { "ASC" };
        let columns = self.sorted_by(plus).into_iter().map(|(column, _)| format!("{column} {direction}"));
        let part = self.order.ties.part.map(str::to_owned);
        format!("ORDER BY {}", columns.chain(part).collect::<Vec<_>>().join(", "))
    }

    /// Returns the conditions that select the stretch, each with its values.
    pub(super) fn conditions(&self, plus: &str) -> Vec<(String, Vec<Value>)> {
        let Key { expression, nullable } = &self.order.key;
        let mut conditions = match self.place {
            Place::Missing(_) => vec![(format!("{plus}{expression} IS NULL"), Vec::new())],
            Place::Present(None) if *nullable => {
                vec![(format!("{plus}{expression} IS NOT NULL"), Vec::new())]
            }
            Place::Present(_) => Vec::new(),
        };
        match &self.place {
            Place::Missing(Some(after)) | Place::Present(Some(after)) => {
                conditions.extend(self.after(plus, after.part));
            }
            // True of every number and text: it tells SQLite to walk this column's index even if another has all
            // columns of the page, which would then have to be sorted.
            Place::Present(None) if plus.is_empty() => {
                let first = if self.order.is_by_age() { self.order.ties.at } else { expression };
                conditions.push((format!("{first} < x''"), Vec::new()));
            }
            Place::Missing(None) | Place::Present(None) => {}
        }
        conditions
    }

    /// Returns the conditions that select the rows after the cursor, whose part this is.
    fn after(&self, plus: &str, last_part: u32) -> Vec<(String, Vec<Value>)> {
        let beyond = if self.order.descending { '<' } else { '>' };
        let (columns, values): (Vec<String>, Vec<Option<Value>>) = self.sorted_by(plus).into_iter().unzip();
        let values: Vec<Value> = values.into_iter().flatten().collect();
        let marks = vec!["?"; columns.len()].join(", ");
        let row = columns.join(", ");
        let Some((first, least)) = columns.first().zip(values.first().cloned()) else {
            return Vec::new();
        };
        // The other conditions imply the first, with which an index can seek.
        let seek = (format!("{first} {beyond}= ?"), vec![least]);
        match self.order.ties.part {
            None => vec![seek, (format!("({row}) {beyond} ({marks})"), values)],
            Some(part) => {
                let of_same_set =
                    columns.iter().map(|column| format!("{} = ?", column.trim_start_matches('+')));
                let of_same_set = of_same_set.collect::<Vec<_>>().join(" AND ");
                let mut up_to_part = values.clone();
                up_to_part.push(last_part.into());
                vec![
                    seek,
                    (format!("({row}) {beyond}= ({marks})"), values),
                    (format!("NOT ({of_same_set} AND {part} <= ?)"), up_to_part),
                ]
            }
        }
    }
}

fn value(key: &SortKey) -> Value {
    match key {
        SortKey::Number(number) => (*number).into(),
        SortKey::Text(text) => text.clone().into(),
        SortKey::Missing => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(key: SortKey) -> Cursor {
        Cursor { key, at: 5, id: "x".to_owned(), part: 3 }
    }

    #[test]
    fn missing_keys_are_a_stretch_of_their_own_at_the_end() {
        let ties = Ties { at: "slot", id: "id", part: None };
        let order = Key::nullable("started_at").order(true, ties);
        let clauses = |after: Option<&Cursor>| -> Vec<String> {
            order.places(after).iter().map(|stretch| stretch.order_by("")).collect()
        };
        let (present, missing) =
            ("ORDER BY started_at DESC, slot DESC, id DESC", "ORDER BY slot DESC, id DESC");
        assert_eq!(clauses(None), [present, missing]);
        assert_eq!(clauses(Some(&cursor(SortKey::Number(1)))), [present, missing]);
        assert_eq!(clauses(Some(&cursor(SortKey::Missing))), [missing]);
    }

    #[test]
    fn a_list_by_age_names_its_column_once() {
        let order = Key::of("slot").order(false, Ties { at: "slot", id: "id", part: None });
        let places = order.places(None);
        assert_eq!(places.len(), 1);
        assert_eq!(places[0].order_by("+"), "ORDER BY +slot ASC, id ASC");
    }

    #[test]
    fn parts_stay_in_order_in_either_direction() {
        let order = Key::of("bytes").order(true, Ties { at: "at", id: "id", part: Some("part") });
        assert_eq!(order.places(None)[0].order_by(""), "ORDER BY bytes DESC, at DESC, id DESC, part");
    }

    #[test]
    fn each_mark_has_its_value() {
        for part in [None, Some("part")] {
            for key in [SortKey::Missing, SortKey::Number(1), SortKey::Text("t".to_owned())] {
                let order = Key::nullable("k").order(false, Ties { at: "at", id: "id", part });
                for stretch in order.places(Some(&cursor(key.clone()))) {
                    for (condition, values) in stretch.conditions("") {
                        assert_eq!(condition.matches('?').count(), values.len(), "{condition}");
                    }
                }
            }
        }
    }

    #[test]
    fn names_are_ranked_in_their_order() {
        assert_eq!(
            rank("status", ["queued", "failed"]),
            "CASE status WHEN 'queued' THEN 0 WHEN 'failed' THEN 1 END"
        );
    }
}
