//! Destinations and notifiers.

use std::path::Path;
use std::sync::Arc;

use cdds_core::ports::Ports;
use cdds_core::ports::destination::Destination;
use cdds_delivery::email::EmailNotifier;
#[cfg(unix)]
use cdds_delivery::folder::FolderDestination;
use cdds_delivery::ftp::FtpDestination;
use cdds_delivery::net::tls::Roots;
use cdds_delivery::net::{AddressPolicy, Net};
use cdds_delivery::object::{AzureDestination, GcsDestination, S3Destination};
use cdds_delivery::sftp::SftpDestination;
use cdds_delivery::webhook::{Endpoint, WebhookNotifier};

use crate::config::{
    AzureLogin, Bucket, BucketKind, Delivery, DestinationEntry, DestinationPlace, EmailEntry, ServerUrl,
    WebhookEntry,
};
use crate::error::CliError;
use crate::input;

/// Registers every destination, the mail server and the endpoints of the configuration. Nothing is connected to.
pub(super) fn register(delivery: &Delivery, mut ports: Ports) -> Result<Ports, CliError> {
    if delivery.is_empty() {
        return Ok(ports);
    }
    let net = Net::new().map_err(|error| {
        CliError::failed("threads_failed", format!("cannot start the thread of the network: {error}"))
    })?;
    for entry in &delivery.destinations {
        ports = ports.with_destination(destination(entry, &net)?);
    }
    if let Some(entry) = &delivery.email {
        ports = ports.with_notifier(email(entry, delivery, &net)?);
    }
    if !delivery.webhooks.is_empty() {
        ports = ports.with_notifier(webhooks(delivery, &net)?);
    }
    Ok(ports)
}

/// Returns the network with the addresses that may be used.
fn policy(net: &Net, allows_private: bool) -> Net {
    let policy = if allows_private { AddressPolicy::any() } else { AddressPolicy::default() };
    net.clone().with_policy(policy)
}

fn destination(entry: &DestinationEntry, net: &Net) -> Result<Arc<dyn Destination>, CliError> {
    let DestinationEntry { id, title, kind, visibility, renames, allows_private } = entry;
    let net = policy(net, *allows_private);
    Ok(match kind {
        DestinationPlace::Sftp { url, password, key, passphrase, host_key } => {
            let user = url.user.clone().unwrap_or_default();
            let mut place = SftpDestination::new(id.clone(), &url.host, user, net);
            let ServerUrl { port, folder, .. } = url;
            place = port.iter().fold(place, |place, port| place.with_port(*port)).with_folder(folder);
            place = password.iter().cloned().fold(place, SftpDestination::with_password);
            place = key.iter().cloned().fold(place, SftpDestination::with_key);
            place = passphrase.iter().cloned().fold(place, SftpDestination::with_passphrase);
            place = host_key.iter().cloned().fold(place, SftpDestination::with_host_key);
            place = title.iter().fold(place, SftpDestination::with_title).with_visibility(visibility.clone());
            Arc::new(if *renames { place } else { place.without_rename() })
        }
        DestinationPlace::Ftp { url, security, password, authorities } => {
            let user = url.user.clone().unwrap_or_default();
            let mut place = FtpDestination::new(id.clone(), &url.host, user, net).with_security(*security);
            let ServerUrl { port, folder, .. } = url;
            place = port.iter().fold(place, |place, port| place.with_port(*port)).with_folder(folder);
            place = password.iter().cloned().fold(place, FtpDestination::with_password);
            let named = || format!("destination {id}: authorities");
            place = roots(authorities.as_deref(), named)?.into_iter().fold(place, FtpDestination::with_roots);
            place = title.iter().fold(place, FtpDestination::with_title).with_visibility(visibility.clone());
            Arc::new(if *renames { place } else { place.without_rename() })
        }
        DestinationPlace::Bucket(place) => bucket(entry, place, net)?,
        #[cfg(unix)]
        DestinationPlace::Folder { folder, mount } => {
            let place = FolderDestination::new(id.clone(), folder).with_visibility(visibility.clone());
            let place = mount.iter().fold(place, FolderDestination::with_mount);
            Arc::new(title.iter().fold(place, FolderDestination::with_title))
        }
        #[cfg(not(unix))]
        DestinationPlace::Folder { .. } => {
            let why = format!("destination {id}: folders of this machine are supported on Unix alone");
            return Err(CliError::config("invalid_config", why));
        }
    })
}

/// Builds the adapter of a bucket.
fn bucket(entry: &DestinationEntry, place: &Bucket, net: Net) -> Result<Arc<dyn Destination>, CliError> {
    let DestinationEntry { id, title, visibility, .. } = entry;
    let roots = roots(place.authorities.as_deref(), || format!("destination {id}: authorities"))?;
    // The same settings for three kinds, which share no trait.
    macro_rules! common {
        ($built:expr, $kind:ident) => {{
            let mut built = $built.with_folder(&place.folder).with_visibility(visibility.clone());
            built = place.endpoint.iter().fold(built, $kind::with_endpoint);
            built = roots.into_iter().fold(built, $kind::with_roots);
            built = title.iter().fold(built, $kind::with_title);
            Arc::new(if place.uses_environment { built.with_environment() } else { built })
        }};
    }
    Ok(match &place.kind {
        BucketKind::S3 { bucket, region, keys } => {
            let built = S3Destination::new(id.clone(), bucket, net);
            let built = region.iter().fold(built, S3Destination::with_region);
            let keys = keys.iter().cloned();
            common!(keys.fold(built, |built, (id, secret)| built.with_keys(id, secret)), S3Destination)
        }
        BucketKind::Gcs { bucket, account } => {
            let built = GcsDestination::new(id.clone(), bucket, net);
            common!(account.iter().cloned().fold(built, GcsDestination::with_service_account), GcsDestination)
        }
        BucketKind::Azure { account, container, login } => {
            let built = AzureDestination::new(id.clone(), account, container, net);
            let built = match login {
                Some(AzureLogin::Key(key)) => built.with_access_key(key.clone()),
                Some(AzureLogin::Signature(signature)) => built.with_sas(signature.clone()),
                None => built,
            };
            common!(built, AzureDestination)
        }
    })
}

/// Reads the certificates of the authorities, if they are configured.
fn roots(file: Option<&Path>, key: impl Fn() -> String) -> Result<Option<Roots>, CliError> {
    let Some(file) = file else { return Ok(None) };
    let wrong =
        |why: String| CliError::config("invalid_config", format!("{}: {}: {why}", key(), file.display()));
    let pem = input::read(file).map_err(|error| wrong(error.to_string()))?;
    Roots::pem(&pem).map(Some).map_err(|error| wrong(error.to_string()))
}

fn email(entry: &EmailEntry, delivery: &Delivery, net: &Net) -> Result<EmailNotifier, CliError> {
    let EmailEntry { name, from, host, port, security, credentials, authorities, allows_private } = entry;
    let mail = EmailNotifier::new(host, from, policy(net, *allows_private))
        .map_err(|why| CliError::config("invalid_config", format!("email.from: {why}")))?
        .with_security(*security);
    let mail = port.iter().fold(mail, |mail, port| mail.with_port(*port));
    let mail = name.iter().fold(mail, EmailNotifier::with_sender);
    let mail = credentials
        .iter()
        .cloned()
        .fold(mail, |mail, (user, password)| mail.with_credentials(user, password));
    let roots = roots(authorities.as_deref(), || "email.authorities".to_owned())?;
    let mail = roots.into_iter().fold(mail, EmailNotifier::with_roots);
    Ok(delivery.links.iter().cloned().fold(mail, EmailNotifier::with_console))
}

fn webhooks(delivery: &Delivery, net: &Net) -> Result<WebhookNotifier, CliError> {
    let mut webhooks = WebhookNotifier::new(net.clone());
    for entry in &delivery.webhooks {
        webhooks = webhooks.with_endpoint(endpoint(entry)?);
    }
    Ok(delivery.links.iter().cloned().fold(webhooks, WebhookNotifier::with_console))
}

fn endpoint(entry: &WebhookEntry) -> Result<Endpoint, CliError> {
    let WebhookEntry { id, url, secret, next_secret, allows_http, allows_private, visibility } = entry;
    let made = match allows_http {
        true => Endpoint::over_http(id.clone(), url, secret.clone()),
        false => Endpoint::new(id.clone(), url, secret.clone()),
    };
    let endpoint = made
        .map_err(|why| CliError::config("invalid_config", format!("webhook {id}: url: {why}")))?
        .with_visibility(visibility.clone());
    let endpoint = next_secret.iter().cloned().fold(endpoint, Endpoint::with_key);
    Ok(if *allows_private { endpoint.with_policy(AddressPolicy::any()) } else { endpoint })
}
