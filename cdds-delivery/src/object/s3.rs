//! Amazon S3, and services that speak its protocol.

use std::sync::Arc;

use async_trait::async_trait;
use cdds_core::domain::id::DestinationId;
use cdds_core::ports::destination::{
    Connection, Destination, DestinationDescription, DestinationError, DestinationKind, ServerIdentity,
};
use object_store::RetryConfig;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey as Key, Checksum};

use super::common::{Common, common_methods, no_login, read, unusable};
use super::endpoint::Endpoint;
use super::http::Caller;
use crate::net::Net;
use crate::secret::Secret;

/// What the environment may say about who we are. Everything else is configured here, so that the environment leads to
/// no other place.
const IDENTITY: [Key; 10] = [
    Key::AccessKeyId,
    Key::SecretAccessKey,
    Key::Token,
    Key::WebIdentityTokenFile,
    Key::RoleArn,
    Key::RoleSessionName,
    Key::ContainerCredentialsRelativeUri,
    Key::ContainerCredentialsFullUri,
    Key::ContainerAuthorizationTokenFile,
    Key::ImdsV1Fallback,
];

/// A bucket of Amazon S3 or of a service that speaks its protocol.
///
/// The keys need the rights `s3:ListBucket`, `s3:GetObject`, `s3:PutObject`, `s3:DeleteObject` and
/// `s3:AbortMultipartUpload`. Each request is signed with the SHA-256 of its body, which the service checks.
///
/// ```no_run
/// use cdds_core::domain::id::DestinationId;
/// use cdds_delivery::net::Net;
/// use cdds_delivery::object::S3Destination;
/// use cdds_delivery::secret::Secret;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let id = DestinationId::new("partner")?;
/// let partner = S3Destination::new(id, "partner-inbound", Net::new()?)
///     .with_region("eu-central-1")
///     .with_keys("AKIAIOSFODNN7EXAMPLE", Secret::file("/etc/cdds/partner.key"))
///     .with_folder("contacts");
/// # let _ = partner;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct S3Destination {
    pub(super) common: Common,
    pub(super) bucket: String,
    pub(super) region: String,
    keys: Option<(String, Secret)>,
    token: Option<Secret>,
    is_virtual: Option<bool>,
    has_checksums: bool,
}

impl S3Destination {
    /// Describes a bucket in the region `us-east-1`. Keys must be added, or the environment's be used.
    pub fn new(id: DestinationId, bucket: impl Into<String>, net: Net) -> Self {
        let bucket = bucket.into();
        let description = DestinationDescription::new(id, DestinationKind::S3, bucket.clone(), String::new());
        let common = Common::new(description, net);
        let region = "us-east-1".to_owned();
        Self { common, bucket, region, keys: None, token: None, is_virtual: None, has_checksums: false }
            .addressed()
    }

    /// Replaces the region.
    #[must_use]
    pub fn with_region(self, region: impl Into<String>) -> Self {
        Self { region: region.into(), ..self }
    }

    /// Signs requests with these keys.
    #[must_use]
    pub fn with_keys(self, access_key_id: impl Into<String>, secret_access_key: Secret) -> Self {
        Self { keys: Some((access_key_id.into(), secret_access_key)), ..self }
    }

    /// Adds the session token of keys that last for some time only.
    #[must_use]
    pub fn with_session_token(self, token: Secret) -> Self {
        Self { token: Some(token), ..self }
    }

    /// Uses the credentials of the service's own environment, unless there are keys: `AWS_ACCESS_KEY_ID` and its like,
    /// a web identity, a task's or an instance's role. Only then is the machine's metadata service asked, whatever
    /// [`AddressPolicy`](crate::net::AddressPolicy) says.
    #[must_use]
    pub fn with_environment(mut self) -> Self {
        self.common.uses_environment = true;
        self
    }

    /// Puts the bucket into the host's name (`https://bucket.host/key`), or into the path (`https://host/bucket/key`).
    /// By default it is in the name with Amazon, unless it has dots, which no certificate bears, and otherwise in the
    /// path.
    #[must_use]
    pub fn with_virtual_host(self, is_virtual: bool) -> Self {
        Self { is_virtual: Some(is_virtual), ..self }
    }

    /// Adds the SHA-256 of each body as a checksum (`x-amz-checksum-sha256`), which the service checks and keeps beside
    /// the object. Not every service that speaks the protocol knows them.
    #[must_use]
    pub fn with_checksums(self) -> Self {
        Self { has_checksums: true, ..self }
    }

    common_methods!();

    fn addressed(mut self) -> Self {
        let address = match &self.common.endpoint {
            Some(endpoint) => format!("{endpoint}/{}", self.bucket),
            None => format!("s3://{}", self.bucket),
        };
        self.common.addressed(&address);
        self
    }

    /// Returns where the bucket is asked for, and whether that names the bucket.
    pub(super) fn endpoint(&self) -> (String, bool) {
        let Self { bucket, region, .. } = self;
        let is_amazon = self.common.endpoint.is_none();
        let is_virtual = self.is_virtual.unwrap_or(is_amazon && !bucket.contains('.'));
        let own = || format!("https://s3.{region}.amazonaws.com");
        let base = self.common.endpoint.clone().unwrap_or_else(own);
        match (is_virtual, base.split_once("://")) {
            (true, Some((scheme, rest))) => (format!("{scheme}://{bucket}.{rest}"), true),
            _ => (base, false),
        }
    }

    pub(super) fn client(&self, caller: Caller, retries: RetryConfig) -> Result<AmazonS3, DestinationError> {
        let (endpoint, is_virtual) = self.endpoint();
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&self.bucket)
            .with_region(&self.region)
            .with_allow_http(Endpoint::is_open(&endpoint))
            .with_endpoint(endpoint)
            .with_virtual_hosted_style_request(is_virtual)
            .with_retry(retries)
            .with_http_connector(caller);
        if self.has_checksums {
            builder = builder.with_checksum_algorithm(Checksum::SHA256);
        }
        match &self.keys {
            Some((id, secret)) => {
                builder = builder
                    .with_access_key_id(id)
                    .with_secret_access_key(read(secret, "the secret access key")?);
                if let Some(token) = &self.token {
                    builder = builder.with_token(read(token, "the session token")?);
                }
            }
            None if self.common.uses_environment => {
                let environment = AmazonS3Builder::from_env();
                for key in IDENTITY {
                    if let Some(value) = environment.get_config_value(&key) {
                        builder = builder.with_config(key, value);
                    }
                }
            }
            None => return Err(no_login("key")),
        }
        builder.build().map_err(|_| unusable(&self.common.description.address))
    }
}

#[async_trait]
impl Destination for S3Destination {
    fn describe(&self) -> &DestinationDescription {
        &self.common.description
    }

    async fn connect(&self, _: Option<&ServerIdentity>) -> Result<Connection, DestinationError> {
        let (endpoint, _) = self.endpoint();
        self.common.open(&endpoint, |caller, retries| Ok(Arc::new(self.client(caller, retries)?))).await
    }
}

#[cfg(test)]
mod tests {
    use cdds_core::ports::destination::{Naming, Transport};

    use super::*;

    #[test]
    fn a_destination_tells_its_address_and_no_secret() {
        let net = Net::new().unwrap();
        let begun = S3Destination::new(DestinationId::new("p").unwrap(), "exports", net).with_folder("/in/");
        assert_eq!(begun.describe().address, "s3://exports/in");
        assert_eq!(begun.describe().naming, Naming::Whole);
        assert_eq!(begun.endpoint(), ("https://exports.s3.us-east-1.amazonaws.com".to_owned(), true));
        let dotted = S3Destination { bucket: "a.b".to_owned(), ..begun.clone() }.with_region("eu-west-1");
        assert_eq!(dotted.endpoint(), ("https://s3.eu-west-1.amazonaws.com".to_owned(), false));
        let own = begun
            .with_endpoint("http://h.example:9000/")
            .with_keys("id", Secret::ask(|| Ok("s3cret".into())));
        assert_eq!(own.describe().address, "http://h.example:9000/exports/in");
        assert_eq!(own.describe().transport, Transport::Open);
        assert_eq!(own.endpoint(), ("http://h.example:9000".to_owned(), false));
        let named = own.with_virtual_host(true);
        assert_eq!(named.endpoint(), ("http://exports.h.example:9000".to_owned(), true));
        assert!(!format!("{named:?}").contains("s3cret"));
        assert_eq!(named.with_endpoint("https://h").describe().transport, Transport::Protected);
    }
}
