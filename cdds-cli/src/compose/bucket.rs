//! Buckets as artifact stores.

use std::io;

use cdds_core::domain::id::DestinationId;
use cdds_core::ports::destination::DestinationError;
use cdds_core::ports::sink::{SinkError, SinkErrorKind};
use cdds_delivery::net::tls::Roots;
use cdds_delivery::net::{AddressPolicy, Net};
use cdds_delivery::object::{AzureDestination, BucketStore, GcsDestination, S3Destination};

use crate::config::{StoreBucket, StoreLogin, StoreService};
use crate::error::CliError;
use crate::input;

/// Makes a client of a bucket. Whoever may write the configuration may name any address.
pub(crate) fn open(place: &StoreBucket) -> Result<BucketStore, CliError> {
    let net = Net::new().map_err(threads)?.with_policy(AddressPolicy::any());
    let roots = roots(place)?;
    let id = DestinationId::new("store").map_err(|violation| invalid("url", &violation.to_string()))?;
    // The same settings for three kinds, which share no trait.
    macro_rules! common {
        ($built:expr, $kind:ident, $is_signed:expr) => {{
            let built = $built.with_folder(&place.folder);
            let built = place.endpoint.iter().fold(built, $kind::with_endpoint);
            let built = roots.into_iter().fold(built, $kind::with_roots);
            if $is_signed { built.store() } else { built.with_environment().store() }
        }};
    }
    let opened: Result<BucketStore, DestinationError> = match &place.service {
        StoreService::S3 { region, keys, virtual_host, checksums } => {
            let built = S3Destination::new(id, &place.name, net);
            let built = region.iter().fold(built, S3Destination::with_region);
            let built = virtual_host.iter().fold(built, |built, is| built.with_virtual_host(*is));
            let built = if *checksums { built.with_checksums() } else { built };
            let named = keys.iter().cloned();
            let built = named.fold(built, |built, (id, secret)| built.with_keys(id, secret));
            common!(built, S3Destination, keys.is_some())
        }
        StoreService::Google { account } => {
            let built = GcsDestination::new(id, &place.name, net);
            let built = account.iter().cloned().fold(built, GcsDestination::with_service_account);
            common!(built, GcsDestination, account.is_some())
        }
        StoreService::Azure { account, login } => {
            let built = AzureDestination::new(id, account, &place.name, net);
            let built = match login {
                Some(StoreLogin::Key(key)) => built.with_access_key(key.clone()),
                Some(StoreLogin::Signature(signature)) => built.with_sas(signature.clone()),
                None => built,
            };
            common!(built, AzureDestination, login.is_some())
        }
    };
    opened.map_err(|error| {
        let context = format!("cannot use {}: {}", place.url, error.report());
        SinkError::new(SinkErrorKind::Refused, context).into()
    })
}

fn roots(place: &StoreBucket) -> Result<Option<Roots>, CliError> {
    let Some(file) = &place.authorities else { return Ok(None) };
    let wrong = |why: String| invalid("authorities", &format!("{}: {why}", file.display()));
    let pem = input::read(file).map_err(|error| wrong(error.to_string()))?;
    Roots::pem(&pem).map(Some).map_err(|error| wrong(error.to_string()))
}

fn invalid(key: &str, why: &str) -> CliError {
    CliError::config("invalid_config", format!("store.{key}: {why}"))
}

#[expect(clippy::needless_pass_by_value, reason = "the shape of map_err")]
fn threads(error: io::Error) -> CliError {
    CliError::failed("threads_failed", format!("cannot start the thread of the network: {error}"))
}
