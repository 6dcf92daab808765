//! Encryption of the content key for an RSA recipient: PKCS #1 v1.5 (RFC 3370 section 4.2.1) or OAEP (RFC
//! 3560, parameters from RFC 4055 section 4.1).

mod decrypt;
mod encrypt;

#[cfg(test)]
pub(crate) use decrypt::OaepHash;
pub(crate) use decrypt::{EncryptedKey, KeyTransport};
pub(crate) use encrypt::Padding;
