//! `cdds.toml`, checked, with the paths made absolute.

mod catalog;
#[cfg(feature = "delivery")]
mod delivery;
mod duration;
mod file;
mod location;
mod mistake;
#[cfg(feature = "postgres")]
mod postgres;
pub(crate) mod reference;
#[cfg(any(feature = "buckets", feature = "delivery", feature = "postgres"))]
mod secret;
#[cfg(feature = "serve")]
mod serve;
mod shown;
mod source;
mod store;

use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cdds_core::domain::archive::retention::RetentionDays;
use cdds_core::domain::id::{SourceId, TypeId};
use cdds_core::domain::job::policy::CatchUpLimit;
use cdds_core::domain::keeping::RecordRetention;
use cdds_core::service::jobs::JobRules;
use cdds_crypto::{Form, Profile};
use cdds_storage::archive::Level;
use cdds_storage::source::Survey;
use chrono::TimeDelta;

pub(crate) use self::catalog::CatalogPlace;
#[cfg(feature = "postgres")]
pub(crate) use self::catalog::CatalogServer;
#[cfg(feature = "delivery")]
pub(crate) use self::delivery::{
    AzureLogin, Bucket, BucketKind, Delivery, DestinationEntry, DestinationPlace, EmailEntry, ServerUrl,
    WebhookEntry,
};
pub(crate) use self::duration::parse as length_of_time;
use self::mistake::Mistake;
pub(crate) use self::mistake::{explain, in_plain_words, nearest};
#[cfg(feature = "postgres")]
pub(crate) use self::postgres::PostgresEntry;
#[cfg(feature = "serve")]
pub(crate) use self::serve::{Serve, Tls};
pub(crate) use self::shown::{Given, given};
#[cfg(feature = "postgres")]
pub(crate) use self::source::PostgresSourceEntry;
pub(crate) use self::source::{SourceEntry, SourceKind};
pub(crate) use self::store::StorePlace;
#[cfg(feature = "buckets")]
pub(crate) use self::store::bucket::{Bucket as StoreBucket, Login as StoreLogin, Service as StoreService};
use crate::error::CliError;
use crate::home::without_home;
use crate::input;

/// The settings of the composition.
#[derive(Debug)]
pub(crate) struct Config {
    /// Where the catalog is.
    pub(crate) catalog: CatalogPlace,
    /// Where the artifact store is.
    pub(crate) store: StorePlace,
    /// How many executions run at the same time.
    pub(crate) concurrency: NonZeroUsize,
    /// How many deliveries run at the same time.
    pub(crate) deliveries: NonZeroUsize,
    /// How many notices of each channel are sent at the same time.
    pub(crate) notices: NonZeroUsize,
    /// How long a claim holds without a sign of life.
    pub(crate) lease: Duration,
    /// How long an execution may go on without a record or a byte.
    pub(crate) stall: Duration,
    /// How hard archives are compressed.
    pub(crate) level: Level,
    /// The rules for all jobs; the engine catches up by the same limit.
    pub(crate) rules: JobRules,
    /// Whether engines go on with jobs in time zones after a rollback to an older database of these (rule F9).
    pub(crate) accept_older_zones: bool,
    /// How long the record is kept.
    pub(crate) record: RecordRetention,
    /// The profile with which new parts are sealed.
    pub(crate) profile: Profile,
    pub(crate) form: Form,
    /// The key that signs manifests, if they are signed.
    pub(crate) signing: Option<Signing>,
    /// The file with the keys of data subjects, if requests are taken.
    pub(crate) subject_keys: Option<PathBuf>,
    /// Where sets are delivered, and how people and programs are told.
    #[cfg(feature = "delivery")]
    pub(crate) delivery: Delivery,
    /// How the console is reached, and by whom.
    #[cfg(feature = "serve")]
    pub(crate) serve: Serve,
    /// The sources, in the order of the file.
    pub(crate) sources: Vec<SourceEntry>,
}

/// A private key and its certificate, in files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signing {
    pub(crate) key: PathBuf,
    pub(crate) certificate: PathBuf,
}

/// Leases are renewed once a second; a shorter one would be lost in between.
const LEASE_MIN: Duration = Duration::from_secs(3);

/// Anything shorter would end executions whose store or source is merely busy.
const STALL_MIN: Duration = Duration::from_secs(60);

impl Config {
    /// Reads and checks the file at `path`; relative paths in it are relative to its folder.
    pub(crate) fn load(path: &Path) -> Result<Self, CliError> {
        let bytes = match input::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(CliError::config(
                    "config_not_found",
                    format!(
                        "there is no {}: run `cdds init` to make one, or name another with --config",
                        path.display()
                    ),
                ));
            }
            Err(_) if path.is_dir() => {
                let file = path.join("cdds.toml");
                let why =
                    format!("{} is a folder: name the file in it, like {}", path.display(), file.display());
                return Err(CliError::config("config_unreadable", why));
            }
            Err(error) => {
                return Err(CliError::config(
                    "config_unreadable",
                    format!("cannot read {}: {error}", path.display()),
                ));
            }
        };
        let text = input::text(&bytes).ok_or_else(|| {
            CliError::config("config_unreadable", format!("{} {}", path.display(), input::NO_TEXT))
        })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let folder = std::path::absolute(folder_or_here(folder)).unwrap_or_else(|_| folder.to_path_buf());
        Self::read(&text, &folder)
            .map_err(|why| CliError::config("invalid_config", format!("{}: {why}", path.display())))
    }

    /// Returns a survey of the records of a type, for a test read.
    pub(crate) fn survey(&self, source: &SourceId, data_type: &TypeId) -> Option<Survey> {
        let entry = self.sources.iter().find(|entry| entry.id == *source)?;
        match &entry.kind {
            SourceKind::Sqlite(config) => {
                config.types.iter().find(|one| one.id == *data_type).map(|one| one.survey(true))
            }
            SourceKind::JsonLines(config) => {
                config.types.iter().find(|one| one.id == *data_type).map(|one| one.survey(false))
            }
            #[cfg(feature = "postgres")]
            SourceKind::Postgres(entry) => {
                let types = &entry.config.types;
                types.iter().find(|one| one.id == *data_type).map(|one| one.survey(false))
            }
            SourceKind::Unsupported { .. } => None,
        }
    }

    fn read(text: &str, folder: &Path) -> Result<Self, String> {
        let file: file::File = toml::from_str(text).map_err(|error| mistake::explain(text, &error))?;
        Self::check(file, folder).map_err(|mistake| mistake.in_text(text))
    }

    fn check(file: file::File, folder: &Path) -> Result<Self, Mistake> {
        let lease = duration::parse(&file.engine.lease).map_err(|why| format!("engine.lease: {why}"))?;
        if lease < LEASE_MIN {
            let typed = &file.engine.lease;
            return Err(
                format!("engine.lease: use 3s or more, not {typed}; it is renewed once a second").into()
            );
        }
        let rules = rules(file.retention.days, &file.rules)?;
        #[cfg(not(feature = "delivery"))]
        no_delivery(&file)?;
        Ok(Self {
            catalog: catalog::check(file.catalog, folder)?,
            store: store::check(&file.store, folder)?,
            concurrency: file.engine.concurrency,
            deliveries: file.engine.deliveries,
            notices: file.engine.notices,
            lease,
            stall: stall(&file.engine.stall)?,
            level: file.archive.level.into(),
            record: record(file.retention.record_days, rules.retention)?,
            rules,
            accept_older_zones: file.rules.accept_older_zones,
            profile: file.sealing.profile.into(),
            form: file.sealing.form.into(),
            signing: file.signing.map(|typed| signing(&typed, folder)).transpose()?,
            subject_keys: file.subjects.key_file.map(|typed| key_file(&typed, folder)).transpose()?,
            #[cfg(feature = "delivery")]
            delivery: delivery::check(
                file.destination,
                file.email,
                file.webhook,
                file.serve.link.as_deref(),
                folder,
            )?,
            #[cfg(feature = "serve")]
            serve: serve::check(file.serve, file.user, folder)?,
            sources: source::check_all(file.source, folder)?,
        })
    }
}

/// Refuses what a build without deliveries cannot do: leaving it undone would not be noticed.
#[cfg(not(feature = "delivery"))]
fn no_delivery(file: &file::File) -> Result<(), String> {
    let told = "this program was built without the feature `delivery`: leave it out, or build it with that";
    match (file.destination.first(), &file.email, file.webhook.first()) {
        (Some(one), ..) => Err(format!("destination {:?}: {told}", one.id)),
        (None, Some(_), _) => Err(format!("email: {told}")),
        (None, None, Some(one)) => Err(format!("webhook {:?}: {told}", one.id)),
        (None, None, None) => Ok(()),
    }
}

fn signing(typed: &file::Signing, folder: &Path) -> Result<Signing, String> {
    let path = |key: &str, path: &str| {
        without_home(path).map(|path| folder.join(path)).map_err(|why| format!("signing.{key}: {why}"))
    };
    Ok(Signing { key: path("key", &typed.key)?, certificate: path("certificate", &typed.certificate)? })
}

fn key_file(typed: &str, folder: &Path) -> Result<PathBuf, String> {
    without_home(typed).map(|path| folder.join(path)).map_err(|why| format!("subjects.key_file: {why}"))
}

fn stall(typed: &str) -> Result<Duration, String> {
    let stall = duration::parse(typed).map_err(|why| format!("engine.stall: {why}"))?;
    if stall < STALL_MIN {
        return Err(format!(
            "engine.stall: use 1m or more, not {typed}, and longer than the slowest source takes to return \
             its first record"
        ));
    }
    Ok(stall)
}

fn record(days: Option<u16>, artifacts: RetentionDays) -> Result<RecordRetention, String> {
    let Some(days) = days else { return Ok(RecordRetention::default_for(artifacts)) };
    RecordRetention::new(days, artifacts).map_err(|violation| format!("retention.record_days: {violation}"))
}

fn rules(retention_days: u16, typed: &file::Rules) -> Result<JobRules, String> {
    let limit = duration::parse(&typed.catch_up_limit).and_then(|limit| {
        let limit = TimeDelta::from_std(limit).map_err(|why| why.to_string())?;
        CatchUpLimit::new(limit).map_err(|violation| violation.to_string())
    });
    let retention =
        RetentionDays::new(retention_days).map_err(|violation| format!("retention.days: {violation}"))?;
    Ok(JobRules::default()
        .with_retention(retention)
        .with_one_time_edit(typed.one_time_edit.into())
        .with_catch_up_limit(limit.map_err(|why| format!("rules.catch_up_limit: {why}"))?.duration()))
}

/// Returns `.` for the empty path, which is the parent of a bare file name and names no folder.
fn folder_or_here(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
}

/// What `cdds init` writes: the embedded defaults, and an example of a source to uncomment.
pub(crate) const INITIAL: &str = r#"# The configuration of cdds. Relative paths are relative to this file.

[catalog]
url = "sqlite:cdds.db"

[store]
url = "file:artifacts"                # or a bucket: s3://BUCKET/FOLDER, gs://, az://

[engine]
concurrency = 2
deliveries = 4
notices = 8
lease = "60s"
stall = "1h"                          # an execution that reads and stores nothing for this long is tried again

[archive]
level = "default"                     # or store (not at all), fast (a fifth larger), best (half as fast)

[retention]
days = 30
record_days = 400                     # history, audit, downloads and notices; 30 more than days at least

[rules]
one_time_edit = "until_started"       # or "never": no edit of a one-time job once it is submitted
catch_up_limit = "7d"                 # how far back missed occurrences are run
accept_older_zones = false            # true after a rollback: go on with jobs in time zones by an older database

[sealing]
profile = "compat"                    # every S/MIME program; oaep or auth-gcm: openssl cms and BouncyCastle only
form = "binary"                       # or mime: S/MIME messages in base64

# Signs each manifest, so that `cdds verify --signer` shows who made a set. The key must have no passphrase.
#
# [signing]
# key = "signer.key.pem"
# certificate = "signer.pem"

# Requests of data subjects: the file with the keys under which identifiers are kept. `cdds subject key` makes it.
#
# [subjects]
# key_file = "subjects.keys"

# `cdds serve`: the console and its API. Other addresses than this machine's need tls_certificate and tls_key, or a
# proxy that ends TLS.
[serve]
listen = "127.0.0.1:8750"
behind_proxy = false
hosts = []                            # names by which browsers reach it, like exports.example.com
# tls_certificate = "tls.pem"
# tls_key = "tls.key.pem"

# Somebody who signs in to the console; there may be several. `cdds user hash` prints the hash of a password.
#
# [[user]]
# name = "ada"
# hash = "$argon2id$..."
# role = "administrator"              # or operator, viewer

# A destination of sets, besides the store; there may be several. `cdds destination check ID` tries it out.
#
# [[destination]]
# id = "partner"
# url = "sftp://exports@sftp.example.com/in"   # or ftp://, with tls = "explicit", and ftps://
# key_file = "id_ed25519"                      # or password_file, password_env

# How people are told (--notify mailto:ADDRESS), and programs (--notify webhook:ID).
#
# [email]
# from = "Exports <exports@example.com>"
# server = "smtp://mail.example.com:587"       # by STARTTLS; or smtps://
# [[webhook]]
# id = "billing"
# url = "https://hooks.example.com/exports"
# secret_file = "billing.whsec"

# A source of records; there may be several. `cdds source check ID` tries it out.
#
# [[source]]
# id = "contact-history"
# title = "Contact History"
# kind = "sqlite"                     # sqlite, json-lines or postgres
# url = "contacts.db"                 # json-lines: a path or a glob; postgres: postgres://reader@db.example/shop
# [[source.type]]
# id = "interaction"
# table = "interactions"              # or query = "select ..."
# time = "started_at"                 # event instant, UTC: ISO text or an epoch number
# time_format = "iso"                 # or unix, unix-ms, unix-us, unix-ns, yyyymmdd, yyyymmddhhmmss, julian-day
# category = { name = "media types", column = "media_type", values = ["voice", "chat", "email"] }
"#;

#[cfg(test)]
mod tests;
