//! The recipient's private key, as OpenSSL and others store it.

use std::fmt;

use aws_lc_rs::rsa::PrivateDecryptingKey;
use zeroize::Zeroizing;

use crate::armor::{self, Block};
use crate::ber::{self, INTEGER, OCTET_STRING, OID, SEQUENCE};
use crate::key_transport::EncryptedKey;
use crate::oids;
use crate::open::OpenError;

/// An RSA private key of 2048 to 8192 bits that opens sealed files.
///
/// It is wiped when dropped; `Debug` shows nothing of it.
pub struct PrivateKey(PrivateDecryptingKey);

impl PrivateKey {
    /// Reads a key in PKCS#8 (`BEGIN PRIVATE KEY`) or PKCS#1 (`BEGIN RSA PRIVATE KEY`) form, PEM or DER.
    /// A PEM file may hold certificates as well; they are ignored.
    ///
    /// # Errors
    /// [`OpenError::PrivateKey`] if there is no such key, more than one, one of another algorithm or size,
    /// or an encrypted one; the message says how to convert it.
    pub fn from_bytes(encoded: &[u8]) -> Result<Self, OpenError> {
        let blocks = armor::blocks(encoded)
            .map_err(|why| refused(format!("the private key is not a whole PEM file: {why}")))?;
        if blocks.is_empty() {
            return Self::from_der(encoded);
        }
        let mut keys = blocks.iter().filter(|block| block.is_private_key());
        match (keys.next(), keys.next()) {
            (Some(key), None) => Self::from_pem(key),
            (Some(_), Some(_)) => Err(refused("there is more than one private key here: supply only one")),
            (None, _) => Err(refused(format!(
                "there is no private key here, but {:?}: supply the file that belongs to the certificate",
                blocks.first().map_or("", |block| block.label.as_str())
            ))),
        }
    }

    fn from_pem(block: &Block) -> Result<Self, OpenError> {
        match block.label.as_str() {
            _ if block.encrypted => Err(encrypted()),
            "ENCRYPTED PRIVATE KEY" => Err(encrypted()),
            "PRIVATE KEY" => Self::from_pkcs8(&block.der),
            "RSA PRIVATE KEY" => Self::from_pkcs1(&block.der),
            label => {
                Err(refused(format!("the private key is of another kind ({label}): an RSA key is needed")))
            }
        }
    }

    fn from_der(encoded: &[u8]) -> Result<Self, OpenError> {
        match ber::contents(encoded) {
            // PrivateKeyInfo, RFC 5208 section 5, and OneAsymmetricKey, RFC 5958 section 2.
            Some([INTEGER, 1, 0 | 1, SEQUENCE, ..]) => Self::from_pkcs8(encoded),
            // RSAPrivateKey, RFC 8017 appendix A.1.2: two primes.
            Some([INTEGER, 1, 0, INTEGER, ..]) => Self::from_pkcs1(encoded),
            // PFX, RFC 7292 section 4.
            Some([INTEGER, 1, 3, SEQUENCE, ..]) => Err(refused(
                "this is a PKCS#12 file: take the key out of it with \
                 'openssl pkcs12 -in FILE -nocerts -noenc -out key.pem'",
            )),
            // EncryptedPrivateKeyInfo, RFC 5208 section 6; certificates too begin with two SEQUENCEs.
            Some([SEQUENCE, ..]) if ber::is_encrypted_private_key(encoded) => Err(encrypted()),
            _ => Err(refused(
                "there is no RSA private key here: supply one in PKCS#8 or PKCS#1 form, PEM or DER",
            )),
        }
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self, OpenError> {
        PrivateDecryptingKey::from_pkcs8(der).map(Self).map_err(|error| unusable(&error))
    }

    /// RFC 5208 section 5: a version, an algorithm, and the PKCS#1 form in an OCTET STRING.
    fn from_pkcs1(der: &[u8]) -> Result<Self, OpenError> {
        let oid = oids::RSA_ENCRYPTION.as_bytes();
        let mut algorithm = Vec::new();
        ber::put_header(&mut algorithm, OID, oid.len());
        algorithm.extend_from_slice(oid);
        algorithm.extend_from_slice(&ber::NULL);

        // Reserved at once: growing would leave copies of the key behind.
        let mut info = Zeroizing::new(Vec::with_capacity(der.len().saturating_add(64)));
        info.extend_from_slice(&[INTEGER, 1, 0]);
        ber::put_header(&mut *info, SEQUENCE, algorithm.len());
        info.extend_from_slice(&algorithm);
        ber::put_header(&mut *info, OCTET_STRING, der.len());
        info.extend_from_slice(der);

        let mut pkcs8 = Zeroizing::new(Vec::with_capacity(info.len().saturating_add(16)));
        ber::put_header(&mut *pkcs8, SEQUENCE, info.len());
        pkcs8.extend_from_slice(&info);
        Self::from_pkcs8(&pkcs8)
    }

    /// Size of the keys encrypted for this one, bytes.
    pub(crate) fn encrypted_bytes(&self) -> usize {
        self.0.key_size_bytes()
    }

    /// A part's key, if it was encrypted for this private key; not yet known to be a key of its cipher.
    pub(crate) fn unwrap_key(&self, encrypted: &EncryptedKey) -> Option<Zeroizing<Vec<u8>>> {
        encrypted.decrypt(&self.0).ok()
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey")
    }
}

fn refused(reason: impl Into<String>) -> OpenError {
    OpenError::PrivateKey { reason: reason.into() }
}

fn encrypted() -> OpenError {
    refused(
        "the private key is protected by a passphrase: \
         decrypt it first with 'openssl pkey -in FILE -out key.pem', and delete key.pem afterwards",
    )
}

fn unusable(error: &impl fmt::Display) -> OpenError {
    refused(format!("the private key cannot be used ({error}): an RSA key of 2048 to 8192 bits is needed"))
}
