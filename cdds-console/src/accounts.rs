//! Users, sessions and API tokens of a console that has nobody else to ask: `cdds serve`. A host with a sign-in of its
//! own implements [`Access`] instead.
//!
//! Users sign in at `/login` by a form; a cookie that scripts cannot read names their session. Programs send
//! `Authorization: Bearer TOKEN`. Sessions are in memory: they end with the process, at sign-out, after
//! [`IDLE_MAX`] without a request, [`SESSION_MAX`] after they began, and when the user is removed or changed.
//! Passwords are kept as hashes by Argon2id (RFC 9106), tokens and ids of sessions as digests.

mod secret;
mod session;
mod token;
mod tries;
mod user;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use cdds_core::Principal;
use cdds_core::ports::clock::Clock;
use http::request::Parts;
use http::{HeaderMap, Method, header};
use tokio::sync::Semaphore;

pub use self::secret::NoRandomness;
use self::secret::{Digest, Secret};
pub use self::session::{IDLE_MAX, SESSION_MAX};
use self::session::{Sessions, Who};
pub use self::token::{Token, TokenId};
use self::tries::Tries;
use self::user::Memory;
pub use self::user::{InvalidHash, PasswordHash, User};
use crate::access::{Access, Denied, Visitor};
use crate::{Services, pages, place};

/// Passwords that are checked at the same time: each takes 19 MiB and a whole processor.
const CHECKS_AT_ONCE: usize = 2;

/// Longer passwords are refused unread.
pub(crate) const PASSWORD_BYTES_MAX: usize = 1024;

/// The address of the browser, which a host puts into the extensions of a request, so that tries to sign in are counted
/// by it. Without it they are counted by name alone.
#[derive(Debug, Clone, Copy)]
pub struct ClientAddress(pub IpAddr);

/// Users, tokens and sessions. A clone shares them.
#[derive(Clone)]
pub struct Accounts(Arc<Shared>);

struct Shared {
    clock: Arc<dyn Clock>,
    is_secure: bool,
    known: RwLock<Known>,
    sessions: Mutex<Sessions>,
    tries: Mutex<Tries>,
    link: Mutex<Option<Link>>,
    checks: Arc<Semaphore>,
    memory: Mutex<Vec<Memory>>,
}

#[derive(Default)]
struct Known {
    users: BTreeMap<String, Arc<User>>,
    tokens: Vec<Token>,
}

/// The one link by which somebody signs in without a password.
struct Link {
    digest: Digest,
    principal: Principal,
    until: Duration,
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Accounts")
    }
}

/// What became of a try to sign in.
pub(crate) enum SignIn {
    /// The cookie that names the new session.
    Done(String),
    /// Name and password do not belong together, or there is no such user.
    Wrong,
    /// There were too many tries: after so many seconds there may be another one.
    Wait(u64),
    /// The session cannot be begun.
    Failed,
}

impl Accounts {
    /// Creates accounts without users. With `is_secure`, browsers send the cookie over TLS alone: say so behind a proxy
    /// that ends TLS, too.
    pub fn new(clock: Arc<dyn Clock>, is_secure: bool) -> Self {
        Self(Arc::new(Shared {
            clock,
            is_secure,
            known: RwLock::default(),
            sessions: Mutex::default(),
            tries: Mutex::default(),
            link: Mutex::default(),
            checks: Arc::new(Semaphore::new(CHECKS_AT_ONCE)),
            memory: Mutex::default(),
        }))
    }

    /// Whether anybody can sign in by a password.
    pub(crate) fn has_users(&self) -> bool {
        !self.0.known.read().unwrap_or_else(PoisonError::into_inner).users.is_empty()
    }

    /// Replaces the users. The sessions of those who are gone, or whose password, owner or role is another, have ended.
    pub fn set_users(&self, users: impl IntoIterator<Item = User>) {
        let users = users.into_iter().map(|user| (user.name.as_str().to_owned(), Arc::new(user))).collect();
        self.0.known.write().unwrap_or_else(PoisonError::into_inner).users = users;
    }

    /// Replaces the tokens.
    pub fn set_tokens(&self, tokens: impl IntoIterator<Item = Token>) {
        self.0.known.write().unwrap_or_else(PoisonError::into_inner).tokens = tokens.into_iter().collect();
    }

    /// Returns an address below the console, `login?once=…`, at which a browser is signed in as a principal, once and
    /// for so long. A link that was made before no longer works.
    ///
    /// # Errors
    /// [`NoRandomness`] if the operating system gives none.
    pub fn sign_in_link(&self, principal: Principal, valid: Duration) -> Result<String, NoRandomness> {
        let secret = Secret::new()?;
        let until = self.0.clock.monotonic().saturating_add(valid);
        *locked(&self.0.link) = Some(Link { digest: secret.digest(), principal, until });
        Ok(format!("login?once={}", secret.as_str()))
    }

    /// Returns on whose behalf a program calls, by its token.
    ///
    /// # Errors
    /// [`Denied::SignIn`] if there is no token, an unknown one, or one that is over.
    pub fn bearer(&self, headers: &HeaderMap) -> Result<Principal, Denied> {
        let sent = bearer(headers).ok_or(Denied::sign_in())?;
        let (digest, now) = (Digest::of(sent), self.0.clock.now());
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        // All are looked at, so that the time does not tell which it was.
        let found = known.tokens.iter().fold(None, |found, token| match token.is(digest) {
            true => Some(token),
            false => found,
        });
        found.filter(|token| token.is_valid(now)).map(Token::principal).ok_or(Denied::sign_in())
    }

    /// Signs somebody in by name and password.
    pub(crate) async fn sign_in(
        &self,
        name: &str,
        password: &str,
        headers: &HeaderMap,
        from: Option<IpAddr>,
    ) -> SignIn {
        let now = self.0.clock.monotonic();
        if let Err(wait) = locked(&self.0.tries).begin(name, from, now) {
            return SignIn::Wait(wait);
        }
        let Some(user) = self.checked(name, password).await else { return SignIn::Wrong };
        locked(&self.0.tries).succeeded(name, from);
        self.begin(Who::User(user), headers)
    }

    /// Returns the user to whom name and password belong. An unknown name takes as long as a wrong password: the hash
    /// of another user is checked in its place.
    async fn checked(&self, name: &str, password: &str) -> Option<Arc<User>> {
        if password.len() > PASSWORD_BYTES_MAX {
            return None;
        }
        let (user, compared) = {
            let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
            let user = known.users.get(name).map(Arc::clone);
            let any = known.users.values().next().map(Arc::clone);
            (user.clone(), user.or(any)?)
        };
        let turn = Arc::clone(&self.0.checks).acquire_owned().await.ok()?;
        let (password, shared) = (password.to_owned(), Arc::clone(&self.0));
        let check = move || {
            // A browser that goes away does not end the check, so its turn is not over either.
            let _turn = turn;
            let mut memory = locked(&shared.memory).pop().unwrap_or_default();
            let fits = compared.hash.fits(&password, &mut memory);
            locked(&shared.memory).push(memory);
            fits
        };
        let fits = tokio::task::spawn_blocking(check).await.unwrap_or(false);
        user.filter(|_| fits)
    }

    /// Signs somebody in by the one-time link. Returns the cookie.
    pub(crate) fn redeem(&self, secret: &str, headers: &HeaderMap) -> Option<String> {
        let digest = Digest::of(secret);
        let now = self.0.clock.monotonic();
        let link = locked(&self.0.link).take_if(|link| link.digest.is(digest))?;
        match (link.until > now).then(|| self.begin(Who::Link(link.principal), headers))? {
            SignIn::Done(cookie) => Some(cookie),
            _ => None,
        }
    }

    /// Begins a session in place of the one that the request may have: an id that was planted is never taken over.
    fn begin(&self, who: Who, headers: &HeaderMap) -> SignIn {
        let Ok(id) = Secret::new() else { return SignIn::Failed };
        let now = self.0.clock.monotonic();
        let mut sessions = locked(&self.0.sessions);
        if let Some(old) = self.session_id(headers) {
            sessions.end(Digest::of(old));
        }
        sessions.begin(id.digest(), who, now);
        SignIn::Done(self.cookie(id.as_str()))
    }

    /// Ends the session of a request. Returns the cookie that takes its id away.
    pub(crate) fn sign_out(&self, headers: &HeaderMap) -> String {
        if let Some(id) = self.session_id(headers) {
            locked(&self.0.sessions).end(Digest::of(id));
        }
        format!("{}; Max-Age=0", self.cookie(""))
    }

    /// Returns who has a session.
    pub(crate) fn signed_in(&self, headers: &HeaderMap) -> Option<Principal> {
        let digest = Digest::of(self.session_id(headers)?);
        let now = self.0.clock.monotonic();
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut sessions = locked(&self.0.sessions);
        match sessions.touch(digest, now)? {
            Who::Link(principal) => Some(principal.clone()),
            Who::User(user) => match known.users.get(user.name.as_str()) {
                Some(current) if current == user => Some(user.principal()),
                _ => {
                    sessions.end(digest);
                    None
                }
            },
        }
    }

    /// The prefix has browsers refuse the cookie unless it came over TLS from this very host.
    fn cookie_name(&self) -> &'static str {
        if self.0.is_secure { "__Host-cdds_session" } else { "cdds_session" }
    }

    fn cookie(&self, value: &str) -> String {
        let secure = if self.0.is_secure { "; Secure" } else { "" };
        format!("{}={value}; HttpOnly; SameSite=Strict; Path=/{secure}", self.cookie_name())
    }

    fn session_id<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
        cookies
            .flat_map(|cookies| cookies.split(';'))
            .filter_map(|cookie| cookie.trim().split_once('='))
            .find_map(|(name, id)| (name == self.cookie_name()).then_some(id))
    }
}

#[async_trait]
impl Access for Accounts {
    async fn resolve(&self, request: &Parts) -> Result<Visitor, Denied> {
        if request.headers.contains_key(header::AUTHORIZATION) {
            return self.bearer(&request.headers).map(Visitor::new);
        }
        match self.signed_in(&request.headers) {
            Some(principal) => Ok(Visitor::new(principal).with_sign_out("logout")),
            None => Err(Denied::SignIn { at: Some(way_to_sign_in(request)) }),
        }
    }
}

/// Returns the console with its own users: `/login` and `/logout` beside all that [`router`](crate::router) has.
///
/// `access` asks `accounts`, perhaps with something of the host's around it.
pub fn router(services: Services, accounts: &Accounts, access: impl Access + 'static) -> Router {
    crate::assembled(services, Arc::new(access), pages::sign_in::routes(accounts.clone()))
}

/// Returns the sign-in page, which leads back to the page that was asked for.
fn way_to_sign_in(request: &Parts) -> String {
    let asked = request.uri.path_and_query().map_or("", |asked| asked.as_str());
    let page = asked.trim_start_matches('/');
    match request.method == Method::GET && !place::is_of_a_program(request.uri.path()) {
        true if is_page(page) => {
            let query = form_urlencoded::Serializer::new(String::new()).append_pair("to", page).finish();
            format!("login?{query}")
        }
        _ => "login".to_owned(),
    }
}

/// Returns whether a text is surely the address of a page below this one, and of nothing elsewhere.
pub(crate) fn is_page(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./?=&%+,~".contains(c);
    text.len() <= 512 && text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(is_plain)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// Plain values, each of which is replaced whole: a panic elsewhere leaves them usable.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
