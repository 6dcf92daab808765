//! Files of JSON lines: one JSON object a line.

mod lines;
mod member;

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use cdds_core::domain::id::SourceId;
use cdds_core::domain::record::{RecordBatch, RecordError};
use cdds_core::domain::selection::CategorySelection;
use cdds_core::ports::source::{Description, Estimate, ReadRequest, Source, SourceError, SourceErrorKind};
use futures::stream::BoxStream;

use super::blocking::{self, Batches, Stop};
use super::config::{self, TypeConfig};
use super::filter::Filter;
use lines::Lines;
use member::Members;

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
/// line. Files that appear during a read belong to the next one.
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
        let description = config::describe(&config.id, &config.title, &config.types)?;
        Ok(Self { config, description })
    }

    fn reading(&self, request: &ReadRequest) -> Result<Reading, SourceError> {
        let data_type = config::find(&self.config.id, &self.config.types, &request.data_type)?;
        Ok(Reading {
            name: format!("{} {}", self.config.id, data_type.id),
            path: data_type.rows.as_ref().unwrap_or(&self.config.path).clone(),
            line_bytes_max: self.config.line_bytes_max,
            members: Members::new(data_type),
            filter: Filter::new(data_type, request)?,
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
    filter: Filter,
}

impl Reading {
    fn run(&self, batches: &mut Batches) -> Result<(), Stop> {
        let files = self.files()?;
        // Reading a file cannot be interrupted, but it does not take long either.
        batches.opened(Box::new(|| ()))?;
        for file in files {
            self.file(&file, batches)?;
        }
        Ok(())
    }

    fn file(&self, path: &Path, batches: &mut Batches) -> Result<(), Stop> {
        let mut lines = Lines::open(path, self.line_bytes_max)?;
        while let Some(line) = lines.next_line()? {
            let bytes = line.json.len() as u64 + 1;
            if !line.json.trim_ascii().is_empty() {
                let number = line.number;
                self.line(line.json, batches).map_err(|error| {
                    SourceError::with_source(
                        SourceErrorKind::BadRecord,
                        format!("{}: line {number} of {} cannot be read", self.name, path.display()),
                        error,
                    )
                })?;
            }
            batches.record_read(bytes)?;
        }
        Ok(())
    }

    fn line(&self, json: &[u8], batches: &mut Batches) -> Result<(), member::LineError> {
        let mut found = member::Found::default();
        let scanned = batches.builder().scan(json, |key, value| self.members.visit(&mut found, key, value));
        let scanned = scanned.map_err(|error: RecordError| member::LineError::Record(error))?;
        let event_at = self.members.event_at(&found)?;
        let category = self.members.category(&found);
        if let Some(place) = self.filter.place(category.as_deref(), event_at) {
            scanned.finish(&place);
        }
        Ok(())
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
