//! `[serve]` and `[[user]]`.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use cdds_console::accounts::{PasswordHash, User};
use cdds_core::domain::access::{PrincipalName, Role};
use cdds_core::domain::id::Owner;

use super::file;
use super::mistake::Mistake;
use crate::home::without_home;

/// How the server is reached, and by whom.
#[derive(Debug)]
pub(crate) struct Serve {
    pub(crate) listen: SocketAddr,
    pub(crate) tls: Option<Tls>,
    /// A proxy ends TLS and says where requests come from.
    pub(crate) behind_proxy: bool,
    /// The names by which browsers know the server, besides those of this machine.
    pub(crate) hosts: Vec<String>,
    pub(crate) users: Vec<User>,
}

impl Serve {
    /// Where it listens if the configuration does not say.
    pub(crate) const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8750);
}

/// A certificate with those above it, and its key, in files.
#[derive(Debug, Clone)]
pub(crate) struct Tls {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// Tokens are on record under names that begin like this.
const RESERVED: &str = "token:";

pub(super) fn check(typed: file::Serve, users: Vec<file::User>, folder: &Path) -> Result<Serve, Mistake> {
    let listen = typed.listen.parse().map_err(|_| {
        let typed = &typed.listen;
        format!("serve.listen: {typed:?} is no address: write one with a port, like 127.0.0.1:8750")
    })?;
    let path = |key: &str, path: &str| {
        without_home(path).map(|path| folder.join(path)).map_err(|why| format!("serve.{key}: {why}"))
    };
    let tls = match (&typed.tls_certificate, &typed.tls_key) {
        (None, None) => None,
        (Some(certificate), Some(key)) => {
            Some(Tls { certificate: path("tls_certificate", certificate)?, key: path("tls_key", key)? })
        }
        (Some(_), None) => return Err("serve.tls_certificate: it needs serve.tls_key".to_owned().into()),
        (None, Some(_)) => return Err("serve.tls_key: it needs serve.tls_certificate".to_owned().into()),
    };
    let is_name = |host: &String| !host.is_empty() && !host.contains(['/', ':', ' ', '*']);
    if let Some(host) = typed.hosts.iter().find(|host| !is_name(host)) {
        return Err(format!(
            "serve.hosts: {host:?} is no host: write its name alone, like exports.example.com"
        )
        .into());
    }
    Ok(Serve {
        listen,
        tls,
        behind_proxy: typed.behind_proxy,
        hosts: typed.hosts,
        users: check_users(users)?,
    })
}

fn check_users(typed: Vec<file::User>) -> Result<Vec<User>, Mistake> {
    let mut names = BTreeSet::new();
    let mut users = Vec::new();
    for (index, user) in typed.into_iter().enumerate() {
        let within = |why: String| Mistake::from(why).within("user", index, &format!("user {}", user.name));
        if !names.insert(user.name.clone()) {
            return Err(within("name: there is another user of this name".to_owned()));
        }
        if user.name.starts_with(RESERVED) {
            return Err(within(format!("name: names that begin with {RESERVED} are those of tokens")));
        }
        let name = PrincipalName::new(user.name.clone()).map_err(|why| within(format!("name: {why}")))?;
        let hash: PasswordHash = user.hash.parse().map_err(|why| within(format!("hash: {why}")))?;
        let role = Role::parse(&user.role).ok_or_else(|| {
            within(format!("role: choose one of {}", Role::ALL.map(Role::as_str).join(", ")))
        })?;
        let owner = match &user.owner {
            Some(owner) => Owner::new(owner.clone()).map_err(|why| within(format!("owner: {why}")))?,
            None => Owner::default(),
        };
        users.push(User::new(name, hash, owner, role));
    }
    Ok(users)
}
