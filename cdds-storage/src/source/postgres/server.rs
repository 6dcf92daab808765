//! Which server is read, and how its certificate is checked.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cdds_core::ports::source::SourceError;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, Error, RootCertStore};

/// How long connecting to one address may take, unless the URL says otherwise (`connect_timeout`).
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A PostgreSQL server, and the role that signs in there. The password is never printed.
///
/// The connection is encrypted, and the server must show a certificate for its name from an authority that the
/// machine trusts, or from [one of one's own](Self::with_authorities). A server on this machine is taken at its word.
/// `sslmode=disable` in the URL leaves encryption out, for a network that needs none.
#[derive(Clone)]
pub struct PostgresServer {
    config: Config,
    password: Option<Password>,
    authorities: Vec<CertificateDer<'static>>,
}

/// Gives the password when somebody signs in.
type Password = Arc<dyn Fn() -> Result<String, String> + Send + Sync>;

impl PostgresServer {
    /// Reads a URL like `postgres://reader@db.example/shop`, or the keys and values of libpq.
    ///
    /// # Errors
    /// [`SourceErrorKind::Invalid`](cdds_core::ports::source::SourceErrorKind::Invalid) if it is neither. The error
    /// repeats nothing of it, since there may be a password in it.
    pub fn new(url: &str) -> Result<Self, SourceError> {
        // Whether a certificate is checked is not the URL's to say: it always is.
        let url = ["verify-full", "verify-ca"]
            .iter()
            .fold(url.to_owned(), |url, mode| url.replace(&format!("sslmode={mode}"), "sslmode=require"));
        let config: Config = url.parse().map_err(|_| {
            SourceError::invalid(
                "the url of PostgreSQL cannot be read: write it like postgres://reader@db.example:5432/shop",
            )
        })?;
        Ok(Self::of(config))
    }

    /// Takes the settings of `tokio_postgres`.
    pub fn of(mut config: Config) -> Self {
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        if config.get_application_name().is_none() {
            config.application_name("cdds");
        }
        let is_near = config.get_hosts().iter().all(is_near);
        if config.get_ssl_mode() == SslMode::Prefer && !is_near {
            config.ssl_mode(SslMode::Require);
        }
        Self { config, password: None, authorities: Vec::new() }
    }

    /// Sets the password.
    #[must_use]
    pub fn with_password(mut self, password: &str) -> Self {
        self.config.password(password);
        self
    }

    /// Asks for the password whenever a connection is opened, so that a new one needs no restart. The error says why
    /// there is none, and is shown to people.
    #[must_use]
    pub fn with_password_from(
        self,
        ask: impl Fn() -> Result<String, String> + Send + Sync + 'static,
    ) -> Self {
        Self { password: Some(Arc::new(ask)), ..self }
    }

    /// Whether there is a password already: that of the URL, or one that was set.
    pub fn has_password(&self) -> bool {
        self.config.get_password().is_some() || self.password.is_some()
    }

    /// Accepts only certificates of these authorities, which are certificates in PEM.
    ///
    /// # Errors
    /// [`SourceErrorKind::Invalid`](cdds_core::ports::source::SourceErrorKind::Invalid) if there are none in it, or if
    /// one cannot be read.
    pub fn with_authorities(mut self, pem: &[u8]) -> Result<Self, SourceError> {
        let read = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
        match read {
            Ok(authorities) if !authorities.is_empty() => self.authorities = authorities,
            _ => {
                return Err(SourceError::invalid(
                    "the authorities of PostgreSQL's server are not certificates in PEM: correct the file",
                ));
            }
        }
        Ok(self)
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// Returns the settings of a connection that is opened now.
    ///
    /// # Errors
    /// [`SourceErrorKind::Unavailable`](cdds_core::ports::source::SourceErrorKind::Unavailable) if the password cannot
    /// be found out.
    pub(super) fn signed_in(&self) -> Result<Config, SourceError> {
        let mut config = self.config.clone();
        if let Some(ask) = &self.password {
            let password = ask().map_err(|why| {
                SourceError::unavailable(format!("the password for PostgreSQL is not known: {why}"))
            })?;
            config.password(password);
        }
        Ok(config)
    }

    /// Returns the settings of an encrypted connection.
    pub(super) fn tls(&self) -> Result<ClientConfig, SourceError> {
        self.client().map_err(|error| {
            SourceError::invalid("encryption of connections to PostgreSQL cannot be set up").caused_by(error)
        })
    }

    fn client(&self) -> Result<ClientConfig, Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder =
            ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
        if self.authorities.is_empty() {
            let verifier = Arc::new(rustls_platform_verifier::Verifier::new(provider)?);
            return Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth());
        }
        let mut store = RootCertStore::empty();
        for authority in &self.authorities {
            store.add(authority.clone())?;
        }
        Ok(builder.with_root_certificates(store).with_no_client_auth())
    }
}

impl fmt::Debug for PostgresServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresServer")
            .field("hosts", &self.config.get_hosts())
            .field("user", &self.config.get_user())
            .field("database", &self.config.get_dbname())
            .finish_non_exhaustive()
    }
}

/// Whether a host is this machine.
fn is_near(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => ["localhost", "127.0.0.1", "::1"].contains(&name.as_str()),
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn a_password_is_neither_printed_nor_repeated() {
        let server = PostgresServer::new("postgres://reader:hunter2@db.example/shop").unwrap();
        assert!(server.has_password());
        let told = format!("{server:?}");
        assert!(
            told.contains("db.example") && told.contains("reader") && !told.contains("hunter2"),
            "{told}"
        );
        for url in ["postgres://reader:hunter2@db.example:port/shop", "password=hunter2 hunter2=x", "hunter2"]
        {
            let error = PostgresServer::new(url).unwrap_err();
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }

    #[test]
    fn a_password_that_is_asked_for_is_that_of_the_moment() {
        let asked = AtomicU32::new(0);
        let server = PostgresServer::new("postgres://u@db.example/shop").unwrap();
        let server = server.with_password_from(move || match asked.fetch_add(1, Ordering::Relaxed) {
            0 => Err("the file is gone".to_owned()),
            number => Ok(format!("hunter{number}")),
        });
        assert!(server.has_password());
        let error = server.signed_in().unwrap_err();
        assert!(error.report().contains("the file is gone"), "{}", error.report());
        for expected in ["hunter1", "hunter2"] {
            assert_eq!(server.signed_in().unwrap().get_password(), Some(expected.as_bytes()));
        }
        assert!(server.config().get_password().is_none());
    }

    #[test]
    fn only_near_servers_may_go_without_encryption_unless_it_is_said() {
        for (url, expected) in [
            ("postgres://u@db.example/shop", SslMode::Require),
            ("postgres://u@db.example/shop?sslmode=verify-full", SslMode::Require),
            ("postgres://u@db.example/shop?sslmode=prefer", SslMode::Require),
            ("postgres://u@db.example/shop?sslmode=disable", SslMode::Disable),
            ("postgres://u@localhost,db.example/shop", SslMode::Require),
            ("postgres://u@localhost/shop", SslMode::Prefer),
            ("host=/run/postgresql user=u", SslMode::Prefer),
        ] {
            assert_eq!(PostgresServer::new(url).unwrap().config().get_ssl_mode(), expected, "{url}");
        }
    }

    #[test]
    fn authorities_that_are_none_are_refused() {
        let server = || PostgresServer::new("postgres://u@db.example/shop").unwrap();
        for pem in ["", "nothing", "-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----\n"] {
            assert!(server().with_authorities(pem.as_bytes()).is_err(), "{pem}");
        }
    }
}
