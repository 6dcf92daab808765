//! Keys of endpoints, and the signatures that they make.
//!
//! Standard Webhooks 1.0.0: `v1` is HMAC-SHA256 with a key of 24 to 64 bytes, written `whsec_` and base64; `v1a` is
//! Ed25519 with a private key `whsk_` and base64, whose public half is written `whpk_`.

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64ct::{Base64, Encoding};
use zeroize::Zeroizing;

use crate::secret::{Secret, SecretError};

/// A key that cannot be used. Names its place and nothing of the key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// It cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// It is of neither kind.
    #[error("the key of {place} begins with neither whsec_ nor whsk_: write the kind before it")]
    Kind {
        /// Where it is.
        place: String,
    },
    /// It is not base64.
    #[error(
        "the key of {place} is not base64 after its kind: write it with the letters A-Z a-z 0-9 + / and ="
    )]
    Base64 {
        /// Where it is.
        place: String,
    },
    /// It is too short or too long.
    #[error("the key of {place} has {bytes} bytes: {remedy}")]
    Length {
        /// Where it is.
        place: String,
        /// Its length in bytes.
        bytes: usize,
        /// The lengths that it may have.
        remedy: &'static str,
    },
    /// Its two halves are not of one key.
    #[error("the private key of {place} does not fit the public one beside it: give its 32 bytes alone")]
    Halves {
        /// Where it is.
        place: String,
    },
}

/// A key that signs.
pub(super) enum Key {
    Shared(Box<hmac::Key>),
    Private(Box<Ed25519KeyPair>),
}

impl Key {
    pub(super) fn read(secret: &Secret) -> Result<Self, KeyError> {
        let text = secret.read()?;
        let text = text.trim();
        if let Some(text) = text.strip_prefix("whsec_") {
            let bytes = decode(text, secret)?;
            if !(24..=64).contains(&bytes.len()) {
                return Err(length(secret, &bytes, "a whsec_ key has 24 to 64"));
            }
            return Ok(Self::Shared(Box::new(hmac::Key::new(hmac::HMAC_SHA256, &bytes))));
        }
        let text = text.strip_prefix("whsk_").ok_or_else(|| KeyError::Kind { place: secret.to_string() })?;
        let bytes = decode(text, secret)?;
        let halves = |_| KeyError::Halves { place: secret.to_string() };
        // Some libraries write the seed alone, others the public half behind it.
        let pair = match bytes.len() {
            32 => Ed25519KeyPair::from_seed_unchecked(&bytes).map_err(halves)?,
            64 => Ed25519KeyPair::from_seed_and_public_key(&bytes[..32], &bytes[32..]).map_err(halves)?,
            _ => return Err(length(secret, &bytes, "a whsk_ key has 32, or 64 with its public half")),
        };
        Ok(Self::Private(Box::new(pair)))
    }

    /// Returns the signature of `content` as the header `webhook-signature` lists it.
    pub(super) fn sign(&self, content: &[u8]) -> String {
        match self {
            Self::Shared(key) => format!("v1,{}", Base64::encode_string(hmac::sign(key, content).as_ref())),
            Self::Private(pair) => format!("v1a,{}", Base64::encode_string(pair.sign(content).as_ref())),
        }
    }

    /// Returns the public half, which receivers need, if it has one.
    pub(super) fn public(&self) -> Option<String> {
        match self {
            Self::Shared(_) => None,
            Self::Private(pair) => {
                Some(format!("whpk_{}", Base64::encode_string(pair.public_key().as_ref())))
            }
        }
    }
}

fn decode(text: &str, secret: &Secret) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let bytes = Base64::decode_vec(text).map_err(|_| KeyError::Base64 { place: secret.to_string() })?;
    Ok(Zeroizing::new(bytes))
}

fn length(secret: &Secret, bytes: &[u8], remedy: &'static str) -> KeyError {
    KeyError::Length { place: secret.to_string(), bytes: bytes.len(), remedy }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        let text = text.to_owned();
        Secret::ask(move || Ok(text.clone()))
    }

    fn refused(text: &str) -> String {
        let Err(why) = Key::read(&secret(text)) else { panic!("{text} was taken") };
        why.to_string()
    }

    #[test]
    fn n9_the_signature_is_the_one_of_the_specification() {
        // The example of the specification's reference libraries.
        let key = Key::read(&secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")).unwrap();
        let content = b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{\"test\": 2432232314}";
        assert_eq!(key.sign(content), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(key.public(), None);
    }

    #[test]
    fn n9_a_private_key_may_have_its_public_half_behind_it() {
        let seed = [7_u8; 32];
        let alone = Key::read(&secret(&format!("whsk_{}", Base64::encode_string(&seed)))).unwrap();
        let public = alone.public().unwrap();
        let half = Base64::decode_vec(public.strip_prefix("whpk_").unwrap()).unwrap();
        let both = Base64::encode_string(&[&seed[..], &half].concat());
        let both = Key::read(&secret(&format!("whsk_{both}\n"))).unwrap();
        assert_eq!((both.sign(b"x"), both.public()), (alone.sign(b"x"), Some(public)));
        let torn = Base64::encode_string(&[&seed[..], &[9; 32]].concat());
        assert!(refused(&format!("whsk_{torn}")).contains("does not fit"));
    }

    #[test]
    fn n9_keys_that_are_none_are_refused_without_being_shown() {
        let short = Base64::encode_string(&[7; 23]);
        let long = Base64::encode_string(&[7; 65]);
        for (text, told) in [
            (short.clone(), "begins with neither"),
            (format!("whsec_{short}"), "has 23 bytes"),
            (format!("whsec_{long}"), "has 65 bytes"),
            (format!("whsk_{short}"), "has 23 bytes"),
            (format!("whsec_{short}!"), "not base64"),
        ] {
            let why = refused(&text);
            assert!(why.contains(told) && why.contains("the host"), "{why}");
            assert!(!why.contains(&short) && !why.contains(&long), "{why}");
        }
    }
}
