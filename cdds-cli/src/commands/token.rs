//! `cdds token …`: tokens by which programs call the API.

use cdds_console::accounts::Token;
use cdds_core::domain::access::{PrincipalName, Role};
use cdds_core::domain::id::Owner;
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::Deleted;
use super::listed::print_all;
use crate::args::{Columns, Moment, TokenCommand};
use crate::error::{CliError, shown};
use crate::output::{Cell, View};
use crate::serve::tokens::TokenFile;
use crate::session::Session;

pub(super) fn carry_out(command: TokenCommand, session: &Session) -> Result<(), CliError> {
    let file = TokenFile::beside(session.config()?.catalog.beside());
    match command {
        TokenCommand::Create { role, name, expires } => create(&file, &role, name, expires, session),
        TokenCommand::List(shown) => list(&file, &shown, session),
        TokenCommand::Revoke { id } => revoke(&file, &id, session),
    }
}

/// The headings of the list.
pub(super) const COLUMNS: &[&str] = &["id", "name", "role", "created", "expires"];

/// A new token, with its text.
#[derive(Debug, Serialize)]
struct Created<'a> {
    token: &'a str,
    #[serde(flatten)]
    view: TokenView,
}

/// A token as lists show it.
#[derive(Debug, Serialize)]
struct TokenView {
    id: String,
    name: String,
    owner: String,
    role: &'static str,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
}

impl From<&Token> for TokenView {
    fn from(token: &Token) -> Self {
        Self {
            id: token.id().to_string(),
            name: token.name.to_string(),
            owner: token.owner.to_string(),
            role: token.role.as_str(),
            created_at: token.created_at,
            expires_at: token.expires_at,
        }
    }
}

impl View for TokenView {
    const COLUMNS: &'static [&'static str] = COLUMNS;
    const GIVES_WAY: &'static [&'static str] = &["created"];

    fn row(&self) -> Vec<Cell> {
        vec![
            Cell::Whole(self.id.clone()),
            self.name.as_str().into(),
            Cell::Word(self.role),
            self.created_at.into(),
            self.expires_at.into(),
        ]
    }

    fn details(&self) -> Vec<(&'static str, Cell)> {
        Self::COLUMNS.iter().copied().zip(self.row()).collect()
    }
}

fn create(
    file: &TokenFile,
    role: &str,
    name: String,
    expires: Option<Moment>,
    session: &Session,
) -> Result<(), CliError> {
    let owner: Owner = session.principal.owner.clone();
    let role =
        Role::parse(role).ok_or_else(|| CliError::usage(format!("there is no role {}", shown(role))))?;
    let now = session.clock.now();
    let expires_at = expires.map(|expires| expires.at(now));
    if expires_at.is_some_and(|at| at <= now) {
        return Err(CliError::usage("--expires is not in the future: choose a later instant"));
    }
    let created = Token::create(PrincipalName::new(name)?, owner, role, now);
    let (token, text) = created.map_err(|why| CliError::failed("no_randomness", why.to_string()))?;
    let token = token.with_expires_at(expires_at);
    let view = TokenView::from(&token);
    file.change(|tokens| tokens.push(token))?;
    Ok(session.output.outcome(&Created { token: &text, view }, &text)?)
}

fn list(file: &TokenFile, shown: &Columns, session: &Session) -> Result<(), CliError> {
    let tokens = file.read()?;
    let own = tokens.iter().filter(|token| token.owner == session.principal.owner);
    let views: Vec<TokenView> = own.map(TokenView::from).collect();
    print_all(session, shown, &views, "no tokens yet: make one with `cdds token create`")
}

fn revoke(file: &TokenFile, id: &str, session: &Session) -> Result<(), CliError> {
    let owner = &session.principal.owner;
    let is_it = |token: &Token| token.owner == *owner && token.id().to_string() == id;
    let mut is_revoked = false;
    file.change(|tokens| {
        let before = tokens.len();
        tokens.retain(|token| !is_it(token));
        is_revoked = tokens.len() < before;
    })?;
    if !is_revoked {
        return Err(CliError::no_token(id));
    }
    Deleted::new("token", [id]).show(session)
}
