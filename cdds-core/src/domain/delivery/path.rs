//! Rule N7: under which path a delivered file appears.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::domain::archive::layout::safe_segment;
use crate::domain::execution::Execution;
use crate::domain::id::{ExecutionId, JobId, Owner};
use crate::domain::job::JobSettings;
use crate::domain::violation::{Code, RuleViolation, quoted};
use crate::domain::work::Nonce;

/// The last segment that a template may name: the file itself.
const FILE: &str = "{file}";

/// The folder of a delivery, made of literal text and placeholders, below the folder of the destination.
///
/// | placeholder | stands for |
/// |---|---|
/// | `{job}` | the title of the job, as a folder's name |
/// | `{job_id}`, `{execution}` | their ids |
/// | `{owner}`, `{source}` | their names |
/// | `{type}` | the data type; `several`, if the job exports more than one |
/// | `{yyyy}`, `{mm}`, `{dd}`, `{hh}` | year, month, day and hour of the occurrence, by the job's clock |
///
/// A template may end in `/{file}`. Files keep their names, which are unique since each contains the id of its
/// execution.
///
/// ```
/// use cdds_core::domain::delivery::path::PathTemplate;
///
/// let path: PathTemplate = "inbound/{job}/{yyyy}-{mm}-{dd}/{file}".parse()?;
/// assert_eq!(path.to_string(), "inbound/{job}/{yyyy}-{mm}-{dd}");
/// # Ok::<_, cdds_core::RuleViolation>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathTemplate(String);

impl PathTemplate {
    /// The longest template, in bytes.
    pub const BYTES_MAX: usize = 500;

    /// Checks a template. An empty one puts the files into the destination's own folder.
    ///
    /// # Errors
    /// [`Code::InvalidPath`] if it is too long, begins or ends with `/`, has empty segments, `.` or `..`, contains
    /// control characters or `\`, names an unknown placeholder, or has `{file}` elsewhere than at its end.
    pub fn new(template: &str) -> Result<Self, RuleViolation> {
        let refuse = |why: String| {
            Err(RuleViolation::new(Code::InvalidPath, format!("path {} {why}", quoted(template))))
        };
        if template.len() > Self::BYTES_MAX {
            return refuse(format!("has {} bytes: shorten it to {}", template.len(), Self::BYTES_MAX));
        }
        let folder = match template.strip_suffix(FILE) {
            Some("") => "",
            Some(folder) => match folder.strip_suffix('/') {
                Some(folder) => folder,
                None => {
                    return refuse(
                        "has text before {file}: files keep their names, so write /{file}".to_owned(),
                    );
                }
            },
            None => template,
        };
        if folder.starts_with('/') {
            return refuse(
                "begins with \"/\": leave it out, the path lies below the destination's own folder"
                    .to_owned(),
            );
        }
        for segment in folder.split('/').filter(|_| !folder.is_empty()) {
            if let Err(why) = check_segment(segment) {
                return refuse(why);
            }
        }
        Ok(Self(folder.to_owned()))
    }

    /// Returns the folder of an execution's files.
    pub fn folder(&self, execution: &Execution) -> RemotePath {
        let Execution { id, job_id, owner, slot, settings, .. } = execution;
        self.filled(&Values::of(settings, owner, *job_id, *id, *slot))
    }

    /// Returns an example of the folder, as the files of a job's occurrence would have it that is not on record yet. Its
    /// ids are zeros.
    pub fn example(&self, settings: &JobSettings, owner: &Owner, slot: DateTime<Utc>) -> RemotePath {
        self.filled(&Values::of(settings, owner, JobId(Uuid::nil()), ExecutionId(Uuid::nil()), slot))
    }

    fn filled(&self, values: &Values) -> RemotePath {
        let segments = self.0.split('/').filter(|segment| !segment.is_empty());
        let filled: Vec<String> = segments.map(|segment| values.fill(segment)).collect();
        RemotePath(filled.join("/"))
    }
}

impl Default for PathTemplate {
    /// `{job}/{yyyy}-{mm}-{dd}`.
    fn default() -> Self {
        Self("{job}/{yyyy}-{mm}-{dd}".to_owned())
    }
}

impl fmt::Display for PathTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PathTemplate {
    type Err = RuleViolation;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

/// A path below the folder of a destination, `/`-separated: relative, and without `.`, `..` or empty segments. The
/// empty path is that folder itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RemotePath(String);

impl RemotePath {
    /// Returns the destination's own folder.
    pub fn root() -> Self {
        Self(String::new())
    }

    /// Checks a path.
    ///
    /// # Errors
    /// [`Code::InvalidPath`] if it is not relative, or has a segment that is empty, `.`, `..`, or contains `\` or
    /// control characters.
    pub fn new(path: &str) -> Result<Self, RuleViolation> {
        match path.split('/').filter(|_| !path.is_empty()).try_for_each(check_literal) {
            Ok(()) => Ok(Self(path.to_owned())),
            Err(why) => Err(RuleViolation::new(Code::InvalidPath, format!("path {} {why}", quoted(path)))),
        }
    }

    /// Returns the path of a file or folder in this folder. `name` is taken as one segment.
    #[must_use]
    pub fn join(&self, name: &str) -> Self {
        let name = safe_segment(name);
        Self(if self.0.is_empty() { name } else { format!("{}/{name}", self.0) })
    }

    /// Returns the folder of this path; the empty path for one segment.
    #[must_use]
    pub fn folder(&self) -> Self {
        Self(self.0.rsplit_once('/').map_or_else(String::new, |(folder, _)| folder.to_owned()))
    }

    /// Returns the last segment.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// Returns the path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RemotePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The values of the placeholders.
struct Values {
    pairs: [(&'static str, String); 10],
}

impl Values {
    fn of(
        settings: &JobSettings,
        owner: &Owner,
        job: JobId,
        execution: ExecutionId,
        slot: DateTime<Utc>,
    ) -> Self {
        let data_type = match settings.reads.only() {
            Some(read) => read.data_type.as_str(),
            None => "several",
        };
        let local = settings.clock.zone().local(slot);
        let part = |format: &str| local.format(format).to_string();
        Self {
            pairs: [
                ("{job}", safe_segment(settings.title.as_str())),
                ("{job_id}", job.to_string()),
                ("{execution}", execution.to_string()),
                ("{owner}", safe_segment(owner.as_str())),
                ("{source}", safe_segment(settings.source.as_str())),
                ("{type}", safe_segment(data_type)),
                ("{yyyy}", part("%Y")),
                ("{mm}", part("%m")),
                ("{dd}", part("%d")),
                ("{hh}", part("%H")),
            ],
        }
    }

    /// Fills one segment. The values are safe each by itself; what stands around them, and two values side by side,
    /// could still make a segment too long, or a name that some system reserves.
    fn fill(&self, segment: &str) -> String {
        let mut rest = segment;
        let mut filled = String::new();
        while let Some(open) = rest.find('{') {
            filled.push_str(&rest[..open]);
            let known = self.pairs.iter().find(|(name, _)| rest[open..].starts_with(name));
            // Templates were checked, so each brace begins a placeholder.
            let Some((name, value)) = known else { break };
            filled.push_str(value);
            rest = &rest[open + name.len()..];
        }
        filled.push_str(rest);
        bounded(filled)
    }
}

/// The placeholders of a segment.
const PLACEHOLDERS: [&str; 10] =
    ["{job}", "{job_id}", "{execution}", "{owner}", "{source}", "{type}", "{yyyy}", "{mm}", "{dd}", "{hh}"];

/// Returns the segment if it is a name on every system, and otherwise one that is.
fn bounded(segment: String) -> String {
    // Escapes of the values contain "%", which must not be escaped again.
    let plain = segment.replace('%', "");
    if segment.len() <= 200 && safe_segment(&plain) == plain { segment } else { safe_segment(&segment) }
}

/// Checks one segment of a template. The error says what is wrong with the path, and what to do.
fn check_segment(segment: &str) -> Result<(), String> {
    let mut rest = segment;
    let mut literal = String::new();
    while let Some(open) = rest.find(['{', '}']) {
        literal.push_str(&rest[..open]);
        let Some(name) = PLACEHOLDERS.iter().find(|name| rest[open..].starts_with(*name)) else {
            return Err(unknown_placeholder(&rest[open..]));
        };
        // Any value is a name of its own.
        literal.push('x');
        rest = &rest[open + name.len()..];
    }
    literal.push_str(rest);
    check_literal(&literal)
}

fn unknown_placeholder(rest: &str) -> String {
    let end = rest.find('}').map_or(rest.len(), |end| end + 1);
    if rest.starts_with(FILE) {
        return "names {file} before its end: files keep their names, so write it last".to_owned();
    }
    format!("has {}, which is no placeholder: use {}", quoted(&rest[..end]), PLACEHOLDERS.join(", "))
}

fn check_literal(segment: &str) -> Result<(), String> {
    match segment {
        "" => Err("has an empty segment: write single slashes between names, and none at the end".to_owned()),
        "." | ".." => Err(format!("has the segment {segment:?}: name folders below the destination's own")),
        _ if segment.chars().any(|c| c.is_control() || c == '\\') => {
            Err("contains control characters or \"\\\": leave them out, and separate folders by \"/\""
                .to_owned())
        }
        _ => Ok(()),
    }
}

/// Returns the temporary name of a file that a claim writes: the file's own name, then the epoch and the nonce of the
/// claim, so that a worker that was thawed after others took over writes into none of their files.
pub fn temporary_name(name: &str, epoch: u64, nonce: Nonce) -> String {
    format!("{name}.{epoch}-{nonce}.part")
}

/// Returns the epoch of the claim that left a file of this name behind; `None` if it is no temporary name of `name`.
pub fn temporary_epoch(found: &str, name: &str) -> Option<u64> {
    let (epoch, nonce) =
        found.strip_prefix(name)?.strip_prefix('.')?.strip_suffix(".part")?.split_once('-')?;
    nonce.parse::<Nonce>().ok()?;
    epoch.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::calendar::frequency::{Frequency, Start};
    use crate::domain::job::{Protection, Title};

    fn refused(template: &str) -> String {
        let error = PathTemplate::new(template).unwrap_err();
        assert_eq!(error.code(), Code::InvalidPath, "{template}");
        error.to_string()
    }

    #[test]
    fn n7_a_template_is_relative_and_names_known_things() {
        for good in
            ["", "{file}", "a", "a/{job}", "{yyyy}/{mm}/{dd}/{hh}/{file}", "in {type}/{owner}-{source}"]
        {
            assert!(PathTemplate::new(good).is_ok(), "{good}");
        }
        for (bad, word) in [
            ("/a", "leave it out"),
            ("a//b", "empty segment"),
            ("a/", "empty segment"),
            ("../a", "below"),
            ("a/./b", "below"),
            ("a\\b", "control"),
            ("a\nb", "control"),
            ("{jobs}", "no placeholder"),
            ("a}", "no placeholder"),
            ("{file}/a", "before its end"),
            ("x-{file}", "files keep their names"),
        ] {
            assert!(refused(bad).contains(word), "{bad}: {}", refused(bad));
        }
        assert!(refused(&"x".repeat(501)).contains("shorten"));
    }

    #[test]
    fn n7_a_remote_path_cannot_leave_its_folder() {
        assert!(RemotePath::new("a/b.zip").is_ok() && RemotePath::new("").is_ok());
        for bad in ["/a", "a/../b", "..", "a//b", "a/", "a\\b"] {
            assert_eq!(RemotePath::new(bad).unwrap_err().code(), Code::InvalidPath, "{bad}");
        }
        let folder = RemotePath::new("in/x").unwrap();
        assert_eq!(folder.join("../../etc").as_str(), "in/x/..%2F..%2Fetc");
        assert_eq!((folder.folder().as_str(), folder.name()), ("in", "x"));
        assert_eq!(RemotePath::new("").unwrap().join("a").as_str(), "a");
    }

    #[test]
    fn n1_a_temporary_name_tells_its_claim() {
        let name = temporary_name("export-1.zip", 3, Nonce(7));
        assert_eq!(name, "export-1.zip.3-0000000000000007.part");
        assert_eq!(temporary_epoch(&name, "export-1.zip"), Some(3));
        for other in [
            "export-1.zip",
            "export-1.zip.part",
            "export-2.zip.3-0000000000000007.part",
            "export-1.zip.3-7.part",
        ] {
            assert_eq!(temporary_epoch(other, "export-1.zip"), None, "{other}");
        }
    }

    #[test]
    fn n7_an_example_is_the_folder_of_a_run_that_is_not_on_record_yet() {
        let settings = JobSettings::new(
            Title::new("Calls / day").unwrap(),
            "calls".parse().unwrap(),
            "call".parse().unwrap(),
            Frequency::Once(Start::Immediately),
            Protection::Plaintext,
        );
        let (owner, slot) = (Owner::default(), "2027-03-04T05:00:00Z".parse().unwrap());
        let example = |template: &str| PathTemplate::new(template).unwrap().example(&settings, &owner, slot);
        assert_eq!(
            example("in/{job}/{type}/{yyyy}-{mm}-{dd}/{hh}").as_str(),
            "in/Calls %2F day/call/2027-03-04/05"
        );
        assert_eq!(example("{job_id}").as_str(), Uuid::nil().to_string());
        assert_eq!(example("{file}"), RemotePath::root());
    }

    #[test]
    fn n7_values_side_by_side_stay_names_of_every_system() {
        assert_eq!(bounded("COM1".to_owned()), "%43OM1");
        assert_eq!(bounded("a%2Fb".to_owned()), "a%2Fb");
        assert!(bounded("x".repeat(400)).len() <= 200);
    }
}
