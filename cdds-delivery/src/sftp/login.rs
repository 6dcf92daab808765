//! How a user is let in.

use std::sync::Arc;

use cdds_core::ports::destination::{DestinationError, DestinationErrorKind};
use russh::MethodKind;
use russh::client::{AuthResult, Handle, KeyboardInteractiveAuthResponse};
use russh::keys::{Error as KeyError, PrivateKey, PrivateKeyWithHashAlg, decode_secret_key};
use zeroize::Zeroizing;

use super::failure::{broken_off, refused};
use super::handshake::HostKeyCheck;
use crate::secret::{Secret, SecretError};

/// Rounds of questions that are answered before a server is given up: one for the password, one that only tells.
const ROUNDS_MAX: usize = 4;

/// The user, and where its secrets are.
#[derive(Debug, Clone)]
pub(super) struct Login {
    pub(super) user: String,
    pub(super) password: Option<Secret>,
    pub(super) key: Option<Secret>,
    pub(super) passphrase: Option<Secret>,
}

/// The secrets of one connection.
pub(super) struct Credentials {
    user: String,
    password: Option<Zeroizing<String>>,
    key: Option<Arc<PrivateKey>>,
}

impl Login {
    /// Reads the secrets. Files may be slow, and passphrases take time on purpose, so a thread for blocking calls
    /// does it.
    pub(super) async fn read(&self) -> Result<Credentials, DestinationError> {
        let login = self.clone();
        let read = tokio::task::spawn_blocking(move || login.read_now()).await;
        read.map_err(|why| {
            DestinationError::with_source(DestinationErrorKind::Unavailable, "no secret read", why)
        })?
    }

    fn read_now(self) -> Result<Credentials, DestinationError> {
        let read = |secret: &Option<Secret>| {
            secret.as_ref().map(Secret::read).transpose().map_err(|why| missing(&why))
        };
        let (password, passphrase) = (read(&self.password)?, read(&self.passphrase)?);
        let key = match &self.key {
            Some(place) => {
                let text = place.read().map_err(|why| missing(&why))?;
                Some(Arc::new(load(&text, passphrase.as_ref().map(|p| p.as_str()), place)?))
            }
            None => None,
        };
        if key.is_none() && password.is_none() {
            return Err(refused("the destination has neither password nor key: configure one of them"));
        }
        Ok(Credentials { user: self.user, password, key })
    }
}

fn missing(why: &SecretError) -> DestinationError {
    refused(why.to_string())
}

/// Loads a private key. Errors hold nothing of it.
fn load(text: &str, passphrase: Option<&str>, place: &Secret) -> Result<PrivateKey, DestinationError> {
    let rsa = || {
        refused(format!(
            "the private key in {place} is an RSA key, which is not supported: make an Ed25519 key by \
             `ssh-keygen -t ed25519`, and give its public part to the server's operators"
        ))
    };
    match decode_secret_key(text, passphrase) {
        Ok(key) if key.algorithm().is_rsa() => Err(rsa()),
        Ok(key) => Ok(key),
        Err(KeyError::UnsupportedKeyType { key_type_string, .. }) if key_type_string == "RSA" => Err(rsa()),
        Err(_) if passphrase.is_none() => Err(refused(format!(
            "the private key in {place} cannot be read: use an Ed25519 or ECDSA key as `ssh-keygen` makes it, and \
             configure its passphrase if it has one"
        ))),
        Err(_) => Err(refused(format!(
            "the private key in {place} cannot be read with its passphrase: check the passphrase, and use an Ed25519 \
             or ECDSA key as `ssh-keygen` makes it"
        ))),
    }
}

impl Credentials {
    /// Signs in: with the key, then with the password.
    pub(super) async fn sign_in(
        self,
        ssh: &mut Handle<HostKeyCheck>,
        place: &str,
    ) -> Result<(), DestinationError> {
        let mut offered = Vec::new();
        if let Some(key) = &self.key {
            let key = PrivateKeyWithHashAlg::new(Arc::clone(key), None);
            let tried = ssh.authenticate_publickey(&self.user, key).await;
            match tried.map_err(|why| broken_off(place, why))? {
                AuthResult::Success => return Ok(()),
                AuthResult::Failure { remaining_methods, .. } => offered = remaining_methods.to_vec(),
            }
        }
        if let Some(password) = &self.password {
            let tried = ssh.authenticate_password(&self.user, password.as_str()).await;
            match tried.map_err(|why| broken_off(place, why))? {
                AuthResult::Success => return Ok(()),
                AuthResult::Failure { remaining_methods, .. } => offered = remaining_methods.to_vec(),
            }
            if offered.contains(&MethodKind::KeyboardInteractive)
                && !offered.contains(&MethodKind::Password)
                && self.answer(ssh, password).await.map_err(|why| broken_off(place, why))?
            {
                return Ok(());
            }
        }
        if ssh.is_closed() {
            return Err(broken_off(place, russh::Error::Disconnect));
        }
        Err(self.not_let_in(place, &offered))
    }

    /// Answers questions with the password. Returns whether the user was let in.
    async fn answer(&self, ssh: &mut Handle<HostKeyCheck>, password: &str) -> Result<bool, russh::Error> {
        let mut asked = ssh.authenticate_keyboard_interactive_start(&self.user, None).await?;
        for _ in 0..ROUNDS_MAX {
            match asked {
                KeyboardInteractiveAuthResponse::Success => return Ok(true),
                KeyboardInteractiveAuthResponse::Failure { .. } => return Ok(false),
                KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. } => {
                    let answers = prompts.iter().map(|_| password.to_owned()).collect();
                    asked = ssh.authenticate_keyboard_interactive_respond(answers).await?;
                }
            }
        }
        Ok(false)
    }

    fn not_let_in(&self, place: &str, offered: &[MethodKind]) -> DestinationError {
        let used = match (&self.key, &self.password) {
            (Some(_), Some(_)) => "key and password",
            (Some(_), None) => "key",
            (None, _) => "password",
        };
        let offered: Vec<&str> = offered.iter().map(<&str>::from).collect();
        let offered = if offered.is_empty() { "nothing else".to_owned() } else { offered.join(", ") };
        refused(format!(
            "{place} does not let the user {user} in with its {used} (it offers {offered}): check both, and ask the \
             server's operators",
            user = self.user
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(login: Login) -> String {
        login.read_now().err().map(|error| error.report()).unwrap_or_default()
    }

    fn with_key(text: &'static str) -> Login {
        let key = Some(Secret::ask(move || Ok(text.to_owned())));
        Login { user: "cdds".to_owned(), password: None, key, passphrase: None }
    }

    #[test]
    fn keys_that_cannot_be_used_are_refused_when_they_are_read() {
        let rsa = "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----";
        assert!(told(with_key(rsa)).contains("RSA key, which is not supported"), "{}", told(with_key(rsa)));
        let junk = told(with_key("s3cret"));
        assert!(junk.contains("cannot be read") && !junk.contains("s3cret"), "{junk}");
        let none = Login { key: None, ..with_key("") };
        assert!(told(none).contains("neither password nor key"));
    }
}
