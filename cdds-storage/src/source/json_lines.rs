//! Files of JSON lines: one JSON object a line.

mod lines;
mod member;

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use cdds_core::domain::id::SourceId;
use cdds_core::domain::record::{RecordBatch, RejectedRecord};
use cdds_core::domain::selection::CategorySelection;
use cdds_core::ports::source::{
    BadRecordMode, Description, Estimate, ReadRequest, Source, SourceError, SourceErrorKind,
};
use futures::stream::BoxStream;

use super::blocking::{self, Batches, Stop};
use super::config::{self, TypeConfig};
use super::selection::Selection;
use lines::{Lines, Piece};
use member::{LineError, Members};

/// A data type in JSON lines; its own path or glob, or else that of the source.
pub type JsonLinesType = TypeConfig<Option<String>>;

/// How a [`JsonLinesSource`] is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonLinesConfig {
    /// The identifier under which jobs name the source.
    pub id: SourceId,
    /// The name shown to people.
    pub title: String,
    /// A file, or a glob (`*`, `?`, `[…]`, `**`) of files that are read in the order of their names.
    pub path: String,
    /// The data types.
    pub types: Vec<JsonLinesType>,
    /// The longest line that is accepted, in bytes; it bounds the memory of a read.
    pub line_bytes_max: usize,
}

/// The default of [`JsonLinesConfig::line_bytes_max`]: 16 MiB.
pub const LINE_BYTES_MAX: usize = 16 << 20;

/// Reads files of JSON lines.
///
/// Blank lines, a byte order mark at the start of a file, CRLF and a missing newline at the end are
/// all right. Anything else that is not one JSON object a line is a bad record, named by file and
/// line (rule E10). Files that appear during a read belong to the next one. Templates are the engine's work.
#[derive(Debug)]
pub struct JsonLinesSource {
    config: JsonLinesConfig,
    description: Description,
}

impl JsonLinesSource {
    /// A source over these files. They are looked for when a read begins.
    ///
    /// # Errors
    /// [`SourceErrorKind::Invalid`] if there are no data types, or two of the same name.
    pub fn new(config: JsonLinesConfig) -> Result<Self, SourceError> {
        let description = config::describe(&config.id, &config.title, &config.types, false)?;
        Ok(Self { config, description })
    }

    fn reading(&self, request: &ReadRequest) -> Result<Reading, SourceError> {
        let data_type = config::find(&self.config.id, &self.config.types, &request.data_type)?;
        Ok(Reading {
            name: format!("{} {}", self.config.id, data_type.id),
            path: data_type.rows.as_ref().unwrap_or(&self.config.path).clone(),
            line_bytes_max: self.config.line_bytes_max,
            members: Members::new(data_type),
            selection: Selection::new(data_type, request)?,
            bad_records: request.bad_records,
        })
    }
}

#[async_trait]
impl Source for JsonLinesSource {
    fn describe(&self) -> &Description {
        &self.description
    }

    async fn estimate(&self, request: &ReadRequest) -> Result<Option<Estimate>, SourceError> {
        let reading = self.reading(request)?;
        if request.window.start().is_some() || request.categories != CategorySelection::All {
            return Ok(None);
        }
        ::blocking::unblock(move || reading.estimate()).await
    }

    async fn read(
        &self,
        request: ReadRequest,
    ) -> Result<BoxStream<'static, Result<RecordBatch, SourceError>>, SourceError> {
        let reading = self.reading(&request)?;
        blocking::read(reading.name.clone(), move |batches| reading.run(batches)).await
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

/// A file that is read.
#[derive(Debug)]
struct Input {
    path: PathBuf,
    /// Names it among the others, without telling where on this machine it lies.
    name: String,
}

impl Reading {
    fn run(&self, batches: &mut Batches) -> Result<(), Stop> {
        let inputs = named(self.files()?);
        // Reading a file cannot be interrupted, but it does not take long either.
        batches.opened(Box::new(|| ()))?;
        for input in inputs {
            self.file(&input, batches)?;
        }
        Ok(())
    }

    fn file(&self, input: &Input, batches: &mut Batches) -> Result<(), Stop> {
        let mut lines = Lines::open(&input.path, self.line_bytes_max)?;
        while let Some(piece) = lines.next_piece()? {
            let bytes = match piece {
                Piece::Line { json, number } => {
                    if !json.trim_ascii().is_empty() {
                        let read = self.line(json, batches);
                        read.or_else(|error| self.bad_record(input, number, &error, json, batches))?;
                    }
                    json.len() as u64 + 1
                }
                Piece::TooLong { beginning, bytes, number } => {
                    let error = LineError::TooLong { bytes_max: self.line_bytes_max };
                    self.bad_record(input, number, &error, beginning, batches)?;
                    bytes
                }
                Piece::Skipped { bytes } => bytes,
            };
            batches.record_read(bytes)?;
        }
        Ok(())
    }

    fn line(&self, json: &[u8], batches: &mut Batches) -> Result<(), LineError> {
        let mut found = member::Found::default();
        let scanned = batches.builder().scan(json, |key, value| self.members.visit(&mut found, key, value));
        let scanned = scanned.map_err(LineError::Record)?;
        let (changed_at, event_at) = (|| self.members.changed_at(&found), || self.members.event_at(&found));
        if let Some(category) = self.selection.category(self.members.category(&found).as_deref())
            && let Some(event_at) = self.selection.event_at(changed_at, event_at)?
        {
            scanned.finish(&category.place(event_at));
        }
        Ok(())
    }

    /// Ends the read or hands the line over, as was asked for (rule E10).
    fn bad_record(
        &self,
        input: &Input,
        number: u64,
        error: &LineError,
        line: &[u8],
        batches: &mut Batches,
    ) -> Result<(), SourceError> {
        match self.bad_records {
            BadRecordMode::Fail => Err(SourceError::with_source(
                SourceErrorKind::BadRecord,
                format!("{}: line {number} of {} cannot be read", self.name, input.name),
                error.to_string(),
            )),
            BadRecordMode::Report => {
                let position = format!("{} line {number}", input.name);
                batches.builder().reject(match error {
                    LineError::TooLong { .. } => RejectedRecord::beginning(position, error, line),
                    _ => RejectedRecord::new(position, error, line.trim_ascii()),
                });
                Ok(())
            }
        }
    }

    /// The files in the order of their names.
    fn files(&self) -> Result<Vec<PathBuf>, SourceError> {
        // A name that exists is meant literally, whatever characters it holds.
        if Path::new(&self.path).is_file() {
            return Ok(vec![PathBuf::from(&self.path)]);
        }
        let paths = glob::glob(&self.path)
            .map_err(|error| self.error(SourceErrorKind::Invalid, "is not a valid pattern", error))?;
        let mut files = Vec::new();
        for path in paths {
            let path = path.map_err(|error| {
                self.error(SourceErrorKind::Unavailable, "cannot be searched for files", error)
            })?;
            if path.is_file() {
                files.push(path);
            }
        }
        if files.is_empty() {
            return Err(SourceError::new(
                SourceErrorKind::Missing,
                format!("{}: no file is found at {}: correct the path or add the file", self.name, self.path),
            ));
        }
        files.sort();
        Ok(files)
    }

    fn error(
        &self,
        kind: SourceErrorKind,
        what: &str,
        cause: impl std::error::Error + Send + Sync + 'static,
    ) -> SourceError {
        SourceError::with_source(kind, format!("{}: {} {what}", self.name, self.path), cause)
    }

    /// The size of all files by the mean length of the first lines.
    fn estimate(&self) -> Result<Option<Estimate>, SourceError> {
        let files = self.files()?;
        let mut bytes = 0;
        for file in &files {
            bytes += file.metadata().map_err(|error| lines::cannot_read(file, error))?.len();
        }
        let Some(first) = files.first() else {
            return Ok(None);
        };
        let sample = lines::sample(first)?;
        let lines = memchr::memchr_iter(b'\n', &sample).count() as u64;
        let sample_bytes = sample.len() as u64;
        Ok((lines > 0).then(|| Estimate { records: bytes.saturating_mul(lines) / sample_bytes }))
    }
}

/// Files by what their paths do not have in common.
fn named(paths: Vec<PathBuf>) -> Vec<Input> {
    let mut common = paths.first().and_then(|path| path.parent()).unwrap_or(Path::new(""));
    for path in &paths {
        while !path.starts_with(common) {
            common = common.parent().unwrap_or(Path::new(""));
        }
    }
    let common = common.to_owned();
    let name = |path: &Path| path.strip_prefix(&common).unwrap_or(path).display().to_string();
    paths.into_iter().map(|path| Input { name: name(&path), path }).collect()
}
