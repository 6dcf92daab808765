//! Shared by the benchmarks: contact records that look like real ones, and the composition under test.

mod contacts;
mod rows;

use std::path::Path;
use std::sync::{Arc, OnceLock};

use cdds_core::domain::access::{Principal, PrincipalName, Role};
use cdds_core::domain::calendar::frequency::{Frequency, Start};
use cdds_core::domain::id::{Owner, RecipientName, SourceId, TypeId};
use cdds_core::domain::job::{JobSettings, Protection, RecipientNames, Title};
use cdds_core::domain::record::instant::InstantFormat;
use cdds_core::domain::subject::SubjectField;
use cdds_core::engine::{Engine, RunReport, Until};
use cdds_core::ports::Ports;
use cdds_core::ports::source::Source;
use cdds_core::service::jobs::{JobRules, Jobs};
use cdds_core::service::recipients::Recipients;
use cdds_crypto::SmimeCertificates;
use cdds_storage::archive::ZipPackager;
use cdds_storage::catalog::SqliteCatalog;
use cdds_storage::sink::ObjectSink;
use cdds_storage::source::{JsonLinesConfig, JsonLinesSource, JsonLinesType};
use cdds_storage::workers::ThreadPool;
use futures::executor::block_on;

pub use contacts::{Contacts, write_contacts};
pub use rows::Row;

/// Any failure, which ends a benchmark.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Opens the contacts of a file of JSON lines, as source `contacts`, type `contact`.
///
/// # Errors
/// Never, as long as the names are legal.
pub fn json_lines(input: &Path) -> Result<Arc<dyn Source>, Failure> {
    json_lines_naming(input, &[])
}

/// Opens the same contacts with fields that name people.
///
/// # Errors
/// Never, as long as the names are legal.
pub fn json_lines_naming(input: &Path, fields: &[SubjectField]) -> Result<Arc<dyn Source>, Failure> {
    let contact = JsonLinesType::new(TypeId::new("contact")?, None);
    let contact = fields.iter().fold(contact, |contact, field| contact.with_subject(field.clone()));
    let config = JsonLinesConfig::new(SourceId::new("contacts")?, "Contacts", input.display().to_string())
        .with_type(contact.with_time("started_at", InstantFormat::Iso));
    Ok(Arc::new(JsonLinesSource::new(config)?))
}

/// The composition under test: a catalog and a store in `folder`.
///
/// # Errors
/// If catalog or store cannot be opened.
pub fn ports(folder: &Path, source: Arc<dyn Source>) -> Result<Ports, Failure> {
    let store = folder.join("artifacts");
    std::fs::create_dir_all(&store)?;
    Ok(Ports::new(
        Arc::new(SqliteCatalog::open(folder.join("cdds.db"))?),
        Arc::new(ObjectSink::local(&store)?),
        Arc::new(ZipPackager::default()),
        Arc::new(ThreadPool::new(None)?),
    )
    .with_source(source)
    .with_certificates(Arc::new(SmimeCertificates::new())))
}

/// Returns the principal of all benchmarks, who is allowed everything with the data of the usual owner.
pub fn administrator() -> Principal {
    let role = Role::Administrator;
    Principal::new(PrincipalName::of(role), Owner::default(), role)
}

/// Exports everything in the type `contact` of the source `contacts` once, sealed, into `folder`, which must
/// be empty.
///
/// # Errors
/// If anything on the way fails.
pub fn export(folder: &Path, source: Arc<dyn Source>) -> Result<RunReport, Failure> {
    let (ports, name) = (ports(folder, source)?, RecipientName::new("bench")?);
    let certificate = certificate()?.as_bytes();
    block_on(Recipients::new(&ports).add(&administrator(), name.clone(), certificate))?;
    export_over(&ports, Protection::Sealed(RecipientNames::new([name])?))
}

/// Exports likewise, over these ports and for these recipients.
///
/// # Errors
/// If anything on the way fails.
pub fn export_over(ports: &Ports, protection: Protection) -> Result<RunReport, Failure> {
    let administrator = administrator();
    let start = Frequency::Once(Start::Immediately);
    let (source, contact) = (SourceId::new("contacts")?, TypeId::new("contact")?);
    let settings = JobSettings::new(Title::new("bench")?, source, contact, start, protection);
    block_on(Jobs::new(ports, JobRules::default()).submit(&administrator, settings))?;
    Ok(block_on(Engine::builder(ports).build().run(Until::Idle, std::future::pending()))?)
}

/// Returns a self-signed certificate, PEM; one for the whole process, since a key pair can take longer than
/// an export.
fn certificate() -> Result<&'static str, Failure> {
    use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, RsaKeySize};
    static MADE: OnceLock<String> = OnceLock::new();
    if let Some(made) = MADE.get() {
        return Ok(made);
    }
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?;
    let mut params = CertificateParams::default();
    (params.not_before, params.not_after) =
        (rcgen::date_time_ymd(2020, 1, 1), rcgen::date_time_ymd(2100, 1, 1));
    let made = params.self_signed(&key)?.pem();
    Ok(MADE.get_or_init(|| made))
}
