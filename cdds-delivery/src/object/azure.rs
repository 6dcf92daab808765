//! Azure Blob Storage.

use std::sync::Arc;

use async_trait::async_trait;
use cdds_core::domain::id::DestinationId;
use cdds_core::ports::destination::{
    Connection, Destination, DestinationDescription, DestinationError, DestinationKind, ServerIdentity,
};
use object_store::RetryConfig;
use object_store::azure::{AzureConfigKey as Key, MicrosoftAzure, MicrosoftAzureBuilder};

use super::common::{Common, common_methods, no_login, read, unusable};
use super::endpoint::Endpoint;
use super::http::Caller;
use crate::net::Net;
use crate::secret::Secret;

/// What the environment may say about who we are.
const IDENTITY: [Key; 9] = [
    Key::AccessKey,
    Key::SasKey,
    Key::ClientId,
    Key::ClientSecret,
    Key::AuthorityId,
    Key::FederatedTokenFile,
    Key::MsiEndpoint,
    Key::ObjectId,
    Key::MsiResourceId,
];

/// A container of Azure Blob Storage.
///
/// A shared access signature needs the rights to read, write, create, delete and list.
///
/// ```no_run
/// use cdds_core::domain::id::DestinationId;
/// use cdds_delivery::net::Net;
/// use cdds_delivery::object::AzureDestination;
/// use cdds_delivery::secret::Secret;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let id = DestinationId::new("partner")?;
/// let partner = AzureDestination::new(id, "partneraccount", "inbound", Net::new()?)
///     .with_access_key(Secret::file("/etc/cdds/partner.key"))
///     .with_folder("contacts");
/// # let _ = partner;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct AzureDestination {
    pub(super) common: Common,
    account: String,
    container: String,
    login: Option<(Key, Secret)>,
}

impl AzureDestination {
    /// Describes a container of an account. A key or a signature must be added, or the environment's be used.
    pub fn new(
        id: DestinationId,
        account: impl Into<String>,
        container: impl Into<String>,
        net: Net,
    ) -> Self {
        let (account, container) = (account.into(), container.into());
        let description =
            DestinationDescription::new(id, DestinationKind::Azure, container.clone(), String::new());
        Self { common: Common::new(description, net), account, container, login: None }.addressed()
    }

    /// Signs requests with a key of the account.
    #[must_use]
    pub fn with_access_key(self, key: Secret) -> Self {
        Self { login: Some((Key::AccessKey, key)), ..self }
    }

    /// Adds a shared access signature to requests: the query that Azure gives out, with or without its `?`.
    #[must_use]
    pub fn with_sas(self, signature: Secret) -> Self {
        Self { login: Some((Key::SasKey, signature)), ..self }
    }

    /// Uses the credentials of the service's own environment, unless there is a key or a signature:
    /// `AZURE_CLIENT_ID` and its like, a workload's or the machine's identity. Only then is the machine's metadata
    /// service asked, whatever [`AddressPolicy`](crate::net::AddressPolicy) says.
    #[must_use]
    pub fn with_environment(mut self) -> Self {
        self.common.uses_environment = true;
        self
    }

    common_methods!();

    fn addressed(mut self) -> Self {
        let address = format!("{}/{}", self.endpoint(), self.container);
        self.common.addressed(&address);
        self
    }

    pub(super) fn endpoint(&self) -> String {
        let own = || format!("https://{}.blob.core.windows.net", self.account);
        self.common.endpoint.clone().unwrap_or_else(own)
    }

    pub(super) fn client(
        &self,
        caller: Caller,
        retries: RetryConfig,
    ) -> Result<MicrosoftAzure, DestinationError> {
        let endpoint = self.endpoint();
        let mut builder = MicrosoftAzureBuilder::new()
            .with_account(&self.account)
            .with_container_name(&self.container)
            .with_allow_http(Endpoint::is_open(&endpoint))
            .with_endpoint(endpoint)
            .with_retry(retries)
            .with_http_connector(caller);
        match &self.login {
            Some((key, secret)) => {
                let secret = read(secret, "the key or signature")?;
                builder = builder.with_config(*key, secret.trim_start_matches('?'));
            }
            None if self.common.uses_environment => {
                let environment = MicrosoftAzureBuilder::from_env();
                for key in IDENTITY {
                    if let Some(value) = environment.get_config_value(&key) {
                        builder = builder.with_config(key, value);
                    }
                }
            }
            None => return Err(no_login("key or signature")),
        }
        builder.build().map_err(|_| unusable(&self.common.description.address))
    }
}

#[async_trait]
impl Destination for AzureDestination {
    fn describe(&self) -> &DestinationDescription {
        &self.common.description
    }

    async fn connect(&self, _: Option<&ServerIdentity>) -> Result<Connection, DestinationError> {
        let endpoint = self.endpoint();
        self.common.open(&endpoint, |caller, retries| Ok(Arc::new(self.client(caller, retries)?))).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_tells_its_address_and_no_secret() {
        let id = DestinationId::new("p").unwrap();
        let begun = AzureDestination::new(id, "partner", "exports", Net::new().unwrap());
        assert_eq!(begun.describe().address, "https://partner.blob.core.windows.net/exports");
        let own = begun.with_endpoint("https://h:1/partner").with_folder("in");
        let own = own.with_sas(Secret::ask(|| Ok("s3cret".to_owned())));
        assert_eq!(own.describe().address, "https://h:1/partner/exports/in");
        assert!(!format!("{own:?}").contains("s3cret"));
    }
}
