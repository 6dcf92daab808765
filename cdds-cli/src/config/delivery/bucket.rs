//! Destinations that are buckets: `s3://BUCKET/FOLDER`, `gs://BUCKET/FOLDER`, `azure://ACCOUNT/CONTAINER/FOLDER`.

use std::path::{Path, PathBuf};

use cdds_delivery::secret::Secret;

use super::super::file;
use super::super::mistake::Mistake;
use super::authorities;
use super::secret::optional;
use super::url::ServerUrl;

/// A bucket, and how requests to it are signed.
#[derive(Debug)]
pub(crate) struct Bucket {
    pub(crate) kind: BucketKind,
    /// Below which the paths of jobs begin; may be empty.
    pub(crate) folder: String,
    pub(crate) endpoint: Option<String>,
    pub(crate) authorities: Option<PathBuf>,
    /// Whether the credentials of the machine are used.
    pub(crate) uses_environment: bool,
}

/// The service behind a bucket.
#[derive(Debug)]
pub(crate) enum BucketKind {
    S3 { bucket: String, region: Option<String>, keys: Option<(String, Secret)> },
    Gcs { bucket: String, account: Option<Secret> },
    Azure { account: String, container: String, login: Option<AzureLogin> },
}

/// How requests to Azure are signed.
#[derive(Debug)]
pub(crate) enum AzureLogin {
    Key(Secret),
    Signature(Secret),
}

/// Returns the keys that go with buckets alone, and whether they are given.
pub(super) fn keys(typed: &file::Destination) -> [(&'static str, bool); 7] {
    [
        ("region", typed.region.is_some()),
        ("endpoint", typed.endpoint.is_some()),
        ("access_key_id", typed.access_key_id.is_some()),
        ("secret_file", typed.secret_file.is_some()),
        ("secret_env", typed.secret_env.is_some()),
        ("sas_file", typed.sas_file.is_some() || typed.sas_env.is_some()),
        ("environment", typed.environment),
    ]
}

/// Reads a bucket; `url` has one of its schemes.
pub(super) fn bucket(typed: &file::Destination, url: ServerUrl, folder: &Path) -> Result<Bucket, Mistake> {
    if url.user.is_some() || url.port.is_some() {
        return Err("url: it names a bucket, without user and port; another service goes into endpoint"
            .to_owned()
            .into());
    }
    let secret = optional("secret", typed.secret_file.as_ref(), typed.secret_env.as_ref(), folder)?;
    let sas = optional("sas", typed.sas_file.as_ref(), typed.sas_env.as_ref(), folder)?;
    let ServerUrl { scheme, host, folder: path, .. } = url;
    if scheme != "azure" && sas.is_some() {
        return Err("sas_file: it goes with azure: leave it out".to_owned().into());
    }
    if scheme != "s3" {
        for (key, is_given) in
            [("region", typed.region.is_some()), ("access_key_id", typed.access_key_id.is_some())]
        {
            if is_given {
                return Err(format!("{key}: it goes with s3: leave it out").into());
            }
        }
    }
    let is_signed = secret.is_some() || sas.is_some();
    if is_signed == typed.environment {
        return Err(sign_in(&scheme, is_signed).into());
    }
    let (kind, folder_of_bucket) = match scheme.as_str() {
        "s3" => (
            BucketKind::S3 { bucket: host, region: typed.region.clone(), keys: s3_keys(typed, secret)? },
            path,
        ),
        "gs" => (BucketKind::Gcs { bucket: host, account: secret }, path),
        _ => azure(host, &path, secret, sas)?,
    };
    Ok(Bucket {
        kind,
        folder: folder_of_bucket,
        endpoint: typed.endpoint.clone(),
        authorities: authorities(typed.authorities.as_deref(), folder)?,
        uses_environment: typed.environment,
    })
}

/// Says how to name the credentials: none are named, or two kinds of them.
fn sign_in(scheme: &str, is_signed: bool) -> String {
    let secret = match scheme {
        "s3" => "access_key_id with secret_file or secret_env",
        "gs" => "secret_file or secret_env with the key of a service account",
        _ => "secret_file or secret_env with a key of the account, or sas_file or sas_env",
    };
    let begin = if is_signed {
        "environment: there are other credentials too"
    } else {
        "say how requests are signed"
    };
    format!("{begin}: {secret}, or environment = true for the credentials of the machine")
}

fn s3_keys(typed: &file::Destination, secret: Option<Secret>) -> Result<Option<(String, Secret)>, String> {
    match (typed.access_key_id.clone(), secret) {
        (Some(id), Some(secret)) => Ok(Some((id, secret))),
        (None, None) => Ok(None),
        (Some(_), None) => Err("access_key_id: it needs secret_file or secret_env".to_owned()),
        (None, Some(_)) => Err("access_key_id: name the key to which the secret belongs".to_owned()),
    }
}

fn azure(
    account: String,
    path: &str,
    key: Option<Secret>,
    signature: Option<Secret>,
) -> Result<(BucketKind, String), String> {
    let (container, folder) = path.split_once('/').unwrap_or((path, ""));
    if container.is_empty() {
        return Err("url: write it like azure://ACCOUNT/CONTAINER/FOLDER".to_owned());
    }
    let login = match (key, signature) {
        (Some(_), Some(_)) => {
            return Err("sas_file: there is a key of the account too: leave one out".to_owned());
        }
        (Some(key), None) => Some(AzureLogin::Key(key)),
        (None, signature) => signature.map(AzureLogin::Signature),
    };
    Ok((BucketKind::Azure { account, container: container.to_owned(), login }, folder.to_owned()))
}
