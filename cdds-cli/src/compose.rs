//! The composition: chooses the adapter for each port. An embedder writes a page like this one.

#[cfg(feature = "buckets")]
mod bucket;
mod catalog;
#[cfg(feature = "delivery")]
mod delivery;
mod store;
mod subjects;

#[cfg(feature = "buckets")]
pub(crate) use self::bucket::open as bucket;
#[cfg(feature = "postgres")]
pub(crate) use self::catalog::connect;
pub(crate) use self::catalog::has_other_owners;
pub(crate) use self::store::sink;
pub(crate) use self::subjects::SubjectKeyFile;

use std::path::Path;
use std::sync::Arc;

use cdds_core::domain::access::Principal;
#[cfg(feature = "serve")]
use cdds_core::domain::access::link::LinkLifetime;
#[cfg(feature = "serve")]
use cdds_core::domain::calendar::zone::database::Clocks;
#[cfg(feature = "serve")]
use cdds_core::domain::delivery::health::{Health, TargetId};
#[cfg(feature = "serve")]
use cdds_core::domain::id::Owner;
use cdds_core::domain::work::worker::{FactText, WorkerFacts};
use cdds_core::engine::{Engine, EngineBuilder, EngineSettings};
use cdds_core::ports::Ports;
#[cfg(feature = "serve")]
use cdds_core::ports::catalog::Catalog;
#[cfg(feature = "serve")]
use cdds_core::ports::catalog::query::WorkerOverview;
#[cfg(feature = "serve")]
use cdds_core::ports::catalog::{Agenda, CatalogError};
use cdds_core::ports::clock::Clock;
use cdds_core::ports::source::{Source, SourceError, Sources};
use cdds_core::service::ServiceError;
use cdds_core::service::adoption::Adoptions;
use cdds_core::service::artifacts::Artifacts;
use cdds_core::service::audit::Audit;
use cdds_core::service::clock::{self, ClockReport};
use cdds_core::service::copies::Copies;
use cdds_core::service::deliveries::Deliveries;
use cdds_core::service::fleet::Fleet;
#[cfg(feature = "serve")]
use cdds_core::service::fleet::LISTED_MAX;
use cdds_core::service::history::History;
#[cfg(feature = "serve")]
use cdds_core::service::jobs::JobRules;
use cdds_core::service::jobs::Jobs;
use cdds_core::service::outbox::Outbox;
use cdds_core::service::pairing::{PairedSink, Pairing, PairingError};
use cdds_core::service::recipients::Recipients;
use cdds_core::service::sources::SourceChecks;
use cdds_core::service::subjects::Subjects;
use cdds_core::service::subscribers::Subscribers;
use cdds_core::system::SystemIds;
use cdds_crypto::{CmsSigner, CmsVerifier, SmimeCertificates};
use cdds_storage::archive::ZipPackager;
use cdds_storage::durable;
use cdds_storage::source::{JsonLinesSource, SqliteSource};
#[cfg(feature = "postgres")]
use cdds_storage::source::{PostgresConnections, PostgresSource};
use cdds_storage::workers::ThreadPool;
use chrono::{DateTime, Utc};
use zeroize::Zeroizing;

use crate::config::{Config, Signing, SourceEntry, SourceKind};
#[cfg(feature = "postgres")]
use crate::config::{PostgresEntry, PostgresSourceEntry};
use crate::error::CliError;
use crate::input;

/// The services and the engine, over the adapters that the configuration names.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) sources: Sources,
    pub(crate) checks: SourceChecks,
    pub(crate) jobs: Jobs,
    pub(crate) history: History,
    pub(crate) artifacts: Artifacts,
    pub(crate) recipients: Recipients,
    pub(crate) deliveries: Deliveries,
    pub(crate) subscribers: Subscribers,
    pub(crate) outbox: Outbox,
    pub(crate) audit: Audit,
    pub(crate) fleet: Fleet,
    pub(crate) subjects: Subjects,
    pub(crate) copies: Copies,
    ports: Ports,
    settings: EngineSettings,
    signing: Option<Signing>,
    pairing: Pairing,
    /// The store's name for people.
    store: String,
    /// Whether downloads are answered by links to the store itself.
    #[cfg(feature = "serve")]
    gives_links: bool,
}

/// How catalog and store are opened.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Opening {
    /// Somebody set the clock explicitly, so it is trusted.
    pub(crate) is_clock_set: bool,
    /// What for.
    pub(crate) purpose: Purpose,
}

/// What catalog and store are opened for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To change something. On a fresh start, both are created.
    #[default]
    Changing,
    /// To read alone: both may be read-only, and the store need not be mounted.
    Reading,
    /// To say what may be typed: nothing is created, written or brought up to date, and no server is asked.
    Completing,
}

impl App {
    /// Opens catalog and store, and creates them on a fresh start. Sources are opened when they are read.
    pub(crate) async fn open(
        config: &Config,
        clock: Arc<dyn Clock>,
        opening: Opening,
    ) -> Result<Self, CliError> {
        if opening.purpose != Purpose::Completing {
            make_place(config)?;
        }
        let workers = ThreadPool::new(None).map_err(|error| {
            CliError::failed("threads_failed", format!("cannot start worker threads: {error}"))
        })?;
        let catalog = catalog::open(&config.catalog, &clock, opening).await?;
        let sink = match opening.purpose {
            Purpose::Changing => sink(config)?,
            Purpose::Reading | Purpose::Completing => store::if_mounted(config)?,
        };
        let pairing = Pairing::new(Arc::clone(&catalog), sink, Arc::new(SystemIds));
        let sink = Arc::new(PairedSink::new(pairing.clone(), Arc::clone(&clock)));
        let certificates = SmimeCertificates::new().with_profile(config.profile).with_form(config.form);
        let packager = Arc::new(ZipPackager::new(config.level));
        let ports = Ports::new(catalog, sink, packager, Arc::new(workers))
            .with_clock(clock)
            .with_sources(register(&config.sources)?)
            .with_certificates(Arc::new(certificates));
        let ports = match &config.subject_keys {
            Some(file) => ports.with_subject_keys(Arc::new(SubjectKeyFile::new(file.clone()))),
            None => ports,
        };
        #[cfg(feature = "delivery")]
        let ports = delivery::register(&config.delivery, ports)?;
        let settings = EngineSettings::default()
            .with_concurrency(config.concurrency)
            .with_deliveries(config.deliveries)
            .with_notices(config.notices)
            .with_lease(config.lease)
            .with_stall(config.stall)
            .with_retention(config.rules.retention)
            .with_record_retention(config.record)
            .with_catch_up_limit(config.rules.catch_up_limit)
            .with_doubt_clock(!opening.is_clock_set)
            .with_accept_older_zones(config.accept_older_zones);
        Ok(Self {
            jobs: Jobs::new(&ports, config.rules),
            history: History::new(&ports),
            artifacts: Artifacts::new(&ports),
            recipients: Recipients::new(&ports),
            deliveries: Deliveries::new(&ports),
            subscribers: Subscribers::new(&ports),
            outbox: Outbox::new(&ports),
            audit: Audit::new(&ports),
            fleet: Fleet::new(&ports),
            subjects: Subjects::new(&ports),
            copies: Copies::new(&ports),
            signing: config.signing.clone(),
            sources: ports.sources.clone(),
            checks: SourceChecks::new(&ports),
            ports,
            settings,
            pairing,
            store: config.store.to_string(),
            #[cfg(feature = "serve")]
            gives_links: config.store.gives_links(),
        })
    }

    /// Returns the present by the catalog's clock, as which the results of commands are shown.
    pub(crate) async fn now(&self) -> Result<DateTime<Utc>, CliError> {
        Ok(self.ports.catalog.now().await?)
    }

    /// Compares the clock with record and store, over all owners.
    pub(crate) async fn examine_clock(&self) -> Result<ClockReport, CliError> {
        Ok(clock::examine(&self.ports).await?)
    }

    /// Makes sure that catalog and store belong together. Commands that only list need no store.
    pub(crate) async fn check_store(&self) -> Result<(), CliError> {
        self.pairing.check().await.map_err(|error| self.store_error(error))
    }

    /// Makes sure of the same and changes nothing.
    pub(crate) async fn look_at_store(&self) -> Result<(), CliError> {
        self.pairing.look().await.map_err(|error| self.store_error(error))
    }

    /// Pairs catalog and store.
    pub(crate) async fn adopt_store(&self, by: &Principal) -> Result<(), CliError> {
        self.pairing.adopt(by).await.map_err(|error| self.store_error(error))
    }

    fn store_error(&self, error: PairingError) -> CliError {
        match error {
            PairingError::Catalog(error) => error.into(),
            PairingError::Sink(error) => error.into(),
            PairingError::Forbidden(refusal) => ServiceError::from(refusal).into(),
            error => CliError::failed("store_mismatch", error.to_string())
                .about(Path::new(&self.store))
                .with_way_out("if they do belong together, run `cdds doctor --adopt-store`"),
        }
    }

    /// Returns the service that finds sets which the catalog does not list. It reads the certificate with which
    /// manifests are signed, if they are.
    pub(crate) fn adoptions(&self) -> Result<Adoptions, CliError> {
        let adoptions = Adoptions::new(&self.ports, self.settings.retention);
        let Some(signing) = &self.signing else { return Ok(adoptions) };
        let certificate = input::read(&signing.certificate)
            .map_err(|error| CliError::file("read the certificate", &signing.certificate, &error))?;
        Ok(adoptions.verified_by(Arc::new(CmsVerifier::new(certificate))))
    }

    /// Returns what the console calls.
    #[cfg(feature = "serve")]
    pub(crate) fn services(&self, rules: JobRules) -> cdds_console::Services {
        let services = cdds_console::Services::new(&self.ports, rules);
        if self.gives_links { services.with_links(LinkLifetime::default()) } else { services }
    }

    /// Returns by which a server is monitored.
    #[cfg(feature = "serve")]
    pub(crate) fn vitals(&self) -> Vitals {
        Vitals { catalog: Arc::clone(&self.ports.catalog), pairing: self.pairing.clone() }
    }

    /// Lets engines go on with jobs in time zones after a rollback to an older database of these (rule F9).
    pub(crate) fn accept_older_zones(&mut self) {
        self.settings.accept_older_zones = true;
    }

    /// Returns a builder for the engine. The signing key is read only here, so that commands that do not run
    /// the engine do not need access to it.
    pub(crate) fn engine(&self) -> Result<EngineBuilder, CliError> {
        let engine = Engine::builder(&self.ports).settings(self.settings.clone()).facts(facts());
        Ok(match &self.signing {
            Some(signing) => engine.signer(Arc::new(signer(signing)?)),
            None => engine,
        })
    }
}

/// Returns what the register of workers says of this process.
fn facts() -> WorkerFacts {
    #[cfg(unix)]
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    #[cfg(not(unix))]
    let host = std::env::var("COMPUTERNAME").unwrap_or_default();
    WorkerFacts::default()
        .with_program(FactText::new(concat!("cdds ", env!("CARGO_PKG_VERSION"))))
        .with_host(FactText::new(&host))
        .with_process(std::process::id())
}

/// The ports by which a server checks that catalog and store answer, over all owners.
#[cfg(feature = "serve")]
#[derive(Debug, Clone)]
pub(crate) struct Vitals {
    catalog: Arc<dyn Catalog>,
    pairing: Pairing,
}

#[cfg(feature = "serve")]
impl Vitals {
    /// Makes sure that the catalog answers.
    pub(crate) async fn catalog(&self) -> Result<(), CatalogError> {
        self.catalog.agenda(Clocks::default()).await.map(drop)
    }

    /// Makes sure that the store can be reached and is the catalog's.
    pub(crate) async fn store(&self) -> Result<(), PairingError> {
        self.pairing.look().await
    }

    /// Returns how much runs and waits.
    pub(crate) async fn agenda(&self) -> Result<Agenda, CatalogError> {
        self.catalog.agenda(Clocks::default()).await
    }

    /// Returns the workers on record, the living first.
    pub(crate) async fn workers(&self) -> Result<Vec<WorkerOverview>, CatalogError> {
        let now = self.catalog.now().await?;
        // What they run is of no interest, so any owner will do.
        self.catalog.workers(&Owner::default(), now, LISTED_MAX).await
    }

    /// Returns what is known of the destinations and endpoints that were used.
    pub(crate) async fn health(&self) -> Result<Vec<(TargetId, Health)>, CatalogError> {
        self.catalog.health().await
    }
}

/// Makes the store's folder on a fresh start, that is, without a catalog. Refuses if artifacts lie in it: the
/// catalog may have been moved or not be mounted, and an empty one in its place would know no jobs. If there
/// is a catalog, a missing store may not be mounted: the store reports that. The catalog's own folder is
/// never made, so that a mistyped path is not taken for a fresh start. A bucket must be there, and its mark says whose it
/// is.
fn make_place(config: &Config) -> Result<(), CliError> {
    let Some(store) = config.store.folder() else { return Ok(()) };
    // Whether a server has a catalog is known once it is asked, and then it is no fresh start for the store.
    let Some(catalog) = config.catalog.file() else { return Ok(()) };
    let found = std::fs::metadata(catalog);
    // An empty file is what a failed copy leaves.
    if found.as_ref().is_ok_and(|found| !found.is_file() || found.len() > 0) {
        return Ok(());
    }
    if std::fs::read_dir(store).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(CliError::failed(
            "catalog_missing",
            format!(
                "{} {}, though its artifact store {} holds files: restore or mount it, or \
                 correct catalog.url; to begin with an empty one, move the store's files away",
                if found.is_ok() { "there is nothing in the catalog" } else { "there is no catalog" },
                catalog.display(),
                store.display()
            ),
        ));
    }
    durable::create_folders(store).map_err(|error| CliError::file("create", store, &error))
}

/// Returns the signer of manifests.
pub(crate) fn signer(signing: &Signing) -> Result<CmsSigner, CliError> {
    let read = |file: &Path| input::read(file).map_err(|error| CliError::file("read", file, &error));
    let (certificate, key) = (read(&signing.certificate)?, Zeroizing::new(read(&signing.key)?));
    CmsSigner::new(&certificate, &key).map_err(|error| {
        let files = format!("{} and {}", signing.certificate.display(), signing.key.display());
        CliError::config("invalid_config", format!("signing: {files}: {}", error.report()))
    })
}

/// Registers every source of the configuration under its id.
pub(crate) fn register(entries: &[SourceEntry]) -> Result<Sources, CliError> {
    entries.iter().try_fold(Sources::new(), |sources, entry| {
        let source: Arc<dyn Source> = match &entry.kind {
            SourceKind::Sqlite(config) => Arc::new(SqliteSource::new(config.clone()).map_err(invalid)?),
            SourceKind::JsonLines(config) => Arc::new(JsonLinesSource::new(config.clone()).map_err(invalid)?),
            #[cfg(feature = "postgres")]
            SourceKind::Postgres(entry) => postgres(entry)?,
            SourceKind::Unsupported { reason } => {
                return Ok(sources.with_unsupported(entry.id.clone(), &entry.title, reason));
            }
        };
        Ok(sources.with(source))
    })
}

/// Registers a database on a server. Nothing is connected to.
#[cfg(feature = "postgres")]
fn postgres(entry: &PostgresSourceEntry) -> Result<Arc<dyn Source>, CliError> {
    let connections = connections(&entry.at)?;
    Ok(Arc::new(PostgresSource::new(entry.config.clone(), connections).map_err(invalid)?))
}

/// Prepares connections to a server.
#[cfg(feature = "postgres")]
fn connections(entry: &PostgresEntry) -> Result<PostgresConnections, CliError> {
    let mut server = entry.server.clone();
    if let Some(path) = &entry.authorities {
        let pem = input::read(path).map_err(|error| CliError::file("read the authorities", path, &error))?;
        server = server.with_authorities(&pem).map_err(invalid)?;
    }
    PostgresConnections::to(&server).map_err(invalid)
}

/// Turns the refusal of a source into a configuration error: a source refuses only a wrong declaration.
#[expect(clippy::needless_pass_by_value, reason = "the shape of map_err")]
fn invalid(error: SourceError) -> CliError {
    CliError::config("invalid_config", error.report())
}
