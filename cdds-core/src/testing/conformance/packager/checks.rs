//! The check of each clause.

use std::collections::BTreeMap;
use std::thread;

use bytes::Bytes;
use chrono::DateTime;

use super::{Clause, PackagerFixture};
use crate::ports::packager::{
    ArchiveWriter, Packager, PackagerError, Packed, PartEvent, PartIndex, PartOrdinal, Plan,
};
use crate::testing::conformance::{content, same};

type Outcome = Result<(), String>;

/// A path and contents.
type File = (String, Bytes);

pub(super) fn check(clause: Clause, fixture: &dyn PackagerFixture) -> Outcome {
    match clause {
        Clause::Whole => whole(fixture),
        Clause::Empty => empty(fixture),
        Clause::PackedTold => told(fixture),
        Clause::PackPure => pure(fixture),
        Clause::SameBytes => same_bytes(fixture),
        Clause::EventsInOrder => in_order(fixture),
        Clause::EventsAppend => appended(fixture),
        Clause::Index => indexed(fixture),
        Clause::PartsBounded => bounded(fixture),
        Clause::ArchivesApart => apart(fixture),
    }
}

fn said(what: &str) -> impl FnOnce(PackagerError) -> String {
    move |error| format!("{what} failed: {:?}: {error}", error.kind())
}

/// Returns files of these sizes; every second one compresses.
fn files(sizes: impl IntoIterator<Item = usize>) -> Vec<File> {
    let file = |(number, size): (usize, usize)| {
        let contents = if number % 2 == 0 {
            content(size, number as u64)
        } else {
            let line = format!("{{\"number\":{number},\"note\":\"Zürich\"}}\n");
            line.bytes().cycle().take(size).collect()
        };
        (format!("call/é{}/2026-03-01/{number:06}.json", number % 3), contents)
    };
    sizes.into_iter().enumerate().map(file).collect()
}

/// Returns sets of files: none larger than a part, some around its size, many small ones.
fn sets(fixture: &dyn PackagerFixture) -> Vec<Vec<File>> {
    let part = usize::try_from(fixture.part_bytes()).unwrap_or(usize::MAX).min(1 << 20);
    let around = (0..9).map(|less| part.saturating_sub(20 * less));
    vec![
        files([1]),
        files([0]),
        files([0, 0, 5, 0]),
        files([100, 300, 20_000]),
        files([10 * part + 3]),
        files([part / 2, part * 2, 7, part * 3, 0]),
        files(around.clone()),
        files(around.rev().chain([part + 1, part + 100])),
        files((0..300).map(|number| number * 7 % 900)),
    ]
}

/// An archive, its parts in the order of opening.
struct Made {
    opened: Vec<Bytes>,
    index: PartIndex,
}

impl Made {
    /// Returns the parts in reading order.
    fn parts(&self) -> Result<Vec<Bytes>, String> {
        let part = |ordinal: &PartOrdinal| self.opened.get(ordinal.0 as usize).cloned();
        let parts = self.index.reading_order.iter().map(part).collect::<Option<Vec<_>>>();
        parts.ok_or_else(|| "the index names a part that was never opened".to_owned())
    }
}

fn plan(part_bytes_max: Option<u64>) -> Plan {
    Plan { part_bytes_max, modified_at: DateTime::UNIX_EPOCH + chrono::TimeDelta::days(20_000) }
}

fn begun(packager: &dyn Packager, bound: Option<u64>) -> Result<Box<dyn ArchiveWriter>, String> {
    packager.begin(plan(bound)).map_err(said("beginning an archive"))
}

fn packed(packager: &dyn Packager, files: &[File]) -> Result<Vec<Packed>, String> {
    let packed = files.iter().map(|(path, contents)| packager.pack(path, contents));
    packed.collect::<Result<_, _>>().map_err(said("packing a file"))
}

/// Writes an archive whose events are taken all at once.
fn made(packager: &dyn Packager, bound: Option<u64>, files: &[File]) -> Result<Made, String> {
    let mut writer = begun(packager, bound)?;
    let mut events = Vec::new();
    for file in packed(packager, files)? {
        writer.push(file, &mut events).map_err(said("pushing a file"))?;
    }
    let index = writer.finish(&mut events).map_err(said("finishing an archive"))?;
    Ok(Made { opened: opened(&events)?, index })
}

/// Returns the parts in the order of opening.
fn opened(events: &[PartEvent]) -> Result<Vec<Bytes>, String> {
    let (mut parts, mut open): (Vec<Vec<u8>>, Option<PartOrdinal>) = (Vec::new(), None);
    for event in events {
        match (event, open) {
            (PartEvent::Opened(ordinal), None) if ordinal.0 as usize == parts.len() => {
                parts.push(Vec::new());
                open = Some(*ordinal);
            }
            (PartEvent::Closed(ordinal), Some(at_hand)) if *ordinal == at_hand => open = None,
            (PartEvent::Opened(_) | PartEvent::Closed(_), _) => {
                let count = parts.len();
                return Err(format!("after {count} parts, of which {open:?} is open, comes {event:?}"));
            }
            (PartEvent::Data(bytes), Some(_)) => {
                parts.iter_mut().last().into_iter().for_each(|part| part.extend_from_slice(bytes));
            }
            (PartEvent::Data(_), None) => return Err("bytes come while no part is open".to_owned()),
        }
    }
    match open {
        Some(ordinal) => Err(format!("{ordinal:?} is never closed")),
        None => Ok(parts.into_iter().map(Bytes::from).collect()),
    }
}

/// Checks that an archive has these files.
fn holds(fixture: &dyn PackagerFixture, made: &Made, files: &[File], what: &str) -> Outcome {
    let parts = made.parts()?;
    let found = fixture.open(&parts).map_err(|error| format!("{what} does not open: {error}"))?;
    let count = found.len();
    let mut found: BTreeMap<String, Bytes> = found.into_iter().collect();
    for (path, contents) in files {
        let whole = found.remove(path).ok_or_else(|| format!("{what} has no file {path:?}"))?;
        same(&whole, contents, &format!("{path:?} in {what}"))?;
    }
    if count == files.len() {
        Ok(())
    } else {
        Err(format!("{what} has {count} files instead of {}", files.len()))
    }
}

fn whole(fixture: &dyn PackagerFixture) -> Outcome {
    let packager = fixture.packager();
    for files in sets(fixture) {
        for bound in [None, Some(fixture.part_bytes()), Some(fixture.part_bytes() + 12_345)] {
            let what = format!("an archive of {} files in parts of {bound:?} bytes", files.len());
            holds(fixture, &made(&*packager, bound, &files)?, &files, &what)?;
        }
    }
    Ok(())
}

fn empty(fixture: &dyn PackagerFixture) -> Outcome {
    for bound in [None, Some(fixture.part_bytes())] {
        let made = made(&*fixture.packager(), bound, &[])?;
        if made.opened.len() != 1 {
            return Err(format!("an archive without files has {} parts", made.opened.len()));
        }
        holds(fixture, &made, &[], "an archive without files")?;
    }
    Ok(())
}

fn told(fixture: &dyn PackagerFixture) -> Outcome {
    let packager = fixture.packager();
    let files = files([0, 1, 5_000, 200_000]);
    for ((path, contents), packed) in files.iter().zip(packed(&*packager, &files)?) {
        if packed.path != *path || packed.uncompressed_bytes != contents.len() as u64 {
            let (told, bytes) = (packed.path, packed.uncompressed_bytes);
            return Err(format!("{path:?} of {} bytes is packed as {told:?} of {bytes}", contents.len()));
        }
    }
    Ok(())
}

fn pure(fixture: &dyn PackagerFixture) -> Outcome {
    let (one, other) = (fixture.packager(), fixture.packager());
    let files = files([0, 1, 5_000, 5_000, 200_000, 5_000]);
    let first = packed(&*one, &files)?;
    let mut reversed = files.clone();
    reversed.reverse();
    let mut elsewhere = thread::scope(|scope| {
        let packing = scope.spawn(|| packed(&*other, &reversed));
        packing.join().map_err(|_told| "packing on another thread panicked".to_owned())
    })??;
    elsewhere.reverse();
    for (again, how) in
        [(packed(&*one, &files)?, "again"), (elsewhere, "in another order, by another packager")]
    {
        if let Some((first, _)) = first.iter().zip(&again).find(|(first, again)| first != again) {
            return Err(format!("{:?} is packed otherwise {how}", first.path));
        }
    }
    Ok(())
}

fn same_bytes(fixture: &dyn PackagerFixture) -> Outcome {
    let packager = fixture.packager();
    for (files, bound) in
        sets(fixture).iter().flat_map(|set| [(set, None), (set, Some(fixture.part_bytes()))])
    {
        let first = made(&*packager, bound, files)?.parts()?;
        for again in [made(&*packager, bound, files)?, made(&*fixture.packager(), bound, files)?] {
            let again = again.parts()?;
            if again.len() != first.len() {
                return Err(format!("{} parts at first, and {} parts again", first.len(), again.len()));
            }
            for (number, (first, again)) in first.iter().zip(&again).enumerate() {
                same(again, first, &format!("part {number} of the same {} files", files.len()))?;
            }
        }
    }
    Ok(())
}

fn in_order(fixture: &dyn PackagerFixture) -> Outcome {
    for (files, bound) in
        sets(fixture).iter().flat_map(|set| [(set, None), (set, Some(fixture.part_bytes()))])
    {
        made(&*fixture.packager(), bound, files)?;
    }
    Ok(())
}

fn appended(fixture: &dyn PackagerFixture) -> Outcome {
    let packager = fixture.packager();
    for files in sets(fixture) {
        let bound = Some(fixture.part_bytes());
        let expected = made(&*packager, bound, &files)?;
        let mut writer = begun(&*packager, bound)?;
        let mut all = Vec::new();
        // What is there before each call.
        let before = PartEvent::Data(Bytes::from_static(b"before"));
        let mut take = |mut events: Vec<PartEvent>| {
            let kept = events.first() == Some(&before);
            all.extend(events.drain(1.min(events.len())..));
            if kept { Ok(()) } else { Err("a call changes the events that were there".to_owned()) }
        };
        for file in packed(&*packager, &files)? {
            let mut events = vec![before.clone()];
            writer.push(file, &mut events).map_err(said("pushing a file"))?;
            take(events)?;
        }
        let mut events = vec![before.clone()];
        writer.finish(&mut events).map_err(said("finishing an archive"))?;
        take(events)?;
        if opened(&all)? != expected.opened {
            return Err("other bytes when the events are taken after each call".to_owned());
        }
    }
    Ok(())
}

fn indexed(fixture: &dyn PackagerFixture) -> Outcome {
    for (files, bound) in
        sets(fixture).iter().flat_map(|set| [(set, None), (set, Some(fixture.part_bytes()))])
    {
        let Made { opened, index } = made(&*fixture.packager(), bound, files)?;
        let mut ordinals: Vec<usize> = index.reading_order.iter().map(|ordinal| ordinal.0 as usize).collect();
        ordinals.sort_unstable();
        if !ordinals.iter().copied().eq(0..opened.len()) {
            return Err(format!("the reading order of {} parts is {:?}", opened.len(), index.reading_order));
        }
        if index.entries != files.len() as u64 {
            return Err(format!("{} files are counted as {}", files.len(), index.entries));
        }
    }
    Ok(())
}

fn bounded(fixture: &dyn PackagerFixture) -> Outcome {
    for files in sets(fixture) {
        let parts = made(&*fixture.packager(), None, &files)?.parts()?;
        if parts.len() != 1 {
            return Err(format!("{} parts, although the plan has no size of parts", parts.len()));
        }
        let bound = fixture.part_bytes();
        let parts = made(&*fixture.packager(), Some(bound), &files)?.parts()?;
        // The last one holds the directory, whose size nobody knows before.
        let data = &parts[..parts.len().saturating_sub(1)];
        if let Some(large) = data.iter().find(|part| part.len() as u64 > bound) {
            return Err(format!("a part of {} bytes, although the plan has {bound}", large.len()));
        }
        let all: usize = parts.iter().map(Bytes::len).sum();
        if parts.len() == 1 && all as u64 > bound {
            return Err(format!("{all} bytes in one part, although the plan has {bound}"));
        }
    }
    Ok(())
}

fn apart(fixture: &dyn PackagerFixture) -> Outcome {
    let packager = fixture.packager();
    let part = usize::try_from(fixture.part_bytes()).unwrap_or(usize::MAX).min(1 << 20);
    let sets =
        [files([part / 3; 9]), files([1, 2 * part, 3, 100_000, 5]), files((0..9).map(|number| number * 31))];
    let bound = Some(fixture.part_bytes());
    let mut writers = Vec::new();
    for files in &sets {
        writers.push((begun(&*packager, bound)?, packed(&*packager, files)?.into_iter(), Vec::new()));
    }
    for _round in 0..9 {
        for (writer, rest, events) in &mut writers {
            if let Some(file) = rest.next() {
                writer.push(file, events).map_err(said("pushing a file"))?;
            }
        }
    }
    for (files, (writer, _, mut events)) in sets.iter().zip(writers) {
        let index = writer.finish(&mut events).map_err(said("finishing an archive"))?;
        let made = Made { opened: opened(&events)?, index };
        holds(fixture, &made, files, "one of three archives that were made at the same time")?;
    }
    Ok(())
}
