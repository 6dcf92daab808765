//! The check of each clause.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::case::{Case, Outcome, field};
use super::rows::{at, dated, many, row, steps};
use super::{Clause, Row, SourceFixture, reading, subjects, templates};
use crate::domain::calendar::window::Window;
use crate::domain::calendar::zone::Zone;
use crate::domain::id::Owner;
use crate::domain::record::selection::CategorySelection;
use crate::domain::record::{Place, RecordBatch};
use crate::ports::source::{
    DataType, ErasureRule, Estimate, Field, FieldRole, Ownership, ReadRequest, RecordInstant,
};

/// Returns why a clause is not checked, if it is about what the type does not declare or the fixture cannot do.
/// A fixture that fails is left to the checks.
pub(super) fn needless(clause: Clause, fixture: &dyn SourceFixture) -> Option<&'static str> {
    let data_type = Case::of(fixture, Vec::new()).ok()?.data_type;
    match clause {
        Clause::WindowBounds | Clause::BeforeEpoch | Clause::Tiling if !data_type.has_event_instant => {
            Some("the type declares no event instant")
        }
        Clause::ByChange if !data_type.has_change_instant => Some("the type declares no change instant"),
        Clause::Categories if data_type.category.is_none() => Some("the type declares no categories"),
        Clause::PushDown | Clause::UnknownField if !data_type.pushes_down => {
            Some("the engine applies the templates")
        }
        Clause::Owners if data_type.ownership != Ownership::PerOwner => {
            Some("the type does not declare that owners have records of their own")
        }
        Clause::Subjects if data_type.subject_fields.is_empty() => Some("the type names no subject field"),
        Clause::DryRun | Clause::Erasure if data_type.erasure != Some(ErasureRule::Delete) => {
            Some("the type declares no deletion of records about a person")
        }
        Clause::DropFrees if fixture.handles().is_none() => Some("the fixture does not count handles"),
        Clause::PollsReturn | Clause::FewBatchesAhead if fixture.rows_read().is_none() => {
            Some("the fixture does not count the rows that are read")
        }
        Clause::BadRecords if matches!(fixture.damaged(&[row(0)], 0), Ok(None)) => {
            Some("the fixture can damage no row")
        }
        _ => None,
    }
}

pub(super) async fn check(clause: Clause, fixture: &dyn SourceFixture) -> Outcome {
    let data_type = Case::of(fixture, Vec::new())?.data_type;
    match clause {
        Clause::WindowBounds => windows(fixture, at(0)).await,
        Clause::BeforeEpoch => {
            windows(fixture, at(0) - TimeDelta::days(40_000) + steps(fixture, 3)).await?;
            windows(fixture, DateTime::UNIX_EPOCH).await
        }
        Clause::Undated => undated(fixture).await,
        Clause::Tiling => tiles(fixture).await,
        Clause::ByChange => by_change(fixture).await,
        Clause::Categories => categories(fixture, &data_type).await,
        Clause::EachOnce => Case::of(fixture, many())?.all_yielded().await,
        Clause::Contents => contents(fixture).await,
        Clause::Places => places(fixture, &data_type).await,
        Clause::StableOrder => stable(fixture).await,
        Clause::Empty => empty(fixture).await,
        Clause::BoundedBatches => bounded(fixture).await,
        Clause::DropFrees => reading::dropped(fixture).await,
        Clause::PushDown => templates::pushed_down(fixture).await,
        Clause::Estimates => estimates(fixture).await,
        Clause::Owners => owners(fixture).await,
        Clause::Subjects => subjects::read(fixture).await,
        Clause::DryRun => subjects::rehearsed(fixture).await,
        Clause::Erasure => subjects::erased(fixture).await,
        Clause::CompleteUntil => complete(fixture).await,
        Clause::Fields => fields(fixture).await,
        Clause::BadRecords => reading::bad_records(fixture).await,
        Clause::UnknownField => templates::unknown_field(fixture).await,
        Clause::PollsReturn => reading::polls(fixture).await,
        Clause::FewBatchesAhead => reading::ahead(fixture).await,
    }
}

pub(super) async fn check_read(fixture: &dyn SourceFixture, request: &ReadRequest, rows: &[Row]) -> Outcome {
    Case::of(fixture, rows.to_vec())?.yields(request).await
}

/// Reads windows whose bounds lie on, just before and just behind rows.
async fn windows(fixture: &dyn SourceFixture, from: DateTime<Utc>) -> Outcome {
    let step = |count| from + steps(fixture, count);
    let case = Case::of(fixture, dated([-1, 0, 1, 2, 3, 1_000, 1_001, 1_000_000].map(step)))?;
    for (start, end) in [(0, 2), (0, 1), (1, 3), (-1, 1_000), (2, 1_001), (1, 1_000_000), (-5, 2_000_000)] {
        case.yields(&case.request(Window::between(step(start), step(end)))).await?;
        case.yields(&case.request(Window::until(step(end)))).await?;
    }
    Ok(())
}

async fn undated(fixture: &dyn SourceFixture) -> Outcome {
    let mut rows = dated([at(0), at(1_000_000)]);
    rows.extend([row(2), row(3)]);
    let case = Case::of(fixture, rows)?;
    case.yields(&case.request(Window::until(at(1_000_000)))).await?;
    if case.data_type.has_event_instant {
        case.yields(&case.request(Window::between(at(0), at(2_000_000)))).await?;
        let since_ever = Window::between(at(0) - TimeDelta::days(60_000), at(2_000_000));
        case.yields(&case.request(since_ever)).await?;
    }
    Ok(())
}

async fn tiles(fixture: &dyn SourceFixture) -> Outcome {
    let case = Case::of(fixture, dated((0..100).map(|count| at(0) + steps(fixture, count))))?;
    for width in [1, 3, 7, 50] {
        let mut seen: BTreeMap<String, u32> = BTreeMap::new();
        for start in (0..100).step_by(width) {
            let [start, end] = [start, start + width]
                .map(|count| at(0) + steps(fixture, i32::try_from(count).unwrap_or(i32::MAX)));
            for id in case.ids(&case.request(Window::between(start, end))).await? {
                *seen.entry(id).or_default() += 1;
            }
        }
        if let Some((id, times)) = seen.iter().find(|(_, times)| **times != 1) {
            return Err(format!("windows of {width} steps yield {id} {times} times"));
        }
        if seen.len() != case.rows.len() {
            return Err(format!("windows of {width} steps yield {} of {} rows", seen.len(), case.rows.len()));
        }
    }
    Ok(())
}

async fn by_change(fixture: &dyn SourceFixture) -> Outcome {
    let instants = [None, Some(at(-9_000_000)), Some(at(0)), Some(at(1_000_000)), Some(at(9_000_000))];
    let pairs = instants.iter().flat_map(|event| instants.iter().map(move |change| (*event, *change)));
    let rows =
        pairs.enumerate().map(|(number, (event_at, changed_at))| Row { event_at, changed_at, ..row(number) });
    let case = Case::of(fixture, rows.collect())?;
    for window in [
        Window::between(at(0), at(1_000_000)),
        Window::between(at(0), at(1_000_001)),
        Window::until(at(0)),
        Window::until(at(9_000_000)),
    ] {
        let request = case.request(window);
        case.yields(&request.clone().with_by(RecordInstant::Change)).await?;
        if case.data_type.has_event_instant {
            case.yields(&request).await?;
        }
    }
    Ok(())
}

async fn categories(fixture: &dyn SourceFixture, data_type: &DataType) -> Outcome {
    let dimension = data_type.category.as_ref().ok_or("the type declares no categories")?;
    let mut values: Vec<Option<String>> = dimension.values.iter().cloned().map(Some).collect();
    let declared = values.len();
    values.extend([None, Some("undeclared".to_owned())]);
    if let Some(first) = dimension.values.first() {
        values.extend([Some(format!("{first}-2")), Some(first.to_uppercase())]);
    }
    let rows = values.iter().chain(&values).enumerate();
    let rows = rows.map(|(number, category)| Row {
        category: category.clone(),
        event_at: Some(at(0)),
        ..row(number)
    });
    let case = Case::of(fixture, rows.collect())?;
    case.all_yielded().await?;
    for value in values.iter().take(declared).flatten() {
        let only = CategorySelection::Only([value.clone()].into());
        case.yields(&case.everything().with_categories(only)).await?;
    }
    let all = CategorySelection::Only(dimension.values.iter().cloned().collect());
    case.yields(&case.everything().with_categories(all)).await
}

async fn contents(fixture: &dyn SourceFixture) -> Outcome {
    let mut rows = dated((0..13).map(at));
    rows[12].note = "  blanks at both ends  ".to_owned();
    rows[11].note = "very long ".repeat(20_000) + "end";
    let case = Case::of(fixture, rows)?;
    for batch in case.batches(&case.everything()).await? {
        for record in batch.iter() {
            let (id, note) = (field(record.line, "id")?, field(record.line, "note")?);
            if case.rows.iter().any(|row| row.id == id && row.note != note) {
                return Err(format!("the note of {id} is not the one that was written"));
            }
        }
    }
    case.all_yielded().await
}

async fn places(fixture: &dyn SourceFixture, data_type: &DataType) -> Outcome {
    let day = 86_400_000_000;
    let mut rows = dated([-1, 0, day - 1, day, -20_600 * day].map(at));
    rows.push(row(5));
    let declared = data_type.category.iter().flat_map(|dimension| &dimension.values);
    let declared: Vec<&String> = declared.collect();
    for row in &mut rows {
        row.category = declared.first().copied().cloned();
        row.changed_at = Some(at(9 * day));
    }
    let undeclared = [Some("undeclared".to_owned()), None].into_iter().enumerate();
    rows.extend(undeclared.map(|(number, category)| Row {
        category,
        event_at: Some(at(0)),
        ..row(6 + number)
    }));
    let case = Case::of(fixture, rows)?;
    // In New York, midnight UTC is the evening before.
    let zoned =
        case.everything().with_zone(Zone::new("America/New_York").map_err(|error| error.to_string())?);
    for request in [case.everything(), zoned] {
        placed_right(&case, &request, &declared).await?;
    }
    Ok(())
}

async fn placed_right(case: &Case, request: &ReadRequest, declared: &[&String]) -> Outcome {
    for batch in case.batches(request).await? {
        for record in batch.iter().filter(|record| matches!(record.place, Place::Dated { .. })) {
            let id = field(record.line, "id")?;
            let row = case.rows.iter().find(|row| row.id == id);
            let placed = |category: &&str| declared.iter().any(|known| known == category);
            let category = |row: &Row| row.category.as_deref().filter(placed).map(Into::into);
            let expected = row.map(|row| request.place(category(row), row.event_at));
            if expected.as_ref() != Some(record.place) {
                return Err(format!("{id} is placed at {:?} instead of {expected:?}", record.place));
            }
        }
    }
    Ok(())
}

async fn stable(fixture: &dyn SourceFixture) -> Outcome {
    let case = Case::of(fixture, many().into_iter().take(3_000).collect())?;
    let request = case.everything();
    let first = case.ids(&request).await?;
    for _again in 0..3 {
        if case.ids(&request).await? != first {
            return Err("a second read yields another order".to_owned());
        }
    }
    Ok(())
}

async fn empty(fixture: &dyn SourceFixture) -> Outcome {
    let nothing = Case::of(fixture, Vec::new())?;
    nothing.all_yielded().await?;
    let case = Case::of(fixture, dated([at(0)]))?;
    if case.data_type.has_event_instant {
        case.yields(&case.request(Window::between(at(0), at(0)))).await?;
        case.yields(&case.request(Window::between(at(10), at(1_000_010)))).await?;
    }
    Ok(())
}

async fn bounded(fixture: &dyn SourceFixture) -> Outcome {
    let case = Case::of(fixture, many())?;
    for batch in case.batches(&case.everything()).await? {
        if batch.is_too_large() {
            let (bytes, records) = (batch.lines_bytes(), batch.records());
            return Err(format!("a batch has {bytes} bytes in {records} records"));
        }
    }
    Ok(())
}

async fn estimates(fixture: &dyn SourceFixture) -> Outcome {
    let case = Case::of(fixture, many())?;
    let estimate = case.source.estimate(&case.everything()).await;
    let estimate = estimate.map_err(|error| format!("an estimate failed: {error}"))?;
    let (rows, read) = (case.rows.len() as u64, case.batches(&case.everything()).await?);
    let (unit, expected, estimated) = match estimate {
        None => return Ok(()),
        Some(Estimate::Records(records)) => ("records", rows, records),
        Some(Estimate::Bytes(bytes)) => ("bytes", read.iter().map(RecordBatch::bytes_read).sum(), bytes),
    };
    if (expected / 10..=expected.saturating_mul(10)).contains(&estimated) {
        return Ok(());
    }
    Err(format!("{expected} {unit} are estimated as {estimated}"))
}

async fn owners(fixture: &dyn SourceFixture) -> Outcome {
    let names = ["north", "south", "north-2"].map(str::parse::<Owner>);
    let mut owners = Vec::new();
    for name in names {
        owners.push(name.map_err(|error| error.to_string())?);
    }
    let rows = (0..300).map(|number| Row {
        owner: owners[number % 2].clone(),
        event_at: Some(at(0)),
        ..row(number)
    });
    let case = Case::of(fixture, rows.collect())?;
    for owner in owners {
        let request = case.everything().with_owner(owner);
        case.yields(&request).await?;
        let estimate = case.source.estimate(&request).await.map_err(|error| error.to_string())?;
        let expected = case.expected(&request).len() as u64;
        if let Some(records) = estimate.and_then(Estimate::records).filter(|records| *records > expected) {
            return Err(format!("an owner of {expected} records is told of {records}"));
        }
    }
    Ok(())
}

async fn complete(fixture: &dyn SourceFixture) -> Outcome {
    let case = Case::of(fixture, dated([at(0), at(5)]))?;
    let mut last = None;
    for _again in 0..5 {
        let until = case.source.complete_until(&case.everything()).await;
        let until = until.map_err(|error| format!("the question failed: {error}"))?;
        if until.is_some() && until < last {
            return Err(format!("complete until {last:?} at first, and later until {until:?}"));
        }
        last = until.or(last);
    }
    Ok(())
}

async fn fields(fixture: &dyn SourceFixture) -> Outcome {
    let rows = dated([at(0), at(5)]).into_iter().map(|row| Row {
        changed_at: Some(at(9)),
        phone: Some("+49 30 1815".to_owned()),
        email: Some("ada@example.org".to_owned()),
        ..row
    });
    let case = Case::of(fixture, rows.collect())?;
    let faults = case.source.faults(&Owner::default(), &case.data_type.id).await;
    if let Some(fault) = faults.map_err(|error| format!("the question for faults failed: {error}"))?.first() {
        return Err(format!("the type has all that it declares, and is said not to: {fault}"));
    }
    let asked = case.source.fields(&Owner::default(), &case.data_type.id).await;
    let Some(fields) = asked.map_err(|error| format!("the question failed: {error}"))? else { return Ok(()) };
    let named = |name: &str| fields.iter().filter(|field| field.name == name).count();
    if let Some(Field { name, .. }) = fields.iter().find(|field| named(&field.name) > 1) {
        return Err(format!("the field {name:?} is named twice"));
    }
    for subject in &case.data_type.subject_fields {
        let role = FieldRole::Subject(subject.kind.clone());
        if !fields.iter().any(|field| field.name == subject.key() && field.roles.contains(&role)) {
            return Err(format!("the field {:?} names people, and is not said to", subject.key()));
        }
    }
    for batch in case.batches(&case.everything()).await? {
        for record in batch.iter().filter(|_| case.data_type.pushes_down) {
            let record: BTreeMap<String, Value> = serde_json::from_slice(record.line)
                .map_err(|_| "a line is not one JSON object".to_owned())?;
            if let Some(name) = record.keys().find(|name| named(name) == 0) {
                return Err(format!("records have the field {name:?}, which is not named"));
            }
        }
    }
    Ok(())
}
