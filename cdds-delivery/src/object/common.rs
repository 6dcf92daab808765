//! What buckets of all services have in common.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use cdds_core::ports::destination::{
    Connection, DestinationDescription, DestinationError, DestinationErrorKind as Kind, Transport,
};
use object_store::{BackoffConfig, ObjectStore, RetryConfig};

use super::endpoint::Endpoint;
use super::http::Caller;
use super::session::{Bucket, ObjectSession};
use crate::net::Net;
use crate::net::tls::Roots;
use crate::secret::Secret;

/// Parts on their way at a time: four make use of a link of 50 ms, and take 40 MiB of memory.
const PARTS: usize = 4;
const PARTS_MAX: usize = 16;

/// The settings that all kinds share.
#[derive(Debug, Clone)]
pub(super) struct Common {
    pub(super) description: DestinationDescription,
    pub(super) folder: String,
    /// Instead of the service's own.
    pub(super) endpoint: Option<String>,
    pub(super) roots: Roots,
    pub(super) uses_environment: bool,
    parts: usize,
    pub(super) net: Net,
}

impl Common {
    pub(super) fn new(description: DestinationDescription, net: Net) -> Self {
        Self {
            description,
            folder: String::new(),
            endpoint: None,
            roots: Roots::machine(),
            uses_environment: false,
            parts: PARTS,
            net,
        }
    }

    pub(super) fn with_parts(self, parts: usize) -> Self {
        Self { parts: parts.clamp(1, PARTS_MAX), ..self }
    }

    /// Completes the description. `address` is that of the bucket.
    pub(super) fn addressed(&mut self, address: &str) {
        let slash = if self.folder.is_empty() { "" } else { "/" };
        self.description.address = format!("{address}{slash}{}", self.folder);
        let is_open = self.endpoint.as_deref().is_some_and(Endpoint::is_open);
        self.description.transport = if is_open { Transport::Open } else { Transport::Protected };
    }

    /// Makes a client of the service, and looks whether it lets us in. `endpoint` is where the bucket is asked for.
    pub(super) async fn open(
        &self,
        endpoint: &str,
        store: impl FnOnce(Caller, RetryConfig) -> Result<Arc<dyn ObjectStore>, DestinationError>,
    ) -> Result<Connection, DestinationError> {
        let endpoint = Endpoint::parse(endpoint)?;
        let allowed = self.net.resolve(endpoint.host(), endpoint.port()).await;
        allowed.map_err(|why| why.into_port(Kind::Refused, Kind::Unavailable))?;
        let caller = Caller::new(self.net.clone(), self.roots.clone(), endpoint, self.uses_environment);
        let store = self.net.run(async { store(caller, retries()) }).await?;
        let place = self.description.address.clone();
        let bucket =
            Bucket { store, net: self.net.clone(), folder: self.folder.clone(), place, parts: self.parts };
        let session = ObjectSession::new(bucket);
        session.look().await?;
        Ok(Connection { session: Box::new(session), identity: None })
    }
}

/// A few quick ones, for what passes in a moment. Longer failures are the engine's.
fn retries() -> RetryConfig {
    let backoff = BackoffConfig {
        init_backoff: Duration::from_millis(200),
        max_backoff: Duration::from_secs(3),
        base: 2.0,
    };
    RetryConfig { backoff, max_retries: 3, retry_timeout: Duration::from_secs(180) }
}

/// Reads a secret.
pub(super) fn read(secret: &Secret, what: &str) -> Result<String, DestinationError> {
    let read = secret
        .read()
        .map_err(|why| DestinationError::with_source(Kind::Refused, format!("{what} cannot be read"), why))?;
    Ok(read.trim().to_owned())
}

/// Reports that nothing says who we are.
pub(super) fn no_login(what: &str) -> DestinationError {
    DestinationError::new(
        Kind::Refused,
        format!("there is no {what}: configure it, or use the environment's"),
    )
}

/// Reports settings that make no client. The reason may quote a secret, and so is left out.
pub(super) fn unusable(place: impl Display) -> DestinationError {
    let context = format!("the settings of {place} cannot be used: check the form of its names and keys");
    DestinationError::new(Kind::Refused, context)
}

/// The methods that all builders have.
macro_rules! common_methods {
    () => {
        /// Replaces the folder below which everything is written, such as `inbound/contacts`: the beginning of all
        /// keys.
        #[must_use]
        pub fn with_folder(mut self, folder: impl Into<String>) -> Self {
            self.common.folder = folder.into().trim_matches('/').to_owned();
            self.addressed()
        }

        /// Replaces where the service is asked, such as `https://store.example:9000`. Over `http://`, others can read
        /// along ([`Transport::Open`](cdds_core::ports::destination::Transport::Open)).
        #[must_use]
        pub fn with_endpoint(mut self, endpoint: impl Into<String>) -> Self {
            self.common.endpoint = Some(endpoint.into().trim_end_matches('/').to_owned());
            self.addressed()
        }

        /// Replaces the authorities that may vouch for the service, which are those of the machine otherwise.
        #[must_use]
        pub fn with_roots(mut self, roots: crate::net::tls::Roots) -> Self {
            self.common.roots = roots;
            self
        }

        /// Replaces how many parts are on their way at a time, from 1 to 16 and 4 by default. An upload takes 8 MiB of
        /// memory for each, and for one more.
        #[must_use]
        pub fn with_parts_in_flight(mut self, parts: usize) -> Self {
            self.common = self.common.with_parts(parts);
            self
        }

        /// Replaces the name shown to people, which is the bucket's otherwise.
        #[must_use]
        pub fn with_title(mut self, title: impl Into<String>) -> Self {
            self.common.description.title = title.into();
            self
        }

        /// Replaces the owners who see it.
        #[must_use]
        pub fn with_visibility(mut self, visibility: cdds_core::domain::source::Visibility) -> Self {
            self.common.description.visibility = visibility;
            self
        }
    };
}
pub(super) use common_methods;
