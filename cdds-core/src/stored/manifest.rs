//! The form of the manifest that is stored with each artifact set (rule A5).

mod settings;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use self::settings::{
    ManifestCategories, ManifestFilter, ManifestFrequency, ManifestPolicies, ManifestProtection,
    ManifestRead, ManifestSettings, ManifestSettingsVersion, ManifestTemplate,
};
use crate::domain::calendar::wall_clock::WallClock;
use crate::domain::calendar::window::Window;
use crate::domain::calendar::zone::database::DatabaseVersion;
use crate::domain::id::{ExecutionId, JobId, SourceId, TypeId};

/// The version of the format that this library writes.
pub const FORMAT_VERSION: u32 = 1;

/// Describes the contents of an artifact set and how to verify them. Holds no digest of plaintext and no
/// personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT_VERSION`]; readers refuse others.
    pub format_version: u32,
    /// The job.
    pub job_id: JobId,
    /// The execution.
    pub execution_id: ExecutionId,
    /// The job's settings for this execution, without the values of filters.
    pub settings: ManifestSettings,
    /// The clock by which times and days are meant, also those of the folders in the archive; `None` for UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<ManifestClock>,
    /// The slot.
    pub slot: DateTime<Utc>,
    /// The exported window.
    pub window: Window,
    /// The instant up to which the source was complete, if the export went on without waiting any longer (rule
    /// W3b): records of the window from that instant on may be missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incomplete_from: Option<DateTime<Utc>>,
    /// When the set was completed.
    pub created_at: DateTime<Utc>,
    /// The compressor and its version, on which byte-identical reruns depend (rule A6).
    pub compressor: String,
    /// Number of records in the set.
    pub records: u64,
    /// Number of records of each data type. Empty in a set of one type, whose number is [`records`](Self::records).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub records_by_type: BTreeMap<TypeId, u64>,
    /// Number of records of each data type of each source, in the answer to a request of a data subject (rule D9); empty
    /// in other sets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub records_by_source: BTreeMap<SourceId, BTreeMap<TypeId, u64>>,
    /// Number of records that could not be read; `errors.jsonl` in the archive lists them (rule E10).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub bad_records: u64,
    /// Number of files inside the archive.
    pub files: u64,
    /// The recipients that the parts are sealed for; empty for plaintext.
    pub recipients: Vec<ManifestRecipient>,
    /// The parts, in reading order.
    pub parts: Vec<ManifestPart>,
}

/// The clock of a job (rule F9).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestClock {
    /// The time zone, by its name in the IANA database.
    pub time_zone: String,
    /// What happened to times that the clock left out: `shift` or `skip`.
    pub gap: String,
    /// What happened to times that the clock showed twice: `first`, `second` or `both`.
    pub fold: String,
    /// The version of the database by which the folders of days were chosen, like `2026f`. By the same one, the
    /// same records give the same archive (rule A6).
    pub database: String,
}

impl ManifestClock {
    /// Returns the clock with the version of the database by which the folders of days were chosen; `None` for UTC.
    pub fn of(clock: &WallClock, database: DatabaseVersion) -> Option<Self> {
        (!clock.is_utc()).then(|| Self {
            time_zone: clock.zone().name().to_owned(),
            gap: clock.gap().as_str().to_owned(),
            fold: clock.fold().as_str().to_owned(),
            database: database.to_string(),
        })
    }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// A recipient as named in a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestRecipient {
    /// SHA-256 of the certificate, 64 lower-case hexadecimal digits.
    pub fingerprint: String,
}

/// One stored file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestPart {
    /// The file's name (rule A3).
    pub name: String,
    /// Size as stored.
    pub bytes: u64,
    /// SHA-256 of the stored bytes, 64 lower-case hexadecimal digits.
    pub sha256: String,
}

/// A manifest that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("this is not a manifest of a known version: {0}")]
pub struct InvalidManifest(String);

impl Manifest {
    /// Returns the stored form: indented JSON with a final line feed.
    ///
    /// # Errors
    /// None in practice; serialisation of these types cannot fail.
    pub fn to_json(&self) -> Result<Vec<u8>, InvalidManifest> {
        let mut json = serde_json::to_vec_pretty(self).map_err(|e| InvalidManifest(e.to_string()))?;
        json.push(b'\n');
        Ok(json)
    }

    /// Reads a stored manifest.
    ///
    /// # Errors
    /// [`InvalidManifest`] for anything but a manifest of version [`FORMAT_VERSION`].
    pub fn from_json(json: &[u8]) -> Result<Self, InvalidManifest> {
        let manifest: Self = serde_json::from_slice(json).map_err(|e| InvalidManifest(e.to_string()))?;
        if manifest.format_version != FORMAT_VERSION {
            return Err(InvalidManifest(format!(
                "it has version {}, this program reads version {FORMAT_VERSION}",
                manifest.format_version
            )));
        }
        if !manifest.settings.names_types() {
            return Err(InvalidManifest(
                "its settings do not name the data types of their version".to_owned(),
            ));
        }
        Ok(manifest)
    }
}
