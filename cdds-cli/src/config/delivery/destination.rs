//! `[[destination]]`: a folder of a server, or of this machine.

use std::path::{Path, PathBuf};

use cdds_core::domain::id::DestinationId;
use cdds_core::domain::source::Visibility;
use cdds_core::ports::destination::ServerIdentity;
use cdds_delivery::ftp::FtpSecurity;
use cdds_delivery::secret::Secret;

use super::super::mistake::Mistake;
use super::super::source::visibility;
use super::super::{file, location};
use super::authorities;
use super::bucket::{self, Bucket};
use super::secret::optional;
use super::url::ServerUrl;
use crate::home::without_home;

/// A destination as it is registered.
#[derive(Debug)]
pub(crate) struct DestinationEntry {
    pub(crate) id: DestinationId,
    pub(crate) title: Option<String>,
    pub(crate) kind: DestinationPlace,
    pub(crate) visibility: Visibility,
    /// Whether files are renamed once they are whole.
    pub(crate) renames: bool,
    pub(crate) allows_private: bool,
}

/// The adapter behind a destination.
#[derive(Debug)]
pub(crate) enum DestinationPlace {
    Sftp {
        url: ServerUrl,
        password: Option<Secret>,
        key: Option<Secret>,
        passphrase: Option<Secret>,
        host_key: Option<ServerIdentity>,
    },
    Ftp {
        url: ServerUrl,
        security: FtpSecurity,
        password: Option<Secret>,
        authorities: Option<PathBuf>,
    },
    Bucket(Bucket),
    Folder {
        folder: PathBuf,
        mount: Option<PathBuf>,
    },
}

pub(super) fn destination(typed: file::Destination, folder: &Path) -> Result<DestinationEntry, Mistake> {
    let id = DestinationId::new(typed.id.clone()).map_err(|violation| violation.to_string())?;
    let kind = match typed.url.split_once(':') {
        Some(("file", _)) => local(&typed, folder)?,
        _ => remote(&typed, folder)?,
    };
    Ok(DestinationEntry {
        id,
        title: typed.title,
        kind,
        visibility: visibility(typed.owners)?,
        renames: typed.rename,
        allows_private: typed.allow_private,
    })
}

fn remote(typed: &file::Destination, folder: &Path) -> Result<DestinationPlace, Mistake> {
    only_with("file", &[("mount", typed.mount.is_some())])?;
    let url = typed.url.parse::<ServerUrl>().map_err(|why| format!("url: {why}"))?;
    let password = optional("password", typed.password_file.as_ref(), typed.password_env.as_ref(), folder)?;
    if ["s3", "gs", "azure"].contains(&url.scheme.as_str()) {
        only_with("sftp and ftp", &passwords(typed))?;
        only_with("sftp", &ssh_keys(typed))?;
        return bucket::bucket(typed, url, folder).map(DestinationPlace::Bucket);
    }
    only_with("s3, gs and azure", &bucket::keys(typed))?;
    match url.scheme.as_str() {
        "sftp" => sftp(typed, url, password, folder),
        "ftp" | "ftps" => ftp(typed, url, password, folder),
        other => Err(format!(
            "url: {other:?} is not supported by this program: begin it with sftp://, ftp://, ftps://, s3://, gs://, azure:// \
             or file:"
        )
        .into()),
    }
}

/// Reads a folder of this machine, or one that is mounted.
fn local(typed: &file::Destination, folder: &Path) -> Result<DestinationPlace, Mistake> {
    only_with("sftp and ftp", &passwords(typed))?;
    only_with("s3, gs and azure", &bucket::keys(typed))?;
    only_with(
        "servers",
        &[("authorities", typed.authorities.is_some()), ("allow_private", typed.allow_private)],
    )?;
    only_with("sftp", &ssh_keys(typed))?;
    let path = location::local(&typed.url, "file", folder)
        .unwrap_or_else(|| Err("write it like file:/mnt/partner/in".to_owned()))
        .map_err(|why| format!("url: {why}"))?;
    let mount =
        typed.mount.as_deref().map(without_home).transpose().map_err(|why| format!("mount: {why}"))?;
    Ok(DestinationPlace::Folder { folder: path, mount: mount.map(|mount| folder.join(mount)) })
}

/// Returns the keys that go with SFTP and FTP alone, and whether they are given.
fn passwords(typed: &file::Destination) -> [(&'static str, bool); 4] {
    [
        ("tls", typed.tls.is_some()),
        ("password_file", typed.password_file.is_some()),
        ("password_env", typed.password_env.is_some()),
        ("rename", !typed.rename),
    ]
}

/// Returns the keys that go with SSH alone, and whether they are given.
fn ssh_keys(typed: &file::Destination) -> [(&'static str, bool); 5] {
    [
        ("key_file", typed.key_file.is_some()),
        ("key_env", typed.key_env.is_some()),
        ("passphrase_file", typed.passphrase_file.is_some()),
        ("passphrase_env", typed.passphrase_env.is_some()),
        ("host_key", typed.host_key.is_some()),
    ]
}

/// Refuses keys that go with another kind of destination.
fn only_with(kind: &str, keys: &[(&str, bool)]) -> Result<(), Mistake> {
    match keys.iter().find(|(_, is_given)| *is_given) {
        Some((key, _)) => Err(format!("{key}: it goes with {kind}: leave it out").into()),
        None => Ok(()),
    }
}

fn sftp(
    typed: &file::Destination,
    url: ServerUrl,
    password: Option<Secret>,
    folder: &Path,
) -> Result<DestinationPlace, Mistake> {
    only_with("ftp and ftps", &[("tls", typed.tls.is_some()), ("authorities", typed.authorities.is_some())])?;
    let key = optional("key", typed.key_file.as_ref(), typed.key_env.as_ref(), folder)?;
    let passphrase =
        optional("passphrase", typed.passphrase_file.as_ref(), typed.passphrase_env.as_ref(), folder)?;
    if url.user.is_none() {
        return Err("url: name the user, like sftp://exports@partner.example/in".to_owned().into());
    }
    if password.is_none() && key.is_none() {
        return Err("say how the user signs in: key_file, or password_file or password_env"
            .to_owned()
            .into());
    }
    if passphrase.is_some() && key.is_none() {
        let given = if typed.passphrase_file.is_some() { "passphrase_file" } else { "passphrase_env" };
        return Err(format!("{given}: it goes with key_file or key_env").into());
    }
    let host_key = typed.host_key.as_deref().map(fingerprint).transpose()?;
    Ok(DestinationPlace::Sftp { url, password, key, passphrase, host_key })
}

/// Reads the fingerprint of a host key as `ssh-keygen -l` prints it: SHA-256 in base64 without padding.
fn fingerprint(text: &str) -> Result<ServerIdentity, String> {
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
    match text.strip_prefix("SHA256:") {
        Some(hash) if hash.len() == 43 && hash.chars().all(is_base64) => Ok(ServerIdentity::new(text)),
        _ => {
            Err("host_key: write the fingerprint, SHA256:…, as `cdds destination check` shows it".to_owned())
        }
    }
}

fn ftp(
    typed: &file::Destination,
    url: ServerUrl,
    password: Option<Secret>,
    folder: &Path,
) -> Result<DestinationPlace, Mistake> {
    only_with("sftp", &ssh_keys(typed))?;
    let security = match (url.scheme.as_str(), typed.tls.as_deref()) {
        ("ftps", None | Some("implicit")) => FtpSecurity::Implicit,
        (_, Some("explicit")) => FtpSecurity::Explicit,
        ("ftp", Some("none")) => FtpSecurity::Plain,
        ("ftp", None) => {
            return Err(
                "say how the connection is protected: tls = \"explicit\", or \"none\" if password and files \
                        may be read on the way; ftps:// is TLS from the first byte"
                    .to_owned()
                    .into(),
            );
        }
        _ => {
            return Err("tls: write explicit, or none with ftp:// and implicit with ftps://"
                .to_owned()
                .into());
        }
    };
    if url.user.is_none() {
        return Err("url: name the user, like ftp://exports@partner.example/in".to_owned().into());
    }
    let authorities = authorities(typed.authorities.as_deref(), folder)?;
    Ok(DestinationPlace::Ftp { url, security, password, authorities })
}
