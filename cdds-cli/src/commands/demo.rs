//! `cdds demo`: the whole story in a fresh folder, on the embedded defaults.
//!
//! The job is submitted as of yesterday, so that today's occurrence is due. This is possible because time
//! comes through a port.

mod sample;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cdds_core::domain::archive::split_size::SplitSize;
use cdds_core::domain::calendar::frequency::{Frequency, TimeOfDay};
use cdds_core::domain::execution::Status;
use cdds_core::domain::id::{ExecutionId, JobId, RecipientName, SourceId, TypeId};
use cdds_core::domain::job::{JobSettings, Protection, RecipientNames, Title};
use cdds_core::engine::Until;
use cdds_core::ports::catalog::query::ExecutionQuery;
use cdds_core::system::SystemClock;
use cdds_storage::archive::stream::ArchiveStream;
use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Timelike, Utc};
use rcgen::{CertificateParams, DnType, KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256, RsaKeySize};
use serde::Serialize;

use super::download;
use super::offline::private_key::read_key;
use super::offline::{Reading, find_set, plaintext};
use crate::args::{DemoArgs, PassphraseArgs};
use crate::compose::{App, Opening};
use crate::config::Config;
use crate::error::CliError;
use crate::session::Session;

/// The demo's configuration: `cdds init`'s defaults and one source.
const CONFIG: &str = r#"# The configuration of `cdds demo`. Relative paths are relative to this file.

[catalog]
url = "sqlite:cdds.db"

[store]
url = "file:artifacts"

[[source]]
id = "contact-history"
title = "Contact History"
kind = "sqlite"
url = "contact-centre.db"

[[source.type]]
id = "interaction"
table = "interactions"
time = "started_at"
time_format = "iso"
changed = "updated_at"
category = { name = "media types", column = "media_type", values = ["voice", "chat", "email"] }
subject = ["contact_id"]

[[source.type]]
id = "contact"
table = "contacts"
time = "created_at"
"#;

/// Small, so that a few thousand records make several parts.
const SPLIT_BYTES: u64 = 128 << 10;

/// What the demo did.
#[derive(Debug, Serialize)]
struct Story {
    dir: String,
    job_id: String,
    execution_id: String,
    interactions: u32,
    contacts: u32,
    records: u64,
    parts: Vec<String>,
    verified_files: u64,
    verified_records: u64,
    sample: Vec<String>,
    next: Vec<String>,
}

pub(super) async fn demo(args: &DemoArgs, session: &Session) -> Result<(), CliError> {
    let now = session.clock.now();
    #[cfg(feature = "serve")]
    if args.serve {
        // Before anything is made: otherwise the folder would be in the way of another try.
        crate::serve::check_free(args.listen.unwrap_or(crate::config::Serve::DEFAULT_LISTEN))?;
    }
    let dir = Folder::create(&args.dir)?;
    let counts = sample::write(&dir.file("contact-centre.db"), args.records, now)?;
    dir.write("cdds.toml", CONFIG.as_bytes())?;
    make_key_pair(&dir, now)?;
    let config = Config::load(&dir.file("cdds.toml"))?;
    let job = submit_as_of_yesterday(&config, &dir, session, now).await?;
    let app = session.open_over(&config).await?;
    let execution = run(&app, session).await?;
    let downloads = dir.file("download");
    download::set_to(&app.artifacts, execution, &downloads, session).await?;
    let set = app.artifacts.set(&session.principal, execution).await?;
    let parts: Vec<String> = set.artifacts.iter().map(|artifact| artifact.name.clone()).collect();
    let read = read_back(&downloads.join(&set.manifest.name), &dir.file("key.pem"))?;
    let records = app.history.show(&session.principal, execution).await?.execution.progress.records;
    if read.records != records {
        return Err(CliError::failed(
            "demo_failed",
            format!("{records} records were exported, {} were read back", read.records),
        ));
    }
    let story = Story {
        next: next_commands(&dir, &downloads, parts.last().map(String::as_str).unwrap_or_default()),
        dir: dir.path.display().to_string(),
        job_id: job.to_string(),
        execution_id: execution.to_string(),
        interactions: counts.interactions,
        contacts: counts.contacts,
        records,
        parts,
        verified_files: read.files,
        verified_records: read.records,
        sample: read.sample,
    };
    session.output.outcome(&story, &story.words())?;
    #[cfg(feature = "serve")]
    if args.serve {
        return super::serve::on(&config, &dir.file("cdds.toml"), &app, args.listen, session).await;
    }
    Ok(())
}

/// The demo's folder; nothing in it is ever overwritten.
struct Folder {
    path: PathBuf,
}

impl Folder {
    fn create(path: &Path) -> Result<Self, CliError> {
        let occupied = fs::read_dir(path).is_ok_and(|mut files| files.next().is_some());
        let config = path.join("cdds.toml");
        if config.is_file() {
            let why = format!(
                "{} is in use: carry on there, for example with `cdds --config {} job list`, remove it, or \
                 name another folder",
                path.display(),
                config.display()
            );
            return Err(CliError::refused("folder_not_empty", why));
        }
        if occupied {
            return Err(CliError::refused(
                "folder_not_empty",
                format!("{} is not empty: remove it, or name another folder", path.display()),
            ));
        }
        fs::create_dir_all(path).map_err(|error| CliError::file("create", path, &error))?;
        Ok(Self { path: path.to_owned() })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    fn write(&self, name: &str, contents: &[u8]) -> Result<(), CliError> {
        let file = self.file(name);
        fs::write(&file, contents).map_err(|error| CliError::file("write", &file, &error))
    }
}

/// Makes a self-signed certificate and its key, valid from the day before yesterday for a year.
fn make_key_pair(dir: &Folder, now: DateTime<Utc>) -> Result<(), CliError> {
    let failed = |error: rcgen::Error| {
        CliError::failed("demo_failed", format!("cannot make the demo's key pair: {error}"))
    };
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).map_err(failed)?;
    let mut certificate = CertificateParams::default();
    certificate.distinguished_name.push(DnType::CommonName, "cdds demo recipient");
    certificate.key_usages = vec![KeyUsagePurpose::KeyEncipherment];
    // A certificate can name only these days (RFC 5280, 4.1.2.5).
    let first = NaiveDate::from_ymd_opt(1950, 1, 1).unwrap_or_default();
    let last = NaiveDate::from_ymd_opt(9999, 12, 31).unwrap_or_default();
    let day = |offset: i64| {
        let day = (now.date_naive() + TimeDelta::days(offset)).clamp(first, last);
        rcgen::date_time_ymd(day.year(), narrow(day.month()), narrow(day.day()))
    };
    (certificate.not_before, certificate.not_after) = (day(-2), day(365));
    let certificate = certificate.self_signed(&key).map_err(failed)?;
    dir.write("certificate.pem", certificate.pem().as_bytes())?;
    write_private(&dir.file("key.pem"), key.serialize_pem().as_bytes())
}

/// Narrows a month or a day of the month, which is below 32.
fn narrow(number: u32) -> u8 {
    u8::try_from(number).unwrap_or(1)
}

/// Writes a private key that only its owner can read.
fn write_private(file: &Path, contents: &[u8]) -> Result<(), CliError> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let written = tempfile::NamedTempFile::new_in(folder).and_then(|mut private| {
        std::io::Write::write_all(&mut private, contents)?;
        private.persist_noclobber(file).map_err(|error| error.error)
    });
    written.map(|_| ()).map_err(|error| CliError::file("write", file, &error))
}

/// Submits a daily job whose first occurrence fell a minute ago.
async fn submit_as_of_yesterday(
    config: &Config,
    dir: &Folder,
    session: &Session,
    now: DateTime<Utc>,
) -> Result<JobId, CliError> {
    let slot = now - TimeDelta::minutes(1);
    let yesterday = SystemClock::starting_at(slot - TimeDelta::hours(12));
    let app = App::open(config, Arc::new(yesterday), Opening::default()).await?;
    let certificate = dir.file("certificate.pem");
    let pem = fs::read(&certificate).map_err(|error| CliError::file("read", &certificate, &error))?;
    let recipient = RecipientName::new("demo")?;
    app.recipients.add(&session.principal, recipient.clone(), &pem).await?;
    let settings = JobSettings::new(
        Title::new("Interactions of the week")?,
        SourceId::new("contact-history")?,
        TypeId::new("interaction")?,
        Frequency::Daily(TimeOfDay::new(slot.hour(), slot.minute())?),
        Protection::Sealed(RecipientNames::new([recipient])?),
    )
    .with_timeframe("rolling:1w".parse()?)
    .with_split_size(Some(SplitSize::from_bytes(SPLIT_BYTES)?));
    Ok(app.jobs.submit(&session.principal, settings).await?.job.id)
}

/// Runs everything due and returns the execution that succeeded.
async fn run(app: &App, session: &Session) -> Result<ExecutionId, CliError> {
    app.engine()?.build().run(Until::Idle, futures::future::pending()).await?;
    let finished = ExecutionQuery::default().with_status(Some(Status::Finished));
    let history = app.history.list(&session.principal, &finished).await?;
    let newest = history.items.first().ok_or_else(|| {
        CliError::failed("demo_failed", "the export did not finish: `cdds history list` shows why")
    })?;
    Ok(newest.execution.id)
}

/// The contents of the downloaded set.
struct ReadBack {
    files: u64,
    records: u64,
    sample: Vec<String>,
}

/// Decrypts and reads every record, with nothing but the files and the private key.
fn read_back(manifest: &Path, key: &Path) -> Result<ReadBack, CliError> {
    const SAMPLE_LINES: usize = 3;
    let key = read_key(key, &PassphraseArgs::default())?;
    let set = find_set(manifest)?;
    let plain = plaintext(&set, Some(&key), &Reading::default())?;
    let mut stream = ArchiveStream::open(&plain.parts)?;
    let mut found = ReadBack { files: 0, records: 0, sample: Vec::new() };
    while let Some(mut entry) = stream.next_entry()? {
        let mut lines = String::new();
        entry
            .read_to_string(&mut lines)
            .map_err(|error| CliError::failed("damaged", format!("{}: {error}", entry.path())))?;
        found.files += 1;
        found.records += lines.lines().count() as u64;
        let wanted = SAMPLE_LINES.saturating_sub(found.sample.len());
        found.sample.extend(lines.lines().take(wanted).map(str::to_owned));
    }
    Ok(found)
}

fn next_commands(dir: &Folder, downloads: &Path, last_part: &str) -> Vec<String> {
    let (cdds, dir_path) = (program(), dir.path.display());
    let part = downloads.join(last_part);
    vec![
        format!("{cdds} --config {dir_path}/cdds.toml job list"),
        format!("{cdds} verify {} --key {dir_path}/key.pem", part.display()),
        format!("{cdds} extract {} --key {dir_path}/key.pem --to {dir_path}/records", part.display()),
    ]
}

/// Returns how to run this program: its name, or its path if it is not installed.
fn program() -> String {
    const NAME: &str = "cdds";
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let installed = std::env::split_paths(&folders).any(|folder| folder.join(NAME).is_file());
    match std::env::current_exe() {
        Ok(path) if !installed => path.display().to_string(),
        _ => NAME.to_owned(),
    }
}

impl Story {
    fn words(&self) -> String {
        let mut lines = vec![
            format!(
                "1. Made up {} interactions and {} contacts of a contact centre.",
                self.interactions, self.contacts
            ),
            "2. Made a key pair (key.pem) and stored its certificate as recipient \"demo\".".to_owned(),
            "3. Submitted a daily job: interactions of the last week, split, sealed for \"demo\".".to_owned(),
            format!("4. Ran what was due: {} records in {} sealed parts.", self.records, self.parts.len()),
        ];
        lines.extend(self.parts.iter().map(|part| format!("     {part}")));
        lines.push(format!(
            "5. Downloaded, verified, decrypted and read back {} records from {} files. The first ones:",
            self.verified_records, self.verified_files
        ));
        lines.extend(self.sample.iter().map(|record| format!("     {record}")));
        lines.push(format!("Everything is in {}. What to try next:", self.dir));
        lines.extend(self.next.iter().map(|command| format!("     {command}")));
        lines.join("\n")
    }
}
