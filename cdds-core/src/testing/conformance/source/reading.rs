//! Checks of a read under way: what it holds, how far it is ahead, and how it meets a record that cannot be read.

use std::future;
use std::time::Duration;

use futures::StreamExt;

use super::case::{Case, Outcome, field};
use super::rows::{at, dated, declared, many};
use super::{Damaged, SourceFixture};
use crate::domain::calendar::window::Window;
use crate::domain::record::RecordBatch;
use crate::ports::clock::Clock;
use crate::ports::source::{BadRecordMode, ReadRequest, SourceError, SourceErrorKind};
use crate::system::SystemClock;

/// How often a thread that still holds something is looked at again, a hundredth of a second apart.
const LOOKS: u32 = 300;

/// The most rows of 12,000 that one poll goes through.
const ROWS_PER_POLL_MAX: u64 = 3_000;

/// The most rows of half a kilobyte that are read ahead of those that were handed over: some batches of 512 KiB.
const ROWS_AHEAD_MAX: u64 = 6_000;

/// What the note of the damaged row says, and nobody else.
const UNSPEAKABLE: &str = "unspeakable-4711";

/// Lets other threads go on for a hundredth of a second.
async fn pause() {
    SystemClock::new().sleep(Duration::from_millis(10)).await;
}

pub(super) async fn dropped(fixture: &dyn SourceFixture) -> Outcome {
    let case = Case::of(fixture, many())?;
    let open = || fixture.handles().unwrap_or_default();
    let before = open();
    for batches in [0, 1, 2, usize::MAX] {
        let failed = |error| format!("a read failed: {error}");
        let mut stream = case.source.read(case.everything()).await.map_err(failed)?;
        let mut taken = 0;
        while taken < batches && stream.next().await.is_some() {
            taken += 1;
        }
        drop(stream);
        // A thread that reads notices a little later.
        let mut looks = 0..LOOKS;
        while open() > before && looks.next().is_some() {
            pause().await;
        }
        let left = open().saturating_sub(before);
        if left > 0 {
            return Err(format!("dropping a read after {taken} batches leaves {left} handles"));
        }
    }
    Ok(())
}

/// Reads rows of which none is asked for, and counts those that each poll goes through.
pub(super) async fn polls(fixture: &dyn SourceFixture) -> Outcome {
    let case = Case::of(fixture, many())?;
    let nothing = case.everything().with_window(Window::until(at(-1)));
    let counted = || fixture.rows_read().unwrap_or_default();
    let mut least = u64::MAX;
    // A thread may go on reading while this one waits for the processor in the middle of a poll.
    for _again in 0..5 {
        let mut longest = 0;
        for request in [&nothing, &case.everything()] {
            let failed = |error| format!("a read failed: {error}");
            let mut reading = case.source.read(request.clone());
            let mut measured = |before: u64| longest = longest.max(counted().saturating_sub(before));
            let mut stream = future::poll_fn(|context| {
                let before = counted();
                let polled = reading.as_mut().poll(context);
                measured(before);
                polled
            })
            .await
            .map_err(failed)?;
            while let Some(batch) = future::poll_fn(|context| {
                let before = counted();
                let polled = stream.poll_next_unpin(context);
                measured(before);
                polled
            })
            .await
            {
                batch.map_err(failed)?;
            }
        }
        least = least.min(longest);
    }
    if least > ROWS_PER_POLL_MAX {
        return Err(format!("one poll goes through {least} of {} rows", case.rows.len()));
    }
    Ok(())
}

/// Takes a few batches, and looks how many rows were read meanwhile.
pub(super) async fn ahead(fixture: &dyn SourceFixture) -> Outcome {
    let case = Case::of(fixture, many())?;
    let counted = || fixture.rows_read().unwrap_or_default();
    let before = counted();
    let failed = |error| format!("a read failed: {error}");
    let mut stream = case.source.read(case.everything()).await.map_err(failed)?;
    let mut taken = 0;
    for batches in 1..=2 {
        let batch: RecordBatch = match stream.next().await {
            Some(batch) => batch.map_err(failed)?,
            None => return Err(format!("the read ends after {taken} of {} records", case.rows.len())),
        };
        taken += batch.records() as u64;
        // A thread reads on until it has to wait.
        let mut last = None;
        while last != Some(counted()) {
            last = Some(counted());
            pause().await;
        }
        let read = counted().saturating_sub(before);
        if read > taken + ROWS_AHEAD_MAX {
            return Err(format!(
                "{read} rows are read after {batches} batches of {taken} records altogether"
            ));
        }
    }
    Ok(())
}

pub(super) async fn bad_records(fixture: &dyn SourceFixture) -> Outcome {
    const NUMBER: usize = 4;
    let data_type = Case::of(fixture, Vec::new())?.data_type;
    let mut rows = declared(&data_type, dated((0..9).map(at)));
    rows[NUMBER].note = format!("{UNSPEAKABLE} {UNSPEAKABLE}");
    let damaged = fixture.damaged(&rows, NUMBER).map_err(|error| format!("the fixture failed: {error}"))?;
    let Damaged { source, place } = damaged.ok_or("the fixture can damage no row")?;
    let case = Case { source, data_type, rows };

    match read(&case, &case.everything()).await {
        (_, Some(error)) => is_told(&error, &place)?,
        (_, None) => return Err("a record that cannot be read is no error".to_owned()),
    }
    let request = case.everything().with_bad_records(BadRecordMode::Report);
    let (batches, error) = read(&case, &request).await;
    if let Some(error) = error {
        // The source cannot go on behind it.
        return is_told(&error, &place);
    }
    let rejected: Vec<_> = batches.iter().flat_map(RecordBatch::rejected).collect();
    let [rejected] = rejected[..] else {
        return Err(format!("one record cannot be read, and {} are rejected", rejected.len()));
    };
    is_silent(&format!("{} {}", rejected.position(), rejected.reason()))?;
    if !rejected.position().contains(&place) {
        return Err(format!("a rejected record is at {:?}, not at {place:?}", rejected.position()));
    }
    let mut found = Vec::new();
    for record in batches.iter().flat_map(RecordBatch::iter) {
        found.push(field(record.line, "id")?);
    }
    found.sort();
    let others = case.rows.iter().enumerate().filter(|(number, _)| *number != NUMBER);
    if others.map(|(_, row)| &row.id).eq(&found) {
        return Ok(());
    }
    Err(format!("{} of the 8 other records come with one that is rejected", found.len()))
}

/// Reads to the end, or to the first error.
async fn read(case: &Case, request: &ReadRequest) -> (Vec<RecordBatch>, Option<SourceError>) {
    let mut batches = Vec::new();
    let mut stream = match case.source.read(request.clone()).await {
        Ok(stream) => stream,
        Err(error) => return (batches, Some(error)),
    };
    while let Some(item) = stream.next().await {
        match item {
            Ok(batch) => batches.push(batch),
            Err(error) => return (batches, Some(error)),
        }
    }
    (batches, None)
}

/// Checks that an error names the place of the record, and nothing of it.
fn is_told(error: &SourceError, place: &str) -> Outcome {
    let told = error.report();
    is_silent(&told)?;
    is_silent(&format!("{error:?}"))?;
    if error.kind() != SourceErrorKind::BadRecord {
        return Err(format!("a record that cannot be read is an error of kind {:?}", error.kind()));
    }
    if told.contains(place) { Ok(()) } else { Err(format!("the error does not name {place:?}: {told}")) }
}

fn is_silent(told: &str) -> Outcome {
    if told.contains(UNSPEAKABLE) { Err("the contents of a record are told".to_owned()) } else { Ok(()) }
}
