//! Buckets: `s3://BUCKET/FOLDER`, `gs://BUCKET/FOLDER`, `az://CONTAINER/FOLDER`.

use std::path::{Path, PathBuf};

use cdds_delivery::secret::Secret;

use super::super::file;
use super::super::secret::{self, SecretPlace};
use crate::home::without_home;

/// A folder of a bucket, and how requests to it are signed: by the credentials of the machine if none are named.
#[derive(Debug)]
pub(crate) struct Bucket {
    pub(crate) service: Service,
    /// The bucket, or the container.
    pub(crate) name: String,
    /// Where everything is kept; may be empty.
    pub(crate) folder: String,
    pub(crate) endpoint: Option<String>,
    pub(crate) authorities: Option<PathBuf>,
    /// Whether downloads are answered by links to the bucket itself.
    #[cfg(feature = "serve")]
    pub(crate) links: bool,
    /// As it was typed: there is no secret in it.
    pub(crate) url: String,
}

/// The service behind a bucket.
#[derive(Debug)]
pub(crate) enum Service {
    S3 {
        region: Option<String>,
        keys: Option<(String, Secret)>,
        /// Whether the bucket is in the name of the host; as the service has it if left out.
        virtual_host: Option<bool>,
        /// Whether SHA-256 checksums are stored beside the objects.
        checksums: bool,
    },
    Google {
        account: Option<Secret>,
    },
    Azure {
        account: String,
        login: Option<Login>,
    },
}

/// How requests to Azure are signed.
#[derive(Debug)]
pub(crate) enum Login {
    Key(Secret),
    Signature(Secret),
}

pub(super) fn bucket(typed: &file::Store, folder: &Path) -> Result<Bucket, String> {
    let (scheme, rest) = typed.url.split_once("://").unwrap_or_default();
    let (name, path) = rest.split_once('/').unwrap_or((rest, ""));
    let path = path.trim_end_matches('/');
    if !is_name(name) || !(path.is_empty() || path.split('/').all(is_name)) {
        return Err("url: write it like s3://BUCKET/FOLDER, gs://BUCKET/FOLDER or az://CONTAINER/FOLDER, with letters, \
                    digits, - . and _ alone; another service goes into store.endpoint"
            .to_owned());
    }
    only_of(scheme, typed)?;
    if let Some(endpoint) = &typed.endpoint {
        check_endpoint(endpoint, typed.allow_http)?;
    }
    let secret = at("secret", typed.secret_file.as_ref(), typed.secret_env.as_ref(), folder)?;
    let service = match scheme {
        "s3" => s3(typed, secret)?,
        "gs" => Service::Google { account: secret },
        _ => azure(typed, secret, folder)?,
    };
    let authorities =
        typed.authorities.as_deref().map(|path| without_home(path).map(|path| folder.join(path)));
    Ok(Bucket {
        service,
        name: name.to_owned(),
        folder: path.to_owned(),
        endpoint: typed.endpoint.clone(),
        authorities: authorities.transpose().map_err(|why| format!("authorities: {why}"))?,
        #[cfg(feature = "serve")]
        links: typed.links,
        url: typed.url.trim_end_matches('/').to_owned(),
    })
}

/// Whether a text names a bucket or a folder as every service takes it.
fn is_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    !text.is_empty() && text.chars().all(fits) && !text.chars().all(|c| c == '.')
}

/// Refuses keys that go with another kind of bucket.
fn only_of(scheme: &str, typed: &file::Store) -> Result<(), String> {
    let keys = [
        ("region", "s3", typed.region.is_some()),
        ("access_key_id", "s3", typed.access_key_id.is_some()),
        ("virtual_host", "s3", typed.virtual_host.is_some()),
        ("checksums", "s3", typed.checksums),
        ("account", "az", typed.account.is_some()),
        ("sas_file", "az", typed.sas_file.is_some()),
        ("sas_env", "az", typed.sas_env.is_some()),
    ];
    match keys.into_iter().find(|(_, of, is_given)| *is_given && *of != scheme) {
        Some((key, of, _)) => Err(format!("{key}: it goes with {of}://: leave it out")),
        None if typed.links && scheme == "az" => {
            Err("links: Azure's links cannot name the file: leave it out".to_owned())
        }
        None => Ok(()),
    }
}

/// Refuses an address over which others could read along, unless somebody has said that they may.
fn check_endpoint(endpoint: &str, allows_http: bool) -> Result<(), String> {
    let (scheme, rest) = endpoint.split_once("://").unwrap_or_default();
    let is_plain = !rest.is_empty() && !rest.contains(['@', '?', '#', ' ']);
    match scheme {
        "https" if is_plain => Ok(()),
        "http" if is_plain && allows_http => Ok(()),
        "http" if is_plain => {
            Err("endpoint: others can read along over http://: use https://, or add allow_http = true \
                                   if nobody can"
                .to_owned())
        }
        // It may hold a password, and so is not repeated.
        _ => Err("endpoint: write it like https://store.example:9000".to_owned()),
    }
}

fn at(
    key: &str,
    file: Option<&String>,
    env: Option<&String>,
    folder: &Path,
) -> Result<Option<Secret>, String> {
    Ok(secret::optional(key, file, env, folder)?.map(|place| match place {
        SecretPlace::File(path) => Secret::file(path),
        SecretPlace::Env(name) => Secret::env(name),
    }))
}

fn s3(typed: &file::Store, secret: Option<Secret>) -> Result<Service, String> {
    let keys = match (typed.access_key_id.clone(), secret) {
        (Some(id), Some(secret)) => Some((id, secret)),
        (None, None) => None,
        (Some(_), None) => return Err("access_key_id: it needs secret_file or secret_env".to_owned()),
        (None, Some(_)) => return Err("access_key_id: name the key to which the secret belongs".to_owned()),
    };
    let (region, virtual_host) = (typed.region.clone(), typed.virtual_host);
    Ok(Service::S3 { region, keys, virtual_host, checksums: typed.checksums })
}

fn azure(typed: &file::Store, key: Option<Secret>, folder: &Path) -> Result<Service, String> {
    let signature = at("sas", typed.sas_file.as_ref(), typed.sas_env.as_ref(), folder)?;
    let login = match (key, signature) {
        (Some(_), Some(_)) => {
            return Err("sas_file: there is a key of the account too: leave one out".to_owned());
        }
        (Some(key), None) => Some(Login::Key(key)),
        (None, signature) => signature.map(Login::Signature),
    };
    let account = typed.account.clone().ok_or("account: name the account to which the container belongs")?;
    Ok(Service::Azure { account, login })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Bucket, String> {
        bucket(&toml::from_str(text).unwrap(), Path::new("/srv"))
    }

    #[test]
    fn buckets_are_read_and_named_without_a_secret() {
        let s3 = read(
            "url = 's3://exports/in/deep/'\nregion = 'eu-central-1'\naccess_key_id = 'A'\nsecret_env = 'S'",
        );
        let s3 = s3.unwrap();
        assert_eq!((&*s3.name, &*s3.folder, &*s3.url), ("exports", "in/deep", "s3://exports/in/deep"));
        assert!(
            matches!(&s3.service, Service::S3 { keys: Some((id, _)), checksums: false, .. } if id == "A")
        );
        let machine = read("url = 's3://exports'").unwrap();
        assert!(matches!(&machine.service, Service::S3 { keys: None, .. }) && machine.folder.is_empty());
        let google = read("url = 'gs://exports'\nsecret_file = 'account.json'\nlinks = true").unwrap();
        assert!(matches!(google.service, Service::Google { account: Some(_) }));
        let azure = read("url = 'az://exports/in'\naccount = 'a'\nsas_env = 'S'").unwrap();
        assert!(matches!(azure.service, Service::Azure { login: Some(Login::Signature(_)), .. }));
    }

    #[test]
    fn what_makes_no_bucket_is_refused_by_its_key() {
        for (text, told) in [
            ("url = 's3://'", "url: "),
            ("url = 's3://u:hunter2@exports'", "url: "),
            ("url = 's3://exports//in'", "url: "),
            ("url = 's3://exports/../in'", "url: "),
            ("url = 's3://exports'\nendpoint = 'http://h:1'", "allow_http = true"),
            ("url = 's3://exports'\nendpoint = 'https://u:hunter2@h'", "endpoint: "),
            ("url = 's3://exports'\nendpoint = 'h:1'", "endpoint: "),
            ("url = 's3://exports'\naccess_key_id = 'A'", "it needs secret_file"),
            ("url = 's3://exports'\nsecret_env = 'A'", "access_key_id: "),
            ("url = 's3://exports'\naccount = 'A'", "goes with az://"),
            ("url = 'gs://exports'\nregion = 'A'", "goes with s3://"),
            ("url = 'gs://exports'\nchecksums = true", "goes with s3://"),
            ("url = 'az://exports'", "account: "),
            ("url = 'az://exports'\naccount = 'a'\nlinks = true", "links: "),
            ("url = 'az://exports'\naccount = 'a'\nsas_env = 'a'\nsecret_env = 'b'", "leave one out"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(told) && !error.contains("hunter2"), "{text}: {error}");
        }
        let open = read("url = 's3://exports'\nendpoint = 'http://h:1'\nallow_http = true").unwrap();
        assert_eq!(open.endpoint.as_deref(), Some("http://h:1"));
    }
}
