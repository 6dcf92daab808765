//! The recipient's private key, as OpenSSL and others store it.

mod certificate;
mod definite;
mod derivation;
mod encryption;
pub(crate) mod other;
mod pkcs12;

use std::fmt;

use aws_lc_rs::rsa::PrivateDecryptingKey;
use zeroize::Zeroizing;

pub(crate) use self::certificate::OwnCertificate;
use crate::armor::{self, Block};
use crate::ber::{self, INTEGER, OCTET_STRING, OID, SEQUENCE};
use crate::key_transport::EncryptedKey;
use crate::oids;
use crate::open::OpenError;

/// An RSA private key of 2048 to 8192 bits that opens sealed files.
///
/// It is wiped when dropped; `Debug` shows nothing of it.
pub struct PrivateKey {
    key: PrivateDecryptingKey,
    certificate: Option<OwnCertificate>,
}

impl PrivateKey {
    /// Reads a key in PKCS#8 (`BEGIN PRIVATE KEY`) or PKCS#1 (`BEGIN RSA PRIVATE KEY`) form, PEM or DER, or
    /// in PKCS#12 form with an empty passphrase. A PEM file may contain certificates as well; they are
    /// ignored.
    ///
    /// # Errors
    /// [`OpenError::PassphraseNeeded`] if [`with_passphrase`](Self::with_passphrase) may read it, and
    /// [`OpenError::PrivateKey`] if there is no key, more than one, or one of another algorithm or size; the
    /// message says what to do.
    pub fn from_bytes(encoded: &[u8]) -> Result<Self, OpenError> {
        Self::read(encoded, None)
    }

    /// Reads a key in any form that [`from_bytes`](Self::from_bytes) reads, and in forms that a passphrase
    /// protects: encrypted PKCS#8 (`BEGIN ENCRYPTED PRIVATE KEY`, PEM or DER; AES or triple DES, by PBKDF2 or
    /// scrypt), and PKCS#12 (`.p12`, `.pfx`, also as PEM) that holds one private key. For an unprotected key
    /// the passphrase is ignored. An empty passphrase is tried in both of its PKCS#12 forms (RFC 7292
    /// appendix B).
    ///
    /// The work that a file can demand is bounded: ten million rounds of PBKDF2, 256 MiB of scrypt.
    ///
    /// # Errors
    /// [`OpenError::WrongPassphrase`], and [`OpenError::PrivateKey`] as for `from_bytes`, or if the file is
    /// protected in another way or demands too much work.
    pub fn with_passphrase(encoded: &[u8], passphrase: &str) -> Result<Self, OpenError> {
        Self::read(encoded, Some(passphrase))
    }

    /// Ties the key to its certificate (PEM or DER; its validity does not matter), for programs that open
    /// files from strangers unattended.
    ///
    /// An untied key is tried with every recipient of a file, and [`OpenReader::new`](crate::OpenReader::new)
    /// reports at once if it fits none. That helps the key's owner, but an attacker who may ask a million
    /// times learns from such answers what was encrypted for the key (RFC 3218). A tied key is tried only
    /// with the recipient that the file names by the certificate, and a content key that cannot be decrypted
    /// is replaced by a random one. The fault then shows only at the end of the content, like every other
    /// fault in it.
    ///
    /// # Errors
    /// [`OpenError::PrivateKey`] if the certificate cannot be used or belongs to another key.
    pub fn with_certificate(self, certificate: &[u8]) -> Result<Self, OpenError> {
        let certificate = OwnCertificate::read(certificate, &self.key).map_err(refused)?;
        Ok(Self { certificate: Some(certificate), ..self })
    }

    fn read(encoded: &[u8], passphrase: Option<&str>) -> Result<Self, OpenError> {
        let blocks = armor::blocks(encoded)
            .map_err(|why| refused(format!("the private key is not a whole PEM file: {why}")))?;
        if blocks.is_empty() {
            return Self::from_der(encoded, passphrase);
        }
        let mut keys = blocks.iter().filter(|block| block.is_private_key() || block.is_pkcs12());
        match (keys.next(), keys.next()) {
            (Some(key), None) => Self::from_pem(key, passphrase),
            (Some(_), Some(_)) => Err(refused("there is more than one private key here: supply only one")),
            (None, _) => {
                let label = blocks.first().map_or("", |block| block.label.as_str());
                Err(refused(other::pem(label).unwrap_or_else(|| {
                    format!("there is no private key here, but {label:?}: supply the file that belongs to the certificate")
                })))
            }
        }
    }

    fn from_pem(block: &Block, passphrase: Option<&str>) -> Result<Self, OpenError> {
        if let Some(what) = other::pem(&block.label) {
            return Err(refused(what));
        }
        match block.label.as_str() {
            _ if block.is_pkcs12() => Self::from_der(&block.der, passphrase),
            _ if block.encrypted => Err(encrypted_by_pem()),
            "ENCRYPTED PRIVATE KEY" => Self::from_encrypted(&block.der, passphrase),
            "PRIVATE KEY" => Self::from_pkcs8(&block.der),
            "RSA PRIVATE KEY" => Self::from_pkcs1(&block.der),
            label => {
                Err(refused(format!("the private key is of another kind ({label}): an RSA key is needed")))
            }
        }
    }

    fn from_der(encoded: &[u8], passphrase: Option<&str>) -> Result<Self, OpenError> {
        match ber::contents(encoded) {
            // PrivateKeyInfo, RFC 5208 section 5, and OneAsymmetricKey, RFC 5958 section 2.
            Some([INTEGER, 1, 0 | 1, SEQUENCE, ..]) => Self::from_pkcs8(encoded),
            // RSAPrivateKey, RFC 8017 appendix A.1.2: two primes.
            Some([INTEGER, 1, 0, INTEGER, ..]) => Self::from_pkcs1(encoded),
            // PFX, RFC 7292 section 4.
            Some([INTEGER, 1, 3, SEQUENCE, ..]) => Self::from_pkcs12(encoded, passphrase),
            // EncryptedPrivateKeyInfo, RFC 5208 section 6; certificates too begin with two SEQUENCEs.
            Some([SEQUENCE, ..]) if ber::is_encrypted_private_key(encoded) => {
                Self::from_encrypted(encoded, passphrase)
            }
            _ => match armor::bare_base64(encoded) {
                Some(der) => Self::from_der(&der, passphrase),
                None => Err(refused(other::file(encoded))),
            },
        }
    }

    /// Many files have an empty passphrase, so it is tried before anybody is asked for one.
    fn from_pkcs12(encoded: &[u8], passphrase: Option<&str>) -> Result<Self, OpenError> {
        let key = match (pkcs12::private_key(encoded, passphrase.unwrap_or_default()), passphrase) {
            (Err(OpenError::WrongPassphrase), None) => Err(OpenError::PassphraseNeeded),
            (read, _) => read,
        };
        Self::from_pkcs8(&key?)
    }

    fn from_encrypted(der: &[u8], passphrase: Option<&str>) -> Result<Self, OpenError> {
        let passphrase = passphrase.ok_or(OpenError::PassphraseNeeded)?;
        Self::from_pkcs8(&encryption::decrypt(der, passphrase)?)
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self, OpenError> {
        if let Some(what) = other::of_private_key_info(der) {
            return Err(refused(what));
        }
        let key = PrivateDecryptingKey::from_pkcs8(der).map_err(|error| unusable(&error))?;
        Ok(Self { key, certificate: None })
    }

    /// RFC 5208 section 5: a version, an algorithm, and the PKCS#1 form in an OCTET STRING.
    fn from_pkcs1(der: &[u8]) -> Result<Self, OpenError> {
        let oid = oids::RSA_ENCRYPTION.as_bytes();
        let mut algorithm = Vec::new();
        ber::put_header(&mut algorithm, OID, oid.len());
        algorithm.extend_from_slice(oid);
        algorithm.extend_from_slice(&ber::NULL);

        // Reserve the size up front: a growing buffer would leave copies of the key behind.
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

    /// Size of a content key that is encrypted for this key, in bytes.
    pub(crate) fn encrypted_bytes(&self) -> usize {
        self.key.key_size_bytes()
    }

    /// Returns the certificate that the key is tied to.
    pub(crate) fn certificate(&self) -> Option<&OwnCertificate> {
        self.certificate.as_ref()
    }

    /// Returns the part's key if it was encrypted for this private key. Its length is not checked against the
    /// cipher yet.
    pub(crate) fn unwrap_key(&self, encrypted: &EncryptedKey) -> Option<Zeroizing<Vec<u8>>> {
        encrypted.decrypt(&self.key).ok()
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

/// OpenSSL's format from before version 1.1, with MD5 (RFC 1421 headers).
fn encrypted_by_pem() -> OpenError {
    refused(
        "the private key is protected by a passphrase in an old format, which is not supported: convert it \
         with 'openssl pkcs8 -topk8 -v2 aes256 -in FILE -out key.pem'",
    )
}

fn unusable(error: &impl fmt::Display) -> OpenError {
    refused(format!("the private key cannot be used ({error}): an RSA key of 2048 to 8192 bits is needed"))
}
