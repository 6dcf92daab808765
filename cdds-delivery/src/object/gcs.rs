//! Google Cloud Storage.

use std::sync::Arc;

use async_trait::async_trait;
use cdds_core::domain::id::DestinationId;
use cdds_core::ports::destination::{
    Connection, Destination, DestinationDescription, DestinationError, DestinationKind, ServerIdentity,
};
use object_store::RetryConfig;
use object_store::gcp::{GoogleCloudStorage, GoogleCloudStorageBuilder, GoogleConfigKey as Key};

use super::common::{Common, common_methods, no_login, read, unusable};
use super::http::Caller;
use crate::net::Net;
use crate::secret::Secret;

/// Where Google is asked.
const ENDPOINT: &str = "https://storage.googleapis.com";

/// What the environment may say about who we are.
const IDENTITY: [Key; 3] = [Key::ServiceAccount, Key::ServiceAccountKey, Key::ApplicationCredentials];

/// A bucket of Google Cloud Storage.
///
/// The account needs the role `roles/storage.objectUser`, or the rights to list, get, create and delete objects, and to
/// abort multipart uploads.
///
/// ```no_run
/// use cdds_core::domain::id::DestinationId;
/// use cdds_delivery::net::Net;
/// use cdds_delivery::object::GcsDestination;
/// use cdds_delivery::secret::Secret;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let id = DestinationId::new("partner")?;
/// let partner = GcsDestination::new(id, "partner-inbound", Net::new()?)
///     .with_service_account(Secret::file("/etc/cdds/partner.json"))
///     .with_folder("contacts");
/// # let _ = partner;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct GcsDestination {
    pub(super) common: Common,
    pub(super) bucket: String,
    account: Option<Secret>,
}

impl GcsDestination {
    /// Describes a bucket. A service account must be added, or the environment's be used.
    pub fn new(id: DestinationId, bucket: impl Into<String>, net: Net) -> Self {
        let bucket = bucket.into();
        let description =
            DestinationDescription::new(id, DestinationKind::Gcs, bucket.clone(), String::new());
        Self { common: Common::new(description, net), bucket, account: None }.addressed()
    }

    /// Signs in with the key of a service account: the JSON file that Google gives out.
    #[must_use]
    pub fn with_service_account(self, account: Secret) -> Self {
        Self { account: Some(account), ..self }
    }

    /// Uses the credentials of the service's own environment, unless there is an account: those in
    /// `GOOGLE_APPLICATION_CREDENTIALS` and its like, or of the machine. Only then is the machine's metadata service
    /// asked, whatever [`AddressPolicy`](crate::net::AddressPolicy) says.
    #[must_use]
    pub fn with_environment(mut self) -> Self {
        self.common.uses_environment = true;
        self
    }

    common_methods!();

    fn addressed(mut self) -> Self {
        let address = match &self.common.endpoint {
            Some(endpoint) => format!("{endpoint}/{}", self.bucket),
            None => format!("gs://{}", self.bucket),
        };
        self.common.addressed(&address);
        self
    }

    pub(super) fn endpoint(&self) -> &str {
        self.common.endpoint.as_deref().unwrap_or(ENDPOINT)
    }

    pub(super) fn client(
        &self,
        caller: Caller,
        retries: RetryConfig,
    ) -> Result<GoogleCloudStorage, DestinationError> {
        // The address is always given: the file of an account could name another one.
        let mut builder = GoogleCloudStorageBuilder::new()
            .with_bucket_name(&self.bucket)
            .with_base_url(self.endpoint())
            .with_retry(retries)
            .with_http_connector(caller);
        match &self.account {
            Some(account) => {
                builder = builder.with_service_account_key(read(account, "the service account")?);
            }
            None if self.common.uses_environment => {
                let environment = GoogleCloudStorageBuilder::from_env();
                for key in IDENTITY {
                    if let Some(value) = environment.get_config_value(&key) {
                        builder = builder.with_config(key, value);
                    }
                }
            }
            None => return Err(no_login("service account")),
        }
        builder.build().map_err(|_| unusable(&self.common.description.address))
    }
}

#[async_trait]
impl Destination for GcsDestination {
    fn describe(&self) -> &DestinationDescription {
        &self.common.description
    }

    async fn connect(&self, _: Option<&ServerIdentity>) -> Result<Connection, DestinationError> {
        self.common.open(self.endpoint(), |caller, retries| Ok(Arc::new(self.client(caller, retries)?))).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_tells_its_address_and_no_secret() {
        let begun = GcsDestination::new(DestinationId::new("p").unwrap(), "exports", Net::new().unwrap());
        assert_eq!(begun.describe().address, "gs://exports");
        let account = Secret::ask(|| Ok("s3cret".to_owned()));
        let own = begun.with_endpoint("https://h:1").with_folder("in").with_service_account(account);
        assert_eq!(
            (own.describe().address.as_str(), own.endpoint()),
            ("https://h:1/exports/in", "https://h:1")
        );
        assert!(!format!("{own:?}").contains("s3cret"));
    }
}
