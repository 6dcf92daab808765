//! `[[destination]]`, `[email]` and `[[webhook]]`: turns keys into what the adapters need.

mod bucket;
mod destination;
mod secret;
mod url;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cdds_core::domain::id::Subscriber;
use cdds_core::domain::source::Visibility;
use cdds_delivery::email::Security;
use cdds_delivery::links::ConsoleLinks;
use cdds_delivery::secret::Secret;

pub(crate) use self::bucket::{AzureLogin, Bucket, BucketKind};
use self::destination::destination;
pub(crate) use self::destination::{DestinationEntry, DestinationPlace};
use self::secret::{needed, optional};
pub(crate) use self::url::ServerUrl;
use super::file;
use super::mistake::Mistake;
use super::source::visibility;
use crate::home::without_home;

/// Where sets are delivered, and how people and programs are told.
#[derive(Debug, Default)]
pub(crate) struct Delivery {
    pub(crate) destinations: Vec<DestinationEntry>,
    pub(crate) email: Option<EmailEntry>,
    pub(crate) webhooks: Vec<WebhookEntry>,
    /// Under which address people open the console.
    pub(crate) links: Option<ConsoleLinks>,
}

/// The server through which mail is sent.
#[derive(Debug)]
pub(crate) struct EmailEntry {
    pub(crate) name: Option<String>,
    pub(crate) from: String,
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
    pub(crate) security: Security,
    pub(crate) credentials: Option<(String, Secret)>,
    pub(crate) authorities: Option<PathBuf>,
    pub(crate) allows_private: bool,
}

/// An endpoint of the service.
#[derive(Debug)]
pub(crate) struct WebhookEntry {
    pub(crate) id: Subscriber,
    pub(crate) url: String,
    pub(crate) secret: Secret,
    pub(crate) next_secret: Option<Secret>,
    pub(crate) allows_http: bool,
    pub(crate) allows_private: bool,
    pub(crate) visibility: Visibility,
}

impl Delivery {
    /// Returns whether nothing is configured.
    pub(crate) fn is_empty(&self) -> bool {
        self.destinations.is_empty() && self.email.is_none() && self.webhooks.is_empty()
    }
}

pub(super) fn check(
    destinations: Vec<file::Destination>,
    email: Option<file::Email>,
    webhooks: Vec<file::Webhook>,
    link: Option<&str>,
    folder: &Path,
) -> Result<Delivery, Mistake> {
    let links = link.map(ConsoleLinks::new).transpose().map_err(|why| format!("serve.link: {why}"))?;
    let mut ids = BTreeSet::new();
    let mut entries = Vec::with_capacity(destinations.len());
    for (index, typed) in destinations.into_iter().enumerate() {
        let name = format!("destination {:?}", typed.id);
        let entry = destination(typed, folder).and_then(|entry| match ids.insert(entry.id.clone()) {
            true => Ok(entry),
            false => Err("it is declared twice: rename one".to_owned().into()),
        });
        entries.push(entry.map_err(|mistake| mistake.within("destination", index, &name))?);
    }
    let mut names = BTreeSet::new();
    let mut endpoints = Vec::with_capacity(webhooks.len());
    for (index, typed) in webhooks.into_iter().enumerate() {
        let name = format!("webhook {:?}", typed.id);
        let entry = webhook(typed, folder).and_then(|entry| match names.insert(entry.id.clone()) {
            true => Ok(entry),
            false => Err("it is declared twice: rename one".to_owned().into()),
        });
        endpoints.push(entry.map_err(|mistake| mistake.within("webhook", index, &name))?);
    }
    let email = email.map(|typed| self::email(typed, folder)).transpose()?;
    Ok(Delivery { destinations: entries, email, webhooks: endpoints, links })
}

fn authorities(typed: Option<&str>, folder: &Path) -> Result<Option<PathBuf>, String> {
    let path = |path| without_home(path).map(|path| folder.join(path));
    typed.map(path).transpose().map_err(|why| format!("authorities: {why}"))
}

fn email(typed: file::Email, folder: &Path) -> Result<EmailEntry, Mistake> {
    let within = |why: String| Mistake::from(format!("email.{why}"));
    let url = typed.server.parse::<ServerUrl>().map_err(|why| within(format!("server: {why}")))?;
    if !url.folder.is_empty() || url.user.is_some() {
        return Err(within(
            "server: write it like smtp://mail.example:587, and the user as email.user".to_owned(),
        ));
    }
    let is_here = ["localhost", "127.0.0.1", "::1"].contains(&url.host.as_str());
    let security = match (url.scheme.as_str(), typed.tls.as_deref()) {
        ("smtps", None) => Security::Tls,
        ("smtp", Some("starttls")) => Security::StartTls,
        ("smtp", None | Some("none")) if is_here => Security::Loopback,
        ("smtp", None) => Security::StartTls,
        ("smtp", Some("none")) => Security::Open,
        ("smtp" | "smtps", Some(_)) => {
            return Err(within(
                "tls: write starttls or none with smtp://, and leave it out with smtps://".to_owned(),
            ));
        }
        _ => return Err(within("server: begin it with smtp:// or smtps://".to_owned())),
    };
    let password = optional("password", typed.password_file.as_ref(), typed.password_env.as_ref(), folder)
        .map_err(within)?;
    let credentials = match (typed.user, password) {
        (None, None) => None,
        (Some(user), Some(password)) => Some((user, password)),
        (Some(_), None) => {
            return Err(within("user: it needs email.password_file or email.password_env".to_owned()));
        }
        (None, Some(_)) => return Err(within("server: a password needs email.user".to_owned())),
    };
    let (name, from) = sender(&typed.from);
    Ok(EmailEntry {
        name,
        from,
        host: url.host,
        port: url.port,
        security,
        credentials,
        authorities: authorities(typed.authorities.as_deref(), folder).map_err(within)?,
        allows_private: typed.allow_private || is_here,
    })
}

/// Takes `Exports <exports@example.org>` apart; an address alone has no name.
fn sender(typed: &str) -> (Option<String>, String) {
    match typed.trim().strip_suffix('>').and_then(|rest| rest.split_once('<')) {
        Some((name, address)) => {
            let name = name.trim().trim_matches('"');
            ((!name.is_empty()).then(|| name.to_owned()), address.trim().to_owned())
        }
        None => (None, typed.trim().to_owned()),
    }
}

fn webhook(typed: file::Webhook, folder: &Path) -> Result<WebhookEntry, Mistake> {
    let id = Subscriber::new(typed.id.clone()).map_err(|violation| violation.to_string())?;
    let secret = needed("secret", typed.secret_file.as_ref(), typed.secret_env.as_ref(), folder)?;
    let next =
        optional("next_secret", typed.next_secret_file.as_ref(), typed.next_secret_env.as_ref(), folder)?;
    Ok(WebhookEntry {
        id,
        url: typed.url,
        secret,
        next_secret: next,
        allows_http: typed.allow_http,
        allows_private: typed.allow_private,
        visibility: visibility(typed.owners)?,
    })
}

#[cfg(test)]
mod tests;
