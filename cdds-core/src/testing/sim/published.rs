//! Checks what a commit makes visible (invariants I1, I3, I4, I5, I7, I8).

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures::TryStreamExt;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::drafts;
use super::model::{Broken, Check, Family, Model, SetModel, brief, ensure};
use super::report::Invariant;
use super::source::{Row, exports, number};
use super::watch::{Watch, step};
use crate::domain::archive::artifact::{ArtifactSet, Sha256Digest};
use crate::domain::calendar::timeframe::Timeframe;
use crate::domain::execution::Execution;
use crate::domain::execution::watermark::Watermark;
use crate::domain::id::{ExecutionId, Owner};
use crate::ports::catalog::Publication;
use crate::ports::sink::Key;
use crate::ports::source::RecordInstant;
use crate::testing::packager::unpack;

impl Watch {
    /// Checks a success. `execution` is the execution as it ran, `watermark` that of its job before the
    /// commit.
    pub(super) fn check_published(
        &self,
        model: &mut Model,
        execution: &Execution,
        watermark: Option<Watermark>,
        publication: &Publication,
    ) -> Check {
        let found = self.read(self.catalog.artifact_set(&execution.owner, execution.id))?;
        ensure(found.as_ref() == Some(&publication.set), Invariant::I3, || {
            format!("{} succeeded without its set: {found:?}", brief(execution))
        })?;
        check_moved(model, execution, watermark)?;
        check_once(model, execution)?;
        check_tile(model, execution)?;
        self.check_expiry(execution, publication)?;
        let set = &publication.set;
        let mut parts = Vec::with_capacity(set.artifacts.len());
        for file in &set.artifacts {
            parts.push(self.stored(&file.key, file.bytes, file.sha256)?);
        }
        let manifest = self.check_manifest(set)?;
        self.check_rows(model, execution, &parts, &database_of(&manifest))?;
        let keys = set.artifacts.iter().map(|file| &file.key).chain([&set.manifest.key]);
        let keys = keys.chain(set.signature.iter().map(|signature| &signature.key));
        model.live.extend(keys.map(|key| (key.clone(), execution.id)));
        if let Some(known) = model.executions.get_mut(&execution.id) {
            known.set = Some(SetModel {
                set: set.clone(),
                removed: false,
                confirmed_at: None,
                gone: Default::default(),
            });
        }
        Ok(())
    }

    /// Rule A7: files are retained for the job's own number of days, at most the service's.
    fn check_expiry(&self, execution: &Execution, publication: &Publication) -> Check {
        let service = i64::from(self.shared.profile.engine.retention.days());
        let own = execution.settings.retention.map(|own| i64::from(own.days()));
        let until = publication.published_at + TimeDelta::hours(24 * own.unwrap_or(service).min(service));
        let wrong = publication.set.artifacts.iter().find(|file| file.expires_at != until || file.hold);
        ensure(wrong.is_none(), Invariant::I12, || {
            format!("files of {} are to stay until {until}, but: {wrong:?}", brief(execution))
        })
    }

    /// Checks at the end that the store holds every live set as it was published.
    pub(super) fn check_contents(&self, model: &Model) -> Check {
        for (_, set) in model.live_sets() {
            for file in set.files() {
                self.stored(&file.key, file.bytes, file.sha256)?;
            }
            self.check_manifest(&set.set)?;
        }
        Ok(())
    }

    /// Invariants I3, I8: checks the manifest, and the signature over it.
    fn check_manifest(&self, set: &ArtifactSet) -> Check<Bytes> {
        let ArtifactSet { manifest, signature, .. } = set;
        let json = self.stored(&manifest.key, manifest.bytes, manifest.sha256)?;
        let Some(signature) = signature else { return Ok(json) };
        let signed = self.stored(&signature.key, signature.bytes, signature.sha256)?;
        ensure(signed == Sha256::digest(&json)[..], Invariant::I3, || {
            format!("{} is no signature of {}", signature.key, manifest.key)
        })?;
        Ok(json)
    }

    /// Invariants I3, I8: reads a file from the store, and checks its size and digest against the catalog.
    fn stored(&self, key: &Key, bytes: u64, sha256: Sha256Digest) -> Check<Bytes> {
        let read = async { self.sink.read(key, 0).await?.try_collect::<Vec<Bytes>>().await };
        let chunks = step(read).map_err(|error| Broken(Invariant::I8, error.report()))?;
        let contents = match chunks.as_slice() {
            [one] => one.clone(),
            several => Bytes::from(several.concat()),
        };
        let digest = Sha256Digest(Sha256::digest(&contents).into());
        ensure(contents.len() as u64 == bytes && digest == sha256, Invariant::I3, || {
            format!("{key} holds other bytes than were published")
        })?;
        Ok(contents)
    }

    /// Invariant I4: the set holds every record of the window once, in the version that was readable at that
    /// time.
    fn check_rows(&self, model: &mut Model, execution: &Execution, parts: &[Bytes], database: &str) -> Check {
        let files = unpack(parts).map_err(|error| Broken(Invariant::I3, error.report()))?;
        let by = RecordInstant::of(&execution.settings.timeframe);
        let reads = &execution.settings.reads;
        let of_window = self.rows.of_owner(&execution.owner, execution.window, by);
        let mut published: BTreeMap<usize, u8> = of_window.iter().map(|number| (*number, 0)).collect();
        for line in files.iter().flat_map(|(_, contents)| lines(contents)) {
            let number = number(line.as_bytes())
                .ok_or_else(|| Broken(Invariant::I4, format!("{line:?} is no record")))?;
            ensure(self.rows.belongs(number, &execution.owner), Invariant::Owner, || {
                format!("{} holds record {number}, which is not of {}", brief(execution), execution.owner)
            })?;
            let Some(times) = published.get_mut(&number) else {
                let what = format!("{} holds record {number}, which is none of its window", brief(execution));
                return Err(Broken(Invariant::I4, what));
            };
            *times = times.saturating_add(1);
        }
        let settled = is_settled(model, execution);
        let read = Read { from: visible_from(execution), to: self.shared.timeline.now(), settled, by };
        for (number, times) in self.records(&published, by) {
            let Some(row) = self.rows.row(number) else { continue };
            let selected = exports(reads, row);
            ensure(read.may_hold(row, times, selected), Invariant::I4, || {
                format!("record {number} ({row:?}) is {times} times in the set of {}", brief(execution))
            })?;
        }
        let there: Vec<usize> =
            published.iter().filter(|(_, times)| **times > 0).map(|(number, _)| *number).collect();
        let versions = there.iter().filter_map(|number| self.rows.row(*number));
        for (number, row) in there.iter().zip(versions) {
            ensure(row.can_be_read(read.from, read.to), Invariant::I4, || {
                format!("{} holds {number} ({row:?}), which could not be read then", brief(execution))
            })?;
        }
        let changed = there.iter().filter(|number| self.is_changed(**number)).count() as u64;
        self.shared.count(|figures| {
            figures.several_types += u64::from(reads.only().is_none());
            figures.filtered += u64::from(reads.filters());
            figures.records += there.len() as u64;
            figures.changed += changed;
        });
        let stretch = model.execution(execution.id)?.stretch;
        let booked = self.records(&published, by).into_iter().filter(|(_, times)| *times > 0);
        model.ledger.book(execution, stretch, booked.map(|(number, _)| number))?;
        let unchanged = of_window.iter().all(|number| !self.is_superseded(*number));
        if settled && unchanged {
            same_archive(model, (execution, self.rows.separate(&execution.owner)), &files, database)?;
        }
        Ok(())
    }

    /// Counts how often each record was published. By event, all versions of a record count together, under
    /// the number of the first. By change, each version counts by itself.
    fn records(&self, published: &BTreeMap<usize, u8>, by: RecordInstant) -> BTreeMap<usize, u8> {
        let mut records = BTreeMap::new();
        for (number, times) in published {
            let first = self.rows.row(*number).map_or(*number, |row| row.first);
            let record = if by == RecordInstant::Event { first } else { *number };
            *records.entry(record).or_default() += times;
        }
        records
    }

    fn is_superseded(&self, number: usize) -> bool {
        self.rows.row(number).is_some_and(|row| row.superseded_at.is_some())
    }

    fn is_changed(&self, number: usize) -> bool {
        self.rows.row(number).is_some_and(|row| row.changed_at.is_some())
    }
}

/// The earliest true time at which the published attempt can have read: its start.
fn visible_from(execution: &Execution) -> DateTime<Utc> {
    execution.attempts.last().map_or(execution.created_at, |attempt| attempt.started_at)
}

/// The time in which the published attempt can have read, and whether its window was settled by then.
struct Read {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    settled: bool,
    by: RecordInstant,
}

impl Read {
    /// Whether a set may hold a record this many times. A record that was certainly visible must be there
    /// exactly once.
    fn may_hold(&self, row: &Row, times: u8, selected: bool) -> bool {
        let visible = self.settled || row.visible_at <= self.from;
        // By event, a later version takes the place of an earlier one in the same window.
        let stays = self.by == RecordInstant::Event || row.superseded_at.is_none_or(|at| self.to < at);
        times == u8::from(selected) || (times == 0 && !(visible && stays))
    }
}

/// Splits contents into lines, as text: lines are found faster in text than in bytes. Contents that are not
/// UTF-8 yield a line that is no record.
fn lines(contents: &[u8]) -> impl Iterator<Item = &str> {
    std::str::from_utf8(contents).unwrap_or("not text").split_inclusive('\n')
}

/// Whether every record of the window must be visible. Runs by hand and exports of `All` or a fixed range
/// take only what is visible when they read (rule W4).
fn is_settled(model: &Model, execution: &Execution) -> bool {
    match execution.settings.timeframe {
        // It went on without the records that are missing (rule W3b).
        _ if execution.incomplete_from().is_some() => false,
        _ if execution.generation.is_some() => true,
        Timeframe::All | Timeframe::Fixed(_) => false,
        _ => model.family(execution.trigger) != Family::Manual,
    }
}

/// Invariant I3: the watermark is at the end of the window, or unchanged if this execution moves none.
fn check_moved(model: &Model, execution: &Execution, before: Option<Watermark>) -> Check {
    let after = model.job(execution.job_id)?.job.watermark;
    let moves = before.is_some_and(|before| execution.generation == Some(before.generation));
    let expected = match before {
        Some(before) if moves => Some(Watermark { at: Some(execution.window.end()), ..before }),
        other => other,
    };
    let invariant =
        if model.family(execution.trigger) == Family::Backfill { Invariant::I7 } else { Invariant::I3 };
    ensure(after == expected, invariant, || {
        format!("{} succeeded, and the watermark is {after:?} instead of {expected:?}", brief(execution))
    })
}

/// Invariants I5, I9: at most one success per occurrence, and one per one-time job.
fn check_once(model: &mut Model, execution: &Execution) -> Check {
    let family = model.family(execution.trigger);
    if family == Family::Backfill {
        return Ok(());
    }
    let is_once = |one: &Execution| one.settings.frequency.is_once();
    let ran_once = |id: &ExecutionId| model.executions.get(id).is_some_and(|one| is_once(&one.execution));
    let once = is_once(execution) && model.job(execution.job_id)?.successes.values().any(ran_once);
    let known = model.job_mut(execution.job_id)?;
    ensure(!once, Invariant::I9, || format!("a one-time job succeeded again: {}", brief(execution)))?;
    match known.successes.insert((family, execution.slot), execution.id) {
        None => Ok(()),
        Some(first) => {
            Err(Broken(Invariant::I5, format!("{first} had succeeded before {}", brief(execution))))
        }
    }
}

/// Invariant I1: tiling windows do not overlap. Whether they leave gaps is checked at the end, from all
/// occurrences on the record.
fn check_tile(model: &mut Model, execution: &Execution) -> Check {
    let stretch = model.execution(execution.id)?.stretch;
    let (window, id) = (execution.window, execution.id);
    let known = model.job_mut(execution.job_id)?;
    let (Some(start), Some(stretch)) = (window.start(), stretch) else { return Ok(()) };
    let before = known.tiles.range((stretch, DateTime::<Utc>::MIN_UTC)..(stretch, window.end())).next_back();
    if let Some((_, (end, other))) = before {
        ensure(*end <= start, Invariant::I1, || {
            format!("{} overlaps the window of {other}", brief(execution))
        })?;
    }
    known.tiles.insert((stretch, start), (window.end(), id));
    Ok(())
}

/// Returns by which database of time zones the folders of days were chosen; nothing for UTC.
fn database_of(manifest: &[u8]) -> String {
    let manifest: Option<Value> = serde_json::from_slice(manifest).ok();
    let clock = manifest.and_then(|manifest| Some(manifest["clock"]["database"].as_str()?.to_owned()));
    clock.unwrap_or_default()
}

/// Invariant I7: exporting the same window of unchanged data again yields the same archive. `owner` is given
/// if others have other records. Folders of days follow the zone by the database of the worker that exported, so others
/// have different ones.
fn same_archive(
    model: &mut Model,
    (execution, owner): (&Execution, Option<&Owner>),
    files: &[(String, Bytes)],
    database: &str,
) -> Check {
    let mut hasher = Sha256::new();
    for (path, contents) in files {
        hasher.update(path);
        hasher.update(contents);
    }
    let digest: [u8; 32] = hasher.finalize().into();
    let hash = u64::from_le_bytes(std::array::from_fn(|index| digest[index]));
    let by = RecordInstant::of(&execution.settings.timeframe);
    let zone = execution.settings.clock.zone();
    let selection = format!("{by:?} {owner:?} {zone} {database} {}", drafts::told(&execution.settings.reads));
    let window = (selection, execution.window.start(), execution.window.end());
    let known = *model.archives.entry(window).or_insert(hash);
    ensure(known == hash, Invariant::I7, || format!("{} differs from the export before", brief(execution)))
}
