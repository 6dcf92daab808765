//! Who a request comes from, and what they may do: the host decides.

use std::fmt;

use async_trait::async_trait;
use cdds_core::Principal;
use http::request::Parts;

/// Resolves who sent a request.
///
/// Nobody is let in until the host says who they are. The services of the core check every call by the
/// [principal](Visitor::principal) (rule C1), so that no page and no route can forget to.
///
/// ```
/// use cdds_console::access::{Denied, Visitor, by_request};
/// use cdds_core::{Owner, Principal, PrincipalName, Role};
///
/// // The host's own middleware has put the signed-in user into the request.
/// #[derive(Clone)]
/// struct User { name: String, tenant: Owner }
///
/// let access = by_request(|request| {
///     let user: &User = request.extensions.get().ok_or(Denied::sign_in())?;
///     let name = PrincipalName::new(user.name.clone()).map_err(|_| Denied::Forbidden)?;
///     Ok(Visitor::new(Principal::new(name, user.tenant.clone(), Role::Operator)))
/// });
/// # let _: &dyn cdds_console::Access = &access;
/// ```
#[async_trait]
pub trait Access: fmt::Debug + Send + Sync {
    /// Returns who sent the request. It is asked once a request, and again from time to time while a page is kept up
    /// to date, so that what it shows ends with the session.
    ///
    /// # Errors
    /// [`Denied`] if nobody is signed in, or if they may not use the console.
    async fn resolve(&self, request: &Parts) -> Result<Visitor, Denied>;
}

/// Somebody who was let in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Visitor {
    /// On whose behalf the services are called, and what they allow.
    pub principal: Principal,
    /// Where the page's button "Sign out" posts to; `None` shows no such button. A path is taken from the root of the
    /// console: `logout`.
    pub sign_out: Option<String>,
}

impl Visitor {
    /// Creates a visitor whom the console cannot sign out.
    pub fn new(principal: Principal) -> Self {
        Self { principal, sign_out: None }
    }

    /// Shows a button that signs out.
    #[must_use]
    pub fn with_sign_out(self, at: impl Into<String>) -> Self {
        Self { sign_out: Some(at.into()), ..self }
    }
}

/// Why somebody is not let in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Denied {
    /// They have to sign in first. The answer of the API is 401.
    SignIn {
        /// Where a browser is sent; `None` shows a page that says so. A path is taken from the root of the console:
        /// `login`.
        at: Option<String>,
    },
    /// They are known, but may not use the console. The answer is 403.
    Forbidden,
    /// It cannot be found out at the moment. The answer is 503.
    Unavailable,
    /// They have asked too often. The answer is 429.
    TooMany {
        /// After how many seconds they may ask again.
        retry_after: u64,
    },
}

impl Denied {
    /// Asks them to sign in, without saying where.
    pub const fn sign_in() -> Self {
        Self::SignIn { at: None }
    }
}

/// Makes access of a function of the request: of its headers, or of what the host's own middleware put into its
/// extensions.
pub fn by_request<F>(resolve: F) -> impl Access
where
    F: Fn(&Parts) -> Result<Visitor, Denied> + Send + Sync,
{
    ByRequest(resolve)
}

struct ByRequest<F>(F);

impl<F> fmt::Debug for ByRequest<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ByRequest")
    }
}

#[async_trait]
impl<F> Access for ByRequest<F>
where
    F: Fn(&Parts) -> Result<Visitor, Denied> + Send + Sync,
{
    async fn resolve(&self, request: &Parts) -> Result<Visitor, Denied> {
        (self.0)(request)
    }
}
