//! Reads of a source: requests, and rows at their bounds.
//!
//! A [`SourceFixture`](crate::testing::conformance::source::SourceFixture) of one's own writes the rows, and
//! [`check_read`](crate::testing::conformance::source::check_read) compares the records that come with the rows
//! that are wanted. A source that includes the end of a window is soon found out:
//!
//! ```
//! use cdds_core::testing::conformance::source::{Planted, PlantedFixture, SourceFixture, check_read};
//! use cdds_core::testing::strategies::requests::read;
//! use futures::executor::block_on;
//! use proptest::test_runner::{TestCaseError, TestRunner};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let outcome = |fixture: &dyn SourceFixture| {
//!     let described = fixture.source(&[])?;
//!     let data_type = &described.describe().types[0];
//!     let checked = TestRunner::default().run(&read(data_type, fixture.step()), |(request, rows)| {
//!         block_on(check_read(fixture, &request, &rows)).map_err(TestCaseError::fail)
//!     });
//!     Ok::<_, Box<dyn std::error::Error>>(checked)
//! };
//! outcome(&PlantedFixture::sound())?.map_err(|found| found.to_string())?;
//! let found = outcome(&PlantedFixture::new(Planted::EndIncluded))?;
//! assert!(found.is_err_and(|found| found.to_string().contains("not asked for: Some")));
//! # Ok(())
//! # }
//! ```

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::{BoxedStrategy, Just, Strategy, prop, prop_oneof};
use proptest::sample::select;

use super::instant;
use crate::domain::calendar::window::{Window, settled_end};
use crate::domain::id::{Owner, TypeId};
use crate::domain::record::selection::CategorySelection;
use crate::domain::source::{DataType, Ownership, ReadRequest, RecordInstant, SourceDescription};
use crate::domain::subject::{Identifier, IdentifierKind, Subject};
use crate::testing::conformance::source::Row;

/// The most rows of [`read`].
const ROWS_MAX: usize = 24;

/// Windows with and without a start, from empty to eighty years long: of a microsecond or two, of part of a day,
/// of any length. Some lie before 1970, and some contain its beginning.
pub fn window() -> impl Strategy<Value = Window> {
    let eighty_years = 2_524_608_000_000_000_i64; // microseconds
    let micros = prop_oneof![0_i64..=2, 1_i64..=86_400_000_000, 1..=eighty_years];
    (any_instant(), micros, 0_u8..4).prop_map(|(start, micros, quarter)| {
        let end = start + TimeDelta::microseconds(micros);
        if quarter == 0 { Window::until(end) } else { Window::between(start, end) }
    })
}

/// Everything, or one or more of the categories that the type declares (rule J3). Always everything if the type
/// declares none.
pub fn categories(data_type: &DataType) -> impl Strategy<Value = CategorySelection> + use<> {
    let declared = data_type.category.iter().flat_map(|dimension| dimension.values.clone());
    let declared: Vec<String> = declared.collect();
    if declared.is_empty() {
        return Just(CategorySelection::All).boxed();
    }
    let some = prop::sample::subsequence(declared.clone(), 1..=declared.len());
    let some = some.prop_map(|values| CategorySelection::Only(values.into_iter().collect()));
    prop_oneof![Just(CategorySelection::All), some].boxed()
}

/// Requests that the engine can make of a source: for each of its types, any [`window`] that the type's
/// instants allow (rule W7), by event or by change, and any selection of [`categories`]. The template is the
/// default one. The owner is one of three if the records are owned (rule J16), and the default one otherwise. If the
/// records name people, a quarter of the requests asks for one (rule D1).
///
/// # Panics
/// When it is sampled, if the description has no type.
pub fn read_request(description: &SourceDescription) -> impl Strategy<Value = ReadRequest> + use<> {
    select(description.types.clone()).prop_flat_map(|data_type| request_for(&data_type))
}

/// A request for a data type, and up to 24 rows, most of which lie at the bounds of the request's window: at the
/// bound exactly, one `step` before it or one behind it. Others lie at the midnights around a bound, at
/// the beginning of 1970, before it, or have no instant. Their categories include undeclared ones.
///
/// `step` is the smallest step of instants that the source distinguishes, such as a microsecond. The instants
/// of rows are multiples of it, those of the window need not be.
/// [`Row::is_wanted`] returns which of the rows the request asks for.
pub fn read(data_type: &DataType, step: TimeDelta) -> impl Strategy<Value = (ReadRequest, Vec<Row>)> + use<> {
    let data_type = data_type.clone();
    request_for(&data_type).prop_flat_map(move |request| {
        let rows = prop::collection::vec(row(&data_type, &request, step), 0..=ROWS_MAX);
        // The name of a row says which one it is.
        let named = rows.prop_map(|rows| {
            let numbered = rows.into_iter().enumerate();
            numbered.map(|(number, row)| Row { id: format!("r-{number}"), ..row }).collect()
        });
        (Just(request), named)
    })
}

/// Any instant, also before 1970 and within a microsecond of its beginning.
fn any_instant() -> impl Strategy<Value = DateTime<Utc>> {
    const BEFORE: i64 = -2_208_988_800_000_000; // 1900-01-01
    let at = |micros| DateTime::UNIX_EPOCH + TimeDelta::microseconds(micros);
    prop_oneof![6 => instant(), 1 => (BEFORE..0).prop_map(at), 1 => (-1_i64..=1).prop_map(at)]
}

fn request_for(data_type: &DataType) -> impl Strategy<Value = ReadRequest> + use<> {
    let (event, change) = (data_type.has_event_instant, data_type.has_change_instant);
    let end = || any_instant().prop_map(Window::until);
    let asked: BoxedStrategy<(Window, RecordInstant)> = match (event, change) {
        (false, false) => (end(), Just(RecordInstant::Event)).boxed(),
        (false, true) => {
            prop_oneof![(end(), Just(RecordInstant::Event)), (window(), Just(RecordInstant::Change)),].boxed()
        }
        (true, _) => (window(), select(vec![RecordInstant::Event, RecordInstant::Change])).boxed(),
    };
    let id: TypeId = data_type.id.clone();
    let asked = (asked, categories(data_type), owner(data_type), subject(data_type));
    asked.prop_map(move |((window, by), categories, owner, subject)| {
        let request = ReadRequest::new(owner, id.clone(), window).with_by(by);
        request.with_categories(categories).with_subject(subject)
    })
}

/// What names the same people, each in two spellings.
const PHONES: [&str; 4] = ["+49 30 123", "0049 (0)30/123", "+49 30 124", "+4930124"];
const EMAILS: [&str; 4] = ["ada@example.com", " Ada@Example.com", "bea@example.com", "BEA@EXAMPLE.COM"];

/// A person in one of four reads, if the type's records name people (rule D1).
fn subject(data_type: &DataType) -> impl Strategy<Value = Option<Subject>> + use<> {
    if data_type.subject_fields.is_empty() {
        return Just(None).boxed();
    }
    let named = |kind: IdentifierKind, texts: &'static [&'static str]| {
        select(texts).prop_map(move |text| Identifier::new(kind.clone(), text).ok())
    };
    let person = (named(IdentifierKind::Phone, &PHONES), named(IdentifierKind::Email, &EMAILS), 1_u8..=3);
    let person = person.prop_map(|(phone, email, which)| {
        let chosen = [phone.filter(|_| which & 1 != 0), email.filter(|_| which & 2 != 0)];
        Subject::new(chosen.into_iter().flatten()).ok()
    });
    prop_oneof![3 => Just(None), 1 => person].boxed()
}

/// An owner, if the type's records are owned. The name of one begins with that of another.
fn owner(data_type: &DataType) -> impl Strategy<Value = Owner> + use<> {
    if data_type.ownership != Ownership::PerOwner {
        return Just(Owner::default()).boxed();
    }
    select(&["north", "south", "north-2"][..]).prop_filter_map("a name", |name| name.parse().ok()).boxed()
}

fn row(data_type: &DataType, request: &ReadRequest, step: TimeDelta) -> impl Strategy<Value = Row> + use<> {
    let instant = |declared| {
        if declared { row_instant(request.window, step).boxed() } else { Just(None).boxed() }
    };
    let instants = (instant(data_type.has_event_instant), instant(data_type.has_change_instant));
    let note = prop_oneof![
        select(&["plain", "\"quoted\" \\", "Zürich – 東京", "' OR 1=1 --"][..]).prop_map(str::to_owned),
        "\\PC{1,12}"
    ];
    let named = |texts: &'static [&'static str]| prop_oneof![1 => Just(None), 4 => select(texts).prop_map(|text| Some(text.to_owned()))];
    let named = (named(&PHONES), named(&EMAILS));
    (instants, row_category(data_type), owner(data_type), note, named).prop_map(
        |((event_at, changed_at), category, owner, note, (phone, email))| Row {
            id: String::new(),
            note,
            event_at,
            changed_at,
            category,
            owner,
            phone,
            email,
        },
    )
}

/// The instant of a row, most often at a bound of the window.
fn row_instant(window: Window, step: TimeDelta) -> impl Strategy<Value = Option<DateTime<Utc>>> {
    let bounds: Vec<DateTime<Utc>> = window.start().into_iter().chain([window.end()]).collect();
    let at_bound =
        (select(bounds.clone()), -1_i32..=1).prop_map(move |(at, steps)| floor(at, step) + step * steps);
    let at_midnight = (select(bounds), 0_i64..=1, -1_i32..=0).prop_map(move |(at, days, steps)| {
        let midnight = floor(at, TimeDelta::days(1)) + TimeDelta::days(days);
        floor(midnight, step) + step * steps
    });
    let anywhere = any_instant().prop_map(move |at| floor(at, step));
    prop_oneof![6 => at_bound.prop_map(Some), 1 => at_midnight.prop_map(Some), 1 => anywhere.prop_map(Some), 1 => Just(None)]
}

/// Returns the last multiple of a step since 1970 that is not after an instant.
fn floor(at: DateTime<Utc>, step: TimeDelta) -> DateTime<Utc> {
    settled_end(at, TimeDelta::zero(), step)
}

/// A declared category, none, or one that is not declared; some only look like a declared one.
fn row_category(data_type: &DataType) -> impl Strategy<Value = Option<String>> + use<> {
    let Some(dimension) = &data_type.category else {
        return Just(None).boxed();
    };
    let similar =
        dimension.values.first().into_iter().flat_map(|first| [format!("{first}-2"), first.to_uppercase()]);
    let strange: Vec<String> = similar.chain(["undeclared".to_owned()]).collect();
    let strange = prop_oneof![Just(None), select(strange).prop_map(Some)];
    if dimension.values.is_empty() {
        return strange.boxed();
    }
    prop_oneof![2 => select(dimension.values.clone()).prop_map(Some), 1 => strange].boxed()
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    use super::*;
    use crate::domain::id::SourceId;
    use crate::domain::record::selection::CategoryDimension;
    use crate::testing::conformance::source::{Planted, PlantedFixture, check_read};

    fn whole() -> DataType {
        let values = vec!["voice".to_owned(), "chat".to_owned()];
        DataType::new(TypeId::new("row").unwrap())
            .with_event_instant()
            .with_change_instant()
            .with_category(CategoryDimension { name: "media".to_owned(), values })
            .with_ownership(Ownership::PerOwner)
    }

    fn samples<S: Strategy>(strategy: &S, count: usize) -> Vec<S::Value> {
        let mut runner = TestRunner::deterministic();
        (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
    }

    #[test]
    fn rows_lie_on_each_side_of_each_bound() {
        let (micro, data_type) = (TimeDelta::microseconds(1), whole());
        let mut seen = [0_u32; 8];
        for (request, rows) in samples(&read(&data_type, micro), 300) {
            let (start, end) = (request.window.start(), request.window.end());
            for row in &rows {
                let at = row.event_at;
                let found = [
                    start.is_some() && at == start,
                    start.is_some() && at.map(|at| at + micro) == start,
                    at == Some(end),
                    at == Some(end - micro),
                    at == Some(end + micro),
                    at.is_none(),
                    at.is_some_and(|at| at < DateTime::UNIX_EPOCH),
                    at != row.changed_at && row.is_wanted(&data_type, &request),
                ];
                seen.iter_mut().zip(found).for_each(|(count, found)| *count += u32::from(found));
            }
        }
        assert!(seen.iter().all(|count| *count > 20), "{seen:?}");
    }

    #[test]
    fn every_bug_of_selecting_records_is_found() {
        use Planted::{
            CategoryByText, ChangeOnly, ComparesMillis, DropsUndeclared, EndIncluded, IgnoresCategories,
            IgnoresChange, IgnoresOwner, NothingBeforeEpoch, SkipsFirstOfWindow, StartExcluded,
            UndatedAlways, UndatedNever,
        };
        let strategy = read(&whole(), TimeDelta::microseconds(1));
        let finds = |fixture: &PlantedFixture| {
            let samples = samples(&strategy, 256);
            samples.iter().any(|(request, rows)| block_on(check_read(fixture, request, rows)).is_err())
        };
        assert!(!finds(&PlantedFixture::sound()));
        for planted in [
            CategoryByText,
            ChangeOnly,
            ComparesMillis,
            DropsUndeclared,
            EndIncluded,
            IgnoresCategories,
            IgnoresChange,
            IgnoresOwner,
            NothingBeforeEpoch,
            SkipsFirstOfWindow,
            StartExcluded,
            UndatedAlways,
            UndatedNever,
        ] {
            assert!(finds(&PlantedFixture::new(planted)), "{planted:?}");
        }
    }

    #[test]
    fn rows_are_multiples_of_the_step() {
        let step = TimeDelta::seconds(7);
        let rows = samples(&read(&whole(), step), 100).into_iter().flat_map(|(_, rows)| rows);
        let instants: Vec<_> = rows.filter_map(|row| row.event_at).collect();
        assert!(instants.len() > 200);
        assert!(instants.iter().all(|at| at.timestamp_micros().rem_euclid(7_000_000) == 0));
    }

    #[test]
    fn w7_requests_fit_the_instants_of_each_type() {
        let bare = || DataType::new(TypeId::new("row").unwrap());
        let all = [bare(), bare().with_change_instant(), bare().with_event_instant(), whole()];
        for data_type in all {
            let description =
                SourceDescription::new(SourceId::new("rows").unwrap(), "Rows").with_type(data_type.clone());
            let requests = samples(&read_request(&description), 100);
            let bounded = requests.iter().filter(|request| request.window.start().is_some());
            let by_event = bounded.clone().filter(|request| request.by == RecordInstant::Event).count();
            assert_eq!(by_event > 0, data_type.has_event_instant, "{data_type:?}");
            assert_eq!(bounded.count() > 0, data_type.has_event_instant || data_type.has_change_instant);
            let selects = |request: &ReadRequest| request.categories != CategorySelection::All;
            assert_eq!(requests.iter().any(selects), data_type.category.is_some());
            assert_eq!(
                requests.iter().any(|request| request.owner != Owner::default()),
                data_type.ownership == Ownership::PerOwner
            );
        }
    }
}
