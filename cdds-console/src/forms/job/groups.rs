//! Groups of fields that a form repeats: each group has its number behind the names of its fields.

use cdds_core::domain::delivery::JobDestinations;
use cdds_core::domain::job::Reads;
use cdds_core::domain::notice::subscription::Subscriptions;

use crate::answers::Answers;

/// A kind of group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Groups {
    /// The field that says how many there are.
    pub(crate) count: &'static str,
    fields: &'static [&'static str],
    least: usize,
    pub(crate) most: usize,
}

/// The types of a job (rule J17).
pub(crate) const READS: Groups = Groups {
    count: "reads",
    fields: &["type", "cat", "category", "fields", "filters"],
    least: 1,
    most: Reads::COUNT_MAX,
};

/// Where its sets are delivered (rule N1).
pub(crate) const PLACES: Groups =
    Groups { count: "places", fields: &["to", "path", "receipt"], least: 0, most: JobDestinations::MAX };

/// Who is told (rule N2).
pub(crate) const SUBSCRIBERS: Groups =
    Groups { count: "subscribers", fields: &["who", "told", "on"], least: 0, most: Subscriptions::MAX };

impl Groups {
    /// Returns the kind of group that a button names: `add:places`.
    pub(crate) fn named(name: &str) -> Option<Self> {
        [READS, PLACES, SUBSCRIBERS].into_iter().find(|groups| groups.count == name)
    }

    /// Returns how many groups the form has.
    pub(crate) fn of(self, answers: &Answers) -> usize {
        let said = answers.one(self.count).and_then(|count| count.parse().ok());
        said.unwrap_or(self.least).clamp(self.least, self.most)
    }

    /// Returns the answers with another group, if there is room for one.
    pub(crate) fn more(self, answers: &Answers) -> Answers {
        answers.with(self.count, (self.of(answers) + 1).min(self.most).to_string())
    }

    /// Returns the answers without a group; the ones behind it move up.
    pub(crate) fn without(self, answers: &Answers, gone: usize) -> Answers {
        let groups = self.of(answers);
        let moved = answers.pairs().filter_map(|(name, value)| {
            let number = name.rsplit_once('-').filter(|(field, _)| self.fields.contains(field));
            let number = number.and_then(|(field, number)| Some((field, number.parse::<usize>().ok()?)));
            let name = match number {
                Some((_, number)) if number == gone => return None,
                Some((field, number)) if number > gone => format!("{field}-{}", number - 1),
                _ => name.to_owned(),
            };
            Some((name, value.to_owned()))
        });
        let answers: Answers = moved.collect();
        answers.with(self.count, groups.saturating_sub(1).max(self.least).to_string())
    }
}
