//! A simulated source whose records become visible late, and the expected records of each window.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, DurationRound, NaiveTime, TimeDelta, Utc};
use futures::{FutureExt, StreamExt};

use super::dice::Dice;
use super::executor::give_way;
use super::faults::{CHANGED, Care, Faults};
use super::planted::PlantedBug;
use super::profile::Profile;
use super::time::{HOUR, Micros, SECOND, Timeline, micros_delta};
use crate::domain::calendar::window::Window;
use crate::domain::id::{Owner, SourceId, TypeId};
use crate::domain::job::Reads;
use crate::domain::record::selection::{CategoryDimension, CategorySelection};
use crate::domain::record::{RecordBatch, RecordBatchBuilder};
use crate::domain::violation::RuleViolation;
use crate::ports::source::{
    DataType, Estimate, Ownership, ReadRequest, RecordInstant, RecordStream, Source, SourceDescription,
    SourceError, Visibility,
};
use crate::ports::workers::Workers;

/// The categories of the records.
pub(super) const CATEGORIES: [&str; 2] = ["voice", "chat"];

/// The data types of the records. In many worlds all are of the first one.
pub(super) const TYPES: [&str; 2] = ["call", "note"];

/// The field by which jobs filter, and the number of its values: 0, 1 and so on.
pub(super) const GROUP: &str = "group";
pub(super) const GROUPS: usize = 4;

/// The owners of the records and of the jobs.
pub(super) const OWNERS: [&str; 2] = ["north", "south"];

/// The owner who does not see the source that [`unseen`] names. The other one does.
pub(super) const UNSEEN_BY: &str = OWNERS[0];

/// The name of the source that only one owner sees.
pub(super) fn unseen() -> Option<SourceId> {
    SourceId::new("calls-of-south").ok()
}

/// Records in one batch.
pub(super) const BATCH: usize = 24;

/// A record, or one version of it. Its number is its index in [`Rows`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) event_at: DateTime<Utc>,
    /// When a change created this version; `None` for the first one.
    pub(super) changed_at: Option<DateTime<Utc>>,
    pub(super) visible_at: DateTime<Utc>,
    /// When the next version replaced it.
    pub(super) superseded_at: Option<DateTime<Utc>>,
    /// The number of the first version.
    pub(super) first: usize,
    pub(super) data_type: &'static str,
    pub(super) category: &'static str,
    pub(super) owner: &'static str,
}

impl Row {
    /// The instant that decides which window it belongs to (rule W7).
    pub(super) fn instant(&self, by: RecordInstant) -> DateTime<Utc> {
        match by {
            RecordInstant::Event => self.event_at,
            RecordInstant::Change => self.changed_at.unwrap_or(self.event_at),
        }
    }

    /// The value of the field by which jobs filter. All versions of a record have the same.
    pub(super) fn group(&self) -> usize {
        self.first % GROUPS
    }

    /// Whether it is readable at some time in this range.
    pub(super) fn can_be_read(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> bool {
        self.visible_at <= to && self.superseded_at.is_none_or(|at| from < at)
    }
}

/// All records that the world will ever have, by event instant. A record is readable from its visible instant
/// until that of its next version.
#[derive(Debug)]
pub(super) struct Rows {
    rows: Vec<Row>,
    /// The numbers of all records, by change instant.
    by_change: Vec<usize>,
    /// Whether each record is of one owner. Otherwise all owners share them.
    per_owner: bool,
}

impl Rows {
    /// Creates records of the days before the world and of its own `days`. About half of them lie within the
    /// lag of a whole hour, where mistakes are likely. In some worlds many records are changed later.
    pub(super) fn of(profile: &Profile, seed: u64, days: u32) -> Self {
        let (mut dice, mut changes, mut owners, mut types) =
            (Dice::new(seed, 2), Dice::new(seed, 8), Dice::new(seed, 12), Dice::new(seed, 13));
        let first = profile.began_at - chrono::TimeDelta::days(3);
        let calm_at = profile.began_at + micros_delta(u64::from(days) * super::time::DAY);
        let length = (u64::from(days) + 5) * super::time::DAY;
        let (mut rows, mut written, mut records) = (Vec::new(), 0, 0);
        while written < length {
            written += dice.below(2 * profile.row_distance) + 1;
            let (event_at, visible_at) = instants(&mut dice, profile, calm_at, first + micros_delta(written));
            let category = CATEGORIES[dice.index(CATEGORIES.len())];
            let owner = OWNERS[owners.index(OWNERS.len())];
            let data_type = TYPES[if profile.two_types { types.index(TYPES.len()) } else { 0 }];
            let (first, changed_at, superseded_at) = (records, None, None);
            let mut row =
                Row { event_at, changed_at, visible_at, superseded_at, first, data_type, category, owner };
            records += 1;
            while changes.below(100) < profile.changing {
                let at = row.visible_at + micros_delta(changes.below(30 * HOUR));
                let (changed_at, visible_at) = instants(&mut changes, profile, calm_at, at);
                if changed_at <= row.visible_at {
                    break;
                }
                rows.push(Row { superseded_at: Some(visible_at), ..row });
                row = Row { changed_at: Some(changed_at), visible_at, ..row };
            }
            rows.push(row);
        }
        rows.sort_by_key(|row| row.event_at);
        Self::numbered(rows, profile.per_owner)
    }

    fn numbered(mut rows: Vec<Row>, per_owner: bool) -> Self {
        let mut firsts = BTreeMap::new();
        for (number, row) in rows.iter_mut().enumerate() {
            row.first = *firsts.entry(row.first).or_insert(number);
        }
        let mut by_change: Vec<usize> = (0..rows.len()).collect();
        by_change.sort_by_key(|number| rows[*number].instant(RecordInstant::Change));
        Self { rows, by_change, per_owner }
    }

    /// Returns the numbers of the records in a window in ascending order, whether or not they are visible
    /// yet.
    pub(super) fn of_window(&self, window: Window, by: RecordInstant) -> Vec<usize> {
        let after = |instant: DateTime<Utc>| {
            let place = |row: &Row| row.instant(by) < instant;
            match by {
                RecordInstant::Event => self.rows.partition_point(place),
                RecordInstant::Change => self.by_change.partition_point(|number| place(&self.rows[*number])),
            }
        };
        let range = window.start().map_or(0, after)..after(window.end());
        match by {
            RecordInstant::Event => range.collect(),
            RecordInstant::Change => {
                let mut numbers = self.by_change[range].to_vec();
                numbers.sort_unstable();
                numbers
            }
        }
    }

    /// Returns those of them that an owner may export (rule J16).
    pub(super) fn of_owner(&self, owner: &Owner, window: Window, by: RecordInstant) -> Vec<usize> {
        let mut numbers = self.of_window(window, by);
        numbers.retain(|number| self.belongs(*number, owner));
        numbers
    }

    /// Whether an owner may export a record.
    pub(super) fn belongs(&self, number: usize, owner: &Owner) -> bool {
        !self.per_owner || self.row(number).is_some_and(|row| row.owner == owner.as_str())
    }

    /// Returns the owner if others have other records.
    pub(super) fn separate<'a>(&self, owner: &'a Owner) -> Option<&'a Owner> {
        Some(owner).filter(|_| self.per_owner)
    }

    /// Returns the instant up to which an owner's records of a type are complete at `now` (rule W3b): that of
    /// the first record that still has to appear. By event, a later version takes the place of the first.
    pub(super) fn complete_until(
        &self,
        owner: &Owner,
        data_type: &TypeId,
        now: DateTime<Utc>,
        by: RecordInstant,
    ) -> DateTime<Utc> {
        let appears = |row: &&Row| by == RecordInstant::Change || row.changed_at.is_none();
        let of_owner = |row: &&Row| !self.per_owner || row.owner == owner.as_str();
        let own = |row: &&Row| row.data_type == data_type.as_str() && of_owner(row);
        let missing = self.rows.iter().filter(own).filter(appears).filter(|row| row.visible_at > now);
        missing.map(|row| row.instant(by)).min().map_or(now, |first| first.min(now))
    }

    pub(super) fn count(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn row(&self, number: usize) -> Option<&Row> {
        self.rows.get(number)
    }
}

/// Returns an event instant at or near `at`, and the instant at which the record becomes visible.
fn instants(
    dice: &mut Dice,
    profile: &Profile,
    calm_at: DateTime<Utc>,
    mut at: DateTime<Utc>,
) -> (DateTime<Utc>, DateTime<Utc>) {
    if dice.coin() {
        let hour = at.duration_round(micros_delta(HOUR)).unwrap_or(at);
        at = hour + micros_delta(dice.below(2 * profile.lag + SECOND)) - micros_delta(profile.lag);
    }
    let mut visible_at = at + micros_delta(late(dice, profile.lag));
    if profile.straggling > 0 && dice.below(100) < profile.straggling {
        // As if it were written by a transaction that takes hours. All of them end before the world is calm.
        visible_at = (at + micros_delta(dice.below(12 * HOUR))).min(calm_at).max(visible_at);
    }
    (at.duration_trunc(micros_delta(profile.granularity)).unwrap_or(at), visible_at)
}

/// Draws a delay: mostly the maximum, sometimes none.
fn late(dice: &mut Dice, lag: Micros) -> Micros {
    match dice.below(4) {
        0 => 0,
        1 => dice.below(lag + 1),
        _ => lag,
    }
}

/// The data types of a world.
pub(super) fn types(profile: &Profile) -> &'static [&'static str] {
    if profile.two_types { &TYPES } else { &TYPES[..1] }
}

/// Whether a job with these reads exports a record: it reads the record's type, and selects its category and
/// its group.
pub(super) fn exports(reads: &Reads, row: &Row) -> bool {
    let of_type = reads.iter().find(|read| read.data_type.as_str() == row.data_type);
    let group = row.group().to_string();
    of_type.is_some_and(|read| {
        let mut filters = read.template.filters.iter();
        selects(&read.categories, row.category) && filters.all(|filter| filter.values().contains(&group))
    })
}

pub(super) fn selects(categories: &CategorySelection, category: &str) -> bool {
    match categories {
        CategorySelection::All => true,
        CategorySelection::Only(selected) => selected.contains(category),
    }
}

/// Describes the sources of a world: one that all owners see, and one that one of them does not see. Both
/// have the same records, of one data type or of two that are alike.
pub(super) fn descriptions(profile: &Profile) -> Result<Vec<SourceDescription>, RuleViolation> {
    let values = CATEGORIES.iter().map(|&value| value.to_owned()).collect();
    let dimension = CategoryDimension { name: "media types".to_owned(), values };
    let data_type = |name: &str| {
        let plain = DataType::new(TypeId::new(name)?).with_event_instant();
        let plain = if profile.changing > 0 { plain.with_change_instant() } else { plain };
        let data_type = plain
            .with_category(dimension.clone())
            .with_settle_lag(profile.settle_lag())
            .with_granularity(micros_delta(profile.granularity))
            .with_ownership(if profile.per_owner { Ownership::PerOwner } else { Ownership::Shared });
        Ok(data_type)
    };
    let types = types(profile).iter().map(|name| data_type(name)).collect::<Result<Vec<_>, _>>()?;
    let describe = |id| {
        let described = SourceDescription::new(id, "Calls");
        let mut description = types.iter().cloned().fold(described, SourceDescription::with_type);
        description.max_concurrent = profile.source_limit;
        description
    };
    let seen_by = OWNERS.into_iter().filter(|owner| *owner != UNSEEN_BY).map(Owner::new);
    let visibility = Visibility::Owners(seen_by.collect::<Result<_, _>>()?);
    let unseen = unseen().map(|id| describe(id).with_visibility(visibility));
    Ok(std::iter::once(describe(SourceId::new("calls")?)).chain(unseen).collect())
}

/// The simulated records as a [`Source`].
#[derive(Debug)]
pub(super) struct RowSource {
    pub(super) description: SourceDescription,
    pub(super) rows: Arc<Rows>,
    pub(super) timeline: Timeline,
    pub(super) padding: usize,
    pub(super) knows_completeness: bool,
    pub(super) bug: Option<PlantedBug>,
    pub(super) faults: Faults,
}

impl RowSource {
    fn wanted(&self, request: &ReadRequest) -> Vec<usize> {
        let now = self.timeline.now();
        let by = match self.bug {
            Some(PlantedBug::ChangesPassedOver) => RecordInstant::Event,
            _ => request.by,
        };
        let mut there = match self.bug {
            Some(PlantedBug::OwnerLeak) => self.rows.of_window(request.window, by),
            _ => self.rows.of_owner(&request.owner, request.window, by),
        };
        let of_type = |row: &Row| row.data_type == request.data_type.as_str();
        there.retain(|number| self.rows.row(*number).is_some_and(of_type));
        if self.bug == Some(PlantedBug::SecondReadForgotten) && request.data_type.as_str() == TYPES[1] {
            there.clear();
        }
        let wanted = |row: &Row| row.can_be_read(now, now) && selects(&request.categories, row.category);
        let numbers = there.iter().copied().filter(|number| self.rows.row(*number).is_some_and(wanted));
        self.wrong(numbers.collect(), &there, request, now)
    }

    /// Applies the source's planted bug, if there is one, to the numbers of the records to return.
    fn wrong(
        &self,
        mut numbers: Vec<usize>,
        there: &[usize],
        request: &ReadRequest,
        now: DateTime<Utc>,
    ) -> Vec<usize> {
        let window = request.window;
        let rarely = self.timeline.elapsed().is_multiple_of(8);
        let is = |number: &usize, what: &dyn Fn(&Row) -> bool| self.rows.row(*number).is_some_and(what);
        match self.bug {
            // At midnight the record would lie on a day outside the window, which the engine notices by
            // itself.
            Some(PlantedBug::ClosedWindow) if window.end().time() != NaiveTime::MIN => {
                let at_end = Window::between(window.end(), window.end() + TimeDelta::microseconds(1));
                let selected = |row: &Row| {
                    let asked = row.data_type == request.data_type.as_str();
                    asked && row.can_be_read(now, now) && selects(&request.categories, row.category)
                };
                let more = self.rows.of_owner(&request.owner, at_end, request.by).into_iter();
                numbers.extend(more.filter(|number| is(number, &selected)));
            }
            Some(PlantedBug::UnstableOrder) if rarely => numbers.reverse(),
            Some(PlantedBug::RowLost) if rarely => drop(numbers.pop()),
            Some(PlantedBug::RowTwice) if rarely => numbers.extend(numbers.last().copied()),
            Some(PlantedBug::DeselectedCategory) => {
                let deselected = |row: &Row| !selects(&request.categories, row.category);
                numbers.extend(there.iter().filter(|number| is(number, &deselected)));
            }
            // By change, the day of a record says nothing about the window.
            Some(PlantedBug::DayBefore) if request.by == RecordInstant::Event => {
                let day = window.start().and_then(|start| start.duration_trunc(TimeDelta::days(1)).ok());
                let of_type = |row: &Row| row.data_type == request.data_type.as_str();
                let before = |row: &Row| of_type(row) && day.is_some_and(|day| row.event_at < day);
                let first = there.first().copied().unwrap_or(0);
                let own = |number: &usize| self.rows.belongs(*number, &request.owner);
                numbers.extend((0..first).rev().filter(own).find(|number| is(number, &before)));
            }
            Some(PlantedBug::LateRows) => {
                let settled = |row: &Row| row.visible_at + TimeDelta::seconds(90) <= now;
                numbers.retain(|number| is(number, &settled));
            }
            Some(PlantedBug::OldVersions) => {
                let first = |number: &usize| self.rows.row(*number).map_or(*number, |row| row.first);
                numbers.iter_mut().for_each(|number| *number = first(number));
            }
            _ => {}
        }
        numbers
    }

    fn batch(&self, numbers: &[usize], request: &ReadRequest) -> RecordBatch {
        let mut batch = RecordBatchBuilder::new();
        let padding = "x".repeat(self.padding);
        for number in numbers {
            let Some(row) = self.rows.row(*number) else { continue };
            let place = request.place(Some(row.category.into()), Some(row.event_at));
            let mut record = batch.record(&place);
            record
                .unsigned("id", *number as u64)
                .unsigned(GROUP, row.group() as u64)
                .text("padding", &padding);
            record.finish();
        }
        batch.take()
    }
}

/// Parses the number of the record in a line.
pub(super) fn number(line: &[u8]) -> Option<usize> {
    let digits = line.strip_prefix(b"{\"id\":")?;
    let end = digits.iter().position(|byte| !byte.is_ascii_digit())?;
    std::str::from_utf8(&digits[..end]).ok()?.parse().ok()
}

#[async_trait]
impl Source for RowSource {
    fn describe(&self) -> &SourceDescription {
        &self.description
    }

    async fn estimate(&self, request: &ReadRequest) -> Result<Option<Estimate>, SourceError> {
        let records = self.rows.of_owner(&request.owner, request.window, request.by).len() as u64;
        // Not every source can estimate. Then the estimate comes from the last execution.
        let known = !records.is_multiple_of(2);
        let estimate = async { Ok(known.then_some(Estimate::Records(records))) };
        self.faults.around("source.estimate", Care::Busy, estimate).await
    }

    async fn complete_until(&self, request: &ReadRequest) -> Result<Option<DateTime<Utc>>, SourceError> {
        let asked = async {
            let now = self.timeline.now();
            let until = self.rows.complete_until(&request.owner, &request.data_type, now, request.by);
            Ok(self.knows_completeness.then_some(until))
        };
        self.faults.around("source.complete_until", Care::Busy, asked).await
    }

    async fn read(&self, request: ReadRequest) -> Result<RecordStream, SourceError> {
        let read = async {
            let mut wanted = self.wanted(&request);
            match self.bug {
                Some(PlantedBug::EmptyWindowPanics) => drop(wanted[0..1].to_vec()),
                Some(PlantedBug::EmptyWindowWaits) => {
                    while wanted.is_empty() {
                        give_way().await;
                        wanted = self.wanted(&request);
                    }
                }
                _ => {}
            }
            Ok(wanted)
        };
        let numbers = self.faults.around("source.read", Care::Busy, read).await?;
        let batches: Vec<_> = numbers.chunks(BATCH).map(|numbers| self.batch(numbers, &request)).collect();
        let faults = self.faults.clone();
        let blind = self.bug == Some(PlantedBug::ChangeUnnoticed);
        let stream = futures::stream::iter(batches).then(move |batch| {
            let faults = faults.clone();
            async move {
                faults.work().await;
                match faults.around("source.next", Care::Busy, async { Ok(batch) }).await {
                    // The planted bug: carry on without the records that changed meanwhile.
                    Err(error) if blind && error.context() == CHANGED => Ok(RecordBatchBuilder::new().take()),
                    read => read,
                }
            }
            .boxed()
        });
        Ok(stream.boxed())
    }
}

/// Runs work immediately when it is submitted, or loses it.
#[derive(Debug)]
pub(super) struct LossyWorkers(pub(super) Faults);

impl Workers for LossyWorkers {
    fn parallelism(&self) -> std::num::NonZeroUsize {
        std::num::NonZeroUsize::MIN
    }

    fn submit(&self, work: Box<dyn FnOnce() + Send>) {
        if !self.0.loses_work() {
            work();
        }
    }
}

/// A dice that several ports of one caller share.
pub(super) fn shared_dice(seed: u64, purpose: u64) -> Arc<Mutex<Dice>> {
    Arc::new(Mutex::new(Dice::new(seed, purpose)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_hold_what_happened_in_them() {
        let profile = Profile { straggling: 0, ..Profile::of(3) };
        let rows = Rows::of(&profile, 3, 2);
        let middle = profile.began_at + micros_delta(HOUR);
        let (before, after) = (
            rows.of_window(Window::until(middle), RecordInstant::Event),
            rows.of_window(Window::between(middle, middle + micros_delta(24 * HOUR)), RecordInstant::Event),
        );
        assert_eq!(before.last().unwrap() + 1, after[0]);
        assert!(before.iter().all(|number| rows.row(*number).unwrap().event_at < middle));
        assert!(after.iter().all(|number| rows.row(*number).unwrap().event_at >= middle));
        for row in &rows.rows {
            let late = row.visible_at - row.event_at;
            assert!(late <= micros_delta(profile.lag + profile.granularity), "{row:?}");
        }
    }

    #[test]
    fn versions_follow_each_other() {
        let profile = Profile { changing: 50, ..Profile::of(3) };
        let rows = Rows::of(&profile, 3, 2);
        let all = Window::until(DateTime::<Utc>::MAX_UTC);
        assert_eq!(rows.of_window(all, RecordInstant::Change), rows.of_window(all, RecordInstant::Event));
        let mut changed = 0;
        for (number, row) in rows.rows.iter().enumerate() {
            assert_eq!(row.changed_at.is_none(), row.first == number, "{row:?}");
            let next = |other: &&Row| Some(other.visible_at) == row.superseded_at && other.first == row.first;
            if row.superseded_at.is_some() {
                let next = rows.rows.iter().find(next).unwrap();
                assert!(next.instant(RecordInstant::Change) > row.instant(RecordInstant::Change), "{row:?}");
                let changed_at = next.changed_at.unwrap();
                let moment = Window::between(changed_at, changed_at + TimeDelta::microseconds(1));
                assert!(!rows.of_window(moment, RecordInstant::Change).contains(&number));
                changed += 1;
            }
        }
        assert!(changed > rows.count() / 4, "{changed} of {}", rows.count());
    }

    #[test]
    fn lines_tell_their_records() {
        assert_eq!(number(b"{\"id\":12}\n"), Some(12));
        assert_eq!(number(b"{\"id\":7,\"padding\":\"x\"}"), Some(7));
        assert_eq!(number(b"{\"id\":\"7\"}"), None);
    }
}
