//! Files of JSON lines: one JSON object per line.

mod identity;
mod lines;
mod member;
mod name;
mod owned;
mod pattern;
mod snapshot;
mod torn;

use std::num::NonZeroU32;
use std::time::Duration;

use async_trait::async_trait;
use cdds_core::blocking::{Batches, Stop, read_blocking};
use cdds_core::domain::calendar::window::Window;
use cdds_core::domain::id::{Owner, SourceId, TypeId};
use cdds_core::domain::record::RejectedRecord;
use cdds_core::domain::record::selection::CategorySelection;
use cdds_core::domain::violation::RuleViolation;
use cdds_core::ports::source::{
    BadRecordMode, Estimate, Field, Indexed, ReadRequest, RecordStream, Source, SourceDescription,
    SourceError, SourceErrorKind, Visibility,
};
use chrono::{DateTime, Utc};

use super::config::{self, TypeConfig};
use super::owners;
use super::selection::{Selection, Timing};
use lines::{Lines, Piece};
use member::{LineError, Members};
use snapshot::NotedFile;

/// A data type in JSON lines, with its own path or glob, or else that of the source.
pub type JsonLinesType = TypeConfig<Option<String>>;

/// The configuration of a [`JsonLinesSource`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct JsonLinesConfig {
    /// The identifier under which jobs name the source.
    pub id: SourceId,
    /// The name shown to people.
    pub title: String,
    /// A file, or a glob (`*`, `?`, `[…]`, `**`) of files that are read in the order of their names. Names
    /// that begin with a dot match only patterns that begin with one, as in a shell; links are followed.
    /// `{owner}` stands for the owner (rule J16).
    pub path: String,
    /// The data types.
    pub types: Vec<JsonLinesType>,
    /// The longest accepted line in bytes; it bounds the memory of a read.
    pub line_bytes_max: usize,
    /// How many executions may read the source at the same time (rule E2); `None` for no limit.
    pub max_concurrent: Option<NonZeroU32>,
    /// The owners who see the source (rule J16).
    pub visibility: Visibility,
}

impl JsonLinesConfig {
    /// Configures a source over these files, without data types, with lines of up to [`LINE_BYTES_MAX`] and
    /// without a limit of executions.
    pub fn new(id: SourceId, title: impl Into<String>, path: impl Into<String>) -> Self {
        Self {
            id,
            title: title.into(),
            path: path.into(),
            types: Vec::new(),
            line_bytes_max: LINE_BYTES_MAX,
            max_concurrent: None,
            visibility: Visibility::default(),
        }
    }

    /// Adds a data type.
    #[must_use]
    pub fn with_type(mut self, data_type: JsonLinesType) -> Self {
        self.types.push(data_type);
        self
    }

    /// Sets the longest accepted line, in bytes.
    #[must_use]
    pub fn with_line_bytes_max(self, line_bytes_max: usize) -> Self {
        Self { line_bytes_max, ..self }
    }

    /// Limits how many executions may read the source at the same time (rule E2).
    #[must_use]
    pub fn with_max_concurrent(self, max_concurrent: NonZeroU32) -> Self {
        Self { max_concurrent: Some(max_concurrent), ..self }
    }

    /// Replaces the owners who see the source (rule J16).
    #[must_use]
    pub fn with_visibility(self, visibility: Visibility) -> Self {
        Self { visibility, ..self }
    }

    /// Returns the path of a type's records.
    fn path_of<'a>(&'a self, data_type: &'a JsonLinesType) -> &'a str {
        data_type.rows.as_ref().unwrap_or(&self.path)
    }
}

/// The default of [`JsonLinesConfig::line_bytes_max`]: 16 MiB.
pub const LINE_BYTES_MAX: usize = 16 << 20;

/// How long the last line of a file may remain unfinished, by the file's own time, before it counts as a bad
/// record, since nobody seems to be writing it any more.
pub const UNFINISHED_MAX: Duration = Duration::from_secs(3_600);

/// Reads files of JSON lines.
///
/// Blank lines, a byte order mark at the start of a file, CRLF, and a missing newline at the end are
/// accepted. Anything else that is not one JSON object per line is a bad record, reported by file and line
/// (rule E10). Templates are applied by the engine.
///
/// # Files
/// A file with several names, through links or (on Unix) hard links, is read once, under the first of its
/// names that is not a link. A match of the pattern that cannot be read (a dangling link, a folder that may
/// not be entered, something that is neither file nor folder) is an error, never left out.
///
/// # Files that change
/// A read covers every file up to its length when the read began; later files and lines belong to the next
/// read. If a file is then shorter, gone, replaced or rewritten, the read ends as
/// [`Interrupted`](SourceErrorKind::Interrupted). Every file is compared by its identity, its length and a
/// digest of its two ends; changes in the middle that leave these alone go unnoticed.
///
/// A last line without a newline that breaks off in the middle of its record is not complete yet. The reader
/// waits a moment for its rest. Then it skips the line if the part that is there shows that it is not asked
/// for. Otherwise the line ends the read: as [`Missing`](SourceErrorKind::Missing) if the read is by change,
/// since the next one covers its window, and as interrupted in any other case. Once its file has not been
/// written to for [`UNFINISHED_MAX`], the line is a bad record like any other.
///
/// # Owners
/// If a type names the field of the owner (rule J16), a read returns the owner's records and says nothing about
/// others. A line that cannot be read as JSON may be parts of several records, so it is reported without its
/// contents, to the owner whom its readable beginning names; without one, it belongs to nobody. Positions
/// count all lines of the file.
///
/// With `{owner}` in its path, an owner has files of its own; if there are none, reads fail as for any
/// missing file. On a file system that takes two names for the same, such as one that ignores case, give
/// owners names that differ in more than that.
///
/// # People
/// A read by subject (rule D1) goes through all lines. A line that cannot be read as JSON may be about anybody, so it is
/// reported without its contents.
#[derive(Debug)]
pub struct JsonLinesSource {
    config: JsonLinesConfig,
    description: SourceDescription,
}

impl JsonLinesSource {
    /// Creates a source over the files of a path or glob, with a single data type whose records have no instants, so
    /// that each export is of all of them. It does not say whose the records are, so only the default owner exports
    /// them (rule J16), unless `{owner}` is in the path: then each owner has files of its own. [`new`](Self::new)
    /// takes everything else that there is to say.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let calls = cdds_storage::JsonLinesSource::of("calls", "call", "/var/lib/calls/*.jsonl")?;
    /// # let _ = calls;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`SourceErrorKind::Invalid`] if `id` or `data_type` is not a valid name, or as for [`new`](Self::new).
    pub fn of(id: &str, data_type: &str, path: impl Into<String>) -> Result<Self, SourceError> {
        let invalid = |refused: RuleViolation| {
            SourceError::with_source(SourceErrorKind::Invalid, "the source cannot be made", refused)
        };
        let source = SourceId::new(id).map_err(invalid)?;
        let data_type = TypeId::new(data_type).map_err(invalid)?;
        Self::new(JsonLinesConfig::new(source, id, path).with_type(JsonLinesType::new(data_type, None)))
    }

    /// Creates a source over these files. They are looked up when a read begins.
    ///
    /// # Errors
    /// [`SourceErrorKind::Invalid`] if there are no data types, two with the same name, one whose path could
    /// lead an owner to the files of another (rule J16), or one with a rule of erasure, since files are only read.
    pub fn new(config: JsonLinesConfig) -> Result<Self, SourceError> {
        if let Some(data_type) = config.types.iter().find(|data_type| data_type.erasure.is_some()) {
            return Err(SourceError::invalid(format!(
                "source {}: data type {}: files are only read, so nothing is erased from them: leave the rule of erasure \
                 out",
                config.id, data_type.id
            )));
        }
        let path = |data_type| config.path_of(data_type);
        let mut description = config::describe(&config.id, &config.title, &config.types, false, path)?;
        description.max_concurrent = config.max_concurrent;
        description.visibility = config.visibility.clone();
        Ok(Self { config, description })
    }

    fn reading(&self, request: &ReadRequest) -> Result<Reading, SourceError> {
        let data_type = config::find(&self.config.id, &self.config.types, &request.data_type)?;
        let name = format!("{} {}", self.config.id, data_type.id);
        Ok(Reading {
            path: owners::path_of(&name, self.config.path_of(data_type), &request.owner)?,
            name,
            line_bytes_max: self.config.line_bytes_max,
            members: Members::new(data_type, request),
            selection: Selection::new(data_type, request)?,
            bad_records: request.bad_records,
        })
    }
}

#[async_trait]
impl Source for JsonLinesSource {
    fn describe(&self) -> &SourceDescription {
        &self.description
    }

    async fn estimate(&self, request: &ReadRequest) -> Result<Option<Estimate>, SourceError> {
        let reading = self.reading(request)?;
        let some = request.window.start().is_some()
            || request.categories != CategorySelection::All
            || request.subject.is_some();
        // The files hold the records of other owners, too, and nothing may tell how many (rule J16).
        if some || reading.members.name_owners() {
            return Ok(None);
        }
        blocking::unblock(move || reading.estimate()).await
    }

    async fn remarks(&self, owner: &Owner) -> Result<Vec<String>, SourceError> {
        let mut readings = Vec::new();
        for data_type in &self.config.types {
            if let Some(field) = data_type.owner.field() {
                let window = Window::until(DateTime::<Utc>::MAX_UTC);
                let request = ReadRequest::new(owner.clone(), data_type.id.clone(), window);
                readings.push((self.reading(&request)?, field.to_owned()));
            }
        }
        let remarks = move || readings.iter().filter_map(|(reading, field)| reading.unowned(field)).collect();
        Ok(blocking::unblock(remarks).await)
    }

    /// The fields that the type names, since files declare none; records may have more.
    async fn fields(&self, _owner: &Owner, data_type: &TypeId) -> Result<Option<Vec<Field>>, SourceError> {
        let data_type = config::find(&self.config.id, &self.config.types, data_type)?;
        let field = |name: &String| {
            let roles = data_type.roles(name, false);
            Field::new(name.clone()).with_indexed(Indexed::No).with_roles(roles)
        };
        Ok(Some(data_type.named_fields().iter().map(field).collect()))
    }

    async fn read(&self, request: ReadRequest) -> Result<RecordStream, SourceError> {
        let reading = self.reading(&request)?;
        read_blocking(reading.name.clone(), move |batches| reading.run(batches)).await
    }
}

/// One read.
#[derive(Debug)]
struct Reading {
    name: String,
    path: String,
    line_bytes_max: usize,
    members: Members,
    selection: Selection,
    bad_records: BadRecordMode,
}

impl Reading {
    fn run(&self, batches: &mut Batches) -> Result<(), Stop> {
        let files = snapshot::note_all(&self.name, &self.path)?;
        // Reading a file cannot be interrupted, but it does not take long either.
        batches.opened()?;
        for file in files {
            self.file(&file, batches)?;
        }
        Ok(())
    }

    fn file(&self, noted: &NotedFile, batches: &mut Batches) -> Result<(), Stop> {
        let file = noted.open(&self.name)?;
        let mut lines = Lines::of(file, &noted.path, noted.bytes, self.line_bytes_max);
        let read = self.lines(noted, &mut lines, batches);
        if matches!(read, Err(Stop::Dropped)) {
            return read;
        }
        // A fault in a file that changed during the read says nothing about the file.
        noted.check_unchanged(&self.name, lines.file())?;
        read
    }

    fn lines(&self, noted: &NotedFile, lines: &mut Lines, batches: &mut Batches) -> Result<(), Stop> {
        while let Some(piece) = lines.next_piece()? {
            let bytes = match piece {
                Piece::Line { json, number: 1, .. } if is_utf16(json) => {
                    return Err(self.utf16(noted).into());
                }
                Piece::Line { json, number, ends } => match self.line(json, batches) {
                    Err(error) if !ends && error.breaks_off(json) && !noted.is_at_rest(UNFINISHED_MAX) => {
                        if self.may_want(json) {
                            if lines.wait_for_rest()? {
                                continue;
                            }
                            return Err(self.unfinished(noted, number).into());
                        }
                        self.counted(json.len() as u64)
                    }
                    Ok(Whose::Others) => 0,
                    Ok(Whose::Owners) => json.len() as u64 + 1,
                    Err(error) => {
                        self.bad_record(noted, number, &error, json, batches)?;
                        self.counted(json.len() as u64 + 1)
                    }
                },
                Piece::TooLong { beginning, bytes, number } => {
                    let error = LineError::TooLong { bytes_max: self.line_bytes_max };
                    self.bad_record(noted, number, &error, beginning, batches)?;
                    self.counted(bytes)
                }
                Piece::Skipped { bytes } => self.counted(bytes),
            };
            batches.record_read(bytes)?;
        }
        Ok(())
    }

    /// Returns how many of the bytes of an unreadable line count as read: the size of other owners' records
    /// must not show (rule J16).
    fn counted(&self, bytes: u64) -> u64 {
        if self.members.name_owners() { 0 } else { bytes }
    }

    /// Processes a line, which may be blank.
    fn line(&self, json: &[u8], batches: &mut Batches) -> Result<Whose, LineError> {
        if json.trim_ascii_start().is_empty() {
            return Ok(Whose::Others);
        }
        let mut found = member::Found::default();
        let scanned = batches.builder().scan(json, |key, value| self.members.visit(&mut found, key, value));
        let scanned = scanned.map_err(LineError::Record)?;
        if !self.members.are_of_owner(&found) {
            return Ok(Whose::Others);
        }
        if !self.members.are_about(&found) {
            return Ok(Whose::Owners);
        }
        let (changed_at, event_at) = (|| self.members.changed_at(&found), || self.members.event_at(&found));
        let category = self.selection.category(self.members.category(&found).as_deref());
        let Some(category) = category else { return Ok(Whose::Owners) };
        match self.selection.event_at(changed_at, event_at)? {
            Timing::Wanted(event_at) => scanned.finish(&self.selection.place(category, event_at)),
            Timing::Outside => {}
            Timing::Undated => {
                drop(scanned);
                batches.builder().add_undated(1);
            }
        }
        Ok(Whose::Owners)
    }

    /// Ends the read or hands the line over, as the request says (rule E10).
    fn bad_record(
        &self,
        file: &NotedFile,
        number: u64,
        error: &LineError,
        line: &[u8],
        batches: &mut Batches,
    ) -> Result<(), SourceError> {
        let mut line = line;
        if self.members.name_owners() && !matches!(error, LineError::Time { .. }) {
            if !self.begins_with_owner(line) {
                return Ok(());
            }
            // Its rest may be another owner's record, if a writer broke off.
            line = b"";
        }
        if self.members.name_subject() && !matches!(error, LineError::Time { .. }) {
            // Nobody knows whom it is about.
            line = b"";
        }
        match self.bad_records {
            BadRecordMode::Fail => Err(SourceError::with_source(
                SourceErrorKind::BadRecord,
                format!("{}: line {number} of {} cannot be read", self.name, file.name),
                error.to_string(),
            )),
            BadRecordMode::Report => {
                let position = format!("{} line {number}", file.name);
                batches.builder().reject(match error {
                    LineError::TooLong { .. } => RejectedRecord::beginning(position, error, line),
                    _ => RejectedRecord::new(position, error, line.trim_ascii()),
                });
                Ok(())
            }
        }
    }

    fn utf16(&self, file: &NotedFile) -> SourceError {
        let message = format!(
            "{}: {} is UTF-16, and JSON lines are UTF-8: convert it, for example with iconv -f UTF-16 -t \
             UTF-8",
            self.name, file.name
        );
        SourceError::new(SourceErrorKind::Invalid, message)
    }

    /// Estimates the number of records: the size of all files divided by the mean length of the first lines.
    fn estimate(&self) -> Result<Option<Estimate>, SourceError> {
        let files = pattern::find(&self.name, &self.path)?;
        let bytes = files.iter().map(|file| file.bytes).fold(0, u64::saturating_add);
        let Some(first) = files.first() else {
            return Ok(None);
        };
        let sample = lines::sample(&first.path)?;
        let lines = memchr::memchr_iter(b'\n', &sample).count() as u64;
        let sample_bytes = sample.len() as u64;
        Ok((lines > 0).then(|| Estimate::Records(bytes.saturating_mul(lines) / sample_bytes)))
    }
}

/// Whose a line is (rule J16).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// The owner's for whom the source is read, or everybody's.
    Owners,
    /// Another owner's or nobody's, like a blank line.
    Others,
}

/// Whether a file with this beginning is UTF-16: by its byte order mark, or because half of its first
/// character is zero.
fn is_utf16(first_line: &[u8]) -> bool {
    match first_line {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => true,
        [first, second, ..] => (*first == 0) != (*second == 0),
        _ => false,
    }
}
