//! A system with records that become visible late, and what every window of it holds.

use std::ops::Range;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, DurationRound, NaiveTime, TimeDelta, Utc};
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};

use super::dice::Dice;
use super::executor::give_way;
use super::faults::{CHANGED, Care, Faults};
use super::planted::PlantedBug;
use super::profile::Profile;
use super::time::{HOUR, Micros, SECOND, Timeline, micros_delta};
use crate::domain::id::{SourceId, TypeId};
use crate::domain::record::{Place, RecordBatch, RecordBatchBuilder};
use crate::domain::selection::{CategoryDimension, CategorySelection};
use crate::domain::violation::RuleViolation;
use crate::domain::window::Window;
use crate::ports::source::{DataType, Description, Estimate, ReadRequest, Source, SourceError};
use crate::ports::workers::Workers;

/// The categories of the records.
pub(super) const CATEGORIES: [&str; 2] = ["voice", "chat"];

/// Records in one batch.
pub(super) const BATCH: usize = 24;

/// One record; its number is its place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) event_at: DateTime<Utc>,
    pub(super) visible_at: DateTime<Utc>,
    pub(super) category: &'static str,
}

/// Every record that there will ever be, by event instant. It is there to be read from its visible instant on.
#[derive(Debug)]
pub(super) struct Rows {
    rows: Vec<Row>,
}

impl Rows {
    /// Records of the days before the world and of its own `days`: about half of them lie where it hurts, within
    /// the lag of a whole hour.
    pub(super) fn of(profile: &Profile, seed: u64, days: u32) -> Self {
        let mut dice = Dice::new(seed, 2);
        let granularity = micros_delta(profile.granularity);
        let first = profile.began_at - chrono::TimeDelta::days(3);
        let length = (u64::from(days) + 5) * super::time::DAY;
        let (mut rows, mut written) = (Vec::new(), 0);
        while written < length {
            written += dice.below(2 * profile.row_distance) + 1;
            let mut at = first + micros_delta(written);
            if dice.coin() {
                let hour = at.duration_round(micros_delta(HOUR)).unwrap_or(at);
                at = hour + micros_delta(dice.below(2 * profile.lag + SECOND)) - micros_delta(profile.lag);
            }
            let visible_at = at + micros_delta(late(&mut dice, profile.lag));
            let event_at = at.duration_trunc(granularity).unwrap_or(at);
            let category = CATEGORIES[dice.index(CATEGORIES.len())];
            rows.push(Row { event_at, visible_at, category });
        }
        rows.sort_by_key(|row| row.event_at);
        Self { rows }
    }

    /// The numbers of the records of a window, whether or not they are visible yet.
    pub(super) fn of_window(&self, window: Window) -> Range<usize> {
        let place = |instant: DateTime<Utc>| self.rows.partition_point(|row| row.event_at < instant);
        window.start().map_or(0, place)..place(window.end())
    }

    pub(super) fn count(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn row(&self, number: usize) -> Option<&Row> {
        self.rows.get(number)
    }
}

/// Mostly as late as can be, or not at all.
fn late(dice: &mut Dice, lag: Micros) -> Micros {
    match dice.below(4) {
        0 => 0,
        1 => dice.below(lag + 1),
        _ => lag,
    }
}

pub(super) fn selects(categories: &CategorySelection, category: &str) -> bool {
    match categories {
        CategorySelection::All => true,
        CategorySelection::Only(selected) => selected.contains(category),
    }
}

/// What the jobs of every world export.
pub(super) fn description(profile: &Profile) -> Result<Description, RuleViolation> {
    let values = CATEGORIES.iter().map(|&value| value.to_owned()).collect();
    let data_type = DataType::new(TypeId::new("call")?)
        .with_event_instant()
        .with_category(CategoryDimension { name: "media types".to_owned(), values })
        .with_settle_lag(profile.settle_lag())
        .with_granularity(micros_delta(profile.granularity));
    Ok(Description { id: SourceId::new("calls")?, title: "Calls".to_owned(), types: vec![data_type] })
}

/// The rows as a port.
#[derive(Debug)]
pub(super) struct RowSource {
    pub(super) description: Description,
    pub(super) rows: Arc<Rows>,
    pub(super) timeline: Timeline,
    pub(super) padding: usize,
    pub(super) bug: Option<PlantedBug>,
    pub(super) faults: Faults,
}

impl RowSource {
    fn wanted(&self, request: &ReadRequest) -> Vec<usize> {
        let now = self.timeline.now();
        let range = self.rows.of_window(request.window);
        let wanted = |row: &Row| row.visible_at <= now && selects(&request.categories, row.category);
        let numbers = range.clone().filter(|number| self.rows.row(*number).is_some_and(wanted)).collect();
        self.wrong(numbers, range, request, now)
    }

    /// What is read with the planted bugs of the source.
    fn wrong(
        &self,
        mut numbers: Vec<usize>,
        range: Range<usize>,
        request: &ReadRequest,
        now: DateTime<Utc>,
    ) -> Vec<usize> {
        let (window, end) = (request.window, range.end);
        let rarely = self.timeline.elapsed().is_multiple_of(8);
        match self.bug {
            // At midnight it is a day outside the window, which the engine sees by itself.
            Some(PlantedBug::ClosedWindow) if window.end().time() != NaiveTime::MIN => {
                let is_at_end =
                    |number: &usize| self.rows.row(*number).is_some_and(|row| row.event_at == window.end());
                let selected = |number: &usize| {
                    self.rows.row(*number).is_some_and(|row| selects(&request.categories, row.category))
                };
                numbers.extend((end..).take_while(is_at_end).filter(selected));
            }
            Some(PlantedBug::UnstableOrder) if rarely => numbers.reverse(),
            Some(PlantedBug::RowLost) if rarely => drop(numbers.pop()),
            Some(PlantedBug::RowTwice) if rarely => numbers.extend(numbers.last().copied()),
            Some(PlantedBug::DeselectedCategory) => {
                let deselected = |row: &Row| !selects(&request.categories, row.category);
                let numbers_of = range.filter(|number| self.rows.row(*number).is_some_and(deselected));
                numbers.extend(numbers_of);
            }
            Some(PlantedBug::DayBefore) => {
                let day = window.start().and_then(|start| start.duration_trunc(TimeDelta::days(1)).ok());
                let before = |number: &usize| {
                    self.rows.row(*number).zip(day).is_some_and(|(row, day)| row.event_at < day)
                };
                numbers.extend((0..range.start).rev().find(before));
            }
            Some(PlantedBug::LateRows) => {
                let settled = |row: &Row| row.visible_at + TimeDelta::seconds(90) <= now;
                numbers.retain(|number| self.rows.row(*number).is_some_and(settled));
            }
            _ => {}
        }
        numbers
    }

    fn batch(&self, numbers: &[usize]) -> RecordBatch {
        let mut batch = RecordBatchBuilder::new();
        let padding = "x".repeat(self.padding);
        for number in numbers {
            let Some(row) = self.rows.row(*number) else { continue };
            let place = Place::of(Some(row.category.into()), Some(row.event_at));
            let mut record = batch.record(&place);
            record.unsigned("id", *number as u64).text("padding", &padding);
            record.finish();
        }
        batch.take()
    }
}

/// The number of the record that a line holds.
pub(super) fn number(line: &[u8]) -> Option<usize> {
    let digits = line.strip_prefix(b"{\"id\":")?;
    let end = digits.iter().position(|byte| !byte.is_ascii_digit())?;
    std::str::from_utf8(&digits[..end]).ok()?.parse().ok()
}

#[async_trait]
impl Source for RowSource {
    fn describe(&self) -> &Description {
        &self.description
    }

    async fn estimate(&self, request: &ReadRequest) -> Result<Option<Estimate>, SourceError> {
        let records = self.rows.of_window(request.window).len() as u64;
        // Not every source knows: then the last execution tells.
        let known = !records.is_multiple_of(2);
        let estimate = async { Ok(known.then_some(Estimate { records })) };
        self.faults.around("source.estimate", Care::Busy, estimate).await
    }

    async fn read(
        &self,
        request: ReadRequest,
    ) -> Result<BoxStream<'static, Result<RecordBatch, SourceError>>, SourceError> {
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
        let batches: Vec<_> = numbers.chunks(BATCH).map(|numbers| self.batch(numbers)).collect();
        let faults = self.faults.clone();
        let blind = self.bug == Some(PlantedBug::ChangeUnnoticed);
        let stream = futures::stream::iter(batches).then(move |batch| {
            let faults = faults.clone();
            async move {
                faults.work().await;
                match faults.around("source.next", Care::Busy, async { Ok(batch) }).await {
                    // What changed meanwhile is not there any more.
                    Err(error) if blind && error.context() == CHANGED => Ok(RecordBatchBuilder::new().take()),
                    read => read,
                }
            }
            .boxed()
        });
        Ok(stream.boxed())
    }
}

/// Runs work where it is submitted, or loses it.
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

/// A dice that several ports of one caller throw.
pub(super) fn shared_dice(seed: u64, purpose: u64) -> Arc<Mutex<Dice>> {
    Arc::new(Mutex::new(Dice::new(seed, purpose)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_hold_what_happened_in_them() {
        let profile = Profile::of(3);
        let rows = Rows::of(&profile, 3, 2);
        let middle = profile.began_at + micros_delta(HOUR);
        let (before, after) = (
            rows.of_window(Window::until(middle)),
            rows.of_window(Window::between(middle, middle + micros_delta(24 * HOUR))),
        );
        assert_eq!(before.end, after.start);
        assert!(!before.is_empty() && !after.is_empty());
        assert!(before.clone().all(|number| rows.row(number).unwrap().event_at < middle));
        assert!(after.clone().all(|number| rows.row(number).unwrap().event_at >= middle));
        for row in &rows.rows {
            let late = row.visible_at - row.event_at;
            assert!(late <= micros_delta(profile.lag + profile.granularity), "{row:?}");
        }
    }

    #[test]
    fn lines_tell_their_records() {
        assert_eq!(number(b"{\"id\":12}\n"), Some(12));
        assert_eq!(number(b"{\"id\":7,\"padding\":\"x\"}"), Some(7));
        assert_eq!(number(b"{\"id\":\"7\"}"), None);
    }
}
